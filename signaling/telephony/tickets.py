"""One-time tickets with which a carrier's stream of sound names its call; only their hashes are stored, for a minute."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import update

from core.access import Actor
from core.db.session import Database
from core.errors import Unauthenticated
from signaling.auth.tokens import token_hash
from signaling.telephony.models import PhoneLeg
from signaling.telephony.port import LegId, LegState

LIFE = timedelta(seconds=60)
_SYNC = {"synchronize_session": False}


class StreamTickets:
    """Makes and redeems."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def issue(self, leg_id: LegId) -> str:
        """A secret for the next stream of this leg; an older one is worth nothing from now on."""
        secret = secrets.token_urlsafe(32)
        async with self._database.unit(Actor.system()) as uow:
            await uow.session.execute(
                update(PhoneLeg)
                .where(PhoneLeg.id == leg_id, PhoneLeg.state != LegState.ENDED)
                .values(ticket_hash=token_hash(secret), ticket_until=uow.now + LIFE)
                .execution_options(**_SYNC)
            )
        return secret

    async def redeem(self, secret: str, call_id: str) -> LegId:
        """The leg of the ticket, once, for the call it was made for. Raises ``Unauthenticated('token_invalid')``."""
        async with self._database.unit(Actor.system()) as uow:
            found: LegId | None = (
                await uow.session.execute(
                    update(PhoneLeg)
                    .where(
                        PhoneLeg.ticket_hash == token_hash(secret),
                        PhoneLeg.ticket_until > uow.now,
                        PhoneLeg.call_id == call_id,
                        PhoneLeg.state != LegState.ENDED,
                    )
                    .values(ticket_hash=None)
                    .returning(PhoneLeg.id)
                    .execution_options(**_SYNC)
                )
            ).scalar_one_or_none()
        if found is None:
            raise Unauthenticated("token_invalid")
        return found
