"""The dialogue of one SIP call against a desk that answers by script and an agent that only keeps what it is told: order, ends, races."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from core.errors import Unavailable
from core.events.bus import Json
from core.events.memory_bus import InProcessBus
from core.i18n import LOCALES, Catalogues
from core.settings_sections import SipSettings
from media.lines.protocol import Codec, LineTicket
from media.sip.client import SipAgent
from media.sip.protocol import (
    Answer,
    Answered,
    CallEnd,
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
from signaling.bootstrap import catalogue_folder
from signaling.telephony.port import IncomingCall, LegWhy, Sentence, Step, Then
from signaling.telephony.sip import ADDRESS, SipProvider
from signaling.telephony.sip_ends import leg_end
from signaling.telephony.sip_talk import Refresh, SipTalk
from signaling.telephony.troubles import Trouble

CALL = "sip_1"
ASK = Step(Then.ASK_KEY, (Sentence("greeting"), Sentence("into_session")), "sr-Cyrl", seconds=1)
PIN = Step(Then.ASK_PIN, (Sentence("pin"),), "mk", seconds=1, digits=6)
IN = Step(Then.JOIN, (Sentence("joining"),))
AGAIN = Step(Then.JOIN)
BYE = Step(Then.HANG_UP, (Sentence("goodbye"),))


class KeptAgent:
    """Keeps commands; says of each prompt at once that it was played, and hangs up when told."""

    def __init__(self) -> None:
        self.sent: list[Command] = []
        self.talk: SipTalk | None = None
        self.lines = True
        self.gone = False

    def send(self, command: Command) -> None:
        if self.gone:
            raise Unavailable("sip_agent_down")
        self.sent.append(command)
        assert self.talk is not None
        match command:
            case Play(prompts=(_, *_)):
                self.talk.hear(Played(call_id=CALL))
            case Answer():
                self.talk.hear(Answered(call_id=CALL, secure=True))
            case Join():
                self.talk.hear(Joined(call_id=CALL) if self.lines else LineEnded(call_id=CALL, why="line_refused"))
            case HangUp():
                self.talk.hear(Ended(call_id=CALL, why=CallEnd.HUNG_UP_HERE))

    def kinds(self, kind: type[Any]) -> list[Any]:
        return [command for command in self.sent if isinstance(command, kind)]


class ScriptedDesk:
    """Answers by script; ``told`` is what it heard, in order."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps)
        self.told: list[tuple[Any, ...]] = []
        self.over = asyncio.Event()
        self.joins: list[LineTicket | Unavailable] = []

    def _next(self) -> Step:
        return self._steps.pop(0)

    async def placed(self, leg_id: str, call_id: str) -> None:
        raise AssertionError("the queue tells this, not the carrier")

    async def ringing(self, leg_id: str) -> None:
        self.told.append(("ringing",))

    async def lifted(self, leg_id: str) -> Step:
        self.told.append(("lifted",))
        return self._next()

    async def called_in(self, call: IncomingCall) -> tuple[str, Step]:
        self.told.append(("called_in", call.caller, call.called))
        return "leg_in", self._next()

    async def keys(self, leg_id: str, digits: str) -> Step:
        self.told.append(("keys", digits))
        return self._next()

    async def waited(self, leg_id: str) -> Step:
        self.told.append(("waited",))
        return self._next()

    async def join(self, leg_id: str, codec: Codec) -> LineTicket:
        assert codec is Codec.PCMA
        self.told.append(("join",))
        answer = self.joins.pop(0) if self.joins else LineTicket(url="ws://node/line", secret="once")
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    async def pressed(self, leg_id: str, digit: str) -> bool:
        self.told.append(("pressed", digit))
        return digit == "9"

    async def line_lost(self, leg_id: str) -> None:
        self.told.append(("line_lost",))

    async def ended(
        self, leg_id: str, why: LegWhy, error: str | None = None, *, carrier_code: int | None = None
    ) -> None:
        self.told.append(("ended", why, error))
        self.over.set()


@asynccontextmanager
async def talking(
    *steps: Step, incoming: bool = False, desk: ScriptedDesk | None = None
) -> AsyncIterator[tuple[SipTalk, KeptAgent, ScriptedDesk]]:
    agent, desk = KeptAgent(), desk or ScriptedDesk(*steps)
    talk = SipTalk(CALL, None if incoming else "leg_1", cast(SipAgent, agent), desk, "+38111")
    agent.talk = talk
    task = asyncio.create_task(talk.run())
    try:
        yield talk, agent, desk
        async with asyncio.timeout(30):
            await task
    finally:
        task.cancel()


async def heard(desk: ScriptedDesk, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the script has no event for it
            await asyncio.sleep(0)


def there(desk: ScriptedDesk, *what: Any) -> Callable[[], bool]:
    return lambda: what in desk.told


async def lift(talk: SipTalk) -> None:
    talk.hear(Rang(call_id=CALL))
    talk.hear(Answered(call_id=CALL, secure=True))


async def test_question_room_and_leaving() -> None:
    async with talking(ASK, IN) as (talk, agent, desk):
        await lift(talk)
        talk.hear(Digit(call_id=CALL, digit="1"))
        await heard(desk, there(desk, "join"))
        await heard(desk, lambda: bool(agent.kinds(Join)))
        for digit in "129":
            talk.hear(Digit(call_id=CALL, digit=digit))
    said = [(play.prompts, play.language) for play in agent.kinds(Play)]
    assert said[0] == (("tone_attention", "greeting", "into_session"), "sr-Cyrl")
    assert (("joining", "tone_in"), "en") in said
    assert desk.told == [
        ("ringing",), ("lifted",), ("keys", "1"), ("join",), ("pressed", "1"), ("pressed", "2"), ("pressed", "9"),
        ("ended", LegWhy.LEFT, None),
    ]  # fmt: skip
    assert len(agent.kinds(HangUp)) == 1


async def test_nothing_is_pressed_in_time() -> None:
    async with talking(ASK, BYE) as (talk, agent, desk):
        await lift(talk)
    assert ("keys", "") in desk.told
    assert agent.kinds(Play)[-2].prompts == ("goodbye",)


async def test_a_call_in_asks_for_the_pin_and_takes_keys_typed_ahead() -> None:
    async with talking(PIN, IN, incoming=True) as (talk, agent, desk):
        talk.hear(Incoming(call_id=CALL, caller="+38164", called="+38111"))
        for digit in "123456":
            talk.hear(Digit(call_id=CALL, digit=digit))
        await heard(desk, there(desk, "join"))
        talk.hear(Ended(call_id=CALL, why=CallEnd.HUNG_UP_THERE))
    assert desk.told[0] == ("called_in", "+38164", "+38111")
    assert ("keys", "123456") in desk.told
    assert desk.told[-1] == ("ended", LegWhy.HUNG_UP, None)
    assert len(agent.kinds(Answer)) == 1


async def test_a_lost_line_is_opened_again_and_a_replaced_one_ends_the_call() -> None:
    async with talking(IN, AGAIN) as (talk, agent, desk):
        await lift(talk)
        await heard(desk, lambda: len(agent.kinds(Join)) == 1)
        talk.hear(LineEnded(call_id=CALL, why="sound_lost"))
        await heard(desk, lambda: len(agent.kinds(Join)) == 2)
        talk.hear(LineEnded(call_id=CALL, why="replaced"))
    assert [told[0] for told in desk.told] == ["ringing", "lifted", "join", "line_lost", "waited", "join", "ended"]
    assert desk.told[-1] == ("ended", LegWhy.REPLACED, None)


async def test_a_line_that_never_stands_ends_the_call_after_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signaling.telephony.sip_talk._AGAIN_S", 0.01)
    async with talking(IN, AGAIN, AGAIN, AGAIN) as (talk, agent, desk):
        agent.lines = False
        desk.joins = [Unavailable("node_draining")]
        await lift(talk)
    assert desk.told[-1] == ("ended", LegWhy.LINE_FAILED, None)
    assert desk.told.count(("join",)) == 4


async def test_who_hangs_up_while_the_line_opens_is_not_waited_for() -> None:
    desk = ScriptedDesk(IN)
    opening = asyncio.Event()

    async def slow(leg_id: str, codec: Codec) -> LineTicket:
        opening.set()
        await asyncio.Event().wait()
        raise AssertionError

    desk.join = slow  # type: ignore[method-assign]
    async with talking(desk=desk) as (talk, agent, _):
        await lift(talk)
        await asyncio.wait_for(opening.wait(), 30)
        talk.hear(Ended(call_id=CALL, why=CallEnd.HUNG_UP_THERE))
    assert desk.told[-1] == ("ended", LegWhy.HUNG_UP, None)
    assert not agent.kinds(Join)


async def test_a_wait_is_broken_when_the_other_side_comes() -> None:
    async with talking(Step(Then.WAIT, (Sentence("hold"),), seconds=600), IN) as (talk, agent, desk):
        await lift(talk)
        await heard(desk, lambda: any(play.prompts[:1] == ("tone_wait",) for play in agent.kinds(Play)))
        talk.hear(Refresh())
        await heard(desk, there(desk, "join"))
        talk.hear(Ended(call_id=CALL, why=CallEnd.SOUND_LOST))
    assert desk.told[-1] == ("ended", LegWhy.STALLED, None)


async def test_an_agent_that_dies_in_the_middle_ends_the_call_once() -> None:
    async with talking(IN) as (talk, agent, desk):
        await lift(talk)
        await heard(desk, lambda: bool(agent.kinds(Join)))
        agent.gone = True
        talk.hear(LineEnded(call_id=CALL, why="replaced"))
        talk.hear(Ended(call_id=CALL, why=CallEnd.AGENT_LOST))
    assert [told for told in desk.told if told[0] == "ended"] == [("ended", LegWhy.REPLACED, None)]


@pytest.mark.parametrize("end", CallEnd)
def test_every_end_has_a_word_for_people(end: CallEnd) -> None:
    why, trouble = leg_end(end, answered=False)
    assert (why is LegWhy.FAILED) <= (trouble is not None), "a failure without a reason helps nobody"


async def test_a_trunk_that_nobody_holds_is_down() -> None:
    bus = InProcessBus()
    provider = SipProvider(
        SipSettings(trunk="127.0.0.1", transport="udp", srtp="off", agent=False), bus, {"RS": "+381111234567"}
    )
    assert provider.configured
    assert await provider.down()
    usable = False

    async def look(body: Json) -> Json:
        assert body == {"do": "look"}
        return {"usable": usable}

    async with bus.serve(ADDRESS, look):
        assert await provider.down(), "an agent without a trunk"
        usable = True
        assert not await provider.down()
    assert not await SipProvider(SipSettings(), bus, {}).down(), "there is nothing that could be"


def test_sound_in_the_clear_has_a_trouble_of_its_own() -> None:
    assert leg_end(CallEnd.NOT_SECURE, answered=False) == (LegWhy.FAILED, Trouble.UNENCRYPTED)
    words = Catalogues.read(catalogue_folder() / "telephony")
    for trouble in Trouble:
        for key in (f"telephony.trouble.{trouble}", f"telephony.trouble.{trouble}.next"):
            assert len({words.text(key, locale) for locale in LOCALES}) == len(LOCALES), key
