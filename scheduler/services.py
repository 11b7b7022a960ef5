"""Puts the services of the scheduler together; the only place that knows in which order they need each other."""

from __future__ import annotations

from dataclasses import dataclass

from core.notify import Ports
from records.cases import CaseService
from records.procedures import Catalogue
from records.session_log import SessionLog
from scheduler.assignments import Assignments
from scheduler.board import BoardViews
from scheduler.booked_sessions import BookedSessions
from scheduler.booking.appointments import AppointmentService
from scheduler.booking.choices import Choices
from scheduler.booking.leg_ring import LegRing
from scheduler.booking.places import WaitingPlaces
from scheduler.booking.proposals import TimeProposals
from scheduler.booking.series import SeriesService
from scheduler.booking.waiting import WaitingList
from scheduler.booking_views import BookingViews
from scheduler.bookings import BookingService
from scheduler.briefings.facts import BookedFacts
from scheduler.briefings.service import BriefingService
from scheduler.calendars.availability import Availability
from scheduler.closing import Closing
from scheduler.conduct import ConductService
from scheduler.history import CaseHistory
from scheduler.interpreter_views import InterpreterViews
from scheduler.languages import LanguageTable
from scheduler.offers import OfferService
from scheduler.plans.services import Plans
from scheduler.pool import PoolService
from scheduler.pool_life.services import PoolLife
from scheduler.presence import PresenceService
from scheduler.ring.ledger import Ledger
from scheduler.ring.policy import Policies
from scheduler.ring.reach import Reach
from scheduler.ring.reserve import Reserves
from scheduler.rounds import Rounds
from scheduler.surge.states import SurgeStates
from scheduler.transfer import TransferService
from scheduler.waits import Waits


@dataclass(frozen=True)
class SchedulerServices:
    """Everything that the scheduler can do."""

    bookings: BookingService
    """Requests until somebody is found."""
    appointments: AppointmentService
    """Slots, bookings of slots, holds, moves."""
    proposals: TimeProposals
    """Other times for what is agreed, which its interpreter is asked for."""
    series: SeriesService
    """Appointments that come again."""
    legs: LegRing
    """Relays and teams while they are looked for."""
    briefings: BriefingService
    """Information to groups at several posts at once (R-7)."""
    conduct: ConductService
    """Bookings with an interpreter: start, finish, release, replace, miss."""
    offers: OfferService
    """Answers of interpreters."""
    presence: PresenceService
    pool: PoolService
    pool_life: PoolLife
    plans: Plans
    """Proposals of assignment and repair."""
    transfer: TransferService
    waits: Waits
    booking_views: BookingViews
    interpreter_views: InterpreterViews
    board: BoardViews
    policies: Policies
    """The ladders of the countries."""
    ledger: Ledger
    """Whose turn it was, and why."""
    reach: Reach
    """How those are called who have no page open."""
    rounds: Rounds

    @classmethod
    def build(
        cls,
        catalogue: Catalogue,
        table: LanguageTable,
        cases: CaseService,
        log: SessionLog,
        *,
        ports: Ports | None = None,
    ) -> SchedulerServices:
        """All services over one catalogue and one language table; ``ports``: how those are called who have no page open.

        Raises ``records.procedure_source.CatalogueError`` (file, line, reason) when a ladder file is wrong.
        """
        cases.history = CaseHistory(catalogue).complete
        policies, reserves = Policies.load(), Reserves()
        ledger, reach = Ledger(policies), Reach(ports or Ports.none(), Availability())
        rounds = Rounds(catalogue, table, policies, reserves, reach, ledger)
        facts = BookedFacts(catalogue, cases)
        assignments = Assignments(catalogue, table, facts, BookedSessions(log))
        offers = OfferService(rounds, assignments, policies, reserves)
        closing = Closing(table, facts, log, rounds, assignments, offers)
        rounds.legs = legs = LegRing(catalogue, rounds, assignments)
        closing.freed = WaitingList(rounds, assignments, WaitingPlaces(rounds, assignments, legs)).freed
        legs.serve = closing.serve
        bookings = BookingService(table, cases, rounds, assignments, offers, closing)
        choices = Choices(catalogue, rounds)
        appointments = AppointmentService(table, cases, log, bookings, rounds, assignments, closing, legs, choices)
        presence = PresenceService(offers)
        waits = Waits(catalogue)
        pool = PoolService(table)
        return cls(
            bookings=bookings,
            appointments=appointments,
            proposals=TimeProposals(bookings, appointments),
            series=SeriesService(cases, appointments, bookings),
            legs=legs,
            briefings=BriefingService(catalogue, table, log, rounds),
            conduct=ConductService(log, rounds, assignments, closing),
            offers=offers,
            presence=presence,
            pool=pool,
            pool_life=PoolLife.build(catalogue, pool),
            plans=Plans.build(catalogue, table, bookings, assignments, rounds, closing),
            transfer=TransferService(),
            waits=waits,
            booking_views=BookingViews(catalogue, waits),
            interpreter_views=InterpreterViews(catalogue, presence),
            board=BoardViews(catalogue, table, cases, waits, policies, ledger, reach, SurgeStates()),
            policies=policies,
            ledger=ledger,
            reach=reach,
            rounds=rounds,
        )
