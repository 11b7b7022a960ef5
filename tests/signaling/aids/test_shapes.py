"""What may be shown to everybody: digits, times, amounts and dates, and nothing that could carry words."""

from __future__ import annotations

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Invalid
from signaling.realtime.protocol import RoomNumber, parse


def sent(number: dict[str, Any]) -> RoomNumber:
    message = parse(json.dumps({"id": "m1", "t": "room.number", "number": number}))
    assert isinstance(message, RoomNumber)
    return message


@pytest.mark.parametrize(
    "number",
    [
        {"kind": "number", "value": "12. 3. 2014"},
        {"kind": "number", "value": "+381 11 222"},
        {"kind": "time", "value": "23:59"},
        {"kind": "amount", "value": "1500,50", "currency": "EUR"},
        {"kind": "date", "calendar": "solar_hijri", "year": 1380, "season": "spring"},
        {"kind": "date", "calendar": "solar_hijri", "year": 1380, "month": 1, "day": 12, "about": True},
        {"kind": "date", "calendar": "hijri", "year": 1445, "month": 9},
        {"kind": "date", "calendar": "gregorian", "year": 2014, "season": "early_winter"},
    ],
)
def test_numbers_and_dates_are_taken_as_they_were_said(number: dict[str, Any]) -> None:
    assert sent(number).number.model_dump(mode="json", exclude_defaults=True, exclude_none=True) == number


@pytest.mark.parametrize(
    "number",
    [
        {"kind": "number", "value": "abc"},
        {"kind": "number", "value": "1 Petar"},
        {"kind": "number", "value": "1" * 25},
        {"kind": "number", "value": ""},
        {"kind": "number", "value": "12\n3"},
        {"kind": "number", "value": "١٢"},
        {"kind": "number", "value": "12", "note": "x"},
        {"kind": "time", "value": "24:00"},
        {"kind": "amount", "value": "12", "currency": "Petar"},
        {"kind": "amount", "value": "1.234", "currency": "EUR"},
        {"kind": "word", "value": "12"},
        {"kind": "date", "calendar": "solar_hijri", "year": 2014},
        {"kind": "date", "calendar": "gregorian", "year": 2014, "day": 3},
        {"kind": "date", "calendar": "gregorian", "year": 2014, "month": 13},
        {"kind": "date", "calendar": "gregorian", "year": 2014, "month": 3, "season": "spring"},
        {"kind": "date", "calendar": "hijri", "year": 1445, "season": "spring"},
        {"kind": "date", "calendar": "solar_hijri", "year": 1380, "season": "early_winter"},
        {"kind": "date", "calendar": "julian", "year": 2014},
    ],
)
def test_everything_else_is_refused_and_not_repeated(number: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="message_malformed") as refused:
        sent(number)
    assert "Petar" not in str(refused.value.params)


@given(st.text(max_size=40))
def test_no_letter_ever_passes(text: str) -> None:
    try:
        number = sent({"kind": "number", "value": text}).number
    except Invalid:
        return
    assert number.kind == "number"
    assert set(number.value) <= set(string.digits + " .,:/-+")
