"""What a session is planned from: the facts that the scheduler hands down, and the first entries they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.models import Session
from records.session_views import stamp

EntryDraft = tuple[EntryKind, Mapping[str, JsonValue]]


@dataclass(frozen=True)
class InterpreterFacts:
    """The interpreter of a session as the log may know one: by code, level and country at that time."""

    id: str
    user_id: str | None
    code: str
    level: str
    country: str
    """Where the interpreter works from."""
    wish_met: bool | None
    """Whether the person's wish for a woman or a man is met; None without a wish."""
    substitution: Mapping[str, Any] | None = None
    """``{from, to, penalty}`` when the interpreter's language is a substitute (domain 3.7)."""
    transfer_instrument_id: str | None = None


@dataclass(frozen=True)
class GroupFacts:
    """What a group briefing has instead of a case (R-7)."""

    country: str
    step_code: str
    """The step whose information is told."""
    posts: int
    """How many posts were to listen when it was planned."""


@dataclass(frozen=True)
class SessionPlan:
    """Everything that is known when an interpreter was found for a step."""

    step_id: str | None
    """None exactly for a group briefing."""
    booking_id: str
    starts_at: datetime
    join_opens_at: datetime
    join_by: datetime
    language: str
    language_source: str | None
    officer_language: str
    officer_user_id: str
    officer_code: str
    site: str
    sex_wish: str
    sex_must: bool
    sex_asked_at: datetime | None
    requested_at: datetime
    matched_at: datetime
    rung: str | None
    """Rung of the ladder on which the interpreter was found; ``by_hand`` when placed by a coordinator."""
    interpreter: InterpreterFacts
    """With a relay the one who works with the person."""
    mode: str = "open"
    second: InterpreterFacts | None = None
    """The second interpreter of a relay or a team."""
    way: str = "direct"
    """direct, relay or team."""
    pivot: str | None = None
    """The language between the two of a relay."""
    approved_by: str | None = None
    """Code of the coordinator who approved a relay (M-9)."""
    group: GroupFacts | None = None
    """For a group briefing, which belongs to nobody's case."""


def put_interpreter(session: Session, facts: InterpreterFacts) -> None:
    """Write the interpreter's facts into the row."""
    session.interpreter_id = facts.id
    session.interpreter_code = facts.code
    session.interpreter_level = facts.level
    session.interpreter_country = facts.country
    session.sex_pref_met = facts.wish_met
    session.substitution = dict(facts.substitution) if facts.substitution else None
    session.transfer_instrument_id = facts.transfer_instrument_id


def plan_entries(plan: SessionPlan, step_code: str) -> list[EntryDraft]:
    """The first entries of a log."""
    facts = plan.interpreter
    planned: EntryDraft = (
        EntryKind.PLANNED,
        {
            "officer_code": plan.officer_code,
            "interpreter_code": facts.code,
            "level": facts.level,
            "country": facts.country,
            "step_code": step_code,
            "starts_at": stamp(plan.starts_at),
            "requested_at": stamp(plan.requested_at),
            "matched_at": stamp(plan.matched_at),
            "rung": plan.rung,
            "mode": plan.mode,
        },
    )
    language: EntryDraft = (
        EntryKind.LANGUAGE_DECLARED,
        {
            "language": plan.language,
            "source": plan.language_source,
            "officer_language": plan.officer_language,
        },
    )
    wish = (plan.sex_wish, plan.sex_must, plan.sex_asked_at)
    second = [] if plan.second is None else [_together(plan, plan.second), *interpreter_entries(plan.second, *wish)]
    group = plan.group
    briefing: list[EntryDraft] = (
        [] if group is None else [(EntryKind.BRIEFING, {"step_code": group.step_code, "posts": group.posts})]
    )
    return [planned, *briefing, language, *interpreter_entries(facts, *wish), *second]


def _together(plan: SessionPlan, second: InterpreterFacts) -> EntryDraft:
    """Both codes and the way, for the minutes (M-9)."""
    codes = {"code": plan.interpreter.code, "second_code": second.code}
    if plan.way == "team":
        return (EntryKind.TEAM, codes)
    way = {"from": plan.language, "pivot": plan.pivot, "to": plan.officer_language, "approved_by": plan.approved_by}
    return (EntryKind.RELAY, {**codes, **way})


def interpreter_entries(facts: InterpreterFacts, wish: str, must: bool, asked_at: datetime | None) -> list[EntryDraft]:
    """How this interpreter serves the person: substitute language, wish, country."""
    found: list[EntryDraft] = []
    if facts.substitution:
        values = facts.substitution
        slots = {"from": values["from"], "to": values["to"], "penalty": values["penalty"]}
        found.append((EntryKind.SUBSTITUTION, slots))
    if wish != "none" or asked_at is not None:
        asked = stamp(asked_at) if asked_at else None
        found.append(
            (EntryKind.SEX_PREFERENCE, {"value": wish, "must": must, "met": facts.wish_met, "asked_at": asked})
        )
    if facts.transfer_instrument_id is not None:
        slots = {"instrument": facts.transfer_instrument_id, "country": facts.country}
        found.append((EntryKind.TRANSFER, slots))
    return found
