"""One-time PINs by which somebody calls in: made for one place in one session, typed on a telephone, used once.

Six digits can be guessed, so three things stand against it: minutes of life, three tries in a call, and a count of wrong tries
by caller and by called number. Stored is a keyed digest that only this installation can make.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update

from core.clock import new_id
from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Unavailable
from signaling.telephony.models import DialInPin, PinTry

DIGITS = 6
LIFE = timedelta(minutes=10)
TRIES_IN_CALL = 3
WINDOW = timedelta(minutes=30)
TRIES_BY_CALLER = 6
"""Wrong PINs from one number in half an hour; two calls' worth."""
TRIES_BY_CALLED = 60
"""Wrong PINs at one of our numbers in half an hour: with 50 PINs alive a guess then succeeds in fewer than 1 of 300 half hours."""
KEPT = timedelta(days=1)
_TABLE, _COLUMN = "dial_in_pins", "digest"


@dataclass(frozen=True)
class NewPin:
    """Shown once to the person it was made for."""

    pin: str
    expires_at: datetime

    def __repr__(self) -> str:
        return "NewPin()"


@dataclass(frozen=True)
class Admitted:
    """What a PIN opens."""

    session_id: str
    place_id: str
    locale: str
    country: str


class Pins:
    """Makes and redeems."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def make(self, uow: UnitOfWork, session_id: str, place_id: str, *, country: str, locale: str) -> NewPin:
        """A PIN for this place; an older unused one of it is worth nothing from now on. Raises ``Unavailable('no_pin_free')``."""
        await uow.session.execute(
            delete(DialInPin)
            .where(DialInPin.used_at.is_(None), (DialInPin.place_id == place_id) | (DialInPin.expires_at <= uow.now))
            .execution_options(synchronize_session=False)
        )
        for _ in range(20):
            pin = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
            digest = self._digest(pin)
            if await uow.session.scalar(select(DialInPin.id).where(DialInPin.digest == digest)) is None:
                break
        else:
            raise Unavailable("no_pin_free")
        row = DialInPin(
            id=new_id("pin"),
            session_id=session_id,
            place_id=place_id,
            country=country,
            digest=digest,
            locale=locale,
            made_by=uow.actor.id,
            made_at=uow.now,
            expires_at=uow.now + LIFE,
        )
        uow.session.add(row)
        await uow.flush()
        return NewPin(pin, row.expires_at)

    async def redeem(self, uow: UnitOfWork, pin: str, *, caller: str, called: str) -> Admitted | None:
        """Use a PIN up: of many at once exactly one succeeds. None for unknown, used and late ones, which count as a wrong try.

        ``caller`` and ``called`` are digests of the numbers.
        """
        row = (
            await uow.session.scalars(
                update(DialInPin)
                .where(
                    DialInPin.digest == self._digest(pin), DialInPin.used_at.is_(None), DialInPin.expires_at > uow.now
                )
                .values(used_at=uow.now, digest=DialInPin.id)
                .returning(DialInPin)
                .execution_options(synchronize_session=False)
            )
        ).one_or_none()
        if row is not None:
            return Admitted(row.session_id, row.place_id, row.locale, row.country)
        uow.session.add(PinTry(id=new_id("try"), caller=caller, called=called, at=uow.now))
        await uow.flush()
        return None

    async def locked(self, unit: ReadUnit, *, caller: str, called: str) -> bool:
        """Whether too many wrong PINs came from this caller, or to this number of ours, in the last half hour."""
        since = unit.now - WINDOW
        by_caller = select(func.count()).select_from(PinTry).where(PinTry.caller == caller, PinTry.at > since)
        by_called = select(func.count()).select_from(PinTry).where(PinTry.called == called, PinTry.at > since)
        return (
            int(await unit.session.scalar(by_caller) or 0) >= TRIES_BY_CALLER
            or int(await unit.session.scalar(by_called) or 0) >= TRIES_BY_CALLED
        )

    async def forget_old(self, uow: UnitOfWork) -> None:
        """Delete PINs and tries that are over for a day."""
        before = uow.now - KEPT
        await uow.session.execute(delete(DialInPin).where(DialInPin.expires_at < before))
        await uow.session.execute(delete(PinTry).where(PinTry.at < before))

    def _digest(self, pin: str) -> str:
        return self._cipher.blind_index(pin, table=_TABLE, column=_COLUMN)
