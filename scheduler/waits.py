"""How long requests for now have really waited: the only basis of an expected time, and the numbers over the board."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from sqlalchemy import func, select

from core.db.session import ReadUnit
from records.procedures import Catalogue
from records.stages import Stage
from scheduler.ladder import ExpectedWait, WaitBasis, expected_wait
from scheduler.lifecycle import BookingState
from scheduler.models import Assignment, Booking, Presence

LOOK_BACK = timedelta(days=30)
MOST = 500
"""Newest requests that are looked at."""


class ExpectedView(TypedDict):
    """An honest expectation (docs/protocol.md, Outlook.expected)."""

    basis: str
    p50_s: int | None
    p90_s: int | None
    n: int


class BoardNumbers(TypedDict):
    """The line of numbers over the coordinator's board."""

    longest_wait_s: int
    typical_wait_s: int | None
    p90_wait_s: int | None
    n: int
    free_now: int
    live_now: int
    on_call: int
    """In an on-call window now."""


class Waits:
    """Measured waits from the request to the first acceptance."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def expected(self, unit: ReadUnit, *, language: str, stage: Stage | str, country: str) -> ExpectedView:
        """What past requests for now in this language and stage let us say. Basis ``none`` with fewer than five."""
        codes = [step.code for step in self._catalogue.steps(country) if step.stage == stage]
        found = expected_wait(await self._measured(unit, language=language, codes=codes, countries=[country]))
        return expected_view(found)

    async def board_numbers(self, unit: ReadUnit, *, countries: Sequence[str], on_call: int) -> BoardNumbers:
        """Waiting now, typical waits of the last 30 days, and how many are free and in a session."""
        oldest = await unit.session.scalar(
            select(func.min(Booking.requested_at)).where(
                Booking.kind == "now",
                Booking.state.in_([BookingState.REQUESTED, BookingState.OFFERING, BookingState.UNFILLED]),
                Booking.country.in_(countries),
            )
        )
        live = await unit.session.scalar(
            select(func.count())
            .select_from(Booking)
            .where(Booking.state == BookingState.IN_SESSION, Booking.country.in_(countries))
        )
        at_work = select(Assignment.interpreter_id).where(
            Assignment.state == "active", Assignment.starts_at <= unit.now
        )
        free = await unit.session.scalar(
            select(func.count())
            .select_from(Presence)
            .where(
                Presence.wanted == "available", Presence.seen_until > unit.now, Presence.interpreter_id.not_in(at_work)
            )
        )
        found = expected_wait(await self._measured(unit, language=None, codes=None, countries=countries))
        return BoardNumbers(
            longest_wait_s=int((unit.now - oldest).total_seconds()) if oldest else 0,
            typical_wait_s=found.median_seconds,
            p90_wait_s=found.p90_seconds,
            n=found.count,
            free_now=int(free or 0),
            live_now=int(live or 0),
            on_call=on_call,
        )

    async def _measured(
        self, unit: ReadUnit, *, language: str | None, codes: Sequence[str] | None, countries: Sequence[str]
    ) -> list[float]:
        """Seconds of each request; infinite for those that nobody took. Requests that were cancelled do not count."""
        wanted = (
            select(
                Booking.requested_at,
                Booking.state,
                func.min(Assignment.made_at).label("made_at"),
                func.min(Assignment.starts_at).label("starts_at"),
            )
            .outerjoin(Assignment, Assignment.booking_id == Booking.id)
            .where(
                Booking.requested_at > unit.now - LOOK_BACK,
                Booking.country.in_(countries),
                Booking.kind == "now",
            )
            .group_by(Booking.id, Booking.requested_at, Booking.state)
            .order_by(Booking.requested_at.desc())
            .limit(MOST)
        )
        if language is not None:
            wanted = wanted.where(Booking.language == language)
        if codes is not None:
            wanted = wanted.where(Booking.step_code.in_(codes))
        waits: list[float] = []
        for row in await unit.session.execute(wanted):
            if row.made_at is None:
                if row.state in (BookingState.MISSED, BookingState.UNFILLED):
                    waits.append(float("inf"))
            elif row.starts_at <= row.made_at:
                # Else it was an appointment first, which a replacement turned into a request for now.
                waits.append(max(0.0, (row.made_at - row.requested_at).total_seconds()))
        return waits


def expected_view(found: ExpectedWait) -> ExpectedView:
    """The shape of docs/protocol.md."""
    measured = found.basis is WaitBasis.MEASURED
    return ExpectedView(
        basis="measured" if measured else "none",
        p50_s=found.median_seconds,
        p90_s=found.p90_seconds,
        n=found.count,
    )
