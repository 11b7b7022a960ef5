"""All tables of the product, loaded, and the codes of their constraints: what ``signaling.bootstrap`` hands to ``core``."""

from __future__ import annotations

import core.db.lease_row
import core.db.outbox_event
import records.models
import scheduler.models
import signaling.auth.models
from core.db.base import Base

METADATA = Base.metadata
MODULES = (core.db.outbox_event, core.db.lease_row, records.models, scheduler.models, signaling.auth.models)


def _joined(name: str) -> list[str]:
    return [statement for module in MODULES for statement in getattr(module, name, [])]


DDL_SQLITE = _joined("DDL_SQLITE")
DDL_POSTGRESQL = _joined("DDL_POSTGRESQL")
CONFLICTS: dict[str, str] = {
    name: code for module in MODULES for name, code in getattr(module, "CONFLICTS", {}).items()
}
