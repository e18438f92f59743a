# SPDX-License-Identifier: BSD-3-Clause
"""The nbgrader settings that make up the engine; only sets on ``c``."""

from typing import Any

from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.preprocessors import ClearSolutions, DeduplicateIds, Execute, OverwriteCells

from .execute import ConfinedExecute
from .feedback import FeedbackPage, HideTests, WriteScore
from .sanitize import DropTeacherCells, RestoreMissingCells, TidyCells
from .stubs import CODE_STUB, TEXT_STUB

# A warning on standard error is not a wrong answer (nbgrader alone gives 0 for it).
WARNING_PATTERN = r"\b\w*Warning: "


def put_engine(c: Any) -> None:
    """Set executor, repairs, feedback and release steps on an nbgrader configuration."""
    c.Autograde.autograde_preprocessors = [
        ConfinedExecute if step is Execute else step for step in Autograde.autograde_preprocessors.default()
    ]
    c.Autograde.sanitize_preprocessors = sanitizers()
    c.IgnorePattern.enabled = True
    c.IgnorePattern.pattern = WARNING_PATTERN
    c.GenerateFeedback.preprocessors = [
        HideTests,
        *GenerateFeedback.preprocessors.default(),
        WriteScore,
    ]
    c.GenerateFeedback.exporter_class = FeedbackPage
    c.ClearSolutions.code_stub = {**ClearSolutions.code_stub.default(), "python": CODE_STUB}
    c.ClearSolutions.text_stub = TEXT_STUB
    # formgrader shows what learners wrote and printed on the hub's own origin: nothing of it may run there.
    c.HTMLExporter.sanitize_html = True
    c.HTMLExporter.filters = {"markdown2html": "labroom.autograder.feedback_page.safe_markdown"}
    c.GenerateAssignment.preprocessors = [DropTeacherCells, *GenerateAssignment.preprocessors.default()]


def sanitizers() -> list[type]:
    """nbgrader's sanitising steps, with repairs after the two steps that can leave half a record."""
    steps: list[type] = []
    for step in Autograde.sanitize_preprocessors.default():
        steps.append(step)
        if step is DeduplicateIds:
            steps.append(TidyCells)
        if step is OverwriteCells:
            steps += [TidyCells, RestoreMissingCells]
    return steps
