"""Fetches what a person's own address names, without letting that address reach into our network (SSRF).

Only https, only public addresses: the name is resolved once, every address it has must be public, and the connection goes to
exactly the address that was checked. Redirects are followed by hand under the same rules. Size and time are bounded.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

MOST_BYTES = 2_000_000
MOST_SECONDS = 20.0
_RESOLVE_SECONDS = 5.0
_MOST_HOPS = 3
_PORTS = frozenset({443, 8443})
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48"))
"""IPv6 addresses that lead to an IPv4 address written inside them."""
_MOVED = frozenset({301, 302, 303, 307, 308})
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class OutboundError(Exception):
    """Nothing was fetched; ``code``: ``address_refused``, ``unreachable``, ``too_large``, ``too_slow``, ``moved_too_often``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Asked:
    """One request."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    login: tuple[str, str] | None = field(default=None, repr=False)
    """User name and password (RFC 7617); never sent to another host than the first."""


class Outbound:
    """Fetches from public addresses."""

    def __init__(self, *, resolve: Resolve | None = None, inside_allowed: bool = False) -> None:
        """``inside_allowed`` lets tests use http and loopback; nothing that is shipped sets it."""
        self._resolve = resolve or _resolved
        self._inside_allowed = inside_allowed

    async def fetch(self, asked: Asked) -> Answer:
        """The answer at the end of at most three redirects. Raises ``OutboundError``."""
        try:
            async with asyncio.timeout(MOST_SECONDS):
                return await self._follow(asked)
        except TimeoutError:
            raise OutboundError("too_slow") from None

    async def _follow(self, asked: Asked) -> Answer:
        url, login = _parsed(asked.url), asked.login
        for _ in range(_MOST_HOPS + 1):
            answer = await self._once(asked, url, login)
            target = answer.headers.get("location")
            if answer.status not in _MOVED or target is None:
                return answer
            before = url
            url = _parsed(str(url.join(target)))
            if (url.host, url.port) != (before.host, before.port):
                login = None
        raise OutboundError("moved_too_often")

    async def _once(self, asked: Asked, url: httpx.URL, login: tuple[str, str] | None) -> Answer:
        address = await self._checked(url)
        headers = {
            "User-Agent": "Tarjuman",
            "Accept-Encoding": "identity",
            **asked.headers,
            "Host": url.netloc.decode("ascii"),
        }
        pinned = url.copy_with(host=address)
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=MOST_SECONDS / 2) as client:
                request = client.build_request(
                    asked.method,
                    pinned,
                    headers=headers,
                    content=asked.body,
                    extensions={"sni_hostname": url.host, "timeout": httpx.Timeout(MOST_SECONDS / 2).as_dict()},
                )
                auth = httpx.BasicAuth(*login) if login is not None else None
                response = await client.send(request, stream=True, auth=auth, follow_redirects=False)
                try:
                    return Answer(response.status_code, dict(response.headers), await _read(response))
                finally:
                    await response.aclose()
        except httpx.HTTPError:
            raise OutboundError("unreachable") from None

    async def _checked(self, url: httpx.URL) -> str:
        """The address to connect to. Raises ``OutboundError('address_refused')``."""
        if self._inside_allowed:
            return url.host
        port = url.port or 443
        if url.scheme != "https" or port not in _PORTS:
            raise OutboundError("address_refused")
        try:
            async with asyncio.timeout(_RESOLVE_SECONDS):
                addresses = await self._resolve(url.host, port)
        except (OSError, UnicodeError, TimeoutError):
            raise OutboundError("unreachable") from None
        if not addresses or not all(is_public(address) for address in addresses):
            raise OutboundError("address_refused")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet; tunnels to addresses inside addresses do not."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in net for net in _TUNNELS):
            return False
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def _parsed(text: str) -> httpx.URL:
    """An http address without user name. Raises ``OutboundError('address_refused')``."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise OutboundError("address_refused") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise OutboundError("address_refused")
    return url


async def _read(response: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise OutboundError("too_large")
        parts.append(part)
    return b"".join(parts)


async def _resolved(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
