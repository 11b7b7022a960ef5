"""A whole server in the test's process, without a network: services, application, people who sign in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from core.access import Actor, Country, Membership, Role
from core.clock import ManualClock, new_id
from core.i18n import Catalogues
from core.jobs import Job, JobRunner
from core.settings import AuthSettings, LimitSettings, MediaSettings, Settings
from records.procedures import load_catalogue
from records.sites import put_site
from scheduler.languages import load_languages
from signaling.app import create_app
from signaling.auth.accounts import Account
from signaling.bootstrap import Services, build

PASSWORD = "a long enough secret"
ORIGIN = "http://localhost:8080"
SELDOM_S = 60
FIRST_LOOK_S = 5.0
CALLED_BY_TESTS = {"desk.finder_calls", "surge.watch"}
SITES = {
    "RS-PRESEVO": ("RS", "RS-BP"),
    "RS-BEOGRAD": ("RS", "RS-AO"),
    "MK-VINOJUG": ("MK", "MK-BP"),
}


_catalogue = cache(load_catalogue)
_languages = cache(load_languages)
"""Read once in a test run: the files do not change."""


def settings_for(url: str, folder: Path, **more: Any) -> Settings:
    """Settings of a test: quick password hashing, no limits in the way, few ports."""
    values: dict[str, Any] = {
        "database_url": url,
        "data_dir": folder,
        "auth": AuthSettings.model_validate({"argon2_memory_kib": 8, "login_attempts": 3}),
        "limits": LimitSettings.model_validate({"requests_per_minute": 100_000}),
        "media": MediaSettings.model_validate({"port_min": 42000, "port_max": 42099}),
    }
    return Settings(**(values | more))


@dataclass
class Browser:
    """One browser: keeps its cookie and sends what pages send."""

    http: httpx.AsyncClient
    csrf: str = ""
    me: dict[str, Any] = field(default_factory=dict)

    async def sign_in(self, code: str, password: str = PASSWORD) -> httpx.Response:
        answer = await self.post("/api/sign-in", {"code": code, "password": password})
        if answer.status_code == 200:
            self.me = answer.json()
            self.csrf = self.me["csrf"]
        return answer

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.http.get(path, params={k: v for k, v in query.items() if v is not None})

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.send("POST", path, body, headers)

    async def put(self, path: str, body: Any = None) -> httpx.Response:
        return await self.send("PUT", path, body, {})

    async def patch(self, path: str, body: Any = None) -> httpx.Response:
        return await self.send("PATCH", path, body, {})

    async def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        sent = {"Origin": ORIGIN, "X-CSRF-Token": self.csrf} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)


@dataclass
class House:
    """The server and its people."""

    services: Services
    app: FastAPI
    clock: ManualClock
    browsers: list[httpx.AsyncClient] = field(default_factory=list)

    def browser(self) -> Browser:
        """A fresh browser, signed in as nobody."""
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        self.browsers.append(client)
        return Browser(client)

    async def account(
        self, code: str, role: Role, *countries: Country, site: str | None = None, password: str | None = PASSWORD
    ) -> Account:
        """An account with one role in some countries."""
        hashed = None if password is None else await self.services.hasher.hash(password)
        memberships: Iterable[Membership] = [Membership(role, country) for country in countries]
        async with self.services.database.unit(Actor.system()) as uow:
            return await self.services.accounts.create(
                uow, code=code, memberships=memberships, password_hash=hashed, site=site
            )

    async def signed_in(self, code: str) -> Browser:
        """A browser in which ``code`` is signed in."""
        browser = self.browser()
        answer = await browser.sign_in(code)
        assert answer.status_code == 200, answer.text
        return browser


class _Prompt(JobRunner):
    """Jobs that run once a minute or less often are left out: at the start of a house there is nothing to do for them, and looking
    for it took a third of what a house with people costs. Tests of such a job call it, as they call those of ``CALLED_BY_TESTS``:
    beside a test that moves the clock and takes its time these would do what the test is about to do.

    The others look for the first time when they would look for the second: a quarter of all statements of a house were leases taken,
    looks at what was just made, and leases given back, in tests that are over before a job could find anything."""

    @asynccontextmanager
    async def running(self, jobs: Sequence[Job]) -> AsyncIterator[None]:
        prompt = [job for job in jobs if job.every < SELDOM_S and job.name not in CALLED_BY_TESTS]
        async with super().running(prompt):
            yield

    async def _compete(self, job: Job) -> None:
        await asyncio.sleep(min(job.every, FIRST_LOOK_S))
        await super()._compete(job)


@asynccontextmanager
async def open_house(settings: Settings, clock: ManualClock, texts: Catalogues | None = None) -> AsyncIterator[House]:
    """A running server with the sites of both countries; ``texts`` in place of the product's own sentences."""
    services = build(settings, clock=clock, catalogue=_catalogue(), languages=_languages())
    services = replace(services, jobs=_Prompt(services.database, holder=new_id("process")))
    if texts is not None:
        services = replace(services, texts=texts)
    async with services.running():
        async with services.database.unit(Actor.system()) as uow:
            for code, (country, authority) in SITES.items():
                await put_site(uow, code, country=country, authority=authority, names={"en": code.title()})
        house = House(services, create_app(services), clock)
        try:
            yield house
        finally:
            for client in house.browsers:
                await client.aclose()
