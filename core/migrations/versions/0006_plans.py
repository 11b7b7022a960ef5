"""Plans: assignment proposals, their cells, pinned cells."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["plan_cells", "plan_pins", "plans"]


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("absent_id", sa.String(length=40), nullable=True),
        sa.Column("phase", sa.String(length=12), nullable=False),
        sa.Column("elapsed_ms", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("bound", sa.BigInteger(), nullable=True),
        sa.Column("bookings", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("stop_asked", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.String(length=32), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_plans_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("country", "version", name=op.f("uq_plans_country_version")),
    )
    op.create_index(op.f("ix_plans_country"), "plans", ["country"], unique=False)
    op.create_index("ix_plans_state", "plans", ["state", "made_at"], unique=False)
    op.create_index(
        "uq_plans_one_draft",
        "plans",
        ["country"],
        unique=True,
        sqlite_where=sa.text("state = 'draft'"),
        postgresql_where=sa.text("state = 'draft'"),
    )
    op.create_table(
        "plan_cells",
        sa.Column("plan_id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=True),
        sa.Column("before_id", sa.String(length=40), nullable=True),
        sa.Column("pivot", sa.String(length=3), nullable=True),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("cost", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_plan_cells_booking_id_bookings")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_cells_plan_id_plans"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "booking_id", "leg", name=op.f("pk_plan_cells")),
    )
    op.create_index(op.f("ix_plan_cells_country"), "plan_cells", ["country"], unique=False)
    op.create_index(op.f("ix_plan_cells_interpreter_id"), "plan_cells", ["interpreter_id"], unique=False)
    op.create_table(
        "plan_pins",
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("pinned_by", sa.String(length=40), nullable=False),
        sa.Column("pinned_at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_plan_pins_booking_id_bookings")),
        sa.PrimaryKeyConstraint("booking_id", "leg", name=op.f("pk_plan_pins")),
    )
    op.create_index(op.f("ix_plan_pins_country"), "plan_pins", ["country"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in COUNTRY_TABLES:
            execute_all(connection, policy_ddl(table))


def downgrade() -> None:
    for table in ("plan_pins", "plan_cells", "plans"):
        op.drop_table(table)
