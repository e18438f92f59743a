# SPDX-License-Identifier: BSD-3-Clause
"""Runs one of nbgrader's converters on one lab, and says why when it fails."""

import glob
import logging
import warnings
from collections.abc import Iterable
from typing import Any

from nbgrader.coursedir import CourseDirectory

from .course import CourseFolder


class ConversionFailed(RuntimeError):  # noqa: N818 - read as a sentence where it is raised
    """nbgrader's converter failed; the text is what it logged."""


def run_converter(
    kind: type[Any],
    course: CourseFolder,
    lab: str,
    *,
    learner: str | None = None,
    ignore: Iterable[str] = (),
    **folders: str,
) -> None:
    """Convert one lab (of one learner), also when it was converted before. Raises ConversionFailed.

    ``ignore`` adds patterns of files that are not copied; ``folders`` are names of nbgrader's folders below
    the course, like ``release_directory="release"``.
    """
    coursedir = CourseDirectory(config=course.config)
    coursedir.assignment_id = glob.escape(lab)
    if learner is not None:
        coursedir.student_id = glob.escape(learner)
    coursedir.ignore = [*coursedir.ignore, *ignore]
    for name, folder in folders.items():
        setattr(coursedir, name, folder)
    logger = logging.Logger("labroom.converter", logging.WARNING)
    logger.addHandler(lines := _Lines())
    converter = kind(coursedir=coursedir, config=course.config, log=logger)
    converter.force = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            converter.start()
    except Exception as error:
        # nbgrader raises one class for everything, and has logged the reason.
        raise ConversionFailed("\n".join(lines.lines)[-4000:] or str(error)) from error


class _Lines(logging.Handler):
    """Keeps what nbgrader logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text."""
        self.lines.append(record.getMessage())
