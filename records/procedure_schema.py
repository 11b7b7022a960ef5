"""The shape of procedure files: the models that check each entry, and the time limits they speak of. Pure.

It knows one entry at a time; what must fit between entries and files is checked in ``procedures``.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.access import Country
from records.stages import Level, Stage


class FactStatus(StrEnum):
    """How sure a fact of the catalogue is. Nothing may call a fact surer than its file does."""

    VERIFIED = "verified"
    PRACTICE = "practice"
    """A report describes what happens, not what the law says."""
    TO_CONFIRM = "to_confirm"
    POLICY = "policy"
    """Our own default; a country may set another."""


class Interpretation(StrEnum):
    """Whether a step needs an interpreter."""

    MANDATORY = "mandatory"
    EXPECTED = "expected"
    OPTIONAL = "optional"
    NONE = "none"
    """No talk takes place: an administrative act."""


class Suitability(StrEnum):
    """Whether a way of taking part suits a step."""

    PREFERRED = "preferred"
    ALLOWED = "allowed"
    NOT_ALLOWED = "not_allowed"


class RecordingRule(StrEnum):
    """Sound recording of a step."""

    OFF = "off"
    """Not switched on unless the country changes the catalogue."""
    OPTIONAL = "optional"
    MANDATORY = "mandatory"
    NEVER = "never"
    """Locked: no switch can allow it."""
    COURT = "court"
    """The court's own rule."""


class Part(StrEnum):
    """Who is, may or must be present."""

    OFFICER = "officer"
    CENTRE_STAFF = "centre_staff"
    GUARDIAN = "guardian"
    GUARDIAN_IF_UAM = "guardian_if_uam"
    LAWYER = "lawyer"
    LEGAL_REP_IF_ANY = "legal_rep_if_any"
    UNHCR_ON_REQUEST = "unhcr_on_request"
    SOCIAL_WORKER = "social_worker"
    SOCIAL_WORKER_IF_CHILD = "social_worker_if_child"
    OUTREACH_SOCIAL_WORKER = "outreach_social_worker"
    POLICE_MAY_ATTEND = "police_may_attend"
    INTERPRETER = "interpreter"
    SPECIALIST = "specialist"
    SAME_SEX_TEAM_ON_REQUEST = "same_sex_team_on_request"
    HEALTH_STAFF = "health_staff"
    COUNSELLOR = "counsellor"
    CONSULATE = "consulate"
    BY_NEED = "by_need"


class Track(StrEnum):
    """Variants of the asylum procedure over the same steps."""

    REGULAR = "regular"
    ACCELERATED = "accelerated"
    BORDER = "border"
    SUBSEQUENT = "subsequent"


STEP_CODE = re.compile(r"^(RS|MK)-(ID|REG|VUL|ASY|RET|TMP)-\d{2}$")
STEP_PATTERN = re.compile(r"^(RS|MK|\*)-(ID|REG|VUL|ASY|RET|TMP)-\d{2}$")
TIMER_ID = re.compile(r"^(RS|MK)-T\d{1,2}$")
_LIMIT = re.compile(r"^([1-9]\d*)(h|d|mo)$")
_STAGE_WORD = {
    "ID": Stage.IDENTIFICATION,
    "REG": Stage.REGISTRATION,
    "VUL": Stage.VULNERABILITY,
    "ASY": Stage.ASYLUM,
    "RET": Stage.RETURN,
}

StepCode = Annotated[str, Field(pattern=STEP_CODE.pattern)]
StepPattern = Annotated[str, Field(pattern=STEP_PATTERN.pattern)]
Limit = Annotated[str, Field(pattern=_LIMIT.pattern)]
"""A span such as ``72h``, ``15d`` or ``3mo``."""
Text = Annotated[str, Field(min_length=1, max_length=300)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fact(_Entry):
    """What every legal statement carries: how sure it is and where it was read."""

    status: FactStatus
    source: Annotated[str, Field(pattern=r"^S\d{1,2}[a-z]?(, S\d{1,2}[a-z]?)*$")] | None = None
    note: Text | None = None

    @model_validator(mode="after")
    def _verified_names_source(self) -> Fact:
        if self.status in (FactStatus.VERIFIED, FactStatus.PRACTICE) and self.source is None:
            raise ValueError(f"a fact that is {self.status.value} names its source")
        return self


class Named(_Entry):
    """A name in English and in the language of the authority."""

    en: Text
    local: Text
    local_script: Literal["Cyrl"] = "Cyrl"


FewWords = Annotated[str, Field(min_length=1, max_length=40)]


class ShortName(_Entry):
    """A name of two or three words for timelines; shown in English where a language of interpreters lacks it."""

    en: FewWords
    sr_cyrl: Annotated[FewWords, Field(alias="sr-Cyrl")]
    mk: FewWords
    sq: FewWords | None = None
    ar: FewWords | None = None
    fa: FewWords | None = None
    ps: FewWords | None = None


class Authority(Fact):
    """A body that acts in steps."""

    code: Annotated[str, Field(pattern=r"^(RS|MK|INT)-[A-Z]{1,5}$")]
    name: Named


class Act(Fact):
    """A law, bylaw or procedure that steps rest on."""

    key: Annotated[str, Field(pattern=r"^[A-Z][A-Z-]{1,11}$")]
    name: Text
    local: Text | None = None
    gazette: Text | None = None
    in_force: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None


class LegalBasis(Fact):
    """An article behind a step; the status is that of the article, not of the act."""

    act: str
    article: Text | None = None


class Deadline(Fact):
    """A time limit or moment of a step."""

    limit: Limit | None = None
    upper: Limit | None = None
    """End of a range that begins with ``limit``."""
    when: (
        Literal[
            "at_once", "any_time", "same_visit", "same_day", "on_arrival", "as_early_as_possible", "urgent",
            "continuous", "before_key_steps", "before_interview", "before_removal", "after_required_steps",
            "at_decision", "per_agreement", "not_known",
        ]
        | None
    ) = None  # fmt: skip
    from_step: StepCode | None = None
    kind: Literal["legal", "guideline"] = "legal"
    track: Track | None = None
    extend: tuple[Limit, ...] = ()
    outer: Limit | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Deadline:
        if (self.limit is None) == (self.when is None):
            raise ValueError("a deadline has either a limit or a moment (when)")
        return self


class InterpretationNeed(Fact):
    """Whether an interpreter is needed, and how sure that is."""

    value: Interpretation


class Remote(Fact):
    """Whether the interpreter may be remote."""

    video: Suitability
    phone: Suitability
    with_agreement: bool = False
    """Video only if the person agrees."""
    in_person_preferred: bool = False
    decided_by: Literal["authority", "court"] = "authority"
    legal_ref: Text | None = None
    """Reference that allows remote interpretation; empty until the country's coordinator fills it in."""


class Recording(Fact):
    """Sound recording of the step."""

    value: RecordingRule
    law: RecordingRule | None = None
    """What the law may allow beyond the default; unconfirmed laws change nothing."""


class Document(_Entry):
    """A paper that the step makes; the tool holds none of them."""

    en: Text
    local: Text | None = None


class Step(_Entry):
    """One step of the procedure: domain field list 1.0, and what matching and sessions need."""

    code: StepCode
    country: Country
    stage: Stage
    name: Named
    short_name: ShortName
    authority: tuple[str, ...]
    legal_basis: tuple[LegalBasis, ...]
    deadline: tuple[Deadline, ...] = ()
    interpretation: InterpretationNeed
    remote: Remote
    recording: Recording
    presence: tuple[Part, ...] = ()
    sex_preference: Literal["ask", "n/a"] = "ask"
    typical_minutes: Annotated[int, Field(ge=0, le=480)]
    """Planning value (policy); 0 where no talk takes place."""
    documents: tuple[Document, ...] = ()
    readback: bool = False
    min_level: Level
    police_regime: bool = False
    """Cross-border interpretation needs an extra approval (T-3)."""
    approved_location: bool = False
    """The interpreter works from an approved room or home (T-6)."""
    mode_sealed_allowed: bool = True
    media_only: bool = False
    """No recording, no observer, a log of time, language and code only (S-18)."""
    officer_excluded: bool = False
    """No officer may be in the room or the call."""
    own_pool_only: bool = False
    sworn_required: bool = False
    guardian_gate: bool = False
    """The start waits for the guardian of an unaccompanied minor (S-4)."""
    continuity: bool = False
    """Same interpreter by default over all steps of the case that have it (M-6)."""
    appeal: bool = False
    """A different interpreter by default (M-6)."""
    group_information: bool = False
    """Its information statement may be given to groups at several posts at once (R-7): nothing is asked, nobody is interviewed."""
    note: Text | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Step:
        country, stage, _ = self.code.split("-")
        if country != self.country.value:
            raise ValueError(f"code {self.code} is not of country {self.country.value}")
        if stage in _STAGE_WORD and _STAGE_WORD[stage] is not self.stage:
            raise ValueError(f"code {self.code} is not of stage {self.stage.value}")
        if self.media_only and self.recording.value is not RecordingRule.NEVER:
            raise ValueError("a media-only step is never recorded (S-18)")
        if self.continuity and self.appeal:
            raise ValueError("a step cannot ask for the same and for another interpreter")
        asks = self.readback or self.media_only or self.officer_excluded or self.continuity or self.guardian_gate
        if self.group_information and (asks or self.recording.value in (RecordingRule.MANDATORY, RecordingRule.COURT)):
            raise ValueError("what is told to groups is information only: no read-back, no guardian, no recording")
        if (self.interpretation.value is Interpretation.NONE) != (self.typical_minutes == 0):
            raise ValueError("typical_minutes is 0 exactly where no talk takes place")
        return self

    @property
    def is_temporary(self) -> bool:
        """Whether it was added by configuration for a while (code RS-TMP-nn)."""
        return "-TMP-" in self.code


class Precondition(Fact):
    """What must be, or should be offered, before a step."""

    step: StepPattern
    when: Literal["always", "uam"] = "always"
    requires: tuple[StepPattern, ...] = ()
    offer_first: tuple[StepPattern, ...] = ()
    present: tuple[Part, ...] = ()
    same_interpreter: bool = False
    blocked_while: Literal["asylum_step_open"] | None = None
    required_before: Literal["removal"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Precondition:
        parts = (self.requires, self.offer_first, self.present, self.same_interpreter)
        if not any(parts) and self.blocked_while is None and self.required_before is None:
            raise ValueError("a precondition asks for something")
        return self


class Timer(Fact):
    """A legal time limit shown as a reminder; it never closes a case."""

    id: Annotated[str, Field(pattern=TIMER_ID.pattern)]
    origin: Annotated[str, Field(alias="from")]
    """A step code (its HELD time) or another timer (its due time)."""
    limit: Limit | None = None
    limits: dict[Track, Limit] = Field(default_factory=dict)
    """Per track, where they differ."""
    limit_status: dict[Track, FactStatus] = Field(default_factory=dict)
    """Where one track is less sure than the whole."""
    track: Track | None = None
    extend: tuple[Limit, ...] = ()
    outer: Limit | None = None
    meaning: Text

    @model_validator(mode="after")
    def _has_limit(self) -> Timer:
        if (self.limit is None) == (not self.limits):
            raise ValueError("a timer has either one limit or limits per track")
        return self

    def limit_for(self, track: Track) -> str | None:
        """The limit on a track; none where the timer does not run there."""
        if self.track is not None and self.track is not track:
            return None
        return self.limit or self.limits.get(track)


class ProcedureFile(_Entry):
    """One file: the catalogue of a country, rules for both, or an addition."""

    country: Country | None = None
    authorities: tuple[Authority, ...] = ()
    acts: tuple[Act, ...] = ()
    steps: tuple[Step, ...] = ()
    preconditions: tuple[Precondition, ...] = ()
    timers: tuple[Timer, ...] = ()


def published_schema() -> str:
    """The JSON Schema of a procedure file, as text for ``procedure_data/schema.json``; editors check files with it."""
    return json.dumps(ProcedureFile.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def add_limit(start: datetime, limit: str) -> datetime:
    """``start`` plus a span such as ``72h``, ``15d`` or ``3mo``; months keep the day or take the month's last one."""
    found = _LIMIT.match(limit)
    if found is None:
        raise ValueError(f"{limit} is no time limit")
    count, unit = int(found[1]), found[2]
    if unit == "h":
        return start + timedelta(hours=count)
    if unit == "d":
        return start + timedelta(days=count)
    months = start.month - 1 + count
    year, month = start.year + months // 12, months % 12 + 1
    for day in range(start.day, 27, -1):
        try:
            return start.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    return start.replace(year=year, month=month)
