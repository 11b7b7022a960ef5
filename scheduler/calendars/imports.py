"""CalendarImports: busy times of an interpreter's other calendars, from an .ics address or a CalDAV collection.

The address and its password are sealed; of what is read only times are stored. Nothing is fetched inside a unit of work.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from sqlalchemy import delete, func, select

from core.access import Actor
from core.clock import new_id
from core.crypto import CannotOpenError, FieldCipher
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Invalid, NotFound
from core.jobs import Lease
from scheduler.calendars.expand import Span, SpanKind
from scheduler.calendars.foreign import ForeignError, busy_times, calendar_query, calendars_in
from scheduler.calendars.models import AvailabilitySpan, CalendarImport
from scheduler.calendars.outbound import Answer, Asked, Outbound, OutboundError
from scheduler.calendars.spans import Interval
from scheduler.calendars.store import horizon, person, put_spans, refresh
from scheduler.locks import hold_person

KINDS = ("ics", "caldav")
MOST_IMPORTS = 3
EVERY = timedelta(minutes=30)
_LONGEST_WAIT = timedelta(hours=24)
_WHOLE_AGAIN = timedelta(hours=20)
"""After so long an unchanged calendar is read all the same: the half year has moved on."""
_TABLE = "calendar_imports"
_SYSTEM = Actor.system()


@dataclass(frozen=True)
class Source:
    """Where a calendar is, in the clear."""

    url: str
    username: str = ""
    password: str = ""


@dataclass(frozen=True)
class _Read:
    """What one attempt gave; ``busy`` is none when the calendar is unchanged."""

    result: str
    busy: list[Interval] | None = None
    etag: str | None = None


class CalendarImports:
    """Connects foreign calendars and reads them again and again."""

    def __init__(self, cipher: FieldCipher, outbound: Outbound | None = None) -> None:
        self._cipher = cipher
        self._outbound = outbound or Outbound()

    async def of(self, unit: ReadUnit, interpreter_id: str) -> list[CalendarImport]:
        """The connected calendars, oldest first."""
        rows = await unit.session.scalars(
            select(CalendarImport).where(CalendarImport.interpreter_id == interpreter_id).order_by(CalendarImport.id)
        )
        return list(rows)

    async def add(self, uow: UnitOfWork, interpreter_id: str, kind: str, source: Source) -> CalendarImport:
        """Connect a calendar; it is read soon. Raises ``Invalid``: ``value_unknown``, ``address_wrong``, ``too_much``."""
        if kind not in KINDS:
            raise Invalid("value_unknown", {"field": "kind"})
        url = source.url.strip()
        if url.startswith("webcal://"):
            url = "https://" + url.removeprefix("webcal://")
        parts = _parts(url)
        await hold_person(uow, interpreter_id)
        await person(uow, interpreter_id)
        count = await uow.session.scalar(
            select(func.count()).select_from(CalendarImport).where(CalendarImport.interpreter_id == interpreter_id)
        )
        if int(count or 0) >= MOST_IMPORTS:
            raise Invalid("too_much", {"most": MOST_IMPORTS})
        key = new_id("import")
        clear = json.dumps({"url": url, "username": source.username, "password": source.password})
        row = CalendarImport(
            id=key,
            interpreter_id=interpreter_id,
            kind=kind,
            host=parts,
            sealed=self._cipher.seal(clear, table=_TABLE, column="sealed", row=key),
            result="waiting",
            made_at=uow.now,
            next_at=uow.now,
        )
        uow.session.add(row)
        await uow.flush()
        await refresh(uow, interpreter_id, changed=False)
        return row

    async def remove(self, uow: UnitOfWork, interpreter_id: str, import_id: str) -> None:
        """Disconnect a calendar and forget its times. Raises ``NotFound('entry_unknown')``."""
        await hold_person(uow, interpreter_id)
        row = await uow.session.get(CalendarImport, import_id)
        if row is None or row.interpreter_id != interpreter_id:
            raise NotFound("entry_unknown")
        await _forget_spans(uow, import_id)
        await uow.session.delete(row)
        await uow.flush()

    async def read_due(self, lease: Lease, *, most: int = 20) -> int:
        """Read the calendars whose time has come; returns how many. The job calls it again soon while there are more."""
        async with lease.database.read(_SYSTEM) as unit:
            due = await unit.session.scalars(
                select(CalendarImport.id)
                .where(CalendarImport.next_at <= unit.now)
                .order_by(CalendarImport.next_at, CalendarImport.id)
                .limit(most)
            )
            ids = list(due)
        for import_id in ids:
            await self.read(lease.database, import_id)
        return len(ids)

    async def read(self, database: Database, import_id: str) -> str:
        """Read one calendar now; returns its result. Raises ``NotFound('entry_unknown')``."""
        async with database.read(_SYSTEM) as unit:
            row = await unit.session.get(CalendarImport, import_id)
            if row is None:
                raise NotFound("entry_unknown")
            who = await person(unit, row.interpreter_id)
            start, end = horizon(unit.now, who.time_zone)
            start = unit.now - timedelta(days=1)
            whole = row.read_at is None or unit.now - row.read_at > _WHOLE_AGAIN
            etag = None if whole else row.etag
        found = await self._attempt(row, who.time_zone, start, end, etag)
        async with database.unit(_SYSTEM) as uow:
            await hold_person(uow, row.interpreter_id)
            kept = await uow.session.get(CalendarImport, import_id, populate_existing=True)
            if kept is None:
                return found.result
            await self._take_over(uow, kept, found)
        return found.result

    async def _take_over(self, uow: UnitOfWork, row: CalendarImport, found: _Read) -> None:
        """Store the times that were read; after a failure those of before stay, so that nobody is booked by mistake."""
        row.result = found.result
        if found.result != "ok":
            row.failures += 1
            row.next_at = uow.now + min(_LONGEST_WAIT, EVERY * 2 ** min(row.failures, 8))
            await uow.flush()
            return
        row.failures = 0
        row.next_at = uow.now + EVERY
        if found.busy is not None:
            row.read_at, row.etag, row.busy_count = uow.now, found.etag, len(found.busy)
            await _forget_spans(uow, row.id)
            spans = [Span(SpanKind.BUSY, interval, "import", row.id) for interval in found.busy]
            await put_spans(uow, row.interpreter_id, spans)
        await uow.flush()

    async def _attempt(self, row: CalendarImport, zone: str, start: datetime, end: datetime, etag: str | None) -> _Read:
        try:
            source = Source(**json.loads(self._cipher.open(row.sealed, table=_TABLE, column="sealed", row=row.id)))
            answer = await self._outbound.fetch(_request(row.kind, source, start, end, etag))
            if answer.status == 304:
                return _Read("ok")
            problem = _problem(answer)
            if problem is not None:
                return _Read(problem)
            sources = [answer.body] if row.kind == "ics" else calendars_in(answer.body)
            busy = await asyncio.to_thread(busy_times, sources, zone, start, end)
        except (OutboundError, ForeignError) as error:
            return _Read(error.code)
        except CannotOpenError:
            return _Read("key_gone")
        tag = answer.headers.get("etag", "")
        return _Read("ok", busy, tag if row.kind == "ics" and 0 < len(tag) <= 200 else None)


def _request(kind: str, source: Source, start: datetime, end: datetime, etag: str | None) -> Asked:
    login = (source.username, source.password) if source.username else None
    if kind == "caldav":
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": "1"}
        return Asked(source.url, "REPORT", headers, calendar_query(start, end), login)
    headers = {"Accept": "text/calendar"}
    if etag is not None:
        headers["If-None-Match"] = etag
    return Asked(source.url, headers=headers, login=login)


def _problem(answer: Answer) -> str | None:
    """What a status other than success means for the person, by a code that has a sentence."""
    if answer.status in (401, 403):
        return "login_refused"
    if answer.status in (404, 410):
        return "not_found"
    return None if answer.status in (200, 207) else "unreachable"


async def _forget_spans(uow: UnitOfWork, import_id: str) -> None:
    await uow.session.execute(
        delete(AvailabilitySpan)
        .where(AvailabilitySpan.source == "import", AvailabilitySpan.source_id == import_id)
        .execution_options(synchronize_session=False)
    )


def _parts(url: str) -> str:
    """The host of an acceptable address. Raises ``Invalid('address_wrong')``."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("address_wrong") from None
    wrong = parts.scheme not in ("https", "http") or not host or parts.username or parts.password
    if wrong or len(url) > 1_000 or len(host or "") > 110 or any(ord(sign) < 33 for sign in url):
        raise Invalid("address_wrong")
    return str(host) if port is None else f"{host}:{port}"
