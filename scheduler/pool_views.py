"""What the pool looks like to coordinators: profiles and transfer gates. No changes here.

Communities, origin and the own asylum case of an interpreter are for the matcher; no view shows them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from scheduler.models import Interpreter, TransferInstrument

EXPIRES_SOON_DAYS = 60
"""First warning of the expiry watch (R-8)."""


class PairView(TypedDict):
    """A working pair."""

    from_lang: str
    to_lang: str
    level_from: str
    level_to: str
    modes: list[str]
    verified_by: str


class Validity(TypedDict):
    """Until when a clearance or undertaking holds."""

    kind: str
    expires: datetime | None
    state: str
    """ok, soon (60 days), over, missing."""


class PoolRow(TypedDict):
    """An interpreter in the list."""

    id: str
    code: str
    active: bool
    base_country: str
    level: str
    pairs: list[PairView]
    presence: str
    warnings: int
    """How many clearances are missing, over, or run out soon."""


class Profile(PoolRow):
    """An interpreter in full, for coordinators."""

    version: int
    user_id: str | None
    nominated_by: str
    engagement: str
    time_zone: str
    location_status: str
    sex: str
    officer_languages: list[str]
    region_of_language: str | None
    training: list[dict[str, Any]]
    sworn: dict[str, Any] | None
    validity: list[Validity]
    max_minutes_day: int
    max_block_min: int
    no_topics: list[str]
    no_children: bool
    reachable_by: list[str]
    on_call: bool
    minutes_today: int
    devices_checked_at: datetime | None
    joined_pool_at: datetime


class PoolPage(TypedDict):
    """One page of the pool."""

    items: list[PoolRow]
    total: int
    page: int
    per: int


class GateRow(TypedDict):
    """A transfer instrument (T-2)."""

    id: str
    from_country: str
    to_country: str
    basis: str
    reference: str
    valid_from: datetime
    valid_to: datetime | None
    stages: list[str]
    open: bool
    created_at: datetime


def pool_row(person: Interpreter, presence: str, now: datetime) -> PoolRow:
    """An interpreter in the list."""
    return PoolRow(
        id=person.id,
        code=person.code,
        active=person.active,
        base_country=person.base_country,
        level=person.level,
        pairs=[
            PairView(
                from_lang=pair.from_lang,
                to_lang=pair.to_lang,
                level_from=pair.level_from,
                level_to=pair.level_to,
                modes=list(pair.modes),
                verified_by=pair.verified_by,
            )
            for pair in sorted(person.pairs, key=lambda pair: (pair.from_lang, pair.to_lang))
        ],
        presence=presence,
        warnings=sum(row["state"] != "ok" for row in validity(person, now)),
    )


def profile(person: Interpreter, presence: str, minutes_today: int, now: datetime) -> Profile:
    """An interpreter in full."""
    return Profile(
        **pool_row(person, presence, now),
        version=person.version,
        user_id=person.user_id,
        nominated_by=person.nominated_by,
        engagement=person.engagement,
        time_zone=person.time_zone,
        location_status=person.location_status,
        sex=person.sex,
        officer_languages=list(person.officer_languages),
        region_of_language=person.region_of_language,
        training=list(person.training),
        sworn=person.sworn,
        validity=validity(person, now),
        max_minutes_day=person.max_minutes_day,
        max_block_min=person.max_block_min,
        no_topics=list(person.no_topics),
        no_children=person.no_children,
        reachable_by=list(person.reachable_by),
        on_call=person.on_call,
        minutes_today=minutes_today,
        devices_checked_at=person.devices_checked_at,
        joined_pool_at=person.joined_pool_at,
    )


def validity(person: Interpreter, now: datetime) -> list[Validity]:
    """Vetting, undertaking of confidentiality, code of conduct."""
    vetting = person.vetting_expires if person.vetting_result == "pass" else None
    pairs = (("vetting", vetting), ("nda", person.nda_expires), ("conduct", person.conduct_expires))
    return [Validity(kind=kind, expires=expires, state=_state(expires, now)) for kind, expires in pairs]


def gate_row(row: TransferInstrument, now: datetime) -> GateRow:
    """A transfer instrument."""
    return GateRow(
        id=row.id,
        from_country=row.from_country,
        to_country=row.to_country,
        basis=row.basis,
        reference=row.reference,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        stages=list(row.stages),
        open=row.valid_from <= now and (row.valid_to is None or row.valid_to > now),
        created_at=row.created_at,
    )


def _state(expires: datetime | None, now: datetime) -> str:
    if expires is None:
        return "missing"
    if expires <= now:
        return "over"
    return "soon" if (expires - now).days < EXPIRES_SOON_DAYS else "ok"
