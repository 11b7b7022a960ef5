"""The text that goes into a record: in the officer's language, marked line by line, original and rendition as a pair."""

from __future__ import annotations

import pytest

from core.clock import ManualClock
from core.i18n import LOCALES
from records.lifecycle import SessionState
from records.models import Session
from signaling.speech.export import as_text
from signaling.speech.views import in_rows
from tests.signaling.speech.drafts import export_texts
from tests.signaling.speech.test_drafts import line

TALK = [
    line("officer", 1, corrected="what was said", corrected_part="interpreter"),
    line("interpreter", 3, code="I-0402", language="pes", text="سلام"),
    line("applicant", 5, language="pes", text=None, missing="lost"),
]


def session(clock: ManualClock) -> Session:
    return Session(id="ses_1", step_code="RS-ID-10", starts_at=clock.now(), state=SessionState.ENDED)


def test_a_pair_stands_together_and_says_what_is_the_machine_s(clock: ManualClock) -> None:
    text = as_text(TALK, session(clock), export_texts().words("en"))
    head, first, second = text.split("\n\n")
    assert head.startswith("DRAFT, MADE BY MACHINE. NOT EVIDENCE.\n")
    assert "ses_1" in head
    assert first.splitlines() == [
        "1.",
        "Said · 08:00:01 · Officer · Serbian (correction: Interpreter): \u2068what was said\u2069",
        "    machine draft: \u2068officer 1\u2069",
        "Interpreted · 08:00:03 · Interpreter I-0402 · Farsi (machine draft): \u2068سلام\u2069",
    ]
    assert second.splitlines() == ["2.", "Said · 08:00:05 · Person (not written by the machine)"]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_label_is_in_the_officer_s_language(clock: ManualClock, locale: str) -> None:
    words = export_texts().words(locale)
    text = as_text(TALK, session(clock), words)
    assert words.say("draft") in text
    assert "{{" not in text
    if locale != "en":
        for english in ("NOT EVIDENCE", "Said", "Interpreted", "machine draft", "Officer", "Serbian"):
            assert english not in text.replace("UTC", ""), (locale, english)
    assert "· srp (" not in text
    if locale == "sr-Latn":
        assert "mašinski nacrt" in text


def test_a_shared_microphone_names_nobody(clock: ManualClock) -> None:
    shared = [line("officer", 1, shared=True), line("officer", 4, shared=True, language="pes")]
    assert [each.row for each in in_rows(shared)] == [1, 2], "two languages, two speakers"
    text = as_text(shared, session(clock), export_texts().words("en"))
    assert text.count("Officer's microphone (officer or somebody beside them)") == 2
