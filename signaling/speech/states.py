"""The states of a draft transcript, the answers of people, and whose sound may leave the media node now. Pure.

S-12 as it stands in this house: only in open mode, only where country and step allow it, only while each person who is
present has said yes. A no, and taking a yes back, ends it for this session: nobody is asked twice.

Whoever has a screen answers on it. Who takes part by telephone alone presses a key. The person, a guardian or a lawyer who has
neither (they sit beside the officer) is asked through the interpreter, in words read out from the screen. The interpreter alone
understood the answer: a yes that the officer notes counts once the interpreter confirms having asked and heard it. Staff always answer
for themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Conflict
from records.lifecycle import SessionState


class DraftState(StrEnum):
    """Where a draft stands."""

    ASKING = "asking"
    """Everybody present is being asked."""
    RUNNING = "running"
    STOPPED = "stopped"
    KEPT = "kept"
    """The session is over and its text is in the record, by decision of the officer."""
    WIPED = "wiped"
    """The session is over and the text is deleted."""


class DraftMove(StrEnum):
    """What happens to a draft."""

    ALL_AGREED = "all_agreed"
    STOP = "stop"
    ASK_AGAIN = "ask_again"
    KEEP = "keep"
    WIPE = "wipe"


_MOVES: Mapping[tuple[DraftState, DraftMove], DraftState] = {
    (DraftState.ASKING, DraftMove.ALL_AGREED): DraftState.RUNNING,
    (DraftState.ASKING, DraftMove.STOP): DraftState.STOPPED,
    (DraftState.RUNNING, DraftMove.STOP): DraftState.STOPPED,
    (DraftState.STOPPED, DraftMove.ASK_AGAIN): DraftState.ASKING,
    **{(state, DraftMove.KEEP): DraftState.KEPT for state in (DraftState.RUNNING, DraftState.STOPPED)},
    **{
        (state, DraftMove.WIPE): DraftState.WIPED
        for state in (DraftState.ASKING, DraftState.RUNNING, DraftState.STOPPED)
    },
}
OPEN = frozenset({DraftState.ASKING, DraftState.RUNNING})
OVER = frozenset({DraftState.KEPT, DraftState.WIPED})


def moved(state: DraftState, move: DraftMove) -> DraftState:
    """The next state. Raises ``Conflict('draft_not_possible')``."""
    found = _MOVES.get((state, move))
    if found is None:
        raise Conflict("draft_not_possible")
    return found


class StopReason(StrEnum):
    """Why a draft stopped."""

    OFFICER = "officer"
    """The officer stopped it; it may begin again."""
    SWITCHED_OFF = "switched_off"
    """Country or step no longer allow it."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Answer(StrEnum):
    """What a person answered."""

    ASKED = "asked"
    """Nothing yet."""
    SAID = "said"
    """The officer noted a yes that the interpreter has not confirmed: it opens nothing."""
    YES = "yes"
    NO = "no"
    WITHDRAWN = "withdrawn"


class How(StrEnum):
    """How an answer came."""

    OWN_SCREEN = "own_screen"
    OWN_KEY = "own_key"
    """A key of their own telephone, after the question was said in the room."""
    SPOKEN = "spoken"
    """Said through the interpreter; officer or interpreter noted it."""


class Flow(StrEnum):
    """What happens with the sound at this moment."""

    ASKING = "asking"
    RUNNING = "running"
    BREAK = "break"
    """The talk rests: nothing is listened to."""
    ABSENT = "absent"
    """The person is neither in the room with a device of their own nor named as sitting beside the officer: nothing is listened to."""
    NEWCOMER = "newcomer"
    """Somebody came who has not answered: nothing is listened to until they agree."""
    STOPPED = "stopped"


class Barred(StrEnum):
    """Why no draft can be made in a session; the error code is ``draft_<barred>``."""

    SEALED = "sealed"
    """The talk is end-to-end encrypted: the house cannot hear it."""
    STEP_NEVER = "step_never"
    """This step is never recorded nor written down (lawyer, examination)."""
    COUNTRY_OFF = "country_off"
    STEP_OFF = "step_off"
    NO_MODEL = "no_model"
    """No model is configured on this house."""


@dataclass(frozen=True)
class Seated:
    """Somebody who is in the room now (a cut line counts), and their answer, none if never asked."""

    place_id: str | None
    """None for somebody who sits beside the officer: the officer's microphone hears them."""
    answer: Answer | None
    part: str


def barred(*, mode: str, step_never: bool, country_on: bool, step_on: bool, has_model: bool) -> Barred | None:
    """The first thing that stands against a draft."""
    checks = (
        (mode != "open", Barred.SEALED),
        (step_never, Barred.STEP_NEVER),
        (not country_on, Barred.COUNTRY_OFF),
        (not step_on, Barred.STEP_OFF),
        (not has_model, Barred.NO_MODEL),
    )
    return next((reason for fails, reason in checks if fails), None)


PERSON = "applicant"
BESIDE = (PERSON, "guardian", "lawyer")
"""Parts that may sit beside the officer without a device, and be asked through the interpreter."""


def has_person(people: Sequence[Seated]) -> bool:
    """Whether the person is here, with a device of their own or named as sitting beside the officer. Who is neither can be heard
    by the officer's microphone and has not been asked."""
    return any(person.part == PERSON for person in people)


def all_agreed(people: Sequence[Seated]) -> bool:
    """Whether everybody who is here said yes, the person among them."""
    return has_person(people) and all(person.answer is Answer.YES for person in people)


def flow(state: DraftState, session: SessionState, people: Sequence[Seated]) -> Flow:
    """What happens with the sound."""
    if state is DraftState.ASKING:
        return Flow.ASKING
    if state is not DraftState.RUNNING:
        return Flow.STOPPED
    if not has_person(people):
        return Flow.ABSENT
    if not all_agreed(people):
        return Flow.NEWCOMER
    return Flow.RUNNING if session is SessionState.ACTIVE else Flow.BREAK


def allowed(current: Flow, people: Sequence[Seated]) -> frozenset[str]:
    """Whose sound may leave the node: everybody's or nobody's."""
    if current is not Flow.RUNNING:
        return frozenset()
    return frozenset(person.place_id for person in people if person.place_id is not None)


def shares_microphone(people: Sequence[Seated]) -> bool:
    """Whether the officer's microphone is that of somebody else too, so that a line of it may be of either."""
    return any(person.place_id is None for person in people)
