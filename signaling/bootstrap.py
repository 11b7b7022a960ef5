"""The composition root: settings become services. The only place that chooses implementations; holds no behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from core.clock import Clock, SystemClock
from core.db.outbox import OutboxRelay
from core.db.session import Database
from core.events.bus import EventBus
from core.events.memory_bus import InProcessBus
from core.events.redis_bus import RedisBus
from core.settings import Settings
from records.audit import AuditTrail
from records.procedures import Catalogue, load_catalogue
from records.session_log import SessionLog
from scheduler.languages import LanguageTable, load_languages
from signaling.auth.accounts import AccountService
from signaling.auth.logins import LoginService
from signaling.auth.passwords import PasswordHasher
from signaling.health import LoopLag
from signaling.nodes import NodeDirectory
from signaling.problems import Texts
from signaling.rate_limits import RateLimits
from signaling.schema import CONFLICTS
from signaling.texts import CatalogueTexts


@dataclass(frozen=True)
class Services:
    """Everything that routes, socket and commands use."""

    settings: Settings
    clock: Clock
    registry: CollectorRegistry
    texts: Texts
    database: Database
    bus: EventBus
    limits: RateLimits
    catalogue: Catalogue
    languages: LanguageTable
    hasher: PasswordHasher
    accounts: AccountService
    logins: LoginService
    audit: AuditTrail
    session_log: SessionLog
    relay: OutboxRelay
    nodes: NodeDirectory
    lag: LoopLag

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open: relay, jobs, media, listeners; closed in the opposite order."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.bus.close)
            await stack.enter_async_context(self.relay.running())
            await stack.enter_async_context(running_task(self.lag.watch(), "loop-lag"))
            yield


@asynccontextmanager
async def running_task(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """While open, ``work`` runs as a task; at the end it is cancelled and waited for."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def build(settings: Settings, *, clock: Clock | None = None) -> Services:
    """The services for these settings; nothing connects before ``running``.

    Raises ``records.procedure_source.CatalogueError`` (file, line, reason) when a procedure file is wrong.
    """
    clock = clock or SystemClock()
    database = Database.open(settings.database_url, clock, conflicts=CONFLICTS)
    bus = _bus(settings)
    hasher = PasswordHasher(settings.auth)
    return Services(
        settings=settings,
        clock=clock,
        registry=CollectorRegistry(),
        texts=CatalogueTexts(),
        database=database,
        bus=bus,
        limits=RateLimits(settings.limits, settings.bus_url),
        catalogue=load_catalogue(),
        languages=load_languages(),
        hasher=hasher,
        accounts=AccountService(database, hasher, settings.auth),
        logins=LoginService(database, clock, settings.auth),
        audit=AuditTrail(),
        session_log=SessionLog(),
        relay=OutboxRelay(database, bus),
        nodes=NodeDirectory(bus, clock),
        lag=LoopLag(clock),
    )


def _bus(settings: Settings) -> EventBus:
    if settings.bus_url == "memory://":
        return InProcessBus()
    return RedisBus(settings.bus_url)
