"""Complaints about interpreting: who may bring one, until when it is decided, and what may follow. Pure.

From the moment of a complaint the interpreter does not serve the case any more (M-6); that is a safeguard and no finding.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from records.lifecycle import MoveTable

DECIDE_WITHIN = timedelta(days=15)
"""Policy: a complaint is decided within fifteen days."""
WARN_BEFORE = timedelta(days=3)


class Source(StrEnum):
    """Who complains."""

    PERSON = "person"
    LAWYER = "lawyer"
    GUARDIAN = "guardian"
    OFFICER = "officer"
    INTERPRETER = "interpreter"


class Ground(StrEnum):
    """What it is about; nothing that was said in the session is written here."""

    NOT_UNDERSTOOD = "not_understood"
    WRONG_LANGUAGE = "wrong_language"
    LEFT_OUT = "left_out"
    NOT_NEUTRAL = "not_neutral"
    CONFIDENTIALITY = "confidentiality"
    CONDUCT = "conduct"
    CONDITIONS = "conditions"
    """Speed, breaks, sound: about the session and not about the interpreter."""


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    RECEIVED = "received"
    EXAMINED = "examined"
    UPHELD = "upheld"
    NOT_UPHELD = "not_upheld"
    WITHDRAWN = "withdrawn"


class ComplaintMove(StrEnum):
    """What can happen to a complaint."""

    EXAMINE = "examine"
    UPHOLD = "uphold"
    DISMISS = "dismiss"
    WITHDRAW = "withdraw"


class Measure(StrEnum):
    """What follows an upheld complaint."""

    TALK = "talk"
    TRAINING = "training"
    REVIEW = "review"
    SUSPENSION = "suspension"
    REINTERVIEW = "reinterview"
    """The authority is told that the interview should be held again with somebody else."""


COMPLAINT: MoveTable[ComplaintState, ComplaintMove] = MoveTable(
    "complaint",
    ComplaintState.RECEIVED,
    {
        (ComplaintState.RECEIVED, ComplaintMove.EXAMINE): ComplaintState.EXAMINED,
        (ComplaintState.EXAMINED, ComplaintMove.UPHOLD): ComplaintState.UPHELD,
        (ComplaintState.EXAMINED, ComplaintMove.DISMISS): ComplaintState.NOT_UPHELD,
        (ComplaintState.RECEIVED, ComplaintMove.WITHDRAW): ComplaintState.WITHDRAWN,
        (ComplaintState.EXAMINED, ComplaintMove.WITHDRAW): ComplaintState.WITHDRAWN,
    },
)
"""Dismissing needs an examination: nobody can wave a complaint away."""


class Deadline(StrEnum):
    """How a running complaint stands against its deadline."""

    IN_TIME = "in_time"
    SOON = "soon"
    OVER = "over"


def deadline(decide_by: datetime, at: datetime) -> Deadline:
    """Over from the deadline on; soon in the three days before."""
    if at >= decide_by:
        return Deadline.OVER
    return Deadline.SOON if decide_by - at <= WARN_BEFORE else Deadline.IN_TIME
