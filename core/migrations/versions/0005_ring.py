"""The ring: ladders, how people answer, who stood where, holds, push subscriptions, messages that go out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["ladders", "reach_attempts", "ring_holds", "ring_places"]


def upgrade() -> None:
    op.create_table(
        "ladders",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("policy", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(length=32), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_ladders")),
    )
    op.create_table(
        "ring_standings",
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("asked", sa.Float(), nullable=False),
        sa.Column("taken", sa.Float(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.Column("target_min", sa.Integer(), nullable=True),
        sa.CheckConstraint("asked >= 0 AND taken >= 0", name=op.f("ck_ring_standings_counts")),
        sa.PrimaryKeyConstraint("interpreter_id", name=op.f("pk_ring_standings")),
    )
    op.create_table(
        "ring_places",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rung", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("of", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("because", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("idle_min", sa.Integer(), nullable=True),
        sa.Column("share_permille", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ring_places")),
        sa.UniqueConstraint(
            "booking_id", "round", "interpreter_id", name=op.f("uq_ring_places_booking_id_round_interpreter_id")
        ),
    )
    op.create_index(op.f("ix_ring_places_at"), "ring_places", ["at"], unique=False)
    op.create_index(op.f("ix_ring_places_booking_id"), "ring_places", ["booking_id"], unique=False)
    op.create_index(op.f("ix_ring_places_country"), "ring_places", ["country"], unique=False)
    op.create_index("ix_ring_places_person", "ring_places", ["interpreter_id", "at"], unique=False)
    op.create_table(
        "ring_holds",
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("free", sa.Integer(), nullable=False),
        sa.Column("reserve", sa.Integer(), nullable=False),
        sa.Column("lifted_by", sa.String(length=40), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("booking_id", name=op.f("pk_ring_holds")),
    )
    op.create_index(op.f("ix_ring_holds_country"), "ring_holds", ["country"], unique=False)
    op.create_table(
        "push_subscriptions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("endpoint", sa.String(length=1000), nullable=False),
        sa.Column("p256dh", sa.String(length=120), nullable=False),
        sa.Column("auth", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_ok_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_push_subscriptions")),
        sa.UniqueConstraint("endpoint", name=op.f("uq_push_subscriptions_endpoint")),
    )
    op.create_index(
        op.f("ix_push_subscriptions_interpreter_id"), "push_subscriptions", ["interpreter_id"], unique=False
    )
    op.create_table(
        "reach_attempts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("means", sa.String(length=8), nullable=False),
        sa.Column("offer_id", sa.String(length=40), nullable=True),
        sa.Column("booking_id", sa.String(length=40), nullable=True),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reach_attempts")),
    )
    op.create_index(op.f("ix_reach_attempts_booking_id"), "reach_attempts", ["booking_id"], unique=False)
    op.create_index(op.f("ix_reach_attempts_country"), "reach_attempts", ["country"], unique=False)
    op.create_index("ix_reach_attempts_due", "reach_attempts", ["state", "made_at"], unique=False)
    op.create_index(op.f("ix_reach_attempts_interpreter_id"), "reach_attempts", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_reach_attempts_offer_id"), "reach_attempts", ["offer_id"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in COUNTRY_TABLES:
            execute_all(connection, policy_ddl(table))


def downgrade() -> None:
    for table in ("reach_attempts", "push_subscriptions", "ring_holds", "ring_places", "ring_standings", "ladders"):
        op.drop_table(table)
