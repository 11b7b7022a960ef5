"""Agreed terms: read and changed from the session by officer and interpreter, read with their history at the desk of the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Actor
from core.db.session import ReadUnit
from core.errors import Conflict
from records.aids_glossary import BaseEntry, load_glossary
from records.aids_state import TermMove
from records.aids_terms import By, NewTerm, TermHistory, TermView, case_of, language_pair
from records.lifecycle import SESSION_OVER, SessionState
from records.models import Case, Session
from records.session_views import stamp
from scheduler.pool import regional
from signaling import places
from signaling.aids.room import TERMS_CHANGED
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Key, Language
from signaling.api.shown import shown
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.calls import tell_room
from signaling.deps import Svc, Who
from signaling.facts import case_facts, session_facts
from signaling.policy import Part, demand, may_read_terms, may_share_terms

router: APIRouter = guarded_router("aids")
_MOST_TYPED = 400
"""Characters of a field that are read at all; the length that is allowed is checked with its own sentence."""


class SessionTerms(TypedDict):
    """The living terms of a session's case."""

    n: int
    """Number of the last change: the room's news ``aids.terms`` says when there is a later one."""
    language: str
    officer_language: str
    part: str
    """The reader's side: a term of the own side waits for the other."""
    terms: Sequence[TermView]
    """Of all language pairs of the case; those of another pair are for reading only."""


class CaseTerms(TypedDict):
    """All terms that a case ever had, for its desk."""

    case_ref: str
    """What a printed list is filed under."""
    items: Sequence[TermHistory]


class Glossary(TypedDict):
    """Words of the procedure in a language pair, to begin with."""

    items: Sequence[BaseEntry]


class TermBody(In):
    """A term as it is proposed."""

    officer_term: Annotated[str, Field(min_length=1, max_length=_MOST_TYPED)]
    person_term: Annotated[str, Field(min_length=1, max_length=_MOST_TYPED)]
    note: Annotated[str, Field(max_length=_MOST_TYPED)] = ""
    no_name: bool = False
    """Say again that nobody is named, after ``term_like_name``."""


@router.get("/api/glossary", response_model=shown(Glossary))
async def read_glossary(
    who: Who,
    services: Svc,
    language: Annotated[Language, Query()],
    officer_language: Annotated[Language, Query()],
) -> Any:
    """The base glossary of a language pair, each word with its status; empty where we have no words."""
    known = services.languages.get(language)
    pair = load_glossary().pair(
        services.languages.officer(officer_language),
        services.languages.canonical(language),
        known.group if known else None,
    )
    return Glossary(items=pair)


@router.get("/api/sessions/{session_id}/terms", response_model=shown(SessionTerms))
async def read_terms(session_id: Key, who: Who, services: Svc) -> Any:
    """The terms of the case, for officer and interpreter while the session lasts; interpreters from its opening on."""
    async with services.database.read(regional(who.actor)) as unit:
        session, by = await _seat(unit, who, session_id)
        return await _terms(unit, services, session, by)


@router.post("/api/sessions/{session_id}/terms", status_code=201, response_model=shown(SessionTerms))
async def propose_term(session_id: Key, body: TermBody, who: Who, services: Svc) -> Any:
    """Propose a term; the other side agrees. Both see it at once."""
    new = NewTerm(body.officer_term, body.person_term, body.note, body.no_name)

    async def work() -> SessionTerms:
        async with services.database.unit(Actor.system()) as uow:
            session, by = await _seat(uow, who, session_id)
            _, n = await services.live.aids.terms.propose(uow, session, by, new)
            tell_room(uow, session, TERMS_CHANGED, {"n": n})
            return await _terms(uow, services, session, by)

    return await services.database.retry(work)


@router.post("/api/sessions/{session_id}/terms/{term_id}/{move}", response_model=shown(SessionTerms))
async def move_term(
    session_id: Key, term_id: Key, move: Literal["agree", "withdraw", "wipe"], who: Who, services: Svc
) -> Any:
    """Agree to the other side's term, withdraw a term, or wipe its texts for good because they name somebody."""

    async def work() -> SessionTerms:
        async with services.database.unit(Actor.system()) as uow:
            session, by = await _seat(uow, who, session_id)
            _, n = await services.live.aids.terms.move(uow, session, by, term_id, TermMove(move))
            tell_room(uow, session, TERMS_CHANGED, {"n": n})
            return await _terms(uow, services, session, by)

    return await services.database.retry(work)


@router.get("/api/cases/{case_id}/terms", response_model=shown(CaseTerms))
async def read_case_terms(case_id: Key, who: Who, services: Svc) -> Any:
    """All terms of a case with who did what when. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as uow:
        facts = await case_facts(uow, case_id)
        demand(may_read_terms(who, facts), hidden="case_unknown")
        items = await services.live.aids.terms.history(uow, case_id)
        services.audit.record(
            uow, "terms.viewed", case_id, country=facts.country, purpose="casework", data={"terms": len(items)}
        )
        case = await uow.session.get(Case, case_id)
        assert case is not None
        return CaseTerms(case_ref=case.case_ref, items=items)


async def _seat(unit: ReadUnit, who: Principal, session_id: str) -> tuple[Session, By]:
    """The session and the asker's side in it. Raises ``NotFound('session_unknown')`` for everybody without a place there,
    ``Conflict('session_over')``, and for interpreters ``Conflict('join_not_open')`` before it opens: terms can hint at what was said,
    and before the opening an interpreter may still step back."""
    facts = await session_facts(unit, session_id)
    place = await places.of_user(unit, session_id, who.user_id)
    demand(may_share_terms(who, place.part if place else None, facts.country), hidden="session_unknown")
    session = await unit.session.get(Session, session_id, populate_existing=True)
    assert session is not None
    assert place is not None
    if session.state in SESSION_OVER:
        raise Conflict("session_over")
    if place.part == Part.INTERPRETER and session.state is SessionState.PLANNED:
        raise Conflict("join_not_open", {"opens_at": stamp(session.join_opens_at)})
    return session, By(session.id, place.part, place.code)


async def _terms(unit: ReadUnit, services: Services, session: Session, by: By) -> SessionTerms:
    book, case_id = services.live.aids.terms, case_of(session)
    language, officer_language = language_pair(session)
    return SessionTerms(
        n=await book.latest(unit, case_id),
        language=language,
        officer_language=officer_language,
        part=by.part,
        terms=await book.living(unit, case_id),
    )
