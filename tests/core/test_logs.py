"""Nothing personal and nothing secret gets into the logs, by whatever road it tries."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from core import logs
from core.clock import new_id
from core.errors import Conflict
from core.redaction import redacted, redacted_text

SDP = "v=0\r\no=- 4611 2 IN IP4 127.0.0.1\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-pwd:k3yK3yk3yK3y\r\na=ice-ufrag:Zx9q\r\n"
CANDIDATE = "candidate:842163049 1 udp 1677729535 93.87.12.201 61002 typ srflx raddr 192.168.1.7 rport 61002"
NAME = "Ahmad Karimi"
PHONE = "+381 64 123-45-67"
PIN = "482913"
TOKEN = "q2W9xR7tYu3IoP5aSd8FgH1jKl4ZxCv6BnM0qWeRtYU"
PASSWORD = "correct-horse-7"
COOKIE = "tarjuman=Hx82kskqPPa; theme=dark"
EMAIL = "ahmad.karimi@example.org"
SECRETS = {
    "sdp": ["k3yK3y", "4611", "Zx9q"],
    "candidate": ["93.87.12.201", "842163049", "192.168.1.7"],
    "name": ["Karimi", "Ahmad"],
    "phone": ["123-45-67", "+381"],
    "pin": [PIN],
    "token": [TOKEN],
    "password": [PASSWORD],
    "cookie": ["Hx82kskqPPa"],
    "email": ["ahmad.karimi"],
}
SAID = {
    "sdp": f"negotiation failed for {SDP}",
    "candidate": f"bad candidate {CANDIDATE}",
    "name": f'person {{"name": "{NAME}"}} seen',
    "phone": f"calling {PHONE} now",
    "pin": f"wrong PIN {PIN} entered",
    "token": f"resume with {TOKEN}",
    "password": f"password={PASSWORD} refused",
    "cookie": f"header Cookie: {COOKIE}",
    "email": f"mail to {EMAIL}",
}
VALUES = {
    "sdp": SDP, "candidate": CANDIDATE, "name": NAME, "phone": PHONE, "pin": PIN, "token": TOKEN, "password": PASSWORD,
    "cookie": COOKIE, "email": EMAIL,
}  # fmt: skip


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """The log of the process, captured."""
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    logs.configure("debug", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def assert_clean(stream: io.StringIO, kind: str) -> None:
    text = stream.getvalue()
    assert text.strip(), "something must have been logged"
    assert not [leak for leak in SECRETS[kind] if leak in text], text


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize(
    "logger", ["signaling.calls", "aiortc.rtcpeerconnection", "uvicorn.error", "sqlalchemy.engine"]
)
def test_messages(written: io.StringIO, kind: str, logger: str) -> None:
    logging.getLogger(logger).warning(SAID[kind])
    logging.getLogger(logger).warning("with arguments: %s", SAID[kind])
    assert_clean(written, kind)


@pytest.mark.parametrize("kind", SECRETS)
def test_fields_and_nested_values(written: io.StringIO, kind: str) -> None:
    value = VALUES[kind]
    logging.getLogger("signaling").warning(
        "thing",
        extra={f"first_{kind}" if kind == "name" else kind: value, "deep": {"list": [{"x": {kind.upper(): value}}]}},
    )
    structlog.get_logger("signaling").warning("thing", **{kind: value, "data": [{kind: [value]}]})
    assert_clean(written, kind)


@pytest.mark.parametrize("kind", SECRETS)
def test_text_in_innocent_fields(written: io.StringIO, kind: str) -> None:
    logging.getLogger("signaling").warning("thing", extra={"detail": SAID[kind], "more": [SAID[kind]]})
    assert_clean(written, kind)


@pytest.mark.parametrize("kind", SECRETS)
def test_exceptions(written: io.StringIO, kind: str) -> None:
    try:
        try:
            raise KeyError(VALUES[kind])
        except KeyError as inner:
            raise ValueError(f"{VALUES[kind]} is wrong") from inner
    except ValueError:
        logging.getLogger("signaling").exception("failed")
        structlog.get_logger("signaling").exception("failed")
    group = ExceptionGroup(VALUES[kind], [RuntimeError(VALUES[kind])])
    logging.getLogger("signaling").error("failed", exc_info=group)
    assert_clean(written, kind)
    first = entries(written)[0]
    assert "ValueError: [message withheld]" in first["exception"]
    assert "test_logs.py" in first["exception"], "where it happened is kept"


def test_our_own_errors_keep_their_code(written: io.StringIO) -> None:
    try:
        raise Conflict("room_full", {"seats": 6})
    except Conflict:
        logging.getLogger("signaling").exception("refused")
    assert "core.errors.Conflict: room_full" in entries(written)[0]["exception"]


def test_uvicorn_access_lines(written: io.StringIO) -> None:
    line = '%s - "%s %s HTTP/%s" %d'
    logging.getLogger("uvicorn.access").info(line, "93.87.12.201:51112", "GET", f"/ws?ticket={TOKEN}&v=1", "1.1", 101)
    text = written.getvalue()
    assert TOKEN not in text
    assert "93.87.12.201" not in text
    assert "/ws?ticket=" in text


def test_sqlalchemy_parameters(written: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine.Engine").warning("[generated in 0.1s] %r", ({"name": NAME, "pin": PIN},))
    assert_clean(written, "name")
    assert_clean(written, "pin")


def test_useful_things_stay(written: io.StringIO) -> None:
    case = new_id("case")
    step = new_id("procedure_step")
    logging.getLogger("records.cases").info(
        "case_opened", extra={"case": case, "step": step, "country": "RS", "seq": 123456789}
    )
    entry = entries(written)[0]
    assert (entry["case"], entry["step"], entry["country"], entry["seq"]) == (case, step, "RS", 123456789)
    assert (entry["event"], entry["level"], entry["logger"]) == ("case_opened", "info", "records.cases")
    assert redacted_text("listening on 127.0.0.1:8080 since 2026-11-22T08:00:00Z") == (
        "listening on 127.0.0.1:8080 since 2026-11-22T08:00:00Z"
    )
    assert redacted_text("took 0.1234567 s in round 12 of O-1183") == "took 0.1234567 s in round 12 of O-1183"


def test_one_action_has_one_correlation_id(written: io.StringIO) -> None:
    log = logging.getLogger("signaling")
    with logs.correlation() as used:
        log.info("one")
        structlog.get_logger("signaling").info("two")
    log.info("three")
    found = [entry.get("correlation_id") for entry in entries(written)]
    assert found == [used, used, None]


@given(st.text(), st.text(alphabet="0123456789", min_size=7, max_size=15))
def test_long_digits_never_pass(prefix: str, digits: str) -> None:
    assert digits not in redacted_text(f"{prefix} {digits} x")


@given(
    st.recursive(
        st.text() | st.integers() | st.none() | st.binary(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
    )
)
def test_redaction_never_fails_and_gives_json(value: Any) -> None:
    json.dumps(redacted(value))
