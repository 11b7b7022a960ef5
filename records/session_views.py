"""What a session looks like from outside: the shapes of docs/protocol.md, built from the row and its log. No changes here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict

from records.chain import ChainEntry, Seal, verify
from records.entry_kinds import EntryKind
from records.lifecycle import SessionState
from records.models import Session, SessionEntry


class InterpreterBrief(TypedDict):
    code: str
    level: str
    country: str


class SexPref(TypedDict):
    value: str
    must: bool
    met: bool | None


ModeSegment = TypedDict("ModeSegment", {"mode": str, "from": datetime, "to": datetime | None})
PresentRow = TypedDict("PresentRow", {"part": str, "code": str | None, "in": datetime, "out": datetime | None})
Interruption = TypedDict("Interruption", {"from": datetime, "to": datetime | None, "seconds": int | None, "who": str})


class ChainView(TypedDict):
    ok: bool
    broken_at: int | None
    seal: str | None


class LogEntry(TypedDict):
    """One line of the session log; the sentence is the catalogue key ``log.<kind>`` with ``data`` as slots."""

    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]
    hash: str


class SessionRecord(TypedDict):
    """A session with its whole log (docs/protocol.md, SessionRecord)."""

    id: str
    case_id: str | None
    """None, as ``case_ref``, for a group briefing."""
    case_ref: str | None
    country: str
    """By whose clocks the record is told."""
    step_code: str
    state: str
    mode: str
    planned_at: datetime
    waiting_at: datetime | None
    active_at: datetime | None
    ended_at: datetime | None
    sealed_at: datetime | None
    outcome: str | None
    reason: str | None
    language_declared: str
    language_confirmed: str | None
    substitution: dict[str, Any] | None
    interpreter: InterpreterBrief | None
    sex_pref: SexPref
    mode_segments: list[ModeSegment]
    present: list[PresentRow]
    interruptions: list[Interruption]
    interpreting_min: int
    """Minutes between beginning and end without breaks and interruptions, begun ones count."""
    speaking_min: int
    """Minutes with a voice, summed over everybody; more than the clock's when two speak at once."""
    entries: list[LogEntry]
    chain: ChainView


class SessionBrief(TypedDict):
    """A session as the step timeline of a case shows it."""

    id: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    minutes: int
    interpreter_code: str | None
    outcome: str | None


def stamp(at: datetime) -> str:
    """An instant as log entries hold it: ISO 8601 in UTC with milliseconds and ``Z``."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_stamp(text: str) -> datetime:
    """The instant of a :func:`stamp`."""
    return datetime.fromisoformat(text)


def log_entry(row: SessionEntry) -> LogEntry:
    """One line of the log."""
    return LogEntry(seq=row.seq, at=row.at, kind=row.kind, data=dict(row.data), hash=row.hash)


def interpreting_ms(session: Session, now: datetime) -> int:
    """Time in ACTIVE so far, the running stretch included."""
    running = 0
    if session.state is SessionState.ACTIVE:
        running = max(0, round((now - session.state_since).total_seconds() * 1000))
    return session.interpreting_ms + running


def session_brief(session: Session, now: datetime) -> SessionBrief:
    """A session in the timeline; ``minutes`` of interpreting, rounded up."""
    return SessionBrief(
        id=session.id,
        state=session.state.value,
        started_at=session.active_at,
        ended_at=session.ended_at,
        minutes=minutes_up(interpreting_ms(session, now)),
        interpreter_code=session.interpreter_code,
        outcome=session.outcome,
    )


def session_record(
    session: Session, case_ref: str | None, entries: Sequence[SessionEntry], now: datetime
) -> SessionRecord:
    """The record as it stands ``now``, with the check of its chain; ``entries`` in order, all of them."""
    interpreter = None
    if session.interpreter_code is not None:
        interpreter = InterpreterBrief(
            code=session.interpreter_code,
            level=session.interpreter_level or "",
            country=session.interpreter_country or "",
        )
    return SessionRecord(
        id=session.id,
        case_id=session.case_id,
        case_ref=case_ref,
        country=session.country,
        step_code=session.step_code,
        state=session.state.value,
        mode=session.mode,
        planned_at=session.planned_at,
        waiting_at=session.waiting_at,
        active_at=session.active_at,
        ended_at=session.ended_at,
        sealed_at=session.sealed_at,
        outcome=session.outcome,
        reason=session.reason,
        language_declared=session.language_declared,
        language_confirmed=session.language_confirmed,
        substitution=session.substitution,
        interpreter=interpreter,
        sex_pref=SexPref(value=session.sex_pref, must=session.sex_pref_must, met=session.sex_pref_met),
        mode_segments=_mode_segments(entries, session.ended_at),
        present=_present(entries, session.ended_at),
        interruptions=_interruptions(entries),
        interpreting_min=minutes_up(interpreting_ms(session, now)),
        speaking_min=minutes_up(session.speaking_ms),
        entries=[log_entry(row) for row in entries],
        chain=chain_view(session, entries),
    )


def chain_view(session: Session, entries: Sequence[SessionEntry]) -> ChainView:
    """Whether the stored log is whole up to the head that the session names, and for a sealed one, is the sealed log."""
    head = Seal(session.last_seq, session.seal_hash or session.last_hash)
    if not entries and session.last_seq == 0:
        return ChainView(ok=True, broken_at=None, seal=None)
    broken = verify((ChainEntry(e.seq, e.at, e.kind, e.data, e.prev_hash, e.hash) for e in entries), head)
    return ChainView(ok=broken is None, broken_at=broken.seq if broken else None, seal=session.seal_hash)


def minutes_up(milliseconds: int) -> int:
    """Whole minutes, begun ones counted."""
    return -(-milliseconds // 60_000)


def _mode_segments(entries: Sequence[SessionEntry], ended_at: datetime | None) -> list[ModeSegment]:
    segments: list[ModeSegment] = []
    for entry in entries:
        if entry.kind == EntryKind.MODE:
            if segments:
                segments[-1]["to"] = entry.at
            segments.append({"mode": str(entry.data["mode"]), "from": entry.at, "to": None})
    if segments and segments[-1]["to"] is None:
        segments[-1]["to"] = ended_at
    return segments


def _present(entries: Sequence[SessionEntry], ended_at: datetime | None) -> list[PresentRow]:
    rows: list[PresentRow] = []
    inside: dict[tuple[str, str | None], PresentRow] = {}
    for entry in entries:
        key = (str(entry.data.get("part")), entry.data.get("code"))
        if entry.kind == EntryKind.ARRIVED and key not in inside:
            inside[key] = {"part": key[0], "code": key[1], "in": entry.at, "out": None}
            rows.append(inside[key])
        elif entry.kind == EntryKind.LEFT and key in inside:
            inside.pop(key)["out"] = entry.at
    for row in inside.values():
        row["out"] = ended_at
    return rows


_NOT_BACK = frozenset(
    {EntryKind.LEFT, EntryKind.RECUSED, EntryKind.INTERPRETER_LOST, EntryKind.REPLACED, EntryKind.ENDED}
)
"""What ends a loss without a line that is back."""


def _interruptions(entries: Sequence[SessionEntry]) -> list[Interruption]:
    found: list[Interruption] = []
    running: dict[tuple[str, str | None], Interruption] = {}
    for entry in entries:
        key = (str(entry.data.get("part")), entry.data.get("code"))
        if entry.kind == EntryKind.LINE_LOST and key not in running:
            running[key] = {"from": parse_stamp(entry.data["from"]), "to": None, "seconds": None, "who": key[0]}
            found.append(running[key])
        elif entry.kind == EntryKind.LINE_BACK:
            loss = running.pop(key, None)
            if loss is None:
                loss = {"from": parse_stamp(entry.data["from"]), "to": None, "seconds": None, "who": key[0]}
                found.append(loss)
            loss["to"], loss["seconds"] = entry.at, int(entry.data["seconds"])
        elif entry.kind in _NOT_BACK:
            # Away until they left, were replaced, or everything ended: no interruption any more from then on.
            code = entry.data.get("code") or entry.data.get("old_code")
            for one in [one for one in running if entry.kind == EntryKind.ENDED or one in (key, ("interpreter", code))]:
                loss = running.pop(one)
                loss["to"], loss["seconds"] = entry.at, max(0, int((entry.at - loss["from"]).total_seconds()))
        elif entry.kind == EntryKind.SERVICE_GAP:
            start = parse_stamp(entry.data["from"])
            found.append({"from": start, "to": entry.at, "seconds": int(entry.data["seconds"]), "who": "service"})
    return found
