"""Names of the facts that the queue and the pool tell, and the keys of their bodies: ids and codes only.

Stored with the change through ``UnitOfWork.emit``; each body also says the ``country`` of the booking (for presence: the
interpreter's base country). ``user_id`` is the account of the interpreter, None if there is none.
"""

from __future__ import annotations

BOOKING_CHANGED = "booking.changed"
"""State, round, rung, offers or interpreter of a booking changed: ``{booking_id, case_id, country, state, round,
requested_by, interpreter_id, session_id}`` (``requested_by`` is a user id)."""

OFFER_SENT = "offer.sent"
"""An interpreter is asked: ``{offer_id, booking_id, interpreter_id, user_id, country, kind, round, expires_at}``."""

OFFER_ENDED = "offer.ended"
"""An offer was answered, ran out or was taken back: ``{offer_id, booking_id, interpreter_id, user_id, country, state,
reason}``."""

ASSIGNMENT_CHANGED = "assignment.changed"
"""An interpreter was bound to a booking or is no longer: ``{assignment_id, booking_id, session_id, interpreter_id, user_id,
country, state}``."""

PRESENCE_CHANGED = "presence.changed"
"""An interpreter is available, busy or away now: ``{interpreter_id, user_id, country, state}``."""

POOL_CHANGED = "pool.changed"
"""A profile of the pool or a transfer gate changed: ``{country, interpreter_id}`` (None for a gate)."""

ROSTER_CHANGED = "roster.changed"
"""A roster has a newer version, is searched, or holds now: ``{roster_id, country, version, published}``."""

SWAP_CHANGED = "swap.changed"
"""A shift was offered to colleagues, taken, given away, refused or kept after all: ``{swap_id, country, state}``."""

CALENDAR_CHANGED = "calendar.changed"
"""Stated hours or absences of an interpreter changed: ``{interpreter_id, country}`` (base country), never what or why."""
