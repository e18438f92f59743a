# SPDX-License-Identifier: BSD-3-Clause
"""A lab small enough to run in a test: as an author writes it (with solution) and as it is released."""

import copy
import json
from pathlib import Path

from labroom.autograder.stubs import CODE_STUB, TEXT_STUB

CARD = {
    "id": "tiny",
    "title": {"zh": "小小实验", "en": "A tiny lab"},
    "summary": {"zh": "用一个很小的实验走完全程。", "en": "The whole path with a very small lab."},
    "band": ["5-6", "7-9"],
    "minutes": {"teacher": 15, "class": 10},
    "language": "both",
}
GRADE_KERNEL = {
    "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
}
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"


def markdown(cell_id: str, source: str, **metadata) -> dict:
    return {"cell_type": "markdown", "id": cell_id, "metadata": metadata, "source": source}


def code(cell_id: str, source: str, **metadata) -> dict:
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def mark(grade_id: str, *, grade: bool = False, solution: bool = False, points: int | None = None) -> dict:
    found = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return {**found, "points": points} if grade else found


def item(name: str, zh: str, en: str) -> dict:
    return {"item": name, "title": {"zh": zh, "en": en}}


SOLUTIONS = {"answer-q1": "total = 1 + 1", "answer-q2": "def double(x):\n    return 2 * x"}


def released() -> dict:
    """The notebook as it leaves the author: both languages, no solution, no hidden test."""
    tr = "import os\ntr = lambda zh, en: zh if os.environ.get('LABROOM_LANGUAGE', 'zh') == 'zh' else en"
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": copy.deepcopy(GRADE_KERNEL),
        "cells": [
            markdown("engage-zh", "# 小小实验\n\n一加一等于几？", tags=["lang-zh"]),
            markdown("engage-en", "# A tiny lab\n\nHow much is one and one?", tags=["lang-en"]),
            code("setup", tr, nbgrader=mark("setup")),
            markdown("task-zh", "## 第一题\n把答案写进 `total`。", tags=["lang-zh"]),
            markdown("task-en", "## Question 1\nPut the answer into `total`.", tags=["lang-en"]),
            code(
                "answer-q1",
                f"total = ...\n{CODE_STUB}",
                nbgrader=mark("answer-q1", solution=True),
            ),
            code(
                "test-q1",
                "assert total == 2, tr('再数一数：一个和一个放在一起。', 'Count again: one put beside one.')",
                nbgrader=mark("test-q1", grade=True, points=1),
                labroom=item("q1", "第一题：求和", "Question 1: the sum"),
            ),
            code(
                "answer-q2",
                CODE_STUB,
                nbgrader=mark("answer-q2", solution=True),
            ),
            code(
                "test-q2",
                "assert double(4) == 8, tr('加倍后应当是原来的两倍。', 'Doubling gives twice as much.')",
                nbgrader=mark("test-q2", grade=True, points=2),
                labroom=item("q2", "第二题：加倍", "Question 2: doubling"),
            ),
            markdown(
                "free",
                TEXT_STUB,
                nbgrader=mark("free", grade=True, solution=True, points=3),
                labroom=item("free", "第三题：说理由", "Question 3: reasons"),
            ),
        ],
    }


def source() -> dict:
    """The author's notebook: the released one with the solutions filled in."""
    notebook = released()
    for cell in notebook["cells"]:
        if cell["id"] in SOLUTIONS:
            cell["source"] = f"{BEGIN}\n{SOLUTIONS[cell['id']]}\n{END}"
    return notebook


def answered(notebook: dict, answers: dict[str, str]) -> dict:
    """A copy with these cells' sources replaced."""
    changed = copy.deepcopy(notebook)
    for cell in changed["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    return changed


def write_release(folder: Path) -> Path:
    """A folder as ``labroom release`` leaves it; the lab is called like the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{folder.name}.ipynb").write_text(json.dumps(released(), ensure_ascii=False), encoding="utf-8")
    (folder / "lab.json").write_text(json.dumps(CARD, ensure_ascii=False), encoding="utf-8")
    return folder
