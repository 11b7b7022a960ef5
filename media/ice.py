"""ICE servers for browsers, with TURN credentials that expire by themselves (coturn ``use-auth-secret``). No network access."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.clock import Clock

MAX_TTL = 600
"""Seconds that a TURN credential may be valid, at most; an allocation made with it may go on."""


@dataclass(frozen=True)
class TurnCredential:
    """Time-limited user name and password (draft-uberti-behave-turn-rest-00, section 2.2)."""

    username: str
    credential: str


def turn_credential(secret: str, person: str, expires_at: int) -> TurnCredential:
    """The credential for ``person`` (a pseudonym) until ``expires_at`` (Unix seconds): base64 of HMAC-SHA1, as coturn expects."""
    username = f"{expires_at}:{person}"
    digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
    return TurnCredential(username, base64.b64encode(digest).decode())


class IceConfig:
    """What a browser is told about STUN and TURN. With no addresses the list is empty, never a public default."""

    def __init__(
        self,
        clock: Clock,
        *,
        turn_urls: Sequence[str] = (),
        secret: str | None = None,
        ttl: int = MAX_TTL,
        stun_urls: Sequence[str] = (),
    ) -> None:
        if turn_urls and not secret:
            raise ValueError("TURN addresses need the shared secret")
        if not 0 < ttl <= MAX_TTL:
            raise ValueError(f"ttl must be 1 to {MAX_TTL} seconds")
        self._clock = clock
        self._turn = list(turn_urls)
        self._secret = secret or ""
        self._ttl = ttl
        self._stun = list(stun_urls)

    def servers(self, person: str) -> list[dict[str, Any]]:
        """``RTCIceServer`` objects for this person, as JSON."""
        servers: list[dict[str, Any]] = [{"urls": self._stun}] if self._stun else []
        if self._turn:
            expires_at = int(self._clock.now().timestamp()) + self._ttl
            login = turn_credential(self._secret, person, expires_at)
            servers.append({"urls": self._turn, "username": login.username, "credential": login.credential})
        return servers
