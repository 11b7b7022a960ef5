"""The migrated schema is the one that the code describes, on both engines, down to triggers and policies.

After a wanted change: add a revision, run this with ``UPDATE_SCHEMA=1``, and read the difference in ``schema_*.txt`` well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, Integer, create_engine, text

import records.aids_models
import records.desk
import records.models
import records.referral_models
import scheduler.briefings.models
import scheduler.calendars.models
import scheduler.demand.models
import scheduler.models
import scheduler.plans.models
import scheduler.pool_life.models
import scheduler.ring.models
import scheduler.rosters.models
import scheduler.surge.models
import signaling.auth.models
import signaling.fallback.models
import signaling.speech.models
import signaling.telephony.models
from core.db import migrate, rls
from core.db.fingerprint import fingerprint
from core.db.scope import scoped_tables
from signaling.schema import METADATA
from tests.services import Postgres

_MODULES = (
    records.models,
    records.referral_models,
    records.aids_models,
    records.desk,
    scheduler.models,
    scheduler.plans.models,
    scheduler.pool_life.models,
    scheduler.briefings.models,
    scheduler.calendars.models,
    scheduler.demand.models,
    scheduler.ring.models,
    scheduler.rosters.models,
    scheduler.surge.models,
    signaling.auth.models,
    signaling.telephony.models,
    signaling.fallback.models,
    signaling.speech.models,
)


def dialect_of(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgresql"


def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("sqlite+aiosqlite", "sqlite"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """A plain connection to a migrated database."""
    yield from connected(database_url)


def test_models_and_history_agree(database_url: str) -> None:
    assert migrate.differences(database_url, METADATA) == []


def test_the_fingerprint_is_the_expected_one(database_url: str, connection: Connection) -> None:
    path = Path(__file__).with_name(f"schema_{dialect_of(database_url)}.txt")
    found = fingerprint(connection)
    if os.environ.get("UPDATE_SCHEMA"):
        path.write_text("\n".join(found) + "\n", encoding="utf-8")
    assert found == path.read_text(encoding="utf-8").splitlines()


def test_sqlite_history_enforces_what_the_models_ask_for(sqlite_url: str, tmp_path: Path) -> None:
    """Tables made from the models with their triggers are the same as those that history made."""
    assert _as_migrated(sqlite_url) == _as_modelled(f"sqlite:///{tmp_path / 'empty.db'}")


@pytest.mark.services
def test_postgresql_history_enforces_what_the_models_ask_for(postgres_url: str, postgres_server: Postgres) -> None:
    """The same with policies, constraints and functions."""
    empty = postgres_server.create(migrated=False)
    assert _as_migrated(postgres_url) == _as_modelled(empty)
    postgres_server.drop(empty)


def _as_migrated(url: str) -> list[str]:
    return next(fingerprint(connection) for connection in connected(url))


def _as_modelled(url: str) -> list[str]:
    found: list[str] = []
    for fresh in connected(url):
        dialect = fresh.dialect.name
        METADATA.create_all(fresh)
        for module in _MODULES:
            migrate.execute_all(fresh, getattr(module, f"DDL_{dialect.upper()}", []))
        if dialect == "postgresql":
            for table in sorted(table.name for table in scoped_tables()):
                migrate.execute_all(fresh, rls.policy_ddl(table))
        found = fingerprint(fresh)
    return found


@pytest.mark.services
def test_every_table_of_a_country_is_protected(postgres_url: str) -> None:
    for connection in connected(postgres_url):
        lines = fingerprint(connection)
        for table in scoped_tables():
            assert f"row security: {table.name} forced" in lines
            assert any(line.startswith(f"policy: {table.name} country_of_{table.name} ALL") for line in lines)
        assert not rls.is_bypassed(connection)


def test_history_goes_back_to_nothing(database_url: str) -> None:
    migrate.downgrade(database_url, "base")
    assert migrate.current(database_url) is None
    for connection in connected(database_url):
        assert fingerprint(connection) == []
    migrate.upgrade(database_url)
    assert migrate.current(database_url) == migrate.head()


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    before = _as_migrated(database_url)
    migrate.upgrade(database_url)
    assert _as_migrated(database_url) == before


def test_rebuilding_a_table_keeps_its_triggers(sqlite_url: str) -> None:
    """Alembic's batch mode drops them silently; ours puts them back."""
    for connection in connected(sqlite_url):
        triggers = [line for line in fingerprint(connection) if line.startswith("trigger")]
        assert len(triggers) >= 6
        operations = Operations(MigrationContext.configure(connection))
        with migrate.batch_keeping_triggers(operations, "assignments") as batch:
            batch.add_column(Column("extra", Integer))
        assert [line for line in fingerprint(connection) if line.startswith("trigger")] == triggers
        connection.execute(text("SELECT extra FROM assignments"))
