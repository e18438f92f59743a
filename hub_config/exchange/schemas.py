# SPDX-License-Identifier: BSD-3-Clause
"""The shapes of the exchange's answers, for its OpenAPI description."""

from typing import Any, Literal

from pydantic import BaseModel

from .messages import REFUSALS


class Texts(BaseModel):
    """One text in both languages."""

    zh: str
    en: str


class Error(BaseModel):
    """A refusal: a stable code and what to say."""

    error: str
    message: Texts
    detail: Any = None


class Health(BaseModel):
    """The service answers."""

    status: Literal["ok"]


class PublicKey(BaseModel):
    """What checks a receipt."""

    key_id: str
    algorithm: Literal["ed25519"]
    public_key: str


class CourseRole(BaseModel):
    """One of the caller's courses."""

    course: str
    role: Literal["instructor", "learner"]


class AssignmentRow(BaseModel):
    """A released lab; ``fetched_at``: when the caller, a learner, first fetched it."""

    assignment: str
    released_at: str
    due: str | None
    sha256: str
    size: int
    title: Texts
    lab: dict[str, Any]
    fetched_at: str | None = None


class SignedReceipt(BaseModel):
    """A receipt with its signature."""

    receipt: dict[str, Any]
    key_id: str
    signature: str


class HandIn(BaseModel):
    """What is known of every hand-in that is kept."""

    id: str
    course: str
    assignment: str
    learner: str
    attempt: int
    timestamp: str
    late: bool
    sha256: str
    size: int
    files: dict[str, str]


class Submitted(HandIn):
    """The answer to a hand-in."""

    receipt: SignedReceipt


class FeedbackRow(BaseModel):
    """Feedback in short."""

    released_at: str
    score: float | None
    max_score: float | None
    needs_manual: Any = None
    outcome: Any = None
    language: Any = None
    sha256: str
    files: list[str]


class SubmissionRow(HandIn):
    """A hand-in in a list."""

    counts: bool
    feedback: FeedbackRow | None


class AuditRow(BaseModel):
    """Who did what, when."""

    id: int
    at: str
    who: str
    what: str
    assignment: str
    submission: str | None
    sha256: str | None


Responses = dict[int | str, dict[str, Any]]


def refusals(*statuses: int) -> Responses:
    """The refusals a route can give, for its description; identity's are added."""
    wanted = sorted({401, 403, 404, 422, 503, *statuses})
    texts = {status: [code for code, (s, _, _) in REFUSALS.items() if s == status] for status in wanted}
    return {status: {"model": Error, "description": ", ".join(codes)} for status, codes in texts.items()}


def binary(kind: str, description: str) -> dict[str, Any]:
    """An answer that is bytes."""
    return {"description": description, "content": {kind: {"schema": {"type": "string", "format": "binary"}}}}


GZIP_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
