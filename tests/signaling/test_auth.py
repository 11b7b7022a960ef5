"""Passwords, accounts, sign-ins, one-time secrets: on both databases, and through the door."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.access import Actor, Country, Membership, Role
from core.clock import ManualClock
from core.db.session import Database
from core.errors import AppError, Conflict, Invalid, TooMany, Unauthenticated
from core.settings import AuthSettings
from records.sites import put_site
from signaling.auth import tokens
from signaling.auth.accounts import AccountService
from signaling.auth.attempts import Attempts
from signaling.auth.logins import LoginService, csrf_value
from signaling.auth.models import OneTimeToken
from signaling.auth.passwords import PasswordHasher, check_new_password
from signaling.auth.tokens import TokenKind
from tests.signaling.house import PASSWORD, House

QUICK = AuthSettings.model_validate({"argon2_memory_kib": 8, "login_attempts": 3})
SYSTEM = Actor.system()


@pytest.fixture
async def accounts(database: Database) -> AccountService:
    service = AccountService(database, PasswordHasher(QUICK), QUICK)
    hashed = await service.hashed(PASSWORD, code="O-1")
    async with database.unit(SYSTEM) as uow:
        await put_site(uow, "RS-PRESEVO", country="RS", authority="RS-BP", names={"en": "Preševo"})
        await service.create(
            uow,
            code="O-1",
            memberships=[Membership(Role.INTERVIEWER, Country.RS)],
            site="RS-PRESEVO",
            password_hash=hashed,
        )
    return service


# Passwords


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_short"),
        ("x" * 300, "password_long"),
        ("PasswordPassword", "password_common"),
        ("лозинкалозинка", "password_common"),
        ("abababababababab", "password_simple"),
        ("officer o-1183 at work", "password_code"),
    ],
)
def test_bad_passwords_are_refused_with_a_reason(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_new_password(password, code="O-1183")
    assert refused.value.code == code


def test_a_long_password_of_any_script_is_good() -> None:
    check_new_password("четири коња и једна шљива", code="O-1183")


async def test_hashes_are_salted_and_renewed() -> None:
    weak, strong = PasswordHasher(QUICK), PasswordHasher(AuthSettings.model_validate({"argon2_memory_kib": 16}))
    first, second = await weak.hash(PASSWORD), await weak.hash(PASSWORD)
    assert first != second
    assert (await weak.verify(first, PASSWORD)).ok
    assert not (await weak.verify(first, PASSWORD)).renew
    checked = await strong.verify(first, PASSWORD)
    assert checked.ok
    assert checked.renew
    assert not (await weak.verify(first, PASSWORD + "x")).ok
    assert not (await weak.verify(first, PASSWORD + "x" * 300)).ok
    assert not (await weak.verify(None, PASSWORD)).ok
    assert not (await weak.verify("not a hash", PASSWORD)).ok


async def test_the_default_parameters_are_the_decided_ones() -> None:
    hashed = await PasswordHasher(AuthSettings.model_validate({})).hash(PASSWORD)
    assert hashed.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


async def test_the_same_keys_in_another_unicode_form_are_the_same_password() -> None:
    hasher = PasswordHasher(QUICK)
    assert (await hasher.verify(await hasher.hash("Pre\u0161evo border"), "Pres\u030cevo border")).ok


# Attempts


def test_waits_grow_and_end(clock: ManualClock) -> None:
    now = clock.now()
    attempts = Attempts()
    waits = []
    for _ in range(10):
        attempts = attempts.after_failure(now, allowed=3)
        minutes = attempts.wait_minutes(now)
        waits.append(minutes)
        now += timedelta(minutes=minutes)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert attempts.wait_minutes(now) == 0
    assert attempts.after_failure(now + timedelta(minutes=16), allowed=3).failed == 1


@pytest.mark.parametrize("code", ["O-1", "O-404"])
async def test_known_and_unknown_codes_answer_alike(accounts: AccountService, clock: ManualClock, code: str) -> None:
    seen = []
    for _ in range(4):
        with pytest.raises(AppError) as refused:
            await accounts.prove(code, "wrong")
        seen.append((refused.value.code, dict(refused.value.params)))
    assert seen == [
        ("sign_in_failed", {"tries_left": 2}),
        ("sign_in_failed", {"tries_left": 1}),
        ("sign_in_failed", {"tries_left": 0}),
        ("sign_in_wait", {"minutes": 1, "retry_after": 60}),
    ]
    clock.advance(61)
    with pytest.raises(Unauthenticated):
        await accounts.prove(code, "wrong")
    with pytest.raises(TooMany) as waiting:
        await accounts.prove(code, "wrong")
    assert waiting.value.params["minutes"] == 2


async def test_a_wait_holds_for_the_right_password_too_and_success_forgets(
    accounts: AccountService, clock: ManualClock
) -> None:
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await accounts.prove("O-1", "wrong")
    with pytest.raises(TooMany):
        await accounts.prove("O-1", PASSWORD)
    clock.advance(61)
    assert await accounts.prove(" o-1 ", PASSWORD)
    with pytest.raises(Unauthenticated) as fresh:
        await accounts.prove("O-1", "wrong")
    assert fresh.value.params == {"tries_left": 2}


async def test_many_guesses_at_once_get_no_more_tries(accounts: AccountService) -> None:
    async def guess(number: int) -> str:
        try:
            return await accounts.prove("O-1", PASSWORD if number == 29 else "wrong")
        except AppError as error:
            return error.code

    answers = await asyncio.gather(*(guess(number) for number in range(30)))
    assert answers.count("sign_in_failed") == 3
    assert answers.count("sign_in_wait") == 27


async def test_disabled_accounts_cannot_sign_in(accounts: AccountService, database: Database) -> None:
    async with database.unit(SYSTEM) as uow:
        account = await accounts.by_code(uow, "O-1")
        await accounts.change(uow, account.user_id, disabled=True)
    with pytest.raises(Unauthenticated):
        await accounts.prove("O-1", PASSWORD)


async def test_old_hashes_are_renewed_at_sign_in(accounts: AccountService, database: Database) -> None:
    stronger = AccountService(database, PasswordHasher(AuthSettings.model_validate({"argon2_memory_kib": 16})), QUICK)
    await stronger.prove("O-1", PASSWORD)
    async with database.read(SYSTEM) as unit:
        from signaling.auth.models import User

        user = await unit.session.get(User, (await accounts.by_code(unit, "O-1")).user_id)
    assert user is not None
    assert "m=16," in (user.password_hash or "")


# Accounts


async def test_accounts_need_roles_and_desks_that_fit(accounts: AccountService, database: Database) -> None:
    async def refused(error: type[AppError], **values: object) -> str:
        with pytest.raises(error) as found:
            async with database.unit(SYSTEM) as uow:
                await accounts.create(uow, **values)  # type: ignore[arg-type]
        return found.value.code

    rs, mk = Membership(Role.INTERVIEWER, Country.RS), Membership(Role.INTERVIEWER, Country.MK)
    assert await refused(Invalid, code="O-2", memberships=[]) == "roles_missing"
    assert await refused(Invalid, code="O-2", memberships=[rs]) == "site_missing"
    assert await refused(Invalid, code="O-2", memberships=[mk], site="RS-PRESEVO") == "site_country"
    assert await refused(Invalid, code="O-2", memberships=[rs], site="RS-NOWHERE") == "site_unknown"
    assert await refused(Invalid, code="Ana Anić", memberships=[rs], site="RS-PRESEVO") == "code_malformed"
    assert await refused(Conflict, code="o-1", memberships=[rs], site="RS-PRESEVO") == "code_taken"


async def test_a_stale_change_of_an_account_is_refused(accounts: AccountService, database: Database) -> None:
    async with database.unit(SYSTEM) as uow:
        account = await accounts.by_code(uow, "O-1")
        await accounts.change(uow, account.user_id, version=account.version, locale="mk")
    with pytest.raises(Conflict, match="changed_meanwhile"):
        async with database.unit(SYSTEM) as uow:
            await accounts.change(uow, account.user_id, version=account.version, locale="sq")


async def test_roles_are_replaced(accounts: AccountService, database: Database) -> None:
    wanted = frozenset({Membership(Role.INTERVIEWER, Country.RS), Membership(Role.COORDINATOR, Country.RS)})
    async with database.unit(SYSTEM) as uow:
        account = await accounts.by_code(uow, "O-1")
        await accounts.change(uow, account.user_id, memberships=wanted)
    async with database.read(SYSTEM) as unit:
        assert (await accounts.by_code(unit, "O-1")).memberships == wanted
        found, total = await accounts.page(unit, countries=[Country.RS])
        assert (len(found), total) == (1, 1)
        assert (await accounts.page(unit, countries=[Country.MK]))[1] == 0


# One-time secrets


async def test_a_secret_works_once_however_many_try(database: Database) -> None:
    async with database.unit(SYSTEM) as uow:
        issued = await tokens.issue(uow, TokenKind.JOIN, session_id="session_1", participant_id="part_1")

    async def attempt() -> bool:
        try:
            async with database.unit(SYSTEM) as uow:
                token = await tokens.redeem(uow, TokenKind.JOIN, issued.secret)
            return token.session_id == "session_1"
        except Unauthenticated:
            return False

    assert sorted(await asyncio.gather(*(attempt() for _ in range(20))))[-2:] == [False, True]


async def test_secrets_of_another_kind_or_time_or_world_are_refused_alike(
    database: Database, clock: ManualClock
) -> None:
    async with database.unit(SYSTEM) as uow:
        ticket = await tokens.issue(uow, TokenKind.SOCKET, user_id="user_1")
        late = await tokens.issue(uow, TokenKind.INVITE, ttl=timedelta(seconds=5))
    clock.advance(6)
    for kind, secret in [
        (TokenKind.JOIN, ticket.secret),
        (TokenKind.INVITE, late.secret),
        (TokenKind.SOCKET, "x" * 43),
    ]:
        with pytest.raises(Unauthenticated, match="token_invalid"):
            async with database.unit(SYSTEM) as uow:
                await tokens.redeem(uow, kind, secret)
    clock.advance(25)
    with pytest.raises(Unauthenticated):
        async with database.unit(SYSTEM) as uow:
            await tokens.redeem(uow, TokenKind.SOCKET, ticket.secret)


async def test_secrets_are_not_stored(database: Database) -> None:
    async with database.unit(SYSTEM) as uow:
        issued = await tokens.issue(uow, TokenKind.INVITE)
        row = await uow.session.get(OneTimeToken, tokens.token_hash(issued.secret))
        assert row is not None
        assert issued.secret not in repr(vars(row))


async def test_demo_links_can_be_used_again_and_expire(database: Database, clock: ManualClock) -> None:
    async with database.unit(SYSTEM) as uow:
        issued = await tokens.issue(uow, TokenKind.DEMO, user_id="user_1")
    for _ in range(2):
        async with database.read(SYSTEM) as unit:
            assert (await tokens.read_demo(unit, issued.secret)).user_id == "user_1"
    clock.advance(12 * 3600)
    with pytest.raises(Unauthenticated):
        async with database.read(SYSTEM) as unit:
            await tokens.read_demo(unit, issued.secret)


# Sign-ins


async def login(accounts: AccountService, database: Database, clock: ManualClock) -> tuple[LoginService, str]:
    logins = LoginService(database, clock, QUICK)
    user_id = await accounts.prove("O-1", PASSWORD)
    async with database.unit(SYSTEM) as uow:
        return logins, (await logins.start(uow, user_id)).secret


async def test_a_sign_in_knows_who_it_is(accounts: AccountService, database: Database, clock: ManualClock) -> None:
    logins, secret = await login(accounts, database, clock)
    found = await logins.find(secret)
    assert found is not None
    assert found.principal.code == "O-1"
    assert found.principal.authority == "RS-BP"
    assert found.principal.has(Role.INTERVIEWER, Country.RS)
    assert found.csrf_matches(csrf_value(secret))
    assert not found.csrf_matches(csrf_value(secret + "x"))
    assert await logins.find("x" * 43) is None


async def test_a_sign_in_ends_when_idle(accounts: AccountService, database: Database, clock: ManualClock) -> None:
    logins, secret = await login(accounts, database, clock)
    for _ in range(3):
        clock.advance(50 * 60)
        assert await logins.find(secret) is not None, "use keeps it"
    clock.advance(61 * 60)
    assert await logins.find(secret) is None


async def test_a_sign_in_ends_at_last(accounts: AccountService, database: Database, clock: ManualClock) -> None:
    logins, secret = await login(accounts, database, clock)
    for _ in range(14):
        clock.advance(50 * 60)
        assert await logins.find(secret) is not None
    clock.advance(50 * 60)
    assert await logins.find(secret) is None, "twelve hours are over, however busy one was"


async def test_revocation_works_at_once(accounts: AccountService, database: Database, clock: ManualClock) -> None:
    logins, secret = await login(accounts, database, clock)
    found = await logins.find(secret)
    assert found is not None
    async with database.unit(SYSTEM) as uow:
        await logins.end(uow, user_id=found.principal.user_id)
    assert await logins.find(secret) is None
    assert not await logins.still_valid(found.principal.login_id)


async def test_disabling_an_account_ends_its_sign_ins(
    accounts: AccountService, database: Database, clock: ManualClock
) -> None:
    logins, secret = await login(accounts, database, clock)
    async with database.unit(SYSTEM) as uow:
        await accounts.change(uow, (await accounts.by_code(uow, "O-1")).user_id, disabled=True)
    assert await logins.find(secret) is None


# Through the door


async def test_sign_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(house: House) -> None:
    await house.account("O-1", Role.INTERVIEWER, Country.RS, site="RS-PRESEVO")
    browser = house.browser()
    answer = await browser.sign_in("O-1")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie
    assert browser.me["site"]["code"] == "RS-PRESEVO"
    assert browser.me["memberships"] == [{"role": "interviewer", "country": "RS"}]
    assert (await browser.get("/api/me")).json() == browser.me


async def test_sign_out_ends_the_sign_in(house: House) -> None:
    await house.account("C-1", Role.COORDINATOR, Country.RS)
    browser = await house.signed_in("C-1")
    cookie = dict(browser.http.cookies)
    assert (await browser.post("/api/sign-out")).status_code == 204
    browser.http.cookies.update(cookie)
    assert (await browser.get("/api/me")).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://localhost:8080", "X-CSRF-Token": "wrong"},
        {"Origin": "http://localhost:8080", "X-CSRF-Token": ""},
    ],
)
async def test_unsafe_requests_of_foreign_pages_are_refused(house: House, headers: dict[str, str]) -> None:
    await house.account("C-1", Role.COORDINATOR, Country.RS)
    browser = await house.signed_in("C-1")
    answer = await browser.send("PATCH", "/api/me", {"locale": "mk"}, headers)
    assert answer.status_code == 403
    assert answer.json()["code"] in {"foreign_page", "csrf_mismatch"}
    assert (await browser.get("/api/me")).json()["locale"] == "en"


async def test_no_origin_at_all_is_refused(house: House) -> None:
    answer = await house.browser().http.post("/api/sign-in", json={"code": "O-1", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_page")


async def test_a_secure_house_uses_the_host_prefix(house: House) -> None:
    from core.settings import Settings

    assert Settings(public_url="https://tarjuman.example.org").session_cookie == "__Host-tarjuman"


async def test_changing_the_language(house: House) -> None:
    await house.account("C-1", Role.COORDINATOR, Country.MK)
    browser = await house.signed_in("C-1")
    assert (await browser.patch("/api/me", {"locale": "mk"})).json()["locale"] == "mk"
    refused = await browser.patch("/api/me", {"locale": "xx"})
    assert (refused.status_code, refused.json()["code"]) == (400, "locale_unknown")


async def test_sign_in_is_slow_work_for_guessers(house: House) -> None:
    browser = house.browser()
    answers = [(await browser.sign_in(f"NOBODY-{number}")).status_code for number in range(25)]
    assert answers[:20] == [401] * 20
    assert set(answers[20:]) == {429}


async def test_demo_links_exist_in_the_demo_only(house: House) -> None:
    account = await house.account("C-1", Role.COORDINATOR, Country.RS)
    async with house.services.database.unit(SYSTEM) as uow:
        issued = await tokens.issue(uow, TokenKind.DEMO, user_id=account.user_id)
    answer = await house.browser().get(f"/demo/sign-in/{issued.secret}")
    assert answer.status_code == 404
    assert "set-cookie" not in answer.headers


async def test_socket_tickets_expire_soon(house: House) -> None:
    await house.account("C-1", Role.COORDINATOR, Country.RS)
    browser = await house.signed_in("C-1")
    answer = (await browser.post("/api/socket-ticket")).json()
    assert len(answer["ticket"]) >= 43
    assert answer["expires_at"] == "2026-11-22T08:00:30.000Z"
