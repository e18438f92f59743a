# SPDX-License-Identifier: BSD-3-Clause
"""A class of invented teachers on a real hub: everybody is accounted for, also when the grader is killed."""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from labroom.tools.invented_teachers import PARTS, answer, invent_class, spoil

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "courses/matter-energy/source/boiling-tibet/boiling-tibet.ipynb"


def test_a_class_of_ten_plays_every_part_and_is_the_same_every_time() -> None:
    teachers = invent_class(len(PARTS))
    assert {teacher.part.name for teacher in teachers} == {part.name for part in PARTS}
    assert teachers == invent_class(len(PARTS))
    assert {teacher.language for teacher in teachers} == {"zh", "en"}
    names = [teacher.name for teacher in invent_class(300)]
    assert len(set(names)) == 300


@pytest.mark.parametrize("how", ["right", "wrong", "partly", "crash", "loop", "blank"])
def test_answers_change_only_cells_that_a_learner_may_write_in(how: str) -> None:
    source = nbformat.read(SOURCE, as_version=4)
    answered = answer(source, source, how)
    changed = [
        before["metadata"].get("nbgrader", {}).get("solution", False)
        for before, after in zip(source["cells"], answered["cells"], strict=True)
        if before["source"] != after["source"]
    ]
    assert changed or how == "blank"
    assert all(changed)


def test_an_unknown_way_to_answer_is_refused() -> None:
    notebook = nbformat.read(SOURCE, as_version=4)
    with pytest.raises(ValueError, match="right, blank"):
        answer(notebook, notebook, "sideways")


def test_spoiled_code_defines_the_same_names_with_other_values() -> None:
    right: dict[str, object] = {}
    wrong: dict[str, object] = {}
    solution = "x, y = 1, 2\ndef f(a):\n    return a"
    exec(solution, right)
    exec(spoil(solution), wrong)
    assert set(right) == set(wrong)
    assert wrong["x"] != right["x"]
    assert wrong["f"](3) != 3  # type: ignore[operator]


def test_a_lab_that_is_not_there_is_named() -> None:
    asked = [sys.executable, "-m", "labroom.tools", "rehearse", "--lab", "none"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 1
    assert "there are: boiling-tibet" in said.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twelve_teachers_are_all_accounted_for_though_the_grader_is_killed(tmp_path: Path) -> None:
    asked = [
        *(sys.executable, "-m", "labroom.tools", "rehearse", "--people", "12", "--kill-grader"),
        *("--data", str(tmp_path / "rehearsal"), "--json", str(tmp_path / "account.json")),
    ]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, cwd=ROOT)
    assert said.returncode == 0, said.stdout + said.stderr
    account = json.loads((tmp_path / "account.json").read_text(encoding="utf-8"))
    assert account["ok"]
    assert account["handed_in"] == account["graded"] + account["named"] == 11
    outcomes = {row["part"]: row["outcome"] for row in account["teachers"]}
    assert outcomes["crash"] == outcomes["loop"] == "learner-failed"
    scores = {row["part"]: row["score"] for row in account["teachers"]}
    assert scores["right"] == scores["late"] == scores["twice"] == scores["spoiler"] == 10
    assert scores["blank"] == scores["wrong"] == 0
    assert 0 < scores["partly"] < 10
    assert all(row["feedback_seen"] for row in account["teachers"] if row["receipts"])
