# SPDX-License-Identifier: BSD-3-Clause
"""Grades many submissions: runs in parallel, one recorder, everyone accounted for."""

import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import replace
from typing import Any

from .course import CourseFolder, released_cells
from .execute import failure_of
from .outcome import Failure, Outcome
from .prepare import Prepared, notebooks_of, prepare
from .record import load_outcome, record, save_outcome, unreadable_outcome, with_scores
from .sandbox import Job, Ran, SandboxBroken, run
from .store import OutputStore
from .submissions import Submission, Unreadable

__all__ = ["grade_batch"]


def grade_batch(
    course: CourseFolder,
    lab: str,
    submissions: Iterable[Submission],
    executor: Executor,
    *,
    force: bool = False,
) -> Iterator[Outcome]:
    """One outcome for each submission, as they finish; the number that goes in comes out.

    Runs go to ``executor``; the gradebook is written here, by this thread only. What has been graded
    before (same bytes, same lab, same grader) is taken from its record unless ``force``.
    Raises NotReleased before anything is done when the gradebook does not know the lab.
    """
    names = notebooks_of(course, lab)
    with course.gradebook() as gradebook:
        most = float(gradebook.find_assignment(lab).max_score)
    store = OutputStore(course.root)
    waiting: dict[Future[dict[str, Ran]], Prepared] = {}
    for submission in submissions:
        ready = _prepared(course, submission, names)
        if isinstance(ready, Outcome):
            yield _kept(course, ready, most)
            continue
        earlier = None if force else _still_valid(course, ready)
        if earlier is not None:
            yield earlier
            continue
        if force:
            for key in ready.keys.values():
                store.forget(key)
        missing = {name: job for name, job in ready.jobs.items() if store.load(ready.keys[name]) is None}
        waiting[executor.submit(run_all, missing)] = ready
    for future in as_completed(waiting):
        ready = waiting[future]
        yield _kept(course, _graded(course, store, ready, future), most)


def _kept(course: CourseFolder, outcome: Outcome, most: float) -> Outcome:
    if outcome.max_score is None:
        outcome = replace(outcome, max_score=most)
    save_outcome(course, outcome)
    return outcome


def run_all(jobs: dict[str, Job]) -> dict[str, Ran]:
    """What a worker does: run each of one submission's notebooks."""
    return {name: run(job) for name, job in jobs.items()}


def _prepared(course: CourseFolder, submission: Submission, names: list[str]) -> Prepared | Outcome:
    try:
        return prepare(course, submission, names)
    except Unreadable as fault:
        return unreadable_outcome(submission, fault.zh, fault.en)
    except Exception:  # noqa: BLE001 - the boundary between two submissions: one must not stop the others
        return _grader_failed(submission, traceback.format_exc())


def _still_valid(course: CourseFolder, ready: Prepared) -> Outcome | None:
    submission = ready.submission
    earlier = load_outcome(course, submission.lab, submission.learner)
    if earlier is None or earlier.state == "grader-failed":
        return None
    if (earlier.submission, earlier.key) != (ready.digest, ready.key):
        return None
    autograded = course.coursedir.format_path(
        course.coursedir.autograded_directory, submission.learner, submission.lab
    )
    if not all((course.root / autograded / f"{name}.ipynb").exists() for name in ready.jobs):
        return None
    try:
        # A person may have marked a free response since.
        return with_scores(course, replace(earlier, reused=True))
    except (KeyError, ValueError):
        # The gradebook or the autograded notebook is not as it was left: grade anew.
        return None


def _graded(
    course: CourseFolder, store: OutputStore, ready: Prepared, future: "Future[dict[str, Ran]]"
) -> Outcome:
    submission = ready.submission
    try:
        for name, ran in future.result().items():
            store.save(ready.keys[name], ran)
        runs = {name: store.load(key) for name, key in ready.keys.items()}
        record(course, submission)
        failure, notes, seconds = _summary(ready, runs, released_cells(course, submission.lab))
        outcome = Outcome(
            submission.learner,
            submission.lab,
            "graded" if failure is None else "learner-failed",
            failure=failure,
            detail=failure.detail if failure else "",
            notes=(*ready.notes, *notes),
            key=ready.key,
            submission=ready.digest,
            seconds=seconds,
        )
        return with_scores(course, outcome)
    except SandboxBroken as error:
        return _grader_failed(submission, str(error))
    except Exception:  # noqa: BLE001 - the boundary between two submissions: one must not stop the others
        return _grader_failed(submission, traceback.format_exc())


def _summary(
    ready: Prepared, runs: dict[str, Ran | None], released: Mapping[str, Mapping[str, Any]]
) -> tuple[Failure | None, list[str], float]:
    failure: Failure | None = None
    notes: list[str] = []
    seconds = 0.0
    for name, ran in runs.items():
        if ran is None:
            raise SandboxBroken(f"the outputs of {name} could not be kept")
        failure = failure or failure_of(ready.notebooks[name], ran, released)
        notes += ran.notes
        seconds += ran.seconds
    return failure, notes, seconds


def _grader_failed(submission: Submission, detail: str) -> Outcome:
    return Outcome(submission.learner, submission.lab, "grader-failed", detail=detail[-4000:])
