"""Ranking of 10,000 interpreters with reasons: the prepared pool against the plain rules on the same people and needs.

One answer works out the order of everybody eligible with the score split into its parts, and for everybody else each
rule that is failed; it tells the first eight in full, a page of refusals, and how many fail which rule. A second figure
tells every match and every refusal. Between answers the pool changes as in service: somebody leaves, takes a call.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from time import thread_time

from records.stages import Level, Mode, Stage
from scheduler.eligibility import NeedContext, failed_rules
from scheduler.languages import PersonLanguage, load_languages
from scheduler.matching import Pool, officer_reasons
from scheduler.need import Candidate, LocationStatus, MatchRules, Need, Presence, Sex, SexWish, TransferGate
from scheduler.ranking import rank
from tests.bench.figures import Figure, percentile

PEOPLE, ANSWERS, PLAIN_ANSWERS, SHOWN, PAGE = 10_000, 400, 6, 8, 50
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SPOKEN = {
    "pbt": 12,
    "pbu": 10,
    "prs": 18,
    "pes": 14,
    "apc": 20,
    "acm": 12,
    "ckb": 6,
    "kmr": 4,
    "urd": 8,
    "fra": 6,
    "arb": 6,
}


def interpreter(number: int, dice: random.Random) -> Candidate:
    """Somebody of a large regional pool; nearly everybody is in order, two in three are online."""
    languages = dice.choices(list(SPOKEN), weights=list(SPOKEN.values()), k=dice.choice([1, 1, 2, 3]))
    toward = dice.choice([("srp",), ("srp", "eng"), ("mkd",), ("eng",), ("srp", "mkd")])
    until = NOW + timedelta(days=dice.choice([-1, 20, 200, 300, 300, 300]))
    busy = [
        (NOW + timedelta(minutes=m), NOW + timedelta(minutes=m + 45))
        for m in dice.sample([-20, 60, 180], k=dice.choice([0, 0, 1]))
    ]
    return Candidate(
        id=f"int_{number:05d}",
        code=f"I-{number:05d}",
        pairs=frozenset((spoken, officer) for spoken in languages for officer in toward),
        level=dice.choice([Level.L1, Level.L2, Level.L2, Level.L3]),
        vetting_until=until,
        nda_until=until,
        conduct_until=until,
        sex=dice.choice([Sex.WOMAN, Sex.MAN]),
        base_country=dice.choice(["RS", "RS", "MK"]),
        location=dice.choice(list(LocationStatus)),
        modes=dice.choice([frozenset({Mode.VIDEO}), frozenset(Mode)]),
        tokens=frozenset(dice.sample(["t1", "t2", "t3", "t4"], k=dice.choice([0, 1]))),
        child_trained=dice.random() < 0.7,
        trauma_trained=dice.random() < 0.5,
        minutes_today=dice.choice([0, 30, 90, 180, 235]),
        presence=dice.choice([Presence.AVAILABLE, Presence.AVAILABLE, Presence.AWAY]),
        on_call=dice.random() < 0.2,
        engagements=tuple(busy),
        idle_since=NOW - timedelta(seconds=dice.randint(0, 20_000)),
        quality=dice.randint(-10, 10),
    )


def request(dice: random.Random) -> Need:
    """One of the requests of a busy day."""
    stage = dice.choice([Stage.IDENTIFICATION, Stage.IDENTIFICATION, Stage.REGISTRATION, Stage.ASYLUM])
    return Need(
        case_id="case_1",
        country="RS",
        stage=stage,
        step_code="RS-ID-20",
        languages=tuple(PersonLanguage(code) for code in dice.sample(list(SPOKEN), k=dice.choice([1, 2]))),
        officer_languages=dice.choice([frozenset({"srp"}), frozenset({"srp", "eng"})]),
        min_level=Level.L3 if stage is Stage.ASYLUM else Level.L1,
        now=NOW,
        at=NOW,
        minutes=15,
        sex_wish=dice.choice(list(SexWish)),
        sex_must=dice.random() < 0.2,
        avoid=frozenset(dice.sample(["t1", "t2"], k=dice.choice([0, 1]))),
        child=dice.random() < 0.2,
        approved_location=stage is Stage.ASYLUM,
    )


def everybody(dice: random.Random) -> Need:
    """The worst case: a need that most of the pool meets at once (a group briefing by anybody with English)."""
    return replace(request(dice), languages=tuple(PersonLanguage(code) for code in SPOKEN), stage=Stage.IDENTIFICATION,
                   officer_languages=frozenset({"srp", "mkd", "eng"}), min_level=Level.L1, sex_must=False, child=False,
                   avoid=frozenset(), approved_location=False, on_demand=False, minutes=5)  # fmt: skip


def answer(pool: Pool, need: Need, rules: MatchRules, shown: int = SHOWN, page: int = PAGE) -> tuple[float, int]:
    """CPU milliseconds for one answer that tells ``shown`` matches and ``page`` refusals, and how many are eligible."""
    begun = thread_time()
    ranking = pool.rank(need, rules)
    told = [(match.terms, officer_reasons(match)) for match in ranking.matches[:shown]]
    refused = [(who, ranking.refusals[who]) for who in islice(ranking.refusals, page)]
    lost, nearly = ranking.first_failures, ranking.only_failures
    spent = (thread_time() - begun) * 1000
    if sum(lost.values()) + len(ranking.matches) != len(pool) or sum(nearly.values()) > len(pool):
        raise AssertionError("somebody has neither a place nor a reason")
    if len(told) > shown or len(refused) > page:
        raise AssertionError("more was told than asked")
    return spent, len(ranking.matches)


def plain_answer(people: list[Candidate], need: Need, rules: MatchRules) -> float:
    """CPU milliseconds for the same by the plain rules."""
    begun = thread_time()
    matches = rank(need, people, rules)
    told = [(match.terms, officer_reasons(match)) for match in matches[:SHOWN]]
    context = NeedContext.build(need, rules)
    refusals = {who.id: [context.refusal(rule) for rule in failed_rules(context, who)] for who in people}
    lost = Counter(failed[0].rule for failed in refusals.values() if failed)
    nearly = Counter(failed[0].rule for failed in refusals.values() if len(failed) == 1)
    spent = (thread_time() - begun) * 1000
    if len(told) > SHOWN or lost.total() + len(matches) != len(people) or nearly.total() > lost.total():
        raise AssertionError("somebody has neither a place nor a reason")
    return spent


def run() -> list[Figure]:
    dice = random.Random(2026)
    gates = (TransferGate("ti_1", "RS", "MK", NOW - timedelta(days=1), None, frozenset(Stage), "bench"),)
    languages = load_languages()
    rules = MatchRules(languages, gates)
    people = [interpreter(number, dice) for number in range(PEOPLE)]
    begun = thread_time()
    pool = Pool(people, languages)
    built = (thread_time() - begun) * 1000
    answer(pool, request(dice), rules)

    times: list[float] = []
    found: list[float] = []
    changes: list[float] = []
    for _ in range(ANSWERS):
        for who in dice.sample(people, k=3):
            changed = replace(who, presence=dice.choice(list(Presence)), minutes_today=dice.randint(0, 200))
            begun = thread_time()
            pool.put(changed)
            changes.append((thread_time() - begun) * 1_000_000)
        spent, eligible_count = answer(pool, request(dice), rules)
        times.append(spent)
        found.append(eligible_count)
    worst = [answer(pool, everybody(dice), rules) for _ in range(60)]

    whole = [answer(pool, request(dice), rules, PEOPLE, PEOPLE)[0] for _ in range(60)]

    plain_pool = Pool(people, languages)
    plain: list[float] = []
    ratios: list[float] = []
    for _ in range(PLAIN_ANSWERS):
        need = request(dice)
        same = [m.candidate.id for m in plain_pool.rank(need, rules).matches]
        if same != [m.candidate.id for m in rank(need, people, rules)]:
            raise AssertionError("the pool and the plain rules disagree")
        plain.append(plain_answer(people, need, rules))
        ratios.append(plain[-1] / answer(plain_pool, need, rules)[0])

    told = f"median {percentile(found, 50):.0f} eligible, {SHOWN} matches and {PAGE} refusals told"
    note = f"CPU time of one core; {PEOPLE} people, {ANSWERS} needs, {told}"
    everyone = f"{percentile([count for _, count in worst], 50):.0f} of {PEOPLE} eligible"
    return [
        Figure("one answer, p50", percentile(times, 50), "ms", note=note),
        Figure("one answer, p99", percentile(times, 99), "ms", limit=10, note=note),
        Figure("nearly everybody eligible, p50", percentile([t for t, _ in worst], 50), "ms", note=everyone),
        Figure("nearly everybody eligible, p95", percentile([t for t, _ in worst], 95), "ms", note=everyone),
        Figure("every match and refusal told, p95", percentile(whole, 95), "ms", note=f"{PEOPLE} people"),
        Figure("the plain rules, p50", percentile(plain, 50), "ms", note="the same answer, same run"),
        Figure("plain rules / pool, median", percentile(ratios, 50), "times", note="same needs, same run"),
        Figure("change of one person, p99", percentile(changes, 99), "us"),
        Figure("preparing the pool", built, "ms", note="once, at start"),
    ]
