"""Speech: switches, draft transcripts with their consents and lines, texts in the record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["speech_consents", "speech_drafts", "speech_lines", "speech_switches", "speech_transcripts"]
POSTGRESQL: list[str] = [statement for table in COUNTRY_TABLES for statement in policy_ddl(table)]
"""What Alembic cannot express: policies."""


def upgrade() -> None:
    op.create_table(
        "speech_switches",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("step_code", sa.String(length=16), nullable=False),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("changed_by", sa.String(length=40), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("country", "step_code", name=op.f("pk_speech_switches")),
    )
    op.create_table(
        "speech_drafts",
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=24), nullable=True),
        sa.Column("keep", sa.Boolean(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("wiped_version", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(length=40), nullable=True),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_speech_drafts_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_speech_drafts")),
    )
    op.create_index(op.f("ix_speech_drafts_country"), "speech_drafts", ["country"], unique=False)
    op.create_table(
        "speech_consents",
        sa.Column("place_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(length=24), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["place_id"],
            ["session_participants.id"],
            name=op.f("fk_speech_consents_place_id_session_participants"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["speech_drafts.session_id"],
            name=op.f("fk_speech_consents_session_id_speech_drafts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_speech_consents")),
    )
    op.create_index(op.f("ix_speech_consents_country"), "speech_consents", ["country"], unique=False)
    op.create_index(op.f("ix_speech_consents_session_id"), "speech_consents", ["session_id"], unique=False)
    op.create_table(
        "speech_lines",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("place_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("from_at", UtcDateTime(), nullable=False),
        sa.Column("to_at", UtcDateTime(), nullable=False),
        sa.Column("draft_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("corrected_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("corrected_part", sa.String(length=16), nullable=True),
        sa.Column("missing", sa.String(length=16), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["speech_drafts.session_id"],
            name=op.f("fk_speech_lines_session_id_speech_drafts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_speech_lines")),
    )
    op.create_index(op.f("ix_speech_lines_country"), "speech_lines", ["country"], unique=False)
    op.create_index(op.f("ix_speech_lines_session_id"), "speech_lines", ["session_id"], unique=False)
    op.create_table(
        "speech_transcripts",
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("kept_at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("fk_speech_transcripts_session_id_sessions"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_speech_transcripts")),
    )
    op.create_index(op.f("ix_speech_transcripts_country"), "speech_transcripts", ["country"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, POSTGRESQL)


def downgrade() -> None:
    for table in ("speech_transcripts", "speech_lines", "speech_consents", "speech_drafts", "speech_switches"):
        op.drop_table(table)
