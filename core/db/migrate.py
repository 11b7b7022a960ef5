"""The schema and its history: Alembic on one linear tree for both engines, without ``alembic.ini``.

The tables of the packages above are handed in as metadata when a new revision is drafted; running the history needs none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import BatchOperations, Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from core.db.rls import see_countries
from core.db.session import prepare_sqlite_file

SCRIPTS = Path(__file__).resolve().parent.parent / "migrations"
_MIGRATION_LOCK = 0x7A02


def upgrade(url: str, target: str = "head") -> None:
    """Bring the database at ``url`` to ``target``. Safe to run in several processes at once. Blocking: use a thread in a loop."""
    with _connected(url) as connection:
        command.upgrade(_config(connection), target)


def downgrade(url: str, target: str) -> None:
    """Take the database at ``url`` back to ``target`` (``base`` for an empty one). Blocking. For development."""
    with _connected(url) as connection:
        command.downgrade(_config(connection), target)


def draft_revision(url: str, message: str, metadata: MetaData) -> None:
    """Write a new revision file from the difference between the database at ``url`` and ``metadata``, to be finished by hand."""
    with _connected(url) as connection:
        config = _config(connection)
        config.attributes["metadata"] = metadata
        command.revision(config, message=message, autogenerate=True, rev_id=f"{len(revisions()) + 1:04d}")


def differences(url: str, metadata: MetaData) -> list[Any]:
    """What autogenerate would change; empty when tables, columns and indexes agree. It does not see triggers, policies and
    exclusion constraints: ``core.db.fingerprint`` does."""
    with _connected(url) as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def current(url: str) -> str | None:
    """The revision of the database at ``url``; none when it is empty."""
    with _connected(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The newest revision that this code knows."""
    return ScriptDirectory(str(SCRIPTS)).get_current_head()


def revisions() -> list[str]:
    """All revisions, oldest first."""
    return [script.revision for script in ScriptDirectory(str(SCRIPTS)).walk_revisions()][::-1]


@contextmanager
def batch_keeping_triggers(op: Operations, table: str) -> Iterator[BatchOperations]:
    """``op.batch_alter_table`` for SQLite that creates the triggers of ``table`` anew; Alembic alone drops them silently."""
    connection = op.get_bind()
    query = text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    sqlite = connection.dialect.name == "sqlite"
    triggers = list(connection.execute(query, {"table": table}).scalars()) if sqlite else []
    with op.batch_alter_table(table, recreate="always" if sqlite else "never") as batch:
        yield batch
    for trigger in triggers:
        connection.exec_driver_sql(trigger)


@contextmanager
def without_triggers(connection: Connection, table: str) -> Iterator[None]:
    """Put the triggers of ``table`` aside while its rows are given new columns, also those of tables that can only grow."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
        yield
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')
        return
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table")
    triggers = list(connection.execute(query, {"table": table}))
    execute_all(connection, [f'DROP TRIGGER "{trigger.name}"' for trigger in triggers])
    yield
    execute_all(connection, [trigger.sql for trigger in triggers])


def execute_all(connection: Connection, statements: list[str]) -> None:
    """Run raw statements such as triggers, policies and exclusion constraints, exactly as written."""
    for statement in statements:
        connection.exec_driver_sql(statement)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = _sync_engine(url)
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
                see_countries(connection)
            yield connection
            if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise RuntimeError("the migration left rows that refer to nothing")
    finally:
        engine.dispose()


def _sync_engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"))
    prepare_sqlite_file(parsed)
    engine = create_engine(parsed.set(drivername="sqlite"), connect_args={"isolation_level": None, "timeout": 30})

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.cursor().execute("PRAGMA foreign_keys=OFF")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
