"""Forwarding against aiortc's MediaRelay on the same Opus streams, rooms of three, in one run (about 100 seconds).

One engine at a time, in turns, in a process of its own on core 0; the load (stock ICE, DTLS and SRTP clients that send prepared Opus
packets each 20 ms, one person after the other, and time what arrives) runs on core 1. Both run ahead of other processes where the
system allows it. CPU is the process time of the engine, all threads, divided by the packets that reached the subscribers. The bare
forwarder receives and sends the same packets and does nothing else: what this machine takes for that at this rate, and the way
through the kernel and back that the delay is counted from. The best of the rounds counts: disturbances only ever add.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any

import numpy as np
import uvloop
from aiortc import RTCPeerConnection, RTCSessionDescription
from av import AudioFrame, CodecContext

from media import rtp
from tests.bench.figures import Better, Figure, percentile
from tests.bench.forwarding_engines import CONFIGURATION, PEERS, free_socket, pin

ROUNDS, WARM_S, MEASURED_S = 3, 1.5, 3.0
FEW, SOME, MANY = 1, 3, 12
"""Rooms at once: all that MediaRelay carries on a core, more than it carries, and a node that is in use."""


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


class Voice:
    """Somebody's numbered packets. Each person has time stamps of their own, so that an arrival tells whose packet it is."""

    def __init__(self, number: int) -> None:
        self._seq, self._at = 0, number << 24

    def packet(self, payload_type: int, ssrc: int, payload: bytes) -> tuple[int, bytes]:
        """The next packet and its time stamp."""
        at = self._at
        made = rtp.build(payload_type, self._seq, at, ssrc, payload)
        self._seq, self._at = (self._seq + 1) & 0xFFFF, at + 960
        return at, made


class Load(ABC):
    """Everybody in all rooms, talking to one engine."""

    def __init__(self, engine: str, rooms: int) -> None:
        self.engine, self.rooms = engine, rooms
        self.count = 0
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
    async def send(self, index: int, payload: bytes) -> None:
        """The next packet of this person."""

    @abstractmethod
    async def leave(self) -> None:
        """Close everybody's sockets."""

    def sent(self, at: int) -> None:
        self._sent[at] = time.perf_counter()

    def arrived(self, at: int) -> None:
        self.count += 1
        began = self._sent.get(at)
        if began is not None:
            self.delays.append(time.perf_counter() - began)

    async def run(self) -> dict[str, float]:
        """Everybody connects and talks for the measured time: microseconds per packet, shares, delays in milliseconds."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.forwarding_engines", self.engine, str(self.rooms),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 22,
        )  # fmt: skip
        self._tasks.append(asyncio.create_task(self._listen()))
        try:
            async with asyncio.timeout(30):
                await self._ready.wait()
            self._tasks.append(asyncio.create_task(self._talk()))
            await asyncio.sleep(WARM_S)
            cpu, count, began = await self._ask_cpu(), self.count, time.perf_counter()
            self.delays.clear()
            await asyncio.sleep(MEASURED_S)
            used, packets, seconds = await self._ask_cpu() - cpu, self.count - count, time.perf_counter() - began
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._stop()
        return {
            "arrived": packets / (PEERS * (PEERS - 1) * 50 * self.rooms * seconds),
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
        payloads, people = opus_packets(), PEERS * self.rooms
        began, step = time.perf_counter(), 0
        while True:
            for index in range(people):
                due = began + 0.02 * (step + index / people)
                wait = due - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
                await self.send(index, payloads[step % len(payloads)])
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
        self.voice = Voice(number)
        self.payload_type, self.ssrc = 0, 0
        self.dtls: Any = None
        self._load = load

    async def take(self, sdp: str) -> str:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        for transceiver in self.pc.getTransceivers():
            transceiver.direction = "sendonly" if transceiver.mid == "0" else "recvonly"
            if transceiver.kind == "video":
                transceiver.direction = "inactive"
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        first = self.pc.getTransceivers()[0]
        self.dtls = first.receiver.transport
        self.dtls._handle_rtp_data = self._count
        codec: Any = first._codecs[0]
        self.payload_type, self.ssrc = codec.payloadType, first.sender._ssrc
        return str(self.pc.localDescription.sdp)

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        self._load.arrived(rtp.timestamp(data))


class Calls(Load):
    """Over WebRTC, for our engine and for MediaRelay."""

    def __init__(self, engine: str, rooms: int) -> None:
        super().__init__(engine, rooms)
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

    async def send(self, index: int, payload: bytes) -> None:
        person = list(self._people.values())[index]
        at, packet = person.voice.packet(person.payload_type, person.ssrc, payload)
        self.sent(at)
        await person.dtls._send_rtp(packet)

    async def leave(self) -> None:
        await asyncio.gather(*(person.pc.close() for person in self._people.values()), return_exceptions=True)


class Plain(Load):
    """Over plain UDP, for the bare forwarder."""

    def __init__(self, rooms: int) -> None:
        super().__init__("bare", rooms)
        self._voices = [Voice(number) for number in range(PEERS * rooms)]
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

    async def send(self, index: int, payload: bytes) -> None:
        at, packet = self._voices[index].packet(rtp.AUDIO_PT, index, payload)
        self.sent(at)
        self._socks[index].sendto(packet, ("127.0.0.1", self._ports[index]))

    async def leave(self) -> None:
        for sock in self._socks:
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()


async def _compare() -> list[Figure]:
    results: dict[tuple[str, int], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for load in (
            Calls("relay", FEW), Calls("ours", FEW), Plain(FEW),
            Calls("relay", SOME), Calls("ours", SOME),
            Calls("ours", MANY), Plain(MANY),
        ):  # fmt: skip
            results.setdefault((load.engine, load.rooms), []).append(await load.run())

    def best(engine: str, rooms: int, what: str) -> float:
        return min(result[what] for result in results[engine, rooms])

    def less(name: str, engine: str, rooms: int, limit: float | None, note: str, relayed: int = FEW) -> Figure:
        relay, other = best("relay", relayed, "us"), best(engine, rooms, "us")
        how = f"{relay:.0f} us against {other:.0f}; {note}"
        return Figure(f"CPU per packet sent, MediaRelay / {name}", relay / other, "times", Better.HIGHER, limit, how)

    figures = [
        less(f"ours, {FEW} room each", "ours", FEW, 25, "here each packet wakes a cold process, see below"),
        less(
            f"ours, the same {SOME} rooms",
            "ours",
            SOME,
            25,
            f"of MediaRelay's packets {best('relay', SOME, 'arrived'):.0%} arrived, counted per packet that did",
            SOME,
        ),
        less(f"ours, {MANY} rooms", "ours", MANY, 25, f"MediaRelay with {FEW} room, all that it carries"),
        less(f"bare forwarder, {FEW} room each", "bare", FEW, None, "no ICE, no SRTP: receiving and sending in Python"),
        less(f"bare forwarder, {MANY} rooms", "bare", MANY, None, "the same"),
    ]
    for engine, rooms in results:
        note = f"{best(engine, rooms, 'arrived'):.1%} of the packets arrived in the worst round"
        figures.append(
            Figure(f"share of a core, {engine}, {rooms} rooms", 100 * best(engine, rooms, "core"), "%", note=note)
        )
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
