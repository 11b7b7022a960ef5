"""One-time secrets: socket tickets, join grants, guest invitations and demo sign-in links. Only their hashes are stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select, update

from core.db.session import ReadUnit, UnitOfWork
from core.errors import Unauthenticated
from signaling.auth.models import OneTimeToken

_KEPT = timedelta(hours=1)
"""Expired rows are deleted after this time."""


class TokenKind(StrEnum):
    """What a secret opens."""

    SOCKET = "socket"
    """The socket, for a signed-in person (``user_id``)."""
    JOIN = "join"
    """One room with one part (``session_id``, ``participant_id``)."""
    INVITE = "invite"
    """The tablet of a guest (``session_id``, ``participant_id``)."""
    JOINING = "joining"
    """The same guest's link once more, for the browser that has used it already (``session_id``, ``participant_id``)."""
    RATING = "rating"
    """The person's face after a session, from the tablet (``session_id``)."""
    DEMO = "demo"
    """A sign-in link of the demo (``user_id``)."""


LIFETIME: dict[TokenKind, timedelta] = {
    TokenKind.SOCKET: timedelta(seconds=30),
    TokenKind.JOIN: timedelta(seconds=60),
    TokenKind.INVITE: timedelta(hours=4),
    TokenKind.JOINING: timedelta(hours=4),
    TokenKind.RATING: timedelta(hours=12),
    TokenKind.DEMO: timedelta(hours=12),
}


@dataclass(frozen=True)
class IssuedToken:
    """A new secret; it cannot be read again."""

    secret: str
    expires_at: datetime


@dataclass(frozen=True)
class Token:
    """What a redeemed secret stands for."""

    kind: TokenKind
    user_id: str | None
    session_id: str | None
    participant_id: str | None
    expires_at: datetime


def token_hash(secret: str) -> str:
    """SHA-256 in hex. Secrets have 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def issue(
    uow: UnitOfWork,
    kind: TokenKind,
    *,
    ttl: timedelta | None = None,
    user_id: str | None = None,
    session_id: str | None = None,
    participant_id: str | None = None,
    secret: str | None = None,
) -> IssuedToken:
    """A new secret of ``kind``, valid for ``ttl`` (else its usual lifetime); ``secret`` where the browser has it already."""
    secret = secret or secrets.token_urlsafe(32)
    expires_at = uow.now + (LIFETIME[kind] if ttl is None else ttl)
    uow.session.add(
        OneTimeToken(
            token_hash=token_hash(secret),
            kind=kind.value,
            user_id=user_id,
            session_id=session_id,
            participant_id=participant_id,
            created_at=uow.now,
            expires_at=expires_at,
            used_at=None,
        )
    )
    await uow.flush()
    return IssuedToken(secret, expires_at)


async def redeem(uow: UnitOfWork, kind: TokenKind, secret: str) -> Token:
    """Use the secret up: one conditional update, so that of many at once exactly one succeeds.

    Raises ``Unauthenticated('token_invalid')`` for unknown, used, expired and wrong-kind secrets alike.
    """
    row = (
        await uow.session.scalars(
            update(OneTimeToken)
            .where(
                OneTimeToken.token_hash == token_hash(secret),
                OneTimeToken.kind == kind.value,
                OneTimeToken.used_at.is_(None),
                OneTimeToken.expires_at > uow.now,
            )
            .values(used_at=uow.now)
            .returning(OneTimeToken)
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return _token(row)


async def read_demo(unit: ReadUnit, secret: str) -> Token:
    """What a demo link stands for. It is not used up; the caller makes sure that demo mode is on.

    Raises ``Unauthenticated('token_invalid')``.
    """
    return await read_token(unit, TokenKind.DEMO, secret)


async def read_token(unit: ReadUnit, kind: TokenKind, secret: str) -> Token:
    """What a secret stands for, without using it up. Raises ``Unauthenticated('token_invalid')``."""
    row = await unit.session.scalar(
        select(OneTimeToken).where(
            OneTimeToken.token_hash == token_hash(secret),
            OneTimeToken.kind == kind.value,
            OneTimeToken.expires_at > unit.now,
        )
    )
    return _token(row)


async def revoke_tokens(
    uow: UnitOfWork,
    *,
    kind: TokenKind,
    user_id: str | None = None,
    session_id: str | None = None,
    participant_id: str | None = None,
) -> None:
    """Make unused secrets of a kind worthless: those of a user, of a session, of a place, or (nothing given) all."""
    statement = delete(OneTimeToken).where(OneTimeToken.kind == kind.value, OneTimeToken.used_at.is_(None))
    if user_id is not None:
        statement = statement.where(OneTimeToken.user_id == user_id)
    if session_id is not None:
        statement = statement.where(OneTimeToken.session_id == session_id)
    if participant_id is not None:
        statement = statement.where(OneTimeToken.participant_id == participant_id)
    await uow.session.execute(statement)


async def forget_old_tokens(uow: UnitOfWork) -> None:
    """Delete expired rows; a periodic job."""
    await uow.session.execute(delete(OneTimeToken).where(OneTimeToken.expires_at < uow.now - _KEPT))


def _token(row: OneTimeToken | None) -> Token:
    if row is None:
        raise Unauthenticated("token_invalid")
    return Token(TokenKind(row.kind), row.user_id, row.session_id, row.participant_id, row.expires_at)
