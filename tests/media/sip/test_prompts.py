"""The packaged voice: complete, in step with the sentences, audible, whole frames; and G.711 against the standard library."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from core.i18n import LOCALES
from media.sip import g711, prompts
from tests.media.sip.make_voice import VOICES, digest, texts
from tests.media.sip.rig import rms_dbfs, share_of


@pytest.mark.parametrize("voice", VOICES)
def test_every_sentence_is_spoken_as_it_is_written_now(voice: str) -> None:
    index = json.loads((prompts.FOLDER / "index.json").read_text(encoding="utf-8"))["voices"][voice]
    said = texts(VOICES[voice][0])
    assert set(index["prompts"]) == set(said)
    assert index["digest"] == digest(said), "the sentences changed: run python -m tests.media.sip.make_voice"


def test_prompts_are_audible_and_differ_between_languages() -> None:
    heard = {locale: prompts.pcm_of("pin", locale) for locale in ("en", "sr-Cyrl")}
    assert heard["en"] != heard["sr-Cyrl"]
    for pcm in heard.values():
        assert len(pcm) % g711.PCM_FRAME == 0
        assert 2 < len(pcm) / 16000 < 8
        assert -27 < rms_dbfs(pcm) < -17
        assert rms_dbfs(pcm[:320]) < -40, "the neighbour in the file is heard"
        assert rms_dbfs(pcm[-320:]) < -40


def test_each_locale_but_pashto_has_a_voice_and_pashto_hears_english() -> None:
    assert set(LOCALES) - set(prompts.voices()) == {"ps"}
    assert prompts.pcm_of("pin", "ps") == prompts.pcm_of("pin", "en")


def test_a_sentence_with_slots_is_put_together() -> None:
    assert prompts.names("offer", {"language": "pbu", "minutes": 50}) == ("offer.language.pus", "offer.minutes.45")
    assert prompts.names("offer", {"language": "ckb", "minutes": 1000}) == ("offer.minutes.180",)
    assert prompts.names("nothing", {}) == ()


def test_signals_are_told_apart() -> None:
    waiting, inside = prompts.pcm_of("tone_wait", "en"), prompts.pcm_of("tone_in", "en")
    assert share_of(425, waiting) > 0.9
    assert share_of(880, inside) > 0.9


def test_alaw_is_that_of_the_standard() -> None:
    """``audioop`` left the standard library with 3.13; where it is still there it is the judge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        audioop = pytest.importorskip("audioop")
    codes = bytes(range(256))
    assert g711.to_pcm(codes) == audioop.alaw2lin(codes, 2)
    assert g711.to_alaw(g711.to_pcm(codes)) == codes
    samples = np.arange(-32768, 32768, dtype=np.int16)
    ours = np.frombuffer(g711.to_pcm(g711.to_alaw(samples.tobytes())), np.int16).astype(int)
    theirs = np.frombuffer(audioop.alaw2lin(audioop.lin2alaw(samples.tobytes(), 2), 2), np.int16).astype(int)
    wanted = samples.astype(int)
    assert np.max(np.abs(ours - wanted) - np.abs(theirs - wanted)) <= 0, (
        "never further from the sample than the reference"
    )
