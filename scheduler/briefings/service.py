"""BriefingService: information to groups at several posts at once, through one interpreter, while the surge state opens it (R-7).

It is rung and bound by the same engine as every request, with the needs of the step whose information is told. It is never an
interview: only steps that the catalogue marks may be told to groups, and no session of it belongs to a case.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound, Unauthenticated
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.lifecycle import SESSION_OVER
from records.models import Session
from records.procedures import Catalogue
from records.session_log import SessionLog
from records.sites import site_by_code
from scheduler.briefings.facts import group_facts
from scheduler.briefings.models import Briefing, BriefingAnswer, BriefingPost, Understood
from scheduler.briefings.posts import MOST_POSTS
from scheduler.languages import LanguageTable
from scheduler.lifecycle import OPEN, BookingMove, BookingState
from scheduler.locks import locked_booking
from scheduler.models import Booking, Interpreter
from scheduler.needs import build_need, priority_of, stored_need
from scheduler.rounds import Rounds
from scheduler.surge.rule import Switch
from scheduler.surge.states import SurgeStates
from scheduler.times import LONGEST_MINUTES, ZONES

MOST_GROUPS = 50
"""Groups that one post may tell of in one briefing."""
MOST_PEOPLE = 999
LINK_FOR = timedelta(hours=12)
"""For so long after the start a post's link is good, unless the briefing ends before."""


@dataclass(frozen=True)
class NewBriefing:
    """A briefing as its leader asks for it."""

    step_code: str
    language: str
    officer_language: str
    site: str
    """From where it is led."""
    posts: Sequence[str]
    """Sites of the posts that are to listen, one each; a site may stand there twice."""
    minutes: int | None = None
    """None: the catalogue's planning value."""


class BriefingService:
    """Briefings and their posts. Who may ask for what is policy."""

    def __init__(
        self,
        catalogue: Catalogue,
        table: LanguageTable,
        log: SessionLog,
        rounds: Rounds,
        surge: SurgeStates | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._table = table
        self._log = log
        self._rounds = rounds
        self._surge = surge or SurgeStates()

    async def start(self, uow: UnitOfWork, new: NewBriefing) -> Briefing:
        """Ask for an interpreter for a briefing that the actor leads; the first round rings in the same transaction.

        Raises ``Conflict``: ``briefing_not_open`` (the surge state does not allow it), ``step_not_for_groups``;
        ``Invalid``: ``site_unknown``, ``posts_wrong`` (most), ``language_unknown``, ``minutes_wrong`` (most).
        """
        site = await site_by_code(uow, new.site)
        if not (await self._surge.current(uow, site.country)).is_on(Switch.GROUP_BRIEFING):
            raise Conflict("briefing_not_open", {"country": site.country})
        step = next((one for one in self._catalogue.steps(site.country) if one.code == new.step_code), None)
        if step is None or not step.group_information:
            raise Conflict("step_not_for_groups", {"step": new.step_code[:16]})
        if not 1 <= len(new.posts) <= MOST_POSTS:
            raise Invalid("posts_wrong", {"most": MOST_POSTS})
        for code in set(new.posts):
            await self._own_site(uow, code, site.country)
        minutes = new.minutes or step.typical_minutes
        if not 1 <= minutes <= LONGEST_MINUTES:
            raise Invalid("minutes_wrong", {"most": LONGEST_MINUTES})
        briefing_id = new_id("briefing")
        facts = group_facts(
            self._catalogue,
            briefing_id=briefing_id,
            step_code=step.code,
            site=site.code,
            authority=site.authority,
            language=new.language if new.language not in self._table else self._table.canonical(new.language),
            led_by=uow.actor.id,
        )
        party = await uow.session.scalars(select(Interpreter.id).where(Interpreter.user_id == uow.actor.id))
        need = build_need(
            facts,
            language=new.language,
            officer_language=new.officer_language,
            now=uow.now,
            at=uow.now,
            minutes=minutes,
            on_demand=True,
            table=self._table,
            party_ids=frozenset(party),
        )
        booking = Booking(
            id=new_id("booking"),
            briefing_id=briefing_id,
            case_id=briefing_id,
            case_ref="",
            step_id=briefing_id,
            step_code=step.code,
            country=site.country,
            site=site.code,
            authority=site.authority,
            kind="now",
            language=facts.languages[0][0],
            officer_language=new.officer_language,
            need=stored_need(need, facts),
            priority=priority_of(facts, now=uow.now, booked=False).value,
            state=BookingState.REQUESTED,
            requested_by=uow.actor.id,
            requester_code=uow.actor.code,
            requested_at=uow.now,
            starts_at=uow.now,
            ends_at=uow.now + timedelta(minutes=minutes),
            zone=ZONES[site.country],
            round=0,
            rungs=[],
            callback=False,
            needs_coordinator=False,
            safety_only=False,
            version=1,
        )
        uow.session.add(booking)
        await uow.flush()
        briefing = Briefing(
            id=briefing_id,
            booking_id=booking.id,
            country=site.country,
            site=site.code,
            authority=site.authority,
            step_code=step.code,
            language=booking.language,
            officer_language=new.officer_language,
            led_by=uow.actor.id,
            leader_code=uow.actor.code,
            made_at=uow.now,
        )
        uow.session.add(briefing)
        await uow.flush()
        for nr, code in enumerate(new.posts, start=1):
            self._put_post(uow, briefing, nr, code)
        await uow.flush()
        await self._rounds.begin(uow, booking, BookingMove.SEARCH)
        return briefing

    async def get(self, unit: ReadUnit, briefing_id: str) -> Briefing:
        """The row. Raises ``NotFound('briefing_unknown')``."""
        found = await unit.session.get(Briefing, briefing_id, populate_existing=True)
        if found is None:
            raise NotFound("briefing_unknown")
        return found

    async def add_post(self, uow: UnitOfWork, briefing_id: str, site: str) -> BriefingPost:
        """One more post. Raises ``Conflict('briefing_over')``, ``Invalid``: ``site_unknown``, ``posts_wrong`` (most)."""
        briefing = await self._open(uow, briefing_id)
        await self._own_site(uow, site, briefing.country)
        last = await uow.session.scalar(
            select(func.max(BriefingPost.nr)).where(BriefingPost.briefing_id == briefing_id)
        )
        if (last or 0) >= MOST_POSTS:
            raise Invalid("posts_wrong", {"most": MOST_POSTS})
        post = self._put_post(uow, briefing, (last or 0) + 1, site)
        await uow.flush()
        return post

    async def new_link(self, uow: UnitOfWork, briefing_id: str, post_id: str) -> str:
        """The secret of a new link for a post; the one before opens nothing any more. Raises ``Conflict('briefing_over')``."""
        await self._open(uow, briefing_id)
        post = await self._post(uow, briefing_id, post_id)
        secret = secrets.token_urlsafe(24)
        post.link_hash = _digest(secret)
        await uow.flush()
        return secret

    async def by_link(self, unit: ReadUnit, secret: str) -> BriefingPost:
        """The post of a link. Raises ``Unauthenticated('token_invalid')`` for unknown and outdated ones alike."""
        row = (
            await unit.session.execute(
                select(BriefingPost, Briefing.made_at)
                .join(Briefing, Briefing.id == BriefingPost.briefing_id)
                .where(BriefingPost.link_hash == _digest(secret))
            )
        ).one_or_none()
        if row is None or unit.now > row[1] + LINK_FOR:
            raise Unauthenticated("token_invalid")
        post: BriefingPost = row[0]
        return post

    async def booking_of(self, unit: ReadUnit, briefing_id: str) -> Booking:
        """The booking behind a briefing, read anew. Raises ``NotFound('briefing_unknown')``."""
        briefing = await self.get(unit, briefing_id)
        booking: Booking = await unit.session.get_one(Booking, briefing.booking_id, populate_existing=True)
        return booking

    async def give_word(self, uow: UnitOfWork, briefing_id: str, post_id: str | None) -> list[BriefingPost]:
        """Let one post speak, and nobody else; none: all only listen again. Returns the posts for which that changed.

        Raises ``Conflict``: ``briefing_over``, ``post_not_here`` (it is not in the room); ``NotFound('post_unknown')``.
        """
        await self._open(uow, briefing_id)
        booking = await self.booking_of(uow, briefing_id)
        chosen = None if post_id is None else await self._post(uow, briefing_id, post_id)
        if chosen is not None and (chosen.place_id is None or booking.session_id is None):
            raise Conflict("post_not_here")
        changed: list[BriefingPost] = []
        rows = await uow.session.scalars(
            select(BriefingPost).where(BriefingPost.briefing_id == briefing_id, BriefingPost.word_at.is_not(None))
        )
        for row in rows.all():
            if row is not chosen:
                row.word_at = None
                changed.append(row)
        if chosen is not None and chosen.word_at is None:
            chosen.word_at = uow.now
            changed.append(chosen)
        await uow.flush()
        for row in changed:
            kind = EntryKind.WORD_TAKEN if row.word_at is None else EntryKind.WORD_GIVEN
            await self._log.append(uow, str(booking.session_id), kind, {"post": post_code(row)})
        return changed

    async def told(self, uow: UnitOfWork, post: BriefingPost, *, group: int, people: int, answer: Understood) -> None:
        """A post says of one of its groups whether it heard and understood; saying it again corrects it. The log keeps both.

        Raises ``Conflict``: ``briefing_not_begun``, ``briefing_over``; ``Invalid('value_unknown')`` (field).
        """
        if not 1 <= group <= MOST_GROUPS:
            raise Invalid("value_unknown", {"field": "group"})
        if not 1 <= people <= MOST_PEOPLE:
            raise Invalid("value_unknown", {"field": "people"})
        await self._open(uow, post.briefing_id)
        booking = await self.booking_of(uow, post.briefing_id)
        session = None if booking.session_id is None else await self._log.get(uow, booking.session_id)
        if session is None or session.active_at is None:
            raise Conflict("briefing_not_begun")
        row = await uow.session.get(BriefingAnswer, (post.id, group), populate_existing=True)
        if row is None:
            row = BriefingAnswer(post_id=post.id, group_no=group, country=post.country)
            uow.session.add(row)
        elif (row.people, row.answer) == (people, answer):
            return
        row.people, row.answer, row.at = people, answer, uow.now
        await uow.flush()
        data: dict[str, JsonValue] = {"post": post_code(post), "group": group, "people": people, "answer": answer.value}
        await self._log.append(uow, session.id, EntryKind.TOLD, data)

    async def _open(self, uow: UnitOfWork, briefing_id: str) -> Briefing:
        """The briefing with its booking locked, if it is not over. Raises ``Conflict('briefing_over')``."""
        briefing = await self.get(uow, briefing_id)
        booking = await locked_booking(uow, briefing.booking_id)
        state = (
            None
            if booking.session_id is None
            else await uow.session.scalar(select(Session.state).where(Session.id == booking.session_id))
        )
        if booking.state not in OPEN or state in SESSION_OVER:
            raise Conflict("briefing_over")
        return briefing

    async def _post(self, uow: UnitOfWork, briefing_id: str, post_id: str) -> BriefingPost:
        post = await uow.session.get(BriefingPost, post_id, populate_existing=True)
        if post is None or post.briefing_id != briefing_id:
            raise NotFound("post_unknown")
        return post

    async def _own_site(self, uow: UnitOfWork, code: str, country: str) -> None:
        """A briefing stays in its country. Raises ``Invalid('site_unknown')``."""
        if (await site_by_code(uow, code)).country != country:
            raise Invalid("site_unknown", {"site": code[:32]})

    def _put_post(self, uow: UnitOfWork, briefing: Briefing, nr: int, site: str) -> BriefingPost:
        post = BriefingPost(id=new_id("post"), briefing_id=briefing.id, country=briefing.country, site=site, nr=nr)
        uow.session.add(post)
        return post


def post_code(post: BriefingPost) -> str:
    """What logs and people call a post: its site and, so that two at one site differ, its number."""
    return f"{post.site[:28]}/{post.nr}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
