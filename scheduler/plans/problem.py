"""One planning problem as plain whole numbers in arrays: who could take which leg of which booking, and what each choice costs.

No solver, no database and no rules of matching: options come from ``prepare`` (and so from ``eligible``). Times are whole
minutes since ``origin``; costs are tenths of a point, as in ``ranking``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
MINUTES_A_DAY, DAYS_A_WEEK = 1440, 7
NOBODY = -1


@dataclass(frozen=True)
class Limits:
    """Hard limits that hold for everybody; those of a day and of a week stand at each person."""

    window: int = 300
    """Length in minutes of any stretch of time ..."""
    window_most: int = 240
    """... in which nobody interprets more minutes than this (S-8, policy)."""


@dataclass(frozen=True)
class Prices:
    """What a plan pays, in tenths of a point."""

    unassigned: int = 10_000
    """A booking of weight 1 without an interpreter."""
    relay: int = 1_500
    """A relay instead of a direct interpreter (M-9), beyond what its two people cost."""
    another: int = 250
    """Each different interpreter in one case with several bookings (M-6)."""
    band: tuple[int, int] = (1, 2)
    """Each minute of a person above the first, and in addition above the second mark: fair load."""


def no_ints() -> Ints:
    """An empty column."""
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Fixed:
    """Work that stands already and is not decided here: bound, pinned or held. One row a piece."""

    person: Ints = field(default_factory=no_ints)
    start: Ints = field(default_factory=no_ints)
    minutes: Ints = field(default_factory=no_ints)
    until: Ints = field(default_factory=no_ints)
    """End of the break that is owed after it."""
    case: Ints = field(default_factory=no_ints)
    """Index of the case, or -1."""


@dataclass(frozen=True)
class Problem:
    """Bookings have ways (direct, or a relay of two legs), ways have legs, legs have options (person and cost)."""

    origin: datetime
    bookings: Sequence[str]
    """Ids; ``weight`` and ``case`` have one entry each."""
    people: Sequence[str]
    """Ids; ``day_limit``, ``week_limit`` and ``earlier`` have one entry each."""
    weight: Ints
    """Price of leaving a booking without an interpreter, in tenths."""
    case: Ints
    """Case of a booking as an index; bookings with the same one should have the same interpreter."""
    way_booking: Ints
    way_cost: Ints
    leg_way: Ints
    """Legs stand in the order of their ways."""
    leg_place: Ints
    """1 for direct work and the person's side of a relay, 2 for the officer's side."""
    leg_start: Ints
    leg_minutes: Ints
    leg_until: Ints
    opt_leg: Ints
    """Options stand in the order of their legs."""
    opt_person: Ints
    opt_cost: Ints
    day_limit: Ints
    week_limit: Ints
    earlier: Ints
    """Minutes of each person before this plan that count for fair load."""
    marks: tuple[int, int]
    """Minutes above which the two bands of fair load begin."""
    pivots: Sequence[str] = ()
    """Language through which a way goes; empty for direct work and teams."""
    day_of: Ints = field(default_factory=lambda: np.arange(0, 60 * MINUTES_A_DAY, MINUTES_A_DAY, dtype=np.int64))
    """Start of every local day in minutes since the origin (a switch day has 23 or 25 hours); day 0 is a Monday."""
    fixed: Fixed = field(default_factory=Fixed)
    limits: Limits = field(default_factory=Limits)
    prices: Prices = field(default_factory=Prices)

    @cached_property
    def leg_ptr(self) -> Ints:
        """Options of leg ``l`` are ``leg_ptr[l]:leg_ptr[l + 1]``."""
        return np.searchsorted(self.opt_leg, np.arange(len(self.leg_way) + 1)).astype(np.int64)

    @cached_property
    def way_ptr(self) -> Ints:
        """Legs of way ``w`` are ``way_ptr[w]:way_ptr[w + 1]``."""
        return np.searchsorted(self.leg_way, np.arange(len(self.way_booking) + 1)).astype(np.int64)

    @cached_property
    def booking_ptr(self) -> Ints:
        """Ways of booking ``b`` are ``booking_ptr[b]:booking_ptr[b + 1]``."""
        return np.searchsorted(self.way_booking, np.arange(len(self.bookings) + 1)).astype(np.int64)

    @cached_property
    def leg_booking(self) -> Ints:
        return self.way_booking[self.leg_way]

    @cached_property
    def leg_day(self) -> Ints:
        """Local day on which a leg begins."""
        return self.day(self.leg_start)

    def day(self, start: Ints) -> Ints:
        """Local day of each moment."""
        return np.searchsorted(self.day_of, start, side="right").astype(np.int64) - 1

    @cached_property
    def shared_case(self) -> NDArray[np.bool_]:
        """Per case: whether more than one booking (fixed ones too) belongs to it."""
        count = int(max(self.case.max(initial=-1), self.fixed.case.max(initial=-1))) + 1
        used = np.bincount(self.case[self.case >= 0], minlength=count)
        return np.asarray(used + np.bincount(self.fixed.case[self.fixed.case >= 0], minlength=count) > 1)

    def nobody(self) -> Ints:
        """The plan in which no booking has an interpreter."""
        return np.full(len(self.leg_way), NOBODY, dtype=np.int64)

    def without_options(self, drop: NDArray[np.bool_]) -> Problem:
        """The same without the options that are marked."""
        keep = ~drop
        return replace(self, opt_leg=self.opt_leg[keep], opt_person=self.opt_person[keep], opt_cost=self.opt_cost[keep])


def chosen_people(problem: Problem, chosen: Ints) -> Ints:
    """Per leg the person of the chosen option, -1 where there is none.

    A plan is one whole number per leg: the index of its option, or -1. A booking is served by the way whose legs all have one.
    """
    people = np.full(len(chosen), NOBODY, dtype=np.int64)
    taken = chosen >= 0
    people[taken] = problem.opt_person[chosen[taken]]
    return people
