"""Public holidays of both countries from the ``holidays`` package, corrected by what coordinators have entered.

Dates of Eid and of other feasts by the moon are estimated by the package; a coordinator confirms, removes or adds them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import select

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid
from scheduler.calendars.holiday_names import translated
from scheduler.calendars.models import HolidayOverride

COUNTRIES = ("RS", "MK")
_LOCAL = {"RS": ("sr", "sr-Cyrl"), "MK": ("mk", "mk")}
"""Language of the package, and our locale for it."""
_PUBLIC = "public"
STATES = frozenset({"estimated", "confirmed", "removed"})
FIRST_YEAR, LAST_YEAR = 2020, 2040


@dataclass(frozen=True)
class Holiday:
    """One day off."""

    country: str
    day: date
    names: Mapping[str, str]
    """By locale: English, the country's own language, and those of interpreters where the name is known."""
    state: str = "confirmed"
    """estimated, confirmed, removed."""
    category: str = _PUBLIC
    """public: for everybody; else the community whose day it is."""
    corrected: bool = False
    """Whether a coordinator has entered it."""


def _days(country: str, **more: Any) -> Any:
    """The package's days of a country. Loaded when first asked for: it costs a tenth of a second of each start."""
    import holidays

    return holidays.country_holidays(country, **more)


def categories(country: str) -> tuple[str, ...]:
    """The communities that have days of their own in the country, besides the public holidays."""
    return tuple(sorted(set(_days(country).supported_categories) - {_PUBLIC}))


@lru_cache(maxsize=256)
def published(country: str, year: int, category: str = _PUBLIC) -> tuple[Holiday, ...]:
    """What the package knows of one year. Raises ``Invalid('value_unknown')`` (field)."""
    if country not in COUNTRIES:
        raise Invalid("value_unknown", {"field": "country"})
    if category != _PUBLIC and category not in categories(country):
        raise Invalid("value_unknown", {"field": "category"})
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Invalid("value_unknown", {"field": "year"})
    language, locale = _LOCAL[country]
    english = _days(country, years=year, categories=(category,), language="en_US")
    own = _days(country, years=year, categories=(category,), language=language)
    return tuple(
        Holiday(
            country=country,
            day=day,
            names={"en": (plain := _certain(name)), locale: _plain(own.get(day, name)), **translated(plain)},
            state="confirmed" if plain == name else "estimated",
            category=category,
        )
        for day, name in sorted(english.items())
    )


async def holidays_of(unit: ReadUnit, country: str, years: Iterable[int], category: str = _PUBLIC) -> list[Holiday]:
    """The holidays of these years as corrected; removed ones are in the list, marked so."""
    wanted = sorted(set(years))
    found = {one.day: one for year in wanted for one in published(country, year, category)}
    if category == _PUBLIC:
        rows = await unit.session.scalars(
            select(HolidayOverride).where(
                HolidayOverride.country == country,
                HolidayOverride.day >= date(wanted[0], 1, 1),
                HolidayOverride.day <= date(wanted[-1], 12, 31),
            )
        )
        for row in rows:
            known = found.get(row.day)
            names = {"en": row.name, _LOCAL[country][1]: row.name} if row.name or known is None else known.names
            one = known or Holiday(country, row.day, names)
            found[row.day] = replace(one, names=names, state=row.state, corrected=True)
    return [found[day] for day in sorted(found)]


async def days_off(unit: ReadUnit, country: str, years: Iterable[int]) -> frozenset[date]:
    """The days on which rules that skip holidays do not hold. A country without a table has none."""
    if country not in COUNTRIES:
        return frozenset()
    return frozenset(one.day for one in await holidays_of(unit, country, years) if one.state != "removed")


async def correct(uow: UnitOfWork, country: str, day: date, *, name: str, state: str) -> None:
    """Enter what is known of one day. Raises ``Invalid``: ``value_unknown``, ``field_missing`` (a name for a new day)."""
    if state not in STATES:
        raise Invalid("value_unknown", {"field": "state"})
    known = {one.day for one in published(country, day.year)}
    if day not in known and not name:
        raise Invalid("field_missing", {"field": "name"})
    row = await uow.session.get(HolidayOverride, (country, day))
    if row is None:
        row = HolidayOverride(country=country, day=day, name=name, state=state)
        uow.session.add(row)
    row.name, row.state, row.made_by, row.made_at = name, state, uow.actor.id, uow.now
    await uow.flush()


async def forget_correction(uow: UnitOfWork, country: str, day: date) -> None:
    """Go back to what the package says."""
    row = await uow.session.get(HolidayOverride, (country, day))
    if row is not None:
        await uow.session.delete(row)
        await uow.flush()


def _certain(name: str) -> str:
    """An English name without the package's remark that the moon may move the day."""
    return name.replace(" (estimated)", "").replace(", estimated)", ")")


def _plain(name: str) -> str:
    """A name without the package's own remark in brackets at its end."""
    return name.split(" (")[0].strip() if name.endswith(")") else name
