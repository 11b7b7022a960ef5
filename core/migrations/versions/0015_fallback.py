"""The step-down ladder of a session: its state, its telephone calls, questions to everybody; who is in a room by telephone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["fallback_rooms", "fallback_calls", "fallback_openings", "fallback_opening_answers"]
OPEN_CALL = "state IN ('waiting','placing','calling')"


def _session() -> sa.Column[str]:
    return sa.Column("session_id", sa.String(length=40), nullable=False)


def _country() -> sa.Column[str]:
    return sa.Column("country", sa.String(length=2), nullable=False)


def _of_session(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_session_id_sessions")
    return sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=name, ondelete="CASCADE")


def _of_place(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_place_id_session_participants")
    return sa.ForeignKeyConstraint(["place_id"], ["session_participants.id"], name=name, ondelete="CASCADE")


def upgrade() -> None:
    op.add_column("session_participants", sa.Column("phone_leg_id", sa.String(length=40), nullable=True))
    op.add_column("session_participants", sa.Column("weak_since", UtcDateTime(), nullable=True))
    op.add_column("session_participants", sa.Column("video_why", sa.String(length=16), nullable=True))
    op.create_table(
        "fallback_rooms",
        _session(),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sound_only", sa.Boolean(), nullable=False),
        sa.Column("stop_reason", sa.String(length=24), nullable=True),
        sa.Column("stop_at", UtcDateTime(), nullable=True),
        sa.Column("answered_losses", sa.Integer(), nullable=False),
        sa.Column("repeated_at", UtcDateTime(), nullable=True),
        sa.Column("told", sa.String(length=64), nullable=True),
        sa.Column("agreement", sa.String(length=8), nullable=True),
        sa.Column("agreement_how", sa.String(length=12), nullable=True),
        sa.Column("agreement_at", UtcDateTime(), nullable=True),
        _country(),
        _of_session("fallback_rooms"),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_fallback_rooms")),
    )
    op.create_index(op.f("ix_fallback_rooms_country"), "fallback_rooms", ["country"])
    op.create_table(
        "fallback_calls",
        sa.Column("id", sa.String(length=40), nullable=False),
        _session(),
        sa.Column("place_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("lost_from", UtcDateTime(), nullable=True),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("placed_at", UtcDateTime(), nullable=True),
        sa.Column("leg_id", sa.String(length=40), nullable=True),
        sa.Column("leg_state", sa.String(length=12), nullable=True),
        sa.Column("why", sa.String(length=40), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _country(),
        _of_session("fallback_calls"),
        _of_place("fallback_calls"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fallback_calls")),
    )
    op.create_index(op.f("ix_fallback_calls_country"), "fallback_calls", ["country"])
    op.create_index(op.f("ix_fallback_calls_session_id"), "fallback_calls", ["session_id"])
    op.create_index(op.f("ix_fallback_calls_leg_id"), "fallback_calls", ["leg_id"])
    op.create_index(
        "ux_fallback_calls_open",
        "fallback_calls",
        ["place_id"],
        unique=True,
        sqlite_where=sa.text(OPEN_CALL),
        postgresql_where=sa.text(OPEN_CALL),
    )
    op.create_table(
        "fallback_openings",
        sa.Column("id", sa.String(length=40), nullable=False),
        _session(),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("asked_by", sa.String(length=16), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        _country(),
        _of_session("fallback_openings"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fallback_openings")),
    )
    op.create_index(op.f("ix_fallback_openings_country"), "fallback_openings", ["country"])
    op.create_index(
        "ux_fallback_openings_asked",
        "fallback_openings",
        ["session_id"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_table(
        "fallback_opening_answers",
        sa.Column("opening_id", sa.String(length=40), nullable=False),
        sa.Column("place_id", sa.String(length=40), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        _country(),
        sa.ForeignKeyConstraint(
            ["opening_id"],
            ["fallback_openings.id"],
            name=op.f("fk_fallback_opening_answers_opening_id_fallback_openings"),
            ondelete="CASCADE",
        ),
        _of_place("fallback_opening_answers"),
        sa.PrimaryKeyConstraint("opening_id", "place_id", name=op.f("pk_fallback_opening_answers")),
    )
    op.create_index(op.f("ix_fallback_opening_answers_country"), "fallback_opening_answers", ["country"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, [statement for table in COUNTRY_TABLES for statement in policy_ddl(table)])


def downgrade() -> None:
    for table in reversed(COUNTRY_TABLES):
        op.drop_table(table)
    for column in ("video_why", "weak_since", "phone_leg_id"):
        op.drop_column("session_participants", column)
