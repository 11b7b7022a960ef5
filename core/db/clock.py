"""The database's own clock as column values: for leases and holds that several processes must end at the same instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Interval, func, literal, literal_column, select, type_coerce

from core.db.base import UtcDateTime
from core.db.session import ReadUnit


def database_time(dialect: str) -> tuple[ColumnElement[Any], Callable[[float], ColumnElement[Any]]]:
    """The current instant by the database's clock, and the instant some seconds later, as column values."""
    if dialect == "postgresql":
        now: ColumnElement[Any] = func.clock_timestamp(type_=DateTime(timezone=True))
        return now, lambda seconds: now + literal(timedelta(seconds=seconds), Interval())
    micros: ColumnElement[Any] = literal_column("CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)")
    return micros, lambda seconds: literal_column(
        f"CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER) + {int(seconds * 1_000_000)}"
    )


async def database_instant(unit: ReadUnit, ahead: timedelta = timedelta(0)) -> datetime:
    """The instant ``ahead`` of now by the database's clock."""
    at = database_time(unit.dialect)[1](ahead.total_seconds())
    found: datetime = (await unit.session.scalars(select(type_coerce(at, UtcDateTime())))).one()
    return found
