"""Whose turn it is: fair order, chances from history, the ledger, and what a coordinator hears."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.db.session import Database
from scheduler.lifecycle import DeclineReason
from scheduler.ranking import rank
from scheduler.ring.fairness import Because, Share, credit_of, fair_order, month_start, worth_looking
from scheduler.ring.history import chance, faded, odds_of
from tests.scheduler.samples import NOW, OPEN, need, person
from tests.scheduler.world import COORDINATOR, SYSTEM, World

DAY = timedelta(days=1)


def order(people: list[int], shares: dict[str, Share] | None = None, seed: str = "b:1", **changes: object) -> list[str]:
    matches = rank(need(), [person(n, **changes) for n in people], OPEN)
    return [one.match.candidate.id for one in fair_order(matches, shares or {}, seed)]


def test_equals_are_ordered_by_idle_time_then_share_then_a_draw_that_can_be_repeated() -> None:
    long, short = person(1, idle_since=NOW - timedelta(hours=3)), person(2, idle_since=NOW - timedelta(hours=1))
    placed = fair_order(rank(need(), [short, long], OPEN), {}, "b:1")
    assert [one.match.candidate.id for one in placed] == ["int_0001", "int_0002"]
    assert placed[0].key.because(placed[1].key) is Because.IDLE
    shares = {"int_0001": Share(900, 0, 1800), "int_0002": Share(100, 0, 1800)}
    assert order([1, 2], shares) == ["int_0002", "int_0001"]
    assert order([1, 2, 3, 4], seed="b:1") == order([4, 3, 2, 1], seed="b:1")
    firsts = {order([1, 2, 3, 4], seed=f"b:{number}")[0] for number in range(60)}
    assert firsts == {f"int_{n:04d}" for n in (1, 2, 3, 4)}


def test_seconds_of_idleness_do_not_decide() -> None:
    start = datetime(2026, 11, 22, 7, 0, 10, tzinfo=UTC)
    shares = {"int_0001": Share(900, 0, 1800)}
    people = [person(1, idle_since=start), person(2, idle_since=start + timedelta(seconds=100))]
    assert fair_order(rank(need(), people, OPEN), shares, "s")[0].match.candidate.id == "int_0002"


@given(
    st.lists(st.tuples(st.integers(-10, 10), st.integers(0, 600), st.integers(0, 3000)), max_size=40),
    st.sets(st.integers(0, 39)),
)
def test_no_score_is_passed_over_for_fairness(people: list[tuple[int, int, int]], busy: set[int]) -> None:
    made = [
        replace(person(n), quality=quality, idle_since=NOW - timedelta(minutes=idle))
        for n, (quality, idle, _) in enumerate(people)
    ]
    matches = rank(need(), made, OPEN)
    shares = {f"int_{n:04d}": Share(minutes, 0, 1800) for n, (_, _, minutes) in enumerate(people)}
    ringing = {f"int_{n:04d}" for n in busy}
    looked = set(worth_looking(matches, ringing=ringing))
    seen = {who: share for who, share in shares.items() if who in looked}
    placed = fair_order(matches, seen, "x", ringing=ringing)
    assert {one.match.candidate.id for one in placed} == {match.candidate.id for match in matches}
    keys = [(one.match.candidate.id in ringing, -one.match.score) for one in placed]
    assert keys == sorted(keys)
    # Reading the minutes of the first few only changes nothing for them.
    full = [one.match.candidate.id for one in fair_order(matches, shares, "x", ringing=ringing)]
    assert [one.match.candidate.id for one in placed][: len(looked)] == full[: len(looked)]


def test_somebody_new_starts_with_the_days_before() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert credit_of(now - 90 * DAY, now, 1800) == 0
    assert credit_of(month_start(now), now, 1800) == 0
    middle = month_start(now) + 15 * DAY
    assert credit_of(middle, now, 1800) == 900
    assert credit_of(middle, datetime(2026, 12, 1, 12, tzinfo=UTC), 1800) == 0


@given(st.floats(0, 500), st.floats(0, 500), st.floats(0.05, 0.95), st.integers(1, 100))
def test_a_chance_lies_between_history_and_assumption(yes: float, no: float, prior: float, weight: int) -> None:
    found = chance(yes, yes + no, prior=prior, weight=weight)
    shown = yes / (yes + no) if yes + no else prior
    assert min(prior, shown) - 1e-9 <= found <= max(prior, shown) + 1e-9


def test_answers_fade() -> None:
    assert faded(8, NOW - 60 * DAY, NOW, 30 * DAY) == pytest.approx(2)
    assert faded(8, NOW + DAY, NOW, 30 * DAY) == 8


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def decline(world: World, offer_of: str, booking: str) -> None:
    offer = next(one for one in await world.offers(booking) if one.interpreter_id == offer_of)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.offers.decline(
            uow, offer.id, interpreter_id=offer_of, round_no=offer.round, reason=DeclineReason.NOT_NOW
        )


async def test_answers_make_a_ring_wider_and_are_read_in_the_own_ledger(world: World, clock: ManualClock) -> None:
    people = await world.interpreters(6)
    for _ in range(6):
        booking = await world.request()
        for offer in await world.offers(booking):
            await decline(world, offer.interpreter_id, booking)
        async with world.database.unit(SYSTEM) as uow:
            await world.services.bookings.cancel(uow, booking, reason="other")
        clock.advance(30)
        await world.stay(*people)
    async with world.database.read(SYSTEM) as unit:
        policy = await world.services.policies.of(unit, "RS")
        odds = await odds_of(unit, people, policy)
        assert all(found < 0.65 for found in odds.chances.values())
        talks = await world.services.ledger.talks(unit, ["RS"])
        ledger = await world.services.ledger.of(unit, people[0], "RS")
        assert await world.services.ledger.talks(unit, ["MK"]) == []
    assert talks
    assert all(note["declines"] * 100 > note["rings"] * 40 for note in talks)
    assert len(await world.offers(await world.request())) > 3
    assert ledger["declined_week"] == sum(turn["answer"] == "declined" for turn in ledger["turns"]) > 0
    assert all(turn["width"] <= turn["of"] and 1 <= turn["place"] <= turn["of"] for turn in ledger["turns"])
    assert {turn["chosen"] for turn in ledger["turns"]} <= {True, False}


async def test_who_was_not_rung_reads_why(world: World) -> None:
    people = await world.interpreters(5)
    booking = await world.request()
    rung = {offer.interpreter_id for offer in await world.offers(booking)}
    left = next(who for who in people if who not in rung)
    async with world.database.read(SYSTEM) as unit:
        (turn,) = (await world.services.ledger.of(unit, left, "RS"))["turns"]
    assert (turn["chosen"], turn["of"], turn["width"], turn["answer"]) == (False, 5, 3, None)
    assert turn["place"] in (4, 5)
    assert turn["because"] in {"idle", "draw"}
    assert booking not in str(turn)


async def test_widen_rings_the_next_rung_as_well(world: World, clock: ManualClock) -> None:
    await world.interpreters(10)
    booking = await world.request()
    first = {offer.id for offer in await world.offers(booking)}
    clock.advance(5)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.widen(uow, booking)
    offers = await world.offers(booking)
    assert len(offers) == 8
    assert first < {offer.id for offer in offers}
    row = await world.booking(booking)
    assert row.round == 1
    assert row.next_round_at == clock.now() + timedelta(seconds=20)
    early = next(offer for offer in offers if offer.id in first)
    assert (await world.accept(early))["booking_id"] == booking
