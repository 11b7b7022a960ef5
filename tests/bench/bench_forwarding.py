"""Forwarding against aiortc's MediaRelay on the same streams, rooms of three, in one run (about 150 seconds).

One engine at a time, in turns, in a process of its own on core 0; the load (stock ICE, DTLS and SRTP clients that send prepared Opus
packets each 20 ms, one person after the other, and time what arrives) runs on core 1. Both run ahead of other processes where the system
allows it. CPU is the process time of the engine, all threads, divided by the packets that reached the subscribers. The bare forwarder
receives and sends the same packets and does nothing else: what this machine takes for that at this rate, and the way through the kernel
and back that the delay is counted from. With SRTP it opens one packet and seals two beside, as any forwarder must. The best of the rounds
counts: disturbances only ever add.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import uvloop
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.vpx import Vp8Encoder
from av import AudioFrame, CodecContext, VideoFrame

from media import rtp
from tests.bench.figures import Better, Figure, percentile
from tests.bench.forwarding_engines import CONFIGURATION, PEERS, free_socket, pin

ROUNDS, WARM_S, MEASURED_S = 3, 1.5, 3.0
FEW, SOME, MANY = 1, 4, 12
"""Rooms at once: all that MediaRelay carries on a core, a small node, and a node that is in use."""


@cache
def opus_packets() -> list[bytes]:
    """Four seconds of a changing tone at 32 kbit/s."""
    encoder: Any = CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = 48000, "mono", "s16", 32000
    packets: list[bytes] = []
    for number in range(200):
        at = np.arange(number * 960, (number + 1) * 960)
        tone = 8000 * np.sin(2 * np.pi * at * (200 + at / 480) / 48000) * (0.5 + 0.5 * np.sin(at / 9600))
        frame = AudioFrame.from_ndarray(tone.astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, number * 960, Fraction(1, 48000)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


@cache
def pictures() -> list[list[bytes]]:
    """Four seconds of VP8, 640 x 480 and 25 pictures a second as our pages send at most, in packets; the first one is a key frame."""
    encoder = Vp8Encoder()
    generator = np.random.default_rng(1)
    wall = generator.integers(60, 200, (480, 640, 3), dtype=np.uint8)
    frames: list[list[bytes]] = []
    for number in range(100):
        picture = wall.copy()
        left = 200 + int(80 * np.sin(number / 8))
        picture[80:400, left : left + 240] = (90, 120, 180)
        frame = VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number * 3600, Fraction(1, 90000)
        frames.append(encoder.encode(frame, force_keyframe=number == 0)[0])
    return frames


class Stream:
    """Somebody's numbered packets. Each person has time stamps of their own, so that an arrival tells whose packet it is."""

    def __init__(self, number: int, step: int) -> None:
        self.payload_type, self.ssrc = 0, number
        self._seq, self._at, self._step = 0, number << 24, step

    def packets(self, payloads: list[bytes]) -> tuple[int, list[bytes]]:
        """The next packets that belong together, and their time stamp."""
        at, last = self._at, len(payloads) - 1
        made = [
            rtp.build(self.payload_type, self._seq + n, at, self.ssrc, payload, marker=n == last and self._step != 960)
            for n, payload in enumerate(payloads)
        ]
        self._seq, self._at = (self._seq + len(payloads)) & 0xFFFF, at + self._step
        return at, made


class Load(ABC):
    """Everybody in all rooms, talking to one engine."""

    def __init__(self, engine: str, rooms: int, *, pictures: bool = False) -> None:
        self.engine, self.rooms, self.pictures = engine, rooms, pictures
        self.count, self.voices = 0, 0
        self.delays: list[float] = []
        self._sent: dict[int, float] = {}
        self._process: asyncio.subprocess.Process
        self._cpu: asyncio.Queue[float] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()

    @abstractmethod
    async def take(self, told: dict[str, Any]) -> None:
        """Something that the engine says."""

    @abstractmethod
    async def send(self, index: int, stream: int, payloads: list[bytes]) -> None:
        """The next packets of this person's voice (stream 0) or picture (1)."""

    @abstractmethod
    async def leave(self) -> None:
        """Close everybody's sockets."""

    def sent(self, at: int) -> None:
        self._sent[at] = time.perf_counter()

    def arrived(self, at: int, *, voice: bool = True) -> None:
        self.count += 1
        self.voices += voice
        began = self._sent.get(at)
        if began is not None:
            self.delays.append(time.perf_counter() - began)

    async def run(self) -> dict[str, float]:
        """Everybody connects and talks for the measured time: microseconds per packet, shares, delays in milliseconds."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.forwarding_engines", self.engine, str(self.rooms), str(int(self.pictures)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        )  # fmt: skip
        self._tasks.append(asyncio.create_task(self._listen()))
        try:
            async with asyncio.timeout(30):
                await self._ready.wait()
            self._tasks.append(asyncio.create_task(self._talk()))
            await asyncio.sleep(WARM_S)
            cpu, count, voices, began = await self._ask_cpu(), self.count, self.voices, time.perf_counter()
            self.delays.clear()
            await asyncio.sleep(MEASURED_S)
            used, packets, seconds = await self._ask_cpu() - cpu, self.count - count, time.perf_counter() - began
            voices = self.voices - voices
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._stop()
        return {
            "arrived": voices / (PEERS * (PEERS - 1) * 50 * self.rooms * seconds),
            "core": used / seconds,
            "us": 1e6 * used / max(1, packets),
            **{f"p{p}": 1000 * percentile(self.delays, p) for p in (50, 95, 99)},
        }

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            told = json.loads(line)
            if "cpu" in told:
                self._cpu.put_nowait(told["cpu"])
            else:
                await self.take(told)

    async def _talk(self) -> None:
        """Everybody sends each 20 ms, one after the other and not all at once, without drift."""
        voice, people = opus_packets(), PEERS * self.rooms
        frames = pictures() if self.pictures else []
        began, step = time.perf_counter(), 0

        async def due(share: float) -> None:
            wait = began + 0.02 * (step + share / people) - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)

        while True:
            for index in range(people):
                await due(index)
                await self.send(index, 0, [voice[step % len(voice)]])
                if frames and step % 2 == 0:
                    await due(index + 0.5)
                    await self.send(index, 1, frames[step // 2 % len(frames)])
            step += 1

    def order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _ask_cpu(self) -> float:
        self.order({"do": "cpu"})
        async with asyncio.timeout(10):
            return await self._cpu.get()

    async def _stop(self) -> None:
        self.order({"do": "stop"})
        await self.leave()
        try:
            async with asyncio.timeout(5):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class _Person:
    """A stock connection whose packets are prepared and whose incoming packets are only timed."""

    def __init__(self, load: Calls, number: int) -> None:
        self.pc = RTCPeerConnection(CONFIGURATION)
        self.pc.on("connectionstatechange", load.look)
        self.streams = (Stream(number, 960), Stream(number + 128, 3600))
        self.dtls: Any = None
        self._load = load

    async def take(self, sdp: str) -> str:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        lines = self.pc.getTransceivers()
        own = [next(line for line in lines if line.kind == "audio")]
        if self._load.pictures:
            own += [next(line for line in lines if line.kind == "video")]
        for line in lines:
            line.direction = "sendonly" if line in own else "recvonly"
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        for line, stream in zip(own, self.streams, strict=False):
            codec: Any = line._codecs[0]
            stream.payload_type, stream.ssrc = codec.payloadType, line.sender._ssrc
        self.dtls = own[0].receiver.transport
        self.dtls._handle_rtp_data = self._count
        return str(self.pc.localDescription.sdp)

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        self._load.arrived(rtp.timestamp(data), voice=data[1] & 0x7F == self.streams[0].payload_type)


class Calls(Load):
    """Over WebRTC, for our engine and for MediaRelay."""

    def __init__(self, engine: str, rooms: int, *, pictures: bool = False) -> None:
        super().__init__(engine, rooms, pictures=pictures)
        self._people: dict[tuple[str, str], _Person] = {}

    def look(self) -> None:
        """Called when a connection changes its state."""
        states = [person.pc.connectionState for person in self._people.values()]
        if len(states) == PEERS * self.rooms and set(states) == {"connected"}:
            self._ready.set()

    async def take(self, told: dict[str, Any]) -> None:
        key = told["room"], told["peer"]
        person = self._people.get(key)
        if person is None:
            person = self._people[key] = _Person(self, len(self._people))
        self.order({**told, "sdp": await person.take(told["sdp"])})

    async def send(self, index: int, stream: int, payloads: list[bytes]) -> None:
        person = list(self._people.values())[index]
        at, packets = person.streams[stream].packets(payloads)
        self.sent(at)
        for packet in packets:
            await person.dtls._send_rtp(packet)

    async def leave(self) -> None:
        await asyncio.gather(*(person.pc.close() for person in self._people.values()), return_exceptions=True)


class Plain(Load):
    """Over plain UDP, for the bare forwarder without and with SRTP."""

    def __init__(self, rooms: int, engine: str = "bare") -> None:
        super().__init__(engine, rooms)
        self._voices = [Stream(number, 960) for number in range(PEERS * rooms)]
        self._socks = [free_socket() for _ in self._voices]
        self._ports: list[int] = []

    async def take(self, told: dict[str, Any]) -> None:
        self._ports = told["ports"]
        for sock in self._socks:
            asyncio.get_running_loop().add_reader(sock.fileno(), self._read, sock)
        self.order({"ports": [sock.getsockname()[1] for sock in self._socks]})
        self._ready.set()

    def _read(self, sock: Any) -> None:
        self.arrived(rtp.timestamp(sock.recv(2048)))

    async def send(self, index: int, stream: int, payloads: list[bytes]) -> None:
        at, packets = self._voices[index].packets(payloads)
        self.sent(at)
        self._socks[index].sendto(packets[0], ("127.0.0.1", self._ports[index]))

    async def leave(self) -> None:
        for sock in self._socks:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()


async def _compare() -> list[Figure]:
    results: dict[tuple[str, int, bool], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for load in (
            Calls("relay", FEW), Calls("ours", FEW), Plain(FEW), Plain(FEW, "srtp"), Calls("ours", SOME),
            Calls("relay", MANY), Calls("ours", MANY), Plain(MANY),
            Calls("relay", FEW, pictures=True), Calls("ours", FEW, pictures=True),
        ):  # fmt: skip
            results.setdefault((load.engine, load.rooms, load.pictures), []).append(await load.run())

    def best(engine: str, rooms: int, what: str, pictures: bool = False) -> float:
        return min(result[what] for result in results[engine, rooms, pictures])

    def less(
        name: str, engine: str, rooms: int, limit: float | None, note: str, relayed: int, pictures: bool = False
    ) -> Figure:
        relay, other = best("relay", relayed, "us", pictures), best(engine, rooms, "us", pictures)
        how = f"{relay:.0f} us against {other:.0f}; {note}"
        return Figure(f"CPU per packet sent, MediaRelay / {name}", relay / other, "times", Better.HIGHER, limit, how)

    came = f"of MediaRelay's packets {best('relay', MANY, 'arrived'):.0%} arrived, counted per packet that did"
    figures = [
        less(f"ours, the same {MANY} rooms", "ours", MANY, 25, came, MANY),
        less(f"ours at {MANY} rooms, MediaRelay at {FEW}", "ours", MANY, 25, "all that MediaRelay carries", FEW),
        less(f"ours at {SOME} rooms, MediaRelay at {FEW}", "ours", SOME, 25, "all that MediaRelay carries", FEW),
        less(f"ours, the same {FEW} room", "ours", FEW, 25, "each packet wakes a cold process, see below", FEW),
        less(f"ours, the same {FEW} room with pictures", "ours", FEW, 25, "Opus and VP8, 640 x 480", FEW, True),
        less(f"bare forwarder, {FEW} room each", "bare", FEW, None, "no ICE, no SRTP: only receiving and sending", FEW),
        less(
            f"bare forwarder with SRTP, {FEW} room each", "srtp", FEW, None, "the floor for whoever uses libsrtp", FEW
        ),
        less(f"bare forwarder at {MANY} rooms, MediaRelay at {FEW}", "bare", MANY, None, "the same", FEW),
    ]
    for engine, rooms, seen in results:
        note = f"{best(engine, rooms, 'arrived', seen):.1%} of the voices' packets arrived in the worst round"
        name = f"share of a core, {engine}, {rooms} rooms{' with pictures' if seen else ''}"
        figures.append(Figure(name, 100 * best(engine, rooms, "core", seen), "%", note=note))
    for rooms in (FEW, MANY):
        for share in ("p50", "p95", "p99"):
            ours, bare = best("ours", rooms, share), best("bare", rooms, share)
            limit = 1.0 if share == "p50" else None
            note = f"{ours:.2f} ms from sending to receiving, {bare:.2f} ms through the bare forwarder"
            figures.append(Figure(f"delay added, {rooms} rooms, {share}", ours - bare, "ms", limit=limit, note=note))
    return figures


def run() -> list[Figure]:
    """All rounds, from this process on core 1."""
    pin(1)
    return uvloop.run(_compare())
