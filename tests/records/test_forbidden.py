"""Numbers that name a person are refused; ordinary notes with times, dates, rooms and references pass."""

from __future__ import annotations

from datetime import date, timedelta
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access import Country
from core.errors import Invalid
from records.case_ref import check_character, new_case_ref
from records.forbidden import TEXT_LIMIT, ForbiddenKind, check_text, find_forbidden, forbidden_field, is_national_number

TODAY = date(2026, 11, 22)


def jmbg(first12: str) -> str | None:
    """The national number for twelve digits, from the published formula written as one sum."""
    d = [int(c) for c in first12]
    m = (
        11
        - (
            7 * (d[0] + d[6])
            + 6 * (d[1] + d[7])
            + 5 * (d[2] + d[8])
            + 4 * (d[3] + d[9])
            + 3 * (d[4] + d[10])
            + 2 * (d[5] + d[11])
        )
        % 11
    )
    return first12 + str(0 if m > 9 else m)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("call +381 64 123 4567", "phone"),
        ("call +381(0)64/123-456", "phone"),
        ("064/123-4567", "phone"),
        ("0641234567", "phone"),
        ("070 123 456", "phone"),
        ("00389 70 123 456", "phone"),
        ("tel 2345 678", "phone"),
        ("тел. 2345-678", "phone"),
        ("٠٦٤ ١٢٣ ٤٥٦٧", "phone"),
        ("+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹", "phone"),
        ("write to some.one@mail.example", "email"),
        ("brother: a@b.rs!", "email"),
        ("passport A1234567", "document_number"),
        ("pasoš broj 12345", "document_number"),
        ("گذرنامه 98765", "document_number"),
        ("AB 1234567", "document_number"),
        ("p1234567", "document_number"),
        ("id 123456789", "document_number"),
        ("123 456 789 012", "document_number"),
        ("DOB 12.03.1998", "birth_date"),
        ("born in 1998", "birth_date"),
        ("rođen 1998.", "birth_date"),
        ("рођена 3. марта 2010", "birth_date"),
        ("роден 2009", "birth_date"),
        ("متولد ۱۳۷۵", "birth_date"),
        ("12/03/98", "birth_date"),
        ("1998-03-12", "birth_date"),
        ("1375/05/12", "birth_date"),
        ("01.01.2000", "birth_date"),
        ("0101990710006", "document_number"),
    ],
)
def test_what_names_a_person_is_refused_with_the_reason(text: str, kind: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_text("note", text, today=TODAY)
    assert caught.value.code == f"forbidden_{kind}"
    assert caught.value.params == {"field": "note"}


@pytest.mark.parametrize(
    "text",
    [
        "Room 12, 08:30-09:15, comes with a friend",
        "08.30-09.15 and 10.00",
        "22.11.2026 at 09:00 in room 101",
        "22. 11. 2026 - 23. 11. 2026",
        "2026-11-22 08:00 to 2026-11-23 17:30",
        "prefers the morning; interpreter I-0417 last time",
        "step RS-ASY-50, timer RS-T2, limit 15 d",
        "with 3 children, ages 4, 7 and 12",
        "17 years old by own account",
        "Bus 402 leaves at 14:45, seats 10 to 24",
        "Needs a ramp; floor 2, door 214b",
        "Law 24/2018, Art. 35",
        "Чека у соби 3 од 08:15, потребна рампа",
        "یک نفر، اتاق ۱۲، ساعت ۰۸:۳۰",
        "12345678",
        "",
    ],
)
def test_ordinary_notes_pass(text: str) -> None:
    assert check_text("note", text, today=TODAY) == text


clock_times = st.tuples(st.integers(0, 23), st.integers(0, 59), st.sampled_from(":."))
near_days = st.integers(-300, 700).map(lambda days: TODAY + timedelta(days=days))


@st.composite
def notes(draw: st.DrawFn) -> str:
    """A note as officers write them: words, rooms, times, appointments, references, codes."""
    parts = draw(
        st.lists(
            st.one_of(
                st.sampled_from(
                    ["room", "comes with a child", "чека испред", "bus", "соба", "needs a ramp", "until", "and"]
                ),
                st.integers(0, 999).map(str),
                clock_times.map(lambda t: f"{t[0]:02d}{t[2]}{t[1]:02d}"),
                st.tuples(clock_times, clock_times).map(
                    lambda p: f"{p[0][0]:02d}:{p[0][1]:02d}-{p[1][0]:02d}:{p[1][1]:02d}"
                ),
                near_days.map(lambda day: day.strftime("%d.%m.%Y")),
                near_days.map(date.isoformat),
                st.builds(lambda: new_case_ref(Country.RS, 2026)),
                st.integers(1, 9999).map(lambda n: f"I-{n:04d}"),
            ),
            max_size=5,
        )
    )
    return ", ".join(parts)


@given(notes())
def test_no_false_alarm_on_notes(note: str) -> None:
    assert find_forbidden(note, TODAY) is None


@given(st.integers(1, 31), st.integers(1, 12), st.integers(0, 999), st.text("0123456789", min_size=5, max_size=5))
def test_every_national_number_is_found(day: int, month: int, year: int, tail: str) -> None:
    number = jmbg(f"{day:02d}{month:02d}{year:03d}{tail}")
    assert number is not None
    assert is_national_number(number)
    assert find_forbidden(f"broj {number}.", TODAY) is ForbiddenKind.ID_NUMBER
    assert find_forbidden(f"{number[:7]} {number[7:]}", TODAY) is ForbiddenKind.ID_NUMBER
    wrong = number[:12] + str((int(number[12]) + 1) % 10)
    assert not is_national_number(wrong)
    assert find_forbidden(wrong, TODAY) is not None, "thirteen digits are never an ordinary number"


@given(st.sampled_from(["+381", "00381", "+389", "0049"]), st.text("0123456789", min_size=8, max_size=10), st.data())
def test_phones_are_found_however_they_are_grouped(prefix: str, digits: str, data: st.DataObject) -> None:
    joined = "".join(digit + data.draw(st.sampled_from(["", "", " ", "-", "/"])) for digit in digits)
    assert find_forbidden(f"ring {prefix} {joined.rstrip(' -/')} now", TODAY) is not None


@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    found = find_forbidden(text, TODAY)
    assert found is None or found in ForbiddenKind


@pytest.mark.parametrize("piece", ["1 ", "a@", "0.", "+1(", "1-", "AB ", "1.1.", "01 ", "@.", "born "])
def test_no_text_makes_the_check_slow(piece: str) -> None:
    """The patterns may not back-track without end: 50 checks of the longest text in well under a second of CPU."""
    started = process_time()
    for _ in range(50):
        find_forbidden((piece * TEXT_LIMIT)[:TEXT_LIMIT], TODAY)
    assert process_time() - started < 1


def test_a_reference_typed_without_dashes_is_told_from_a_passport() -> None:
    """Two letters and eight digits: only the right check character makes it one of ours."""
    bodies = [f"RS26{number:05d}" for number in range(200)]
    ours = [body + check for body in bodies if (check := check_character(body)) and check.isdigit()]
    assert ours
    for text in ours:
        wrong = text[:-1] + str((int(text[-1]) + 1) % 10)
        assert find_forbidden(f"see {text}, room 3", TODAY) is None
        assert find_forbidden(f"see {wrong}, room 3", TODAY) is ForbiddenKind.DOCUMENT_NUMBER


def test_long_text_is_refused_and_text_is_trimmed() -> None:
    assert check_text("note", "  ok \n", today=TODAY) == "ok"
    assert check_text("note", "x" * TEXT_LIMIT, today=TODAY)
    with pytest.raises(Invalid) as caught:
        check_text("note", "x" * (TEXT_LIMIT + 1), today=TODAY)
    assert (caught.value.code, caught.value.params["length"]) == ("forbidden_text_length", 201)


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("name", "name"),
        ("firstName", "name"),
        ("birth_date", "birth_date"),
        ("Date-of-Birth", "birth_date"),
        ("phone", "phone"),
        ("religion", "religion"),
        ("ethnicGroup", "ethnicity"),
        ("diagnosis", "health"),
        ("fingerprints", "biometric"),
        ("grounds", "statement"),
        ("sexual_orientation", "sexual_orientation"),
        ("smuggler", "smuggler"),
        ("attachments", "file"),
        ("JMBG", "id_number"),
    ],
)
def test_fields_that_must_not_exist_say_why(field: str, kind: str) -> None:
    assert forbidden_field(field) == kind


def test_a_field_that_is_only_not_known_is_no_forbidden_one() -> None:
    assert forbidden_field("favourite_colour") is None
