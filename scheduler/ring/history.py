"""How probable it is that somebody accepts: a beta-binomial estimate from their own answers, in which recent ones count more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from core.db.session import ReadUnit, UnitOfWork
from scheduler.ladder import Odds
from scheduler.ring.models import Standing
from scheduler.ring.policy import LadderPolicy


def faded(count: float, since: datetime, now: datetime, half_life: timedelta) -> float:
    """What is left of a count after the time from ``since`` to ``now``; a clock that went back changes nothing."""
    return float(count * 0.5 ** (max(timedelta(0), now - since) / half_life))


def chance(taken: float, asked: float, *, prior: float, weight: float) -> float:
    """The mean of the beta distribution after ``taken`` of ``asked`` rings, from a prior mean worth ``weight`` answers."""
    return (prior * weight + taken) / (weight + max(asked, taken))


async def odds_of(unit: ReadUnit, interpreter_ids: Iterable[str], policy: LadderPolicy) -> Odds:
    """The chances of these people, as the width of a ring needs them."""
    prior, half_life = policy.prior_percent / 100, timedelta(days=policy.half_life_days)
    rows = await unit.session.execute(
        select(Standing.interpreter_id, Standing.asked, Standing.taken, Standing.counted_at).where(
            Standing.interpreter_id.in_(sorted(set(interpreter_ids)))
        )
    )
    chances = {
        row.interpreter_id: chance(
            faded(row.taken, row.counted_at, unit.now, half_life),
            faded(row.asked, row.counted_at, unit.now, half_life),
            prior=prior,
            weight=policy.prior_weight,
        )
        for row in rows
    }
    return Odds(aim=policy.aim_percent / 100, usual=prior, chances=chances)


async def count_answers(uow: UnitOfWork, answers: Mapping[str, bool], *, half_life_days: int) -> None:
    """Count one ring for each of these people: taken or not. Rows are locked in the order of their ids."""
    for row in await standings(uow, answers):
        half_life = timedelta(days=half_life_days)
        row.asked = faded(row.asked, row.counted_at, uow.now, half_life) + 1
        row.taken = faded(row.taken, row.counted_at, uow.now, half_life) + answers[row.interpreter_id]
        row.counted_at = max(row.counted_at, uow.now)
    await uow.flush()


async def standings(uow: UnitOfWork, interpreter_ids: Iterable[str]) -> list[Standing]:
    """The rows of these people under lock, made where there was none."""
    ids = sorted(set(interpreter_ids))
    if not ids:
        return []
    await uow.flush()
    new = [{"interpreter_id": who, "asked": 0.0, "taken": 0.0, "counted_at": uow.now} for who in ids]
    if uow.dialect == "postgresql":
        await uow.session.execute(postgresql.insert(Standing).values(new).on_conflict_do_nothing())
    else:
        await uow.session.execute(sqlite.insert(Standing).values(new).on_conflict_do_nothing())
    rows = await uow.session.scalars(
        select(Standing)
        .where(Standing.interpreter_id.in_(ids))
        .order_by(Standing.interpreter_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(rows.all())
