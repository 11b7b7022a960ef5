"""Transfer instruments: the legal gates for interpreters who sit in the other country (T-2). Shipped closed in both directions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from core.access import Country
from core.clock import new_id
from core.db.session import ReadUnit, UnitOfWork
from core.errors import Invalid, NotFound
from records.stages import Stage
from scheduler.events import POOL_CHANGED
from scheduler.models import TransferInstrument
from scheduler.pool_views import GateRow, gate_row

_COUNTRIES = tuple(country.value for country in Country)


class TransferService:
    """Opens, closes and lists the gates. Who may do so is policy."""

    async def open_gate(
        self,
        uow: UnitOfWork,
        *,
        from_country: str,
        to_country: str,
        basis: str,
        reference: str,
        valid_from: datetime,
        valid_to: datetime | None,
        stages: Sequence[str],
    ) -> GateRow:
        """Open a direction for some stages (T-2). Raises ``Invalid('value_unknown')``, ``Invalid('time_order')``."""
        if from_country not in _COUNTRIES or to_country not in _COUNTRIES or from_country == to_country:
            raise Invalid("value_unknown", {"field": "to_country"})
        if not stages or any(stage not in {member.value for member in Stage} for stage in stages):
            raise Invalid("value_unknown", {"field": "stages"})
        if not basis.strip() or not reference.strip():
            raise Invalid("field_missing", {"field": "reference"})
        if valid_to is not None and valid_to <= valid_from:
            raise Invalid("time_order")
        row = TransferInstrument(
            id=new_id("gate"),
            from_country=from_country,
            to_country=to_country,
            basis=basis.strip()[:120],
            reference=reference.strip()[:120],
            valid_from=valid_from,
            valid_to=valid_to,
            stages=list(dict.fromkeys(stages)),
            created_by=uow.actor.id,
            created_at=uow.now,
        )
        uow.session.add(row)
        await uow.flush()
        uow.emit(POOL_CHANGED, {"country": from_country, "interpreter_id": None}, country=from_country)
        return gate_row(row, uow.now)

    async def close_gate(self, uow: UnitOfWork, gate_id: str) -> GateRow:
        """Close an instrument now; sessions that were agreed stay. Raises ``NotFound('gate_unknown')``."""
        row = await uow.session.get(TransferInstrument, gate_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound("gate_unknown")
        if row.valid_to is None or row.valid_to > uow.now:
            row.valid_to = uow.now
            await uow.flush()
            uow.emit(POOL_CHANGED, {"country": row.from_country, "interpreter_id": None}, country=row.from_country)
        return gate_row(row, uow.now)

    async def gates(self, unit: ReadUnit) -> Sequence[GateRow]:
        """All instruments, the newest first."""
        rows = await unit.session.scalars(select(TransferInstrument).order_by(TransferInstrument.created_at.desc()))
        return [gate_row(row, unit.now) for row in rows]
