# SPDX-License-Identifier: BSD-3-Clause
"""Second phase: nbgrader's own Autograde writes the gradebook, one submission at a time, one writer."""

import json
from dataclasses import replace
from pathlib import Path

from nbgrader.api import Grade, MissingEntry
from nbgrader.converters import Autograde

from .converter import run_converter
from .course import CourseFolder, released_cells
from .messages import item_message
from .outcome import Failure, Item, ItemState, Outcome, dump, outcome_from_json
from .store import write_whole
from .submissions import Submission


def record(course: CourseFolder, submission: Submission) -> None:
    """Write one submission's automatic scores with nbgrader's converter. Raises ConversionFailed."""
    run_converter(Autograde, course, submission.lab, learner=submission.learner)


def record_file(course: CourseFolder, lab: str, learner: str) -> Path:
    """Where the account of one submission is kept."""
    return course.private("graded", lab, f"{learner}.json")


def save_outcome(course: CourseFolder, outcome: Outcome) -> None:
    """Keep the account of one submission; whole or not at all."""
    write_whole(record_file(course, outcome.lab, outcome.learner), dump(outcome.to_json()))


def load_outcome(course: CourseFolder, lab: str, learner: str) -> Outcome | None:
    """The kept account; None where there is none that can be read."""
    try:
        raw = json.loads(record_file(course, lab, learner).read_text(encoding="utf-8"))
        return outcome_from_json(raw)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def with_scores(course: CourseFolder, outcome: Outcome) -> Outcome:
    """The outcome with scores and items as the gradebook has them now, a person's marks included.

    KeyError where the gradebook has no such submission.
    """
    with course.gradebook() as gradebook:
        try:
            submission = gradebook.find_submission(outcome.lab, outcome.learner)
        except MissingEntry as error:
            raise KeyError(outcome.learner) from error
        grades = {grade.name: grade for notebook in submission.notebooks for grade in notebook.grades}
        unanswered = {
            comment.name
            for notebook in submission.notebooks
            for comment in notebook.comments
            if comment.auto_comment == "No response."
        }
        penalty = sum(notebook.late_submission_penalty or 0 for notebook in submission.notebooks)
        items = _items(course, outcome, grades, unanswered)
        score = float(submission.score) - float(penalty)
        return replace(
            outcome,
            score=score,
            max_score=float(submission.max_score),
            needs_manual=bool(submission.needs_manual_grade),
            late_seconds=float(submission.total_seconds_late),
            items=tuple(items),
        )


def _items(
    course: CourseFolder, outcome: Outcome, grades: dict[str, Grade], unanswered: set[str]
) -> list[Item]:
    released = released_cells(course, outcome.lab)
    messages = _messages(course, outcome)
    items, blank = [], False
    for name in [*released, *(name for name in grades if name not in released)]:
        mark = released.get(name, {}).get("metadata", {})
        if mark.get("nbgrader", {}).get("solution"):
            blank = name in unanswered
        if name not in grades:
            continue
        grade = grades[name]
        about = mark.get("labroom") or {}
        title = about.get("title") or {"zh": name, "en": name}
        score = None if grade.needs_manual_grade and grade.manual_score is None else float(grade.score)
        state: ItemState = "to-be-marked" if score is None else _state(score, float(grade.max_score), blank)
        message = messages.get(name) if state in ("wrong", "partly") else None
        items.append(
            Item(str(about.get("item", name)), title, score, float(grade.max_score), state, message, name)
        )
    return items


def _state(score: float, most: float, blank: bool) -> ItemState:
    if score <= 0 < most:
        return "no-answer" if blank else "wrong"
    return "right" if score >= most else "partly"


def _messages(course: CourseFolder, outcome: Outcome) -> dict[str, dict[str, str]]:
    folder = Path(
        course.coursedir.format_path(course.coursedir.autograded_directory, outcome.learner, outcome.lab)
    )
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id")
            message = item_message(cell)
            if name and message:
                found[name] = message
    return found


def unreadable_outcome(submission: Submission, zh: str, en: str) -> Outcome:
    """The account of a submission that cannot be graded as it is; it has no score, not even 0."""
    failure = Failure("unreadable", None, f"{zh} {en}")
    return Outcome(submission.learner, submission.lab, "learner-failed", failure=failure, detail=f"{zh} {en}")
