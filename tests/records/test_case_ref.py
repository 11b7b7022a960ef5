"""References: what is typed wrong is found, what is typed freely is understood."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access import Country
from core.errors import Invalid
from records.case_ref import ALPHABET, check_character, new_case_ref, parse_case_ref

refs = st.builds(
    lambda country, year, tail: (country, year, tail),
    st.sampled_from(["RS", "MK"]),
    st.integers(0, 99),
    st.text(ALPHABET, min_size=5, max_size=5),
).filter(lambda parts: check_character(f"{parts[0]}{parts[1]:02d}{parts[2]}") is not None)


def build(parts: tuple[str, int, str]) -> str:
    """Ten characters without separators."""
    body = f"{parts[0]}{parts[1]:02d}{parts[2]}"
    check = check_character(body)
    assert check is not None
    return body + check


def accepted(text: str) -> bool:
    try:
        parse_case_ref(text)
    except Invalid:
        return False
    return True


@given(refs)
def test_a_reference_is_read_back_as_it_was_made(parts: tuple[str, int, str]) -> None:
    text = build(parts)
    ref = parse_case_ref(text)
    assert (ref.country, ref.year) == (Country(parts[0]), 2000 + parts[1])
    assert str(ref) == f"{text[:2]}-{text[2:4]}-{text[4:8]}-{text[8:]}"
    assert parse_case_ref(str(ref)) == ref


@given(refs, st.integers(0, 9), st.sampled_from(ALPHABET + "ILOU*"))
def test_every_single_wrong_character_is_found(parts: tuple[str, int, str], place: int, char: str) -> None:
    text = build(parts)
    wrong = text[:place] + char + text[place + 1 :]
    same = place >= 2 and {"O": "0", "I": "1", "L": "1"}.get(char, char) == text[place]
    assert accepted(wrong) == (wrong == text or same)


@given(refs, st.integers(0, 9), st.integers(0, 9))
def test_every_swap_of_two_characters_is_found(parts: tuple[str, int, str], one: int, other: int) -> None:
    chars = list(build(parts))
    before = chars.copy()
    chars[one], chars[other] = chars[other], chars[one]
    assert accepted("".join(chars)) == (chars == before)


@given(refs, st.data())
def test_people_may_type_freely(parts: tuple[str, int, str], data: st.DataObject) -> None:
    text = build(parts)
    typed = "".join(
        data.draw(st.sampled_from(["", " ", "-", " – "])) + data.draw(st.sampled_from([char, char.lower()]))
        for char in text
    )
    assert parse_case_ref(typed).text == parse_case_ref(text).text


def test_look_alikes_are_understood() -> None:
    body = next(b for b in (f"RS26{a}10ZZ" for a in ALPHABET) if check_character(b))
    text = f"{body}{check_character(body)}"
    for one in ("I", "l", "i", "L"):
        assert parse_case_ref(text.replace("10", f"{one}O")).text.replace("-", "") == text


@pytest.mark.parametrize(
    ("typed", "code", "params"),
    [
        ("", "case_ref_length", {"found": 0, "expected": 10}),
        ("RS-26-7K4M-Q", "case_ref_length", {"found": 9, "expected": 10}),
        ("RS-26-7K4M-Q23", "case_ref_length", {"found": 11, "expected": 10}),
        ("XX-26-7K4M-Q2", "case_ref_country", {"country": "XX"}),
        ("RS-2A-7K4M-Q2", "case_ref_year", {"year": "2A"}),
        ("RS-٢٦-7K4M-Q2", "case_ref_year", {"year": "٢٦"}),
        ("RS-26-7K*M-Q2", "case_ref_character", {"character": "*", "place": 7}),
    ],
)
def test_the_error_says_what_is_wrong(typed: str, code: str, params: dict[str, object]) -> None:
    with pytest.raises(Invalid) as caught:
        parse_case_ref(typed)
    assert (caught.value.code, caught.value.params) == (code, params)


def test_new_references_are_valid_and_spread() -> None:
    made = {new_case_ref(Country.MK, 2026) for _ in range(500)}
    assert len(made) > 495
    for text in made:
        ref = parse_case_ref(text)
        assert (ref.country, ref.year, ref.text) == (Country.MK, 2026, text)
    assert {text[6] for text in made} >= set("0Z7A")
