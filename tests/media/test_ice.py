"""What browsers are told about STUN and TURN, and that a real coturn takes our credentials and refuses expired ones."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import shutil
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.clock import ManualClock, SystemClock
from media.ice import IceConfig, turn_credential

SECRET = "a secret of the tests"


def test_nothing_is_told_when_nothing_is_set(clock: ManualClock) -> None:
    assert IceConfig(clock).servers("place_1") == []


def test_credentials_expire_and_bind_the_person(clock: ManualClock) -> None:
    config = IceConfig(
        clock, turn_urls=["turn:turn.example.org"], secret=SECRET, ttl=300, stun_urls=["stun:s.example.org"]
    )
    stun, turn = config.servers("place_1")
    expires = int(clock.now().timestamp()) + 300
    assert stun == {"urls": ["stun:s.example.org"]}
    assert turn["urls"] == ["turn:turn.example.org"]
    assert turn["username"] == f"{expires}:place_1"
    digest = hmac.new(SECRET.encode(), turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == b64encode(digest).decode()
    clock.advance(1)
    assert config.servers("place_1")[1]["credential"] != turn["credential"]
    assert config.servers("place_2")[1]["credential"] != config.servers("place_1")[1]["credential"]


@pytest.mark.parametrize("ttl", [0, -1, 601, 86400])
def test_long_lives_are_refused(clock: ManualClock, ttl: int) -> None:
    with pytest.raises(ValueError, match="ttl"):
        IceConfig(clock, turn_urls=["turn:x"], secret=SECRET, ttl=ttl)


def test_addresses_without_secret_are_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="secret"):
        IceConfig(clock, turn_urls=["turn:x"])


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[int]:
    """A real TURN server on loopback; gives its port."""
    if shutil.which("turnserver") is None:
        pytest.fail("coturn is missing; tests/install_system.sh installs it")
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        "turnserver", "-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=tarjuman.test",
        "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}", "--allow-loopback-peers",
        "--no-tls", "--no-dtls", "--no-cli", "--log-file=stdout", f"--pidfile={folder / 'pid'}", f"--db={folder / 'db'}",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def allocates(port: int, username: str, password: str) -> bool:
    """Whether coturn's own client gets an allocation and relays with it."""
    client = await asyncio.create_subprocess_exec(
        "turnutils_uclient", "-p", str(port), "-u", username, "-w", password, "-n", "2", "-m", "1", "-l", "40", "-y", "127.0.0.1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(30):
            output, _ = await client.communicate()
    except TimeoutError:
        client.kill()
        await client.wait()
        return False
    return client.returncode == 0 and b"Total lost packets 0" in output


async def test_a_real_coturn_takes_ours_and_refuses_the_rest(tmp_path: Path) -> None:
    async with coturn(tmp_path) as port:
        config = IceConfig(SystemClock(), turn_urls=[f"turn:127.0.0.1:{port}"], secret=SECRET, ttl=60)
        (server,) = config.servers("place_1")
        expired = turn_credential(SECRET, "place_1", int(SystemClock().now().timestamp()) - 5)
        assert await allocates(port, server["username"], server["credential"])
        assert not await allocates(port, expired.username, expired.credential)
        assert not await allocates(port, server["username"], "wrong")
