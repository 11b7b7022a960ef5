"""``tarjuman doctor``: looks at an installation and says in plain sentences what is right and what is not. Changes nothing."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket
import ssl
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from core.clock import SystemClock
from core.db import migrate as migrations
from core.db.fingerprint import fingerprint
from core.db.rls import is_bypassed
from core.db.session import Database
from core.events.bus import EventBus
from core.events.opening import open_bus
from core.settings import Mode, Settings
from media.sockets import local_addresses
from media.worker import node_options
from records.procedures import CatalogueError, load_catalogue
from signaling.bootstrap import open_database
from signaling.findings import Finding, Grade
from signaling.health import MAX_CLOCK_DIFFERENCE, check_bus, clock_difference
from signaling.schema import DDL_POSTGRESQL, DDL_SQLITE, METADATA
from signaling.static import WebClient, client_folder
from signaling.stun import binding, parse_address
from signaling.telephony.doctor import telephony

CHECK_LIMIT = 10.0
"""Seconds that one group of checks may take."""
_SAMPLED_PORTS = 32
_CERTIFICATE_DAYS = 21


Check = Callable[[Settings], AsyncIterator[Finding]]


async def diagnose(settings: Settings) -> list[Finding]:
    """All findings, topic by topic. A check that breaks is a finding too."""
    found: list[Finding] = []
    for topic, check in _CHECKS.items():
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                found += [finding async for finding in check(settings)]
        except TimeoutError:
            found.append(Finding(topic, Grade.BAD, f"No answer within {CHECK_LIMIT:.0f} seconds."))
        except Exception as error:
            found.append(Finding(topic, Grade.BAD, f"The check itself failed: {type(error).__name__}: {error}"))
    return found


def is_sound(findings: list[Finding]) -> bool:
    """Whether nothing is bad."""
    return all(finding.grade is not Grade.BAD for finding in findings)


async def _settings(settings: Settings) -> AsyncIterator[Finding]:
    def say(grade: Grade, sentence: str) -> Finding:
        return Finding("settings", grade, sentence)

    if settings.mode is Mode.PRODUCTION:
        yield say(Grade.OK, f"Production, reached at {settings.public_url}.")
    else:
        yield say(
            Grade.NOTE, f"Development, reached at {settings.public_url}. Real people need mode=production and https."
        )
    if settings.demo:
        yield say(Grade.NOTE, "Demo mode is on: sign-in links work without a password.")
    if settings.bus_url == "memory://":
        yield say(Grade.OK, "One process: the bus is in memory. A second process would need bus_url=redis://...")
    try:
        catalogue = load_catalogue(extra=settings.catalogue_files)
    except CatalogueError as error:
        yield say(Grade.BAD, f"The procedure catalogue is wrong: {error}")
    else:
        yield say(Grade.OK, f"The procedure catalogue has {len(catalogue.steps())} steps and is well formed.")


async def _data(settings: Settings) -> AsyncIterator[Finding]:
    def say(grade: Grade, sentence: str) -> Finding:
        return Finding("data folder", grade, sentence)

    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield say(Grade.BAD, f"{folder} cannot be written: {error.strerror}.")
        return
    free = _free_bytes(folder)
    grade = Grade.OK if free > 1_000_000_000 else Grade.NOTE
    yield say(grade, f"{folder} can be written; {free // 1_000_000} MB are free.")
    key_file = settings.key_file
    if key_file is None or not key_file.exists():
        yield say(
            Grade.NOTE,
            f"There is no key file yet; the first start makes {key_file}. Keep a copy of it.",
        )
    elif stat.S_IMODE(key_file.stat().st_mode) & 0o077:
        yield say(Grade.BAD, f"{key_file} can be read by others. Run: chmod 600 {key_file}")
    else:
        yield say(Grade.OK, "The key file is there and private.")


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    def say(grade: Grade, sentence: str) -> Finding:
        return Finding("database", grade, sentence)

    database = open_database(settings)
    try:
        await database.ping()
    except Exception as error:
        yield say(Grade.BAD, f"The database does not answer: {error}. Check TARJUMAN_DATABASE_URL and that it runs.")
        await database.close()
        return
    try:
        yield say(Grade.OK, f"The database ({database.dialect}) answers.")
        current = await asyncio.to_thread(migrations.current, settings.database_url)
        head = migrations.head()
        if current != head:
            yield say(
                Grade.BAD,
                f"The schema is at revision {current or 'none'}, this version needs {head}. Run: tarjuman migrate",
            )
            return
        async with database.engine.connect() as connection:
            missing = missing_protections(await connection.run_sync(fingerprint), database.dialect)
        if missing:
            yield say(
                Grade.BAD,
                f"Protections of the schema are missing: {', '.join(missing)}. Restore from a backup or ask for help.",
            )
        else:
            yield say(Grade.OK, f"The schema is at revision {head}; constraints and triggers are in place.")
        if database.dialect == "postgresql":
            async with database.engine.connect() as connection:
                bypassed = await connection.run_sync(is_bypassed)
            if bypassed:
                # Superusers and BYPASSRLS see every row: the floor under the country filter is not there.
                yield say(
                    Grade.BAD if settings.mode is Mode.PRODUCTION else Grade.NOTE,
                    "This role of the database passes over row-level security. Use one that is no superuser and has no BYPASSRLS.",
                )
        yield await _clock(database)
    finally:
        await database.close()


def missing_protections(lines: Sequence[str], dialect: str) -> list[str]:
    """Names of triggers, exclusion constraints and unique indexes that the models demand and the fingerprint lacks."""
    statements = DDL_SQLITE if dialect == "sqlite" else DDL_POSTGRESQL
    wanted = [found[1] for statement in statements if (found := _NAMED.search(statement))]
    wanted += [str(index.name) for table in METADATA.tables.values() for index in table.indexes if index.unique]
    known = "\n".join(lines)
    return sorted(name for name in wanted if not re.search(rf"\b{re.escape(name)}\b", known))


_NAMED = re.compile(r"(?:CREATE TRIGGER|CREATE FUNCTION|ADD CONSTRAINT) (\w+)")


async def _clock(database: Database) -> Finding:
    difference = await clock_difference(database)
    if database.dialect == "sqlite":
        return Finding(
            "clock", Grade.OK, f"It is {SystemClock().now():%Y-%m-%d %H:%M:%S} UTC here; SQLite has no other clock."
        )
    if abs(difference) > MAX_CLOCK_DIFFERENCE:
        return Finding(
            "clock", Grade.BAD, f"Our clock and the database's differ by {difference:+.1f} s. Set both by NTP."
        )
    return Finding("clock", Grade.OK, f"Our clock and the database's agree ({difference * 1000:+.0f} ms).")


async def _bus(settings: Settings) -> AsyncIterator[Finding]:
    bus: EventBus = open_bus(settings)
    try:
        await check_bus(bus)
    except Exception as error:
        code = getattr(error, "code", type(error).__name__)
        yield Finding(
            "bus", Grade.BAD, f"The bus does not carry messages ({code}). Check TARJUMAN_BUS_URL and that Redis runs."
        )
    else:
        yield Finding("bus", Grade.OK, "A test message went through the bus.")
    finally:
        await bus.close()


async def _media(settings: Settings) -> AsyncIterator[Finding]:
    def say(grade: Grade, sentence: str) -> Finding:
        return Finding("media", grade, sentence)

    if not settings.media.in_process:
        yield say(Grade.NOTE, "Media nodes run elsewhere; run doctor there too.")
        return
    low, high = settings.media.port_min, settings.media.port_max
    step = max(1, (high - low) // _SAMPLED_PORTS)
    refused = [port for port in range(low, high + 1, step) if not _bindable(port)]
    if refused:
        some = ", ".join(map(str, refused[:5]))
        yield say(
            Grade.NOTE,
            f"Some UDP ports of {low}-{high} are in use or refused ({some}). With calls running that is right.",
        )
    else:
        yield say(Grade.OK, f"UDP ports {low}-{high} can be used. A firewall must let them in.")
    addresses = [str(address) for address in local_addresses(node_options(settings.media).wire)]
    if settings.media.advertised_address:
        addresses.append(f"{settings.media.advertised_address} (advertised)")
    if addresses:
        yield say(Grade.OK, f"Browsers are offered {', '.join(addresses)}.")
    else:
        yield say(Grade.BAD, "No address of this machine can be offered to browsers. Check TARJUMAN_MEDIA__INTERFACES.")


async def _turn(settings: Settings) -> AsyncIterator[Finding]:
    urls = [*settings.stun_urls, *settings.turn.urls]
    if not settings.turn.urls:
        grade = Grade.NOTE if settings.mode is Mode.PRODUCTION else Grade.OK
        yield Finding(
            "TURN",
            grade,
            "No TURN server is set. People behind strict firewalls will not be reached.",
        )
    for url in urls:
        try:
            await binding(parse_address(url))
        except (OSError, TimeoutError, ValueError) as error:
            yield Finding("TURN", Grade.BAD, f"{url} does not answer ({error or 'no answer'}).")
        else:
            yield Finding("TURN", Grade.OK, f"{url} answers.")


async def _certificate(settings: Settings) -> AsyncIterator[Finding]:
    parts = urlsplit(settings.public_url)
    if parts.scheme != "https" or parts.hostname is None:
        return
    try:
        days = await _certificate_days(parts.hostname, parts.port or 443)
    except ssl.SSLCertVerificationError as error:
        yield Finding(
            "certificate",
            Grade.BAD,
            f"Browsers will refuse the certificate of {parts.hostname}: {error.verify_message}.",
        )
    except OSError as error:
        yield Finding("certificate", Grade.BAD, f"{settings.public_url} cannot be reached from here ({error}).")
    else:
        grade = Grade.OK if days > _CERTIFICATE_DAYS else Grade.NOTE
        yield Finding("certificate", grade, f"The certificate of {parts.hostname} is valid for {days} more days.")


async def _certificate_days(host: str, port: int) -> int:
    _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context(), server_hostname=host)
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    return (ends - SystemClock().now()).days


async def _pages(settings: Settings) -> AsyncIterator[Finding]:
    if WebClient(client_folder()).built:
        yield Finding("pages", Grade.OK, "The web client is built.")
    else:
        yield Finding("pages", Grade.BAD, "The web client is not built. Run: make web")


async def _server(settings: Settings) -> AsyncIterator[Finding]:
    def connect() -> bool:
        with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
            probe.settimeout(1)
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
            return probe.connect_ex((host, settings.port)) == 0

    place = f"{settings.host} port {settings.port}"
    if await asyncio.to_thread(connect):
        yield Finding("server", Grade.OK, f"Something serves at {place}.")
    else:
        yield Finding("server", Grade.NOTE, f"Nothing serves at {place} now. Start it: tarjuman serve")


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("", port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def _free_bytes(folder: Path) -> int:
    numbers = os.statvfs(folder)
    return numbers.f_bavail * numbers.f_frsize


_CHECKS: dict[str, Check] = {
    "settings": _settings,
    "data folder": _data,
    "database": _database,
    "bus": _bus,
    "media": _media,
    "TURN": _turn,
    "telephony": telephony,
    "certificate": _certificate,
    "pages": _pages,
    "server": _server,
}
