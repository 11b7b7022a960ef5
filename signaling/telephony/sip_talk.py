"""One telephone call over SIP: plays the dialogue that ``PhoneDesk`` asks for and tells it what the person does. Knows no SIP stack.

A Twilio call is led through the same dialogue by documents of its own (TwiML); here our side leads it by itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from core.errors import AppError, Unavailable
from core.tasks import end
from media.lines.protocol import LineEnd, LineTicket
from media.sip.client import SipAgent
from media.sip.g711 import CODEC
from media.sip.prompts import names
from media.sip.protocol import (
    Answer,
    Answered,
    Command,
    Digit,
    Ended,
    HangUp,
    Incoming,
    Join,
    Joined,
    LineEnded,
    Play,
    Played,
    Rang,
)
from media.sip.protocol import News as SipNews
from signaling.telephony.port import IncomingCall, LegId, LegWhy, PhoneDesk, Step, Then
from signaling.telephony.sip_ends import leg_end

logger = logging.getLogger(__name__)

_BETWEEN_KEYS_S = 4.0
_SPOKEN_S = 30.0
"""More than any prompt lasts: the dialogue goes on if the agent never says that it was played."""
_JOIN_S = 8.0
_JOIN_TRIES = 3
_AGAIN_S = 1.0


class Refresh:
    """Break the wait."""


class _Over(Exception):  # noqa: N818 - leaves the dialogue, is no error
    """The call is over."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.why)
        self.ended = ended


class SipTalk:
    """``run`` is the whole life of a call; ``hear`` takes its news and must not wait."""

    def __init__(self, call_id: str, leg_id: LegId | None, agent: SipAgent, desk: PhoneDesk, called: str = "") -> None:
        self.call_id = call_id
        self._leg_id: LegId | None = leg_id
        self._agent = agent
        self._desk = desk
        self._called = called
        self._inbox: asyncio.Queue[SipNews | Refresh] = asyncio.Queue(256)
        self._locale = "en"
        self._in_room = False
        self._answered = False
        self._end: Ended | None = None
        self._gone = asyncio.Event()
        self._ahead = ""
        """Keys that came before anything was asked."""
        self._refusals = 0
        """Lines that did not come to stand, one after the other."""

    def _send(self, command: Command) -> None:
        try:
            self._agent.send(command)
        except Unavailable:
            # The agent is gone; the end of the call is told in a moment.
            return

    def hear(self, news: SipNews | Refresh) -> None:
        """What happened; too much of it ends the call."""
        if isinstance(news, Ended):
            self._end = news
            self._gone.set()
        try:
            self._inbox.put_nowait(news)
        except asyncio.QueueFull:
            self._send(HangUp(call_id=self.call_id))

    async def run(self) -> None:
        """Until the call is over; tells ``PhoneDesk.ended`` once, last."""
        why: LegWhy | None = None
        try:
            try:
                why = await self._dialogue()
            except AppError as error:
                logger.warning("a telephone dialogue failed", extra={"code": error.code})
                why = LegWhy.LINE_FAILED if self._in_room else LegWhy.FAILED
            await self._say(("tone_out",))
            self._send(HangUp(call_id=self.call_id))
            while True:
                await self._next(None)
        except _Over as over:
            ended, trouble = leg_end(over.ended.why, answered=self._answered)
            if self._leg_id is not None:
                status = None if why else over.ended.status
                await self._desk.ended(self._leg_id, why or ended, None if why else trouble, carrier_code=status)

    @property
    def _leg(self) -> LegId:
        assert self._leg_id is not None
        return self._leg_id

    async def _dialogue(self) -> LegWhy:
        """Returns why we end the call."""
        step = await self._opening()
        while True:
            match step.then:
                case Then.ASK_KEY:
                    step = await self._desk.keys(self._leg, await self._ask(step, 1))
                case Then.ASK_PIN:
                    step = await self._desk.keys(self._leg, await self._ask(step, step.digits))
                case Then.WAIT:
                    await self._say(self._prompts(step))
                    await self._wait(step.seconds)
                    step = await self._desk.waited(self._leg)
                case Then.JOIN:
                    if step.say:
                        await self._say((*self._prompts(step), "tone_in"))
                    ended = await self._room()
                    if ended is not None:
                        return ended
                    step = await self._desk.waited(self._leg)
                case Then.HANG_UP:
                    await self._say(self._prompts(step))
                    return LegWhy.HUNG_UP

    async def _opening(self) -> Step:
        """Up to the first step: rings, is lifted; or comes in and is taken."""
        step: Step | None = None
        while True:
            match await self._next(None):
                case Rang():
                    await self._desk.ringing(self._leg)
                case Incoming(caller=caller):
                    self._leg_id, step = await self._desk.called_in(
                        IncomingCall(call_id=self.call_id, caller=caller, called=self._called)
                    )
                    self._send(Answer(call_id=self.call_id))
                case Digit(digit=digit):
                    self._ahead += digit
                case Answered():
                    self._answered = True
                    step = step or await self._desk.lifted(self._leg)
                    self._locale = step.locale
                    return step

    def _prompts(self, step: Step) -> tuple[str, ...]:
        """The packaged sentences of a step; a signal where it has words of which none is packaged."""
        self._locale = step.locale
        spoken = tuple(name for sentence in step.say for name in names(sentence.key, sentence.params))
        return spoken or (("tone_attention",) if step.say else ())

    async def _say(self, prompts: tuple[str, ...]) -> None:
        """Returns when it was heard to the end."""
        if not prompts or not self._answered:
            return
        self._send(Play(call_id=self.call_id, prompts=prompts, language=self._locale))
        await self._until(lambda news: isinstance(news, Played), _SPOKEN_S)

    async def _ask(self, step: Step, count: int) -> str:
        """Up to ``count`` keys; a key stops the voice. The time for the first one begins when all was said."""
        keys, self._ahead = self._ahead[:count], ""
        if len(keys) < count:
            self._play(() if keys else ("tone_attention", *self._prompts(step)))
        limit = _BETWEEN_KEYS_S if keys else _SPOKEN_S
        while len(keys) < count:
            match await self._next(limit):
                case Played():
                    limit = limit if keys else float(step.seconds)
                case Digit(digit="#") if keys:
                    break
                case Digit(digit=digit):
                    if not keys:
                        self._play(())
                    keys += digit
                    limit = _BETWEEN_KEYS_S
                case None:
                    break
        return keys

    def _play(self, prompts: tuple[str, ...]) -> None:
        self._send(Play(call_id=self.call_id, prompts=prompts, language=self._locale))

    async def _wait(self, seconds: float) -> None:
        """Ticks softly, so that nobody thinks that the line is dead."""
        self._play(("tone_wait",) * max(1, round(seconds / 2)))
        await self._until(lambda news: isinstance(news, Refresh), seconds)

    async def _room(self) -> LegWhy | None:
        """In the room until the line ends: why the call is to end too, or none to ask the desk what follows."""
        why, stood = "", False
        try:
            ticket = await self._place_taken()
        except AppError as error:
            # The desk says next what to do: wait, come in again, or that the session is over.
            logger.info("line_not_open", extra={"code": error.code})
            return await self._without_line()
        self._send(Join(call_id=self.call_id, url=ticket.url, secret=ticket.secret))
        while True:
            match await self._next(None if stood else _JOIN_S):
                case None:
                    break
                case Joined():
                    stood = self._in_room = True
                    self._refusals = 0
                case Digit(digit=digit):
                    if await self._desk.pressed(self._leg, digit):
                        return LegWhy.LEFT
                case LineEnded(why=reason):
                    why = reason
                    break
        if why == LineEnd.REPLACED:
            return LegWhy.REPLACED
        await self._desk.line_lost(self._leg)
        return None if stood else await self._without_line()

    async def _place_taken(self) -> LineTicket:
        """A line may take seconds to open; who puts the receiver down meanwhile is not waited for. Raises ``_Over``, ``AppError``."""
        joining = asyncio.create_task(self._desk.join(self._leg, CODEC), name="sip join")
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({joining, gone}, return_when=asyncio.FIRST_COMPLETED)
            if self._end is None:
                return joining.result()
            raise _Over(self._end)
        finally:
            await end([joining, gone])

    async def _without_line(self) -> LegWhy | None:
        self._refusals += 1
        if self._refusals > _JOIN_TRIES:
            return LegWhy.LINE_FAILED
        await self._until(lambda news: False, _AGAIN_S)
        return None

    async def _until(self, enough: Callable[[SipNews | Refresh], bool], seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0:
            news = await self._next(left)
            if news is None or enough(news):
                return

    async def _next(self, seconds: float | None) -> SipNews | Refresh | None:
        """The next news, none after ``seconds``. Raises ``_Over`` at the end of the call."""
        try:
            async with asyncio.timeout(seconds):
                news = await self._inbox.get()
        except TimeoutError:
            return None
        if isinstance(news, Ended):
            raise _Over(news)
        return news
