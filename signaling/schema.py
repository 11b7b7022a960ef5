"""All tables of the product together, and the codes of their constraints: what migrations and ``Database.open`` are given."""

from __future__ import annotations

import core.db.lease_row
import core.db.outbox_event
import records.aids_models
import records.desk
import records.models
import records.referral_models
import scheduler.briefings.models
import scheduler.calendars.models
import scheduler.demand.models
import scheduler.models
import scheduler.plans.models
import scheduler.pool_life.models
import scheduler.ring.models
import scheduler.rosters.models
import scheduler.surge.models
import signaling.auth.models
import signaling.fallback.models
import signaling.speech.models
import signaling.telephony.models
from core.db.base import Base

METADATA = Base.metadata
_MODULES = (
    core.db.outbox_event,
    core.db.lease_row,
    records.models,
    records.aids_models,
    records.desk,
    records.referral_models,
    scheduler.models,
    scheduler.plans.models,
    scheduler.pool_life.models,
    scheduler.briefings.models,
    scheduler.calendars.models,
    scheduler.demand.models,
    scheduler.ring.models,
    scheduler.rosters.models,
    scheduler.surge.models,
    signaling.auth.models,
    signaling.telephony.models,
    signaling.fallback.models,
    signaling.speech.models,
)
CONFLICTS: dict[str, str] = {
    name: code for module in _MODULES for name, code in getattr(module, "CONFLICTS", {}).items()
}
"""Names of constraints, unique indexes and trigger messages, and the codes of the ``Conflict`` they become."""


def _joined(name: str) -> list[str]:
    return [statement for module in _MODULES for statement in getattr(module, name, [])]


DDL_SQLITE = _joined("DDL_SQLITE")
"""Triggers of SQLite, as raw statements."""
DDL_POSTGRESQL = _joined("DDL_POSTGRESQL")
"""Constraints, functions and triggers of PostgreSQL, as raw statements."""
