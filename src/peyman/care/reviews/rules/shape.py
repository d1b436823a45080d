"""How a text is written: its script, blanks, stretched and repeated letters and words, emoji; titles that say nothing."""

import re
from collections.abc import Iterator
from operator import eq

from peyman.care.reviews.rules import letters
from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.words import Reading

Place = tuple[int, int]

BLANKS = re.compile("(?:[ \t\u00a0\u2000-\u200a\u3000][\u200b-\u200f]*){3,}")
_ONE = r"[\u0621-\u063a\u0641-\u064a\u067e\u0686\u0698\u06a9\u06af\u06cc][\u064b-\u0655\u0670]{0,2}"
_PARTED = r"[ *._\-]"  # two blanks part words, one only letters
_SPACED = re.compile(
    f"(?<![{letters.LETTERS}{letters.MARKS}\u200c]){_ONE}(?:{_PARTED}{_ONE}){{2,39}}(?![{letters.LETTERS}{letters.MARKS}\u200c])"
)
SPACED_HINT = re.compile(rf"(?:^|[\s*._\-\u200b\u200c]){_ONE}{_PARTED}{_ONE}{_PARTED}{_ONE}(?![\u0621-\u06cc])")
_SERIES = frozenset({"ابج", "ابجد", "ابپ", "ابت", "ابپت", "ابپتث", "ابجده"})
EMOJI = re.compile(
    "[\u203c\u2049\u2194-\u2199\u21a9\u21aa\u231a\u231b\u23e9-\u23fa\u25fe\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u2626\u262a"
    "\u262e\u262f\u2638-\u263a\u2640\u2642\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f\u2692-\u2697\u2699\u269b\u269c\u26a0\u26a1"
    "\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26ce\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d"
    "\u270f\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27a1\u27b0\u27bf\u2b05-\u2b07"
    "\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf\U0001f170-\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f1e6-\U0001f1ff"
    "\U0001f201-\U0001f265\U0001f300-\U0001faff]"
    "[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff\u2640\u2642\u2764\U0001f300-\U0001faff]{0,12}"
)
_EYES = r"[:;=xX8]"
EMOTICON = re.compile(
    r"(?<![0-9A-Za-z\u06f0-\u06f9\u0660-\u0669:])(?:[:;=][\-'’^oO]?[)(\]\[DPpOo3*|/\\<>]{1,8}(?![A-Za-z0-9/])|[:;=][\-'’][)(]|[xX]D(?=\s*(?:$|[\n!.)؟\U0001f300-\U0001faff])))"
    r"|(?<=[\u0600-\u06ff] )[(]{1,3} :(?=\s|$)"
    r"|(?<![A-Za-z0-9\u06f0-\u06f9])[(]{1,8}[\-'’]?[:;=](?![0-9\u06f0-\u06f9:])"
    r"|\^[_.\-oO]?\^|[Tt]_[Tt]\b|-_+-|>_<|o_O|O_o|[:;]['’]\(|<3(?![0-9])|¯\\_|\(\^|:\)\)+"
    r"|(?<=[\s\u0600-\u06ff.!؟]):[)(]+|(?<=[\u0600-\u06ff])[)(]:(?=\s|$)"
    r"|(?<![0-9\u06f0-\u06f9])[)]:(?=\s|$)|(?<=[\s!.؟\u0600-\u06ff])[pPdD]:(?=\s|$)"
)
# Where no letter is other than these, there is neither emoji nor emoticon.
_ODD = re.compile(
    "[^ \n0-9\u0621-\u063a\u0641-\u0655\u0660-\u0669\u067e\u0686\u0698\u06a9\u06af\u06cc\u06f0-\u06f9\u200c.\u060c\u061b!?\u061f\u00ab\u00bb]"
)
EMOTICON_HINT = re.compile(r"[:;=^<>]|_|xD|XD")
_LABEL = re.compile(r"[\u0600-\u06ffA-Za-z]\s?:$")


def blanks(text: str) -> Iterator[Place]:
    """Yield runs of three blanks or more that part words; at the ends of a field they are nobody's business."""
    if "  " not in text and "\t" not in text and "\u00a0" not in text and "\u3000" not in text and "\u2003" not in text:
        return
    for run in BLANKS.finditer(text):
        if run.start() and run.end() < len(text) and text[run.end()] not in "\n\r":
            yield run.span()


def spaced(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield words written letter by letter («خ و ب»), with the word; a list of letters («الف، ب، ج») is none."""
    if not SPACED_HINT.search(text):
        return
    for run in _SPACED.finditer(text):
        word = letters.folded(re.sub(r"[ \u200b\u200c*._\-]", "", run[0]))
        if word in _SERIES or word.count("و") * 2 > len(word) or len(set(word)) == 1:
            continue
        yield run.start(), run.end(), word


def emoji(text: str) -> Iterator[Place]:
    """Yield emoji and emoticons; 16:9 and «ویژگی‌ها: (سبک)» are none."""
    if not _ODD.search(text):
        return
    if not text.isascii():
        for one in EMOJI.finditer(text):
            yield one.span()
    if EMOTICON_HINT.search(text):
        for one in EMOTICON.finditer(text):
            start, end = one.span()
            if (
                one[0].endswith(("(", "[", "/", "<"))
                and one[0].startswith(":")
                and text.find(")", end) >= 0
                and start
                and not text[start - 1].isspace()
            ):
                continue  # «ابعاد:(۲۰ در ۳۰)»
            if one[0].startswith("(") and text[:start].count("(") < text[:start].count(")"):
                continue
            yield start, end


_BETWEEN = frozenset("و!.…")


def repeated(reading: Reading, ignored: int) -> Iterator[tuple[int, int]]:
    """Yield the words [first, last) of which the same stands three times in a row, «و» between them or not."""
    keys, masks = reading.keys, reading.masks
    if not any(map(eq, keys, keys[1:])) and not any(map(eq, keys, keys[2:])):
        return
    at, end = 0, len(keys)
    while at < end:
        key = keys[at]
        if masks[at] & ignored or len(key) < 2:
            at += 1
            continue
        last, count, here = at + 1, 1, at + 1
        while here < end:
            longer = count >= 2 and len(key) > 2 and keys[here].startswith(key)  # «داغ داغ داغ می‌کند», «بد بد بده»
            if keys[here] == key or longer:
                count, last, here = count + 1, here + 1, here + 1
            elif keys[here] in _BETWEEN and here + 1 < end and keys[here + 1] == key:
                here += 1
            else:
                break
        if count >= 3:
            yield at, last
        at = max(last, at + 1)


# ---- Script ----

_ROWS = ("ضصثقفغعهخحجچ", "شسیبلاتنمکگ", "ظطزرذدپو")
_NEXT = frozenset(a + b for row in _ROWS for a, b in zip(row, row[1:], strict=False)) | frozenset(
    b + a for row in _ROWS for a, b in zip(row, row[1:], strict=False)
)
ARABIC_ONLY = frozenset(
    "هذا هذه ذلك التی الذی من فی علی الی جدا جدًا وهو وهی هو هی ان لا ما لم لن کان کانت قد عن مع هل ام او لکن وانا انا نحن منذ شهر رائع ممتاز"
    " لیس کل بعد قبل ایضا شکرا انه انها له لها لقد وقد اشتریت المنتج جیده جید سیئ سیی لون الجوده السعر الهاتف وانصح انصح الجمیع بشرائه للغایه متوفر کم کیف این".split()
)
PERSIAN_ONLY = frozenset(
    "است که را از این با برای خیلی هم رو بود شد می نمی های ها یک آن ان هست نیست دارد داره شده کرد خوب تا اما ولی من به در".split()
) - {"من", "ان", "این"}


def not_persian(reading: Reading, lexicon: Lexicon, words: list[int]) -> bool:
    """Say whether a text that has letters is no Persian: Latin, Arabic or a play of fingers on the keyboard.

    `words` are the places of its words. A name in Latin letters inside Persian is fine.
    """
    bits = lexicon.bits
    persian = latin = other = 0
    named = True  # all that is Latin has the look of a name: «Dell Vostro 3520», «i7-1255U»
    mine: list[str] = []
    for at in words:
        size, mask = len(reading.keys[at]), reading.masks[at]
        if mask & bits["persian"]:
            persian += size
            mine.append(reading.keys[at])
        elif mask & bits["latin"]:
            latin += size
            raw = reading.typed[slice(*reading.span(at, at + 1))]
            named = named and (len(raw) == 1 or any(one.isupper() or one.isdecimal() for one in raw))
        else:
            other += size
    letters_in_all = persian + latin + other
    if letters_in_all < 2:
        return False
    if persian * 3 < letters_in_all:
        function = sum(1 for word in mine if lexicon.words.get(word, 0) & bits["known"])
        return not (named and not other and function >= 2)
    if not mine:
        return False
    return _is_arabic(mine, reading) or _is_mash(mine, lexicon)


def _is_arabic(words: list[str], reading: Reading) -> bool:
    arabic = sum(
        1
        for word in words
        if word in ARABIC_ONLY
        or (word.startswith("ال") and len(word) > 4 and word not in ("البته", "الان", "الکی", "الکل", "الاغ"))
    )
    arabic += sum(1 for raw in reading.raws if "ة" in raw)
    own = sum(1 for word in words if word in PERSIAN_ONLY or any(letter in "پچژگ" for letter in word))
    return arabic >= 2 and arabic * 3 >= len(words) and own * 3 < arabic


def _is_mash(words: list[str], lexicon: Lexicon) -> bool:
    """Say whether most letters are of words that no Persian word begins to look like."""
    odd = whole = 0
    strangers = True
    for word in words:
        whole += len(word)
        if word in lexicon.words:
            strangers = strangers and len(word) < 4
            continue
        if len(word) == 1:
            odd += 1
            continue
        pairs = [word[at : at + 2] for at in range(len(word) - 1)]
        strange = sum(pair not in lexicon.pairs for pair in pairs)
        beside = sum(pair in _NEXT for pair in pairs)
        if (
            strange * 3 >= len(pairs)
            or (beside == len(pairs) and len(pairs) >= 2)
            or (len(pairs) > 4 and beside * 3 >= len(pairs) * 2)
            or len(word) > 25
            or (len(word) > 3 and len(set(word)) <= 2)
        ):
            odd += len(word)
    return odd * 2 > whole or (strangers and len(words) > 1 and odd * 3 >= whole)


_NO_TITLE = frozenset(
    "نظر نظرم نظرات من بنده نقد نقدی بررسی دیدگاه دیدگاهم کامنت کامنتم عنوان تیتر بدون متن ندارد نداره ندارم".split()
)


def says_nothing(reading: Reading, lexicon: Lexicon) -> bool:
    """Say whether a title that is there holds no content: signs, mash, or a mere greeting."""
    bits = lexicon.bits
    if not reading.text.strip():
        return False
    content = [at for at, mask in enumerate(reading.masks) if not mask & (bits["stop"] | bits["digit"])]
    digits = any(mask & bits["digit"] for mask in reading.masks)
    if not content:
        return not digits
    if all(
        reading.masks[at] & (bits["hello"] | bits["hello_more"])
        or reading.keys[at] in ("و", "با", "به", "همه", "شما", "خدمت")
        for at in content
    ):
        return True
    if all(len(reading.keys[at]) == 1 for at in content) and not digits:
        return True
    if all(reading.keys[at] in _NO_TITLE for at in content) and not digits:
        return True  # «نظر من» over what is nothing else
    mine = [reading.keys[at] for at in content if reading.masks[at] & bits["persian"]]
    latin = [reading.keys[at] for at in content if reading.masks[at] & bits["latin"]]
    if mine and not latin:
        return _is_mash(mine, lexicon)
    return bool(latin and not mine and not digits and all(_is_latin_mash(word) for word in latin))


def _is_latin_mash(word: str) -> bool:
    if len(word) < 2:
        return True
    rows = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    beside = sum(
        any(word[at : at + 2] in row or word[at : at + 2][::-1] in row for row in rows) for at in range(len(word) - 1)
    )
    return (len(word) >= 3 and beside == len(word) - 1) or (len(word) > 3 and not set(word) & set("aeiouy"))
