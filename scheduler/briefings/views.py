"""What a briefing looks like to who leads it and to coordinators: posts, who is there, and what they say of their groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit
from records.models import Session, SessionParticipant
from scheduler.booking_views import RungView, rung_views
from scheduler.briefings.models import Briefing, BriefingAnswer, BriefingPost, Understood
from scheduler.briefings.service import post_code
from scheduler.lifecycle import BookingState
from scheduler.models import Booking, Interpreter

_STORY = timedelta(days=7)
_MOST = 50


class GroupView(TypedDict):
    """What a post said of one group."""

    group: int
    people: int
    answer: str
    at: datetime


class PostView(TypedDict):
    """A post that listens."""

    id: str
    nr: int
    site: str
    code: str
    linked: bool
    """A link was made for it."""
    state: str
    """``away``, ``present``, ``lost``: whether it is in the room."""
    word: bool
    """It may speak now."""
    groups: list[GroupView]


class ToldView(TypedDict):
    """Counts of people, never of persons: how many were told, and how their posts answered."""

    people: int
    yes: int
    no: int
    not_all: int
    posts_silent: int
    """Posts that have said nothing of any group yet."""


class BriefingView(TypedDict):
    """One briefing (docs/protocol.md)."""

    id: str
    booking_id: str
    session_id: str | None
    country: str
    site: str
    authority: str
    step_code: str
    language: str
    officer_language: str
    leader_code: str
    made_at: datetime
    state: str
    """``looking``, ``unfilled``, ``ready``, ``live``, ``over``, ``cancelled``."""
    interpreter_code: str | None
    rungs: list[RungView]
    posts: list[PostView]
    told: ToldView
    ended_at: datetime | None


_STATE = {
    BookingState.REQUESTED: "looking",
    BookingState.OFFERING: "looking",
    BookingState.UNFILLED: "unfilled",
    BookingState.HELD: "looking",
    BookingState.ASSIGNED: "ready",
    BookingState.IN_SESSION: "live",
    BookingState.FULFILLED: "over",
    BookingState.MISSED: "cancelled",
    BookingState.CANCELLED: "cancelled",
}


async def view(unit: ReadUnit, briefing: Briefing) -> BriefingView:
    """One briefing as it is now."""
    return (await _views(unit, [briefing]))[0]


async def recent(unit: ReadUnit, country: str, *, authority: str | None) -> list[BriefingView]:
    """Briefings of the last week in a country (of one authority, if given), newest first."""
    wanted = select(Briefing).where(Briefing.country == country, Briefing.made_at > unit.now - _STORY)
    if authority is not None:
        wanted = wanted.where(Briefing.authority == authority)
    rows = await unit.session.scalars(wanted.order_by(Briefing.made_at.desc(), Briefing.id).limit(_MOST))
    return await _views(unit, rows.all())


async def _views(unit: ReadUnit, briefings: Sequence[Briefing]) -> list[BriefingView]:
    ids = [one.id for one in briefings]
    bookings = {
        row.briefing_id: row for row in await unit.session.scalars(select(Booking).where(Booking.briefing_id.in_(ids)))
    }
    sessions = {
        row.id: row.ended_at
        for row in await unit.session.execute(
            select(Session.id, Session.ended_at).where(Session.id.in_([b.session_id for b in bookings.values()]))
        )
    }
    people = await unit.session.execute(
        select(Interpreter.id, Interpreter.code).where(
            Interpreter.id.in_([b.interpreter_id for b in bookings.values() if b.interpreter_id])
        )
    )
    codes = {row.id: row.code for row in people}
    posts = await _posts(unit, ids)
    found = []
    for one in briefings:
        booking = bookings[one.id]
        listening = posts[one.id]
        found.append(
            BriefingView(
                id=one.id,
                booking_id=one.booking_id,
                session_id=booking.session_id,
                country=one.country,
                site=one.site,
                authority=one.authority,
                step_code=one.step_code,
                language=one.language,
                officer_language=one.officer_language,
                leader_code=one.leader_code,
                made_at=one.made_at,
                state=_STATE[booking.state],
                interpreter_code=codes.get(booking.interpreter_id or ""),
                rungs=rung_views(booking),
                posts=listening,
                told=_told(listening),
                ended_at=sessions.get(booking.session_id or ""),
            )
        )
    return found


async def _posts(unit: ReadUnit, ids: Sequence[str]) -> dict[str, list[PostView]]:
    rows = (
        await unit.session.execute(
            select(BriefingPost, SessionParticipant.state, SessionParticipant.media_lost_at)
            .outerjoin(SessionParticipant, SessionParticipant.id == BriefingPost.place_id)
            .where(BriefingPost.briefing_id.in_(ids))
            .order_by(BriefingPost.nr)
        )
    ).all()
    groups: dict[str, list[GroupView]] = defaultdict(list)
    answers = await unit.session.scalars(
        select(BriefingAnswer)
        .where(BriefingAnswer.post_id.in_([row[0].id for row in rows]))
        .order_by(BriefingAnswer.group_no)
    )
    for answer in answers:
        groups[answer.post_id].append(
            GroupView(group=answer.group_no, people=answer.people, answer=answer.answer.value, at=answer.at)
        )
    found: dict[str, list[PostView]] = defaultdict(list)
    for post, state, media_lost_at in rows:
        here = state if state in ("present", "lost") else "away"
        found[post.briefing_id].append(
            PostView(
                id=post.id,
                nr=post.nr,
                site=post.site,
                code=post_code(post),
                linked=post.link_hash is not None,
                state="lost" if here == "present" and media_lost_at is not None else here,
                word=post.word_at is not None,
                groups=groups[post.id],
            )
        )
    return found


def _told(posts: Sequence[PostView]) -> ToldView:
    counts = dict.fromkeys(Understood, 0)
    for post in posts:
        for group in post["groups"]:
            counts[Understood(group["answer"])] += group["people"]
    return ToldView(
        people=sum(counts.values()),
        yes=counts[Understood.YES],
        no=counts[Understood.NO],
        not_all=counts[Understood.NOT_ALL],
        posts_silent=sum(not post["groups"] for post in posts),
    )
