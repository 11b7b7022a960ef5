"""The record of a session: read by the desk of the case, in outline by coordinators, in full by auditors."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from core.errors import NotFound
from scheduler.times import ZONES
from signaling.api.record_models import SessionRecord
from signaling.api.routing import guarded_router
from signaling.api.shapes import Key
from signaling.auth.principal import Principal
from signaling.bootstrap import Services
from signaling.deps import Svc, Who
from signaling.facts import session_facts
from signaling.policy import RecordView, record_view

router: APIRouter = guarded_router("sessions")


@router.get("/api/sessions/{session_id}")
async def read_session(session_id: Key, who: Who, services: Svc) -> SessionRecord:
    """The record with its log and the check of its chain. The look is noted in the audit trail."""
    return await show_record(services, who, session_id, "session.viewed")


async def show_record(services: Services, who: Principal, session_id: str, action: str) -> SessionRecord:
    """The record as far as ``who`` may see it; ``action`` goes into the audit trail. Raises ``NotFound('session_unknown')``."""
    async with services.database.unit(who.actor) as uow:
        facts = await session_facts(uow, session_id)
        view = record_view(who, facts)
        if view is None:
            raise NotFound("session_unknown")
        record: dict[str, Any] = dict(await services.session_log.record(uow, session_id))
        record["zone"] = ZONES[record["country"]]
        if view is RecordView.OUTLINE:
            record["entries"] = []
        services.audit.record(
            uow,
            action,
            session_id,
            country=facts.country,
            purpose="casework" if view is RecordView.FULL else "coordination",
            data={"view": view.value, "chain_ok": bool(record["chain"]["ok"])},
        )
        return SessionRecord.model_validate(record)
