"""What a case says beside its steps: removal, substitutes that the person accepted, changes of a wish; approval of police steps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

ASKED = sa.text("state = 'asked'")
_CASE: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("accepted_languages", sa.JSON()),
    ("accepted_at", UtcDateTime()),
    ("removal_at", UtcDateTime()),
    ("removal_zone", sa.String(length=40)),
    ("removal_noted_at", UtcDateTime()),
    ("removal_noted_by", sa.String(length=32)),
)
_BOOKING: tuple[tuple[str, sa.types.TypeEngine[Any]], ...] = (
    ("police_approval", sa.String(length=40)),
    ("police_by", sa.String(length=32)),
    ("police_at", UtcDateTime()),
)


def upgrade() -> None:
    for name, kind in _CASE:
        op.add_column("cases", sa.Column(name, kind, nullable=True))
    for name, kind in _BOOKING:
        op.add_column("bookings", sa.Column(name, kind, nullable=True))
    op.create_table(
        "wish_changes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("field", sa.String(length=16), nullable=False),
        sa.Column("from_wish", sa.String(length=8), nullable=False),
        sa.Column("to_wish", sa.String(length=8), nullable=False),
        sa.Column("to_must", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("interpreter_code", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=40), nullable=False),
        sa.Column("asked_by_code", sa.String(length=32), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_code", sa.String(length=32), nullable=True),
        sa.Column("refusal", sa.String(length=32), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_wish_changes_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wish_changes")),
    )
    op.create_index(op.f("ix_wish_changes_case_id"), "wish_changes", ["case_id"], unique=False)
    op.create_index(op.f("ix_wish_changes_country"), "wish_changes", ["country"], unique=False)
    op.create_index(op.f("ix_wish_changes_state"), "wish_changes", ["state"], unique=False)
    op.create_index(
        "uq_wish_changes_asked",
        "wish_changes",
        ["case_id", "field"],
        unique=True,
        sqlite_where=ASKED,
        postgresql_where=ASKED,
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, policy_ddl("wish_changes"))


def downgrade() -> None:
    op.drop_table("wish_changes")
    for name, _kind in _BOOKING:
        op.drop_column("bookings", name)
    for name, _kind in _CASE:
        op.drop_column("cases", name)
