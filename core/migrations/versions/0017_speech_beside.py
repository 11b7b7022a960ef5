"""Draft transcripts: how an answer came and who noted it, people beside the officer, lines of a shared microphone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def _how() -> list[sa.Column[str]]:
    return [
        sa.Column("how", sa.String(length=24), nullable=True),
        sa.Column("noted_part", sa.String(length=16), nullable=True),
        sa.Column("noted_code", sa.String(length=32), nullable=True),
    ]


def upgrade() -> None:
    for column in _how():
        op.add_column("speech_consents", column)
    op.add_column("speech_lines", sa.Column("shared", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "speech_beside",
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("answer", sa.String(length=24), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        *_how(),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["speech_drafts.session_id"],
            name=op.f("fk_speech_beside_session_id_speech_drafts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("session_id", "part", name=op.f("pk_speech_beside")),
    )
    op.create_index(op.f("ix_speech_beside_country"), "speech_beside", ["country"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, policy_ddl("speech_beside"))


def downgrade() -> None:
    op.drop_table("speech_beside")
    op.drop_column("speech_lines", "shared")
    for column in reversed(_how()):
        op.drop_column("speech_consents", column.name)
