# SPDX-License-Identifier: BSD-3-Clause
"""Grading with real nbgrader and the real sandbox: hostile submissions, equality with nbgrader, crashes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from grading_course import (
    CONFIG,
    LAB,
    LABROOM,
    Expected,
    all_expected,
    edit_notebook,
    gradebook_scores,
    hand_in,
    hand_in_expected,
    labroom,
    make_course,
    processes_with,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("grading")]

BY_NAME = {one.name: one for one in all_expected()}


def grade(course: Path, *options: str, check: bool = True) -> dict[str, Any]:
    """The account of one ``labroom grade`` run."""
    done = labroom("grade", "--folder", course, LAB, "--json", "-", *options, check=check)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All of ``tests/submissions`` handed in and graded in one batch."""
    course = make_course(tmp_path_factory.mktemp("hostile") / "tiny")
    labroom("release", course, LAB)
    with socket.create_server(("127.0.0.1", 0)) as server:
        for one in BY_NAME.values():
            hand_in_expected(course, one, port=server.getsockname()[1])
        report = grade(course)
    return course, report


def test_everyone_is_accounted_for(graded: tuple[Path, dict[str, Any]]) -> None:
    report = graded[1]
    assert report["in"] == len(BY_NAME)
    assert report["in"] == report["graded"] + report["named"]
    assert report["grader_failed"] == 0
    assert {outcome["learner"] for outcome in report["outcomes"]} == set(BY_NAME)


@pytest.mark.parametrize("one", BY_NAME.values(), ids=list(BY_NAME))
def test_submission_has_the_outcome_in_its_header(graded: tuple[Path, dict[str, Any]], one: Expected) -> None:
    course, report = graded
    outcome = next(o for o in report["outcomes"] if o["learner"] == one.name)
    said = json.dumps(outcome, ensure_ascii=False, indent=1)
    assert outcome["state"] == one.facts["state"], said
    assert (outcome["failure"] or {}).get("kind") == one.facts.get("kind"), said
    if "scores" in one.facts:
        scores = {item["item"]: item["score"] for item in outcome["items"] if item["item"] != "why"}
        assert scores == one.facts["scores"], said
        assert outcome["score"] == sum(scores.values())
        assert outcome["max_score"] == 12
    else:
        assert outcome["score"] is None
        assert (one.name, "q1") not in gradebook_scores(course)
    assert one.facts.get("detail", "") in outcome["detail"]
    assert not one.facts.get("note") or any(one.facts["note"] in note for note in outcome["notes"]), said
    if one.facts.get("attack"):
        notebook = json.loads((course / "autograded" / one.name / LAB / f"{LAB}.ipynb").read_text())
        outputs = json.dumps([cell.get("outputs") for cell in notebook["cells"]])
        assert "REACHED" not in outputs, outputs


def test_nothing_that_a_submission_starts_is_left(graded: tuple[Path, dict[str, Any]]) -> None:
    assert graded
    assert processes_with("labroom-left-behind") == []


def test_the_same_attacks_succeed_in_nbgrader_alone(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny", "c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    labroom("release", course, LAB)
    for name in ("reads_gradebook", "reads_solution", "reads_other_submission"):
        hand_in_expected(course, BY_NAME[name])
    stock_autograde(course)
    for name in ("reads_gradebook", "reads_solution", "reads_other_submission"):
        assert "REACHED" in (course / "autograded" / name / LAB / f"{LAB}.ipynb").read_text(), name


def stock_autograde(course: Path) -> None:
    """nbgrader's own command, without our engine."""
    nbgrader = Path(sys.executable).with_name("nbgrader")
    environment = os.environ | {"PATH": f"{nbgrader.parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run([nbgrader, "autograde", LAB], cwd=course, env=environment, capture_output=True, check=True)


def test_honest_scores_equal_nbgraders_cell_by_cell(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny")
    labroom("release", course, LAB)
    for name in ("honest_right", "honest_wrong", "honest_partly", "error_in_answer"):
        hand_in_expected(course, BY_NAME[name])
    hand_in(course, "untouched")
    with edit_notebook(hand_in(course, "wrote")) as nb:
        next(cell for cell in nb["cells"] if cell["id"] == "why")["source"] = "The air presses less."
    stock = tmp_path / "stock"
    shutil.copytree(course, stock)
    (stock / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.course_id = 'tiny'\n")
    grade(course)
    stock_autograde(stock)
    ours, theirs = gradebook_scores(course), gradebook_scores(stock)
    assert len(theirs) == 6 * 4
    assert ours == theirs


def test_nbgraders_own_command_runs_confined_with_use(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny", CONFIG + "import labroom.autograder\nlabroom.autograder.use(c)\n")
    labroom("release", course, LAB)
    for name in ("honest_right", "reads_gradebook"):
        hand_in_expected(course, BY_NAME[name])
    stock_autograde(course)
    scores = gradebook_scores(course)
    assert scores["honest_right", "q2"][0] == 3.0
    assert scores["reads_gradebook", "q2"][0] == 0.0
    assert all(manual is None for _, manual, _ in scores.values())


def test_killed_in_the_middle_and_run_again_gives_the_same_gradebook(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny")
    labroom("release", course, LAB)
    for number in range(4):
        hand_in(course, f"right{number}", BY_NAME["honest_right"].code + f"# {number}\n")
        hand_in(course, f"wrong{number}", BY_NAME["honest_wrong"].code + f"# {number}\n")
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(course, undisturbed)
    grade(undisturbed)
    for recorded in (1, 3, 5):
        kill_after(course, recorded)
    report = grade(course)
    assert report["graded"] == 8
    assert sum(outcome["reused"] for outcome in report["outcomes"]) >= 3
    assert gradebook_scores(course) == gradebook_scores(undisturbed)


def kill_after(course: Path, recorded: int) -> None:
    """Start grading and kill it with SIGKILL as soon as so many submissions have been recorded."""
    process = subprocess.Popen(
        [*LABROOM, "grade", "--folder", str(course), LAB, "--json", "-"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(list((course / ".labroom" / "graded" / LAB).glob("*.json"))) < recorded:
        assert process.poll() is None, "ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_broken_grader_is_named_and_records_no_zero(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny", CONFIG + "c.ConfinedExecute.kernel_name = 'no-such-kernel'\n")
    labroom("release", course, LAB)
    hand_in_expected(course, BY_NAME["honest_right"])
    done = labroom("grade", "--folder", course, LAB, check=False)
    assert done.returncode == 3
    assert "1 in = 0 graded + 1 named" in done.stdout
    assert gradebook_scores(course) == {}
    (course / "nbgrader_config.py").write_text(CONFIG)
    assert grade(course)["graded"] == 1
    assert gradebook_scores(course)["honest_right", "q1"][0] == 2.0


def test_a_mark_given_by_a_person_is_kept_when_graded_again(tmp_path: Path) -> None:
    from nbgrader.api import Gradebook

    course = make_course(tmp_path / "tiny")
    labroom("release", course, LAB)
    with edit_notebook(hand_in(course, "li", BY_NAME["honest_right"].code)) as nb:
        next(cell for cell in nb["cells"] if cell["id"] == "why")["source"] = "The air presses less."
    assert grade(course)["outcomes"][0]["needs_manual"]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        mark = gradebook.find_grade("why", LAB, LAB, "li")
        mark.manual_score, mark.needs_manual_grade = 4, False
        gradebook.db.commit()
    outcome = grade(course)["outcomes"][0]
    assert (outcome["score"], outcome["needs_manual"], outcome["reused"]) == (11.0, False, True)


def test_a_lab_that_is_only_begun_does_not_keep_the_others_from_being_graded(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny")
    labroom("release", course, LAB)
    hand_in_expected(course, BY_NAME["honest_right"])
    shutil.copytree(course / "source" / LAB, course / "source" / "a-draft")
    done = labroom("grade", "--folder", course)
    assert "1 in = 1 graded + 0 named" in done.stdout
    assert "a-draft" in done.stderr


def test_a_lab_that_was_never_released_is_said_so(tmp_path: Path) -> None:
    course = make_course(tmp_path / "tiny")
    done = labroom("grade", "--folder", course, LAB, check=False)
    assert done.returncode == 1
    assert "labroom release" in done.stderr
