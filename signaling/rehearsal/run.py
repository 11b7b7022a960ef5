"""``tarjuman rehearse``: two robots do the whole job against a running server, over its public API, socket and WebRTC.

From a new case an interpreter is asked for now, rings, accepts; both speak; each compares what arrived with what the other
said; the session is ended and its sealed log is read and checked. The case of a rehearsal is closed at the end and says so.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.clock import new_id
from media.robot import read_wav
from media.similarity import Comparison, Samples
from records.chain import GENESIS, link
from signaling.rehearsal.client import Json, RefusedError, Socket, StaffClient
from signaling.rehearsal.participant import RobotParticipant

SAME_SPEECH = 0.7
"""Similarity from which what arrived counts as what was said (other speech stays below 0.5)."""
AUDIBLE_DBFS = -45.0
VOICES = {
    "officer": ("sr", "Добар дан. Помоћи ће нам преводилац. Да ли добро разумете преводиоца?"),
    "interpreter": ("fa", "سلام. من مترجم هستم. هر چه شما می‌گویید و هر چه من می‌گویم ترجمه می‌کنم."),
}
Say = Callable[[str], None]


class RehearsalError(Exception):
    """The rehearsal failed; the message is a plain sentence."""


@dataclass(frozen=True)
class Account:
    """How a robot signs in: by link, or by code and password."""

    link: str | None = None
    code: str | None = None
    password: str | None = None


@dataclass(frozen=True)
class Rehearsal:
    """What is rehearsed and by whom."""

    url: str
    officer: Account
    interpreter: Account
    language: str = "pes"
    speech: tuple[Path, Path] | None = None
    """WAV files of officer and interpreter; none: espeak-ng makes them."""


async def rehearse(plan: Rehearsal, say: Say = print) -> Json:
    """Do the whole job once. Returns the session's record; raises ``RehearsalError`` when anything is not as it must be."""
    try:
        async with asyncio.timeout(120), StaffClient(plan.url) as officer, StaffClient(plan.url) as interpreter:
            await _sign_in(officer, plan.officer)
            await _sign_in(interpreter, plan.interpreter)
            say(f"Signed in as {officer.me['code']} and {interpreter.me['code']}.")
            return await _job(plan, officer, interpreter, say)
    except RefusedError as refused:
        raise RehearsalError(
            f"The server refused: {refused.code} {refused.problem.get('detail', '')}".strip()
        ) from None
    except TimeoutError:
        raise RehearsalError("Something took longer than it may; the lines above say how far it went.") from None


async def _job(plan: Rehearsal, officer: StaffClient, interpreter: StaffClient, say: Say) -> Json:
    said = _speech(plan)
    await interpreter.call("PUT", "/api/interpreter/presence", {"wanted": "available"})
    async with await interpreter.socket() as bell:
        case = await _new_case(officer, plan.language)
        say(f"Case {case['case_ref']} is open at step {_step(case)['code']}.")
        booking = await officer.call("POST", "/api/bookings", _request(case, plan.language), key=new_id("rehearse"))
        offer = await bell.event("offer.sent", lambda data: data["kind"] == "now", timeout=60)
        say("The interpreter is rung.")
        accepted = await interpreter.call(
            "POST", f"/api/offers/{offer['data']['id']}/accept", {"round": offer["data"]["round"], "no_conflict": True}
        )
        session_id = accepted["session_id"]
        robots = await _enter_both(officer, interpreter, session_id, said)
        try:
            await _talk(robots, said, say)
            await robots[1].socket.ask("room.language", code=plan.language)
            await officer.call(
                "POST", f"/api/sessions/{session_id}/end", {"outcome": "completed", "reason": "finished"}
            )
            await robots[0].socket.event("room.closed")
        finally:
            for robot in robots:
                await robot.close()
    record: Json = await officer.call("GET", f"/api/sessions/{session_id}")
    _check_record(record)
    await officer.call("POST", f"/api/cases/{case['id']}/close", {"reason": "rehearsal"})
    _print_log(record, say)
    say(f"Booking {booking['id']}: the whole job is done, sound went both ways, the log is sealed and verified.")
    return record


async def _sign_in(client: StaffClient, account: Account) -> None:
    if account.link is not None:
        await client.sign_in_by_link(account.link)
    else:
        await client.sign_in(account.code or "", account.password or "")


async def _new_case(officer: StaffClient, language: str) -> Json:
    site = officer.me.get("site")
    if not site:
        raise RehearsalError("The officer has no site; give an account of a desk.")
    catalogue = await officer.call("GET", "/api/catalogue")
    steps = [s for s in catalogue["steps"] if s["country"] == site["country"] and s["stage"] == "identification"]
    body = {
        "country": site["country"],
        "site": site["code"],
        "languages": [{"code": language, "source": "self_declared"}],
        "literacy": "unknown",
        "age_group": "18-64",
        "uam": "no",
        "interp_sex": {"wish": "none", "must": False, "asked": True},
        "needs": [],
        "track": "regular",
        "first_step": min(steps, key=lambda s: s["seq"])["code"],
    }
    case: Json = await officer.call("POST", "/api/cases", body, key=new_id("rehearse"))
    return case


def _step(case: Json) -> Json:
    step: Json = next(step for step in case["steps"] if step["id"] == case["current_step_id"])
    return step


def _request(case: Json, language: str) -> Json:
    return {"case_id": case["id"], "step_id": case["current_step_id"], "kind": "now", "language": language}


async def _enter_both(
    officer: StaffClient, interpreter: StaffClient, session_id: str, said: tuple[Samples, Samples]
) -> tuple[RobotParticipant, RobotParticipant]:
    async def enter(who: StaffClient, speech: Samples) -> RobotParticipant:
        join = await who.call("POST", f"/api/sessions/{session_id}/join")
        socket: Socket = await who.socket(grant=join["grant"])
        return await RobotParticipant.enter(socket, join, speech)

    first, second = await asyncio.gather(enter(officer, said[0]), enter(interpreter, said[1]))
    return first, second


async def _talk(robots: tuple[RobotParticipant, RobotParticipant], said: tuple[Samples, Samples], say: Say) -> None:
    officer, interpreter = robots
    for robot in robots:
        await robot.peer.until_connected(timeout=20)
    await officer.socket.event("session.changed", lambda data: data["state"] == "active", timeout=20)
    results = await asyncio.gather(officer.hears(interpreter.id, said[1]), interpreter.hears(officer.id, said[0]))
    for name, result in zip(("officer", "interpreter"), results, strict=True):
        say(f"The {name} hears: similarity {result.similarity:.2f}, level {result.heard_dbfs:.0f} dBFS.")
        if not _right(result):
            raise RehearsalError(f"What the {name} hears is not what the other side said.")


def _right(result: Comparison) -> bool:
    return result.similarity >= SAME_SPEECH and result.heard_dbfs > AUDIBLE_DBFS


def _check_record(record: Json) -> None:
    if record["state"] != "sealed":
        raise RehearsalError(f"The session is not sealed but {record['state']}.")
    if not record["chain"]["ok"] or not verified(record):
        raise RehearsalError("The chain of the log does not verify.")
    kinds = [entry["kind"] for entry in record["entries"]]
    missing = {"planned", "arrived", "started", "language_confirmed", "ended", "sealed"} - set(kinds)
    if missing:
        raise RehearsalError(f"The log lacks: {', '.join(sorted(missing))}.")


def verified(record: Json) -> bool:
    """Check the chain ourselves from what the server sent, instead of believing its word."""
    previous = GENESIS
    for index, entry in enumerate(record["entries"], start=1):
        made = link(previous, index, datetime.fromisoformat(entry["at"]), entry["kind"], entry["data"])
        if entry["seq"] != index or made.hash != entry["hash"]:
            return False
        previous = made.hash
    return bool(record["chain"]["seal"] == previous)


def _print_log(record: Json, say: Say) -> None:
    say(f"Session of step {record['step_code']}, {record['outcome']}:")
    for entry in record["entries"]:
        facts = ", ".join(f"{key} {value}" for key, value in entry["data"].items() if value is not None)
        say(f"  {entry['seq']:>3}  {entry['at']}  {entry['kind']:<20} {facts}  {entry['hash'][:12]}")
    say(f"  seal {record['chain']['seal']}")


def _speech(plan: Rehearsal) -> tuple[Samples, Samples]:
    if plan.speech is not None:
        return read_wav(plan.speech[0]), read_wav(plan.speech[1])
    program = shutil.which("espeak-ng")
    if program is None:
        raise RehearsalError("espeak-ng is not installed; install it or give two WAV files with --speech.")
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for part in ("officer", "interpreter"):
            voice, text = VOICES[part]
            path = Path(folder) / f"{part}.wav"
            subprocess.run([program, "-v", voice, "-w", str(path), text], check=True, timeout=20)  # noqa: S603 - fixed words
            made.append(read_wav(path))
    return made[0], made[1]
