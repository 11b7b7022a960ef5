"""The procedure catalogue: steps, authorities, acts, preconditions and timers of both countries, from data files. Pure.

It is loaded and checked once at start; a wrong file stops the start with file, line and reason. It says nothing
about a single case: see ``gates``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.access import Country
from core.errors import NotFound
from records.procedure_schema import (
    TIMER_ID,
    Act,
    Authority,
    FactStatus,
    Precondition,
    ProcedureFile,
    Step,
    Timer,
    Track,
    add_limit,
)
from records.procedure_source import CatalogueError, SourceFile
from records.stages import Stage

__all__ = [
    "Act",
    "Authority",
    "Catalogue",
    "CatalogueError",
    "Due",
    "FactStatus",
    "Precondition",
    "Step",
    "Timer",
    "Track",
    "load_catalogue",
]

DATA = Path(__file__).parent / "procedure_data"
STANDARD_FILES = (DATA / "rs.yaml", DATA / "mk.yaml", DATA / "common.yaml")


@dataclass(frozen=True)
class Due:
    """A timer that runs in a case."""

    timer: Timer
    at: datetime
    outer_at: datetime | None
    """The limit that no extension passes."""
    status: FactStatus


class Catalogue:
    """Everything that the files say, checked."""

    def __init__(
        self,
        authorities: Mapping[str, Authority],
        acts: Mapping[tuple[str, str], Act],
        steps: Mapping[str, Step],
        preconditions: Mapping[str, Sequence[Precondition]],
        timers: Mapping[str, Timer],
    ) -> None:
        self._authorities = dict(authorities)
        self._acts = dict(acts)
        self._steps = dict(steps)
        self._preconditions = {code: tuple(rules) for code, rules in preconditions.items()}
        self._timers = dict(timers)

    def step(self, code: str) -> Step:
        """The step with this code; raises :class:`NotFound` ``step_unknown``."""
        found = self._steps.get(code)
        if found is None:
            raise NotFound("step_unknown", {"step": code})
        return found

    def steps(self, country: str | None = None) -> list[Step]:
        """All steps in the order of the files, of one country if given."""
        return [step for step in self._steps.values() if country is None or step.country == country]

    def by_stage(self, country: str) -> dict[Stage, list[Step]]:
        """The steps of a country by stage, in procedural order."""
        result: dict[Stage, list[Step]] = {stage: [] for stage in Stage}
        for step in self.steps(country):
            result[step.stage].append(step)
        return result

    def authority(self, code: str) -> Authority:
        """The authority with this code; raises :class:`NotFound` ``authority_unknown``."""
        found = self._authorities.get(code)
        if found is None:
            raise NotFound("authority_unknown", {"authority": code})
        return found

    def authorities(self) -> list[Authority]:
        """All authorities."""
        return list(self._authorities.values())

    def act(self, country: str, key: str) -> Act:
        """The act of a country; raises :class:`NotFound` ``act_unknown``."""
        found = self._acts.get((country, key))
        if found is None:
            raise NotFound("act_unknown", {"act": key})
        return found

    def acts(self, country: str) -> list[Act]:
        """The acts of a country."""
        return [act for (where, _), act in self._acts.items() if where == country]

    def preconditions_for(self, code: str) -> tuple[Precondition, ...]:
        """What must be before the step; patterns are written out for its country."""
        return self._preconditions.get(code, ())

    def timers(self, country: str | None = None, *, origin: str | None = None) -> list[Timer]:
        """Timers, of one country and starting from one step or timer if given."""
        return [
            timer
            for timer in self._timers.values()
            if (country is None or timer.id.startswith(f"{country}-")) and (origin is None or timer.origin == origin)
        ]

    def due(self, country: str, held: Mapping[str, datetime], track: Track = Track.REGULAR) -> list[Due]:
        """The timers that run in a case, soonest first; ``held`` says when each step was held (the first time).

        A timer that follows another starts when that one is due. A reminder only: nothing closes by itself.
        """
        running: dict[str, Due] = {}
        for timer in self.timers(country):
            start = held.get(timer.origin)
            if timer.origin in running:
                start = running[timer.origin].at
            limit = timer.limit_for(track)
            if start is None or limit is None:
                continue
            outer = add_limit(start, timer.outer) if timer.outer else None
            status = timer.limit_status.get(track, timer.status)
            running[timer.id] = Due(timer, add_limit(start, limit), outer, status)
        return sorted(running.values(), key=lambda due: (due.at, due.timer.id))

    def facts(self, status: FactStatus) -> list[str]:
        """Codes of steps with a legal basis, deadline, interpretation, remote or recording fact of this status."""
        return [
            step.code
            for step in self._steps.values()
            if status
            in {
                *(basis.status for basis in step.legal_basis),
                *(deadline.status for deadline in step.deadline),
                step.interpretation.status,
                step.remote.status,
                step.recording.status,
            }
        ]


def load_catalogue(paths: Sequence[Path] | None = None, *, extra: Sequence[Path] = ()) -> Catalogue:
    """Read, check and join the files (the ones in the package unless ``paths`` is given, then ``extra`` ones).

    An extra file may add temporary steps (RS-TMP-nn) and whatever belongs to them. Raises
    :class:`CatalogueError` for the first mistake.
    """
    sources = [SourceFile(Path(path)) for path in (*(STANDARD_FILES if paths is None else paths), *extra)]
    return _Joiner([(source, source.parse(ProcedureFile)) for source in sources]).join()


class _Joiner:
    """Checks between entries and between files."""

    def __init__(self, files: list[tuple[SourceFile, ProcedureFile]]) -> None:
        self._files = files
        self._authorities: dict[str, Authority] = {}
        self._acts: dict[tuple[str, str], Act] = {}
        self._steps: dict[str, Step] = {}
        self._timers: dict[str, Timer] = {}
        self._preconditions: dict[str, list[Precondition]] = {}

    def join(self) -> Catalogue:
        for source, file in self._files:
            self._collect(source, file)
        for source, file in self._files:
            self._check_steps(source, file)
            self._check_timers(source, file)
            for place, rule in enumerate(file.preconditions):
                self._expand(source, ("preconditions", place), rule)
        if not self._steps:
            source, _ = self._files[0]
            raise source.fail((), "there are no steps")
        return Catalogue(self._authorities, self._acts, self._steps, self._preconditions, self._timers)

    def _collect(self, source: SourceFile, file: ProcedureFile) -> None:
        for place, authority in enumerate(file.authorities):
            if authority.code in self._authorities:
                raise source.fail(("authorities", place, "code"), f"authority {authority.code} is there twice")
            self._authorities[authority.code] = authority
        for place, act in enumerate(file.acts):
            if file.country is None:
                raise source.fail(("acts", place), "acts belong to a file with a country")
            if (file.country.value, act.key) in self._acts:
                raise source.fail(("acts", place, "key"), f"act {act.key} is there twice")
            self._acts[(file.country.value, act.key)] = act
        for place, step in enumerate(file.steps):
            if step.code in self._steps:
                raise source.fail(("steps", place, "code"), f"step {step.code} is there twice")
            if file.country is not None and step.country is not file.country:
                raise source.fail(("steps", place, "country"), f"the file is of {file.country.value}")
            self._steps[step.code] = step
        for place, timer in enumerate(file.timers):
            if timer.id in self._timers:
                raise source.fail(("timers", place, "id"), f"timer {timer.id} is there twice")
            if TIMER_ID.match(timer.origin) and timer.origin not in self._timers:
                raise source.fail(("timers", place, "from"), f"{timer.origin} is no earlier timer")
            self._timers[timer.id] = timer

    def _check_steps(self, source: SourceFile, file: ProcedureFile) -> None:
        for place, step in enumerate(file.steps):
            for index, code in enumerate(step.authority):
                if code not in self._authorities:
                    raise source.fail(("steps", place, "authority", index), f"unknown authority {code}")
            for index, basis in enumerate(step.legal_basis):
                if (step.country.value, basis.act) not in self._acts:
                    raise source.fail(("steps", place, "legal_basis", index, "act"), f"unknown act {basis.act}")
            for index, deadline in enumerate(step.deadline):
                if deadline.from_step is not None and deadline.from_step not in self._steps:
                    where = ("steps", place, "deadline", index, "from_step")
                    raise source.fail(where, f"unknown step {deadline.from_step}")

    def _check_timers(self, source: SourceFile, file: ProcedureFile) -> None:
        for place, timer in enumerate(file.timers):
            if timer.origin not in self._steps and timer.origin not in self._timers:
                raise source.fail(("timers", place, "from"), f"unknown step or timer {timer.origin}")
            if not timer.origin.startswith(timer.id[:3]):
                raise source.fail(("timers", place, "from"), f"{timer.origin} is of another country")

    def _expand(self, source: SourceFile, where: tuple[str, int], rule: Precondition) -> None:
        """Write a rule out for each country that has the step; one with the step must have what it names."""
        hits = 0
        for country in Country if rule.step.startswith("*") else (Country(rule.step[:2]),):
            code = rule.step.replace("*", country.value)
            if code not in self._steps:
                continue
            hits += 1
            full = rule.model_copy(
                update={
                    "step": code,
                    "requires": self._known(source, (*where, "requires"), rule.requires, country),
                    "offer_first": self._known(source, (*where, "offer_first"), rule.offer_first, country),
                }
            )
            if code in full.requires or code in full.offer_first:
                raise source.fail((*where, "step"), f"step {code} cannot come before itself")
            self._preconditions.setdefault(code, []).append(full)
        if not hits:
            raise source.fail((*where, "step"), f"unknown step {rule.step}")

    def _known(
        self, source: SourceFile, where: tuple[str | int, ...], patterns: Iterable[str], country: Country
    ) -> tuple[str, ...]:
        codes: list[str] = []
        for place, pattern in enumerate(patterns):
            code = pattern.replace("*", country.value)
            if code not in self._steps:
                raise source.fail((*where, place), f"unknown step {code}")
            codes.append(code)
        return tuple(codes)
