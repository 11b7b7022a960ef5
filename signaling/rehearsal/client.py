"""A member of staff without a screen: signs in, calls the public API and talks on the socket, just as a browser does.

Used by ``tarjuman rehearse`` and by the scenario tests and benches; it knows nothing that a browser does not know.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from core.clock import new_id
from core.errors import AppError

Json = dict[str, Any]
TIMEOUT_S = 45.0
"""A robot waits as long as a person would on a busy machine; how long things take is measured elsewhere."""


class RefusedError(AppError):
    """The server answered with a problem; ``code`` is the server's."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(str(problem.get("code", "unknown")), {})
        self.http_status = status
        self.problem = problem


class StaffClient:
    """One signed-in person over HTTP."""

    def __init__(self, base_url: str, *, verify: bool = True) -> None:
        self.base_url = base_url.rstrip("/")
        parts = urlsplit(self.base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.http = httpx.AsyncClient(
            base_url=self.base_url, timeout=TIMEOUT_S, verify=verify, headers={"Origin": self.origin}
        )
        self.me: Json = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def sign_in(self, code: str, password: str) -> Json:
        """With code and password."""
        self.me = await self.call("POST", "/api/sign-in", {"code": code, "password": password})
        return self.me

    async def sign_in_by_link(self, url: str) -> Json:
        """With a one-click link of the demo."""
        answer = await self.http.get(url)
        if answer.status_code >= 400:
            raise RefusedError(answer.status_code, {"code": "link_refused"})
        self.me = await self.call("GET", "/api/me")
        return self.me

    async def call(self, method: str, path: str, body: Json | None = None, *, key: str | None = None) -> Any:
        """One request; raises ``RefusedError`` for a problem answer."""
        headers = {"X-CSRF-Token": self.me["csrf"]} if self.me else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        answer = await self.http.request(method, path, json=body, headers=headers)
        if answer.status_code >= 400:
            try:
                problem = answer.json()
            except ValueError:
                problem = {}
            raise RefusedError(answer.status_code, problem)
        return answer.json() if answer.content else None

    async def socket(self, **hello: Any) -> Socket:
        """The own socket: with a fresh ticket, or with ``grant=`` or ``resume=``."""
        if "grant" not in hello and "resume" not in hello:
            hello["ticket"] = (await self.call("POST", "/api/socket-ticket"))["ticket"]
        return await Socket.open(self.base_url, self.origin, self.http.cookies, hello)


class Socket:
    """A socket that keeps the books like our web client: replies by id, events in order, offers to a handler."""

    def __init__(self, connection: ClientConnection, welcome: Json) -> None:
        self._connection = connection
        self.welcome = welcome
        self.events: list[Json] = []
        self.on_offer: Callable[[Json], None] | None = None
        self.closed: tuple[int, str] | None = None
        self._offers: list[Json] = []
        self._replies: dict[str, asyncio.Future[Json]] = {}
        self._changed = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self._heart = asyncio.create_task(self._beat(float(welcome["heartbeat_s"])))

    @classmethod
    async def open(cls, base_url: str, origin: str, cookies: httpx.Cookies | None, hello: Json) -> Socket:
        """Connect and say hello. Raises ``RefusedError`` with the reason of the ``bye``."""
        url = base_url.replace("http", "ws", 1) + "/socket"
        jar = "; ".join(f"{name}={value}" for name, value in (cookies or httpx.Cookies()).items())
        headers = {"Cookie": jar} if jar else {}
        connection = await connect(
            url,
            origin=Origin(origin),
            subprotocols=[Subprotocol("tarjuman.v1")],
            additional_headers=headers,
            max_size=1 << 20,
            compression=None,
        )
        await connection.send(json.dumps({"t": "hello", "id": "hello", "v": 1, "locale": "en", **hello}))
        async with asyncio.timeout(TIMEOUT_S):
            try:
                first = json.loads(await connection.recv())
            except ConnectionClosed as gone:
                raise RefusedError(gone.rcvd.code if gone.rcvd else 1006, {"code": "socket_closed"}) from None
        if first["t"] != "welcome":
            await connection.close()
            raise RefusedError(4401, {"code": first.get("code", "unknown")})
        return cls(connection, first)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the socket without a word, as a closed tab does."""
        self._heart.cancel()
        await self._connection.close()
        await asyncio.gather(self._reader, self._heart, return_exceptions=True)

    def cut(self) -> None:
        """Tear the connection as a lost network does."""
        self._connection.transport.abort()

    async def ask(self, message_type: str, /, **data: Any) -> Json:
        """Send a message and wait for its reply. Raises ``RefusedError`` with the server's code."""
        message_id = data.pop("id", None) or new_id("m")
        reply: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._replies[message_id] = reply
        try:
            await self._connection.send(json.dumps({"t": message_type, "id": message_id, **data}))
            async with asyncio.timeout(TIMEOUT_S):
                answer = await reply
        finally:
            self._replies.pop(message_id, None)
        if answer["t"] == "reply" and not answer["ok"]:
            raise RefusedError(400, answer["problem"])
        data_of: Json = answer.get("data") or {}
        return data_of

    async def send_raw(self, text: str) -> None:
        """Anything at all, for tests of bad input."""
        await self._connection.send(text)

    async def event(
        self, name: str, where: Callable[[Json], bool] = lambda _: True, *, timeout: float = TIMEOUT_S
    ) -> Json:
        """The first event of that name (already heard or still to come) whose data fits."""

        def found() -> Json | None:
            return next((e for e in self.events if e["name"] == name and where(e["data"])), None)

        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: found() is not None or self.closed is not None)
        hit = found()
        if hit is None:
            raise RefusedError(self.closed[0] if self.closed else 0, {"code": "socket_closed"})
        return hit

    async def wait_closed(self, *, timeout: float = TIMEOUT_S) -> tuple[int, str]:
        """Close code and reason."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(lambda: self.closed is not None)
        assert self.closed is not None
        return self.closed

    def take_offers(self, handler: Callable[[Json], None]) -> None:
        """From now on (and for those that came before) media offers go to ``handler``, in order."""
        self.on_offer = handler
        for frame in self._offers:
            handler(frame)
        self._offers.clear()

    async def _read(self) -> None:
        code, reason = 1006, ""
        try:
            async for text in self._connection:
                await self._take(json.loads(text))
        except ConnectionClosed:
            pass
        finally:
            if self._connection.close_code is not None:
                code, reason = self._connection.close_code, self._connection.close_reason or ""
            async with self._changed:
                self.closed = (code, reason)
                self._changed.notify_all()
            for reply in self._replies.values():
                if not reply.done():
                    reply.set_exception(RefusedError(code, {"code": "socket_closed"}))

    async def _take(self, frame: Json) -> None:
        kind = frame["t"]
        if kind in ("reply", "pong"):
            waiting = self._replies.get(frame.get("re") or "")
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
        elif kind == "event":
            async with self._changed:
                self.events.append(frame)
                self._changed.notify_all()
        elif kind == "media.offer":
            if self.on_offer is not None:
                self.on_offer(frame)
            else:
                self._offers.append(frame)

    async def _beat(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            with contextlib.suppress(ConnectionClosed):
                await self._connection.send(json.dumps({"t": "ping", "id": new_id("m")}))
