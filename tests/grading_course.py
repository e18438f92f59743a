# SPDX-License-Identifier: BSD-3-Clause
"""A tiny course for tests of release and grading: one lab in both languages, and what learners do with it."""

import contextlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labroom.tools.cli import main

LAB = "warm-up"
SUBMISSIONS = Path(__file__).parent / "submissions"
LABROOM = [str(Path(sys.executable).with_name("labroom"))]
CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "tiny"
c.Execute.timeout = 4
c.ConfinedExecute.wall_seconds = 20
c.ConfinedExecute.memory_megabytes = 1500
c.ConfinedExecute.output_megabytes = 2
"""
HIDDEN_LINES = (
    "assert boiling == 100, 'secret check of the boiling point'",
    "assert double(21) == 42, 'secret check of doubling'",
)
SOLUTION_LINES = (
    "boiling = 100 + 0 * len('solution one')",
    "return number + number + 0 * len('solution two')",
)


def _mark(
    name: str, *, points: float | None = None, solution: bool = False, locked: bool = False
) -> dict[str, Any]:
    mark = {"schema_version": 3, "grade_id": name, "grade": points is not None, "solution": solution}
    mark |= {"locked": locked, "task": False}
    return mark | ({"points": points} if points is not None else {})


def _titled(name: str, points: float, zh: str, en: str) -> dict[str, Any]:
    return {
        "nbgrader": _mark(name, points=points, locked=True),
        "labroom": {"item": name, "title": {"zh": zh, "en": en}},
    }


def lab_notebook() -> nbformat.NotebookNode:
    """The author's notebook: two answers, three automatic items (7 points), one free response (5)."""
    hidden_one, hidden_two = HIDDEN_LINES
    cells = [
        new_markdown_cell("# 热身", id="title-zh", metadata={"tags": ["lang-zh"]}),
        new_markdown_cell("# Warm-up", id="title-en", metadata={"tags": ["lang-en"]}),
        new_markdown_cell("Ask the class first.", id="plan", metadata={"tags": ["teacher-only"]}),
        new_code_cell(
            f"### BEGIN SOLUTION\n{SOLUTION_LINES[0]}\n### END SOLUTION",
            id="answer-1",
            metadata={"nbgrader": _mark("answer-1", solution=True)},
        ),
        new_code_cell(
            f"assert isinstance(boiling, int), '沸点要是整数 boiling must be a whole number'\n"
            f"### BEGIN HIDDEN TESTS\n{hidden_one}\n### END HIDDEN TESTS",
            id="q1",
            metadata=_titled("q1", 2, "水的沸点", "Boiling point of water"),
        ),
        new_code_cell(
            "def double(number):\n    ### BEGIN SOLUTION\n"
            f"    {SOLUTION_LINES[1]}\n    ### END SOLUTION\n\n\nshare = double(1) / 2",
            id="answer-2",
            metadata={"nbgrader": _mark("answer-2", solution=True)},
        ),
        new_code_cell(
            f"assert double(2) == 4, '再看看 double(2) Look at double(2) again'\n"
            f"### BEGIN HIDDEN TESTS\n{hidden_two}\n### END HIDDEN TESTS",
            id="q2",
            metadata=_titled("q2", 3, "加倍", "Doubling"),
        ),
        new_code_cell("share * 2.0", id="q3", metadata=_titled("q3", 2, "部分得分", "Partial credit")),
        new_markdown_cell(
            "Because the air presses less, says the model answer.",
            id="why",
            metadata={"nbgrader": _mark("why", points=5, solution=True)},
        ),
    ]
    return new_notebook(
        cells=cells,
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )


@dataclass(frozen=True)
class Expected:
    """The header of one file in ``tests/submissions``."""

    name: str
    facts: dict[str, Any]
    code: str


def expected(path: Path) -> Expected:
    """Header (TOML between two ``# ---``) and code of one submission."""
    text = path.read_text(encoding="utf-8")
    header, code = re.match(r".*?# ---\n(.*?)# ---\n(.*)", text, re.DOTALL).groups()
    facts = tomllib.loads("".join(line.removeprefix("# ") for line in header.splitlines(keepends=True)))
    return Expected(path.stem, facts, code)


def all_expected() -> list[Expected]:
    """Every submission of the folder."""
    return [expected(path) for path in sorted(SUBMISSIONS.glob("*.py"))]


def make_course(root: Path, config: str = CONFIG) -> Path:
    """A course folder with the lab's source in it."""
    source = root / "source" / LAB
    (source / "data").mkdir(parents=True)
    nbformat.write(lab_notebook(), source / f"{LAB}.ipynb")
    (source / "lab.py").write_text("# SPDX-License-Identifier: BSD-3-Clause\nWATER = 100\n")
    (source / "data" / "water.csv").write_text("height,boiling\n0,100\n")
    (source / "lab.toml").write_text(
        'id = "warm-up"\ntitle = {zh = "热身", en = "Warm-up"}\nsummary = {zh = "一", en = "One"}\n'
        'band = ["5-6"]\nlicence = "CC-BY-4.0"\n[[misconception]]\nid = "always-100"\n'
    )
    (root / "nbgrader_config.py").write_text(config)
    return root


@dataclass(frozen=True)
class Done:
    """What a command left: exit status and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def labroom(*arguments: str | Path, check: bool = True) -> Done:
    """Run the command line in this process; without ``check`` any exit status is taken."""
    ran = CliRunner().invoke(main, list(map(str, arguments)))
    done = Done(ran.exit_code, ran.stdout, ran.stderr)
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} -> {done}") from ran.exception
    return done


def hand_in(
    course: Path, learner: str, code: str = "", *, second_cell: bool = False, last_cell: str = ""
) -> Path:
    """A learner's folder made from the release, with code in an answer cell."""
    folder = course / "submitted" / learner / LAB
    folder.mkdir(parents=True)
    shutil.copy(course / "release" / LAB / f"{LAB}.ipynb", folder)
    if code:
        answer(folder, code, second_cell=second_cell)
    if last_cell:
        with edit_notebook(folder) as nb:
            nb["cells"].append(new_code_cell(last_cell, id="mine"))
    return folder


def hand_in_expected(course: Path, one: Expected, port: int = 9) -> Path:
    """The folder that one file of ``tests/submissions`` describes."""
    facts, code = one.facts, one.code
    for name, value in {"course": course, "port": port, "pid": os.getpid()}.items():
        code = code.replace("{" + name + "}", str(value))
    if facts.get("how") != "make":
        return hand_in(
            course,
            one.name,
            code,
            second_cell=facts.get("second_cell", False),
            last_cell=facts.get("last_cell", ""),
        )
    start = facts.get("start_from")
    folder = hand_in(course, one.name, expected(SUBMISSIONS / f"{start}.py").code if start else "")
    space: dict[str, Any] = {}
    exec(compile(code, one.name, "exec"), space)
    space["make"](folder)
    return folder


def answer(folder: Path, code: str, *, second_cell: bool = False) -> None:
    """Write code into an answer cell; the other gets what makes the first item right, or nothing."""
    with edit_notebook(folder) as nb:
        cells = {cell["id"]: cell for cell in nb["cells"]}
        cells["answer-1"]["source"] = "boiling = 100" if second_cell else code
        cells["answer-2"]["source"] = code if second_cell else "# see above"


@contextlib.contextmanager
def edit_notebook(folder: Path) -> Iterator[dict[str, Any]]:
    """The notebook in a folder as JSON, written back afterwards."""
    path = folder / f"{LAB}.ipynb"
    nb = json.loads(path.read_text(encoding="utf-8"))
    yield nb
    path.write_text(json.dumps(nb), encoding="utf-8")


def gradebook_scores(course: Path) -> dict[tuple[str, str], tuple[float | None, float | None, bool]]:
    """(learner, cell) -> automatic score, manual score, still to be marked."""
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            (submission.student_id, grade.name): (
                grade.auto_score,
                grade.manual_score,
                grade.needs_manual_grade,
            )
            for submission in gradebook.assignment_submissions(LAB)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def processes_with(word: str) -> list[str]:
    """Command lines of running processes that have this word."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                line = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if word in line:
                    found.append(line)
    return found
