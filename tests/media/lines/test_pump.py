"""Telephones and a browser in one room, end to end in simulated time: each hears what the others say, as it was said, and never himself."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
from scipy.signal import resample_poly

from media.lines import g711
from media.lines.words import BEAT
from media.protocol import Codec, PeerBack, PeerFlags, PeerLost, SpeakingChanged
from media.similarity import Samples, compare, level_dbfs
from tests.media.lines.pieces import SHORT_S, alike, right
from tests.media.lines.pump import Pump

ALIKE = 0.9
"""Two different sentences have 0.1 to 0.2."""
ECHO_DB = -60.0


@pytest.fixture
async def pump(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pump]:
    made = Pump(monkeypatch)
    yield made
    made.close()


def delay_of(said: Samples, heard: Samples) -> int:
    """Samples by which what was heard is later."""
    size = 1 << (len(said) + len(heard)).bit_length()
    match = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said, size)), size)
    return int(np.abs(match[:8000]).argmax())


async def test_each_hears_what_the_others_say_as_it_was_said(
    pump: Pump, speech: dict[str, Samples], narrow: dict[str, Samples]
) -> None:
    officer = await pump.browser("officer")
    a, b = await pump.phone("a", Codec.PCMU), await pump.phone("b", Codec.PCMA)
    pump.run(1)
    begin = pump.steps
    soft = (narrow["interpreter"] * 0.25).astype(np.float32)
    a.say(soft)
    pump.run(len(soft) / 8000 + 0.6)
    for heard, said, rate in (
        (b.heard(begin), narrow["interpreter"], 8000),
        (officer.heard("a", begin - 2), speech["interpreter"], 48_000),
    ):
        # In the first piece a soft voice is still being raised to the loudness of the others.
        found, parts = alike(said, heard, rate, since=SHORT_S)
        assert found.similarity > ALIKE, found
        assert right(parts), parts
        assert -24 < found.heard_dbfs < -16, "a soft telephone is as loud as others"
    assert {(n.peer_id, n.on) for n in pump.news if isinstance(n, SpeakingChanged)} == {("a", True), ("a", False)}
    assert level_dbfs(a.heard(begin)) < ECHO_DB, "its own voice does not come back"
    # The browser's voice reaches both telephones, with the other telephone's over it, and nothing of a telephone's own.
    begin = pump.steps
    officer.say(speech["officer"])
    pump.run(len(speech["officer"]) / 48_000 + 0.6)
    for phone in (a, b):
        found, parts = alike(narrow["officer"], phone.heard(begin), 8000)
        assert found.similarity > ALIKE, found
        assert right(parts), parts
        assert -24 < found.heard_dbfs < -16
        assert delay_of(narrow["officer"], phone.heard(begin)) < 0.09 * 8000
    assert level_dbfs(officer.heard("a", begin)) < ECHO_DB
    assert level_dbfs(officer.heard("b", begin)) < ECHO_DB
    assert len(a.frames) == len(b.frames) == pump.steps
    assert pump.link.dropped == 0


async def test_when_both_talk_each_hears_only_the_other(pump: Pump, narrow: dict[str, Samples]) -> None:
    a, b = await pump.phone("a", Codec.PCMU), await pump.phone("b", Codec.PCMU)
    pump.run(1)
    begin = pump.steps
    a.say(narrow["interpreter"])
    b.say(narrow["applicant"])
    pump.run(max(len(narrow["interpreter"]), len(narrow["applicant"])) / 8000 + 0.6)
    for phone, said in ((a, narrow["applicant"]), (b, narrow["interpreter"])):
        found, parts = alike(said, phone.heard(begin), 8000)
        assert found.similarity > ALIKE, found
        assert right(parts), parts
    assert compare(narrow["interpreter"], a.heard(begin), 8000).similarity < 0.3
    assert compare(narrow["applicant"], b.heard(begin), 8000).similarity < 0.3


async def test_a_muted_voice_reaches_nobody(pump: Pump, speech: dict[str, Samples], narrow: dict[str, Samples]) -> None:
    officer = await pump.browser("officer")
    a, b = await pump.phone("a", Codec.PCMU), await pump.phone("b", Codec.PCMU)
    pump.run(0.5)
    for who in ("officer", "a"):
        pump.room.set_flags(who, PeerFlags(audio=False))
    copied, begin = pump.link.copied, pump.steps
    officer.say(speech["officer"])
    a.say(narrow["interpreter"])
    pump.run(2)
    assert pump.link.copied - copied == (pump.steps - begin) // BEAT, (
        "only what comes of the telephone that is not muted"
    )
    for heard in (a.heard(begin + 5), b.heard(begin + 5), officer.heard("a", begin + 10)):
        assert level_dbfs(heard) < ECHO_DB


async def test_a_line_on_hold_is_silent_both_ways_and_not_lost(pump: Pump, narrow: dict[str, Samples]) -> None:
    a, b = await pump.phone("a", Codec.PCMU), await pump.phone("b", Codec.PCMU)
    pump.run(1)
    a.line.hold(True)
    before, copied = len(a.frames), pump.link.copied
    a.say(narrow["interpreter"])
    b.say(narrow["applicant"])
    pump.run(3)
    assert len(a.frames) == before
    assert pump.link.copied - copied == 150 // BEAT, "only of the other one"
    assert level_dbfs(b.heard(before + 20)) < ECHO_DB
    assert not [n for n in pump.news if isinstance(n, PeerLost)]
    a.line.hold(False)
    b.say(narrow["applicant"])
    pump.run(0.5)
    assert len(a.frames) == before + 26
    assert level_dbfs(a.heard(before)) > -40


async def test_a_telephone_from_which_nothing_comes_is_lost_until_it_is_heard_again(pump: Pump) -> None:
    a = await pump.phone("a", Codec.PCMU)
    pump.run(1)
    pump.phones.remove(a)
    pump.run(3)
    assert [n.reason for n in pump.news if isinstance(n, PeerLost)] == ["silent"]
    assert not [n for n in pump.news if isinstance(n, PeerBack)]
    pump.phones.append(a)
    pump.run(1)
    assert len([n for n in pump.news if isinstance(n, PeerBack)]) == 1
    assert a.frames[-1] == g711.silence(Codec.PCMU, 160)


async def test_a_tap_hears_only_whom_it_may_as_they_said_it(
    pump: Pump, speech: dict[str, Samples], narrow: dict[str, Samples]
) -> None:
    officer = await pump.browser("officer")
    applicant = await pump.phone("applicant", Codec.PCMA)
    tap = pump.tap("officer")
    pump.run(0.2)
    officer.say(speech["officer"])
    applicant.say(narrow["applicant"])
    pump.run(len(speech["officer"]) / 48_000 + 0.6)
    wide = resample_poly(speech["officer"], 1, 3).astype(np.float32)
    found, parts = alike(wide, pump.heard_by_taps("officer"), 16_000)
    assert found.similarity > ALIKE, found
    assert right(parts), parts
    assert {piece.peer_id for piece in pump.pieces} == {"officer"}
    pump.pieces.clear()
    pump.allow(tap, "applicant")
    officer.say(speech["officer"])
    applicant.say(narrow["applicant"])
    pump.run(2)
    assert {piece.peer_id for piece in pump.pieces} == {"applicant"}
    pump.allow(tap)
    pump.pieces.clear()
    copied = pump.link.copied
    pump.run(0.5)
    assert pump.link.copied - copied == 26, "the officer's for the telephone; the telephone's own for nobody"
    assert pump.pieces == []
