"""The base glossary: what it has for a pair, how sure it is, and what a wrong file says."""

from __future__ import annotations

import pytest

from records.aids_glossary import load_glossary, parse_glossary
from scheduler.languages import load_languages

SMALL = """
status: draft
entries:
  asylum:
    eng: {text: asylum, status: reviewed, by: a reader}
    ara: {text: اللجوء, status: reviewed, by: a reader}
    pes: پناهندگی
  appeal: {eng: appeal, ara: طعن}
  court: {srp: суд, ara: محكمة}
"""


def test_a_pair_is_as_sure_as_its_weaker_word() -> None:
    glossary = parse_glossary(SMALL)
    assert [(one["key"], one["status"]) for one in glossary.pair("eng", "apc", "arabic")] == [
        ("asylum", "reviewed"),
        ("appeal", "draft"),
    ]
    assert [one["status"] for one in glossary.pair("eng", "pes", "persian")] == ["draft"]


def test_only_what_is_known_in_both_languages_is_offered() -> None:
    glossary = parse_glossary(SMALL)
    assert [one["officer_term"] for one in glossary.pair("srp", "ary", "arabic")] == ["суд"]
    assert glossary.pair("eng", "kmr", "kurdish") == []
    assert glossary.pair("sqi", "apc", "arabic") == []
    assert glossary.pair("eng", "haz", "persian") == [], "Hazaragi is not passed off as Dari"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("status: sure\nentries: {}", "status"),
        ("status: draft\nentries: {asylum: {deu: Asyl}}", "no column deu"),
        ("status: draft\nentries: {asylum: {eng: ''}}", r"asylum\.eng: no text"),
        ("status: draft\nentries: {asylum: {eng: {text: asylum, status: reviewed}}}", "reviewed by whom"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_glossary(text)


def test_the_product_has_words_for_every_language_of_its_pool_and_claims_no_review() -> None:
    languages, glossary = load_languages(), load_glossary()
    for officer in ("eng", "srp", "mkd", "sqi"):
        for code in ("apc", "arb", "pes", "prs", "pbt"):
            language = languages.get(code)
            assert language is not None
            found = glossary.pair(officer, code, language.group)
            assert len(found) >= 35, (officer, code)
            assert {one["status"] for one in found} == {"draft"}
            assert len({one["officer_term"] for one in found}) == len(found)
