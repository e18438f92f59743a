# SPDX-License-Identifier: BSD-3-Clause
"""Labs: list, release, fetch, withdraw."""

from datetime import datetime
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from . import records
from .messages import Refused
from .routes_common import (
    Asking,
    AssignmentName,
    CourseName,
    Opened,
    Sha256,
    body_of,
    only_instructors,
    role_in,
    send_blob,
)
from .schemas import GZIP_BODY, AssignmentRow, binary, refusals

router = APIRouter()


@router.get("/courses/{course}/assignments", response_model=list[AssignmentRow], responses=refusals())
async def list_assignments(course: CourseName, person: Asking, store: Opened) -> list[dict[str, Any]]:
    """Released labs of a course, and when the caller first fetched each."""
    role_in(person, course)
    return await to_thread.run_sync(records.assignments, store, course, person.name)


@router.put(
    "/courses/{course}/assignments/{assignment}",
    response_model=AssignmentRow,
    responses=refusals(409, 413, 507),
    openapi_extra=GZIP_BODY,
)
async def release(
    course: CourseName,
    assignment: AssignmentName,
    request: Request,
    person: Asking,
    store: Opened,
    due: Annotated[str | None, Query(description="ISO 8601 with zone; empty takes the due date away")] = None,
    force: Annotated[bool, Query(description="Replace what is released")] = False,
    x_sha256: Sha256 = None,
) -> dict[str, Any]:
    """Releases a lab; for the course's authors. Replacing one without saying ``due`` keeps the due date."""
    only_instructors(person, course)
    wanted = records.Release(course, assignment, person.name, _moment(due), due is not None, force)
    async with body_of(request, store) as arrived:
        return await to_thread.run_sync(records.release, store, wanted, arrived, x_sha256)


@router.get(
    "/courses/{course}/assignments/{assignment}",
    response_class=StreamingResponse,
    responses={200: binary("application/gzip", "The lab as tar.gz"), **refusals()},
)
async def fetch(course: CourseName, assignment: AssignmentName, person: Asking, store: Opened) -> Response:
    """A released lab as tar.gz. A learner's first fetch is noted in the audit."""
    role = role_in(person, course)
    sha256, size = await to_thread.run_sync(records.assignment_blob, store, course, assignment)
    file = await to_thread.run_sync(store.blobs.open, sha256)
    if role == "learner":
        await to_thread.run_sync(records.note_fetch, store, course, assignment, person.name, sha256)
    return send_blob(file, size, sha256, assignment)


@router.delete("/courses/{course}/assignments/{assignment}", status_code=204, responses=refusals())
async def withdraw(course: CourseName, assignment: AssignmentName, person: Asking, store: Opened) -> Response:
    """Takes a lab back; what was handed in stays."""
    only_instructors(person, course)
    await to_thread.run_sync(records.withdraw, store, course, assignment, person.name)
    return Response(status_code=204)


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        # A plus sign that was not escaped arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise Refused("bad-date", text[:100]) from error
    if moment.tzinfo is None or not 2000 <= moment.year <= 9000:
        raise Refused("bad-date", text[:100])
    return moment
