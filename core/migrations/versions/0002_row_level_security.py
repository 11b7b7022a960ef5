"""Row-level security on the remaining tables that belong to a case, and the link of a temporary case.

Rows get the country of their case, booking or session; the audit trail has its country already. The pool of interpreters is
regional and stays outside.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.migrate import execute_all, without_triggers
from core.db.rls import drop_policy_ddl, policy_ddl

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OWNERS = {
    "assignments": ("booking_id", "bookings"),
    "case_bars": ("case_id", "cases"),
    "case_languages": ("case_id", "cases"),
    "offers": ("booking_id", "bookings"),
    "session_entries": ("session_id", "sessions"),
    "session_participants": ("session_id", "sessions"),
}
"""Tables that get a country, and from which row they take it."""
UNINDEXED = {"session_entries"}
"""Read by their key only."""


def upgrade() -> None:
    connection = op.get_bind()
    for table, (key, owner) in OWNERS.items():
        with without_triggers(connection, table):
            with op.batch_alter_table(table) as batch:
                batch.add_column(sa.Column("country", sa.String(length=2), nullable=True))
            connection.execute(
                sa.text(
                    f'UPDATE "{table}" SET country = '  # noqa: S608 - names from the table above
                    f'(SELECT owner.country FROM "{owner}" owner WHERE owner.id = "{table}"."{key}")'
                )
            )
            with op.batch_alter_table(table) as batch:
                batch.alter_column("country", existing_type=sa.String(length=2), nullable=False)
        if table not in UNINDEXED:
            op.create_index(op.f(f"ix_{table}_country"), table, ["country"], unique=False)
    with op.batch_alter_table("cases") as batch:
        batch.add_column(sa.Column("linked_to", sa.String(length=40), nullable=True))
        batch.create_foreign_key(op.f("fk_cases_linked_to_cases"), "cases", ["linked_to"], ["id"])
    if connection.dialect.name == "postgresql":
        for table in sorted([*OWNERS, "audit_entries"]):
            execute_all(connection, policy_ddl(table))


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in sorted([*OWNERS, "audit_entries"]):
            execute_all(connection, drop_policy_ddl(table))
    with op.batch_alter_table("cases") as batch:
        batch.drop_constraint(op.f("fk_cases_linked_to_cases"), type_="foreignkey")
        batch.drop_column("linked_to")
    for table in OWNERS:
        if table not in UNINDEXED:
            op.drop_index(op.f(f"ix_{table}_country"), table_name=table)
        with without_triggers(connection, table), op.batch_alter_table(table) as batch:
            batch.drop_column("country")
