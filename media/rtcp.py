"""RTCP as this server speaks it (RFC 3550 section 6, RFC 4585, RFC 5104, REMB draft): pure, bytes to facts and facts to bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, unpack_from

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_HEAD = Struct("!BBH")
_REPORT = Struct("!IIIIII")
NTP_EPOCH = 2208988800
"""Seconds from 1900 to 1970."""


@dataclass(frozen=True)
class Report:
    """One report block: how ``ssrc`` arrives. ``lost`` is a fraction 0..1; ``jitter`` in clock ticks."""

    ssrc: int
    lost: float
    total_lost: int
    highest: int
    jitter: int
    lsr: int
    dlsr: int


@dataclass(frozen=True)
class SenderReport:
    """What a sender says about its clock: ``ntp`` (64 bits) was the instant of ``rtp`` ticks."""

    ssrc: int
    ntp: int
    rtp: int


@dataclass(frozen=True)
class Nack:
    """The receiver misses these packets of ``ssrc``."""

    ssrc: int
    missing: tuple[int, ...]


@dataclass(frozen=True)
class KeyframeRequest:
    """PLI or FIR for ``ssrc``."""

    ssrc: int


@dataclass(frozen=True)
class Remb:
    """The receiver estimates that its line carries this much in all, bits per second."""

    bitrate: int


@dataclass(frozen=True)
class Bye:
    """These sources end."""

    sources: tuple[int, ...]


Item = Report | SenderReport | Nack | KeyframeRequest | Remb | Bye


def parse(data: bytes) -> list[Item]:
    """What a compound packet says; parts that are unknown or malformed are left out, never raised about."""
    items: list[Item] = []
    at = 0
    while at + 4 <= len(data):
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        items.extend(_parse_one(kind, first & 0x1F, data[at + 4 : end]))
        at = end
    return items


def _parse_one(kind: int, count: int, body: bytes) -> Iterator[Item]:
    if kind == SR and len(body) >= 24:
        source, high, low, rtp = unpack_from("!IIII", body)
        yield SenderReport(source, (high << 32) | low, rtp)
        yield from _reports(body[24:], count)
    elif kind == RR:
        yield from _reports(body[4:], count)
    elif kind == BYE and len(body) >= 4 * count:
        yield Bye(unpack_from(f"!{count}I", body))
    elif kind == RTPFB and count == 1 and len(body) >= 12:
        missing: list[int] = []
        for at in range(8, len(body) - 3, 4):
            pid, mask = unpack_from("!HH", body, at)
            missing.append(pid)
            missing.extend((pid + bit + 1) & 0xFFFF for bit in range(16) if mask >> bit & 1)
        yield Nack(unpack_from("!I", body, 4)[0], tuple(missing))
    elif kind == PSFB and count == 1 and len(body) >= 8:
        yield KeyframeRequest(unpack_from("!I", body, 4)[0])
    elif kind == PSFB and count == 4 and len(body) >= 16:
        for at in range(8, len(body) - 7, 8):
            yield KeyframeRequest(unpack_from("!I", body, at)[0])
    elif kind == PSFB and count == 15 and len(body) >= 16 and body[8:12] == b"REMB":
        exponent, mantissa = body[13] >> 2, ((body[13] & 3) << 16) | (body[14] << 8) | body[15]
        yield Remb(mantissa << exponent)


def _reports(body: bytes, count: int) -> Iterator[Report]:
    for index in range(min(count, len(body) // 24)):
        source, lost, highest, jitter, lsr, dlsr = _REPORT.unpack_from(body, 24 * index)
        total = lost & 0xFFFFFF
        yield Report(
            ssrc=source,
            lost=(lost >> 24) / 256,
            total_lost=total - 0x1000000 if total & 0x800000 else total,
            highest=highest,
            jitter=jitter,
            lsr=lsr,
            dlsr=dlsr,
        )


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def receiver_report(sender: int, reports: Sequence[Report]) -> bytes:
    """How the sources in ``reports`` arrive here (at most 31)."""
    body = [sender.to_bytes(4, "big")]
    for report in reports:
        lost = (min(255, round(report.lost * 256)) << 24) | (
            max(-0x800000, min(0x7FFFFF, report.total_lost)) & 0xFFFFFF
        )
        body.append(
            _REPORT.pack(
                report.ssrc, lost, report.highest & 0xFFFFFFFF, report.jitter & 0xFFFFFFFF, report.lsr, report.dlsr
            )
        )
    return _packet(RR, len(reports), b"".join(body))


def sender_report(report: SenderReport, packets: int, octets: int) -> bytes:
    """A sender report without report blocks."""
    body = Struct("!IIIIII").pack(
        report.ssrc, report.ntp >> 32, report.ntp & 0xFFFFFFFF, report.rtp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return _packet(SR, 0, body)


def source_description(source: int, cname: str) -> bytes:
    """The CNAME that ties one person's sources together (at most 255 bytes)."""
    name = cname.encode()[:255]
    item = bytes((1, len(name))) + name + b"\0"
    return _packet(SDES, 1, source.to_bytes(4, "big") + item + b"\0" * (-len(item) % 4))


def nack(sender: int, source: int, missing: Sequence[int]) -> bytes:
    """Asks for packets again; ``missing`` in rising order."""
    pairs: list[tuple[int, int]] = []
    for seq in missing:
        if pairs and 0 < ((seq - pairs[-1][0]) & 0xFFFF) <= 16:
            pid, mask = pairs[-1]
            pairs[-1] = (pid, mask | 1 << (((seq - pid) & 0xFFFF) - 1))
        else:
            pairs.append((seq, 0))
    body = b"".join(Struct("!HH").pack(*pair) for pair in pairs)
    return _packet(RTPFB, 1, sender.to_bytes(4, "big") + source.to_bytes(4, "big") + body)


def picture_loss(sender: int, source: int) -> bytes:
    """Asks for a key frame."""
    return _packet(PSFB, 1, sender.to_bytes(4, "big") + source.to_bytes(4, "big"))


def remb(sender: int, bitrate: int, sources: Sequence[int]) -> bytes:
    """The most that these sources together may send, bits per second."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    fci = b"REMB" + bytes((len(sources), (exponent << 2) | (mantissa >> 16), (mantissa >> 8) & 0xFF, mantissa & 0xFF))
    fci += b"".join(source.to_bytes(4, "big") for source in sources)
    return _packet(PSFB, 15, sender.to_bytes(4, "big") + bytes(4) + fci)


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP time, as reports quote it."""
    return (ntp >> 16) & 0xFFFFFFFF
