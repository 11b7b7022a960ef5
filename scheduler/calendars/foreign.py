"""Busy times out of a foreign calendar (RFC 5545) or a CalDAV answer (RFC 4791). Pure; titles, places and people are never kept.

Foreign data are not trusted: bounded in size, number and kind of repetition before anything is expanded.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as Xml
from zoneinfo import ZoneInfo

from scheduler.calendars.localtime import day_start, exists
from scheduler.calendars.spans import Interval, union, within

MOST_EVENTS = 5_000
MOST_SPANS = 10_000
OWN_DOMAIN = "@tarjuman"
"""End of the UIDs of our own feed: a calendar that shows our bookings again says nothing new."""
_SLOW = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_MOST_IN_A_DAY = 24
_DAV, _CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"


class ForeignError(Exception):
    """The data cannot be used; ``code`` says why: ``not_a_calendar`` or ``too_large``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def busy_times(sources: Iterable[bytes], zone: str, start: datetime, end: datetime) -> list[Interval]:
    """When the owner of these calendars is busy within ``[start, end)``. Times without a zone are taken to be in ``zone``.

    Cancelled and transparent events do not count, nor do our own. An occurrence of a rule at a local time that does not exist is
    left out (RFC 5545 3.3.10; the library underneath would invent it). Raises ``ForeignError``.
    """
    found: list[Interval] = []
    count = 0
    for source in sources:
        calendar = _parsed(source)
        events: list[Any] = list(calendar.walk("VEVENT"))
        count += len(events)
        if count > MOST_EVENTS:
            raise ForeignError("too_large")
        _check_rules(calendar)
        recurring = {str(event.get("UID")) for event in events if "RRULE" in event}
        moved = {
            (str(event.get("UID")), _wall(event["DTSTART"].dt))
            for event in events
            if "RECURRENCE-ID" in event and "DTSTART" in event
        }
        for event in _expanded(calendar, start, end):
            if not _counts(event):
                continue
            begins = event.start
            uid = str(event.get("UID"))
            by_rule = uid in recurring and (uid, _wall(begins)) not in moved
            if by_rule and _is_skipped(begins, zone):
                continue
            interval = Interval.of(_instant(begins, zone), _instant(event.end, zone))
            if interval is not None:
                found.append(interval)
                if len(found) > MOST_SPANS:
                    raise ForeignError("too_large")
    return within(union(found), start, end)


def calendar_query(start: datetime, end: datetime) -> bytes:
    """The body of a REPORT calendar-query for events in a span (RFC 4791 7.8)."""
    form = "%Y%m%dT%H%M%SZ"
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
        "<D:prop><C:calendar-data/></D:prop>"
        '<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">'
        f'<C:time-range start="{start.astimezone(UTC).strftime(form)}" end="{end.astimezone(UTC).strftime(form)}"/>'
        "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>"
    ).encode()


def calendars_in(answer: bytes) -> list[bytes]:
    """The calendars in a multistatus answer (RFC 4918 13). Raises ``ForeignError('not_a_calendar')``."""
    if b"<!DOCTYPE" in answer or b"<!ENTITY" in answer:
        raise ForeignError("not_a_calendar")
    try:
        root = Xml.fromstring(answer)  # noqa: S314 - no document type, so no entities; the size is bounded
    except Xml.ParseError:
        raise ForeignError("not_a_calendar") from None
    if root.tag != f"{_DAV}multistatus":
        raise ForeignError("not_a_calendar")
    return [(found.text or "").encode() for found in root.iter(f"{_CALDAV}calendar-data") if found.text]


def _parsed(source: bytes) -> Any:
    from icalendar import Calendar  # When a calendar is read, not with each start of a process.

    try:
        calendar = Calendar.from_ical(source)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError):
        raise ForeignError("not_a_calendar") from None
    if calendar.name != "VCALENDAR":
        raise ForeignError("not_a_calendar")
    return calendar


def _check_rules(calendar: Any) -> None:
    """Refuse what would expand to more than anybody's day holds."""
    for part in calendar.walk():
        for rule in _listed(part.get("RRULE")):
            frequency = {str(one).upper() for one in _listed(rule.get("FREQ"))}
            if part.name == "VEVENT" and not frequency <= _SLOW:
                raise ForeignError("too_large")
            times = 1
            for name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
                times *= max(1, len(_listed(rule.get(name))))
            if times > _MOST_IN_A_DAY:
                raise ForeignError("too_large")
        if sum(len(getattr(one, "dts", ())) for one in _listed(part.get("RDATE"))) > MOST_EVENTS:
            raise ForeignError("too_large")


def _expanded(calendar: Any, start: datetime, end: datetime) -> list[Any]:
    import recurring_ical_events

    try:
        return list(recurring_ical_events.of(calendar).between(start, end + timedelta(days=1)))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError, OverflowError):
        raise ForeignError("not_a_calendar") from None


def _counts(event: Any) -> bool:
    if str(event.get("UID", "")).endswith(OWN_DOMAIN):
        return False
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return False
    return str(event.get("TRANSP", "OPAQUE")).upper() != "TRANSPARENT"


def _instant(moment: date | datetime, zone: str) -> datetime:
    """A single local time that is jumped over means the offset before the jump (RFC 5545 3.3.5): what Python does too."""
    if not isinstance(moment, datetime):
        return day_start(moment, zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return moment.astimezone(UTC)


def _is_skipped(moment: date | datetime, zone: str) -> bool:
    if not isinstance(moment, datetime):
        return False
    if moment.tzinfo is None:
        return not exists(moment.replace(fold=0), zone)
    there = moment.astimezone(UTC).astimezone(moment.tzinfo)
    return there.replace(tzinfo=None, fold=0) != moment.replace(tzinfo=None, fold=0)


def _wall(moment: date | datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() if isinstance(moment, datetime) else moment.isoformat()


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
