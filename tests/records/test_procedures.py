"""The shipped catalogue is whole and no surer than its sources; a wrong file is named with line and reason."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from core.errors import NotFound
from records.procedure_schema import (
    FactStatus,
    Interpretation,
    Part,
    RecordingRule,
    Suitability,
    add_limit,
    published_schema,
)
from records.procedure_source import SourceFile
from records.procedures import DATA, STANDARD_FILES, Catalogue, CatalogueError, Track, load_catalogue
from records.stages import Level, Stage

RS = """
    ID-10 ID-20 ID-30 ID-40 REG-10 REG-20 REG-30 REG-40 VUL-10 VUL-20 VUL-30 VUL-40 VUL-50 VUL-60
    ASY-10 ASY-20 ASY-25 ASY-30 ASY-40 ASY-50 ASY-51 ASY-60 ASY-70 ASY-80 ASY-90 ASY-95
    RET-10 RET-20 RET-30 RET-40 RET-50 RET-60
"""
MK = """
    ID-10 ID-20 ID-30 ID-40 REG-10 REG-20 REG-30 REG-40 VUL-10 VUL-20 VUL-25 VUL-26 VUL-30 VUL-40 VUL-50
    ASY-10 ASY-20 ASY-30 ASY-40 ASY-50 ASY-60 ASY-70 ASY-90 ASY-95
    RET-10 RET-20 RET-30 RET-40 RET-50 RET-60
"""
CYRILLIC = re.compile(r"^[\u0400-\u04ff0-9 ,;:()\-]+$")
SERBIAN_ONLY, MACEDONIAN_ONLY = set("ђћЂЋ"), set("ѓќѕЃЌЅ")
START = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.mark.parametrize(("country", "expected"), [("RS", RS), ("MK", MK)])
def test_every_step_of_the_research_is_there_in_order(catalogue: Catalogue, country: str, expected: str) -> None:
    assert [step.code for step in catalogue.steps(country)] == [f"{country}-{code}" for code in expected.split()]


def test_names_are_written_in_the_script_of_the_authority(catalogue: Catalogue) -> None:
    for step in catalogue.steps():
        assert CYRILLIC.match(step.name.local), step.name.local
        wrong = MACEDONIAN_ONLY if step.country == "RS" else SERBIAN_ONLY
        assert not wrong & set(step.name.local), step.name.local
        assert CYRILLIC.match(step.short_name.sr_cyrl), step.short_name
        assert CYRILLIC.match(step.short_name.mk), step.short_name
        assert not MACEDONIAN_ONLY & set(step.short_name.sr_cyrl), step.short_name
        assert not SERBIAN_ONLY & set(step.short_name.mk), step.short_name
        for arabic in (step.short_name.ar, step.short_name.fa, step.short_name.ps):
            assert re.fullmatch(r"[\u0600-\u06ff\u200c :-]+", arabic or ""), step.short_name
        assert step.short_name.sq
        assert not CYRILLIC.match(step.short_name.sq), step.short_name


def test_every_named_thing_resolves(catalogue: Catalogue) -> None:
    for step in catalogue.steps():
        assert [catalogue.authority(code).code for code in step.authority] == list(step.authority)
        assert all(catalogue.act(step.country, basis.act) for basis in step.legal_basis)
    assert {step.code for steps in catalogue.by_stage("RS").values() for step in steps} == {
        step.code for step in catalogue.steps("RS")
    }
    for lookup in (catalogue.step, catalogue.authority):
        with pytest.raises(NotFound):
            lookup("RS-XX-99")


def test_no_article_is_surer_than_the_research(catalogue: Catalogue) -> None:
    """Articles that the research verified; everything else with an article number stays to_confirm."""
    verified = {
        (step.code, basis.act, basis.article)
        for step in catalogue.steps()
        for basis in step.legal_basis
        if basis.article and basis.status is FactStatus.VERIFIED
    }
    assert verified == {
        ("RS-ID-30", "LATP", "Art. 17"),
        ("RS-VUL-30", "LATP", "Art. 17"),
        ("RS-ASY-70", "LATP", "Art. 41"),
        ("RS-ASY-95", "LATP", "Art. 78, 79"),
        ("RS-RET-20", "LF", "Art. 93"),
        ("MK-ID-40", "RBF", "form 1"),
        ("MK-VUL-10", "SOP-UASC", "SOP 1, measures 1-3"),
        ("MK-VUL-20", "SOP-UASC", "SOP 1, measure 4; SOP 2, measure 1"),
        ("MK-VUL-25", "SOP-UASC", "SOP 1, measure 5"),
        ("MK-VUL-26", "SOP-UASC", "SOP 1, measure 6"),
        ("MK-VUL-30", "SOP-UASC", "SOP 1, measure 7"),
        ("MK-VUL-40", "SOP-UASC", "SOP 2, measures 2-5"),
    }
    assert not [t for t in catalogue.timers("MK") if t.status is FactStatus.VERIFIED], "no MK deadline is verified"
    assert not [d for s in catalogue.steps("MK") for d in s.deadline if d.status is FactStatus.VERIFIED]
    for step in catalogue.steps():
        assert step.remote.status is FactStatus.POLICY
        assert step.remote.legal_ref is None, "only a coordinator fills in what allows remote interpretation"


def test_rules_that_other_parts_rely_on(catalogue: Catalogue) -> None:
    steps = {step.code: step for step in catalogue.steps()}
    never = {code for code, step in steps.items() if step.recording.value is RecordingRule.NEVER}
    tails = {"VUL-60", "ASY-40", "RET-30", "RET-60"}
    assert never == {f"RS-{t}" for t in tails} | {"MK-VUL-40", "MK-ASY-40", "MK-RET-30", "MK-RET-60"}
    assert {c for c, s in steps.items() if s.media_only} == {
        f"{x}-{t}" for x in ("RS", "MK") for t in ("ASY-40", "RET-30")
    }
    assert {c for c, s in steps.items() if s.officer_excluded} == {"RS-ASY-40", "MK-ASY-40"}
    assert {c for c, s in steps.items() if s.readback} == {"RS-ASY-60", "MK-ASY-60"}
    interviews = {"RS-ASY-50", "RS-ASY-51", "RS-ASY-60", "MK-ASY-50", "MK-ASY-60"}
    assert {c for c, s in steps.items() if s.approved_location} == interviews
    assert {c for c, s in steps.items() if s.continuity} == interviews
    assert {c for c, s in steps.items() if s.appeal} == {"RS-ASY-80", "RS-ASY-90", "MK-ASY-90"}
    assert {c for c, s in steps.items() if s.interpretation.value is Interpretation.NONE} == {"MK-VUL-25"}
    police = {c for c, s in steps.items() if s.police_regime}
    assert police == {f"{x}-ID-{n}" for x in ("RS", "MK") for n in (10, 20, 30, 40)} | {
        "RS-RET-20", "RS-RET-40", "RS-RET-50", "RS-RET-60", "MK-RET-50"
    }  # fmt: skip
    assert not any(step.sworn_required for step in steps.values())


def test_accreditation_follows_the_levels(catalogue: Catalogue) -> None:
    first = {"RET-10", "RET-50"}
    third = {"ASY-50", "ASY-51", "ASY-60", "ASY-70", "ASY-80", "ASY-90"}
    for step in catalogue.steps():
        tail = step.code[3:]
        early = step.stage in (Stage.IDENTIFICATION, Stage.REGISTRATION)
        expected = Level.L1 if early or tail in first else Level.L3 if tail in third else Level.L2
        assert step.min_level is expected, step.code


def test_guardian_gate_stands_where_the_rule_says(catalogue: Catalogue) -> None:
    gated = {step.code for step in catalogue.steps() if step.guardian_gate}
    whole = {step.code for step in catalogue.steps() if step.stage in (Stage.ASYLUM, Stage.RETURN)}
    assert gated == whole | {"RS-REG-10", "RS-VUL-20", "RS-VUL-30", "MK-VUL-30"}


def test_remote_and_presence_of_single_steps(catalogue: Catalogue) -> None:
    trafficking = catalogue.step("RS-VUL-40").remote
    assert (trafficking.video, trafficking.phone, trafficking.with_agreement) == (
        Suitability.ALLOWED, Suitability.NOT_ALLOWED, True
    )  # fmt: skip
    interview = catalogue.step("RS-ASY-50")
    assert interview.remote.in_person_preferred
    assert Part.UNHCR_ON_REQUEST in interview.presence
    assert interview.recording.value is RecordingRule.OFF
    assert catalogue.step("MK-ASY-50").recording.status is FactStatus.TO_CONFIRM
    assert catalogue.step("RS-ASY-90").remote.decided_by == "court"
    assert catalogue.step("RS-ID-10").remote.phone is Suitability.PREFERRED


def test_preconditions_are_written_out_per_country(catalogue: Catalogue) -> None:
    (interview,) = catalogue.preconditions_for("MK-ASY-50")
    assert (interview.requires, interview.offer_first) == (("MK-ASY-10",), ("MK-ASY-40",))
    (minor,) = catalogue.preconditions_for("RS-REG-10")
    assert (minor.when, minor.requires, minor.status) == ("uam", ("RS-VUL-10",), FactStatus.VERIFIED)
    (child,) = catalogue.preconditions_for("MK-VUL-30")
    assert child.requires == ("MK-VUL-20", "MK-VUL-25", "MK-VUL-26")
    assert catalogue.preconditions_for("RS-ID-10") == ()


def test_timers_run_from_steps_and_from_each_other(catalogue: Catalogue) -> None:
    held = {"RS-REG-30": START}
    assert [(due.timer.id, due.at) for due in catalogue.due("RS", held)] == [
        ("RS-T1", datetime(2026, 2, 3, 10, tzinfo=UTC)),
        ("RS-T2", datetime(2026, 2, 15, 10, tzinfo=UTC)),
        ("RS-T3", datetime(2026, 2, 23, 10, tzinfo=UTC)),
    ]
    lodged = {"RS-ASY-20": START, "RS-ASY-70": START}
    regular = {due.timer.id: due for due in catalogue.due("RS", lodged)}
    assert set(regular) == {"RS-T4", "RS-T7"}
    assert regular["RS-T4"].at == datetime(2026, 4, 30, 10, tzinfo=UTC)
    assert regular["RS-T4"].outer_at == datetime(2027, 1, 31, 10, tzinfo=UTC)
    assert regular["RS-T7"].status is FactStatus.TO_CONFIRM
    border = {due.timer.id: due for due in catalogue.due("RS", lodged, Track.BORDER)}
    assert {name: (due.at - START).days for name, due in border.items()} == {"RS-T6": 28, "RS-T7": 5}
    assert border["RS-T7"].status is FactStatus.VERIFIED
    assert [t.id for t in catalogue.timers(origin="RS-REG-30")] == ["RS-T1", "RS-T2"]


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        ("2026-01-31", "1mo", "2026-02-28"),
        ("2028-01-31", "1mo", "2028-02-29"),
        ("2026-11-30", "3mo", "2027-02-28"),
        ("2026-12-15", "12mo", "2027-12-15"),
        ("2026-10-31", "6mo", "2027-04-30"),
        ("2026-11-22", "15d", "2026-12-07"),
        ("2026-11-22", "72h", "2026-11-25"),
    ],
)
def test_limits_are_added_by_the_calendar(start: str, limit: str, end: str) -> None:
    begin = datetime.fromisoformat(f"{start}T10:00+00:00")
    assert add_limit(begin, limit) == datetime.fromisoformat(f"{end}T10:00+00:00")


def test_facts_to_confirm_can_be_listed(catalogue: Catalogue) -> None:
    unsure = catalogue.facts(FactStatus.TO_CONFIRM)
    assert "MK-ASY-50" in unsure
    assert "MK-VUL-25" in unsure
    assert len(unsure) > 40


def test_the_published_schema_is_the_one_that_is_used() -> None:
    published = (DATA / "schema.json").read_text(encoding="utf-8")
    assert published == published_schema(), "the shape of procedure files changed: run `make gen`"
    validator = jsonschema.Draft202012Validator(json.loads(published))
    validator.check_schema(validator.schema)
    for path in STANDARD_FILES:
        source = SourceFile(path)
        assert [error.message for error in validator.iter_errors(source._plain(source._root))] == []


# -- additions and mistakes ----------------------------------------------------------------------------------------

STEP = """\
  - code: RS-TMP-01
    country: RS
    stage: identification
    name: {en: Paper for people in transit, local: Потврда за лица у пролазу}
    short_name: {en: Transit paper, sr-Cyrl: Потврда, mk: Потврда}
    authority: [RS-PS]
    legal_basis: [{act: LF, status: to_confirm}]
    interpretation: {value: expected, status: policy}
    remote: {video: allowed, phone: preferred, status: policy}
    recording: {value: off, status: policy}
    typical_minutes: 5
    min_level: L1
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "extra.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_temporary_step_comes_by_configuration(tmp_path: Path) -> None:
    text = "steps:\n" + STEP + "preconditions:\n  - {step: RS-TMP-01, offer_first: [RS-REG-10], status: policy}\n"
    found = load_catalogue(extra=[write(tmp_path, text)])
    assert found.step("RS-TMP-01").is_temporary
    assert found.preconditions_for("RS-TMP-01")[0].offer_first == ("RS-REG-10",)
    assert not any(step.is_temporary for step in load_catalogue().steps())


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("min_level: L1", "min_level: L7", 13, "min_level"),
        ("min_level: L1", "", 2, "Field required"),
        ("    typical_minutes: 5", "    typical_minutes: 5\n    typical_minutes: 9", 13, "twice"),
        ("authority: [RS-PS]", "authority: [RS-XX]", 7, "unknown authority RS-XX"),
        ("act: LF", "act: NOPE", 8, "unknown act NOPE"),
        ("status: to_confirm}]", "status: verified}]", 8, "names its source"),
        ("status: to_confirm}]", "status: certain}]", 8, "status"),
        ("code: RS-TMP-01", "code: RS-ID-10", 2, "RS-ID-10 is there twice"),
        ("code: RS-TMP-01", "code: MK-TMP-01", 2, "not of country RS"),
        ("code: RS-TMP-01", "code: RS-TEMP-1", 2, "pattern"),
        ("code: RS-TMP-01", "code: RS-ASY-98", 2, "not of stage identification"),
        ("value: off", "value: sometimes", 11, "recording.value"),
        ("typical_minutes: 5", "typical_minutes: five", 12, "typical_minutes"),
        ("typical_minutes: 5", "typical_minutes: 0", 2, "no talk"),
        ("min_level: L1", "min_level: L1\n    media_only: true", 2, "never recorded"),
        ("min_level: L1", "min_level: L1\n    colour: red", 14, "Extra inputs"),
        ("    stage:", "   stage:", 4, "block mapping"),
        ("steps:", "steps: 5\nother:", 1, "valid tuple"),
    ],
)
def test_a_wrong_step_is_named_with_line_and_reason(tmp_path: Path, old: str, new: str, line: int, reason: str) -> None:
    text = ("steps:\n" + STEP).replace(old, new, 1)
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(extra=[write(tmp_path, text)])
    assert (caught.value.file, caught.value.line) == ("extra.yaml", line), caught.value
    assert reason in caught.value.reason, caught.value
    assert str(caught.value) == f"extra.yaml:{line}: {caught.value.reason}"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("preconditions:\n  - {step: RS-ASY-99, requires: [RS-ID-10], status: policy}", 2, "unknown step RS-ASY-99"),
        ("preconditions:\n  - {step: '*-ASY-51', requires: ['*-ASY-99'], status: policy}", 2, "unknown step RS-ASY-99"),
        ("preconditions:\n\n  - step: '*-XXX-51'\n    status: policy", 3, "pattern"),
        ("preconditions:\n  - {step: RS-ID-20, requires: [RS-ID-20], status: policy}", 2, "before itself"),
        ("preconditions:\n  - {step: RS-ID-20, status: policy}", 2, "asks for something"),
        (
            "timers:\n  - {id: RS-T9, from: RS-ASY-99, limit: 3d, meaning: x, status: policy}",
            2,
            "unknown step or timer",
        ),
        ("timers:\n  - {id: RS-T9, from: RS-T10, limit: 3d, meaning: x, status: policy}", 2, "no earlier timer"),
        ("timers:\n  - {id: RS-T1, from: RS-ID-10, limit: 3d, meaning: x, status: policy}", 2, "there twice"),
        ("timers:\n  - {id: RS-T9, from: MK-ID-10, limit: 3d, meaning: x, status: policy}", 2, "another country"),
        ("timers:\n  - {id: RS-T9, from: RS-ID-10, limit: 3 days, meaning: x, status: policy}", 2, "limit"),
        ("timers:\n  - {id: RS-T9, from: RS-ID-10, meaning: x, status: policy}", 2, "limit"),
        ("acts:\n  - {key: NEW, name: x, status: policy}", 2, "country"),
        ("country: RS\nacts:\n  - {key: LATP, name: x, status: policy}", 3, "there twice"),
        ("- just a list", 1, "mapping"),
        ("a: [1, 2", 1, ""),
        ("", 1, "mapping"),
    ],
)
def test_a_wrong_rule_is_named_with_line_and_reason(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(extra=[write(tmp_path, text)])
    assert (caught.value.file, caught.value.line) == ("extra.yaml", line), caught.value
    assert reason in caught.value.reason, caught.value


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.yaml", binary):
        with pytest.raises(CatalogueError, match="cannot be read"):
            load_catalogue(extra=[path])


def test_a_catalogue_without_steps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no steps"):
        load_catalogue([write(tmp_path, "steps: []")])


def test_words_of_old_yaml_stay_words(tmp_path: Path) -> None:
    """YAML 1.1 reads off, no and 1:30 as other things; a procedure file does not."""
    path = write(tmp_path, "a: off\nb: no\nc: 1:30\nd: 2026-01-01\ne: true\nf: 12\ng: '12'\nh: ~\n")
    source = SourceFile(path)
    assert source._plain(source._root) == {
        "a": "off", "b": "no", "c": "1:30", "d": "2026-01-01", "e": True, "f": 12, "g": "12", "h": None
    }  # fmt: skip
