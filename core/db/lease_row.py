"""The table of leases: which process runs which periodic job, until when, and with which fencing number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base


class JobLease(Base):
    """One periodic job. ``fence`` grows whenever the lease changes hands, so that a late holder is recognised."""

    __tablename__ = "job_leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    fence: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    """By the clock of the database, the only one that all holders share."""
