"""The server's side of a SIP agent: starts its process, gives it commands, hears its news, starts it again when it died. No SIP here."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import socket
import sys
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from core.errors import Unavailable
from core.tasks import end
from media.sip.protocol import (
    NEWS,
    Answered,
    CallEnd,
    Configure,
    Drain,
    Ended,
    HangUp,
    Incoming,
    Place,
    Ready,
    TrunkOptions,
    frame,
    read_frame,
)
from media.sip.protocol import Command as SipCommand
from media.sip.protocol import News as SipNews

logger = logging.getLogger(__name__)

_AGAIN_S = (0.2, 1.0, 5.0, 15.0, 30.0)
"""Pauses before the agent is started again; the first one again after it ran for a minute."""
_WELL_S = 60.0
_STOP_S = 3.0
_NEWS_KEPT = 2000
_LAST_NEWS_S = 2.0


def installed() -> bool:
    """Whether the optional SIP stack is on this machine (extra ``sip``). Loads nothing."""
    return importlib.util.find_spec("baresip") is not None


class SipAgent:
    """``async with SipAgent(options, hear) as agent``. ``hear`` gets all news in order, one at a time; what it raises is logged.

    When the agent's process dies, each of its calls gets ``Ended(agent_lost)`` and a new process is started."""

    def __init__(self, options: TrunkOptions, hear: Callable[[SipNews], Awaitable[None]]) -> None:
        self._options = options
        self._hear = hear
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._calls: set[str] = set()
        self._news: asyncio.Queue[SipNews] = asyncio.Queue(_NEWS_KEPT)
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._ended = asyncio.Event()
        self.usable = asyncio.Event()
        """Set while calls can be placed: the process stands and, where the trunk wants it, we are registered."""
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """Of the agent's process while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    @property
    def calls(self) -> int:
        """Calls that are not over, as told so far."""
        return len(self._calls)

    async def __aenter__(self) -> SipAgent:
        self._tasks = [
            asyncio.create_task(self._supervise(), name="sip agent"),
            asyncio.create_task(self._deliver(), name="sip news"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        self.usable.clear()
        await self._stop()
        # The last news of each call reaches ``hear`` before this returns, if it does not take long over it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_NEWS_S):
                await self._ended.wait()
                await self._news.join()
        await end(self._tasks)

    def send(self, command: SipCommand) -> None:
        """Tell the agent. Raises ``Unavailable('sip_agent_down')`` when there is none now; for a call that is over nothing happens."""
        writer = self._writer
        if writer is None or writer.is_closing():
            if isinstance(command, HangUp):
                return
            raise Unavailable("sip_agent_down")
        if isinstance(command, Place):
            if not self.usable.is_set():
                raise Unavailable("sip_trunk_down")
            self._calls.add(command.call_id)
        writer.write(frame(command))

    async def drain(self, timeout: float) -> bool:
        """No new calls; true when all were over within ``timeout`` seconds. The agent is not started again."""
        self._stopping = True
        self.usable.clear()
        try:
            self.send(Drain())
        except Unavailable:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def _stop(self) -> None:
        process = self._process
        if self._writer is not None:
            self._writer.close()
        if process is None or process.returncode is not None:
            return
        try:
            # It hangs up by itself when its socket ends.
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping:
            began = loop.time()
            try:
                await self._live()
            except OSError:
                logger.exception("the SIP agent cannot be started")
            self._lose_calls()
            if self._stopping:
                break
            failures = 0 if loop.time() - began > _WELL_S else failures + 1
            logger.error("the SIP agent ended; starting it again", extra={"failures": failures})
            await asyncio.sleep(_AGAIN_S[min(max(failures - 1, 0), len(_AGAIN_S) - 1)])
        self._ended.set()

    async def _live(self) -> None:
        """One life of the process."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "media.sip.agent", str(theirs.fileno()), pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        self.starts += 1
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        self._writer = writer
        try:
            writer.write(frame(Configure(trunk=self._options)))
            while (value := await read_frame(reader)) is not None:
                self._take(NEWS.validate_python(value))
        except (ValidationError, ValueError):
            logger.error("the SIP agent spoke nonsense")
        finally:
            self._writer = None
            self.usable.clear()
            writer.close()
            if not self._stopping:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()

    def _take(self, news: SipNews) -> None:
        if isinstance(news, Ready):
            if news.usable and not self._stopping:
                self.usable.set()
            else:
                self.usable.clear()
        elif isinstance(news, Incoming):
            self._calls.add(news.call_id)
        elif isinstance(news, Ended):
            if news.call_id not in self._calls:
                return
            self._calls.discard(news.call_id)
        elif news.call_id not in self._calls:
            return
        self._put(news)

    def _lose_calls(self) -> None:
        for call_id in sorted(self._calls):
            self._put(Ended(call_id=call_id, why=CallEnd.AGENT_LOST))
        self._calls.clear()

    def _put(self, news: SipNews) -> None:
        try:
            self._news.put_nowait(news)
        except asyncio.QueueFull:
            logger.error("news of the SIP agent lost", extra={"tell": news.tell})
            if isinstance(news, Answered | Incoming):
                self.send(HangUp(call_id=news.call_id))

    async def _deliver(self) -> None:
        while True:
            news = await self._news.get()
            try:
                await self._hear(news)
            except Exception:  # one call's trouble is not that of the others
                logger.exception("news of the SIP agent was not handled", extra={"tell": news.tell})
            finally:
                self._news.task_done()
