"""The words that officer and interpreter agreed on in the talks of the demo: from the base glossary, through the real services."""

from __future__ import annotations

from core.access import Actor
from core.errors import Conflict
from records.aids_glossary import load_glossary
from records.aids_state import TermMove
from records.aids_terms import By, NewTerm, language_pair
from records.models import Session
from signaling.bootstrap import Services

_AGREED = 4
"""So many words of a talk are agreed; one more waits for an answer."""
_NOTE = "as in the leaflet"


async def tell_terms(services: Services, session_id: str, *, officer: str, interpreter: str) -> None:
    """The first words of the glossary in the language pair of a running session; nothing where it has none.

    Words that an earlier talk of the case agreed on stand already and stay as they are.
    """
    async with services.database.unit(Actor.system()) as uow:
        session = await uow.session.get(Session, session_id)
        assert session is not None
        language, officer_language = language_pair(session)
        entry = services.languages.get(language)
        words = load_glossary().pair(officer_language, language, entry.group if entry is not None else None)
        ours, theirs = By(session_id, "officer", officer), By(session_id, "interpreter", interpreter)
        terms = services.live.aids.terms
        for number, word in enumerate(words[: _AGREED + 1]):
            new = NewTerm(word["officer_term"], word["person_term"], _NOTE if number == 0 else "", no_name=True)
            try:
                term, _ = await terms.propose(uow, session, ours if number % 2 else theirs, new)
            except Conflict:
                continue
            if number < _AGREED:
                await terms.move(uow, session, theirs if number % 2 else ours, term.id, TermMove.AGREE)
