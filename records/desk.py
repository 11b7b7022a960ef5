"""What the language desk leaves in a case: how a language was found, and which aids were used. Rows are only added.

A finding says which language to work in and how sure people are of it. It says nothing about where a person comes from, and
there is no column that could. An aid (a phrase that was shown) is never interpretation (M-13).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText


class Confidence(StrEnum):
    """How sure the people at the desk are; no number, because none was measured."""

    SURE = "sure"
    PROBABLY = "probably"
    UNSURE = "unsure"


class FoundBy(StrEnum):
    """How a language was found."""

    CARD = "card"
    REGION = "region"
    """The way of speaking that the person pointed to."""
    TOLD = "told"
    """Somebody said the name of the language."""
    HELPER = "helper"
    """The listening helper ranked it; never alone: a person confirmed."""
    FINDER_CALL = "finder_call"


class ConfirmedBy(StrEnum):
    """Which person confirmed it."""

    PERSON = "person"
    OFFICER = "officer"
    INTERPRETER = "interpreter"


class AidKind(StrEnum):
    """What was shown or played in place of an interpreter who is not there yet."""

    PHRASE = "phrase"


class LanguageFinding(CountryScoped, Base):
    """What the desk found out about the language of a case, once; the newest counts."""

    __tablename__ = "language_findings"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    language: Mapped[str] = mapped_column(String(3))
    """The working language as it was pointed to, perhaps a group such as ``ara``."""
    variant: Mapped[str | None] = mapped_column(String(3))
    """The variety within it, such as ``apc``."""
    fallback: Mapped[str | None] = mapped_column(String(3))
    """A second language that the person understands."""
    confidence: Mapped[Confidence] = mapped_column(EnumText(Confidence))
    found_by: Mapped[list[str]]
    """``FoundBy`` values, in order."""
    confirmed_by: Mapped[ConfirmedBy] = mapped_column(EnumText(ConfirmedBy))
    by_code: Mapped[str] = mapped_column(String(32))
    """Staff code of the officer at the desk."""
    at: Mapped[datetime]

    __table_args__ = (Index("ix_language_findings_case", "case_id", "at"),)


class CaseAid(CountryScoped, Base):
    """One use of an aid in a case (M-13)."""

    __tablename__ = "case_aids"
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    """Made from the idempotency key when there is one: a repeated message adds nothing."""
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"))
    step_id: Mapped[str | None] = mapped_column(String(40))
    kind: Mapped[AidKind] = mapped_column(EnumText(AidKind))
    ref: Mapped[str] = mapped_column(String(8))
    """Which one, such as ``P05``; the words are in the product, not in the record."""
    language: Mapped[str] = mapped_column(String(3))
    used_at: Mapped[datetime]
    """When it was shown; a tablet without a line tells it later."""
    at: Mapped[datetime]
    """When it was told."""
    by_code: Mapped[str] = mapped_column(String(32))

    __table_args__ = (Index("ix_case_aids_case", "case_id", "used_at"),)


_GROW_ONLY = ("language_findings", "case_aids")

DDL_SQLITE: list[str] = [
    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, 'grow_only'); END"
    for table in _GROW_ONLY
    for verb in ("UPDATE", "DELETE")
]
DDL_POSTGRESQL: list[str] = [
    f"CREATE TRIGGER {table}_grow_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION grow_only()"
    for table in _GROW_ONLY
]
