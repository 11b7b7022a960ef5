"""The ears of a worker process: channels of sound become utterances with a language. Holds sound only until it is transcribed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from media.speech.backlog import Backlog, Caption, Question
from media.speech.endpointer import FRAME_BYTES, FRAME_MS, RATE, Endpointer, Policy, Utterance
from media.speech.port import VoiceDetector
from media.speech.turns import Speaks, Turns

GAP_MS = 2 * FRAME_MS
"""A larger hole in the times of a channel is silence."""
IDLE_MS = 700
"""When nothing came for so long (a microphone was closed), the utterance is over."""
VOICED_AT = 0.5
NewVoice = Callable[[], VoiceDetector]
Say = Callable[[dict[str, object]], None]


@dataclass
class _Channel:
    room: str
    speaks: Speaks
    voice: VoiceDetector
    endpointer: Endpointer
    by_sound: bool = False
    rest: bytes = b""
    next_ms: int | None = None
    """When the next frame is due, on the time line of the sound."""
    came: float = 0.0
    """When something came last, on the clock of this process (seconds)."""


@dataclass
class _Room:
    turns: Turns = field(default_factory=Turns)
    channels: int = 0


class Ears:
    """All channels of one process; used by one thread. What is dropped is told by ``say``."""

    def __init__(self, new_voice: NewVoice, backlog: Backlog, say: Say, policy: Policy | None = None) -> None:
        self._new_voice = new_voice
        self._backlog = backlog
        self._say = say
        self._policy = policy or Policy()
        self._channels: dict[str, _Channel] = {}
        self._rooms: dict[str, _Room] = {}

    def open(self, name: str, room: str, languages: tuple[str, ...], *, by_sound: bool = False) -> None:
        """Begin a channel; ``by_sound``: of two languages the sound decides, not the turn."""
        self.close(name)
        self._rooms.setdefault(room, _Room()).channels += 1
        speaks, by_sound = Speaks(languages), by_sound and len(languages) == 2
        self._channels[name] = _Channel(room, speaks, self._new_voice(), Endpointer(self._policy), by_sound)

    def close(self, name: str) -> None:
        """End a channel and forget what was not transcribed yet."""
        channel = self._channels.pop(name, None)
        self._backlog.forget(name)
        if channel is not None:
            room = self._rooms[channel.room]
            room.channels -= 1
            if not room.channels:
                del self._rooms[channel.room]

    def hear(self, name: str, at_ms: int, pcm: bytes, now: float) -> None:
        """A piece of sound, in order; a hole before it is silence. Sound of an unknown channel is thrown away."""
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.came = now
        if channel.next_ms is not None and at_ms - channel.next_ms - len(channel.rest) * 1000 // (2 * RATE) > GAP_MS:
            self._silence(name, channel)
            channel.rest = b""
            channel.next_ms = None
        if channel.next_ms is None:
            channel.next_ms = at_ms
        channel.rest += pcm
        while len(channel.rest) >= FRAME_BYTES:
            frame, channel.rest = channel.rest[:FRAME_BYTES], channel.rest[FRAME_BYTES:]
            done = channel.endpointer.feed(frame, channel.voice.probability(frame), channel.next_ms)
            channel.next_ms += FRAME_MS
            self._done(name, channel, done)

    def wait(self, now: float) -> None:
        """Nothing came for a moment: end what is over."""
        for name, channel in self._channels.items():
            if channel.endpointer.speaking and (now - channel.came) * 1000 >= IDLE_MS:
                self._silence(name, channel)

    def ask(self, number: int, pcm: bytes, least_seconds: float) -> None:
        """A question of the language helper: silence is cut out first."""
        voice = self._new_voice()
        frames = [pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]
        voiced = b"".join(frame for frame in frames if voice.probability(frame) >= VOICED_AT)
        seconds = len(voiced) / (2 * RATE)
        if seconds < least_seconds:
            self._say({"say": "detected", "id": number, "probabilities": {}, "seconds": seconds})
        elif not self._backlog.ask(Question(number, voiced)):
            self._say({"say": "refused", "id": number, "why": "busy"})

    def _silence(self, name: str, channel: _Channel) -> None:
        self._done(name, channel, channel.endpointer.flush())

    def _done(self, name: str, channel: _Channel, utterance: Utterance | None) -> None:
        if utterance is None:
            return
        if channel.by_sound:
            caption = Caption(name, channel.speaks.languages[-1], utterance, channel.speaks.languages)
        else:
            language = self._rooms[channel.room].turns.language(name, channel.speaks, utterance.from_ms)
            caption = Caption(name, language, utterance)
        for dropped in self._backlog.put(caption):
            self._say(missing(dropped, "too_slow"))


def missing(caption: Caption, why: str) -> dict[str, object]:
    """The message that a caption will not come."""
    return {
        "say": "missing",
        "channel": caption.channel,
        "from": caption.utterance.from_ms,
        "to": caption.utterance.to_ms,
        "language": caption.language,
        "why": why,
    }
