"""Run by Alembic: uses the connection that ``core.db.migrate`` opened and nothing else."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=False,
    user_module_prefix="base.",
)
context.run_migrations()
