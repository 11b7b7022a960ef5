"""The session log: plans a session, moves it through its states and writes the story of it.

The only writer of sessions. Who may ask for a move is policy; which booking it serves is the scheduler's matter: services
above call in the order booking, then session, so that locks are taken in one order.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from sqlalchemy import select, update

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, NotFound
from records.chain import JsonValue
from records.entry_kinds import EntryKind
from records.lifecycle import (
    SESSION_OVER,
    EndReason,
    NotHeldReason,
    Outcome,
    PauseReason,
    SessionMove,
    SessionState,
    StepMove,
    advance,
    step_move_after,
)
from records.log_chain import append_entries, append_entry, entries_of
from records.models import Case, Session
from records.session_plan import InterpreterFacts, SessionPlan, interpreter_entries, plan_entries, put_interpreter
from records.session_rows import (
    Served,
    add_place,
    interpreters_of,
    locked_session,
    move_session,
    new_session,
    tell_session,
    vacate_interpreter,
    vacated_interpreter,
)
from records.session_step import confirm_language_in_case, move_step, schedule_step
from records.session_views import LogEntry, SessionRecord, interpreting_ms, log_entry, session_record, stamp

_RUNNING = frozenset({SessionState.ACTIVE, SessionState.PAUSED})


class SessionLog:
    """Sessions and their logs. Every change happens under the lock of the session's row."""

    def __init__(self) -> None:
        self.before_seal: list[Callable[[UnitOfWork, str], Awaitable[None]]] = []
        """What has to be decided and written before a log is closed for good, in the same transaction, with the session locked."""

    async def plan(self, uow: UnitOfWork, plan: SessionPlan) -> Session:
        """A new session PLANNED for a step, with places for officer and interpreter; the step becomes SCHEDULED.

        A plan without a step is a group briefing's and names its group; anything else raises ``ValueError``.
        """
        session = new_session(plan, await _served(uow, plan), uow.now)
        uow.session.add(session)
        await uow.flush()
        add_place(uow, session, "officer", plan.officer_code, plan.officer_user_id)
        add_place(uow, session, "interpreter", plan.interpreter.code, plan.interpreter.user_id)
        if plan.second is not None:
            add_place(uow, session, "interpreter", plan.second.code, plan.second.user_id)
        await append_entries(uow, session.id, plan_entries(plan, session.step_code))
        tell_session(uow, session)
        return session

    async def open(self, uow: UnitOfWork, session_id: str, *, part: str, code: str | None) -> bool:
        """The first arrival opens the session (WAITING); False when it was open already.

        Raises ``Conflict``: ``join_not_open`` (opens_at) before the join window, ``session_over``.
        """
        session = await locked_session(uow, session_id)
        if session.state in SESSION_OVER:
            raise Conflict("session_over")
        if session.state is not SessionState.PLANNED:
            return False
        if uow.now < session.join_opens_at:
            raise Conflict("join_not_open", {"opens_at": stamp(session.join_opens_at)})
        move_session(session, SessionMove.ARRIVE, uow.now)
        session.waiting_at = uow.now
        await append_entry(uow, session_id, EntryKind.OPENED, {"part": part, "code": code})
        tell_session(uow, session)
        return True

    async def arrive(self, uow: UnitOfWork, session_id: str, *, part: str, code: str | None) -> None:
        """Somebody is in the room; opens the session if this is the first arrival. Raises what ``open`` raises."""
        await self.open(uow, session_id, part=part, code=code)
        await append_entry(uow, session_id, EntryKind.ARRIVED, {"part": part, "code": code})

    async def activate(self, uow: UnitOfWork, session_id: str, *, medium: str = "video") -> bool:
        """Officer and interpreter are both heard: WAITING becomes ACTIVE, PAUSED goes on. False if ACTIVE already.

        ``medium`` is how it begins: video, audio or phone. Callers with a booking use ``BookingService.start``.
        """
        session = await locked_session(uow, session_id)
        if session.state is SessionState.ACTIVE:
            return False
        if session.state is SessionState.PAUSED:
            await self._resume(uow, session)
            return True
        move_session(session, SessionMove.ACTIVATE, uow.now)
        session.active_at = uow.now
        await append_entry(uow, session_id, EntryKind.STARTED, {})
        await append_entry(uow, session_id, EntryKind.MODE, {"mode": medium, "reason": "begun"})
        tell_session(uow, session)
        return True

    async def pause(
        self, uow: UnitOfWork, session_id: str, *, reason: PauseReason, since: datetime | None = None
    ) -> None:
        """ACTIVE becomes PAUSED. In a pause that runs already only ``interpreter_lost`` takes over as the reason.

        ``since``: when interpreting came to a stop, if that is noticed only now; what came after it is not counted as interpreted.
        """
        session = await locked_session(uow, session_id)
        if session.state is SessionState.PAUSED:
            if reason is not PauseReason.INTERPRETER_LOST or session.reason == reason:
                return
        else:
            at = uow.now if since is None else min(max(since, session.state_since), uow.now)
            spent = interpreting_ms(session, at)
            move_session(session, SessionMove.PAUSE, at)
            session.interpreting_ms = spent
        session.reason = reason.value
        await append_entry(uow, session_id, EntryKind.PAUSED, {"reason": reason.value})
        tell_session(uow, session)

    async def resume(self, uow: UnitOfWork, session_id: str) -> None:
        """PAUSED becomes ACTIVE; the entry says how long the pause was."""
        await self._resume(uow, await locked_session(uow, session_id))

    async def end(
        self, uow: UnitOfWork, session_id: str, *, outcome: Outcome, reason: EndReason | None = None, by: str = "system"
    ) -> Session:
        """ACTIVE or PAUSED becomes ENDED and the step moves: a completed session was held, others wait for a new date.

        ``by`` is a part or ``system``. The same end again changes nothing. Callers with a booking use ``BookingService.finish``.
        """
        session = await locked_session(uow, session_id)
        if session.state in (SessionState.ENDED, SessionState.SEALED) and session.outcome == outcome:
            return session
        spent = interpreting_ms(session, uow.now)
        move_session(session, SessionMove.END, uow.now)
        session.interpreting_ms, session.ended_at = spent, uow.now
        session.outcome, session.reason = outcome.value, reason.value if reason else None
        data = {"outcome": outcome.value, "reason": session.reason, "by": by, "interpreting_s": spent // 1000}
        await append_entry(uow, session_id, EntryKind.ENDED, data)
        if session.step_id is not None:
            await move_step(uow, session.step_id, step_move_after(outcome), session.reason)
        tell_session(uow, session)
        return session

    async def call_off(self, uow: UnitOfWork, session_id: str, *, reason: NotHeldReason) -> None:
        """PLANNED or WAITING becomes NOT_HELD and the log is closed at once; the step waits for a new date."""
        session = await locked_session(uow, session_id)
        move_session(session, SessionMove.CALL_OFF, uow.now)
        session.reason, session.ended_at = reason.value, uow.now
        entry = await append_entry(uow, session_id, EntryKind.CALLED_OFF, {"reason": reason.value})
        session.sealed_at, session.seal_hash = uow.now, entry["hash"]
        if session.step_id is not None:
            await move_step(uow, session.step_id, StepMove.POSTPONE, reason.value)
        tell_session(uow, session)

    async def seal(self, uow: UnitOfWork, session_id: str) -> str:
        """ENDED becomes SEALED: the last hash is fixed, nothing can be added. Returns the seal; again gives the same."""
        session = await locked_session(uow, session_id)
        if session.state is SessionState.SEALED and session.seal_hash:
            return session.seal_hash
        for last_words in self.before_seal:
            await last_words(uow, session_id)
        advance(session.state, SessionMove.SEAL)
        entry = await append_entry(uow, session_id, EntryKind.SEALED, {"entries": session.last_seq + 1})
        move_session(session, SessionMove.SEAL, uow.now)
        session.sealed_at, session.seal_hash = uow.now, entry["hash"]
        await uow.flush()
        tell_session(uow, session)
        return entry["hash"]

    async def lose_interpreter(
        self, uow: UnitOfWork, session_id: str, *, reason: str, recused: bool = False, only: str | None = None
    ) -> None:
        """The interpreter is gone for good: a running session pauses (``interpreter_lost``), a planned or waiting one waits.

        ``only`` is the code of the one of two who is lost; the other keeps the place.
        ``reason`` is a closed word. ``recused`` is the step back of M-5: what was interpreted is to be checked again.
        """
        session = await locked_session(uow, session_id)
        if session.state in SESSION_OVER:
            raise Conflict("session_over")
        if session.interpreter_id is None and only is None:
            return
        code = only or session.interpreter_code
        kind = EntryKind.RECUSED if recused else EntryKind.INTERPRETER_LOST
        await append_entry(uow, session_id, kind, {"code": code, "reason": reason})
        if session.state in _RUNNING:
            await self.pause(uow, session_id, reason=PauseReason.INTERPRETER_LOST)
            if recused and session.active_at is not None:
                data = {"code": code, "from": stamp(session.active_at), "to": stamp(uow.now)}
                await append_entry(uow, session_id, EntryKind.RECHECK, data)
        if only is None or session.interpreter_code == only:
            session.interpreter_id = None
        await vacate_interpreter(uow, session_id, only=only)
        tell_session(uow, session)

    async def replace_interpreter(
        self,
        uow: UnitOfWork,
        session_id: str,
        *,
        interpreter: InterpreterFacts,
        rung: str | None,
        join_by: datetime,
        starts_at: datetime,
        leg: int = 1,
        only_leg: bool = True,
    ) -> Session:
        """Another interpreter takes over in the same session, in any state before the end; the log tells both codes.

        ``starts_at`` moves the start of a session in which nobody has arrived yet. Of two interpreters (``only_leg`` false)
        one takes the place that was vacated, and the other stays.
        """
        session = await locked_session(uow, session_id)
        if session.state in SESSION_OVER:
            raise Conflict("session_over")
        old = session.interpreter_code if only_leg else await vacated_interpreter(uow, session_id)
        if only_leg:
            await vacate_interpreter(uow, session_id)
        if leg == 1:
            put_interpreter(session, interpreter)
        session.join_by = join_by
        if session.state is SessionState.PLANNED:
            session.starts_at = starts_at
            session.join_opens_at = min(session.join_opens_at, starts_at)
        add_place(uow, session, "interpreter", interpreter.code, interpreter.user_id)
        facts = {"code": interpreter.code, "level": interpreter.level, "country": interpreter.country, "rung": rung}
        await append_entry(uow, session_id, EntryKind.REPLACED, {"old_code": old, **facts})
        asked_at = await uow.session.scalar(select(Case.interp_sex_asked_at).where(Case.id == session.case_id))
        wish = (session.sex_pref, session.sex_pref_must, asked_at)
        for kind, data in interpreter_entries(interpreter, *wish):
            await append_entry(uow, session_id, kind, data)
        tell_session(uow, session)
        return session

    async def reschedule(
        self, uow: UnitOfWork, session_id: str, *, starts_at: datetime, join_opens_at: datetime, join_by: datetime
    ) -> None:
        """Another time for a session in which nobody has arrived yet. Raises ``Conflict('session_over' | 'session_begun')``."""
        session = await locked_session(uow, session_id)
        if session.state in SESSION_OVER:
            raise Conflict("session_over")
        if session.state is not SessionState.PLANNED:
            raise Conflict("session_begun")
        data = {"from": stamp(session.starts_at), "to": stamp(starts_at)}
        session.starts_at, session.join_opens_at, session.join_by = starts_at, join_opens_at, join_by
        await append_entry(uow, session_id, EntryKind.MOVED, data)
        tell_session(uow, session)

    async def seated_interpreters(self, unit: ReadUnit, session_id: str) -> list[str]:
        """Codes of the interpreters who have a place in the session."""
        return await interpreters_of(unit, session_id)

    async def absent_interpreters(self, unit: ReadUnit, session_id: str) -> list[str]:
        """Codes of those of them who are not in the room."""
        return await interpreters_of(unit, session_id, outside=True)

    async def confirm_language(self, uow: UnitOfWork, session_id: str, *, code: str, by: str = "interpreter") -> None:
        """The interpreter names the variety that is really spoken; it goes into the case as its first language."""
        session = await locked_session(uow, session_id)
        if session.state in SESSION_OVER:
            raise Conflict("session_over")
        if session.language_confirmed == code:
            return
        session.language_confirmed = code
        data = {"language": code, "declared": session.language_declared, "by": by}
        await append_entry(uow, session_id, EntryKind.LANGUAGE_CONFIRMED, data)
        if session.case_id is not None:
            await confirm_language_in_case(uow, session.case_id, code)
        tell_session(uow, session)

    async def add_speaking(self, uow: UnitOfWork, session_id: str, milliseconds: int) -> None:
        """Add measured speaking time, from the levels that the media node hears."""
        await uow.session.execute(
            update(Session)
            .where(Session.id == session_id)
            .values(speaking_ms=Session.speaking_ms + milliseconds)
            .execution_options(synchronize_session=False)
        )

    async def append(
        self, uow: UnitOfWork, session_id: str, kind: EntryKind, data: Mapping[str, JsonValue]
    ) -> LogEntry:
        """Write one entry that is no move of the session; see ``log_chain.append_entry`` for what it raises."""
        return await append_entry(uow, session_id, kind, data)

    async def get(self, unit: ReadUnit, session_id: str) -> Session:
        """The row, read anew. Raises ``NotFound('session_unknown')``."""
        session = await unit.session.get(Session, session_id, populate_existing=True)
        if session is None:
            raise NotFound("session_unknown")
        return session

    async def record(self, unit: ReadUnit, session_id: str) -> SessionRecord:
        """The session with all entries and the check of its chain."""
        session = await self.get(unit, session_id)
        case_ref = await unit.session.scalar(select(Case.case_ref).where(Case.id == session.case_id))
        return session_record(session, case_ref, await entries_of(unit, session_id), unit.now)

    async def entries(self, unit: ReadUnit, session_id: str, *, last: int | None = None) -> list[LogEntry]:
        """The log, or its ``last`` entries, in order."""
        return [log_entry(row) for row in await entries_of(unit, session_id, last)]

    async def _resume(self, uow: UnitOfWork, session: Session) -> None:
        seconds = max(0, int((uow.now - session.state_since).total_seconds()))
        data = {"reason": session.reason, "seconds": seconds}
        move_session(session, SessionMove.RESUME, uow.now)
        session.reason = None
        await append_entry(uow, session.id, EntryKind.RESUMED, data)
        tell_session(uow, session)


async def _served(uow: UnitOfWork, plan: SessionPlan) -> Served:
    """What the session serves; its step is SCHEDULED from now on."""
    if plan.group is not None and plan.step_id is None:
        return Served(None, None, plan.group.step_code, plan.group.country)
    if plan.step_id is None or plan.group is not None:
        raise ValueError("a session serves a step, or it is a group briefing")
    step = await schedule_step(uow, plan.step_id)
    return Served(step.case_id, step.id, step.code, step.country)
