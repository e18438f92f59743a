# SPDX-License-Identifier: BSD-3-Clause
"""First tables: assignments, submissions, feedback, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; the audit's rows cannot be changed or deleted."""
    op.create_table(
        "assignments",
        sa.Column("course", sa.String(64), primary_key=True),
        sa.Column("assignment", sa.String(64), primary_key=True),
        sa.Column("released_at", _TIME, nullable=False),
        sa.Column("released_by", sa.String(255), nullable=False),
        sa.Column("withdrawn_at", _TIME),
        sa.Column("due", _TIME),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("lab", sa.JSON, nullable=False),
    )
    op.create_table(
        "submissions",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("learner", sa.String(255), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("timestamp", _TIME, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("receipt", sa.JSON, nullable=False),
        sa.UniqueConstraint("course", "assignment", "learner", "key", name="submission_key"),
        sa.UniqueConstraint("course", "assignment", "learner", "attempt", name="submission_attempt"),
    )
    op.create_index("submission_course_learner", "submissions", ["course", "learner"])
    op.create_table(
        "feedback",
        sa.Column("submission", sa.String(32), sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("released_at", _TIME, nullable=False),
        sa.Column("released_by", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("score", sa.JSON, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("who", sa.String(255), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("course", sa.String(64), nullable=False),
        sa.Column("assignment", sa.String(64), nullable=False),
        sa.Column("submission", sa.String(32)),
        sa.Column("sha256", sa.String(64)),
    )
    op.create_index("ix_audit_course", "audit", ["course"])
    _make_append_only()


def _make_append_only() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
                "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()"
    )
