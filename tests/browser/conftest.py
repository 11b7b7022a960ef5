"""Fixtures of the browser tests: a built client, a running installation with people, Playwright."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import pytest
from playwright.async_api import Playwright, async_playwright, expect

from tests import people
from tests.browser.desk import ROOT
from tests.services import Postgres, Redis, missing
from tests.speech import wav
from tests.stack import Kind, Stack

# Four browsers and four servers share the processors here; what a person would wait for is measured elsewhere.
expect.set_options(timeout=120_000)


@pytest.fixture(scope="session")
def client_built() -> None:
    """The web client must have been built: these tests judge what people get."""
    if not (ROOT / "web_client" / "dist" / "index.html").exists():
        missing("the built web client (make web)")


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    path = ROOT / "web_client" / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        missing("axe-core (npm ci in web_client)")
    return path.read_text()


@pytest.fixture(scope="session")
def voices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Speech of officer, interpreter and applicant."""
    folder = tmp_path_factory.mktemp("voices")
    return {part: wav(folder, part) for part in ("officer", "interpreter", "applicant")}


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    """The driver of this test."""
    async with async_playwright() as started:
        yield started


@pytest.fixture(params=["single", "split"])
def stack(request: pytest.FixtureRequest, client_built: None, tmp_path: Path) -> Iterator[Stack]:
    """A running installation: one process with SQLite, and four with PostgreSQL and Redis."""
    kind: Kind = request.param
    postgres: Postgres | None = request.getfixturevalue("postgres_server") if kind == "split" else None
    redis: Redis | None = request.getfixturevalue("redis_server") if kind == "split" else None
    yield from running(kind, tmp_path, postgres, redis)


@pytest.fixture
def single(client_built: None, tmp_path: Path) -> Iterator[Stack]:
    """One process with SQLite."""
    yield from running("single", tmp_path, None, None)


@pytest.fixture(scope="module")
def shared_single(client_built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One process with SQLite for all tests of a module: starting takes as long as many a test."""
    yield from running("single", tmp_path_factory.mktemp("single"), None, None)


@cache
def _peopled() -> bytes:
    """A SQLite file with everybody in it, made once: dozens of installations start from it."""
    with tempfile.TemporaryDirectory() as folder:
        made = Stack.make("single", Path(folder))
        people.fill(made.database_url)
        people.ring_long(made.database_url)
        return (Path(folder) / "tarjuman.db").read_bytes()


def running(kind: Kind, folder: Path, postgres: Postgres | None, redis: Redis | None) -> Iterator[Stack]:
    """Start, fill with people, stop."""
    made = Stack.make(kind, folder, postgres, redis)
    if kind == "single":
        (folder / "tarjuman.db").write_bytes(_peopled())
    else:
        people.fill(made.database_url)
        people.ring_long(made.database_url)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if os.environ.get("KEEP_LOGS"):
            for program in made.programs.values():
                print(f"--- {program.name}\n{program.tail(200)}")
