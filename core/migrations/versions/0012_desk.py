"""Language desk: findings, aids, and bookings that only look for the language."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["case_aids", "language_findings"]
SQLITE: list[str] = [
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'grow_only'); END"
    for table in ("language_findings", "case_aids")
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL: list[str] = [
    *(
        f"CREATE TRIGGER {table}_grow_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION grow_only()"
        for table in ("language_findings", "case_aids")
    ),
    *(statement for table in COUNTRY_TABLES for statement in policy_ddl(table)),
]


def upgrade() -> None:
    op.create_table(
        "language_findings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("variant", sa.String(length=3), nullable=True),
        sa.Column("fallback", sa.String(length=3), nullable=True),
        sa.Column("confidence", sa.String(length=24), nullable=False),
        sa.Column("found_by", sa.JSON(), nullable=False),
        sa.Column("confirmed_by", sa.String(length=24), nullable=False),
        sa.Column("by_code", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_language_findings_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_language_findings")),
    )
    op.create_index(op.f("ix_language_findings_country"), "language_findings", ["country"])
    op.create_index("ix_language_findings_case", "language_findings", ["case_id", "at"])
    op.create_table(
        "case_aids",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("ref", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_code", sa.String(length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_case_aids_case_id_cases")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_aids")),
    )
    op.create_index(op.f("ix_case_aids_country"), "case_aids", ["country"])
    op.create_index("ix_case_aids_case", "case_aids", ["case_id", "used_at"])
    op.add_column("bookings", sa.Column("purpose", sa.String(length=12), nullable=True))
    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    op.drop_column("bookings", "purpose")
    for table in ("case_aids", "language_findings"):
        op.drop_table(table)
