"""The surge state of each country as stored: what it is now, how a reading or a coordinator changes it, and its story.

The rule is in ``rule``; where readings come from is in ``readings``. Every change is one row of ``surge_changes``, an audit
entry and an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from records.audit import AuditTrail
from scheduler.surge.models import SurgeChange, SurgeRow
from scheduler.surge.rule import Decision, Reading, Standing, SurgePolicy, SurgeState, Switch, decide, effects_of

SURGE_CHANGED = "surge.changed"
"""State, multiplier or switches of a country changed: ``{country, state, multiplier, switches}``."""
LONGEST_HOLD = timedelta(hours=24)
MULTIPLIER_LEAST, MULTIPLIER_MOST = 0.1, 100.0
_REASON_MOST = 400


@dataclass(frozen=True)
class SurgeNow:
    """How a country stands: what the ring, bookings and the board ask for."""

    country: str
    state: SurgeState
    since: datetime | None
    """None: nothing was ever read or set here."""
    multiplier: float
    switches: frozenset[Switch]
    """Those that are on."""
    held_until: datetime | None
    """Until then a person holds the state."""

    def is_on(self, switch: Switch) -> bool:
        """Whether an effect is on now, such as ``Switch.PARTNER_LIST``."""
        return switch in self.switches


class SurgeView(TypedDict):
    """The state as screens show it (docs/protocol.md)."""

    country: str
    state: str
    since: datetime | None
    multiplier: float
    switches: dict[str, bool]
    by_hand: list[str]
    """Names of the switches that a person has set."""
    held_until: datetime | None
    reading: dict[str, Any] | None
    read_at: datetime | None
    calm_since: datetime | None


class ChangeView(TypedDict):
    """One change."""

    at: datetime
    before: str
    after: str
    by_hand: bool
    actor_code: str
    reason: str
    multiplier: float
    switches: dict[str, bool]
    reading: dict[str, Any]


@dataclass(frozen=True)
class ByHand:
    """What a coordinator sets. None leaves a thing as it is."""

    reason: str
    state: SurgeState | None = None
    hold: timedelta | None = None
    """How long the rule leaves the state alone; needed with ``state``."""
    release: bool = False
    """Give the state back to the rule."""
    multiplier: float | None = None
    switches: Mapping[Switch, bool | None] | None = None
    """None as a value: as the state says."""


class SurgeStates:
    """Reads and changes the states. Writers hold the row of the country."""

    def __init__(self, policies: Mapping[str, SurgePolicy] | None = None, audit: AuditTrail | None = None) -> None:
        self._policies = dict(policies or {})
        self._audit = audit or AuditTrail()

    async def current(self, unit: ReadUnit, country: str) -> SurgeNow:
        """How ``country`` stands; GREEN with multiplier 1 where nothing was ever stored."""
        row = await unit.session.get(SurgeRow, country)
        return _now(country, row)

    async def view(self, unit: ReadUnit, country: str) -> SurgeView:
        """The same for screens, with the latest reading."""
        row = await unit.session.get(SurgeRow, country)
        now = _now(country, row)
        return SurgeView(
            country=country,
            state=now.state.value,
            since=now.since,
            multiplier=now.multiplier,
            switches={switch.value: now.is_on(switch) for switch in Switch},
            by_hand=sorted(row.switches) if row is not None else [],
            held_until=now.held_until if now.held_until is not None and now.held_until > unit.now else None,
            reading=dict(row.reading) if row is not None and row.read_at is not None else None,
            read_at=row.read_at if row is not None else None,
            calm_since=row.calm_since if row is not None else None,
        )

    async def story(self, unit: ReadUnit, country: str, *, since: datetime, most: int = 100) -> list[ChangeView]:
        """Changes since then, newest first."""
        rows = await unit.session.scalars(
            select(SurgeChange)
            .where(SurgeChange.country == country, SurgeChange.at >= since)
            .order_by(SurgeChange.at.desc(), SurgeChange.id.desc())
            .limit(most)
        )
        return [
            ChangeView(
                at=row.at,
                before=row.before.value,
                after=row.after.value,
                by_hand=row.by_hand,
                actor_code=row.actor_code,
                reason=row.reason,
                multiplier=row.multiplier,
                switches=dict(row.switches),
                reading=dict(row.reading),
            )
            for row in rows
        ]

    async def hours_in_state(
        self, unit: ReadUnit, country: str, *, start: datetime, end: datetime
    ) -> dict[SurgeState, float]:
        """Hours spent in each state within [start, end): indicator I-17."""
        rows: Sequence[Any] = (
            await unit.session.execute(
                select(SurgeChange.at, SurgeChange.after)
                .where(SurgeChange.country == country, SurgeChange.at < end)
                .order_by(SurgeChange.at, SurgeChange.id)
            )
        ).all()
        return hours_of([(row.at, row.after) for row in rows], start, min(end, unit.now))

    async def take(self, uow: UnitOfWork, country: str, reading: Reading) -> SurgeNow:
        """Store a reading and follow the rule, unless a person holds the state."""
        row = await self._locked(uow, country)
        held = row.held_until is not None and row.held_until > uow.now
        if not held:
            row.held_until = None
            found: Decision = decide(
                Standing(row.state, row.calm_since), reading, self._policies.get(country, SurgePolicy())
            )
            row.calm_since = found.standing.calm_since
            if found.state is not row.state:
                self._change(uow, row, found.state, reading.as_json(), reason=found.cause.value, by_hand=False)
        row.reading, row.read_at = reading.as_json(), uow.now
        await uow.flush()
        return _now(country, row)

    async def set_by_hand(self, uow: UnitOfWork, country: str, wish: ByHand) -> SurgeNow:
        """A coordinator sets state, multiplier or switches, with a reason.

        Raises ``Invalid``: ``reason_missing``, ``hold_wrong`` (hours), ``multiplier_wrong`` (least, most), ``nothing_to_change``.
        """
        reason = wish.reason.strip()[:_REASON_MOST]
        if len(reason) < 3:
            raise Invalid("reason_missing")
        if wish.state is not None and (wish.hold is None or not timedelta(0) < wish.hold <= LONGEST_HOLD):
            raise Invalid("hold_wrong", {"hours": int(LONGEST_HOLD.total_seconds() // 3600)})
        if wish.multiplier is not None and not MULTIPLIER_LEAST <= wish.multiplier <= MULTIPLIER_MOST:
            raise Invalid("multiplier_wrong", {"least": f"{MULTIPLIER_LEAST:g}", "most": f"{MULTIPLIER_MOST:g}"})
        if wish.state is None and not wish.release and wish.multiplier is None and not wish.switches:
            raise Invalid("nothing_to_change")
        row = await self._locked(uow, country)
        state = row.state
        if wish.release:
            row.held_until = None
        if wish.state is not None and wish.hold is not None:
            state, row.held_until, row.calm_since = wish.state, uow.now + wish.hold, None
        if wish.multiplier is not None:
            row.multiplier = wish.multiplier
        if wish.switches:
            kept = dict(row.switches)
            for switch, on in wish.switches.items():
                kept.pop(switch.value, None)
                if on is not None:
                    kept[switch.value] = on
            row.switches = kept
        self._change(uow, row, state, dict(row.reading), reason=reason, by_hand=True)
        await uow.flush()
        return _now(country, row)

    def _change(
        self, uow: UnitOfWork, row: SurgeRow, after: SurgeState, reading: dict[str, Any], *, reason: str, by_hand: bool
    ) -> None:
        before = row.state
        if after is not before:
            row.state, row.since = after, uow.now
        now = _now(row.country, row)
        switches = {switch.value: now.is_on(switch) for switch in Switch}
        uow.session.add(
            SurgeChange(
                id=new_id("surge"),
                country=row.country,
                at=uow.now,
                before=before,
                after=after,
                by_hand=by_hand,
                actor_code=uow.actor.code,
                reason=reason,
                multiplier=row.multiplier,
                switches=switches,
                reading=reading,
            )
        )
        data: dict[str, str | int] = {
            "before": before.value,
            "after": after.value,
            "multiplier": f"{row.multiplier:.2f}",
        }
        self._audit.record(
            uow, "surge.changed", row.country, country=row.country, purpose="coordination", data={**data, **switches}
        )
        body = {"country": row.country, "state": after.value, "multiplier": row.multiplier, "switches": switches}
        uow.emit(SURGE_CHANGED, body, country=row.country)

    async def _locked(self, uow: UnitOfWork, country: str) -> SurgeRow:
        make = postgresql.insert if uow.dialect == "postgresql" else sqlite.insert
        fresh = {
            "country": country,
            "state": SurgeState.GREEN,
            "since": uow.now,
            "multiplier": 1.0,
            "switches": {},
            "reading": {},
            "version": 1,
        }
        await uow.session.execute(make(SurgeRow).values(fresh).on_conflict_do_nothing())
        found: SurgeRow = await uow.session.get_one(SurgeRow, country, with_for_update=True, populate_existing=True)
        return found


def hours_of(changes: Sequence[tuple[datetime, SurgeState]], start: datetime, end: datetime) -> dict[SurgeState, float]:
    """Hours in each state within [start, end), from changes in order of time; GREEN before the first. Pure."""
    hours = dict.fromkeys(SurgeState, 0.0)
    state, since = SurgeState.GREEN, start
    for at, after in [*changes, (end, SurgeState.GREEN)]:
        until = min(max(at, start), max(end, start))
        hours[state] += (until - since).total_seconds() / 3600
        state, since = after, until
    return hours


def _now(country: str, row: SurgeRow | None) -> SurgeNow:
    if row is None:
        return SurgeNow(country, SurgeState.GREEN, None, 1.0, frozenset(), None)
    return SurgeNow(country, row.state, row.since, row.multiplier, effects_of(row.state, row.switches), row.held_until)
