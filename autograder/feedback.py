# SPDX-License-Identifier: BSD-3-Clause
"""Feedback for the person who handed in: no hidden test, no script, her language, and a score record."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from .converter import ConversionFailed, run_converter
from .course import CourseFolder, lab_title
from .feedback_page import failure_page, notebook_page
from .messages import item_message
from .outcome import Outcome, dump, score_record
from .record import load_outcome, with_scores
from .regions import as_released, normalise, split_regions, telling
from .store import write_whole
from .submissions import Submission, Unreadable
from .work_files import coursedir_of

SCORE_FILE = "score.json"
# By its time, ``nbgrader release_feedback`` knows which attempt the feedback is about.
_KEPT = (SCORE_FILE, "timestamp.txt")
_REMOVED = "[这里的输出包含不公开的内容，已移除 Removed: this output holds what is not public]"


class HideTests(NbGraderPreprocessor):
    """Test cells as they were released, without their outputs; hidden lines removed wherever they stand."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook as its owner may see it; messages are kept in ``metadata.labroom_message``."""
        hidden = {
            normalise(line)
            for cell in nb.cells
            if "nbgrader" in cell.metadata
            for kind, line in split_regions(cell.source)[1]
            if kind != "SOLUTION" and telling(line)
        }
        for cell in nb.cells:
            if "nbgrader" in cell.metadata:
                cell.source = as_released(cell.source)
            cell.metadata.pop("labroom_message", None)
            if cell.cell_type != "code":
                continue
            if is_grade(cell) and not is_solution(cell):
                message = item_message(cell)
                if message is not None:
                    cell.metadata["labroom_message"] = message
                cell.outputs = []
            else:
                cell.outputs = [_without(hidden, output) for output in cell.outputs]
        return nb, resources


def _without(hidden: set[str], output: NotebookNode) -> NotebookNode:
    text = normalise(" ".join(_texts(output)))
    if any(line in text for line in hidden):
        return NotebookNode(output_type="stream", name="stdout", text=_REMOVED)
    return output


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        # What repr() does to line ends and quotes must not hide a line.
        return [value, value.replace("\\n", "\n").replace("\\'", "'").replace('\\"', '"')]
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for part in parts for text in _texts(part)]


class WriteScore(NbGraderPreprocessor):
    """Writes ``score.json`` beside the page, and takes out of the folder whatever is not feedback."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """The notebook unchanged; outcome and lab's title go into ``resources`` as ``labroom_…``."""
        coursedir = coursedir_of(self)
        course = CourseFolder(Path(coursedir.root), self.config, coursedir)
        about = resources["nbgrader"]
        outcome = current_outcome(course, about["assignment"], about["student"])
        folder = feedback_folder(course, about["assignment"], about["student"])
        keep_only_feedback(folder)
        write_whole(folder / SCORE_FILE, dump(score_record(outcome)))
        resources["labroom_outcome"] = outcome
        resources["labroom_title"] = lab_title(course, about["assignment"])
        return nb, resources


class FeedbackPage(HTMLExporter):
    """One self-contained, sanitised page in the place of nbconvert's template with its scripts from a CDN."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **_: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page, after nbgrader's feedback steps."""
        notebook, resources = self._preprocess(copy.deepcopy(nb), self._init_resources(resources))
        resources["output_extension"] = ".html"
        page = notebook_page(notebook, resources["labroom_outcome"], resources["labroom_title"])
        return page, resources


def current_outcome(course: CourseFolder, lab: str, learner: str) -> Outcome:
    """The outcome with the gradebook's present scores. A record of other bytes is not about this work."""
    folder = Path(course.coursedir.format_path(course.coursedir.submitted_directory, learner, lab))
    known = load_outcome(course, lab, learner)
    try:
        digest = Submission(learner, lab, folder).digest()
    except (OSError, Unreadable):
        digest = ""
    if known is None or known.submission != digest:
        known = Outcome(learner, lab, "graded", submission=digest)
    return with_scores(course, known)


def feedback_folder(course: CourseFolder, lab: str, learner: str) -> Path:
    """Where one learner's feedback for one lab goes."""
    return Path(course.coursedir.format_path(course.coursedir.feedback_directory, learner, lab))


def keep_only_feedback(folder: Path) -> None:
    """nbgrader copies every file of the submission and of the source here; none of them is feedback."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.suffix != ".html" and path.name not in _KEPT:
            path.unlink()


def write_feedback(course: CourseFolder, outcome: Outcome) -> Outcome:
    """Page and ``score.json`` for one outcome. A failure here is the grader's and is named as such."""
    folder = feedback_folder(course, outcome.lab, outcome.learner)
    if outcome.score is None:
        if folder.exists():
            shutil.rmtree(folder)
        page = failure_page(outcome, lab_title(course, outcome.lab))
        write_whole(folder / f"{outcome.lab}.html", page)
        write_whole(folder / SCORE_FILE, dump(score_record(outcome)))
        return outcome
    try:
        run_converter(GenerateFeedback, course, outcome.lab, learner=outcome.learner)
    except ConversionFailed as error:
        # An earlier attempt's page is not about this one.
        shutil.rmtree(folder, ignore_errors=True)
        return replace(outcome, feedback_error=str(error)[-2000:])
    return outcome
