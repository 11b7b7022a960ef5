"""What a server does once in its life is done once in a test process, though each test starts its own: SQL is compiled, the sentences
of the product are read, the certificates that are trusted are loaded.

Compiling anew took half of the time of the tests that use a database; reading anew took half of what a house takes to open.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from ssl import SSLContext
from typing import Any

import httpx
from httpx._transports import default as transports
from sqlalchemy import Connection, Engine, event
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

from core.i18n import Catalogues

_MOST_STATEMENTS = 4000
_Statements = LRUCache[object, object]


def share() -> None:
    """From now on all tests of this process share what is the same for all."""
    _share_statements()
    _share_sentences()
    _share_trust()


def _share_statements() -> None:
    """All engines of the product's two drivers look for compiled statements in one place for each driver."""
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


def _share_sentences() -> None:
    """The product's own folders are read once; whatever else a test reads is read each time."""
    read = Catalogues.read
    known = cache(read)
    product = Path(__file__).resolve().parents[1] / "web_client" / "locales"

    def read_once(folder: Path) -> Catalogues:
        return known(folder) if folder.is_relative_to(product) else read(folder)

    Catalogues.read = read_once  # type: ignore[method-assign]


def _share_trust() -> None:
    """Clients that trust what everybody trusts share one context; nothing in it changes with use."""
    usual = cache(lambda: httpx.create_ssl_context())

    def context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> SSLContext:
        if verify is True and cert is None and trust_env:
            return usual()
        return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)

    transports.create_ssl_context = context  # type: ignore[attr-defined]


def _is_like(one: object, other: object) -> bool:
    return type(one) is type(other)


def _hash_of_class(one: object) -> int:
    return hash(type(one))
