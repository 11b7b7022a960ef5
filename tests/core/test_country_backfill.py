"""Rows written before the country wall stood get the country of their case, also in tables that can only grow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, create_engine, insert, select, text

from core.db import migrate, rls
from tests.services import Postgres

CHAIN: dict[str, dict[str, Any]] = {
    "sites": {"code": "MK-SITE", "country": "MK"},
    "cases": {"id": "case_1", "site": "MK-SITE", "country": "MK"},
    "case_languages": {"case_id": "case_1"},
    "procedure_steps": {"id": "step_1", "case_id": "case_1", "country": "MK"},
    "sessions": {"id": "session_1", "case_id": "case_1", "step_id": "step_1", "country": "MK"},
    "session_entries": {"session_id": "session_1"},
    "session_participants": {"id": "part_1", "session_id": "session_1"},
    "interpreters": {"id": "int_1"},
    "bookings": {"id": "bok_1", "country": "MK", "starts_at": 1, "ends_at": 2},
    "offers": {"id": "offer_1", "booking_id": "bok_1", "interpreter_id": "int_1"},
    "assignments": {
        "id": "asg_1", "booking_id": "bok_1", "interpreter_id": "int_1", "starts_at": 1, "busy_until": 2, "state": "done",
    },
    "case_bars": {"case_id": "case_1", "interpreter_id": "int_1"},
}  # fmt: skip
WALLED = ("case_languages", "session_entries", "session_participants", "offers", "assignments", "case_bars")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'old.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    url = server.create(migrated=False)
    yield url
    server.drop(url)


def test_old_rows_get_the_country_of_their_case(empty_url: str) -> None:
    migrate.upgrade(empty_url, "0001")
    engine = create_engine(empty_url)
    with engine.begin() as connection:
        known = MetaData()
        known.reflect(connection)
        if connection.dialect.name == "postgresql":
            rls.see_countries(connection)
        for table, values in CHAIN.items():
            connection.execute(insert(known.tables[table]).values(filled(known.tables[table], values)))
    engine.dispose()
    migrate.upgrade(empty_url, "0002")
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            rls.see_countries(connection)
        for name in WALLED:
            assert connection.execute(text(f"SELECT country FROM {name}")).scalars().all() == ["MK"], name
        now = MetaData()
        now.reflect(connection, only=["session_entries"])
        assert connection.execute(select(now.tables["session_entries"].c.seq)).scalars().all() == [7]
    engine.dispose()


def filled(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` with something in every other column that must not be empty; times given as seconds."""
    samples: dict[type, Any] = {str: "x", int: 7, bool: False, dict: {}, object: {}, datetime: 0}
    row = {}
    for column in table.columns:
        kind = column.type.python_type
        if column.name in values:
            value = values[column.name]
        elif column.nullable or column.autoincrement is True:
            continue
        else:
            value = samples[kind]
        if kind is str and isinstance(value, str):
            value = value[: getattr(column.type, "length", None) or 99]
        row[column.name] = datetime.fromtimestamp(value, UTC) if kind is datetime else value
    return row
