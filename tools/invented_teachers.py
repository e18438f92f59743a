# SPDX-License-Identifier: BSD-3-Clause
"""Teachers who do not exist: how each one answers a lab, and what must come of it."""

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Notebook = dict[str, Any]
_REGION = re.compile(
    r"^[ \t]*### BEGIN SOLUTION\n(.*?)^[ \t]*### END SOLUTION[ \t]*\n?", re.DOTALL | re.MULTILINE
)
_NAMES = (
    "an", "bai", "cai", "dong", "e", "fan", "gu", "hao", "ji", "kong", "lan", "meng", "ning", "ou", "pan",
    "qiu", "rong", "shao", "tang", "wen", "xia", "yan", "zhuang",
)  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """One hand-in: how it was answered, and whether after the deadline."""

    how: str
    late: bool = False


@dataclass(frozen=True)
class Part:
    """One way to go through a lab, and what the account at the end must say of it."""

    name: str
    words: Mapping[str, str]
    attempts: tuple[Attempt, ...]
    outcome: str | None = "graded"
    full_marks: bool = False


_RIGHT, _WRONG = Attempt("right"), Attempt("wrong")
PARTS = (
    Part("right", {"zh": "全对", "en": "all right"}, (_RIGHT,), full_marks=True),
    Part("wrong", {"zh": "答错", "en": "wrong"}, (_WRONG,)),
    Part("partly", {"zh": "做了一部分", "en": "partly done"}, (Attempt("partly"),)),
    Part("crash", {"zh": "程序崩溃", "en": "crashes Python"}, (Attempt("crash"),), "learner-failed"),
    Part("loop", {"zh": "死循环", "en": "endless loop"}, (Attempt("loop"),), "learner-failed"),
    Part("late", {"zh": "迟交", "en": "late"}, (Attempt("right", late=True),), full_marks=True),
    Part("twice", {"zh": "交两次", "en": "hands in twice"}, (_WRONG, _RIGHT), full_marks=True),
    Part(
        "spoiler",
        {"zh": "截止后改坏", "en": "spoils it after the deadline"},
        (_RIGHT, Attempt("wrong", late=True)),
        full_marks=True,
    ),
    Part("blank", {"zh": "原样交回", "en": "hands it in blank"}, (Attempt("blank"),)),
    Part("absent", {"zh": "没有交", "en": "never hands in"}, (), None),
)


@dataclass(frozen=True)
class Teacher:
    """An invented teacher of a class, with language and part."""

    name: str
    language: str
    part: Part


def invent_class(people: int, parts: Sequence[Part] = PARTS) -> list[Teacher]:
    """So many teachers, every part played as soon as there are enough of them; the same every time."""
    chosen = itertools.islice(itertools.cycle(parts), people)
    return [
        Teacher(name, "zh" if number % 3 else "en", part)
        for number, (name, part) in enumerate(zip(_names(), chosen, strict=False))
    ]


def _names() -> Iterator[str]:
    for round_number in itertools.count(1):
        yield from (name if round_number == 1 else f"{name}{round_number}" for name in _NAMES)


def answer(released: Notebook, source: Notebook, how: str) -> Notebook:
    """The released notebook as this kind of teacher would leave it.

    ``released`` is what the teacher opened, ``source`` the author's notebook with the solutions.
    Only cells that a learner may write in are changed. ValueError for an unknown kind.
    """
    solutions = {
        cell["metadata"]["nbgrader"]["grade_id"]: _without_markers(_text(cell))
        for cell in source["cells"]
        if _is_solution(cell) and cell["cell_type"] == "code"
    }
    change = _changes(how)
    notebook = deepcopy(released)
    written = 0
    for cell in notebook["cells"]:
        if not _is_solution(cell):
            continue
        if cell["cell_type"] == "markdown":
            if how != "blank":
                cell["source"] = "我比较了数据和误差。 I compared the data with their uncertainty."
            continue
        grade_id = cell["metadata"]["nbgrader"]["grade_id"]
        cell["source"] = change(written, _text(cell), solutions[grade_id])
        written += 1
    return notebook


def _changes(how: str) -> Callable[[int, str, str], str]:
    crash = "import os\nos._exit(1)"
    loop = "while True:\n    pass"
    changes: dict[str, Callable[[int, str, str], str]] = {
        "right": lambda _, __, solution: solution,
        "blank": lambda _, blank, __: blank,
        "partly": lambda number, blank, solution: blank if number else solution,
        "wrong": lambda _, __, solution: spoil(solution),
        "crash": lambda number, _, solution: crash if number == 1 else solution,
        "loop": lambda number, _, solution: loop if number == 1 else solution,
    }
    if how not in changes:
        raise ValueError(f"no way to answer called {how!r}; there are: {', '.join(changes)}")
    return changes[how]


def spoil(solution: str) -> str:
    """Code that defines the same names as a solution, each with a value that nobody could mean."""
    lines = []
    for statement in ast.parse(solution).body:
        if isinstance(statement, ast.FunctionDef):
            lines.append(f"def {statement.name}(*arguments, **named):\n    return -987654.5")
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        for target in targets:
            lines += [f"{name.id} = -987654.5" for name in ast.walk(target) if isinstance(name, ast.Name)]
    return "\n".join([solution, *lines])


def _text(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _is_solution(cell: Mapping[str, Any]) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get("solution"))


def _without_markers(source: str) -> str:
    return _REGION.sub(lambda found: found[1], source + "\n").rstrip("\n")
