"""The inner loop of annealing, compiled: takes some bookings out of a plan and puts them back elsewhere, many thousand times a second.

Every state keeps all hard rules (``fits``). Arrays only; what they mean is told by :mod:`scheduler.plans.anneal`. Known to solving
children only, like every compiled function.
"""

from __future__ import annotations

import numpy as np

from scheduler.plans.problem import DAYS_A_WEEK, Ints
from scheduler.rosters.engine.jit import compiled

MOST_OUT = 48
"""Bookings that are taken out at once, at most."""


@compiled
def fits(
    who: int, leg: int, start: Ints, minutes: Ints, until: Ints, day: Ints, work: Ints, count: Ints,
    day_limit: Ints, week_limit: Ints, window: int, window_most: int,
) -> bool:  # fmt: skip
    """Whether somebody's work leaves room for one more leg: places, day, week, and the fullest stretch."""
    pieces = count[who]
    if pieces >= work.shape[1]:
        return False
    begin, end, busy = start[leg], start[leg] + minutes[leg], until[leg]
    of_day = of_week = minutes[leg]
    near = False
    for at in range(pieces):
        other = work[who, at]
        if start[other] < busy and begin < until[other]:
            return False
        if day[other] == day[leg]:
            of_day += minutes[other]
        if day[other] // DAYS_A_WEEK == day[leg] // DAYS_A_WEEK:
            of_week += minutes[other]
        near = near or (start[other] < end + window and start[other] + minutes[other] > begin - window)
    if of_day > day_limit[who] or of_week > week_limit[who]:
        return False
    # the fullest stretch begins where some work begins
    for anchor in range(-1, pieces if near else -1):
        low = begin if anchor < 0 else start[work[who, anchor]]
        high = low + window
        if low >= end or high <= begin:
            continue
        total = min(end, high) - max(begin, low)
        for at in range(pieces):
            other = work[who, at]
            total += max(0, min(start[other] + minutes[other], high) - max(start[other], low))
        if total > window_most:
            return False
    return bool(minutes[leg] <= window_most)


@compiled
def load_cost(load: int, marks: Ints, band: Ints) -> int:
    """What somebody's minutes cost above both marks."""
    return int(band[0] * max(0, load - marks[0]) + band[1] * max(0, load - marks[1]))


@compiled
def enter(who: int, leg: int, minutes: Ints, work: Ints, count: Ints, load: Ints, marks: Ints, band: Ints) -> int:
    """Give a leg to somebody; what the load costs more."""
    before = load_cost(load[who], marks, band)
    work[who, count[who]] = leg
    count[who] += 1
    load[who] += minutes[leg]
    return load_cost(load[who], marks, band) - before


@compiled
def leave(who: int, leg: int, minutes: Ints, work: Ints, count: Ints, load: Ints, marks: Ints, band: Ints) -> int:
    """Take a leg from somebody; what the load costs more (less: negative)."""
    before = load_cost(load[who], marks, band)
    last = count[who] - 1
    for at in range(last + 1):
        if work[who, at] == leg:
            work[who, at] = work[who, last]
            break
    count[who] = last
    load[who] -= minutes[leg]
    return load_cost(load[who], marks, band) - before


@compiled
def known_in(
    case: int, who: int, chosen: Ints, opt_person: Ints, case_ptr: Ints, case_legs: Ints, met_ptr: Ints, met: Ints
) -> bool:
    """Whether somebody has a leg of the case, or had one before this plan."""
    for at in range(met_ptr[case], met_ptr[case + 1]):
        if met[at] == who:
            return True
    for at in range(case_ptr[case], case_ptr[case + 1]):
        option = chosen[case_legs[at]]
        if option >= 0 and opt_person[option] == who:
            return True
    return False


@compiled
def option_of(leg: int, who: int, leg_ptr: Ints, opt_person: Ints) -> int:
    """A person's option of a leg, or -1; options of a leg stand by person."""
    low, high = leg_ptr[leg], leg_ptr[leg + 1]
    while low < high:
        middle = (low + high) // 2
        if opt_person[middle] < who:
            low = middle + 1
        else:
            high = middle
    return low if low < leg_ptr[leg + 1] and opt_person[low] == who else -1


@compiled
def hoped(
    case: int, who: int, booking: int, out: Ints, another: int, served: Ints, booking_ptr: Ints, way_ptr: Ints,
    leg_ptr: Ints, opt_person: Ints, opt_cost: Ints, cheapest: Ints, case_of: Ints, count: int,
) -> int:  # fmt: skip
    """What it would save if somebody took the other bookings of the case too, that are out: the hope, not a price."""
    saved = 0
    for at in range(count):
        other = out[at]
        if other == booking or case_of[other] != case or served[other] >= 0:
            continue
        for way in range(booking_ptr[other], booking_ptr[other + 1]):
            leg = way_ptr[way]
            if way_ptr[way + 1] - leg == 1:
                option = option_of(leg, who, leg_ptr, opt_person)
                if option >= 0:
                    saved += max(0, another - (opt_cost[option] - cheapest[leg]))
    return saved


@compiled
def draw_out(
    size: int, out: Ints, is_out: Ints, work: Ints, count: Ints, day: Ints, leg_booking: Ints, opt_person: Ints,
    leg_ptr: Ints, way_ptr: Ints, booking_ptr: Ints, case_of: Ints, members_ptr: Ints, members: Ints,
) -> int:  # fmt: skip
    """Choose bookings that get in each other's way: a booking, mostly with its case, and work of people who could do them."""
    first = np.random.randint(len(case_of))
    out[0], is_out[first], drawn = first, 1, 1
    case = case_of[first]
    if case >= 0 and np.random.random() < 0.7:
        for at in range(members_ptr[case], members_ptr[case + 1]):
            other = members[at]
            if not is_out[other] and drawn < MOST_OUT:
                out[drawn], is_out[other] = other, 1
                drawn += 1
    for _ in range(3 * size):
        if drawn >= size:
            break
        booking = out[np.random.randint(drawn)]
        ways = booking_ptr[booking + 1] - booking_ptr[booking]
        if ways == 0:
            continue
        way = booking_ptr[booking] + np.random.randint(ways)
        leg = way_ptr[way] + np.random.randint(way_ptr[way + 1] - way_ptr[way])
        choices = leg_ptr[leg + 1] - leg_ptr[leg]
        if choices == 0:
            continue
        who = opt_person[leg_ptr[leg] + np.random.randint(choices)]
        picked = -1
        for at in range(count[who]):
            other = work[who, at]
            if other < len(leg_booking) and day[other] == day[leg] and not is_out[leg_booking[other]]:
                picked = leg_booking[other]
                break
        # sometimes other days too: load and weeks are shared between them
        if picked < 0 and count[who] > 0 and np.random.random() < 0.3:
            other = work[who, np.random.randint(count[who])]
            if other < len(leg_booking) and not is_out[leg_booking[other]]:
                picked = leg_booking[other]
        if picked >= 0:
            out[drawn], is_out[picked] = picked, 1
            drawn += 1
    return drawn


@compiled
def mix(drawn: int, out: Ints, weight: Ints, choices: Ints) -> None:
    """The order in which bookings are put back: by chance, sometimes the weighty or the scarce ones first."""
    for at in range(drawn - 1, 0, -1):
        other = np.random.randint(at + 1)
        out[at], out[other] = out[other], out[at]
    way = np.random.random()
    if way >= 0.6:
        return
    for at in range(1, drawn):
        place = at
        while place > 0:
            before, here = out[place - 1], out[place]
            ahead = weight[here] > weight[before] if way < 0.3 else choices[here] < choices[before]
            if not ahead:
                break
            out[place - 1], out[place] = here, before
            place -= 1


@compiled
def leg_way_of(leg: int, booking_ptr: Ints, way_ptr: Ints, leg_booking: Ints) -> int:
    """The way that a leg belongs to."""
    booking = leg_booking[leg]
    for way in range(booking_ptr[booking], booking_ptr[booking + 1]):
        if way_ptr[way] <= leg < way_ptr[way + 1]:
            return way
    return -1


@compiled
def best_way(
    booking: int, blink: float, out: Ints, drawn: int, found: Ints,
    start: Ints, minutes: Ints, until: Ints, day: Ints, work: Ints, count: Ints, load: Ints,
    day_limit: Ints, week_limit: Ints, window: int, window_most: int, marks: Ints, band: Ints,
    booking_ptr: Ints, way_ptr: Ints, way_cost: Ints, leg_ptr: Ints, opt_person: Ints, opt_cost: Ints, cheapest: Ints,
    weight: Ints, case_of: Ints, shared: Ints, another: int, case_ptr: Ints, case_legs: Ints, met_ptr: Ints, met: Ints,
    chosen: Ints, served: Ints,
) -> int:  # fmt: skip
    """The cheapest way (or -1: nobody) for a booking that is out; its options go to ``found``. ``blink``: chance to overlook one."""
    case = case_of[booking]
    is_shared = case >= 0 and shared[case]
    best, best_value = -1, float(weight[booking])
    picked = np.full(2, -1, dtype=np.int64)
    for way in range(booking_ptr[booking], booking_ptr[booking + 1]):
        value = float(way_cost[way])
        first = way_ptr[way]
        for leg in range(first, way_ptr[way + 1]):
            option_best, option_value = -1, np.inf
            for option in range(leg_ptr[leg], leg_ptr[leg + 1]):
                # too dear even if it brought two more bookings of the case along
                if opt_cost[option] - (2 * another if is_shared else 0) >= option_value or np.random.random() < blink:
                    continue
                who = opt_person[option]
                # the two legs of a way are two people's
                if leg > first and opt_person[picked[0]] == who:
                    continue
                price = float(opt_cost[option])
                price += load_cost(load[who] + minutes[leg], marks, band) - load_cost(load[who], marks, band)
                if is_shared:
                    if not known_in(case, who, chosen, opt_person, case_ptr, case_legs, met_ptr, met):
                        price += another
                    price -= hoped(
                        case, who, booking, out, another, served, booking_ptr, way_ptr, leg_ptr, opt_person, opt_cost,
                        cheapest, case_of, drawn,
                    )  # fmt: skip
                if price < option_value and fits(
                    who, leg, start, minutes, until, day, work, count, day_limit, week_limit, window, window_most
                ):
                    option_best, option_value = option, price
            if option_best < 0:
                value = np.inf
                break
            picked[leg - first] = option_best
            value += option_value
        if value < best_value:
            best, best_value = way, value
            found[:] = picked
    return best


@compiled
def anneal(
    seed: int, rounds: int, hot: float, cold: float, size: float, blink: float,
    start: Ints, minutes: Ints, until: Ints, day: Ints, work: Ints, count: Ints, load: Ints,
    day_limit: Ints, week_limit: Ints, window: int, window_most: int, marks: Ints, band: Ints,
    booking_ptr: Ints, way_ptr: Ints, way_cost: Ints, leg_ptr: Ints, opt_person: Ints, opt_cost: Ints, cheapest: Ints,
    choices: Ints, leg_booking: Ints, weight: Ints, case_of: Ints, shared: Ints, another: int, case_ptr: Ints,
    case_legs: Ints, members_ptr: Ints, members: Ints, met_ptr: Ints, met: Ints, chosen: Ints, served: Ints,
) -> int:  # fmt: skip
    """So many rounds while it gets colder; changes the plan (``chosen``, ``served``, ``work``, ``count``, ``load``); the change in cost."""
    np.random.seed(seed)
    is_out = np.zeros(len(weight), dtype=np.int64)
    out = np.zeros(MOST_OUT, dtype=np.int64)
    before = np.zeros(2 * MOST_OUT, dtype=np.int64)
    before_leg = np.zeros(2 * MOST_OUT, dtype=np.int64)
    found = np.zeros(2, dtype=np.int64)
    total = 0
    for turn in range(rounds):
        heat = hot * (cold / hot) ** (turn / rounds)
        drawn = draw_out(
            1 + int(np.random.random() * (2 * size - 1)), out, is_out, work, count, day, leg_booking, opt_person, leg_ptr,
            way_ptr, booking_ptr, case_of, members_ptr, members,
        )  # fmt: skip
        change, taken = 0, 0
        for at in range(drawn):
            booking = out[at]
            is_out[booking] = 0
            way, case = served[booking], case_of[booking]
            served[booking] = -1
            if way < 0:
                change -= weight[booking]
                continue
            change -= way_cost[way]
            for leg in range(way_ptr[way], way_ptr[way + 1]):
                option = chosen[leg]
                who = opt_person[option]
                before[taken], before_leg[taken] = option, leg
                taken += 1
                chosen[leg] = -1
                change += leave(who, leg, minutes, work, count, load, marks, band) - opt_cost[option]
                if (
                    case >= 0
                    and shared[case]
                    and not known_in(case, who, chosen, opt_person, case_ptr, case_legs, met_ptr, met)
                ):
                    change -= another
        mix(drawn, out, weight, choices)
        for at in range(drawn):
            booking = out[at]
            way = best_way(
                booking, blink, out, drawn, found, start, minutes, until, day, work, count, load, day_limit, week_limit,
                window, window_most, marks, band, booking_ptr, way_ptr, way_cost, leg_ptr, opt_person, opt_cost, cheapest,
                weight, case_of, shared, another, case_ptr, case_legs, met_ptr, met, chosen, served,
            )  # fmt: skip
            if way < 0:
                change += weight[booking]
                continue
            served[booking] = way
            change += way_cost[way]
            case = case_of[booking]
            for leg in range(way_ptr[way], way_ptr[way + 1]):
                option = found[leg - way_ptr[way]]
                who = opt_person[option]
                if (
                    case >= 0
                    and shared[case]
                    and not known_in(case, who, chosen, opt_person, case_ptr, case_legs, met_ptr, met)
                ):
                    change += another
                chosen[leg] = option
                change += enter(who, leg, minutes, work, count, load, marks, band) + opt_cost[option]
        if change < 0 or np.random.random() < np.exp(-change / heat):
            total += change
            continue
        for at in range(drawn):
            way = served[out[at]]
            served[out[at]] = -1
            if way >= 0:
                for leg in range(way_ptr[way], way_ptr[way + 1]):
                    leave(opt_person[chosen[leg]], leg, minutes, work, count, load, marks, band)
                    chosen[leg] = -1
        for at in range(taken):
            leg = before_leg[at]
            chosen[leg] = before[at]
            enter(opt_person[before[at]], leg, minutes, work, count, load, marks, band)
        for at in range(taken):
            served[leg_booking[before_leg[at]]] = leg_way_of(before_leg[at], booking_ptr, way_ptr, leg_booking)
    return total
