"""Names of the facts that the file tells, and the keys of their bodies: ids and codes only, whoever hears them reads anew.

Stored with the change through ``UnitOfWork.emit``; each body also says the ``country``.
"""

from __future__ import annotations

CASE_CHANGED = "case.changed"
"""A case, its languages, wishes or steps changed: ``{case_id, country, authority}``."""

SESSION_CHANGED = "session.changed"
"""A session has another state or another interpreter: ``{session_id, case_id, booking_id, country, state, at, reason,
interpreting_s, officer_user_id, interpreter_id}`` (``at`` ISO 8601; reason and interpreter_id may be None)."""

SESSION_ENTRY = "session.entry"
"""The log of a session grew by one entry: ``{session_id, seq, country}``."""
