"""Shapes of session records: what happened in a session, and its log (docs/protocol.md)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from core.access import Country
from signaling.api.shapes import ExactInstant, Instant, Out, Sex


class LogEntryView(Out):
    """One line of a session's log."""

    seq: int
    at: ExactInstant
    kind: str
    data: dict[str, Any]
    hash: str


class Substitution(Out):
    """The interpreter spoke a related language."""

    from_: Annotated[str, Field(alias="from")]
    to: str
    penalty: int


class RecordInterpreter(Out):
    """Who interpreted, by code."""

    code: str
    level: str
    country: str


class SexPref(Out):
    """The wish and whether it was met."""

    value: Sex
    must: bool
    met: bool | None


class ModeSegment(Out):
    """A stretch in one mode."""

    mode: str
    from_: Annotated[Instant, Field(alias="from")]
    to: Instant | None


class PresentRow(Out):
    """Who was there from when to when."""

    part: str
    code: str | None
    in_: Annotated[Instant, Field(alias="in")]
    out: Instant | None


class Interruption(Out):
    """A loss of line over ten seconds."""

    from_: Annotated[Instant, Field(alias="from")]
    to: Instant | None
    seconds: int | None
    who: str


class ChainView(Out):
    """Whether the log is whole."""

    ok: bool
    broken_at: int | None
    seal: str | None


class SessionRecord(Out):
    """What happened in a session; coordinators get it without ``entries``."""

    id: str
    case_id: str | None
    """None, as ``case_ref``, for a group briefing: it belongs to nobody's case."""
    case_ref: str | None
    country: Country
    zone: str
    """By whose clocks the record is told: those of the place of the talk."""
    step_code: str
    state: str
    mode: Literal["open", "sealed"]
    planned_at: Instant | None
    waiting_at: Instant | None
    active_at: Instant | None
    ended_at: Instant | None
    sealed_at: Instant | None
    outcome: str | None
    reason: str | None
    language_declared: str
    language_confirmed: str | None
    substitution: Substitution | None
    interpreter: RecordInterpreter | None
    sex_pref: SexPref
    mode_segments: list[ModeSegment]
    present: list[PresentRow]
    interruptions: list[Interruption]
    interpreting_min: int
    speaking_min: int | None
    entries: list[LogEntryView]
    chain: ChainView
