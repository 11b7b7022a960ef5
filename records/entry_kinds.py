"""The kinds of entries of a session log and the data that each holds; the catalogue key of its sentence is ``log.<kind>``.

Data is pseudonymous: codes, parts, closed words, numbers, instants (ISO 8601 UTC text). Nothing that was said, no names.
Every key of :data:`SLOTS` is present in the entry; a value that is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class EntryKind(StrEnum):
    """What an entry of the session log says."""

    PLANNED = "planned"
    """The session was planned: who asked, who was matched, on which rung of the ladder."""
    LANGUAGE_DECLARED = "language_declared"
    SUBSTITUTION = "substitution"
    """The interpreter's language is not the person's: the substitute and its penalty (domain 3.7)."""
    SEX_PREFERENCE = "sex_preference"
    """A wish for the sex of the interpreter was recorded, and whether it is met (M-3)."""
    TRANSFER = "transfer"
    """The interpreter sits in the other country, under this transfer instrument (T-2)."""
    RELAY = "relay"
    """Two interpreters work through a third language: both codes and the way (M-9)."""
    TEAM = "team"
    """Two interpreters take turns: both codes (S-8)."""
    INVITED = "invited"
    """The officer made a link for a guest."""
    OPENED = "opened"
    """First arrival: the session waits for the other side."""
    ARRIVED = "arrived"
    LEFT = "left"
    STARTED = "started"
    """Officer and interpreter are both heard: interpreting begins."""
    PAUSED = "paused"
    RESUMED = "resumed"
    LINE_LOST = "line_lost"
    """Somebody has been out of reach for more than 10 s (S-11)."""
    LINE_BACK = "line_back"
    SERVICE_GAP = "service_gap"
    """Our own service was away: nothing could be observed in this time."""
    MODE = "mode"
    """A new mode segment begins: video, audio or phone, and why."""
    FALLBACK = "fallback"
    """A rung of the step-down ladder is taken, or is closed and the next is offered: why, and for whom (S-11)."""
    PHONE_CALL = "phone_call"
    """The telephone of somebody in the session: rung, joined, ended, not rung. Never a number."""
    AGREEMENT = "agreement"
    """A question that everybody or the person was asked during the talk, and one answer to it: the telephone, opening a sealed session."""
    STOP_PROPOSED = "stop_proposed"
    """It was proposed to stop and book again (S-11)."""
    STOP_DECLINED = "stop_declined"
    """The officer goes on all the same."""
    MODE_OPENED = "mode_opened"
    """A sealed session is open from now on: everybody present agreed."""
    LANGUAGE_CONFIRMED = "language_confirmed"
    SIGNAL = "signal"
    """A signal button: pause, repeat, slower, shorter, cannot_hear, break."""
    NUMBER_SHOWN = "number_shown"
    """Somebody showed a number, time, amount or date to everybody: of which kind and calendar (S-21), never which."""
    CORRECTION = "correction"
    """Somebody marked a translation as wrong, to be asked again at once (S-14)."""
    LIMIT_REACHED = "limit_reached"
    """Continuous interpreting reached the limit of S-8."""
    RECUSED = "recused"
    """The interpreter stepped back (M-5)."""
    RECHECK = "recheck"
    """The part interpreted by somebody who stepped back is to be checked again (M-5)."""
    INTERPRETER_LOST = "interpreter_lost"
    """The interpreter did not come back; a replacement is searched."""
    REPLACED = "replaced"
    """Another interpreter takes over in the same session."""
    BRIEFING = "briefing"
    """The session is a group briefing: which step's information is told, and to how many posts (R-7)."""
    WORD_GIVEN = "word_given"
    """The leader of a briefing lets one post speak."""
    WORD_TAKEN = "word_taken"
    TOLD = "told"
    """A post says of one of its groups whether it heard and understood, and how many people it was."""
    MOVED = "moved"
    """The session was moved to another time before anybody came."""
    CALLED_OFF = "called_off"
    TRANSCRIPT_CONSENT = "transcript_consent"
    """Somebody was asked for, gave, refused or took back the consent to a draft transcript (S-12)."""
    TRANSCRIPT = "transcript"
    """A draft transcript began, stopped, was put into the record, or was wiped; never what was said."""
    ENDED = "ended"
    SEALED = "sealed"


SLOTS: Mapping[EntryKind, tuple[str, ...]] = {
    EntryKind.PLANNED: (
        "officer_code",
        "interpreter_code",
        "level",
        "country",
        "step_code",
        "starts_at",
        "requested_at",
        "matched_at",
        "rung",
        "mode",
    ),
    EntryKind.LANGUAGE_DECLARED: ("language", "source", "officer_language"),
    EntryKind.SUBSTITUTION: ("from", "to", "penalty"),
    EntryKind.SEX_PREFERENCE: ("value", "must", "met", "asked_at"),
    EntryKind.TRANSFER: ("instrument", "country"),
    EntryKind.RELAY: ("code", "second_code", "from", "pivot", "to", "approved_by"),
    EntryKind.TEAM: ("code", "second_code"),
    EntryKind.INVITED: ("part",),
    EntryKind.OPENED: ("part", "code"),
    EntryKind.ARRIVED: ("part", "code"),
    EntryKind.LEFT: ("part", "code", "reason"),
    EntryKind.STARTED: (),
    EntryKind.PAUSED: ("reason",),
    EntryKind.RESUMED: ("reason", "seconds"),
    EntryKind.LINE_LOST: ("part", "code", "from"),
    EntryKind.LINE_BACK: ("part", "code", "from", "seconds"),
    EntryKind.SERVICE_GAP: ("from", "seconds"),
    EntryKind.MODE: ("mode", "reason"),
    EntryKind.FALLBACK: ("rung", "reason", "part", "code"),
    EntryKind.PHONE_CALL: ("event", "reason", "part", "code"),
    EntryKind.AGREEMENT: ("question", "answer", "how", "part"),
    EntryKind.STOP_PROPOSED: ("reason", "losses", "seconds"),
    EntryKind.STOP_DECLINED: ("reason", "losses"),
    EntryKind.MODE_OPENED: ("reason", "people"),
    EntryKind.LANGUAGE_CONFIRMED: ("language", "declared", "by"),
    EntryKind.SIGNAL: ("signal", "part"),
    EntryKind.NUMBER_SHOWN: ("number", "calendar", "part"),
    EntryKind.CORRECTION: ("part",),
    EntryKind.LIMIT_REACHED: ("minutes", "limit"),
    EntryKind.RECUSED: ("code", "reason"),
    EntryKind.RECHECK: ("code", "from", "to"),
    EntryKind.INTERPRETER_LOST: ("code", "reason"),
    EntryKind.REPLACED: ("old_code", "code", "level", "country", "rung"),
    EntryKind.BRIEFING: ("step_code", "posts"),
    EntryKind.WORD_GIVEN: ("post",),
    EntryKind.WORD_TAKEN: ("post",),
    EntryKind.TOLD: ("post", "group", "people", "answer"),
    EntryKind.MOVED: ("from", "to"),
    EntryKind.CALLED_OFF: ("reason",),
    EntryKind.TRANSCRIPT_CONSENT: ("part", "code", "answer", "how", "noted_part", "noted_code"),
    EntryKind.TRANSCRIPT: ("state", "reason", "lines"),
    EntryKind.ENDED: ("outcome", "reason", "by", "interpreting_s"),
    EntryKind.SEALED: ("entries",),
}
"""The keys of ``data`` by kind: slots for the sentence. ``from``, ``to``, ``*_at`` are instants, ``seconds``,
``interpreting_s`` whole seconds, ``part`` a participant part, ``by`` a part or ``system``, ``code`` a staff or interpreter code
(None for guests), ``language`` and ``declared`` ISO 639-3 codes; in SUBSTITUTION and RELAY ``from``, ``pivot`` and ``to`` are languages."""
