"""The composition root: settings become services. The only place that chooses implementations; holds no behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from core.clock import Clock, SystemClock
from core.crypto import FieldCipher, KeyRing
from core.db.outbox import OutboxRelay
from core.db.session import Database
from core.events.bus import EventBus
from core.events.memory_bus import InProcessBus
from core.events.redis_bus import RedisBus
from core.i18n import Catalogues
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
from signaling.rate_limits import RateLimits
from signaling.schema import CONFLICTS


@dataclass(frozen=True)
class Services:
    """Everything that routes, socket and commands use."""

    settings: Settings
    clock: Clock
    registry: CollectorRegistry
    texts: Catalogues
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
        texts=Catalogues.read(catalogue_folder()),
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


def catalogue_folder() -> Path:
    """Where the sentences lie: inside the installed package, else in the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "locale_files"
    return packaged if packaged.is_dir() else here.parent / "web_client" / "locales"


class CaseCipher:
    """The cipher of fields as ``records.cases`` asks for it, over the key ring of ``core.crypto``."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def encrypt(self, text: str, *, context: str) -> bytes:
        """The sealed form of ``text``; ``context`` is ``table.column:row``."""
        table, column, row = _place(context)
        return self._cipher.seal(text, table=table, column=column, row=row)

    def decrypt(self, sealed: bytes, *, context: str) -> str:
        """The text again."""
        table, column, row = _place(context)
        return self._cipher.open(sealed, table=table, column=column, row=row)


def _place(context: str) -> tuple[str, str, str]:
    field, _, row = context.partition(":")
    table, _, column = field.partition(".")
    return table, column, row


def _bus(settings: Settings) -> EventBus:
    if settings.bus_url == "memory://":
        return InProcessBus()
    return RedisBus(settings.bus_url)
