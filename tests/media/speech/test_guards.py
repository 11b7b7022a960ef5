"""What a model invents is not shown; languages; whose turn it is."""

from __future__ import annotations

import pytest

from media.speech.endpointer import Utterance
from media.speech.guards import TOKENS_MOST, Drop, judge, token_cap
from media.speech.languages import token
from media.speech.turns import FAR_BACK_MS, Speaks, Turns


def utterance(seconds: float = 5.0, voiced: float | None = None) -> Utterance:
    length = int(seconds * 1000)
    return Utterance(0, length, b"", int((voiced or seconds) * 1000))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("", "en", Drop.NOTHING),
        ("...", "en", Drop.NOTHING),
        ("We waited for two hours.", "en", None),
        ("شكرا " * 60, "ar", Drop.LOOP),
        ("أنا من سوريا وأريد أن أطلب اللجوء", "ar", None),
        ("Thank you for watching", "ar", Drop.SCRIPT),
        ("Thank you for watching", "fa", Drop.SCRIPT),
        ("سلام، من سه روز پیش رسیدم", "fa", None),
        ("سلام من سه روز پیش به مرز رسیدم", "ps", Drop.SCRIPT),
        ("زه د پښتو ژبه وایم او له کابل څخه راغلی یم", "ps", None),
        ("Чекавме два часа", "mk", None),
        ("Cekavme dva casa", "mk", Drop.SCRIPT),
        ("Čekali smo dva sata", "sr", None),
        ("Чекали смо два сата", "sr", None),
    ],
)
def test_judge(text: str, language: str, expected: Drop | None) -> None:
    assert judge(text, language, utterance()) is expected


def test_more_text_than_anybody_says_is_dropped() -> None:
    text = "Subtitles made by the community of friendly people in the north"
    assert judge(text, "en", utterance(5.0, voiced=0.4)) is Drop.TOO_MUCH


def test_tokens_are_capped_by_the_length_of_the_sound() -> None:
    assert token_cap(utterance(1)) < 40
    assert token_cap(utterance(30)) == TOKENS_MOST


def test_kurdish_and_tigrinya_have_no_token_and_dari_is_farsi_s() -> None:
    assert [token(code) for code in ("kmr", "ckb", "tir", "haz")] == [None] * 4
    assert token("prs") == token("pes") == "fa"
    assert token("hrv") == token("srp") == "sr"


def test_an_interpreter_renders_what_was_heard_into_the_other_language() -> None:
    turns = Turns()
    officer, person, interpreter = Speaks(("srp",)), Speaks(("apc",)), Speaks(("apc", "srp"))
    assert turns.language("i", interpreter, 0) == "srp"
    assert turns.language("o", officer, 1000) == "srp"
    assert turns.language("i", interpreter, 4000) == "apc"
    assert turns.language("i", interpreter, 9000) == "apc"
    assert turns.language("p", person, 12_000) == "apc"
    assert turns.language("i", interpreter, 16_000) == "srp"


def test_order_is_of_beginnings_and_old_turns_do_not_count() -> None:
    turns = Turns()
    interpreter = Speaks(("apc", "srp"))
    turns.language("p", Speaks(("apc",)), 5000)
    turns.language("o", Speaks(("srp",)), 1000)
    assert turns.language("i", interpreter, 3000) == "apc"
    assert turns.language("i", interpreter, 6000) == "srp"
    assert turns.language("i", interpreter, 6000 + FAR_BACK_MS + 1) == "srp"


def test_relay_interpreters_listen_to_their_own_pair_only() -> None:
    turns = Turns()
    first, second = Speaks(("prs", "eng")), Speaks(("eng", "srp"))
    turns.language("p", Speaks(("prs",)), 0)
    assert turns.language("a", first, 2000) == "eng"
    assert turns.language("b", second, 4000) == "srp"
    turns.language("o", Speaks(("srp",)), 8000)
    assert turns.language("b", second, 10_000) == "eng"
    assert turns.language("a", first, 12_000) == "prs"
