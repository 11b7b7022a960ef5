"""The language desk through the interface: findings, finder calls, aids, and a helper that keeps nothing."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from core.access import Actor, Country, Role
from core.errors import AppError, TooMany
from media.speech.identify import Detection
from media.speech.identify import Unavailable as NoAnswer
from records.desk import LanguageFinding
from records.lifecycle import Outcome
from records.models import Session
from scheduler.languages import load_languages
from scheduler.pool import regional
from signaling.desk.helper import CANDIDATES, WAITING_MOST, ListeningHelper
from signaling.desk.sound import RATE
from signaling.openapi import openapi_document
from tests.signaling.desk.test_sound import wav
from tests.signaling.house import ORIGIN, Browser, House
from tests.signaling.world import World

FINDING: dict[str, Any] = {
    "version": 1, "language": "ara", "variant": "apc", "fallback": "tur", "confidence": "probably",
    "found_by": ["card", "region"], "confirmed_by": "person",
}  # fmt: skip


async def put(world: World, case: dict[str, Any], **changes: Any) -> Any:
    officer = await world.browser("O-RS")
    return await officer.post(f"/api/cases/{case['id']}/language", FINDING | {"version": case["version"]} | changes)


async def read(world: World, case: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await (await world.browser("O-RS")).get(f"/api/cases/{case['id']}")).json()
    return found


# findings


async def test_a_finding_becomes_the_first_language_of_the_case(world: World) -> None:
    case = await world.open_case(languages=[{"code": "pes", "source": "self_declared", "region_note": "a note"}])
    answer = await put(world, case)
    assert answer.status_code == 201, answer.text
    assert answer.json()["by_code"] == "O-RS"
    assert [(one["code"], one["source"], one["region_note"]) for one in (await read(world, case))["languages"]] == [
        ("apc", "card", None), ("tur", "self_declared", None), ("pes", "self_declared", "a note"),
    ]  # fmt: skip
    told = (await (await world.browser("C-RS")).get(f"/api/cases/{case['id']}/language")).json()
    assert told["findings"][0]["variant"] == "apc"
    assert told["findings"][0]["found_by"] == ["card", "region"]
    auditor = await world.browser("U-RS")
    actions = (await auditor.get("/api/audit", subject=case["id"])).json()["items"]
    assert "case.language_found" in [one["action"] for one in actions]


async def test_the_group_is_replaced_by_its_variety_and_the_newest_finding_counts(world: World) -> None:
    case = await world.open_case(languages=[{"code": "ara", "source": "card"}])
    assert (await put(world, case, fallback=None)).status_code == 201
    after = await read(world, case)
    assert [one["code"] for one in after["languages"]] == ["apc"]
    assert (await put(world, after, variant="acm", fallback=None, confidence="sure")).status_code == 201
    told = (await (await world.browser("O-RS")).get(f"/api/cases/{case['id']}/language")).json()
    assert [one["variant"] for one in told["findings"]] == ["acm", "apc"]


async def test_sign_language_sets_the_need(world: World) -> None:
    case = await world.open_case()
    assert (await put(world, case, language="ils", variant=None, fallback=None)).status_code == 201
    after = await read(world, case)
    assert after["needs"] == ["EXTRA_BREAKS", "SIGN_LANGUAGE"]
    assert after["languages"][0]["code"] == "ils"


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"variant": "pbt"}, 400, "variant_not_of_language"),
    ({"language": "zzz", "variant": None}, 400, "language_unknown"),
    ({"fallback": "apc"}, 400, "language_twice"),
    ({"found_by": ["helper"], "confidence": "sure"}, 400, "finding_not_sure"),
    ({"found_by": []}, 422, "request_malformed"),
    ({"confirmed_by": "machine"}, 422, "request_malformed"),
    ({"confirmed_by": "interpreter"}, 409, "interpreter_has_not_confirmed"),
    ({"version": 99}, 409, "changed_meanwhile"),
    ({"country_of_origin": "SY"}, 422, "unknown_field"),
    ({"nationality": "SY"}, 422, "unknown_field"),
]


async def test_what_is_refused_changes_nothing(world: World) -> None:
    case = await world.open_case()
    for changes, status, code in REFUSED:
        answer = await put(world, case, **changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), changes
    assert (await read(world, case))["languages"] == case["languages"]


async def test_an_officers_own_idea_is_called_a_guess(world: World) -> None:
    case = await world.open_case()
    changes = {"found_by": ["helper"], "confirmed_by": "officer", "confidence": "unsure"}
    assert (await put(world, case, **changes)).status_code == 201
    assert [one["source"] for one in (await read(world, case))["languages"][:2]] == ["officer_guess"] * 2


SHAPES = (
    "FindingBody", "FindingView", "HelperAnswer", "Heard", "HelperView", "FinderBody", "FinderView", "AidBody", "AidView",
)  # fmt: skip


def test_no_shape_of_the_desk_knows_an_origin() -> None:
    """Neither questions nor answers have a field for a country, a nation or an origin (README, forbidden inferences)."""
    schemas = openapi_document()["components"]["schemas"]
    words = ("countr", "nation", "origin", "ethnic", "accent", "native")
    for name in SHAPES:
        for field in schemas[name]["properties"]:
            assert not any(word in field for word in words), field
    assert set(LanguageFinding.__table__.columns.keys()) == {
        "id", "case_id", "country", "language", "variant", "fallback", "confidence", "found_by", "confirmed_by", "by_code", "at",
    }, "country is the one whose case it is"  # fmt: skip


# finder calls


async def find(world: World, case: dict[str, Any], language: str = "pes", **headers: str) -> Any:
    officer = await world.browser("O-RS")
    body = {"step_id": case["current_step_id"], "language": language}
    return await officer.post(f"/api/cases/{case['id']}/language/finder", body, **headers)


async def begin(world: World, session_id: str) -> None:
    """Both sides are in the room and heard."""
    services = world.house.services
    async with services.database.unit(regional(Actor.system())) as uow:
        for part in ("officer", "interpreter"):
            await services.session_log.open(uow, session_id, part=part, code=None)
        await services.scheduler.conduct.start(uow, session_id)


async def test_a_finder_call_rings_for_five_minutes_and_does_not_hold_the_step(world: World) -> None:
    services = world.house.services
    await world.available("I-RS")
    case = await world.open_case(languages=[{"code": "kmr", "source": "card"}])
    answer = await find(world, case)
    assert answer.status_code == 201, answer.text
    booking = answer.json()
    assert booking["purpose"] == "language"
    home = (await (await world.browser("I-RS")).get("/api/interpreter/home")).json()
    assert (home["ring"]["purpose"], home["ring"]["minutes"]) == ("language", 5)
    assert home["ring"]["candidates"] == ["kmr", "pes"], "all that it may be, before anybody accepts"
    assert [(one["code"], one["source"]) for one in (await read(world, case))["languages"]] == [
        ("kmr", "card"), ("pes", "officer_guess"),
    ]  # fmt: skip
    session_id = (await world.accept(booking["id"]))["session_id"]
    async with services.database.read(regional(Actor.system())) as unit:
        session = await unit.session.get(Session, session_id)
        assert session is not None
        sign = (await services.live.aids.snapshot(unit, session, "interpreter"))["desk.finder"]
        assert sign == {"candidates": ["kmr", "pes"], "minutes": 5}
        assert "desk.finder" not in await services.live.aids.snapshot(unit, session, "applicant")
    await begin(world, session_id)
    async with services.database.unit(regional(Actor.system())) as uow:
        await services.session_log.confirm_language(uow, session_id, code="prs")
    assert await services.desk.finder.end_overdue() == 0
    world.house.clock.advance(300)
    assert await services.desk.finder.end_overdue() == 1
    assert await services.desk.finder.end_overdue() == 0
    after = await read(world, case)
    assert after["steps"][0]["state"] == "postponed", "the step itself is still to be held"
    assert after["languages"][0]["code"] == "prs"
    told = (await (await world.browser("O-RS")).get(f"/api/cases/{case['id']}/language")).json()
    call = told["finder_calls"][0]
    assert (call["called"], call["confirmed"], call["state"]) == ("pes", "prs", "fulfilled")
    changes = {
        "language": "prs",
        "variant": None,
        "found_by": ["finder_call"],
        "confirmed_by": "interpreter",
        "confidence": "sure",
    }
    assert (await put(world, after, **changes)).status_code == 201
    assert (await read(world, case))["languages"][0]["source"] == "interpreter_confirmed"


async def test_a_finder_call_that_is_ended_as_completed_does_not_hold_the_step_either(world: World) -> None:
    services = world.house.services
    await world.available("I-RS")
    case = await world.open_case()
    booking = (await find(world, case)).json()
    session_id = (await world.accept(booking["id"]))["session_id"]
    await begin(world, session_id)
    async with services.database.unit(regional(Actor.system())) as uow:
        await services.scheduler.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED)
    after = await read(world, case)
    assert after["steps"][0]["state"] == "postponed"
    real = await world.book(after)
    assert real["purpose"] is None, "an interpreter for the step itself can be called at once"


async def test_the_finder_call_obeys_the_gates_and_its_key(world: World) -> None:
    case = await world.open_case(interp_sex=None)
    refused = await find(world, case)
    assert (refused.status_code, refused.json()["code"]) == (409, "step_locked"), (
        "M-3 is asked before anybody is called"
    )
    other = await world.open_case()
    first, again = (
        await find(world, other, Idempotency_Key="key-0000001"),
        await find(world, other, Idempotency_Key="key-0000001"),
    )
    assert first.json()["id"] == again.json()["id"]
    assert (await find(world, other)).json()["code"] == "booking_exists"
    assert (await find(world, other | {"current_step_id": case["current_step_id"]})).json()["code"] == "step_unknown"
    assert (await find(world, other, language="zzz")).json()["code"] == "language_unknown"


# aids


async def test_each_use_of_a_phrase_is_an_aid_in_the_case(world: World) -> None:
    case = await world.open_case()
    officer = await world.browser("O-RS")
    path = f"/api/cases/{case['id']}/aids"
    body = {"kind": "phrase", "ref": "P05", "language": "ara", "step_id": case["current_step_id"]}
    first = await officer.post(path, body, Idempotency_Key="key-0000001")
    assert first.status_code == 201, first.text
    assert (await officer.post(path, body, Idempotency_Key="key-0000001")).status_code == 201
    late = (world.house.clock.now() - timedelta(hours=3)).isoformat()
    assert (await officer.post(path, body | {"ref": "P16", "used_at": late})).status_code == 201
    told = (await officer.get(f"/api/cases/{case['id']}/language")).json()
    assert [(one["kind"], one["ref"]) for one in told["aids"]] == [("phrase", "P05"), ("phrase", "P16")]
    assert (await read(world, case))["steps"][0]["state"] == "planned", "an aid is never interpretation"
    for changes, code in (
        ({"ref": "P5"}, "request_malformed"),
        ({"kind": "interpreted"}, "request_malformed"),
        ({"text": "anything said"}, "unknown_field"),
        ({"language": "zzz"}, "language_unknown"),
        ({"step_id": "step_other"}, "step_unknown"),
        ({"used_at": (world.house.clock.now() - timedelta(days=2)).isoformat()}, "aid_time"),
        ({"used_at": (world.house.clock.now() + timedelta(hours=1)).isoformat()}, "aid_time"),
    ):
        assert (await officer.post(path, body | changes)).json()["code"] == code, changes


async def test_findings_and_aids_can_only_grow(world: World) -> None:
    case = await world.open_case()
    await put(world, case)
    officer = await world.browser("O-RS")
    await officer.post(f"/api/cases/{case['id']}/aids", {"kind": "phrase", "ref": "P01", "language": "ara"})
    for table in ("language_findings", "case_aids"):
        for statement in (f"UPDATE {table} SET by_code = 'X'", f"DELETE FROM {table}"):
            with pytest.raises(Exception, match="log_cannot_change"):
                async with world.house.services.database.unit(Actor.system()) as uow:
                    await uow.session.execute(text(statement))


# the helper


class Ear:
    """A detector that hears what it is told to hear."""

    def __init__(self, **probabilities: float) -> None:
        self.probabilities = probabilities
        self.voiced = 12.0
        self.problem: Exception | None = None
        self.lengths: list[int] = []

    async def detect(self, pcm16k: bytes, least_seconds: float) -> Detection:
        self.lengths.append(len(pcm16k))
        if self.problem is not None:
            raise self.problem
        return Detection(self.probabilities if self.voiced >= least_seconds else {}, self.voiced)


async def listening(house: House, ear: Ear | None) -> Browser:
    """A signed-in officer of a house with this helper."""
    desk = replace(house.services.desk, helper=ListeningHelper(house.services.languages, ear))
    house.app.state.services = replace(house.services, desk=desk)
    await house.account("O-RS", Role.INTERVIEWER, Country.RS, site="RS-PRESEVO")
    return await house.signed_in("O-RS")


async def listen(officer: Browser, body: bytes, kind: str = "audio/wav") -> Any:
    headers = {"Origin": ORIGIN, "X-CSRF-Token": officer.csrf, "Content-Type": kind}
    return await officer.http.post("/api/desk/listen", content=body, headers=headers)


SPEECH = bytes(range(1, 251)) * (RATE * 2 * 10 // 250)


async def test_without_a_model_the_helper_says_so(house: House) -> None:
    officer = await listening(house, None)
    state = (await officer.get("/api/desk/helper")).json()
    assert (state["ready"], state["why"]) == (False, "not_set_up")
    assert not {"eng", "srp", "mkd", "sqi"} & set(state["candidates"])
    answer = await listen(officer, wav(SPEECH))
    assert (answer.status_code, answer.json()["code"]) == (503, "helper_not_set_up")


async def test_the_ranking_is_honest_and_people_choose_what_it_cannot_know(house: House) -> None:
    ear = Ear(ar=0.30, fa=0.25, en=0.40, tr=0.01)
    officer = await listening(house, ear)
    found = (await listen(officer, wav(SPEECH))).json()
    assert [one["language"] for one in found["ranked"][:2]] == ["ara", "pes"]
    assert found["unsure"] == "close"
    assert sum(one["share"] for one in found["ranked"]) == pytest.approx(1, abs=0.01)
    assert found["by_hand"] == ["ckb", "kmr"], "no model knows Kurdish"
    assert found["ranked"][1]["together"] == ["prs"], "Dari and Farsi are chosen by hand"
    assert ear.lengths == [len(SPEECH)]
    ear.voiced = 4.0
    assert (await listen(officer, wav(SPEECH))).json() | {"voiced_s": 0} == {
        "ranked": [], "voiced_s": 0, "unsure": "too_short", "by_hand": ["ckb", "kmr"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (NoAnswer("no_model"), "helper_not_set_up"),
        (NoAnswer("busy"), "helper_busy"),
        (NoAnswer("lost"), "helper_failed"),
        (TimeoutError(), "helper_failed"),
    ],
)
async def test_a_helper_that_cannot_says_why(problem: Exception, code: str) -> None:
    ear = Ear()
    ear.problem = problem
    helper = ListeningHelper(load_languages(), ear)
    for _ in range(WAITING_MOST + 1):
        with pytest.raises(AppError) as refused:
            await helper.listen(SPEECH)
        assert refused.value.code == code, "a failure does not take a place for good"


async def test_only_so_many_are_heard_at_once() -> None:
    helper = ListeningHelper(load_languages(), Ear(ar=1.0))
    helper._under_way = WAITING_MOST
    with pytest.raises(TooMany):
        await helper.listen(SPEECH)


def test_languages_of_the_officers_are_no_candidates() -> None:
    assert not {"eng", "srp", "mkd", "sqi"} & set(CANDIDATES)
    with pytest.raises(ValueError, match="eng"):
        ListeningHelper(load_languages(), None, ["ara", "eng"])


async def test_what_is_no_sound_is_refused_before_anybody_listens(house: House) -> None:
    ear = Ear(ar=1.0)
    officer = await listening(house, ear)
    assert (await listen(officer, b"x" * 100)).json()["code"] == "sound_malformed"
    assert (await listen(officer, wav(SPEECH), "application/json")).status_code == 415
    too_long = await listen(officer, wav(SPEECH * 4))
    assert too_long.status_code in {400, 413}
    assert ear.lengths == []


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Files that this process opens for writing while it is used."""
    opened: list[str] = []
    active = [True]

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if active[0] and event == "open" and (arguments[2] or 0) & 3:
            opened.append(str(arguments[0]))

    sys.addaudithook(note)  # Cannot be taken away again; it is switched off instead.
    yield opened
    active[0] = False


async def test_nothing_of_the_sound_is_kept(
    house: House, written: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a file, not in the database, not in the log: it is gone with the answer."""
    officer = await listening(house, Ear(ar=0.9))
    async with house.services.database.read(Actor.system()) as unit:
        tables = list((await unit.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).all())
        before = {name: await unit.session.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables}
    written.clear()
    with caplog.at_level(logging.DEBUG):
        assert (await listen(officer, wav(SPEECH))).status_code == 200
    own = [path for path in written if not path.endswith((".db", ".db-wal", ".db-shm"))]
    assert own == []
    async with house.services.database.read(Actor.system()) as unit:
        after = {name: await unit.session.scalar(text(f"SELECT count(*) FROM {name}")) for name in tables}
    assert after == before
    piece = SPEECH[:64]
    assert not any(piece in content for content in contents(tmp_path))
    assert "ara" not in caplog.text
    assert repr(piece)[2:40] not in caplog.text


def contents(folder: Path) -> Iterator[bytes]:
    """What lies in every file below a folder."""
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
