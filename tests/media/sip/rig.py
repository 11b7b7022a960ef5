"""What stands in for the telephone network: SIPp speaks SIP by the scenarios of this folder, ``Handset`` speaks RTP and RFC 4733."""

from __future__ import annotations

import asyncio
import math
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

import numpy as np
from pydantic import BaseModel

from media.sip.g711 import to_alaw, to_pcm
from media.sip.protocol import News, TrunkOptions

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
HAS_SIPP = shutil.which("sipp") is not None
FRAME_S = 0.02
Kind = TypeVar("Kind", bound=BaseModel)
_DTMF_PT = 101
_DIGITS = {**{str(n): n for n in range(10)}, "*": 10, "#": 11}


def free_port() -> int:
    """One that was free for UDP a moment ago, with a free neighbour above."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
        ):
            one.bind((LOOPBACK, 0))
            port: int = one.getsockname()[1]
            with suppress(OSError):
                two.bind((LOOPBACK, port + 1))
                return port


def rms_dbfs(pcm: bytes) -> float:
    """Level of signed 16 bit sound against full scale, -120 for silence."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    power = float(np.mean(samples**2)) if len(samples) else 0.0
    return 10 * math.log10(power / 32768**2) if power > 0 else -120.0


def speech_like(seconds: float, level: float = 5000.0) -> bytes:
    """Loud voiced sound with the rhythm of syllables; signed 16 bit at 8 kHz. For levels, not for recognition."""
    t = np.arange(int(seconds * 8000)) / 8000
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 20))
    rhythm = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * t)
    sound = voice * rhythm
    return bytes((sound / np.max(np.abs(sound)) * level * 2).astype(np.int16).tobytes())


def tone(hertz: float, seconds: float, level: float = 8000.0) -> bytes:
    t = np.arange(int(seconds * 8000)) / 8000
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.int16).tobytes()


def share_of(hertz: float, pcm: bytes) -> float:
    """Share of the sound's power within 15 Hz of ``hertz``, 0..1."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float64)
    if not len(samples) or not np.any(samples):
        return 0.0
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / 8000) - hertz) <= 15
    return float(power[near].sum() / power.sum())


class Handset(asyncio.DatagramProtocol):
    """The sound of the other telephone: sends frames each 20 ms to whoever sends to it, keeps what comes."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        """Payloads of G.711 that came, as signed 16 bit."""
        self.times: list[float] = []
        self.repeated = b""
        """Said again and again while there is nothing else to say."""
        self._to: tuple[str, int] | None = None
        self._say = b""
        self._sequence = 0
        self._stamp = 0
        self.there = asyncio.Event()
        self.muted = False

    @classmethod
    @asynccontextmanager
    async def listening(cls) -> AsyncIterator[Handset]:
        loop = asyncio.get_running_loop()
        transport, handset = await loop.create_datagram_endpoint(cls, local_addr=(LOOPBACK, 0))
        handset.port = transport.get_extra_info("sockname")[1]
        handset._transport = transport
        clock = asyncio.create_task(handset._clock())
        try:
            yield handset
        finally:
            clock.cancel()
            transport.close()

    port: int
    _transport: asyncio.DatagramTransport

    @property
    def keys(self) -> dict[str, str | int]:
        """What a scenario has to know of it."""
        return {"rtp_port": self.port, "payload": 8}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._to = addr
        self.there.set()
        if data[1] & 0x7F in (0, 8):
            self.heard.append(to_pcm(data[12:]) if data[1] & 0x7F == 8 else b"")
            self.times.append(asyncio.get_running_loop().time())

    def say(self, pcm: bytes) -> None:
        self._say += pcm

    async def press(self, digit: str) -> None:
        """RFC 4733: three packets while the key is down, three at its release."""
        await asyncio.wait_for(self.there.wait(), 30)
        stamp = self._stamp
        for duration, ended in ((160, 0), (320, 0), (480, 0), (640, 1), (640, 1), (640, 1)):
            event = struct.pack("!BBH", _DIGITS[digit], ended << 7 | 10, duration)
            self._send(_DTMF_PT | (0x80 if duration == 160 else 0), stamp, event)
            await asyncio.sleep(FRAME_S if not ended else 0)

    async def press_all(self, digits: str, pause: float = 0.08) -> None:
        for digit in digits:
            await self.press(digit)
            await asyncio.sleep(pause)

    def level(self, seconds: float) -> float:
        """Of the last sound that came."""
        return rms_dbfs(b"".join(self.heard[-int(seconds / FRAME_S) :]))

    async def _clock(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += FRAME_S
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._stamp += 160
            if self._to is not None and not self.muted:
                self._say = self._say or self.repeated
                frame, self._say = self._say[:320], self._say[320:]
                self._send(8, self._stamp, to_alaw(frame.ljust(320, b"\0")))

    def _send(self, payload_type: int, stamp: int, payload: bytes) -> None:
        assert self._to is not None
        self._sequence = (self._sequence + 1) & 0xFFFF
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence, stamp & 0xFFFFFFFF, 0x5A5A)
        self._transport.sendto(header + payload, self._to)


class Sipp:
    """One run of a scenario; ``done`` gives true when every message went as the scenario says."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, note: Path) -> None:
        self._process = process
        self._port = port
        self._note = note

    @classmethod
    @asynccontextmanager
    async def playing(
        cls,
        scenario: str,
        port: int,
        *,
        to: str | None = None,
        calls: int = 1,
        pause_ms: int = 500,
        transport: str = "u1",
        keys: Mapping[str, str | int] | None = None,
    ) -> AsyncIterator[Sipp]:
        """As the one who is called, or with ``to`` (host:port) as the one who calls."""
        text = (HERE / f"{scenario}.xml").read_text()
        note = Path(mkdtemp(prefix="sipp-")) / "call_id"
        for name, value in {**(keys or {}), "note": str(note)}.items():
            # Not SIPp's own -key: it reads status codes before it fills keys in.
            text = text.replace(f"[{name}]", str(value))
        filled = note.with_name("scenario.xml")
        filled.write_text(text)
        command = ["-sf", str(filled), "-i", LOOPBACK, "-p", str(port), "-mi", LOOPBACK, "-m", str(calls)]
        command += [
            "-d",
            str(pause_ms),
            "-t",
            transport,
            "-nostdin",
            "-timeout",
            "120",
            "-timeout_error",
            "-recv_timeout",
            "60000",
        ]
        process = await asyncio.create_subprocess_exec(
            "sipp", *command, *([to] if to else []),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            if to is None:
                await until(lambda: process.returncode is not None or bound(port, transport))
            if process.returncode is not None:
                raise RuntimeError(f"sipp did not start: {(await process.communicate())[1].decode()[-400:]}")
            yield cls(process, port, note)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()
            shutil.rmtree(note.parent, ignore_errors=True)

    async def hang_up(self) -> None:
        """``uas_answers`` puts the receiver down; by UDP, whose scenario it is."""
        await until(lambda: self._note.exists() and self._note.read_text().strip() != "")
        sign = (
            f"MESSAGE sip:peer@{LOOPBACK}:{self._port} SIP/2.0\r\nVia: SIP/2.0/UDP {LOOPBACK}:9;branch=z9hG4bKsign\r\n"
            f"From: <sip:test@{LOOPBACK}>;tag=sign\r\nTo: <sip:peer@{LOOPBACK}>\r\nCall-ID: {self._note.read_text().strip()}\r\n"
            "CSeq: 9 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(sign.encode(), (LOOPBACK, self._port))

    async def done(self, timeout: float = 45) -> bool:
        async with asyncio.timeout(timeout):
            return await self._process.wait() == 0


def bound(port: int, transport: str = "u1") -> bool:
    """Whether a socket of this machine holds the port."""
    table = "udp" if transport.startswith("u") else "tcp"
    return f":{port:04X} " in Path(f"/proc/net/{table}").read_text()


async def until(condition: Callable[[], bool], timeout: float = 45.0) -> None:
    """Looks each 10 ms; fails after ``timeout`` seconds."""
    async with asyncio.timeout(timeout):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


class Ear:
    """Keeps the news of an agent."""

    def __init__(self) -> None:
        self.news: list[News] = []
        self._more = asyncio.Event()

    async def hear(self, news: News) -> None:
        self.news.append(news)
        self._more.set()

    async def first(self, kind: type[Kind], timeout: float = 45.0) -> Kind:
        """The first one of its kind, waited for and taken out."""
        async with asyncio.timeout(timeout):
            while True:
                for news in self.news:
                    if isinstance(news, kind):
                        self.news.remove(news)
                        return news
                self._more.clear()
                await self._more.wait()


def trunk(peer_port: int, **changes: object) -> TrunkOptions:
    """Plain UDP on loopback towards a peer; the agent's own ports are free ones."""
    rtp = 42000 + (free_port() % 200) * 100
    values: dict[str, object] = {
        "host": f"{LOOPBACK}:{peer_port}", "transport": "udp", "srtp": "off", "local_address": LOOPBACK,
        "local_port": free_port(), "rtp_port_min": rtp, "rtp_port_max": rtp + 98, "max_calls": 4,
    }  # fmt: skip
    return TrunkOptions.model_validate({**values, **changes})
