"""How Persian words bend: the forms of a verb, a noun and an adjective, each with what the form says.

A form is written without half-spaces, as tokens are compared. What it says of itself are bits, one a name of SIGNS;
`spoken` marks the forms that only speech has.
"""

from collections.abc import Iterator

Form = tuple[str, int]

SIGNS = (
    "spoken", "copula", "neg", "past", "now", "may", "order", "perfect", "infinitive", "i", "you", "thou", "he", "we", "they",
)  # fmt: skip


def says(*names: str) -> int:
    """Return the bits of these signs."""
    return sum(1 << SIGNS.index(name) for name in names)


PLAIN = 0
SPOKEN = says("spoken")
COPULA = says("copula")
_COPULAS = frozenset("ست ترند ند اند ه تره ترینه ن ترن س یه".split())

# ---- Nouns ----

_NOUN_WRITTEN = (
    "", "ی", "ها", "های", "هایی", "هایش", "هایشان", "هایم", "هایت", "هایتان", "هایمان", "هاست", "اش", "ام", "ات",
    "اشان", "ای", "یش", "یم", "یت", "یشان", "یتان", "یمان", "ست", "ش", "م", "ت", "شان", "تان", "مان", "ند", "اند",
    "هایند", "یی",
)  # fmt: skip
_NOUN_SPOKEN = (
    "ه", "شون", "مون", "تون", "شو", "مو", "تو", "رو", "و", "شم", "هاش", "هام", "هات", "هاشون", "هامون", "هاتون", "هارو",
    "هاشو", "هامو", "هاتو", "هاتونو", "هاشونو", "هامونو", "هاس", "هان", "اشون", "اتون", "امون", "شونو", "تونو", "مونو",
    "شه", "مه", "ته", "یه", "ن", "م",
)  # fmt: skip
_PLURAL_SPOKEN = ("ا", "ای", "اشون", "اتون", "امون", "اشو", "اتو", "ارو", "اس")  # گوشیا, رنگای
# Short stems with these endings are other words: فرشته, درو, پاشو.
_LEAST = {"و": 4, "شم": 3, "ته": 4, "مه": 4, "شه": 4, "ه": 2, "ن": 99, "م": 99}
_VOWELS = "اوی"
_POSSESSIVE = ("ش", "م", "ت", "شان", "تان", "مان")


def noun(stem: str, *, plural_a: bool = False) -> Iterator[Form]:
    """Yield the forms of a noun; after a vowel a bare possessive is speech (صداش), else writing (رنگش)."""
    vowel = stem[-1] in _VOWELS
    for ending in _NOUN_WRITTEN:
        if ending == "ای" and not vowel and stem[-1] != "ه":
            continue  # «رنگای»: a plural of speech
        spoken = (vowel and ending in (_POSSESSIVE if stem[-1] != "ی" else _POSSESSIVE[:3])) or (
            stem[-1] == "ه" and stem[-2:-1] not in tuple("اوی") and ending in ("ش", "م", "ت")
        )  # «خانش» for «خانه‌اش», but «راهش»
        yield stem + ending, SPOKEN if spoken else PLAIN
    for ending in _NOUN_SPOKEN:
        if len(stem) < _LEAST.get(ending, 3):
            continue
        yield stem + ending, SPOKEN
    if stem[-1] == "ه":
        for ending in ("ش", "شون", "شو", "ست", "س"):
            yield stem[:-1] + ending, SPOKEN
    if len(stem) > 2 and stem[-1] not in "اوه":
        for ending in _PLURAL_SPOKEN:
            yield stem + ending, SPOKEN
    if plural_a:
        base = stem[:-1] + "ه" if stem[-1] == "ه" else stem
        for ending in ("ا", "اش", "اشون", "امون", "اتون", "اشو", "ارو", "ام", "ات", "ای", "اس", "ان", "ن", "ین"):
            yield base + ending, SPOKEN
        for ending in ("اند", "اید", "ند", "ید"):
            yield base + ending, PLAIN


# ---- Adjectives ----

_ADJECTIVE_WRITTEN = (
    "",
    "ی",
    "ست",
    "تر",
    "ترین",
    "تری",
    "ترند",
    "ند",
    "ها",
    "های",
    "ترش",
    "ترینش",
    "ترینها",
    "اند",
    "ش",
    "م",
    "یم",
    "ام",
    "ایم",
    "اید",
)
_ADJECTIVE_SPOKEN = ("ه", "تره", "ترینه", "ن", "ترن", "یه", "ترو", "ترینو")


def adjective(stem: str) -> Iterator[Form]:
    """Yield the forms of an adjective: خوب, خوب‌تر, خوبی; spoken خوبه, خوبن."""
    for ending in _ADJECTIVE_WRITTEN:
        yield stem + ending, COPULA if ending in _COPULAS else PLAIN
    for ending in _ADJECTIVE_SPOKEN:
        if ending == "ن" and (stem[-1] in "او" or len(stem) < 3):
            continue
        yield stem + ending, SPOKEN | COPULA if ending in _COPULAS else SPOKEN
    if stem[-1] == "ه":
        yield stem + "ای", PLAIN
        for ending in ("ست", "س"):
            yield stem[:-1] + ending, SPOKEN | COPULA


# ---- Verbs ----

_I, _WE, _ALL, _THEY, _HE = (says(name) for name in ("i", "we", "you", "they", "he"))
_YOU = says("you", "thou")  # one person, whom one knows
_NEG, _DONE, _NOW, _MAY = says("neg"), says("past"), says("now"), says("may")
_PERFECTLY, _INFINITIVE, _BID = says("past", "perfect"), says("infinitive"), says("order")
_BARE = says("order", "you", "thou")
_PAST = (
    ("م", _I),
    ("ی", _YOU),
    ("", _HE),
    ("یم", _WE),
    ("ید", _ALL),
    ("ند", _THEY),
    ("ین", _ALL | SPOKEN),
    ("ن", _THEY | SPOKEN),
)
_PERFECT = (
    ("", _HE), ("ام", _I), ("م", _I), ("ای", _YOU), ("است", _HE), ("ست", _HE), ("ایم", _WE), ("یم", _WE), ("اید", _ALL), ("اند", _THEY),
    ("ین", _ALL | SPOKEN), ("ن", _THEY | SPOKEN),
)  # fmt: skip
_PRESENT = (
    ("م", _I), ("ی", _YOU), ("د", _HE), ("یم", _WE), ("ید", _ALL), ("ند", _THEY),
    ("ه", _HE | SPOKEN), ("ین", _ALL | SPOKEN), ("ن", _THEY | SPOKEN),
)  # fmt: skip
_OBJECT = (
    ("", PLAIN),
    ("ش", PLAIN),
    ("شان", PLAIN),
    ("شون", SPOKEN),
    ("تون", SPOKEN),
    ("تان", PLAIN),
    ("مون", SPOKEN),
    ("اش", PLAIN),
)

_LIGHT = frozenset({"کن", "شو", "باش", "دار", "ده", "گیر"})  # they stand bare after a noun: «استفاده کنم»


def verb(past: str, present: str, spoken: bool = False) -> Iterator[Form]:
    """Yield the forms of the verb with these stems ("خرید", "خر"); `spoken` where the stems themselves are speech.

    Behind a prefix a first «ا» is mostly lost: نیفتاد, بیندازد, نیومد; where it stands for «آ» it is not: نیامد.
    """
    for form, told in _verb(past, present, spoken):
        yield form, told
        if form[1:3] == "یا" and len(form) > 5 and ((past + present).startswith("ا") or present.startswith("ا")):
            yield form[:2] + form[3:], told


def _verb(past: str, present: str, spoken: bool) -> Iterator[Form]:
    """Yield the forms as they are put together of their parts.

    A form says its person (i, you, he, we, they; `thou` where "you" is one), `neg`, `past`, `now`, `may` (subjunctive) and `order`.
    """
    mark = SPOKEN if spoken else PLAIN
    for negative, sign in (("", mark), ("ن", mark | _NEG)):
        if past:
            joined = _join(negative, past)
            lasting = f"{negative}می{past}"
            for ending, who in _PAST:
                for clitic, tone in _OBJECT:
                    told = who | sign | tone | _DONE
                    yield joined + ending + clitic, told
                    yield lasting + ending + clitic, told
            for ending, who in _PERFECT:
                yield joined + "ه" + ending, who | sign | _PERFECTLY
            for ending in ("ن", "نش", "نی"):
                yield joined + ending, sign | _INFINITIVE
        if not present:
            continue
        may = _join(negative or "ب", present)
        for ending, who in _PRESENT:
            if present[-1] == "ا" and not spoken:
                ending = "ی" + ending  # می‌آیم, می‌آید
            for clitic, tone in _OBJECT:
                if ending.endswith("ه") and clitic:
                    continue
                told = who | sign | tone
                yield f"{negative}می{present}{ending}{clitic}", told | _NOW
                if len(present) == 1 and (clitic or (ending.endswith(("د", "ی")) and ending != "ید")):
                    continue  # «برد», «بری» are other words
                yield may + ending + clitic, told | _MAY | (_BID if who & _ALL else PLAIN)
        if len(present) > 1:
            yield may, sign | _BARE
            yield may + "ش", sign | _BARE
            if not negative and present in _LIGHT:
                for ending, who in _PRESENT:
                    yield present + ending, who | mark | _MAY | (_BID if who & _ALL else PLAIN)


def _join(prefix: str, stem: str) -> str:
    """Join a prefix to a stem: ب + ا… is بی… (بیاید), ن + ا… is نی… (نیامد)."""
    if prefix and stem.startswith("ا") and not stem.startswith("ای"):
        return prefix + "ی" + stem
    return prefix + stem
