"""The invented people and places of the demo. Nothing here exists: codes, clearances and the legal instrument are made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.access import Country, Role
from scheduler.pool_write import PairInput, ProfileInput

SITES: dict[str, tuple[str, str, dict[str, str]]] = {
    "RS-PRESEVO": (
        "RS", "RS-BP",
        {"en": "Border post Preševo", "sr-Cyrl": "Гранични прелаз Прешево", "mk": "Граничен премин Прешево",
         "sq": "Pika kufitare Preshevë", "ar": "معبر بريشيفو الحدودي", "fa": "گذرگاه مرزی پرشوو", "ps": "د پرېشېوو پولې څوکۍ"},
    ),
    "RS-BEOGRAD-KA": (
        "RS", "RS-AO",
        {"en": "Asylum Office, Belgrade", "sr-Cyrl": "Канцеларија за азил, Београд", "mk": "Канцеларија за азил, Белград",
         "sq": "Zyra e Azilit, Beograd", "ar": "مكتب اللجوء، بلغراد", "fa": "دفتر پناهندگی، بلگراد", "ps": "د پناه غوښتنې دفتر، بلګراد"},
    ),
    "RS-PRESEVO-PC": (
        "RS", "RS-CRM",
        {"en": "Reception centre Preševo", "sr-Cyrl": "Прихватни центар Прешево", "mk": "Прифатен центар Прешево",
         "sq": "Qendra pritëse Preshevë", "ar": "مركز الاستقبال في بريشيفو", "fa": "مرکز پذیرش پرشوو", "ps": "د پرېشېوو د هرکلي مرکز"},
    ),
    "MK-VINOJUG": (
        "MK", "MK-TTC",
        {"en": "Transit centre Vinojug, Gevgelija", "sr-Cyrl": "Транзитни центар Винојуг, Ђевђелија",
         "mk": "Транзитен центар „Винојуг“, Гевгелија", "sq": "Qendra tranzite Vinojug, Gjevgjeli",
         "ar": "مركز العبور فينويوغ، غيفغيليا", "fa": "مرکز گذر وینویوگ، گوگلیا", "ps": "د وینویوګ د تېرېدو مرکز، ګېوګېلیا"},
    ),
    "MK-TABANOVCE": (
        "MK", "MK-BP",
        {"en": "Border post Tabanovce", "sr-Cyrl": "Гранични прелаз Табановце", "mk": "Граничен премин Табановце",
         "sq": "Pika kufitare Tabanoc", "ar": "معبر تابانوفتسه الحدودي", "fa": "گذرگاه مرزی تابانوفتسه", "ps": "د تابانوفڅې پولې څوکۍ"},
    ),
    "MK-SKOPJE-SA": (
        "MK", "MK-SFA",
        {"en": "Sector for Asylum, Skopje", "sr-Cyrl": "Сектор за азил, Скопље", "mk": "Сектор за азил, Скопје",
         "sq": "Sektori për Azil, Shkup", "ar": "قسم اللجوء، سكوبيه", "fa": "بخش پناهندگی، اسکوپیه", "ps": "د پناه غوښتنې څانګه، سکوپيې"},
    ),
}  # fmt: skip
"""Code: country, authority, names."""


@dataclass(frozen=True)
class DemoStaff:
    """A desk with somebody at it."""

    code: str
    role: Role
    country: Country
    title: str
    """What the sign-in link is called; empty: no link."""
    site: str | None = None
    officer_language: str = "srp"


STAFF = (
    DemoStaff("O-1183", Role.INTERVIEWER, Country.RS, "Officer at border post Preševo", "RS-PRESEVO"),
    DemoStaff("O-2040", Role.INTERVIEWER, Country.RS, "Officer of the Asylum Office, Belgrade", "RS-BEOGRAD-KA"),
    DemoStaff("O-3071", Role.INTERVIEWER, Country.MK, "Officer at transit centre Vinojug", "MK-VINOJUG", "mkd"),
    DemoStaff(
        "O-4015", Role.INTERVIEWER, Country.MK, "Officer of the Sector for Asylum, Skopje", "MK-SKOPJE-SA", "mkd"
    ),
    DemoStaff("C-07", Role.COORDINATOR, Country.RS, "Coordinator, Serbia"),
    DemoStaff("C-31", Role.COORDINATOR, Country.MK, "Coordinator, North Macedonia", None, "mkd"),
    DemoStaff("A-01", Role.ADMINISTRATOR, Country.RS, "Administrator, Serbia"),
    DemoStaff("A-51", Role.ADMINISTRATOR, Country.MK, "Administrator, North Macedonia", None, "mkd"),
    DemoStaff("U-02", Role.AUDITOR, Country.RS, "Auditor, Serbia"),
    DemoStaff("U-52", Role.AUDITOR, Country.MK, "Auditor, North Macedonia", None, "mkd"),
)


@dataclass(frozen=True)
class DemoInterpreter:
    """Somebody of the pool."""

    code: str
    country: str
    sex: str
    level: str
    languages: str
    officer_languages: str
    valid_days: int = 320
    """Until the vetting runs out; negative: it has."""
    trainings: str = ""
    """Further ones beyond those of the level."""
    location: str = "approved_home"
    on_call: bool = True
    region: str | None = None
    link: str = ""
    """What the sign-in link is called; empty: no link."""
    no_children: bool = False


INTERPRETERS = (
    DemoInterpreter("I-0401", "RS", "man", "L3", "apc arb", "srp eng", region="Damascus"),
    DemoInterpreter("I-0402", "RS", "woman", "L3", "apc arb", "srp", trainings="CHILD GBV-TRAUMA", link="Interpreter for Arabic, Belgrade"),
    DemoInterpreter("I-0403", "RS", "man", "L2", "acm arb", "srp", region="Baghdad"),
    DemoInterpreter("I-0404", "RS", "woman", "L2", "acm arb ckb", "srp", trainings="GBV-TRAUMA"),
    DemoInterpreter("I-0405", "RS", "man", "L1", "ary arb", "srp eng", valid_days=48),
    DemoInterpreter("I-0406", "RS", "man", "L1", "arq arb fra", "srp eng"),
    DemoInterpreter("I-0407", "RS", "woman", "L1", "aeb arb fra", "srp"),
    DemoInterpreter("I-0408", "RS", "man", "L1", "arz arb", "srp", valid_days=-12),
    DemoInterpreter("I-0409", "RS", "man", "L2", "ayl arb", "srp", location="approved_room"),
    DemoInterpreter("I-0410", "RS", "woman", "L3", "pes", "srp mkd eng", trainings="CHILD GBV-TRAUMA", region="Tehran"),
    DemoInterpreter("I-0411", "RS", "man", "L3", "pes prs", "srp eng"),
    DemoInterpreter("I-0412", "RS", "man", "L2", "prs pes", "srp", region="Herat"),
    DemoInterpreter("I-0413", "RS", "woman", "L2", "prs haz", "srp", trainings="CHILD", region="Kabul"),
    DemoInterpreter("I-0414", "RS", "man", "L1", "haz prs", "srp", region="Bamyan"),
    DemoInterpreter("I-0415", "RS", "man", "L2", "pbt pbu", "srp", region="Kandahar", trainings="CHILD"),
    DemoInterpreter("I-0416", "RS", "man", "L3", "pbu pbt prs", "srp eng", region="Jalalabad"),
    DemoInterpreter(
        "I-0417", "RS", "woman", "L3", "pbt pbu prs pes", "srp eng", trainings="CHILD GBV-TRAUMA",
        region="Quetta", link="Interpreter for Pashto, Dari and Farsi, Niš",
    ),
    DemoInterpreter("I-0418", "RS", "man", "L1", "pbt", "srp", valid_days=25),
    DemoInterpreter("I-0419", "RS", "man", "L1", "pbu urd", "srp eng", region="Peshawar"),
    DemoInterpreter("I-0420", "RS", "man", "L2", "urd pnb", "srp eng"),
    DemoInterpreter("I-0421", "RS", "woman", "L1", "urd hin", "srp eng", no_children=True),
    DemoInterpreter("I-0422", "RS", "man", "L2", "kmr tur", "srp", region="Qamishli"),
    DemoInterpreter("I-0423", "RS", "woman", "L1", "kmr", "srp"),
    DemoInterpreter("I-0424", "RS", "man", "L1", "ckb", "srp", location="unapproved"),
    DemoInterpreter("I-0425", "RS", "man", "L1", "som", "srp eng", on_call=False),
    DemoInterpreter("I-0426", "RS", "woman", "L1", "tir amh", "srp eng", on_call=False),
    DemoInterpreter("I-0427", "RS", "man", "L0", "pbt prs", "srp"),
    DemoInterpreter("I-0428", "RS", "other", "L2", "fra", "srp eng"),
    DemoInterpreter("I-0429", "RS", "woman", "L3", "eng", "srp mkd", trainings="CHILD GBV-TRAUMA", on_call=False),
    DemoInterpreter("I-0451", "RS", "woman", "L2", "apc arb", "srp", trainings="CHILD", region="Homs"),
    DemoInterpreter("I-0452", "RS", "woman", "L2", "acm arb", "srp", region="Mosul"),
    DemoInterpreter("I-0453", "RS", "woman", "L1", "apc acm", "srp eng"),
    DemoInterpreter("I-0454", "RS", "woman", "L2", "pes", "srp", trainings="GBV-TRAUMA", region="Shiraz"),
    DemoInterpreter("I-0455", "RS", "woman", "L2", "prs", "srp", trainings="CHILD", region="Mazar-i-Sharif"),
    DemoInterpreter("I-0456", "RS", "woman", "L1", "pes prs", "srp eng"),
    DemoInterpreter("I-0457", "RS", "woman", "L1", "pbt", "srp", region="Kandahar"),
    DemoInterpreter("I-0458", "RS", "man", "L1", "tur kmr", "srp", region="Diyarbakır"),
    DemoInterpreter("I-0459", "RS", "woman", "L1", "tur", "srp eng"),
    DemoInterpreter("I-0460", "RS", "man", "L1", "kmr ckb", "srp", region="Erbil"),
    DemoInterpreter("I-0461", "RS", "man", "L1", "kmr", "srp eng", region="Afrin"),
    DemoInterpreter("I-0462", "RS", "woman", "L1", "fra", "srp"),
    DemoInterpreter("I-0463", "RS", "woman", "L2", "apc acm", "srp", trainings="CHILD"),
    DemoInterpreter("I-0464", "RS", "woman", "L1", "acm apc", "srp"),
    DemoInterpreter("I-0465", "RS", "woman", "L2", "pes prs", "srp", trainings="GBV-TRAUMA"),
    DemoInterpreter("I-0466", "RS", "woman", "L1", "prs pes", "srp"),
    DemoInterpreter("I-0467", "RS", "woman", "L2", "pbt pbu", "srp", trainings="CHILD"),
    DemoInterpreter("I-0468", "RS", "woman", "L1", "pbt prs", "srp"),
    DemoInterpreter("I-0469", "RS", "man", "L2", "acm apc", "srp"),
    DemoInterpreter("I-0470", "RS", "man", "L1", "pbt pes", "srp"),
    DemoInterpreter("I-0471", "RS", "man", "L1", "ckb", "srp"),
    DemoInterpreter("I-0501", "MK", "man", "L3", "apc arb", "mkd sqi", region="Aleppo"),
    DemoInterpreter("I-0502", "MK", "woman", "L2", "arb acm", "mkd", trainings="GBV-TRAUMA"),
    DemoInterpreter("I-0503", "MK", "man", "L1", "ary arb", "mkd sqi"),
    DemoInterpreter(
        "I-0504", "MK", "woman", "L3", "pes prs", "mkd eng", trainings="CHILD GBV-TRAUMA", link="Interpreter for Farsi and Dari, Skopje",
    ),
    DemoInterpreter("I-0505", "MK", "man", "L2", "pes", "mkd", valid_days=57),
    DemoInterpreter("I-0506", "MK", "man", "L2", "prs pbt", "mkd srp", trainings="CHILD"),
    DemoInterpreter("I-0507", "MK", "man", "L1", "pbu pbt", "mkd", region="Nangarhar"),
    DemoInterpreter("I-0508", "MK", "man", "L1", "urd", "mkd eng"),
    DemoInterpreter("I-0509", "MK", "man", "L2", "ckb kmr", "mkd", region="Sulaymaniyah"),
    DemoInterpreter("I-0510", "MK", "woman", "L1", "kmr tur", "mkd sqi"),
    DemoInterpreter("I-0511", "MK", "man", "L1", "tur", "mkd", valid_days=-3),
    DemoInterpreter("I-0512", "MK", "woman", "L1", "fra", "mkd eng", on_call=False),
    DemoInterpreter("I-0520", "MK", "woman", "L2", "apc acm", "mkd", trainings="CHILD"),
    DemoInterpreter("I-0521", "MK", "woman", "L1", "acm apc", "mkd"),
    DemoInterpreter("I-0522", "MK", "woman", "L2", "apc acm", "mkd"),
    DemoInterpreter("I-0523", "MK", "woman", "L1", "acm apc", "mkd", trainings="CHILD"),
    DemoInterpreter("I-0524", "MK", "woman", "L2", "pes prs", "mkd"),
    DemoInterpreter("I-0525", "MK", "woman", "L1", "prs pes", "mkd"),
    DemoInterpreter("I-0526", "MK", "woman", "L2", "prs pbt", "mkd", trainings="CHILD"),
    DemoInterpreter("I-0527", "MK", "woman", "L1", "pbt pes", "mkd"),
    DemoInterpreter("I-0528", "MK", "woman", "L2", "pbt prs", "mkd"),
    DemoInterpreter("I-0529", "MK", "woman", "L1", "pes pbt", "mkd", trainings="CHILD"),
    DemoInterpreter("I-0530", "MK", "man", "L2", "apc acm", "mkd sqi"),
    DemoInterpreter("I-0531", "MK", "man", "L1", "acm apc", "mkd"),
    DemoInterpreter("I-0532", "MK", "man", "L2", "pes prs", "mkd"),
    DemoInterpreter("I-0533", "MK", "man", "L1", "prs pbt", "mkd sqi"),
    DemoInterpreter("I-0534", "MK", "man", "L2", "pbt", "mkd"),
    DemoInterpreter("I-0535", "MK", "man", "L1", "pes", "mkd"),
    DemoInterpreter("I-0536", "MK", "man", "L2", "prs", "mkd sqi"),
    DemoInterpreter("I-0537", "MK", "man", "L1", "apc", "mkd"),
    DemoInterpreter("I-0538", "MK", "man", "L2", "acm", "mkd"),
    DemoInterpreter("I-0540", "MK", "man", "L1", "kmr", "mkd"),
    DemoInterpreter("I-0541", "MK", "woman", "L1", "kmr tur", "mkd"),
    DemoInterpreter("I-0542", "MK", "man", "L1", "kmr", "mkd"),
    DemoInterpreter("I-0543", "MK", "man", "L1", "ckb", "mkd"),
    DemoInterpreter("I-0544", "MK", "woman", "L1", "ckb", "mkd"),
    DemoInterpreter("I-0545", "MK", "man", "L1", "ckb", "mkd"),
    DemoInterpreter("I-0546", "MK", "man", "L1", "urd", "mkd"),
    DemoInterpreter("I-0547", "MK", "man", "L1", "urd pnb", "mkd"),
    DemoInterpreter("I-0548", "MK", "woman", "L1", "urd", "mkd"),
    DemoInterpreter("I-0549", "MK", "man", "L1", "fra", "mkd"),
    DemoInterpreter("I-0550", "MK", "woman", "L1", "fra", "mkd"),
    DemoInterpreter("I-0551", "MK", "man", "L1", "fra", "mkd"),
    DemoInterpreter("I-0552", "MK", "man", "L1", "tur", "mkd"),
    DemoInterpreter("I-0553", "MK", "woman", "L1", "tur", "mkd"),
)  # fmt: skip

ON_ROSTER = frozenset({
    # Their languages are on call only.
    "I-0420", "I-0421", "I-0422", "I-0423", "I-0424", "I-0428", "I-0458", "I-0459", "I-0460", "I-0461", "I-0462", "I-0471",
    "I-0540", "I-0541", "I-0542", "I-0543", "I-0544", "I-0545", "I-0546",
    "I-0547", "I-0548", "I-0549", "I-0550", "I-0551", "I-0552", "I-0553",
    # They have stated part of the week only.
    "I-0402", "I-0406", "I-0410", "I-0413", "I-0417", "I-0419",
    # Where a woman has to be there at all hours, men of the language are asked less.
    "I-0401", "I-0412", "I-0414", "I-0415", "I-0418", "I-0457", "I-0501", "I-0503", "I-0531", "I-0538",
    "I-0508", "I-0509", "I-0512",
})  # fmt: skip
"""Who has agreed to 80 hours in four weeks and not to 120, as much as can be rostered at all."""
VOLUNTEERS = frozenset({"I-0403", "I-0405", "I-0409", "I-0411", "I-0416", "I-0469", "I-0470", "I-0505"})
"""Who gives 20 hours in four weeks beside other work."""

LEVEL_TRAININGS = {
    "L0": (),
    "L1": ("REMOTE",),
    "L2": ("UNHCR-SSM3", "REMOTE"),
    "L3": ("EUAA-INT-ASYLUM", "UNHCR-SSM3", "REMOTE"),
}
LEVEL_SPOKEN = {"L0": "B1", "L1": "B2", "L2": "B2", "L3": "C1"}
"""Level in the officer's language."""


@dataclass(frozen=True)
class DemoTalk:
    """A session that was held, and how."""

    days_ago: float
    minutes: int
    by: str
    """Code of the interpreter."""
    outcome: str = "completed"
    reason: str = "finished"
    confirmed: str | None = None
    """Variety that the interpreter heard."""
    break_min: int = 0
    line_lost_s: int = 0
    by_phone: bool = False
    """Whether the talk went on by telephone for a while."""


@dataclass(frozen=True)
class DemoStep:
    """A step of an invented case."""

    code: str
    talk: DemoTalk | None = None
    appointment_in_days: float | None = None
    taken: bool = True
    """Whether an interpreter has agreed to the appointment."""


@dataclass(frozen=True)
class DemoCase:
    """An invented case."""

    officer: str
    languages: str
    """``code:source``, the best first."""
    steps: tuple[DemoStep, ...]
    days_ago: float
    age_group: str = "18-64"
    uam: str = "no"
    wish: str = "none"
    must: bool = False
    literacy: str = "can_read"
    needs: tuple[str, ...] = ()
    origin: str | None = None
    emergency: bool = False
    region_note: str | None = None
    guardian_code: str | None = None


CASES = (
    DemoCase(
        "O-1183", "pbt:card", days_ago=6.2, origin="AF",
        steps=(
            DemoStep("RS-ID-10", DemoTalk(6.1, 7, "I-0415")),
            DemoStep("RS-ID-20", DemoTalk(5.9, 16, "I-0417", confirmed="pbu", by_phone=True)),
            DemoStep("RS-REG-10"),
        ),
    ),
    DemoCase("O-1183", "pes:self_declared", days_ago=0.08, wish="woman", must=True, steps=(DemoStep("RS-ID-30"),)),
    DemoCase(
        "O-1183", "pbu:card", days_ago=0.15, age_group="14-15", uam="confirmed", literacy="cannot",
        needs=("CHILD_TRAINED_INTERPRETER", "SHORT_SESSIONS"), steps=(DemoStep("RS-REG-10"),),
    ),
    DemoCase(
        "O-1183", "apc:self_declared eng:self_declared", days_ago=1.2, origin="SY", region_note="Idlib",
        steps=(DemoStep("RS-ID-20", DemoTalk(1.1, 21, "I-0402", break_min=4, line_lost_s=24)), DemoStep("RS-REG-20")),
    ),
    DemoCase("O-1183", "kmr:officer_guess", days_ago=0.05, literacy="unknown", steps=(DemoStep("RS-ID-10"),)),
    DemoCase(
        "O-1183", "urd:card", days_ago=0.12, emergency=True, needs=("URGENT_MEDICAL",), literacy="unknown",
        steps=(DemoStep("RS-ID-30"),),
    ),
    DemoCase(
        "O-2040", "prs:interpreter_confirmed", days_ago=12.0, wish="woman", origin="AF", needs=("EXTRA_BREAKS",),
        steps=(
            DemoStep("RS-ASY-10", DemoTalk(9.1, 22, "I-0413")),
            DemoStep("RS-ASY-20", DemoTalk(5.0, 84, "I-0413", break_min=10)),
            DemoStep("RS-ASY-50", appointment_in_days=2.0),
        ),
    ),
    DemoCase(
        "O-2040", "apc:self_declared", days_ago=4.0,
        steps=(DemoStep("RS-ASY-10", DemoTalk(3.0, 19, "I-0401")), DemoStep("RS-ASY-20", appointment_in_days=3.0, taken=False)),
    ),
    DemoCase("O-2040", "pes:card", days_ago=0.9, steps=(DemoStep("RS-ASY-10"),)),
    DemoCase(
        "O-3071", "pbt:self_declared prs:self_declared", days_ago=2.3,
        steps=(DemoStep("MK-ID-10", DemoTalk(2.2, 6, "I-0506")), DemoStep("MK-ID-30")),
    ),
    DemoCase("O-3071", "arb:self_declared", days_ago=0.04, steps=(DemoStep("MK-ID-10"),)),
    DemoCase(
        "O-3071", "ckb:officer_guess", days_ago=1.0,
        steps=(DemoStep("MK-ID-20", DemoTalk(0.95, 9, "I-0509", outcome="stopped", reason="no_understanding", confirmed="kmr")),),
    ),
    DemoCase(
        "O-4015", "pes:card", days_ago=8.0, wish="woman", origin="IR",
        steps=(DemoStep("MK-ASY-10", DemoTalk(7.0, 18, "I-0410")), DemoStep("MK-ASY-20", appointment_in_days=1.0)),
    ),
)  # fmt: skip


def profile_of(one: DemoInterpreter, user_id: str, now: datetime) -> ProfileInput:
    """What a coordinator would enter about this interpreter."""
    spoken = LEVEL_SPOKEN[one.level]
    ends = now + timedelta(days=one.valid_days)
    trained = (now - timedelta(days=400)).date()
    return ProfileInput(
        code=one.code,
        user_id=user_id,
        nominated_by=one.country,
        engagement="volunteer" if one.code in VOLUNTEERS else "roster" if one.code in ON_ROSTER else "contract",
        base_country=one.country,
        time_zone="Europe/Belgrade" if one.country == "RS" else "Europe/Skopje",
        location_status=one.location,
        sex=one.sex,
        level=one.level,
        pairs=[
            PairInput(
                from_lang=language,
                to_lang=officer,
                level_from="native" if place == 0 else "C1",
                level_to=spoken,
                modes=["consecutive", "sight"],
                verified_by="test",
            )
            for place, language in enumerate(one.languages.split())
            for officer in one.officer_languages.split()
        ],
        officer_languages=one.officer_languages.split(),
        region_of_language=one.region,
        training=[
            {"code": code, "date": trained.isoformat(), "expires": (trained + timedelta(days=1460)).isoformat()}
            for code in (*LEVEL_TRAININGS[one.level], *one.trainings.split())
        ],
        vetting_result="pass",
        vetting_expires=ends,
        nda_version="2026-1",
        # One of them has something to see to: the notice on the home page, and the watch of R-8.
        nda_expires=now + timedelta(days=41 if one.code == "I-0417" else 300),
        conduct_version="2026-1",
        conduct_expires=now + timedelta(days=300),
        on_call=one.on_call,
        no_children=one.no_children,
        reachable_by=["app"],
    )
