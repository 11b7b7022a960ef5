"""CalendarFeeds: an interpreter's agreed work and on-call duty as a private .ics (RFC 5545) for their own calendar program.

The address is the key, so it says as little as possible: "interpretation" or "on call" and the times. No case, person, language,
authority or place, and identifiers that lead nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.crypto import FieldCipher
from core.db.session import ReadUnit, UnitOfWork
from core.errors import NotFound
from scheduler.calendars.foreign import OWN_DOMAIN
from scheduler.calendars.models import AvailabilitySpan, CalendarFeed
from scheduler.calendars.store import AHEAD, person
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Booking, Interpreter

if TYPE_CHECKING:
    from icalendar import Event

_TABLE = "calendar_feeds"
_BEHIND = timedelta(days=31)
_SECRET, _SIGNATURE = 43, 22
"""Characters of 256 random bits, and of the signature after them."""
TEXTS = ("feed_name", "feed_confirmed", "feed_on_call")


@dataclass(frozen=True)
class Feed:
    """A rendered calendar."""

    body: bytes
    etag: str


class CalendarFeeds:
    """Issues, revokes and renders private feeds."""

    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    async def issue(self, uow: UnitOfWork, interpreter_id: str, locale: str) -> str:
        """A new token; the one before stops working at once. It is stored nowhere: show it now or never."""
        await person(uow, interpreter_id)
        secret = secrets.token_urlsafe(32)
        token = secret + self._signature(secret)
        row = await uow.session.get(CalendarFeed, interpreter_id)
        if row is None:
            row = CalendarFeed(interpreter_id=interpreter_id)
            uow.session.add(row)
        row.digest, row.locale, row.made_at = self._digest(token), locale, uow.now
        await uow.flush()
        return token

    async def revoke(self, uow: UnitOfWork, interpreter_id: str) -> None:
        """Stop the feed. Idempotent."""
        row = await uow.session.get(CalendarFeed, interpreter_id)
        if row is not None:
            await uow.session.delete(row)
            await uow.flush()

    async def made_at(self, unit: ReadUnit, interpreter_id: str) -> datetime | None:
        """Since when there is a feed; none if there is none."""
        row = await unit.session.get(CalendarFeed, interpreter_id)
        return None if row is None else row.made_at

    def is_signed(self, token: str) -> bool:
        """Whether we made this token; others are refused before the database is asked."""
        if len(token) != _SECRET + _SIGNATURE or not token.isascii():
            return False
        return hmac.compare_digest(self._signature(token[:_SECRET]), token[_SECRET:])

    async def find(self, unit: ReadUnit, token: str) -> CalendarFeed:
        """The feed of a token. Raises ``NotFound('feed_unknown')``, also for those of people who left the pool."""
        row: CalendarFeed | None = None
        if self.is_signed(token):
            row = await unit.session.scalar(
                select(CalendarFeed)
                .join(Interpreter, Interpreter.id == CalendarFeed.interpreter_id)
                .where(CalendarFeed.digest == self._digest(token), Interpreter.active.is_(True))
            )
        if row is None:
            raise NotFound("feed_unknown")
        return row

    async def render(self, unit: ReadUnit, feed: CalendarFeed, texts: Mapping[str, str]) -> Feed:
        """The calendar of the last month and the next half year; the same bytes as long as nothing changes."""
        who = await person(unit, feed.interpreter_id)
        start, end = unit.now - _BEHIND, unit.now + AHEAD
        zone = ZoneInfo(who.time_zone)
        from icalendar import Calendar  # When a feed is read, not with each start of a process.

        calendar = Calendar()
        calendar.add("prodid", "-//Tarjuman//interpreter//EN")
        calendar.add("version", "2.0")
        calendar.add("calscale", "GREGORIAN")
        calendar.add("method", "PUBLISH")
        calendar.add("x-wr-calname", texts["feed_name"])
        calendar.add("x-wr-timezone", who.time_zone)
        calendar.add("x-published-ttl", "PT30M")
        async with unit.across_countries():
            work = (
                await unit.session.execute(
                    select(Assignment.id, Assignment.starts_at, Booking.ends_at, Assignment.made_at)
                    .join(Booking, Booking.id == Assignment.booking_id)
                    .where(
                        Assignment.interpreter_id == who.id,
                        Assignment.state.in_([AssignmentState.ACTIVE, AssignmentState.HONOURED]),
                        Assignment.starts_at < end,
                        Assignment.busy_until > start,
                    )
                    .order_by(Assignment.starts_at, Assignment.id)
                )
            ).all()
        for row in work:
            calendar.add_component(
                self._event(row.id, texts["feed_confirmed"], row.starts_at, row.ends_at, row.made_at, zone)
            )
        duty = await unit.session.scalars(
            select(AvailabilitySpan)
            .where(
                AvailabilitySpan.interpreter_id == who.id,
                AvailabilitySpan.kind == "on_call",
                AvailabilitySpan.starts_at < end,
                AvailabilitySpan.ends_at > start,
            )
            .order_by(AvailabilitySpan.starts_at, AvailabilitySpan.id)
        )
        for span in duty:
            key = f"{span.source_id}:{span.starts_at.isoformat()}"
            event = self._event(key, texts["feed_on_call"], span.starts_at, span.ends_at, feed.made_at, zone)
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
        calendar.add_missing_timezones()
        body: bytes = calendar.to_ical()
        return Feed(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')

    def _event(
        self, key: str, summary: str, starts_at: datetime, ends_at: datetime, stamp: datetime, zone: ZoneInfo
    ) -> Event:
        from icalendar import Event

        event = Event()
        uid = self._cipher.blind_index(key.replace("|", ":"), table=_TABLE, column="uid")[:32]
        event.add("uid", uid + OWN_DOMAIN)
        event.add("summary", summary)
        event.add("dtstart", starts_at.astimezone(zone))
        event.add("dtend", ends_at.astimezone(zone))
        event.add("dtstamp", stamp)
        event.add("class", "PRIVATE")
        return event

    def _signature(self, secret: str) -> str:
        return self._cipher.blind_index(secret, table=_TABLE, column="signature")[:_SIGNATURE]

    def _digest(self, token: str) -> str:
        return self._cipher.blind_index(token, table=_TABLE, column="digest")
