"""Telephone legs as the rest of the house sees them: states with their one table, what a carrier must be able to do, and the
dialogue that every carrier plays. Knows no carrier, no database and no sound.

A number is never in an event, a log, a record or an answer: callers name it by ``number_ref`` (id of a row in ``phone_numbers``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from core.errors import Param, Unavailable
from records.lifecycle import MoveTable

if TYPE_CHECKING:
    from media.lines.protocol import Codec, LineTicket

LEG_CHANGED = "telephony.leg_changed"
"""Event of the outbox: ``{leg_id, session_id, place_id, state, why}``; ``session_id`` and ``place_id`` are None while a ring is asked."""
LegId = str


class LegState(StrEnum):
    """Where one telephone call stands."""

    QUEUED = "queued"
    """Waits for its turn at the carrier."""
    RINGING = "ringing"
    ASKED = "asked"
    """Somebody lifted and is asked: press 1, or the PIN."""
    HELD = "held"
    """They are in, and wait outside of the room: the other side is not there, or the line is on hold."""
    IN_ROOM = "in_room"
    ENDED = "ended"


class LegMove(StrEnum):
    """What can happen to a call."""

    RING = "ring"
    LIFT = "lift"
    WAIT = "wait"
    JOIN = "join"
    END = "end"


ALIVE = (LegState.QUEUED, LegState.RINGING, LegState.ASKED, LegState.HELD, LegState.IN_ROOM)
"""All states of a call that is not over."""
LEG_MOVES: MoveTable[LegState, LegMove] = MoveTable(
    "phone_leg",
    LegState.QUEUED,
    {
        (LegState.QUEUED, LegMove.RING): LegState.RINGING,
        # A carrier's news may overtake each other or be lost: whoever speaks has lifted, rung or not.
        (LegState.QUEUED, LegMove.LIFT): LegState.ASKED,
        (LegState.RINGING, LegMove.LIFT): LegState.ASKED,
        (LegState.ASKED, LegMove.WAIT): LegState.HELD,
        (LegState.IN_ROOM, LegMove.WAIT): LegState.HELD,
        (LegState.ASKED, LegMove.JOIN): LegState.IN_ROOM,
        (LegState.HELD, LegMove.JOIN): LegState.IN_ROOM,
        **{(state, LegMove.END): LegState.ENDED for state in ALIVE},
    },
)


class LegWhy(StrEnum):
    """Why a call is over."""

    HUNG_UP = "hung_up"
    """They put the receiver down after they were in."""
    LEFT = "left"
    """They pressed 9."""
    DECLINED = "declined"
    """They lifted and did not take it."""
    TOO_LATE = "too_late"
    """They took it, somebody else was faster or the request was gone."""
    BROWSER_NEEDED = "browser_needed"
    """They took it; the step or the mode lets no telephone in, so they go to their page."""
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    CANCELLED = "cancelled"
    """We took the call back: the ring is over, the session ended, somebody asked for it."""
    SESSION_OVER = "session_over"
    REPLACED = "replaced"
    """The same person is in the room in another way now: a browser, or a newer call."""
    PIN_REFUSED = "pin_refused"
    CONFIRMED = "confirmed"
    """The code was right: the number is theirs, and that was all."""
    STALLED = "stalled"
    """The stream of sound stopped."""
    LINE_FAILED = "line_failed"
    """Our own sound process or node ended the line."""
    FAILED = "failed"
    """The carrier did not put the call through; ``error`` says why."""


class CallReason(StrEnum):
    """Why somebody is called."""

    RING = "ring"
    """An offer of the ring: 1 accepts it."""
    LOST_LINK = "lost_link"
    """Their line into the session is lost: the ladder calls them (S-11)."""
    BAD_LINK = "bad_link"
    """Their line is too bad to go on."""
    ASKED = "asked"
    """A person in the session, or they themselves, wanted the telephone."""
    CALL_BACK = "call_back"
    """A call-back that was agreed before."""
    CALL_IN = "call_in"
    """Somebody on call is asked to come on duty; 1 says yes."""
    DIAL_IN = "dial_in"
    """They called us."""
    CONFIRM = "confirm"
    """Whose number is it: whoever lifts types the code that the page shows."""


class Then(StrEnum):
    """What follows when the sentences were said."""

    ASK_KEY = "ask_key"
    """Wait for one key."""
    ASK_PIN = "ask_pin"
    """Wait for ``digits`` keys."""
    WAIT = "wait"
    """Be silent for ``seconds``, then ask ``PhoneDesk.waited``."""
    JOIN = "join"
    """Connect the sound: ``PhoneDesk.join``."""
    HANG_UP = "hang_up"


@dataclass(frozen=True)
class Sentence:
    """One sentence of the catalogue ``telephony``: key without its prefix ``telephony.say.``, and its slots."""

    key: str
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What a carrier does next with a call."""

    then: Then
    say: tuple[Sentence, ...] = ()
    locale: str = "en"
    """The wished language; a carrier without a voice for it says the sentences in English (number keys need no words)."""
    seconds: int = 8
    """Time for the first key, or the length of the wait."""
    digits: int = 1


@dataclass(frozen=True)
class CallOrder:
    """A call to place."""

    leg_id: LegId
    number: str = field(repr=False)
    """E.164, for the carrier's eyes only."""
    ring_seconds: int = 30
    region: str = "XX"
    """Country of the number: which of our own numbers calls."""


@dataclass(frozen=True)
class IncomingCall:
    """Somebody calls us."""

    call_id: str
    caller: str = field(repr=False)
    """E.164, or empty when withheld."""
    called: str = field(repr=False)


@dataclass(frozen=True)
class MinuteCost:
    """What a minute costs to call a country, as the operator entered it."""

    country: str
    currency: str
    minor: int
    """In a thousandth of the currency: carriers' prices have three digits."""


@dataclass(frozen=True)
class Capabilities:
    """What a carrier of this installation can do."""

    dial_out: bool = False
    dial_in: bool = False
    dial_in_numbers: tuple[str, ...] = ()
    """Our own numbers, which may be shown."""
    voices: tuple[str, ...] = ()
    """Locales in which it can speak; others hear English."""
    own_voices: tuple[str, ...] = ()
    """Of those, the ones spoken from our own files, which a machine voice made."""
    encrypted_to: str = "nobody"
    """How far sound is encrypted: ``gateway`` (the carrier hears clear text), ``trunk``, or ``nobody``."""


class PhoneTrouble(Unavailable):
    """The carrier refused or was not reached. ``code`` is one of ``telephony.troubles``; its number at the carrier is ``carrier_code``."""

    def __init__(self, code: str, *, carrier_code: int | None = None, again_in: float | None = None) -> None:
        super().__init__(code)
        self.carrier_code = carrier_code
        self.again_in = again_in
        """Seconds after which it may be tried again; None: it is no use."""


class PhoneProvider(Protocol):
    """One carrier: Twilio, a SIP trunk, or none."""

    @property
    def name(self) -> str:
        """``none``, ``twilio`` or ``sip``."""
        ...

    @property
    def configured(self) -> bool:
        """Whether calls can be placed at all."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do here."""
        ...

    async def place(self, order: CallOrder) -> str:
        """Call; returns the carrier's id of the call. What happens then is told to ``PhoneDesk``. Raises ``PhoneTrouble``."""
        ...

    async def hang_up(self, call_id: str) -> None:
        """End a call; nothing if it is over already. Raises ``PhoneTrouble``."""
        ...

    async def refresh(self, call_id: str) -> None:
        """Break the wait of a held call: ask ``PhoneDesk.waited`` now. Nothing if it cannot. Never raises for the carrier's trouble."""
        ...

    async def down(self) -> bool:
        """Whether it is known that no call can be placed now; False also where only the next call will tell."""
        ...

    def running(self, desk: PhoneDesk) -> AbstractAsyncContextManager[None]:
        """While open, calls can be placed and news come to ``desk``."""
        ...


class PhoneDesk(Protocol):
    """What a carrier tells the house, and what it is told to do next (``telephony.desk.Desk``). Repeated and late news change nothing."""

    async def placed(self, leg_id: LegId, call_id: str) -> None:
        """The carrier knows the call under this id."""
        ...

    async def ringing(self, leg_id: LegId) -> None:
        """It rings."""
        ...

    async def lifted(self, leg_id: LegId) -> Step:
        """Somebody lifted: the question."""
        ...

    async def called_in(self, call: IncomingCall) -> tuple[LegId, Step]:
        """Somebody calls us; asked for the PIN."""
        ...

    async def keys(self, leg_id: LegId, digits: str) -> Step:
        """The answer to a question; empty when nothing was pressed in time."""
        ...

    async def waited(self, leg_id: LegId) -> Step:
        """A wait is over: wait on, join, or hang up."""
        ...

    async def join(self, leg_id: LegId, codec: Codec) -> LineTicket:
        """Take the place in the room and open a line for it. Raises ``Conflict``, ``NotFound``, ``Unavailable``."""
        ...

    async def pressed(self, leg_id: LegId, digit: str) -> bool:
        """A key in the room: 1 repeat, 2 break, 9 leave; 4 and 6 answer about a draft transcript. True when the call is to end now."""
        ...

    async def line_lost(self, leg_id: LegId) -> None:
        """The line into the room ended although the call did not; ``waited`` says what to do then."""
        ...

    async def ended(
        self, leg_id: LegId, why: LegWhy, error: str | None = None, *, carrier_code: int | None = None
    ) -> None:
        """The call is over; ``error``: a code of ``telephony.troubles``."""
        ...


class PhoneLegs(Protocol):
    """What the ladder and the routes ask for (``telephony.legs.LegService``)."""

    @property
    def configured(self) -> bool:
        """Whether this installation can call at all."""
        ...

    async def number_of(self, user_id: str) -> str | None:
        """The ``number_ref`` of somebody's telephone, if one is on file."""
        ...

    async def call_out(self, session_id: str, place_id: str, number_ref: str, *, reason: CallReason) -> LegId:
        """Queue a call that brings the person of this place into the session by telephone; the same leg while one is under way.

        Raises ``Conflict``: ``telephony_not_configured``, ``phone_needs_open`` (a sealed session), ``phone_not_allowed`` (the step),
        ``session_over``; ``NotFound``: ``session_unknown``, ``participant_unknown``, ``number_unknown`` (also one of somebody else, or
        one that nobody has confirmed).
        """
        ...

    async def hang_up(self, leg_id: LegId, *, why: LegWhy = LegWhy.CANCELLED) -> None:
        """End a call in whatever state; nothing if it is over. Raises ``NotFound('leg_unknown')``."""
        ...


class NoProvider:
    """No carrier is configured, and that is what everybody is told."""

    name = "none"
    configured = False
    capabilities = Capabilities()

    async def place(self, order: CallOrder) -> str:
        """Raises ``PhoneTrouble('telephony_not_configured')``."""
        raise PhoneTrouble("telephony_not_configured")

    async def hang_up(self, call_id: str) -> None:
        """There is no call."""

    async def refresh(self, call_id: str) -> None:
        """There is no call."""

    async def down(self) -> bool:
        """There is nothing that could be."""
        return False

    @asynccontextmanager
    async def running(self, desk: PhoneDesk) -> AsyncIterator[None]:
        """Nothing runs."""
        yield
