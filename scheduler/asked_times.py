"""What a desk sees of the asking for another time of an agreed appointment. Reads only; ``booking.proposals`` asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from sqlalchemy import func, select

from core.db.session import ReadUnit
from scheduler.lifecycle import ProposalState
from scheduler.models import TimeProposal


class ProposalView(TypedDict):
    """The latest question about an appointment."""

    starts_at: datetime
    ends_at: datetime
    state: str
    """asked, declined or expired."""
    expires_at: datetime


async def latest_proposals(unit: ReadUnit, booking_ids: Sequence[str]) -> dict[str, ProposalView]:
    """Per booking the latest question, if it was neither taken back nor answered with yes."""
    if not booking_ids:
        return {}
    newest = (
        select(TimeProposal.booking_id, func.max(TimeProposal.asked_at).label("at"))
        .where(TimeProposal.booking_id.in_(booking_ids))
        .group_by(TimeProposal.booking_id)
        .subquery()
    )
    rows = await unit.session.scalars(
        select(TimeProposal)
        .join(newest, (newest.c.booking_id == TimeProposal.booking_id) & (newest.c.at == TimeProposal.asked_at))
        .where(TimeProposal.state.in_([ProposalState.ASKED, ProposalState.DECLINED, ProposalState.EXPIRED]))
        .execution_options(populate_existing=True)
    )
    return {
        row.booking_id: ProposalView(
            starts_at=row.starts_at, ends_at=row.ends_at, state=row.state.value, expires_at=row.expires_at
        )
        for row in rows
    }
