"""What administrators read beside an account: the last sign-in, a wait after wrong passwords, the interpreter's profile.

Nothing is decided and nothing changed here; accounts themselves are in ``signaling.auth.accounts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, or_, select

from core.access import Country, Role
from core.db.session import ReadUnit
from scheduler.models import Interpreter
from signaling.auth.accounts import Account
from signaling.auth.attempts import code_hash
from signaling.auth.models import Login, SignInAttempts


class ProfileState(StrEnum):
    """How an account stands to the pool: without a profile behind it an interpreter can sign in and do nothing."""

    LINKED = "linked"
    FREE = "free"
    """A profile of the same code, in a country of the reader, waits for its account."""
    NONE = "none"


@dataclass(frozen=True)
class Beside:
    """What is known beside one account."""

    signed_in_at: datetime | None
    """None: no sign-in that is still kept, and those of the last day are."""
    waits_until: datetime | None
    """Until then no password is accepted; None: it is not waited for."""
    profile: ProfileState | None
    """None: no interpreter."""


async def beside(unit: ReadUnit, accounts: Sequence[Account], countries: frozenset[Country]) -> Mapping[str, Beside]:
    """For each account by its id; ``countries``: those in which the reader administers."""
    ids = [one.user_id for one in accounts]
    latest = {
        row.user_id: row.at
        for row in await unit.session.execute(
            select(Login.user_id, func.max(Login.created_at).label("at"))
            .where(Login.user_id.in_(ids))
            .group_by(Login.user_id)
        )
    }
    hashes = {code_hash(one.code): one.user_id for one in accounts}
    waits = {
        hashes[row.code_hash]: row.locked_until
        for row in await unit.session.execute(
            select(SignInAttempts.code_hash, SignInAttempts.locked_until).where(
                SignInAttempts.code_hash.in_(hashes), SignInAttempts.locked_until > unit.now
            )
        )
    }
    called = {one.code: one.user_id for one in accounts if _interprets(one)}
    profiles = dict.fromkeys(called.values(), ProfileState.NONE)
    for row in await unit.session.execute(
        select(Interpreter.user_id, Interpreter.code, Interpreter.base_country).where(
            or_(Interpreter.user_id.in_(called.values()), Interpreter.code.in_(called))
        )
    ):
        if row.user_id in profiles:
            profiles[row.user_id] = ProfileState.LINKED
        elif row.user_id is None and row.base_country in countries and profiles[called[row.code]] is ProfileState.NONE:
            profiles[called[row.code]] = ProfileState.FREE
    return {user_id: Beside(latest.get(user_id), waits.get(user_id), profiles.get(user_id)) for user_id in ids}


async def free_profile(unit: ReadUnit, account: Account, countries: frozenset[Country]) -> str | None:
    """The interpreter of the same code in these countries whom no account belongs to yet."""
    known = (await beside(unit, [account], countries))[account.user_id]
    if known.profile is not ProfileState.FREE:
        return None
    found: str | None = await unit.session.scalar(select(Interpreter.id).where(Interpreter.code == account.code))
    return found


def _interprets(account: Account) -> bool:
    return any(m.role is Role.INTERPRETER for m in account.memberships)
