"""Findings of the language desk: checked against the taxonomy, kept, and put into the case's languages.

A person confirms each finding; the listening helper alone confirms nothing. Nothing here knows or infers an origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from records.case_write import CaseChanges, NewLanguage
from records.cases import CaseService
from records.desk import AidKind, CaseAid, Confidence, ConfirmedBy, FoundBy, LanguageFinding
from records.models import Session
from scheduler.interpreter_views import FINDER
from scheduler.languages import LanguageTable
from scheduler.models import Booking

SIGN_GROUP, SIGN_NEED = "sign", "SIGN_LANGUAGE"
TOLD_LATE = timedelta(hours=24)
"""So long after its use an aid may be told: a tablet without a line keeps it."""
MOST_LANGUAGES = 8
MOST_SHOWN = 200


@dataclass(frozen=True)
class NewFinding:
    """What the desk found out."""

    language: str
    variant: str | None
    fallback: str | None
    confidence: Confidence
    found_by: Sequence[FoundBy]
    confirmed_by: ConfirmedBy

    @property
    def working(self) -> str:
        """The code in which an interpreter is called."""
        return self.variant or self.language


def check_finding(table: LanguageTable, new: NewFinding) -> None:
    """Raises ``Invalid``: ``language_unknown``, ``variant_not_of_language``, ``language_twice``, ``finding_not_sure``."""
    for code in (new.language, new.variant, new.fallback):
        if code is not None and code not in table:
            raise Invalid("language_unknown", {"language": code})
    if new.variant is not None:
        variety, language = table.get(new.variant), table.get(new.language)
        if variety is None or language is None or variety.macro != language.code:
            raise Invalid("variant_not_of_language", {"language": new.variant})
    if new.fallback in (new.language, new.working):
        raise Invalid("language_twice", {"language": new.working})
    if new.confidence is Confidence.SURE and set(new.found_by) <= {FoundBy.HELPER}:
        # A machine's ranking is a hint: somebody has to have asked before anybody can be sure.
        raise Invalid("finding_not_sure")


def source_of(new: NewFinding) -> str:
    """How the case says that the language is known."""
    if new.confirmed_by is ConfirmedBy.INTERPRETER:
        return "interpreter_confirmed"
    if new.confirmed_by is ConfirmedBy.OFFICER:
        return "officer_guess"
    return "card" if {FoundBy.CARD, FoundBy.REGION} & set(new.found_by) else "self_declared"


def case_languages(new: NewFinding, known: Sequence[NewLanguage]) -> list[NewLanguage]:
    """The case's languages with the finding in front; what was known of the others stays."""
    notes = {one.code: one for one in known}
    source = source_of(new)

    def entry(code: str, how: str) -> NewLanguage:
        before = notes.get(code)
        # What an interpreter confirmed is not made less certain by a card.
        if before is not None and before.source == "interpreter_confirmed":
            how = before.source
        return NewLanguage(code, how, before.region_note if before else None)

    found = [entry(new.working, source)]
    if new.fallback is not None:
        second = "officer_guess" if new.confirmed_by is ConfirmedBy.OFFICER else "self_declared"
        found.append(entry(new.fallback, second))
    taken = {one.code for one in found} | {new.language}
    return (found + [one for one in known if one.code not in taken])[:MOST_LANGUAGES]


@dataclass(frozen=True)
class AidUse:
    """One phrase, shown or played to the person."""

    kind: AidKind
    ref: str
    language: str
    step_id: str | None
    used_at: datetime | None


class LanguageFindings:
    """Writes and reads findings and aids of a case. Who may is the caller's question."""

    def __init__(self, table: LanguageTable, cases: CaseService) -> None:
        self._table = table
        self._cases = cases

    async def put(self, uow: UnitOfWork, case_id: str, new: NewFinding, *, version: int) -> LanguageFinding:
        """Keep a finding and make it the first language of the case.

        Raises what ``check_finding`` and ``CaseService.update`` raise, and ``Conflict('interpreter_has_not_confirmed')``
        when an interpreter is named as the one who confirmed and none of this case did.
        """
        check_finding(self._table, new)
        case = await self._cases.get(uow, case_id)
        if new.confirmed_by is ConfirmedBy.INTERPRETER and new.working not in await self._confirmed(uow, case_id):
            raise Conflict("interpreter_has_not_confirmed")
        known = [NewLanguage(row["code"], row["source"], row["region_note"]) for row in case["languages"]]
        changes: CaseChanges = {"languages": case_languages(new, known)}
        entry = self._table.get(new.working)
        if entry is not None and entry.group == SIGN_GROUP and SIGN_NEED not in case["needs"]:
            changes["needs"] = [*case["needs"], SIGN_NEED]
        await self._cases.update(uow, case_id, version=version, changes=changes)
        row = LanguageFinding(
            id=new_id("finding"),
            case_id=case_id,
            country=case["country"],
            language=new.language,
            variant=new.variant,
            fallback=new.fallback,
            confidence=new.confidence,
            found_by=[one.value for one in dict.fromkeys(new.found_by)],
            confirmed_by=new.confirmed_by,
            by_code=uow.actor.code,
            at=uow.now,
        )
        uow.session.add(row)
        await uow.flush()
        return row

    async def of_case(self, unit: ReadUnit, case_id: str) -> list[LanguageFinding]:
        """All findings, the newest first."""
        rows = await unit.session.scalars(
            select(LanguageFinding)
            .where(LanguageFinding.case_id == case_id)
            .order_by(LanguageFinding.at.desc(), LanguageFinding.id.desc())
            .limit(MOST_SHOWN)
        )
        return list(rows)

    async def use_aid(self, uow: UnitOfWork, case_id: str, aid: AidUse, *, key: str | None = None) -> CaseAid:
        """Note one use of an aid; the same key of the same actor again changes nothing.

        Raises ``Invalid``: ``language_unknown``, ``step_unknown`` (of another case), ``aid_time`` (in the future or
        more than a day ago); ``Conflict('case_closed')``.
        """
        if aid.language not in self._table:
            raise Invalid("language_unknown", {"language": aid.language})
        case = await self._cases.get(uow, case_id)
        if case["state"] == "closed":
            raise Conflict("case_closed")
        if aid.step_id is not None and all(step["id"] != aid.step_id for step in case["steps"]):
            raise Invalid("step_unknown", {"step": aid.step_id[:40]})
        used_at = aid.used_at or uow.now
        if not uow.now - TOLD_LATE <= used_at <= uow.now + timedelta(minutes=2):
            raise Invalid("aid_time")
        row_id = f"aid_{uow.actor.id[-26:]}_{key}"[:80] if key else new_id("aid")
        known = await uow.session.get(CaseAid, row_id)
        if known is not None:
            return known
        row = CaseAid(
            id=row_id,
            case_id=case_id,
            country=case["country"],
            step_id=aid.step_id,
            kind=aid.kind,
            ref=aid.ref,
            language=aid.language,
            used_at=min(used_at, uow.now),
            at=uow.now,
            by_code=uow.actor.code,
        )
        uow.session.add(row)
        await uow.flush()
        return row

    async def aids(self, unit: ReadUnit, case_id: str) -> list[CaseAid]:
        """All uses of aids, the newest first."""
        rows = await unit.session.scalars(
            select(CaseAid)
            .where(CaseAid.case_id == case_id)
            .order_by(CaseAid.used_at.desc(), CaseAid.id.desc())
            .limit(MOST_SHOWN)
        )
        return list(rows)

    async def finder_calls(self, unit: ReadUnit, case_id: str) -> list[dict[str, Any]]:
        """The finder calls of a case, newest first: in which language somebody was called, and what was confirmed."""
        rows = await unit.session.execute(
            select(Booking.id, Booking.language, Booking.state, Booking.requested_at, Session.language_confirmed)
            .outerjoin(Session, Session.id == Booking.session_id)
            .where(Booking.case_id == case_id, Booking.purpose == FINDER)
            .order_by(Booking.requested_at.desc(), Booking.id.desc())
            .limit(MOST_SHOWN)
        )
        return [
            {
                "booking_id": row.id,
                "called": row.language,
                "state": row.state.value,
                "at": row.requested_at,
                "confirmed": row.language_confirmed,
            }
            for row in rows
        ]

    async def _confirmed(self, unit: ReadUnit, case_id: str) -> set[str]:
        rows = await unit.session.scalars(
            select(Session.language_confirmed).where(
                Session.case_id == case_id, Session.language_confirmed.is_not(None)
            )
        )
        return {str(code) for code in rows}
