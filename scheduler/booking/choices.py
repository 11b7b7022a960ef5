"""The choice of people for an appointment: among all who could do it, those who are locked and asked again and then have it.

Nothing is agreed here; ``appointments`` binds whom it is given. The locks last until its transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import and_, select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import AppError, Conflict
from records.procedures import Catalogue
from scheduler.booking.slots import Openings, Plan, refuse
from scheduler.legs import RelayState, Way
from scheduler.lifecycle import OPEN, AssignmentState, BookingState
from scheduler.locks import hold_person
from scheduler.models import Assignment, Booking
from scheduler.need import MatchRules, Need
from scheduler.needs import need_from_json
from scheduler.ranking import Match
from scheduler.rounds import Rounds

_TRIED = 6
"""How many choices are locked and looked at again."""


class Choices:
    """Chooses who does an appointment, under the locks of those people."""

    def __init__(self, catalogue: Catalogue, rounds: Rounds) -> None:
        self._catalogue = catalogue
        self._rounds = rounds

    async def of(self, uow: UnitOfWork, booking: Booking, *, sure: bool) -> tuple[Plan, tuple[Match, ...]]:
        """Who could do the booking, and of them those who will, under their locks; an empty team if nobody is ``sure``."""
        need = await self.continued(uow, need_from_json(booking.need))
        rules = await self._rounds.rules(uow, booking.step_code)
        return await self._locked_choice(uow, booking, need, rules, sure=sure, prefer=_wanted(need))

    async def at_another_time(
        self, uow: UnitOfWork, booking: Booking, need: Need, *, prefer: Sequence[str]
    ) -> tuple[str | None, tuple[Match, ...]]:
        """Who will do the booking at the time of ``need``, under their locks, of them first whom ``prefer`` names; before them the
        third language of a relay.

        Raises ``Conflict``: ``slot_on_request`` if people would first have to be asked, ``slot_not_free`` (rule).
        """
        rules = await self._rounds.rules(uow, booking.step_code)
        plan, team = await self._locked_choice(uow, booking, need, rules, sure=True, prefer=prefer)
        if team:
            return plan.pivot, team
        # Who has agreed to the old time without stated hours is asked by nobody for the new one.
        if plan.is_open:
            raise Conflict("slot_on_request")
        openings = await self._openings(uow, booking, need, rules)
        raise refuse(openings, need.at)

    async def by_one(self, uow: UnitOfWork, booking: Booking, need: Need, who: str) -> Match:
        """This person for a direct booking at the time of ``need``, under their lock, whether or not they stated hours.

        Raises ``Conflict``: ``slot_on_request`` if only others could do it, ``slot_not_free`` (rule) if nobody could.
        """
        await hold_person(uow, who)
        rules = await self._rounds.rules(uow, booking.step_code)
        openings = await self._openings(uow, booking, need, rules)
        plan = openings.at(need.at)
        for (match,) in plan.teams():
            if match.candidate.id == who:
                return match
        raise Conflict("slot_on_request") if plan.is_open else refuse(openings, need.at)

    async def refusal(self, uow: UnitOfWork, booking: Booking) -> AppError:
        """Why nobody could do the booking: ``slot_not_free`` with the rule, to be raised."""
        need = need_from_json(booking.need)
        openings = await self._openings(uow, booking, need, await self._rounds.rules(uow, booking.step_code))
        return refuse(openings, need.at)

    async def continued(self, unit: ReadUnit, need: Need) -> Need:
        """With the interpreter who has agreed to another step of the same talk, if none has served one yet (M-6)."""
        if need.continuity_id is not None or not self._catalogue.step(need.step_code).continuity:
            return need
        codes = [step.code for step in self._catalogue.steps(need.country) if step.continuity]
        second = and_(
            Assignment.booking_id == Booking.id,
            Assignment.leg == 2,
            Assignment.state.in_((AssignmentState.HELD, AssignmentState.ACTIVE)),
        )
        planned = await unit.session.execute(
            select(Booking.interpreter_id, Assignment.interpreter_id)
            .outerjoin(Assignment, second)
            .where(
                Booking.case_id == need.case_id,
                Booking.step_code.in_(codes),
                Booking.state.in_(OPEN),
                Booking.interpreter_id.is_not(None),
            )
            .order_by(Booking.starts_at)
            .limit(1)
        )
        found = planned.first()
        return need if found is None else replace(need, continuity_id=found[0], continuity_second=found[1])

    async def _locked_choice(
        self,
        uow: UnitOfWork,
        booking: Booking,
        need: Need,
        rules: MatchRules,
        *,
        sure: bool,
        prefer: Sequence[str],
    ) -> tuple[Plan, tuple[Match, ...]]:
        plan = (await self._openings(uow, booking, need, rules)).at(need.at)
        teams = sorted(plan.teams(sure=sure), key=lambda team: -_kept(team, prefer))
        held = {match.candidate.id for team in islice(teams, _TRIED) for match in team}
        for person in sorted(held):
            await hold_person(uow, person)
        if not held:
            return plan, ()
        # Read anew: what others took before the locks were ours is seen now.
        again = (await self._openings(uow, booking, need, rules)).at(need.at)
        left = sorted(again.teams(sure=sure), key=lambda team: -_kept(team, prefer))
        ours = (team for team in left if {match.candidate.id for match in team} <= held)
        return again, next(ours, ())

    async def _openings(self, uow: UnitOfWork, booking: Booking, need: Need, rules: MatchRules) -> Openings:
        way, approved = Way(booking.way), booking.relay_state == RelayState.APPROVED
        pivot = booking.pivot if approved or booking.state is not BookingState.REQUESTED else None
        return await Openings.read(uow, need, rules, way, need.at, need.at, pivot=pivot, without=booking.id)


def _wanted(need: Need) -> list[str]:
    return [who for who in (need.continuity_id, need.continuity_second) if who is not None]


def _kept(team: Sequence[Match], prefer: Sequence[str]) -> int:
    """How many of a team are preferred: the same interpreter as before goes first (M-6), then the order of the ranking."""
    return sum(match.candidate.id in prefer for match in team)
