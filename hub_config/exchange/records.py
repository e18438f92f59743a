# SPDX-License-Identifier: BSD-3-Clause
"""What the exchange records, as transactions. Everything here blocks; call it in a thread."""

import logging
import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from .messages import Refused
from .models import Assignment, Audit, Feedback, Submission
from .store import Arrived, Store, check, disk_errors, now, small_json

Row = dict[str, Any]
FETCH = "fetch"
_LOG = logging.getLogger(__name__)


def iso(moment: datetime | None) -> str | None:
    """A moment as the exchange writes it: ISO 8601, UTC, microseconds."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True)
class Release:
    """What an author asks for. ``due_given`` tells "no due date" from "leave it as it is"."""

    course: str
    assignment: str
    author: str
    due: datetime | None
    due_given: bool
    force: bool


def _log(session: Session, who: str, what: str, course: str, assignment: str, **more: str | None) -> None:
    session.add(Audit(at=now(), who=who, what=what, course=course, assignment=assignment, **more))


def _keep(store: Store, arrived: Arrived) -> None:
    with disk_errors():
        store.blobs.keep(arrived.path, arrived.sha256)


def release(store: Store, wanted: Release, arrived: Arrived, claimed: str | None) -> Row:
    """Releases a lab. Refused ``already-released`` unless forced; without a due date the old one stays."""
    check(store, arrived, claimed)
    lab = small_json(arrived.path, "lab.json", store, "bad-lab-json") or {}
    _keep(store, arrived)
    with store.database.writing(f"{wanted.course}/{wanted.assignment}") as session:
        row = session.get(Assignment, (wanted.course, wanted.assignment))
        if row is not None and row.withdrawn_at is None and not wanted.force:
            raise Refused("already-released", wanted.assignment)
        if row is None:
            row = Assignment(course=wanted.course, assignment=wanted.assignment, due=None)
            session.add(row)
        row.released_at, row.released_by, row.withdrawn_at = now(), wanted.author, None
        row.sha256, row.size, row.lab = arrived.sha256, arrived.size, lab
        if wanted.due_given:
            row.due = wanted.due
        _log(session, wanted.author, "release", wanted.course, wanted.assignment, sha256=arrived.sha256)
        return _assignment_row(row)


def withdraw(store: Store, course: str, assignment: str, author: str) -> None:
    """Takes a lab back; what was handed in stays."""
    with store.database.writing(f"{course}/{assignment}") as session:
        row = _assignment(session, course, assignment)
        row.withdrawn_at = now()
        _log(session, author, "withdraw", course, assignment)


def assignments(store: Store, course: str, person: str) -> list[Row]:
    """Released labs of a course, by name, with when this person first fetched each."""
    query = select(Assignment).where(Assignment.course == course, Assignment.withdrawn_at.is_(None))
    fetches = (
        select(Audit.assignment, func.min(Audit.at))
        .where(Audit.course == course, Audit.who == person, Audit.what == FETCH)
        .group_by(Audit.assignment)
    )
    with store.database.reading() as session:
        fetched = dict(session.execute(fetches).tuples().all())
        rows = session.scalars(query.order_by(Assignment.assignment))
        return [_assignment_row(row) | {"fetched_at": iso(fetched.get(row.assignment))} for row in rows]


def note_fetch(store: Store, course: str, assignment: str, learner: str, sha256: str) -> None:
    """Records that a learner fetched a lab; only the first time, so that fetching fills nothing up.

    A lab that cannot be noted (a full disk) is given out all the same.
    """
    mine = (
        Audit.course == course,
        Audit.who == learner,
        Audit.assignment == assignment,
        Audit.what == FETCH,
    )
    first = select(Audit.id).where(*mine).limit(1)
    try:
        with store.database.reading() as session:
            if session.scalar(first) is not None:
                return
        with store.database.writing(f"{course}/{learner}") as session:
            if session.scalar(first) is None:
                _log(session, learner, FETCH, course, assignment, sha256=sha256)
    except SQLAlchemyError as error:
        _LOG.warning("%s fetched %s/%s, which could not be noted: %s", learner, course, assignment, error)


def assignment_blob(store: Store, course: str, assignment: str) -> tuple[str, int]:
    """Hash and size of a released lab. Refused ``not-found``."""
    with store.database.reading() as session:
        row = _assignment(session, course, assignment)
        return row.sha256, row.size


def _assignment(session: Session, course: str, assignment: str) -> Assignment:
    row = session.get(Assignment, (course, assignment))
    if row is None or row.withdrawn_at is not None:
        raise Refused("not-found", assignment)
    return row


def _assignment_row(row: Assignment) -> Row:
    title = row.lab.get("title")
    if not isinstance(title, dict) or not all(isinstance(title.get(code), str) for code in ("zh", "en")):
        title = {"zh": row.assignment, "en": row.assignment}
    return {
        "assignment": row.assignment,
        "released_at": iso(row.released_at),
        "due": iso(row.due),
        "sha256": row.sha256,
        "size": row.size,
        "title": {"zh": title["zh"], "en": title["en"]},
        "lab": row.lab,
    }


def may_submit(store: Store, course: str, assignment: str, learner: str, key: str) -> None:
    """Says no before the body is read: Refused ``not-found`` unless the lab is out, or this is a retry."""
    with store.database.reading() as session:
        if _by_key(session, course, assignment, learner, key) is None:
            _assignment(session, course, assignment)


def submit(
    store: Store, course: str, assignment: str, learner: str, key: str, arrived: Arrived, claimed: str | None
) -> tuple[bool, Row]:
    """Keeps one hand-in. Returns whether it is new, and its row with the signed receipt.

    The same key with the same bytes is the same hand-in. When this returns, bytes and row are on
    disk. Refused ``key-reused``, ``over-quota``, ``not-found``, ``checksum-mismatch`` or an archive code.
    """
    contents = check(store, arrived, claimed)
    with store.database.reading() as session:
        earlier = _by_key(session, course, assignment, learner, key)
    if earlier is None:
        _keep(store, arrived)
    with store.database.writing(f"{course}/{learner}") as session:
        earlier = _by_key(session, course, assignment, learner, key)
        if earlier is not None:
            if earlier.sha256 != arrived.sha256:
                raise Refused("key-reused", earlier.id)
            return False, _submission_row(earlier) | {"receipt": earlier.receipt}
        due = _assignment(session, course, assignment).due
        attempt = _check_quota(session, store, course, assignment, learner, arrived.size)
        moment = now()
        late = due is not None and moment > due
        number = uuid.uuid4().hex
        receipt = store.signer.sign(
            {
                "version": 1,
                "id": number,
                "course": course,
                "assignment": assignment,
                "learner": learner,
                "attempt": attempt,
                "timestamp": iso(moment),
                "due": iso(due),
                "late": late,
                "sha256": arrived.sha256,
                "size": arrived.size,
                "files": dict(contents.files),
            }
        )
        row = Submission(
            id=number, course=course, assignment=assignment, learner=learner, attempt=attempt, key=key,
            timestamp=moment, late=late, sha256=arrived.sha256, size=arrived.size,
            files=dict(contents.files), receipt=receipt,
        )  # fmt: skip
        session.add(row)
        _log(session, learner, "submit", course, assignment, submission=number, sha256=arrived.sha256)
        return True, _submission_row(row) | {"receipt": receipt}


def _by_key(session: Session, course: str, assignment: str, learner: str, key: str) -> Submission | None:
    return session.scalars(
        select(Submission).where(
            Submission.course == course,
            Submission.assignment == assignment,
            Submission.learner == learner,
            Submission.key == key,
        )
    ).one_or_none()


def _check_quota(
    session: Session, store: Store, course: str, assignment: str, learner: str, size: int
) -> int:
    """Number of the next attempt. Refused ``over-quota``."""
    limits = store.settings.limits
    mine = (Submission.course == course, Submission.learner == learner)
    used = session.scalar(select(func.coalesce(func.sum(Submission.size), 0)).where(*mine)) or 0
    if used + size > limits.quota:
        raise Refused("over-quota", {"used": int(used), "quota": limits.quota, "size": size})
    last = session.scalar(
        select(func.max(Submission.attempt)).where(*mine, Submission.assignment == assignment)
    )
    attempt = (last or 0) + 1
    if attempt > limits.attempts:
        raise Refused("over-quota", {"attempts": last, "most": limits.attempts})
    return attempt


def _submission_row(row: Submission) -> Row:
    names = ("id", "course", "assignment", "learner", "attempt", "late", "sha256", "size", "files")
    return {name: getattr(row, name) for name in names} | {"timestamp": iso(row.timestamp)}


def submissions(store: Store, course: str, assignment: str, learner: str | None) -> list[Row]:
    """Hand-ins of one lab by learner and attempt, of everybody or one; with what counts and the feedback.

    For each learner the last one at or before the due date now in force counts, else the last.
    Refused ``not-found`` for a lab that was never released.
    """
    query = (
        select(Submission, Feedback)
        .outerjoin(Feedback, Feedback.submission == Submission.id)
        .where(Submission.course == course, Submission.assignment == assignment)
        .order_by(Submission.learner, Submission.attempt)
    )
    if learner is not None:
        query = query.where(Submission.learner == learner)
    with store.database.reading() as session:
        lab = session.get(Assignment, (course, assignment))
        if lab is None:
            raise Refused("not-found", assignment)
        found = [(row, feedback) for row, feedback in session.execute(query).tuples()]
        counting = _counting([row for row, _ in found], lab.due)
        return [
            _submission_row(row) | {"counts": row.id in counting, "feedback": _feedback_row(feedback)}
            for row, feedback in found
        ]


def _counting(rows: Sequence[Submission], due: datetime | None) -> set[str]:
    last: dict[str, Submission] = {}
    in_time: dict[str, Submission] = {}
    for row in rows:
        last[row.learner] = row
        if due is None or row.timestamp <= due:
            in_time[row.learner] = row
    return {row.id for row in (last | in_time).values()}


def _feedback_row(row: Feedback | None) -> Row | None:
    if row is None:
        return None
    keys = ("score", "max_score", "needs_manual", "outcome", "language")
    return {key: row.score.get(key) for key in keys} | {
        "released_at": iso(row.released_at),
        "sha256": row.sha256,
        "files": sorted(name for name in row.files if name.endswith(".html")),
    }


def submission(store: Store, course: str, number: str, learner: str | None) -> Submission:
    """One hand-in. Refused ``not-found``, also when it is another learner's."""
    with store.database.reading() as session:
        return _submission(session, course, number, learner)


def _submission(session: Session, course: str, number: str, learner: str | None) -> Submission:
    row = session.get(Submission, number)
    if row is None or row.course != course or (learner is not None and row.learner != learner):
        raise Refused("not-found", number)
    return row


def put_feedback(
    store: Store, course: str, number: str, author: str, arrived: Arrived, claimed: str | None
) -> Row:
    """Keeps the feedback of a hand-in in place of the earlier one. Refused ``bad-score``."""
    contents = check(store, arrived, claimed)
    score = small_json(arrived.path, "score.json", store, "bad-score")
    if score is None:
        raise Refused("bad-score", "score.json")
    for name in ("score", "max_score"):
        value = score.get(name)
        number_like = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not number_like and not (name == "score" and value is None):
            raise Refused("bad-score", name)
    _keep(store, arrived)
    with store.database.writing(f"feedback/{number}") as session:
        hand_in = _submission(session, course, number, None)
        row = session.get(Feedback, number)
        if row is None:
            row = Feedback(submission=number)
            session.add(row)
        row.released_at, row.released_by = now(), author
        row.sha256, row.size = arrived.sha256, arrived.size
        row.files, row.score = dict(contents.files), score
        _log(
            session, author, "feedback", course, hand_in.assignment, submission=number, sha256=arrived.sha256
        )
        answer = _feedback_row(row)
        assert answer is not None
        return answer


def feedback(store: Store, course: str, number: str, learner: str | None) -> Feedback:
    """The feedback of one hand-in. Refused ``not-found``."""
    with store.database.reading() as session:
        _submission(session, course, number, learner)
        row = session.get(Feedback, number)
        if row is None:
            raise Refused("not-found", number)
        return row


def audit(store: Store, course: str, after: int, most: int) -> list[Row]:
    """Who did what in a course, oldest first, from beyond entry ``after``."""
    query = select(Audit).where(Audit.course == course, Audit.id > after).order_by(Audit.id).limit(most)
    with store.database.reading() as session:
        return [
            {
                "id": row.id, "at": iso(row.at), "who": row.who, "what": row.what,
                "assignment": row.assignment, "submission": row.submission, "sha256": row.sha256,
            }
            for row in session.scalars(query)
        ]  # fmt: skip
