"""What-if plans that people ask for: stored, run one at a time in a child process, with progress, cancel and a time limit."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypedDict

from pydantic import ValidationError
from sqlalchemy import func, select

from core.access import Actor
from core.clock import new_id
from core.db.session import Database, ReadUnit, UnitOfWork
from core.errors import Conflict, Invalid, NotFound
from core.jobs import Job, Lease
from scheduler.surge.models import SurgeRun
from scheduler.whatif.plan import PlanInput, PlanResult

log = logging.getLogger(__name__)
JOB = "surge.plans"
RUN_CHANGED = "surge.run"
"""A plan was asked for or is over: ``{country, run_id, state}``."""
TIME_LIMIT = 300.0
"""Seconds that one plan may compute."""
MOST_WAITING = 5
"""Plans that may wait per country; more are refused."""
KEEP = 50
_LOST_AFTER = timedelta(seconds=60)
_LINE_LIMIT = 4 * 1024 * 1024
_OPEN = ("waiting", "running")


class RunView(TypedDict):
    """One plan, with its answer once there is one."""

    id: str
    country: str
    title: str
    made_at: datetime
    made_by: str
    state: str
    progress: float
    asked: dict[str, Any]
    found: dict[str, Any] | None
    error: str | None
    ended_at: datetime | None


class PlanRuns:
    """Asks for plans, shows them, and works them off."""

    def __init__(self, database: Database, *, time_limit: float = TIME_LIMIT) -> None:
        self._database = database
        self._limit = time_limit

    async def ask(self, uow: UnitOfWork, plan: PlanInput, *, title: str) -> RunView:
        """Store a plan to be run. Raises ``Conflict('too_many_plans')`` (most)."""
        waiting = await uow.session.scalar(
            select(func.count())
            .select_from(SurgeRun)
            .where(SurgeRun.country == plan.country, SurgeRun.state.in_(_OPEN))
        )
        if (waiting or 0) >= MOST_WAITING:
            raise Conflict("too_many_plans", {"most": MOST_WAITING})
        row = SurgeRun(
            id=new_id("plan"),
            country=plan.country,
            made_at=uow.now,
            made_by=uow.actor.code,
            title=title.strip()[:80],
            state="waiting",
            progress=0.0,
            asked=plan.model_dump(mode="json"),
        )
        uow.session.add(row)
        await self._forget_old(uow, plan.country)
        uow.emit(RUN_CHANGED, {"country": row.country, "run_id": row.id, "state": row.state}, country=row.country)
        await uow.flush()
        return view_of(row)

    async def get(self, unit: ReadUnit, run_id: str) -> RunView:
        """One plan. Raises ``NotFound('plan_unknown')``."""
        return view_of(await _row(unit, run_id))

    async def latest(self, unit: ReadUnit, country: str) -> list[RunView]:
        """The newest plans without their series, newest first."""
        rows = await unit.session.scalars(
            select(SurgeRun)
            .where(SurgeRun.country == country)
            .order_by(SurgeRun.made_at.desc(), SurgeRun.id.desc())
            .limit(KEEP)
        )
        return [view_of(row, brief=True) for row in rows]

    async def cancel(self, uow: UnitOfWork, run_id: str) -> RunView:
        """Stop a plan that waits or runs; one that is over stays as it is. Raises ``NotFound('plan_unknown')``."""
        row = await _row(uow, run_id)
        if row.state in _OPEN:
            row.state, row.ended_at = "cancelled", uow.now
            await uow.flush()
        return view_of(row)

    def jobs(self) -> list[Job]:
        """For ``core.jobs.JobRunner``; wake ``surge.plans`` on news."""
        return [Job(JOB, every=5, run=self._work)]

    async def _work(self, _: Lease) -> None:
        while (run_id := await self._next()) is not None:
            await self._one(run_id)

    async def _next(self) -> str | None:
        """The oldest that waits; what a dead process left running is failed."""
        async with self._database.unit(Actor.system()) as uow:
            lost = await uow.session.scalars(
                select(SurgeRun).where(SurgeRun.state == "running", SurgeRun.seen_at < uow.now - _LOST_AFTER)
            )
            for gone in lost:
                gone.state, gone.error, gone.ended_at = "failed", "interrupted", uow.now
            row = await uow.session.scalar(
                select(SurgeRun).where(SurgeRun.state == "waiting").order_by(SurgeRun.made_at, SurgeRun.id).limit(1)
            )
            if row is None:
                return None
            row.state, row.seen_at = "running", uow.now
            return row.id

    async def _one(self, run_id: str) -> None:
        async with self._database.read(Actor.system()) as unit:
            asked = json.dumps((await _row(unit, run_id)).asked)
        found: dict[str, Any] | None = None
        error: str | None = None
        try:
            found = await asyncio.wait_for(run_child(asked, lambda share: self._seen(run_id, share)), self._limit)
        except TimeoutError:
            error = "time_limit"
        except _CancelledPlan:
            return
        except (OSError, ChildFailedError):
            log.warning("surge_plan_failed", exc_info=True)
            error = "failed"
        async with self._database.unit(Actor.system()) as uow:
            row = await _row(uow, run_id)
            if row.state != "running":
                return
            row.state = "done" if found is not None else "failed"
            row.found, row.error, row.ended_at, row.progress = found, error, uow.now, 1.0
            uow.emit(RUN_CHANGED, {"country": row.country, "run_id": row.id, "state": row.state}, country=row.country)

    async def _seen(self, run_id: str, share: float) -> None:
        """Note the progress; raises ``_CancelledPlan`` when somebody has stopped it."""
        async with self._database.unit(Actor.system()) as uow:
            row = await _row(uow, run_id)
            if row.state != "running":
                raise _CancelledPlan
            row.progress, row.seen_at = share, uow.now

    async def _forget_old(self, uow: UnitOfWork, country: str) -> None:
        await uow.session.flush()
        rows = await uow.session.scalars(
            select(SurgeRun)
            .where(SurgeRun.country == country, SurgeRun.state.not_in(_OPEN))
            .order_by(SurgeRun.made_at.desc(), SurgeRun.id.desc())
            .offset(KEEP - 1)
        )
        for row in rows:
            await uow.session.delete(row)


class ChildFailedError(Exception):
    """The worker process ended without an answer."""


class _CancelledPlan(Exception):  # noqa: N818 - not an error: somebody has stopped it
    pass


async def run_child(asked: str, progress: Callable[[float], Awaitable[None]]) -> dict[str, Any]:
    """Run one plan in a child process; it is killed when this is cancelled or ``progress`` raises. Raises ``ChildFailedError``."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "scheduler.whatif.child",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_LINE_LIMIT,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(asked.encode())
        child.stdin.close()
        told_at = asyncio.get_running_loop().time()
        async for line in child.stdout:
            said = json.loads(line)
            if "found" in said:
                return PlanResult.model_validate(said["found"]).model_dump(mode="json")
            now = asyncio.get_running_loop().time()
            if now - told_at >= 1.0:
                told_at = now
                await progress(float(said["progress"]))
        raise ChildFailedError
    except (ValidationError, ValueError, BrokenPipeError, ConnectionResetError) as error:
        raise ChildFailedError from error
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
        await child.wait()


def view_of(row: SurgeRun, *, brief: bool = False) -> RunView:
    """As screens show it; ``brief`` leaves the series out."""
    found = row.found
    if brief and found is not None:
        found = {key: value for key, value in found.items() if key not in ("series", "by_language")}
    return RunView(
        id=row.id,
        country=row.country,
        title=row.title,
        made_at=row.made_at,
        made_by=row.made_by,
        state=row.state,
        progress=row.progress,
        asked=dict(row.asked),
        found=found,
        error=row.error,
        ended_at=row.ended_at,
    )


def checked(data: dict[str, Any]) -> PlanInput:
    """A plan from outside. Raises ``Invalid('plan_wrong')`` (field)."""
    try:
        return PlanInput.model_validate(data)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "plan"
        raise Invalid("plan_wrong", {"field": where}) from error


async def _row(unit: ReadUnit, run_id: str) -> SurgeRun:
    row = await unit.session.get(SurgeRun, run_id, populate_existing=True)
    if row is None:
        raise NotFound("plan_unknown")
    return row
