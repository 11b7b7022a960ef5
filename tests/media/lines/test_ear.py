"""What is heard of a bad line, beside what aiortc's own receiver makes of the same packets."""

from __future__ import annotations

import random

import numpy as np
from aiortc.jitterbuffer import JitterBuffer as StockBuffer
from aiortc.rtp import RtpPacket

from media.lines import g711
from media.lines.ear import Ear
from media.lines.opus import OpusEncoder
from media.lines.words import BEAT
from media.protocol import Codec
from media.similarity import Samples, compare

FRAME = 0.02


def packets(sound: Samples, rate: int = 48_000) -> list[bytes]:
    """As a browser sends them that was told of losses: with in-band FEC."""
    encoder, size = OpusEncoder(rate, bitrate=32_000), rate // 50
    encoder.expect_loss(0.1)
    return [encoder.encode(np.ascontiguousarray(sound[at : at + size])) for at in range(0, len(sound) - size, size)]


def lossy(count: int, loss: float, jitter_s: float, seed: int) -> list[tuple[float, int]]:
    """When each of ``count`` packets arrives; those that are lost are left out."""
    rng = random.Random(seed)
    return sorted((FRAME * n + rng.expovariate(1 / jitter_s), n) for n in range(count) if rng.random() >= loss)


def heard(ear: Ear, sent: list[bytes], arrivals: list[tuple[float, int]], size: int) -> Samples:
    waiting, out = list(arrivals), []
    for tick in range(len(sent) + 8):
        now = tick * FRAME
        while waiting and waiting[0][0] <= now:
            at, number = waiting.pop(0)
            ear.put(number, 960 * number, sent[number], at)
        frame = ear.frame(now)
        out.append(np.zeros(size, np.float32) if frame is None else frame)
        assert len(out[-1]) == size
    return np.concatenate(out)


def stock_frames(arrivals: list[tuple[float, int]], sent: list[bytes]) -> int:
    """How many 20 ms frames aiortc's receiver would hand to its decoder (its own buffer with its own sizes)."""
    buffer, out = StockBuffer(capacity=16, prefetch=4), 0
    for _, number in arrivals:
        packet = RtpPacket(payload_type=111, sequence_number=number, timestamp=960 * number)
        packet._data = sent[number]  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        out += frame is not None
    return out


def test_at_ten_per_cent_loss_nearly_everything_is_delivered(
    speech: dict[str, Samples], narrow: dict[str, Samples]
) -> None:
    sent = packets(np.tile(speech["officer"], 3))
    arrivals = lossy(len(sent), 0.10, 0.004, 7)
    ear = Ear.opus(8000)
    sound = heard(ear, sent, arrivals, 160)
    share = (ear.played + ear.repaired) / (ear.played + ear.repaired + ear.concealed)
    stock = stock_frames(arrivals, sent) / len(sent)
    assert share >= 0.97, f"{share:.3f}"
    assert stock < 0.80, f"aiortc's own: {stock:.3f}"
    assert compare(np.tile(narrow["officer"], 3), sound, 8000).similarity > 0.9


def test_without_loss_every_frame_is_played_as_it_was_sent(speech: dict[str, Samples]) -> None:
    sent = packets(speech["applicant"])
    ear = Ear.opus(16_000)
    heard(ear, sent, [(FRAME * n, n) for n in range(len(sent))], 320)
    assert (ear.played, ear.repaired) == (len(sent), 0)


def test_sixty_milliseconds_in_a_packet_are_played_in_three_frames(speech: dict[str, Samples]) -> None:
    """Some senders pack more into one packet; the frames still come out one by one and none is left out or repeated."""
    three = packets(speech["officer"])
    # Code 3 of RFC 6716 section 3.2.5: three frames of variable length behind one head, all of the head's configuration.
    sent, at = [], 0
    while at + 3 <= len(three):
        group = three[at : at + 3]
        if all(p[0] & 0xFC == group[0][0] & 0xFC and p[0] & 3 == 0 and len(p) < 250 for p in group):
            sizes = bytes(len(p) - 1 for p in group[:2])
            sent.append(bytes([group[0][0] | 3, 0x83]) + sizes + b"".join(p[1:] for p in group))
        at += 3
    ear = Ear.opus(8000)
    frames = 0
    for tick in range(3 * len(sent) + 10):
        if tick % 3 == 0 and tick // 3 < len(sent):
            ear.put(tick // 3, 960 * tick, sent[tick // 3], tick * FRAME)
        frames += ear.frame(tick * FRAME) is not None
    assert len(sent) > 50
    assert ear.played == len(sent)
    assert 3 * len(sent) - 1 <= frames <= 3 * len(sent) + 6


def test_a_telephone_that_stalls_fades_and_comes_back() -> None:
    ear = Ear.telephone(Codec.PCMA)
    tone = bytes([0x30, 0xB0] * 80)
    loud = []
    for tick in range(100):
        if not 40 <= tick < 70:
            ear.put(tick, 960 * tick, tone, tick * FRAME)
        frame = ear.frame(tick * FRAME)
        loud.append(0.0 if frame is None else float(np.abs(frame).max()))
    assert min(loud[10:40]) > 0.01
    assert loud[55] == 0.0
    assert min(loud[80:]) > 0.01


def test_a_beat_is_the_same_sound_as_its_frames(narrow: dict[str, Samples]) -> None:
    """Whether a packet is as long as a beat and played as it is, or shorter and put together; with a pause in between."""
    data = g711.encode(Codec.PCMA, narrow["officer"])
    for frames in (1, BEAT):
        by_frame, by_beat = Ear.telephone(Codec.PCMA), Ear.telephone(Codec.PCMA)
        one, other = [], []
        for tick in range(0, 150, BEAT):
            now = (tick + BEAT - 1) * FRAME
            if not 60 <= tick < 90:
                for at in range(tick, tick + BEAT, frames):
                    payload, came = data[160 * at : 160 * (at + frames)], at * FRAME
                    for ear in (by_frame, by_beat):
                        ear.put(at // frames, 960 * at, payload, came)
            one += [by_frame.frame(now - ago * FRAME) for ago in range(BEAT - 1, -1, -1)]
            other.append(by_beat.beat(now))
        joined = np.concatenate([np.zeros(160, np.float32) if frame is None else frame for frame in one])
        beats = np.concatenate([np.zeros(320, np.float32) if beat is None else beat for beat in other])
        assert np.array_equal(joined, beats), frames
        assert other[40] is None, "paused"
        assert by_beat.played == by_frame.played > 100 // frames
