"""The register of doors: for every route who may knock at all, and which limit and protection it has.

What happens to the single thing behind the door is decided by ``signaling.policy`` inside the route. A route that is not
listed here cannot be built: ``signaling.api.routing`` refuses it when the module is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.access import Role


class Entry(StrEnum):
    """What a door asks for."""

    ANYONE = "anyone"
    SIGNED_IN = "signed_in"
    ROLES = "roles"
    """Signed in, with one of the roles in any country; the country of the thing is the policy's question."""
    TOKEN = "token"  # noqa: S105
    """A one-time secret in the body or path takes the place of a sign-in."""
    SIGNED = "signed"
    """A foreign server: its signature takes the place of a sign-in, and is checked by the route before anything else."""
    OPERATIONS = "operations"
    """Health and numbers for the operator; holds no personal data."""


class Limit(StrEnum):
    """Which rate limit applies."""

    NORMAL = "normal"
    SIGN_IN = "sign_in"
    """Guessing passwords or tokens is slow work."""
    NONE = "none"


@dataclass(frozen=True)
class Door:
    """What a route asks for before anything else happens, even before its body is read."""

    entry: Entry
    roles: frozenset[Role] = frozenset()
    limit: Limit = Limit.NORMAL
    csrf: bool = True
    """Unsafe methods need the CSRF value; doors that take no cookie cannot ask for it."""


def _for(*roles: Role) -> Door:
    return Door(Entry.ROLES, frozenset(roles))


_ANYONE = Door(Entry.ANYONE)
_SIGNED_IN = Door(Entry.SIGNED_IN)
_CARRIER = Door(Entry.SIGNED, limit=Limit.NONE, csrf=False)
_OPERATIONS = Door(Entry.OPERATIONS, limit=Limit.NONE)
_DESK = _for(Role.INTERVIEWER)
_DESK_OR_COORDINATION = _for(Role.INTERVIEWER, Role.COORDINATOR)
_COORDINATION = _for(Role.COORDINATOR)
_INTERPRETING = _for(Role.INTERPRETER)
_ADMINISTRATION = _for(Role.ADMINISTRATOR)
_AUDITING = _for(Role.AUDITOR)

DOORS: dict[tuple[str, str], Door] = {
    ("GET", "/livez"): _OPERATIONS,
    ("GET", "/readyz"): _OPERATIONS,
    ("GET", "/metrics"): _OPERATIONS,
    ("GET", "/api/openapi.json"): _ANYONE,
    ("GET", "/api/config"): _ANYONE,
    ("POST", "/api/sign-in"): Door(Entry.ANYONE, limit=Limit.SIGN_IN, csrf=False),
    ("POST", "/api/sign-out"): _SIGNED_IN,
    ("GET", "/api/me"): _SIGNED_IN,
    ("PATCH", "/api/me"): _SIGNED_IN,
    ("GET", "/demo/sign-in/{ticket}"): Door(Entry.TOKEN, limit=Limit.SIGN_IN),
    ("POST", "/api/socket-ticket"): _SIGNED_IN,
    ("GET", "/api/catalogue"): _SIGNED_IN,
    ("GET", "/api/cases"): _DESK_OR_COORDINATION,
    ("POST", "/api/cases"): _DESK,
    ("GET", "/api/cases/{case_id}"): _DESK_OR_COORDINATION,
    ("PATCH", "/api/cases/{case_id}"): _DESK,
    ("POST", "/api/cases/{case_id}/steps"): _DESK,
    ("POST", "/api/cases/{case_id}/steps/{step_id}/drop"): _DESK,
    ("POST", "/api/cases/{case_id}/steps/{step_id}/postpone"): _DESK,
    ("POST", "/api/cases/{case_id}/steps/{step_id}/held"): _DESK,
    ("POST", "/api/cases/{case_id}/confirm"): _DESK,
    ("POST", "/api/cases/{case_id}/link"): _DESK,
    ("POST", "/api/cases/{case_id}/close"): _DESK,
    ("GET", "/api/cases/{case_id}/steps/{step_id}/outlook"): _DESK,
    ("POST", "/api/cases/{case_id}/wish-changes"): _DESK,
    ("GET", "/api/wish-changes"): _COORDINATION,
    ("POST", "/api/wish-changes/{change_id}/decide"): _COORDINATION,
    ("POST", "/api/wish-changes/{change_id}/withdraw"): _DESK,
    ("POST", "/api/bookings/{booking_id}/police"): _COORDINATION,
    ("GET", "/api/referrals"): _DESK_OR_COORDINATION,
    ("POST", "/api/referrals/{referral_id}/close"): _DESK,
    ("GET", "/api/cases/{case_id}/language"): _DESK_OR_COORDINATION,
    ("POST", "/api/cases/{case_id}/language"): _DESK,
    ("POST", "/api/cases/{case_id}/language/finder"): _DESK,
    ("POST", "/api/cases/{case_id}/aids"): _DESK,
    ("GET", "/api/sessions/{session_id}/draft"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/draft/ask"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/draft/beside"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/draft/note"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/draft/stop"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/draft/keep"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("PUT", "/api/sessions/{session_id}/draft/lines/{line_id}"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("GET", "/api/sessions/{session_id}/transcript"): _for(Role.INTERVIEWER, Role.COORDINATOR, Role.AUDITOR),
    ("GET", "/api/speech/settings"): _for(Role.COORDINATOR, Role.ADMINISTRATOR),
    ("PUT", "/api/speech/settings/{country}"): _for(Role.COORDINATOR, Role.ADMINISTRATOR),
    ("PUT", "/api/speech/settings/{country}/steps/{step_code}"): _for(Role.COORDINATOR, Role.ADMINISTRATOR),
    ("GET", "/api/desk/helper"): _DESK,
    ("POST", "/api/desk/listen"): _DESK,
    ("GET", "/api/glossary"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("GET", "/api/cases/{case_id}/terms"): _DESK_OR_COORDINATION,
    ("GET", "/api/sessions/{session_id}/terms"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/terms"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/terms/{term_id}/{move}"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("GET", "/api/sessions/{session_id}"): _for(Role.INTERVIEWER, Role.COORDINATOR, Role.AUDITOR),
    ("POST", "/api/bookings"): _DESK,
    ("GET", "/api/bookings"): _DESK_OR_COORDINATION,
    ("GET", "/api/bookings/{booking_id}"): _DESK_OR_COORDINATION,
    ("POST", "/api/bookings/{booking_id}/cancel"): _DESK_OR_COORDINATION,
    ("POST", "/api/bookings/{booking_id}/callback"): _DESK,
    ("POST", "/api/bookings/{booking_id}/replace"): _DESK,
    ("GET", "/api/bookings/{booking_id}/candidates"): _COORDINATION,
    ("POST", "/api/bookings/{booking_id}/widen"): _COORDINATION,
    ("POST", "/api/bookings/{booking_id}/place"): _COORDINATION,
    ("GET", "/api/slots"): _DESK,
    ("POST", "/api/holds"): _DESK,
    ("POST", "/api/bookings/{booking_id}/confirm"): _DESK,
    ("POST", "/api/bookings/{booking_id}/reschedule"): _DESK,
    ("POST", "/api/bookings/{booking_id}/reschedule/withdraw"): _DESK,
    ("GET", "/api/bookings/{booking_id}/notice"): _DESK_OR_COORDINATION,
    ("POST", "/api/bookings/{booking_id}/relay"): _DESK,
    ("POST", "/api/bookings/{booking_id}/relay/decide"): _COORDINATION,
    ("POST", "/api/series"): _DESK,
    ("GET", "/api/series/{series_id}"): _DESK,
    ("GET", "/api/series/{series_id}/ahead"): _DESK,
    ("POST", "/api/series/{series_id}/cancel"): _DESK,
    ("GET", "/api/interpreter/home"): _INTERPRETING,
    ("PUT", "/api/interpreter/presence"): _INTERPRETING,
    ("POST", "/api/interpreter/devices"): _INTERPRETING,
    ("POST", "/api/offers/{offer_id}/accept"): _INTERPRETING,
    ("POST", "/api/offers/{offer_id}/decline"): _INTERPRETING,
    ("GET", "/api/interpreter/assignments"): _INTERPRETING,
    ("POST", "/api/assignments/{assignment_id}/release"): _INTERPRETING,
    ("POST", "/api/sessions/{session_id}/join"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/invite"): _DESK,
    ("POST", "/api/guest/join"): Door(Entry.TOKEN, limit=Limit.SIGN_IN, csrf=False),
    ("POST", "/api/sessions/{session_id}/end"): _DESK,
    ("POST", "/api/precheck"): _SIGNED_IN,
    ("GET", "/api/briefings"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings"): _DESK_OR_COORDINATION,
    ("GET", "/api/briefings/{briefing_id}"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings/{briefing_id}/posts"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings/{briefing_id}/posts/{post_id}/link"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings/{briefing_id}/word"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings/{briefing_id}/join"): _DESK_OR_COORDINATION,
    ("POST", "/api/briefings/{briefing_id}/end"): _DESK_OR_COORDINATION,
    ("POST", "/api/listen"): Door(Entry.TOKEN, csrf=False),
    ("POST", "/api/listen/told"): Door(Entry.TOKEN, csrf=False),
    ("POST", "/api/listen/ask"): Door(Entry.TOKEN, csrf=False),
    ("GET", "/api/board"): _COORDINATION,
    ("GET", "/api/demand/cover"): _COORDINATION,
    ("GET", "/api/demand/fill"): _COORDINATION,
    ("GET", "/api/surge"): _COORDINATION,
    ("POST", "/api/surge"): _COORDINATION,
    ("GET", "/api/surge/scenarios"): _COORDINATION,
    ("GET", "/api/surge/plans"): _COORDINATION,
    ("POST", "/api/surge/plans"): _COORDINATION,
    ("GET", "/api/surge/plans/{run_id}"): _COORDINATION,
    ("POST", "/api/surge/plans/{run_id}/cancel"): _COORDINATION,
    ("GET", "/api/bookings/{booking_id}/on-call"): _COORDINATION,
    ("POST", "/api/bookings/{booking_id}/call-in"): _COORDINATION,
    ("GET", "/api/plans"): _COORDINATION,
    ("POST", "/api/plans"): _COORDINATION,
    ("POST", "/api/plans/repairs"): _COORDINATION,
    ("GET", "/api/plans/{plan_id}"): _COORDINATION,
    ("POST", "/api/plans/{plan_id}/stop"): _COORDINATION,
    ("POST", "/api/plans/{plan_id}/reject"): _COORDINATION,
    ("POST", "/api/plans/{plan_id}/pins"): _COORDINATION,
    ("GET", "/api/plans/{plan_id}/people"): _COORDINATION,
    ("POST", "/api/plans/{plan_id}/choices"): _COORDINATION,
    ("POST", "/api/plans/{plan_id}/approve"): _COORDINATION,
    ("GET", "/api/bookings/{booking_id}/why-not/{interpreter_id}"): _COORDINATION,
    ("GET", "/api/push"): _INTERPRETING,
    ("POST", "/api/push/subscriptions"): _INTERPRETING,
    ("POST", "/api/push/forget"): _INTERPRETING,
    ("GET", "/api/interpreter/turns"): _INTERPRETING,
    ("GET", "/api/ring/ladders/{country}"): _for(Role.COORDINATOR, Role.ADMINISTRATOR),
    ("PUT", "/api/ring/ladders/{country}"): _for(Role.COORDINATOR, Role.ADMINISTRATOR),
    ("GET", "/api/ring/targets/{interpreter_id}"): _COORDINATION,
    ("PUT", "/api/ring/targets/{interpreter_id}"): _COORDINATION,
    ("GET", "/api/interpreters"): _COORDINATION,
    ("POST", "/api/interpreters"): _COORDINATION,
    ("GET", "/api/interpreters/{interpreter_id}"): _COORDINATION,
    ("PATCH", "/api/interpreters/{interpreter_id}"): _COORDINATION,
    ("GET", "/api/rosters"): _COORDINATION,
    ("POST", "/api/rosters"): _COORDINATION,
    ("GET", "/api/rosters/{roster_id}"): _COORDINATION,
    ("GET", "/api/rosters/{roster_id}/versions"): _COORDINATION,
    ("GET", "/api/rosters/{roster_id}/diff"): _COORDINATION,
    ("GET", "/api/rosters/{roster_id}/why"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/cells"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/pins"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/refresh"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/search"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/stop"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/publish"): _COORDINATION,
    ("POST", "/api/rosters/{roster_id}/drop"): _COORDINATION,
    ("GET", "/api/swaps"): _COORDINATION,
    ("POST", "/api/swaps/{swap_id}/decide"): _COORDINATION,
    ("GET", "/api/interpreter/shifts"): _INTERPRETING,
    ("PUT", "/api/interpreter/wishes"): _INTERPRETING,
    ("GET", "/api/interpreter/times"): _INTERPRETING,
    ("POST", "/api/interpreter/times/{proposal_id}/answer"): _INTERPRETING,
    ("POST", "/api/shifts/{shift_id}/offer"): _INTERPRETING,
    ("POST", "/api/swaps/{swap_id}/take"): _INTERPRETING,
    ("POST", "/api/swaps/{swap_id}/withdraw"): _INTERPRETING,
    ("POST", "/api/pool/applications"): _COORDINATION,
    ("GET", "/api/pool/watch"): _COORDINATION,
    ("GET", "/api/pool/members/{interpreter_id}"): _COORDINATION,
    ("POST", "/api/pool/members/{interpreter_id}/move"): _COORDINATION,
    ("POST", "/api/pool/members/{interpreter_id}/papers"): _COORDINATION,
    ("POST", "/api/pool/members/{interpreter_id}/pair-tests"): _COORDINATION,
    ("POST", "/api/pool/members/{interpreter_id}/trainings"): _COORDINATION,
    ("POST", "/api/pool/members/{interpreter_id}/level"): _COORDINATION,
    ("POST", "/api/pool/talks/{talk_id}/held"): _COORDINATION,
    ("GET", "/api/quality"): _COORDINATION,
    ("POST", "/api/quality/reviews"): _COORDINATION,
    ("POST", "/api/quality/reviews/{review_id}/result"): _COORDINATION,
    ("POST", "/api/complaints"): _for(Role.INTERVIEWER, Role.INTERPRETER, Role.COORDINATOR),
    ("POST", "/api/complaints/{complaint_id}/move"): _COORDINATION,
    ("GET", "/api/cases/{case_id}/advice"): _DESK_OR_COORDINATION,
    ("GET", "/api/sessions/{session_id}/rating"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/rating"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/guest/rating"): Door(Entry.TOKEN, limit=Limit.SIGN_IN, csrf=False),
    ("GET", "/api/interpreter/quality"): _INTERPRETING,
    ("GET", "/api/interpreter/papers"): _INTERPRETING,
    ("POST", "/api/interpreter/reviews/{review_id}/read"): _INTERPRETING,
    ("POST", "/api/interpreter/talks/{talk_id}"): _INTERPRETING,
    ("GET", "/api/interpreter/minutes"): _INTERPRETING,
    ("GET", "/api/minutes"): _DESK,
    ("POST", "/api/minutes/{line_id}/confirm"): _for(Role.INTERVIEWER, Role.INTERPRETER, Role.COORDINATOR),
    ("GET", "/api/pay"): _COORDINATION,
    ("POST", "/api/pay/lines/{line_id}/settle"): _COORDINATION,
    ("POST", "/api/pay/rates"): _COORDINATION,
    ("POST", "/api/pay/export"): _COORDINATION,
    ("GET", "/api/pay/batches/{batch}"): _COORDINATION,
    ("POST", "/api/pay/batches/{batch}/paid"): _COORDINATION,
    ("GET", "/api/calendar/month"): _INTERPRETING,
    ("GET", "/api/calendar"): _INTERPRETING,
    ("PUT", "/api/calendar/week"): _INTERPRETING,
    ("POST", "/api/calendar/exceptions"): _INTERPRETING,
    ("POST", "/api/calendar/absences"): _INTERPRETING,
    ("POST", "/api/calendar/windows"): _INTERPRETING,
    ("POST", "/api/calendar/entries/{kind}/{entry_id}/remove"): _INTERPRETING,
    ("POST", "/api/calendar/imports"): _INTERPRETING,
    ("POST", "/api/calendar/imports/{import_id}/read"): _INTERPRETING,
    ("POST", "/api/calendar/imports/{import_id}/remove"): _INTERPRETING,
    ("POST", "/api/calendar/feed"): _INTERPRETING,
    ("POST", "/api/calendar/feed/remove"): _INTERPRETING,
    ("GET", "/feeds/{token}.ics"): Door(Entry.TOKEN),
    ("GET", "/api/interpreters/{interpreter_id}/month"): _COORDINATION,
    ("GET", "/api/interpreters/{interpreter_id}/absences"): _COORDINATION,
    ("POST", "/api/interpreters/{interpreter_id}/absences"): _COORDINATION,
    ("POST", "/api/interpreters/{interpreter_id}/absences/effect"): _COORDINATION,
    ("POST", "/api/interpreters/{interpreter_id}/absences/{entry_id}/remove"): _COORDINATION,
    ("GET", "/api/holidays"): _SIGNED_IN,
    ("PUT", "/api/holidays/{country}/{day}"): _COORDINATION,
    ("POST", "/api/holidays/{country}/{day}/reset"): _COORDINATION,
    ("GET", "/api/telephony/status"): _COORDINATION,
    ("GET", "/api/telephony/now"): _COORDINATION,
    ("GET", "/api/interpreters/{interpreter_id}/phone"): _COORDINATION,
    ("PUT", "/api/interpreters/{interpreter_id}/phone"): _COORDINATION,
    ("POST", "/api/interpreters/{interpreter_id}/phone/confirm"): _COORDINATION,
    ("POST", "/api/interpreters/{interpreter_id}/phone/forget"): _COORDINATION,
    ("GET", "/api/me/phone"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("PUT", "/api/me/phone"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/me/phone/confirm"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/me/phone/forget"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("GET", "/api/sessions/{session_id}/dial-in"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/api/sessions/{session_id}/dial-in"): _for(Role.INTERVIEWER, Role.INTERPRETER),
    ("POST", "/telephony/legs/{leg_id}/lifted"): _CARRIER,
    ("POST", "/telephony/legs/{leg_id}/keys"): _CARRIER,
    ("POST", "/telephony/legs/{leg_id}/waited"): _CARRIER,
    ("POST", "/telephony/legs/{leg_id}/status"): _CARRIER,
    ("POST", "/telephony/legs/{leg_id}/lost"): _CARRIER,
    ("POST", "/telephony/legs/{leg_id}/stream"): _CARRIER,
    ("POST", "/telephony/lost"): _CARRIER,
    ("POST", "/telephony/waited"): _CARRIER,
    ("POST", "/telephony/dial-in"): _CARRIER,
    ("POST", "/telephony/status"): _CARRIER,
    ("GET", "/telephony/voice/{locale}/{prompt}"): _ANYONE,
    ("POST", "/telephony/texts/{text_id}/status"): _CARRIER,
    ("GET", "/api/transfer-instruments"): _ADMINISTRATION,
    ("POST", "/api/transfer-instruments"): _ADMINISTRATION,
    ("POST", "/api/transfer-instruments/{instrument_id}/close"): _ADMINISTRATION,
    ("GET", "/api/users"): _ADMINISTRATION,
    ("POST", "/api/users"): _ADMINISTRATION,
    ("PATCH", "/api/users/{user_id}"): _ADMINISTRATION,
    ("GET", "/api/procedures"): _for(Role.ADMINISTRATOR, Role.COORDINATOR),
    ("GET", "/api/audit"): _AUDITING,
    ("GET", "/api/audit/export"): _AUDITING,
    ("GET", "/api/audit/logs"): _AUDITING,
    ("GET", "/api/audit/check"): _AUDITING,
}
"""Every route by method and path."""


def door(method: str, path: str) -> Door:
    """The door of a route. Raises ``LookupError`` for one that is not in the register."""
    try:
        return DOORS[method, path]
    except KeyError:
        raise LookupError(f"{method} {path} is not in signaling.doors: decide who may use it") from None
