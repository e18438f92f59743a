# SPDX-License-Identifier: BSD-3-Clause
"""What every route needs (who asks, in which course, with which body), and the few general routes."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, BinaryIO

from anyio import CancelScope, to_thread
from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from . import records
from .identity import HubIdentity, Person, Role
from .messages import Refused
from .schemas import AuditRow, CourseRole, Health, PublicKey, refusals
from .store import Arrived, Incoming, Store, receive

router = APIRouter()
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"
CourseName = Annotated[str, Path(pattern=NAME, description="Course id")]
AssignmentName = Annotated[str, Path(pattern=NAME, description="Lab id")]
SubmissionId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="Number of a hand-in")]
Sha256 = Annotated[str | None, Header(alias="X-Sha256", pattern=r"^[0-9a-fA-F]{64}$")]
_PIECE = 256 * 1024


def the_store(request: Request) -> Store:
    """The open store."""
    store: Store = request.app.state.store
    return store


async def the_person(
    request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> Person:
    """Who asks, from the token alone."""
    identity: HubIdentity = request.app.state.identity
    return await identity.person(authorization)


Opened = Annotated[Store, Depends(the_store)]
Asking = Annotated[Person, Depends(the_person)]


def role_in(person: Person, course: str) -> Role:
    """The person's role. Refused ``not-found`` for a course that is not theirs."""
    role = person.role(course)
    if role is None:
        raise Refused("not-found", course)
    return role


def only_instructors(person: Person, course: str) -> None:
    """Refused ``not-found`` for strangers, ``instructors-only`` for the course's learners."""
    if role_in(person, course) != "instructor":
        raise Refused("instructors-only")


def visible(person: Person, course: str) -> str | None:
    """Whose hand-ins a person may see: their own, or with None everybody's."""
    return None if role_in(person, course) == "instructor" else person.name


@asynccontextmanager
async def body_of(request: Request, store: Store) -> AsyncIterator[Arrived]:
    """The request's body as a temporary file, removed afterwards unless it was kept."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and len(declared) < 20 and int(declared) > store.settings.limits.body:
        raise Refused("too-large", f"> {store.settings.limits.body} bytes")
    incoming = await to_thread.run_sync(Incoming, store.temporary, store.settings.limits.body)
    try:
        try:
            arrived = await receive(request.stream(), incoming)
        except ClientDisconnect as error:
            raise Refused("body-cut-off") from error
        yield arrived
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(incoming.drop)


def send_blob(file: BinaryIO, size: int, sha256: str, name: str) -> StreamingResponse:
    """A blob as a download, piece by piece."""

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    headers = {
        "X-Sha256": sha256,
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{name}.tar.gz"',
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(pieces(), media_type="application/gzip", headers=headers)


@router.get("/health", response_model=Health)
async def health() -> dict[str, str]:
    """Whether the service answers. Needs no sign-in."""
    return {"status": "ok"}


@router.get("/key", response_model=PublicKey)
async def key(store: Opened) -> dict[str, str]:
    """The public key that checks receipts. Needs no sign-in."""
    return store.signer.public


@router.get("/courses", response_model=list[CourseRole], responses=refusals())
async def courses(person: Asking) -> list[dict[str, str]]:
    """The caller's courses and role in each."""
    return [{"course": course, "role": role} for course, role in person.courses().items()]


@router.get("/courses/{course}/audit", response_model=list[AuditRow], responses=refusals())
async def audit(
    course: CourseName,
    person: Asking,
    store: Opened,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    most: Annotated[int, Query(ge=1, le=10_000)] = 1000,
) -> list[dict[str, Any]]:
    """Who released, withdrew, fetched, handed in or gave feedback, and when; for the course's authors."""
    only_instructors(person, course)
    return await to_thread.run_sync(records.audit, store, course, after, most)
