"""What may be shown to everybody in a room: digits and separators, clock times, amounts, dates as they were said. No free text.

Bounded so that the number pad can never become a chat: every field is a number, a closed word, or digits. A date is sent as it
was said, with its calendar and its uncertainty; each screen reckons the other calendars itself.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, Union

from pydantic import BaseModel, ConfigDict, Field, model_validator

Calendar = Literal["gregorian", "solar_hijri", "hijri"]
Season = Literal["spring", "summer", "autumn", "winter", "early_winter"]
Currency = Literal["RSD", "MKD", "EUR", "USD", "TRY", "AFN", "IRR", "IQD", "SYP"]
_YEARS: dict[str, tuple[int, int]] = {"gregorian": (1900, 2100), "solar_hijri": (1279, 1478), "hijri": (1318, 1523)}


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlainNumber(_Shown):
    """Digits with separators, as they were typed; also what a person types on the tablet."""

    kind: Literal["number"]
    value: Annotated[str, Field(pattern=r"^\+?[0-9][0-9 .,:/-]{0,22}$")]


class ClockTime(_Shown):
    """A time of day, 24 hours."""

    kind: Literal["time"]
    value: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Amount(_Shown):
    """An amount of money."""

    kind: Literal["amount"]
    value: Annotated[str, Field(pattern=r"^[0-9]{1,12}([.,][0-9]{1,2})?$")]
    currency: Currency


class SaidDate(_Shown):
    """A date as it was said: a day, a month, a season or a year of one calendar, perhaps "about"."""

    kind: Literal["date"]
    calendar: Calendar
    year: int
    month: Annotated[int, Field(ge=1, le=12)] | None = None
    day: Annotated[int, Field(ge=1, le=31)] | None = None
    season: Season | None = None
    about: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        first, last = _YEARS[self.calendar]
        if not first <= self.year <= last:
            raise ValueError("no such year")
        if self.day is not None and self.month is None:
            raise ValueError("a day needs its month")
        if self.season is not None and (self.month is not None or self.calendar == "hijri"):
            raise ValueError("a season stands alone, and the lunar year has none")
        if self.season == "early_winter" and self.calendar != "gregorian":
            raise ValueError("only the Gregorian year has two winters")
        return self


ShownNumber = Annotated[Union[PlainNumber, ClockTime, Amount, SaidDate], Field(discriminator="kind")]  # noqa: UP007
