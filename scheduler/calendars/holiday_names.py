"""Names of holidays in the languages of interpreters that the ``holidays`` package lacks: Albanian, Arabic, Persian, Pashto. Pure."""

from __future__ import annotations

LOCALES = ("sq", "ar", "fa", "ps")
_OBSERVED = " (observed)"
_MARK = ("ditë pushimi", "يوم عطلة بديل", "روز جایگزین", "پر ځای رخصتي")
_NAMES: dict[str, tuple[str, str, str, str]] = {
    "Albanian Alphabet Day": ("Dita e Alfabetit Shqip", "يوم الأبجدية الألبانية", "روز الفبای آلبانیایی", "د الباني الفبا ورځ"),
    "All Saints' Day": ("Të Gjithë Shenjtorët", "عيد جميع القديسين", "روز همهٔ قدیسان", "د ټولو سپېڅلو ورځ"),
    "Armistice Day": ("Dita e Armëpushimit", "يوم الهدنة", "روز آتش‌بس", "د اوربند ورځ"),
    "Christmas Day": ("Krishtlindjet", "عيد الميلاد", "کریسمس", "کرسمس"),
    "Christmas Eve": ("Nata e Krishtlindjeve", "ليلة عيد الميلاد", "شب کریسمس", "د کرسمس شپه"),
    "Dormition of the Mother of God": (
        "Fjetja e Shën Marisë", "عيد رقاد السيدة العذراء", "عید رحلت مریم مقدس", "د بي بي مريم د وفات ورځ",
    ),
    "Easter Monday": ("E hëna e Pashkëve", "اثنين الفصح", "دوشنبهٔ عید پاک", "د ایسټر دوشنبه"),
    "Easter Sunday": ("E diela e Pashkëve", "أحد الفصح", "یکشنبهٔ عید پاک", "د ایسټر یکشنبه"),
    "Eid al-Adha": ("Kurban Bajrami", "عيد الأضحى", "عید قربان", "لوی اختر"),
    "Eid al-Fitr": ("Fitër Bajrami", "عيد الفطر", "عید فطر", "کوچنی اختر"),
    "Election Day": ("Dita e zgjedhjeve", "يوم الانتخابات", "روز انتخابات", "د ټاکنو ورځ"),
    "Epiphany": ("Ujët e Bekuar", "عيد الغطاس", "عید خاج‌شویان", "د غسل اختر"),
    "Good Friday": ("E premtja e madhe", "الجمعة العظيمة", "جمعهٔ مقدس", "سپېڅلې جمعه"),
    "Holy Saturday": ("E shtuna e madhe", "سبت النور", "شنبهٔ مقدس", "سپېڅلې شنبه"),
    "Independence Day": ("Dita e Pavarësisë", "عيد الاستقلال", "روز استقلال", "د خپلواکۍ ورځ"),
    "International Bosniaks Day": (
        "Dita Ndërkombëtare e Boshnjakëve", "اليوم الدولي للبوشناق", "روز جهانی بوسنیاک‌ها", "د بوسنیاکانو نړیواله ورځ",
    ),
    "International Romani Day": (
        "Dita Ndërkombëtare e Romëve", "اليوم الدولي للغجر (الروما)", "روز جهانی روما", "د روما نړیواله ورځ",
    ),
    "Labor Day": ("Dita e Punës", "عيد العمال", "روز کارگر", "د کارګر ورځ"),
    "Macedonian Revolutionary Struggle Day": (
        "Dita e Luftës Revolucionare Maqedonase", "يوم النضال الثوري المقدوني",
        "روز مبارزهٔ انقلابی مقدونیه", "د مقدونيې د انقلابي مبارزې ورځ",
    ),
    "National Uprising Day": ("Dita e Kryengritjes Popullore", "يوم الانتفاضة الشعبية", "روز قیام مردمی", "د ولسي پاڅون ورځ"),
    "New Year's Day": ("Viti i Ri", "رأس السنة", "آغاز سال نو", "نوی کال"),
    "Orthodox Christmas Day": ("Krishtlindjet Ortodokse", "عيد الميلاد الأرثوذكسي", "کریسمس ارتدوکس", "ارتودوکس کرسمس"),
    "Pentecost": ("Rrëshajët", "عيد العنصرة", "عید پنجاهه", "پنټيکوسټ"),
    "Republic Day": ("Dita e Republikës", "عيد الجمهورية", "روز جمهوری", "د جمهوریت ورځ"),
    "Saint Clement of Ohrid Day": (
        "Dita e Shën Klementit të Ohrit", "يوم القديس كليمنت الأوهريدي", "روز قدیس کلیمنت اهرید", "د اوهرید د سپېڅلي کلیمنټ ورځ",
    ),
    "Saint Sava's Day": ("Dita e Shën Savës", "يوم القديس سافا", "روز قدیس ساوا", "د سپېڅلي ساوا ورځ"),
    "Saints Cyril and Methodius Day": (
        "Dita e Shën Qirilit dhe Metodit", "يوم القديسين كيرلس وميثوديوس", "روز قدیسان کیریل و متودیوس", "د سپېڅلو کيريل او ميتوديوس ورځ",
    ),
    "Statehood Day": ("Dita e Shtetësisë", "يوم الدولة", "روز دولت صربستان", "د صربستان د دولت ورځ"),
    "Turkish Language Teaching Day": (
        "Dita e Mësimit në Gjuhën Turke", "يوم التعليم باللغة التركية", "روز آموزش زبان ترکی", "د ترکي ژبې د زده کړې ورځ",
    ),
    "Vlachs National Day": ("Dita Kombëtare e Vllehëve", "اليوم الوطني للفلاخ", "روز ملی ولاک‌ها", "د ولاکانو ملي ورځ"),
    "Yom Kippur": ("Jom Kipuri", "يوم الغفران", "یوم کیپور", "يوم کيپور"),
}  # fmt: skip
"""By the package's English name, in the order of ``LOCALES``. Drafts: native readers decide."""


def translated(english: str) -> dict[str, str]:
    """Names by locale of ``english``, which may be several days in one and days off instead of a weekend.

    Empty where any part is not known, so that a new name of the package is shown in English rather than in part.
    """
    parts = english.split("; ")
    plain = [part.removesuffix(_OBSERVED) for part in parts]
    if not all(part in _NAMES for part in plain):
        return {}
    return {
        locale: ("; " if locale == "sq" else "؛ ").join(_one(part, at) for part in parts)
        for at, locale in enumerate(LOCALES)
    }


def _one(part: str, at: int) -> str:
    name = _NAMES[part.removesuffix(_OBSERVED)][at]
    return f"{name} ({_MARK[at]})" if part.endswith(_OBSERVED) else name
