"""Which languages each person in a session speaks, from the session and its interpreters; nothing is guessed from sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from records.models import Session
from signaling.places import Place
from signaling.room_legs import RelayLeg

APPLICANT = "applicant"
INTERPRETER = "interpreter"
OFFICER = "officer"


def spoken(
    session: Session, seated: Sequence[Place], legs: Mapping[str, RelayLeg], *, shared: bool = False
) -> dict[str, tuple[str, ...]]:
    """By place: one language (ISO 639-3), or an interpreter's two, the officer's side second.

    ``shared``: the person sits beside the officer, whose microphone then has two languages as well.

    Guardians and lawyers speak as the officer does. When the interpreter works in a substitute language, the person is
    addressed and answers in it.
    """
    substitute = (session.substitution or {}).get("to")
    person = str(substitute or session.language_confirmed or session.language_declared)
    officer = session.officer_language
    found: dict[str, tuple[str, ...]] = {}
    for place in seated:
        if place.part == APPLICANT:
            found[place.id] = (person,)
        elif place.part == INTERPRETER:
            leg = legs.get(place.id)
            if leg is None:
                pair = (person, officer)
            else:
                pair = (person, leg["pivot"]) if leg["leg"] == 1 else (leg["pivot"], officer)
            found[place.id] = pair if pair[0] != pair[1] else (officer,)
        elif shared and place.part == OFFICER and person != officer:
            found[place.id] = (person, officer)
        else:
            found[place.id] = (officer,)
    return found
