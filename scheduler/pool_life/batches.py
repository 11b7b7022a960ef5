"""What accounting was given and has not paid yet: the file of a batch as it was taken, and the list of batches that wait."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from core.db.session import ReadUnit
from core.errors import NotFound
from scheduler.models import Interpreter
from scheduler.pool_life.models import TimesheetLine
from scheduler.pool_life.pay import LineState

_COLUMNS = (
    "line", "interpreter", "engagement", "country", "authority", "kind", "day", "starts_at", "ends_at", "minutes", "currency", "amount",
)  # fmt: skip
Row = tuple[TimesheetLine, str, str, str]
"""A line with the interpreter's code, engagement and zone."""


class BatchView(TypedDict):
    """Lines that were exported together; waits until somebody notes that they are paid."""

    batch: str
    country: str
    exported_at: datetime
    lines: int
    sums: dict[str, int]
    """Minor units by currency."""


def file_of(rows: Iterable[Row]) -> str:
    """The file for accounting: codes, minutes and amounts, never a case or a name."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line, code, engagement, zone in rows:
        local = line.starts_at.astimezone(ZoneInfo(zone))
        minor, currency = line.minor or 0, line.currency.value if line.currency else ""
        writer.writerow(
            (line.id, code, engagement, line.country, line.authority, line.kind.value, local.date().isoformat(),
             _iso(line.starts_at), _iso(line.ends_at), line.minutes, currency, f"{minor // 100}.{minor % 100:02d}")
        )  # fmt: skip
    return out.getvalue()


async def waiting(unit: ReadUnit) -> list[BatchView]:
    """Batches of the actor's countries that nobody has noted as paid, the oldest first."""
    rows = await unit.session.execute(
        select(
            TimesheetLine.batch,
            TimesheetLine.country,
            TimesheetLine.currency,
            func.min(TimesheetLine.exported_at).label("at"),
            func.count().label("lines"),
            func.sum(TimesheetLine.minor).label("minor"),
        )
        .where(TimesheetLine.state == LineState.EXPORTED)
        .group_by(TimesheetLine.batch, TimesheetLine.country, TimesheetLine.currency)
        .order_by(func.min(TimesheetLine.exported_at), TimesheetLine.batch, TimesheetLine.currency)
    )
    found: dict[str, BatchView] = {}
    for row in rows:
        view = found.setdefault(
            row.batch, BatchView(batch=row.batch, country=row.country, exported_at=row.at, lines=0, sums={})
        )
        view["lines"] += int(row.lines)
        view["sums"][row.currency.value] = int(row.minor)
    return list(found.values())


async def again(unit: ReadUnit, batch: str) -> tuple[str, int, str]:
    """The file of a batch once more: country, lines and content. Raises ``NotFound('batch_unknown')``."""
    found = await unit.session.execute(
        select(TimesheetLine, Interpreter.code, Interpreter.engagement, Interpreter.time_zone)
        .join(Interpreter, Interpreter.id == TimesheetLine.interpreter_id)
        .where(TimesheetLine.batch == batch)
        .order_by(Interpreter.code, TimesheetLine.starts_at)
    )
    rows: list[Row] = [(row[0], row[1], row[2], row[3]) for row in found]
    if not rows:
        raise NotFound("batch_unknown")
    return rows[0][0].country, len(rows), file_of(rows)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
