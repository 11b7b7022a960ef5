"""A robot listens until a stretch is clear, and tells the best of what it heard when none is."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from media.robot import RobotPeer
from media.similarity import Samples
from signaling.rehearsal.client import Socket
from signaling.rehearsal.participant import CLEAR, RATE, RobotParticipant

DICE = np.random.default_rng(7)
SAID: Samples = (DICE.normal(size=3 * RATE) * np.repeat(DICE.uniform(0, 0.3, 60), RATE // 20)).astype(np.float32)


class Peer:
    """Hears what the test says, a second more each time it is asked."""

    def __init__(self, sound: Samples) -> None:
        self.sound = sound
        self.asked: list[float] = []

    async def until_heard(self, _peer_id: str, *, seconds: float, timeout: float) -> Samples:
        self.asked.append(seconds)
        if seconds * RATE > len(self.sound):
            raise TimeoutError
        return self.sound[: int(seconds * RATE)]


def listener(sound: Samples) -> tuple[RobotParticipant, Peer]:
    peer = Peer(sound)
    join = {"participant": {"id": "me"}}
    return RobotParticipant(cast(Socket, None), join, cast(RobotPeer, peer)), peer


async def test_one_clear_stretch_is_enough() -> None:
    robot, peer = listener(np.tile(SAID, 4))
    assert (await robot.hears("other", SAID)).similarity > CLEAR
    assert peer.asked == [4.0]


async def test_a_beginning_that_a_busy_machine_tore_is_listened_over() -> None:
    torn = np.tile(SAID, 4)
    torn[: 4 * RATE] *= np.repeat(DICE.integers(0, 2, 80), RATE // 20)
    robot, peer = listener(torn)
    assert (await robot.hears("other", SAID)).similarity > CLEAR
    assert len(peer.asked) > 1


async def test_what_is_never_clear_is_told_as_it_is() -> None:
    robot, _ = listener(DICE.normal(scale=0.1, size=8 * RATE).astype(np.float32))
    assert (await robot.hears("other", SAID)).similarity < 0.5
    with pytest.raises(TimeoutError):
        await listener(SAID)[0].hears("other", SAID)
