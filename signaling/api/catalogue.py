"""What screens are built from: languages, authorities, sites, procedure steps, needs; and what everybody may know of the server."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from core.access import Country
from records.procedures import Catalogue, Step
from records.sites import SiteView, list_sites
from records.stages import Stage
from scheduler.languages import LanguageTable
from signaling.api.routing import guarded_router
from signaling.api.shapes import Names, Out
from signaling.auth.accounts import LOCALES, OFFICER_LANGUAGES
from signaling.auth.passwords import MIN_PASSWORD
from signaling.deps import Svc, Who

router: APIRouter = guarded_router("catalogue")

NEEDS = (
    "SHORT_SESSIONS", "EXTRA_BREAKS", "SAME_SEX_TEAM", "CHILD_TRAINED_INTERPRETER", "TRAUMA_TRAINED_INTERPRETER",
    "IN_PERSON_ONLY", "NO_VIDEO_OF_PERSON", "NO_RECORDING", "SIGN_LANGUAGE", "HEARING_AID", "LOW_VISION", "WHEELCHAIR",
    "SUPPORT_PERSON", "URGENT_MEDICAL", "SEPARATE_FROM_COMPANIONS", "SPECIALIST_REFERRAL_OPEN",
)  # fmt: skip
"""Practical needs, a closed list: the need is stored, never the group behind it."""
_LOCAL = {Country.RS: "sr-Cyrl", Country.MK: "mk"}


class LanguageOut(Out):
    """A language that a person may speak."""

    code: str
    endonym: str | None
    """Its own name for itself, in its own script; none where no checked one is known."""
    dir: Literal["ltr", "rtl"]
    group: str
    macro: str | None
    """The language that this one is a variety of."""
    is_macro: bool
    """Not precise enough to match: ask ``ask``."""
    ask: str | None


class AuthorityOut(Out):
    """An authority."""

    code: str
    country: str
    name: Names


class SiteOut(Out):
    """A facility."""

    code: str
    country: Country
    name: Names
    authority: str


class LegalBasisOut(Out):
    """The law behind a step, and how sure we are."""

    act: str
    article: str | None
    status: str
    source: str | None
    note: str | None


class RemoteOut(Out):
    """Whether a way of taking part suits the step."""

    video: Literal["preferred", "allowed", "not_allowed", "agreement"]
    phone: Literal["preferred", "allowed", "not_allowed", "agreement"]


class DeadlineOut(Out):
    """A time limit of the step."""

    limit: str | None
    upper: str | None
    when: str | None
    from_step: str | None
    kind: Literal["legal", "guideline"]
    track: str | None
    status: str


class StepOut(Out):
    """A procedure step and what it needs."""

    code: str
    country: Country
    stage: Stage
    seq: int
    name: Names
    short_name: Names
    authority: str | None
    authorities: list[str]
    interpretation: Literal["mandatory", "expected", "optional", "none"]
    remote: RemoteOut
    recording: Literal["off", "optional", "mandatory", "never", "court"]
    typical_minutes: int
    presence: list[str]
    documents: list[str]
    readback: bool
    min_level: Literal["L0", "L1", "L2", "L3"]
    legal_basis: list[LegalBasisOut]
    deadline: DeadlineOut | None
    deadlines: list[DeadlineOut]


class CatalogueOut(Out):
    """Everything that screens are built from."""

    languages: list[LanguageOut]
    officer_languages: list[str]
    authorities: list[AuthorityOut]
    sites: list[SiteOut]
    steps: list[StepOut]
    needs: list[str]


class ConfigOut(Out):
    """What everybody may know."""

    version: str
    demo: bool
    locales: list[str]
    min_password: int = Field(default=MIN_PASSWORD)


@router.get("/api/config")
async def config(services: Svc) -> ConfigOut:
    """Version, locales and the rule for passwords."""
    return ConfigOut(version=product_version(), demo=services.settings.demo, locales=list(LOCALES))


@router.get("/api/catalogue", response_model=CatalogueOut)
async def catalogue(request: Request, who: Who, services: Svc) -> Response:
    """The catalogue; ask again with ``If-None-Match`` and get 304 as long as nothing changed."""
    async with services.database.read(who.actor) as unit:
        sites = await list_sites(unit)
    body = build_catalogue(services.catalogue, services.languages, sites).model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def build_catalogue(procedures: Catalogue, languages: LanguageTable, sites: list[SiteView]) -> CatalogueOut:
    """The catalogue as screens get it."""
    return CatalogueOut(
        languages=[
            LanguageOut(
                code=language.code,
                endonym=language.endonym,
                dir="rtl" if language.direction == "rtl" else "ltr",
                group=language.group,
                macro=language.macro,
                is_macro=language.is_macro,
                ask=language.ask,
            )
            for language in languages
        ],
        officer_languages=list(OFFICER_LANGUAGES),
        authorities=[
            AuthorityOut(code=a.code, country=a.code[:2], name=_names(a.name.en, a.name.local, a.code[:2]))
            for a in procedures.authorities()
        ],
        sites=[SiteOut.model_validate(site) for site in sites],
        steps=[
            step_out(step, seq)
            for country in Country
            for seq, step in enumerate(procedures.steps(country.value), start=1)
        ],
        needs=list(NEEDS),
    )


def step_out(step: Step, seq: int) -> StepOut:
    """A step as screens get it."""
    agreement = step.remote.with_agreement
    deadlines = [
        DeadlineOut(
            limit=d.limit,
            upper=d.upper,
            when=d.when,
            from_step=d.from_step,
            kind=d.kind,
            track=d.track,
            status=d.status,
        )
        for d in step.deadline
    ]
    return StepOut(
        code=step.code,
        country=step.country,
        stage=step.stage,
        seq=seq,
        name=_names(step.name.en, step.name.local, step.country),
        short_name=step.short_name.model_dump(by_alias=True, exclude_none=True),
        authority=step.authority[0] if step.authority else None,
        authorities=list(step.authority),
        interpretation=step.interpretation.value.value,
        remote=RemoteOut(
            video="agreement" if agreement and step.remote.video.value != "not_allowed" else step.remote.video.value,
            phone=step.remote.phone.value,
        ),
        recording=step.recording.value.value,
        typical_minutes=step.typical_minutes,
        presence=[part.value for part in step.presence],
        documents=[document.en for document in step.documents],
        readback=step.readback,
        min_level=step.min_level.value,
        legal_basis=[
            LegalBasisOut(act=b.act, article=b.article, status=b.status, source=b.source, note=b.note)
            for b in step.legal_basis
        ],
        deadline=deadlines[0] if deadlines else None,
        deadlines=deadlines,
    )


def product_version() -> str:
    """The installed version."""
    try:
        return version("tarjuman")
    except PackageNotFoundError:
        return "0.0.0"


def _names(en: str, local: str, country: str) -> Names:
    locale = _LOCAL.get(Country(country)) if country in Country.__members__ else None
    return {"en": en} if locale is None else {"en": en, locale: local}
