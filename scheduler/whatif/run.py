"""A whole what-if: the plan itself, then on its busiest days each switch alone and all together. Plain computation."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping

from scheduler.demand.erlang import agents_for
from scheduler.languages import LanguageTable
from scheduler.ring.policy import FILES, LadderPolicy, read_policy
from scheduler.whatif.model import simulate
from scheduler.whatif.plan import SWITCHES, PlanInput, PlanResult, SwitchEffect, SwitchName, with_switches
from scheduler.whatif.tally import Asked, Tally, series_of, waits_of

BUSIEST_DAYS = 3
Progress = Callable[[float], None]


def shipped_policies() -> dict[str, LadderPolicy]:
    """The ladders as shipped; a plan does not follow what a coordinator changed today."""
    return {country: read_policy(path) for country, path in FILES.items()}


def run_plan(
    plan: PlanInput,
    table: LanguageTable,
    policies: Mapping[str, LadderPolicy],
    progress: Progress = lambda _: None,
) -> PlanResult:
    """Everything that a plan answers; ``progress`` is told shares from 0 to 1."""
    began = time.perf_counter()
    variants = _variants(plan) if plan.compare else []
    busiest = _busiest(plan)
    whole = sum(plan.persons)
    weight = [max(1, whole), *(max(1, sum(busiest.persons)) for _ in variants)]
    done = 0

    def step(share: float) -> None:
        progress(min(1.0, (done + share * current) / sum(weight)))

    current = weight[0]
    tally = simulate(plan, table, policies, step)
    done += current
    effects = []
    for number, (name, switches) in enumerate(variants, start=1):
        current = weight[number]
        effects.append(_effect(name, simulate(with_switches(busiest, switches), table, policies, step)))
        done += current
    return _result(plan, tally, effects, time.perf_counter() - began)


def _variants(plan: PlanInput) -> list[tuple[str, list[SwitchName]]]:
    """As it stands, with each switch that is off, and with all."""
    own: list[SwitchName] = list(plan.switches)
    found: list[tuple[str, list[SwitchName]]] = [("none", own)]
    found += [(switch, [*own, switch]) for switch in SWITCHES if switch not in own]
    return [*found, ("all", list(SWITCHES))]


def _busiest(plan: PlanInput) -> PlanInput:
    """The busiest day with the one before and after it."""
    top = max(range(len(plan.persons)), key=lambda day: plan.persons[day])
    begin = max(0, min(top - 1, len(plan.persons) - BUSIEST_DAYS))
    return plan.model_copy(update={"persons": plan.persons[begin : begin + BUSIEST_DAYS]})


def _effect(name: str, tally: Tally) -> SwitchEffect:
    now = waits_of([one for one in tally.asked if one.priority != "P4"])
    return SwitchEffect(
        switch=name,
        p50=now.p50,
        p90=now.p90,
        within_five=now.within_five,
        given_up=now.given_up,
        utilisation=_utilisation(tally),
    )


def _result(plan: PlanInput, tally: Tally, effects: list[SwitchEffect], seconds: float) -> PlanResult:
    by_priority: dict[str, list[Asked]] = defaultdict(list)
    by_language: dict[str, list[Asked]] = defaultdict(list)
    for one in tally.asked:
        by_priority[one.priority].append(one)
        if one.priority != "P4":
            by_language[one.language].append(one)
    minutes = plan.minutes + plan.ring.join_seconds / 60
    per_hour = max(plan.persons) / plan.group * max(plan.hours) / sum(plan.hours)
    whole = sum(plan.languages.values())
    # Language by language: pooling helps only as far as people really share languages, which the simulated waits show.
    at_once = sum(
        agents_for(round(per_hour * share / whole, 4), minutes, ring_seconds=plan.ring.answer_seconds)
        for share in plan.languages.values()
    )
    by_minutes = -(-max(plan.persons) / plan.group * minutes // plan.pool.minutes_day)
    # Whoever is at the desk in the busiest hour works a shift of some hours, on some days out of seven.
    by_hour = at_once * 24 / plan.pool.shift_hours * 7 / plan.pool.days_on * _evenness(plan)
    return PlanResult(
        requests=len(tally.asked),
        minutes=round(tally.interpreted_minutes, 1),
        all=waits_of([one for one in tally.asked if one.priority != "P4"]),
        by_priority={key: waits_of(value) for key, value in sorted(by_priority.items())},
        by_language={
            key: waits_of(value) for key, value in sorted(by_language.items(), key=lambda x: (-len(x[1]), x[0]))
        },
        utilisation=_utilisation(tally),
        relays=tally.relays,
        partner_sessions=tally.partner_sessions,
        briefings=tally.briefings,
        peak_at_once=at_once,
        people_needed=int(max(at_once, by_minutes, round(by_hour))),
        series=series_of(tally),
        effects=effects,
        seconds=round(seconds, 2),
    )


def _evenness(plan: PlanInput) -> float:
    """Mean hour by busiest hour: shifts can follow the curve of the day."""
    return sum(plan.hours) / 24 / max(plan.hours)


def _utilisation(tally: Tally) -> float:
    return round(tally.interpreted_minutes / tally.paid_minutes, 4) if tally.paid_minutes else 0.0
