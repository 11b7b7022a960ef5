"""Puts the services of rosters together."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import Clock
from core.db.session import Database
from scheduler.demand.service import CoverService
from scheduler.languages import LanguageTable
from scheduler.rosters.planner import RosterPlanner
from scheduler.rosters.searches import RosterSearches
from scheduler.rosters.service import RosterService
from scheduler.rosters.swaps import SwapService
from scheduler.rosters.views import RosterViews


@dataclass(frozen=True)
class Rosters:
    """From the empty period to the swapped shift."""

    keeper: RosterService
    searches: RosterSearches
    swaps: SwapService
    views: RosterViews

    @classmethod
    def build(cls, database: Database, clock: Clock, table: LanguageTable, cover: CoverService) -> Rosters:
        """All of them; ``cover`` says what is needed."""
        keeper = RosterService(RosterPlanner(table, cover))
        return cls(keeper, RosterSearches(database, keeper, clock), SwapService(keeper), RosterViews(keeper))
