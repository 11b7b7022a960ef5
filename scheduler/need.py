"""What is asked and who could: the plain values that matching works on. No rules here, and no database.

The services build a :class:`Need` from a booking and its case, and a :class:`Candidate` from an interpreter's
profile, presence and engagements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from records.stages import Level, Mode, Stage
from scheduler.languages import LanguageTable, PersonLanguage


class SexWish(StrEnum):
    """Which interpreter the person asked for (M-3)."""

    NONE = "none"
    WOMAN = "woman"
    MAN = "man"


class Sex(StrEnum):
    """An interpreter's sex as stated; for matching only, never shown to officers."""

    WOMAN = "woman"
    MAN = "man"
    UNDISCLOSED = "undisclosed"


class Presence(StrEnum):
    """Whether an interpreter can be rung now."""

    AVAILABLE = "available"
    BUSY = "busy"
    AWAY = "away"
    OFFLINE = "offline"


class LocationStatus(StrEnum):
    """Where an interpreter works from (T-6)."""

    APPROVED_ROOM = "approved_room"
    APPROVED_HOME = "approved_home"
    UNAPPROVED = "unapproved"


class AsylumCase(StrEnum):
    """Whether an interpreter has an asylum case of their own (domain 3.5)."""

    NONE = "none"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class TransferGate:
    """One row of ``transfer_instrument``: what allows interpreters of another country (T-2)."""

    id: str
    from_country: str
    """Country of the case: where the data leave from."""
    to_country: str
    """Country where the interpreter works."""
    valid_from: datetime
    valid_to: datetime | None
    stages: frozenset[Stage]
    reference: str

    def open_for(self, from_country: str, to_country: str, stage: Stage, at: datetime) -> bool:
        """Whether this row opens the direction for the stage at that moment (valid_to is exclusive)."""
        return (
            self.from_country == from_country
            and self.to_country == to_country
            and stage in self.stages
            and self.valid_from <= at
            and (self.valid_to is None or at < self.valid_to)
        )


@dataclass(frozen=True)
class Need:
    """One request for interpretation. Hard parts are never relaxed by ranking."""

    case_id: str
    country: str
    stage: Stage
    step_code: str
    languages: tuple[PersonLanguage, ...]
    """Best first."""
    officer_languages: frozenset[str]
    min_level: Level
    now: datetime
    at: datetime
    """When the work starts; equal to ``now`` for "interpreter now"."""
    minutes: int
    """Planned duration."""
    on_demand: bool = True
    """Whether somebody must be reachable at once, so that presence counts."""
    by_calendar: bool = False
    """Whether stated working hours bind: an appointment; a request for now goes by presence."""
    mode: Mode = Mode.VIDEO
    phone_allowed: bool = True
    """Whether the step may fall back from video to phone."""
    sex_wish: SexWish = SexWish.NONE
    sex_must: bool = False
    """True: only interpreters who meet the wish (M-3)."""
    avoid: frozenset[str] = frozenset()
    """Opaque tokens that the person asks to avoid (M-5)."""
    accepted_substitutes: frozenset[str] = frozenset()
    """Interpreter's languages that the person agreed to when asked."""
    emergency: bool = False
    child: bool = False
    trauma: bool = False
    short_blocks: bool = False
    """The need flag SHORT_SESSIONS (S-8)."""
    police_regime: bool = False
    police_approval: str = ""
    """Approval reference typed by the coordinator for a cross-border police step (T-3)."""
    approved_location: bool = False
    """The step needs an approved room or home (T-6)."""
    sworn_required: bool = False
    continuity_id: str | None = None
    """Interpreter who should do this step again (M-6)."""
    continuity_second: str | None = None
    """The same for the second of a relay or a team."""
    appeal: bool = False
    earlier_ids: frozenset[str] = frozenset()
    """Interpreters of the decision under appeal."""
    complaint_ids: frozenset[str] = frozenset()
    """Interpreters against whom a complaint was made in this case: never again (M-6)."""
    party_ids: frozenset[str] = frozenset()
    """Pool members who have another part in the case: officer, lawyer, guardian, relative ... (M-7)."""
    relay_from: frozenset[str] = frozenset()
    """Bridge languages from which a second interpreter into an officer's language is already found (M-9)."""
    relay_approval: str = ""
    """Coordinator's approval reference for relay beyond registration (M-9)."""
    share: int | None = None
    """Minutes of interpreting of one of a team, who take turns; none: all of them."""

    @property
    def own_minutes(self) -> int:
        """Minutes of interpreting that count for one interpreter."""
        return self.minutes if self.share is None else self.share

    @property
    def ends(self) -> datetime:
        """Planned end of the work."""
        return self.at + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Candidate:
    """All facts of one interpreter that matching looks at, at one moment."""

    id: str
    code: str
    """Pool code such as ``I-0417``."""
    pairs: frozenset[tuple[str, str]]
    """(variety that the person speaks, language of the officer), both ISO 639-3."""
    level: Level
    vetting_until: datetime | None
    """None: never vetted."""
    nda_until: datetime | None
    conduct_until: datetime | None
    sex: Sex = Sex.UNDISCLOSED
    base_country: str = "RS"
    location: LocationStatus = LocationStatus.UNAPPROVED
    modes: frozenset[Mode] = frozenset({Mode.VIDEO})
    """What the interpreter can take; video includes sound only."""
    tokens: frozenset[str] = frozenset()
    """Tokens that an ``avoid`` wish can name: own code, origin, region, community as stated."""
    barred_cases: frozenset[str] = frozenset()
    """Cases from which the interpreter is recused for good (M-5)."""
    own_asylum_case: AsylumCase = AsylumCase.NONE
    represents_party: bool = False
    """Works for or represents an embassy, a party, a lawyer (domain 3.5)."""
    child_trained: bool = False
    trauma_trained: bool = False
    no_children: bool = False
    sworn_countries: frozenset[str] = frozenset()
    minutes_today: int = 0
    max_minutes_day: int = 240
    max_block: int = 45
    """Longest continuous interpreting in minutes."""
    presence: Presence = Presence.OFFLINE
    on_call: bool = False
    """On a published on-call window: may be called in although not online."""
    engagements: tuple[tuple[datetime, datetime], ...] = ()
    """Held, confirmed and live work with the break owed, half open [start, end)."""
    hours: tuple[tuple[datetime, datetime], ...] | None = None
    """Bookable hours around that moment (stated hours minus leave and busy elsewhere), half open, neither overlapping nor
    touching; none: nothing was stated, bookable on request."""
    at_desk: bool = False
    """A pattern says that they work then: an appointment is agreed without asking."""
    idle_since: datetime | None = None
    """Since when without work; none sorts as least idle."""
    accept_rate: int = 100
    """Share of offers accepted, 0 to 100; used for the width of a ring, never for the score."""
    quality: int = 0
    """-10 to 10."""
    active: bool = True
    """Whether the profile is in the pool at all."""


@dataclass(frozen=True)
class ScoreWeights:
    """The numbers of M-8, in points."""

    base: int = 100
    sex_preference: int = 30
    relay: int = 35
    phone: int = 10
    phone_asylum: int = 25
    fatigue: int = 20
    cross_border: int = 5
    continuity: int = 15


@dataclass(frozen=True)
class MatchRules:
    """What matching needs besides need and candidates: the language table, the open gates, the weights."""

    languages: LanguageTable
    gates: Sequence[TransferGate] = ()
    weights: ScoreWeights = field(default_factory=ScoreWeights)


def gate_for(need: Need, country: str, gates: Sequence[TransferGate]) -> TransferGate | None:
    """The instrument that lets an interpreter in ``country`` work on this need: the lowest id that is open."""
    rows = [g for g in gates if g.open_for(need.country, country, need.stage, need.at)]
    return min(rows, key=lambda g: g.id, default=None)


def wish_or_default(step_code: str, wish: SexWish | None, *, woman: bool) -> SexWish:
    """The wish to match on: what the person said or, for a woman not yet asked in VUL-40/50 or ASY-50, a woman (M-3)."""
    if wish is not None:
        return wish
    unasked_default = step_code.partition("-")[2] in ("VUL-40", "VUL-50", "ASY-50")
    return SexWish.WOMAN if woman and unasked_default else SexWish.NONE


@dataclass(frozen=True)
class SessionTicket:
    """All that leaves the country of the case with a cross-border session (T-1)."""

    alias: str
    language: str
    stage: Stage
    minutes: int
    mode: Mode
    sex_wish_met: bool
    child: bool
    short_blocks: bool


def session_ticket(need: Need, *, alias: str, language: str, wish_met: bool) -> SessionTicket:
    """The ticket for the other country: no case id, no step code, no origin, no wish itself."""
    return SessionTicket(
        alias=alias,
        language=language,
        stage=need.stage,
        minutes=need.minutes,
        mode=need.mode,
        sex_wish_met=wish_met,
        child=need.child,
        short_blocks=need.short_blocks,
    )
