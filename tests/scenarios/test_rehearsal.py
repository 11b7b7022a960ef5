"""``tarjuman rehearse`` against both kinds of installation, and that it can fail."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from signaling.rehearsal.run import Account, Rehearsal, RehearsalError, rehearse, verified
from tests import people
from tests.stack import Stack

pytestmark = [pytest.mark.services, pytest.mark.timeout(480)]


def plan(stack: Stack) -> Rehearsal:
    officer, interpreter = people.OFFICER, people.interpreter(1)
    return Rehearsal(
        stack.url,
        Account(code=officer.code, password=officer.password),
        Account(code=interpreter.code, password=interpreter.password),
    )


async def test_the_whole_job(shared_stack: Stack) -> None:
    said: list[str] = []
    record = await rehearse(plan(shared_stack), said.append)
    assert record["state"] == "sealed"
    assert record["interpreter"]["code"] == people.interpreter(1).code
    assert record["language_confirmed"] == "pes"
    assert record["sex_pref"]["value"] == "none"
    assert any("interpreter hears" in line for line in said)
    assert verified(record)
    for entry in record["entries"]:
        entry["data"] = {**entry["data"], "outcome": "stopped"} if entry["kind"] == "ended" else entry["data"]
    assert not verified(record), "a changed entry must be found"


async def test_a_wrong_password_is_a_plain_refusal(shared_stack: Stack) -> None:
    wrong = dataclasses.replace(
        plan(shared_stack), officer=Account(code=people.OFFICER.code, password="something else")
    )
    said: list[Any] = []
    with pytest.raises(RehearsalError, match="sign_in_failed"):
        await rehearse(wrong, said.append)
