"""The step-down ladder, video to audio to phone to call-back to phrase cards: from facts to what is done or proposed. Pure.

Sources: S-11 (interruptions), S-12 and design decision 7 (no telephone in a sealed session), M-13 (cards at first contact only),
platforms 2.3 (the phone rings within 30 s of a lost link). Who does it is in ``service``.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from records.stages import Stage
from signaling.fallback.facts import Closed, Do, Facts, Loss, Person, PhoneAdvice, Plan
from signaling.fallback.states import Rung, Why

RING_AFTER = timedelta(seconds=20)
"""A lost line has so long to come back by itself; with the rounds of the watch and the carrier it rings within 30 s."""
SHOW_AFTER = timedelta(seconds=4)
"""A loss is counted down on the screens after so long: shorter ones heal by themselves."""
WEAK_AFTER = timedelta(seconds=30)
"""A line that is weak for so long: sound only and the telephone are offered."""
REPEAT_AFTER = timedelta(seconds=60)
"""After a longer loss the officer repeats the last question (S-11)."""
REPEAT_SHOWN = timedelta(minutes=3)
"""So long the officer is reminded of it."""
MANY_LOSSES = 3
"""More interruptions than these in an asylum interview: stop and book again (S-11)."""
LONG_AWAY = timedelta(minutes=10)
"""More time away than this in an asylum interview: the same (S-11)."""


def decide(facts: Facts) -> Plan:
    """The one answer to the facts of one session."""
    advice = tuple(advise(facts, person) for person in facts.people)
    by_phone = any(person.on_phone for person in facts.people)
    needed = facts.asks_person and by_phone
    offered, closed = _rungs(facts, advice)
    return Plan(
        phone=advice,
        offered=offered,
        closed=closed,
        ask_person=needed and facts.agreement not in ("yes", "no"),
        may_go_on=not needed or facts.agreement == "yes",
        stop=_stop(facts, refused=needed and facts.agreement == "no"),
        repeat=_repeat(facts),
    )


def phone_closed(facts: Facts, person: Person | None = None) -> Why | None:
    """Why nobody (or this person) can be telephoned; none: it is possible."""
    if facts.sealed:
        return Why.SEALED
    if not facts.phone_in_step:
        return Why.STEP_FORBIDS
    if not facts.phone_configured:
        return Why.NOT_CONFIGURED
    if person is not None and not person.has_number:
        return Why.NO_NUMBER
    return None if facts.running else Why.NOT_RUNNING


def advise(facts: Facts, person: Person) -> PhoneAdvice:
    """The telephone for one person: by itself once for each loss, and by a tap whenever their line is bad."""
    if person.on_phone or person.call_open:
        return PhoneAdvice(person.place_id, Do.KEEP, Why.LINE_LOST)
    since = person.lost_since
    if since is None and not _weak(facts, person):
        return PhoneAdvice(person.place_id, Do.NOTHING, Why.NOT_RUNNING if not facts.running else Why.BEGUN)
    closed = phone_closed(facts, person)
    if closed is not None:
        return PhoneAdvice(person.place_id, Do.NOTHING, closed)
    if since is None:
        return PhoneAdvice(person.place_id, Do.OFFER, Why.WEAK_LINE)
    if person.called_for is not None and person.called_for >= since:
        why = Why.NOT_BY_PHONE if person.not_by_phone else Why.UNANSWERED if person.unanswered else Why.LINE_LOST
        return PhoneAdvice(person.place_id, Do.OFFER, why)
    if facts.in_break:
        return PhoneAdvice(person.place_id, Do.OFFER, Why.BREAK)
    at = since + RING_AFTER
    if facts.now >= at:
        return PhoneAdvice(person.place_id, Do.RING, Why.LINE_LOST, at)
    return PhoneAdvice(person.place_id, Do.WAIT, Why.LINE_LOST, at)


def repeat_due(loss: Loss) -> bool:
    """Whether the last question is to be asked again after this loss (S-11)."""
    return loss.seconds is not None and loss.seconds > REPEAT_AFTER.total_seconds()


def time_away(losses: Iterable[Loss], now: datetime) -> timedelta:
    """How long somebody was out of reach in all; losses of several people at the same time count once."""
    spans = sorted((loss.start, _end(loss, now)) for loss in losses)
    total, reached = timedelta(), None
    for start, end in spans:
        begin = start if reached is None else max(start, reached)
        if end > begin:
            total += end - begin
        reached = end if reached is None else max(reached, end)
    return total


def _end(loss: Loss, now: datetime) -> datetime:
    return now if loss.seconds is None else loss.start + timedelta(seconds=loss.seconds)


def _repeat(facts: Facts) -> Loss | None:
    """The latest long loss that is over and after which nothing was repeated yet."""
    over = [loss for loss in facts.losses if repeat_due(loss)]
    latest = max(over, key=lambda loss: _end(loss, facts.now), default=None)
    if latest is None or not facts.running or any(person.lost_since is not None for person in facts.people):
        return None
    end = _end(latest, facts.now)
    done = facts.repeated_at is not None and facts.repeated_at >= end
    return None if done or facts.now - end > REPEAT_SHOWN else latest


def _stop(facts: Facts, *, refused: bool) -> Why | None:
    if not facts.running:
        return None
    if refused:
        return Why.PERSON_REFUSED
    if not facts.interview or len(facts.losses) <= facts.answered_losses:
        return None
    if len(facts.losses) > MANY_LOSSES:
        return Why.INTERRUPTIONS
    return Why.AWAY_TOO_LONG if time_away(facts.losses, facts.now) > LONG_AWAY else None


def _weak(facts: Facts, person: Person) -> bool:
    """Weak for so long that it is not a passing dip."""
    return person.weak_since is not None and facts.now - person.weak_since >= WEAK_AFTER


def _troubled(facts: Facts) -> list[Person]:
    return [person for person in facts.people if person.lost_since is not None or _weak(facts, person)]


def _rungs(facts: Facts, advice: tuple[PhoneAdvice, ...]) -> tuple[tuple[Rung, ...], tuple[Closed, ...]]:
    """What may be chosen below the present rung: only while a line is lost or stays weak, or the person said no."""
    troubled = _troubled(facts)
    if not facts.running or not (troubled or facts.agreement == "no"):
        return (), ()
    offered: list[Rung] = []
    closed: list[Closed] = []
    if not facts.sound_only and any(person.lost_since is None for person in troubled):
        offered.append(Rung.AUDIO)
    possible = [one for one in advice if one.do in (Do.OFFER, Do.WAIT, Do.RING)]
    if possible and facts.agreement != "no":
        offered.append(Rung.PHONE)
    elif not any(one.do is Do.KEEP for one in advice):
        closed.append(Closed(Rung.PHONE, Why.PERSON_REFUSED if facts.agreement == "no" else _why_no_phone(facts)))
    offered.append(Rung.CALLBACK)
    if facts.stage is Stage.IDENTIFICATION:
        offered.append(Rung.CARDS)
    else:
        closed.append(Closed(Rung.CARDS, Why.NOT_FIRST_CONTACT))
    return tuple(offered), tuple(closed)


def _why_no_phone(facts: Facts) -> Why:
    reasons = [phone_closed(facts, person) for person in _troubled(facts)] or [phone_closed(facts)]
    return next((why for why in reasons if why is not None), Why.WEAK_LINE)
