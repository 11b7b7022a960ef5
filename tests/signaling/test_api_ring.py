"""The ring over HTTP: the board, widening, calling in, one's own turns, ladders and browsers that may be woken."""

from __future__ import annotations

import pytest

from scheduler.ring.policy import FILES, read_policy
from tests.signaling.world import World


async def test_the_board_tells_state_means_and_numbers(world: World) -> None:
    booking = await world.book(await world.open_case())
    coordinator = await world.browser("C-RS")
    board = (await coordinator.get("/api/board")).json()
    (card,) = board["waiting"]
    assert (card["booking_id"], card["needs_you"], card["kept_back"]) == (booking["id"], "nobody_free", False)
    assert [(one["country"], one["state"]) for one in board["surge"]] == [("RS", "green")]
    assert (board["means"], board["partners"], board["talks"], board["numbers"]["on_call"]) == ([], [], [], 0)
    assert (await coordinator.get(f"/api/bookings/{booking['id']}/on-call")).json() == {"items": []}
    refused = await coordinator.post(
        f"/api/bookings/{booking['id']}/call-in", {"interpreter_id": world.interpreters["I-RS"]}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "not_on_call")


async def test_widen_is_one_press_and_leaves_a_trace(world: World) -> None:
    booking = await world.book(await world.open_case())
    await world.available("I-RS")
    coordinator = await world.browser("C-RS")
    answer = await coordinator.post(f"/api/bookings/{booking['id']}/widen")
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "offering"
    trail = await (await world.browser("U-RS")).get("/api/audit?country=RS")
    assert "booking.widened" in trail.text


async def test_an_interpreter_reads_the_own_turns_and_no_case(world: World) -> None:
    await world.available("I-RS")
    case = await world.open_case()
    booking = await world.book(case)
    turns = (await (await world.browser("I-RS")).get("/api/interpreter/turns")).json()
    (turn,) = turns["turns"]
    assert (turn["chosen"], turn["place"], turn["of"], turn["answer"]) == (True, 1, 1, "pending")
    assert turns["target"] == 1800
    for secret in (case["id"], case["case_ref"], booking["id"], "O-RS"):
        assert secret not in str(turns)


async def test_a_ladder_changes_with_its_version_and_nothing_wrong_gets_in(world: World) -> None:
    coordinator = await world.browser("C-RS")
    shown = (await coordinator.get("/api/ring/ladders/RS")).json()
    assert (shown["version"], shown["means"]) == (0, {"push": False, "sms": False, "phone": False})
    assert shown["policy"] == read_policy(FILES["RS"]).model_dump(mode="json")
    policy = shown["policy"] | {"partners": [{"name": "UNHCR", "contact": "+381 11 000", "languages": ["pes"]}]}
    changed = await coordinator.send("PUT", "/api/ring/ladders/RS", {"version": 0, "policy": policy}, {})
    assert (changed.status_code, changed.json()["version"]) == (200, 1)
    again = await coordinator.send("PUT", "/api/ring/ladders/RS", {"version": 0, "policy": policy}, {})
    assert (again.status_code, again.json()["code"]) == (409, "changed_meanwhile")
    short = policy | {"rungs": [{"kind": "best", "seconds": 3, "least": 1, "most": 2}, policy["rungs"][-1]]}
    wrong = await coordinator.send("PUT", "/api/ring/ladders/RS", {"version": 1, "policy": short}, {})
    assert wrong.status_code == 422
    other = await coordinator.send(
        "PUT", "/api/ring/ladders/RS", {"version": 1, "policy": policy | {"country": "MK"}}, {}
    )
    assert other.json()["code"] == "country_wrong"
    assert (await coordinator.get("/api/board")).json()["partners"] == []
    switched = {"country": "RS", "reason": "Two buses at once", "switches": {"partner_list": True}}
    assert (await coordinator.send("POST", "/api/surge", switched, {})).status_code == 200
    board = (await coordinator.get("/api/board")).json()
    assert [one["name"] for one in board["partners"]] == ["UNHCR"]
    trail = await (await world.browser("U-RS")).get("/api/audit?country=RS")
    assert "ladder.changed" in trail.text


async def test_a_target_is_agreed_and_read(world: World) -> None:
    coordinator = await world.browser("C-RS")
    path = f"/api/ring/targets/{world.interpreters['I-RS']}"
    assert (await coordinator.send("PUT", path, {"target_min": 600}, {})).status_code == 204
    assert (await (await world.browser("I-RS")).get("/api/interpreter/turns")).json()["target"] == 600
    month = (await coordinator.get(path)).json()
    assert (month["minutes"], month["target"], month["agreed"], month["usual"]) == (0, 600, 600, 1800)
    assert (await coordinator.send("PUT", path, {"target_min": None}, {})).status_code == 204
    month = (await coordinator.get(path)).json()
    assert (month["target"], month["agreed"]) == (1800, None)
    assert (await (await world.browser("C-MK")).get(path)).status_code == 403


@pytest.mark.parametrize("endpoint", ["https://fcm.googleapis.com/fcm/send/x", "https://10.0.0.1/x"])
async def test_without_a_key_no_browser_can_subscribe(world: World, endpoint: str) -> None:
    browser = await world.browser("I-RS")
    assert (await browser.get("/api/push")).json() == {"public_key": None, "devices": 0}
    answer = await browser.post(
        "/api/push/subscriptions", {"endpoint": endpoint, "keys": {"p256dh": "A" * 87, "auth": "A" * 22}}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "push_not_configured")
