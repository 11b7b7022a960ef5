"""Tables of accounts and sign-ins. Staff have codes, not names; secrets are stored as hashes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.access import Country, Role
from core.db.base import Base, EnumText


class User(Base):
    """A member of staff or an interpreter who can sign in."""

    __tablename__ = "users"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(32), unique=True)
    password_hash: Mapped[str | None] = mapped_column(String(200))
    """argon2id in PHC format."""
    site: Mapped[str | None] = mapped_column(String(32))
    authority: Mapped[str | None] = mapped_column(String(16))
    officer_language: Mapped[str] = mapped_column(String(3), default="srp")
    locale: Mapped[str] = mapped_column(String(8), default="en")
    disabled: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer, default=1)
    memberships: Mapped[list[MembershipRow]] = relationship(cascade="all, delete-orphan", lazy="selectin")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class MembershipRow(Base):
    """One role of a user in one country."""

    __tablename__ = "memberships"
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(EnumText(Role), primary_key=True)
    country: Mapped[Country] = mapped_column(EnumText(Country), primary_key=True)


class SignInAttempts(Base):
    """Failed sign-ins in a row for one code, whether or not an account has it: an outsider cannot tell the difference."""

    __tablename__ = "sign_in_attempts"
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    failed_count: Mapped[int] = mapped_column(Integer, default=0)
    locked_until: Mapped[datetime | None]
    last_at: Mapped[datetime] = mapped_column(index=True)


class Login(Base):
    """A server-side session of a signed-in user; the cookie holds a random token, the row its SHA-256."""

    __tablename__ = "logins"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    csrf_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class OneTimeToken(Base):
    """A secret that works once: socket ticket, join grant, guest invitation or demo sign-in. Stored as SHA-256."""

    __tablename__ = "one_time_tokens"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    """socket, join, invite, demo."""
    user_id: Mapped[str | None] = mapped_column(String(40))
    session_id: Mapped[str | None] = mapped_column(String(40))
    participant_id: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


CONFLICTS = {"uq_users_code": "code_taken"}
"""Constraints and the codes of the refusals they stand for."""
