"""MemberService: applications, moves between stages, evidence and accreditation levels. What a level asks for is in ``membership``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from records.stages import Level
from scheduler.models import Interpreter
from scheduler.need import AsylumCase
from scheduler.pool import PoolService
from scheduler.pool_life.expiry import Notice, Validity, notices
from scheduler.pool_life.membership import (
    MEMBERSHIP,
    Evidence,
    MemberMove,
    MemberStage,
    PairEvidence,
    gaps,
)
from scheduler.pool_life.models import PoolEvidence, PoolMember, QualityReview
from scheduler.pool_write import PairInput, ProfileInput

PAPERS = ("vetting", "nda", "conduct")
REASONS = frozenset({"own_wish", "papers", "quality", "conduct", "complaint", "not_suitable", "no_need", "other"})
"""Why somebody is suspended, refused or leaves."""


class MemberView(TypedDict):
    """Membership and accreditation of one interpreter."""

    interpreter_id: str
    stage: str
    since: datetime
    reason: str | None
    moves: list[str]
    level: str
    gaps: dict[str, list[str]]
    """What is missing, by level."""
    reviewed_minutes: int
    reviews_last_year: int


class EvidenceView(TypedDict):
    """One noted paper, test, training, stage or level."""

    id: str
    kind: str
    detail: dict[str, Any]
    issued_at: datetime
    expires_at: datetime | None
    noted_at: datetime


class MemberService:
    """Who belongs to the pool, and for what. Who may call what is policy."""

    def __init__(self, pool: PoolService) -> None:
        self._pool = pool

    async def apply(self, uow: UnitOfWork, values: ProfileInput) -> str:
        """A new application: a profile at L0 that is not matched until it is admitted. Returns the interpreter's id.

        Raises what ``PoolService.create`` raises; the level is granted later (``level_by_accreditation``)."""
        if values.get("level", "L0") != "L0" or any(name in values for name in ("vetting_result", "active")):
            raise Invalid("level_by_accreditation")
        told: ProfileInput = {**values, "level": "L0", "active": False}
        profile = await self._pool.create(uow, told)
        uow.session.add(PoolMember(interpreter_id=profile["id"], stage=MemberStage.APPLIED, since=uow.now))
        await self._note(uow, profile["id"], "stage", {"stage": MemberStage.APPLIED.value}, uow.now, None)
        return profile["id"]

    async def move(self, uow: UnitOfWork, interpreter_id: str, move: MemberMove, reason: str | None = None) -> None:
        """Change the stage. Raises ``Conflict('move_not_allowed')``, ``Conflict('accreditation_gaps')`` for an admission
        without the code of conduct, ``Invalid('reason_needed')`` for refusing, suspending and leaving."""
        member = await self._member(uow, interpreter_id)
        if move in (MemberMove.REFUSE, MemberMove.SUSPEND, MemberMove.LEAVE) and reason not in REASONS:
            raise Invalid("reason_needed")
        stage = MEMBERSHIP.advance(member.stage, move)
        if stage is MemberStage.ACTIVE:
            await self._demand(uow, interpreter_id, Level((await self._person(uow, interpreter_id)).level))
        member.stage, member.since = stage, uow.now
        member.reason = reason if reason in REASONS else None
        await self._note(uow, interpreter_id, "stage", {"stage": stage.value, "reason": member.reason}, uow.now, None)
        await self._pool.put(uow, interpreter_id, {"active": stage is MemberStage.ACTIVE})

    async def note_paper(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        kind: str,
        *,
        issued_at: datetime,
        expires_at: datetime | None,
        version: str | None = None,
        authority: str | None = None,
        passed: bool = True,
    ) -> None:
        """Note a vetting, an undertaking of confidentiality or the accepted code of conduct; the matcher goes by the newest.

        Raises ``Invalid``: ``value_unknown``, ``time_order`` (ends before it begins), ``time_in_future`` (issued later than now).
        """
        if kind not in PAPERS:
            raise Invalid("value_unknown", {"field": "kind"})
        if issued_at > uow.now + timedelta(minutes=1):
            raise Invalid("time_in_future")
        if passed and (expires_at is None or expires_at <= issued_at):
            raise Invalid("time_order")
        values: ProfileInput
        if kind == "vetting":
            values = {"vetting_result": "pass" if passed else "fail", "vetting_expires": expires_at if passed else None}
        elif kind == "nda":
            values = {"nda_version": version, "nda_expires": expires_at}
        else:
            values = {"conduct_version": version, "conduct_expires": expires_at}
        await self._pool.put(uow, interpreter_id, values)
        detail = {"version": version, "authority": authority, "passed": passed}
        await self._note(uow, interpreter_id, kind, detail, issued_at, expires_at)

    async def note_pair_test(
        self, uow: UnitOfWork, interpreter_id: str, pair: PairInput, *, at: datetime, passed: bool
    ) -> None:
        """Note a test of a working pair; a passed one puts the pair with its levels into the profile. Raises ``Invalid``."""
        if passed:
            person = await self._person(uow, interpreter_id)
            others: list[PairInput] = [
                {
                    "from_lang": row.from_lang,
                    "to_lang": row.to_lang,
                    "level_from": row.level_from,
                    "level_to": row.level_to,
                    "modes": list(row.modes),
                    "verified_by": row.verified_by,
                }
                for row in person.pairs
                if (row.from_lang, row.to_lang) != (pair["from_lang"], pair["to_lang"])
            ]
            await self._pool.put(uow, interpreter_id, {"pairs": [*others, {**pair, "verified_by": "test"}]})
        detail = {name: pair[name] for name in ("from_lang", "to_lang", "level_from", "level_to")}
        await self._note(uow, interpreter_id, "pair_test", {**detail, "passed": passed}, at, None)

    async def note_training(
        self, uow: UnitOfWork, interpreter_id: str, code: str, *, on: date, expires: date | None
    ) -> None:
        """Note a finished training; a newer one with the same code replaces the older in the profile. Raises ``Invalid``."""
        if expires is not None and expires <= on:
            raise Invalid("time_order")
        person = await self._person(uow, interpreter_id)
        entry = {"code": code, "date": on.isoformat(), "expires": expires.isoformat() if expires else None}
        kept = [one for one in person.training if one.get("code") != code]
        await self._pool.put(uow, interpreter_id, {"training": [*kept, entry]})
        zone = ZoneInfo(person.time_zone)
        ends = _end_of(expires, zone) if expires else None
        await self._note(uow, interpreter_id, "training", {"code": code}, _start_of(on, zone), ends)

    async def grant(self, uow: UnitOfWork, interpreter_id: str, level: Level) -> None:
        """Set the accreditation level. Raises ``Conflict('accreditation_gaps')`` (level, gaps) when something is missing;
        a lower level than now may always be set."""
        person = await self._person(uow, interpreter_id)
        if level.number > Level(person.level).number:
            await self._demand(uow, interpreter_id, level)
        await self._pool.put(uow, interpreter_id, {"level": level.value})
        await self._note(uow, interpreter_id, "level", {"level": level.value, "before": person.level}, uow.now, None)

    async def view(self, unit: ReadUnit, interpreter_id: str) -> MemberView:
        """Stage, level and what is missing for the others. Raises ``NotFound('interpreter_unknown')``."""
        person = await self._person(unit, interpreter_id)
        member = await unit.session.get(PoolMember, interpreter_id)
        stage = member.stage if member else _stage_of(person)
        known = await self._evidence(unit, person)
        return MemberView(
            interpreter_id=interpreter_id,
            stage=stage.value,
            since=member.since if member else person.joined_pool_at,
            reason=member.reason if member else None,
            moves=sorted(move.value for move in MEMBERSHIP.moves_from(stage)),
            level=person.level,
            gaps={level.value: [gap.value for gap in gaps(level, known)] for level in Level},
            reviewed_minutes=known.reviewed_minutes,
            reviews_last_year=known.reviews_last_year,
        )

    async def stages(self, unit: ReadUnit, interpreter_ids: Sequence[str]) -> Mapping[str, str]:
        """The stage of each interpreter that has one noted."""
        rows = await unit.session.execute(
            select(PoolMember.interpreter_id, PoolMember.stage).where(PoolMember.interpreter_id.in_(interpreter_ids))
        )
        return {row.interpreter_id: row.stage.value for row in rows}

    async def history(self, unit: ReadUnit, interpreter_id: str) -> list[EvidenceView]:
        """Everything noted for an interpreter, the newest first."""
        rows = await unit.session.scalars(
            select(PoolEvidence)
            .where(PoolEvidence.interpreter_id == interpreter_id)
            .order_by(PoolEvidence.noted_at.desc(), PoolEvidence.id.desc())
        )
        return [
            EvidenceView(
                id=row.id,
                kind=row.kind,
                detail=dict(row.detail),
                issued_at=row.issued_at,
                expires_at=row.expires_at,
                noted_at=row.noted_at,
            )
            for row in rows
        ]

    async def watch(self, unit: ReadUnit) -> list[tuple[str, Notice]]:
        """The expiry watch R-8 over everybody who is matched: code and notice, the most urgent first."""
        people = (await unit.session.scalars(select(Interpreter).where(Interpreter.active.is_(True)))).all()
        codes = {person.id: person.code for person in people}
        known = [one for person in people for one in validities(person)]
        return [(codes[notice.interpreter_id], notice) for notice in notices(known, unit.now)]

    async def _demand(self, uow: UnitOfWork, interpreter_id: str, level: Level) -> None:
        missing = gaps(level, await self._evidence(uow, await self._person(uow, interpreter_id)))
        if missing:
            raise Conflict("accreditation_gaps", {"level": level.value, "gaps": ",".join(gap.value for gap in missing)})

    async def _evidence(self, unit: ReadUnit, person: Interpreter) -> Evidence:
        async with unit.across_countries():
            done = (
                await unit.session.execute(
                    select(
                        func.coalesce(func.sum(QualityReview.minutes), 0),
                        func.count().filter(QualityReview.done_at > unit.now - timedelta(days=365)),
                    ).where(QualityReview.interpreter_id == person.id, QualityReview.done_at.is_not(None))
                )
            ).one()
        return Evidence(
            at=unit.now,
            vetting_until=person.vetting_expires if person.vetting_result == "pass" else None,
            nda_until=person.nda_expires,
            conduct_until=person.conduct_expires,
            open_claim=person.own_asylum_case == AsylumCase.OPEN.value,
            pairs=tuple(PairEvidence(pair.level_from, pair.level_to, pair.verified_by) for pair in person.pairs),
            training=_trainings(person),
            reviewed_minutes=done[0] or 0,
            reviews_last_year=done[1] or 0,
        )

    async def _member(self, uow: UnitOfWork, interpreter_id: str) -> PoolMember:
        person = await self._person(uow, interpreter_id)
        member = await uow.session.get(PoolMember, interpreter_id, with_for_update=True, populate_existing=True)
        if member is None:
            member = PoolMember(interpreter_id=interpreter_id, stage=_stage_of(person), since=person.joined_pool_at)
            uow.session.add(member)
            await uow.flush()
        return member

    async def _person(self, unit: ReadUnit, interpreter_id: str) -> Interpreter:
        return await self._pool.person(unit, interpreter_id)

    async def _note(
        self,
        uow: UnitOfWork,
        interpreter_id: str,
        kind: str,
        detail: dict[str, Any],
        issued_at: datetime,
        expires_at: datetime | None,
    ) -> None:
        uow.session.add(
            PoolEvidence(
                id=new_id("evidence"),
                interpreter_id=interpreter_id,
                kind=kind,
                detail=detail,
                issued_at=issued_at,
                expires_at=expires_at,
                noted_by=uow.actor.id,
                noted_at=uow.now,
            )
        )
        await uow.flush()


def validities(person: Interpreter) -> list[Validity]:
    """Until when each paper and each training that runs out holds."""
    papers = (
        ("vetting", person.vetting_expires if person.vetting_result == "pass" else None),
        ("nda", person.nda_expires),
        ("conduct", person.conduct_expires),
        *((f"training:{code}", until) for code, until in _trainings(person).items() if until is not None),
    )
    return [Validity(person.id, kind, until) for kind, until in papers]


def _stage_of(person: Interpreter) -> MemberStage:
    """For profiles that are older than memberships."""
    return MemberStage.ACTIVE if person.active else MemberStage.SUSPENDED


def _trainings(person: Interpreter) -> dict[str, datetime | None]:
    zone = ZoneInfo(person.time_zone)
    return {
        str(one["code"]): _end_of(date.fromisoformat(one["expires"]), zone) if one.get("expires") else None
        for one in person.training
    }


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    """A training that expires on a day still counts on it."""
    return datetime.combine(day + timedelta(days=1), time.min, zone)
