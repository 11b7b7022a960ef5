"""A small world for tests of the queue: sites, an officer, a coordinator, interpreters on line, a case with a step."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from sqlalchemy import select, true

from core.access import Actor, Country, Membership, Role
from core.clock import ManualClock
from core.db.outbox_event import OutboxEvent
from core.db.session import Database
from core.notify import Ports
from records.case_write import NewCase, NewLanguage, SexWishInput
from records.cases import CaseService
from records.models import Session, SessionParticipant
from records.procedures import Catalogue, load_catalogue
from records.session_log import SessionLog
from records.sites import put_site
from scheduler.bookings import NewBooking
from scheduler.calendars.models import AvailabilitySpan
from scheduler.languages import load_languages
from scheduler.models import Assignment, Booking, Offer
from scheduler.offers import AcceptAnswer
from scheduler.pool_write import PairInput, ProfileInput
from scheduler.services import SchedulerServices
from scheduler.worker import SchedulerWorker

STEP = "RS-ID-10"
SYSTEM = Actor.system()


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue, read once."""
    return load_catalogue()


def staff(user: str, role: Role, country: Country = Country.RS, site: str | None = None) -> Actor:
    """Somebody with one role."""
    return Actor(id=f"user_{user}", code=user, memberships=frozenset({Membership(role, country)}), site=site)


OFFICER = staff("O-1183", Role.INTERVIEWER, site="RS-PRESEVO")
OTHER_OFFICER = staff("O-2001", Role.INTERVIEWER, site="RS-BELGRADE")
MK_OFFICER = staff("O-7001", Role.INTERVIEWER, Country.MK, site="MK-TABANOVCE")
COORDINATOR = staff("C-0001", Role.COORDINATOR)


class World:
    """Services over one database, with shortcuts that open a unit of work each."""

    def __init__(self, database: Database, clock: ManualClock, *, ports: Ports | None = None) -> None:
        self.database = database
        self.clock = clock
        self.log = SessionLog()
        table = load_languages()
        self.cases = CaseService(catalogue(), is_language=lambda code: code in table)
        self.services = SchedulerServices.build(catalogue(), table, self.cases, self.log, ports=ports)
        self.worker = SchedulerWorker(database, self.services, self.cases, self.log, clock)
        self._people = 0

    async def begin(self) -> World:
        """The sites."""
        async with self.database.unit(SYSTEM) as uow:
            await put_site(uow, "RS-PRESEVO", country="RS", authority="RS-BP", names={"en": "Presevo"})
            await put_site(uow, "RS-BELGRADE", country="RS", authority="RS-AO", names={"en": "Belgrade"})
            await put_site(uow, "MK-TABANOVCE", country="MK", authority="MK-BP", names={"en": "Tabanovce"})
        return self

    async def interpreters(self, count: int, *, available: bool = True, **values: object) -> list[str]:
        """Pashto interpreters of RS with everything valid; ids in the order of their codes."""
        ids = []
        async with self.database.unit(SYSTEM) as uow:
            for _ in range(count):
                self._people += 1
                profile: ProfileInput = {
                    "code": f"I-{self._people:04d}",
                    "user_id": f"user_i{self._people}",
                    "nominated_by": "RS",
                    "engagement": "staff",
                    "base_country": "RS",
                    "time_zone": "Europe/Belgrade",
                    "location_status": "approved_room",
                    "sex": "woman" if self._people % 2 else "man",
                    "level": "L3",
                    "pairs": [pair("pbt", "srp"), pair("pes", "srp")],
                    "vetting_result": "pass",
                    "vetting_expires": self.clock.now() + timedelta(days=365),
                    "nda_expires": self.clock.now() + timedelta(days=365),
                    "conduct_expires": self.clock.now() + timedelta(days=365),
                }
                profile.update(values)  # type: ignore[typeddict-item]
                made = await self.services.pool.create(uow, profile)
                await self.services.pool.devices_checked(uow, made["id"], ok=True)
                if available:
                    await self.services.presence.set_wanted(uow, made["id"], wanted="available")
                ids.append(made["id"])
        return ids

    async def on_line(self, interpreter_id: str, wanted: str = "available") -> None:
        """Switch availability."""
        async with self.database.unit(SYSTEM) as uow:
            await self.services.presence.set_wanted(uow, interpreter_id, wanted=wanted)

    async def on_call(self, interpreter_id: str, *, hours: float = 4) -> None:
        """An on-call window from now on, as the expanded calendar says it."""
        async with self.database.unit(SYSTEM) as uow:
            uow.session.add(
                AvailabilitySpan(
                    interpreter_id=interpreter_id,
                    kind="on_call",
                    starts_at=uow.now,
                    ends_at=uow.now + timedelta(hours=hours),
                    source="rule",
                    report_in_min=60,
                    reachable_by=["app", "sms", "phone"],
                )
            )

    async def stay(self, *interpreter_ids: str) -> None:
        """Heartbeats."""
        for interpreter_id in interpreter_ids:
            async with self.database.unit(SYSTEM) as uow:
                await self.services.presence.heartbeat(uow, interpreter_id)

    async def case(
        self, *, step: str = STEP, language: str = "pbt", actor: Actor = OFFICER, **values: object
    ) -> tuple[str, str]:
        """A case with one planned step; returns both ids."""
        new = NewCase(
            country=step[:2],
            site=str(actor.site),
            age_group="18-64",
            first_step=step,
            languages=[NewLanguage(language, "self_declared")],
            interp_sex=SexWishInput(asked=True),
            **values,  # type: ignore[arg-type]
        )
        async with self.database.unit(actor) as uow:
            made = await self.cases.open(uow, new)
        return made["id"], made["steps"][0]["id"]

    async def request(
        self,
        step_id: str | None = None,
        *,
        kind: str = "now",
        language: str = "pbt",
        in_hours: float = 0,
        minutes: int = 20,
        actor: Actor = OFFICER,
    ) -> str:
        """Ask for an interpreter (for a new case, if no step is given); returns the booking id."""
        if step_id is None:
            _, step_id = await self.case(language=language, actor=actor)
        starts_at = self.clock.now() + timedelta(hours=in_hours) if kind == "appointment" else None
        new = NewBooking(
            step_id=step_id,
            kind=kind,
            language=language,
            officer_language="srp",
            starts_at=starts_at,
            minutes=minutes,
        )
        async with self.database.unit(actor) as uow:
            booking = await self.services.bookings.request(uow, new)
        return booking.id

    async def booking(self, booking_id: str) -> Booking:
        """The row as it is."""
        async with self.database.read(SYSTEM) as unit:
            return await self.services.bookings.get(unit, booking_id)

    async def offers(self, booking_id: str, state: str | None = "pending") -> list[Offer]:
        """Offers of a booking, oldest round first, best first."""
        wanted = select(Offer).where(Offer.booking_id == booking_id)
        if state is not None:
            wanted = wanted.where(Offer.state == state)
        async with self.database.read(SYSTEM) as unit:
            return list(await unit.session.scalars(wanted.order_by(Offer.round, Offer.score.desc(), Offer.id)))

    async def assignments(self, booking_id: str) -> list[Assignment]:
        """Assignments of a booking in the order in which they were made."""
        async with self.database.read(SYSTEM) as unit:
            return list(
                await unit.session.scalars(
                    select(Assignment).where(Assignment.booking_id == booking_id).order_by(Assignment.id)
                )
            )

    async def session(self, session_id: str | None) -> Session:
        """The row as it is."""
        async with self.database.read(SYSTEM) as unit:
            return await self.log.get(unit, str(session_id))

    async def accept(self, offer: Offer, *, round_no: int | None = None) -> AcceptAnswer:
        """The interpreter of the offer says yes."""
        async with self.database.unit(SYSTEM) as uow:
            return await self.services.offers.accept(
                uow,
                offer.id,
                interpreter_id=offer.interpreter_id,
                round_no=offer.round if round_no is None else round_no,
            )

    async def enter(self, session_id: str | None, part: str, code: str | None = None) -> None:
        """Somebody (``code``: of several interpreters this one) takes their place in the room."""
        async with self.database.unit(SYSTEM) as uow:
            place = await uow.session.scalar(
                select(SessionParticipant).where(
                    SessionParticipant.session_id == session_id,
                    SessionParticipant.part == part,
                    SessionParticipant.state != "gone",
                    SessionParticipant.code == code if code is not None else true(),
                )
            )
            assert place is not None
            place.state, place.since = "present", uow.now
            await self.log.arrive(uow, str(session_id), part=part, code=place.code)
            if part == "interpreter":
                await self.services.conduct.arrived(uow, str(session_id))

    async def talk(self, booking_id: str) -> str:
        """Accept the first pending offer, enter and begin; returns the session id."""
        offer = (await self.offers(booking_id))[0]
        answer = await self.accept(offer)
        session_id = answer["session_id"]
        assert session_id is not None, "one leg of a relay waits for the other"
        for part in ("officer", "interpreter"):
            await self.enter(session_id, part)
        async with self.database.unit(SYSTEM) as uow:
            await self.services.conduct.start(uow, session_id)
        return session_id

    async def events(self, name: str | None = None) -> list[OutboxEvent]:
        """What was told so far."""
        wanted = select(OutboxEvent).order_by(OutboxEvent.seq)
        if name is not None:
            wanted = wanted.where(OutboxEvent.name == name)
        async with self.database.read(SYSTEM) as unit:
            return list(await unit.session.scalars(wanted))


def pair(spoken: str, officer: str) -> PairInput:
    """A good working pair."""
    return PairInput(
        from_lang=spoken, to_lang=officer, level_from="native", level_to="C1", modes=["consecutive"], verified_by="test"
    )
