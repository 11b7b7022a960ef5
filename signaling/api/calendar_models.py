"""Request and response models of calendars."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr

from signaling.api.shapes import EARLIEST, LATEST, Country, DayIn, In, Instant, Names, Out

Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


def _of_our_time(text: str) -> str:
    if not EARLIEST.year <= int(text[:4]) < LATEST.year:
        raise ValueError("out of this time")
    return text


LocalMoment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$"), AfterValidator(_of_our_time)]
"""A time on the wall of the interpreter's own zone."""
SpanWord = Literal["desk", "on_call"]
Means = Annotated[list[Literal["app", "sms", "phone"]], Field(max_length=3)]
ReportIn = Annotated[int, Field(ge=5, le=1440)]
AbsenceWord = Literal["holiday", "sick", "training", "family", "other"]
EnteredWord = Literal["planned", "training", "unexpected"]
HolidayState = Literal["estimated", "confirmed", "removed"]


class RuleBody(In):
    """One span of the week."""

    kind: SpanWord
    weekday: Annotated[int, Field(ge=0, le=6)]
    from_time: Clock
    to_time: Clock
    report_in_min: ReportIn | None = None
    reachable_by: Means = Field(default_factory=list)


class WeekBody(In):
    """The weekly hours from a day on."""

    version: Annotated[int, Field(ge=0)]
    valid_from: DayIn | None = None
    skip_holidays: bool = False
    rules: Annotated[list[RuleBody], Field(max_length=42)]


class ExceptionBody(In):
    """A day that differs."""

    kind: Literal["extra", "removed", "changed"]
    span_kind: SpanWord = "desk"
    on_day: DayIn
    replaces: Clock | None = None
    to_day: DayIn | None = None
    from_time: Clock | None = None
    to_time: Clock | None = None


class AbsenceBody(In):
    """An absence; its end is excluded."""

    starts_local: LocalMoment
    ends_local: LocalMoment
    kind: AbsenceWord
    reason: Annotated[str | None, Field(max_length=300)] = None


class EnterAbsenceBody(In):
    """The absence of somebody else; its end is excluded. Whether it was foreseen, and nothing of health or family."""

    starts_local: LocalMoment
    ends_local: LocalMoment
    kind: EnteredWord


class WindowBody(In):
    """On call once; its end is excluded."""

    starts_local: LocalMoment
    ends_local: LocalMoment
    report_in_min: ReportIn = 60
    reachable_by: Means = Field(default_factory=lambda: ["app", "sms"])  # type: ignore[arg-type]


class ImportBody(In):
    """Another calendar of the same person."""

    kind: Literal["ics", "caldav"]
    url: Annotated[SecretStr, Field(min_length=1, max_length=1000)]
    username: Annotated[str, Field(max_length=200)] = ""
    password: SecretStr = SecretStr("")


class HolidayBody(In):
    """What is known of one day."""

    state: HolidayState
    name: Annotated[str, Field(max_length=80)] = ""


class RuleOut(Out):
    """One span of the week."""

    kind: SpanWord
    weekday: int
    from_time: str
    to_time: str
    valid_from: date
    valid_to: date | None
    skip_holidays: bool
    report_in_min: int | None
    reachable_by: list[str]


class ExceptionOut(Out):
    """A day that differs."""

    id: str
    kind: Literal["extra", "removed", "changed"]
    span_kind: SpanWord
    on_day: date
    replaces: str | None
    to_day: date | None
    from_time: str | None
    to_time: str | None


class AbsenceOut(Out):
    """An absence, with what only the person and their coordinators may know."""

    id: str
    starts_local: str
    ends_local: str
    kind: AbsenceWord | EnteredWord
    reason: str | None
    entered_by: str | None
    """Code of the coordinator who entered it; null: the person did."""
    made_at: Instant


class ClashOut(Out):
    """Work that lies in an absence."""

    booking_id: str
    case_ref: str
    country: Country
    language: str
    starts_at: Instant
    ends_at: Instant
    agreed: bool
    soon: bool
    """Too soon for a proposal: somebody has to be placed by hand."""


class EffectOut(Out):
    """What an absence would lead to."""

    clashes: list[ClashOut]
    elsewhere: int
    """Work of countries that the asker does not coordinate."""


class AbsenceMade(Out):
    """What was entered, and the repairs that are proposed now."""

    id: str
    effect: EffectOut
    plans: list[str]


class AbsenceList(Out):
    """Absences of one interpreter."""

    items: list[AbsenceOut]


class WindowOut(Out):
    """On call once."""

    id: str
    starts_local: str
    ends_local: str
    report_in_min: int
    reachable_by: list[str]


class ImportOut(Out):
    """A connected calendar; its address is not told again."""

    id: str
    kind: Literal["ics", "caldav"]
    host: str
    result: str
    busy_count: int
    read_at: Instant | None


class ImportResult(Out):
    """What reading it now gave."""

    result: str


class Calendar(Out):
    """Everything that can be changed."""

    version: int
    zone: str
    today: date
    rules: list[RuleOut]
    exceptions: list[ExceptionOut]
    absences: list[AbsenceOut]
    windows: list[WindowOut]
    imports: list[ImportOut]
    feed_made_at: Instant | None


class WeekOut(Out):
    """The calendar after the change."""

    version: int


class EnteredOut(Out):
    """What was entered, and how many agreed bookings lie in its time."""

    id: str
    clashes: int


class FeedLink(Out):
    """The private address: told once."""

    url: str


class HolidayOut(Out):
    """One holiday."""

    day: date
    names: Names
    state: HolidayState
    corrected: bool
    """Whether a coordinator has entered it."""


class HolidayList(Out):
    """Holidays of one country and year."""

    country: Country
    year: int
    categories: list[str]
    items: list[HolidayOut]


class PieceOut(Out):
    """Something on one local day."""

    kind: Literal["desk", "on_call", "leave", "busy", "booking"]
    starts_at: Instant
    ends_at: Instant
    from_time: str
    to_time: str
    minutes: int
    state: Literal["confirmed", "held", "done"] | None
    report_in_min: int | None


class DayOut(Out):
    """One local day."""

    day: date
    in_month: bool
    holiday: HolidayOut | None
    stated: bool
    pieces: list[PieceOut]


class MonthOut(Out):
    """Whole weeks that hold a month."""

    month: str
    zone: str
    today: date
    known_until: date
    days: list[DayOut]
    desk_minutes: int
    on_call_minutes: int
    booked_minutes: int
