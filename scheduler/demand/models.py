"""Tables of demand: how many requests came when, as bare counts, and the forecasts that were made from them.

Nothing here points at a case, a booking or a person: counts per country, language and half-hour outlive what was counted.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped


class DemandCount(CountryScoped, Base):
    """One half-hour of one language in one country; a half-hour without a row inside the counted span had nothing."""

    __tablename__ = "demand_counts"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    language: Mapped[str] = mapped_column(String(3), primary_key=True)
    starts_at: Mapped[datetime] = mapped_column(primary_key=True)
    """Start of the half-hour as an instant; weekday and time of day follow from it and ``zone``."""
    zone: Mapped[str] = mapped_column(String(40))
    """The country's time zone when it was counted."""
    arrivals: Mapped[int] = mapped_column(Integer, default=0)
    """Requests for an interpreter now that were made in it."""
    scheduled: Mapped[int] = mapped_column(Integer, default=0)
    """Appointments that began in it and were not called off before."""

    __table_args__ = (
        CheckConstraint("arrivals >= 0 AND scheduled >= 0", name="not_negative"),
        Index("ix_demand_counts_time", "country", "starts_at"),
    )


class DemandSpan(Base):
    """From when until when the requests of a country are counted; the next count goes on from ``counted_until``."""

    __tablename__ = "demand_spans"
    country: Mapped[str] = mapped_column(String(2), primary_key=True)
    counted_from: Mapped[datetime]
    counted_until: Mapped[datetime]


class DemandForecast(CountryScoped, Base):
    """A forecast as it was made: the better model by its score on held-out weeks, and what the others scored."""

    __tablename__ = "demand_forecasts"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(index=True)
    model: Mapped[str] = mapped_column(String(16))
    """level1, level2 or seasonal_naive."""
    fitted: Mapped[dict[str, Any]]
    """What the model needs to be read (``scheduler.demand.forecast``)."""
    scores: Mapped[list[Any]]
    """Per model: pinball loss, cover of the 90 % band, weeks held out."""
