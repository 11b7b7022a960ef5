"""Fixtures for all tests: a clock that moves when told, both databases and both buses.

A test that takes ``database`` runs twice, on SQLite and on PostgreSQL; one that takes ``bus`` in the process and on Redis.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

from core.clock import ManualClock
from core.db import migrate
from core.db.session import Database
from core.events.bus import EventBus
from core.events.memory_bus import InProcessBus
from core.events.redis_bus import RedisBus
from signaling.schema import CONFLICTS
from tests import compiled
from tests.services import Postgres, Redis, memory

compiled.share()


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop on which the product runs."""
    return {"uvloop": uvloop.new_event_loop}


# How long one example takes says nothing on a machine that runs other things; the time limit of the test remains.
settings.register_profile("tarjuman", deadline=None)
settings.load_profile("tarjuman")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL server for this test process."""
    server = Postgres.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    """A Redis server for this test process."""
    server = Redis.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def clock() -> ManualClock:
    """A clock that starts on 2026-11-22 at 08:00 UTC and moves only when told."""
    return ManualClock()


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for the SQLite files of this test process, in memory if there is enough of it."""
    folder = Path(tempfile.mkdtemp(prefix="tarjuman-sqlite-", dir=memory() or tmp_path_factory.getbasetemp()))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(sqlite_template: Path, files: Path) -> Iterator[str]:
    """URL of a migrated SQLite file of this test."""
    with tempfile.TemporaryDirectory(dir=files, ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "tarjuman.db"
        shutil.copy(sqlite_template, path)
        yield f"sqlite+aiosqlite:///{path}"


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """URL of a migrated PostgreSQL database of this test."""
    url = postgres_server.create()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def redis_url(redis_server: Redis) -> str:
    """URL of an empty Redis."""
    redis_server.empty()
    return redis_server.url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a migrated database of this test, on each engine in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str, clock: ManualClock) -> AsyncIterator[Database]:
    """An open, migrated database of this test, on each engine in turn."""
    opened = Database.open(database_url, clock, conflicts=CONFLICTS)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.services)])
def bus_url(request: pytest.FixtureRequest) -> str:
    """URL of each kind of bus in turn."""
    if request.param == "memory":
        return "memory://"
    url: str = request.getfixturevalue("redis_url")
    return url


@pytest.fixture
async def bus(bus_url: str) -> AsyncIterator[EventBus]:
    """An open bus of this test, of each kind in turn."""
    opened: EventBus = InProcessBus(first_wait=0.01) if bus_url == "memory://" else RedisBus(bus_url, first_wait=0.01)
    yield opened
    await opened.close()
