# SPDX-License-Identifier: BSD-3-Clause
"""First phase: read and sanitise a submission in memory, and say what has to be run for it."""

import hashlib
import json
import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from .configure import sanitizers
from .course import CourseFolder
from .execute import ConfinedExecute
from .sandbox import Job
from .sanitize import REPAIRS
from .store import job_key
from .submissions import Submission, Unreadable, read_notebook
from .work_files import TooMuch, in_the_way

quiet = logging.getLogger("labroom.quiet")
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


class NotReleased(ValueError):  # noqa: N818 - read as a sentence where it is raised
    """The gradebook does not know the lab, so nothing handed in for it can be graded."""


@dataclass(frozen=True)
class Prepared:
    """Sanitised notebooks by name with what to run for each, and remarks for the account."""

    submission: Submission
    digest: str
    notebooks: Mapping[str, NotebookNode] = field(repr=False)
    jobs: Mapping[str, Job] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, str]:
        """Store key of each notebook's outputs."""
        return {name: job_key(job) for name, job in self.jobs.items()}

    @property
    def key(self) -> str:
        """One key for the whole submission."""
        return hashlib.sha256(repr(sorted(self.keys.items())).encode()).hexdigest()


def notebooks_of(course: CourseFolder, lab: str) -> list[str]:
    """Notebook names of a lab, as the gradebook has them. Raises NotReleased."""
    with course.gradebook() as gradebook:
        try:
            names = sorted(notebook.name for notebook in gradebook.find_assignment(lab).notebooks)
        except MissingEntry:
            names = []
    if not names:
        raise NotReleased(
            f"评分册里没有实验 {lab},请先运行 labroom release。 "
            f"The gradebook in {course.root} has no lab {lab}; run labroom release {course.root} {lab} first."
        )
    return names


def prepare(course: CourseFolder, submission: Submission, names: list[str]) -> Prepared:
    """The submission, ready to run. Raises Unreadable with what its owner can do about it."""
    digest = submission.digest()
    blocked = in_the_way(course.coursedir, submission.lab, submission.learner)
    if blocked is not None:
        raise Unreadable("in-the-way", blocked)
    there = [name for name in names if (submission.folder / f"{name}.ipynb").exists()]
    if not there:
        raise Unreadable("missing-notebook", f"{names[0]}.ipynb")
    notes = [
        f"notebook {name} was not handed in; its items have 0 points" for name in names if name not in there
    ]
    converter = Autograde(coursedir=CourseDirectory(config=course.config), config=course.config, log=quiet)
    notebooks, jobs = {}, {}
    for name in there:
        raw = read_notebook(submission.folder / f"{name}.ipynb")
        notebooks[name], repairs = _sanitise(converter, course, submission, name, raw)
        notes += repairs
        try:
            jobs[name] = ConfinedExecute(parent=converter).job(
                notebooks[name], submission.lab, submission.learner
            )
        except TooMuch as error:
            raise Unreadable("too-many-files") from error
    return Prepared(submission, digest, notebooks, jobs, tuple(notes))


def _sanitise(
    converter: Autograde, course: CourseFolder, submission: Submission, name: str, raw: dict[str, Any]
) -> tuple[NotebookNode, list[str]]:
    with warnings.catch_warnings():
        # Missing or doubled cell ids are repaired by nbformat; it says so as a warning.
        warnings.simplefilter("ignore")
        try:
            notebook = nbformat.reads(json.dumps(raw), as_version=4)
        except Exception as error:
            # nbformat has no common error: whatever it stumbles over is the file's fault.
            raise Unreadable("not-notebook", f"{name}.ipynb") from error
    resources: dict[str, Any] = {
        "nbgrader": {
            "student": submission.learner,
            "assignment": submission.lab,
            "notebook": name,
            "db_url": course.coursedir.db_url,
        }
    }
    for step in sanitizers():
        notebook, resources = step(parent=converter)(notebook, resources)
    return notebook, resources.get(REPAIRS, [])
