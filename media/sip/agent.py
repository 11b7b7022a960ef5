"""The SIP agent: a process of its own that holds the SIP stack, so that a fault there ends telephone calls and nothing else.

Started by ``media.sip.client.SipAgent`` with one end of a socket pair as its first argument; ends with it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import uvloop
from pydantic import ValidationError

from core.clock import new_id
from core.tasks import end
from media.lines.protocol import LineTicket
from media.sip.causes import end_of
from media.sip.leg import Leg
from media.sip.prompts import joined
from media.sip.protocol import (
    COMMANDS,
    Answer,
    Answered,
    CallEnd,
    Configure,
    Digit,
    Drain,
    Ended,
    Figures,
    HangUp,
    Hold,
    Incoming,
    Join,
    Place,
    Play,
    Rang,
    Ready,
    TrunkOptions,
    frame,
    read_frame,
)
from media.sip.protocol import Command as SipCommand
from media.sip.protocol import News as SipNews
from media.sip.stack import SipCall, SipStack

logger = logging.getLogger(__name__)

EXIT_STACK = 70
"""The stack died or did not start; whoever started us may start us again."""
_UNHEARD_S = 4.0
"""How long a call that was taken back before anything came from the trunk is kept, to cancel it when it rings after all."""
_UNANSWERED_S = 20.0
"""An incoming call that nobody takes in this time is refused."""


@dataclass
class _Held:
    """One call as the agent knows it."""

    call: SipCall | None = None
    leg: Leg | None = None
    by_us: CallEnd | None = None
    rang: bool = False
    established: bool = False
    plays: int = 0
    timer: asyncio.TimerHandle | None = None


class Agent:
    """Obeys commands, tells news. ``write`` takes whole frames and must not wait."""

    def __init__(self, options: TrunkOptions, write: Callable[[SipNews], None]) -> None:
        self._options = options
        self._tell = write
        self._calls: dict[str, _Held] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._draining = False
        self.drained = asyncio.Event()
        self._stack = SipStack(options, incoming=self._came, usable=self._usable, dead=lambda: os._exit(EXIT_STACK))

    async def start(self) -> None:
        """Raises ``OSError`` when the stack does not start."""
        await self._stack.start()

    async def close(self) -> None:
        """Hangs up whatever is left."""
        for held in list(self._calls.values()):
            if held.call is not None:
                await held.call.hang_up()
            if held.leg is not None:
                await held.leg.close()
        await end(self._tasks)
        await self._stack.close()

    def obey(self, command: SipCommand) -> None:
        """Commands for calls that are over change nothing."""
        match command:
            case Place():
                self._place(command)
            case Drain():
                self._draining = True
                self._run(self._drain())
            case Answer() | Play() | Join() | Hold() | HangUp():
                held = self._calls.get(command.call_id)
                if held is not None:
                    self._change(command, held)

    def _change(self, command: Answer | Play | Join | Hold | HangUp, held: _Held) -> None:
        match command:
            case Answer():
                if held.call is not None:
                    self._run(held.call.answer())
            case HangUp():
                self._hang_up(command.call_id, CallEnd.HUNG_UP_HERE)
            case Play() if held.leg is not None:
                held.plays += 1
                self._run(self._play(command, held, held.plays))
            case Join() if held.leg is not None:
                held.leg.join(LineTicket(url=command.url, secret=command.secret))
            case Hold() if held.leg is not None:
                self._run(held.leg.hold(command.on))

    async def _play(self, command: Play, held: _Held, number: int) -> None:
        """The first prompt of a voice takes its decoding, in a thread; a later ``Play`` overtakes it."""
        pcm = await asyncio.to_thread(joined, command.prompts, command.language) if command.prompts else b""
        if held.leg is not None and held.plays == number:
            held.leg.play(pcm)

    def _place(self, command: Place) -> None:
        if command.call_id in self._calls:
            return
        if self._draining or len(self._calls) >= self._options.max_calls:
            why = CallEnd.DRAINING if self._draining else CallEnd.FULL
            self._tell(Ended(call_id=command.call_id, why=why))
            return
        held = self._calls[command.call_id] = _Held()
        self._limit(command.call_id, held, command.ring_seconds)
        self._run(self._dial(command, held))

    async def _dial(self, command: Place, held: _Held) -> None:
        try:
            await self._stack.dial(command.number, lambda call: self._watch(command.call_id, call, held))
        except OSError:
            self._over(command.call_id, held, CallEnd.TRUNK_DOWN, None, Figures())
            return
        if (why := held.by_us) is not None:
            held.by_us = None
            self._hang_up(command.call_id, why)

    def _came(self, call: SipCall) -> None:
        call_id = new_id("sip")
        held = self._calls[call_id] = _Held()
        held.rang = True
        self._watch(call_id, call, held)
        self._limit(call_id, held, _UNANSWERED_S)
        self._tell(Incoming(call_id=call_id, caller=call.caller, called=call.called))

    def _watch(self, call_id: str, call: SipCall, held: _Held) -> None:
        held.call = call

        def rang() -> None:
            if held.by_us is not None:
                self._run(call.hang_up())
            elif not held.rang:
                held.rang = True
                self._tell(Rang(call_id=call_id))

        def answered() -> None:
            if held.established:
                return
            if held.by_us is not None:
                self._run(call.hang_up())
                return
            if held.timer is not None:
                held.timer.cancel()
            if self._options.srtp == "mandatory" and not call.secure:
                # The stack should have refused; sound in the clear is never let through all the same.
                held.by_us = CallEnd.NOT_SECURE
                self._run(call.hang_up())
                return
            held.established = True
            held.leg = Leg(call_id, call, self._tell)
            self._tell(Answered(call_id=call_id, secure=call.secure))

        def closed(status: int | None, lost: bool, figures: Figures) -> None:
            why = held.by_us or (
                CallEnd.SOUND_LOST
                if lost
                else end_of(
                    status,
                    established=held.established,
                    by_us=False,
                    rang=held.rang,
                    encrypted=self._options.srtp == "mandatory",
                )
            )
            self._over(call_id, held, why, status, figures)

        call.on_rang, call.on_answered, call.on_closed = rang, answered, closed
        call.on_digit = lambda digit: self._tell(Digit(call_id=call_id, digit=digit))

    def _limit(self, call_id: str, held: _Held, seconds: float) -> None:
        def late() -> None:
            # A trunk that did not even ring in this time is not there.
            self._hang_up(call_id, CallEnd.NO_ANSWER if held.rang else CallEnd.TRUNK_DOWN)

        held.timer = asyncio.get_running_loop().call_later(seconds, late)

    def _hang_up(self, call_id: str, why: CallEnd) -> None:
        held = self._calls.get(call_id)
        if held is None or held.by_us is not None:
            return
        held.by_us = why
        if held.timer is not None:
            held.timer.cancel()
        call = held.call
        if call is None:
            return
        if held.rang or held.established:
            self._run(call.hang_up())
            return
        # The stack sends no CANCEL for an INVITE that nothing answered yet, and forgets it: the telephone would ring on. So it waits
        # for the first answer (RFC 3261 9.1 demands the same), and gives up after a while.
        held.timer = asyncio.get_running_loop().call_later(_UNHEARD_S, lambda: self._run(call.hang_up()))

    def _over(self, call_id: str, held: _Held, why: CallEnd, status: int | None, figures: Figures) -> None:
        if self._calls.pop(call_id, None) is None:
            return
        if held.timer is not None:
            held.timer.cancel()
        if held.leg is not None:
            self._run(held.leg.close())
        self._tell(Ended(call_id=call_id, why=why, status=status, figures=figures))

    def _usable(self, usable: bool) -> None:
        self._tell(Ready(usable=usable))

    async def _drain(self) -> None:
        await self._stack.drain()
        self.drained.set()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="sip call work")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_report)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("work on a call failed", extra={"error": type(task.exception()).__name__})


async def run(end_of_pair: socket.socket) -> int:
    """Until the other end closes, or until the last call after ``Drain``. Returns the exit code."""
    reader, writer = await asyncio.open_unix_connection(sock=end_of_pair)

    def write(news: SipNews) -> None:
        if not writer.is_closing():
            writer.write(frame(news))

    first = await read_frame(reader)
    try:
        configure = COMMANDS.validate_python(first)
    except ValidationError:
        return 2
    if not isinstance(configure, Configure):
        return 2
    agent = Agent(configure.trunk, write)
    try:
        await agent.start()
    except OSError:
        return EXIT_STACK

    async def obey() -> None:
        while (value := await read_frame(reader)) is not None:
            agent.obey(COMMANDS.validate_python(value))

    obeying = asyncio.create_task(obey())
    drained = asyncio.create_task(agent.drained.wait())
    try:
        await asyncio.wait({obeying, drained}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await agent.close()
        await end([obeying, drained])
        writer.close()
    return 0


def main() -> None:
    """``python -m media.sip.agent <file descriptor>``."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", stream=sys.stderr)
    pair_end = socket.socket(fileno=int(sys.argv[1]))
    code = uvloop.run(run(pair_end))
    # The stack's own threads are gone by now or never will be; the process's end takes them along.
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
