"""Whose page is asking: the same-origin check of unsafe requests and of the socket, and which peers are proxies of ours."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from core.errors import Forbidden
from core.settings import Mode, Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_own_origin(settings: Settings, origin: str | None, host: str | None) -> bool:
    """Whether ``origin`` (header ``Origin``) is a page of ours; ``host`` is the header ``Host``.

    That is the public address and, in development, the loopback address under which the request came.
    """
    if not origin:
        return False
    if origin.rstrip("/").lower() == settings.public_url.lower():
        return True
    if settings.mode is Mode.PRODUCTION or not host:
        return False
    parts = urlsplit(origin)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.netloc.lower() == host.lower()


def check_own_page(settings: Settings, headers: Mapping[str, str]) -> None:
    """Raise ``Forbidden('foreign_page')`` unless an unsafe request comes from a page of ours (``Origin``, ``Sec-Fetch-Site``)."""
    site = headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise Forbidden("foreign_page")
    origin = headers.get("origin")
    if origin is None and site is not None:
        return
    if not is_own_origin(settings, origin, headers.get("host")):
        raise Forbidden("foreign_page")
