# SPDX-License-Identifier: BSD-3-Clause
"""Runs a lab's notebook from a clean kernel and says what became of each graded cell.

Started as a program of its own, so that nothing of it stays in the person's server. Works on a copy of the
folder: a check changes no file of the person. One JSON object per line on standard output: progress, then
the result.
"""

import json
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from labroom.autograder.stubs import is_untouched, placeholders_left

from .language import source_of

CELL_SECONDS = 30
ALL_SECONDS = 120
NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.part")
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LINE = re.compile(r"(?:Cell In\[\d+\]|<ipython-input[^>]*>),? ?line (\d+)", re.IGNORECASE)
LONGEST_MESSAGE = 600

Cell = dict[str, Any]
Report = Callable[[Mapping[str, Any]], None]


def run_check(
    folder: Path,
    notebook: Path,
    released: Path | None,
    report: Report,
    cell_seconds: float = CELL_SECONDS,
    all_seconds: float = ALL_SECONDS,
) -> list[dict[str, Any]]:
    """One item per graded cell: id, item, title, points, state, message, where.

    Locked cells run as they were released, whatever the person made of them. After a cell that does not
    end, the rest is not run.
    """
    import nbformat

    nb = nbformat.read(notebook, as_version=4)
    originals = {c.get("id"): c for c in nbformat.read(released, as_version=4).cells} if released else {}
    for cell in nb.cells:
        original = originals.get(cell.get("id"))
        if original and _mark(cell).get("locked") and _mark(cell).get("grade"):
            cell.source = original.source
    with tempfile.TemporaryDirectory(prefix="check-") as scratch:
        copy = Path(scratch) / folder.name
        shutil.copytree(folder, copy, ignore=NOT_COPIED)
        stopped = _run_cells(nb, copy, report, cell_seconds, all_seconds)
    return _items(nb.cells, originals, stopped)


def _run_cells(nb: Any, folder: Path, report: Report, cell_seconds: float, all_seconds: float) -> Any:
    """Run all code cells; the cell at which it had to stop, with the reason, or None."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    codes = [(index, cell) for index, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    for _, cell in codes:
        cell.outputs, cell.execution_count = [], None
    end = time.monotonic() + all_seconds
    client = NotebookClient(
        nb,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        startup_timeout=60,
        shutdown_kernel="immediate",
    )
    with client.setup_kernel():
        for number, (index, cell) in enumerate(codes):
            report({"cell": number, "of": len(codes)})
            left = end - time.monotonic()
            if left <= 0:
                return {"id": cell.get("id"), "why": "timeout", "seconds": round(all_seconds)}
            client.timeout = max(1, round(min(cell_seconds, left)))
            try:
                client.execute_cell(cell, index)
            except CellTimeoutError:
                return {"id": cell.get("id"), "why": "timeout", "seconds": client.timeout}
            except DeadKernelError:
                return {"id": cell.get("id"), "why": "died"}
    report({"cell": len(codes), "of": len(codes)})
    return None


def _items(cells: list[Any], originals: Mapping[Any, Any], stopped: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    # One answer cell may be looked at by several test cells after it.
    answers: list[Any] = []
    tested = False
    reached = True
    failing: Any = None
    for cell in cells:
        mark = _mark(cell)
        if stopped and cell.get("id") == stopped["id"]:
            reached = False
        if tested and mark.get("solution"):
            answers, failing, tested = [], None, False
        if cell.cell_type == "code" and not mark.get("grade") and _error(cell):
            failing = failing or cell
        if mark.get("solution") and not mark.get("grade"):
            answers.append(cell)
        if not mark.get("grade"):
            continue
        blank = bool(answers or mark.get("solution")) and all(
            _unchanged(answer, originals.get(answer.get("id")))
            for answer in (answers if not mark.get("solution") else [cell])
        )
        work = answers[-1] if answers and not mark.get("solution") else cell
        state, message, where = _judged(cell, work, blank, reached, failing, stopped)
        items.append({**_named(cell), "state": state, "message": message, "where": where})
        tested = True
    return items


def _judged(
    cell: Any, work: Any, blank: bool, reached: bool, failing: Any, stopped: Any
) -> tuple[str, str | dict[str, str] | None, dict[str, Any] | None]:
    """State, message and place of one graded cell; ``work`` is the cell with the answer."""
    if _mark(cell).get("solution"):
        return ("not-answered" if blank else "to-be-marked"), None, {"cell": cell.get("id")}
    if not reached:
        return ("not-answered" if blank else "error"), _why_stopped(stopped), {"cell": stopped["id"]}
    error = _error(cell)
    if error is None:
        return "right", None, None
    if blank or error["ename"] == "NotImplementedError":
        return "not-answered", None, {"cell": work.get("id")}
    if error["ename"] in ("AssertionError", "LabCheck"):
        return "wrong", _said(error), {"cell": work.get("id")}
    place = failing if failing is not None else cell
    cause = _error(place) or error
    return "error", _short(f"{cause['ename']}: {cause['evalue']}"), _place(place, cause)


def _why_stopped(stopped: Mapping[str, Any]) -> dict[str, str]:
    if stopped["why"] == "died":
        return {
            "zh": "运行到这里时内核停止了，可能是内存用完了。请检查这一格里有没有特别大的数组或列表。",
            "en": "The kernel stopped here, perhaps because memory ran out. Look for a very large array or "
            "list in this cell.",
        }
    return {
        "zh": f"这一格运行了 {stopped['seconds']} 秒还没有结束，检查在此停止。请看看循环是否会结束。",
        "en": f"A cell was still running after {stopped['seconds']} seconds, so the check stopped here. See "
        "whether its loop can end.",
    }


def _named(cell: Any) -> dict[str, Any]:
    mark, ours = _mark(cell), cell.metadata.get("labroom") or {}
    name = str(mark.get("grade_id") or cell.get("id"))
    title = ours.get("title") or {}
    return {
        "id": name,
        "item": str(ours.get("item") or name),
        "title": {"zh": str(title.get("zh") or name), "en": str(title.get("en") or name)},
        "points": mark.get("points") or 0,
        "manual": bool(mark.get("solution")),
    }


def _mark(cell: Any) -> Mapping[str, Any]:
    mark = cell.metadata.get("nbgrader")
    return mark if isinstance(mark, dict) else {}


def _error(cell: Any) -> Any:
    return next((out for out in cell.get("outputs", []) if out.output_type == "error"), None)


def _unchanged(cell: Any, original: Any) -> bool:
    mine, given = source_of(cell), None if original is None else source_of(original)
    # Who tries something out in an answer's cell and leaves the dots has not answered yet.
    tried = given is not None and cell.cell_type == "code" and not _error(cell)
    return is_untouched(mine, given) or (tried and placeholders_left(mine, str(given)))


def _place(cell: Any, error: Any) -> dict[str, Any]:
    lines = LINE.findall(COLOURS.sub("", "\n".join(error.get("traceback", []))))
    return {"cell": cell.get("id"), "line": int(lines[0]) if lines else None}


def _said(error: Any) -> str | dict[str, str] | None:
    """What a failed test says; lab.py's own checks say both languages, a line each."""
    lines = error["evalue"].split("\n")
    if error["ename"] == "LabCheck" and len(lines) == 2:
        return {"zh": _short(lines[0]), "en": _short(lines[1])}
    return _short(error["evalue"]) or None


def _short(text: str) -> str:
    text = COLOURS.sub("", text).strip()
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"


def main() -> None:
    """``python -m labroom.hub_config.notebook.run_check FOLDER NOTEBOOK [RELEASED]``."""
    # A polite stop from the server must still shut the kernel down on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder, notebook = Path(sys.argv[1]), Path(sys.argv[2])
    released = Path(sys.argv[3]) if len(sys.argv) > 3 else None

    def report(fact: Mapping[str, Any]) -> None:
        sys.stdout.write(json.dumps(fact, ensure_ascii=True) + "\n")
        sys.stdout.flush()

    items = run_check(folder, notebook, released, report)
    report({"items": items})


if __name__ == "__main__":
    main()
