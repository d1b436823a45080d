"""Whether an address leads into a public place, where nothing is delivered (D49): a café, an internet café, a hotel.

A place is named by its own kind of word. The same word beside a street ("کوچه هتل"), as a landmark ("روبروی هتل"), in
a company's name or a family's ("شرکت تجهیز هتل", "خانم کافه‌چی") names something else, so its neighbours decide.
"""

import re
import unicodedata
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import normalise

# One or several words; written together or apart, they are the same.
_PLACES: Final = """
کافه; کافه تریا; کافه رستوران; کافی شاپ; کافی نت; گیم نت; گیم سنتر; رستوران; رستورانت; سفره خانه; قهوه خانه; چای خانه;
چایخانه; کبابی; کباب سرا; غذاخوری; ناهارخوری; نهارخوری; اغذیه; ساندویچی; ساندویچ فروشی; پیتزا; پیتزا فروشی; پیتزایی;
فست فود; فود کورت; طباخی; جگرکی; کله پزی; آبمیوه فروشی; آب میوه فروشی; آبمیوه بستنی; آبمیوه و بستنی;
بستنی فروشی; تالار پذیرایی; تالار عروسی; هتل;
هتل آپارتمان; متل; هاستل; مهمان پذیر; مهمان سرا; مسافر خانه; مسافرسرا; زائر سرا; اقامتگاه; اقامت گاه; بوم گردی;
قلیان سرا; کافه قنادی; کافه کتاب; بیلیارد; گیم کلاب; لابی هتل;
cafe; caffe; café; coffee; coffee shop; coffeeshop; coffeenet; coffee net; cafenet; gamenet; game net; restaurant;
resturant; hotel; hostel; motel; fastfood; fast food; food court; pizza; guest house; guesthouse
"""
_NEIGHBOURS: Final = """
street: خیابان خ کوچه ک کوی بلوار بولوار بزرگراه اتوبان میدان فلکه محله بنبست بست روستای روستا شهرک پل گذر راسته
street: چهارراه سهراه دوراهی راه جاده دهکده ایستگاه تقاطع
beside: روبروی روبهروی روبرو مقابل جنب کنار پشت بعد قبل بالای بالا بالاتر پایین زیر نزدیک نزدیکی همسایه همجوار مجاور
beside: نبش جلوی جلو نرسیده مانده ضلع بین حدفاصل فاصل سمت روی
link: از به ی تر شمالی جنوبی شرقی غربی سرای شهید قدیم قدیمی ساختمان حیاط
other: شرکت آموزشگاه آموزشکده هنرستان دانشکده اتحادیه صنف انجمن فروشگاه لوازم تجهیز تجهیزات دفتر موسسه مؤسسه بنیاد
other: کارخانه کارگاه تولیدی پخش توزیع منزل خانواده آقای خانم مجله نشریه نرمافزاری سامانه مشاوره مشاور آکادمی
other: سازمان فروش
derives: داری داران دار چی یار یاران سر سازان سازی سابق اسبق سنج
"""


def _of(kind: str) -> frozenset[str]:
    lines = (line.split() for line in _NEIGHBOURS.strip().splitlines())
    return frozenset(word for first, *words in lines if first == f"{kind}:" for word in words)


_STREETS, _BESIDE, _LINKS = _of("street"), _of("beside"), _of("link")
_OTHERS, _DERIVING = _of("other"), _of("derives")
_AFTER_KINDS: Final = frozenset(("و", "رستوران", "کافه", "هتل", "کبابی", "تالار"))

_TOWNS: Final = frozenset((("متل", "قو"),))

# Letters that look like others: ه of other languages, and Cyrillic and Greek ones that pass for Latin.
_LOOKALIKES = str.maketrans(
    "\u0629\u06c0\u06c1\u06be\u06d5\u0430\u0441\u0435\u043e\u0440\u0442\u043d\u0443\u0445\u0456\u043c\u03bf\u03b1\u03c4\u03b5\u03b9\u03bd",
    "هههههaceopthyximoateiv",
)
_SEGMENT = re.compile(r"[،,;؛:/\\()\[\]{}«»\"\n\r|]+|\s[-–—]\s")
_MARKS = re.compile("[\u064b-\u065f\u0670\u0640\u061c\u200b\u200d-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_][\s.\u200c·*_-]+){2,}[^\W\d_](?!\w)")
_WORD = re.compile(r"[\w\u200c]+")
_ZWNJ = "\u200c"
_JOINING: Final = re.compile(f"(?<=ه){_ZWNJ}ی$")  # "کافه‌ی", "کوچه‌ی": joins a word to the next one


def _forms() -> dict[int, frozenset[str]]:
    """The places by how many words they have, each joined to one word."""
    found: dict[int, set[str]] = {}
    for name in _PLACES.split(";"):
        words = name.split()
        found.setdefault(len(words), set()).add("".join(words))
    return {length: frozenset(names) for length, names in found.items()}


_BY_LENGTH: Final = _forms()
_JOINED: Final = frozenset(name for names in _BY_LENGTH.values() for name in names)
_LONGEST: Final = max(_BY_LENGTH)


class PublicPlace(Invalid):
    """The address leads into a public place."""

    code, clause = "public_place", "D49"
    says = (
        "این نشانی «{place}» است و در اماکن عمومی تحویل نمی‌دهیم. نشانی دیگری بنویسید؛ اگر اینجا خانه یا محل کار شماست، "
        "به پشتیبانی بگویید تا آن را بپذیرد."
    )

    def __init__(self, place: str) -> None:
        super().__init__({"street": self.says.format(place=place)}, place=place)


@carries_out("D49")
def public_place(address: str) -> str:
    """Return the first public place that an address leads into, "" where it names none or only a neighbour.

    Letters and digits of any keyboard, half-spaces, drawn-out and spaced-out letters make no difference.
    """
    parts = _SEGMENT.split(_folded(address))
    return next((found for part in parts if (found := _in_part(part))), "")


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", normalise(address)).lower().translate(_LOOKALIKES)


def _in_part(part: str) -> str:
    clean = _SPACED.sub(lambda run: re.sub(r"[\s.\u200c·*_-]+", "", run[0]), _MARKS.sub("", part))
    words = [_JOINING.sub("", word) for word in _WORD.findall(clean)]
    plain = [word.replace(_ZWNJ, "") for word in words]
    for place in range(len(words)):
        length = _place_at(words, plain, place)
        if length and not _is_another(plain, place, place + length):
            return " ".join(words[place : place + length])
    return ""


def _place_at(words: list[str], plain: list[str], place: int) -> int:
    """Return of how many words a public place consists that begins here; 0 for none."""
    for length in range(min(_LONGEST, len(words) - place), 0, -1):
        joined = "".join(plain[place : place + length])
        if length in _BY_LENGTH and joined in _BY_LENGTH[length]:
            return length
    if plain[place] in _JOINED or (plain[place].endswith("ای") and plain[place][:-1] in _JOINED):  # "مهمانسرای"
        return 1
    # "هتل‌رستوران": each part of it is one; "رستوران‌داران" is none.
    pieces = words[place].split(_ZWNJ)
    return 1 if len(pieces) > 1 and all(piece in _JOINED for piece in pieces) else 0


def _is_another(plain: list[str], begin: int, end: int) -> bool:
    """Say whether the words around a place's word make it the name of something else."""
    if end < len(plain) and (plain[end] in _DERIVING or (plain[end - 1], plain[end]) in _TOWNS):
        return True
    if any(word in _OTHERS for word in plain[:begin]):
        return True
    before = begin - 1
    while before >= 0 and plain[before] in _LINKS:
        before -= 1
    while before >= 0 and plain[before] in _AFTER_KINDS:  # "کبابی و رستوران": the word before it was judged already
        before -= 1
    return before >= 0 and (plain[before] in _STREETS or plain[before] in _BESIDE)
