"""Session descriptions (RFC 8866, RFC 9429): writes our offers, reads browsers' answers strictly. Pure text, no connection."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import Invalid
from media.protocol import MAX_SDP, Kind
from media.rtp import AUDIO_PT, LEVEL_EXT, RTX_PT, SEND_TIME_EXT, VIDEO_PT

MAX_CANDIDATES = 40
"""ICE candidates read from one answer; the rest is left out."""

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PWD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"(sha-256|sha-384|sha-512) ((?:[0-9A-F]{2}:){31,63}[0-9A-F]{2})", re.IGNORECASE)
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MAIN_PT = {Kind.AUDIO: AUDIO_PT, Kind.VIDEO: VIDEO_PT}


@dataclass(frozen=True)
class LocalTransport:
    """Our end of the one bundled transport."""

    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class OfferLine:
    """One m-line of an offer; ``ssrc`` and ``stream`` (whose it is) only where we send."""

    mid: str
    kind: Kind
    direction: str
    ssrc: int | None = None
    stream: str = ""


@dataclass(frozen=True)
class AnswerLine:
    """One m-line of an answer. ``sends``/``receives`` as seen from the browser; ``ssrc`` what it will send with."""

    mid: str
    kind: Kind
    sends: bool
    receives: bool
    ssrc: int | None
    rtx_ssrc: int | None


@dataclass(frozen=True)
class Answer:
    """What a browser answered."""

    ufrag: str
    pwd: str
    fingerprints: tuple[tuple[str, str], ...]
    active: bool
    """True: the browser begins the DTLS handshake."""
    candidates: tuple[str, ...]
    lines: tuple[AnswerLine, ...]


def write_offer(
    transport: LocalTransport, lines: Sequence[OfferLine], *, session: int, version: int, cname: str
) -> str:
    """The offer as text. Opus with in-band FEC always, VP8 with NACK, PLI and REMB; RTX only where we receive."""
    out = [
        "v=0",
        f"o=- {session} {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(line.mid for line in lines),
        "a=msid-semantic:WMS *",
    ]
    for line in lines:
        out += _write_line(line, transport, cname)
    return "\r\n".join(out) + "\r\n"


def _write_line(line: OfferLine, transport: LocalTransport, cname: str) -> list[str]:
    receives = line.direction == "recvonly"
    if line.kind is Kind.AUDIO:
        payloads = [AUDIO_PT]
        codec = [
            f"a=rtpmap:{AUDIO_PT} opus/48000/2",
            f"a=fmtp:{AUDIO_PT} minptime=10;useinbandfec=1",
            f"a=extmap:{LEVEL_EXT} urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        ]
    else:
        payloads = [VIDEO_PT, RTX_PT] if receives else [VIDEO_PT]
        codec = [
            f"a=rtpmap:{VIDEO_PT} VP8/90000",
            f"a=rtcp-fb:{VIDEO_PT} nack",
            f"a=rtcp-fb:{VIDEO_PT} nack pli",
            f"a=rtcp-fb:{VIDEO_PT} goog-remb",
            f"a=extmap:{SEND_TIME_EXT} http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        ]
        if receives:
            codec += [f"a=rtpmap:{RTX_PT} rtx/90000", f"a=fmtp:{RTX_PT} apt={VIDEO_PT}"]
    out = [
        f"m={line.kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(map(str, payloads)),
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=mid:{line.mid}",
        f"a={line.direction}",
        "a=rtcp-mux",
        *codec,
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.pwd}",
        *(f"a=fingerprint:{algorithm} {value}" for algorithm, value in transport.fingerprints),
        "a=setup:actpass",
        *(f"a=candidate:{candidate}" for candidate in transport.candidates),
        "a=end-of-candidates",
    ]
    if line.ssrc is not None:
        out += [f"a=msid:{line.stream} {line.stream}-{line.kind}", f"a=ssrc:{line.ssrc} cname:{cname}"]
        out.append(f"a=ssrc:{line.ssrc} msid:{line.stream} {line.stream}-{line.kind}")
    return out


def _bad(part: str) -> Invalid:
    return Invalid("sdp_invalid", {"part": part})


class _Section:
    """The lines from one ``m=`` to the next, or those before the first."""

    def __init__(self, media: str) -> None:
        self.media = media.split(" ")
        self.attributes: dict[str, list[str]] = {}

    def one(self, name: str) -> str | None:
        values = self.attributes.get(name)
        return values[0] if values else None


def read_answer(text: str, offered: Sequence[OfferLine]) -> Answer:
    """Reads and checks an answer to an offer with these lines.

    Raises ``Invalid('sdp_invalid')`` with the ``part`` that is wrong; never anything else, whatever the text is."""
    if len(text) > MAX_SDP:
        raise _bad("size")
    session, *media = _sections(text)
    if len(media) != len(offered):
        raise _bad("lines")
    lines = tuple(_read_line(section, line) for section, line in zip(media, offered, strict=True))
    carrier = next((section for section in media if section.media[1] != "0"), None)
    if carrier is None:
        raise _bad("all_rejected")
    fingerprints = carrier.attributes.get("fingerprint") or session.attributes.get("fingerprint") or []
    candidates = tuple(dict.fromkeys(value for section in media for value in section.attributes.get("candidate", [])))
    return Answer(
        ufrag=_matching(_UFRAG, carrier.one("ice-ufrag") or session.one("ice-ufrag"), "ice"),
        pwd=_matching(_PWD, carrier.one("ice-pwd") or session.one("ice-pwd"), "ice"),
        fingerprints=_fingerprints(fingerprints),
        active=_active(carrier.one("setup") or session.one("setup")),
        candidates=candidates[:MAX_CANDIDATES],
        lines=lines,
    )


def _sections(text: str) -> list[_Section]:
    rows = text.replace("\r\n", "\n").split("\n")
    if rows[0] != "v=0":
        raise _bad("version")
    sections = [_Section("")]
    for row in rows[1:]:
        if row.startswith("m="):
            sections.append(_Section(row[2:]))
            if len(sections[-1].media) < 4 or len(sections) > 64:
                raise _bad("lines")
        elif row.startswith("a="):
            name, _, value = row[2:].partition(":")
            sections[-1].attributes.setdefault(name, []).append(value)
    return sections


def _read_line(section: _Section, offered: OfferLine) -> AnswerLine:
    kind, port, _, *payloads = section.media
    if kind != offered.kind or section.one("mid") != offered.mid:
        raise _bad("lines")
    if port == "0" or str(_MAIN_PT[offered.kind]) not in payloads:
        return AnswerLine(offered.mid, offered.kind, False, False, None, None)
    if "rtcp-mux" not in section.attributes:
        raise _bad("rtcp_mux")
    direction = next((name for name in _DIRECTIONS if name in section.attributes), "sendrecv")
    sources = list(dict.fromkeys(_source(value) for value in section.attributes.get("ssrc", [])))
    rtx = None
    for group in section.attributes.get("ssrc-group", []):
        semantics, *members = group.split()
        if semantics == "FID" and len(members) == 2:
            sources, rtx = [_source(members[0])], _source(members[1])
            break
    return AnswerLine(
        mid=offered.mid,
        kind=offered.kind,
        sends=offered.direction == "recvonly" and direction in ("sendrecv", "sendonly"),
        receives=offered.direction == "sendonly" and direction in ("sendrecv", "recvonly"),
        ssrc=sources[0] if sources else None,
        rtx_ssrc=rtx,
    )


def _source(value: str) -> int:
    number = value.split(" ", 1)[0]
    if not (number.isascii() and number.isdigit() and 0 < int(number) < 1 << 32):
        raise _bad("ssrc")
    return int(number)


def _matching(pattern: re.Pattern[str], value: str | None, part: str) -> str:
    if value is None or not pattern.fullmatch(value):
        raise _bad(part)
    return value


def _fingerprints(values: Sequence[str]) -> tuple[tuple[str, str], ...]:
    found = tuple((m[1].lower(), m[2].upper()) for m in map(_FINGERPRINT.fullmatch, values) if m)
    if not found:
        raise _bad("fingerprint")
    return found


def _active(setup: str | None) -> bool:
    if setup not in ("active", "passive"):
        raise _bad("setup")
    return setup == "active"
