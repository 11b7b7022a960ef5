"""The language finder call (M-12): an interpreter is rung to find out the language and nothing else, for at most five minutes."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database, UnitOfWork
from core.errors import Invalid
from core.jobs import Job, Lease
from records.case_write import NewLanguage
from records.cases import CaseService
from records.lifecycle import EndReason, Outcome, SessionState
from records.models import Session
from scheduler.bookings import BookingService, NewBooking
from scheduler.interpreter_views import FINDER, FINDER_MINUTES
from scheduler.languages import LanguageTable
from scheduler.models import Booking
from signaling.calls import CallService
from signaling.desk.findings import MOST_LANGUAGES

log = logging.getLogger(__name__)
LIMIT = timedelta(minutes=FINDER_MINUTES)
_WATCH_EVERY_S = 5.0


class FinderCalls:
    """Asks for finder calls and ends those whose five minutes are over."""

    def __init__(
        self, database: Database, table: LanguageTable, cases: CaseService, bookings: BookingService, calls: CallService
    ) -> None:
        self._database = database
        self._table = table
        self._cases = cases
        self._bookings = bookings
        self._calls = calls

    async def ask(
        self,
        uow: UnitOfWork,
        case_id: str,
        *,
        step_id: str,
        language: str,
        officer_language: str,
        idempotency_key: str | None = None,
    ) -> Booking:
        """Ring interpreters of ``language``, which becomes the case's last guess if it was not in it.

        Raises what ``BookingService.request`` raises.
        """
        if language not in self._table:
            raise Invalid("language_unknown", {"language": language})
        case = await self._cases.get(uow, case_id)
        if all(row["code"] != language for row in case["languages"]):
            known = [NewLanguage(row["code"], row["source"], row["region_note"]) for row in case["languages"]]
            guess = NewLanguage(language, "officer_guess")
            changed = [*known[: MOST_LANGUAGES - 1], guess]
            await self._cases.update(uow, case_id, version=case["version"], changes={"languages": changed})
        new = NewBooking(
            step_id=step_id,
            kind="now",
            language=language,
            officer_language=officer_language,
            minutes=FINDER_MINUTES,
            purpose=FINDER,
        )
        return await self._bookings.request(uow, new, idempotency_key=idempotency_key)

    async def end_overdue(self) -> int:
        """End finder calls that have been interpreted for five minutes; how many."""
        async with self._database.read(Actor.system()) as unit:
            rows = await unit.session.scalars(
                select(Session.id)
                .join(Booking, Booking.session_id == Session.id)
                .where(
                    Booking.purpose == FINDER,
                    Session.state.in_([SessionState.ACTIVE, SessionState.PAUSED]),
                    Session.active_at <= unit.now - LIMIT,
                )
            )
            over = list(rows)
        ended = 0
        for session_id in over:
            try:
                await self._calls.close(session_id, Outcome.REBOOKED, EndReason.TIME_OVER, by="system")
            except Exception:
                # One call's trouble is not that of the others, whose people wait.
                log.exception("finder_call_stays", extra={"session_id": session_id})
                continue
            ended += 1
            log.info("finder_call_over", extra={"session_id": session_id})
        return ended

    def jobs(self) -> list[Job]:
        """What one process at a time does for all."""

        async def watch(_: Lease) -> None:
            await self.end_overdue()

        return [Job("desk.finder_calls", _WATCH_EVERY_S, watch)]
