# SPDX-License-Identifier: BSD-3-Clause
"""The exchange's tables. ``migrations/`` makes them; a test compares the two."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in and out, kept as UTC on databases that know no zones too."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """UTC; without a zone where the database has none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Table(DeclarativeBase):
    """Root of the tables."""


class Assignment(Table):
    """A released lab. Withdrawing keeps the row: what was handed in still has its due date."""

    __tablename__ = "assignments"
    course: Mapped[str] = mapped_column(String(64), primary_key=True)
    assignment: Mapped[str] = mapped_column(String(64), primary_key=True)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_by: Mapped[str] = mapped_column(String(255))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    lab: Mapped[dict[str, Any]] = mapped_column(JSON)


class Submission(Table):
    """One hand-in. Never changed, never deleted."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("course", "assignment", "learner", "key", name="submission_key"),
        UniqueConstraint("course", "assignment", "learner", "attempt", name="submission_attempt"),
        Index("submission_course_learner", "course", "learner"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    course: Mapped[str] = mapped_column(String(64))
    assignment: Mapped[str] = mapped_column(String(64))
    learner: Mapped[str] = mapped_column(String(255))
    attempt: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(String(128))
    timestamp: Mapped[datetime] = mapped_column(UtcDateTime)
    late: Mapped[bool]
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    files: Mapped[dict[str, str]] = mapped_column(JSON)
    receipt: Mapped[dict[str, Any]] = mapped_column(JSON)


class Feedback(Table):
    """The feedback that is in force for a hand-in; earlier ones are named in the audit."""

    __tablename__ = "feedback"
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    released_at: Mapped[datetime] = mapped_column(UtcDateTime)
    released_by: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    files: Mapped[dict[str, str]] = mapped_column(JSON)
    score: Mapped[dict[str, Any]] = mapped_column(JSON)


class Audit(Table):
    """Who did what, when. The database itself refuses to change or delete a row."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    who: Mapped[str] = mapped_column(String(255))
    what: Mapped[str] = mapped_column(String(32))
    course: Mapped[str] = mapped_column(String(64), index=True)
    assignment: Mapped[str] = mapped_column(String(64))
    submission: Mapped[str | None] = mapped_column(String(32))
    sha256: Mapped[str | None] = mapped_column(String(64))
