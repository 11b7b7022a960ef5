"""Who may do what: pure functions over a principal and the facts of a thing, decided in one place for routes and socket.

The country filter of the database (``core.db.scope``) is the floor below this; which route asks which question is in
``signaling.doors``. Things of another country or authority are *hidden*: for the asker they do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.access import Country, Membership, Role
from core.errors import Forbidden, NotFound
from signaling.auth.principal import Principal


class Verdict(StrEnum):
    """The answer to a question of access; true only when allowed, so that ``if not may_...`` means what it says."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    """403: the asker may know of the thing and may not do this."""
    HIDDEN = "hidden"
    """404: the thing does not exist for the asker."""

    def __bool__(self) -> bool:
        return self is Verdict.ALLOWED


class Part(StrEnum):
    """A person's part in a session."""

    OFFICER = "officer"
    INTERPRETER = "interpreter"
    APPLICANT = "applicant"
    GUARDIAN = "guardian"
    LAWYER = "lawyer"
    LISTENER = "listener"  # a post in a group briefing


class CaseView(StrEnum):
    """How much of a case somebody sees."""

    FULL = "full"
    COORDINATION = "coordination"
    """What finding an interpreter needs: no literacy, needs, guardian, origin or file number (domain 2.1)."""


class RecordView(StrEnum):
    """How much of a session's record somebody sees."""

    FULL = "full"
    OUTLINE = "outline"
    """Times, states and codes, without the log."""


@dataclass(frozen=True)
class CaseFacts:
    """What decides about a case."""

    country: str
    authority: str


@dataclass(frozen=True)
class SessionFacts:
    """What decides about a session."""

    country: str
    authority: str
    """Of the case."""
    officer_user_id: str
    interpreter_ids: frozenset[str]
    """Everybody who interprets it or did: two of a relay or a team, and whoever was replaced after having been in the room."""


@dataclass(frozen=True)
class BookingFacts:
    """What decides about a booking."""

    country: str
    authority: str
    requested_by: str


@dataclass(frozen=True)
class BriefingFacts:
    """What decides about a group briefing."""

    country: str
    authority: str
    led_by: str


@dataclass(frozen=True)
class TopicFacts:
    """What decides about a socket topic ``<kind>:<key>``."""

    kind: str
    key: str
    booking: BookingFacts | None = None
    """For ``booking`` topics; none if there is no such booking."""
    admitted: bool = False
    """For ``room`` topics: the connection redeemed a grant for this room."""


def demand(verdict: Verdict, *, hidden: str = "not_found", refused: str = "not_allowed") -> None:
    """Go on if allowed; else raise ``Forbidden(refused)`` or ``NotFound(hidden)``."""
    if verdict is Verdict.REFUSED:
        raise Forbidden(refused)
    if verdict is Verdict.HIDDEN:
        raise NotFound(hidden)


# Cases


def may_open_case(who: Principal, country: str, authority: str) -> Verdict:
    """Open a case for a site of ``authority`` in ``country``: interviewers, for their own authority."""
    return _own_desk(who, country, authority)


def may_read_case(who: Principal, case: CaseFacts) -> Verdict:
    """Interviewers of the authority, coordinators of the country."""
    if who.has(Role.COORDINATOR, case.country):
        return Verdict.ALLOWED
    return _own_desk(who, case.country, case.authority)


def case_view(who: Principal, case: CaseFacts) -> CaseView:
    """How much of a case that may be read is shown; being an interviewer of it outweighs coordinating."""
    return CaseView.FULL if _own_desk(who, case.country, case.authority) is Verdict.ALLOWED else CaseView.COORDINATION


def may_change_case(who: Principal, case: CaseFacts) -> Verdict:
    """Change facts, plan, move or record steps, close, ask for an interpreter: interviewers of the authority."""
    own = _own_desk(who, case.country, case.authority)
    if own is Verdict.HIDDEN and who.has(Role.COORDINATOR, case.country):
        return Verdict.REFUSED
    return own


# Sessions and calls


def record_view(who: Principal, session: SessionFacts) -> RecordView | None:
    """Interviewers of the authority and auditors of the country see all of a record, coordinators its outline; none: hidden."""
    desk = _own_desk(who, session.country, session.authority) is Verdict.ALLOWED
    if desk or who.has(Role.AUDITOR, session.country):
        return RecordView.FULL
    return RecordView.OUTLINE if who.has(Role.COORDINATOR, session.country) else None


def part_in(who: Principal, session: SessionFacts) -> Part | None:
    """The part of a signed-in person in a session: the officer who booked, whoever interprets it, nobody else."""
    if session.officer_user_id == who.user_id and who.has(Role.INTERVIEWER, session.country):
        return Part.OFFICER
    if who.interpreter_id in session.interpreter_ids and who.has(Role.INTERPRETER):
        return Part.INTERPRETER
    return None


def may_join(who: Principal, session: SessionFacts) -> Verdict:
    """Whether there is a part for this person in the session."""
    if part_in(who, session) is not None:
        return Verdict.ALLOWED
    return Verdict.HIDDEN if record_view(who, session) is None else Verdict.REFUSED


def may_lead_session(who: Principal, session: SessionFacts) -> Verdict:
    """Invite guests, end the session: its officer."""
    return Verdict.ALLOWED if part_in(who, session) is Part.OFFICER else _not_leading(may_join(who, session))


def may_share_terms(who: Principal, seat: Part | str | None, country: str) -> Verdict:
    """Read and change the agreed terms from a session: whoever has the place (``seat``) of its officer or of an interpreter in it."""
    officer = seat == Part.OFFICER and who.has(Role.INTERVIEWER, country)
    interpreter = seat == Part.INTERPRETER and who.has(Role.INTERPRETER)
    return Verdict.ALLOWED if officer or interpreter else Verdict.HIDDEN


def may_read_terms(who: Principal, case: CaseFacts) -> Verdict:
    """The agreed terms of a case with their history, which hint at what was said: interviewers of the authority only."""
    return may_change_case(who, case)


def may_lead_draft(who: Principal, seat: Part | str | None, country: str) -> Verdict:
    """Ask everybody for a draft transcript, stop it, decide what becomes of it: the officer in the session, nobody else."""
    shared = may_share_terms(who, seat, country)
    return Verdict.REFUSED if shared and seat != Part.OFFICER else shared


def may_read_transcript(who: Principal, session: SessionFacts) -> Verdict:
    """The text that was put into a record holds what was said: interviewers of the authority and auditors; coordinators are refused."""
    view = record_view(who, session)
    if view is None:
        return Verdict.HIDDEN
    return Verdict.ALLOWED if view is RecordView.FULL else Verdict.REFUSED


def may_room(part: Part | str, message: str, kind: str | None = None) -> Verdict:
    """Whether somebody with ``part`` may send the room message ``message`` (``kind``: of a signal). Unknown messages: refused."""
    allowed = ROOM_MESSAGES.get(message, frozenset())
    if Part(part) not in allowed or (message == "room.signal" and kind == "concern" and Part(part) is Part.OFFICER):
        return Verdict.REFUSED
    return Verdict.ALLOWED


_EVERYBODY = frozenset(Part)
_TALKING = _EVERYBODY - {Part.LISTENER}
ROOM_MESSAGES: dict[str, frozenset[Part]] = {
    "media.start": _EVERYBODY,
    "media.answer": _EVERYBODY,
    "media.candidate": _EVERYBODY,
    "media.set": _EVERYBODY,
    "room.leave": _EVERYBODY,
    "room.signal": _TALKING,
    "room.pause": frozenset({Part.OFFICER, Part.INTERPRETER}),
    "room.resume": frozenset({Part.OFFICER, Part.INTERPRETER}),
    "room.got_it": frozenset({Part.OFFICER, Part.INTERPRETER}),
    "room.end": frozenset({Part.OFFICER}),
    "room.language": frozenset({Part.INTERPRETER}),
    "room.recuse": frozenset({Part.INTERPRETER}),
    "room.phone": frozenset({Part.OFFICER, Part.INTERPRETER}),
    "room.sound_only": frozenset({Part.OFFICER, Part.INTERPRETER}),
    "room.agree": frozenset({Part.OFFICER, Part.APPLICANT}),
    "room.go_on": frozenset({Part.OFFICER}),
    "room.opening": _TALKING,
    "room.speech": _TALKING,
    "room.number": frozenset({Part.OFFICER, Part.INTERPRETER, Part.APPLICANT}),
    "room.number_clear": _TALKING,
}
"""Who may send which room message. A ``concern`` goes to the officer, so the officer has none to send."""

CONNECTION_MESSAGES = frozenset({"hello", "ping", "follow", "unfollow"})
"""Messages that belong to the connection itself; ``follow`` is decided by ``may_follow_topic``."""


def may_follow_topic(who: Principal | None, topic: TopicFacts) -> Verdict:
    """Own news, granted rooms, readable bookings, the board one coordinates; interpreters: shifts. Guests: their room only."""
    if topic.kind == "room":
        return Verdict.ALLOWED if topic.admitted else Verdict.HIDDEN
    if who is None:
        return Verdict.HIDDEN
    if topic.kind == "user":
        return Verdict.ALLOWED if topic.key == who.user_id else Verdict.HIDDEN
    if topic.kind == "booking":
        return Verdict.HIDDEN if topic.booking is None else may_read_booking(who, topic.booking)
    if topic.kind == "board" and topic.key in Country.__members__:
        return may_see_board(who, topic.key)
    if topic.kind == "shifts" and topic.key in Country.__members__:
        return Verdict.ALLOWED if who.has(Role.INTERPRETER) else Verdict.REFUSED
    return Verdict.HIDDEN


# Bookings


def may_read_booking(who: Principal, booking: BookingFacts) -> Verdict:
    """Interviewers of the authority, coordinators of the country."""
    return may_read_case(who, CaseFacts(booking.country, booking.authority))


def may_steer_booking(who: Principal, booking: BookingFacts) -> Verdict:
    """Call back, replace an interpreter: interviewers of the authority."""
    return may_change_case(who, CaseFacts(booking.country, booking.authority))


def may_cancel_booking(who: Principal, booking: BookingFacts) -> Verdict:
    """Interviewers of the authority, coordinators of the country."""
    return may_read_booking(who, booking)


def may_dispatch_booking(who: Principal, booking: BookingFacts) -> Verdict:
    """See candidates with their reasons, widen the search, place by hand: coordinators of the country."""
    if who.has(Role.COORDINATOR, booking.country):
        return Verdict.ALLOWED
    return Verdict.REFUSED if may_read_booking(who, booking) is Verdict.ALLOWED else Verdict.HIDDEN


# Group briefings


def may_start_briefing(who: Principal, country: str, authority: str) -> Verdict:
    """Tell groups something from a desk of ``authority``: its interviewers, coordinators of the country."""
    return may_see_briefing(who, BriefingFacts(country, authority, ""))


def may_see_briefing(who: Principal, briefing: BriefingFacts) -> Verdict:
    """Interviewers of the authority, coordinators of the country."""
    return may_read_case(who, CaseFacts(briefing.country, briefing.authority))


def may_steer_briefing(who: Principal, briefing: BriefingFacts) -> Verdict:
    """Add posts, make links, give the word, end it: who leads it, and coordinators of the country."""
    seen = may_see_briefing(who, briefing)
    if not seen or who.user_id == briefing.led_by or who.has(Role.COORDINATOR, briefing.country):
        return seen
    return Verdict.REFUSED


# Interpreters


def may_answer_for(who: Principal, interpreter_id: str) -> Verdict:
    """Answer an offer or give back an assignment: the interpreter it was made to, from any country."""
    own = who.has(Role.INTERPRETER) and who.interpreter_id is not None and who.interpreter_id == interpreter_id
    return Verdict.ALLOWED if own else Verdict.HIDDEN


def may_read_interpreter(who: Principal) -> Verdict:
    """The pool is regional: coordinators of either country see all of it."""
    return Verdict.ALLOWED if who.has(Role.COORDINATOR) else Verdict.REFUSED


def may_change_interpreter(who: Principal, base_country: str) -> Verdict:
    """Profiles are kept by the coordinators of the country where the interpreter works."""
    known = base_country in Country.__members__
    return Verdict.ALLOWED if known and who.has(Role.COORDINATOR, base_country) else Verdict.REFUSED


# Quality and pay


def may_complain(who: Principal, part: Part | None, country: str | None = None) -> Verdict:
    """Rate or complain about a session: its officer, each of its interpreters; complain only (``country`` given): its coordinators too."""
    if part in (Part.OFFICER, Part.INTERPRETER):
        return Verdict.ALLOWED
    return Verdict.ALLOWED if country is not None and who.has(Role.COORDINATOR, country) else Verdict.HIDDEN


def may_confirm_line(who: Principal, interpreter_id: str, officer_user_id: str | None, country: str) -> Verdict:
    """Say how many minutes it was: the interpreter, the officer who had booked; for on-call time (R-6) a coordinator who pays."""
    works = who.has(Role.INTERPRETER) and who.interpreter_id == interpreter_id
    booked = who.has(Role.INTERVIEWER) and who.user_id == officer_user_id
    pays = who.has(Role.COORDINATOR, country) and officer_user_id is None
    return Verdict.ALLOWED if works or booked or pays else Verdict.HIDDEN


# Coordination, administration, audit


def may_correct_holidays(who: Principal, country: str) -> Verdict:
    """The holidays of a country are kept by its coordinators."""
    return Verdict.ALLOWED if who.has(Role.COORDINATOR, country) else Verdict.REFUSED


def may_see_board(who: Principal, country: str) -> Verdict:
    """The live board of a country: its coordinators."""
    return Verdict.ALLOWED if who.has(Role.COORDINATOR, country) else Verdict.REFUSED


def may_keep_ladder(who: Principal, country: str) -> Verdict:
    """See and change the ring of a country (M-11): its coordinators and administrators."""
    keeps = who.has(Role.COORDINATOR, country) or who.has(Role.ADMINISTRATOR, country)
    return Verdict.ALLOWED if keeps else Verdict.REFUSED


def may_switch_speech(who: Principal, country: str) -> Verdict:
    """Allow or forbid draft transcripts in a country or at a step: its coordinators and administrators."""
    return may_keep_ladder(who, country)


def may_plan_for(who: Principal, country: str) -> Verdict:
    """See demand, cover and surge of a country, steer surge, run what-if plans, plan appointments: its coordinators."""
    return may_see_board(who, country)


def may_manage_instrument(who: Principal, from_country: str) -> Verdict:
    """A gate is opened and closed by administrators of the country whose cases it lets out."""
    return Verdict.ALLOWED if who.has(Role.ADMINISTRATOR, from_country) else Verdict.REFUSED


def may_manage_user(who: Principal, countries: Iterable[Country]) -> Verdict:
    """Administrators manage accounts all of whose roles are in their own countries; they see those with some of them there."""
    held, own = frozenset(countries), who.countries_as(Role.ADMINISTRATOR)
    if held <= own:
        return Verdict.ALLOWED
    return Verdict.REFUSED if held & own else Verdict.HIDDEN


def may_grant(who: Principal, memberships: Iterable[Membership]) -> Verdict:
    """Roles can be given in one's own countries only."""
    own = who.countries_as(Role.ADMINISTRATOR)
    return Verdict.ALLOWED if all(m.country in own for m in memberships) else Verdict.REFUSED


def may_read_audit(who: Principal, country: str) -> Verdict:
    """Auditors of the country."""
    return Verdict.ALLOWED if who.has(Role.AUDITOR, country) else Verdict.REFUSED


def _own_desk(who: Principal, country: str, authority: str) -> Verdict:
    """An interviewer in the country, at a desk of this authority; for others the thing does not exist."""
    return Verdict.ALLOWED if who.has(Role.INTERVIEWER, country) and who.authority == authority else Verdict.HIDDEN


def _not_leading(verdict: Verdict) -> Verdict:
    return Verdict.REFUSED if verdict is Verdict.ALLOWED else verdict
