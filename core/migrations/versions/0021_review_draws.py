"""Weekly draws of talks for review, with their seeds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "review_draws",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("drawn_at", UtcDateTime(), nullable=False),
        sa.Column("drawn_by", sa.String(length=40), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("frame_hash", sa.String(length=64), nullable=False),
        sa.Column("talks", sa.JSON(), nullable=False),
        sa.Column("rates", sa.JSON(), nullable=False),
        sa.Column("picks", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_draws")),
        sa.UniqueConstraint("country", "week", name=op.f("uq_review_draws_country_week")),
    )
    op.create_index(op.f("ix_review_draws_country"), "review_draws", ["country"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, policy_ddl("review_draws"))


def downgrade() -> None:
    op.drop_table("review_draws")
