"""Text messages of the ring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

POSTGRESQL: list[str] = list(policy_ddl("phone_texts"))
"""What Alembic cannot express: policies."""


def upgrade() -> None:
    op.create_table(
        "phone_texts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("number_id", sa.String(length=40), nullable=True),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("provider", sa.String(length=12), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("carrier_code", sa.Integer(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["number_id"],
            ["phone_numbers.id"],
            name=op.f("fk_phone_texts_number_id_phone_numbers"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_texts")),
        sa.UniqueConstraint("message_id", name=op.f("uq_phone_texts_message_id")),
        sa.UniqueConstraint("reference", name=op.f("uq_phone_texts_reference")),
    )
    op.create_index(op.f("ix_phone_texts_country"), "phone_texts", ["country"], unique=False)
    op.create_index("ix_phone_texts_due", "phone_texts", ["state", "due_at"], unique=False)
    op.create_index(op.f("ix_phone_texts_interpreter_id"), "phone_texts", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_phone_texts_made_at"), "phone_texts", ["made_at"], unique=False)

    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, POSTGRESQL)


def downgrade() -> None:
    op.drop_table("phone_texts")
