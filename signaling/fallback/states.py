"""The words of the step-down ladder: rungs, reasons, states of its calls and questions. Pure; each kind of state has one table."""

from __future__ import annotations

from enum import StrEnum

from records.lifecycle import MoveTable


class Rung(StrEnum):
    """How the talk is carried, from best to least."""

    VIDEO = "video"
    AUDIO = "audio"
    PHONE = "phone"
    CALLBACK = "callback"
    CARDS = "cards"


class Why(StrEnum):
    """Why a rung is taken, left, or closed."""

    BEGUN = "begun"
    """The talk began so."""
    CAMERA_ON = "camera_on"
    CAMERA_OFF = "camera_off"
    """Nobody has a camera on, by choice."""
    WEAK_LINE = "weak_line"
    SOUND_ONLY = "sound_only"
    """Officer or interpreter chose sound only for everybody."""
    LINE_LOST = "line_lost"
    ASKED = "asked"
    """Somebody in the session asked for the telephone."""
    BACK_TO_VIDEO = "back_to_video"
    """The one on the telephone went back to the browser."""
    PHONE_ENDED = "phone_ended"
    SEALED = "sealed"
    STEP_FORBIDS = "step_forbids"
    NOT_CONFIGURED = "not_configured"
    NO_NUMBER = "no_number"
    NOT_BY_PHONE = "not_by_phone"
    """Somebody in the session said that the telephone is not to be used for this loss."""
    UNANSWERED = "unanswered"
    NOT_FIRST_CONTACT = "not_first_contact"
    """Phrase cards are for first contact only (M-13)."""
    NOT_RUNNING = "not_running"
    BREAK = "break"
    """In a break nobody is rung by itself."""
    PERSON_REFUSED = "person_refused"
    INTERRUPTIONS = "interruptions"
    AWAY_TOO_LONG = "away_too_long"


class CallState(StrEnum):
    """One attempt to reach somebody by telephone."""

    WAITING = "waiting"
    """Counted down; the line may still come back."""
    PLACING = "placing"
    """Taken by a process that hands it to telephony. Handing it over again gives the same leg."""
    CALLING = "calling"
    """Telephony has it; its own states are in ``leg_state``."""
    STOPPED = "stopped"
    """Not rung: the line came back, or somebody said no."""
    ENDED = "ended"


class CallMove(StrEnum):
    """What can happen to it."""

    TAKE = "take"
    HAND_OVER = "hand_over"
    STOP = "stop"
    END = "end"


CALL: MoveTable[CallState, CallMove] = MoveTable(
    "fallback_call",
    CallState.WAITING,
    {
        (CallState.WAITING, CallMove.TAKE): CallState.PLACING,
        (CallState.WAITING, CallMove.STOP): CallState.STOPPED,
        (CallState.PLACING, CallMove.HAND_OVER): CallState.CALLING,
        (CallState.PLACING, CallMove.END): CallState.ENDED,
        (CallState.CALLING, CallMove.END): CallState.ENDED,
    },
)


class OpeningState(StrEnum):
    """The question whether a sealed session may become open."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"
    LAPSED = "lapsed"
    """Not everybody answered in time."""


class OpeningMove(StrEnum):
    """How it ends."""

    AGREE = "agree"
    REFUSE = "refuse"
    LAPSE = "lapse"


OPENING: MoveTable[OpeningState, OpeningMove] = MoveTable(
    "opening",
    OpeningState.ASKED,
    {
        (OpeningState.ASKED, OpeningMove.AGREE): OpeningState.AGREED,
        (OpeningState.ASKED, OpeningMove.REFUSE): OpeningState.REFUSED,
        (OpeningState.ASKED, OpeningMove.LAPSE): OpeningState.LAPSED,
    },
)
