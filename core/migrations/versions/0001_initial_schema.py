"""Initial schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

COUNTRY_TABLES = ["bookings", "cases", "outbox_events", "procedure_steps", "sessions"]
SQLITE: list[str] = [
    "CREATE TRIGGER session_entries_no_update BEFORE UPDATE ON session_entries BEGIN SELECT RAISE(ABORT, "
    "'grow_only'); END",
    "CREATE TRIGGER session_entries_no_delete BEFORE DELETE ON session_entries BEGIN SELECT RAISE(ABORT, "
    "'grow_only'); END",
    "CREATE TRIGGER audit_entries_no_update BEFORE UPDATE ON audit_entries BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
    "CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
    "CREATE TRIGGER assignments_no_double_insert BEFORE INSERT ON assignments BEGIN SELECT RAISE(ABORT, "
    "'no_double_booking') WHERE NEW.state = 'active' AND EXISTS (SELECT 1 FROM assignments a WHERE "
    "a.interpreter_id = NEW.interpreter_id AND a.state = 'active' AND a.id IS NOT NEW.id AND a.starts_at < "
    "NEW.busy_until AND NEW.starts_at < a.busy_until); END",
    "CREATE TRIGGER assignments_no_double_update BEFORE UPDATE OF interpreter_id, starts_at, busy_until, state "
    "ON assignments BEGIN SELECT RAISE(ABORT, 'no_double_booking') WHERE NEW.state = 'active' AND EXISTS "
    "(SELECT 1 FROM assignments a WHERE a.interpreter_id = NEW.interpreter_id AND a.state = 'active' AND a.id "
    "IS NOT NEW.id AND a.starts_at < NEW.busy_until AND NEW.starts_at < a.busy_until); END",
]
POSTGRESQL: list[str] = [
    "CREATE FUNCTION grow_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'grow_only' "
    "USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE TRIGGER session_entries_grow_only BEFORE UPDATE OR DELETE ON session_entries FOR EACH ROW EXECUTE "
    "FUNCTION grow_only()",
    "CREATE TRIGGER audit_entries_grow_only BEFORE UPDATE OR DELETE ON audit_entries FOR EACH ROW EXECUTE "
    "FUNCTION grow_only()",
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "ALTER TABLE assignments ADD CONSTRAINT no_double_booking EXCLUDE USING gist (interpreter_id WITH =, "
    "tstzrange(starts_at, busy_until, '[)') WITH &&) WHERE (state = 'active')",
    *(statement for table in COUNTRY_TABLES for statement in policy_ddl(table)),
]
"""What Alembic cannot express: triggers, exclusion constraints, policies."""


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.String(length=40), nullable=False),
        sa.Column("actor_code", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=48), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("country", "seq", name=op.f("pk_audit_entries")),
    )
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor"], unique=False)
    op.create_index("ix_audit_entries_subject", "audit_entries", ["subject"], unique=False)
    op.create_table(
        "bookings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("case_ref", sa.String(length=20), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("step_code", sa.String(length=16), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("officer_language", sa.String(length=3), nullable=False),
        sa.Column("need", sa.JSON(), nullable=False),
        sa.Column("priority", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("requested_by", sa.String(length=40), nullable=False),
        sa.Column("requester_code", sa.String(length=32), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("zone", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rungs", sa.JSON(), nullable=False),
        sa.Column("next_round_at", UtcDateTime(), nullable=True),
        sa.Column("matched_at", UtcDateTime(), nullable=True),
        sa.Column("interpreter_id", sa.String(length=40), nullable=True),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("join_by", UtcDateTime(), nullable=True),
        sa.Column("callback", sa.Boolean(), nullable=False),
        sa.Column("needs_coordinator", sa.Boolean(), nullable=False),
        sa.Column("safety_only", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("idempotency_key", sa.String(length=120), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_bookings_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_bookings_idempotency_key")),
    )
    op.create_index(op.f("ix_bookings_authority"), "bookings", ["authority"], unique=False)
    op.create_index(op.f("ix_bookings_case_id"), "bookings", ["case_id"], unique=False)
    op.create_index(op.f("ix_bookings_country"), "bookings", ["country"], unique=False)
    op.create_index(op.f("ix_bookings_interpreter_id"), "bookings", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_bookings_next_round_at"), "bookings", ["next_round_at"], unique=False)
    op.create_index(op.f("ix_bookings_session_id"), "bookings", ["session_id"], unique=False)
    op.create_index(op.f("ix_bookings_starts_at"), "bookings", ["starts_at"], unique=False)
    op.create_index(op.f("ix_bookings_state"), "bookings", ["state"], unique=False)
    op.create_index(op.f("ix_bookings_step_id"), "bookings", ["step_id"], unique=False)
    op.create_index("ix_bookings_waits", "bookings", ["language", "matched_at"], unique=False)
    op.create_index(
        "uq_bookings_open_step",
        "bookings",
        ["step_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('requested','offering','unfilled','assigned','in_session')"),
        postgresql_where=sa.text("state IN ('requested','offering','unfilled','assigned','in_session')"),
    )
    op.create_table(
        "interpreters",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("nominated_by", sa.String(length=8), nullable=False),
        sa.Column("engagement", sa.String(length=12), nullable=False),
        sa.Column("base_country", sa.String(length=2), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("location_status", sa.String(length=16), nullable=False),
        sa.Column("sex", sa.String(length=12), nullable=False),
        sa.Column("level", sa.String(length=2), nullable=False),
        sa.Column("officer_languages", sa.JSON(), nullable=False),
        sa.Column("region_of_language", sa.String(length=80), nullable=True),
        sa.Column("training", sa.JSON(), nullable=False),
        sa.Column("sworn", sa.JSON(), nullable=True),
        sa.Column("vetting_result", sa.String(length=8), nullable=False),
        sa.Column("vetting_expires", UtcDateTime(), nullable=True),
        sa.Column("nda_version", sa.String(length=16), nullable=True),
        sa.Column("nda_expires", UtcDateTime(), nullable=True),
        sa.Column("conduct_version", sa.String(length=16), nullable=True),
        sa.Column("conduct_expires", UtcDateTime(), nullable=True),
        sa.Column("own_asylum_case", sa.String(length=8), nullable=False),
        sa.Column("country_of_origin", sa.String(length=2), nullable=True),
        sa.Column("communities_declared", sa.JSON(), nullable=False),
        sa.Column("max_minutes_day", sa.Integer(), nullable=False),
        sa.Column("max_block_min", sa.Integer(), nullable=False),
        sa.Column("no_topics", sa.JSON(), nullable=False),
        sa.Column("no_children", sa.Boolean(), nullable=False),
        sa.Column("reachable_by", sa.JSON(), nullable=False),
        sa.Column("on_call", sa.Boolean(), nullable=False),
        sa.Column("quality", sa.Integer(), nullable=False),
        sa.Column("offers_count", sa.Integer(), nullable=False),
        sa.Column("accepts_count", sa.Integer(), nullable=False),
        sa.Column("devices_checked_at", UtcDateTime(), nullable=True),
        sa.Column("last_live_at", UtcDateTime(), nullable=True),
        sa.Column("joined_pool_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interpreters")),
        sa.UniqueConstraint("code", name=op.f("uq_interpreters_code")),
        sa.UniqueConstraint("user_id", name=op.f("uq_interpreters_user_id")),
    )
    op.create_index(op.f("ix_interpreters_base_country"), "interpreters", ["base_country"], unique=False)
    op.create_table(
        "job_leases",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_leases")),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("session_id", sa.String(length=40), nullable=True),
        sa.Column("participant_id", sa.String(length=40), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_one_time_tokens")),
    )
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"], unique=False)
    op.create_table(
        "outbox_events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_outbox_events")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_events_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_events_country"), "outbox_events", ["country"], unique=False)
    op.create_index(
        "ix_outbox_events_waiting",
        "outbox_events",
        ["country", "seq"],
        unique=False,
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("locked_until", UtcDateTime(), nullable=True),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index(op.f("ix_sign_in_attempts_last_at"), "sign_in_attempts", ["last_at"], unique=False)
    op.create_table(
        "sites",
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_sites")),
    )
    op.create_table(
        "transfer_instruments",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("from_country", sa.String(length=2), nullable=False),
        sa.Column("to_country", sa.String(length=2), nullable=False),
        sa.Column("basis", sa.String(length=120), nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("valid_from", UtcDateTime(), nullable=False),
        sa.Column("valid_to", UtcDateTime(), nullable=True),
        sa.Column("stages", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer_instruments")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("site", sa.String(length=32), nullable=True),
        sa.Column("authority", sa.String(length=16), nullable=True),
        sa.Column("officer_language", sa.String(length=3), nullable=False),
        sa.Column("locale", sa.String(length=8), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("password_changed_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("code", name=op.f("uq_users_code")),
    )
    op.create_table(
        "assignments",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("leg", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("busy_until", UtcDateTime(), nullable=False),
        sa.Column("offer_id", sa.String(length=40), nullable=True),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("active_min", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.CheckConstraint("starts_at < busy_until", name=op.f("ck_assignments_order")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_assignments_booking_id_bookings")),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_assignments_interpreter_id_interpreters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_booking_id"), "assignments", ["booking_id"], unique=False)
    op.create_index(op.f("ix_assignments_interpreter_id"), "assignments", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_assignments_starts_at"), "assignments", ["starts_at"], unique=False)
    op.create_index(
        "uq_assignments_one_winner",
        "assignments",
        ["booking_id", "leg"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "case_bars",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_case_bars_interpreter_id_interpreters")
        ),
        sa.PrimaryKeyConstraint("case_id", "interpreter_id", name=op.f("pk_case_bars")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_ref", sa.String(length=20), nullable=False),
        sa.Column("ext_ref_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("authority", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("literacy", sa.String(length=12), nullable=False),
        sa.Column("age_group", sa.String(length=8), nullable=False),
        sa.Column("uam", sa.String(length=12), nullable=False),
        sa.Column("guardian_assigned_at", UtcDateTime(), nullable=True),
        sa.Column("guardian_code", sa.String(length=32), nullable=True),
        sa.Column("guardian_arrived_at", UtcDateTime(), nullable=True),
        sa.Column("interp_sex", sa.String(length=8), nullable=False),
        sa.Column("interp_sex_must", sa.Boolean(), nullable=False),
        sa.Column("interp_sex_asked_at", UtcDateTime(), nullable=True),
        sa.Column("officer_sex", sa.String(length=8), nullable=False),
        sa.Column("officer_sex_must", sa.Boolean(), nullable=False),
        sa.Column("officer_sex_asked_at", UtcDateTime(), nullable=True),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("urgent_medical_until", UtcDateTime(), nullable=True),
        sa.Column("avoid", sa.JSON(), nullable=False),
        sa.Column("country_of_origin", sa.String(length=2), nullable=True),
        sa.Column("track", sa.String(length=16), nullable=False),
        sa.Column("link_by", UtcDateTime(), nullable=True),
        sa.Column("opened_by", sa.String(length=40), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["site"], ["sites.code"], name=op.f("fk_cases_site_sites")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
        sa.UniqueConstraint("case_ref", name=op.f("uq_cases_case_ref")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_cases_idempotency_key")),
    )
    op.create_index(op.f("ix_cases_authority"), "cases", ["authority"], unique=False)
    op.create_index(op.f("ix_cases_country"), "cases", ["country"], unique=False)
    op.create_index(op.f("ix_cases_opened_at"), "cases", ["opened_at"], unique=False)
    op.create_table(
        "interpreter_pairs",
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("from_lang", sa.String(length=3), nullable=False),
        sa.Column("to_lang", sa.String(length=3), nullable=False),
        sa.Column("level_from", sa.String(length=8), nullable=False),
        sa.Column("level_to", sa.String(length=8), nullable=False),
        sa.Column("modes", sa.JSON(), nullable=False),
        sa.Column("verified_by", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_interpreter_pairs_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("interpreter_id", "from_lang", "to_lang", name=op.f("pk_interpreter_pairs")),
    )
    op.create_table(
        "logins",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("csrf_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_logins_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_user_id"), "logins", ["user_id"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.String(length=40), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("country", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_memberships_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role", "country", name=op.f("pk_memberships")),
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rung", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_offers_booking_id_bookings")),
        sa.ForeignKeyConstraint(
            ["interpreter_id"], ["interpreters.id"], name=op.f("fk_offers_interpreter_id_interpreters")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offers")),
        sa.UniqueConstraint(
            "booking_id", "interpreter_id", "round", name=op.f("uq_offers_booking_id_interpreter_id_round")
        ),
    )
    op.create_index(op.f("ix_offers_booking_id"), "offers", ["booking_id"], unique=False)
    op.create_index(op.f("ix_offers_interpreter_id"), "offers", ["interpreter_id"], unique=False)
    op.create_index("ix_offers_pending", "offers", ["interpreter_id", "state"], unique=False)
    op.create_table(
        "presences",
        sa.Column("interpreter_id", sa.String(length=40), nullable=False),
        sa.Column("wanted", sa.String(length=12), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("seen_until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["interpreter_id"],
            ["interpreters.id"],
            name=op.f("fk_presences_interpreter_id_interpreters"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("interpreter_id", name=op.f("pk_presences")),
    )
    op.create_index(op.f("ix_presences_seen_until"), "presences", ["seen_until"], unique=False)
    op.create_table(
        "case_languages",
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=24), nullable=False),
        sa.Column("region_note", sa.String(length=80), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_case_languages_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "code", name=op.f("pk_case_languages")),
    )
    op.create_table(
        "procedure_steps",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("held_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["cases.id"], name=op.f("fk_procedure_steps_case_id_cases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_procedure_steps")),
        sa.UniqueConstraint("case_id", "seq", name=op.f("uq_procedure_steps_case_id_seq")),
    )
    op.create_index(op.f("ix_procedure_steps_case_id"), "procedure_steps", ["case_id"], unique=False)
    op.create_index(op.f("ix_procedure_steps_country"), "procedure_steps", ["country"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("case_id", sa.String(length=40), nullable=False),
        sa.Column("step_id", sa.String(length=40), nullable=False),
        sa.Column("step_code", sa.String(length=16), nullable=False),
        sa.Column("booking_id", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("join_opens_at", UtcDateTime(), nullable=False),
        sa.Column("join_by", UtcDateTime(), nullable=False),
        sa.Column("waiting_at", UtcDateTime(), nullable=True),
        sa.Column("active_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("sealed_at", UtcDateTime(), nullable=True),
        sa.Column("state_since", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("language_declared", sa.String(length=3), nullable=False),
        sa.Column("language_confirmed", sa.String(length=3), nullable=True),
        sa.Column("officer_language", sa.String(length=3), nullable=False),
        sa.Column("substitution", sa.JSON(), nullable=True),
        sa.Column("interpreter_id", sa.String(length=40), nullable=True),
        sa.Column("interpreter_code", sa.String(length=16), nullable=True),
        sa.Column("interpreter_level", sa.String(length=2), nullable=True),
        sa.Column("interpreter_country", sa.String(length=2), nullable=True),
        sa.Column("transfer_instrument_id", sa.String(length=40), nullable=True),
        sa.Column("sex_pref", sa.String(length=8), nullable=False),
        sa.Column("sex_pref_must", sa.Boolean(), nullable=False),
        sa.Column("sex_pref_met", sa.Boolean(), nullable=True),
        sa.Column("officer_user_id", sa.String(length=40), nullable=False),
        sa.Column("officer_code", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=32), nullable=False),
        sa.Column("interpreting_ms", sa.BigInteger(), nullable=False),
        sa.Column("speaking_ms", sa.BigInteger(), nullable=False),
        sa.Column("media_node", sa.String(length=64), nullable=True),
        sa.Column("seal_hash", sa.String(length=64), nullable=True),
        sa.Column("last_seq", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_sessions_case_id_cases")),
        sa.ForeignKeyConstraint(["step_id"], ["procedure_steps.id"], name=op.f("fk_sessions_step_id_procedure_steps")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_booking_id"), "sessions", ["booking_id"], unique=False)
    op.create_index(op.f("ix_sessions_case_id"), "sessions", ["case_id"], unique=False)
    op.create_index(op.f("ix_sessions_country"), "sessions", ["country"], unique=False)
    op.create_index(op.f("ix_sessions_interpreter_id"), "sessions", ["interpreter_id"], unique=False)
    op.create_index(op.f("ix_sessions_state"), "sessions", ["state"], unique=False)
    op.create_index(op.f("ix_sessions_step_id"), "sessions", ["step_id"], unique=False)
    op.create_table(
        "session_entries",
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_session_entries_session_id_sessions")),
        sa.PrimaryKeyConstraint("session_id", "seq", name=op.f("pk_session_entries")),
    )
    op.create_table(
        "session_participants",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("session_id", sa.String(length=40), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=True),
        sa.Column("user_id", sa.String(length=40), nullable=True),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("connection_id", sa.String(length=40), nullable=True),
        sa.Column("resume_hash", sa.String(length=64), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=True),
        sa.Column("audio", sa.Boolean(), nullable=False),
        sa.Column("video", sa.Boolean(), nullable=False),
        sa.Column("has_audio", sa.Boolean(), nullable=False),
        sa.Column("has_video", sa.Boolean(), nullable=False),
        sa.Column("grade", sa.String(length=8), nullable=True),
        sa.Column("media_lost_at", UtcDateTime(), nullable=True),
        sa.Column("loss_logged_at", UtcDateTime(), nullable=True),
        sa.Column("heard_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["sessions.id"],
            name=op.f("fk_session_participants_session_id_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_participants")),
    )
    op.create_index(op.f("ix_session_participants_session_id"), "session_participants", ["session_id"], unique=False)
    op.create_index(op.f("ix_session_participants_user_id"), "session_participants", ["user_id"], unique=False)
    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    op.drop_index(op.f("ix_session_participants_user_id"), table_name="session_participants")
    op.drop_index(op.f("ix_session_participants_session_id"), table_name="session_participants")
    op.drop_table("session_participants")
    op.drop_table("session_entries")
    op.drop_index(op.f("ix_sessions_step_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_state"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_interpreter_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_country"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_case_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_booking_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_procedure_steps_country"), table_name="procedure_steps")
    op.drop_index(op.f("ix_procedure_steps_case_id"), table_name="procedure_steps")
    op.drop_table("procedure_steps")
    op.drop_table("case_languages")
    op.drop_index(op.f("ix_presences_seen_until"), table_name="presences")
    op.drop_table("presences")
    op.drop_index("ix_offers_pending", table_name="offers")
    op.drop_index(op.f("ix_offers_interpreter_id"), table_name="offers")
    op.drop_index(op.f("ix_offers_booking_id"), table_name="offers")
    op.drop_table("offers")
    op.drop_table("memberships")
    op.drop_index(op.f("ix_logins_user_id"), table_name="logins")
    op.drop_table("logins")
    op.drop_table("interpreter_pairs")
    op.drop_index(op.f("ix_cases_opened_at"), table_name="cases")
    op.drop_index(op.f("ix_cases_country"), table_name="cases")
    op.drop_index(op.f("ix_cases_authority"), table_name="cases")
    op.drop_table("cases")
    op.drop_table("case_bars")
    op.drop_index(
        "uq_assignments_one_winner",
        table_name="assignments",
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.drop_index(op.f("ix_assignments_starts_at"), table_name="assignments")
    op.drop_index(op.f("ix_assignments_interpreter_id"), table_name="assignments")
    op.drop_index(op.f("ix_assignments_booking_id"), table_name="assignments")
    op.drop_table("assignments")
    op.drop_table("users")
    op.drop_table("transfer_instruments")
    op.drop_table("sites")
    op.drop_index(op.f("ix_sign_in_attempts_last_at"), table_name="sign_in_attempts")
    op.drop_table("sign_in_attempts")
    op.drop_index(
        "ix_outbox_events_waiting",
        table_name="outbox_events",
        sqlite_where=sa.text("published_at IS NULL"),
        postgresql_where=sa.text("published_at IS NULL"),
    )
    op.drop_index(op.f("ix_outbox_events_country"), table_name="outbox_events")
    op.drop_table("outbox_events")
    op.drop_index(op.f("ix_one_time_tokens_expires_at"), table_name="one_time_tokens")
    op.drop_table("one_time_tokens")
    op.drop_table("job_leases")
    op.drop_index(op.f("ix_interpreters_base_country"), table_name="interpreters")
    op.drop_table("interpreters")
    op.drop_index(
        "uq_bookings_open_step",
        table_name="bookings",
        sqlite_where=sa.text("state IN ('requested','offering','unfilled','assigned','in_session')"),
        postgresql_where=sa.text("state IN ('requested','offering','unfilled','assigned','in_session')"),
    )
    op.drop_index("ix_bookings_waits", table_name="bookings")
    op.drop_index(op.f("ix_bookings_step_id"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_state"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_starts_at"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_session_id"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_next_round_at"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_interpreter_id"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_country"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_case_id"), table_name="bookings")
    op.drop_index(op.f("ix_bookings_authority"), table_name="bookings")
    op.drop_table("bookings")
    op.drop_index("ix_audit_entries_subject", table_name="audit_entries")
    op.drop_index("ix_audit_entries_actor", table_name="audit_entries")
    op.drop_table("audit_entries")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION grow_only()")
