"""Who can be called by which configured means, and the queue of what goes out; push subscriptions of browsers.

A message is written in the transaction that rings and sent after it (``scheduler.ring.sender``): a lost transaction calls
nobody. Nobody counts as reachable by a means that this installation does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid
from core.notify import Means, NoteKind, Ports
from scheduler.calendars.availability import Availability, OnCall
from scheduler.ring.models import PushSubscription, ReachAttempt

DEVICES = 8
"""Browsers that one interpreter may subscribe; the oldest gives way."""
CALL_IN_FOR = timedelta(minutes=30)
"""How long a request to come on duty stands."""


class Reach:
    """Means, subscriptions, and messages that wait to be sent."""

    def __init__(self, ports: Ports, availability: Availability) -> None:
        self.ports = ports
        self._availability = availability

    async def means_of(self, unit: ReadUnit, interpreter_ids: Iterable[str]) -> dict[str, list[Means]]:
        """The means outside of the open page by which each can be called here and now; who cannot be called is missing.

        Text messages and telephone need a carrier and a number; as long as no carrier is configured nobody has them.
        """
        ids = sorted(set(interpreter_ids))
        found: dict[str, list[Means]] = {}
        if ids and self.ports.push.configured:
            rows = await unit.session.scalars(
                select(PushSubscription.interpreter_id).where(PushSubscription.interpreter_id.in_(ids)).distinct()
            )
            found = {who: [Means.PUSH] for who in rows}
        for means, port in ((Means.SMS, self.ports.sms), (Means.PHONE, self.ports.phone)):
            if ids and port.configured:
                for who in sorted(await port.reaches(unit, ids)):
                    found.setdefault(who, []).append(means)
        return found

    async def on_call(self, unit: ReadUnit, country: str) -> dict[str, OnCall]:
        """Who is on call now and works in this country."""
        return await self._availability.on_call(unit, unit.now, country)

    async def ring(
        self,
        uow: UnitOfWork,
        offers: Mapping[str, str],
        means: Mapping[str, Sequence[Means]],
        *,
        expires_at: datetime,
        country: str,
        booking_id: str,
    ) -> None:
        """Queue a message for each offer (by interpreter id) and means."""
        facts = {"country": country, "booking_id": booking_id}
        await self._queue(uow, NoteKind.RING, offers, means, expires_at, facts)

    async def call_in(
        self, uow: UnitOfWork, interpreter_id: str, *, country: str, booking_id: str
    ) -> tuple[ReachAttempt, list[Means]]:
        """Ask somebody on call to come on duty. Raises ``Conflict``: ``not_on_call``, ``no_means``, ``already_called``."""
        if interpreter_id not in await self.on_call(uow, country):
            raise Conflict("not_on_call")
        means = (await self.means_of(uow, [interpreter_id])).get(interpreter_id, [])
        if not means:
            raise Conflict("no_means")
        if interpreter_id in await self.called(uow, [interpreter_id]):
            raise Conflict("already_called")
        made = await self._queue(
            uow,
            NoteKind.CALL_IN,
            {},
            {interpreter_id: means},
            uow.now + CALL_IN_FOR,
            {"country": country, "booking_id": booking_id},
        )
        return made[0], means

    async def call_in_all(self, uow: UnitOfWork, interpreter_ids: Iterable[str], *, country: str) -> set[str]:
        """Ask people on call to come on duty without any one request (R-7); returns those who can be called by some means."""
        means = await self.means_of(uow, interpreter_ids)
        await self._queue(uow, NoteKind.CALL_IN, {}, means, uow.now + CALL_IN_FOR, {"country": country})
        return set(means)

    async def called(self, unit: ReadUnit, interpreter_ids: Sequence[str]) -> dict[str, tuple[str, datetime]]:
        """Who was asked to come on duty in the last half hour: the state of the latest message and when it was made."""
        rows = await unit.session.execute(
            select(ReachAttempt.interpreter_id, ReachAttempt.state, ReachAttempt.made_at)
            .where(
                ReachAttempt.kind == NoteKind.CALL_IN.value,
                ReachAttempt.interpreter_id.in_(list(interpreter_ids)),
                ReachAttempt.made_at > unit.now - CALL_IN_FOR,
                ReachAttempt.state != "failed",
            )
            .order_by(ReachAttempt.made_at)
        )
        return {row.interpreter_id: (row.state, row.made_at) for row in rows}

    async def subscribe(
        self, uow: UnitOfWork, interpreter_id: str, *, endpoint: str, p256dh: str, auth: str
    ) -> PushSubscription:
        """Remember a browser; one that belonged to another account belongs to this one from now on.

        Raises ``Conflict('push_not_configured')``, ``Invalid('push_address_unknown')`` for an address that is of no push service.
        """
        if not self.ports.push.configured:
            raise Conflict("push_not_configured")
        if not self.ports.push.accepts(endpoint):
            raise Invalid("push_address_unknown")
        row = await uow.session.scalar(
            select(PushSubscription).where(PushSubscription.endpoint == endpoint).with_for_update()
        )
        if row is None:
            await self._make_room(uow, interpreter_id)
            row = PushSubscription(id=new_id("push"), endpoint=endpoint, created_at=uow.now)
            uow.session.add(row)
        row.interpreter_id, row.p256dh, row.auth = interpreter_id, p256dh, auth
        await uow.flush()
        return row

    async def unsubscribe(self, uow: UnitOfWork, interpreter_id: str, endpoint: str) -> None:
        """Forget a browser; one that is not known, or not one's own, changes nothing."""
        await uow.session.execute(
            delete(PushSubscription)
            .where(PushSubscription.interpreter_id == interpreter_id, PushSubscription.endpoint == endpoint)
            .execution_options(synchronize_session=False)
        )

    async def devices(self, unit: ReadUnit, interpreter_id: str) -> int:
        """How many browsers of somebody are subscribed."""
        count = select(func.count()).select_from(PushSubscription)
        return int(await unit.session.scalar(count.where(PushSubscription.interpreter_id == interpreter_id)) or 0)

    async def _make_room(self, uow: UnitOfWork, interpreter_id: str) -> None:
        newest_first = (
            await uow.session.scalars(
                select(PushSubscription.id)
                .where(PushSubscription.interpreter_id == interpreter_id)
                .order_by(PushSubscription.created_at.desc(), PushSubscription.id.desc())
            )
        ).all()
        for old in newest_first[DEVICES - 1 :]:
            await uow.session.execute(delete(PushSubscription).where(PushSubscription.id == old))

    async def _queue(
        self,
        uow: UnitOfWork,
        kind: NoteKind,
        offers: Mapping[str, str],
        means: Mapping[str, Sequence[Means]],
        expires_at: datetime,
        facts: Mapping[str, str],
    ) -> list[ReachAttempt]:
        made = [
            ReachAttempt(
                id=new_id("reach"),
                country=facts["country"],
                interpreter_id=who,
                kind=kind.value,
                means=way.value,
                offer_id=offers.get(who),
                booking_id=facts.get("booking_id"),
                asked_by=uow.actor.id,
                state="waiting",
                made_at=uow.now,
                expires_at=expires_at,
            )
            for who in sorted(means)
            for way in means[who]
            if kind is NoteKind.CALL_IN or who in offers
        ]
        uow.session.add_all(made)
        await uow.flush()
        return made
