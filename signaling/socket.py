"""The WebSocket endpoint: hello, heartbeat, numbered replay, back-pressure, close codes. What messages do is elsewhere.

Three tasks a socket: one reads, one writes from a bounded queue, one keeps time. Whatever ends one ends all.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from core.clock import new_id
from core.errors import AppError, Forbidden, Invalid, TooMany, Unauthenticated, Unavailable
from core.events.bus import Position
from signaling.auth.principal import Principal
from signaling.call_media import CHECK_PREFIX, room_topic
from signaling.calls import CHECK_PART, Entered
from signaling.policy import demand, may_room
from signaling.realtime.answers import Answers
from signaling.realtime.hub import Connection, frame_topic
from signaling.realtime.protocol import (
    SUBPROTOCOL,
    VERSION,
    ClientMessage,
    Follow,
    Hello,
    MediaAnswer,
    MediaCandidate,
    MediaSet,
    MediaStart,
    Ping,
    RoomLeave,
    RoomSignal,
    Unfollow,
    at_json,
    instant,
    message_id,
    parse,
)
from signaling.socket_io import read_text, write_text
from signaling.socket_services import SocketServices

log = logging.getLogger(__name__)
HELLO_WITHIN_S = 10.0
CHECK_LOGIN_EVERY_S = 60.0
FLUSH_WITHIN_S = 2.0
BAD_FRAMES = 20
"""Malformed messages that one socket may send before it is closed with 4400."""
TRY_AGAIN = 1013
"""A part of the house is away: the browser keeps its place and comes back (RFC 6455, IANA registry of close codes)."""


E = TypeVar("E", bound=BaseException)


class _Ended(Exception):  # noqa: N818 - not an error: the socket's regular end
    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason


def router(services: SocketServices) -> APIRouter:
    """The endpoint ``/socket``."""
    api = APIRouter()

    @api.websocket("/socket")
    async def socket(websocket: WebSocket) -> None:
        if not _own_origin(websocket, services.origins):
            await websocket.close(4403)
            return
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await Conversation(websocket, services).run()

    return api


def _own_origin(websocket: WebSocket, origins: frozenset[str]) -> bool:
    origin = websocket.headers.get("origin")
    if origin is None:
        return False
    return origin in origins if origins else urlsplit(origin).netloc == websocket.headers.get("host")


class Conversation:
    """One socket from hello to close."""

    def __init__(self, websocket: WebSocket, services: SocketServices) -> None:
        self._websocket = websocket
        self._services = services
        self._limits = services.limits
        self._connection = Connection(new_id("conn"), services.limits.socket_queue, services.limits.socket_topics)
        self._principal: Principal | None = None
        self._entered: Entered | None = None
        self._left = False
        self._answers = Answers(services.bus)
        self._bad = 0
        self._tokens = float(self._limits.socket_messages_per_second)
        self._tokens_at = services.clock.monotonic()
        self._heard_at = services.clock.monotonic()

    async def run(self) -> None:
        """Until the socket ends; leaves nothing behind."""
        hub = self._services.hub
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                hello = await self._hello()
                await self._welcome(hello)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read())
                group.create_task(self._write())
                group.create_task(self._watch())
        except* _Ended as ended:
            first = _first(ended)
            await self._close(first.code, first.reason)
        except* Unavailable as away:
            log.info("socket_put_off", extra={"code": _first(away).code})
            await self._close(TRY_AGAIN, _first(away).code)
        except* TimeoutError:
            await self._close(4408, "no_hello")
        except* WebSocketDisconnect:
            pass
        except* RuntimeError as failed:
            log.error("socket_failed", exc_info=_first(failed))
            await self._close(1011, "internal")
        finally:
            await hub.remove(self._connection)
            await self._depart()

    async def _hello(self) -> Hello:
        text = await self._receive()
        try:
            message = parse(text)
        except Invalid as error:
            raise _Ended(4400, error.code) from None
        if not isinstance(message, Hello) or message.v != VERSION:
            raise _Ended(4400, "hello_expected")
        return message

    async def _welcome(self, hello: Hello) -> None:
        services, connection = self._services, self._connection
        topics: list[str] = []
        try:
            await self._sign_in(hello)
            if self._entered is not None:
                connection.redacted = self._entered.place.part != "officer"
            connection.login_id = self._principal.login_id if self._principal is not None else None
            services.hub.add(connection)
            if self._principal is not None:
                topics.append(f"user:{self._principal.user_id}")
            if self._entered is not None and not self._entered.session_id.startswith(CHECK_PREFIX):
                topics.append(room_topic(self._entered.session_id))
            topics += [t for t in hello.after if t not in topics and await self._may_follow(t)]
            if self._entered is not None:
                await services.hub.follow(connection, frame_topic(self._entered.place.id), None)
                if self._entered.place.part != CHECK_PART:
                    await services.hub.sit(connection, self._entered.place.id)
                    await self._answers.sit(self._entered.place.id)
        except Unavailable:
            raise
        except AppError as error:
            raise _Ended(4401 if isinstance(error, Unauthenticated) else 4403, error.code) from None
        heads: dict[str, Position] = {}
        replay: dict[str, str] = {}
        for topic in topics:
            after = hello.after.get(topic)
            head, complete = await services.hub.follow(connection, topic, after.position() if after else None)
            heads[topic] = head
            replay[topic] = "continued" if complete else "snapshot"
        room = None
        if self._entered is not None:
            topic = room_topic(self._entered.session_id)
            if replay.get(topic) == "snapshot":
                room = await services.calls.room_snapshot(self._entered, heads[topic])
        connection.open(
            {
                "t": "welcome",
                "re": hello.id,
                "v": VERSION,
                "connection": connection.id,
                "secret": self._entered.secret if self._entered else "",
                "heartbeat_s": self._limits.heartbeat_seconds,
                "positions": {topic: at_json(head) for topic, head in heads.items()},
                "replay": replay,
                "room": room,
                "server_time": instant(services.clock.now()),
            }
        )
        await self._beat()

    async def _sign_in(self, hello: Hello) -> None:
        services, cookies = self._services, self._websocket.cookies
        if hello.ticket is not None:
            self._principal = await services.auth.principal_by_ticket(hello.ticket, cookies)
        else:
            self._principal = await services.auth.principal_by_cookie(cookies)
        if hello.grant is not None:
            self._entered = await services.calls.enter(hello.grant)
        elif hello.resume is not None:
            self._entered = await services.calls.come_back(hello.resume.connection, hello.resume.secret)
        elif hello.ticket is None:
            raise Unauthenticated("not_signed_in")
        if self._entered is not None:
            self._connection.id = self._entered.place.connection_id or self._connection.id
        owner = None if self._entered is None else self._entered.user_id
        if owner is None and self._entered is not None:
            self._principal = None
        elif owner is not None and (self._principal is None or self._principal.user_id != owner):
            raise Unauthenticated("not_signed_in")

    async def _read(self) -> None:
        while not self._left:
            text = await self._receive()
            self._heard_at = self._services.clock.monotonic()
            self._spend()
            try:
                message = parse(text)
            except Invalid as error:
                self._bad += 1
                if self._bad > BAD_FRAMES:
                    raise _Ended(4400, "too_many_bad_messages") from None
                self._connection.send(_refusal(message_id(text), error))
                continue
            await self._answer(message)

    async def _answer(self, message: ClientMessage) -> None:
        known = self._answers.given(message.id)
        if known is not None:
            self._connection.send(known)
            return
        try:
            if isinstance(message, Ping):
                await self._beat()
                now = instant(self._services.clock.now())
                self._connection.send({"t": "pong", "re": message.id, "server_time": now})
                return
            frame: dict[str, Any] = {"t": "reply", "re": message.id, "ok": True, "data": await self._do(message)}
        except AppError as error:
            frame = _refusal(message.id, error)
        except (WebSocketDisconnect, asyncio.CancelledError):
            raise
        except Exception:
            log.exception("socket_message_failed", extra={"message_type": message.t})
            frame = _refusal(message.id, AppError("internal"))
        await self._answers.note(frame, done=frame["ok"] and message.t.startswith("room."))
        self._connection.send(frame)
        if self._left:
            self._connection.close(1000, "left")

    async def _do(self, message: ClientMessage) -> dict[str, Any]:
        services, entered = self._services, self._entered
        match message:
            case Hello():
                raise Invalid("hello_again")
            case Follow():
                if not await self._may_follow(message.topic):
                    raise Forbidden("topic_not_yours")
                after = message.after.position() if message.after else None
                head, complete = await services.hub.follow(self._connection, message.topic, after)
                return {"position": at_json(head), "replay": "continued" if complete else "snapshot"}
            case Unfollow():
                await services.hub.unfollow(self._connection, message.topic)
                return {}
            case _:
                pass
        if entered is None:
            raise Forbidden("not_in_a_room")
        session_id, place = entered.session_id, entered.place
        if place.part != CHECK_PART:
            kind = message.kind if isinstance(message, RoomSignal) else None
            demand(may_room(place.part, message.t, kind), refused="not_for_your_part")
        match message:
            case MediaStart():
                await services.media.start(session_id, place.id, message)
            case MediaAnswer():
                await services.media.answer(session_id, place.id, message)
            case MediaCandidate():
                await services.media.candidate(session_id, place.id, message)
            case MediaSet():
                await services.media.set_flags(session_id, place.id, message)
            case RoomLeave():
                if session_id.startswith(CHECK_PREFIX):
                    await services.media.drop(session_id, None, "left")
                else:
                    await services.calls.leave(session_id, place.id, self._connection.id)
                self._left = True
            case Ping():
                return {}
            case _ if place.part == CHECK_PART:
                raise Forbidden("not_for_your_part")
            case _:
                return await services.room.handle(place, message)
        return {}

    async def _write(self) -> None:
        closing = self._connection.closing
        while True:
            getter = asyncio.ensure_future(self._connection.queue.get())
            try:
                both: set[asyncio.Future[Any]] = {getter, closing}
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not getter.done():
                    getter.cancel()
            if getter.done() and not getter.cancelled():
                await write_text(self._websocket, getter.result())
            if closing.done():
                await self._flush()
                raise _Ended(*closing.result())

    async def _flush(self) -> None:
        """Write what still waits: somebody who leaves must read that the server knows, or they come back to leave again."""
        if not self._left:
            return
        with suppress(TimeoutError, asyncio.QueueEmpty):
            async with asyncio.timeout(FLUSH_WITHIN_S):
                while True:
                    await write_text(self._websocket, self._connection.queue.get_nowait())

    async def _watch(self) -> None:
        services = self._services
        checked = services.clock.monotonic()
        while True:
            await asyncio.sleep(self._limits.heartbeat_seconds / 3)
            now = services.clock.monotonic()
            if now - self._heard_at > 2 * self._limits.heartbeat_seconds + 2:
                raise _Ended(4408, "no_heartbeat")
            if self._principal is not None and now - checked > CHECK_LOGIN_EVERY_S:
                checked = now
                try:
                    valid = await services.auth.still_valid(self._principal)
                except Unavailable:
                    continue  # a database that is away takes no sign-in back; a talk goes on without it
                if not valid:
                    raise _Ended(4401, "signed_out")

    async def _receive(self) -> str:
        text = await read_text(self._websocket)
        if len(text) > self._limits.socket_message_bytes:
            raise _Ended(4400, "frame_too_large")
        return text

    async def _beat(self) -> None:
        if self._principal is not None and self._principal.interpreter_id is not None:
            await self._services.presence.beat(self._principal.interpreter_id)

    async def _may_follow(self, topic: str) -> bool:
        entered = self._entered
        if entered is not None and topic == room_topic(entered.session_id):
            return True
        return self._principal is not None and await self._services.auth.may_follow(self._principal, topic)

    def _spend(self) -> None:
        now = self._services.clock.monotonic()
        most = float(self._limits.socket_messages_per_second)
        self._tokens = min(most, self._tokens + (now - self._tokens_at) * most) - 1
        self._tokens_at = now
        if self._tokens < -2 * most:
            raise _Ended(4429, "too_many_messages")

    async def _depart(self) -> None:
        entered = self._entered
        if entered is None or self._left:
            return
        if entered.session_id.startswith(CHECK_PREFIX):
            await self._services.media.drop(entered.session_id, None, "gone")
            return
        try:
            await self._services.calls.cut(entered.session_id, entered.place.id, self._connection.id)
        except Unavailable as away:
            log.info("socket_end_not_noted", extra={"code": away.code})  # the lease of the place runs out instead

    async def _close(self, code: int, reason: str) -> None:
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            return
        try:
            async with asyncio.timeout(2):
                await self._websocket.send_json({"t": "bye", "code": reason, "params": {}})
                await self._websocket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError, TimeoutError):
            log.debug("socket_gone_before_bye")


def _first(group: BaseExceptionGroup[E]) -> E:
    """What a group of exceptions of one kind is about."""
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return cast(E, found)


def _refusal(message: str | None, error: AppError) -> dict[str, Any]:
    params = {"retry_after": 1, **error.params} if isinstance(error, TooMany) else error.params
    return {"t": "reply", "re": message, "ok": False, "problem": {"code": error.code, "params": params}}
