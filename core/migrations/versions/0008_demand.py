"""Demand: forecasts, cover, surge states."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["demand_counts", "demand_forecasts", "surge_changes", "surge_runs", "surge_states"]
SQLITE: list[str] = [
    "CREATE TRIGGER surge_changes_no_update BEFORE UPDATE ON surge_changes BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
    "CREATE TRIGGER surge_changes_no_delete BEFORE DELETE ON surge_changes BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
]
POSTGRESQL: list[str] = [
    "CREATE TRIGGER surge_changes_grow_only BEFORE UPDATE OR DELETE ON surge_changes FOR EACH ROW EXECUTE "
    "FUNCTION grow_only()",
    *(statement for table in COUNTRY_TABLES for statement in policy_ddl(table)),
]


def upgrade() -> None:
    op.create_table(
        "demand_counts",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("scheduled", sa.Integer(), nullable=False),
        sa.CheckConstraint("arrivals >= 0 AND scheduled >= 0", name=op.f("ck_demand_counts_not_negative")),
        sa.PrimaryKeyConstraint("country", "language", "starts_at", name=op.f("pk_demand_counts")),
    )
    op.create_index("ix_demand_counts_time", "demand_counts", ["country", "starts_at"])
    op.create_table(
        "demand_spans",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("counted_from", UtcDateTime(), nullable=False),
        sa.Column("counted_until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_demand_spans")),
    )
    op.create_table(
        "demand_forecasts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("model", sa.String(length=16), nullable=False),
        sa.Column("fitted", sa.JSON(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_demand_forecasts")),
    )
    op.create_index(op.f("ix_demand_forecasts_country"), "demand_forecasts", ["country"])
    op.create_index(op.f("ix_demand_forecasts_made_at"), "demand_forecasts", ["made_at"])
    op.create_table(
        "surge_states",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("multiplier", sa.Float(), nullable=False),
        sa.Column("held_until", UtcDateTime(), nullable=True),
        sa.Column("switches", sa.JSON(), nullable=False),
        sa.Column("calm_since", UtcDateTime(), nullable=True),
        sa.Column("reading", sa.JSON(), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("multiplier >= 0.1 AND multiplier <= 100", name=op.f("ck_surge_states_multiplier")),
        sa.PrimaryKeyConstraint("country", name=op.f("pk_surge_states")),
    )
    op.create_table(
        "surge_changes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("before", sa.String(length=24), nullable=False),
        sa.Column("after", sa.String(length=24), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("actor_code", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("multiplier", sa.Float(), nullable=False),
        sa.Column("switches", sa.JSON(), nullable=False),
        sa.Column("reading", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surge_changes")),
    )
    op.create_index(op.f("ix_surge_changes_country"), "surge_changes", ["country"])
    op.create_index("ix_surge_changes_story", "surge_changes", ["country", "at"])
    op.create_table(
        "surge_runs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(length=40), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_surge_runs")),
    )
    op.create_index(op.f("ix_surge_runs_country"), "surge_runs", ["country"])
    op.create_index(op.f("ix_surge_runs_made_at"), "surge_runs", ["made_at"])
    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    for table in ("surge_runs", "surge_changes", "surge_states", "demand_forecasts", "demand_spans", "demand_counts"):
        op.drop_table(table)
