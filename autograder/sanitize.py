# SPDX-License-Identifier: BSD-3-Clause
"""Repairs of what a learner can break by accident: a copied cell, a deleted test, a pasted cell."""

from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook, SourceCell
from nbgrader.preprocessors import NbGraderPreprocessor

from .work_files import coursedir_of, order_of_cells

TEACHER_ONLY = "teacher-only"
REPAIRS = "labroom_repairs"


def note_repair(resources: dict[str, Any], text: str) -> None:
    """Keep a remark for the account of this submission."""
    resources.setdefault(REPAIRS, []).append(text)


class TidyCells(NbGraderPreprocessor):
    """Takes nbgrader's mark off cells that have no part in this lab: copies, and cells from elsewhere.

    nbgrader 0.9.6 leaves such cells with an empty mark, which its next step takes for an old format
    and ends the whole batch.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook with whole marks only."""
        for cell in nb.cells:
            mark = cell.metadata.get("nbgrader")
            if mark is not None and not (hasattr(mark, "get") and isinstance(mark.get("grade_id"), str)):
                note_repair(resources, f"a copied or foreign graded cell was left out: {cell.source[:60]!r}")
                del cell.metadata["nbgrader"]
        return nb, resources


class RestoreMissingCells(NbGraderPreprocessor):
    """Puts back graded cells that a learner deleted, behind the nearest earlier cell that is still there."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook with every graded cell of the lab in it."""
        about = resources["nbgrader"]
        with Gradebook(about["db_url"]) as gradebook:
            notebook = gradebook.find_notebook(about["notebook"], about["assignment"])
            points = {cell.name: float(cell.max_score) for cell in notebook.grade_cells}
            tasks = {cell.name: float(cell.max_score) for cell in notebook.task_cells}
            solutions = {cell.name for cell in notebook.solution_cells}
            sources = {cell.name: cell for cell in notebook.source_cells}
            known = order_of_cells(coursedir_of(self), about["assignment"], about["notebook"])
            order = [name for name in known if name in sources]
            order += [name for name in sources if name not in order]
            for position, name in enumerate(order):
                if name not in {*points, *tasks} or _find(nb, name) is not None:
                    continue
                cell = _rebuild(
                    sources[name], points.get(name, tasks.get(name, 0.0)), name in solutions, name in tasks
                )
                nb.cells.insert(_place(nb, order[:position]), cell)
                note_repair(resources, f"the deleted graded cell {name} was put back")
        return nb, resources


def _find(nb: NotebookNode, name: str) -> int | None:
    found = (
        i for i, cell in enumerate(nb.cells) if cell.metadata.get("nbgrader", {}).get("grade_id") == name
    )
    return next(found, None)


def _place(nb: NotebookNode, before: list[str]) -> int:
    for name in reversed(before):
        found = _find(nb, name)
        if found is not None:
            return found + 1
    # Nothing of the lab comes before it: at the end, what it tests has run.
    return len(nb.cells)


def _rebuild(source: SourceCell, points: float, solution: bool, task: bool) -> NotebookNode:
    make = new_code_cell if source.cell_type == "code" else new_markdown_cell
    cell = make(source.source)
    cell.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": source.name,
        "grade": not task,
        "solution": solution,
        "task": task,
        "locked": source.locked,
        "points": points,
        "cell_type": source.cell_type,
        "checksum": source.checksum,
    }
    return cell


class DropTeacherCells(NbGraderPreprocessor):
    """Leaves cells tagged ``teacher-only`` out of a release."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook without them; ValueError when a graded cell carries the tag."""
        for cell in nb.cells:
            if TEACHER_ONLY in cell.metadata.get("tags", []) and cell.metadata.get("nbgrader"):
                raise ValueError(
                    f"cell {cell.get('id', '?')} is graded and tagged {TEACHER_ONLY}; take one away"
                )
        nb.cells = [cell for cell in nb.cells if TEACHER_ONLY not in cell.metadata.get("tags", [])]
        return nb, resources
