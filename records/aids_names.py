"""Common given names, so that a term that names somebody is asked about in any script and case. Pure.

A help for the proposer, never proof: most names of people are not in here, and whoever writes one that is may mean something else.
Names that are everyday words as well (علي beside على, عمر *age*, رضا *consent*, Serbian *ali*) are left out: a question at each of
them would teach people to press it away.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ARABIC_SCRIPT: Final = """
محمد احمد محمود مصطفی ابراهیم اسماعیل یوسف یعقوب اسحاق داود داوود سلیمان موسی عیسی یحیی زکریا هارون لقمان ادریس یونس ایوب
حسین حسنین عباس جعفر کاظم حیدر مهدی باقر علیرضا محمدرضا غلامرضا حمیدرضا امیرحسین محمدعلی عبدالله عبدالرحمن عبدالرحیم عبدالکریم
عبدالقادر عثمان بلال حمزه زیاد طارق خالد ولید ایاد مروان عدنان غسان هیثم وسام یاسر یاسین بشار فراس قیس لؤی نزار انس عمار
فاطمه عایشه عائشه خدیجه زینب مریم سکینه رقیه حلیمه سمیه آمنه امنه صفیه حفصه زهرا زهراء لیلا لیلی سارا ساره نرگس مرضیه معصومه
پرویز جواد مجتبی مرتضی مسعود فرهاد بهرام رستم سیاوش کاوه داریوش کوروش فریدون جمشید هوشنگ نادره پروین مهناز شهناز زرغونه
گلبدین اسدالله نجیب‌الله حمیدالله سمیع‌الله رحمت‌الله عصمت‌الله ذبیح‌الله احسان‌الله هدایت‌الله
"""
_LATIN: Final = """
muhamed muhammad mohammad mohammed mohamed mohamad ahmad ahmed ahmet mahmoud mahmud mahmut mustafa ibrahim ismail yusuf youssef jusuf
hassan hasan hussein hussain husein hosein abbas jafar omar umar osman usman bilal hamza khaled tarik tariq walid marwan yasin jasin
fatima fatime fatma aisha ajsa khadija hatidza zainab zejneb maryam merjem laila lejla alireza gholam najibullah abdullah abdulah
jovan petar nikola marko stefan aleksandar dusan zoran goran dragan miroslav slobodan vladimir milos nemanja filip igor ivan
jelena ivana marija milica dragana snezana vesna gordana katarina natasa aleksandra biljana ljiljana trajko blagoja gjorgji elena
arben agron besnik driton bekim fatmir shpend valon liridon vjosa shqipe drita teuta blerta
"""
_LETTERS = str.maketrans({
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ی", "ي": "ی", "ئ": "ی", "ك": "ک", "ة": "ه", "ۀ": "ه", "ؤ": "و",
    "ء": None, "ـ": None, "\u200c": None,
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "ђ": "dj", "ѓ": "gj", "е": "e", "ж": "z", "з": "z", "ѕ": "dz", "и": "i",
    "ј": "j", "к": "k", "л": "l", "љ": "lj", "м": "m", "н": "n", "њ": "nj", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t",
    "ћ": "c", "ќ": "kj", "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "c", "џ": "dz", "ш": "s", "đ": "dj",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+(?:\u200c[^\W\d_]+)*")
_SERVANT = re.compile(r"\bعبد\s?ال[^\W\d_]{2,}")
"""Abd al-: a name in two words."""
_JOINED = ("و", "ب", "ل")
"""And, with, to: written as part of the next word in Arabic."""


def _plain(text: str) -> str:
    """One spelling of a word: no case, no marks, one form of letters that are written in several ways, Cyrillic in Latin letters."""
    # Composed first: the hamza of أ and the tail of й are letters there, marks when taken apart.
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS)
    return "".join(char for char in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(char))


_KNOWN = frozenset(_plain(name) for name in (_ARABIC_SCRIPT + _LATIN).split())


def holds_a_common_name(text: str) -> bool:
    """Whether a word of the text is a common given name, in Arabic, Latin or Cyrillic letters, capital or not."""
    if _SERVANT.search(unicodedata.normalize("NFKC", text)):
        return True
    words = [_plain(word) for word in _WORD.findall(text)]
    return any(word in _KNOWN or (word[:1] in _JOINED and word[1:] in _KNOWN) for word in words)
