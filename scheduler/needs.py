"""From a case's facts and a request to the need that is matched, and the need as JSON in the booking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from core.errors import Invalid
from records.case_facts import StepFacts
from records.stages import Level, Mode, Stage
from scheduler.languages import LanguageSource, LanguageTable, PersonLanguage
from scheduler.lifecycle import Priority, priority_for
from scheduler.models import Booking
from scheduler.need import Need, SexWish

_TIMES = ("now", "at")
_SETS = (
    "officer_languages",
    "avoid",
    "accepted_substitutes",
    "earlier_ids",
    "complaint_ids",
    "party_ids",
    "relay_from",
)


def build_need(
    facts: StepFacts,
    *,
    language: str,
    officer_language: str,
    now: datetime,
    at: datetime,
    minutes: int,
    on_demand: bool,
    table: LanguageTable,
    party_ids: frozenset[str] = frozenset(),
) -> Need:
    """The need of one step. ``language`` comes first, the person's other languages follow in their order.

    Raises ``Invalid('language_unknown')`` and ``Invalid('language_not_in_case')`` (language).
    """
    if language not in table:
        raise Invalid("language_unknown", {"language": language[:8]})
    wanted = table.canonical(language)
    spoken = [PersonLanguage(table.canonical(code), LanguageSource(source)) for code, source in facts.languages]
    first = next((person for person in spoken if person.code == wanted), None)
    if first is None:
        raise Invalid("language_not_in_case", {"language": language})
    return Need(
        case_id=facts.case_id,
        country=facts.country,
        stage=facts.stage,
        step_code=facts.step_code,
        languages=(first, *(person for person in spoken if person.code != wanted)),
        officer_languages=frozenset({table.officer(officer_language)}),
        min_level=facts.min_level,
        now=now,
        at=at,
        minutes=minutes,
        on_demand=on_demand,
        by_calendar=not on_demand,
        mode=Mode.VIDEO,
        phone_allowed=facts.phone_allowed,
        sex_wish=SexWish(facts.sex_wish),
        sex_must=facts.sex_must,
        avoid=facts.avoid,
        accepted_substitutes=facts.accepted,
        emergency=facts.emergency,
        child="CHILD_TRAINED_INTERPRETER" in facts.needs,
        trauma="TRAUMA_TRAINED_INTERPRETER" in facts.needs,
        short_blocks="SHORT_SESSIONS" in facts.needs or facts.child,
        police_regime=facts.police_regime,
        approved_location=facts.approved_location,
        sworn_required=facts.sworn_required,
        continuity_id=facts.continuity_id,
        continuity_second=facts.continuity_second,
        appeal=facts.appeal,
        earlier_ids=facts.earlier_ids,
        complaint_ids=facts.complaint_ids,
        party_ids=party_ids,
    )


def priority_of(facts: StepFacts, *, now: datetime, booked: bool) -> Priority:
    """The queue class of a request for this step (M-10)."""
    return priority_for(
        facts.stage.value,
        now=now,
        booked=booked,
        urgent_medical=facts.urgent_medical,
        unaccompanied_minor=facts.uam,
        trafficking_or_violence="TRAUMA_TRAINED_INTERPRETER" in facts.needs or _is_trafficking(facts.step_code),
        woman_alone_with_sex_rule=facts.sex_wish == "woman" and facts.sex_must,
        removal_at=facts.removal_at,
        deadline_at=facts.deadline_at,
    )


def _is_trafficking(step_code: str) -> bool:
    """Whether the step is the formal identification of a suspected victim of trafficking, in either country."""
    return step_code.partition("-")[2] == "VUL-40"


def stored_need(need: Need, facts: StepFacts) -> dict[str, Any]:
    """The need as the booking stores it, with the age that an interpreter is told before accepting."""
    return {**need_to_json(need), "age": "child" if facts.child else "adult"}


def need_to_json(need: Need) -> dict[str, Any]:
    """The need as JSON."""
    found: dict[str, Any] = {}
    for field in fields(Need):
        value = getattr(need, field.name)
        if field.name in _TIMES:
            value = value.isoformat()
        elif field.name in _SETS:
            value = sorted(value)
        elif field.name == "languages":
            value = [{"code": person.code, "source": person.source.value} for person in value]
        elif isinstance(value, Stage | Level | Mode | SexWish):
            value = value.value
        found[field.name] = value
    return found


def need_from_json(data: Mapping[str, Any]) -> Need:
    """The need that was stored; raises ``KeyError`` or ``ValueError`` for anything else."""
    # Needs that were stored before these fields existed do not name them.
    data = {"by_calendar": not data["on_demand"], "share": None, "continuity_second": None, **data}
    values: dict[str, Any] = {field.name: data[field.name] for field in fields(Need)}
    for name in _TIMES:
        values[name] = datetime.fromisoformat(values[name])
    for name in _SETS:
        values[name] = frozenset(values[name])
    values["languages"] = tuple(PersonLanguage(row["code"], LanguageSource(row["source"])) for row in data["languages"])
    values["stage"], values["min_level"] = Stage(data["stage"]), Level(data["min_level"])
    values["mode"], values["sex_wish"] = Mode(data["mode"]), SexWish(data["sex_wish"])
    return Need(**values)


def need_at(need: Need, now: datetime) -> Need:
    """The stored need at this moment: a need for now always starts now."""
    return replace(need, now=now, at=now if need.on_demand else need.at)


def fresh_need(booking: Booking, facts: StepFacts, table: LanguageTable, now: datetime) -> Need:
    """The need of a booking made again from the case as it is now; who else has a part in the case is kept, and the approval
    of a police step is the booking's own (T-3)."""
    stored = need_at(need_from_json(booking.need), now)
    if booking.language not in {code for code, _ in facts.languages}:
        return replace(stored, police_approval=booking.police_approval or "")
    need = build_need(
        facts,
        language=booking.language,
        officer_language=booking.officer_language,
        now=now,
        at=stored.at,
        minutes=stored.minutes,
        on_demand=stored.on_demand,
        table=table,
        party_ids=stored.party_ids,
    )
    return replace(need, police_approval=booking.police_approval or "")
