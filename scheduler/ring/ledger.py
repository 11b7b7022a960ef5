"""What interpreters can read of their own turns: minutes against the target, and why they were rung or not.

Rows name no case and nobody else. They are kept for two months.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import Integer, cast, delete, func, insert, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from scheduler.lifecycle import OfferState
from scheduler.models import Booking, Interpreter, Offer
from scheduler.ring.fairness import Because, Placed, Share, shares_of
from scheduler.ring.history import standings
from scheduler.ring.models import RingPlace, Standing
from scheduler.ring.policy import Policies

KEPT_FOR = timedelta(days=62)
NOTED_BEYOND = 12
"""So many of those who were not rung learn their place too; whoever stood further back was not close to a turn."""
WEEK = timedelta(days=7)
TALK_PERCENT, TALK_FROM = 40, 5
"""Share of declines in a week, of at least so many rings, from which a coordinator is told (M-11). No sanction follows."""
_MOST = 60


class TurnView(TypedDict):
    """One round in which somebody could have been rung."""

    at: datetime
    rung: str
    language: str
    country: str
    place: int
    of: int
    width: int
    chosen: bool
    because: str
    idle_min: int | None
    share_permille: int
    answer: str | None
    """State of the own offer, if one was sent."""


class LedgerView(TypedDict):
    """The own month and the latest turns."""

    minutes: int
    credit: int
    target: int
    share_permille: int
    rung_week: int
    accepted_week: int
    declined_week: int
    turns: list[TurnView]


class MonthView(TypedDict):
    """Somebody's minutes of this month, for whoever agrees on the target with them."""

    minutes: int
    credit: int
    target: int
    agreed: int | None
    """None: the country's usual target counts."""
    usual: int


class TalkNote(TypedDict):
    """Somebody who declined much this week; for a talk, nothing else."""

    interpreter_id: str
    code: str
    rings: int
    declines: int


class Ledger:
    """Writes places, tells them."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def note(
        self, uow: UnitOfWork, booking: Booking, rung: str, order: Sequence[Placed], chosen: Sequence[str]
    ) -> None:
        """Store where those stood who were rung in this round and the next few who were not. ``order`` has who fits."""
        picked = set(chosen)
        taken = [one for one in order if one.match.candidate.id in picked]
        left = [one for one in order if one.match.candidate.id not in picked]
        rows = [
            {
                "id": new_id("place"),
                "country": booking.country,
                "booking_id": booking.id,
                "round": booking.round,
                "interpreter_id": one.match.candidate.id,
                "at": uow.now,
                "rung": rung,
                "language": booking.language,
                "place": place,
                "of": len(order),
                "width": len(taken),
                "chosen": one.match.candidate.id in picked,
                "because": _because(one, taken, left),
                "score": one.match.score,
                "idle_min": _idle_minutes(one, uow.now),
                "share_permille": one.key.share,
            }
            for place, one in enumerate((*taken, *left[:NOTED_BEYOND]), start=1)
        ]
        if not rows:
            return
        # A ring that was widened notes some people a second time in the same round: the later place counts.
        await uow.session.execute(
            delete(RingPlace)
            .where(
                RingPlace.booking_id == booking.id,
                RingPlace.round == booking.round,
                RingPlace.interpreter_id.in_([row["interpreter_id"] for row in rows]),
            )
            .execution_options(synchronize_session=False)
        )
        await uow.session.execute(insert(RingPlace), rows)

    async def of(self, unit: ReadUnit, interpreter_id: str, country: str) -> LedgerView:
        """What one interpreter may read of themselves."""
        policy = await self._policies.of(unit, country)
        share = (await shares_of(unit, [interpreter_id], policy.month_target_minutes)).get(
            interpreter_id, Share(0, 0, policy.month_target_minutes)
        )
        rows = await unit.session.execute(
            select(RingPlace, Offer.state)
            .outerjoin(
                Offer,
                (Offer.booking_id == RingPlace.booking_id)
                & (Offer.interpreter_id == RingPlace.interpreter_id)
                & (Offer.round == RingPlace.round),
            )
            .where(RingPlace.interpreter_id == interpreter_id, RingPlace.at > unit.now - WEEK)
            .order_by(RingPlace.at.desc(), RingPlace.id.desc())
        )
        turns = [_turn(place, state) for place, state in rows]
        rung = [turn for turn in turns if turn["chosen"]]
        return LedgerView(
            minutes=share.minutes,
            credit=share.credit,
            target=share.target,
            share_permille=share.permille,
            rung_week=len(rung),
            accepted_week=sum(turn["answer"] == OfferState.ACCEPTED.value for turn in rung),
            declined_week=sum(turn["answer"] == OfferState.DECLINED.value for turn in rung),
            turns=turns[:_MOST],
        )

    async def talks(self, unit: ReadUnit, countries: Sequence[str]) -> list[TalkNote]:
        """Who declined more than two fifths of a week's rings, most first (M-11)."""
        rings, declines = func.count(), func.sum(cast(Offer.state == OfferState.DECLINED, Integer))
        rows = await unit.session.execute(
            select(Interpreter.id, Interpreter.code, rings.label("rings"), declines.label("declines"))
            .select_from(RingPlace)
            .join(
                Offer,
                (Offer.booking_id == RingPlace.booking_id)
                & (Offer.interpreter_id == RingPlace.interpreter_id)
                & (Offer.round == RingPlace.round),
            )
            .join(Interpreter, Interpreter.id == RingPlace.interpreter_id)
            .where(RingPlace.at > unit.now - WEEK, RingPlace.chosen.is_(True), RingPlace.country.in_(list(countries)))
            .group_by(Interpreter.id, Interpreter.code)
            .having(rings >= TALK_FROM, declines * 100 > rings * TALK_PERCENT)
            .order_by(declines.desc(), Interpreter.code)
            .limit(50)
        )
        return [
            TalkNote(interpreter_id=row.id, code=row.code, rings=int(row.rings), declines=int(row.declines))
            for row in rows
        ]

    async def month(self, unit: ReadUnit, interpreter_id: str, country: str) -> MonthView:
        """The month of one interpreter who works in ``country``."""
        usual = (await self._policies.of(unit, country)).month_target_minutes
        share = (await shares_of(unit, [interpreter_id], usual)).get(interpreter_id, Share(0, 0, usual))
        agreed = await unit.session.scalar(select(Standing.target_min).where(Standing.interpreter_id == interpreter_id))
        return MonthView(minutes=share.minutes, credit=share.credit, target=share.target, agreed=agreed, usual=usual)

    async def set_target(self, uow: UnitOfWork, interpreter_id: str, target_min: int | None) -> None:
        """Agree on the minutes of a month; none: the country's usual ones."""
        (row,) = await standings(uow, [interpreter_id])
        row.target_min = target_min
        await uow.flush()

    async def forget_old(self, uow: UnitOfWork) -> None:
        """Delete rows that are older than two months."""
        await uow.session.execute(
            delete(RingPlace).where(RingPlace.at < uow.now - KEPT_FOR).execution_options(synchronize_session=False)
        )


def _because(one: Placed, taken: Sequence[Placed], left: Sequence[Placed]) -> str:
    """What decided: against the first who was not rung for those who were, against the last who was rung for the others."""
    if one in taken:
        return one.key.because(left[0].key).value if left else Because.SCORE.value
    return one.key.because(taken[-1].key).value if taken else Because.SCORE.value


def _idle_minutes(one: Placed, now: datetime) -> int | None:
    since = one.match.candidate.idle_since
    return None if since is None else max(0, int((now - since).total_seconds() // 60))


def _turn(place: RingPlace, state: OfferState | None) -> TurnView:
    return TurnView(
        at=place.at,
        rung=place.rung,
        language=place.language,
        country=place.country,
        place=place.place,
        of=place.of,
        width=place.width,
        chosen=place.chosen,
        because=place.because,
        idle_min=place.idle_min,
        share_permille=place.share_permille,
        answer=state.value if state is not None else None,
    )
