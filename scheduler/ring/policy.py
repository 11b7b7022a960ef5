"""The ladders of the countries as data: read from the shipped files when the program starts, or as a coordinator set them.

A mistake in a file names file, line and reason and stops the start; the same rules judge what the API is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from core.access import Country
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict
from records.procedure_source import SourceFile
from scheduler.ladder import Rung, RungKind
from scheduler.ring.models import LadderRow

HERE = Path(__file__).parent
FILES: Mapping[str, Path] = {country.value: HERE / f"{country.value.lower()}.yaml" for country in Country}
"""The shipped file of every country."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RungRow(_Model):
    """One rung."""

    kind: RungKind
    seconds: Annotated[int, Field(ge=0, le=600)]
    """How long it rings; 0 for the coordinator alone."""
    least: Annotated[int, Field(ge=1, le=50)] | None = None
    most: Annotated[int, Field(ge=1, le=50)] | None = None
    """Bounds of the width; neither means all who fit."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if (self.least is None) != (self.most is None):
            raise ValueError("least and most are given together or not at all")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least is larger than most")
        return self


class Partner(_Model):
    """An organisation that coordinators telephone when nobody of the pool is left."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    contact: Annotated[str, Field(min_length=1, max_length=120)]
    languages: Annotated[list[Annotated[str, Field(pattern=r"^[a-z]{3}$")]], Field(max_length=60)] = []


class LadderPolicy(_Model):
    """Everything that a country decides about its ring (M-10, M-11)."""

    country: Country
    aim_percent: Annotated[int, Field(ge=50, le=99)]
    alert_seconds: Annotated[int, Field(ge=3, le=60)]
    prior_percent: Annotated[int, Field(ge=5, le=95)]
    prior_weight: Annotated[int, Field(ge=1, le=100)]
    half_life_days: Annotated[int, Field(ge=1, le=365)]
    reserve_percent: Annotated[int, Field(ge=0, le=90)]
    reserve_from: Annotated[int, Field(ge=2, le=100)]
    booked_ahead_minutes: Annotated[int, Field(ge=15, le=720)]
    hold_note_seconds: Annotated[int, Field(ge=30, le=3600)]
    month_target_minutes: Annotated[int, Field(ge=60, le=14_400)]
    rungs: Annotated[list[RungRow], Field(min_length=1, max_length=len(RungKind))]
    partners: Annotated[list[Partner], Field(max_length=40)] = []

    @model_validator(mode="after")
    def _a_ladder(self) -> Self:
        kinds = [rung.kind for rung in self.rungs]
        if len(set(kinds)) != len(kinds):
            raise ValueError("a kind of rung stands twice on the ladder")
        if kinds[-1] is not RungKind.COORDINATOR:
            raise ValueError("the last rung must be the coordinator: a person decides when nobody is left")
        for rung in self.rungs[:-1]:
            if rung.seconds < self.alert_seconds:
                raise ValueError(
                    f"rung {rung.kind} rings {rung.seconds} s, shorter than its alert of {self.alert_seconds} s"
                )
        return self

    @property
    def ladder(self) -> tuple[Rung, ...]:
        """The rungs as the pure ladder knows them."""
        return tuple(Rung(row.kind, row.seconds, row.least, row.most) for row in self.rungs)


def read_policy(path: Path) -> LadderPolicy:
    """One file. Raises ``records.procedure_source.CatalogueError`` with file, line and reason."""
    return SourceFile(path).parse(LadderPolicy)


class Policies:
    """The policy of each country: as changed in the program, else as shipped."""

    def __init__(self, shipped: Mapping[str, LadderPolicy]) -> None:
        self._shipped = dict(shipped)

    @classmethod
    def load(cls) -> Policies:
        """From the shipped files. Raises ``CatalogueError`` for the first mistake."""
        found: dict[str, LadderPolicy] = {}
        for country, path in FILES.items():
            policy = read_policy(path)
            if policy.country.value != country:
                raise SourceFile(path).fail(("country",), f"this file is for {country}")
            found[country] = policy
        return cls(found)

    async def of(self, unit: ReadUnit, country: str) -> LadderPolicy:
        """What counts in this country now."""
        return (await self.versioned(unit, country))[0]

    async def versioned(self, unit: ReadUnit, country: str) -> tuple[LadderPolicy, int]:
        """The policy and its version; 0 for the shipped one."""
        row = (
            await unit.session.execute(select(LadderRow.policy, LadderRow.version).where(LadderRow.country == country))
        ).one_or_none()
        if row is None:
            return self._shipped[country], 0
        return LadderPolicy.model_validate(row.policy), row.version

    async def change(self, uow: UnitOfWork, policy: LadderPolicy, *, version: int) -> int:
        """Set the policy of its country; searches that run go on with the ladder with which they began.

        ``version`` is the one that was read. Returns the new one. Raises ``Conflict('changed_meanwhile')``.
        """
        country = policy.country.value
        row = await uow.session.get(LadderRow, country, with_for_update=True, populate_existing=True)
        if (row.version if row else 0) != version:
            raise Conflict("changed_meanwhile", {"version": row.version if row else 0})
        if row is None:
            row = LadderRow(country=country, policy={}, changed_by="", changed_at=uow.now)
            uow.session.add(row)
        row.policy = policy.model_dump(mode="json")
        row.changed_by, row.changed_at = uow.actor.code, uow.now
        await uow.flush()
        return row.version
