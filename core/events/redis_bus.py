"""The bus between processes, on one Redis (7 or newer). Losing all of Redis loses no fact: those are in the database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from core.errors import Unavailable
from core.events.bus import Event, EventHandler, FollowHandler, Json, Position, Replay, RequestHandler
from core.events.redis_client import RedisClients, unavailable_when_down
from core.events.redis_events import EventStreams
from core.events.redis_requests import Requests
from core.events.redis_topics import TopicFollowers, TopicStore


class RedisBus:
    """``EventBus`` on Redis. Connects when first used."""

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "tarjuman",
        first_wait: float = 0.1,
        longest_wait: float = 5.0,
        claim_after: float = 10.0,
    ) -> None:
        """``claim_after``: seconds of silence after which other members of a group take over what a member holds."""
        self._clients = RedisClients(url)
        self._store = TopicStore(self._clients, prefix)
        self._followers = TopicFollowers(self._clients, self._store, prefix)
        self._events = EventStreams(
            self._clients, prefix, first_wait=first_wait, longest_wait=longest_wait, claim_after=claim_after
        )
        self._requests = Requests(self._clients, prefix)
        self._closed = False

    async def append(self, topic: str, body: Json, *, dedupe_id: str | None = None) -> Position:
        self._check_open()
        return await self._store.append(topic, body, dedupe_id)

    async def read_after(self, topic: str, position: Position | None, *, limit: int = 500) -> Replay:
        self._check_open()
        return await self._store.read_after(topic, position, limit)

    def follow(self, topic: str, handler: FollowHandler) -> AbstractAsyncContextManager[None]:
        self._check_open()
        return self._followers.follow(topic, handler)

    async def publish(self, event: Event) -> None:
        self._check_open()
        await self._events.publish(event)

    def consume(self, group: str, names: Sequence[str], handler: EventHandler) -> AbstractAsyncContextManager[None]:
        self._check_open()
        return self._events.consume(group, names, handler)

    async def request(self, address: str, body: Json, *, timeout: float) -> Json:
        self._check_open()
        return await self._requests.request(address, body, timeout=timeout)

    def serve(self, address: str, handler: RequestHandler) -> AbstractAsyncContextManager[None]:
        self._check_open()
        return self._requests.serve(address, handler)

    async def ping(self) -> None:
        """Raise ``Unavailable('bus_unavailable')`` unless Redis answers."""
        with unavailable_when_down():
            await self._clients.commands.ping()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._followers.close()
        await self._requests.close()
        await self._clients.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("bus_unavailable")
