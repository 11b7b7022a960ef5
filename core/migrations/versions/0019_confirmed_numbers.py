"""Telephone numbers are confirmed before they are rung: when that was, and the calls for it.

A number by which somebody was in a session before counts as confirmed; all others wait for the call.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.rls import see_countries

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("phone_numbers", sa.Column("confirmed_at", UtcDateTime(), nullable=True))
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        see_countries(connection)
    op.execute(
        sa.text(
            "UPDATE phone_numbers SET confirmed_at = (SELECT max(leg.joined_at) FROM phone_legs AS leg"
            " WHERE leg.number_id = phone_numbers.id AND leg.direction = 'out')"
        )
    )
    op.create_table(
        "number_checks",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number_id", sa.String(length=40), nullable=False),
        sa.Column("number_digest", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("leg_id", sa.String(length=40), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_checks")),
        sa.UniqueConstraint("leg_id", name=op.f("uq_number_checks_leg_id")),
    )
    op.create_index(op.f("ix_number_checks_number_id"), "number_checks", ["number_id"], unique=False)
    op.create_index("ix_number_checks_number_digest", "number_checks", ["number_digest", "made_at"], unique=False)
    op.create_index("ix_number_checks_made_by", "number_checks", ["made_by", "made_at"], unique=False)


def downgrade() -> None:
    op.drop_table("number_checks")
    op.drop_column("phone_numbers", "confirmed_at")
