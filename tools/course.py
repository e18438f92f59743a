# SPDX-License-Identifier: BSD-3-Clause
"""Finds a course and its labs from what a person types: a folder, a lab's folder, or a course's name."""

from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Found:
    """A course folder and the labs that are meant in it."""

    root: Path
    labs: tuple[str, ...]


def find_course(given: str, lab: str | None = None, courses: Path = Path("courses")) -> Found:
    """Course and labs. ClickException says what was looked for and where.

    ``given``: a course folder, a folder ``…/source/<lab>``, a notebook in it, or the name of a course
    in ``courses``. Without ``lab`` (and without a lab's folder) all labs of the course are meant.
    """
    path = Path(given)
    if not path.exists():
        path = courses / given
    if not path.exists():
        raise click.ClickException(
            f"没有课程 {given}。 No course {given}: neither a folder nor a name in {courses.absolute()}. "
            f"There are: {', '.join(_courses(courses)) or 'none'}."
        )
    path = path.absolute()
    if path.is_file():
        path = path.parent
    if path.parent.name == "source" and lab is None:
        return Found(path.parent.parent, (path.name,))
    labs = labs_in(path)
    if not labs:
        raise click.ClickException(
            f"{path} 里没有实验。 No lab in {path}: a course has its labs in source/<lab>/<notebook>.ipynb."
        )
    if lab is None:
        return Found(path, labs)
    if lab not in labs:
        raise click.ClickException(
            f"课程里没有实验 {lab}。 No lab {lab} in {path / 'source'}. There are: {', '.join(labs)}."
        )
    return Found(path, (lab,))


def labs_in(course: Path) -> tuple[str, ...]:
    """Labs with a notebook in the course's source folder, by name."""
    return tuple(sorted({path.parent.name for path in (course / "source").glob("*/*.ipynb")}))


def _courses(courses: Path) -> list[str]:
    return sorted(path.parent.name for path in courses.glob("*/source")) if courses.is_dir() else []
