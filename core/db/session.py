"""The database as the rest of the house knows it: ``Database`` opens units of work, each one transaction for one actor.

Not a repository: queries live in the packages above. SQLite writers begin with ``BEGIN IMMEDIATE`` on one connection, so a
read-then-write never meets "database is locked"; readers have an engine of their own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, event, insert, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from core.access import Actor
from core.clock import Clock, new_id
from core.db.base import Base
from core.db.errors import is_transient, translate
from core.db.one_trip import use_one_trip
from core.db.outbox_event import OutboxEvent
from core.db.scope import ScopedSession, session_info, widened
from core.events.bus import Event, Json

log = logging.getLogger(__name__)
_GIVEN_BACK_WITHIN_S = 5.0
T = TypeVar("T")
AfterCommit = Callable[[], Awaitable[None] | None]

_POSTGRESQL_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=15000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=60000"
)


class ReadUnit:
    """One read-only transaction for one actor."""

    def __init__(self, session: AsyncSession, actor: Actor, now: datetime, dialect: str) -> None:
        self.session = session
        self.actor = actor
        self.now = now
        """The time at the start of the unit; use it for everything that happens in it."""
        self.dialect = dialect
        """``sqlite`` or ``postgresql``."""

    @asynccontextmanager
    async def across_countries(self) -> AsyncIterator[None]:
        """In this block statements see both countries, whoever acts.

        For facts about the regional pool that matching needs, such as when somebody is busy: select columns, never rows, and
        hand out nothing that tells what the work of the other country is. Nothing may be written in it.
        """
        async with widened(self.session, self.dialect):
            yield


class UnitOfWork(ReadUnit):
    """One transaction for one actor. It commits when its ``async with`` ends and rolls back when an exception leaves it."""

    def __init__(
        self,
        session: AsyncSession,
        actor: Actor,
        now: datetime,
        dialect: str,
        conflicts: Mapping[str, str],
    ) -> None:
        super().__init__(session, actor, now, dialect)
        self._conflicts = conflicts
        self._emitted: list[Event] = []
        self._after_commit: list[AfterCommit] = []

    def emit(self, name: str, body: Json, *, country: str) -> Event:
        """Store a past-tense fact with the change. It reaches the bus after the commit, and never without it.

        ``body`` must be JSON; ``country`` must be one of the actor's (``Forbidden('country_not_yours')`` at the commit).
        """
        emitted = Event(name=name, country=str(country), body=dict(body), id=new_id("evt"))
        self._emitted.append(emitted)
        return emitted

    def after_commit(self, callback: AfterCommit) -> None:
        """Call (and await) ``callback`` once the transaction has committed. What it raises is logged and goes no further."""
        self._after_commit.append(callback)

    async def flush(self) -> None:
        """Send pending changes now; raises a coded ``Conflict`` when a known constraint refuses them."""
        try:
            await self.session.flush()
        except DBAPIError as error:
            self._raise(error)

    async def commit_events(self) -> None:
        """Write the emitted events. Called by ``Database`` as the last statement before the commit, so that the order of
        ``seq`` agrees with the order in which conflicting transactions took their locks."""
        await self.session.flush()
        rows = [
            {
                "id": emitted.id,
                "name": emitted.name,
                "country": emitted.country,
                "body": dict(emitted.body),
                "occurred_at": self.now,
                "published_at": None,
            }
            for emitted in self._emitted
        ]
        if rows:
            # One call for all; the driver runs it row by row, so that ``seq`` follows the order in which they were told.
            await self.session.execute(insert(OutboxEvent), rows)

    @property
    def has_news(self) -> bool:
        """Whether the unit emitted anything."""
        return bool(self._emitted)

    async def run_after_commit(self) -> None:
        """Run what ``after_commit`` collected; called by ``Database``."""
        for callback in self._after_commit:
            try:
                result = callback()
                if result is not None:
                    await result
            except Exception:
                log.exception("after_commit_failed")

    def _raise(self, error: DBAPIError) -> None:
        replacement = translate(error, self._conflicts, Base.metadata)
        if replacement is None:
            raise error
        raise replacement from error


class Database:
    """One database. Open it once in a process, close it at the end."""

    def __init__(
        self, writer: AsyncEngine, reader: AsyncEngine, clock: Clock, conflicts: Mapping[str, str] | None = None
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._clock = clock
        self._conflicts = dict(conflicts or {})
        self._news_listeners: list[Callable[[], None]] = []
        self._busy: set[asyncio.Task[Any]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @classmethod
    def open(
        cls, url: str, clock: Clock, *, conflicts: Mapping[str, str] | None = None, pool_size: int = 10
    ) -> Database:
        """Prepare engines for ``sqlite+aiosqlite:///path`` or ``postgresql+psycopg://...`` (nothing connects yet).

        ``conflicts`` maps names of constraints, unique indexes and trigger messages to the codes of ``Conflict``.
        Raises ``ValueError`` for another kind of database and for SQLite in memory, which cannot have two connections.
        """
        parsed = make_url(url)
        backend = parsed.get_backend_name()
        if backend == "sqlite":
            writer, reader = _open_sqlite(parsed, pool_size)
        elif backend == "postgresql":
            writer = _open_postgresql(parsed, pool_size)
            reader = writer.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            raise ValueError(f"unknown kind of database: {backend}")
        return cls(writer, reader, clock, conflicts)

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self._writer.dialect.name

    @property
    def engine(self) -> AsyncEngine:
        """The writing engine, for migrations, health checks and tests; domain code uses ``unit`` and ``read``."""
        return self._writer

    @asynccontextmanager
    async def unit(self, actor: Actor) -> AsyncIterator[UnitOfWork]:
        """One writing transaction for ``actor``.

        Raises ``Conflict`` with a known code when a constraint refuses the change, ``DatabaseUnavailable`` for passing trouble.
        A unit inside a unit of the same task is a defect (it would wait for itself on SQLite) and raises ``RuntimeError``.
        """
        task = asyncio.current_task()
        if task is None or task in self._busy:
            raise RuntimeError("a unit of work was opened inside another one of the same task")
        self._busy.add(task)
        session = self._session(self._writer, actor)
        unit = UnitOfWork(session, actor, self._clock.now(), self.dialect, self._conflicts)
        try:
            with _translated(self._conflicts):
                async with self._closed(session):
                    yield unit
                    await unit.commit_events()
                    await session.commit()
        finally:
            self._busy.discard(task)
        if unit.has_news:
            for listener in list(self._news_listeners):
                listener()
        await unit.run_after_commit()

    @asynccontextmanager
    async def read(self, actor: Actor) -> AsyncIterator[ReadUnit]:
        """One read-only transaction for ``actor``: a stable view, refused writes. May be opened inside a unit."""
        session = self._session(self._reader, actor)
        with _translated(self._conflicts):
            async with self._closed(session):
                yield ReadUnit(session, actor, self._clock.now(), self.dialect)

    async def retry(
        self,
        work: Callable[[], Awaitable[T]],
        *,
        attempts: int = 6,
        first_wait: float = 0.05,
        within: float | None = None,
    ) -> T:
        """Run ``work`` (which opens its own unit) until it succeeds, at most ``attempts`` times, waiting longer each time.

        ``within``: seconds after which no further attempt begins, for somebody who waits; one that has begun is waited for.

        Only passing trouble is retried: deadlocks, serialization failures, a busy file, lost connections. The outcome of a
        commit whose connection was lost is unknown, so ``work`` must be idempotent: choose identifiers before calling this.
        """
        began = self._clock.monotonic()
        for attempt in range(1, attempts):
            try:
                return await work()
            except Exception as error:
                late = within is not None and self._clock.monotonic() - began >= within
                if late or not is_transient(error):
                    raise
                log.warning("database_retry", extra={"attempt": attempt})
            wait = first_wait * 2 ** (attempt - 1)
            await asyncio.sleep(wait * (0.5 + random.random()))  # noqa: S311 - spreads load, protects nothing
        return await work()

    def on_news(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each commit that stored events; returns a function that ends this."""
        self._news_listeners.append(listener)
        return lambda: self._news_listeners.remove(listener)

    async def ping(self) -> None:
        """Raise ``DatabaseUnavailable`` unless the database answers."""
        with _translated(self._conflicts):
            async with self._reader.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections, after those that are being given back. Idempotent."""
        if self._closing:
            await asyncio.wait(self._closing, timeout=_GIVEN_BACK_WITHIN_S)
        await self._writer.dispose()
        await self._reader.dispose()

    @asynccontextmanager
    async def _closed(self, session: AsyncSession) -> AsyncIterator[None]:
        """The session is closed whatever happens, also when its task is cancelled meanwhile; ``close`` waits for that.

        A session's own ``async with`` leaves the closing to a task that nobody knows. Cancelled once more at the end of the
        process, after its connection's thread has ended, it would wait for ever.
        """
        try:
            yield
        finally:
            closing = asyncio.create_task(session.close(), name="database-session-close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    def _session(self, engine: AsyncEngine, actor: Actor) -> AsyncSession:
        return AsyncSession(
            engine,
            sync_session_class=ScopedSession,
            expire_on_commit=False,
            info=session_info(actor),
        )


class _translated:  # noqa: N801 - used like a keyword
    """Turns database failures that leave the block into coded errors."""

    def __init__(self, conflicts: Mapping[str, str]) -> None:
        self._conflicts = conflicts

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (DBAPIError, PoolTimeout)):
            replacement = translate(error, self._conflicts, Base.metadata)
            if replacement is not None:
                raise replacement from error


def _open_postgresql(url: URL, pool_size: int) -> AsyncEngine:
    return create_async_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"options": _POSTGRESQL_OPTIONS, "connect_timeout": 5},
        hide_parameters=True,
    )


def prepare_sqlite_file(url: URL) -> None:
    """Create the file of ``url``, readable by its owner only, if it is missing; raises ``ValueError`` for SQLite in memory."""
    if url.database in (None, "", ":memory:"):
        raise ValueError("SQLite needs a file here: readers and writers use separate connections")
    path = Path(str(url.database))
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _stopped_once(connection: Any) -> None:
    """Ask the thread of a connection to end only once.

    When a task is cancelled twice in the middle of a statement, SQLAlchemy closes its connection and stops it as well; aiosqlite 0.22
    stops it again after closing and waits for an answer of the thread that has ended: for ever, and the process cannot end.
    """
    driver = connection.driver_connection
    stop = driver.stop
    asked: list[bool] = []

    def once() -> Any:
        if asked:
            return None
        asked.append(True)
        return stop()

    driver.stop = once


def _open_sqlite(url: URL, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
    prepare_sqlite_file(url)
    target = url.set(drivername="sqlite+aiosqlite")

    def engine(begin: str, size: int, *, query_only: bool) -> AsyncEngine:
        made = create_async_engine(
            target,
            pool_size=size,
            max_overflow=0,
            pool_timeout=10,
            connect_args={"isolation_level": None, "timeout": 5},
            hide_parameters=True,
        )

        @event.listens_for(made.sync_engine, "connect")
        def _prepare(connection: Any, _record: object) -> None:
            use_one_trip(connection.driver_connection)
            cursor = connection.cursor()
            # What is wiped (drafts, avoided people) is to be gone from the file too; not every SQLite does that by itself.
            for pragma in (
                "journal_mode=WAL",
                "busy_timeout=5000",
                "foreign_keys=ON",
                "synchronous=NORMAL",
                "secure_delete=ON",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            if query_only:
                cursor.execute("PRAGMA query_only=ON")
            cursor.close()
            _stopped_once(connection)

        @event.listens_for(made.sync_engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        return made

    return engine("BEGIN IMMEDIATE", 1, query_only=False), engine("BEGIN", pool_size, query_only=True)
