"""The mix: exact, without oneself, without those who are not allowed; time; bounded queues. Without sockets."""

from __future__ import annotations

import asyncio
from typing import cast

import numpy as np
import pytest

from core.clock import ManualClock
from media.lines import g711
from media.lines.ear import Ear
from media.lines.endpoint import Endpoint, Ticker
from media.lines.level import LevelControl
from media.lines.opus import OpusEncoder, duration
from media.lines.protocol import Piece
from media.lines.stream import ServerStream
from media.lines.studio import Line, Outbox, Studio, Tap
from media.lines.words import BEAT
from media.protocol import Codec
from media.similarity import Samples

FRAME = 0.02


def packets(sound: Samples) -> list[bytes]:
    encoder = OpusEncoder(8000)
    return [encoder.encode(np.ascontiguousarray(sound[at : at + 160])) for at in range(0, len(sound) - 160, 160)]


class House:
    """A studio in simulated time, with what it emitted."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.said: list[tuple[int, int, int, int, bool, bytes]] = []
        self.studio = Studio(self.clock, lambda *voice: self.said.append(voice))
        self.heard: dict[int, list[bytes]] = {}
        self.pieces: dict[int, list[Piece]] = {}

    def run(self, sent: dict[int, list[bytes]], ticks: int, *, phones: dict[int, bytes] | None = None) -> None:
        for tick in range(ticks):
            now = tick * FRAME
            for handle, data in sent.items():
                if tick < len(data):
                    self.studio.packet(handle, tick, 960 * tick, data[tick], now)
            for handle, speech in (phones or {}).items():
                if speech[160 * tick : 160 * tick + 160]:
                    self.studio.lines[handle].take(speech[160 * tick : 160 * tick + 160], now)
            self.clock.advance(FRAME)
            if tick % BEAT == BEAT - 1:
                self.studio.beat(now)
            for handle, line in self.studio.lines.items():
                self.heard.setdefault(handle, []).extend(line.outbox.drain())
            for handle, tap in self.studio.taps.items():
                self.pieces.setdefault(handle, []).extend(tap.outbox.drain())


def alone(data: list[bytes], ticks: int) -> list[Samples]:
    """What one voice sounds like on its way to a telephone, beat by beat."""
    ear, level, out = Ear.opus(8000), LevelControl(8000), []
    for tick in range(ticks):
        if tick < len(data):
            ear.put(tick, 960 * tick, data[tick], tick * FRAME)
        if tick % BEAT == BEAT - 1:
            sound = ear.beat(tick * FRAME)
            out.append(np.zeros(320, np.float32) if sound is None else level.apply(sound))
    return out


def test_each_telephone_hears_exactly_the_sum_of_all_others(narrow: dict[str, Samples]) -> None:
    house = House()
    sent = {1: packets(narrow["officer"]), 2: packets(narrow["applicant"]), 3: packets(narrow["interpreter"])}
    for handle, peer in {1: "officer", 2: "phone-a", 3: "phone-b"}.items():
        house.studio.add_voice(handle, "room", peer)
    house.studio.add_line(12, Line("room", "phone-a", Codec.PCMU))
    house.studio.add_line(13, Line("room", "phone-b", Codec.PCMA))
    house.run(sent, 200)
    parts = {handle: alone(data, 200) for handle, data in sent.items()}
    for line, codec, others in ((12, Codec.PCMU, (1, 3)), (13, Codec.PCMA, (1, 2))):
        assert len(house.heard[line]) == 100
        for beat, sound in enumerate(house.heard[line]):
            mix = parts[others[0]][beat] + parts[others[1]][beat]
            peak = float(np.abs(mix).max())
            assert sound == g711.encode(codec, mix * np.float32(0.95 / peak) if peak > 0.95 else mix), beat


def test_a_telephone_never_hears_itself(narrow: dict[str, Samples]) -> None:
    """Its own voice comes back to the sound process for others and taps, and is not mixed into its ear."""
    house = House()
    house.studio.add_voice(1, "room", "phone")
    house.studio.add_voice(2, "room", "other")
    house.studio.add_line(11, Line("room", "phone", Codec.PCMU))
    house.studio.add_line(12, Line("room", "other", Codec.PCMU))
    house.run({1: packets(narrow["officer"])}, 200)
    assert set(house.heard[11]) == {g711.silence(Codec.PCMU, 320)}
    assert set(house.heard[12]) != {g711.silence(Codec.PCMU, 320)}


def test_rooms_do_not_hear_each_other(narrow: dict[str, Samples]) -> None:
    house = House()
    house.studio.add_voice(1, "room", "officer")
    house.studio.add_line(11, Line("another", "phone", Codec.PCMU))
    house.studio.add_tap(12, Tap("another", {"officer"}))
    house.run({1: packets(narrow["officer"])}, 150)
    assert set(house.heard[11]) == {g711.silence(Codec.PCMU, 320)}
    assert house.pieces[12] == []


def test_a_telephones_voice_goes_out_evenly_with_its_loudness(narrow: dict[str, Samples]) -> None:
    house = House()
    line = Line("room", "phone", Codec.PCMU)
    house.studio.add_line(7, line)
    seq, ts = line.seq, line.ts
    house.run({}, 150, phones={7: g711.encode(Codec.PCMU, narrow["interpreter"][: 100 * 160])})
    assert [(v[1] - seq) & 0xFFFF for v in house.said] == list(range(75)), "two frames in a packet"
    assert [(v[2] - ts) & 0xFFFFFFFF for v in house.said] == [1920 * n for n in range(75)]
    assert {duration(v[5]) for v in house.said} == {1920}
    levels = [v[3] for v in house.said]
    assert min(levels[10:45]) < 30
    assert set(levels[-10:]) == {127}
    assert [v[4] for v in house.said[5:45]].count(True) >= 39
    assert not any(v[4] for v in house.said[-10:])


def test_a_tap_gets_only_whom_it_may_hear_and_no_silence(narrow: dict[str, Samples]) -> None:
    house = House()
    for handle, peer in {1: "officer", 2: "applicant"}.items():
        house.studio.add_voice(handle, "room", peer)
    tap = Tap("room", {"officer"})
    house.studio.add_tap(9, tap)
    sent = {1: packets(narrow["officer"])[:100], 2: packets(narrow["applicant"])[:100]}
    begin = house.clock.now()
    house.run(sent, 300)
    pieces = house.pieces[9]
    assert {piece.peer_id for piece in pieces} == {"officer"}
    assert house.studio.voices[2].for_taps is None, "nothing of others is even decoded"
    total = sum(len(piece.pcm) for piece in pieces)
    assert 100 * 640 <= total <= 106 * 640, "what was said and at most 120 ms of fading"
    ends = 0.0
    for piece in pieces:
        at = (piece.at - begin).total_seconds()
        assert at >= ends - 1e-6
        ends = at + len(piece.pcm) / 32_000
        assert Piece.decode(piece.encode()) == piece
    tap.outbox.put(pieces[0])
    tap.allow({"applicant"})
    assert len(tap.outbox) == 0, "what waits of somebody who is out is gone"


def test_hold_stops_both_ways(narrow: dict[str, Samples]) -> None:
    house = House()
    house.studio.add_voice(1, "room", "officer")
    line = Line("room", "phone", Codec.PCMU)
    house.studio.add_line(7, line)
    line.hold(True)
    house.run({1: packets(narrow["officer"])}, 60, phones={7: g711.encode(Codec.PCMU, narrow["applicant"])})
    assert house.said == []
    assert house.heard[7] == []
    line.hold(False)
    house.studio.beat(10.0)
    assert (len(house.said), len(line.outbox)) == (1, 1)


async def test_a_slow_reader_loses_the_oldest() -> None:
    box: Outbox[int] = Outbox(3)
    for number in range(10):
        box.put(number)
    assert await box.take_all() == [7, 8, 9]
    assert box.dropped == 7
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await box.take_all()


def test_the_clock_does_not_drift_and_does_not_chase_a_long_stall() -> None:
    ticker, made, now = Ticker(100.0), 0, 100.0
    for step in range(30_000):
        now += 0.0199 if step % 3 else 0.0207
        made += ticker.due(now)
    assert abs(made - (now - 100.0) / FRAME) <= BEAT
    assert ticker.due(now + 3.0) == 3 * BEAT
    assert ticker.skipped >= 140
    assert ticker.due(now + 3.0) == 0


def test_one_telephones_trouble_does_not_stop_the_clock_of_all() -> None:
    class Socket:
        def __init__(self, trouble: bool) -> None:
            self.trouble, self.reads, self.by_itself = trouble, 0, False

        def read_now(self) -> None:
            self.reads += 1
            if self.trouble:
                raise RuntimeError

        def read_by_itself(self) -> None:
            self.by_itself = True

    endpoint = Endpoint(Studio(ManualClock(), lambda *voice: None), lambda words: None)
    bad, good = Socket(True), Socket(False)
    endpoint._sockets.update({1: cast(ServerStream, bad), 2: cast(ServerStream, good)})
    endpoint.read(0.0)
    assert (bad.reads, bad.by_itself) == (1, True)
    assert (good.reads, good.by_itself) == (1, False)
