"""From bookings and people to a problem in numbers: who is allowed for which leg, decided for the whole pool at once.

The rules are those of ``eligible`` (``matching.Pool`` states them over columns); what depends on the rest of a plan - being
engaged, the day's limit, presence - is left to the plan. Times outside somebody's free hours are left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from scheduler.breaks import DAY_MINUTES, LONG_BREAK, SHORT_BREAK
from scheduler.eligibility import NeedContext, epoch
from scheduler.legs import PIVOTS, Way, leg_need, relay_free, relay_minutes
from scheduler.matching import Pool
from scheduler.need import Candidate, MatchRules, Need
from scheduler.plans.problem import NOBODY, Fixed, Ints, Limits, Prices, Problem
from scheduler.ranking import TENTHS

RELAY_BELOW = 6
"""Relay is a second way only where fewer people can work directly."""
WEEK_MINUTES = 1_200
"""Minutes of interpreting in a week, where a person's own limit is not known (policy)."""
LONG_REST_FROM = 60
"""A plan leaves a long break after pieces of so many minutes, so that pieces in a row do not owe more than was left."""
_BEST_QUALITY = 10
_SHIFT = 2**32
_ANY = datetime(2000, 1, 1, tzinfo=UTC)

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Ask:
    """One booking that wants somebody."""

    id: str
    need: Need
    """With ``at`` and ``minutes`` of the direct way."""
    weight: int = 1
    """How much more it matters than an ordinary one (M-10)."""
    way: Way = Way.DIRECT
    pivot: str | None = None
    """Of a relay; none: any language of M-9."""
    relay_too: bool = False
    """Whether a direct booking may become a relay (1.7 times as long) where few can do it directly."""
    own_pool: bool = False
    """Whether the step may not leave the country whatever gate is open."""
    declined: frozenset[str] = frozenset()
    """Who has said no to it."""


@dataclass(frozen=True)
class Held:
    """Work that stands already."""

    interpreter_id: str
    start: datetime
    minutes: int
    until: datetime | None = None
    """End of the break owed after it; none: as a plan would leave it."""
    case_id: str | None = None
    booking_id: str | None = None


@dataclass(frozen=True)
class Frame:
    """What a plan is made in."""

    origin: datetime
    """Begin of a Monday in ``zone``, as an aware instant."""
    zone: str = "Europe/Belgrade"
    limits: Limits = field(default_factory=Limits)
    prices: Prices = field(default_factory=Prices)
    week_minutes: Mapping[str, int] = field(default_factory=dict)
    earlier: Mapping[str, int] = field(default_factory=dict)
    """Minutes already worked that count for fair load."""
    rest: Callable[[int], timedelta] = lambda minutes: planned_rest(minutes)
    day_minutes: int = DAY_MINUTES
    """Most minutes of anybody on one day, whatever the profile says (S-8)."""
    days: int = 210


def monday_before(at: datetime, zone: str) -> datetime:
    """Midnight of the Monday of ``at``'s week in ``zone``."""
    local = at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (local - timedelta(days=local.weekday())).astimezone(ZoneInfo("UTC"))


def planned_rest(minutes: int) -> timedelta:
    """The break that a plan leaves after a piece of work; never shorter than the one that is owed for it (S-8)."""
    return LONG_BREAK if minutes >= LONG_REST_FROM else SHORT_BREAK


class PlanPool(Pool):
    """A pool whose people are looked at without the moment: what they have agreed and worked is the plan's business."""

    def options(self, need: Need, rules: MatchRules) -> tuple[Ints, Ints]:
        """Rows of everybody who may do this work, and what each costs in tenths (the best possible score is free)."""
        context = NeedContext.build(replace(need, on_demand=False, by_calendar=False), rules)
        ways, way_of = self._ways(context)
        rows = np.flatnonzero((self._masks(context, way_of) == 0) & self.facts["present"])
        score = self._points(context, rows, ways, way_of).sum(axis=1)
        weights = rules.weights
        return rows, (weights.base + weights.continuity + _BEST_QUALITY) * TENTHS - score


@dataclass
class _Legs:
    """Columns that grow."""

    way_booking: list[int] = field(default_factory=list)
    way_cost: list[int] = field(default_factory=list)
    way: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    start: list[int] = field(default_factory=list)
    minutes: list[int] = field(default_factory=list)
    until: list[int] = field(default_factory=list)
    rows: list[Ints] = field(default_factory=list)
    costs: list[Ints] = field(default_factory=list)


def prepare(
    asks: Sequence[Ask],
    candidates: Sequence[Candidate],
    rules: MatchRules,
    frame: Frame,
    *,
    free: Mapping[str, Sequence[Span]] | None = None,
    held: Sequence[Held] = (),
) -> Problem:
    """The problem of giving these bookings to these people. ``free`` per person, disjoint; none: everybody always."""
    people = [who.id for who in candidates]
    pool = PlanPool((replace(who, minutes_today=0, engagements=(), hours=None) for who in candidates), rules.languages)
    index = np.full(len(pool.people), NOBODY, dtype=np.int64)
    for place, who in enumerate(people):
        index[pool.row_of[who]] = place
    hours = FreeHours(people, free, frame.origin)
    legs = _Legs()
    answers = {True: _Answers(pool, replace(rules, gates=())), False: _Answers(pool, rules)}
    none = _ints(())

    def options(ask: Ask, need: Need, start: int) -> tuple[Ints, Ints]:
        if min(need.own_minutes, frame.limits.window) > frame.limits.window_most:
            return none, none  # too long for one person: nobody can be planned for it
        rows, costs = answers[ask.own_pool].options(need)
        who = index[rows]
        keep = hours.cover(who, start, start + need.minutes)
        if ask.declined:
            keep &= ~np.isin(who, [place for place, name in enumerate(people) if name in ask.declined])
        return who[keep], costs[keep]

    def add_way(booking: int, cost: int, need: Need, start: int, found: Sequence[tuple[Ints, Ints]]) -> None:
        legs.way_booking.append(booking)
        legs.way_cost.append(cost)
        for place, (who, costs) in enumerate(found, start=1):
            legs.way.append(len(legs.way_booking) - 1)
            legs.place.append(place)
            legs.start.append(start)
            legs.minutes.append(need.own_minutes)
            legs.until.append(start + need.minutes + int(frame.rest(need.own_minutes).total_seconds() // 60))
            legs.rows.append(who)
            legs.costs.append(costs)

    pivots: list[str] = []
    for booking, ask in enumerate(asks):
        start = minutes_since(frame.origin, ask.need.at)
        direct = options(ask, ask.need, start) if ask.way is Way.DIRECT else (none, none)
        if len(direct[0]):
            add_way(booking, 0, ask.need, start, [direct])
            pivots.append("")
        for way, need, through in _two_legs(ask, len(direct[0])):
            parts = [leg_need(need, way, through, leg) for leg in way.legs]
            first, second = (options(ask, part, start) for part in parts)
            first, second = _apart(first, second), _apart(second, first)
            if len(first[0]) and len(second[0]):
                add_way(booking, frame.prices.relay if way is Way.RELAY else 0, parts[0], start, [first, second])
                pivots.append(through or "")

    cases: dict[str, int] = {}
    case = _ints(cases.setdefault(ask.need.case_id, len(cases)) for ask in asks)
    place_of = {who: place for place, who in enumerate(people)}
    standing = [piece for piece in held if piece.interpreter_id in place_of]
    fixed = Fixed(
        person=_ints(place_of[piece.interpreter_id] for piece in standing),
        start=_ints(minutes_since(frame.origin, piece.start) for piece in standing),
        minutes=_ints(piece.minutes for piece in standing),
        until=_ints(
            _up(frame.origin, piece.until or piece.start + timedelta(minutes=piece.minutes) + frame.rest(piece.minutes))
            for piece in standing
        ),
        case=_ints(cases.get(piece.case_id or "", NOBODY) for piece in standing),
    )
    earlier = _ints(frame.earlier.get(who, 0) for who in people)
    sizes = [len(rows) for rows in legs.rows]
    opt_person = np.concatenate([*legs.rows, np.zeros(0, dtype=np.int64)])
    demand = sum(ask.need.minutes for ask in asks) + int(fixed.minutes.sum()) + int(earlier.sum())
    able = max(1, len(np.unique(opt_person)))
    return Problem(
        origin=frame.origin,
        bookings=[ask.id for ask in asks],
        people=people,
        weight=_ints(ask.weight * frame.prices.unassigned for ask in asks),
        case=case,
        way_booking=_ints(legs.way_booking),
        way_cost=_ints(legs.way_cost),
        leg_way=_ints(legs.way),
        leg_place=_ints(legs.place),
        leg_start=_ints(legs.start),
        leg_minutes=_ints(legs.minutes),
        leg_until=_ints(legs.until),
        opt_leg=np.repeat(np.arange(len(sizes)), sizes).astype(np.int64),
        opt_person=opt_person,
        opt_cost=np.concatenate([*legs.costs, np.zeros(0, dtype=np.int64)]),
        pivots=pivots,
        day_limit=_ints(min(who.max_minutes_day, frame.day_minutes) for who in candidates),
        week_limit=_ints(frame.week_minutes.get(who, WEEK_MINUTES) for who in people),
        earlier=earlier,
        marks=(demand // able, 3 * demand // (2 * able)),
        day_of=days(frame),
        fixed=fixed,
        limits=frame.limits,
        prices=frame.prices,
    )


def days(frame: Frame) -> Ints:
    """Start of each local day in minutes since the origin."""
    local = frame.origin.astimezone(ZoneInfo(frame.zone)).replace(tzinfo=None)
    zone = ZoneInfo(frame.zone)
    return _ints(
        minutes_since(frame.origin, (local + timedelta(days=day)).replace(tzinfo=zone)) for day in range(frame.days)
    )


def minutes_since(origin: datetime, at: datetime) -> int:
    """Whole minutes, rounded down."""
    return int((at.astimezone(origin.tzinfo) - origin).total_seconds() // 60)


class FreeHours:
    """When people are free, looked up for many at once."""

    def __init__(self, people: Sequence[str], free: Mapping[str, Sequence[Span]] | None, origin: datetime) -> None:
        """``free`` per person id: disjoint half-open spans."""
        self._always = free is None
        rows = [
            (place, _up(origin, start), minutes_since(origin, end))
            for place, who in enumerate(people)
            for start, end in sorted((free or {}).get(who, ()))
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 3)
        self._keys = table[:, 0] * _SHIFT + table[:, 1]
        self._person, self._end = table[:, 0], table[:, 2]

    def cover(self, who: Ints, start: int, end: int) -> NDArray[np.bool_]:
        """Who of ``who`` is free from start to end."""
        if self._always:
            return np.ones(len(who), dtype=np.bool_)
        if not len(self._keys):
            return np.zeros(len(who), dtype=np.bool_)
        at = np.searchsorted(self._keys, who * _SHIFT + start, side="right") - 1
        last = np.maximum(at, 0)
        return np.asarray((at >= 0) & (self._person[last] == who) & (self._end[last] >= end))


def _up(origin: datetime, at: datetime) -> int:
    return -minutes_since(at, origin)


def _two_legs(ask: Ask, direct: int) -> list[tuple[Way, Need, str | None]]:
    """The ways of two people for a booking: the one that it has or, where few can do it directly, a relay (M-9)."""
    if ask.way is Way.TEAM:
        return [(Way.TEAM, ask.need, None)]
    need = ask.need
    if ask.way is Way.DIRECT:
        if not ask.relay_too or direct >= RELAY_BELOW or not (relay_free(need.stage) or need.relay_approval):
            return []
        need = replace(need, minutes=relay_minutes(need.minutes))
    through = (ask.pivot,) if ask.pivot is not None else PIVOTS
    return [(Way.RELAY, need, pivot) for pivot in through if pivot not in need.officer_languages]


def _apart(side: tuple[Ints, Ints], other: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """One side of a relay without the person who alone can do the other side: nobody does both."""
    if len(other[0]) != 1:
        return side
    keep = side[0] != other[0][0]
    return side[0][keep], side[1][keep]


class _Answers:
    """Who may do what, asked once for all bookings that differ only in things that change nobody's answer."""

    def __init__(self, pool: PlanPool, rules: MatchRules) -> None:
        self._pool, self._rules = pool, rules
        self._known: dict[tuple[Need, int, int], tuple[Ints, Ints]] = {}
        present = pool.facts["present"]
        papers = [pool.facts[name][present] for name in ("vetting", "nda", "conduct")]
        self._expiries = np.unique(np.concatenate(papers))
        gates = {epoch(at) for gate in rules.gates for at in (gate.valid_from, gate.valid_to) if at is not None}
        self._gates = _ints(sorted(gates))

    def options(self, need: Need) -> tuple[Ints, Ints]:
        single = (need.continuity_id, need.avoid, need.earlier_ids, need.complaint_ids, need.party_ids)
        if any(single) or self._pool.cases.has(need.case_id):
            return self._pool.options(need, self._rules)
        paper = int(np.searchsorted(self._expiries, epoch(need.ends), side="left"))
        gate = int(np.searchsorted(self._gates, epoch(need.at), side="right"))
        key = (replace(need, case_id="", at=_ANY, now=_ANY), paper, gate)
        if key not in self._known:
            self._known[key] = self._pool.options(need, self._rules)
        return self._known[key]


def _ints(values: object) -> Ints:
    return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload]
