# SPDX-License-Identifier: BSD-3-Clause
"""What a visitor may see, read from the exchange with her own token, as plain frozen records."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .sign_in import Visitor

AT_ONCE = 8


class ExchangeDown(Exception):  # noqa: N818 - read as a sentence where it is raised
    """The exchange did not answer, or not with what it should."""


class NotFound(Exception):  # noqa: N818 - read as a sentence where it is raised
    """There is no such thing, or it is somebody else's."""


@dataclass(frozen=True)
class Attempt:
    """One hand-in, as the exchange lists it."""

    id: str
    learner: str
    number: int
    timestamp: str
    late: bool
    counts: bool
    feedback: Mapping[str, Any] | None


@dataclass(frozen=True)
class Lab:
    """One released lab with the hand-ins that the visitor may see, newest first."""

    course: str
    id: str
    title: Any
    due: str | None
    about: Mapping[str, Any]
    fetched_at: str | None
    attempts: tuple[Attempt, ...]

    @property
    def counting(self) -> Attempt | None:
        """The attempt that counts (for a learner, who sees only her own)."""
        return next((attempt for attempt in self.attempts if attempt.counts), None)

    @property
    def state(self) -> str:
        """How far a learner is: new, open, handed-in, scored."""
        if self.counting is not None:
            return "scored" if self.counting.feedback else "handed-in"
        return "open" if self.fetched_at else "new"

    @property
    def counting_attempts(self) -> tuple[Attempt, ...]:
        """For an author: the one attempt of each person that counts."""
        return tuple(attempt for attempt in self.attempts if attempt.counts)

    @property
    def graded(self) -> int:
        """For an author: how many people's counting attempts have feedback."""
        return sum(1 for attempt in self.counting_attempts if attempt.feedback)


@dataclass(frozen=True)
class CourseView:
    """One course as the visitor sees it; ``role`` is learner or instructor."""

    course: str
    role: str
    labs: tuple[Lab, ...]


class Readings:
    """Reads the exchange for one visitor."""

    def __init__(self, client: httpx.AsyncClient, exchange: str, visitor: Visitor) -> None:
        self._client, self._exchange = client, exchange
        self._headers = {"Authorization": f"token {visitor.token}"}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def courses(self, order: Sequence[str]) -> list[CourseView]:
        """All courses of the visitor, in the season's order, with their labs."""
        rows = await self._json("courses")
        place = {name: number for number, name in enumerate(order)}
        rows.sort(key=lambda row: (place.get(row["course"], len(place)), row["course"]))
        return list(await asyncio.gather(*(self._course(row["course"], row["role"]) for row in rows)))

    async def receipt(self, course: str, submission: str) -> dict[str, Any]:
        """The signed receipt of one hand-in."""
        found: dict[str, Any] = await self._json("courses", course, "submissions", submission, "receipt")
        return found

    async def score(self, course: str, submission: str) -> dict[str, Any]:
        """What the grader found, per item."""
        found: dict[str, Any] = await self._json(
            "courses", course, "submissions", submission, "feedback", "score"
        )
        return found

    async def feedback_page(self, course: str, assignment: str, submission: str) -> bytes:
        """The HTML page of the feedback: the one named like the lab, else the first."""
        rows = await self._json("courses", course, "assignments", assignment, "submissions")
        feedback = next((row["feedback"] for row in rows if row["id"] == submission), None) or {}
        names = feedback.get("files") or []
        if not names:
            raise NotFound
        wanted = f"{assignment}.html"
        name = wanted if wanted in names else names[0]
        return (await self._get("courses", course, "submissions", submission, "feedback", name)).content

    async def title(self, course: str, assignment: str) -> Any:
        """A released lab's title by language; its id when it has been withdrawn."""
        rows = await self._json("courses", course, "assignments")
        return next((r.get("title") for r in rows if r["assignment"] == assignment), None) or assignment

    async def _course(self, course: str, role: str) -> CourseView:
        rows = await self._json("courses", course, "assignments")
        labs = list(await asyncio.gather(*(self._lab(course, row) for row in rows)))
        labs.sort(key=lambda lab: (lab.due or "9999", lab.id))
        return CourseView(course, role, tuple(labs))

    async def _lab(self, course: str, row: Mapping[str, Any]) -> Lab:
        handed_in = await self._json("courses", course, "assignments", row["assignment"], "submissions")
        attempts = [_attempt(entry) for entry in handed_in]
        attempts.sort(key=lambda attempt: (attempt.timestamp, attempt.number), reverse=True)
        return Lab(
            course=course,
            id=row["assignment"],
            title=row.get("title") or row["assignment"],
            due=row.get("due"),
            about=row.get("lab") or {},
            fetched_at=row.get("fetched_at"),
            attempts=tuple(attempts),
        )

    async def _json(self, *path: str) -> Any:
        try:
            return (await self._get(*path)).json()
        except ValueError as error:
            raise ExchangeDown from error

    async def _get(self, *path: str) -> httpx.Response:
        url = "/".join((self._exchange, *(quote(part, safe="") for part in path)))
        try:
            async with self._gate:
                answer = await self._client.get(url, headers=self._headers)
        except httpx.HTTPError as error:
            raise ExchangeDown from error
        if answer.status_code in (403, 404, 422):
            raise NotFound
        if answer.status_code != httpx.codes.OK:
            raise ExchangeDown
        return answer


def _attempt(row: Mapping[str, Any]) -> Attempt:
    return Attempt(
        id=str(row["id"]),
        learner=str(row.get("learner", "")),
        number=int(row["attempt"]),
        timestamp=str(row["timestamp"]),
        late=bool(row.get("late")),
        counts=bool(row.get("counts")),
        feedback=row.get("feedback"),
    )
