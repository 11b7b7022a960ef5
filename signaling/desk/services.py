"""The parts of the language desk, put together. Holds no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from core.db.session import Database
from media.speech.identify import Detector
from records.cases import CaseService
from scheduler.bookings import BookingService
from scheduler.languages import LanguageTable
from signaling.calls import CallService
from signaling.desk.finder import FinderCalls
from signaling.desk.findings import LanguageFindings
from signaling.desk.helper import ListeningHelper


@dataclass(frozen=True)
class Desk:
    """What routes and timed work of the desk use."""

    findings: LanguageFindings
    finder: FinderCalls
    helper: ListeningHelper

    @classmethod
    def build(
        cls,
        database: Database,
        table: LanguageTable,
        cases: CaseService,
        bookings: BookingService,
        calls: CallService,
        detector: Detector | None,
    ) -> Desk:
        """``detector`` is none where no speech model is configured: the helper then says so."""
        return cls(
            findings=LanguageFindings(table, cases),
            finder=FinderCalls(database, table, cases, bookings, calls),
            helper=ListeningHelper(table, detector),
        )
