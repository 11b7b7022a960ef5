"""Who may do what: the decision table over all roles, countries and kinds of ownership."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access import Actor, Country, Membership, Role
from core.errors import Forbidden, NotFound
from signaling import policy
from signaling.auth.principal import Principal
from signaling.policy import (
    BookingFacts,
    BriefingFacts,
    CaseFacts,
    CaseView,
    Part,
    RecordView,
    SessionFacts,
    TopicFacts,
    Verdict,
)

A, R, H = Verdict.ALLOWED, Verdict.REFUSED, Verdict.HIDDEN
RS, MK = Country.RS, Country.MK


def person(role: Role, country: Country, authority: str | None = None, interpreter: str | None = None) -> Principal:
    actor = Actor(
        id=f"user_{role}_{country}_{authority}_{interpreter}",
        code="X-1",
        memberships=frozenset({Membership(role, country)}),
    )
    return Principal(actor=actor, authority=authority, interpreter_id=interpreter)


OWN_DESK = person(Role.INTERVIEWER, RS, "RS-BP")
OTHER_DESK = person(Role.INTERVIEWER, RS, "RS-AO")
NO_DESK = person(Role.INTERVIEWER, RS)
FOREIGN_DESK = person(Role.INTERVIEWER, MK, "MK-BP")
FORGED_DESK = person(Role.INTERVIEWER, MK, "RS-BP")
"""An interviewer of the other country whose account names our authority: the country must decide."""
COORDINATOR = person(Role.COORDINATOR, RS)
FOREIGN_COORDINATOR = person(Role.COORDINATOR, MK)
INTERPRETER = person(Role.INTERPRETER, MK, interpreter="int_1")
OTHER_INTERPRETER = person(Role.INTERPRETER, RS, interpreter="int_2")
ADMINISTRATOR = person(Role.ADMINISTRATOR, RS)
AUDITOR = person(Role.AUDITOR, RS)
FOREIGN_AUDITOR = person(Role.AUDITOR, MK)
EVERYBODY = {
    "own desk": OWN_DESK, "other desk": OTHER_DESK, "no desk": NO_DESK, "foreign desk": FOREIGN_DESK,
    "forged desk": FORGED_DESK, "coordinator": COORDINATOR, "foreign coordinator": FOREIGN_COORDINATOR,
    "interpreter": INTERPRETER, "other interpreter": OTHER_INTERPRETER, "administrator": ADMINISTRATOR,
    "auditor": AUDITOR, "foreign auditor": FOREIGN_AUDITOR,
}  # fmt: skip

CASE = CaseFacts("RS", "RS-BP")
SESSION = SessionFacts("RS", "RS-BP", OWN_DESK.user_id, frozenset({"int_1"}))
BOOKING = BookingFacts("RS", "RS-BP", OWN_DESK.user_id)

QUESTIONS: dict[str, Callable[[Principal], Verdict]] = {
    "open case": lambda who: policy.may_open_case(who, "RS", "RS-BP"),
    "read case": lambda who: policy.may_read_case(who, CASE),
    "change case": lambda who: policy.may_change_case(who, CASE),
    "join": lambda who: policy.may_join(who, SESSION),
    "lead": lambda who: policy.may_lead_session(who, SESSION),
    "read booking": lambda who: policy.may_read_booking(who, BOOKING),
    "steer booking": lambda who: policy.may_steer_booking(who, BOOKING),
    "cancel booking": lambda who: policy.may_cancel_booking(who, BOOKING),
    "dispatch": lambda who: policy.may_dispatch_booking(who, BOOKING),
    "answer offer": lambda who: policy.may_answer_for(who, "int_1"),
    "read pool": policy.may_read_interpreter,
    "change profile": lambda who: policy.may_change_interpreter(who, "RS"),
    "board": lambda who: policy.may_see_board(who, "RS"),
    "ladder": lambda who: policy.may_keep_ladder(who, "RS"),
    "holidays": lambda who: policy.may_correct_holidays(who, "RS"),
    "plan for": lambda who: policy.may_plan_for(who, "RS"),
    "instrument": lambda who: policy.may_manage_instrument(who, "RS"),
    "users": lambda who: policy.may_manage_user(who, [RS]),
    "users of both": lambda who: policy.may_manage_user(who, [RS, MK]),
    "grant": lambda who: policy.may_grant(who, [Membership(Role.AUDITOR, RS)]),
    "audit": lambda who: policy.may_read_audit(who, "RS"),
    "rate": lambda who: policy.may_complain(who, policy.part_in(who, SESSION)),
    "complain": lambda who: policy.may_complain(who, policy.part_in(who, SESSION), "RS"),
    "minutes": lambda who: policy.may_confirm_line(who, "int_1", OWN_DESK.user_id, "RS"),
    "on-call minutes": lambda who: policy.may_confirm_line(who, "int_1", None, "RS"),
}

TABLE = """
                     ope rea cha joi lea rea ste can dis off poo pro boa lad hol pla ins use bot gra aud rat com min dut
own desk             A   A   A   A   A   A   A   A   R   H   R   R   R   R   R   R   R   H   H   R   R   A   A   A   H
other desk           H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
no desk              H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
foreign desk         H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
forged desk          H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
coordinator          H   A   R   R   R   A   R   A   A   H   A   A   A   A   A   A   R   H   H   R   R   H   A   H   A
foreign coordinator  H   H   H   H   H   H   H   H   H   H   A   R   R   R   R   R   R   H   H   R   R   H   H   H   H
interpreter          H   H   H   A   R   H   H   H   H   A   R   R   R   R   R   R   R   H   H   R   R   A   A   A   A
other interpreter    H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
administrator        H   H   H   H   H   H   H   H   H   H   R   R   R   A   R   R   A   A   R   A   R   H   H   H   H
auditor              H   H   H   R   R   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   A   H   H   H   H
foreign auditor      H   H   H   H   H   H   H   H   H   H   R   R   R   R   R   R   R   H   H   R   R   H   H   H   H
"""


def rows() -> list[tuple[str, str, str]]:
    lines = [line for line in TABLE.splitlines() if line.strip()]
    found = []
    for line in lines[1:]:
        name, answers = line[:21].strip(), line[21:].split()
        assert len(answers) == len(QUESTIONS), name
        found += [(name, question, answer) for question, answer in zip(QUESTIONS, answers, strict=True)]
    return found


def test_the_table_asks_everybody_everything() -> None:
    assert len(rows()) == len(EVERYBODY) * len(QUESTIONS)


@pytest.mark.parametrize(("name", "question", "answer"), rows())
def test_decisions(name: str, question: str, answer: str) -> None:
    assert QUESTIONS[question](EVERYBODY[name]).value[0].upper() == answer


def test_verdicts_are_true_only_when_allowed() -> None:
    assert [bool(verdict) for verdict in (A, R, H)] == [True, False, False]
    policy.demand(A)
    with pytest.raises(Forbidden, match="not_allowed"):
        policy.demand(R)
    with pytest.raises(NotFound, match="case_unknown"):
        policy.demand(H, hidden="case_unknown")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("own desk", RecordView.FULL), ("other desk", None), ("foreign desk", None), ("coordinator", RecordView.OUTLINE),
        ("foreign coordinator", None), ("interpreter", None), ("administrator", None), ("auditor", RecordView.FULL),
        ("foreign auditor", None),
    ],
)  # fmt: skip
def test_how_much_of_a_record_is_seen(name: str, expected: RecordView | None) -> None:
    assert policy.record_view(EVERYBODY[name], SESSION) is expected


def test_a_coordinator_sees_no_more_of_a_case_than_coordination_needs() -> None:
    assert policy.case_view(OWN_DESK, CASE) is CaseView.FULL
    assert policy.case_view(COORDINATOR, CASE) is CaseView.COORDINATION
    both = Principal(Actor("u", "X", OWN_DESK.actor.memberships | COORDINATOR.actor.memberships), authority="RS-BP")
    assert policy.case_view(both, CASE) is CaseView.FULL


def test_parts_in_a_session() -> None:
    assert policy.part_in(OWN_DESK, SESSION) is Part.OFFICER
    assert policy.part_in(INTERPRETER, SESSION) is Part.INTERPRETER
    assert policy.part_in(OTHER_DESK, SESSION) is None
    relay = SessionFacts("RS", "RS-BP", OWN_DESK.user_id, frozenset({"int_1", "int_2"}))
    assert policy.part_in(OTHER_INTERPRETER, relay) is Part.INTERPRETER, "both halves of a relay have their part"
    assert policy.part_in(person(Role.INTERPRETER, RS), relay) is None
    former = Principal(Actor(OWN_DESK.user_id, "X", COORDINATOR.actor.memberships), authority="RS-BP")
    assert policy.part_in(former, SESSION) is None, "somebody who is no interviewer any more has no part"


def test_interpreters_of_the_other_country_answer_their_own_offers() -> None:
    assert policy.may_answer_for(INTERPRETER, "int_1")
    assert not policy.may_answer_for(INTERPRETER, "int_2")
    not_active = person(Role.INTERPRETER, MK)
    assert not policy.may_answer_for(not_active, "")


ROOM = """
                 officer interpreter applicant guardian lawyer listener
media.start      A A A A A A
media.answer     A A A A A A
media.candidate  A A A A A A
media.set        A A A A A A
room.leave       A A A A A A
room.signal      A A A A A R
room.pause       A A R R R R
room.resume      A A R R R R
room.got_it      A A R R R R
room.end         A R R R R R
room.language    R A R R R R
room.recuse      R A R R R R
room.number      A A A R R R
room.number_clear A A A A A R
room.phone       A A R R R R
room.sound_only  A A R R R R
room.agree       A R A R R R
room.go_on       A R R R R R
room.opening     A A A A A R
room.unheard_of  R R R R R R
"""


@pytest.mark.parametrize("line", [line for line in ROOM.splitlines()[2:] if line.strip()])
def test_room_messages(line: str) -> None:
    message, *answers = line.split()
    for part, answer in zip(Part, answers, strict=True):
        assert policy.may_room(part, message).value[0].upper() == answer, (part, message)


def test_concern_goes_to_the_officer_and_not_from_there() -> None:
    assert not policy.may_room(Part.OFFICER, "room.signal", "concern")
    assert policy.may_room(Part.INTERPRETER, "room.signal", "concern")


BRIEFING = BriefingFacts("RS", "RS-BP", OWN_DESK.user_id)


def test_who_may_lead_and_steer_a_briefing() -> None:
    assert policy.may_start_briefing(OWN_DESK, "RS", "RS-BP")
    assert policy.may_start_briefing(OTHER_DESK, "RS", "RS-BP") is Verdict.HIDDEN
    assert policy.may_start_briefing(COORDINATOR, "RS", "RS-BP")
    assert policy.may_steer_briefing(OWN_DESK, BRIEFING)
    assert policy.may_steer_briefing(COORDINATOR, BRIEFING)
    colleague = Principal(Actor("user_colleague", "O-9", OWN_DESK.actor.memberships), authority="RS-BP")
    assert policy.may_see_briefing(colleague, BRIEFING)
    assert policy.may_steer_briefing(colleague, BRIEFING) is Verdict.REFUSED
    assert policy.may_steer_briefing(OTHER_DESK, BRIEFING) is Verdict.HIDDEN
    assert policy.may_see_briefing(INTERPRETER, BRIEFING) is Verdict.HIDDEN


@pytest.mark.parametrize(
    ("name", "seat", "allowed"),
    [
        ("own desk", "officer", True), ("interpreter", "interpreter", True), ("other interpreter", "interpreter", True),
        ("own desk", None, False), ("own desk", "interpreter", False), ("interpreter", "officer", False),
        ("coordinator", None, False), ("coordinator", "officer", False), ("foreign desk", "officer", False),
        ("auditor", None, False), ("administrator", "interpreter", False),
    ],
)  # fmt: skip
def test_terms_belong_to_the_two_sides_of_a_session(name: str, seat: str | None, allowed: bool) -> None:
    verdict = policy.may_share_terms(EVERYBODY[name], seat, "RS")
    assert verdict is (Verdict.ALLOWED if allowed else Verdict.HIDDEN)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("own desk", "A"),
        ("other desk", "H"),
        ("foreign desk", "H"),
        ("coordinator", "R"),
        ("interpreter", "H"),
        ("auditor", "H"),
    ],
)
def test_terms_of_a_case_are_read_at_its_desk(name: str, verdict: str) -> None:
    assert policy.may_read_terms(EVERYBODY[name], CASE).value[0].upper() == verdict


def test_every_socket_message_has_a_policy() -> None:
    from typing import get_args

    from signaling.realtime.protocol import RoomMessage

    names = {get_args(model.model_fields["t"].annotation)[0] for model in get_args(RoomMessage)}
    assert names == set(policy.ROOM_MESSAGES)


@pytest.mark.parametrize(
    ("who", "topic", "allowed"),
    [
        (OWN_DESK, TopicFacts("user", OWN_DESK.user_id), True),
        (OWN_DESK, TopicFacts("user", COORDINATOR.user_id), False),
        (OWN_DESK, TopicFacts("room", "session_1"), False),
        (OWN_DESK, TopicFacts("room", "session_1", admitted=True), True),
        (None, TopicFacts("room", "session_1", admitted=True), True),
        (None, TopicFacts("user", ""), False),
        (None, TopicFacts("board", "RS"), False),
        (OWN_DESK, TopicFacts("booking", "b", BOOKING), True),
        (COORDINATOR, TopicFacts("booking", "b", BOOKING), True),
        (FOREIGN_COORDINATOR, TopicFacts("booking", "b", BOOKING), False),
        (INTERPRETER, TopicFacts("booking", "b", BOOKING), False),
        (OWN_DESK, TopicFacts("booking", "b"), False),
        (COORDINATOR, TopicFacts("board", "RS"), True),
        (COORDINATOR, TopicFacts("board", "MK"), False),
        (COORDINATOR, TopicFacts("board", "XX"), False),
        (AUDITOR, TopicFacts("board", "RS"), False),
        (INTERPRETER, TopicFacts("board", "RS"), False),
        (INTERPRETER, TopicFacts("shifts", "RS"), True),
        (INTERPRETER, TopicFacts("shifts", "XX"), False),
        (OWN_DESK, TopicFacts("shifts", "RS"), False),
        (None, TopicFacts("shifts", "RS"), False),
        (COORDINATOR, TopicFacts("frames", "x"), False),
    ],
)
def test_topics(who: Principal | None, topic: TopicFacts, allowed: bool) -> None:
    assert bool(policy.may_follow_topic(who, topic)) is allowed
