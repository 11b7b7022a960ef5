"""The doctor: says plainly what is wrong with an installation, and changes nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import struct
from pathlib import Path
from typing import cast

import pytest

from core.db import migrate as migrations
from core.settings import MediaSettings, Settings, TurnSettings
from records.procedures import CatalogueError
from signaling.bootstrap import build
from signaling.doctor import diagnose, is_sound
from signaling.findings import Finding, Grade
from signaling.stun import StunAddress, binding, is_answer, parse_address
from tests.records.test_procedures import STEP
from tests.services import free_port
from tests.signaling.house import settings_for


def about(findings: list[Finding], topic: str) -> list[Finding]:
    return [finding for finding in findings if finding.topic == topic]


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    return settings_for(sqlite_url, tmp_path, port=free_port())


async def test_a_good_installation(settings: Settings) -> None:
    findings = await diagnose(settings)
    bad = [finding for finding in findings if finding.grade is Grade.BAD and finding.topic != "pages"]
    assert bad == []
    topics = {"settings", "data folder", "database", "clock", "bus", "media", "TURN", "telephony", "pages", "server"}
    assert {finding.topic for finding in findings} == topics
    assert all(
        finding.sentence.endswith((".", "serve", "web", "json")) or "Run:" in finding.sentence for finding in findings
    )


async def test_an_empty_database_is_told_to_migrate(tmp_path: Path) -> None:
    findings = await diagnose(settings_for(f"sqlite+aiosqlite:///{tmp_path / 'new.db'}", tmp_path))
    assert not is_sound(findings)
    assert any("tarjuman migrate" in finding.sentence for finding in about(findings, "database"))


async def test_missing_triggers_are_found(settings: Settings) -> None:
    path = settings.database_url.removeprefix("sqlite+aiosqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER assignments_no_double_update")
    findings = await diagnose(settings)
    assert not is_sound(findings)
    assert any("assignments_no_double_update" in finding.sentence for finding in about(findings, "database"))


@pytest.mark.services
async def test_missing_protections_of_postgresql_are_found(postgres_url: str, tmp_path: Path) -> None:
    import psycopg

    settings = settings_for(postgres_url, tmp_path)
    assert not [f for f in about(await diagnose(settings), "database") if f.grade is Grade.BAD]
    async with await psycopg.AsyncConnection.connect(postgres_url.replace("+psycopg", "")) as connection:
        await connection.execute("ALTER TABLE assignments DROP CONSTRAINT no_double_booking")
    findings = await diagnose(settings)
    assert any("no_double_booking" in finding.sentence for finding in about(findings, "database"))


@pytest.mark.services
async def test_a_role_that_passes_over_row_level_security_is_told(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bypassed(mode: str, url: str) -> Settings:
        return settings_for(postgres_url, tmp_path, mode=mode, public_url=url)

    monkeypatch.setattr("signaling.doctor.is_bypassed", lambda _connection: True)
    for settings, grade in (
        (bypassed("development", ""), Grade.NOTE),
        (bypassed("production", "https://x.test"), Grade.BAD),
    ):
        found = [f for f in about(await diagnose(settings), "database") if "row-level security" in f.sentence]
        assert [finding.grade for finding in found] == [grade]


async def test_a_database_that_is_away(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    findings = await diagnose(settings_for(url, tmp_path))
    assert [finding.grade for finding in about(findings, "database")] == [Grade.BAD]


async def test_a_bus_that_is_away(settings: Settings, tmp_path: Path) -> None:
    away = settings_for(settings.database_url, tmp_path, bus_url=f"redis://127.0.0.1:{free_port()}/0")
    findings = await diagnose(away)
    assert [finding.grade for finding in about(findings, "bus")] == [Grade.BAD]


async def test_a_key_file_that_others_can_read(settings: Settings) -> None:
    assert settings.key_file is not None
    settings.key_file.write_text("{}")
    settings.key_file.chmod(0o644)
    findings = await diagnose(settings)
    assert any("chmod 600" in finding.sentence for finding in about(findings, "data folder"))
    assert settings.key_file.read_text() == "{}", "the doctor changes nothing"


async def test_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_for(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", tmp_path / "file")
    assert [finding.grade for finding in about(await diagnose(settings), "data folder")] == [Grade.BAD]


async def test_interfaces_that_are_not_there(settings: Settings, tmp_path: Path) -> None:
    media = MediaSettings.model_validate({"interfaces": ["nosuch0"], "port_min": 42000, "port_max": 42099})
    findings = await diagnose(settings_for(settings.database_url, tmp_path, media=media))
    assert any(finding.grade is Grade.BAD for finding in about(findings, "media"))


async def test_a_turn_server_that_does_not_answer(settings: Settings, tmp_path: Path) -> None:
    turn = TurnSettings.model_validate({"urls": [f"turn:127.0.0.1:{free_port()}?transport=tcp"], "secret": "x"})
    findings = await diagnose(settings_for(settings.database_url, tmp_path, turn=turn))
    assert any(finding.grade is Grade.BAD for finding in about(findings, "TURN"))


async def test_https_that_cannot_be_reached(settings: Settings, tmp_path: Path) -> None:
    findings = await diagnose(
        settings_for(settings.database_url, tmp_path, public_url=f"https://127.0.0.1:{free_port()}")
    )
    assert [finding.grade for finding in about(findings, "certificate")] == [Grade.BAD]


# STUN


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("stun:stun.example.org", StunAddress("stun.example.org", 3478, "udp")),
        ("turn:10.0.0.1:3479", StunAddress("10.0.0.1", 3479, "udp")),
        ("turn:turn.example.org:3478?transport=tcp", StunAddress("turn.example.org", 3478, "tcp")),
        ("turns:turn.example.org:443?transport=tcp", StunAddress("turn.example.org", 443, "tls")),
        ("turns:turn.example.org", StunAddress("turn.example.org", 5349, "tls")),
        ("turn:[2001:db8::1]:3478", StunAddress("2001:db8::1", 3478, "udp")),
    ],
)
def test_addresses(url: str, expected: StunAddress) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize("url", ["http://x", "turn:", "turn:host:port"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError):
        parse_address(url)


class _Stun(asyncio.DatagramProtocol):
    """Answers the second copy of a request: the first one is lost on the way."""

    def __init__(self) -> None:
        self.seen = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        self.seen += 1
        answer = struct.pack("!HHI", 0x0101, 0, 0x2112A442) + data[8:20]
        self.transport.sendto(b"noise", peer)
        if self.seen == 2:
            self.transport.sendto(answer, peer)


async def test_a_lost_request_is_sent_again() -> None:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(_Stun, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        await binding(StunAddress("127.0.0.1", port, "udp"), timeout=45)
        assert server.seen >= 2
    finally:
        transport.close()


def test_answers_to_others_do_not_count() -> None:
    answer = struct.pack("!HHI", 0x0101, 0, 0x2112A442) + b"x" * 12
    assert is_answer(answer, b"x" * 12)
    assert not is_answer(answer, b"y" * 12)
    assert not is_answer(answer[:19], b"x" * 12)


def test_migrations_are_known() -> None:
    assert migrations.head() is not None


async def test_a_temporary_step_comes_by_configuration_and_a_wrong_file_stops_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "transit.yaml"
    file.write_text("steps:\n" + STEP, encoding="utf-8")
    told = settings.model_copy(update={"catalogue_files": [file]})
    assert build(told).catalogue.step("RS-TMP-01").is_temporary
    file.write_text("steps:\n" + STEP.replace("typical_minutes: ", "typical_minutes: about "), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"transit\.yaml:\d+: .*typical_minutes"):
        build(told)
    assert any("transit.yaml" in finding.sentence for finding in about(await diagnose(told), "settings"))
