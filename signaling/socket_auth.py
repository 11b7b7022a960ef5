"""Sign-in as the socket needs it: cookie and single-use ticket together, re-checks, and who may follow which topic."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from core.access import Actor
from core.db.session import Database
from core.errors import Unauthenticated
from scheduler.models import Booking
from scheduler.presence import PresenceService
from signaling.auth.logins import LoginService
from signaling.auth.principal import Principal
from signaling.auth.tokens import TokenKind, redeem
from signaling.policy import BookingFacts, TopicFacts, Verdict, may_follow_topic


class SocketSignIn:
    """Implements ``signaling.socket.SocketAuth``."""

    def __init__(self, database: Database, logins: LoginService, cookie: str) -> None:
        self._database = database
        self._logins = logins
        self._cookie = cookie

    async def principal_by_ticket(self, ticket: str, cookies: Mapping[str, str]) -> Principal:
        """The signed-in person who owns both the ticket and the cookie. Raises ``Unauthenticated``."""
        principal = await self.principal_by_cookie(cookies)
        async with self._database.unit(Actor.system()) as uow:
            token = await redeem(uow, TokenKind.SOCKET, ticket)
        if principal is None or token.user_id != principal.user_id:
            raise Unauthenticated("token_invalid")
        return principal

    async def principal_by_cookie(self, cookies: Mapping[str, str]) -> Principal | None:
        """The signed-in person behind the cookie, if any."""
        secret = cookies.get(self._cookie)
        found = await self._logins.find(secret) if secret else None
        return None if found is None else found.principal

    async def still_valid(self, principal: Principal) -> bool:
        """Whether the sign-in was not revoked meanwhile."""
        return await self._logins.still_valid(principal.login_id)

    async def may_follow(self, principal: Principal, topic: str) -> bool:
        """Whether the person may hear this topic."""
        kind, _, key = topic.partition(":")
        booking = await self._booking(key) if kind == "booking" else None
        return may_follow_topic(principal, TopicFacts(kind, key, booking)) is Verdict.ALLOWED

    async def _booking(self, booking_id: str) -> BookingFacts | None:
        async with self._database.read(Actor.system()) as unit:
            row = (
                await unit.session.execute(
                    select(Booking.country, Booking.authority, Booking.requested_by).where(Booking.id == booking_id)
                )
            ).one_or_none()
        return None if row is None else BookingFacts(row.country, row.authority, row.requested_by)


class SocketPresence:
    """Implements ``signaling.socket.PresenceBeat``."""

    def __init__(self, database: Database, presence: PresenceService) -> None:
        self._database = database
        self._presence = presence

    async def beat(self, interpreter_id: str) -> None:
        """A sign of life of an interpreter's open page."""
        async with self._database.unit(Actor.system()) as uow:
            await self._presence.heartbeat(uow, interpreter_id)
