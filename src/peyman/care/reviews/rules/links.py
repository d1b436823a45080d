"""Links, mails and handles in any disguise, each with its place in the text as it was typed.

The text is read once more letter by letter (look-alikes, invisible signs, full-width letters), and only where
something in it could be a link at all.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from peyman.care.reviews.rules import letters

# Where none of these is, there is neither link nor mail nor handle.
POSSIBLE = re.compile(
    r"[@＠﹫→•]|:\s?[/\\]|www|#[0-9]|[a-z][؛;]|[A-Za-z\uff21-\uff5a\u0370-\u04ff\U0001d400-\U0001d7ff][\s\u200b-\u200f]*[.。．｡·•٫,\[({]|[.。．｡·•٫][\s\u200b-\u200f]*[A-Za-z\uff21-\uff5a\u0370-\u04ff\U0001d400-\U0001d7ff]"
    r"|نقطه|نقط[ۀ\u06d5]|نقطـه|دات|اسلش|\bIR|ایتا|روبیکا|سروش|شناسه|اکانت|توییتر|تویتر|لینکدین|دیسکورد|استیم|ریپلای|دایرکت|پی.?وی|تل.گرام|اینس.تا|بله|گپ|تلم|فیسبوک|اینس.?تاگرام|ایمیل|میل|dot|DOT|Dot|ساین|کام\b|[آا]\u0653?یدی|پیج|کانال|تلگرام|اینستا|واتس|یوزر|کاربری|\bat\b|\bAT\b|id|ID|insta|Insta|telegram|Telegram",
)
_TLD = (
    "com|ir|org|net|info|biz|co|io|me|app|shop|store|online|site|xyz|tv|edu|gov|dev|ai|eu|us|uk|de|fr|tr|ae|ru|in|cn|ca|au|link"
    "|click|top|pro|club|live|news|blog|gl|ly|gg|cc|ws|mobi|asia|web|tech|space|website|digital|market|im|nl|se|ch|es|pl|jp|kr|sa|iq"
    "|tk|ml|cf|wiki|cloud|fun|vip|page|art|run|host|ltd|company|group|studio|agency|systems|world|life|today|zone|network|plus|school|academy|center|guru|expert|solutions|software"
)
_SURE_TLD = "com|ir|org|net|info|biz|xyz|shop|store|online"  # with blanks around the dot
_FA_TLD = "کام|دات کام|ای ?ار|ار|نت|ارگ|اورگ|اینفو|شاپ|لینک|سایت|استور|ای ?او|ای ?تی|تی ?وی|بیز|اپ|کو|دی ?ای|تی ?کی|آی ?آر|com|ir|net|org|info|shop|me|io|co"
_DOTTED_FA = "کام|ای ?ار|ا?ی ?ار|نت|ارگ|اورگ|اینفو|شاپ|com|ir|net|org|info|shop|me|io|co"  # «است. می‌شود» is no link
_WORDY_DOT = r"(?:\bdot\b|\(نقطه\)|\[نقطه\]|\(دات\)|\[دات\]|\(dot\)|\[dot\]|\(\.\)|\[\.\]|نقطه|دات)"
_BRACKET_DOT = r"(?:\(dot\)|\[نقطه\]|\[دات\]|\[dot\]|\{dot\}|\(\.\)|\[\.\]|\(نقطه\)|\[نقطه\]|\(دات\))"
_NAME = r"[a-z0-9][a-z0-9_-]{0,62}"
_HOST = rf"{_NAME}(?:\.{_NAME}){{0,4}}"
_URL = re.compile(
    rf"(?:h\s?[tx]{{2}}\s?ps?|ftp)\s?:\s?[/\\\\]\s?[/\\\\]\s?[^\s«»\"<>]{{2,300}}"
    rf"|(?<![a-z0-9])www\s?\.\s?[a-z0-9][a-z0-9-]{{1,62}}(?:\s?\.\s?[a-z0-9-]{{2,63}}){{0,4}}(?:/[^\s«»\"<>]{{0,300}})?"
    rf"|(?<![a-z0-9@._-]){_HOST}\.(?:{_TLD})(?![a-z0-9_-])(?:/[^\s«»\"<>]{{0,300}})?"
    rf"|(?<![a-z0-9@._-]){_NAME}\s{{0,2}}\.\s{{0,2}}(?:{_SURE_TLD})(?![a-z0-9_.-])(?:/[^\s«»\"<>]{{0,300}})?"
    rf"|(?<![a-z0-9])www\s{{1,2}}{_NAME}\s{{1,2}}(?:{_SURE_TLD}|me|io)(?![a-z0-9_-])"
    rf"|(?<![a-z0-9@._-]){_NAME}\s?{_BRACKET_DOT}\s?[a-z]{{2,6}}/[^\s«»\"<>]{{1,300}}"
    rf"|(?<![a-z0-9@._-]){_HOST}\.[a-z]{{2,6}}/[^\s«»\"<>]{{1,300}}"
    rf"|(?<![a-z0-9@._-]){_NAME}(?:\s?{_BRACKET_DOT}\s?{_NAME}){{0,3}}\s?{_BRACKET_DOT}\s?(?:{_TLD})(?![a-z0-9_-])(?:/[^\s«»\"<>]{{0,300}})?"
    rf"|(?<![ا-یa-z0-9])[ا-یa-z0-9]{{2,30}}\s{{1,2}}(?:دات|نقطه)\s{{1,2}}[ا-یa-z0-9 ]{{2,12}}?\s{{0,2}}(?:اسلش|/)\s?[ا-یa-z0-9]{{1,30}}"
    rf"|(?<![a-z0-9@._-]){_NAME}\s{{0,2}}(?:{_WORDY_DOT}|[·•,])\s{{0,2}}(?:{_SURE_TLD}|{_FA_TLD})(?![a-zا-ی0-9])"
    rf"|(?<![ا-یa-z0-9])[ا-یa-z0-9][ا-ی0-9a-z]{{1,30}}\s{{0,2}}{_WORDY_DOT}\s{{0,2}}(?:{_FA_TLD})(?![ا-یa-z0-9])"
    rf"|(?<![ا-یa-z0-9])[ا-یa-z0-9][ا-ی0-9a-z]{{1,30}}\.(?:{_DOTTED_FA})(?![ا-یa-z0-9])"
    rf"|(?<![a-z0-9])[a-z0-9](?:\s[a-z0-9]){{1,30}}\s{{1,4}}(?:dot|دات|نقطه)\s{{1,4}}[a-z](?:\s?[a-z]){{1,3}}(?![a-z])"
    rf"|(?<![a-z0-9@._-])(?:t|telegram)\s?\.\s?me\s?/\s?[^\s«»\"<>]{{2,100}}"
    rf"|(?<![a-z0-9@._-]){_NAME}\s{{0,2}}(?:دات|نقطه)\s{{0,2}}(?:{_TLD})(?![a-z0-9_-])"
    rf"|(?<![a-z0-9@._-]){_NAME}\s?[؛;]\s?(?:{_NAME}\s?[؛;]\s?)?(?:{_SURE_TLD})(?![a-z0-9_-])"
    rf"|(?<![ا-یa-z0-9])[ا-ی][ا-ی0-9 ]{{1,30}}[·•․]\s?(?:{_FA_TLD})(?![ا-یa-z0-9])"
    rf"|(?<![ا-یa-z0-9])(?:دات کام|داتکام|نقطه کام|دات ای ار)(?![ا-یa-z0-9])"
)
_AT = r"(?:@{1,3}|\s?\(ات\)|\s?\[ات\]|\s?\(ات ساین\)|#(?=g?mail|yahoo)|\(a\)|\[a\]|\(at\)|\[at\]|\{at\}|\sat\s|\s?(?:ات|اد)\s?ساین\s?|\sات\s)"
_MAIL = re.compile(
    rf"[a-z0-9ا-ی][a-z0-9._+ا-ی-]{{0,63}}\s{{0,2}}{_AT}\s{{0,2}}(?:[a-z0-9-]{{2,63}}|[ا-ی]{{3,20}})\s{{0,2}}(?:\.|{_WORDY_DOT})\s{{0,2}}(?:{_TLD}|{_FA_TLD})(?![a-zا-ی])"
    r"|[a-z0-9ا-ی][a-z0-9._+-]{1,63}\s{0,2}(?:@|(?:ات|اد)\s?ساین|\sات\s|\sat\s)\s{0,2}(?:g\s?mail|yahoo|hotmail|outlook|جی ?میل|یاهو|هات ?میل|اوت ?لوک|ایمیل)(?:\s{0,2}(?:\.|دات|نقطه|dot)\s{0,2}(?:com|کام))?"
    rf"|(?<![ا-یa-z])(?:ایمیل(?:م|مه|ش)?|میل(?:م)?|email|mail)\s?(?:من|ما|کاری|شخصی)?\s?(?:هست|است|:|=|،)?\s{{0,2}}[a-z0-9ا-ی][a-z0-9._ا-ی-]{{0,40}}(?:\s(?:نقطه|دات|خط|زیرخط)\s[a-z0-9ا-ی_-]{{1,30}}){{0,3}}\s(?:در|ات|تو|at)\s[a-z0-9ا-ی-]{{2,30}}\s?(?:\.|دات|نقطه|dot)\s?(?:{_FA_TLD}|{_TLD})(?![a-zا-ی])"
    r"|(?<![a-z0-9._-])[a-z0-9][a-z0-9._-]{1,63}\s{1,2}(?:در|تو|روی)\s{1,2}(?:g\s?mail|yahoo|hotmail|outlook|جی ?میل|یاهو|هات ?میل|اوت ?لوک|ایمیل)(?:\s{0,2}(?:\.|دات|نقطه|dot)\s{0,2}(?:com|کام))?"
    r"|(?<![a-z0-9._-])[a-z0-9][a-z0-9._-]{2,63}\s?ات\s(?:g\s?mail|yahoo|hotmail|جی ?میل|یاهو|هات ?میل|ایمیل)(?:\s{0,2}(?:\.|دات|نقطه|dot)\s{0,2}(?:com|کام))?"
    r"|[a-z0-9._-]{3,64}\s?(?:gmail|yahoo|hotmail|جیمیل|یاهو)\s?(?:\.|dot|دات|نقطه)\s?(?:com|کام)"
)
_NETWORKS = (
    r"(?:ایتا|بله|روبیکا|سروش|تل\s?گرام|اینس\s?تا(?:گرام)?|واتس\s?اپ|توییتر|لینکدین|دیسکورد|گپ|استیم|ایکس|فیسبوک|یوتیوب|آپارات|اپارات"
    r"|telegram|instagram|insta|discord|steam|twitter|eitaa|rubika|bale|skype|psn|اسکایپ|دیوار|پینترست|تیک\s?تاک)"
)
_TAG = re.compile(
    r"(?<![a-z0-9._])[a-z][a-z0-9._]{2,31}#[0-9]{3,5}(?![0-9])"
    r"|(?<![ا-یa-z0-9@])[ا-ی][ا-ی_]{3,30}@(?![a-z0-9.])"
)
_HANDLE = re.compile(
    r"(?<![a-z0-9._])@\s?[a-z0-9_.][a-z0-9_.]{2,40}"
    rf"|(?<![a-z0-9._@-])[a-z][a-z0-9._]{{3,31}}\s{{1,2}}(?:در|تو|توی|روی)\s{{1,2}}{_NETWORKS}(?![ا-ی])"
    rf"|(?<![ا-یa-z]){_NETWORKS}(?:م|مون|مه)?\s?(?:من|ما|id|آیدی|ایدی)?\s?(?::|=|->|→|-|»)\s?[@«]?[a-z][a-z0-9._]{{3,31}}(?![a-z])"
    rf"|(?<![ا-یa-z])(?:تلم|تل|گپ|اینستام|دیس|دیسکوردم)\s?[:=]\s?@?[a-z][a-z0-9._]{{3,31}}(?![a-z])"
    rf"|(?<![ا-یa-z]){_NETWORKS}[^a-z0-9]{{1,30}}[a-z][a-z0-9.]{{1,20}}_[a-z0-9_.]{{2,30}}(?![a-z])"
    rf"|(?<![ا-یa-z]){_NETWORKS}[^a-z]{{1,30}}[a-z]{{3,30}}\s(?:نقطه|دات|خط|زیرخط|آندرلاین|اندرلاین)\s[ا-یa-z]{{2,30}}"
    r"|(?<![ا-یa-z])(?:ا?ای\s?دی(?:م|ه|ش|مون)?|ایدی(?:م|ه|ش|مون)?|یوزر\s?نیم|نام کاربری|شناسه(?:م| من)?|اکانت(?:م)?|دایرکت|پی\s?وی|توییتر(?:م)?|لینکدین(?:م)?|دیسکورد(?:م)?|استیم|سروش|psn|steam|discord|twitter|پیج(?:م|مون|ش)?|کانال(?:م|مون)?|telegram|insta(?:gram)?|id|page|channel|تل\s?گرام(?:م|ی|مون)?|اینس\s?تا(?:گرام)?(?:م|مون|ش)?|واتس\s?اپ|ایتا|روبیکا)"
    r"(?:\s?(?:من|ما|تلگرام(?:م)?|اینستا(?:گرام)?(?:م)?|ایتا|روبیکا|به|با|در|ایدی|نام|شناسه|پیج|کانال|است|هست|:|=|-|،|؛|,|»|«|\()){0,6}\s{0,2}[:«(\"']?\s?@?(?P<name>[a-z][a-z0-9]{0,30}[._][a-z0-9._]{1,40}|[a-z][a-z_]{1,30}[0-9]{1,10}[a-z0-9_]{0,10}|(?<=[:@])[a-z][a-z0-9_.]{3,40})(?![a-z])"
    r"|(?<![ا-یa-z])(?:g\s?mail|جی\s?میل(?:م|مه|ش)?|ایمیل(?:م|مه)?)\s?(?:من|ما|هست|:|=|،){0,2}\s{0,2}[a-z][a-z0-9]{0,30}(?:[._][a-z0-9._]{1,40}|[0-9]{1,10}[a-z0-9_]{0,10})(?![a-z])"
    r"|(?<![ا-یa-z])(?:ا?ای\s?دی|یوزر\s?نیم|پیج|کانال|تل\s?گرام|اینس\s?تا(?:گرام)?|روبیکا|ایتا|سروش|واتس\s?اپ)(?:م|مون)?\s?:\s?[a-z][a-z0-9_.]{3,40}"
    # A name with a low line may stand some words away: no product is spelled so beside «آیدی».
    r"|(?<![ا-یa-z])(?:ا?ای\s?دی(?:م|ه|ش)?|ایدی(?:م|ه|ش)?|یوزر\s?نیم|پیج(?:م|مون)?|کانال(?:م|مون)?|تل\s?گرام(?:م)?|اینس\s?تا(?:گرام)?(?:م|مون)?|روبیکا|ایتا|دایرکت|شناسه)(?:[\s:،«»\-]{1,3}[ا-ی]{1,12}){0,5}[\s:،«»(\-]{1,3}@?[a-z][a-z0-9.]{1,20}_[a-z0-9_.]{2,30}(?![a-z])"
    r"|(?<![ا-یa-z])(?:ا?ای\s?دی(?:م)?|ایدی(?:م)?|یوزر\s?نیم(?:م)?|نام کاربری)(?:\s?(?:من|ما|تلگرام(?:م)?|اینستا(?:گرام)?(?:م)?|:|=|-|،)){0,4}\s{0,2}[a-z][a-z0-9_.]{3,40}"
)
_IS_HANDLE = re.compile(rf"(?<![ا-یa-z])(?:{_NETWORKS}|آیدی|ایدی|ای دی|پیج)(?:م|مون|مه)?[\s:=-]{{1,3}}$")
_SURE = re.compile(rf"\.(?:{_SURE_TLD}|me)(?:/|$)|/")
# Names of techniques that have the shape of a domain.
_TECHNIQUES = frozenset({"asp.net", "vb.net", "paint.net", "node.js", "socket.io", "ado.net", "dr.web"})
# Without these there is no mail, no tag of a game and no handle: what costs most is then not tried.
_MAY_MAIL = re.compile(r"[@#]|ات|at|[(\[]a[)\]]|ساین|میل|mail|یاهو|yahoo|hotmail|outlook|اوت")
_MAY_HANDLE = re.compile(
    "@|ایتا|بله|روبیکا|سروش|گرام|اینس|واتس|توییتر|لینکدین|دیسکورد|گپ|استیم|ایکس|فیسبوک|یوتیوب|پارات|اسکایپ|دیوار|پینترست|تیک|تل|دیس|دی|یوزر|کاربری|شناسه|اکانت"
    "|دایرکت|پی|پیج|کانال|میل|mail|telegram|insta|discord|steam|twitter|eitaa|rubika|bale|skype|psn|id|page|channel"
)
_SPACED = re.compile(r"(?<![a-z0-9])(?:[a-z0-9@][ \u200b]{1,2}(?:[.@/:][ \u200b]{0,2})?){3,60}[a-z0-9](?![a-z0-9])")
_MARKUP = re.compile(r"<\s?(?:a|img|script|iframe)\b[^<>]{0,300}(?:href|src)\s?=\s?[^<>]{3,300}>")


_ABOUT, _LONGEST = 80, 300  # letters read to either side of a hint, and of the rest of a word
_LETTERS_KEPT = 4096  # what they are read as is worked out once
_MOST = 16  # of one kind in one text; more say nothing new


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch [start, end) of the original text."""

    kind: str  # "link", "mail", "handle"
    start: int
    end: int


def find(text: str) -> Iterator[Found]:
    """Yield what leads out of the shop; stretches of one kind do not overlap."""
    done = 0
    for begin, end in _regions(text):
        for found in _found(text[begin:end]):
            yield Found(found.kind, found.start + begin, found.end + begin)
            done += 1
        if done >= _MOST:
            return


def _regions(text: str) -> list[tuple[int, int]]:
    """Return the stretches about what could belong to a link, whole words each: only they are read letter by letter."""
    regions: list[tuple[int, int]] = []
    for hint in POSSIBLE.finditer(text):
        begin, end = max(0, hint.start() - _ABOUT), min(len(text), hint.end() + _ABOUT)
        if regions and begin <= regions[-1][1]:
            regions[-1] = (regions[-1][0], end)
        else:
            regions.append((begin, end))
    whole: list[tuple[int, int]] = []
    for begin, end in regions:
        while begin and begin % _ABOUT and not text[begin - 1].isspace():
            begin -= 1
        most = min(len(text), end + _LONGEST)
        while end < most and not text[end].isspace():
            end += 1
        if whole and begin < whole[-1][1]:
            begin = whole.pop()[0]
        whole.append((begin, end))
    return whole


def _found(text: str) -> Iterator[Found]:
    plain, places = _plain(text)
    taken: list[tuple[int, int]] = []
    spaced = [piece.span() for piece in islice(_SPACED.finditer(plain), _MOST)]
    for start, end in spaced:
        joined = re.sub(r"[ \u200b]", "", plain[start:end])
        for kind, pattern in (("mail", _MAIL), ("link", _URL), ("handle", _HANDLE)):
            if pattern.search(joined):
                taken.append((start, end))
                yield Found(kind, places[start], places[end - 1] + 1)
                break
    for kind, pattern, may in (
        ("mail", _MAIL, bool(_MAY_MAIL.search(plain))),
        ("handle", _TAG, "#" in plain or "@" in plain),
        ("link", _URL, True),
        ("handle", _HANDLE, bool(_MAY_HANDLE.search(plain))),
    ):
        if not may:
            continue
        most = len(taken) + _MOST
        for found in pattern.finditer(plain):
            if len(taken) >= most:
                break
            start, end = found.span()
            while start < end and plain[start].isspace():
                start += 1
            while end > start and (plain[end - 1].isspace() or plain[end - 1] in ".,،؛)»\"'"):
                end -= 1
            if start >= end or any(start < b and a < end for a, b in taken) or plain[start:end] in _TECHNIQUES:
                continue
            if (
                kind == "link"
                and _IS_HANDLE.search(plain[max(0, start - 24) : start])
                and not _SURE.search(plain[start:end])
            ):
                kind_of = "handle"  # «اینستاگرامم sahar.art»
            else:
                kind_of = kind
            taken.append((start, end))
            yield Found(kind_of, places[start], places[end - 1] + 1)


def _plain(text: str) -> tuple[str, list[int] | range]:
    """Return `text` as it is read, letter by letter, and the place of each letter in `text`."""
    if text.isascii():
        return text.lower(), range(len(text))
    if "\u200c" not in text:
        plain = text.translate(_ONE_BY_ONE)
        if "\0" not in plain:
            return plain, range(len(text))
    shown: list[str] = []
    places: list[int] = []
    last = len(text) - 1
    for place, one in enumerate(text):
        if one == "\u200c" and (
            (shown and shown[-1].isascii() and shown[-1] != " ") or (place < last and text[place + 1].isascii())
        ):
            continue  # a half-space among Latin letters only hides
        for letter in _read(one):
            shown.append(letter)
            places.append(place)
    return "".join(shown), places


@lru_cache(_LETTERS_KEPT)
def _read(one: str) -> str:
    if one in " \n\t\u200c":
        return " " if one == "\u200c" else one
    if unicodedata.category(one) in ("Cf", "Mn", "Me", "Cc") or one == "\u0640":
        return ""
    digit = unicodedata.decimal(one, None)
    if digit is not None:
        return str(digit)
    read = letters.folded(one).translate(letters.LOOKALIKES)
    return {"。": ".", "．": ".", "｡": ".", "․": ".", "٫": ".", "ۀ": "ه", "\u06d5": "ه"}.get(read, read)


class _OneByOne(dict[int, str]):
    """What each letter is read as; «\\0» for one that is read as none or as several."""

    def __missing__(self, letter: int) -> str:
        read = _read(chr(letter))
        if len(self) >= _LETTERS_KEPT:
            self.clear()
        self[letter] = read if len(read) == 1 else "\0"
        return self[letter]


_ONE_BY_ONE = _OneByOne()
