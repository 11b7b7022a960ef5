"""From when people can come into the room of a booking."""

from __future__ import annotations

from datetime import datetime

from scheduler.models import Booking
from scheduler.times import JOIN_OPENS_BEFORE


def join_opens_at(booking: Booking) -> datetime:
    """From when the room can be entered: at once for now, ten minutes before an appointment."""
    return booking.starts_at if booking.kind == "now" else booking.starts_at - JOIN_OPENS_BEFORE
