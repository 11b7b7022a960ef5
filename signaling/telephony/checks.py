"""Whose telephone is it: a number is rung for work only after whoever lifts there has typed the code that the page shows.

The page shows the code, the telephone hears none: an answering machine keeps nothing of it, a stranger who lifts has nothing to type,
and it needs no voice that can say digits. Three tries in a call; few calls to a number and of an account in an hour, so that nobody
can be pestered by entering their number again and again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select

from core.clock import new_id
from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, TooMany
from signaling.telephony.legs import LegService
from signaling.telephony.models import NumberCheck, PhoneLeg
from signaling.telephony.pins import DIGITS
from signaling.telephony.port import ALIVE, LegState, LegWhy

LIFE = timedelta(minutes=5)
WINDOW = timedelta(hours=1)
CALLS_TO_NUMBER = 3
CALLS_OF_ACCOUNT = 10
"""A coordinator may confirm several people's numbers in an hour."""
KEPT = timedelta(days=1)
_TABLE, _COLUMN = "number_checks", "code"


@dataclass(frozen=True)
class NewCheck:
    """Shown once, to whoever asked for the call."""

    code: str
    expires_at: datetime

    def __repr__(self) -> str:
        return "NewCheck()"


@dataclass(frozen=True)
class CheckView:
    """Where the newest call for it stands."""

    state: LegState
    why: LegWhy | None
    error: str | None


class NumberChecks:
    """Calls for a confirmation, and hears its code."""

    def __init__(self, cipher: FieldCipher, legs: LegService) -> None:
        self._cipher = cipher
        self._legs = legs

    async def begin(
        self, uow: UnitOfWork, *, country: str, interpreter_id: str | None = None, user_id: str | None = None
    ) -> NewCheck:
        """Call somebody's number; the code is typed there.

        Raises ``NotFound('number_unknown')``, ``Conflict``: ``number_confirmed``, ``check_under_way``, ``telephony_not_configured``;
        ``TooMany('number_checks_too_many')``.
        """
        number = await self._legs.numbers.locked(uow, interpreter_id=interpreter_id, user_id=user_id)
        if number.confirmed_at is not None:
            raise Conflict("number_confirmed")
        view = await self.view(uow, number.id)
        if view is not None and view.state in ALIVE:
            raise Conflict("check_under_way")
        await self._count(uow, NumberCheck.number_digest == number.digest, CALLS_TO_NUMBER)
        await self._count(uow, NumberCheck.made_by == uow.actor.id, CALLS_OF_ACCOUNT)
        leg_id = await self._legs.check(uow, number.id, country=country)
        row_id, code = new_id("check"), f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        row = NumberCheck(
            id=row_id, number_id=number.id, number_digest=number.digest, code_digest=self._digest(row_id, code),
            leg_id=leg_id, made_by=uow.actor.id, made_at=uow.now, expires_at=uow.now + LIFE,
        )  # fmt: skip
        uow.session.add(row)
        await uow.flush()
        return NewCheck(code, row.expires_at)

    async def redeem(self, uow: UnitOfWork, leg_id: str, typed: str) -> bool:
        """The right code confirms the number, once. False for a wrong or late one, or when the number was replaced meanwhile.

        The leg is locked, so that tries come one after the other."""
        row = await uow.session.scalar(
            select(NumberCheck).where(NumberCheck.leg_id == leg_id).execution_options(populate_existing=True)
        )
        if row is None or row.expires_at <= uow.now or row.code_digest != self._digest(row.id, typed):
            return False
        row.code_digest = row.id
        return await self._legs.numbers.confirm(uow, row.number_id)

    async def view(self, unit: ReadUnit, number_ref: str) -> CheckView | None:
        """What became of the newest call for this number, if there was one within a day."""
        row = (
            await unit.session.execute(
                select(PhoneLeg.state, PhoneLeg.why, PhoneLeg.error)
                .join(NumberCheck, NumberCheck.leg_id == PhoneLeg.id)
                .where(NumberCheck.number_id == number_ref)
                .order_by(NumberCheck.made_at.desc(), NumberCheck.id.desc())
                .limit(1)
            )
        ).one_or_none()
        return None if row is None else CheckView(row.state, row.why, row.error)

    async def forget_old(self, uow: UnitOfWork) -> None:
        """Delete what is over for a day."""
        await uow.session.execute(delete(NumberCheck).where(NumberCheck.made_at < uow.now - KEPT))

    async def _count(self, uow: UnitOfWork, of: ColumnElement[bool], most: int) -> None:
        recent = (
            await uow.session.execute(
                select(func.count(), func.min(NumberCheck.made_at)).where(of, NumberCheck.made_at > uow.now - WINDOW)
            )
        ).one()
        if recent[0] >= most:
            again = int((recent[1] + WINDOW - uow.now).total_seconds())
            raise TooMany("number_checks_too_many", {"retry_after": max(1, again)})

    def _digest(self, row_id: str, code: str) -> str:
        return self._cipher.blind_index(f"{row_id} {code}", table=_TABLE, column=_COLUMN)
