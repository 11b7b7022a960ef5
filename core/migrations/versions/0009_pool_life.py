"""Pool life: documents, reviews, timesheets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["complaints", "pay_rates", "quality_reviews", "session_ratings", "timesheet_lines"]
SQLITE: list[str] = [
    "CREATE TRIGGER pool_evidence_no_update BEFORE UPDATE ON pool_evidence BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
]
POSTGRESQL: list[str] = [
    "CREATE TRIGGER pool_evidence_grow_only BEFORE UPDATE ON pool_evidence FOR EACH ROW EXECUTE FUNCTION grow_only()",
    *(statement for table in COUNTRY_TABLES for statement in policy_ddl(table)),
]
"""What Alembic cannot express: triggers and policies."""


def upgrade() -> None:
    op.create_table(
        "pay_rates",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("engagement", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("currency", sa.String(length=24), nullable=False),
        sa.Column("minor_per_hour", sa.Integer(), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("minor_per_hour >= 0", name=op.f("ck_pay_rates_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pay_rates")),
        sa.UniqueConstraint(
            "country", "engagement", "kind", "valid_from", name=op.f("uq_pay_rates_country_engagement_kind_valid_from")
        ),
    )
    op.create_index(op.f("ix_pay_rates_country"), "pay_rates", ["country"], unique=False)
    op.create_table(
        "debriefs",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("offered_at", UtcDateTime(), nullable=False),
        sa.Column("cause", sa.String(length=12), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=True),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("held_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_debriefs_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_debriefs")),
    )
    op.create_index(op.f("ix_debriefs_interpreter_id"), "debriefs", ["interpreter_id"], unique=False)
    op.create_index(
        "uq_debriefs_open",
        "debriefs",
        ["interpreter_id"],
        unique=True,
        sqlite_where=sa.text("answered_at IS NULL"),
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_table(
        "pool_evidence",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("noted_by", sa.String(length=40), nullable=False),
        sa.Column("noted_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_pool_evidence_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pool_evidence")),
    )
    op.create_index(op.f("ix_pool_evidence_interpreter_id"), "pool_evidence", ["interpreter_id"], unique=False)
    op.create_table(
        "pool_members",
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("stage", sa.String(length=24), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_pool_members_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("interpreter_id", name=op.f("pk_pool_members")),
    )
    op.create_index(op.f("ix_pool_members_stage"), "pool_members", ["stage"], unique=False)
    op.create_table(
        "timesheet_lines",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("assignment_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("officer_user_id", sa.String(length=40), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("interpreter_minutes", sa.Integer(), nullable=True),
        sa.Column("officer_minutes", sa.Integer(), nullable=True),
        sa.Column("interpreter_at", UtcDateTime(), nullable=True),
        sa.Column("officer_at", UtcDateTime(), nullable=True),
        sa.Column("confirm_by", UtcDateTime(), nullable=False),
        sa.Column("settled_by", sa.String(length=40), nullable=True),
        sa.Column("currency", sa.String(length=24), nullable=True),
        sa.Column("minor", sa.Integer(), nullable=True),
        sa.Column("exported_at", UtcDateTime(), nullable=True),
        sa.Column("batch", sa.String(length=40), nullable=True),
        sa.Column("paid_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_timesheet_lines_not_negative")),
        sa.ForeignKeyConstraint(
            ["assignment_id"], ["assignments.id"], name=op.f("fk_timesheet_lines_assignment_id_assignments")
        ),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_timesheet_lines_interpreter_id_interpreters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timesheet_lines")),
        sa.UniqueConstraint("assignment_id", name=op.f("uq_timesheet_lines_assignment_id")),
    )
    op.create_index(op.f("ix_timesheet_lines_batch"), "timesheet_lines", ["batch"], unique=False)
    op.create_index(op.f("ix_timesheet_lines_country"), "timesheet_lines", ["country"], unique=False)
    op.create_index(op.f("ix_timesheet_lines_interpreter_id"), "timesheet_lines", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_timesheet_lines_officer_user_id"), "timesheet_lines", ["officer_user_id"], unique=False)
    op.create_index(op.f("ix_timesheet_lines_session_id"), "timesheet_lines", ["session_id"], unique=False)
    op.create_index(op.f("ix_timesheet_lines_state"), "timesheet_lines", ["state"], unique=False)
    op.create_table(
        "complaints",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("ground", sa.String(length=24), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("decide_by", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=40), nullable=True),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.Column("filed_by", sa.String(length=40), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_complaints_case_id_cases")),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_complaints_interpreter_id_interpreters")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_complaints_session_id_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
    )
    op.create_index(op.f("ix_complaints_country"), "complaints", ["country"], unique=False)
    op.create_index(op.f("ix_complaints_interpreter_id"), "complaints", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_complaints_session_id"), "complaints", ["session_id"], unique=False)
    op.create_index(op.f("ix_complaints_state"), "complaints", ["state"], unique=False)
    op.create_table(
        "quality_reviews",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("cause", sa.String(length=24), nullable=True),
        sa.Column("method", sa.String(length=12), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("reviewer_code", sa.String(length=32), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("points_tenths", sa.Integer(), nullable=True),
        sa.Column("answer", sa.String(length=24), nullable=True),
        sa.Column("repeat", sa.Boolean(), nullable=True),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_quality_reviews_interpreter_id_interpreters")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_quality_reviews_session_id_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quality_reviews")),
    )
    op.create_index(op.f("ix_quality_reviews_country"), "quality_reviews", ["country"], unique=False)
    op.create_index(op.f("ix_quality_reviews_interpreter_id"), "quality_reviews", ["interpreter_id"], unique=False)
    op.create_table(
        "session_ratings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("side", sa.String(length=24), nullable=False),
        sa.Column("answer", sa.String(length=24), nullable=False),
        sa.Column("codes", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_session_ratings_interpreter_id_interpreters")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_ratings_session_id_sessions")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_ratings")),
        sa.UniqueConstraint(
            "session_id", "interpreter_id", "side", name=op.f("uq_session_ratings_session_id_interpreter_id_side")
        ),
    )
    op.create_index(op.f("ix_session_ratings_country"), "session_ratings", ["country"], unique=False)
    op.create_index(op.f("ix_session_ratings_interpreter_id"), "session_ratings", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_session_ratings_session_id"), "session_ratings", ["session_id"], unique=False)

    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    for table in (
        "timesheet_lines",
        "complaints",
        "quality_reviews",
        "session_ratings",
        "pool_evidence",
        "pool_members",
        "debriefs",
        "pay_rates",
    ):
        op.drop_table(table)
