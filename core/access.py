"""Who acts. The policies (who may do what) live in ``signaling.policy``; the country filter in ``core.db.session``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Country(StrEnum):
    """The two countries that Tarjuman serves (ISO 3166-1 alpha-2)."""

    RS = "RS"
    MK = "MK"


class Role(StrEnum):
    """What a member of staff may be in a country."""

    INTERVIEWER = "interviewer"
    INTERPRETER = "interpreter"
    COORDINATOR = "coordinator"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


@dataclass(frozen=True)
class Membership:
    """One role in one country."""

    role: Role
    country: Country


@dataclass(frozen=True)
class Actor:
    """Who acts: a signed-in member of staff, or the system on behalf of some countries."""

    id: str
    """User id, or ``system``."""
    code: str
    """The code that logs and other people see, such as ``O-1183``; never a name."""
    memberships: frozenset[Membership] = field(default_factory=frozenset)
    site: str | None = None
    """Facility code of the desk, such as ``RS-PRESEVO``; none for interpreters and the system."""
    is_system: bool = False
    system_countries: frozenset[Country] = field(default_factory=frozenset)

    @classmethod
    def system(cls, countries: Iterable[Country] = tuple(Country)) -> Actor:
        """The system itself, limited to ``countries``."""
        return cls(id="system", code="system", is_system=True, system_countries=frozenset(countries))

    @property
    def countries(self) -> frozenset[Country]:
        """All countries in which the actor has any role."""
        if self.is_system:
            return self.system_countries
        return frozenset(m.country for m in self.memberships)

    @property
    def roles(self) -> frozenset[Role]:
        """All roles in any country."""
        return frozenset(m.role for m in self.memberships)

    def has(self, role: Role, country: Country | None = None) -> bool:
        """Whether the actor holds ``role`` (in ``country``, if given)."""
        return any(m.role is role and (country is None or m.country is country) for m in self.memberships)
