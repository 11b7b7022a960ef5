"""How often a sign-in may fail: pure arithmetic of growing waits, and the row that remembers it.

Codes that no account has are counted in the same way, so that the answers tell nothing about which codes exist.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from core.db.session import UnitOfWork
from core.errors import TooMany
from signaling.auth.models import SignInAttempts

WINDOW = timedelta(minutes=15)
"""Failures older than this are forgotten (unless a wait is still running)."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=60)
KEPT = timedelta(days=1)
"""Rows untouched for longer are deleted."""


@dataclass(frozen=True)
class Attempts:
    """Failures in a row for one code."""

    failed: int = 0
    locked_until: datetime | None = None
    last_at: datetime | None = None

    def wait_minutes(self, now: datetime) -> int:
        """Whole minutes until the next try is accepted; 0 if one is accepted now."""
        if self.locked_until is None or self.locked_until <= now:
            return 0
        return max(1, ceil((self.locked_until - now).total_seconds() / 60))

    def after_failure(self, now: datetime, allowed: int) -> Attempts:
        """One more failure. From number ``allowed`` on each one costs a wait, twice as long as the one before."""
        ended = max((t for t in (self.last_at, self.locked_until) if t is not None), default=now)
        failed = (0 if now - ended > WINDOW else self.failed) + 1
        if failed < allowed:
            return Attempts(failed, None, now)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failed - allowed, 10))
        return Attempts(failed, now + wait, now)

    def tries_left(self, allowed: int) -> int:
        """Tries before the next wait."""
        return max(0, allowed - self.failed)


def code_hash(code: str) -> str:
    """The key of a code: people sometimes type their password into this field, so the text itself is not kept."""
    return hashlib.sha256(b"sign-in|" + code.encode()).hexdigest()


async def count_attempt(uow: UnitOfWork, code: str, *, allowed: int) -> Attempts:
    """Count a try as failed *before* the password is looked at, so that many at once cannot slip through.

    Raises ``TooMany('sign_in_wait', {minutes, retry_after})`` while a wait runs; such tries are not counted.
    """
    key = code_hash(code)
    insert = postgresql.insert if uow.dialect == "postgresql" else sqlite.insert
    await uow.session.execute(
        insert(SignInAttempts).values(code_hash=key, failed_count=0, last_at=uow.now).on_conflict_do_nothing()
    )
    row = (
        await uow.session.scalars(select(SignInAttempts).where(SignInAttempts.code_hash == key).with_for_update())
    ).one()
    known = Attempts(row.failed_count, row.locked_until, row.last_at)
    minutes = known.wait_minutes(uow.now)
    if minutes:
        raise TooMany("sign_in_wait", {"minutes": minutes, "retry_after": minutes * 60})
    counted = known.after_failure(uow.now, allowed)
    row.failed_count, row.locked_until, row.last_at = counted.failed, counted.locked_until, uow.now
    return counted


async def forget_attempts(uow: UnitOfWork, code: str) -> None:
    """After a success, or when an administrator unlocks the code."""
    await uow.session.execute(delete(SignInAttempts).where(SignInAttempts.code_hash == code_hash(code)))


async def forget_old_attempts(uow: UnitOfWork) -> None:
    """Delete rows that have no meaning any more; a periodic job."""
    await uow.session.execute(delete(SignInAttempts).where(SignInAttempts.last_at < uow.now - KEPT))
