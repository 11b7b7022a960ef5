"""What matching needs to know of a booking: the facts of its case's step or, for a group briefing, of the step's information alone."""

from __future__ import annotations

from core.db.session import ReadUnit
from records.case_facts import StepFacts
from records.cases import CaseService
from records.lifecycle import StepState
from records.procedure_schema import Suitability
from records.procedures import Catalogue
from scheduler.languages import LanguageSource
from scheduler.models import Booking


class BookedFacts:
    """Reads the facts behind a booking."""

    def __init__(self, catalogue: Catalogue, cases: CaseService) -> None:
        self._catalogue = catalogue
        self._cases = cases

    async def of(self, unit: ReadUnit, booking: Booking) -> StepFacts:
        """The facts as they are now. Raises ``NotFound('step_unknown')``."""
        if booking.briefing_id is not None:
            return group_facts(
                self._catalogue,
                briefing_id=booking.briefing_id,
                step_code=booking.step_code,
                site=booking.site,
                authority=booking.authority,
                language=booking.language,
                led_by=booking.requested_by,
            )
        return await self._cases.step_facts(unit, booking.step_id, safety_only=booking.safety_only)


def group_facts(
    catalogue: Catalogue, *, briefing_id: str, step_code: str, site: str, authority: str, language: str, led_by: str
) -> StepFacts:
    """The facts of a briefing: what its step asks of an interpreter, and nothing of any person."""
    step = catalogue.step(step_code)
    return StepFacts(
        case_id=briefing_id,
        case_ref="",
        country=step.country.value,
        site=site,
        authority=authority,
        opened_by=led_by,
        step_id=briefing_id,
        step_code=step_code,
        step_state=StepState.PLANNED,
        stage=step.stage,
        languages=((language, LanguageSource.OFFICER_GUESS.value),),
        sex_wish="none",
        sex_must=False,
        sex_asked_at=None,
        child=False,
        uam=False,
        needs=frozenset(),
        urgent_medical=False,
        avoid=frozenset(),
        accepted=frozenset(),
        min_level=step.min_level,
        typical_minutes=step.typical_minutes,
        phone_allowed=step.remote.phone is not Suitability.NOT_ALLOWED,
        police_regime=step.police_regime,
        approved_location=step.approved_location,
        own_pool_only=step.own_pool_only,
        sworn_required=step.sworn_required,
        appeal=False,
        continuity_id=None,
        continuity_second=None,
        earlier_ids=frozenset(),
        complaint_ids=frozenset(),
        deadline_at=None,
        removal_at=None,
        emergency=False,
        locked_by=None,
        urgent_until=None,
    )
