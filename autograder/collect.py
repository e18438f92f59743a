# SPDX-License-Identifier: BSD-3-Clause
"""Fetches from the exchange, for each learner, the attempt that counts; gives feedback back to it."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from .course import CourseFolder
from .feedback import SCORE_FILE, feedback_folder
from .outcome import Outcome
from .store import write_whole

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@+-]{0,254}\Z")


class ExchangeAccess(Protocol):
    """What grading needs of an exchange."""

    def assignments(self, course: str) -> list[dict[str, Any]]:
        """Released labs with their due dates."""

    def submissions(self, course: str, assignment: str) -> list[dict[str, Any]]:
        """Every attempt; ``counts`` marks the one to grade."""

    def fetch_submission(self, course: str, submission: str, into: Path) -> Any:
        """Unpack one attempt."""

    def put_feedback(self, course: str, submission: str, folder: Path) -> Any:
        """Give feedback on one attempt back."""


def collect_lab(
    course: CourseFolder, lab: str, exchange: ExchangeAccess, learner: str | None = None
) -> list[Outcome]:
    """Bring ``submitted/`` in step with the exchange; outcomes name those who could not be fetched.

    The exchange's time goes into ``timestamp.txt`` and its due date into the gradebook, whatever
    the submission itself says.
    """
    name = course.coursedir.course_id
    _set_due(course, lab, exchange.assignments(name))
    failed = []
    for row in exchange.submissions(name, lab):
        if not row["counts"] or learner not in (None, row["learner"]):
            continue
        try:
            _fetch(course, lab, exchange, row)
        except Exception as error:  # noqa: BLE001 - the boundary between two submissions; named below
            failed.append(Outcome(row["learner"], lab, "grader-failed", detail=f"not collected: {error}"))
    return failed


def _set_due(course: CourseFolder, lab: str, assignments: Sequence[dict[str, Any]]) -> None:
    due = next((row.get("due") for row in assignments if row["assignment"] == lab), None)
    if due:
        with course.gradebook() as gradebook:
            gradebook.update_or_create_assignment(lab, duedate=_utc(due).replace(tzinfo=None))


def _utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(UTC)


def _fetch(course: CourseFolder, lab: str, exchange: ExchangeAccess, row: dict[str, Any]) -> None:
    learner = str(row["learner"])
    if not _NAME.match(learner):
        raise ValueError(f"{learner!r} is no name for a folder")
    target = Path(course.coursedir.format_path(course.coursedir.submitted_directory, learner, lab))
    kept = collected(course, lab, learner)
    if kept.get("id") == row["id"] and kept.get("sha256") == row["sha256"] and target.is_dir():
        return
    incoming = course.private("incoming")
    incoming.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=incoming) as temporary:
        folder = Path(temporary, lab)
        exchange.fetch_submission(course.coursedir.course_id, row["id"], folder)
        moment = _utc(row["timestamp"]).strftime("%Y-%m-%d %H:%M:%S.%f %Z")
        stamp = folder / "timestamp.txt"
        if stamp.is_dir():
            # The name is ours; a folder that was handed in under it must not stop the collecting.
            shutil.rmtree(stamp)
        stamp.unlink(missing_ok=True)
        stamp.write_text(moment + "\n", encoding="utf-8")
        if target.exists():
            target.rename(Path(temporary, "before"))
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
    facts = {key: row[key] for key in ("id", "attempt", "sha256", "timestamp", "late")}
    write_whole(_collected_file(course, lab, learner), json.dumps(facts))


def _collected_file(course: CourseFolder, lab: str, learner: str) -> Path:
    return course.private("collected", lab, f"{learner}.json")


def collected(course: CourseFolder, lab: str, learner: str) -> dict[str, Any]:
    """Which attempt of this learner lies in ``submitted/``; empty where none was collected by us."""
    try:
        facts = json.loads(_collected_file(course, lab, learner).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def release_feedback(
    course: CourseFolder, lab: str, exchange: ExchangeAccess, outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Give each outcome's feedback to the exchange where it is new; outcomes say where that failed."""
    name = course.coursedir.course_id
    there = {row["id"] for row in exchange.submissions(name, lab) if row.get("feedback")}
    done = []
    for outcome in outcomes:
        facts = collected(course, lab, outcome.learner)
        folder = feedback_folder(course, lab, outcome.learner)
        if not facts or not folder.is_dir():
            done.append(outcome)
            continue
        attempt, digest = str(facts["id"]), _digest(folder)
        try:
            if attempt not in there or facts.get("feedback") != digest:
                _put(exchange, name, attempt, folder)
                facts["feedback"] = digest
                write_whole(_collected_file(course, lab, outcome.learner), json.dumps(facts))
            done.append(replace(outcome, attempt=attempt))
        except Exception as error:  # noqa: BLE001 - the boundary between two submissions; the outcome says it
            done.append(replace(outcome, attempt=attempt, feedback_error=str(error)))
    return done


def _parts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".html" or path.name == SCORE_FILE)


def _put(exchange: ExchangeAccess, course: str, attempt: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        for path in _parts(folder):
            shutil.copyfile(path, Path(temporary, path.name))
        exchange.put_feedback(course, attempt, Path(temporary))


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in _parts(folder):
        total.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()
