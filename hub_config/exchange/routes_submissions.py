# SPDX-License-Identifier: BSD-3-Clause
"""Hand-ins: take, list, give back, with receipt and feedback."""

from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from . import records
from .archives import read_file
from .messages import Refused
from .routes_common import (
    Asking,
    AssignmentName,
    CourseName,
    Opened,
    Sha256,
    SubmissionId,
    body_of,
    only_instructors,
    role_in,
    send_blob,
    visible,
)
from .schemas import GZIP_BODY, FeedbackRow, SignedReceipt, SubmissionRow, Submitted, binary, refusals
from .store import Store

router = APIRouter()
# Feedback shows what a learner wrote: it may look as it likes, but runs nothing and sends nothing.
FEEDBACK_POLICY = (
    "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)


@router.post(
    "/courses/{course}/assignments/{assignment}/submissions",
    status_code=201,
    response_model=Submitted,
    responses={
        200: {"model": Submitted, "description": "The same key and bytes again: the same hand-in"},
        **refusals(409, 413, 507),
    },
    openapi_extra=GZIP_BODY,
)
async def submit(
    course: CourseName,
    assignment: AssignmentName,
    request: Request,
    person: Asking,
    store: Opened,
    idempotency_key: Annotated[str, Header(min_length=8, max_length=128, pattern=r"^[\x21-\x7e]+$")],
    x_sha256: Sha256 = None,
) -> Response:
    """Hands in. The answer is sent when bytes and record are on disk."""
    role_in(person, course)
    if not person.learns(course):
        raise Refused("learners-only")
    await to_thread.run_sync(records.may_submit, store, course, assignment, person.name, idempotency_key)
    async with body_of(request, store) as arrived:
        new, row = await to_thread.run_sync(
            records.submit, store, course, assignment, person.name, idempotency_key, arrived, x_sha256
        )
    return JSONResponse(row, status_code=201 if new else 200)


@router.get(
    "/courses/{course}/assignments/{assignment}/submissions",
    response_model=list[SubmissionRow],
    responses=refusals(),
)
async def list_submissions(
    course: CourseName, assignment: AssignmentName, person: Asking, store: Opened
) -> list[dict[str, Any]]:
    """A learner's own hand-ins of a lab; for the course's authors everybody's."""
    return await to_thread.run_sync(records.submissions, store, course, assignment, visible(person, course))


@router.get(
    "/courses/{course}/submissions/{number}",
    response_class=StreamingResponse,
    responses={200: binary("application/gzip", "The hand-in as tar.gz"), **refusals()},
)
async def fetch_submission(
    course: CourseName, number: SubmissionId, person: Asking, store: Opened
) -> Response:
    """The bytes of a hand-in."""
    row = await to_thread.run_sync(records.submission, store, course, number, visible(person, course))
    return send_blob(await to_thread.run_sync(store.blobs.open, row.sha256), row.size, row.sha256, row.id)


@router.get(
    "/courses/{course}/submissions/{number}/receipt", response_model=SignedReceipt, responses=refusals()
)
async def receipt(course: CourseName, number: SubmissionId, person: Asking, store: Opened) -> JSONResponse:
    """The signed receipt of a hand-in."""
    row = await to_thread.run_sync(records.submission, store, course, number, visible(person, course))
    return JSONResponse(row.receipt)


@router.put(
    "/courses/{course}/submissions/{number}/feedback",
    response_model=FeedbackRow,
    responses=refusals(413, 507),
    openapi_extra=GZIP_BODY,
)
async def put_feedback(
    course: CourseName,
    number: SubmissionId,
    request: Request,
    person: Asking,
    store: Opened,
    x_sha256: Sha256 = None,
) -> dict[str, Any]:
    """Releases feedback: a tar.gz with html files and score.json; for the course's authors."""
    only_instructors(person, course)
    await to_thread.run_sync(records.submission, store, course, number, None)
    async with body_of(request, store) as arrived:
        return await to_thread.run_sync(
            records.put_feedback, store, course, number, person.name, arrived, x_sha256
        )


@router.get(
    "/courses/{course}/submissions/{number}/feedback",
    response_class=StreamingResponse,
    responses={200: binary("application/gzip", "The feedback as tar.gz"), **refusals()},
)
async def fetch_feedback(course: CourseName, number: SubmissionId, person: Asking, store: Opened) -> Response:
    """All feedback of a hand-in."""
    row = await to_thread.run_sync(records.feedback, store, course, number, visible(person, course))
    return send_blob(await to_thread.run_sync(store.blobs.open, row.sha256), row.size, row.sha256, number)


@router.get("/courses/{course}/submissions/{number}/feedback/score", responses=refusals())
async def score(course: CourseName, number: SubmissionId, person: Asking, store: Opened) -> dict[str, Any]:
    """score.json as it was released."""
    row = await to_thread.run_sync(records.feedback, store, course, number, visible(person, course))
    return row.score


@router.get(
    "/courses/{course}/submissions/{number}/feedback/{file}",
    responses={200: binary("text/html", "One page of feedback"), **refusals()},
    response_class=Response,
)
async def feedback_file(
    course: CourseName,
    number: SubmissionId,
    file: Annotated[str, Path(max_length=255)],
    person: Asking,
    store: Opened,
) -> Response:
    """One html page of the feedback, under a policy that lets it run and send nothing."""
    row = await to_thread.run_sync(records.feedback, store, course, number, visible(person, course))
    if file not in row.files or not file.endswith(".html"):
        raise Refused("not-found", file)
    page = await to_thread.run_sync(_page, store, row.sha256, file)
    headers = {
        "Content-Security-Policy": FEEDBACK_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "private, no-store",
    }
    return Response(page, media_type="text/html", headers=headers)


def _page(store: Store, sha256: str, name: str) -> bytes:
    with store.blobs.open(sha256) as blob:
        page = read_file(blob, name, store.settings.limits)
    if page is None:
        raise Refused("not-found", name)
    return page
