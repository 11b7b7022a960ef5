"""Talks drawn for review: the stated share of each language and stage, by a seed that comes afterwards; once a week, on record."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.clock import ManualClock
from core.db.session import Database
from records.models import AuditEntry
from records.stages import Stage
from scheduler.calendars.localtime import day_start
from scheduler.lifecycle import AssignmentState
from scheduler.models import Assignment, Booking
from scheduler.pool_life.draws import DrawService
from scheduler.pool_life.models import QualityReview, ReviewDraw
from scheduler.pool_life.quality import ReviewCause
from scheduler.pool_life.sampling import Rates, Talk, drawn, frame_hash, parse_rates, sample_rates
from tests.scheduler.world import COORDINATOR, SYSTEM, World, catalogue

RATES = Rates(others=20, languages={"apc": 4})


def talks(language: str, count: int) -> list[Talk]:
    stages = [Stage.IDENTIFICATION] * 3 + [Stage.ASYLUM]
    return [Talk(f"a{language}{n}", f"i{n % 5}", language, stages[n % 4]) for n in range(count)]


def test_each_language_and_stage_has_its_share_whatever_the_seed() -> None:
    frame = talks("apc", 200) + talks("som", 40)
    seen: Counter[str] = Counter()
    for number in range(300):
        found = drawn(frame, RATES, f"seed {number}")
        by_language = Counter(talk.language for talk in found)
        assert by_language == {"apc": 8, "som": 8}
        stages = Counter(talk.stage for talk in found if talk.language == "apc")
        assert abs(stages[Stage.ASYLUM] - 2) <= 1
        seen.update(talk.id for talk in found)
    # Everybody can be drawn, and about equally often: 300 x 20 % of the rare ones.
    assert all(30 < seen[talk.id] < 95 for talk in frame if talk.language == "som")
    assert all(seen[talk.id] for talk in frame)


def test_a_draw_follows_from_list_and_seed_alone() -> None:
    frame = talks("apc", 120)
    assert drawn(frame, RATES, "one") == drawn(frame[::-1], RATES, "one")
    assert drawn(frame, RATES, "one") != drawn(frame, RATES, "two")
    assert frame_hash(frame) == frame_hash(frame[::-1]) != frame_hash(frame[1:])


def test_few_talks_are_drawn_now_and_then_and_the_table_is_checked() -> None:
    few = talks("apc", 5)
    counts = [len(drawn(few, RATES, str(number))) for number in range(400)]
    assert set(counts) == {0, 1}
    assert 50 < sum(counts) < 115, "a fifth of 400 weeks"
    assert set(sample_rates()) == {"RS", "MK"}
    with pytest.raises(ValueError, match="between 1 and 100"):
        parse_rates("RS: {others: 0, languages: {}}")


async def test_one_draw_a_week_with_its_seed_and_who_drew(database: Database, clock: ManualClock) -> None:
    world = await World(database, clock).begin()
    (who,) = await world.interpreters(1)
    booking_id = await world.request(kind="appointment", in_hours=24)
    async with world.database.unit(COORDINATOR) as uow:
        await world.services.bookings.place(uow, booking_id, interpreter_id=who)
    async with world.database.unit(SYSTEM) as uow:
        made = await uow.session.scalar(select(Assignment).where(Assignment.booking_id == booking_id))
        booking = await uow.session.get_one(Booking, booking_id)
        assert made is not None
        made.active_min, made.ended_at = 20, booking.ends_at
        made.state = AssignmentState.HONOURED
    # A seed that draws the only talk there is.
    world.clock.advance(9 * 86400)
    seed = next(
        one
        for one in (f"s{number}" for number in range(500))
        if drawn([Talk(made.id, who, "pbt", Stage.IDENTIFICATION)], sample_rates()["RS"], one)
    )
    draws = DrawService(catalogue(), world.services.pool_life.reviews, seed=lambda: seed)
    async with world.database.unit(SYSTEM) as uow:
        assert await draws.draw_due(uow) == 1
    async with world.database.unit(SYSTEM) as uow:
        assert await draws.draw_due(uow) == 0, "nobody can draw the same week again"
    async with world.database.read(SYSTEM) as unit:
        (view,) = [one for one in await draws.list(unit) if one["picks"]]
        row = await unit.session.scalar(select(ReviewDraw).where(ReviewDraw.country == "RS"))
        review = await unit.session.scalar(select(QualityReview))
        lines = (await unit.session.scalars(select(AuditEntry).where(AuditEntry.action == "review.drawn"))).all()
    assert row is not None
    assert review is not None
    assert (view["seed"], view["talks"], view["rates"]) == (seed, {"pbt": 1}, {"pbt": 4})
    assert day_start(view["week"], "Europe/Belgrade") <= booking.ends_at
    assert (view["picks"][0]["interpreter_code"], view["picks"][0]["review_id"]) == ("I-0001", review.id)
    assert (review.cause, review.method) == (ReviewCause.SAMPLE, "mock")
    assert (row.drawn_by, review.asked_at) == ("system", row.drawn_at)
    assert [line.data["seed"] for line in lines if line.country == "RS"] == [seed]
    assert timedelta(days=14) == review.due_at - review.asked_at
