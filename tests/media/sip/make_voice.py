"""Makes ``media/sip/voice``: the sentences of the catalogue ``telephony``, spoken by espeak-ng, one Opus file a voice.

``python -m tests.media.sip.make_voice`` on a machine with espeak-ng, after a change of the sentences. No other machine needs it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from core.i18n import Catalogues
from media.sip.prompts import FOLDER, FRAMES_A_SECOND, RATE

ROOT = Path(__file__).resolve().parents[3]
VOICES = {
    "en": ("en", "en-gb"),
    "sr": ("sr-Cyrl", "sr"),
    "mk": ("mk", "mk"),
    "ar": ("ar", "ar"),
    "fa": ("fa", "fa"),
    "sq": ("sq", "sq"),
}
"""Locale of the sentences and name of the voice at espeak-ng. It has none for Pashto."""
LANGUAGES = ("arb", "pes", "prs", "pus")
MINUTES = (15, 30, 45, 60, 90, 120, 180)
SLOTTED = "offer"
_SPEED = "135"
_LEVEL = 0.11
"""Of speech against full scale (-19 dBFS)."""
_GAP = RATE // 5


def texts(locale: str) -> dict[str, str]:
    """What is spoken, by prompt: every sentence of the area, and the pieces of the one with slots, cut behind the first slot's comma."""
    path = ROOT / "web_client/locales/telephony" / f"{locale}.json"
    said = {
        key.removeprefix("telephony.say."): text
        for key, text in json.loads(path.read_text(encoding="utf-8")).items()
        if key.startswith("telephony.say.") and ".language." not in key
    }
    languages = Catalogues({locale: json.loads(path.read_text(encoding="utf-8"))})
    head, comma, tail = re.split(r"([,،])", said.pop(SLOTTED), maxsplit=1)
    for code in LANGUAGES:
        name = languages.text(f"telephony.say.language.{code}", locale)
        assert name is not None
        said[f"{SLOTTED}.language.{code}"] = head.replace("{{language}}", name) + comma
    for minutes in MINUTES:
        said[f"{SLOTTED}.minutes.{minutes}"] = tail.strip().replace("{{minutes}}", str(minutes))
    assert not [text for text in said.values() if "{{" in text]
    return said


def digest(said: dict[str, str]) -> str:
    """Of all sentences of a voice: tells files that are behind their sentences."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def spoken(text: str, voice: str) -> NDArray[np.float64]:
    """At 8 kHz, -1..1, at one level."""
    plain = text.translate(str.maketrans("۰۱۲۳۴۵۶۷۸۹", "0123456789"))
    wave = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", _SPEED, "-g", "2", "--stdout", plain], capture_output=True, check=True
    ).stdout
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(io.BytesIO(wave), "r") as container:
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    samples = np.concatenate(pieces).astype(np.float64) / 32768
    loud = np.abs(samples) > 0.005
    samples = samples[np.argmax(loud) : len(samples) - np.argmax(loud[::-1])]
    voiced = samples[np.abs(samples) > 0.02]
    level: NDArray[np.float64] = np.clip(samples * _LEVEL / np.sqrt(np.mean(voiced**2)), -0.9, 0.9)
    return level


def make() -> None:
    """Writes all files anew."""
    index: dict[str, object] = {}
    for name, (locale, voice) in VOICES.items():
        said = texts(locale)
        samples: list[NDArray[np.float64]] = [np.zeros(_GAP)]
        places: dict[str, list[int]] = {}
        at = _GAP
        frame = RATE // FRAMES_A_SECOND
        for key, text in said.items():
            sound = spoken(text, voice)
            sound = np.concatenate([sound, np.zeros(-len(sound) % frame)])
            # A frame before and after belongs to it: the coder shifts the sound by some milliseconds.
            places[key] = [at // frame - 1, (at + len(sound)) // frame + 2]
            samples += [sound, np.zeros(_GAP)]
            at += len(sound) + _GAP
        pcm = (np.concatenate(samples) * 32767).astype(np.int16)
        with av.open(str(FOLDER / f"{name}.opus"), "w", format="ogg") as out:
            stream = out.add_stream("libopus", rate=8000, layout="mono")
            stream.bit_rate = 12_000
            stream.options = {"application": "voip"}
            block = av.AudioFrame.from_ndarray(pcm[np.newaxis, :], format="s16", layout="mono")
            block.sample_rate = RATE
            resampler = av.AudioResampler(format="s16", layout="mono", rate=8000, frame_size=160)
            for piece in [*resampler.resample(block), *resampler.resample(None)]:
                out.mux(stream.encode(piece))
            out.mux(stream.encode(None))
        index[name] = {"digest": digest(said), "prompts": places}
    (FOLDER / "index.json").write_text(json.dumps({"voices": index}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    make()
