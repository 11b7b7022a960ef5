"""Tables of the agreed terms of a case: which word of the person's language stands for which word of the officer's.

A term is a word, never a statement: it is short, checked against what is forbidden (records.forbidden), and can be wiped. The texts
stand in one place only; the moves say who did what with a term and hold no text, so that a wiped term is gone.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, CountryScoped, EnumText
from records.aids_state import TermMove, TermState

TEXT_LENGTH, NOTE_LENGTH = 80, 120


class CaseTerm(CountryScoped, Base):
    """One pair of words in one language pair of a case. Its texts never change: another wording is another term."""

    __tablename__ = "case_terms"
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), index=True)
    language: Mapped[str] = mapped_column(String(3))
    """The person's language, ISO 639-3."""
    officer_language: Mapped[str] = mapped_column(String(3))
    officer_term: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    """Empty once wiped, as the other texts."""
    person_term: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    note: Mapped[str] = mapped_column(String(NOTE_LENGTH))
    """How the words are used; may be empty."""
    folded: Mapped[str] = mapped_column(String(TEXT_LENGTH))
    """The officer's word as it is compared: a pair has one living term for it."""
    state: Mapped[TermState] = mapped_column(EnumText(TermState), default=TermState.PROPOSED)
    proposed_part: Mapped[str] = mapped_column(String(16))
    state_since: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_case_terms_living",
            "case_id",
            "language",
            "officer_language",
            "folded",
            unique=True,
            sqlite_where=text("state IN ('proposed', 'agreed')"),
            postgresql_where=text("state IN ('proposed', 'agreed')"),
        ),
    )


class CaseTermMove(CountryScoped, Base):
    """One numbered step in the history of the terms of a case; can only be added."""

    __tablename__ = "case_term_moves"
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    """Counts all moves in the case from 1: also the number by which browsers know whether they have the newest list."""
    term_id: Mapped[str] = mapped_column(ForeignKey("case_terms.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str] = mapped_column(String(40))
    at: Mapped[datetime]
    move: Mapped[TermMove] = mapped_column(EnumText(TermMove))
    part: Mapped[str] = mapped_column(String(16))
    code: Mapped[str | None] = mapped_column(String(32))


DDL_SQLITE: list[str] = [
    "CREATE TRIGGER case_term_moves_no_update BEFORE UPDATE ON case_term_moves "
    "BEGIN SELECT RAISE(ABORT, 'grow_only'); END",
]
DDL_POSTGRESQL: list[str] = [
    "CREATE TRIGGER case_term_moves_grow_only BEFORE UPDATE ON case_term_moves "
    "FOR EACH ROW EXECUTE FUNCTION grow_only()",
]
CONFLICTS: dict[str, str] = {"uq_case_terms_living": "term_exists", "pk_case_term_moves": "changed_meanwhile"}
