"""The private feed: signed, revocable, silent about the work. Imported calendars: only times, under a lease, kept on failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select

from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.errors import Invalid, NotFound
from core.jobs import LeaseStore
from scheduler.calendars.availability import Availability
from scheduler.calendars.feed import CalendarFeeds
from scheduler.calendars.imports import CalendarImports, Source
from scheduler.calendars.models import AvailabilitySpan, CalendarImport
from scheduler.calendars.outbound import Answer, Asked, Outbound, OutboundError
from scheduler.calendars.service import BlockInput, CalendarService
from scheduler.calendars.spans import Interval
from tests.scheduler.calendars.test_foreign import calendar, event
from tests.scheduler.world import SYSTEM, World

TEXTS = {"feed_name": "Tarjuman", "feed_confirmed": "Interpretation, confirmed", "feed_on_call": "On call"}
BUSY = calendar(event("DTSTART:20261123T100000Z", "DTEND:20261123T120000Z", "LOCATION:Clinic"))


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


@pytest.fixture
def cipher() -> FieldCipher:
    return FieldCipher(KeyRing.new())


class Elsewhere(Outbound):
    """Answers without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.answer: Answer | OutboundError = Answer(200, {"etag": '"1"'}, BUSY)

    async def fetch(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if isinstance(self.answer, OutboundError):
            raise self.answer
        return self.answer


async def test_the_feed_tells_times_and_nothing_else(world: World, cipher: FieldCipher) -> None:
    (who,) = await world.interpreters(1)
    feeds = CalendarFeeds(cipher)
    async with world.database.unit(SYSTEM) as uow:
        token = await feeds.issue(uow, who, "en")
        window = BlockInput("2026-11-24T22:00", "2026-11-25T06:00")
        await CalendarService(cipher).add_window(uow, who, window)
    booking_id = await world.request(kind="appointment", in_hours=26, minutes=60)
    await world.accept((await world.offers(booking_id))[0])
    async with world.database.read(SYSTEM) as unit:
        feed = await feeds.render(unit, await feeds.find(unit, token), TEXTS)
    events: list[Any] = list(Calendar.from_ical(feed.body).walk("VEVENT"))
    assert [(str(e["SUMMARY"]), e.start.astimezone(UTC), e.end.astimezone(UTC)) for e in events] == [
        ("Interpretation, confirmed", datetime(2026, 11, 23, 10, tzinfo=UTC), datetime(2026, 11, 23, 11, tzinfo=UTC)),
        ("On call", datetime(2026, 11, 24, 21, tzinfo=UTC), datetime(2026, 11, 25, 5, tzinfo=UTC)),
    ]
    assert {str(e["DTSTART"].params["TZID"]) for e in events} == {"Europe/Belgrade"}
    assert b"BEGIN:VTIMEZONE" in feed.body
    booking = await world.booking(booking_id)
    row = (await world.assignments(booking_id))[0]
    for secret in (who, row.id, booking.id, booking.case_id, booking.case_ref, booking.site, "RS-ID", "pbt", "I-0001"):
        assert secret.encode() not in feed.body
    # The same bytes while nothing changes; others after a change.
    world.clock.advance(3600)
    async with world.database.read(SYSTEM) as unit:
        again = await feeds.render(unit, await feeds.find(unit, token), TEXTS)
    assert again.etag == feed.etag
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.release(uow, booking_id, reason="ill")
    async with world.database.read(SYSTEM) as unit:
        assert (await feeds.render(unit, await feeds.find(unit, token), TEXTS)).etag != feed.etag


async def test_tokens_are_signed_replaced_and_revoked(world: World, cipher: FieldCipher) -> None:
    (who,) = await world.interpreters(1)
    feeds = CalendarFeeds(cipher)
    async with world.database.unit(SYSTEM) as uow:
        first = await feeds.issue(uow, who, "en")
        second = await feeds.issue(uow, who, "en")
    flipped = second[:-1] + ("A" if second[-1] != "A" else "B")
    foreign = CalendarFeeds(FieldCipher(KeyRing.new()))
    assert feeds.is_signed(first)
    assert feeds.is_signed(second)
    assert not foreign.is_signed(second)
    for wrong in (flipped, "", "x" * len(second), second + "A", "я" * len(second)):
        assert not feeds.is_signed(wrong)

    async def works(token: str) -> bool:
        async with world.database.read(SYSTEM) as unit:
            try:
                return (await feeds.find(unit, token)).interpreter_id == who
            except NotFound:
                return False

    assert [await works(token) for token in (first, second, flipped)] == [False, True, False]
    async with world.database.unit(SYSTEM) as uow:
        await feeds.revoke(uow, who)
        await feeds.revoke(uow, who)
    assert not await works(second)


async def test_imported_busy_time_counts_and_only_times_are_kept(world: World, cipher: FieldCipher) -> None:
    (who,) = await world.interpreters(1)
    elsewhere = Elsewhere()
    imports = CalendarImports(cipher, elsewhere)
    async with world.database.unit(SYSTEM) as uow:
        source = Source("webcal://calendar.example.org/private-abc/basic.ics")
        made = await imports.add(uow, who, "ics", source)
        assert (made.host, made.result) == ("calendar.example.org", "waiting")
        assert b"private-abc" not in made.sealed
    lease = await LeaseStore(world.database, "tests").acquire("calendars", 30)
    assert lease is not None
    assert await imports.read_due(lease) == 1
    assert await imports.read_due(lease) == 0
    assert elsewhere.asked[0].url == "https://calendar.example.org/private-abc/basic.ics"

    async def free() -> list[Interval]:
        start = datetime(2026, 11, 23, 9, tzinfo=UTC)
        async with world.database.read(SYSTEM) as unit:
            return (await Availability().free(unit, [who], start, start + timedelta(hours=4)))[who]

    def hours(*pairs: tuple[int, int]) -> list[Interval]:
        return [
            Interval(datetime(2026, 11, 23, a, tzinfo=UTC), datetime(2026, 11, 23, b, tzinfo=UTC)) for a, b in pairs
        ]

    assert await free() == hours((9, 10), (12, 13))
    # Unchanged, then unreachable: what is known stays.
    world.clock.advance(1800)
    elsewhere.answer = Answer(304, {}, b"")
    assert await imports.read_due(lease) == 1
    assert elsewhere.asked[1].headers["If-None-Match"] == '"1"'
    for answer, result in (
        (OutboundError("address_refused"), "address_refused"),
        (Answer(401, {}, b""), "login_refused"),
        (Answer(200, {}, b"<html>"), "not_a_calendar"),
        (Answer(500, {}, b""), "unreachable"),
    ):
        elsewhere.answer = answer
        assert await imports.read(world.database, made.id) == result
    assert await free() == hours((9, 10), (12, 13))
    async with world.database.read(SYSTEM) as unit:
        row = await unit.session.get_one(CalendarImport, made.id)
        assert (row.failures, row.busy_count) == (4, 1)
        assert row.next_at - unit.now == timedelta(hours=8)
        kept = await unit.session.scalars(select(AvailabilitySpan).where(AvailabilitySpan.source == "import"))
        assert [(span.kind, span.source_id) for span in kept] == [("busy", made.id)]
    # A change of the rules leaves imported times alone; taking the calendar away forgets them.
    async with world.database.unit(SYSTEM) as uow:
        window = BlockInput("2026-11-24T22:00", "2026-11-25T06:00")
        await CalendarService(cipher).add_window(uow, who, window)
    assert await free() == hours((9, 10), (12, 13))
    async with world.database.unit(SYSTEM) as uow:
        await imports.remove(uow, who, made.id)
    assert await free() == hours((9, 13))


async def test_caldav_and_bounds(world: World, cipher: FieldCipher) -> None:
    (who,) = await world.interpreters(1)
    elsewhere = Elsewhere()
    body = (
        b'<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><d:response><d:propstat><d:prop>'
        b"<c:calendar-data>" + BUSY + b"</c:calendar-data></d:prop></d:propstat></d:response></d:multistatus>"
    )
    elsewhere.answer = Answer(207, {}, body)
    imports = CalendarImports(cipher, elsewhere)
    async with world.database.unit(SYSTEM) as uow:
        made = await imports.add(uow, who, "caldav", Source("https://dav.example.org/cal/", "me", "secret"))
        for url in ("ftp://x/", "https://me:pw@x.org/", "nothing", "https://", "https://a b/", "https://x.org:99999/"):
            with pytest.raises(Invalid, match="address_wrong"):
                await imports.add(uow, who, "ics", Source(url))
        for number in range(2):
            await imports.add(uow, who, "ics", Source(f"https://x.org/{number}"))
        with pytest.raises(Invalid, match="too_much"):
            await imports.add(uow, who, "ics", Source("https://x.org/4"))
    assert await imports.read(world.database, made.id) == "ok"
    asked = elsewhere.asked[0]
    assert (asked.method, asked.headers["Depth"], asked.login) == ("REPORT", "1", ("me", "secret"))
    async with world.database.read(SYSTEM) as unit:
        start = datetime(2026, 11, 23, 11, tzinfo=UTC)
        found = await Availability().refusal(unit, who, start, start + timedelta(minutes=30))
        assert found is not None
        assert found.rule.value == "M-11.availability"
