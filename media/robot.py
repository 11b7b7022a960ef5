"""A participant made of code, over real WebRTC, for rehearsals and tests: speaks a WAV file and records what it hears.

Uses a stock aiortc peer connection, as far from our own forwarder as a browser is. Not for people and not for capacity tests."""

from __future__ import annotations

import asyncio
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from media.aiortc_seam import adopt_sources
from media.protocol import Kind, PeerOffer, TrackInfo
from media.similarity import Samples

RATE = 48000
_FRAME = RATE // 50
_SOUND = 0.003
"""Loudness (rms) from which a frame counts as sound."""


def read_wav(path: Path) -> Samples:
    """A 16-bit PCM file as mono floats at 48 kHz. Raises ``ValueError`` for another sample format."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise ValueError("the WAV file must hold 16-bit samples")
        rate, channels = file.getframerate(), file.getnchannels()
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, channels).mean(axis=1) / 32768
    count = int(len(data) * RATE / rate)
    sound: Samples = np.interp(np.arange(count) * rate / RATE, np.arange(len(data)), data).astype(np.float32)
    return sound


class _Pace:
    """Real time in steps of ``seconds``, without drift."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = time.monotonic()

    async def wait(self) -> None:
        self._next = max(self._next + self._seconds, time.monotonic() - 0.5)
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))


class SpeechTrack(MediaStreamTrack):
    """Speech in a loop, 20 ms at a time."""

    kind = "audio"

    def __init__(self, speech: Samples) -> None:
        super().__init__()
        self._speech = np.clip(speech * 32767, -32768, 32767).astype(np.int16)
        self._at = 0
        self._pace = _Pace(0.02)

    async def recv(self) -> AudioFrame:
        await self._pace.wait()
        places = (self._at + np.arange(_FRAME)) % len(self._speech)
        frame = AudioFrame.from_ndarray(self._speech[places].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._at, Fraction(1, RATE)
        self._at += _FRAME
        return frame


class PictureTrack(MediaStreamTrack):
    """A small moving pattern, 15 pictures a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._pace = _Pace(1 / 15)

    async def recv(self) -> VideoFrame:
        await self._pace.wait()
        rows, columns = np.mgrid[0:120, 0:160]
        luma = ((rows + columns + 3 * self._count) % 256).astype(np.uint8)
        frame = VideoFrame.from_ndarray(np.stack([luma] * 3, axis=-1), format="rgb24")
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90000)
        self._count += 1
        return frame


@dataclass
class Hearing:
    """What came on one m-line. Times are monotonic seconds."""

    kind: Kind
    first_frame_at: float | None = None
    first_sound_at: float | None = None
    frames: int = 0
    _pieces: list[Samples] = field(default_factory=list)
    _samples: int = 0

    def take(self, frame: AudioFrame, keep: int) -> None:
        """Adds a decoded sound frame; ``keep`` samples are kept at most."""
        data = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(axis=1)
        sound = (data / 32768).astype(np.float32)
        if self.first_sound_at is None and float(np.sqrt((sound**2).mean())) > _SOUND:
            self.first_sound_at = time.monotonic()
        if self._samples < keep:
            self._pieces.append(sound)
            self._samples += len(sound)

    def sound(self) -> Samples:
        """All that was kept, mono, 48 kHz."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, np.float32)


class RobotPeer:
    """Answers offers, speaks, records. One per participant; a new generation replaces the connection.

    ``heard`` is by m-line of the current connection; ``tracks`` says whose m-line is which."""

    def __init__(
        self, speech: Samples, *, video: bool = False, ice_servers: Sequence[dict[str, Any]] = (), keep_s: float = 60.0
    ) -> None:
        self.heard: dict[str, Hearing] = {}
        self.tracks: tuple[TrackInfo, ...] = ()
        self.connected_at: float | None = None
        self.generation = 0
        self._speech = speech
        self._video = video
        self._servers = [RTCIceServer(**server) for server in ice_servers]
        self._keep = int(keep_s * RATE)
        self._pc: Any = None
        self._readers: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    @property
    def state(self) -> str:
        """``new``, ``connecting``, ``connected``, ``failed`` or ``closed``."""
        return "new" if self._pc is None else str(self._pc.connectionState)

    async def take(self, offer: PeerOffer) -> str:
        """The answer to this offer, as SDP."""
        if offer.generation != self.generation:
            await self._begin(offer.generation)
        pc = self._pc
        await pc.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
        adopt_sources(pc, offer.sdp)
        for transceiver in pc.getTransceivers():
            if transceiver.mid == "0" and transceiver.sender.track is None:
                transceiver.sender.replaceTrack(SpeechTrack(self._speech))
                transceiver.direction = "sendonly"
            if transceiver.mid == "1" and self._video and transceiver.sender.track is None:
                transceiver.sender.replaceTrack(PictureTrack())
                transceiver.direction = "sendonly"
        await pc.setLocalDescription(await pc.createAnswer())
        self.tracks = offer.tracks
        self._changed.set()
        return str(pc.localDescription.sdp)

    async def _begin(self, generation: int) -> None:
        await self.close()
        self.generation = generation
        self.heard, self.connected_at = {}, None
        pc = self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=self._servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )

        def on_track(track: MediaStreamTrack) -> None:
            mid = next(str(t.mid) for t in pc.getTransceivers() if t.receiver.track is track)
            hearing = self.heard[mid] = Hearing(Kind(track.kind))
            self._readers.append(asyncio.create_task(self._read(track, hearing), name=f"robot hears {mid}"))

        def on_state() -> None:
            if pc.connectionState == "connected" and self.connected_at is None:
                self.connected_at = time.monotonic()
            self._changed.set()

        pc.on("track", on_track)
        pc.on("connectionstatechange", on_state)

    async def _read(self, track: MediaStreamTrack, hearing: Hearing) -> None:
        try:
            while True:
                frame = await track.recv()
                hearing.frames += 1
                if hearing.first_frame_at is None:
                    hearing.first_frame_at = time.monotonic()
                if isinstance(frame, AudioFrame):
                    hearing.take(frame, self._keep)
                self._changed.set()
        except MediaStreamError:
            return

    def hearing(self, peer_id: str, kind: Kind = Kind.AUDIO) -> Hearing | None:
        """What came from this participant on the current connection."""
        for track in self.tracks:
            if track.peer_id == peer_id and track.kind is kind:
                return self.heard.get(track.mid)
        return None

    async def until(self, what: Any, *, timeout: float) -> None:
        """Waits until ``what()`` is true, looking whenever something came. Raises ``TimeoutError``."""
        async with asyncio.timeout(timeout):
            while not what():
                self._changed.clear()
                await self._changed.wait()

    async def until_connected(self, *, timeout: float) -> None:
        """Raises ``TimeoutError``."""
        await self.until(lambda: self.connected_at is not None, timeout=timeout)

    async def until_heard(self, peer_id: str, *, seconds: float, timeout: float) -> Samples:
        """The sound from this participant when ``seconds`` of it have come. Raises ``TimeoutError``."""

        def enough() -> bool:
            hearing = self.hearing(peer_id)
            return hearing is not None and hearing.frames >= seconds * 50

        await self.until(enough, timeout=timeout)
        hearing = self.hearing(peer_id)
        assert hearing is not None
        return hearing.sound()

    async def close(self) -> None:
        """Ends the connection. Idempotent."""
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)
        self._readers = []
        if self._pc is not None:
            await self._pc.close()
            self._pc = None
