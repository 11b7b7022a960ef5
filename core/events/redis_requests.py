"""Requests on Redis: a list per address holds what is asked, a list per asking process holds the answers."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from core.errors import AppError, Unavailable
from core.events.bus import Json, RequestHandler
from core.events.delivery import answer, error_from_json, error_to_json
from core.events.redis_client import BLOCK, TROUBLE, RedisClients, packed, unavailable_when_down
from core.events.redis_scripts import REQUEST
from core.tasks import end

log = logging.getLogger(__name__)

SERVED_FOR = 6
"""Seconds after the last sign of life for which an address counts as served."""
MAX_AT_ONCE = 256
"""Requests that one address handles at once; more wait in the list."""


class Requests:
    """Asking and answering."""

    def __init__(self, clients: RedisClients, prefix: str) -> None:
        self._clients = clients
        self._prefix = prefix
        self._request = clients.commands.register_script(REQUEST)
        self._me = f"{prefix}:answers:{uuid.uuid4().hex}"
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self._listener: asyncio.Task[None] | None = None

    async def request(self, address: str, body: Json, *, timeout: float) -> Json:
        """See ``EventBus.request``."""
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="bus-answers")
        key = uuid.uuid4().hex
        future: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[key] = future
        try:
            async with asyncio.timeout(timeout):
                data = packed({"id": key, "to": self._me, "body": body})
                keys = [self._queue(address), self._sign(address), f"{self._prefix}:request-once:{key}"]
                with unavailable_when_down():
                    pushed: Any = await self._request(keys, [data, int(timeout * 1000) + 1000])
                if pushed == -1:
                    raise Unavailable("no_answer")
                return await future
        except TimeoutError:
            raise Unavailable("no_answer") from None
        finally:
            del self._waiting[key]

    @asynccontextmanager
    async def serve(self, address: str, handler: RequestHandler) -> AsyncIterator[None]:
        """See ``EventBus.serve``. What was asked of an earlier process at this address is forgotten."""
        with unavailable_when_down():
            await self._clients.commands.delete(self._queue(address))
            await self._clients.commands.set(self._sign(address), "1", ex=SERVED_FOR)
        running: set[asyncio.Task[None]] = set()
        tasks = [
            asyncio.create_task(self._work(address, handler, running), name=f"serve:{address}"),
            asyncio.create_task(self._sign_of_life(address), name=f"serve:{address}:sign"),
        ]
        try:
            yield
        finally:
            await end([*tasks, *running])
            with suppress(*TROUBLE):
                await self._clients.commands.delete(self._sign(address), self._queue(address))

    async def close(self) -> None:
        """Stop listening for answers."""
        if self._listener is not None:
            await end([self._listener])
            self._listener = None

    async def _listen(self) -> None:
        while True:
            try:
                found: Any = await self._clients.blocking.brpop([self._me], timeout=BLOCK)
            except TROUBLE:
                await asyncio.sleep(0.1)
                continue
            if found is None:
                continue
            data = json.loads(found[1])
            future = self._waiting.get(data["id"])
            if future is None or future.done():
                continue
            if "error" in data:
                future.set_exception(error_from_json(data["error"]))
            else:
                future.set_result(data["body"])

    async def _work(self, address: str, handler: RequestHandler, running: set[asyncio.Task[None]]) -> None:
        room = asyncio.Semaphore(MAX_AT_ONCE)

        async def handle(data: dict[str, Any]) -> None:
            try:
                reply: dict[str, Any]
                try:
                    reply = {"id": data["id"], "body": await answer(handler, data["body"])}
                except AppError as error:
                    reply = {"id": data["id"], "error": error_to_json(error)}
                with suppress(*TROUBLE):
                    async with self._clients.commands.pipeline(transaction=True) as pipeline:
                        pipeline.lpush(data["to"], packed(reply))
                        pipeline.expire(data["to"], 60)
                        await pipeline.execute()
            finally:
                room.release()

        while True:
            await room.acquire()
            try:
                found: Any = await self._clients.blocking.brpop([self._queue(address)], timeout=BLOCK)
            except TROUBLE:
                found = None
                await asyncio.sleep(0.1)
            if found is None:
                room.release()
                continue
            task = asyncio.create_task(handle(json.loads(found[1])), name=f"serve:{address}:one")
            running.add(task)
            task.add_done_callback(running.discard)

    async def _sign_of_life(self, address: str) -> None:
        while True:
            await asyncio.sleep(SERVED_FOR / 4)
            with suppress(*TROUBLE):
                await self._clients.commands.set(self._sign(address), "1", ex=SERVED_FOR)

    def _queue(self, address: str) -> str:
        return f"{self._prefix}:requests:{address}"

    def _sign(self, address: str) -> str:
        return f"{self._prefix}:served:{address}"
