"""The taxonomy and the substitution table of the research, row by row where rows are delicate."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scheduler
from records.stages import Stage
from scheduler.languages import (
    Condition,
    LanguageSource,
    LanguageTable,
    MatchKind,
    PersonLanguage,
    load_languages,
    parse_languages,
)

CODES = """
    ara arb apc acm ayp afb ars acw arz apd ayl ary arq aeb ayn acq  pus pbt pbu pst  fas pes prs haz aiq tgk
    kmr ckb sdh diq kiu zza  urd pan pnb skr hno phr snd bal brh hin ben syl rhg nep tam  tir amh som ymm orm
    tur azj azb uzn uzs tuk  fra lin swh run kin ful wol bam mnk hau pcm kri kab shi rif tzm zgh
    rus ukr spa hye bel  srp mkd sqi als aln eng bos hrv rom rmn
"""
ORDER = [Stage.IDENTIFICATION, Stage.REGISTRATION, Stage.VULNERABILITY, Stage.ASYLUM]


@pytest.fixture(scope="module")
def table() -> LanguageTable:
    return load_languages()


def said(*codes: str, source: LanguageSource = LanguageSource.SELF_DECLARED) -> list[PersonLanguage]:
    return [PersonLanguage(code, source) for code in codes]


def highest(
    table: LanguageTable, languages: list[PersonLanguage], to: str, **conditions: object
) -> tuple[int, str] | None:
    """Penalty at identification and the highest stage at which ``to`` may serve."""
    first = table.match_language(languages, to, Stage.IDENTIFICATION, **conditions)  # type: ignore[arg-type]
    if first is None:
        return None
    reached = [s for s in ORDER if table.match_language(languages, to, s, **conditions)]  # type: ignore[arg-type]
    assert reached == ORDER[: len(reached)], "a substitute never serves a higher stage than one it may not serve"
    return first.penalty, reached[-1].value


def test_every_code_of_the_research_is_there(table: LanguageTable) -> None:
    codes = {language.code for language in table}
    assert set(CODES.split()) <= codes
    assert all(language.name and language.direction in ("ltr", "rtl", "none") for language in table)
    for language in table:
        if language.macro:
            parent = table.get(language.macro)
            assert parent is not None
            assert parent.is_macro


@pytest.mark.parametrize(
    ("code", "endonym"),
    [("pes", "فارسی"), ("prs", "دری"), ("urd", "اردو"), ("tir", "ትግርኛ"), ("srp", "српски"), ("mkd", "македонски")],
)
def test_endonyms(table: LanguageTable, code: str, endonym: str) -> None:
    language = table.get(code)
    assert language is not None
    assert (language.endonym, language.endonym_status) == (endonym, "cldr")


def test_directions(table: LanguageTable) -> None:
    rtl = {language.code for language in table if language.direction == "rtl"}
    assert {"ara", "pes", "prs", "pbt", "urd", "ckb", "pnb", "haz"} <= rtl
    assert not rtl & {"kmr", "pan", "hin", "tur", "srp", "eng"}


def test_aliases(table: LanguageTable) -> None:
    assert table.canonical("ajp") == "apc"
    assert "ajp" in table
    assert "xxx" not in table
    assert {table.officer(code) for code in ("srp", "bos", "hrv")} == {"srp"}
    assert {table.officer(code) for code in ("sqi", "als", "aln")} == {"sqi"}
    assert table.officer("mkd") == "mkd"


@pytest.mark.parametrize(
    ("person", "interpreter", "expected"),
    [
        ("pbt", "pbt", (0, "asylum")),
        ("apc", "ajp", (0, "asylum")),
        ("ajp", "apc", (0, "asylum")),
        ("apc", "acm", (15, "asylum")),
        ("apc", "arz", (15, "asylum")),
        ("arz", "apc", None),
        ("acm", "apc", (15, "asylum")),
        ("ayp", "acm", (10, "asylum")),
        ("ayp", "apc", (15, "asylum")),
        ("acm", "ayp", None),
        ("acm", "afb", (10, "asylum")),
        ("afb", "acm", None),
        ("ars", "acw", (10, "asylum")),
        ("acw", "afb", (10, "asylum")),
        ("apd", "arz", (20, "vulnerability")),
        ("ayl", "aeb", (20, "vulnerability")),
        ("ary", "arq", (15, "asylum")),
        ("arq", "ary", None),
        ("arq", "aeb", (15, "asylum")),
        ("aeb", "ayl", (15, "asylum")),
        ("ary", "acm", (50, "registration")),
        ("apc", "ary", None),
        ("acq", "arb", (40, "registration")),
        ("arb", "apc", None),
        ("ary", "fra", None),
        ("pbt", "pbu", (10, "asylum")),
        ("pbu", "pbt", (10, "asylum")),
        ("pst", "pbu", (20, "asylum")),
        ("pbt", "pst", None),
        ("pbt", "prs", None),
        ("prs", "pbt", None),
        ("prs", "pes", (30, "registration")),
        ("pes", "prs", (35, "registration")),
        ("haz", "prs", (15, "asylum")),
        ("haz", "pes", (40, "identification")),
        ("prs", "haz", None),
        ("aiq", "prs", (15, "asylum")),
        ("tgk", "prs", (30, "registration")),
        ("tgk", "rus", (40, "registration")),
        ("kmr", "ckb", None),
        ("ckb", "kmr", None),
        ("sdh", "ckb", (50, "identification")),
        ("kmr", "tur", None),
        ("urd", "hin", (20, "vulnerability")),
        ("hin", "urd", (20, "vulnerability")),
        ("pan", "pnb", (15, "asylum")),
        ("skr", "urd", None),
        ("syl", "ben", (35, "registration")),
        ("ben", "syl", None),
        ("rhg", "ben", None),
        ("tir", "amh", None),
        ("ymm", "som", (50, "identification")),
        ("som", "ymm", None),
        ("tur", "azb", (30, "registration")),
        ("azj", "tur", (30, "registration")),
        ("run", "kin", (15, "vulnerability")),
        ("run", "swh", None),
        ("ukr", "rus", None),
        ("rus", "ukr", None),
        ("bos", "srp", (0, "asylum")),
        ("pus", "pbt", (20, "asylum")),
        ("ara", "apc", (25, "identification")),
        ("fas", "prs", (25, "identification")),
    ],
)
def test_the_table_without_conditions(
    table: LanguageTable, person: str, interpreter: str, expected: tuple[int, str] | None
) -> None:
    assert highest(table, said(person), interpreter) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("pbt", "prs", (55, "identification")),
        ("ary", "fra", (40, "registration")),
        ("kmr", "acm", (45, "registration")),
        ("ckb", "pes", (45, "registration")),
        ("snd", "urd", (30, "registration")),
        ("run", "fra", (40, "registration")),
        ("tir", "amh", (70, "registration")),
        ("prs", "pbt", (10, "asylum")),
        ("kmr", "ckb", (10, "asylum")),
        ("prs", "pes", (10, "asylum")),
        ("pbt", "eng", (10, "asylum")),
    ],
)
def test_a_further_language_that_the_person_named(
    table: LanguageTable, first: str, second: str, expected: tuple[int, str]
) -> None:
    assert highest(table, said(first, second), second) == expected


def test_what_the_officer_guesses_opens_no_second_language_beyond_identification(table: LanguageTable) -> None:
    languages = [*said("pbt"), *said("tur", source=LanguageSource.OFFICER_GUESS)]
    assert highest(table, languages, "tur") == (10, "identification")
    assert highest(table, [*said("pbt"), *said("prs", source=LanguageSource.OFFICER_GUESS)], "prs") is None


def test_nothing_is_chained_to_a_language_that_a_row_governs(table: LanguageTable) -> None:
    assert table.match_language(said("pbt", "prs"), "pes", Stage.IDENTIFICATION) is None
    assert table.match_language(said("kmr", "acm"), "afb", Stage.REGISTRATION) is None
    chained = table.match_language(said("ckb", "prs"), "pes", Stage.REGISTRATION)
    assert chained is not None
    assert (chained.penalty, chained.kind) == (40, MatchKind.SUBSTITUTE)


def test_acceptance_and_emergency_open_what_they_name_only(table: LanguageTable) -> None:
    assert highest(table, said("apd"), "arz", accepted=["arz"]) == (20, "asylum")
    assert highest(table, said("ukr"), "rus", accepted=["rus"]) == (30, "registration")
    assert highest(table, said("ukr"), "rus", accepted=["pol"]) is None
    assert highest(table, said("apc"), "ary", emergency=True) == (70, "identification")
    assert highest(table, said("kmr"), "ckb", accepted=["ckb"], emergency=True) is None
    assert highest(table, said("prs"), "pbt", accepted=["pbt"], emergency=True) is None


def test_the_check_is_due_above_ten(table: LanguageTable) -> None:
    near = table.match_language(said("pbt"), "pbu", Stage.ASYLUM)
    far = table.match_language(said("apc"), "arz", Stage.ASYLUM)
    assert near is not None
    assert far is not None
    assert (near.needs_check, far.needs_check) == (False, True)


def test_return_weighs_like_asylum(table: LanguageTable) -> None:
    assert table.match_language(said("prs"), "pes", Stage.RETURN) is None
    assert table.match_language(said("pbt"), "pbu", Stage.RETURN) is not None


def test_substitutions_are_listed_for_a_screen(table: LanguageTable) -> None:
    rows = table.substitutions("kmr", Stage.REGISTRATION)
    assert {row.condition for row in rows} == {Condition.DECLARED_ONLY}
    assert [row.interpreter for row in table.substitutions("pbt", Stage.ASYLUM)] == ["pbu"]
    assert {row.source for row in table.substitutions("prs", Stage.REGISTRATION)} == {"S37"}


codes = st.sampled_from(sorted(language.code for language in load_languages()))
spoken = st.lists(st.builds(PersonLanguage, codes, st.sampled_from(LanguageSource)), max_size=4)


@given(spoken, st.sampled_from(ORDER), st.lists(codes, max_size=3), st.booleans())
def test_every_option_is_within_bounds_and_best_first_stays_best(
    languages: list[PersonLanguage], stage: Stage, accepted: list[str], emergency: bool
) -> None:
    table = load_languages()
    options = table.options(languages, stage, accepted=accepted, emergency=emergency)
    for code, match in options.items():
        assert match.interpreter == code
        assert 0 <= match.penalty <= 100
        assert table.canonical(languages[match.rank].code) == match.person
    if languages:
        assert options[table.canonical(languages[0].code)].penalty == 0
    strict = table.options(languages, stage)
    assert set(strict) <= set(options)
    assert all(options[code].penalty <= match.penalty for code, match in strict.items())


@given(spoken)
def test_a_higher_stage_never_opens_more(languages: list[PersonLanguage]) -> None:
    table = load_languages()
    opened = [set(table.options(languages, stage)) for stage in ORDER]
    assert all(later <= earlier for earlier, later in itertools.pairwise(opened))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("to: [apc], penalty: 15", "to: [apx], penalty: 15", "unknown language apx"),
        ("{code: pbu,", "{code: pbt,", "twice"),
        ("{from: [pbu], to: [pbt]", "{from: [pbt], to: [pbu]", "two rows for pbt -> pbu"),
        ("max: registration, condition: declared_only}", "max: sometimes}", "sometimes"),
        ("condition: emergency", "condition: hurry", "hurry"),
    ],
)
def test_wrong_data_is_refused(old: str, new: str, message: str) -> None:
    text = (Path(scheduler.__path__[0]) / "language_data.yaml").read_text(encoding="utf-8")
    assert old in text
    with pytest.raises(ValueError, match=message):
        parse_languages(text.replace(old, new, 1))
