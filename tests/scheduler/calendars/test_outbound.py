"""The guard in front of foreign addresses: nothing inside is reached, by name, number, redirect or a name that changes its mind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from scheduler.calendars import outbound
from scheduler.calendars.outbound import Asked, Outbound, OutboundError, is_public

Reply = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def server(reply: Reply) -> AsyncIterator[str]:
    """A web server on loopback that answers each request by ``reply``; gives its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(await reply(head))
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


async def refused(asked: str, *addresses: str) -> str:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    with pytest.raises(OutboundError) as error:
        await Outbound(resolve=resolve).fetch(Asked(asked))
    return error.value.code


@pytest.mark.parametrize(
    "address",
    [
        *(
            "127.0.0.1",
            "10.0.0.5",
            "172.16.3.4",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
        ),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::"),
        *("64:ff9b::7f00:1", "2001:0:53aa::1", "ff02::1", "240.0.0.1", "255.255.255.255", "192.0.2.7", "localhost"),
    ],
)
async def test_no_inner_address_is_public(address: str) -> None:
    assert not is_public(address)
    assert await refused("https://calendar.example.org/a.ics", address) == "address_refused"
    assert await refused("https://calendar.example.org/a.ics", "93.184.216.34", address) == "address_refused"


def test_outer_addresses_are_public() -> None:
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/a.ics", "https://example.org:22/", "ftp://example.org/", "file:///etc/passwd"),
        *("https://user:secret@example.org/", "https://", "gopher://x/", "https://example.org:443x/"),
    ],
)
async def test_only_https_on_its_ports(url: str) -> None:
    assert await refused(url, "93.184.216.34") == "address_refused"


async def test_a_name_without_an_address_is_unreachable() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(OutboundError, match="unreachable"):
        await Outbound(resolve=resolve).fetch(Asked("https://nowhere.example/"))


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at the name would find the inside: there is none."""
    looks: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        looks.append(host)
        return ["93.184.216.34"] if len(looks) == 1 else ["127.0.0.1"]

    seen: dict[str, str] = {}

    class CaughtError(Exception):
        pass

    class Client:
        def __init__(self, **options: object) -> None:
            assert options["trust_env"] is False

        async def __aenter__(self) -> Client:
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

        def build_request(self, method: str, url: object, **more: object) -> object:
            seen["url"], seen["host"] = str(url), more["headers"]["Host"]  # type: ignore[index]
            seen["sni"] = more["extensions"]["sni_hostname"]  # type: ignore[index]
            raise CaughtError

    monkeypatch.setattr(httpx, "AsyncClient", Client)
    with pytest.raises(CaughtError):
        await Outbound(resolve=resolve).fetch(Asked("https://calendar.example.org/a.ics"))
    assert seen == {"url": "https://93.184.216.34/a.ics", "host": "calendar.example.org", "sni": "calendar.example.org"}
    assert looks == ["calendar.example.org"]


async def test_redirects_are_checked_again_and_lose_the_login() -> None:
    heads: list[bytes] = []

    async def final(head: bytes) -> bytes:
        heads.append(head)
        return answer(b"BEGIN:VCALENDAR", ETag='"1"')

    async with server(final) as other:

        async def first(head: bytes) -> bytes:
            heads.append(head)
            return answer(b"", "302 Found", Location=f"{other}/b.ics")

        async with server(first) as address:
            found = await Outbound(inside_allowed=True).fetch(Asked(f"{address}/a.ics", login=("me", "secret")))
    assert (found.status, found.body, found.headers["etag"]) == (200, b"BEGIN:VCALENDAR", '"1"')
    assert b"authorization: basic" in heads[0].lower()
    assert b"authorization" not in heads[1].lower()


async def test_redirects_end() -> None:
    async def around(head: bytes) -> bytes:
        return answer(b"", "302 Found", Location="/again")

    async with server(around) as address:
        with pytest.raises(OutboundError, match="moved_too_often"):
            await Outbound(inside_allowed=True).fetch(Asked(address))


async def test_too_much_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MOST_BYTES", 1000)

    async def much(head: bytes) -> bytes:
        return answer(b"x" * 2000)

    async with server(much) as address:
        with pytest.raises(OutboundError, match="too_large"):
            await Outbound(inside_allowed=True).fetch(Asked(address))


async def test_too_slow_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "MOST_SECONDS", 0.2)
    never = asyncio.Event()

    async def slow(head: bytes) -> bytes:
        await never.wait()
        return b""

    async with server(slow) as address:
        with pytest.raises(OutboundError, match=r"too_slow|unreachable"):
            await Outbound(inside_allowed=True).fetch(Asked(address))
        never.set()
