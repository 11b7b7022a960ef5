"""The pool of interpreters, for coordinators, and the gates between the countries, for administrators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypedDict, cast

from fastapi import APIRouter, Query
from pydantic import Field

from core.access import Country, Role
from core.db.session import UnitOfWork
from core.errors import NotFound
from records.stages import Stage
from scheduler.pool_views import GateRow, PoolPage, Profile
from scheduler.pool_write import ProfileInput
from signaling.api.routing import guarded_router
from signaling.api.shapes import Code, DayText, In, InstantIn, Key, Language, PageNumber, PageSize
from signaling.api.shown import shown
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.facts import base_country
from signaling.policy import demand, may_change_interpreter, may_manage_instrument

router: APIRouter = guarded_router("pool")

LanguageLevel = Literal["native", "C2", "C1", "B2", "B1"]
PresenceWord = Literal["available", "busy", "away"]


class PairBody(In):
    """A working pair: the person's language, the officer's language."""

    from_lang: Language
    to_lang: Language
    level_from: LanguageLevel
    level_to: LanguageLevel
    modes: Annotated[list[Code], Field(max_length=4)]
    verified_by: Literal["test", "degree", "sworn", "self"]


class TrainingBody(In):
    """A finished training."""

    code: Code
    date: DayText
    expires: DayText | None = None


class SwornBody(In):
    """Appointment as a court interpreter."""

    country: Country
    register_no: Annotated[str, Field(max_length=32)]
    pair: Annotated[str, Field(max_length=16)]
    valid_from: DayText


class ProfileBody(In):
    """What is entered about an interpreter. Voluntary and sensitive facts (origin, communities, own asylum case) are for the
    matcher only: they can be entered here and are shown nowhere."""

    code: Code | None = None
    user_id: Key | None = None
    active: bool | None = None
    nominated_by: Code | None = None
    engagement: Code | None = None
    base_country: Country | None = None
    time_zone: Annotated[str, Field(max_length=40)] | None = None
    location_status: Code | None = None
    sex: Literal["woman", "man", "other"] | None = None
    level: Literal["L0", "L1", "L2", "L3"] | None = None
    pairs: Annotated[list[PairBody], Field(min_length=1, max_length=24)] | None = None
    officer_languages: Annotated[list[Language], Field(max_length=6)] | None = None
    region_of_language: Annotated[str, Field(max_length=80)] | None = None
    training: Annotated[list[TrainingBody], Field(max_length=20)] | None = None
    sworn: SwornBody | None = None
    vetting_result: Literal["none", "pass", "fail"] | None = None
    vetting_expires: InstantIn | None = None
    nda_version: Annotated[str, Field(max_length=16)] | None = None
    nda_expires: InstantIn | None = None
    conduct_version: Annotated[str, Field(max_length=16)] | None = None
    conduct_expires: InstantIn | None = None
    own_asylum_case: Code | None = None
    country_of_origin: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    communities_declared: Annotated[list[Code], Field(max_length=8)] | None = None
    max_minutes_day: int | None = None
    max_block_min: int | None = None
    no_topics: Annotated[list[Code], Field(max_length=16)] | None = None
    no_children: bool | None = None
    reachable_by: Annotated[list[Code], Field(max_length=3)] | None = None
    on_call: bool | None = None

    def told(self) -> ProfileInput:
        """What was given, and only that."""
        values: dict[str, Any] = {}
        for name in self.model_fields_set & set(ProfileInput.__annotations__):
            value = getattr(self, name)
            if value is None and name not in _MAY_BE_EMPTY:
                continue
            if isinstance(value, list):
                value = [one.model_dump() if isinstance(one, In) else one for one in value]
            elif isinstance(value, In):
                value = value.model_dump(mode="json")
            elif isinstance(value, Country):
                value = value.value
            values[name] = value
        return cast(ProfileInput, values)


_MAY_BE_EMPTY = frozenset(
    {"user_id", "region_of_language", "sworn", "vetting_expires", "nda_version", "nda_expires", "conduct_version",
     "conduct_expires", "country_of_origin"}
)  # fmt: skip


class ProfileChangesBody(ProfileBody):
    """What changes; ``version`` is the one that was read."""

    version: int


class InstrumentBody(In):
    """A legal basis under which interpreters in the other country may serve cases of this one (T-2)."""

    from_country: Country
    """Country of the case."""
    to_country: Country
    """Country of the interpreter."""
    basis: Annotated[str, Field(min_length=1, max_length=120)]
    reference: Annotated[str, Field(min_length=1, max_length=120)]
    valid_from: InstantIn
    valid_to: InstantIn | None = None
    stages: Annotated[list[Stage], Field(min_length=1, max_length=5)]


class InstrumentList(TypedDict):
    """All instruments, the newest first; none open means: the gate is closed."""

    items: Sequence[GateRow]


@router.get("/api/interpreters", response_model=shown(PoolPage))
async def list_interpreters(
    who: Who,
    services: Svc,
    q: Annotated[str | None, Query(max_length=16)] = None,
    language: Language | None = None,
    presence: PresenceWord | None = None,
    page: PageNumber = 1,
    per: PageSize = 25,
) -> PoolPage:
    """The pool of both countries."""
    async with services.database.read(who.actor) as unit:
        return await services.scheduler.pool.list(unit, q=q, language=language, presence=presence, page=page, per=per)


@router.get("/api/interpreters/{interpreter_id}", response_model=shown(Profile))
async def read_interpreter(interpreter_id: Key, who: Who, services: Svc) -> Profile:
    """A profile in full. The look is noted in the audit trail."""
    async with services.database.unit(who.actor) as uow:
        found = await services.scheduler.pool.get(uow, interpreter_id)
        _record(
            services,
            uow,
            "interpreter.viewed",
            interpreter_id,
            _trail(who.countries_as(Role.COORDINATOR), found["base_country"]),
        )
    return found


@router.post("/api/interpreters", status_code=201, response_model=shown(Profile))
async def create_interpreter(body: ProfileBody, who: Who, services: Svc) -> Profile:
    """A new profile, for the own country."""
    demand(may_change_interpreter(who, (body.base_country or "")), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        made = await services.scheduler.pool.create(uow, body.told())
        _record(services, uow, "interpreter.created", made["id"], made["base_country"], sorted(body.model_fields_set))
    return made


@router.patch("/api/interpreters/{interpreter_id}", response_model=shown(Profile))
async def change_interpreter(interpreter_id: Key, body: ProfileChangesBody, who: Who, services: Svc) -> Profile:
    """Change a profile of the own country; 409 ``changed_meanwhile`` when somebody was faster."""
    async with services.database.unit(who.actor) as uow:
        country = await base_country(uow, interpreter_id)
        demand(may_change_interpreter(who, country), refused="country_not_yours")
        if body.base_country is not None:
            demand(may_change_interpreter(who, body.base_country), refused="country_not_yours")
        changed = await services.scheduler.pool.update(uow, interpreter_id, version=body.version, values=body.told())
        fields = sorted(body.model_fields_set - {"version"})
        _record(services, uow, "interpreter.changed", interpreter_id, country, fields)
    return changed


@router.get("/api/transfer-instruments", response_model=shown(InstrumentList))
async def list_instruments(who: Who, services: Svc) -> InstrumentList:
    """The gates in both directions."""
    async with services.database.read(who.actor) as unit:
        found = await services.scheduler.transfer.gates(unit)
    return InstrumentList(items=found)


@router.post("/api/transfer-instruments", status_code=201, response_model=shown(GateRow))
async def open_instrument(body: InstrumentBody, who: Who, services: Svc) -> GateRow:
    """Open a direction for cases of the own country."""
    demand(may_manage_instrument(who, body.from_country), refused="country_not_yours")
    async with services.database.unit(who.actor) as uow:
        row = await services.scheduler.transfer.open_gate(
            uow,
            from_country=body.from_country.value,
            to_country=body.to_country.value,
            basis=body.basis,
            reference=body.reference,
            valid_from=body.valid_from,
            valid_to=body.valid_to,
            stages=[stage.value for stage in body.stages],
        )
        _record(services, uow, "gate.opened", row["id"], row["from_country"])
    return row


@router.post("/api/transfer-instruments/{instrument_id}/close", response_model=shown(GateRow))
async def close_instrument(instrument_id: Key, who: Who, services: Svc) -> GateRow:
    """Close a gate now."""
    async with services.database.unit(who.actor) as uow:
        known = next((row for row in await services.scheduler.transfer.gates(uow) if row["id"] == instrument_id), None)
        if known is None:
            raise NotFound("gate_unknown")
        demand(may_manage_instrument(who, known["from_country"]), refused="country_not_yours")
        row = await services.scheduler.transfer.close_gate(uow, instrument_id)
        _record(services, uow, "gate.closed", instrument_id, row["from_country"])
    return row


def _trail(own: frozenset[Country], base: str) -> str:
    """The trail in which a look stands: that of the profile's country if it is the looker's, else the looker's own."""
    return base if base in own else min(own).value


def _record(
    services: Services, uow: UnitOfWork, action: str, subject: str, country: str, fields: list[str] | None = None
) -> None:
    data = {"fields": fields} if fields else {}
    services.audit.record(uow, action, subject, country=country, purpose="coordination", data=data)
