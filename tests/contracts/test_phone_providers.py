"""One contract for every carrier of telephone calls: Twilio (its stand-in) and a SIP trunk (SIPp), each under the whole house.

The same person is called and calls, lifts or does not, presses keys, speaks, hears and hangs up; what the house then knows has to be
the same. Sound goes through the real sound process on both.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from core.access import Actor
from core.clock import ManualClock
from core.settings_sections import SipSettings, TelephonySettings
from media.lines import g711
from media.protocol import Codec
from media.sip.client import installed
from signaling.telephony.port import CallOrder, CallReason, LegState, LegWhy, PhoneTrouble
from signaling.telephony.sip import SipProvider
from tests.media.lines.phones import Phone, calling
from tests.media.sip.rig import HAS_SIPP, LOOPBACK, Handset, Sipp, free_port, rms_dbfs, share_of, tone
from tests.services import missing
from tests.signaling.house import open_house, settings_for
from tests.signaling.telephony.conftest import OWN_MK, OWN_RS, THEIR_NUMBER, Exchange, phone_settings
from tests.signaling.telephony.stand_in import Call, Stand, Stream, open_stand, served
from tests.signaling.world import make_world

pytestmark = pytest.mark.timeout(300)
"""Each test places several calls, in real time."""
OUTCOMES = {
    "busy": (LegWhy.BUSY, None),
    "refused": (LegWhy.BUSY, None),
    "no_answer": (LegWhy.NO_ANSWER, None),
    "no_such_number": (LegWhy.FAILED, "number_refused"),
}
"""Networks tell a refusal at the telephone as busy, and so does Twilio."""


class Person(Protocol):
    """Somebody with a telephone, at the far end of the carrier."""

    async def lift(self) -> None: ...
    async def press(self, digits: str) -> None: ...
    async def say(self, pcm: bytes) -> None:
        """Again and again."""
        ...

    def heard(self, seconds: float) -> bytes: ...
    async def hang_up(self) -> None: ...
    async def hears_the_end(self) -> None:
        """Returns when the call was ended by us."""
        ...


class Carrier(Protocol):
    """One carrier under the house and the network behind it."""

    exchange: Exchange

    def called(self, *, lifts: str = "yes") -> Any:
        """Context: the next call reaches this ``Person``; ``lifts``: ``yes``, ``later`` (rings on) or one of ``OUTCOMES``."""
        ...

    def calls(self, caller: str) -> Any:
        """Context: somebody calls our number; they hear the question."""
        ...

    async def break_down(self) -> None:
        """The carrier is not reached any more."""
        ...


async def until(condition: Callable[[], Awaitable[bool]], timeout: float = 45.0) -> None:
    """Looks each 50 ms."""
    async with asyncio.timeout(timeout):
        while not await condition():  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(0.05)


class TwilioPerson:
    """Drives the stand-in as Twilio does between its person and us."""

    def __init__(self, stand: Stand, clock: ManualClock, call: Call | None = None) -> None:
        self._stand = stand
        self._clock = clock
        self.call: Call | None = call
        self._streams = AsyncExitStack()
        self._stream: Stream | None = None

    async def ring(self) -> None:
        self.call = await self._stand.next_call()
        await self.call.tell("initiated")
        await self.call.tell("ringing")

    async def lift(self) -> None:
        if self.call is None:
            await self.ring()
        assert self.call is not None
        await self._follow(await self.call.lift())

    async def press(self, digits: str) -> None:
        assert self.call is not None
        if self._stream is None:
            await self._follow(await self.call.press(digits))
            return
        assert len(digits) == 1, "whether a key was heard is not told: the next one follows when it has had its effect"
        # Keys that follow faster than a finger count once, by the clock of the house.
        self._clock.advance(1)
        await self._stream.key(digits)

    async def _follow(self, verb: str) -> None:
        assert self.call is not None
        while verb == "wait":
            async with asyncio.timeout(30):
                await self.call.redirected.wait()
            verb = await self.call.ask(self.call.redirected_to)
        if verb == "connect":
            self._stream = await self._streams.enter_async_context(self.call.stream())

    async def say(self, pcm: bytes) -> None:
        assert self._stream is not None
        self._stream.saying = g711.encode(Codec.PCMU, _sound(pcm))

    def heard(self, seconds: float) -> bytes:
        assert self._stream is not None
        sound = g711.decode(Codec.PCMU, b"".join(self._stream.heard[-int(seconds * 50) :]))
        return bytes((sound * 32767).astype(np.int16).tobytes())

    async def hang_up(self) -> None:
        assert self.call is not None
        if self._stream is not None:
            await self._stream.stop()
        await self.call.tell("completed")

    async def hears_the_end(self) -> None:
        assert self.call is not None
        ends = [asyncio.create_task(self.call.ended_by_us.wait())]
        if self._stream is not None:
            ends.append(asyncio.create_task(self._stream.closed.wait()))
        try:
            done, _ = await asyncio.wait(ends, timeout=30, return_when=asyncio.FIRST_COMPLETED)
            assert done, "the call was not ended"
        finally:
            for task in ends:
                task.cancel()
        if not self.call.ended_by_us.is_set():
            # After a stream Twilio asks what to do, and is told to hang up.
            node = self.call.twiml
            assert node is not None
            redirect = node.find("Redirect")
            assert redirect is not None
            assert await self.call.ask(str(redirect.text)) == "hangup"

    async def close(self) -> None:
        await self._streams.aclose()


class TwilioCarrier:
    """Twilio and its stand-in."""

    def __init__(self, exchange: Exchange, close_stand: Callable[[], Awaitable[None]]) -> None:
        self.exchange = exchange
        self._close_stand = close_stand

    @asynccontextmanager
    async def called(self, *, lifts: str = "yes") -> AsyncIterator[Person]:
        person = TwilioPerson(self.exchange.stand, self.exchange.world.house.clock)

        async def network() -> None:
            await person.ring()
            assert person.call is not None
            match lifts:
                case "busy" | "refused":
                    await person.call.tell("busy")
                case "no_answer":
                    await person.call.tell("no-answer")
                case "no_such_number":
                    await person.call.tell("failed", ErrorCode="21211")
                case "yes":
                    await person.lift()

        task = asyncio.create_task(network())
        try:
            yield person
            await asyncio.wait_for(task, 30)
        finally:
            task.cancel()
            await person.close()

    @asynccontextmanager
    async def calls(self, caller: str) -> AsyncIterator[Person]:
        person = TwilioPerson(
            self.exchange.stand, self.exchange.world.house.clock, self.exchange.stand.dialled(caller, OWN_RS)
        )
        await person.lift()
        try:
            yield person
        finally:
            await person.close()

    async def break_down(self) -> None:
        await self._close_stand()


class SipPerson:
    """SIPp signals, the handset sounds."""

    def __init__(self, sipp: Sipp, handset: Handset) -> None:
        self._sipp = sipp
        self._handset = handset

    async def lift(self) -> None:
        """By itself, as the scenario says."""

    async def press(self, digits: str) -> None:
        await self._handset.press_all(digits)

    async def say(self, pcm: bytes) -> None:
        self._handset.repeated = pcm

    def heard(self, seconds: float) -> bytes:
        return b"".join(self._handset.heard[-int(seconds * 50) :])

    async def hang_up(self) -> None:
        await self._sipp.hang_up()

    async def hears_the_end(self) -> None:
        assert await self._sipp.done(), "SIPp saw something else than its scenario"


class SipCarrier:
    """A trunk that SIPp plays."""

    _STATUS = {"busy": 486, "refused": 603, "no_answer": 480, "no_such_number": 404}  # noqa: RUF012

    def __init__(self, exchange: Exchange, trunk_port: int, our_port: int) -> None:
        self.exchange = exchange
        self._trunk_port = trunk_port
        self._our_port = our_port

    @property
    def provider(self) -> SipProvider:
        found = self.exchange.telephony.legs.provider
        assert isinstance(found, SipProvider)
        return found

    @asynccontextmanager
    async def called(self, *, lifts: str = "yes") -> AsyncIterator[Person]:
        scenario = {"yes": "uas_answers", "later": "uas_rings"}.get(lifts, "uas_refuses")
        async with Handset.listening() as handset:
            keys: dict[str, str | int] = {**handset.keys, "status": self._STATUS.get(lifts, 500)}
            async with Sipp.playing(scenario, self._trunk_port, keys=keys) as sipp:
                yield SipPerson(sipp, handset)
                await self._over(sipp)

    @asynccontextmanager
    async def calls(self, caller: str) -> AsyncIterator[Person]:
        async with Handset.listening() as handset:
            keys: dict[str, str | int] = {**handset.keys, "called": OWN_RS, "caller": caller}
            to = f"{LOOPBACK}:{self._our_port}"
            async with Sipp.playing("uac_calls", self._trunk_port, to=to, keys=keys) as sipp:
                yield SipPerson(sipp, handset)
                await self._over(sipp)

    @staticmethod
    async def _over(sipp: Sipp) -> None:
        """It has said its last word too: a BYE that nobody answered would be repeated to the next one at this port, who takes it for
        the one call that he plays."""
        assert await sipp.done(), "SIPp saw something else than its scenario"

    async def break_down(self) -> None:
        pid = self.provider.agent_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        async def down() -> bool:
            return not self.provider.usable

        await until(down)


@pytest.fixture(params=["twilio", "sip"])
async def carrier(
    request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Carrier]:
    async with AsyncExitStack() as stack:
        if request.param == "twilio":
            standing = await stack.enter_async_context(AsyncExitStack())
            stand = await standing.enter_async_context(open_stand())
            settings = settings_for(sqlite_url, tmp_path, telephony=phone_settings(stand))
            house = await stack.enter_async_context(open_house(settings, clock))
            port = await stack.enter_async_context(served(house.app))
            stand.proxied = f"127.0.0.1:{port}"
            made: Carrier = TwilioCarrier(Exchange(await make_world(house), stand), standing.aclose)
        else:
            if not installed() or not HAS_SIPP:
                missing("the extra `sip` or sipp")
            trunk_port, our_port, rtp = free_port(), free_port(), 43000 + free_port() % 100 * 200
            telephony = {"provider": "sip", "numbers": [f"RS={OWN_RS}", f"MK={OWN_MK}"], "calls_per_second": 20}
            sip = {
                "trunk": f"{LOOPBACK}:{trunk_port}", "transport": "udp", "srtp": "off", "local_port": our_port,
                "rtp_port_min": rtp, "rtp_port_max": rtp + 98, "max_calls": 4,
            }  # fmt: skip
            settings = settings_for(
                sqlite_url,
                tmp_path,
                telephony=TelephonySettings.model_validate(telephony),
                sip=SipSettings.model_validate(sip),
            )
            house = await stack.enter_async_context(open_house(settings, clock))
            made = SipCarrier(Exchange(await make_world(house), Stand()), trunk_port, our_port)
            provider = made.provider

            async def usable() -> bool:
                return provider.usable

            await until(usable)
        await made.exchange.numbers()
        yield made


async def state_of(carrier: Carrier, leg_id: str) -> LegState:
    return (await carrier.exchange.leg(leg_id)).state


async def reaches(carrier: Carrier, leg_id: str, state: LegState) -> None:
    async def there() -> bool:
        return await state_of(carrier, leg_id) is state

    await until(there)


@dataclass
class Booked:
    """A session with the officer in the room; the interpreter is called into it, again and again."""

    carrier: Carrier
    session_id: str
    place_id: str
    officer: str

    async def call_out(self) -> str:
        exchange = self.carrier.exchange
        legs = exchange.telephony.legs
        return str(
            await legs.call_out(self.session_id, self.place_id, await exchange.ref(), reason=CallReason.LOST_LINK)
        )

    async def into_room(self, person: Person) -> str:
        leg_id = await self.call_out()
        await reaches(self.carrier, leg_id, LegState.ASKED)
        await person.press("1")
        await reaches(self.carrier, leg_id, LegState.IN_ROOM)
        return leg_id

    async def ended(self, leg_id: str) -> tuple[LegWhy | None, str | None]:
        """Why, and the trouble, once it is over."""
        await reaches(self.carrier, leg_id, LegState.ENDED)
        leg = await self.carrier.exchange.leg(leg_id)
        return leg.why, leg.error


async def booked(carrier: Carrier) -> Booked:
    exchange = carrier.exchange
    session_id, place_id = await exchange.session()
    await exchange.officer_here(session_id)
    await exchange.sound(session_id)
    return Booked(carrier, session_id, place_id, await exchange.place(session_id, "officer"))


async def test_calls_that_do_not_come_into_the_room(carrier: Carrier) -> None:
    session = await booked(carrier)
    for outcome, expected in OUTCOMES.items():
        async with carrier.called(lifts=outcome):
            assert await session.ended(await session.call_out()) == expected, outcome
    async with carrier.called() as person:
        leg_id = await session.call_out()
        await reaches(carrier, leg_id, LegState.ASKED)
        await person.press("2")
        assert await session.ended(leg_id) == (LegWhy.DECLINED, None), "they say no"
    async with carrier.called() as person:
        leg_id = await session.call_out()
        await reaches(carrier, leg_id, LegState.ASKED)
        await person.hang_up()
        assert await session.ended(leg_id) == (LegWhy.DECLINED, None), "they hang up at the question"
    for moment in (LegState.RINGING, LegState.ASKED):
        async with carrier.called(lifts="later" if moment is LegState.RINGING else "yes") as person:
            leg_id = await session.call_out()
            await reaches(carrier, leg_id, moment)
            await carrier.exchange.telephony.legs.hang_up(leg_id)
            await person.hears_the_end()
            assert await session.ended(leg_id) == (LegWhy.CANCELLED, None), moment
    assert not [leg for leg in await carrier.exchange.legs() if leg.joined_at is not None]


async def test_calls_in_the_room(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hang-ups by either side, voices both ways, keys, leaving. Levels: what one side says arrives at the other as loud, within 3 dB."""
    session = await booked(carrier)
    async with carrier.called() as person:
        leg_id = await session.into_room(person)
        await person.hang_up()
        assert await session.ended(leg_id) == (LegWhy.HUNG_UP, None)
    async with carrier.called() as person:
        leg_id = await session.into_room(person)
        await carrier.exchange.telephony.legs.hang_up(leg_id)
        await person.hears_the_end()
        assert await session.ended(leg_id) == (LegWhy.CANCELLED, None)

    desk = carrier.exchange.telephony.desk
    pressed: list[str] = []
    before = desk.pressed

    async def listening(leg_id: str, digit: str) -> bool:
        pressed.append(digit)
        return bool(await before(leg_id, digit))

    monkeypatch.setattr(desk, "pressed", listening)
    async with carrier.called() as person:
        leg_id = await session.into_room(person)
        _, client = await carrier.exchange.world.house.services.live.media.placement.ensure(session.session_id)
        async with calling(
            await client.open_line(session.session_id, session.officer, Codec.PCMA), Codec.PCMA
        ) as other:
            theirs, ours = tone(700, 2.0, level=4000), tone(500, 2.0, level=4000)
            await person.say(theirs)
            other.say(_sound(ours), again=True)

            def good() -> bool:
                at_telephone, in_room = person.heard(0.6), _in_room(other)
                levels = abs(rms_dbfs(at_telephone) - rms_dbfs(ours)), abs(rms_dbfs(in_room) - rms_dbfs(theirs))
                return share_of(500, at_telephone) > 0.9 and share_of(700, in_room) > 0.9 and max(levels) < 3

            # 600 ms of both voices, whole and alone; a busy machine tears the first ones.
            await until(_async(good))
        for number, digit in enumerate("12", start=1):
            await person.press(digit)
            await until(_async(lambda number=number: pressed == ["1", "2"][:number]))  # type: ignore[misc]
        assert await state_of(carrier, leg_id) is LegState.IN_ROOM
        await person.press("9")
        assert await session.ended(leg_id) == (LegWhy.LEFT, None)
        await person.hears_the_end()


async def test_calls_of_theirs_and_a_carrier_that_is_down(carrier: Carrier) -> None:
    """Dial-in with a wrong and the right PIN, with three wrong ones; what a carrier can do; what it says when it is down."""
    exchange = carrier.exchange
    session = await booked(carrier)
    services = exchange.world.house.services
    async with services.database.unit(Actor.system()) as uow:
        made = await services.telephony.pins.make(
            uow, session.session_id, session.place_id, country="RS", locale="sr-Cyrl"
        )
    wrong = f"{(int(made.pin) + 1) % 1_000_000:06d}"
    async with carrier.calls(THEIR_NUMBER) as person:
        leg_id = await _newest_asked(exchange, 1)
        await person.press(wrong)
        await _tried(exchange, leg_id, 1)
        assert await state_of(carrier, leg_id) is LegState.ASKED
        await person.press(made.pin)
        await reaches(carrier, leg_id, LegState.IN_ROOM)
        leg = await exchange.leg(leg_id)
        assert (leg.session_id, leg.place_id) == (session.session_id, session.place_id)
        await exchange.telephony.legs.hang_up(leg_id)
        await person.hears_the_end()
    async with carrier.calls(THEIR_NUMBER) as person:
        leg_id = await _newest_asked(exchange, 2)
        for tries in (1, 2, 3):
            await person.press(wrong)
            await _tried(exchange, leg_id, tries)
        assert await session.ended(leg_id) == (LegWhy.PIN_REFUSED, None)

    provider = exchange.telephony.legs.provider
    assert provider.capabilities.dial_out
    assert provider.capabilities.dial_in_numbers == (OWN_RS, OWN_MK)
    assert "en" in provider.capabilities.voices
    assert "ps" not in provider.capabilities.voices, "no carrier speaks Pashto"
    await carrier.break_down()
    with pytest.raises(PhoneTrouble) as trouble:
        await provider.place(CallOrder("leg_none", THEIR_NUMBER, 30, "RS"))
    assert trouble.value.code == "carrier_unreached"
    assert trouble.value.again_in is not None, "nothing was placed, so it may be tried again"


def _sound(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, np.int16).astype(np.float32) / np.float32(32768)


def _in_room(other: Phone) -> bytes:
    """The last 600 ms that the officer heard."""
    return bytes((other.heard(-30) * 32767).astype(np.int16).tobytes())


def _async(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return condition()

    return asked


async def _newest_asked(exchange: Exchange, count: int) -> str:
    """The leg of the call that came in as number ``count``, once it is asked for the PIN."""

    async def there() -> bool:
        return len(await exchange.legs()) == count

    await until(there)
    return max((leg for leg in await exchange.legs()), key=lambda leg: leg.id).id


async def _tried(exchange: Exchange, leg_id: str, tries: int) -> None:
    async def counted() -> bool:
        return (await exchange.leg(leg_id)).tries == tries

    await until(counted)
