"""The language desk and the phrasebook: what was found out about a language, finder calls, the listening helper, aids."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.exceptions import HTTPException

from core.db.session import UnitOfWork
from core.errors import Invalid
from records.desk import AidKind, CaseAid, Confidence, ConfirmedBy, FoundBy, LanguageFinding
from records.models import Case
from scheduler.pool import regional
from signaling.api.booking_models import BookingStateWord, BookingView
from signaling.api.routing import guarded_router
from signaling.api.shapes import In, Instant, InstantIn, Key, Language, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import IdempotencyKey, Svc, Who
from signaling.desk.findings import AidUse, NewFinding
from signaling.desk.sound import BYTES_MOST, LONGEST_S, SHORTEST_S, pcm_of
from signaling.facts import case_facts
from signaling.policy import CaseFacts, demand, may_change_case, may_read_case

router: APIRouter = guarded_router("desk")

PhraseRef = Annotated[str, Field(pattern=r"^P\d{2}$")]
WAV = "audio/wav"


class FindingBody(In):
    """What the desk found out. There is no field for a country, a nation or an origin."""

    version: int
    language: Language
    variant: Language | None = None
    fallback: Language | None = None
    confidence: Confidence
    found_by: Annotated[list[FoundBy], Field(min_length=1, max_length=5)]
    confirmed_by: ConfirmedBy


class FinderBody(In):
    """Ring an interpreter of this language, only to find out the language."""

    step_id: Key
    language: Language


class AidBody(In):
    """One phrase was shown or played."""

    kind: AidKind
    ref: PhraseRef
    language: Language
    step_id: Key | None = None
    used_at: InstantIn | None = None


class FindingView(Out):
    """A finding."""

    language: str
    variant: str | None
    fallback: str | None
    confidence: Confidence
    found_by: list[FoundBy]
    confirmed_by: ConfirmedBy
    by_code: str
    at: Instant


class AidView(Out):
    """One use of an aid."""

    kind: AidKind
    ref: str
    language: str
    step_id: str | None
    used_at: Instant
    by_code: str


class FinderView(Out):
    """A finder call and what came of it."""

    booking_id: str
    called: str
    """The language in which an interpreter was called."""
    state: BookingStateWord
    at: Instant
    confirmed: str | None
    """What the interpreter confirmed."""


class CaseLanguageView(Out):
    """All that the desk knows about the languages of a case, the newest first."""

    case_ref: str
    findings: list[FindingView]
    finder_calls: list[FinderView]
    aids: list[AidView]


class HelperView(Out):
    """Whether the listening helper can be used here."""

    ready: bool
    why: Literal["not_set_up"] | None
    candidates: list[str]
    shortest_s: int
    longest_s: int


class Heard(Out):
    """One candidate with its share (0 to 1, all candidates together 1)."""

    language: str
    share: float
    together: list[str]
    """Cannot be told from it by the helper: to be chosen by hand."""


class HelperAnswer(Out):
    """A ranked guess. A person decides."""

    ranked: list[Heard]
    voiced_s: float
    unsure: Literal["too_short", "close", "faint", "outside", "nothing_to_rank"] | None
    by_hand: list[str]
    """The helper cannot know these at all."""


@router.get("/api/desk/helper")
async def helper_state(who: Who, services: Svc) -> HelperView:
    """Whether there is a listening helper, and between which languages it ranks."""
    state = services.desk.helper.state
    return HelperView(
        ready=state.ready,
        why="not_set_up" if state.why else None,
        candidates=list(state.candidates),
        shortest_s=SHORTEST_S,
        longest_s=LONGEST_S,
    )


@router.post(
    "/api/desk/listen",
    openapi_extra={"requestBody": {"required": True, "content": {WAV: {"schema": {"type": "string", "format": "binary"}}}}},
)  # fmt: skip
async def listen(request: Request, who: Who, services: Svc) -> HelperAnswer:
    """Rank the candidates by 3 to 30 s of sound (WAV, 16 kHz, mono, 16 bit). The sound is dropped with the answer."""
    pcm = pcm_of(await _body(request))
    found = await services.desk.helper.listen(pcm)
    return HelperAnswer(
        ranked=[
            Heard(language=code, share=round(share, 3), together=list(found.together.get(code, ())))
            for code, share in found.ranked
        ],
        voiced_s=round(found.voiced_seconds, 1),
        unsure=found.unsure.value if found.unsure else None,
        by_hand=list(found.by_hand),
    )


@router.get("/api/cases/{case_id}/language")
async def read_language(case_id: Key, who: Who, services: Svc) -> CaseLanguageView:
    """Findings, finder calls and aids of a case. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as unit:
        facts = await case_facts(unit, case_id)
        demand(may_read_case(who, facts), hidden="case_unknown")
        _record(services, unit, "case.language_viewed", case_id, facts, {})
        case = await unit.session.get(Case, case_id)
        assert case is not None
        return CaseLanguageView(
            case_ref=case.case_ref,
            findings=[_finding(row) for row in await services.desk.findings.of_case(unit, case_id)],
            finder_calls=[
                FinderView.model_validate(row) for row in await services.desk.findings.finder_calls(unit, case_id)
            ],
            aids=[_aid(row) for row in await services.desk.findings.aids(unit, case_id)],
        )


@router.post("/api/cases/{case_id}/language", status_code=201)
async def put_finding(case_id: Key, body: FindingBody, who: Who, services: Svc) -> FindingView:
    """Keep what was found out and make it the first language of the case; open searches go on with it."""
    new = NewFinding(**{name: value for name, value in body.model_dump().items() if name != "version"})
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        row = await services.desk.findings.put(uow, case_id, new, version=body.version)
        await services.scheduler.bookings.case_changed(uow, case_id)
        data = {"language": new.working, "confidence": new.confidence.value, "confirmed_by": new.confirmed_by.value}
        _record(services, uow, "case.language_found", case_id, facts, data)
        return _finding(row)


@router.post("/api/cases/{case_id}/language/finder", status_code=201)
async def finder_call(
    case_id: Key, body: FinderBody, who: Who, services: Svc, key: IdempotencyKey = None
) -> BookingView:
    """Ring an interpreter for at most five minutes, only to find out the language (M-12). The step itself stays to be held."""
    async with services.database.unit(regional(who.actor)) as uow:
        facts = await _writable(uow, who, case_id)
        case = await services.cases.get(uow, case_id)
        if all(step["id"] != body.step_id for step in case["steps"]):
            raise Invalid("step_unknown", {"step": body.step_id[:40]})
        booking = await services.desk.finder.ask(
            uow,
            case_id,
            step_id=body.step_id,
            language=body.language,
            officer_language=who.officer_language,
            idempotency_key=key,
        )
        _record(services, uow, "case.finder_call_asked", case_id, facts, {"language": body.language})
        return BookingView.model_validate(await services.scheduler.booking_views.view(uow, booking))


@router.post("/api/cases/{case_id}/aids", status_code=201)
async def use_aid(case_id: Key, body: AidBody, who: Who, services: Svc, key: IdempotencyKey = None) -> AidView:
    """Note that a phrase was shown or played: an aid, never interpretation (M-13)."""
    async with services.database.unit(who.actor) as uow:
        facts = await _writable(uow, who, case_id)
        row = await services.desk.findings.use_aid(uow, case_id, AidUse(**body.model_dump()), key=key)
        _record(services, uow, "case.aid_used", case_id, facts, {"kind": row.kind.value, "ref": row.ref})
        return _aid(row)


async def _body(request: Request) -> bytes:
    """The body in memory, refused as soon as it is too long, whatever was declared."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != WAV:
        raise HTTPException(415)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BYTES_MOST:
            raise Invalid("sound_too_long", {"seconds": LONGEST_S})
        parts.append(part)
    return b"".join(parts)


async def _writable(uow: UnitOfWork, who: Principal, case_id: str) -> CaseFacts:
    facts = await case_facts(uow, case_id)
    demand(may_change_case(who, facts), hidden="case_unknown")
    return facts


def _finding(row: LanguageFinding) -> FindingView:
    return FindingView(
        language=row.language,
        variant=row.variant,
        fallback=row.fallback,
        confidence=row.confidence,
        found_by=[FoundBy(one) for one in row.found_by],
        confirmed_by=row.confirmed_by,
        by_code=row.by_code,
        at=row.at,
    )


def _aid(row: CaseAid) -> AidView:
    return AidView(
        kind=row.kind, ref=row.ref, language=row.language, step_id=row.step_id, used_at=row.used_at, by_code=row.by_code
    )


def _record(
    services: Services, uow: UnitOfWork, action: str, case_id: str, facts: CaseFacts, data: dict[str, str]
) -> None:
    services.audit.record(uow, action, case_id, country=facts.country, purpose="casework", data=data)
