"""Telephone lines: CPU of one leg, delay that we add each way, what is left of the sound on a bad line beside aiortc's receiver."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import psutil
import uvloop
from pystoi import stoi
from scipy.signal import resample_poly

from core.clock import SystemClock
from media.client import LocalMediaClient
from media.lines import g711
from media.lines.client import PhoneLine
from media.lines.ear import Ear
from media.lines.link import SoundLink
from media.lines.opus import OpusEncoder
from media.lines.peer import LinePeer
from media.lines.protocol import FRAME, FRAME_S, LineTicket
from media.node import MediaNode, NodeOptions
from media.protocol import Codec, News
from media.similarity import Samples
from media.sockets import WireOptions
from tests.bench.figures import Better, Figure, percentile
from tests.media.lines.test_ear import heard, lossy, packets, stock_frames
from tests.speech import read, wav

ROOMS = 8
"""With two telephones each, that speak and hear all the time."""
MEASURED_S = 10.0
BURSTS = 24
_LOUD = 0.05
OPTIONS = NodeOptions(node_id="bench", wire=WireOptions(allow_loopback=True, interfaces=("127.0.0.1",)))


def run() -> list[Figure]:
    """All figures of telephone lines, on the loop that a node runs on."""
    return uvloop.run(_run())


async def _run() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        speech = read(wav(Path(folder), "officer"))[0]
    return [*bad_line(speech), *await cpu(speech, 1), *await cpu(speech, ROOMS), *await delay()]


def bad_line(speech: Samples) -> list[Figure]:
    """The same packets, a tenth of them lost, through our buffer and through aiortc's."""
    voice = np.tile(speech, 4)
    sent = packets(voice)
    arrivals = lossy(len(sent), 0.10, 0.006, 11)
    ear = Ear.opus(16_000)
    sound = heard(ear, sent, arrivals, 320)
    said = resample_poly(voice, 1, 3).astype(np.float32)
    lag = _lag(said, sound)
    size = min(len(said), len(sound) - lag)
    total = ear.played + ear.repaired + ear.concealed
    how = f"{len(sent)} frames of speech, 10 % random loss, exponential jitter of 6 ms"
    return [
        Figure("delivered at 10 % loss", 100 * (ear.played + ear.repaired) / total, "%", Better.HIGHER, 97, how),
        Figure("the same by aiortc's receiver", 100 * stock_frames(arrivals, sent) / len(sent), "%", Better.HIGHER, None, how),
        Figure("intelligibility (STOI) at 10 % loss", stoi(said[:size], sound[lag : lag + size], 16_000), "", Better.HIGHER, 0.9, how),
    ]  # fmt: skip


def _lag(said: Samples, sound: Samples) -> int:
    size = 1 << (len(said) + len(sound)).bit_length()
    match = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(said, size)), size)
    return int(np.abs(match[:8000]).argmax())


async def _ignore(news: News) -> None:
    return


async def cpu(speech: Samples, rooms: int) -> list[Figure]:
    """Node and sound process in and beside this process, the telephones in another one. Processor time, not time that passed."""
    async with MediaNode(OPTIONS, SystemClock(), _ignore) as node:
        client = LocalMediaClient(node)
        narrow = g711.encode(Codec.PCMA, resample_poly(speech, 1, 6).astype(np.float32))
        phones = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.bench_lines",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert phones.stdin is not None
        assert phones.stdout is not None
        # Only now: a ticket is good for 30 s, and on a busy machine it takes that long to start a process.
        await phones.stdout.readline()
        tickets = []
        for room in range(rooms):
            await client.open_room(f"room-{room}")
            for who in ("a", "b"):
                tickets.append(await client.open_line(f"room-{room}", who, Codec.PCMA))
        job = {"tickets": [t.model_dump() for t in tickets], "speech": narrow.hex(), "seconds": MEASURED_S + 4}
        phones.stdin.write(json.dumps(job).encode() + b"\n")
        await asyncio.sleep(2)
        sound = psutil.Process(node.sound.pid)
        begin, ours, theirs = time.monotonic(), time.process_time(), sum(sound.cpu_times()[:2])
        await asyncio.sleep(MEASURED_S)
        share = 100 / (time.monotonic() - begin) / len(tickets)
        in_node, in_sound = (time.process_time() - ours) * share, (sum(sound.cpu_times()[:2]) - theirs) * share
        memory = sound.memory_info().rss
        report = json.loads(await phones.stdout.readline())
        await phones.wait()
        dropped = node.sound.dropped
    how = f"{len(tickets)} telephones in {rooms} room{'s'[: rooms - 1]}, all speaking and hearing, {MEASURED_S:g} s"
    company = f" of {len(tickets)}"
    leg = Figure(f"one telephone leg{company}", in_node + in_sound, "% of a core", limit=1.5, note=how)
    if rooms < ROOMS:
        return [leg]
    return [
        leg,
        Figure("of it in the media node", in_node, "% of a core", note=how),
        Figure("of it in the sound process", in_sound, "% of a core", note=how),
        Figure("frames that the telephones got", 100 * report["frames"], "%", Better.HIGHER, 99, how),
        Figure("copies dropped", dropped, "packets", limit=0, note=how),
        Figure("memory of the sound process", memory / 1e6, "MB", note=how),
    ]


async def phones() -> None:
    """The other process of ``cpu``: all telephones."""
    print("ready", flush=True)
    job = json.loads(sys.stdin.readline())
    speech = bytes.fromhex(job["speech"])
    counts: list[int] = []

    async def one(number: int, ticket: LineTicket) -> None:
        async with PhoneLine.connect(ticket) as line:
            talking = asyncio.create_task(_talk(line, speech, 997 * number * FRAME))
            count, until = 0, time.monotonic() + job["seconds"]
            async for _ in line:
                count += 1
                if time.monotonic() > until:
                    break
            talking.cancel()
            counts.append(count)

    await asyncio.gather(*(one(n, LineTicket(**t)) for n, t in enumerate(job["tickets"])))
    print(json.dumps({"frames": min(counts) / (job["seconds"] / FRAME_S)}), flush=True)


async def _talk(line: PhoneLine, speech: bytes, at: int) -> None:
    upcoming = time.monotonic()
    while True:
        at = at % (len(speech) // FRAME * FRAME)
        await line.send(speech[at : at + FRAME])
        at += FRAME
        upcoming += FRAME_S
        await asyncio.sleep(max(0.0, upcoming - time.monotonic()))


async def delay() -> list[Figure]:
    """Short tones: from a telephone until they leave the node, and from a browser's packet at the node until a telephone hears them."""
    clean = await _delays(0.0, 0.0)
    rough = await _delays(0.04, 0.05)
    how = f"{BURSTS} tones, from the whole frame at our door to the frame that leaves it"
    bad = f"{how}; copies up to 40 ms late, 5 % of them lost"
    return [
        Figure("telephone to room, p50", percentile(clean[0], 50), "ms", note=how),
        Figure("telephone to room, p95", percentile(clean[0], 95), "ms", limit=120, note=how),
        Figure("room to telephone, p50", percentile(clean[1], 50), "ms", note=how),
        Figure("room to telephone, p95", percentile(clean[1], 95), "ms", limit=120, note=how),
        Figure("room to telephone on a rough line, p95", percentile(rough[1], 95), "ms", limit=120, note=bad),
    ]


class _Browser:
    """Somebody at a browser in the room, as the sound process knows them: copies of packets of 20 ms, late and lost as their line is."""

    def __init__(self, link: SoundLink, late_s: float, loss: float) -> None:
        self._link, self._late_s, self._loss = link, late_s, loss
        self._handle = link.new_handle()
        self._encoder = OpusEncoder(48_000, bitrate=32_000)
        self._encoder.expect_loss(loss)
        self._rng = random.Random(5)
        self._count = 0
        link.tell("voice", self._handle, room="room", peer="browser")

    async def send(self, frame: bytes) -> None:
        """What is said in 20 ms."""
        payload = self._encoder.encode(np.repeat(g711.decode(Codec.PCMU, frame), 6))
        packet = self._handle, self._count & 0xFFFF, 960 * self._count & 0xFFFFFFFF, payload
        self._count += 1
        if self._rng.random() >= self._loss:
            asyncio.get_running_loop().call_later(self._rng.uniform(0, self._late_s), self._link.copy, *packet)


async def _delays(late_s: float, loss: float) -> tuple[list[float], list[float]]:
    rng = random.Random(5)
    said: list[float] = []
    left: list[float] = []
    told: list[float] = []
    arrived: list[float] = []
    async with MediaNode(OPTIONS, SystemClock(), _ignore) as node:
        client = LocalMediaClient(node)
        await client.open_room("room")
        first = await client.open_line("room", "a", Codec.PCMU)
        second = await client.open_line("room", "b", Codec.PCMU)
        peer = node._rooms["room"]._seats["a"].peer
        assert isinstance(peer, LinePeer)
        sound = peer.sound

        def leaves(seq: int, ts: int, level: int, live: bool, payload: bytes) -> None:
            if level < 30 and len(left) < len(said):
                left.append(time.monotonic())
            sound(seq, ts, level, live, payload)

        peer.sound = leaves  # type: ignore[method-assign]
        async with PhoneLine.connect(first) as a, PhoneLine.connect(second) as b:
            await _say_tones(a.send, said, rng)
            listening = asyncio.create_task(_first_loud(b, told, arrived))
            await _say_tones(_Browser(node.sound, late_s, loss).send, told, rng)
            listening.cancel()
    to_room = [1000 * (out - begin) for begin, out in zip(said, left, strict=False)]
    to_phone = [1000 * (end - begin) for begin, end in zip(told, arrived, strict=False)]
    return to_room, to_phone


async def _first_loud(line: PhoneLine, said: list[float], arrived: list[float]) -> None:
    async for frame in line:
        if len(arrived) < len(said) and np.abs(g711.decode(Codec.PCMU, frame)).max() > _LOUD:
            arrived.append(time.monotonic())


async def _say_tones(send: Callable[[bytes], Awaitable[None]], said: list[float], rng: random.Random) -> None:
    """A tone of 100 ms each half second; each time at another place between two ticks of the sound process."""
    at = np.arange(FRAME * 5) / 8000
    tone = g711.encode(Codec.PCMU, (0.3 * np.sin(2 * np.pi * 400 * at)).astype(np.float32))
    silence = g711.silence(Codec.PCMU, FRAME)
    upcoming = time.monotonic()
    for burst in range(BURSTS + 3):
        upcoming += rng.uniform(0, 0.01)
        for frame in [silence] * 20 + [tone[n : n + FRAME] for n in range(0, len(tone), FRAME)]:
            upcoming += FRAME_S
            await asyncio.sleep(max(0.0, upcoming - time.monotonic()))
            if burst >= 2 and frame is not silence and frame == tone[:FRAME] and burst - 2 == len(said):
                said.append(time.monotonic())
            await send(frame)
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(phones())
