"""Web Push against a stand-in that decrypts: who is called, what is said, who is forgotten; and the contract of all ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.db.session import Database
from core.errors import Conflict, Invalid
from core.notify import Delivery, Means, NoNumber, NoPush, Note, NoteKind, Ports, PushAddress
from core.notify_push import HOSTS, WebPush, new_key
from scheduler.ring.models import PushSubscription, ReachAttempt
from scheduler.ring.sender import ReachSender
from tests.scheduler.ring.push_service import PushService
from tests.scheduler.world import COORDINATOR, SYSTEM, World

HOME = "127.0.0.1"


@pytest.fixture
async def service(clock: ManualClock) -> AsyncIterator[tuple[PushService, WebPush]]:
    port = WebPush(new_key(), "mailto:ring@example.org", clock, hosts=[HOME], plain_http=True)
    # The stand-in listens on any port of loopback; the check of ports is for https alone.
    async with PushService(str(port.public_key)) as running:
        yield running, port


class Calling:
    """A world with Web Push: interpreters on call who are not on line, and the process that sends."""

    def __init__(self, database: Database, clock: ManualClock, service: PushService, port: WebPush) -> None:
        self.ports = Ports(port, NoNumber(), NoNumber())
        self.world = World(database, clock, ports=self.ports)
        self.sender = ReachSender(database, self.ports, clock)
        self.service = service

    async def on_call(self, count: int) -> list[str]:
        """Interpreters with an on-call window around now."""
        people = await self.world.interpreters(count, available=False)
        for who in people:
            await self.world.on_call(who)
        return people

    async def subscribe(self, who: str, name: str) -> PushAddress:
        address = self.service.browser(name)
        async with self.world.database.unit(SYSTEM) as uow:
            await self.world.services.reach.subscribe(
                uow, who, endpoint=address.endpoint, p256dh=address.p256dh, auth=address.auth
            )
        return address

    async def attempts(self) -> list[ReachAttempt]:
        async with self.world.database.read(SYSTEM) as unit:
            return list(await unit.session.scalars(select(ReachAttempt).order_by(ReachAttempt.id)))


@pytest.fixture
async def calling(database: Database, clock: ManualClock, service: tuple[PushService, WebPush]) -> Calling:
    made = Calling(database, clock, *service)
    await made.world.begin()
    return made


async def test_who_is_on_call_is_woken_and_the_payload_says_nothing_but_that(calling: Calling) -> None:
    (reached, _) = await calling.on_call(2)
    await calling.subscribe(reached, "phone")
    booking = await calling.world.request()
    (offer,) = await calling.world.offers(booking)
    assert (offer.interpreter_id, offer.rung) == (reached, "on_call")
    assert await calling.sender.tick() == 1
    (message,) = calling.service.received
    assert message.payload == {"v": 1, "kind": "ring", "ref": offer.id}
    assert message.headers["content-encoding"] == "aes128gcm"
    assert (message.headers["urgency"], message.headers["ttl"]) == ("high", "40")
    assert message.claims["sub"] == "mailto:ring@example.org"
    assert offer.id.encode() not in message.sealed
    assert [(one.means, one.state) for one in await calling.attempts()] == [("push", "sent")]
    assert (await calling.world.accept(offer))["booking_id"] == booking


async def test_a_message_is_sent_once_and_never_after_its_time(calling: Calling, clock: ManualClock) -> None:
    (who,) = await calling.on_call(1)
    await calling.subscribe(who, "phone")
    await calling.world.request()
    clock.advance(41)
    await calling.sender.tick()
    assert await calling.sender.tick() == 0
    assert [one.state for one in await calling.attempts()] == ["late"]
    assert calling.service.received == []


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(calling: Calling, status: int) -> None:
    (who,) = await calling.on_call(1)
    await calling.subscribe(who, "phone")
    await calling.world.request()
    calling.service.status = status
    await calling.sender.tick()
    assert [(one.state, one.reason) for one in await calling.attempts()] == [("failed", "gone")]
    async with calling.world.database.read(SYSTEM) as unit:
        assert (await unit.session.scalars(select(PushSubscription))).all() == []
    second = await calling.world.request()
    row = await calling.world.booking(second)
    assert {rung["code"]: rung["reason"] for rung in row.rungs}["on_call"] == "not_available"
    assert row.needs_coordinator


async def test_a_service_in_trouble_keeps_the_browser(calling: Calling) -> None:
    (who,) = await calling.on_call(1)
    await calling.subscribe(who, "phone")
    await calling.world.request()
    calling.service.status = 503
    await calling.sender.tick()
    assert [(one.state, one.reason) for one in await calling.attempts()] == [("failed", "failed")]
    async with calling.world.database.read(SYSTEM) as unit:
        assert await calling.world.services.reach.devices(unit, who) == 1


async def test_a_coordinator_calls_somebody_in_once(calling: Calling) -> None:
    who, other = await calling.on_call(2)
    await calling.subscribe(who, "phone")
    booking = await calling.world.request()
    reach = calling.world.services.reach

    async def call(person: str) -> None:
        async with calling.world.database.unit(COORDINATOR) as uow:
            await reach.call_in(uow, person, country="RS", booking_id=booking)

    await call(who)
    with pytest.raises(Conflict, match="already_called"):
        await call(who)
    with pytest.raises(Conflict, match="no_means"):
        await call(other)
    (off_duty,) = await calling.world.interpreters(1)
    with pytest.raises(Conflict, match="not_on_call"):
        await call(off_duty)
    await calling.sender.tick()
    kinds = sorted(message.payload["kind"] for message in calling.service.received)
    assert kinds == ["call_in", "ring"]
    async with calling.world.database.read(COORDINATOR) as unit:
        row = await calling.world.services.bookings.get(unit, booking)
        shown = {one["interpreter_id"]: one for one in await calling.world.services.board.on_call(unit, row)}
    assert (shown[who]["means"], shown[who]["called_state"], shown[who]["fits"]) == (["push"], "sent", True)
    assert (shown[other]["means"], shown[other]["called_at"]) == ([], None)


async def test_without_web_push_nobody_is_claimed_to_be_reached(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    (who,) = await world.interpreters(1, available=False)
    await world.on_call(who)
    async with database.unit(SYSTEM) as uow:
        with pytest.raises(Conflict, match="push_not_configured"):
            await world.services.reach.subscribe(uow, who, endpoint="https://fcm.googleapis.com/x", p256dh="", auth="")
    row = await world.booking(await world.request())
    assert {rung["code"]: rung["reason"] for rung in row.rungs}["on_call"] == "not_available"
    assert await world.offers(row.id, None) == []


async def test_one_account_has_a_bounded_number_of_browsers(calling: Calling) -> None:
    who, other = await calling.on_call(2)
    first = await calling.subscribe(who, "a")
    for number in range(9):
        await calling.subscribe(who, f"b{number}")
        calling.world.clock.advance(1)
    async with calling.world.database.read(SYSTEM) as unit:
        assert await calling.world.services.reach.devices(unit, who) == 8
        assert first.endpoint not in set(await unit.session.scalars(select(PushSubscription.endpoint)))
    moved = await calling.subscribe(other, "b8")
    async with calling.world.database.read(SYSTEM) as unit:
        owner = select(PushSubscription.interpreter_id).where(PushSubscription.endpoint == moved.endpoint)
        assert await unit.session.scalar(owner) == other


@pytest.mark.parametrize(
    ("endpoint", "fine"),
    [
        ("https://fcm.googleapis.com/fcm/send/abc", True),
        ("https://web.push.apple.com/Q1", True),
        ("https://wns2-db5p.notify.windows.com/w/?token=x", True),
        ("http://fcm.googleapis.com/fcm/send/abc", False),
        ("https://fcm.googleapis.com:8443/x", False),
        ("https://fcm.googleapis.com.example.org/x", False),
        ("https://user@fcm.googleapis.com/x", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://[::1]/x", False),
        ("notify.windows.com", False),
    ],
)
def test_only_push_services_are_called(endpoint: str, fine: bool, clock: ManualClock) -> None:
    assert WebPush(new_key(), "mailto:a@example.org", clock, hosts=HOSTS).accepts(endpoint) is fine


async def test_a_strange_address_is_refused(calling: Calling) -> None:
    (who,) = await calling.on_call(1)
    async with calling.world.database.unit(SYSTEM) as uow:
        with pytest.raises(Invalid, match="push_address_unknown"):
            await calling.world.services.reach.subscribe(uow, who, endpoint="https://db.internal/x", p256dh="", auth="")


def test_a_wrong_key_is_named_at_the_start(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="P-256"):
        WebPush("nonsense", "mailto:a@example.org", clock)


# -- the contract of every port --------------------------------------------------------------------------------------

NOTE_FOR = timedelta(seconds=30)


async def test_ports_that_are_not_configured_say_so_and_send_nothing(clock: ManualClock) -> None:
    note = Note(NoteKind.RING, "offer_1", clock.now() + NOTE_FOR)
    for number_port in (NoNumber(),):
        assert not number_port.configured
        assert await number_port.call("+381600000000", note) is Delivery.NOT_CONFIGURED
    push = NoPush()
    assert (push.configured, push.public_key, push.accepts("https://fcm.googleapis.com/x")) == (False, None, False)
    assert await push.call(PushAddress("https://fcm.googleapis.com/x", "", ""), note) is Delivery.NOT_CONFIGURED
    assert [means for means in Means if Ports.none().configured(means)] == [Means.APP]


async def test_a_carrier_in_trouble_is_an_answer_and_no_exception(
    service: tuple[PushService, WebPush], clock: ManualClock
) -> None:
    running, port = service
    note = Note(NoteKind.RING, "offer_1", clock.now() + NOTE_FOR)
    address = running.browser("b")
    answers = {}
    for status in (201, 404, 410, 413, 429, 500):
        running.status = status
        answers[status] = await port.call(address, note)
    assert answers == {
        201: Delivery.SENT,
        404: Delivery.GONE,
        410: Delivery.GONE,
        413: Delivery.REFUSED,
        429: Delivery.FAILED,
        500: Delivery.FAILED,
    }
    assert await port.call(PushAddress(address.endpoint, "AAAA", "AAAA"), note) is Delivery.GONE
    assert await port.call(PushAddress("https://elsewhere.example/x", "", ""), note) is Delivery.REFUSED
    closed = PushAddress("http://127.0.0.1:9/x", address.p256dh, address.auth)
    assert await port.call(closed, note) is Delivery.FAILED
