"""SQL is compiled once in a test process, as in a server: that has one engine for its whole life, while each test opens its own.

Compiling anew took half of the time of the tests that use a database.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

_MOST_STATEMENTS = 4000
_Statements = LRUCache[object, object]


def share() -> None:
    """From now on all engines of the product's two drivers look for compiled statements in one place for each driver."""
    kept: dict[type, _Statements] = {}
    for dialect in (SQLiteDialect_aiosqlite, PGDialectAsync_psycopg):
        kept[dialect] = LRUCache(_MOST_STATEMENTS)
        # The dialect is part of the key under which a statement is kept: two of one class are the same here.
        dialect.__eq__ = _is_like  # type: ignore[method-assign]
        dialect.__hash__ = _hash_of_class  # type: ignore[method-assign,assignment]

    @event.listens_for(Engine, "engine_connect")
    def _use(connection: Connection) -> None:
        statements = kept.get(type(connection.dialect))
        if statements is not None:
            connection.engine._compiled_cache = statements  # type: ignore[assignment]


def _is_like(one: object, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_class(one: object) -> int:
    return hash(type(one))
