"""Plans, repairs, replacements and group briefings in random histories: their operations, and the judge of what they leave.

Part of :mod:`tests.contracts.histories`. A plan is searched by its greedy part alone: histories are about what is stored and bound,
not about how good it is.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, select

from core.clock import new_id
from core.db.session import Database
from core.errors import NotFound
from core.jobs import LeaseLostError, LeaseStore
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER, Outcome
from records.models import Session
from scheduler.briefings.models import Briefing, BriefingAnswer, BriefingPost, Understood
from scheduler.briefings.posts import MOST_POSTS
from scheduler.briefings.service import NewBriefing, post_code
from scheduler.languages import load_languages
from scheduler.lifecycle import AssignmentState, BookingState
from scheduler.models import Assignment, Booking
from scheduler.plans.checker import check
from scheduler.plans.greedy import greedy
from scheduler.plans.models import CellState, Plan, PlanCell, PlanKind, PlanState
from scheduler.plans.problem import Problem
from scheduler.plans.runs import PlanRuns
from scheduler.plans.search import Outcome as Found
from scheduler.plans.search import Search
from scheduler.plans.source import Source
from scheduler.surge.rule import Switch
from scheduler.surge.states import ByHand, SurgeStates
from signaling import places
from tests.scheduler.world import COORDINATOR, OFFICER, SYSTEM, World, catalogue

LEASE = 2.0
"""Seconds after which another worker may go on with the search of one that was killed."""
AHEAD = timedelta(days=6)
POSTS = ("RS-PRESEVO", "RS-BELGRADE")
T = TypeVar("T")
Facts = dict[str, Any]
Move = tuple[int, str, Callable[[Facts], Awaitable[Facts]]]


class PlanMoves:
    """Operations of one worker."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        plans = world.services.plans
        self._runs = PlanRuns(Source(catalogue(), load_languages()), plans.service, improve=_at_once)
        self._leases = LeaseStore(world.database, new_id("worker"))
        self.moves: list[Move] = [
            (2, "plan", self._plan),
            (3, "search", self._search),
            (4, "approve", self._approve),
            (3, "repair", self._repair),
            (1, "reject", self._reject),
            (5, "begin", self._begin),
            (3, "replace", self._replace),
            (2, "finish", self._finish),
            (2, "brief", self._brief),
            (2, "post", self._post),
            (3, "word", self._word),
            (3, "told", self._told),
        ]

    async def _plan(self, facts: Facts) -> Facts:
        facts["invoke"]()
        async with self._world.database.unit(COORDINATOR) as uow:
            plan = await self._world.services.plans.service.ask(uow, "RS", uow.now, uow.now + AHEAD, seconds=1)
            return {"plan": plan.id}

    async def _search(self, facts: Facts) -> Facts:
        """What the leased job does, by whoever gets the lease."""
        lease = await self._leases.acquire("plans.search", LEASE)
        facts["invoke"]()
        if lease is None:
            raise NotFound("nothing_there")
        try:
            await self._runs.run(lease)
        except LeaseLostError:
            # another worker was quicker: it goes on
            raise NotFound("nothing_there") from None
        await self._leases.release(lease)
        return {}

    async def _approve(self, facts: Facts) -> Facts:
        plan_id = await self._a_plan(PlanState.PROPOSED, PlanState.APPROVED)
        facts["invoke"](plan=plan_id)
        approval = self._world.services.plans.approval
        done = await approval.approve(self._world.database, COORDINATOR, plan_id, budget=0.5)
        return {"plan": plan_id, "bound": done.bound, "remaining": done.remaining}

    async def _reject(self, facts: Facts) -> Facts:
        plan_id = await self._a_plan(PlanState.PROPOSED)
        facts["invoke"](plan=plan_id)
        async with self._world.database.unit(COORDINATOR) as uow:
            await self._world.services.plans.service.reject(uow, plan_id)
        return {"plan": plan_id}

    async def _repair(self, facts: Facts) -> Facts:
        """Somebody with agreed appointments drops out."""
        wanted = (
            select(Assignment.interpreter_id)
            .join(Booking, Booking.id == Assignment.booking_id)
            .where(
                Assignment.state == AssignmentState.ACTIVE,
                Booking.state == BookingState.ASSIGNED,
                Booking.kind != "now",
            )
        )
        async with self._world.database.read(SYSTEM) as unit:
            people = sorted(set(await unit.session.scalars(wanted)))
        who = self._chosen(people)
        facts["invoke"](who=who)
        async with self._world.database.unit(COORDINATOR) as uow:
            repairs = self._world.services.plans.repairs
            plans = await repairs.propose(uow, "RS", [who], uow.now, uow.now + AHEAD)
            return {"plans": [plan.id for plan in plans], "who": who}

    async def _begin(self, facts: Facts) -> Facts:
        """Officer and interpreters come, and the talk begins."""
        booking = await self._a_booking(BookingState.ASSIGNED, Booking.kind == "now")
        session_id = str(booking.session_id)
        facts["invoke"](booking=booking.id)
        for part in ("officer", "interpreter"):
            try:
                await self._world.enter(session_id, part)
            except AssertionError:
                # given back meanwhile: there is no such place any more
                raise NotFound("nothing_there") from None
        async with self._world.database.unit(SYSTEM) as uow:
            await self._world.services.conduct.start(uow, session_id)
        return {"booking": booking.id, "session": session_id}

    async def _replace(self, facts: Facts) -> Facts:
        booking = await self._a_booking(BookingState.IN_SESSION)
        session_id = str(booking.session_id)
        facts["invoke"](booking=booking.id)
        async with self._world.database.unit(SYSTEM) as uow:
            await self._world.services.conduct.replace(uow, booking.id)
        return {"booking": booking.id, "session": session_id}

    async def _finish(self, facts: Facts) -> Facts:
        booking = await self._a_booking(BookingState.IN_SESSION)
        session_id = str(booking.session_id)
        facts["invoke"](booking=booking.id)
        async with self._world.database.unit(SYSTEM) as uow:
            await self._world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
        return {"booking": booking.id, "session": session_id}

    async def _brief(self, facts: Facts) -> Facts:
        posts = [self._dice.choice(POSTS) for _ in range(self._dice.randint(1, 4))]
        facts["invoke"](posts=len(posts))
        new = NewBriefing("RS-ID-10", "pbt", "srp", POSTS[0], posts)
        async with self._world.database.unit(OFFICER) as uow:
            briefing = await self._world.services.briefings.start(uow, new)
            return {"briefing": briefing.id, "booking": briefing.booking_id, "posts": len(posts)}

    async def _post(self, facts: Facts) -> Facts:
        """One more post; where there is a room, it comes in."""
        briefing = await self._a_briefing()
        facts["invoke"](briefing=briefing.id)
        async with self._world.database.unit(OFFICER) as uow:
            post = await self._world.services.briefings.add_post(uow, briefing.id, self._dice.choice(POSTS))
            booking = await uow.session.get_one(Booking, briefing.booking_id)
            if booking.session_id is not None:
                post.place_id = (await places.invite(uow, booking.session_id, "listener")).id
                await uow.flush()
            return {"briefing": briefing.id, "post": post.id}

    async def _word(self, facts: Facts) -> Facts:
        briefing = await self._a_briefing()
        post = await self._a_post(briefing.id)
        facts["invoke"](briefing=briefing.id, post=post.id)
        async with self._world.database.unit(OFFICER) as uow:
            await self._world.services.briefings.give_word(uow, briefing.id, post.id)
        return {"post": post.id}

    async def _told(self, facts: Facts) -> Facts:
        briefing = await self._a_briefing()
        post = await self._a_post(briefing.id)
        group, people = self._dice.randint(1, 3), self._dice.randint(1, 999)
        facts["invoke"](post=post.id, group=group, people=people)
        async with self._world.database.unit(OFFICER) as uow:
            row = await uow.session.get_one(BriefingPost, post.id)
            answer = self._dice.choice(list(Understood))
            await self._world.services.briefings.told(uow, row, group=group, people=people, answer=answer)
        return {"post": post.id, "group": group}

    def _chosen(self, found: Sequence[T]) -> T:
        if not found:
            raise NotFound("nothing_there")
        return self._dice.choice(found)

    async def _a_plan(self, *states: PlanState) -> str:
        wanted = select(Plan.id).where(Plan.state.in_(states)).order_by(Plan.version.desc()).limit(4)
        async with self._world.database.read(SYSTEM) as unit:
            return self._chosen((await unit.session.scalars(wanted)).all())

    async def _a_booking(self, state: BookingState, *more: ColumnElement[bool]) -> Booking:
        wanted = select(Booking).where(Booking.state == state, Booking.session_id.is_not(None), *more)
        async with self._world.database.read(SYSTEM) as unit:
            rows = await unit.session.scalars(wanted.order_by(Booking.id.desc()).limit(40))
            return self._chosen(rows.all())

    async def _a_briefing(self) -> Briefing:
        async with self._world.database.read(SYSTEM) as unit:
            rows = await unit.session.scalars(select(Briefing).order_by(Briefing.id.desc()).limit(6))
            return self._chosen(rows.all())

    async def _a_post(self, briefing_id: str) -> BriefingPost:
        async with self._world.database.read(SYSTEM) as unit:
            rows = await unit.session.scalars(select(BriefingPost).where(BriefingPost.briefing_id == briefing_id))
            return self._chosen(rows.all())


def _at_once(problem: Problem, settings: Search, **_: Any) -> Found:
    chosen = greedy(problem)
    return Found(chosen, check(problem, chosen), 0.0, 0.0, optimal=False)


async def open_briefings(database: Database) -> None:
    """The surge state that allows them (R-7)."""
    async with database.unit(SYSTEM) as uow:
        wish = ByHand(reason="many at the border", switches={Switch.GROUP_BRIEFING: True})
        await SurgeStates().set_by_hand(uow, "RS", wish)


# The judge


@dataclass
class Left:
    """What is left in the database."""

    plans: Mapping[str, Plan] = field(default_factory=dict)
    cells: Sequence[PlanCell] = ()
    sessions: Mapping[str, Session] = field(default_factory=dict)
    briefings: Mapping[str, Briefing] = field(default_factory=dict)
    posts: Sequence[BriefingPost] = ()
    answers: Sequence[BriefingAnswer] = ()
    told: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """By session what its log says that posts said of their groups, in order."""


async def left(world: World) -> Left:
    """Read it."""
    async with world.database.read(SYSTEM) as unit:
        session = unit.session
        sessions = {row.id: row for row in await session.scalars(select(Session))}
        briefings = {row.id: row for row in await session.scalars(select(Briefing))}
        rooms = await session.scalars(
            select(Booking.session_id).where(Booking.briefing_id.is_not(None), Booking.session_id.is_not(None))
        )
        told: dict[str, list[Mapping[str, Any]]] = {}
        for room in rooms.all():
            entries = await world.log.entries(unit, str(room))
            told[str(room)] = [entry["data"] for entry in entries if entry["kind"] == EntryKind.TOLD]
        return Left(
            plans={row.id: row for row in await session.scalars(select(Plan))},
            cells=list(await session.scalars(select(PlanCell))),
            sessions=sessions,
            briefings=briefings,
            posts=list(await session.scalars(select(BriefingPost))),
            answers=list(await session.scalars(select(BriefingAnswer))),
            told=told,
        )


def plans(found: Left, work: Iterable[Assignment]) -> list[str]:
    """A bound cell is agreed work (whatever came of it later); a repair is bound as a whole or not at all; one draft at a time."""
    made = {(row.booking_id, row.leg, row.interpreter_id) for row in work}
    wrong = []
    of: dict[str, list[PlanCell]] = defaultdict(list)
    for cell in found.cells:
        of[cell.plan_id].append(cell)
        if cell.state is CellState.BOUND and cell.interpreter_id is not None:
            if (cell.booking_id, cell.leg, cell.interpreter_id) not in made:
                wrong.append(f"{cell.plan_id}: {cell.booking_id} leg {cell.leg} is bound, and nobody was agreed")
            if found.plans[cell.plan_id].state is not PlanState.APPROVED:
                wrong.append(f"{cell.plan_id} is {found.plans[cell.plan_id].state.value} and has bound cells")
    for plan in found.plans.values():
        states = {cell.state for cell in of[plan.id]}
        if plan.kind is PlanKind.REPAIR and CellState.BOUND in states and len(states) > 1:
            wrong.append(f"{plan.id}: half a repair is bound")
        if plan.failure is not None and plan.failure != "plan_stale":
            wrong.append(f"{plan.id} failed: {plan.failure}")
    drafts = Counter(plan.country for plan in found.plans.values() if plan.state is PlanState.DRAFT)
    return wrong + [f"{country}: {count} drafts at once" for country, count in drafts.items() if count > 1]


def rooms(found: Left, bookings: Mapping[str, Booking]) -> list[str]:
    """A talk and its booking end together, and no two bookings have one session, replacements or not."""
    used = Counter(row.session_id for row in bookings.values() if row.session_id is not None)
    wrong = [f"{session}: {count} bookings" for session, count in used.items() if count > 1]
    for booking in bookings.values():
        if booking.session_id is None:
            continue
        session = found.sessions.get(booking.session_id)
        if session is None:
            wrong.append(f"{booking.id}: its session is gone")
        elif booking.state is BookingState.IN_SESSION and session.state in SESSION_OVER:
            wrong.append(f"{booking.id} goes on in a session that is {session.state.value}")
    return wrong


def briefings(found: Left, bookings: Mapping[str, Booking]) -> list[str]:
    """Posts are counted from 1 without a gap, one at a time has the word, and what posts said stands in the log."""
    wrong = []
    posts: dict[str, list[BriefingPost]] = defaultdict(list)
    for post in found.posts:
        posts[post.briefing_id].append(post)
    for briefing in found.briefings.values():
        booking = bookings.get(briefing.booking_id)
        if booking is None or booking.briefing_id != briefing.id:
            wrong.append(f"{briefing.id} has no booking")
            continue
        mine = posts[briefing.id]
        if sorted(post.nr for post in mine) != list(range(1, len(mine) + 1)) or not 1 <= len(mine) <= MOST_POSTS:
            wrong.append(f"{briefing.id}: posts {sorted(post.nr for post in mine)}")
        if sum(post.word_at is not None for post in mine) > 1:
            wrong.append(f"{briefing.id}: several posts have the word")
        last = {(data["post"], data["group"]): data for data in found.told.get(str(booking.session_id), ())}
        stored = {
            (post_code(post), row.group_no): (row.people, row.answer.value)
            for post in mine
            for row in found.answers
            if row.post_id == post.id
        }
        if stored != {key: (data["people"], data["answer"]) for key, data in last.items()}:
            wrong.append(f"{briefing.id}: its log tells something else than its posts")
    alone = [
        row.id for row in bookings.values() if row.briefing_id is not None and row.briefing_id not in found.briefings
    ]
    return wrong + [f"{booking_id}: its briefing is gone" for booking_id in alone]


def kept(
    history: Sequence[Mapping[str, Any]], found: Left, bookings: Mapping[str, Booking], work: Sequence[Assignment]
) -> list[str]:
    """Nothing that was acknowledged is lost."""
    return [
        f"{line['op']} {line['kind']} was acknowledged and is lost: {dict(line)}"
        for line in history
        if line["phase"] == "ok" and line["kind"] in _KEPT and not _KEPT[line["kind"]](line, found, bookings, work)
    ]


Judge = Callable[[Mapping[str, Any], Left, Mapping[str, Booking], Sequence[Assignment]], bool]


def _approved(line: Mapping[str, Any], found: Left, *_: object) -> bool:
    mine = [cell for cell in found.cells if cell.plan_id == line["plan"] and cell.interpreter_id is not None]
    bound = {cell.booking_id for cell in mine if cell.state is CellState.BOUND}
    waits = any(cell.state is CellState.PROPOSED for cell in mine)
    plan = found.plans[line["plan"]]
    decided = plan.state in (PlanState.APPROVED, PlanState.STALE)
    stale = plan.state is PlanState.STALE
    return decided and len(bound) >= line["bound"] and (line["remaining"] > 0 or stale or not waits)


def _replaced(line: Mapping[str, Any], _: Left, bookings: Mapping[str, Booking], work: Sequence[Assignment]) -> bool:
    mine = [row for row in work if row.booking_id == line["booking"]]
    ended = any(row.state in (AssignmentState.BROKEN, AssignmentState.RELEASED) for row in mine)
    return ended and bookings[line["booking"]].session_id == line["session"]


def _finished(line: Mapping[str, Any], found: Left, bookings: Mapping[str, Booking], _: Sequence[Assignment]) -> bool:
    over = found.sessions[line["session"]].state in SESSION_OVER
    return over and bookings[line["booking"]].state is not BookingState.IN_SESSION


def _briefed(line: Mapping[str, Any], found: Left, *_: object) -> bool:
    there = found.briefings.get(line["briefing"])
    posts = sum(post.briefing_id == line["briefing"] for post in found.posts)
    return there is not None and there.booking_id == line["booking"] and posts >= line["posts"]


_KEPT: dict[str, Judge] = {
    "plan": lambda line, found, *_: line["plan"] in found.plans,
    "approve": _approved,
    "reject": lambda line, found, *_: found.plans[line["plan"]].state is PlanState.REJECTED,
    "repair": lambda line, found, *_: all(
        plan in found.plans and found.plans[plan].absent_id == line["who"] for plan in line["plans"]
    ),
    "begin": lambda line, found, *_: found.sessions[line["session"]].active_at is not None,
    "replace": _replaced,
    "finish": _finished,
    "brief": _briefed,
    "post": lambda line, found, *_: any(post.id == line["post"] for post in found.posts),
    "told": lambda line, found, *_: any(
        (row.post_id, row.group_no) == (line["post"], line["group"]) for row in found.answers
    ),
}
KINDS = frozenset({*_KEPT, "search", "word"})
"""Operations that are judged here."""
