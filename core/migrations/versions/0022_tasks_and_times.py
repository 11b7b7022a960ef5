"""Referral tasks (S-10); requests that hurry or are escalated by the clock (M-10, M-3); other times that an interpreter is asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_BOOKING = ("reclass_at", "must_due_at", "must_escalated_at")
_TABLES = ("referral_tasks", "time_proposals")


def upgrade() -> None:
    for name in _BOOKING:
        op.add_column("bookings", sa.Column(name, UtcDateTime(), nullable=True))
    op.create_index(op.f("ix_bookings_reclass_at"), "bookings", ["reclass_at"], unique=False)
    op.create_index(op.f("ix_bookings_must_due_at"), "bookings", ["must_due_at"], unique=False)
    op.create_table(
        "referral_tasks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("raised_by_part", sa.String(length=16), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("overdue_told_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_by_code", sa.String(length=32), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_referral_tasks_case_id_cases"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_referral_tasks_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_tasks")),
        sa.UniqueConstraint("session_id", name=op.f("uq_referral_tasks_session_id")),
    )
    for column in ("case_id", "country", "state"):
        op.create_index(op.f(f"ix_referral_tasks_{column}"), "referral_tasks", [column], unique=False)
    asked = sa.text("state = 'asked'")
    op.create_table(
        "time_proposals",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by_code", sa.String(length=32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_time_proposals_booking_id_bookings")),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_time_proposals_interpreter_id_interpreters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_proposals")),
    )
    for column in ("booking_id", "country", "interpreter_id", "expires_at"):
        op.create_index(op.f(f"ix_time_proposals_{column}"), "time_proposals", [column], unique=False)
    op.create_index(
        "uq_time_proposals_asked",
        "time_proposals",
        ["booking_id"],
        unique=True,
        sqlite_where=asked,
        postgresql_where=asked,
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in _TABLES:
            execute_all(connection, policy_ddl(table))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index(op.f("ix_bookings_must_due_at"), "bookings")
    op.drop_index(op.f("ix_bookings_reclass_at"), "bookings")
    for name in _BOOKING:
        op.drop_column("bookings", name)
