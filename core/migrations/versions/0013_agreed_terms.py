"""Agreed terms of a case."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SQLITE: list[str] = [
    "CREATE TRIGGER case_term_moves_no_update BEFORE UPDATE ON case_term_moves "
    "BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
]
POSTGRESQL: list[str] = [
    "CREATE TRIGGER case_term_moves_grow_only BEFORE UPDATE ON case_term_moves "
    "FOR EACH ROW EXECUTE FUNCTION grow_only()",
    *policy_ddl("case_term_moves"),
    *policy_ddl("case_terms"),
]
"""What Alembic cannot express: triggers and policies."""
LIVING = sa.text("state IN ('proposed', 'agreed')")


def upgrade() -> None:
    op.create_table(
        "case_terms",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("officer_language", sa.String(length=3), nullable=False),
        sa.Column("officer_term", sa.String(length=80), nullable=False),
        sa.Column("person_term", sa.String(length=80), nullable=False),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.Column("folded", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("proposed_part", sa.String(length=16), nullable=False),
        sa.Column("state_since", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_terms_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_terms")),
    )
    op.create_index(op.f("ix_case_terms_case_id"), "case_terms", ["case_id"], unique=False)
    op.create_index(op.f("ix_case_terms_country"), "case_terms", ["country"], unique=False)
    op.create_index(
        "uq_case_terms_living",
        "case_terms",
        ["case_id", "language", "officer_language", "folded"],
        unique=True,
        sqlite_where=LIVING,
        postgresql_where=LIVING,
    )
    op.create_table(
        "case_term_moves",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("term_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("move", sa.String(length=24), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_term_moves_case_id_cases"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["term_id"], ["case_terms.id"], name=op.f("fk_case_term_moves_term_id_case_terms"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "seq", name=op.f("pk_case_term_moves")),
    )
    op.create_index(op.f("ix_case_term_moves_country"), "case_term_moves", ["country"], unique=False)
    op.create_index(op.f("ix_case_term_moves_term_id"), "case_term_moves", ["term_id"], unique=False)

    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    op.drop_table("case_term_moves")
    op.drop_table("case_terms")
