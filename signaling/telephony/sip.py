"""A SIP trunk of our own as a carrier: the second adapter behind ``PhoneProvider``. Holds the agent, or asks the server that holds it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from core.clock import new_id
from core.errors import Unavailable
from core.events.bus import EventBus, Json
from core.settings_sections import SipSettings
from core.tasks import end
from media.sip.client import SipAgent, installed
from media.sip.prompts import voices
from media.sip.protocol import HangUp, Incoming, Place, Ready, TrunkOptions
from media.sip.protocol import News as SipNews
from signaling.telephony.port import CallOrder, Capabilities, PhoneDesk, PhoneTrouble
from signaling.telephony.sip_talk import Refresh, SipTalk
from signaling.telephony.troubles import Trouble

logger = logging.getLogger(__name__)

ADDRESS = "telephony.sip"
"""Bus address of the one server that holds the trunk."""
_ASK_S = 5.0
_DRAIN_S = 5.0
_AGAIN_IN_S = 5.0
"""A trunk that is down, or all our lines busy: the call is tried again."""


def trunk_options(settings: SipSettings) -> TrunkOptions:
    """As the agent takes them. Raises ``pydantic.ValidationError`` for what is no host or no address."""
    return TrunkOptions(
        host=settings.trunk, transport=settings.transport, srtp=settings.srtp, user=settings.user,
        auth_user=settings.auth_user, password=settings.password.get_secret_value() if settings.password else "",
        registers=settings.registers, ca_file=str(settings.ca_file or ""),
        certificate_file=str(settings.certificate_file or ""),
        local_address=settings.local_address, local_port=settings.local_port,
        rtp_port_min=settings.rtp_port_min, rtp_port_max=settings.rtp_port_max, max_calls=settings.max_calls,
        sound_timeout=settings.sound_timeout,
    )  # fmt: skip


class SipProvider:
    """A carrier. ``running`` has to be open in the server whose settings say ``sip.agent``; others ask it over the bus."""

    name = "sip"

    def __init__(self, settings: SipSettings, bus: EventBus, numbers: Mapping[str, str]) -> None:
        """``numbers``: our own ones by country, in the order in which they are shown."""
        self._settings = settings
        self._bus = bus
        self._numbers = dict(numbers)
        self._agent: SipAgent | None = None
        self._desk: PhoneDesk | None = None
        self._talks: dict[str, SipTalk] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def configured(self) -> bool:
        """A trunk is named and, where the agent runs here, the stack is installed."""
        return bool(self._settings.trunk) and (installed() or not self._settings.agent)

    @property
    def capabilities(self) -> Capabilities:
        """What a trunk can do; nothing without one."""
        if not self.configured:
            return Capabilities()
        return Capabilities(
            dial_out=True,
            dial_in=bool(self._numbers),
            dial_in_numbers=tuple(self._numbers.values()),
            voices=voices(),
            own_voices=voices(),
            encrypted_to="trunk" if self._settings.srtp == "mandatory" else "nobody",
        )

    @property
    def usable(self) -> bool:
        """Whether the agent of this process can place calls now (for the health page)."""
        return self._agent is not None and self._agent.usable.is_set()

    @property
    def agent_pid(self) -> int | None:
        """The process of the agent, where it runs here (for measurements)."""
        return self._agent.pid if self._agent is not None else None

    @asynccontextmanager
    async def running(self, desk: PhoneDesk) -> AsyncIterator[None]:
        """While open, this server holds the trunk if its settings say so. At the end new calls are refused, and what is left after
        some seconds is hung up."""
        if not self.configured or not self._settings.agent:
            yield
            return
        self._desk = desk
        async with SipAgent(trunk_options(self._settings), self._heard) as agent:
            self._agent = agent
            try:
                async with self._bus.serve(ADDRESS, self._asked):
                    yield
                await agent.drain(_DRAIN_S)
            finally:
                self._agent = None
        # Every call was told its end when the agent went; what a conversation still says to the desk gets a moment.
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.0)
        await end(self._tasks)

    async def place(self, order: CallOrder) -> str:
        """See ``PhoneProvider``."""
        return str((await self._ask(_order_to_json(order)))["call_id"])

    async def hang_up(self, call_id: str) -> None:
        """See ``PhoneProvider``."""
        await self._ask({"do": "hang_up", "call_id": call_id})

    async def refresh(self, call_id: str) -> None:
        """See ``PhoneProvider``."""
        try:
            await self._ask({"do": "refresh", "call_id": call_id})
        except PhoneTrouble:
            return

    async def down(self) -> bool:
        """Whether the agent, wherever it runs, is gone or has no trunk."""
        try:
            return not (await self._ask({"do": "look"}))["usable"]
        except PhoneTrouble:
            return self.configured

    async def _ask(self, body: Json) -> Json:
        if not self.configured:
            raise PhoneTrouble(Trouble.NOT_CONFIGURED)
        try:
            if self._agent is not None:
                return await self._asked(body)
            return await self._bus.request(ADDRESS, body, timeout=_ASK_S)
        except Unavailable as error:
            full = error.code == Trouble.BUSY_LINES
            raise PhoneTrouble(Trouble.BUSY_LINES if full else Trouble.UNREACHED, again_in=_AGAIN_IN_S) from None

    async def _asked(self, body: Json) -> Json:
        """In the process that holds the agent. Raises ``Unavailable`` when it is down."""
        agent, desk = self._agent, self._desk
        if agent is None or desk is None:
            raise Unavailable("sip_agent_down")
        if body["do"] == "look":
            return {"usable": self.usable}
        if body["do"] == "place":
            if agent.calls >= self._settings.max_calls:
                raise Unavailable(Trouble.BUSY_LINES)
            call_id = new_id("sip")
            order = _order_from_json(body)
            agent.send(Place(call_id=call_id, number=order.number, ring_seconds=order.ring_seconds))
            self._begin(SipTalk(call_id, order.leg_id, agent, desk))
            return {"call_id": call_id}
        call_id = str(body["call_id"])
        if body["do"] == "hang_up":
            agent.send(HangUp(call_id=call_id))
        elif (talk := self._talks.get(call_id)) is not None:
            talk.hear(Refresh())
        return {}

    def _begin(self, talk: SipTalk) -> None:
        self._talks[talk.call_id] = talk
        task = asyncio.create_task(talk.run(), name="sip talk")
        self._tasks.add(task)

        def over(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._talks.pop(talk.call_id, None)
            if not done.cancelled() and done.exception() is not None:
                logger.error("a telephone dialogue broke", extra={"error": type(done.exception()).__name__})
                if self._agent is not None:
                    self._agent.send(HangUp(call_id=talk.call_id))

        task.add_done_callback(over)

    async def _heard(self, news: SipNews) -> None:
        if isinstance(news, Ready):
            logger.info("the SIP trunk can be used" if news.usable else "the SIP trunk cannot be used")
            return
        agent, desk = self._agent, self._desk
        if isinstance(news, Incoming) and agent is not None and desk is not None:
            if not self._numbers:
                agent.send(HangUp(call_id=news.call_id))
                return
            called = news.called if news.called in self._numbers.values() else next(iter(self._numbers.values()))
            self._begin(SipTalk(news.call_id, None, agent, desk, called))
        talk = self._talks.get(news.call_id)
        if talk is not None:
            talk.hear(news)


def _order_to_json(order: CallOrder) -> Json:
    return {
        "do": "place", "leg_id": order.leg_id, "number": order.number, "ring_seconds": order.ring_seconds,
    }  # fmt: skip


def _order_from_json(body: Json) -> CallOrder:
    return CallOrder(str(body["leg_id"]), str(body["number"]), int(body["ring_seconds"]))
