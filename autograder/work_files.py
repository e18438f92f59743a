# SPDX-License-Identifier: BSD-3-Clause
"""Which files lie beside a notebook when it runs: the lab's as released, and the learner's own."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nbgrader.coursedir import CourseDirectory

_NOT_FOR_RUNS = ("timestamp.txt", "lab.toml", "gradebook.db")
MOST_FILES, MOST_BYTES = 2000, 100 << 20


class TooMuch(ValueError):  # noqa: N818 - read as a sentence where it is raised
    """A submission has more or larger files than one may hand in."""


def work_files(coursedir: CourseDirectory, lab: str, learner: str) -> Mapping[str, Path]:
    """Relative name -> file. Notebooks, links and hidden files stay out; raises TooMuch."""
    submitted = Path(coursedir.format_path(coursedir.submitted_directory, learner, lab))
    files = {name: path for name, path in _files(submitted, follow=False) if not _labs_own(name)}
    if len(files) > MOST_FILES or sum(path.stat().st_size for path in files.values()) > MOST_BYTES:
        raise TooMuch(f"more than {MOST_FILES} files or {MOST_BYTES >> 20} MB")
    released = Path(coursedir.format_path(coursedir.release_directory, ".", lab))
    if not released.is_dir():
        released = Path(coursedir.format_path(coursedir.source_directory, ".", lab))
    given = dict(_files(released, follow=True, course=Path(coursedir.root)))
    return files | given


def in_the_way(coursedir: CourseDirectory, lab: str, learner: str) -> str | None:
    """A file or folder of a submission that is a folder or file in the lab; nbgrader could not copy the two.

    A notebook or ``timestamp.txt`` that is a folder is one too.
    """
    submitted = Path(coursedir.format_path(coursedir.submitted_directory, learner, lab))
    for step in (coursedir.release_directory, coursedir.source_directory):
        labs = Path(coursedir.format_path(step, ".", lab))
        for path in (*labs.rglob("*"), labs / "timestamp.txt"):
            name = path.relative_to(labs)
            mine = submitted / name
            if mine.exists() and mine.is_dir() != path.is_dir():
                return name.as_posix()
    return None


def _labs_own(name: str) -> bool:
    """Whether a name belongs to the lab itself: never taken from a submission, whatever the release has.

    A package ``lab/`` or an extension module ``lab.so`` would be imported in the place of ``lab.py``.
    """
    first = name.split("/", 1)[0].lower()
    return first in ("data", "lab") or first.startswith("lab.")


def stays_in(path: Path, course: Path) -> bool:
    """Whether a link of the author's leads into the course or to a file right beside it, as lab.py does.

    No further: the operator who grades may read more than the author who made the link.
    """
    target = path.resolve()
    return course.resolve() in target.parents or target.parent == course.resolve().parent


def _files(folder: Path, *, follow: bool, course: Path | None = None) -> Iterator[tuple[str, Path]]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__pycache__")))
        for name in sorted(names):
            path = Path(root, name)
            if name.startswith(".") or name.endswith(".ipynb") or name in _NOT_FOR_RUNS:
                continue
            linked = path.is_symlink()
            if path.is_file() and (not linked or (follow and course is not None and stays_in(path, course))):
                yield path.relative_to(folder).as_posix(), path


def coursedir_of(step: Any) -> CourseDirectory:
    """The course that the converter above an nbgrader step works on."""
    above = step.parent
    while above is not None:
        if isinstance(getattr(above, "coursedir", None), CourseDirectory):
            return above.coursedir
        above = above.parent
    raise RuntimeError(f"{type(step).__name__} works only inside an nbgrader converter")


def order_of_cells(course: CourseDirectory, lab: str, notebook: str) -> list[str]:
    """Graded, solution and locked cells of a lab's notebook, in the author's order; empty if unknown."""
    for step in (course.source_directory, course.release_directory):
        path = Path(course.format_path(step, ".", lab), f"{notebook}.ipynb")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return [
                c["metadata"]["nbgrader"]["grade_id"] for c in raw["cells"] if c["metadata"].get("nbgrader")
            ]
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return []
