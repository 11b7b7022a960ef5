"""The telephones of interpreters and staff: entered, replaced, forgotten, and opened for the carrier only.

Whoever asks is told the last two digits. Nothing here logs, and no error carries what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select, update

from core.clock import new_id
from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid, NotFound
from scheduler.models import Interpreter
from signaling.auth.models import User
from signaling.telephony.models import PhoneNumber

_TABLE, _COLUMN = "phone_numbers", "sealed"
_E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_SEPARATORS = re.compile(r"[\s().\-/\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_REGIONS = {
    "381": "RS", "389": "MK", "383": "XK", "382": "ME", "387": "BA", "355": "AL", "385": "HR", "359": "BG", "386": "SI",
    "30": "GR", "36": "HU", "40": "RO", "43": "AT", "49": "DE", "90": "TR",
}  # fmt: skip
"""Country by prefix (ITU-T E.164), for prices; others are ``XX``."""


@dataclass(frozen=True)
class NumberView:
    """What may be shown of a number."""

    id: str
    last_two: str
    region: str
    set_at: datetime
    confirmed: bool
    """Somebody who lifted there typed the code that the page showed. Before that nobody is rung there."""


@dataclass(frozen=True)
class Called:
    """A number on file, for placing a call: whose it is, in which language they are spoken to, what it costs."""

    id: str
    interpreter_id: str | None
    user_id: str | None
    locale: str
    region: str
    confirmed: bool


def normal(text: str) -> str:
    """The number in international form (E.164). Raises ``Invalid('number_invalid')``."""
    plain = _SEPARATORS.sub("", text.strip())
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not plain.isascii() or _E164.fullmatch(plain) is None:
        raise Invalid("number_invalid")
    return plain


def region_of(number: str) -> str:
    """The country of a number in international form."""
    return next((_REGIONS[number[1 : 1 + size]] for size in (3, 2) if number[1 : 1 + size] in _REGIONS), "XX")


class NumberBook:
    """Numbers, sealed one by one."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def digest(self, number: str) -> str:
        """By this a caller is recognised and counted; it opens nothing."""
        return self._cipher.blind_index(number, table=_TABLE, column="digest")

    async def put(
        self, uow: UnitOfWork, text: str, *, interpreter_id: str | None = None, user_id: str | None = None
    ) -> NumberView:
        """Set somebody's number, in place of an older one; calls that still wait for the older one end.

        Raises ``Invalid('number_invalid')``, ``NotFound('interpreter_unknown')``.
        """
        number = normal(text)
        if interpreter_id is not None and await uow.session.get(Interpreter, interpreter_id) is None:
            raise NotFound("interpreter_unknown")
        await self.forget(uow, interpreter_id=interpreter_id, user_id=user_id)
        row_id = new_id("number")
        row = PhoneNumber(
            id=row_id,
            interpreter_id=interpreter_id,
            user_id=user_id if interpreter_id is None else None,
            sealed=self._cipher.seal(number, table=_TABLE, column=_COLUMN, row=row_id),
            digest=self.digest(number),
            last_two=number[-2:],
            region=region_of(number),
            set_by=uow.actor.id,
            set_at=uow.now,
        )
        uow.session.add(row)
        await uow.flush()
        return _view(row)

    async def forget(self, uow: UnitOfWork, *, interpreter_id: str | None = None, user_id: str | None = None) -> bool:
        """Delete somebody's number; False when there was none."""
        result = await uow.session.execute(
            delete(PhoneNumber).where(_owner(interpreter_id, user_id)).execution_options(synchronize_session=False)
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def view(
        self, unit: ReadUnit, *, interpreter_id: str | None = None, user_id: str | None = None
    ) -> NumberView | None:
        """What may be shown of somebody's number, if there is one."""
        row = await unit.session.scalar(select(PhoneNumber).where(_owner(interpreter_id, user_id)))
        return None if row is None else _view(row)

    async def of_interpreters(self, unit: ReadUnit, interpreter_ids: Iterable[str]) -> frozenset[str]:
        """Which of these interpreters have a confirmed number on file."""
        wanted = select(PhoneNumber.interpreter_id).where(
            PhoneNumber.interpreter_id.in_(sorted(set(interpreter_ids))), PhoneNumber.confirmed_at.is_not(None)
        )
        return frozenset(who for who in await unit.session.scalars(wanted) if who is not None)

    async def ref_of_user(self, unit: ReadUnit, user_id: str) -> str | None:
        """The id of the confirmed number of an account: an interpreter's, or one's own."""
        found: str | None = await unit.session.scalar(
            select(PhoneNumber.id)
            .outerjoin(Interpreter, Interpreter.id == PhoneNumber.interpreter_id)
            .where((PhoneNumber.user_id == user_id) | (Interpreter.user_id == user_id))
            .where(PhoneNumber.confirmed_at.is_not(None))
            .limit(1)
        )
        return found

    async def ref_of_interpreter(self, unit: ReadUnit, interpreter_id: str) -> str | None:
        """The id of an interpreter's confirmed number."""
        found: str | None = await unit.session.scalar(
            select(PhoneNumber.id).where(
                PhoneNumber.interpreter_id == interpreter_id, PhoneNumber.confirmed_at.is_not(None)
            )
        )
        return found

    async def locked(
        self, uow: UnitOfWork, *, interpreter_id: str | None = None, user_id: str | None = None
    ) -> PhoneNumber:
        """Somebody's number under its row lock, confirmed or not. Raises ``NotFound('number_unknown')``."""
        row: PhoneNumber | None = await uow.session.scalar(
            select(PhoneNumber)
            .where(_owner(interpreter_id, user_id))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        if row is None:
            raise NotFound("number_unknown")
        return row

    async def confirm(self, uow: UnitOfWork, number_ref: str) -> bool:
        """From now on calls go there; False when the number was replaced or deleted meanwhile."""
        result = await uow.session.execute(
            update(PhoneNumber)
            .where(PhoneNumber.id == number_ref)
            .values(confirmed_at=uow.now)
            .execution_options(synchronize_session=False)
        )
        return bool(result.rowcount)  # type: ignore[attr-defined]

    async def called(self, unit: ReadUnit, number_ref: str) -> Called:
        """Whose number it is. Raises ``NotFound('number_unknown')``."""
        row = await unit.session.get(PhoneNumber, number_ref, populate_existing=True)
        if row is None:
            raise NotFound("number_unknown")
        user_id = row.user_id
        if row.interpreter_id is not None:
            user_id = await unit.session.scalar(select(Interpreter.user_id).where(Interpreter.id == row.interpreter_id))
        locale = await unit.session.scalar(select(User.locale).where(User.id == user_id)) if user_id else None
        return Called(row.id, row.interpreter_id, user_id, locale or "en", row.region, row.confirmed_at is not None)

    async def open(self, unit: ReadUnit, number_ref: str) -> str:
        """The number itself, for the carrier. Raises ``NotFound('number_unknown')``, ``core.crypto.CannotOpenError``."""
        row = await unit.session.get(PhoneNumber, number_ref, populate_existing=True)
        if row is None:
            raise NotFound("number_unknown")
        return self._cipher.open(row.sealed, table=_TABLE, column=_COLUMN, row=row.id)

    async def locale_of(self, unit: ReadUnit, caller: str) -> str | None:
        """The language of somebody whose number calls us, when exactly one person has it."""
        rows = (
            await unit.session.scalars(select(PhoneNumber.id).where(PhoneNumber.digest == self.digest(caller)))
        ).all()
        return (await self.called(unit, rows[0])).locale if len(rows) == 1 else None


def _owner(interpreter_id: str | None, user_id: str | None) -> ColumnElement[bool]:
    if (interpreter_id is None) == (user_id is None):
        raise ValueError("a number belongs to an interpreter or to an account")
    return PhoneNumber.interpreter_id == interpreter_id if interpreter_id else PhoneNumber.user_id == user_id


def _view(row: PhoneNumber) -> NumberView:
    return NumberView(row.id, row.last_two, row.region, row.set_at, row.confirmed_at is not None)
