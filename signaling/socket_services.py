"""What the socket endpoint needs of the house: small ports, and the bundle that ``live`` hands to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from core.clock import Clock
from core.events.bus import EventBus
from core.settings import LimitSettings
from signaling.auth.principal import Principal
from signaling.call_media import CallMedia
from signaling.call_room import CallRoom
from signaling.calls import CallService
from signaling.realtime.hub import Hub


class SocketAuth(Protocol):
    """What the socket asks of sign-in."""

    async def principal_by_ticket(self, ticket: str, cookies: Mapping[str, str]) -> Principal:
        """The signed-in person who owns both the ticket and the cookie. Raises ``Unauthenticated``."""
        ...

    async def principal_by_cookie(self, cookies: Mapping[str, str]) -> Principal | None:
        """The signed-in person behind the cookie, if any."""
        ...

    async def still_valid(self, principal: Principal) -> bool:
        """Whether the sign-in was not revoked meanwhile."""
        ...

    async def may_follow(self, principal: Principal, topic: str) -> bool:
        """Whether the person may hear this topic (``signaling.policy``)."""
        ...


class PresenceBeat(Protocol):
    """What keeps an interpreter reachable."""

    async def beat(self, interpreter_id: str) -> None:
        """A sign of life of an interpreter's open page."""
        ...


@dataclass(frozen=True)
class SocketServices:
    """What the endpoint needs."""

    hub: Hub
    bus: EventBus
    calls: CallService
    media: CallMedia
    room: CallRoom
    auth: SocketAuth
    presence: PresenceBeat
    clock: Clock
    origins: frozenset[str]
    """Origins that may open the socket; empty: the Host header's own (development)."""
    limits: LimitSettings
