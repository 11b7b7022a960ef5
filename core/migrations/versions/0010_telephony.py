"""Telephone legs: numbers, calls, PINs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["dial_in_pins", "phone_legs"]
POSTGRESQL: list[str] = [statement for table in COUNTRY_TABLES for statement in policy_ddl(table)]
"""What Alembic cannot express: policies."""


def upgrade() -> None:
    op.create_table(
        "phone_numbers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=True),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("last_two", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=4), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("(interpreter_id IS NULL) <> (user_id IS NULL)", name=op.f("ck_phone_numbers_one_owner")),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_phone_numbers_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_numbers")),
        sa.UniqueConstraint("interpreter_id", name=op.f("uq_phone_numbers_interpreter_id")),
        sa.UniqueConstraint("user_id", name=op.f("uq_phone_numbers_user_id")),
    )
    op.create_index(op.f("ix_phone_numbers_digest"), "phone_numbers", ["digest"], unique=False)
    op.create_table(
        "phone_legs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("place_id", sa.String(length=40), nullable=True),
        sa.Column("interpreter_id", sa.String(length=40), nullable=True),
        sa.Column("offer_id", sa.String(length=40), nullable=True),
        sa.Column("number_id", sa.String(length=40), nullable=True),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("reason", sa.String(length=12), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("call_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("why", sa.String(length=24), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("carrier_code", sa.Integer(), nullable=True),
        sa.Column("region", sa.String(length=4), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("rung_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("joined_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=True),
        sa.Column("called", sa.String(length=64), nullable=True),
        sa.Column("ticket_hash", sa.String(length=64), nullable=True),
        sa.Column("ticket_until", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_phone_legs_ended")),
        sa.ForeignKeyConstraint(
            ["number_id"], ["phone_numbers.id"], name=op.f("fk_phone_legs_number_id_phone_numbers"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_legs")),
        sa.UniqueConstraint("call_id", name=op.f("uq_phone_legs_call_id")),
        sa.UniqueConstraint("ticket_hash", name=op.f("uq_phone_legs_ticket_hash")),
    )
    op.create_index(op.f("ix_phone_legs_country"), "phone_legs", ["country"], unique=False)
    op.create_index("ix_phone_legs_due", "phone_legs", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_phone_legs_interpreter_id"), "phone_legs", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_phone_legs_session_id"), "phone_legs", ["session_id"], unique=False)
    op.create_table(
        "dial_in_pins",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("place_id", sa.String(length=40), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dial_in_pins")),
        sa.UniqueConstraint("digest", name=op.f("uq_dial_in_pins_digest")),
    )
    op.create_index(op.f("ix_dial_in_pins_country"), "dial_in_pins", ["country"], unique=False)
    op.create_index(op.f("ix_dial_in_pins_session_id"), "dial_in_pins", ["session_id"], unique=False)
    op.create_table(
        "pin_tries",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("called", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pin_tries")),
    )
    op.create_index("ix_pin_tries_called", "pin_tries", ["called", "at"], unique=False)
    op.create_index("ix_pin_tries_caller", "pin_tries", ["caller", "at"], unique=False)
    op.create_table(
        "carrier_news",
        sa.Column("call_id", sa.String(length=64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", "number", name=op.f("pk_carrier_news")),
    )
    op.create_index(op.f("ix_carrier_news_at"), "carrier_news", ["at"], unique=False)

    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, POSTGRESQL)


def downgrade() -> None:
    for table in ("carrier_news", "pin_tries", "dial_in_pins", "phone_legs", "phone_numbers"):
        op.drop_table(table)
