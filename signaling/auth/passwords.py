"""Passwords: hashing with argon2id under a bound, and the rules that a new one must keep. No database here.

Parameters follow the OWASP password storage cheat sheet (46 MiB, one pass, one lane). Each check costs memory and a
tenth of a second, so at most ``concurrency`` run at once: sign-in must not be the cheapest way to bring the house down.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TypeVar

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from core.errors import Invalid, Unavailable
from core.settings import AuthSettings

T = TypeVar("T")

MIN_PASSWORD = 12
"""Characters of a new password, at least (NIST SP 800-63B asks for length and a list, not for kinds of characters)."""
MAX_PASSWORD = 256
"""Characters that are read; longer input is refused so that hashing stays cheap."""
_PATIENCE = 20.0
"""Seconds that a check may wait for its turn."""
_SMALLEST_VARIETY = 5
"""Different characters that a password has, at least."""


@dataclass(frozen=True)
class Verification:
    """The result of a check."""

    ok: bool
    renew: bool = False
    """The hash was made with other parameters: store a new one."""


class PasswordHasher:
    """Argon2id in worker threads, a few at a time."""

    def __init__(self, settings: AuthSettings) -> None:
        self._argon2 = Argon2(
            time_cost=settings.argon2_time,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
            type=Type.ID,
        )
        self._turns = asyncio.Semaphore(settings.argon2_concurrency)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash in PHC format. Raises ``Unavailable('sign_in_busy')`` when its turn does not come in time."""
        return await self._turn(self._argon2.hash, _normal(password))

    async def verify(self, stored: str | None, password: str) -> Verification:
        """Whether ``password`` is the one behind ``stored``. Without a stored hash the same work is done and the answer is no."""
        if len(password) > MAX_PASSWORD:
            password = password[:MAX_PASSWORD] + "\0"
        if stored is None:
            if self._nobody is None:
                self._nobody = await self.hash("nobody has this password")
            await self._turn(self._check, self._nobody, _normal(password))
            return Verification(ok=False)
        return await self._turn(self._check, stored, _normal(password))

    def _check(self, stored: str, password: str) -> Verification:
        try:
            self._argon2.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return Verification(ok=False)
        return Verification(ok=True, renew=self._argon2.check_needs_rehash(stored))

    async def _turn(self, work: Callable[..., T], *args: str) -> T:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._turns.acquire()
        except TimeoutError:
            raise Unavailable("sign_in_busy") from None
        try:
            return await asyncio.to_thread(work, *args)
        finally:
            self._turns.release()


def check_new_password(password: str, *, code: str = "") -> None:
    """Raise ``Invalid`` unless the rules are kept.

    Codes: ``password_short`` (min), ``password_long`` (max), ``password_common``, ``password_simple``, ``password_code``.
    """
    normal = _normal(password)
    if len(normal) < MIN_PASSWORD:
        raise Invalid("password_short", {"min": MIN_PASSWORD})
    if len(normal) > MAX_PASSWORD:
        raise Invalid("password_long", {"max": MAX_PASSWORD})
    folded = normal.casefold()
    if folded in _common():
        raise Invalid("password_common")
    if len(set(folded)) < _SMALLEST_VARIETY:
        raise Invalid("password_simple")
    if code and code.casefold() in folded:
        raise Invalid("password_code")


def _normal(password: str) -> str:
    # The same keys give different code points on different systems (NIST SP 800-63B 5.1.1.2).
    return unicodedata.normalize("NFKC", password)


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    text = files("signaling.auth").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.strip().casefold() for line in text.splitlines() if line.strip() and not line.startswith("#"))
