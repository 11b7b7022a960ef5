"""Draft transcripts: begun, read, corrected and decided about from the session; the kept text in the record; the switches.

People answer for themselves on the socket (``room.speech``), guests too.
"""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from core.db.session import ReadUnit
from core.errors import NotFound
from records.chain import JsonValue
from records.models import Session
from scheduler.pool import regional
from signaling import places
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, Country, In, Instant, Key, Out
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.facts import session_facts
from signaling.places import Place
from signaling.policy import Part, demand, may_lead_draft, may_read_transcript, may_share_terms, may_switch_speech
from signaling.speech.asked import by_word
from signaling.speech.models import COUNTRY_SWITCH, SpeechBeside, SpeechConsent
from signaling.speech.rows import beside, consents, draft_of, seated
from signaling.speech.states import Flow, flow

router: APIRouter = guarded_router("speech")


class PersonAnswer(Out):
    """Somebody present and what they answered."""

    whom: str
    """The id of their place, or of somebody beside the officer their part."""
    part: str
    code: str | None
    here: bool
    answer: str
    """asked, said (noted by the officer, not yet confirmed by the interpreter), yes, no, withdrawn; ``none`` for somebody who has only
    just come."""
    by: str
    """How they can answer: screen, key (by telephone alone), word (through the interpreter)."""
    beside: bool
    """They sit beside the officer without a device."""
    how: str | None
    """How the answer came: own_screen, own_key, spoken."""
    noted_part: str | None
    noted_code: str | None
    at: Instant | None
    """When they answered."""


class DraftLine(Out):
    """One utterance. Lines of one ``row`` belong together: what was said, and how it was rendered."""

    id: str
    row: int
    part: str
    code: str | None
    rendition: bool
    language: str
    dir: str
    from_at: Instant
    to_at: Instant
    text: str | None
    corrected: str | None
    corrected_part: str | None
    missing: str | None
    shared: bool
    """Of the officer's microphone while somebody sat beside them."""
    changed: int


class Draft(Out):
    """A draft transcript as officer and interpreter see it: made by machine, not evidence."""

    state: str
    """none, asking, running, stopped, kept, wiped."""
    flow: str
    """What happens with the sound now: asking, running, break, newcomer, stopped."""
    reason: str | None
    barred: str | None
    """Why no draft can begin here."""
    keep: bool
    version: int
    reset: bool
    """Forget all lines that are not in this answer: something was wiped since the version that was asked for."""
    people: list[PersonAnswer]
    lines: list[DraftLine]
    silent_languages: dict[str, str]
    """Languages of this talk that are not written down, and why (a state of the model)."""


Guest = Literal["applicant", "guardian", "lawyer"]


class AskBody(In):
    """Who sits beside the officer without a device of their own."""

    near: Annotated[tuple[Guest, ...], Field(max_length=3)] = ()


class BesideBody(In):
    """Somebody sits beside the officer."""

    part: Guest


class NoteBody(In):
    """What somebody without a screen answered, who was asked through the interpreter."""

    whom: Key
    agrees: bool


class KeepBody(In):
    """What becomes of the text at the end."""

    keep: bool


class CorrectionBody(In):
    """What was really said; empty takes a correction back."""

    text: Annotated[str, Field(max_length=4000)]
    changed: int
    """Of the line as it was seen."""


class TranscriptText(Out):
    """The text that the officer put into the record."""

    text: str


class SwitchBody(In):
    """On or off."""

    on: bool


class StepSwitchRow(Out):
    """One step."""

    step_code: str
    on: bool
    never: bool


class CountrySpeech(Out):
    """The switches of a country."""

    country: str
    on: bool
    steps: list[StepSwitchRow]


class ModelStateRow(Out):
    """A language and its model: verified, not_configured, missing, unpinned, wrong, no_pashto_model, no_token."""

    language: str
    state: str


class SpeechSettingsPage(Out):
    """What an administrator sees."""

    countries: list[CountrySpeech]
    models: list[ModelStateRow]
    workers: int


@router.get("/api/sessions/{session_id}/draft")
async def read_draft(session_id: Key, who: Who, services: Svc, since: Annotated[int, Query(ge=0)] = 0) -> Draft:
    """The draft, or what changed in it since a version."""
    async with services.database.read(regional(who.actor)) as unit:
        session = await _session_of(unit, who, session_id)
        return await _draft(unit, services, session, since)


@router.post("/api/sessions/{session_id}/draft/ask", status_code=204)
async def ask_for_draft(session_id: Key, body: AskBody, who: Who, services: Svc) -> None:
    """The officer asks everybody present for a draft; asking is the officer's own consent."""
    await _as_officer(services, who, session_id)
    await services.speech.drafts.ask(session_id, near=body.near)


@router.post("/api/sessions/{session_id}/draft/beside", status_code=204)
async def name_beside(session_id: Key, body: BesideBody, who: Who, services: Svc) -> None:
    """The officer says who sits beside them without a device; nothing is listened to until they are asked."""
    await _as_officer(services, who, session_id)
    await services.speech.drafts.name_beside(session_id, body.part)


@router.post("/api/sessions/{session_id}/draft/note", status_code=204)
async def note_answer(session_id: Key, body: NoteBody, who: Who, services: Svc) -> None:
    """Officer or interpreter note the answer of somebody without a screen, who was asked through the interpreter."""
    async with services.database.read(regional(who.actor)) as unit:
        await _session_of(unit, who, session_id)
        seat = await places.of_user(unit, session_id, who.user_id)
    if seat is None:
        raise NotFound("session_unknown")
    await services.speech.drafts.note(session_id, body.whom, agrees=body.agrees, by=seat)


@router.post("/api/sessions/{session_id}/draft/stop", status_code=204)
async def stop_draft(session_id: Key, who: Who, services: Svc) -> None:
    """The officer ends listening. Everybody else ends it by taking back their consent."""
    await _as_officer(services, who, session_id)
    await services.speech.drafts.stop(session_id)


@router.post("/api/sessions/{session_id}/draft/keep", status_code=204)
async def keep_draft(session_id: Key, body: KeepBody, who: Who, services: Svc) -> None:
    """The officer decides whether the text goes into the record at the end; else it is wiped."""
    await _as_officer(services, who, session_id)
    await services.speech.drafts.keep(session_id, keep=body.keep)


@router.put("/api/sessions/{session_id}/draft/lines/{line_id}", status_code=204)
async def correct_line(session_id: Key, line_id: Key, body: CorrectionBody, who: Who, services: Svc) -> None:
    """Officer or interpreter writes what was really said; the machine's draft stays beside it."""
    async with services.database.read(regional(who.actor)) as unit:
        await _session_of(unit, who, session_id)
        seat = await places.of_user(unit, session_id, who.user_id)
    part = seat.part if seat is not None else Part.OFFICER.value
    await services.speech.lines.correct(session_id, line_id, body.text, part=part, version=body.changed)


@router.get("/api/sessions/{session_id}/transcript")
async def read_transcript(session_id: Key, who: Who, services: Svc) -> TranscriptText:
    """The kept text. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as uow:
        facts = await session_facts(uow, session_id)
        demand(may_read_transcript(who, facts), hidden="session_unknown")
        text = await services.speech.drafts.transcript(uow, session_id)
        services.audit.record(uow, "transcript.viewed", session_id, country=facts.country, purpose="casework", data={})
        return TranscriptText(text=text)


@router.get("/api/speech/settings")
async def read_speech_settings(who: Who, services: Svc) -> SpeechSettingsPage:
    """Switches of the asker's countries, and the state of each language's model."""
    countries = [c for c in sorted(who.actor.countries) if may_switch_speech(who, c)]
    async with services.database.read(who.actor) as unit:
        found = [await services.speech.switches.of_country(unit, country) for country in countries]
    models = await services.speech.models(services.speech.shown_languages())
    return SpeechSettingsPage(
        countries=[
            CountrySpeech(
                country=each.country,
                on=each.is_on,
                steps=[StepSwitchRow(step_code=s.step_code, on=s.is_on, never=s.never) for s in each.steps],
            )
            for each in found
        ],
        models=[ModelStateRow(language=row.language, state=row.state.value) for row in models],
        workers=services.settings.speech.workers,
    )


@router.put("/api/speech/settings/{country}", status_code=204)
async def switch_country(country: Country, body: SwitchBody, who: Who, services: Svc) -> None:
    """Allow drafts in a country, or not."""
    await _turn(services, who, country, COUNTRY_SWITCH, on=body.on)


@router.put("/api/speech/settings/{country}/steps/{step_code}", status_code=204)
async def switch_step(country: Country, step_code: Code, body: SwitchBody, who: Who, services: Svc) -> None:
    """Allow drafts at a step, or not."""
    await _turn(services, who, country, step_code, on=body.on)


async def _turn(services: Services, who: Principal, country: Country, step_code: str, *, on: bool) -> None:
    demand(may_switch_speech(who, country))
    async with services.database.unit(who.actor) as uow:
        await services.speech.switches.turn(uow, country, step_code, on=on, by=who.user_id)
        data: dict[str, JsonValue] = {"step": step_code or "*", "on": on}
        services.audit.record(uow, "speech.switched", country, country=country, purpose="administration", data=data)


async def _session_of(unit: ReadUnit, who: Principal, session_id: str) -> Session:
    """The session, if this person has the officer's or an interpreter's place in it."""
    facts = await session_facts(unit, session_id)
    seat = await places.of_user(unit, session_id, who.user_id)
    demand(may_share_terms(who, seat.part if seat else None, facts.country), hidden="session_unknown")
    session = await unit.session.get(Session, session_id)
    assert session is not None
    return session


async def _as_officer(services: Services, who: Principal, session_id: str) -> None:
    async with services.database.read(regional(who.actor)) as unit:
        facts = await session_facts(unit, session_id)
        seat = await places.of_user(unit, session_id, who.user_id)
    demand(may_lead_draft(who, seat.part if seat else None, facts.country), hidden="session_unknown")


async def _draft(unit: ReadUnit, services: Services, session: Session, since: int) -> Draft:
    speech = services.speech
    draft = await draft_of(unit, session.id)
    barred = await speech.drafts.why_not(unit, session)
    silent = await speech.silent_languages(unit, session)
    if draft is None:
        return Draft(
            state="none", flow=Flow.STOPPED.value, reason=None, barred=barred, keep=False, version=0, reset=since > 0,
            people=[], lines=[], silent_languages=silent,
        )  # fmt: skip
    reset = since < draft.wiped_version or since > draft.version
    lines = await speech.lines.since(unit, session.id, 0 if reset else since)
    here = await seated(unit, session.id)
    answers = await consents(unit, session.id)
    near = await beside(unit, session.id)
    present = {person.place_id for person in here if person.place_id is not None}
    parts = {person.part for person in here if person.place_id is not None}
    asked = [place for place in await places.of_session(unit, session.id) if place.id in present or place.id in answers]
    return Draft(
        state=draft.state.value,
        flow=flow(draft.state, session.state, here).value,
        reason=draft.reason.value if draft.reason else None,
        barred=barred,
        keep=draft.keep,
        version=draft.version,
        reset=reset,
        people=[
            *[_person(place.id, answers.get(place.id), place.part, place, here=place.id in present) for place in asked],
            *[_person(part, near[part], part, None, here=True) for part in near if part not in parts],
        ],
        lines=[
            DraftLine(
                id=line.id, row=line.row, part=line.part, code=line.code, rendition=line.is_rendition, language=line.language,
                dir=speech.direction(line.language), from_at=line.from_at, to_at=line.to_at, text=line.text,
                corrected=line.corrected, corrected_part=line.corrected_part, missing=line.missing, shared=line.shared,
                changed=changed,
            )
            for line, changed in lines
        ],
        silent_languages=silent,
    )  # fmt: skip


def _person(
    whom: str, row: SpeechConsent | SpeechBeside | None, part: str, place: Place | None, *, here: bool
) -> PersonAnswer:
    by = "word" if place is None or by_word(place) else "screen"
    if place is not None and by == "screen" and place.phone_leg_id is not None and place.state != "present":
        by = "key"
    return PersonAnswer(
        whom=whom,
        part=part,
        code=place.code if place is not None else None,
        here=here,
        answer=row.answer.value if row is not None else "none",
        by=by,
        beside=place is None,
        how=row.how.value if row is not None and row.how is not None else None,
        noted_part=row.noted_part if row is not None else None,
        noted_code=row.noted_code if row is not None else None,
        at=row.answered_at if row is not None else None,
    )
