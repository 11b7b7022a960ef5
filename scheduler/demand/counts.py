"""Counts requests per country, language and half-hour out of the bookings, and keeps the bare counts.

Nothing but numbers is kept, so that a forecast can look further back than cases may be kept. A half-hour is counted once, when
it is over; the next count goes on where the last one ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.demand.models import DemandCount, DemandSpan
from scheduler.demand.slots import SLOT, ZONES, slot_start
from scheduler.lifecycle import BookingState
from scheduler.models import Booking

AT_ONCE = timedelta(days=31)
"""The most that one count takes on, so that its transaction stays short."""
_SECONDS = int(SLOT.total_seconds())
_BATCH = 500


@dataclass(frozen=True)
class Counted:
    """One half-hour of one language."""

    starts_at: datetime
    language: str
    arrivals: int
    scheduled: int = 0


@dataclass(frozen=True)
class Span:
    """What is counted so far."""

    counted_from: datetime
    counted_until: datetime


class DemandCounts:
    """Writes and reads the counts."""

    async def span(self, unit: ReadUnit, country: str) -> Span | None:
        """From when until when ``country`` is counted; none before the first count."""
        row = await unit.session.get(DemandSpan, country, populate_existing=True)
        return None if row is None else Span(row.counted_from, row.counted_until)

    async def count(self, uow: UnitOfWork, country: str) -> int:
        """Count the half-hours that are over since the last count; returns how many were taken.

        Only one caller at a time (the row of the span is the lock); the first count begins with the first booking.
        """
        until = slot_start(uow.now)
        row = await uow.session.get(DemandSpan, country, with_for_update=True)
        if row is None:
            first = await uow.session.scalar(select(func.min(Booking.requested_at)).where(Booking.country == country))
            begin = slot_start(min(first or until, until))
            row = DemandSpan(country=country, counted_from=begin, counted_until=begin)
            uow.session.add(row)
        begin = row.counted_until
        end = min(until, begin + AT_ONCE)
        if end <= begin:
            return 0
        await self._write(uow, country, await _counted(uow, country, begin, end))
        row.counted_until = end
        await uow.flush()
        return (end - begin) // SLOT

    async def take_over(
        self, uow: UnitOfWork, country: str, rows: Sequence[Counted], *, start: datetime, end: datetime
    ) -> None:
        """Counts of an earlier system for [start, end): they must end where the own counts begin, or before any were made.

        Raises ``Invalid('counts_overlap')``, ``Invalid('counts_outside')``.
        """
        start, end = slot_start(start), slot_start(end)
        row = await uow.session.get(DemandSpan, country, with_for_update=True)
        if any(not start <= one.starts_at < end or one.starts_at != slot_start(one.starts_at) for one in rows):
            raise Invalid("counts_outside")
        if row is None:
            uow.session.add(DemandSpan(country=country, counted_from=start, counted_until=end))
        elif end != row.counted_from:
            raise Invalid("counts_overlap")
        else:
            row.counted_from = start
        await self._write(uow, country, rows)
        await uow.flush()

    async def read(self, unit: ReadUnit, country: str, *, start: datetime, end: datetime) -> list[Counted]:
        """The counts of [start, end), in order of time; half-hours without a row had nothing."""
        rows = await unit.session.execute(
            select(DemandCount.starts_at, DemandCount.language, DemandCount.arrivals, DemandCount.scheduled)
            .where(DemandCount.country == country, DemandCount.starts_at >= start, DemandCount.starts_at < end)
            .order_by(DemandCount.starts_at, DemandCount.language)
        )
        return [Counted(row.starts_at, row.language, row.arrivals, row.scheduled) for row in rows]

    async def arrived(self, unit: ReadUnit, country: str, *, start: datetime, end: datetime) -> int:
        """Requests for now that were made in [start, end), from the bookings themselves: also those not counted yet."""
        found = await unit.session.scalar(
            select(func.count())
            .select_from(Booking)
            .where(
                Booking.country == country,
                Booking.kind == "now",
                Booking.requested_at >= start,
                Booking.requested_at < end,
            )
        )
        return int(found or 0)

    async def scheduled_ahead(
        self, unit: ReadUnit, country: str, *, start: datetime, end: datetime
    ) -> dict[datetime, float]:
        """Appointments that are agreed or asked for, by the half-hour in which they begin."""
        return {one.starts_at: float(one.scheduled) for one in _joined(await _appointments(unit, country, start, end))}

    async def _write(self, uow: UnitOfWork, country: str, rows: Iterable[Counted]) -> None:
        values: list[dict[str, Any]] = [
            {
                "country": country,
                "language": one.language,
                "starts_at": one.starts_at,
                "zone": ZONES[country],
                "arrivals": one.arrivals,
                "scheduled": one.scheduled,
            }
            for one in rows
            if one.arrivals or one.scheduled
        ]
        for begin in range(0, len(values), _BATCH):
            some = values[begin : begin + _BATCH]
            if uow.dialect == "postgresql":
                await uow.session.execute(postgresql.insert(DemandCount).values(some).on_conflict_do_nothing())
            else:
                await uow.session.execute(sqlite.insert(DemandCount).values(some).on_conflict_do_nothing())


async def _counted(unit: ReadUnit, country: str, start: datetime, end: datetime) -> list[Counted]:
    slot = _slot_number(Booking.requested_at, unit.dialect)
    arrived = await unit.session.execute(
        select(slot.label("slot"), Booking.language, func.count().label("many"))
        .where(
            Booking.country == country,
            Booking.kind == "now",
            Booking.requested_at >= start,
            Booking.requested_at < end,
        )
        .group_by(slot, Booking.language)
    )
    arrivals = [Counted(_instant(row.slot), row.language, row.many) for row in arrived]
    return _joined([*arrivals, *await _appointments(unit, country, start, end)], by_language=True)


async def _appointments(unit: ReadUnit, country: str, start: datetime, end: datetime) -> list[Counted]:
    slot = _slot_number(Booking.starts_at, unit.dialect)
    rows = await unit.session.execute(
        select(slot.label("slot"), Booking.language, func.count().label("many"))
        .where(
            Booking.country == country,
            Booking.kind != "now",
            Booking.state != BookingState.CANCELLED,
            Booking.starts_at >= start,
            Booking.starts_at < end,
        )
        .group_by(slot, Booking.language)
    )
    return [Counted(_instant(row.slot), row.language, 0, row.many) for row in rows]


def _joined(rows: Iterable[Counted], *, by_language: bool = False) -> list[Counted]:
    sums: dict[tuple[datetime, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        cell = sums[row.starts_at, row.language if by_language else ""]
        cell[0] += row.arrivals
        cell[1] += row.scheduled
    return [Counted(at, language, *values) for (at, language), values in sorted(sums.items())]


def _slot_number(column: Any, dialect: str) -> ColumnElement[int]:
    """Half-hours since 1970 of an instant column."""
    if dialect == "postgresql":
        number: ColumnElement[int] = cast(func.floor(func.extract("epoch", column) / _SECONDS), BigInteger)
        return number
    # Stored as microseconds since 1970; the division of whole numbers drops the rest.
    return func.floor(cast(column, BigInteger).op("/")(_SECONDS * 1_000_000), type_=BigInteger)


def _instant(slot: int) -> datetime:
    return datetime.fromtimestamp(int(slot) * _SECONDS, tz=UTC)
