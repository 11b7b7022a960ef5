"""Holidays have names in the languages of interpreters, whatever the package calls them."""

from __future__ import annotations

import re

import pytest

from scheduler.calendars.holiday_names import LOCALES, translated
from scheduler.calendars.holidays import COUNTRIES, categories, published

ARABIC = re.compile(r"[\u0600-\u06ff\u200c ()؛]+")


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_holiday_of_these_years_is_named(country: str) -> None:
    for category in ("public", *categories(country)):
        for year in (2025, 2026, 2027):
            for one in published(country, year, category):
                assert set(LOCALES) <= set(one.names), one.names["en"]
                assert all(ARABIC.fullmatch(one.names[locale]) for locale in ("ar", "fa", "ps")), one.names


def test_days_that_fall_together_and_days_off_instead_are_said() -> None:
    both = translated("Eid al-Fitr; Labor Day (observed)")
    assert both["ar"] == "عيد الفطر؛ عيد العمال (يوم عطلة بديل)"
    assert both["sq"] == "Fitër Bajrami; Dita e Punës (ditë pushimi)"
    assert translated("Day of Something New") == {}


def test_a_day_off_instead_of_an_estimated_one_is_estimated_too() -> None:
    found = [one for year in range(2024, 2040) for one in published("MK", year) if "Eid al-Fitr" in one.names["en"]]
    assert found
    assert not [one.names["en"] for one in found if "estimated" in one.names["en"]]
    assert any(one.state == "estimated" and "observed" in one.names["en"] for one in found)
