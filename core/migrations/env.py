"""Run by Alembic: uses the connection that ``core.db.migrate`` opened and nothing else."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from core.db.base import EnumText, UtcDateTime


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """History must not change when the code's types do: enumerations are plain text in it."""
    if kind == "type" and isinstance(item, EnumText):
        return f"sa.String(length={item.impl.length})"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "UtcDateTime()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_item=_render,
)
context.run_migrations()
