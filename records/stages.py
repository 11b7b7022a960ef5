"""The words that procedure steps and the matching rules share: stage, accreditation level, mode. Pure names."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """The part of a procedure a step belongs to."""

    IDENTIFICATION = "identification"
    REGISTRATION = "registration"
    VULNERABILITY = "vulnerability"
    ASYLUM = "asylum"
    RETURN = "return"

    @property
    def weight(self) -> int:
        """How much hangs on being understood exactly; return weighs as much as asylum (policy)."""
        return _WEIGHT[self]


_WEIGHT = {
    Stage.IDENTIFICATION: 1,
    Stage.REGISTRATION: 2,
    Stage.VULNERABILITY: 3,
    Stage.RETURN: 4,
    Stage.ASYLUM: 4,
}


class Level(StrEnum):
    """Accreditation of an interpreter (domain 3.3); the texts sort in the right order."""

    L0 = "L0"
    L1 = "L1"
    L2 = "L2"
    L3 = "L3"

    @property
    def number(self) -> int:
        """0 to 3."""
        return int(self.value[1])


class Mode(StrEnum):
    """How the interpreter takes part."""

    VIDEO = "video"
    PHONE = "phone"
