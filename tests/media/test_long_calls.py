"""Two hours of sound through real SRTP: sequence numbers that wrap many times, clocks that wrap, pauses, and listeners who come late."""

from __future__ import annotations

import os
import random

import pylibsrtp

from media import rtcp, rtp
from media.forwarding import Downlink, Listener, TrackForwarder
from media.protocol import Kind

PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM


class Pair:
    """A subscriber's wire and the browser behind it, with real keys and no network."""

    def __init__(self) -> None:
        key = os.urandom(28)
        ours = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=PROFILE)
        ours.allow_repeat_tx, ours.window_size = True, 1024
        theirs = pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILE)
        theirs.window_size = 1024
        self._tx, self._rx = pylibsrtp.Session(policy=ours), pylibsrtp.Session(policy=theirs)
        self.lose = 0
        self.heard: list[tuple[int, int]] = []
        """Sequence number and clock of what was decrypted."""
        self.undecryptable = 0

    def send_rtp(self, packet: bytes) -> bytes | None:
        protected = bytes(self._tx.protect(packet))
        if self.lose:
            self.lose -= 1
            return protected
        try:
            clear = self._rx.unprotect(protected)
        except pylibsrtp.Error:
            self.undecryptable += 1
        else:
            self.heard.append((rtp.sequence_number(clear), rtp.timestamp(clear)))
        return protected

    def send_again(self, protected: bytes) -> None:
        return

    def send_rtcp(self, packet: bytes) -> None:
        assert rtcp.parse(packet) is not None


def listens(track: TrackForwarder) -> tuple[Pair, Downlink]:
    pair = Pair()
    downlink = Downlink(Kind.AUDIO, pair, Listener())
    track.attach(downlink)
    return pair, downlink


def speak(track: TrackForwarder, begin: int, count: int) -> None:
    """``count`` pieces of 20 ms from the ``begin``-th on; its clock wraps on the way."""
    for number in range(begin, begin + count):
        data = rtp.build(rtp.AUDIO_PT, number, 4_200_000_000 + 960 * number, 50, b"voice of twenty milliseconds")
        track.take(data, 0.02 * number)


async def test_numbers_and_clocks_wrap_and_nothing_is_lost() -> None:
    track = TrackForwarder("speaker", Kind.AUDIO, Pair())
    track.announce(50, None)
    whole, _ = listens(track)
    paused, downlink = listens(track)
    dice = random.Random(1)
    at = 60_000
    for _ in range(5):
        count = dice.randrange(15_000, 20_000)
        speak(track, at, count)
        at += count
        track.detach(downlink)
        rest = dice.randrange(1, 5_000)
        speak(track, at, rest)
        at += rest
        track.attach(downlink)
    assert at > 2 * 65_536
    for pair in (whole, paused):
        assert pair.undecryptable == 0
        assert all((b[0] - a[0]) & 0xFFFF == 1 for a, b in zip(pair.heard, pair.heard[1:], strict=False))
    assert len(whole.heard) == at - 60_000
    assert all((b[1] - a[1]) & 0xFFFFFFFF == 960 for a, b in zip(whole.heard, whole.heard[1:], strict=False))


async def test_whoever_comes_just_before_the_numbers_wrap_and_misses_the_first_sounds_hears_the_rest() -> None:
    """A receiver that never saw the old numbers cannot know that they wrapped: it would have stayed deaf for that voice."""
    track = TrackForwarder("speaker", Kind.AUDIO, Pair())
    track.announce(50, None)
    speak(track, 65_500, 30)
    late, _ = listens(track)
    late.lose = 20
    speak(track, 65_530, 200)
    assert late.undecryptable == 0
    assert len(late.heard) == 180
