"""Opening, changing, finding and closing cases; who may see them; what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.access import Country
from core.clock import ManualClock
from core.crypto import FieldCipher, KeyRing
from core.db.session import Database
from core.errors import AppError, Conflict, Forbidden, Invalid, NotFound
from records.case_link import CaseLinks, LinkedCase, case_by_ref, links_of
from records.case_ref import new_case_ref, parse_case_ref
from records.case_views import CaseDetail
from records.case_write import CaseChanges, GuardianInput, NewCase, NewLanguage, SexWishInput
from records.cases import CaseService
from records.lifecycle import HeldHow, Outcome, StepMove, StepState
from records.models import Case, ProcedureStep
from records.procedures import load_catalogue
from tests.scheduler.world import COORDINATOR, MK_OFFICER, OFFICER, OTHER_OFFICER, SYSTEM, World

NEW = NewCase(
    country="RS",
    site="RS-PRESEVO",
    age_group="18-64",
    first_step="RS-ID-10",
    languages=[NewLanguage("pbt", "card", "Kandahar"), NewLanguage("prs", "self_declared")],
    interp_sex=SexWishInput("woman", must=False, asked=True),
    needs=["SHORT_SESSIONS"],
    country_of_origin="AF",
)


@pytest.fixture
async def world(database: Database, clock: ManualClock) -> World:
    return await World(database, clock).begin()


async def _open(world: World, new: NewCase = NEW, key: str | None = None) -> CaseDetail:
    async with world.database.unit(OFFICER) as uow:
        return await world.cases.open(uow, new, idempotency_key=key)


async def _update(world: World, case: CaseDetail, changes: CaseChanges) -> CaseDetail:
    async with world.database.unit(OFFICER) as uow:
        return await world.cases.update(uow, case["id"], version=case["version"], changes=changes)


async def test_a_new_case_has_a_pseudonym_and_a_planned_step(world: World) -> None:
    case = await _open(world)
    assert str(parse_case_ref(case["case_ref"])) == case["case_ref"]
    assert [language["code"] for language in case["languages"]] == ["pbt", "prs"]
    assert case["step"] == {"id": case["steps"][0]["id"], "code": "RS-ID-10", "state": "planned"}
    assert case["locked_by"] is None
    assert case["interp_sex"]["wish"] == "woman"
    assert case["mode"] == "open"
    assert "RS-ID-10" not in case["suggested_steps"]
    assert case["suggested_steps"]
    (told,) = await world.events("case.changed")
    assert told.body == {"case_id": case["id"], "country": "RS", "authority": "RS-BP"}


async def test_the_same_key_gives_the_same_case(world: World) -> None:
    assert (await _open(world, key="k"))["id"] == (await _open(world, key="k"))["id"]
    assert (await _open(world, key="l"))["id"] != (await _open(world, key="k"))["id"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"age_group": "33"}, "value_unknown"),
        ({"needs": ["PREGNANT"]}, "value_unknown"),
        ({"languages": [NewLanguage("qqq", "card")]}, "language_unknown"),
        ({"languages": [NewLanguage("Pashto", "card")]}, "language_unknown"),
        ({"languages": [NewLanguage("pbt", "card"), NewLanguage("pbt", "card")]}, "language_twice"),
        ({"languages": [NewLanguage("pbt", "card", "call +381 64 123 4567")]}, "forbidden_phone"),
        ({"interp_sex": SexWishInput("woman", must=True, asked=False)}, "wish_not_asked"),
        ({"interp_sex": SexWishInput("none", must=True, asked=True)}, "must_without_wish"),
        ({"first_step": "MK-ID-10"}, "step_of_other_country"),
        ({"first_step": "RS-XX-99"}, "step_unknown"),
        ({"site": "RS-NOWHERE"}, "site_unknown"),
        ({"site": "MK-TABANOVCE"}, "site_unknown"),
        ({"ext_ref": "0101990710008"}, "forbidden_id_number"),
        ({"ext_ref": "26-1"}, "ext_ref_not_possible"),
        ({"country_of_origin": "Afghanistan"}, "value_unknown"),
    ],
)
async def test_what_does_not_belong_into_a_record_is_refused(
    world: World, changes: dict[str, object], code: str
) -> None:
    with pytest.raises(AppError, match=code):
        await _open(world, replace(NEW, **changes))  # type: ignore[arg-type]


async def test_only_the_own_authority_sees_and_writes(world: World) -> None:
    case = await _open(world)
    for actor in (OTHER_OFFICER, MK_OFFICER):
        async with world.database.read(actor) as unit:
            assert (await world.cases.list(unit))["total"] == 0
            with pytest.raises(NotFound, match="case_unknown"):
                await world.cases.get(unit, case["id"])
    async with world.database.read(COORDINATOR) as unit:
        assert (await world.cases.get(unit, case["id"]))["case_ref"] == case["case_ref"]
    with pytest.raises(Forbidden, match="authority_not_yours"):
        async with world.database.unit(COORDINATOR) as uow:
            await world.cases.update(uow, case["id"], version=1, changes={"literacy": "cannot"})
    with pytest.raises(Forbidden, match="authority_not_yours"):
        async with world.database.unit(OTHER_OFFICER) as uow:
            await world.cases.open(uow, NEW)


async def test_the_file_number_is_sealed_and_for_the_own_authority_only(
    world: World, database: Database, tmp_path: Path
) -> None:
    cipher = FieldCipher(KeyRing.open(tmp_path / "keys.json"))
    cases = CaseService(load_catalogue(), cipher)
    async with database.unit(OFFICER) as uow:
        case = await cases.open(uow, replace(NEW, ext_ref="26-1234/7"))
    assert case["ext_ref"] == "26-1234/7"
    async with database.read(SYSTEM) as unit:
        row = await unit.session.get_one(Case, case["id"])
        assert row.ext_ref_sealed is not None
        assert b"1234" not in row.ext_ref_sealed
    async with database.read(COORDINATOR) as unit:
        assert (await cases.get(unit, case["id"]))["ext_ref"] is None


async def test_changes_need_the_newest_version(world: World) -> None:
    case = await _open(world)
    newer = await _update(world, case, {"literacy": "cannot"})
    assert newer["version"] == case["version"] + 1
    with pytest.raises(Conflict) as refused:
        await _update(world, case, {"literacy": "can_read"})
    assert (refused.value.code, refused.value.params) == ("changed_meanwhile", {"version": newer["version"]})


async def test_languages_are_replaced_and_ranked(world: World) -> None:
    case = await _open(world)
    languages = [NewLanguage("prs", "self_declared"), NewLanguage("urd", "self_declared")]
    case = await _update(world, case, {"languages": languages})
    assert [(row["code"], row["rank"]) for row in case["languages"]] == [("prs", 1), ("urd", 2)]
    emptied = await _update(world, case, {"languages": []})
    assert emptied["locked_by"] == "language_known"
    assert emptied["gates"][0]["action"] == "set_language"


async def test_the_guardian_gate_locks_until_code_and_arrival_are_entered(world: World, clock: ManualClock) -> None:
    case = await _open(world, replace(NEW, first_step="RS-ASY-20", age_group="14-15", uam="suspected"))
    assert case["locked_by"] == "guardian"
    assert case["gates"][0] == {
        "code": "guardian",
        "state": "stop",
        "params": {},
        "rule": "S-4",
        "action": "guardian_arrived",
    }
    case = await _update(world, case, {"guardian": GuardianInput(assigned=True, code="G-0031")})
    assert case["locked_by"] == "guardian"
    later = GuardianInput(assigned=True, code="G-0031", arrived_at=clock.now() + timedelta(hours=1))
    with pytest.raises(Invalid, match="arrival_in_future"):
        await _update(world, case, {"guardian": later})
    with pytest.raises(Invalid, match="code_malformed"):
        await _update(world, case, {"guardian": GuardianInput(assigned=True, code="Marija Petrović")})
    arrived = GuardianInput(assigned=True, code="G-0031", arrived_at=clock.now())
    case = await _update(world, case, {"guardian": arrived})
    assert case["locked_by"] is None
    assert case["guardian"] == {"assigned": True, "code": "G-0031", "arrived_at": clock.now()}


async def test_urgent_medical_ends_by_itself(world: World, clock: ManualClock) -> None:
    case = await _open(world, replace(NEW, needs=["URGENT_MEDICAL", "WHEELCHAIR"]))
    clock.advance(23 * 3600)
    async with world.database.read(OFFICER) as unit:
        assert "URGENT_MEDICAL" in (await world.cases.get(unit, case["id"]))["needs"]
    clock.advance(3600)
    async with world.database.read(OFFICER) as unit:
        assert (await world.cases.get(unit, case["id"]))["needs"] == ["WHEELCHAIR"]


async def test_the_list_finds_by_a_piece_of_the_reference_state_language_and_stage(world: World) -> None:
    first = await _open(world)
    second = await _open(world, replace(NEW, first_step="RS-ASY-20", languages=[NewLanguage("apc", "card")]))

    async def found(**wanted: object) -> list[str]:
        async with world.database.read(OFFICER) as unit:
            page = await world.cases.list(unit, **wanted)  # type: ignore[arg-type]
        return [item["id"] for item in page["items"]]

    assert await found() == [second["id"], first["id"]] or await found() == [first["id"], second["id"]]
    typed = first["case_ref"].replace("-", " ").lower()
    assert await found(q=typed) == [first["id"]]
    assert await found(q=first["case_ref"][6:10]) == [first["id"]]
    assert await found(q="%") == await found()
    assert await found(language="apc") == [second["id"]]
    assert await found(stage="asylum") == [second["id"]]
    assert await found(state="closed") == []
    async with world.database.read(OFFICER) as unit:
        page = await world.cases.list(unit, page=2, per=1)
    assert (len(page["items"]), page["total"]) == (1, 2)


async def test_steps_are_planned_dropped_and_the_case_closed(world: World) -> None:
    case = await _open(world)
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.plan_step(uow, case["id"], code="RS-REG-20")
    assert [step["code"] for step in case["steps"]] == ["RS-ID-10", "RS-REG-20"]
    with pytest.raises(Conflict, match="step_exists"):
        async with world.database.unit(OFFICER) as uow:
            await world.cases.plan_step(uow, case["id"], code="RS-REG-20")
    with pytest.raises(Invalid, match="value_unknown"):
        async with world.database.unit(OFFICER) as uow:
            await world.cases.move_step(
                uow, case["id"], case["steps"][0]["id"], move=StepMove.DROP, reason="He said that..."
            )
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.move_step(
            uow, case["id"], case["steps"][0]["id"], move=StepMove.DROP, reason="not_needed"
        )
    assert case["steps"][0]["state"] == "dropped"
    assert case["current_step_id"] == case["steps"][1]["id"]
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.close(uow, case["id"], reason="person_left")
    assert (case["state"], case["steps"][1]["state"]) == ("closed", "dropped")
    with pytest.raises(Conflict, match="case_closed"):
        await _update(world, case, {"literacy": "cannot"})


async def test_an_emergency_case_is_temporary_until_it_is_confirmed(world: World, clock: ManualClock) -> None:
    case = await _open(world, replace(NEW, emergency=True))
    assert (case["emergency"], case["link_by"]) == (True, clock.now() + timedelta(hours=24))
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.confirm(uow, case["id"])
    assert (case["emergency"], case["link_by"], case["state"]) == (False, None, "open")


async def test_a_temporary_case_ends_in_the_case_of_the_same_person(world: World, clock: ManualClock) -> None:
    known = await _open(world, NEW)
    temporary = await _open(world, replace(NEW, emergency=True))
    clock.advance(3600)
    async with world.database.unit(OFFICER) as uow:
        assert await case_by_ref(uow, known["case_ref"].lower().replace("-", " ")) == known["id"]
        case = await world.cases.link(uow, temporary["id"], known["id"])
    assert (case["state"], case["link_by"], case["steps"][0]["state"]) == ("closed", None, "dropped")
    async with world.database.read(OFFICER) as unit:
        here, there = await links_of(unit, temporary["id"]), await links_of(unit, known["id"])
    one, other = (
        LinkedCase(id=known["id"], case_ref=known["case_ref"]),
        LinkedCase(id=temporary["id"], case_ref=temporary["case_ref"]),
    )
    assert here == CaseLinks(linked_to=one, linked_from=[])
    assert there == CaseLinks(linked_to=None, linked_from=[other])
    told = [event.body["case_id"] for event in await world.events("case.changed")]
    assert set(told[-2:]) == {known["id"], temporary["id"]}
    with pytest.raises(Conflict, match="case_closed"):
        await _update(world, case, {"literacy": "cannot"})


async def test_only_a_temporary_case_is_linked_and_only_to_an_open_one(world: World) -> None:
    known, temporary = await _open(world, NEW), await _open(world, replace(NEW, emergency=True))
    other = await _open(world, replace(NEW, emergency=True))
    for one, target, code in (
        (temporary["id"], temporary["id"], "case_itself"),
        (known["id"], temporary["id"], "move_not_allowed"),
        (temporary["id"], other["id"], "case_not_linkable"),
        (temporary["id"], "case_x", "case_unknown"),
    ):
        with pytest.raises(AppError, match=code):
            async with world.database.unit(OFFICER) as uow:
                await world.cases.link(uow, one, target)
    with pytest.raises(AppError, match="case_unknown"):
        async with world.database.unit(OFFICER) as uow:
            await case_by_ref(uow, new_case_ref(Country.RS, 2026))


async def test_a_step_is_held_after_the_case_began_and_not_in_the_future(world: World, clock: ManualClock) -> None:
    case = await _open(world, NEW)
    clock.advance(7200)
    step_id, how = case["steps"][0]["id"], HeldHow.INTERPRETER_IN_PERSON
    for hours, code in ((1, "held_in_future"), (-3, "held_before_case")):
        when = clock.now() + timedelta(hours=hours)
        with pytest.raises(Invalid, match=code):
            async with world.database.unit(OFFICER) as uow:
                await world.cases.record_held(uow, case["id"], step_id, how=how, held_at=when)
    when = clock.now() - timedelta(minutes=30)
    async with world.database.unit(OFFICER) as uow:
        done = await world.cases.record_held(uow, case["id"], step_id, how=how, held_at=when)
    assert done["steps"][0]["held_at"] == when


async def _held(world: World, case: CaseDetail, step_id: str, how: HeldHow, version: int | None = None) -> CaseDetail:
    async with world.database.unit(OFFICER) as uow:
        return await world.cases.record_held(uow, case["id"], step_id, how=how, version=version)


async def test_a_step_held_elsewhere_opens_the_steps_that_wait_for_it(world: World, clock: ManualClock) -> None:
    case = await _open(world, replace(NEW, first_step="RS-VUL-20"))
    assert case["locked_by"] == "required_step"
    (waiting,) = (step["id"] for step in case["steps"])
    async with world.database.unit(OFFICER) as uow:
        case = await world.cases.plan_step(uow, case["id"], code="RS-VUL-10")
    assert (case["current_step_id"], case["locked_by"]) == (case["steps"][1]["id"], None), "what comes first in the law"
    told = len(await world.events("case.changed"))
    case = await _held(world, case, case["steps"][1]["id"], HeldHow.NO_TALK, case["version"])
    held = case["steps"][1]
    assert (held["state"], held["held_at"], held["held_how"]) == ("held", clock.now(), "no_talk")
    assert (case["current_step_id"], case["locked_by"]) == (waiting, None)
    assert len(await world.events("case.changed")) == told + 1
    async with world.database.unit(OFFICER) as uow:
        facts = await world.cases.step_for_booking(uow, waiting)
    assert facts.locked_by is None


async def test_a_talk_that_needs_an_interpreter_is_never_noted_as_no_talk(world: World) -> None:
    case = await _open(world, replace(NEW, first_step="RS-ASY-10"))
    step_id = case["steps"][0]["id"]
    with pytest.raises(Invalid, match="held_needs_interpreter") as refused:
        await _held(world, case, step_id, HeldHow.NO_TALK)
    assert refused.value.params == {"step": "RS-ASY-10"}
    case = await _held(world, case, step_id, HeldHow.INTERPRETER_IN_PERSON)
    assert (case["steps"][0]["state"], case["steps"][0]["held_how"]) == ("held", "interpreter_in_person")
    with pytest.raises(Conflict, match="move_not_allowed"):
        await _held(world, case, step_id, HeldHow.INTERPRETER_IN_PERSON)


async def test_no_talk_is_taken_only_where_interpretation_is_not_mandatory(world: World) -> None:
    case = await _open(world)
    needs = set()
    for step in load_catalogue().steps("RS"):
        if step.code != NEW.first_step:
            async with world.database.unit(OFFICER) as uow:
                case = await world.cases.plan_step(uow, case["id"], code=step.code)
        step_id = case["steps"][-1]["id"]
        needs.add(step.interpretation.value.value)
        if step.interpretation.value.value == "mandatory":
            with pytest.raises(Invalid, match="held_needs_interpreter"):
                await _held(world, case, step_id, HeldHow.NO_TALK)
        else:
            case = await _held(world, case, step_id, HeldHow.NO_TALK)
            assert case["steps"][-1]["state"] == "held", step.code
    assert needs == {"mandatory", "expected", "optional"}


async def test_only_a_waiting_step_of_this_case_is_noted_as_held(world: World) -> None:
    case, other = await _open(world), await _open(world)
    step_id = case["steps"][0]["id"]
    with pytest.raises(NotFound, match="step_unknown"):
        await _held(world, other, step_id, HeldHow.NO_TALK)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await _held(world, case, step_id, HeldHow.NO_TALK, case["version"] + 1)
    with pytest.raises(Forbidden, match="authority_not_yours"):
        async with world.database.unit(COORDINATOR) as uow:
            await world.cases.record_held(uow, case["id"], step_id, how=HeldHow.NO_TALK)
    for state, allowed in {StepState.SCHEDULED: False, StepState.DROPPED: False, StepState.POSTPONED: True}.items():
        async with world.database.unit(SYSTEM) as uow:
            (await uow.session.get_one(ProcedureStep, step_id)).state = state
        if allowed:
            assert (await _held(world, case, step_id, HeldHow.NO_TALK))["steps"][0]["state"] == "held"
        else:
            with pytest.raises(Conflict, match="move_not_allowed"):
                await _held(world, case, step_id, HeldHow.NO_TALK)


async def test_a_held_step_starts_its_timers(world: World, clock: ManualClock) -> None:
    await world.interpreters(1)
    case_id, step_id = await world.case(step="RS-REG-30")
    session_id = await world.talk(await world.request(step_id))
    clock.advance(300)
    async with world.database.unit(SYSTEM) as uow:
        await world.services.conduct.finish(uow, session_id, outcome=Outcome.COMPLETED, by="officer")
    async with world.database.read(OFFICER) as unit:
        case = await world.cases.get(unit, case_id)
    timers = {timer["id"]: timer for timer in case["timers"]}
    assert timers["RS-T1"]["due_at"] == clock.now() + timedelta(hours=72)
    assert timers["RS-T1"]["state"] == "due_soon"
    assert timers["RS-T2"]["state"] == "running"
    assert case["steps"][0]["sessions"][0]["minutes"] == 5
    assert case["steps"][0]["held_how"] is None


async def test_a_step_held_elsewhere_starts_its_timers(world: World, clock: ManualClock) -> None:
    case = await _open(world, replace(NEW, first_step="RS-REG-30"))
    case = await _held(world, case, case["steps"][0]["id"], HeldHow.INTERPRETER_IN_PERSON)
    timers = {timer["id"]: timer for timer in case["timers"]}
    assert timers["RS-T1"]["due_at"] == clock.now() + timedelta(hours=72)
