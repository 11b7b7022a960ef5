"""The table of referral tasks (S-10): that somebody must look after a person, since when and until when. Never what was said or seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from records.lifecycle import ReferralState


class ReferralTask(CountryScoped, Base):
    """A concern that was raised in a talk and that an officer of the authority has to close; one per talk."""

    __tablename__ = "referral_tasks"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), unique=True)
    authority: Mapped[str] = mapped_column(String(16))
    raised_by_part: Mapped[str] = mapped_column(String(16))
    """interpreter, guardian ...; ``officer`` for a talk that was ended because of distress."""
    raised_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[ReferralState] = mapped_column(EnumText(ReferralState), default=ReferralState.OPEN, index=True)
    overdue_told_at: Mapped[datetime | None]
    """When the coordinators were told that its time is over."""
    outcome: Mapped[str | None] = mapped_column(String(32))
    closed_at: Mapped[datetime | None]
    closed_by_code: Mapped[str | None] = mapped_column(String(32))


CONFLICTS: dict[str, str] = {"uq_referral_tasks_session_id": "changed_meanwhile"}
"""What a refusal by the database means: two raised the first concern of a talk at the same moment."""
