"""A group briefing between robots: one speaks, one interprets, eight posts hear both, one of them gets the word for a while."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from signaling.rehearsal.client import Json, RefusedError, Socket, StaffClient
from signaling.rehearsal.participant import RobotParticipant
from tests import people
from tests.scenarios.conftest import House

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]
POSTS = 8


class Post:
    """A post's page: it has the link and nothing else."""

    def __init__(self, house: House, briefing: Json, number: int) -> None:
        self.house, self.briefing, self.id = house, briefing, briefing["posts"][number]["id"]
        self.client = StaffClient(house.stack.url)
        self.token = ""

    async def link(self, leader: StaffClient) -> None:
        made = await leader.call("POST", f"/api/briefings/{self.briefing['id']}/posts/{self.id}/link")
        self.token = made["url"].partition("#")[2]

    async def call(self, path: str, **body: object) -> Json:
        found: Json = await self.client.call("POST", path, {"token": self.token, **body})
        return found

    async def come(self) -> RobotParticipant:
        """Sit down. The robot asks to send sound, as a page that cheats would."""
        found = await self.call("/api/listen")
        assert found["state"] == "open", found
        socket = await Socket.open(
            self.house.stack.url, self.client.origin, httpx.Cookies(), {"grant": found["join"]["grant"]}
        )
        robot = await RobotParticipant.enter(socket, found["join"], self.house.speech["applicant"])
        self.house.exits.push_async_callback(robot.close)
        return robot


async def test_eight_posts_hear_both_and_only_who_has_the_word_is_heard(split_house: House) -> None:
    house = split_house
    coordinator = await house.staff(people.COORDINATOR)
    leader = await house.staff(people.OFFICER)
    interpreter, bell = await house.available(1)
    wanted = {"step_code": "RS-ID-10", "language": "pes", "posts": ["RS-PRESEVO"] * POSTS}
    with pytest.raises(RefusedError, match="briefing_not_open"):
        await leader.call("POST", "/api/briefings", wanted)
    await coordinator.call(
        "POST", "/api/surge", {"country": "RS", "reason": "three buses", "switches": {"group_briefing": True}}
    )
    briefing = await leader.call("POST", "/api/briefings", wanted)
    posts = [Post(house, briefing, number) for number in range(POSTS)]
    for post in posts:
        await house.exits.enter_async_context(post.client)
        await post.link(leader)
    assert (await posts[0].call("/api/listen"))["state"] == "waiting"

    session_id = (await house.accept(interpreter, bell))["session_id"]
    join = await leader.call("POST", f"/api/briefings/{briefing['id']}/join")
    desk = await RobotParticipant.enter(await leader.socket(grant=join["grant"]), join, house.speech["officer"])
    house.exits.push_async_callback(desk.close)
    booth = await house.sit(interpreter, session_id, "interpreter")
    await desk.socket.event("session.changed", lambda data: data["state"] == "active", timeout=30)

    robots = [await post.come() for post in posts]
    await asyncio.gather(
        *(robot.peer.until_heard(who.id, seconds=1.0, timeout=30) for robot in robots for who in (desk, booth))
    )
    for robot in (robots[0], robots[-1]):
        for who, said in ((desk, "officer"), (booth, "interpreter")):
            assert (await robot.hears(who.id, house.speech[said])).similarity > 0.7

    # A post sends nothing, whatever its page asks for, and may neither end nor pause anything.
    assert not [t for t in desk.peer.tracks if t.peer_id in {robot.id for robot in robots}]
    for message in (
        {"t": "room.end", "outcome": "completed"},
        {"t": "room.pause"},
        {"t": "room.signal", "kind": "repeat"},
    ):
        with pytest.raises(RefusedError, match="not_for_your_part"):
            await robots[0].socket.ask(message.pop("t"), **message)
    await posts[0].call("/api/listen/ask", kind="question")
    asked = await desk.socket.event("briefing.asked")
    assert asked["data"]["post_id"] == posts[0].id

    await leader.call("POST", f"/api/briefings/{briefing['id']}/word", {"post_id": posts[0].id})
    await robots[0].socket.event("briefing.word", lambda data: data["on"])
    await robots[0].start_media()
    assert (await desk.hears(robots[0].id, house.speech["applicant"], timeout=30)).similarity > 0.7
    await leader.call("POST", f"/api/briefings/{briefing['id']}/word", {"post_id": None})
    await robots[0].socket.ask("media.set", audio=True, video=False)
    room = await leader.call("GET", f"/api/briefings/{briefing['id']}")
    assert not any(post["word"] for post in room["posts"])
    heard = desk.peer.hearing(robots[0].id)
    assert heard is not None
    # What was on its way still comes, on a busy machine late; then nothing.
    async with asyncio.timeout(30):
        frames = -1
        while frames < 0 or heard.frames - frames >= 5:
            frames = heard.frames
            await asyncio.sleep(1.5)

    for number, post in enumerate(posts[:6]):
        await post.call("/api/listen/told", group=1, people=10 + number, answer="yes" if number else "not_all")
    ended = await leader.call("POST", f"/api/briefings/{briefing['id']}/end")
    assert ended["state"] == "over"
    assert ended["told"] == {"people": 75, "yes": 65, "no": 0, "not_all": 10, "posts_silent": 2}
    assert (await posts[0].call("/api/listen"))["state"] == "over"
    record = await leader.call("GET", f"/api/sessions/{session_id}")
    assert (record["state"], record["case_id"], record["case_ref"]) == ("sealed", None, None)
    assert record["chain"]["ok"]
    kinds = [entry["kind"] for entry in record["entries"]]
    assert kinds.count("told") == 6
    assert {"briefing", "word_given", "word_taken", "signal"} <= set(kinds)
