"""Offers that browsers understand, answers read strictly, and nothing but a coded refusal for anything else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import Invalid
from media.protocol import MAX_SDP, Kind
from media.rtp import AUDIO_PT, RTX_PT, VIDEO_PT
from media.sdp import MAX_CANDIDATES, LocalTransport, OfferLine, read_answer, write_offer

PRINT = ":".join(["AB"] * 32)
TRANSPORT = LocalTransport("ufrg", "p" * 22, (("sha-256", PRINT),), ("1 1 udp 2130706431 192.0.2.1 40000 typ host",))
LINES = (
    OfferLine("0", Kind.AUDIO, "recvonly"),
    OfferLine("1", Kind.VIDEO, "recvonly"),
    OfferLine("2", Kind.AUDIO, "sendonly", 1111, "place_a"),
    OfferLine("3", Kind.VIDEO, "inactive"),
)
ANSWER = "\r\n".join(
    [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2 3",
        f"m=audio 9 UDP/TLS/RTP/SAVPF {AUDIO_PT}", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly", "a=rtcp-mux",
        "a=ice-ufrag:abcd", f"a=ice-pwd:{'q' * 24}", f"a=fingerprint:sha-256 {PRINT}", "a=setup:active",
        "a=candidate:1 1 udp 2113937151 192.0.2.9 50000 typ host", "a=ssrc:5 cname:x", "a=ssrc:5 msid:a b",
        f"m=video 9 UDP/TLS/RTP/SAVPF {VIDEO_PT} {RTX_PT}", "a=mid:1", "a=sendonly", "a=rtcp-mux",
        "a=ice-ufrag:abcd", f"a=ice-pwd:{'q' * 24}", f"a=fingerprint:sha-256 {PRINT}", "a=setup:active",
        "a=ssrc-group:FID 6 7", "a=ssrc:6 cname:x", "a=ssrc:7 cname:x",
        f"m=audio 9 UDP/TLS/RTP/SAVPF {AUDIO_PT}", "a=mid:2", "a=recvonly", "a=rtcp-mux", "a=setup:active",
        f"m=video 0 UDP/TLS/RTP/SAVPF {VIDEO_PT}", "a=mid:3", "a=inactive",
        "",
    ]
)  # fmt: skip


def test_the_offer_says_what_we_do() -> None:
    text = write_offer(TRANSPORT, LINES, session=1, version=2, cname="tarjuman")
    parsed = SessionDescription.parse(text)
    assert [(m.kind, m.direction, m.rtp.muxId) for m in parsed.media] == [
        ("audio", "recvonly", "0"), ("video", "recvonly", "1"), ("audio", "sendonly", "2"), ("video", "inactive", "3"),
    ]  # fmt: skip
    assert parsed.group[0].items == ["0", "1", "2", "3"]
    audio, video, sent, _ = parsed.media
    assert audio.rtp.codecs[0].parameters == {"minptime": 10, "useinbandfec": 1}
    assert [c.payloadType for c in video.rtp.codecs] == [VIDEO_PT, RTX_PT]
    assert sorted(str(f.type) + (f.parameter or "") for f in video.rtp.codecs[0].rtcpFeedback) == [
        "goog-remb", "nack", "nackpli",
    ]  # fmt: skip
    assert sent.ssrc[0].ssrc == 1111
    assert all(m.dtls is not None and m.dtls.role == "auto" and m.rtcp_mux for m in parsed.media)
    assert all(len(m.ice_candidates) == 1 for m in parsed.media)
    assert "sdes:mid" not in text, "a forwarded MID of the publisher would confuse the subscriber"


def test_an_answer_is_read() -> None:
    answer = read_answer(ANSWER, LINES)
    assert (answer.ufrag, answer.pwd, answer.active) == ("abcd", "q" * 24, True)
    assert answer.fingerprints == (("sha-256", PRINT),)
    assert answer.candidates == ("1 1 udp 2113937151 192.0.2.9 50000 typ host",)
    assert [(x.sends, x.receives, x.ssrc, x.rtx_ssrc) for x in answer.lines] == [
        (True, False, 5, None), (True, False, 6, 7), (False, True, None, None), (False, False, None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("v=0", "v=1", "version"),
        ("a=mid:1", "a=mid:9", "lines"),
        ("m=video 9", "m=audio 9", "lines"),
        ("a=ice-ufrag:abcd", "a=ice-ufrag:a b", "ice"),
        ("a=ice-pwd:" + "q" * 24, "a=ice-pwd:short", "ice"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5", "fingerprint"),
        ("a=setup:active", "a=setup:actpass", "setup"),
        ("a=rtcp-mux", "a=x", "rtcp_mux"),
        ("a=ssrc:5 cname:x", "a=ssrc:99999999999 cname:x", "ssrc"),
        ("a=ssrc:5 cname:x", "a=ssrc:-5", "ssrc"),
        ("m=audio 9 ", "m=audio 0 ", "lines"),
    ],
)
def test_what_is_wrong_is_said(old: str, new: str, part: str) -> None:
    broken = ANSWER.replace(old, new)
    if part == "lines" and old == "m=audio 9 ":
        broken, part = broken.replace("m=video 9 ", "m=video 0 "), "all_rejected"
    with pytest.raises(Invalid) as refused:
        read_answer(broken, LINES)
    assert (refused.value.code, refused.value.params) == ("sdp_invalid", {"part": part})


def test_size_and_number_are_bounded() -> None:
    with pytest.raises(Invalid):
        read_answer("v=0\r\n" + "a=x\r\n" * MAX_SDP, LINES)
    many = "\r\n".join(f"a=candidate:{n} 1 udp 1 192.0.2.9 {1024 + n} typ host" for n in range(500))
    answer = read_answer(ANSWER.replace("a=setup:active", "a=setup:active\r\n" + many, 1), LINES)
    assert len(answer.candidates) == MAX_CANDIDATES


@given(st.text(max_size=200))
def test_any_text_gets_a_code(text: str) -> None:
    for candidate in (text, "v=0\r\n" + text, "v=0\r\nm=" + text):
        with pytest.raises(Invalid):
            read_answer(candidate, LINES)


@settings(max_examples=300)
@given(st.data())
def test_any_mutation_is_read_or_gets_a_code(data: st.DataObject) -> None:
    rows = ANSWER.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(rows) - 1))
        rows[at] = data.draw(
            st.sampled_from(
                ["", rows[at][::-1], rows[at][:-1], rows[at] + " " + rows[at], "m=audio 9", "a=ssrc:", "\0"]
            )
        )
    with suppress(Invalid):
        read_answer("\r\n".join(rows), LINES)
