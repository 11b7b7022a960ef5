"""Makes the spoken samples of the language desk and the phrasebook: espeak-ng speaks, PyAV writes MP3 (16 kHz mono, 24 kbit/s).

Run by hand when a text changes: ``python web_client/scripts/make_voices.py``. A language without a voice of its own gets no sample.
"""

from __future__ import annotations

import io
import json
import subprocess
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler

WEB = Path(__file__).resolve().parents[1]
TARGET = WEB / "public" / "voices"
RATE, BITS = 16_000, 24_000
PHRASE_VOICES = {"ar": "ar", "fa": "fa"}
"""Pashto has no voice, and Farsi's would be a wrong one for Dari."""


def spoken(text: str, voice: str) -> bytes:
    """A WAV file of a text, a little slower than people speak."""
    command = ["espeak-ng", "-v", voice, "-s", "140", "-g", "3", "--stdin", "--stdout"]
    return subprocess.run(command, input=text.encode(), capture_output=True, check=True, timeout=30).stdout


def trimmed(sound: bytes) -> tuple[np.ndarray[Any, np.dtype[np.int16]], int]:
    """Samples without the silence at both ends, and their rate."""
    with wave.open(io.BytesIO(sound)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(1 << 24), np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 200)
    if loud.size == 0:
        raise ValueError("the voice said nothing")
    edge = rate // 10
    return samples[max(0, loud[0] - edge) : loud[-1] + edge], rate


def write(name: str, text: str, voice: str) -> int:
    """One sample; its size in bytes."""
    samples, rate = trimmed(spoken(text, voice))
    path = TARGET / f"{name}.mp3"
    with av.open(str(path), "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as out:
        stream = out.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = BITS
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = AudioResampler(format=stream.format.name, layout="mono", rate=RATE)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            piece.pts = None
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return path.stat().st_size


def main() -> None:
    """All samples anew."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.glob("*.mp3"):
        old.unlink()
    desk = json.loads((WEB / "src" / "desk" / "cards.json").read_text(encoding="utf-8"))
    sizes = []
    for card in desk["cards"]:
        if "voice" in card:
            text = card.get("say") or f"{card['name']}. {card['sentence']}."
            sizes.append(write(f"card-{card['code']}", text, card["voice"]))
    for group in desk["ways"].values():
        if "voice" in group:
            sizes.append(write(f"ask-{group['lang']}", group["say"], group["voice"]))
            sizes += [write(f"way-{way['code']}", way["say"], group["voice"]) for way in group["of"]]
    for phrase in json.loads((WEB / "src" / "desk" / "phrases.json").read_text(encoding="utf-8"))["phrases"]:
        sizes.append(write(f"ar-{phrase['id']}", phrase["say"], "ar"))
        if "say_f" in phrase:
            sizes.append(write(f"ar-{phrase['id']}-f", phrase["say_f"], "ar"))
        sizes.append(write(f"fa-{phrase['id']}", phrase["fa"].replace(" · ", ". "), "fa"))
    print(f"{len(sizes)} samples, {sum(sizes) / 1000:.0f} kB, the largest {max(sizes) / 1000:.1f} kB")


if __name__ == "__main__":
    main()
