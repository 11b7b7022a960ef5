"""Rosters: versions, shifts, wishes, swaps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["roster_searches", "roster_versions", "rosters", "shift_swaps", "shifts"]


def upgrade() -> None:
    op.create_table(
        "rosters",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("newest", sa.Integer(), nullable=False),
        sa.Column("published", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rosters")),
    )
    op.create_index(op.f("ix_rosters_country"), "rosters", ["country"], unique=False)
    op.create_index(
        "uq_rosters_period",
        "rosters",
        ["country", "starts_on"],
        unique=True,
        sqlite_where=sa.text("state <> 'dropped'"),
        postgresql_where=sa.text("state <> 'dropped'"),
    )
    op.create_table(
        "roster_searches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("roster_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("stop", sa.Boolean(), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("begun_by", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["roster_id"], ["rosters.id"], name=op.f("fk_roster_searches_roster_id_rosters"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_searches")),
    )
    op.create_index(op.f("ix_roster_searches_country"), "roster_searches", ["country"], unique=False)
    op.create_index(op.f("ix_roster_searches_roster_id"), "roster_searches", ["roster_id"], unique=False)
    op.create_index(
        "uq_roster_searches_running",
        "roster_searches",
        ["roster_id"],
        unique=True,
        sqlite_where=sa.text("state = 'running'"),
        postgresql_where=sa.text("state = 'running'"),
    )
    op.create_table(
        "roster_versions",
        sa.Column("roster_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("pins", sa.JSON(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("bound", sa.Integer(), nullable=True),
        sa.Column("coverage_permille", sa.Integer(), nullable=False),
        sa.Column("fairness_permille", sa.Integer(), nullable=False),
        sa.Column("gaps", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["roster_id"], ["rosters.id"], name=op.f("fk_roster_versions_roster_id_rosters"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("roster_id", "number", name=op.f("pk_roster_versions")),
    )
    op.create_index(op.f("ix_roster_versions_country"), "roster_versions", ["country"], unique=False)
    op.create_table(
        "shift_wishes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("work", sa.Boolean(), nullable=False),
        sa.Column("time", sa.String(length=8), nullable=True),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_shift_wishes_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_wishes")),
        sa.UniqueConstraint("interpreter_id", "day", name=op.f("uq_shift_wishes_interpreter_id_day")),
    )
    op.create_table(
        "shifts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("roster_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("ended_version", sa.Integer(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_shifts_interpreter_id_interpreters")
        ),
        sa.ForeignKeyConstraint(["roster_id"], ["rosters.id"], name=op.f("fk_shifts_roster_id_rosters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shifts")),
    )
    op.create_index(op.f("ix_shifts_country"), "shifts", ["country"], unique=False)
    op.create_index(op.f("ix_shifts_roster_id"), "shifts", ["roster_id"], unique=False)
    op.create_index(op.f("ix_shifts_starts_at"), "shifts", ["starts_at"], unique=False)
    op.create_index(
        "uq_shifts_person_day",
        "shifts",
        ["interpreter_id", "day"],
        unique=True,
        sqlite_where=sa.text("ended_version IS NULL"),
        postgresql_where=sa.text("ended_version IS NULL"),
    )
    op.create_table(
        "shift_swaps",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("shift_id", sa.String(length=40), nullable=False),
        sa.Column("from_id", sa.String(length=40), nullable=False),
        sa.Column("to_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=40), nullable=True),
        sa.Column("gap_half_hours", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["from_id"], ["interpreters.id"], name=op.f("fk_shift_swaps_from_id_interpreters")),
        sa.ForeignKeyConstraint(["shift_id"], ["shifts.id"], name=op.f("fk_shift_swaps_shift_id_shifts")),
        sa.ForeignKeyConstraint(["to_id"], ["interpreters.id"], name=op.f("fk_shift_swaps_to_id_interpreters")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_swaps")),
    )
    op.create_index(op.f("ix_shift_swaps_country"), "shift_swaps", ["country"], unique=False)
    op.create_index(op.f("ix_shift_swaps_from_id"), "shift_swaps", ["from_id"], unique=False)
    op.create_index(op.f("ix_shift_swaps_to_id"), "shift_swaps", ["to_id"], unique=False)
    op.create_index(
        "uq_shift_swaps_open",
        "shift_swaps",
        ["shift_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('asked','taken')"),
        postgresql_where=sa.text("state IN ('asked','taken')"),
    )

    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        execute_all(connection, [statement for table in COUNTRY_TABLES for statement in policy_ddl(table)])


def downgrade() -> None:
    for table in ("shift_swaps", "shift_wishes", "shifts", "roster_searches", "roster_versions", "rosters"):
        op.drop_table(table)
