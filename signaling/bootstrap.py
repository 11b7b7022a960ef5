"""The composition root: settings become services. The only place that chooses implementations; holds no behaviour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from core.access import Actor
from core.clock import Clock, SystemClock, new_id
from core.crypto import FieldCipher, KeyRing
from core.db.outbox import OutboxRelay
from core.db.server_clock import ServerClock
from core.db.session import Database
from core.events.bus import EventBus
from core.events.opening import open_bus
from core.i18n import Catalogues
from core.jobs import Job, JobRunner, Lease
from core.notify import NoPush, NumberPort, Ports
from core.notify_push import HOSTS, WebPush
from core.settings import Settings
from core.tasks import end
from records.audit import AuditTrail
from records.cases import CaseService
from records.procedures import Catalogue, load_catalogue
from records.referrals import Referrals
from records.session_log import SessionLog
from records.wish_changes import WishChanges
from scheduler.calendars.services import Calendars
from scheduler.foresight import WAKE_ON_NEWS, Foresight
from scheduler.languages import LanguageTable, load_languages
from scheduler.plans.absences import EnteredAbsences
from scheduler.ring.sender import ReachSender
from scheduler.rosters.duty import RosterDuties
from scheduler.rosters.services import Rosters
from scheduler.services import SchedulerServices
from scheduler.surge.call_in import CallInReserve
from scheduler.worker import SchedulerWorker
from signaling.admission import Admission
from signaling.auth.accounts import AccountService
from signaling.auth.attempts import forget_old_attempts
from signaling.auth.logins import LoginService
from signaling.auth.passwords import PasswordHasher
from signaling.auth.tokens import forget_old_tokens
from signaling.calls import CallService
from signaling.desk.services import Desk
from signaling.fallback.services import HEARD as LEGS_HEARD
from signaling.fallback.services import Fallback
from signaling.health import LoopLag
from signaling.live import Live, build_live
from signaling.news_views import NewsViews
from signaling.nodes import NodeDirectory
from signaling.rate_limits import RateLimits
from signaling.schema import CONFLICTS
from signaling.speech.export import ExportTexts
from signaling.speech.services import Speech
from signaling.telephony.services import Telephony, build_telephony, open_legs, ring_phone, ring_texts


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
    cases: CaseService
    wish_changes: WishChanges
    referrals: Referrals
    session_log: SessionLog
    scheduler: SchedulerServices
    foresight: Foresight
    """Demand, cover, surge, what-if."""
    rosters: Rosters
    calendars: Calendars
    absences: EnteredAbsences
    """Absences that coordinators enter for somebody."""
    worker: SchedulerWorker
    sender: ReachSender
    live: Live
    telephony: Telephony
    """Telephone legs; without a carrier they say so."""
    speech: Speech
    """Draft transcripts and speech workers."""
    desk: Desk
    """The language desk."""
    fallback: Fallback
    """The step-down ladder of running sessions."""
    relay: OutboxRelay
    jobs: JobRunner
    lag: LoopLag

    @property
    def calls(self) -> CallService:
        """The live side of sessions."""
        return self.live.calls

    @property
    def admission(self) -> Admission:
        """Grants and invitations for calls."""
        return self.live.admission

    @property
    def nodes(self) -> NodeDirectory:
        """The media nodes that are alive."""
        return self.live.nodes

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open: relay, live half, timed work; closed in the opposite order."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.bus.close)
            if isinstance(self.clock, ServerClock):
                await self.clock.measure(self.database)
                await stack.enter_async_context(running_task(self.clock.follow(self.database), "server-clock"))
            await stack.enter_async_context(self.live.running())
            if self.speech.has_model:
                await stack.enter_async_context(self.speech.listeners.running())
            await stack.enter_async_context(self.telephony.running())
            await stack.enter_async_context(self.bus.consume("fallback", LEGS_HEARD, self.fallback.news.on_event))
            await stack.enter_async_context(self.relay.running())
            await stack.enter_async_context(running_task(self.lag.watch(), "loop-lag"))
            stack.callback(self.database.on_news(self.worker.wake))
            await stack.enter_async_context(running_task(self.worker.run(), "scheduler"))
            stack.callback(self.database.on_news(self.sender.wake))
            stack.callback(self.database.on_news(self._look_ahead))
            await stack.enter_async_context(running_task(self.sender.run(), "reach"))
            stack.push_async_callback(self.rosters.searches.close)
            await stack.enter_async_context(
                self.jobs.running(
                    [
                        *self.live.jobs(),
                        *self.telephony.jobs(),
                        *self.fallback.jobs(),
                        *self.foresight.jobs(),
                        *self.calendars.jobs(),
                        *self.scheduler.pool_life.jobs(),
                        *self.scheduler.plans.jobs(),
                        *self.desk.finder.jobs(),
                        *_housekeeping(self),
                    ]
                )
            )
            yield

    def _look_ahead(self) -> None:
        for name in WAKE_ON_NEWS:
            self.jobs.wake(name)

    async def close(self) -> None:
        """Close what ``build`` opened, for commands that run nothing."""
        await self.bus.close()
        await self.database.close()


def _housekeeping(services: Services) -> list[Job]:
    """Deletes what has no use any more: ended sign-ins, expired secrets, old failures, places and messages of the ring."""

    async def forget(lease: Lease) -> None:
        async with lease.unit(Actor.system()) as uow:
            await services.logins.forget_old(uow)
            await forget_old_tokens(uow)
            await forget_old_attempts(uow)
            await services.scheduler.ledger.forget_old(uow)
            await services.sender.forget_old(uow)
            await services.telephony.pins.forget_old(uow)
            await services.telephony.checks.forget_old(uow)

    return [Job("signaling.housekeeping", every=600, run=forget)]


@asynccontextmanager
async def running_task(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """While open, ``work`` runs as a task; at the end it is cancelled and waited for."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        await end([task])


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    catalogue: Catalogue | None = None,
    languages: LanguageTable | None = None,
) -> Services:
    """The services for these settings; nothing connects before ``running``. ``catalogue`` and ``languages`` are read from the
    product's files unless given.

    Raises ``records.procedure_source.CatalogueError`` (file, line, reason) when a procedure file is wrong, and
    ``core.crypto.KeyFileError``.
    """
    clock = clock or ServerClock(SystemClock())
    database = open_database(settings, clock)
    bus = open_bus(settings)
    catalogue = catalogue or load_catalogue(extra=settings.catalogue_files)
    languages = languages or load_languages()
    hasher = PasswordHasher(settings.auth)
    logins = LoginService(database, clock, settings.auth)
    session_log = SessionLog()
    cipher = FieldCipher(KeyRing.open(settings.key_file or settings.data_dir / "keys.json"))
    cases = CaseService(catalogue, cipher, languages.__contains__)
    legs = open_legs(settings, database, bus, catalogue, session_log, cipher)
    texts_out = ring_texts(database, legs)
    ports = open_ports(settings, clock, ring_phone(database, legs), texts_out)
    foresight = Foresight.build(database, clock, languages, duties=[RosterDuties()])
    scheduler = SchedulerServices.build(catalogue, languages, cases, session_log, ports=ports)
    foresight.watch.reserve = CallInReserve(scheduler.reach)
    live = build_live(
        settings,
        clock,
        database,
        bus,
        session_log,
        scheduler,
        logins,
        languages,
        NodeDirectory(bus, clock),
        NewsViews(scheduler, session_log),
    )
    fallback = Fallback.build(database, catalogue, session_log, live.calls, legs)
    live.socket.room.ladder = fallback.room
    audit = AuditTrail()
    telephony = build_telephony(
        settings,
        clock,
        database,
        cipher,
        Catalogues.read(catalogue_folder() / "telephony"),
        languages,
        legs,
        texts_out.carrier,
        session_log,
        audit,
        scheduler.offers,
        scheduler.conduct,
        live.calls,
        live.socket.room,
        live.media.placement,
    )
    texts = Catalogues.read(catalogue_folder())
    export = ExportTexts(Catalogues.read(catalogue_folder() / "speech"), texts, languages)
    speech = Speech.build(settings.speech, database, bus, cipher, catalogue, session_log, live.nodes, languages, export)
    live.socket.room.speech = speech
    calendars = Calendars.build(cipher)
    return Services(
        settings=settings,
        clock=clock,
        registry=CollectorRegistry(),
        texts=texts,
        database=database,
        bus=bus,
        limits=RateLimits(settings.limits, settings.bus_url),
        catalogue=catalogue,
        languages=languages,
        hasher=hasher,
        accounts=AccountService(database, hasher, settings.auth),
        logins=logins,
        audit=audit,
        cases=cases,
        wish_changes=WishChanges(),
        referrals=Referrals(),
        session_log=session_log,
        scheduler=scheduler,
        foresight=foresight,
        rosters=Rosters.build(database, clock, languages, foresight.cover),
        calendars=calendars,
        absences=EnteredAbsences(calendars.rules, scheduler.plans.repairs, scheduler.plans.service),
        worker=SchedulerWorker(database, scheduler, cases, session_log, clock),
        sender=ReachSender(database, ports, clock),
        live=live,
        telephony=telephony,
        speech=speech,
        desk=Desk.build(
            database, languages, cases, scheduler.bookings, live.calls, speech.workers if speech.has_model else None
        ),
        fallback=fallback,
        relay=OutboxRelay(database, bus),
        jobs=JobRunner(database, holder=new_id("process")),
        lag=LoopLag(clock),
    )


def open_database(settings: Settings, clock: Clock | None = None) -> Database:
    """SQLite or PostgreSQL, by the address."""
    return Database.open(settings.database_url, clock or SystemClock(), conflicts=CONFLICTS)


def open_ports(settings: Settings, clock: Clock, phone: NumberPort, sms: NumberPort) -> Ports:
    """The means by which somebody is called who has no page open; what is not configured says so.

    Raises ``ValueError`` for a push key that is none.
    """
    push = settings.push
    if push.private_key is None:
        return Ports(NoPush(), sms, phone)
    key, hosts = push.private_key.get_secret_value(), push.hosts or HOSTS
    return Ports(WebPush(key, push.subject, clock, hosts=hosts, plain_http=push.plain_http), sms, phone)


def catalogue_folder() -> Path:
    """Where the sentences lie: inside the installed package, else in the checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "locale_files"
    return packaged if packaged.is_dir() else here.parent / "web_client" / "locales"
