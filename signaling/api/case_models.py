"""Shapes of cases (docs/protocol.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.access import Country
from records.lifecycle import HeldHow
from signaling.api.booking_models import BookingView
from signaling.api.shapes import Code, In, Instant, InstantIn, Language, Out, Params, Sex

LanguageSource = Literal["self_declared", "card", "officer_guess", "interpreter_confirmed"]
Literacy = Literal["can_read", "cannot", "unknown"]
AgeGroup = Literal["0-13", "14-15", "16-17", "18-64", "65+"]
Uam = Literal["no", "suspected", "confirmed"]
Track = Literal["regular", "accelerated", "border", "subsequent"]
StepStateWord = Literal["planned", "scheduled", "held", "postponed", "dropped"]
ReferralOutcome = Literal["referred", "already_known", "person_declined", "not_needed"]
Needs = Annotated[list[Code], Field(max_length=16)]


class LanguageBody(In):
    """A language as it was told."""

    code: Language
    source: LanguageSource
    region_note: Annotated[str, Field(max_length=80)] | None = None


class WishBody(In):
    """The answer to the question about the interpreter's or officer's sex (M-3)."""

    wish: Sex
    must: bool = False
    asked: bool = False


class GuardianBody(In):
    """The guardian, by staff code."""

    assigned: bool
    code: Annotated[str, Field(max_length=32)] | None = None
    arrived_at: InstantIn | None = None


class RemovalBody(In):
    """When the person is to be removed, entered twice over: with the zone in which it was meant, and confirmed."""

    at: InstantIn
    zone: Annotated[str, Field(min_length=1, max_length=40)]
    confirmed: Literal[True]


class AvoidBody(In):
    """One more whom the person asks not to have as an interpreter (M-5); with ``anew`` all that was said before is forgotten."""

    kind: Literal["interpreter", "origin"] | None = None
    value: Annotated[str, Field(max_length=24)] | None = None
    """The interpreter's code, or the country by ISO 3166-1 alpha-2."""
    anew: bool = False


class NewCaseBody(In):
    """What opens a case. There is no field for a name, a birth date, a phone number or anything that was said (domain 2.1)."""

    country: Country
    site: Code
    languages: Annotated[list[LanguageBody], Field(max_length=8)]
    literacy: Literacy = "unknown"
    age_group: AgeGroup
    uam: Uam = "no"
    interp_sex: WishBody | None = None
    officer_sex: WishBody | None = None
    needs: Needs = Field(default_factory=list)
    country_of_origin: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    track: Track = "regular"
    first_step: Code
    ext_ref: Annotated[str, Field(max_length=64)] | None = None
    emergency: bool = False


class CaseChangesBody(In):
    """What changes; ``version`` is the one that was read."""

    version: int
    languages: Annotated[list[LanguageBody], Field(max_length=8)] | None = None
    interp_sex: WishBody | None = None
    officer_sex: WishBody | None = None
    guardian: GuardianBody | None = None
    needs: Needs | None = None
    literacy: Literacy | None = None
    age_group: AgeGroup | None = None
    uam: Uam | None = None
    removal: RemovalBody | None = None
    """``null`` takes it out of the case."""
    avoid: AvoidBody | None = None
    accepted_languages: Annotated[list[Language], Field(max_length=8)] | None = None
    """All substitutes that the person said yes to when asked; an empty list: to none."""


class NewStepBody(In):
    """A step of the catalogue."""

    code: Code


class ReasonBody(In):
    """A closed reason word."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,31}$")]


class HeldBody(In):
    """How a step was held outside the system; ``version`` is the one that was read."""

    how: HeldHow
    held_at: InstantIn | None = None
    """When, if not now."""
    version: int | None = None


class LinkBody(In):
    """The case of the same person that goes on."""

    case_ref: Annotated[str, Field(min_length=4, max_length=24)]


class CaseLanguage(Out):
    """A language of the person."""

    code: str
    source: LanguageSource
    region_note: str | None
    rank: int
    confirmed_at: Instant | None


class SexWish(Out):
    """A wish about somebody's sex."""

    wish: Sex
    must: bool
    asked_at: Instant | None


class CurrentStep(Out):
    """The step that is to be done now."""

    id: str
    code: str
    state: StepStateWord


class CaseSummary(Out):
    """A case in the list."""

    id: str
    case_ref: str
    country: Country
    site: str
    state: Literal["open", "closed"]
    languages: list[CaseLanguage]
    step: CurrentStep | None
    next: Literal["start", "waiting", "held", "agreed", "in_session", "join", "none"]
    booking_id: str | None
    session_id: str | None
    opened_at: Instant
    changed_at: Instant
    emergency: bool
    link_by: Instant | None


class CasePage(Out):
    """One page of the case list."""

    items: list[CaseSummary]
    total: int
    page: int
    per: int


class SessionBrief(Out):
    """A session in the timeline."""

    id: str
    state: str
    started_at: Instant | None
    ended_at: Instant | None
    minutes: int
    interpreter_code: str | None
    outcome: str | None


class StepView(Out):
    """A step in the timeline."""

    id: str
    code: str
    state: StepStateWord
    planned_at: Instant
    held_at: Instant | None
    held_how: HeldHow | None
    """How, if it was held outside the system."""
    sessions: list[SessionBrief]


class Gate(Out):
    """A rule before the current step."""

    code: str
    state: Literal["ok", "wait", "warn", "stop"]
    params: Params
    rule: str
    action: Literal["set_language", "ask_sex", "guardian_arrived", "plan_step"] | None


class Timer(Out):
    """A legal time limit that runs; a reminder, it closes nothing."""

    id: str
    due_at: Instant
    meaning_key: str
    state: Literal["running", "due_soon", "over"]
    status: str


class Guardian(Out):
    """The guardian of an unaccompanied minor, by staff code."""

    assigned: bool
    code: str | None
    arrived_at: Instant | None


class Removal(Out):
    """When the person is to be removed."""

    at: Instant
    zone: str
    noted_at: Instant | None
    noted_by: str | None
    soon: bool
    """Within 24 h: requests for this case are P1 (M-10)."""


class Accepted(Out):
    """Substitutes that the person said yes to, and when they were asked."""

    languages: list[str]
    asked_at: Instant


class WishChange(Out):
    """A wish that must be met was asked to be changed; somebody else decides (M-3)."""

    id: str
    case_id: str
    case_ref: str
    country: Country
    field: Literal["interp_sex", "officer_sex"]
    from_wish: Sex
    to_wish: Sex
    to_must: bool
    channel: Literal["card", "interpreter"]
    interpreter_code: str | None
    reason: Literal["nobody_found", "person_changed_mind", "urgent"]
    state: Literal["asked", "approved", "refused", "withdrawn"]
    asked_at: Instant
    asked_by: str
    decided_at: Instant | None
    decided_by: str | None
    refusal: Literal["not_confirmed", "somebody_found", "ask_again", "not_urgent"] | None


class WishChangeList(Out):
    """Askings of a case, or those that wait for a coordinator."""

    items: list[WishChange]


class WishChangeBody(In):
    """The person now agrees otherwise (M-3): told by a recorded card, or through an interpreter who had a session in this case."""

    field: Literal["interp_sex", "officer_sex"] = "interp_sex"
    wish: Sex
    must: bool = False
    channel: Literal["card", "interpreter"]
    interpreter_code: Annotated[str, Field(max_length=16)] | None = None
    reason: Literal["nobody_found", "person_changed_mind", "urgent"]


class WishDecisionBody(In):
    """The coordinator's word; a refusal has a reason."""

    approve: bool
    refusal: Literal["not_confirmed", "somebody_found", "ask_again", "not_urgent"] | None = None


class PoliceBody(In):
    """The reference of the approval for interpreters of the other country (T-3); ``null`` takes it back."""

    reference: Annotated[str, Field(min_length=3, max_length=40)] | None


class Referral(Out):
    """A concern of a talk that somebody of the authority has to close (S-10); what it was about is not recorded."""

    id: str
    case_id: str
    case_ref: str
    country: Country
    raised_at: Instant
    raised_by_part: str
    due_at: Instant
    overdue: bool
    state: Literal["open", "closed"]
    outcome: ReferralOutcome | None
    closed_at: Instant | None
    closed_by: str | None


class ReferralList(Out):
    """Open tasks, those that are due first before the rest."""

    items: list[Referral]


class ReferralBody(In):
    """What became of it."""

    outcome: ReferralOutcome


class LinkedCase(Out):
    """The other case of a link."""

    id: str
    case_ref: str


class CaseDetail(CaseSummary):
    """A case in full. What a coordinator must not see is ``null``, ``needs`` is empty then."""

    version: int
    literacy: Literacy | None
    age_group: AgeGroup | None
    uam: Uam | None
    guardian: Guardian | None
    interp_sex: SexWish
    officer_sex: SexWish
    removal: Removal | None
    avoided: int
    """How many wishes to avoid somebody are recorded; which, nobody is told (M-5)."""
    accepted: Accepted | None
    acceptable: list[str]
    """Substitutes that need the person's yes before they can be offered (domain 3.7)."""
    wish_changes: list[WishChange]
    """What was asked for about wishes that must be met, the latest first."""
    referrals: list[Referral]
    """Concerns of talks, the latest first; coordinators see those whose time is over."""
    needs: list[str]
    country_of_origin: str | None
    track: Track
    ext_ref: str | None
    steps: list[StepView]
    current_step_id: str | None
    gates: list[Gate]
    locked_by: str | None
    """The gate that locks "Interpreter now"."""
    mode: Literal["open", "sealed"]
    timers: list[Timer]
    bookings: list[BookingView]
    suggested_steps: list[str]
    linked_to: LinkedCase | None
    """The case in which this one ended, when it was temporary (M-1)."""
    linked_from: list[LinkedCase]
