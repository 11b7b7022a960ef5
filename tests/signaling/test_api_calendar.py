"""Calendars over HTTP: the own month, who may see reasons of absences, the private feed without sign-in, holidays."""

from __future__ import annotations

from typing import Any

from icalendar import Calendar

from tests.signaling.world import World

OFFICE = [{"kind": "desk", "weekday": n, "from_time": "09:00", "to_time": "17:00"} for n in range(5)]


async def state_week(world: World, code: str = "I-RS") -> dict[str, Any]:
    """Office hours, and the calendar as it is then."""
    browser = await world.browser(code)
    version = (await browser.get("/api/calendar")).json()["version"]
    answer = await browser.put("/api/calendar/week", {"version": version, "rules": OFFICE})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = (await browser.get("/api/calendar")).json()
    return found


async def test_the_own_month(world: World) -> None:
    browser = await world.browser("I-RS")
    empty = (await browser.get("/api/calendar")).json()
    assert (empty["version"], empty["rules"], empty["feed_made_at"]) == (0, [], None)
    calendar = await state_week(world)
    assert (calendar["version"], len(calendar["rules"])) == (1, 5)
    stale = await browser.put("/api/calendar/week", {"version": 0, "rules": []})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")

    moved = {"kind": "changed", "on_day": "2026-11-24", "from_time": "12:00", "to_time": "15:00"}
    assert (await browser.post("/api/calendar/exceptions", moved)).status_code == 201
    away = {"starts_local": "2026-11-25T00:00", "ends_local": "2026-11-26T00:00", "kind": "sick", "reason": "back"}
    assert (await browser.post("/api/calendar/absences", away)).json()["clashes"] == 0
    duty = {"starts_local": "2026-11-26T22:00", "ends_local": "2026-11-27T06:00", "report_in_min": 180}
    assert (await browser.post("/api/calendar/windows", duty)).status_code == 201

    month = (await browser.get("/api/calendar/month", month="2026-11")).json()
    assert (month["zone"], month["today"], len(month["days"])) == ("Europe/Belgrade", "2026-11-22", 42)
    days = {day["day"]: day for day in month["days"]}
    shown = {
        day: [(piece["kind"], piece["from_time"], piece["to_time"]) for piece in days[day]["pieces"]]
        for day in ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28")
    }
    assert shown == {
        "2026-11-23": [("desk", "09:00", "17:00")],
        "2026-11-24": [("desk", "12:00", "15:00")],
        "2026-11-25": [("leave", "00:00", "24:00")],
        "2026-11-26": [("desk", "09:00", "17:00"), ("on_call", "22:00", "24:00")],
        "2026-11-27": [("on_call", "00:00", "06:00"), ("desk", "09:00", "17:00")],
        "2026-11-28": [],
    }
    assert days["2026-11-11"]["holiday"]["names"]["en"] == "Armistice Day"
    # Monday, Thursday, Friday, the next Monday and three hours of Tuesday; two nights make eight hours of duty.
    assert (month["desk_minutes"], month["on_call_minutes"]) == (4 * 480 + 180, 480)
    calendar = (await browser.get("/api/calendar")).json()
    for kind in ("exception", "absence", "window"):
        (entry,) = calendar[f"{kind}s"]
        gone = await browser.post(f"/api/calendar/entries/{kind}/{entry['id']}/remove")
        assert gone.status_code == 204, gone.text
    stranger = await world.browser("I-MK")
    taken = await stranger.post(f"/api/calendar/entries/absence/{calendar['absences'][0]['id']}/remove")
    assert taken.json()["code"] == "entry_unknown"


async def test_reasons_go_to_coordinators_of_the_own_country_only(world: World) -> None:
    own, foreign, interpreter = [await world.browser(code) for code in ("C-RS", "C-MK", "I-RS")]
    who = world.interpreters["I-RS"]
    away = {"starts_local": "2026-11-25T00:00", "ends_local": "2026-11-26T00:00", "kind": "sick", "reason": "back"}
    made = await interpreter.post("/api/calendar/absences", away)
    assert made.status_code == 201, made.text
    seen = (await own.get(f"/api/interpreters/{who}/absences")).json()["items"]
    assert [(one["kind"], one["reason"], one["entered_by"]) for one in seen] == [("sick", "back", None)]
    assert (await foreign.get(f"/api/interpreters/{who}/absences")).status_code == 403
    month = await foreign.get(f"/api/interpreters/{who}/month", month="2026-11")
    assert month.status_code == 200
    assert '"leave"' in month.text
    assert "sick" not in month.text
    assert "back" not in month.text
    officer = await world.browser("O-RS")
    assert (await officer.get(f"/api/interpreters/{who}/month", month="2026-11")).status_code == 403


async def test_the_feed_needs_no_sign_in_and_can_be_stopped(world: World) -> None:
    browser, nobody = await world.browser("I-RS"), world.house.browser()
    made = await browser.post("/api/calendar/feed")
    assert made.status_code == 201
    path = made.json()["url"].removeprefix("http://localhost:8080")
    first = await nobody.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert first.headers["cache-control"] == "private, no-cache"
    assert str(Calendar.from_ical(first.content)["X-WR-CALNAME"]) == "Tarjuman: interpretation"
    unchanged = await nobody.http.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    token = path.removeprefix("/feeds/").removesuffix(".ics")
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x" * 65, "%D0%B0"):
        assert (await nobody.get(f"/feeds/{wrong}.ics")).json()["code"] == "feed_unknown"
    again = (await browser.post("/api/calendar/feed")).json()["url"]
    assert (await nobody.get(path)).status_code == 404
    newer = again.removeprefix("http://localhost:8080")
    assert (await nobody.get(newer)).status_code == 200
    assert (await browser.post("/api/calendar/feed/remove")).status_code == 204
    assert (await nobody.get(newer)).status_code == 404


async def test_the_feed_is_read_in_bounds(world: World) -> None:
    browser, nobody = await world.browser("I-RS"), world.house.browser()
    path = (await browser.post("/api/calendar/feed")).json()["url"].removeprefix("http://localhost:8080")
    states = [(await nobody.get(path)).status_code for _ in range(25)]
    assert states[0] == 200
    assert states[-1] == 429


async def test_a_calendar_inside_is_not_read(world: World) -> None:
    browser = await world.browser("I-RS")
    made = await browser.post("/api/calendar/imports", {"kind": "ics", "url": "https://127.0.0.1/private.ics"})
    assert made.status_code == 201
    assert "private" not in made.text, "the address is not told again"
    key = made.json()["id"]
    read = await browser.post(f"/api/calendar/imports/{key}/read")
    assert read.json() == {"result": "address_refused"}
    stranger = await world.browser("I-MK")
    assert (await stranger.post(f"/api/calendar/imports/{key}/read")).status_code == 404
    assert (await stranger.post(f"/api/calendar/imports/{key}/remove")).status_code == 404
    assert (await browser.post(f"/api/calendar/imports/{key}/remove")).status_code == 204


async def test_holidays(world: World) -> None:
    coordinator, interpreter = await world.browser("C-MK"), await world.browser("I-RS")
    listed = (await interpreter.get("/api/holidays", country="MK", year=2026)).json()
    assert "islamic" in listed["categories"]
    eid = next(one for one in listed["items"] if one["state"] == "estimated")
    assert eid["names"]["en"] == "Eid al-Fitr"
    path = f"/api/holidays/MK/{eid['day']}"
    assert (await coordinator.put(path, {"state": "confirmed"})).status_code == 204
    listed = (await interpreter.get("/api/holidays", country="MK", year=2026)).json()
    now = next(one for one in listed["items"] if one["day"] == eid["day"])
    assert (now["state"], now["corrected"], now["names"]) == ("confirmed", True, eid["names"])
    assert (await coordinator.post(f"{path}/reset")).status_code == 204
    assert (await coordinator.put("/api/holidays/RS/2026-05-01", {"state": "removed"})).status_code == 403
    assert (await interpreter.put(path, {"state": "removed"})).status_code == 403


async def test_a_coordinator_enters_the_absence_of_somebody(world: World) -> None:
    """By the coordinators of the interpreter's country only; without a word on health; the interpreter sees who did it."""
    own = await world.browser("C-RS")
    path = f"/api/interpreters/{world.interpreters['I-RS']}/absences"
    body = {"starts_local": "2026-11-25T00:00", "ends_local": "2026-11-26T00:00", "kind": "unexpected"}
    for code in ("C-MK", "O-RS", "I-RS", "A-RS"):
        browser = await world.browser(code)
        for route in (path, f"{path}/effect"):
            assert (await browser.post(route, body)).status_code == 403, (code, route)
    for wrong in ({**body, "kind": "sick"}, {**body, "reason": "back"}):
        assert (await own.post(path, wrong)).status_code == 422
    effect = (await own.post(f"{path}/effect", body)).json()
    assert effect == {"clashes": [], "elsewhere": 0}
    assert (await own.get(path)).json()["items"] == [], "to look is not to enter"
    made = await own.post(path, body)
    assert (made.status_code, made.json()["plans"]) == (201, [])
    interpreter = await world.browser("I-RS")
    (seen,) = (await interpreter.get("/api/calendar")).json()["absences"]
    assert (seen["kind"], seen["reason"], seen["entered_by"]) == ("unexpected", None, "C-RS")
    undo = f"{path}/{made.json()['id']}/remove"
    assert (await (await world.browser("C-MK")).post(undo)).status_code == 403
    assert (await own.post(undo)).status_code == 204
    assert (await interpreter.get("/api/calendar")).json()["absences"] == []
