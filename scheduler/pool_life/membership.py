"""The life of an interpreter in the pool: stages from application to leaving, and what each accreditation level asks for. Pure.

Only ``active`` people are ever matched; the matcher reads that from the profile, which the service keeps in step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from records.lifecycle import MoveTable
from records.stages import Level


class MemberStage(StrEnum):
    """Where somebody stands in the pool."""

    APPLIED = "applied"
    VETTING = "vetting"
    TESTING = "testing"
    TRAINING = "training"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    LEFT = "left"


class MemberMove(StrEnum):
    """What can happen to a membership; the application is its birth."""

    VET = "vet"
    TEST = "test"
    TRAIN = "train"
    ADMIT = "admit"
    SUSPEND = "suspend"
    RETURN = "return"
    REFUSE = "refuse"
    LEAVE = "leave"
    APPLY_AGAIN = "apply_again"


_ON_THE_WAY = (MemberStage.APPLIED, MemberStage.VETTING, MemberStage.TESTING, MemberStage.TRAINING)

MEMBERSHIP: MoveTable[MemberStage, MemberMove] = MoveTable(
    "membership",
    MemberStage.APPLIED,
    {
        (MemberStage.APPLIED, MemberMove.VET): MemberStage.VETTING,
        (MemberStage.VETTING, MemberMove.TEST): MemberStage.TESTING,
        (MemberStage.TESTING, MemberMove.TRAIN): MemberStage.TRAINING,
        (MemberStage.TRAINING, MemberMove.ADMIT): MemberStage.ACTIVE,
        **{(stage, MemberMove.REFUSE): MemberStage.REFUSED for stage in _ON_THE_WAY},
        **{
            (stage, MemberMove.LEAVE): MemberStage.LEFT
            for stage in (*_ON_THE_WAY, MemberStage.ACTIVE, MemberStage.SUSPENDED)
        },
        (MemberStage.ACTIVE, MemberMove.SUSPEND): MemberStage.SUSPENDED,
        (MemberStage.SUSPENDED, MemberMove.RETURN): MemberStage.ACTIVE,
        (MemberStage.REFUSED, MemberMove.APPLY_AGAIN): MemberStage.APPLIED,
        (MemberStage.LEFT, MemberMove.APPLY_AGAIN): MemberStage.APPLIED,
    },
)
"""The only moves there are."""


class Gap(StrEnum):
    """What is missing for a level (domain 3.3)."""

    CONDUCT = "conduct"
    """The code of conduct is not accepted or ran out."""
    NDA = "nda"
    VETTING = "vetting"
    OPEN_CLAIM = "not_possible"
    """People with an open asylum claim are not L1 to L3 interpreters (domain 3.5); the word that leaves the house does not say so."""
    PAIR_TEST = "pair_test"
    """No pair that was verified by a test, a degree or an oath at the level that is asked."""
    REMOTE_TRAINING = "remote_training"
    PROTECTION_TRAINING = "protection_training"
    ASYLUM_TRAINING = "asylum_training"
    REVIEWED_HOURS = "reviewed_hours"
    REVIEWS = "reviews"
    """Fewer than two quality reviews in the last twelve months."""


REVIEWED_MINUTES = 20 * 60
"""Reviewed interpreting that L2 asks for (domain 3.3)."""
REVIEWS_A_YEAR = 2
_TESTED = frozenset({"test", "degree", "sworn"})
_B2 = ("native", "C2", "C1", "B2")
_C1 = ("native", "C2", "C1")
_ASYLUM = ("EUAA-INT-ASYLUM", "RSD")


@dataclass(frozen=True)
class PairEvidence:
    """A working pair as far as accreditation asks."""

    level_from: str
    level_to: str
    verified_by: str


@dataclass(frozen=True)
class Evidence:
    """What is known about somebody at one moment."""

    at: datetime
    vetting_until: datetime | None
    """End of a passed vetting; none if there is none."""
    nda_until: datetime | None
    conduct_until: datetime | None
    open_claim: bool
    pairs: tuple[PairEvidence, ...]
    training: Mapping[str, datetime | None]
    """Finished trainings by code, with the instant until which they count (none: for good)."""
    reviewed_minutes: int
    reviews_last_year: int


def gaps(level: Level, known: Evidence) -> list[Gap]:
    """What is missing for ``level``, in the order of the list; empty means that it may be granted (domain 3.3)."""
    missing: list[Gap] = []
    if not _holds(known.conduct_until, known.at):
        missing.append(Gap.CONDUCT)
    if level is Level.L0:
        return missing
    if not _holds(known.nda_until, known.at):
        missing.append(Gap.NDA)
    if not _holds(known.vetting_until, known.at):
        missing.append(Gap.VETTING)
    if known.open_claim:
        missing.append(Gap.OPEN_CLAIM)
    if not _tested(known.pairs, _C1 if level is Level.L3 else _B2):
        missing.append(Gap.PAIR_TEST)
    if not _trained(known, ("REMOTE",)):
        missing.append(Gap.REMOTE_TRAINING)
    if level in (Level.L2, Level.L3):
        if not _trained(known, ("UNHCR-SSM3",)):
            missing.append(Gap.PROTECTION_TRAINING)
        if known.reviewed_minutes < REVIEWED_MINUTES:
            missing.append(Gap.REVIEWED_HOURS)
    if level is Level.L3:
        if not _trained(known, _ASYLUM):
            missing.append(Gap.ASYLUM_TRAINING)
        if known.reviews_last_year < REVIEWS_A_YEAR:
            missing.append(Gap.REVIEWS)
    return missing


def highest(known: Evidence) -> Level | None:
    """The highest level without gaps; none when not even L0 may be granted."""
    return next((level for level in reversed(Level) if not gaps(level, known)), None)


def _holds(until: datetime | None, at: datetime) -> bool:
    return until is not None and until > at


def _tested(pairs: Iterable[PairEvidence], least: tuple[str, ...]) -> bool:
    return any(pair.level_from in least and pair.level_to in least and pair.verified_by in _TESTED for pair in pairs)


def _trained(known: Evidence, codes: Iterable[str]) -> bool:
    return any(code in known.training and _counts(known.training[code], known.at) for code in codes)


def _counts(until: datetime | None, at: datetime) -> bool:
    return until is None or until > at
