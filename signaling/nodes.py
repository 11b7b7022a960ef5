"""Media nodes as the signalling processes see them: who is alive, which one a session gets, and how to reach it.

The database decides which node has a session (``sessions.media_node``, one conditional update); the bus only tells who lives.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from pydantic import ValidationError
from sqlalchemy import update

from core.access import Actor
from core.clock import Clock
from core.db.session import Database
from core.errors import NotFound, Unavailable
from core.events.bus import EventBus, Message
from media.client import LocalMediaClient, MediaClient, RemoteMediaClient
from media.placement import choose
from media.protocol import BRIEFING_PEERS, MAX_PEERS, NODES_TOPIC, NodeStatus
from records.models import Session

log = logging.getLogger(__name__)
ALIVE_FOR = timedelta(seconds=3.5)
"""A node that has not announced itself for so long gets no rooms and loses those it has."""
ANSWER_WITHIN_S = 1.2
"""A node that neither answers nor announces itself (twice a second) for so long is dead, as after SIGKILL."""


class NodeDirectory:
    """Which media nodes live, heard from their own announcements."""

    def __init__(self, bus: EventBus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._local: dict[str, LocalMediaClient] = {}
        self._remote: dict[str, RemoteMediaClient] = {}
        self._known: dict[str, tuple[float, NodeStatus]] = {}
        self._changed = asyncio.Event()
        self._began = clock.monotonic()
        self._last: dict[str, float] = {}

    def attach(self, node_id: str, client: LocalMediaClient) -> None:
        """A node in this process is reached without the bus."""
        self._local[node_id] = client

    def hear(self, message: Message) -> None:
        """An announcement; the instant of hearing counts, so that clocks of nodes do not matter."""
        try:
            status = NodeStatus.model_validate(message.body)
        except ValidationError:
            log.warning("node_status_malformed")
            return
        self._last[status.node_id] = self._clock.monotonic()
        self._known[status.node_id] = (self._last[status.node_id], status)
        self._changed.set()

    def alive(self) -> list[NodeStatus]:
        """Nodes that announced themselves lately."""
        limit = self._clock.monotonic() - ALIVE_FOR.total_seconds()
        return [status for heard, status in self._known.values() if heard >= limit]

    def is_alive(self, node_id: str) -> bool:
        """Whether the node announced itself lately."""
        return any(status.node_id == node_id for status in self.alive())

    def silent(self, node_id: str, seconds: float) -> bool:
        """Whether nothing was heard of the node for so long."""
        known = self._known.get(node_id)
        return known is None or self._clock.monotonic() - known[0] >= seconds

    def silence(self, node_id: str) -> float:
        """Seconds since it was heard last, or since we began to listen; 0 for one in this process."""
        if node_id in self._local:
            return 0.0
        return self._clock.monotonic() - self._last.get(node_id, self._began)

    def forget(self, node_id: str) -> None:
        """The node is dead until it announces itself again."""
        self._known.pop(node_id, None)

    def client(self, node_id: str) -> MediaClient:
        """The door to a node, in this process or over the bus."""
        if node_id in self._local:
            return self._local[node_id]
        return self._remote.setdefault(node_id, RemoteMediaClient(self._bus, node_id))

    async def choose(self, room_id: str, *, wait: float = 2.0) -> str:
        """A node for a new room. Waits shortly for a first announcement (right after a start).

        Raises ``Unavailable('no_media_node')``."""
        deadline = self._clock.monotonic() + wait
        while True:
            chosen = choose(room_id, self.alive())
            if chosen is not None:
                return chosen
            self._changed.clear()
            left = deadline - self._clock.monotonic()
            if left <= 0:
                raise Unavailable("no_media_node")
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                raise Unavailable("no_media_node") from None

    def following(self) -> AbstractAsyncContextManager[None]:
        """Keeps the directory up to date while open."""
        return self._bus.follow(NODES_TOPIC, self.hear)


class Placement:
    """Gives each session its node, once; gives it another one when that node is gone."""

    def __init__(self, database: Database, nodes: NodeDirectory) -> None:
        self._database = database
        self._nodes = nodes

    async def ensure(self, session_id: str) -> tuple[str, MediaClient]:
        """The node that has the room of this session, with the room open on it.

        Raises ``NotFound('session_unknown')`` and ``Unavailable('no_media_node')``."""
        system = Actor.system()
        async with self._database.read(system) as unit:
            session = await unit.session.get(Session, session_id)
            if session is None:
                raise NotFound("session_unknown")
            current = session.media_node
            seats = MAX_PEERS if session.case_id is not None else BRIEFING_PEERS
        if current is None or not self._nodes.is_alive(current):
            current = await self._place(session_id, current)
        client = self._nodes.client(current)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await client.open_room(session_id, seats=seats)
        except TimeoutError:
            if self._nodes.silent(current, ANSWER_WITHIN_S):
                log.warning("media_node_dead", extra={"node_id": current})
                self._nodes.forget(current)
                current = await self._place(session_id, current)
                client = self._nodes.client(current)
            await client.open_room(session_id, seats=seats)
        return current, client

    async def _place(self, session_id: str, old: str | None) -> str:
        chosen = await self._nodes.choose(session_id)
        if chosen == old:
            return chosen
        async with self._database.unit(Actor.system()) as uow:
            same = Session.media_node.is_(None) if old is None else Session.media_node == old
            result = await uow.session.execute(
                update(Session)
                .where(Session.id == session_id, same)
                .values(media_node=chosen)
                .execution_options(synchronize_session=False)
            )
            if result.rowcount:  # type: ignore[attr-defined]
                return chosen
            session = await uow.session.get(Session, session_id, populate_existing=True)
            taken: str | None = None if session is None else session.media_node
            if taken is None:
                raise NotFound("session_unknown")
            return taken
