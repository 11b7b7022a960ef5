"""Needs, interpreters and strategies for the tests of matching."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from records.stages import Level, Mode, Stage
from scheduler.languages import LanguageSource, PersonLanguage, load_languages
from scheduler.need import (
    AsylumCase,
    Candidate,
    LocationStatus,
    MatchRules,
    Need,
    Presence,
    Sex,
    SexWish,
    TransferGate,
)

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
LANGUAGES = load_languages()
GATE = TransferGate(
    "ti_1", "RS", "MK", NOW - timedelta(days=1), NOW + timedelta(days=90), frozenset(Stage), "Demo 1/2026"
)
CLOSED = MatchRules(LANGUAGES)
OPEN = MatchRules(LANGUAGES, (GATE,))


def speaks(*codes: str) -> tuple[PersonLanguage, ...]:
    return tuple(PersonLanguage(code) for code in codes)


def need(**changes: Any) -> Need:
    """Southern Pashto at an identification in Serbia, now."""
    plain = Need(
        case_id="case_1",
        country="RS",
        stage=Stage.IDENTIFICATION,
        step_code="RS-ID-20",
        languages=speaks("pbt"),
        officer_languages=frozenset({"srp"}),
        min_level=Level.L1,
        now=NOW,
        at=NOW,
        minutes=15,
    )
    return replace(plain, **changes)


def minute(after: int) -> datetime:
    """So many minutes after the moment of the tests."""
    return NOW + timedelta(minutes=after)


def person(number: int = 1, **changes: Any) -> Candidate:
    """An interpreter who is eligible for the plain need with nothing to add or subtract."""
    plain = Candidate(
        id=f"int_{number:04d}",
        code=f"I-{number:04d}",
        pairs=frozenset({("pbt", "srp")}),
        level=Level.L3,
        vetting_until=NOW + timedelta(days=100),
        nda_until=NOW + timedelta(days=100),
        conduct_until=NOW + timedelta(days=100),
        sex=Sex.MAN,
        location=LocationStatus.APPROVED_ROOM,
        child_trained=True,
        trauma_trained=True,
        presence=Presence.AVAILABLE,
        idle_since=NOW - timedelta(hours=1),
    )
    return replace(plain, **changes)


# Sound people are common, so that rankings are not empty; every fact also takes its other values.
_until = st.sampled_from(
    [NOW + timedelta(days=30)] * 8 + [None, NOW, NOW + timedelta(minutes=10), NOW - timedelta(days=1)]
)
_usually = st.sampled_from([True] * 6 + [False])
_seldom = st.sampled_from([False] * 9 + [True])
_spoken = st.sampled_from(["pbt", "pbt", "pbu", "pst", "prs", "pes", "apc", "acm", "arb", "ckb"])
_toward = st.sampled_from(["srp", "srp", "bos", "mkd", "eng"])
_hours = st.sampled_from(
    [None, None, None, (), ((-60, 15),), ((0, 120),), ((-60, 10), (20, 80)), ((-60, 5), (15, 40), (60, 75))]
)
_work = st.lists(st.sampled_from([-40, -15, 0, 10, 15, 45]), max_size=3, unique=True)


@st.composite
def candidates(draw: st.DrawFn, number: int) -> Candidate:
    return Candidate(
        id=f"int_{number:04d}",
        code=f"I-{draw(st.integers(0, 3)):04d}-{number}",
        pairs=frozenset(draw(st.lists(st.tuples(_spoken, _toward), min_size=1, max_size=4))),
        level=draw(st.sampled_from([Level.L3, Level.L3, Level.L2, Level.L1, Level.L0])),
        vetting_until=draw(_until),
        nda_until=draw(_until),
        conduct_until=draw(_until),
        sex=draw(st.sampled_from(Sex)),
        base_country=draw(st.sampled_from(["RS", "RS", "RS", "MK", "EL"])),
        location=draw(st.sampled_from(LocationStatus)),
        modes=draw(st.sampled_from([frozenset({Mode.VIDEO}), frozenset(Mode), frozenset({Mode.PHONE}), frozenset()])),
        tokens=frozenset(draw(st.lists(st.sampled_from("abc"), max_size=2))),
        barred_cases=frozenset({"case_1"}) if draw(_seldom) else frozenset(),
        own_asylum_case=draw(st.sampled_from([AsylumCase.NONE, AsylumCase.NONE, AsylumCase.CLOSED, AsylumCase.OPEN])),
        represents_party=draw(_seldom),
        child_trained=draw(_usually),
        trauma_trained=draw(_usually),
        no_children=draw(_seldom),
        sworn_countries=frozenset(draw(st.lists(st.sampled_from(["RS", "MK"]), max_size=2))),
        minutes_today=draw(st.sampled_from([0, 0, 7, 60, 113, 226, 240])),
        max_minutes_day=draw(st.sampled_from([240, 240, 120])),
        max_block=draw(st.sampled_from([45, 20])),
        presence=draw(st.sampled_from([Presence.AVAILABLE] * 4 + list(Presence))),
        on_call=draw(st.booleans()),
        engagements=tuple((NOW + timedelta(minutes=m), NOW + timedelta(minutes=m + 15)) for m in draw(_work)),
        hours=spans if (spans := draw(_hours)) is None else tuple((minute(a), minute(b)) for a, b in spans),
        idle_since=draw(st.sampled_from([None, NOW - timedelta(hours=1), NOW - timedelta(hours=2)])),
        quality=draw(st.integers(-10, 10)),
        active=draw(_usually),
    )


@st.composite
def sound(draw: st.DrawFn, number: int) -> Candidate:
    """Somebody whom hardly a rule refuses, so that order and score decide; ties are frequent."""
    return person(
        number,
        code=f"I-{draw(st.integers(0, 2))}",
        pairs=frozenset(
            draw(st.lists(st.tuples(st.sampled_from(["pbt", "pbu", "prs"]), _toward), min_size=1, max_size=4))
        ),
        sex=draw(st.sampled_from(Sex)),
        base_country=draw(st.sampled_from(["RS", "RS", "MK"])),
        modes=draw(st.sampled_from([frozenset({Mode.VIDEO}), frozenset({Mode.PHONE})])),
        minutes_today=draw(st.sampled_from([0, 60, 113])),
        max_minutes_day=draw(st.sampled_from([240, 120])),
        idle_since=draw(st.sampled_from([None, NOW - timedelta(hours=1), NOW - timedelta(hours=2)])),
        quality=draw(st.sampled_from([0, 0, 0, 3])),
        tokens=frozenset(draw(st.lists(st.sampled_from("abc"), max_size=1))),
    )


@st.composite
def pools(draw: st.DrawFn, most: int = 8) -> list[Candidate]:
    kind = sound if draw(st.booleans()) else candidates
    return [draw(kind(number)) for number in range(draw(st.integers(0, most)))]


simple_needs = st.builds(
    need,
    languages=st.sampled_from([speaks("pbt"), speaks("pbu", "prs"), speaks("pus")]),
    officer_languages=st.sampled_from([frozenset({"srp"}), frozenset({"srp", "mkd"}), frozenset({"hrv", "eng"})]),
    minutes=st.sampled_from([5, 15]),
    sex_wish=st.sampled_from(SexWish),
    mode=st.sampled_from(Mode),
    relay_from=st.sampled_from([frozenset[str](), frozenset({"eng"})]),
    continuity_id=st.sampled_from([None, "int_0001"]),
    avoid=st.sampled_from([frozenset[str](), frozenset[str](), frozenset({"a"})]),
)
"""Needs that most of a sound pool meets."""


@st.composite
def any_needs(draw: st.DrawFn) -> Need:
    source = st.sampled_from(LanguageSource)
    code = st.sampled_from(["pbt", "pbt", "pus", "prs", "apc", "acm", "ckb"])
    soon = NOW + timedelta(minutes=draw(st.sampled_from([0, 0, 20, 60])))
    return Need(
        case_id=draw(st.sampled_from(["case_1", "case_2"])),
        country=draw(st.sampled_from(["RS", "RS", "MK"])),
        stage=draw(st.sampled_from(Stage)),
        step_code="RS-ID-20",
        languages=tuple(PersonLanguage(draw(code), draw(source)) for _ in range(draw(st.integers(0, 3)))),
        officer_languages=frozenset(
            draw(st.lists(st.sampled_from(["srp", "srp", "hrv", "mkd", "eng"]), min_size=1, max_size=2))
        ),
        min_level=draw(st.sampled_from([Level.L1, Level.L1, Level.L2, Level.L3])),
        now=NOW,
        at=soon,
        minutes=draw(st.sampled_from([5, 15, 60])),
        on_demand=draw(st.booleans()),
        by_calendar=draw(st.booleans()),
        mode=draw(st.sampled_from(Mode)),
        phone_allowed=draw(st.booleans()),
        sex_wish=draw(st.sampled_from(SexWish)),
        sex_must=draw(_seldom),
        avoid=frozenset({"a"}) if draw(_seldom) else frozenset(),
        accepted_substitutes=frozenset(draw(st.lists(st.sampled_from(["arz", "pes"]), max_size=1))),
        emergency=draw(_seldom),
        child=draw(_seldom),
        trauma=draw(_seldom),
        police_regime=draw(_seldom),
        police_approval=draw(st.sampled_from(["", "K-1"])),
        approved_location=draw(_seldom),
        sworn_required=draw(_seldom),
        continuity_id=draw(st.sampled_from([None, "int_0001"])),
        appeal=draw(_seldom),
        earlier_ids=frozenset({"int_0002"}),
        complaint_ids=frozenset({"int_0003"}) if draw(_seldom) else frozenset(),
        party_ids=frozenset({"int_0004"}) if draw(_seldom) else frozenset(),
        relay_from=frozenset({"eng"}) if draw(st.booleans()) else frozenset(),
        relay_approval=draw(st.sampled_from(["", "K-2"])),
    )


def needs() -> st.SearchStrategy[Need]:
    return st.one_of(simple_needs, any_needs())


rules = st.sampled_from([CLOSED, OPEN, OPEN])
