"""The listening helper: CPU of one answer and how often the first candidate is right (about 1 minute).

SYNTHETIC: espeak-ng speaks interview-like texts in two voices of each of four languages, full band and as if by telephone (300 to
3,400 Hz, 8 kHz). This is weak evidence for people's voices, and none for Pashto, for Dari beside Farsi, or for any dialect: there is no
voice for them. The model is the packaged multilingual base, int8, as a speech worker uses it. Compared with the same model over all
languages that it knows, which is what most products do.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from media.speech import worker
from media.speech.identify import Detection, rank
from media.speech.languages import token
from media.speech.models import ModelDirectories
from media.speech.port import TranscriptionEngine
from signaling.desk.helper import CANDIDATES
from tests.bench.figures import Better, Figure, percentile
from tests.media.speech.clips import pcm, say
from tests.media.speech.weights import base

TEXTS = {
    "ara": (
        "مرحبا. نعم، أفهم المترجم جيدا. أنا أريد أن أطلب اللجوء. وصلت إلى الحدود قبل ثلاثة أيام مع أخي وأمي.",
        "انتظرنا ساعتين في المطر قبل أن يأتي أحد إلى الباب. كان الجو باردا جدا ولم يكن معنا طعام ولا ماء.",
    ),
    "pes": (
        "سلام. من سه روز پیش با برادرم به مرز رسیدم. ما در راه خیلی خسته شدیم و شب در جنگل خوابیدیم.",
        "دو ساعت زیر باران منتظر ماندیم تا کسی به در آمد. هوا خیلی سرد بود و ما نه غذا داشتیم و نه آب.",
    ),
    "urd": (
        "السلام علیکم۔ میں تین دن پہلے اپنے بھائی کے ساتھ سرحد پر پہنچا۔ ہم راستے میں بہت تھک گئے تھے اور رات جنگل میں سوئے۔",
        "ہم نے دو گھنٹے بارش میں انتظار کیا پھر کوئی دروازے پر آیا۔ بہت سردی تھی اور ہمارے پاس نہ کھانا تھا نہ پانی۔",
    ),
    "tur": (
        "Merhaba. Üç gün önce kardeşimle birlikte sınıra geldim. Yolda çok yorulduk ve gece ormanda uyuduk.",
        "Birisi kapıya gelene kadar yağmurda iki saat bekledik. Hava çok soğuktu, yiyeceğimiz ve suyumuz yoktu.",
    ),
}
VOICES = ("{}+m3", "{}+f2")
_ESPEAK = {"ara": "ar", "pes": "fa", "urd": "ur", "tur": "tr"}


@dataclass(frozen=True)
class Clip:
    """One clip and what is really spoken in it."""

    language: str
    pcm: bytes


def clips() -> list[Clip]:
    """Two texts in two voices of each language, 8 to 20 s each."""
    return [
        Clip(code, say(voice.format(_ESPEAK[code]), text, 130))
        for code, texts in TEXTS.items()
        for text in texts
        for voice in VOICES
    ]


def by_phone(sound: bytes) -> bytes:
    """The same as a telephone brings it."""
    samples = np.frombuffer(sound, "<i2").astype(np.float64) / 32768
    narrow = resample_poly(resample_poly(samples, 1, 2), 2, 1)
    spectrum = np.fft.rfft(narrow)
    hertz = np.fft.rfftfreq(len(narrow), 1 / 16_000)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return pcm(np.fft.irfft(spectrum, len(narrow)))


@dataclass
class Score:
    """How it went over some clips."""

    first: int = 0
    within_three: int = 0
    sure: int = 0
    sure_and_wrong: int = 0
    everything: int = 0
    """Right at the first place when all languages of the model compete."""
    of: int = 0


def count(score: Score, clip: Clip, found: Detection) -> None:
    """Add one answer."""
    answer = rank(found, CANDIDATES)
    order = [code for code, _ in answer.ranked]
    score.of += 1
    right = bool(order) and order[0] == clip.language
    score.first += right
    score.within_three += clip.language in order[:3]
    score.sure += answer.unsure is None
    score.sure_and_wrong += answer.unsure is None and not right
    if found.probabilities:
        score.everything += max(found.probabilities, key=lambda one: found.probabilities[one]) == token(clip.language)


def run() -> list[Figure]:
    """The figures."""
    engine = worker.whisper(ModelDirectories(base()), compute_type="int8", beam=1)
    made = clips()
    engine.detect(made[0].pcm)  # The first answer loads the model, which is no part of what is measured.
    return [
        *_figures("full band", engine, made),
        *_figures("by telephone", engine, [Clip(one.language, by_phone(one.pcm)) for one in made]),
    ]


def _figures(name: str, engine: TranscriptionEngine, made: list[Clip]) -> list[Figure]:
    score, waits = Score(), []
    before = time.process_time()
    for clip in made:
        asked = time.perf_counter()
        count(score, clip, engine.detect(clip.pcm))
        waits.append(time.perf_counter() - asked)
    cpu = time.process_time() - before
    few = f"{score.of} synthetic clips, espeak-ng"
    return [
        Figure(f"{name}: CPU for an answer", cpu / score.of, "s", note=few),
        Figure(f"{name}: answer p50", percentile(waits, 50), "s"),
        Figure(f"{name}: answer p95", percentile(waits, 95), "s"),
        Figure(f"{name}: first is right", score.first / score.of, "", Better.HIGHER, note=few),
        Figure(f"{name}: among the first three", score.within_three / score.of, "", Better.HIGHER),
        Figure(f"{name}: called itself sure", score.sure / score.of, ""),
        Figure(f"{name}: sure and wrong", score.sure_and_wrong / score.of, ""),
        Figure(f"{name}: first is right, all languages", score.everything / score.of, "", Better.HIGHER),
    ]
