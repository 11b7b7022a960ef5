"""Who is signed in, with what policies and routes need beyond the actor. Holds no secret."""

from __future__ import annotations

from dataclasses import dataclass

from core.access import Actor, Country, Role


@dataclass(frozen=True)
class Principal:
    """A signed-in person as the policies see them."""

    actor: Actor
    authority: str | None = None
    """Authority code of the desk, such as ``RS-BP``; an interviewer sees the cases of this authority only."""
    interpreter_id: str | None = None
    """Profile in the pool, for interpreters."""
    locale: str = "en"
    officer_language: str = "srp"
    """Language in which the officer works (ISO 639-3)."""
    login_id: str = ""
    """Which sign-in this is (a hash); empty for principals that were not made by one."""

    @property
    def user_id(self) -> str:
        """Id of the user."""
        return self.actor.id

    @property
    def code(self) -> str:
        """The code that logs and other people see."""
        return self.actor.code

    def has(self, role: Role, country: Country | str | None = None) -> bool:
        """Whether the person holds ``role`` (in ``country``, if given)."""
        return self.actor.has(role, None if country is None else Country(country))

    def countries_as(self, *roles: Role) -> frozenset[Country]:
        """The countries in which the person holds one of ``roles``."""
        return frozenset(m.country for m in self.actor.memberships if m.role in roles)
