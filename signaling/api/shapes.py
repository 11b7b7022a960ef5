"""What request and response models share: strict input, and names of the small types of the contract."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from core.access import Country

T = TypeVar("T")


class In(BaseModel):
    """A request body: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Out(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[datetime, PlainSerializer(_instant, return_type=str, when_used="json")]
"""An instant in UTC, written ``2026-11-22T08:00:00.000Z``."""


def _exact(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


ExactInstant = Annotated[datetime, PlainSerializer(_exact, return_type=str, when_used="json")]
"""The same to the microsecond: what is hashed must be shown as it was hashed, so that anybody can check a chain."""
EARLIEST, LATEST = date(1990, 1, 1), date(2190, 1, 1)
"""Days and instants outside of this are mistakes; at the ends of what a calendar can hold, sums with them break."""


def _near(at: datetime) -> datetime:
    if not EARLIEST <= at.date() <= LATEST:
        raise ValueError("out of this time")
    return at


def _near_day(day: date) -> date:
    if not EARLIEST <= day <= LATEST:
        raise ValueError("out of this time")
    return day


InstantIn = Annotated[AwareDatetime, AfterValidator(_near)]
"""An instant with its offset; one without is refused, and so is one far from our time."""

DayIn = Annotated[date, AfterValidator(_near_day)]
"""A calendar day of our time."""


def _real_day(text: str) -> str:
    return _near_day(date.fromisoformat(text)).isoformat()


DayText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_real_day)]
"""The same kept as text, as profiles hold it."""
Language = Annotated[str, Field(pattern=r"^[a-z]{3}$")]
Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_.:-]+$")]
Key = Annotated[str, Field(min_length=1, max_length=64)]
Sex = Literal["none", "woman", "man"]
Names = dict[str, str]
Params = dict[str, Any]
PageNumber = Annotated[int, Field(ge=1, le=10_000)]
PageSize = Annotated[int, Field(ge=1, le=100)]

__all__ = [
    "Code", "Country", "ExactInstant", "In", "Instant", "InstantIn", "Key", "Language", "Names", "Out", "Page", "PageNumber", "PageSize",
    "Params", "Sex",
]  # fmt: skip


class Page(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    total: int
    page: int
    per: int
