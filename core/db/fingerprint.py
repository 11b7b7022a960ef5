"""What the database really enforces, as sorted lines of text: tables, indexes, constraints, triggers, functions, policies.

Alembic's comparison sees neither triggers nor exclusion constraints nor policies, and its batch mode for SQLite drops triggers
without a word; comparing fingerprints sees all of them.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, text

_SPACE = re.compile(r"\s+")
_TABLE = re.compile(r"""\s*CREATE TABLE ["']?(\w+)["']?\s*\((.*)\)\s*""", re.DOTALL)

_POSTGRESQL = {
    "column": """
        SELECT table_name || '.' || column_name || ' ' || udt_name
          || COALESCE('(' || character_maximum_length || ')', '')
          || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
          || COALESCE(' DEFAULT ' || column_default, '') || COALESCE(' IDENTITY ' || identity_generation, '')
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraint": """
        SELECT rel.relname || ' ' || con.conname || ' ' || pg_get_constraintdef(con.oid)
        FROM pg_constraint con JOIN pg_class rel ON rel.oid = con.conrelid
        WHERE con.connamespace = 'public'::regnamespace AND con.contype <> 'n'""",
    "index": "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "trigger": "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "function": """
        SELECT pg_get_functiondef(p.oid) FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')""",
    "policy": """
        SELECT tablename || ' ' || policyname || ' ' || cmd || ' USING ' || COALESCE(qual, '')
          || ' CHECK ' || COALESCE(with_check, '') FROM pg_policies WHERE schemaname = 'public'""",
    "row security": """
        SELECT relname || CASE WHEN relforcerowsecurity THEN ' forced' ELSE ' not for the owner' END
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity""",
}


def fingerprint(connection: Connection) -> list[str]:
    """The lines that describe the schema of ``connection``; equal lines mean equal protection."""
    if connection.dialect.name == "sqlite":
        query = "SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        lines = [
            f"{kind}: {_table(definition) if kind == 'table' else definition}"
            for kind, definition in connection.execute(text(query))
        ]
    else:
        lines = [
            f"{kind}: {line}"
            for kind, query in _POSTGRESQL.items()
            for line in connection.execute(text(query)).scalars()
        ]
    return sorted(_SPACE.sub(" ", line).strip() for line in lines if "alembic_version" not in line)


def _table(definition: str) -> str:
    """SQLite keeps the words of CREATE TABLE, in which the order of columns and constraints means nothing: sorted here."""
    found = _TABLE.fullmatch(definition)
    if found is None:
        return definition
    parts, depth = [""], 0
    for letter in found[2]:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return f"CREATE TABLE {found[1]} ({', '.join(sorted(part.strip() for part in parts))})"
