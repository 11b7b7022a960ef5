"""Shapes of bookings and of the search for an interpreter (docs/protocol.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.access import Country
from signaling.api.shapes import Code, In, Instant, InstantIn, Key, Language, Out, Params, Sex

Kind = Literal["now", "appointment"]
BookingStateWord = Literal[
    "requested", "held", "offering", "assigned", "in_session", "fulfilled", "unfilled", "missed", "cancelled"
]


WayWord = Literal["direct", "relay", "team"]
Minutes = Annotated[int, Field(ge=5, le=480)]


class NewBookingBody(In):
    """Ask for an interpreter, now or for a time."""

    case_id: Key
    step_id: Key
    kind: Kind
    language: Language
    starts_at: InstantIn | None = None
    minutes: Minutes | None = None
    zone: Annotated[str, Field(max_length=40)] | None = None
    safety_only: bool = False
    """A short talk about safety while a gate is closed (15 minutes)."""
    way: WayWord = "direct"
    """team: two who take turns; relay: two through a third language (M-9)."""
    slot: bool = False
    """The time was chosen from the free slots: agreed at once, or refused with the rule that forbids it."""
    sure: bool = False
    """With ``slot``: it was shown as agreed at once; refused when somebody else was quicker and people would have to be asked."""


class CancelBody(In):
    """Why a booking is not needed any more."""

    reason: Literal["found_other", "not_needed", "person_left", "other"]


class PlaceBody(In):
    """Whom the coordinator places by hand; every rule is checked again."""

    interpreter_id: Key
    second_id: Key | None = None
    """For a relay or a team: both are taken or none."""


class Reason(Out):
    """One reason of a match, as a catalogue code."""

    code: str
    params: Params = Field(default_factory=dict)


class Rung(Out):
    """One rung of the ladder."""

    code: Code
    state: Literal["done", "now", "later", "skipped"]
    count: int | None
    reason: str | None
    ends_at: Instant | None


class OfferBrief(Out):
    """An interpreter who is or was asked, as the officer sees it: a code and at most three reasons, no traits."""

    interpreter_code: str
    state: Literal["pending", "accepted", "declined", "expired", "withdrawn"]
    reasons: list[Reason]


class Expected(Out):
    """How long it usually takes; honest about how much that is based on."""

    basis: Literal["measured", "none"]
    p50_s: int | None
    p90_s: int | None
    n: int


class InterpreterBrief(Out):
    """Who was found."""

    code: str
    level: str


class Leg(Out):
    """One of the interpreters of a booking."""

    leg: int
    code: str
    level: str
    held: bool
    until: Instant | None
    """While held: when the place is free again."""


class OpenPlace(Out):
    """A place that nobody has, and between which languages its interpreter works; null: the third language is not known yet."""

    leg: int
    from_language: str | None
    to_language: str | None


class Waiting(Out):
    """How an appointment stands in the line of those that wait for somebody."""

    ahead: int
    """Older ones of the same language in the same hours; they are looked at first."""
    open: list[OpenPlace]
    until: Instant
    """When it is given up if nobody is found."""


class Turn(Out):
    """Who of a team interprets, and when."""

    leg: int
    starts_at: Instant
    ends_at: Instant


class Wish(Out):
    """The person's wish about the interpreter's sex."""

    value: Sex
    must: bool


class Police(Out):
    """Whether a step under the police regime may go to an interpreter of the other country (T-3)."""

    reference: str | None
    """Of the approval; none: only interpreters of the own country are asked."""
    by: str | None
    at: Instant | None


class Proposal(Out):
    """The asking for another time of an agreed appointment."""

    starts_at: Instant
    ends_at: Instant
    state: Literal["asked", "declined", "expired"]
    expires_at: Instant


class BookingView(Out):
    """A request for interpretation."""

    id: str
    case_id: str
    case_ref: str
    step_id: str
    step_code: str
    country: Country
    site: str
    kind: Kind
    language: str
    priority: str
    state: BookingStateWord
    requested_at: Instant
    starts_at: Instant
    ends_at: Instant
    zone: str
    round: int
    rungs: list[Rung]
    offers: list[OfferBrief]
    """The current round first."""
    interpreter: InterpreterBrief | None
    interpreters: list[Leg]
    """Everybody who has it or holds it; two for a relay or a team."""
    way: WayWord
    pivot: str | None
    """The language between the two of a relay."""
    relay_state: Literal["asked", "approved", "refused"] | None
    relay_by: str | None
    police: Police | None
    """None where the rule does not apply."""
    turns: list[Turn]
    """The planned swaps of a team."""
    series_id: str | None
    occurrence: str | None
    hold_until: Instant | None
    session_id: str | None
    join_opens_at: Instant | None
    join_by: Instant | None
    expected: Expected
    callback: bool
    needs_coordinator: bool
    unfilled_reason: str | None
    wish: Wish
    must_unmet: bool
    """Nobody who meets the wish was found in time, and a coordinator was called (M-3)."""
    purpose: Literal["language"] | None
    """language: a short call that only finds out the language (M-12)."""
    waiting: Waiting | None
    """For an appointment that waits for somebody."""
    proposal: Proposal | None
    """Another time for which its interpreter is asked, or could not come."""


class BookingList(Out):
    """Bookings of a time."""

    items: list[BookingView]


class Outlook(Out):
    """What to expect before asking."""

    free_now: int
    free_few: bool
    """Fewer than three: shown as "few", so that a number never reveals a person."""
    wish_met: int | None
    expected: Expected
    national_only: bool


class Term(Out):
    """One term of a score."""

    rule: str
    points: int | float
    code: str
    params: Params


class Refusal(Out):
    """Why somebody is not eligible."""

    rule: str
    code: str
    params: Params


class Candidate(Out):
    """An interpreter with the explanation of the match, for coordinators."""

    interpreter_id: str
    code: str
    eligible: bool
    score: int | float | None
    terms: list[Term]
    refusals: list[Refusal]
    presence: str


class CandidateList(Out):
    """Everybody in the pool for one booking, best first, then who is not eligible and why."""

    items: list[Candidate]
