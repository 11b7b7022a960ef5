"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from core.db.base import UtcDateTime
from core.db.migrate import execute_all
from core.db.rls import policy_ddl

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

SQLITE: list[str] = []
POSTGRESQL: list[str] = []
"""What Alembic cannot express: triggers, exclusion constraints, policies."""


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
    connection = op.get_bind()
    execute_all(connection, SQLITE if connection.dialect.name == "sqlite" else POSTGRESQL)


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
