"""Who entered an absence for somebody else; timesheet lines of on-call time, which belong to no booking and no officer (R-6)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_LINES = "timesheet_lines"
_KEY = "uq_timesheet_lines_interpreter_id_duty_from"


def upgrade() -> None:
    op.add_column("calendar_absences", sa.Column("entered_by", sa.String(length=32), nullable=True))
    with op.batch_alter_table(_LINES) as batch:
        batch.alter_column("assignment_id", existing_type=sa.String(length=40), nullable=True)
        batch.alter_column("officer_user_id", existing_type=sa.String(length=40), nullable=True)
        batch.add_column(sa.Column("duty_from", UtcDateTime(), nullable=True))
        batch.create_unique_constraint(op.f(_KEY), ["interpreter_id", "duty_from"])
        batch.create_check_constraint(
            op.f("ck_timesheet_lines_work_or_duty"), "(assignment_id IS NULL) = (duty_from IS NOT NULL)"
        )


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM timesheet_lines WHERE assignment_id IS NULL"))
    with op.batch_alter_table(_LINES) as batch:
        batch.drop_constraint(op.f("ck_timesheet_lines_work_or_duty"), type_="check")
        batch.drop_constraint(op.f(_KEY), type_="unique")
        batch.drop_column("duty_from")
        batch.alter_column("officer_user_id", existing_type=sa.String(length=40), nullable=False)
        batch.alter_column("assignment_id", existing_type=sa.String(length=40), nullable=False)
    op.drop_column("calendar_absences", "entered_by")
