"""The switches of draft transcripts: per country, and there per step. Everything is off until somebody turns it on."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from records.procedure_schema import RecordingRule
from records.procedures import Catalogue
from signaling.speech.models import COUNTRY_SWITCH, SpeechSwitch


@dataclass(frozen=True)
class StepSwitch:
    """One step of a country."""

    step_code: str
    is_on: bool
    never: bool
    """No switch can allow it."""


@dataclass(frozen=True)
class CountrySwitches:
    """A country and its steps."""

    country: str
    is_on: bool
    steps: tuple[StepSwitch, ...]


class SpeechSwitches:
    """Reads and turns the switches. Who may is policy."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def of_country(self, unit: ReadUnit, country: str) -> CountrySwitches:
        """All switches of a country, in the order of the catalogue."""
        rows = await unit.session.execute(
            select(SpeechSwitch.step_code, SpeechSwitch.is_on).where(SpeechSwitch.country == country)
        )
        on = {code: bool(is_on) for code, is_on in rows}
        steps = self._catalogue.steps(country)
        found = tuple(
            StepSwitch(step.code, on.get(step.code, False) and not self.never(step.code), self.never(step.code))
            for step in steps
        )
        return CountrySwitches(country, on.get(COUNTRY_SWITCH, False), found)

    async def are_on(self, unit: ReadUnit, country: str, step_code: str) -> tuple[bool, bool]:
        """(country, step)."""
        rows = await unit.session.execute(
            select(SpeechSwitch.step_code, SpeechSwitch.is_on).where(
                SpeechSwitch.country == country, SpeechSwitch.step_code.in_([COUNTRY_SWITCH, step_code])
            )
        )
        on = {code: bool(is_on) for code, is_on in rows}
        return on.get(COUNTRY_SWITCH, False), on.get(step_code, False)

    def never(self, step_code: str) -> bool:
        """Whether a step may never be written down: talks with lawyers, examinations, return counselling."""
        return self._catalogue.step(step_code).recording.value is RecordingRule.NEVER

    async def turn(self, uow: UnitOfWork, country: str, step_code: str, *, on: bool, by: str) -> None:
        """Turn a switch. Raises ``NotFound('step_unknown')`` and ``Conflict('draft_step_never')``."""
        if step_code != COUNTRY_SWITCH and self.never(step_code) and on:
            raise Conflict("draft_step_never", {"step": step_code})
        row = await uow.session.get(SpeechSwitch, (country, step_code))
        if row is None:
            row = SpeechSwitch(country=country, step_code=step_code)
            uow.session.add(row)
        row.is_on, row.changed_by, row.changed_at = on, by, uow.now
        await uow.flush()
