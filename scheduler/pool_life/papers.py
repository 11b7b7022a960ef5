"""An interpreter's own papers: what holds until when, what is missing for which level. Reads only; notes are ``members``' business."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import select

from core.db.session import ReadUnit
from scheduler.models import Interpreter
from scheduler.pool_life.expiry import Urgency, days_left, urgency
from scheduler.pool_life.members import PAPERS, MemberService, validities
from scheduler.pool_life.models import PoolEvidence

_STOPS = frozenset(PAPERS)
"""Without these nobody is matched to anything (M-2)."""


class PaperView(TypedDict):
    """One paper or training."""

    kind: str
    """vetting, nda, conduct, or ``training:<code>``."""
    version: str | None
    authority: str | None
    issued_at: datetime | None
    """None where only the profile knows it, not when it was given."""
    until: datetime | None
    urgency: str
    """over, days_7, days_30, days_60, later, missing; good: holds without an end."""
    days_left: int | None
    stops: bool
    """Once it is over, nothing is offered any more."""


class OwnPair(TypedDict):
    """A working pair, and on what it rests."""

    from_lang: str
    to_lang: str
    level_from: str
    level_to: str
    verified_by: str


class PapersView(TypedDict):
    """Level, papers and languages of one interpreter."""

    stage: str
    level: str
    gaps: dict[str, list[str]]
    """What is missing, by level."""
    papers: list[PaperView]
    """The most urgent first."""
    pairs: list[OwnPair]
    urgent: list[PaperView]
    """What somebody has to see to: over, missing, or within 60 days (R-8)."""


_ORDER = [*(one.value for one in Urgency if one is not Urgency.LATER), Urgency.LATER.value, "good"]


class PaperViews:
    """The same page for the interpreter and for coordinators."""

    def __init__(self, members: MemberService) -> None:
        self._members = members

    async def papers(self, unit: ReadUnit, interpreter_id: str) -> PapersView:
        """Everything about the papers of one interpreter. Raises ``NotFound('interpreter_unknown')``."""
        member = await self._members.view(unit, interpreter_id)
        person = await unit.session.get_one(Interpreter, interpreter_id)
        noted = await self._noted(unit, interpreter_id)
        ends = {one.kind: one.until for one in validities(person)}
        kinds = [*PAPERS, *(f"training:{one['code']}" for one in person.training)]
        found = [
            _paper(kind, ends, kind.startswith("training:") and kind not in ends, noted, unit.now) for kind in kinds
        ]
        found.sort(key=lambda one: (_ORDER.index(one["urgency"]), one["until"] or unit.now, one["kind"]))
        return PapersView(
            stage=member["stage"],
            level=member["level"],
            gaps=member["gaps"],
            papers=found,
            pairs=[
                OwnPair(
                    from_lang=pair.from_lang,
                    to_lang=pair.to_lang,
                    level_from=pair.level_from,
                    level_to=pair.level_to,
                    verified_by=pair.verified_by,
                )
                for pair in sorted(person.pairs, key=lambda pair: (pair.from_lang, pair.to_lang))
            ],
            urgent=[one for one in found if one["urgency"] not in (Urgency.LATER.value, "good")],
        )

    async def _noted(self, unit: ReadUnit, interpreter_id: str) -> Mapping[str, tuple[datetime, Mapping[str, Any]]]:
        """When each paper was given, and what stands on it: the newest note counts."""
        rows = await unit.session.execute(
            select(PoolEvidence.kind, PoolEvidence.detail, PoolEvidence.issued_at)
            .where(PoolEvidence.interpreter_id == interpreter_id)
            .order_by(PoolEvidence.noted_at, PoolEvidence.id)
        )
        found: dict[str, tuple[datetime, Mapping[str, Any]]] = {}
        for kind, detail, issued_at in rows:
            found[f"training:{detail['code']}" if kind == "training" else kind] = (issued_at, detail)
        return found


def _paper(
    kind: str,
    ends: Mapping[str, datetime | None],
    for_good: bool,
    noted: Mapping[str, tuple[datetime, Mapping[str, Any]]],
    now: datetime,
) -> PaperView:
    until = ends.get(kind)
    issued_at, detail = noted.get(kind, (None, {}))
    version, authority = detail.get("version"), detail.get("authority")
    return PaperView(
        kind=kind,
        version=str(version) if version else None,
        authority=str(authority) if authority else None,
        issued_at=issued_at,
        until=until,
        urgency="good" if for_good else urgency(until, now).value,
        days_left=days_left(until, now),
        stops=kind in _STOPS,
    )
