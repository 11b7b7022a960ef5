"""Bookings: series, teams, holds, relay legs.

A hold keeps the time of an interpreter like agreed work, so both constraints against double booking count held assignments too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all, without_triggers
from core.db.rls import drop_policy_ddl, policy_ddl, see_countries

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OPEN_STATES = "state IN ('requested','held','offering','unfilled','assigned','in_session')"
KEPT = "state IN ('held','active')"
_OVERLAP = (
    "SELECT RAISE(ABORT, 'no_double_booking') WHERE NEW.state IN ('held','active') AND EXISTS (SELECT 1 FROM assignments a "
    "WHERE a.interpreter_id = NEW.interpreter_id AND a.state IN ('held','active') AND a.id IS NOT NEW.id "
    "AND a.starts_at < NEW.busy_until AND NEW.starts_at < a.busy_until)"
)
TRIGGERS = {
    "assignments_no_double_insert": (
        f"CREATE TRIGGER assignments_no_double_insert BEFORE INSERT ON assignments BEGIN {_OVERLAP}; END"
    ),
    "assignments_no_double_update": (
        "CREATE TRIGGER assignments_no_double_update BEFORE UPDATE OF interpreter_id, starts_at, busy_until, state "
        f"ON assignments BEGIN {_OVERLAP}; END"
    ),
}
_OLD_OVERLAP = _OVERLAP.replace("IN ('held','active')", "= 'active'")
EXCLUSION = (
    "ALTER TABLE assignments ADD CONSTRAINT no_double_booking EXCLUDE USING gist "
    "(interpreter_id WITH =, tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE ({where})"
)


def upgrade() -> None:
    connection = op.get_bind()
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:
        see_countries(connection)
    _series()
    _bookings()
    with op.batch_alter_table("offers") as batch:
        batch.add_column(sa.Column("leg", sa.Integer(), nullable=True))
    op.execute("UPDATE offers SET leg = 1")
    with op.batch_alter_table("offers") as batch:
        batch.alter_column("leg", existing_type=sa.Integer(), nullable=False)
    op.drop_index("uq_assignments_one_winner", table_name="assignments")
    with without_triggers(connection, "assignments"):
        _assignments()
    _one_winner(KEPT)
    if on_postgresql:
        execute_all(
            connection,
            ["ALTER TABLE assignments DROP CONSTRAINT no_double_booking", EXCLUSION.format(where=KEPT)],
        )
        execute_all(connection, policy_ddl("booking_series"))
    else:
        execute_all(connection, [f'DROP TRIGGER "{name}"' for name in TRIGGERS])
        execute_all(connection, list(TRIGGERS.values()))


def _series() -> None:
    op.create_table(
        "booking_series",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("step_code", sa.String(length=16), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("failed", sa.JSON(), nullable=False),
        sa.Column("requested_by", sa.String(length=40), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_series")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_booking_series_idempotency_key")),
    )
    op.create_index(op.f("ix_booking_series_case_id"), "booking_series", ["case_id"], unique=False)
    op.create_index(op.f("ix_booking_series_country"), "booking_series", ["country"], unique=False)


def _bookings() -> None:
    op.drop_index("uq_bookings_open_step", table_name="bookings")
    with op.batch_alter_table("bookings") as batch:
        batch.add_column(sa.Column("way", sa.String(length=8), nullable=True))
        batch.add_column(sa.Column("pivot", sa.String(length=3), nullable=True))
        batch.add_column(sa.Column("relay_state", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("relay_by", sa.String(length=32), nullable=True))
        batch.add_column(sa.Column("relay_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("series_id", sa.String(length=40), nullable=True))
        batch.add_column(sa.Column("occurrence", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("hold_until", UtcDateTime(), nullable=True))
    op.execute("UPDATE bookings SET way = 'direct'")
    with op.batch_alter_table("bookings") as batch:
        batch.alter_column("way", existing_type=sa.String(length=8), nullable=False)
        batch.create_foreign_key(op.f("fk_bookings_series_id_booking_series"), "booking_series", ["series_id"], ["id"])
        batch.create_unique_constraint(op.f("uq_bookings_series_id_occurrence"), ["series_id", "occurrence"])
    op.create_index(op.f("ix_bookings_series_id"), "bookings", ["series_id"], unique=False)
    op.create_index(op.f("ix_bookings_hold_until"), "bookings", ["hold_until"], unique=False)
    _open_step(OPEN_STATES)


def _assignments() -> None:
    with op.batch_alter_table("assignments") as batch:
        batch.add_column(sa.Column("ends_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("minutes", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("block_min", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("expires_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("notice_class", sa.String(length=12), nullable=True))
        batch.add_column(sa.Column("notice_hours", sa.Integer(), nullable=True))
        batch.add_column(sa.Column("notice_percent", sa.Integer(), nullable=True))
    op.execute(
        "UPDATE assignments SET block_min = 45, "  # noqa: S608 - our own columns
        "ends_at = (SELECT b.ends_at FROM bookings b WHERE b.id = assignments.booking_id), "
        f"minutes = (SELECT {_minutes('b.ends_at', 'b.starts_at')} FROM bookings b "
        "WHERE b.id = assignments.booking_id)"
    )
    with op.batch_alter_table("assignments") as batch:
        batch.alter_column("ends_at", existing_type=UtcDateTime(), nullable=False)
        batch.alter_column("minutes", existing_type=sa.Integer(), nullable=False)
        batch.alter_column("block_min", existing_type=sa.Integer(), nullable=False)


def _minutes(end: str, start: str) -> str:
    """SQL for the whole minutes between two instants, which are integers on SQLite."""
    if op.get_bind().dialect.name == "postgresql":
        return f"CAST(EXTRACT(EPOCH FROM {end} - {start}) / 60 AS INTEGER)"
    return f"({end} - {start}) / 60000000"


def _open_step(where: str) -> None:
    op.create_index(
        "uq_bookings_open_step",
        "bookings",
        ["step_id"],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def _one_winner(where: str) -> None:
    op.create_index(
        "uq_assignments_one_winner",
        "assignments",
        ["booking_id", "leg"],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def downgrade() -> None:
    connection = op.get_bind()
    on_postgresql = connection.dialect.name == "postgresql"
    if on_postgresql:
        see_countries(connection)
        execute_all(connection, drop_policy_ddl("booking_series"))
    op.execute("UPDATE assignments SET state = 'released' WHERE state = 'held'")
    op.execute("UPDATE bookings SET state = 'cancelled' WHERE state = 'held'")
    op.drop_index("uq_assignments_one_winner", table_name="assignments")
    with without_triggers(connection, "assignments"), op.batch_alter_table("assignments") as batch:
        for column in (
            "ends_at", "minutes", "block_min", "expires_at", "notice_class", "notice_hours", "notice_percent",
        ):  # fmt: skip
            batch.drop_column(column)
    _one_winner("state = 'active'")
    if on_postgresql:
        execute_all(
            connection,
            [
                "ALTER TABLE assignments DROP CONSTRAINT no_double_booking",
                EXCLUSION.format(where="state = 'active'"),
            ],
        )
    else:
        execute_all(connection, [f'DROP TRIGGER "{name}"' for name in TRIGGERS])
        execute_all(connection, [made.replace(_OVERLAP, _OLD_OVERLAP) for made in TRIGGERS.values()])
    with op.batch_alter_table("offers") as batch:
        batch.drop_column("leg")
    op.drop_index("uq_bookings_open_step", table_name="bookings")
    op.drop_index(op.f("ix_bookings_series_id"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_hold_until"), table_name="bookings")
    with op.batch_alter_table("bookings") as batch:
        batch.drop_constraint(op.f("fk_bookings_series_id_booking_series"), type_="foreignkey")
        batch.drop_constraint(op.f("uq_bookings_series_id_occurrence"), type_="unique")
    with op.batch_alter_table("bookings") as batch:
        for column in (
            "way", "pivot", "relay_state", "relay_by", "relay_at", "series_id", "occurrence", "hold_until",
        ):  # fmt: skip
            batch.drop_column(column)
    _open_step("state IN ('requested','offering','unfilled','assigned','in_session')")
    op.drop_table("booking_series")
