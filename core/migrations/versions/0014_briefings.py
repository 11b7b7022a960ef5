"""Group briefings: a session without a case, a booking for a briefing, posts that listen, what they say of their groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all, without_triggers
from core.db.rls import drop_policy_ddl, policy_ddl

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["briefing_answers", "briefing_posts", "briefings"]


def upgrade() -> None:
    with without_triggers(op.get_bind(), "sessions"), op.batch_alter_table("sessions") as batch:
        batch.alter_column("case_id", existing_type=sa.String(length=40), nullable=True)
        batch.alter_column("step_id", existing_type=sa.String(length=40), nullable=True)
        batch.create_check_constraint(op.f("ck_sessions_case_or_group"), "(case_id IS NULL) = (step_id IS NULL)")
    op.add_column("bookings", sa.Column("briefing_id", sa.String(length=40), nullable=True))
    op.create_index(op.f("ix_bookings_briefing_id"), "bookings", ["briefing_id"], unique=False)
    op.create_table(
        "briefings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("step_code", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("officer_language", sa.String(length=3), nullable=False),
        sa.Column("led_by", sa.String(length=40), nullable=False),
        sa.Column("leader_code", sa.String(length=32), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_briefings_booking_id_bookings")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_briefings")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_briefings_booking_id")),
    )
    op.create_index(op.f("ix_briefings_country"), "briefings", ["country"], unique=False)
    op.create_index(op.f("ix_briefings_made_at"), "briefings", ["made_at"], unique=False)
    op.create_table(
        "briefing_posts",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("briefing_id", sa.String(length=40), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("nr", sa.Integer(), nullable=False),
        sa.Column("link_hash", sa.String(length=64), nullable=True),
        sa.Column("place_id", sa.String(length=40), nullable=True),
        sa.Column("word_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["briefing_id"], ["briefings.id"], name=op.f("fk_briefing_posts_briefing_id_briefings")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_briefing_posts")),
        sa.UniqueConstraint("briefing_id", "nr", name=op.f("uq_briefing_posts_briefing_id_nr")),
        sa.UniqueConstraint("link_hash", name=op.f("uq_briefing_posts_link_hash")),
        sa.UniqueConstraint("place_id", name=op.f("uq_briefing_posts_place_id")),
    )
    op.create_index(op.f("ix_briefing_posts_briefing_id"), "briefing_posts", ["briefing_id"], unique=False)
    op.create_index(op.f("ix_briefing_posts_country"), "briefing_posts", ["country"], unique=False)
    op.create_table(
        "briefing_answers",
        sa.Column("post_id", sa.String(length=40), nullable=False),
        sa.Column("group_no", sa.Integer(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("answer", sa.String(length=24), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("people BETWEEN 1 AND 999", name=op.f("ck_briefing_answers_people")),
        sa.ForeignKeyConstraint(
            ["post_id"], ["briefing_posts.id"], name=op.f("fk_briefing_answers_post_id_briefing_posts")
        ),
        sa.PrimaryKeyConstraint("post_id", "group_no", name=op.f("pk_briefing_answers")),
    )
    op.create_index(op.f("ix_briefing_answers_country"), "briefing_answers", ["country"], unique=False)
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in COUNTRY_TABLES:
            execute_all(connection, policy_ddl(table))


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in COUNTRY_TABLES:
            execute_all(connection, drop_policy_ddl(table))
    for table in COUNTRY_TABLES:
        op.drop_table(table)
    op.drop_index(op.f("ix_bookings_briefing_id"), table_name="bookings")
    op.drop_column("bookings", "briefing_id")
    with without_triggers(op.get_bind(), "sessions"), op.batch_alter_table("sessions") as batch:
        batch.drop_constraint(op.f("ck_sessions_case_or_group"), type_="check")
        batch.alter_column("step_id", existing_type=sa.String(length=40), nullable=False)
        batch.alter_column("case_id", existing_type=sa.String(length=40), nullable=False)
