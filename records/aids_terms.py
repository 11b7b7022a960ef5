"""The agreed terms of a case: proposed by officer or interpreter, agreed by the other, kept for later sessions (platforms 2.17).

Who may do it is decided before (signaling.policy). An interpreter's private words never come here: they stay on the device.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import TypedDict

from sqlalchemy import func, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from records.aids_models import NOTE_LENGTH, TEXT_LENGTH, CaseTerm, CaseTermMove
from records.aids_names import holds_a_common_name
from records.aids_state import PARTS, TermMove, TermState, moved
from records.forbidden import check_text
from records.models import Case, Session

MOST_TERMS = 80
"""Living terms of one language pair in one case, at most: a longer list is not read in a talk."""
LIVING = (TermState.PROPOSED, TermState.AGREED)


@dataclass(frozen=True)
class By:
    """Who does something with a term, and in which session."""

    session_id: str
    part: str
    """officer or interpreter."""
    code: str | None


@dataclass(frozen=True)
class NewTerm:
    """A term as it is proposed."""

    officer_term: str
    person_term: str
    note: str = ""
    no_name: bool = False
    """The proposer was asked and says that the words name nobody."""


class TermView(TypedDict):
    """A term as officer and interpreter see it: by part, without codes, so that no interpreter learns of another."""

    id: str
    language: str
    officer_language: str
    officer_term: str
    person_term: str
    note: str
    state: str
    proposed_part: str
    state_since: datetime


class MoveView(TypedDict):
    """One line of a term's history, for the desk of the case."""

    seq: int
    at: datetime
    move: str
    part: str
    code: str | None
    session_id: str


class TermHistory(TermView):
    """A term with its history, for the case page."""

    moves: Sequence[MoveView]


def case_of(session: Session) -> str:
    """The case of a session. Raises ``NotFound('case_unknown')``: a group briefing belongs to no case and has no terms."""
    if session.case_id is None:
        raise NotFound("case_unknown")
    return session.case_id


def language_pair(session: Session) -> tuple[str, str]:
    """The person's language (as confirmed in the talk, else as declared) and the officer's."""
    return session.language_confirmed or session.language_declared, session.officer_language


_TITLE = re.compile(
    r"\b(?:mr|mrs|ms|gospodin|gospođa|gospodja|gđa|господин|госпођа|госпоѓа|г-ђа|г-ѓа|zoti|zonja)\b[.]?\s+\S|"
    r"(?:السيد|السيدة|آقای|خانم|ښاغلی|مېرمن)\s+\S",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def looks_like_a_name(text: str) -> bool:
    """Whether words are written as a person's name is: a title, a common given name in any script and case, or two neighbouring words
    that each begin with a capital.

    A guess: a rare name in Arabic script, or one without a capital, passes. Groups and places are written so too, so this asks and
    does not refuse.
    """
    if _TITLE.search(text) or holds_a_common_name(text):
        return True
    words = _WORD.findall(text)
    return any(_capital(first) and _capital(second) for first, second in pairwise(words))


def _capital(word: str) -> bool:
    return len(word) > 1 and word[0].isupper() and word[1:].islower()


def checked(new: NewTerm, today: date) -> NewTerm:
    """The term with its texts in order.

    Raises ``Invalid``: ``term_empty`` (field), what ``forbidden.check_text`` raises, ``term_like_name`` (field) unless the proposer
    says that nobody is named.
    """
    texts = {
        "officer_term": check_text("officer_term", _line(new.officer_term), today=today, limit=TEXT_LENGTH),
        "person_term": check_text("person_term", _line(new.person_term), today=today, limit=TEXT_LENGTH),
        "note": check_text("note", _line(new.note), today=today, limit=NOTE_LENGTH),
    }
    for field in ("officer_term", "person_term"):
        if not any(char.isalpha() for char in texts[field]):
            raise Invalid("term_empty", {"field": field})
    for field, text in texts.items():
        if not new.no_name and looks_like_a_name(text):
            raise Invalid("term_like_name", {"field": field})
    return NewTerm(**texts, no_name=new.no_name)


def _line(text: str) -> str:
    return " ".join(text.split())


def folded(text: str) -> str:
    """A word as it is compared: compatible forms, no case, no short vowel signs and no tatweel."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    kept = "".join(char for char in plain if char != "\u0640" and not "\u064b" <= char <= "\u0652")
    return unicodedata.normalize("NFC", _line(kept))[:TEXT_LENGTH]


class TermBook:
    """The terms of cases. Every change is one numbered move under the lock of the case."""

    async def propose(self, uow: UnitOfWork, session: Session, by: By, new: NewTerm) -> tuple[CaseTerm, int]:
        """A term is proposed; returns it and the number of the move.

        Raises what ``checked`` raises, ``Conflict('term_exists')`` when the pair has a living term for the same word of the
        officer's language, ``Conflict('terms_full')`` (most).
        """
        if by.part not in PARTS:
            raise Invalid("not_for_your_part")
        new = checked(new, uow.now.date())
        language, officer_language = language_pair(session)
        case_id = case_of(session)
        await _hold(uow, case_id)
        in_pair = (
            CaseTerm.case_id == case_id,
            CaseTerm.language == language,
            CaseTerm.officer_language == officer_language,
            CaseTerm.state.in_(LIVING),
        )
        word = folded(new.officer_term)
        if await uow.session.scalar(select(CaseTerm.id).where(*in_pair, CaseTerm.folded == word)):
            raise Conflict("term_exists")
        if (await uow.session.scalar(select(func.count()).select_from(CaseTerm).where(*in_pair)) or 0) >= MOST_TERMS:
            raise Conflict("terms_full", {"most": MOST_TERMS})
        term = CaseTerm(
            id=new_id("term"),
            case_id=case_id,
            country=session.country,
            language=language,
            officer_language=officer_language,
            officer_term=new.officer_term,
            person_term=new.person_term,
            note=new.note,
            folded=word,
            state=TermState.PROPOSED,
            proposed_part=by.part,
            state_since=uow.now,
        )
        uow.session.add(term)
        await uow.flush()
        return term, await _note(uow, term, TermMove.PROPOSE, by)

    async def move(
        self, uow: UnitOfWork, session: Session, by: By, term_id: str, move: TermMove
    ) -> tuple[CaseTerm, int]:
        """Agree, withdraw or wipe. Wiping empties the texts for good; the history keeps that there was a term.

        Raises ``NotFound('term_unknown')`` and what ``aids_state.moved`` raises.
        """
        await _hold(uow, case_of(session))
        term = await uow.session.get(CaseTerm, term_id, populate_existing=True)
        if term is None or term.case_id != session.case_id:
            raise NotFound("term_unknown")
        term.state = moved(term.state, move, part=by.part, proposed_part=term.proposed_part)
        term.state_since = uow.now
        if term.state is TermState.WIPED:
            term.officer_term = term.person_term = term.note = term.folded = ""
        await uow.flush()
        return term, await _note(uow, term, move, by)

    async def latest(self, unit: ReadUnit, case_id: str) -> int:
        """The number of the last move in a case; 0 without any."""
        return await _last(unit, case_id)

    async def living(self, unit: ReadUnit, case_id: str) -> list[TermView]:
        """Proposed and agreed terms of all language pairs of a case, in the order in which they were proposed."""
        rows = await unit.session.scalars(
            select(CaseTerm)
            .where(CaseTerm.case_id == case_id, CaseTerm.state.in_(LIVING))
            .order_by(CaseTerm.id)
            .execution_options(populate_existing=True)
        )
        return [_view(row) for row in rows]

    async def history(self, unit: ReadUnit, case_id: str) -> list[TermHistory]:
        """All terms of a case with who did what when; wiped ones without texts."""
        moves: dict[str, list[MoveView]] = {}
        for row in await unit.session.scalars(
            select(CaseTermMove).where(CaseTermMove.case_id == case_id).order_by(CaseTermMove.seq)
        ):
            moves.setdefault(row.term_id, []).append(
                MoveView(
                    seq=row.seq, at=row.at, move=row.move.value, part=row.part, code=row.code, session_id=row.session_id
                )
            )
        terms = await unit.session.scalars(select(CaseTerm).where(CaseTerm.case_id == case_id).order_by(CaseTerm.id))
        return [TermHistory(**_view(term), moves=moves.get(term.id, [])) for term in terms]


def _view(term: CaseTerm) -> TermView:
    return TermView(
        id=term.id,
        language=term.language,
        officer_language=term.officer_language,
        officer_term=term.officer_term,
        person_term=term.person_term,
        note=term.note,
        state=term.state.value,
        proposed_part=term.proposed_part,
        state_since=term.state_since,
    )


async def _hold(uow: UnitOfWork, case_id: str) -> None:
    """One at a time changes the terms of a case. No other lock is taken after this one."""
    await uow.session.execute(select(Case.id).where(Case.id == case_id).with_for_update())


async def _note(uow: UnitOfWork, term: CaseTerm, move: TermMove, by: By) -> int:
    seq = await _last(uow, term.case_id) + 1
    uow.session.add(
        CaseTermMove(
            case_id=term.case_id,
            seq=seq,
            country=term.country,
            term_id=term.id,
            session_id=by.session_id,
            at=uow.now,
            move=move,
            part=by.part,
            code=by.code,
        )
    )
    await uow.flush()
    return seq


async def _last(unit: ReadUnit, case_id: str) -> int:
    found = await unit.session.scalar(select(func.max(CaseTermMove.seq)).where(CaseTermMove.case_id == case_id))
    return found or 0
