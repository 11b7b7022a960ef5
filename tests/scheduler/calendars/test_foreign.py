"""Busy times out of foreign calendars: switch days, exceptions, moved occurrences, what does not count, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scheduler.calendars.foreign import ForeignError, busy_times, calendar_query, calendars_in

both_zones = pytest.mark.parametrize("zone", ["Europe/Belgrade", "Europe/Skopje"])


def event(*lines: str, uid: str = "a", zone: str = "") -> str:
    body = "\r\n".join(line.replace("{zone}", zone) for line in lines)
    return f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Doctor\r\n{body}\r\nEND:VEVENT\r\n"


def calendar(*events: str) -> bytes:
    head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n"
    return (head + "".join(events) + "END:VCALENDAR\r\n").encode()


def busy(source: bytes, zone: str = "Europe/Belgrade", first: str = "03-28", last: str = "03-31") -> list[str]:
    start = datetime.fromisoformat(f"2026-{first}T00:00:00+00:00")
    found = busy_times([source], zone, start, datetime.fromisoformat(f"2026-{last}T00:00:00+00:00"))
    return [f"{one.starts_at:%m-%dT%H:%M}/{one.ends_at:%m-%dT%H:%M}" for one in found]


@both_zones
def test_rule_over_both_switches(zone: str) -> None:
    weekly = event(
        "DTSTART;TZID={zone}:20260301T090000", "DTEND;TZID={zone}:20260301T100000", "RRULE:FREQ=WEEKLY", zone=zone
    )
    source = calendar(weekly)
    assert busy(source, zone, "03-21", "04-06") == [
        "03-22T08:00/03-22T09:00",
        "03-29T07:00/03-29T08:00",
        "04-05T07:00/04-05T08:00",
    ]
    assert busy(source, zone, "10-18", "10-26") == ["10-18T07:00/10-18T08:00", "10-25T08:00/10-25T09:00"]


@both_zones
def test_an_occurrence_that_does_not_exist_is_left_out_and_the_repeated_hour_comes_once(zone: str) -> None:
    night = event(
        "DTSTART;TZID={zone}:20260301T023000", "DTEND;TZID={zone}:20260301T024500", "RRULE:FREQ=WEEKLY", zone=zone
    )
    source = calendar(night)
    assert busy(source, zone, "03-22", "04-06") == ["03-22T01:30/03-22T01:45", "04-05T00:30/04-05T00:45"]
    assert busy(source, zone, "10-24", "10-26") == ["10-25T00:30/10-25T00:45"]


@both_zones
def test_exception_and_moved_occurrence(zone: str) -> None:
    weekly = event(
        "DTSTART;TZID={zone}:20260315T090000",
        "DTEND;TZID={zone}:20260315T100000",
        "RRULE:FREQ=WEEKLY;COUNT=3",
        "EXDATE;TZID={zone}:20260322T090000",
        zone=zone,
    )
    moved = event(
        "RECURRENCE-ID;TZID={zone}:20260329T090000",
        "DTSTART;TZID={zone}:20260329T013000",
        "DTEND;TZID={zone}:20260329T033000",
        zone=zone,
    )
    assert busy(calendar(weekly, moved), zone, "03-14", "04-01") == [
        "03-15T08:00/03-15T09:00",
        "03-29T00:30/03-29T01:30",  # one hour, although the wall says two
    ]


@both_zones
def test_whole_days_and_times_without_a_zone_are_the_persons(zone: str) -> None:
    whole = event("DTSTART;VALUE=DATE:20260329", "DTEND;VALUE=DATE:20260330")
    floating = event("DTSTART:20260330T090000", "DURATION:PT1H", uid="b")
    assert busy(calendar(whole, floating), zone) == ["03-28T23:00/03-29T22:00", "03-30T07:00/03-30T08:00"]


def test_what_does_not_count() -> None:
    at = ("DTSTART:20260330T090000Z", "DTEND:20260330T100000Z")
    source = calendar(
        event(*at, "TRANSP:TRANSPARENT"),
        event(*at, "STATUS:CANCELLED", uid="b"),
        event(*at, uid="0123@tarjuman"),
    )
    assert busy(source) == []
    assert busy(calendar(event(*at))) == ["03-30T09:00/03-30T10:00"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"<html>sign in</html>", "not_a_calendar"),
        (b"", "not_a_calendar"),
        (calendar(event("DTSTART:20260330T090000Z", "RRULE:FREQ=SECONDLY")), "too_large"),
        (calendar(event("DTSTART:20260330T090000Z", "RRULE:FREQ=HOURLY")), "too_large"),
        (
            calendar(event("DTSTART:20260330T090000Z", "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5")),
            "too_large",
        ),
        (calendar(*[event("DTSTART:20260330T090000Z", uid=str(n)) for n in range(5001)]), "too_large"),
    ],
)
def test_what_is_refused(source: bytes, code: str) -> None:
    with pytest.raises(ForeignError) as refused:
        busy(source)
    assert refused.value.code == code


def test_caldav_answer() -> None:
    inner = calendar(event("DTSTART:20260330T090000Z", "DTEND:20260330T100000Z")).decode()
    answer = (
        '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:response>'
        f"<D:propstat><D:prop><C:calendar-data>{inner}</C:calendar-data></D:prop></D:propstat>"
        "</D:response></D:multistatus>"
    ).encode()
    found = busy_times(
        calendars_in(answer), "Europe/Skopje", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    )
    assert len(found) == 1
    for wrong in (b"no xml", b"<a/>", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'):
        with pytest.raises(ForeignError):
            calendars_in(wrong)
    query = calendar_query(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert b'start="20260301T000000Z" end="20260401T000000Z"' in query
