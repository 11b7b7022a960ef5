"""The packaged voice: sentences and tones that a telephone hears outside of a room. Read once, decoded to 8 kHz, kept in memory.

The files were made with a machine voice (see ``voice/README.md``); nothing here speaks at run time.
"""

from __future__ import annotations

import io
import json
import math
import struct
import wave
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from media.sip.g711 import PCM_FRAME

FOLDER = Path(__file__).parent / "voice"
RATE = 8000
FRAMES_A_SECOND = 50
FALLBACK = "en"
_PAUSE = bytes(PCM_FRAME * 10)
"""200 ms between two sentences."""
_SAME_WORD = {"pbu": "pus", "pbt": "pus", "fas": "pes", "ara": "arb"}
"""Languages whose names sound alike."""
_SAME_VOICE = {"sr-Cyrl": "sr", "sr-Latn": "sr"}


def _tone(*parts: tuple[int, float]) -> bytes:
    """Sines of (hertz, seconds) at -16 dBFS with soft ends; 0 hertz is silence."""
    samples: list[int] = []
    for hertz, seconds in parts:
        count = int(seconds * RATE)
        for i in range(count):
            edge = min(1.0, i / 80, (count - 1 - i) / 80)
            samples.append(int(5200 * edge * math.sin(2 * math.pi * hertz * i / RATE)))
    return struct.pack(f"<{len(samples)}h", *samples)


_TONES = {
    # Rising: attention, a person is wanted. High: you are in. Falling: it is over. Ticks: wait.
    "tone_attention": ((440, 0.18), (0, 0.04), (660, 0.18), (0, 0.3)),
    "tone_in": ((880, 0.12), (0, 0.1)),
    "tone_out": ((660, 0.18), (0, 0.04), (440, 0.18), (0, 0.2)),
    "tone_wait": ((425, 0.2), (0, 1.8)),
}
TONES = tuple(_TONES)


@cache
def _index() -> dict[str, dict[str, tuple[int, int]]]:
    """Of each voice, by prompt: first frame of 20 ms and the one behind the last."""
    voices: dict[str, Any] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))["voices"]
    return {voice: {key: (at[0], at[1]) for key, at in entry["prompts"].items()} for voice, entry in voices.items()}


def voices() -> tuple[str, ...]:
    """Locales that have a voice, those of another script of the same voice too. Pashto has none."""
    spoken = {voice for voice in _index() if voice not in _SAME_VOICE.values()}
    return tuple(sorted(spoken | {locale for locale, voice in _SAME_VOICE.items() if voice in _index()}))


def known(prompt: str) -> bool:
    """Whether there is such a tone or sentence, at least in English."""
    return prompt in _TONES or prompt in _index().get(FALLBACK, {})


def names(key: str, params: Mapping[str, str | int]) -> tuple[str, ...]:
    """The prompts of a sentence of the catalogue: itself, or with slots one piece for each of them that is packaged; numbers are
    rounded to the nearest packaged one. Empty when nothing of it is packaged."""
    if known(key):
        return (key,)
    found = []
    for slot, value in params.items():
        stem = f"{key}.{slot}."
        packaged = [prompt.removeprefix(stem) for prompt in _index().get(FALLBACK, {}) if prompt.startswith(stem)]
        if isinstance(value, int) and packaged:
            found.append(stem + min(packaged, key=lambda text: abs(int(text) - value)))
        elif (text := _SAME_WORD.get(str(value), str(value))) in packaged:
            found.append(stem + text)
    return tuple(found)


@cache
def pcm_of(prompt: str, locale: str) -> bytes:
    """One prompt as signed 16 bit at 8 kHz, in whole frames of 20 ms; English where the locale has no voice.

    Raises ``KeyError`` for one that is not packaged."""
    if prompt in _TONES:
        return _whole(_tone(*_TONES[prompt]))
    voice = _SAME_VOICE.get(locale, locale)
    if prompt not in _index().get(voice, {}):
        voice = FALLBACK
    first, behind = _index()[voice][prompt]
    return _whole(_decoded(voice)[first * PCM_FRAME : behind * PCM_FRAME])


def joined(prompts: Sequence[str], locale: str) -> bytes:
    """Several prompts with pauses between them; what is not packaged is left out."""
    return _PAUSE.join(pcm_of(prompt, locale) for prompt in prompts if known(prompt))


@cache
def wav_of(prompt: str, locale: str) -> bytes:
    """One prompt as a WAV file (16 bit, 8 kHz, mono), for a carrier that fetches what it plays. Decodes: call it in a thread.

    Raises ``KeyError`` for one that is not packaged."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(pcm_of(prompt, locale))
    return file.getvalue()


@cache
def _decoded(voice: str) -> bytes:
    import av  # here, because who reads the index only decodes nothing

    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    pieces: list[bytes] = []
    with av.open(str(FOLDER / f"{voice}.opus")) as container:
        for frame in container.decode(audio=0):
            pieces += [piece.to_ndarray().tobytes() for piece in resampler.resample(frame)]
        pieces += [piece.to_ndarray().tobytes() for piece in resampler.resample(None)]
    return b"".join(pieces)


def _whole(pcm: bytes) -> bytes:
    return pcm + bytes(-len(pcm) % PCM_FRAME)
