"""The live half of a signalling process: hub, calls, media nodes, watch and news, put together and run.

``bootstrap`` builds it once; the socket endpoint and the call routes use it. Holds no rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from core.clock import Clock
from core.db.session import Database
from core.events.bus import EventBus
from core.jobs import Job, Lease
from core.settings import Settings
from core.tasks import end
from media.client import LocalMediaClient
from media.ice import IceConfig
from media.protocol import NEWS_EVENTS
from media.worker import node_options, serving
from records.aids_terms import TermBook
from records.session_log import SessionLog
from scheduler.languages import LanguageTable
from scheduler.services import SchedulerServices
from signaling.admission import Admission
from signaling.aids.numbers import NumberPad
from signaling.aids.room import RoomAids
from signaling.auth.logins import LoginService
from signaling.briefings import BriefingRooms
from signaling.call_media import CallMedia
from signaling.call_room import CallRoom
from signaling.call_watch import TOUCH_EVERY_S, WATCH_EVERY_S, CallWatch
from signaling.calls import CallService
from signaling.nodes import NodeDirectory, Placement
from signaling.realtime.hub import Hub
from signaling.realtime.news import NEWS_NAMES, News, Views
from signaling.socket_auth import SocketPresence, SocketSignIn
from signaling.socket_services import SocketServices

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """What routes and socket use of the live half."""

    settings: Settings
    clock: Clock
    bus: EventBus
    hub: Hub
    nodes: NodeDirectory
    media: CallMedia
    calls: CallService
    admission: Admission
    briefings: BriefingRooms
    aids: RoomAids
    watch: CallWatch
    news: News
    socket: SocketServices

    def jobs(self) -> list[Job]:
        """What one process at a time does for all."""

        async def watch(_: Lease) -> None:
            await self.media.note_dead_nodes()
            await self.watch.watch()

        return [Job("calls.watch", WATCH_EVERY_S, watch)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear nodes and news, renew leases, run the media node of this process; closed in the opposite order."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.nodes.following())
            if self.settings.media.in_process:
                options = node_options(self.settings.media)
                node = await stack.enter_async_context(serving(options, self.bus, self.clock))
                self.nodes.attach(options.node_id, LocalMediaClient(node))
            await stack.enter_async_context(self.bus.consume("calls", NEWS_EVENTS, self.media.on_event))
            await stack.enter_async_context(self.bus.consume("news", NEWS_NAMES, self.news.on_event))
            await self.watch.note_gap()
            touching = asyncio.create_task(_repeat(TOUCH_EVERY_S, self._touch), name="leases")
            stack.push_async_callback(end, [touching])
            stack.push_async_callback(self.hub.close)
            yield

    async def _touch(self) -> None:
        await self.watch.touch(self.hub.connection_ids)
        seated = self.hub.place_ids()
        if seated:
            self.hub.keep(await self.watch.holders(seated))


def build_live(
    settings: Settings,
    clock: Clock,
    database: Database,
    bus: EventBus,
    session_log: SessionLog,
    scheduler: SchedulerServices,
    logins: LoginService,
    languages: LanguageTable,
    nodes: NodeDirectory,
    views: Views,
) -> Live:
    """Wire the live half; nothing connects before ``running``."""
    hub = Hub(bus, clock)
    turn = settings.turn
    ice = IceConfig(
        clock,
        turn_urls=turn.urls,
        secret=turn.secret.get_secret_value() if turn.secret else None,
        ttl=turn.ttl,
        stun_urls=settings.stun_urls,
    )
    media = CallMedia(database, hub, nodes, Placement(database, nodes), ice)
    aids = RoomAids(NumberPad(database, hub, bus, session_log), TermBook())
    conduct = scheduler.conduct
    admission = Admission(database, session_log, ice)
    calls = CallService(database, hub, media, session_log, conduct, aids)
    room = CallRoom(database, hub, calls, media, session_log, conduct, languages, aids.numbers)
    sign_in = SocketSignIn(database, logins, settings.session_cookie)
    return Live(
        settings=settings,
        clock=clock,
        bus=bus,
        hub=hub,
        nodes=nodes,
        media=media,
        calls=calls,
        admission=admission,
        briefings=BriefingRooms(
            database, scheduler.briefings, scheduler.bookings, session_log, admission, calls, media
        ),
        aids=aids,
        watch=CallWatch(database, session_log, calls),
        news=News(database, bus, clock, views),
        socket=SocketServices(
            hub=hub,
            bus=bus,
            calls=calls,
            media=media,
            room=room,
            auth=sign_in,
            presence=SocketPresence(database, scheduler.presence),
            clock=clock,
            origins=_origins(settings),
            limits=settings.limits,
        ),
    )


def _origins(settings: Settings) -> frozenset[str]:
    """In development the page may be opened under any local name: the Host header decides; in production only the public address."""
    return frozenset({settings.public_url}) if settings.secure else frozenset()


async def _repeat(every: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(every)
        try:
            await work()
        except Exception:
            log.exception("periodic_work_failed")
