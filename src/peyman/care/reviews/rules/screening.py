"""Screening: a review, a question or an answer held against every written rule that software can judge.

`screen(submission)` returns the labels, the decision of the rules' own table, and findings: each with the stretch of
the original text, the sentence of the rule, why, and a mend where there is one. Plain Python, no model, no state but
what tokens mean.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from peyman.care.reviews.rules import letters, links, shape
from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.numbers import Numbers, masked
from peyman.care.reviews.rules.repeats import Repeats
from peyman.care.reviews.rules.served import Served
from peyman.care.reviews.rules.signals import Ear, read_table
from peyman.care.reviews.rules.table import KINDS, Decision, Rule, decide, table
from peyman.care.reviews.rules.words import Reader, Reading, Sentence
from peyman.kernel.clauses import carries_out

LONGEST_QUESTION = 300
MOST_FINDINGS = 8  # of one rule in one text; a tenth says nothing new
_TOLD_AT_LENGTH = 150
_TOPIC, _BEFORE = 2, 6  # words of a topic that only looks like a question, and of the sentence before it
_ASKED = re.compile(r"[^.؟?!\n،]{8,300}[؟?]")
_DECORATED = re.compile(r"(?<=[\u0621-\u06cc])[*•~|#$]+(?=[\u0621-\u06cc])")
_SEPARATORS = re.compile(r"[ \u200b\u200c*._\-]")


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody wrote. `pros` and `cons` are points; `earlier` the questions under the product already."""

    kind: str
    text: str
    title: str = ""
    pros: tuple[str, ...] = ()
    cons: tuple[str, ...] = ()
    product: str = ""
    earlier: tuple[str, ...] = ()


class Finding(NamedTuple):
    """One breach: `field`[start:end] of what was typed (of its point `item`, for pros and cons) is `text`."""

    rule: Rule
    field: str
    start: int
    end: int
    text: str
    why: str
    mend: str
    item: int | None = None


class Screening(NamedTuple):
    """What the rules say of one submission."""

    labels: list[str]
    decision: Decision
    findings: list[Finding]


class _Hit(NamedTuple):
    rule: str
    reading: Reading
    start: int
    end: int
    why: str
    mend: str = ""


class Screener:
    """All rules with their lists; made once a process (`screener()`), used for every text."""

    def __init__(self) -> None:
        lexicon = Lexicon()
        signals = read_table(lexicon)
        self._served = Served(lexicon)
        self._lexicon = lexicon
        bits = lexicon.bits
        self._bits = bits
        self._reader = Reader(lexicon)
        self._numbers = Numbers(lexicon)
        self._repeats = Repeats(lexicon)
        asked = [one for one in signals if one.rule[0] == "Q" or one.rule == "R08"]
        self._ears = {
            "review": Ear([one for one in signals if one.rule[0] == "R"], lexicon),
            "question": Ear(asked, lexicon),
            "answer": Ear([one for one in asked if not one.only_questions], lexicon),
        }
        self._spoken, self._maybe = bits["spoken"], bits["spoken_maybe"]
        self._stretched, self._arabic = bits["stretched"], bits["arabic_letter"]
        self._letters = bits["persian"] | bits["latin"] | bits["other"]
        self._own = bits["known"]
        self._leads = bits["latin"] | bits["other"] | bits["dot_word"] | bits["spoken_at"] | bits["mail_word"]
        self._not_words = bits["stop"] | bits["digit"]
        self._domains = {name: bits[name] for name in DOMAINS}
        self._all_called = bits["friends"] | bits["others"] | bits["your_view"]
        self._called = self._all_called | bits["someone"]
        self._asking = 0
        for name in ("copula", "is", "have", "become", "whether", "someone", "price", "i", "you", "he", "we", "they"):
            self._asking |= bits[name]
        self._asks = bits["whether"] | bits["someone"] | bits["or"]
        for name in bits:
            if name.startswith("ask_") and name.isidentifier():  # a list, no group of lists
                self._asks |= bits[name]
        self._asking |= self._asks
        self._finite = bits["i"] | bits["you"] | bits["he"] | bits["we"] | bits["they"] | bits["is"] | bits["copula"]
        self._asked = {name: bits[f"asks_{name}"] for name in _FITS}

    def screen(self, written: Submission) -> Screening:
        """Hold `written` against the rules of its kind. Raises ValueError for another kind."""
        if written.kind not in KINDS:
            raise ValueError(f"no such kind: {written.kind}")
        review = written.kind == "review"
        readings = self._readings(written)
        body = readings[0]
        hits: list[_Hit] = []
        foreign = self._foreign(readings)
        if foreign:
            hits.append(self._whole("R01a" if review else "Q01b", body, "متن به فارسی نیست"))
        for reading in readings:
            hits += self._of_letters(reading, review, foreign)
            hits += self._of_words(reading, written.kind)
            hits += self._of_contacts(reading, review)
            if reading.mask & self._numbers.trigger:
                hits += self._of_numbers(reading, review)
        if review:
            hits += self._of_title(readings)
        else:
            hits += self._of_question(written, body)
        return _told(hits)

    # ---- Reading ----

    def _readings(self, written: Submission) -> list[Reading]:
        readings = [self._read(written.text, "text", None)]
        if written.title:
            readings.append(self._read(written.title, "title", None))
        for name, points in (("pros", written.pros), ("cons", written.cons)):
            for item, point in enumerate(points):
                if point:
                    readings.append(self._read(point, name, item))
        return readings

    def _read(self, text: str, name: str, item: int | None) -> Reading:
        """Read a field; what is written letter by letter is read as a word, at its place."""
        reading = self._reader.read(text, name, item)
        spaced = list(shape.spaced(text)) if reading.lone else []
        shown = text
        for start, end, _ in spaced:
            shown = shown[:start] + _SEPARATORS.sub("\u200b", shown[start:end]) + shown[end:]
        if "*" in text or "•" in text or "~" in text or "|" in text or "#" in text or "$" in text:
            shown = _DECORATED.sub(lambda found: "\u200b" * len(found[0]), shown)
        if shown != text:
            reading = self._reader.read(shown, name, item)
            reading.typed, reading.spaced = text, spaced
        return reading

    # ---- Rules of writing ----

    @carries_out("D80", "D104")
    def _foreign(self, readings: list[Reading]) -> bool:
        """Say whether the text is no Persian; where it has no letters, its title speaks for it."""
        for reading in readings[:2]:
            spelled, own, written = self._letters, self._own, 0
            known = 0
            for mask in reading.masks:
                if mask & spelled:
                    written += 1
                    if mask & own:
                        known += 1
            if not written:
                continue
            if known * 10 >= written * 6:
                return False  # most of its words are ours
            words = [at for at, mask in enumerate(reading.masks) if mask & spelled]
            if not shape.not_persian(reading, self._lexicon, words):
                return False
            # What leads elsewhere is Latin by nature; it has a rule of its own.
            led = [(found.start, found.end) for found in links.find(reading.typed)]
            if led:
                spans = {at: reading.span(at, at + 1) for at in words}
                words = [at for at in words if not any(a <= spans[at][0] < b for a, b in led)]
            return not led or shape.not_persian(reading, self._lexicon, words)
        return False

    @carries_out("D80", "D81", "D82", "D83", "D84")
    def _of_letters(self, reading: Reading, review: bool, foreign: bool) -> Iterator[_Hit]:
        """Yield Arabic letters, too many blanks, stretched and repeated letters and words, and emoji."""
        mask, text = reading.mask, reading.typed
        if mask & self._arabic and not foreign:
            for start, end in self._spans(reading, self._arabic):
                repaired = text[start:end].replace("ي", "ی").replace("ك", "ک")
                yield _Hit("R01b", reading, start, end, "«ي» و «ك» عربی در متن فارسی است", f"بنویسید: «{repaired}»")
        if not review:
            return
        for start, end in shape.blanks(text):
            yield _Hit("R01c", reading, start, end, "سه فاصله یا بیشتر پشت هم است", "یک فاصله بس است.")
        for start, end, _ in reading.spaced:
            if " " not in text[start:end]:
                continue
            joined = _SEPARATORS.sub("", text[start:end])
            yield _Hit("R01c", reading, start, end, "حرف‌های یک واژه جدا از هم نوشته شده است", f"بنویسید: «{joined}»")
        if mask & self._stretched:
            for start, end in self._spans(reading, self._stretched):
                repaired = letters.unstretched(text[start:end].replace("\u0640", ""))
                yield _Hit("R01d", reading, start, end, "حرفی کشیده شده است", f"بنویسید: «{repaired}»")
        for first, last in shape.repeated(reading, self._not_words | self._bits["number_word"]):
            start, end = reading.span(first, last)
            once = text[slice(*reading.span(first, first + 1))]
            yield _Hit("R01e", reading, start, end, "یک واژه سه بار یا بیشتر پشت هم آمده است", f"بنویسید: «{once}»")
        for start, end in shape.emoji(text):
            yield _Hit("R01f", reading, start, end, "شکلک یا اموجی در متن است")

    @carries_out("D85")
    def _of_title(self, readings: list[Reading]) -> Iterator[_Hit]:
        """Yield a title that says nothing; one that was not given is nobody's business."""
        for reading in readings[1:2]:
            if reading.field == "title" and shape.says_nothing(reading, self._lexicon):
                yield self._whole("R02", reading, "عنوان چیزی از متن نمی‌گوید")

    def _spans(self, reading: Reading, bit: int) -> Iterator[tuple[int, int]]:
        for at, mask in enumerate(reading.masks):
            if mask & bit:
                yield reading.span(at, at + 1)

    # ---- Rules of meaning ----

    @carries_out(
        "D86",
        "D91",
        "D92",
        "D93",
        "D94",
        "D95",
        "D96",
        "D97",
        "D99",
        "D100",
        "D101",
        "D102",
        "D103",
        "D105",
        "D106",
        "D109",
    )
    def _of_words(self, reading: Reading, kind: str) -> Iterator[_Hit]:
        """Yield what the table of signals hears, and each spoken form."""
        told = list(self._ears[kind].hear(reading))
        if kind == "review" and not any(heard.rule == "R15a" for heard in told):
            told += [one for one in self._served.hear(reading) if self._ears[kind].stands(one, reading)]
        heard_rules = {heard.rule for heard in told}
        asked = not heard_rules.isdisjoint(("R07", "R10"))
        addressed = {heard.sentence for heard in told if heard.rule == "R10"}
        questions = {heard.sentence for heard in told if heard.rule == "R07"}
        for heard in told:
            views = heard.why == _WANTS_VIEWS or (heard.rule == "R09" and heard.why in _WAITS)
            if heard.sentence in addressed and (heard.rule == "R07" or views):
                continue  # it asks another writer: that is R10
            if heard.rule == "R07" and not reading.sentences[heard.sentence].mask & self._letters:
                continue  # «؟؟؟» asks nothing
            if heard.rule == "R07" and (
                self._is_answered(reading, heard.sentence) or self._is_of_a_title(reading, heard.sentence)
            ):
                continue
            mask = reading.sentences[heard.sentence].mask
            called, all_ = mask & self._called, mask & self._all_called
            if heard.rule == "R16" and heard.sentence in addressed:
                continue  # what others wrote is no hearsay
            if (
                heard.rule == "R09"
                and asked
                and heard.why in _WAITS
                and not (all_ or (called and heard.sentence not in questions))
            ):
                continue  # whoever asks waits for an answer; nothing more is said by it
            start, end = reading.span(heard.first, heard.last)
            if heard.rule == "R08" and self._is_quoted_title(reading, heard.sentence, start, end):
                continue
            yield _Hit(heard.rule, reading, start, end, heard.why)
        if reading.mask & (self._spoken | self._maybe):
            rule = "R18" if kind == "review" else "Q01c"
            spoken, either, told_of = self._spoken, self._spoken | self._maybe, 0
            for at, mask in enumerate(reading.masks):
                if mask & either and (mask & spoken or self._marks_an_object(reading, at)):
                    start, end = reading.span(at, at + 1)
                    yield _Hit(rule, reading, start, end, f"«{reading.typed[start:end]}» گفتاری است")
                    told_of += 1
                    if told_of == MOST_FINDINGS:
                        break

    def _is_quoted_title(self, reading: Reading, number: int, start: int, end: int) -> bool:
        """«ابله» of Dostoevsky: a word of a book's name between quotation marks insults nobody."""
        quoted = reading.typed[start - 1 : start] == "«" and reading.typed[end : end + 1] == "»"
        return quoted and bool(reading.sentences[number].mask & self._bits["book_word"])

    def _is_of_a_title(self, reading: Reading, number: int) -> bool:
        """«چرا می‌خوابیم؟» between quotation marks is the name of a book: nobody asks."""
        last = reading.sentences[number].last
        if not reading.masks[last - 1] & self._bits["question"]:
            return False
        _, end = reading.span(last - 1, last)
        return reading.typed[end : end + 1] in ("»", "”", '"')

    def _marks_an_object(self, reading: Reading, at: int) -> bool:
        """«گوشی رو خریدم», but not «رو به رو», «از این رو», «پیاده رو»."""
        keys, masks = reading.keys, reading.masks
        if keys[at] == "تو":
            # «تو خونه»: in writing it is «در»; «تو را» and «تو در تو» are no place.
            after = keys[at + 1] if at + 1 < len(keys) else ""
            return bool(after) and not masks[at + 1] & self._not_words and after not in ("را", "در", "رفتگی", "خالی")
        if keys[at] != "رو" or not at or masks[at - 1] & self._bits["stop"]:
            return False
        if keys[at - 1] in _NO_OBJECT or (at > 1 and keys[at - 2] == "از" and keys[at - 1] in ("این", "ان", "همین")):
            return False
        return not (at + 1 < len(keys) and keys[at + 1] in ("به", "در", "و"))

    def _is_answered(self, reading: Reading, number: int) -> bool:
        """Say whether a question that ends in its mark is answered by its own writer in the next breath."""
        mark = bool(reading.sentences[number].mask & self._bits["question"])
        if mark and reading.field == "title" and self._is_a_topic(reading, reading.sentences[number]):
            return True  # «ارزش خرید؟» over a review that tells it
        if mark and self._ends_in_a_topic(reading, reading.sentences[number]):
            return True
        if number + 1 >= len(reading.sentences):
            return False
        sentence, after = reading.sentences[number], reading.sentences[number + 1]
        if not sentence.mask & self._bits["question"] or after.mask & self._bits["question"]:
            return False
        key, mask = reading.keys[after.first], reading.masks[after.first]
        bits = self._bits
        if sentence.mask & bits["ask_why"] and mask & bits["because"]:
            return True
        if self._is_a_topic(reading, sentence):
            return True  # «باتری؟ خوب.»
        if sentence.mask & bits["no_question"]:
            return True  # «می‌پرسید گرم نگه می‌دارد؟ تا هشت ساعت»
        if key in _ANSWERS or (
            key == "به" and reading.keys[after.first + 1 : after.first + 2] in (["نظر"], ["نظرم"], ["نظرمن"])
        ):
            return True
        if not _YES_OR_NO.isdisjoint(reading.keys[after.first : after.last]):
            return True  # «آیا دو نفر به آن نیاز دارند؟ برای ما، بله.»
        return bool(sentence.mask & bits["ask_how"] and (mask & bits["quality"] or key == "با"))

    def _is_a_topic(self, reading: Reading, sentence: Sentence) -> bool:
        """Say whether what is asked is one thing or two, by name and no more."""
        return sentence.last - sentence.first <= _TOPIC + 1 and not sentence.mask & self._asking

    def _ends_in_a_topic(self, reading: Reading, sentence: Sentence) -> bool:
        """Say whether a run of sentences without stops ends so: «… چشم را خسته نمی‌کند باتری؟»."""
        masks, last = reading.masks, sentence.last - 1
        at = last - 1
        while at >= sentence.first and last - at <= _TOPIC and not masks[at] & self._finite:
            at -= 1
        begin = max(sentence.first, at - _BEFORE)
        if at == last - 1 or at - _BEFORE < sentence.first or not masks[at] & self._finite:
            return False
        return not any(masks[near] & self._asks for near in range(begin, last)) and not any(
            masks[near] & self._asking for near in range(at + 1, last)
        )

    # ---- Numbers, links and what else leads to a person ----

    @carries_out("D95", "D98", "D105", "D108")
    def _of_numbers(self, reading: Reading, review: bool) -> Iterator[_Hit]:
        """Yield amounts of money and numbers of people, in any digits and words."""
        for first, last in self._numbers.money(reading):
            start, end = reading.span(first, last)
            yield _Hit("R11a" if review else "Q02", reading, start, end, "مبلغی نوشته شده است")
        for first, last in self._numbers.phones(reading):
            start, end = reading.span(first, last)
            yield _Hit("R13b" if review else "Q05", reading, start, end, "شماره تماس، کارت یا کد ملی است")

    @carries_out("D97", "D98", "D106", "D108")
    def _of_contacts(self, reading: Reading, review: bool) -> Iterator[_Hit]:
        """Yield links, mails and handles, however they are disguised."""
        if not (reading.mask & self._leads or "@" in reading.typed or "کام" in reading.typed or "•" in reading.typed):
            return  # neither Latin letters nor a word for a dot
        if reading.mask & self._bits["digit"] and reading.mask & self._bits["latin"]:
            for start, end in masked(reading.typed):
                yield _Hit("R13b" if review else "Q05", reading, start, end, "شماره تماس است")
        for found in links.find(reading.typed):
            if found.kind == "link":
                yield _Hit("R13a" if review else "Q03b", reading, found.start, found.end, "نشانی سایت است")
            else:
                why = "نشانی ایمیل است" if found.kind == "mail" else "نام کاربری است"
                yield _Hit("R13b" if review else "Q05", reading, found.start, found.end, why)

    # ---- Rules of questions ----

    @carries_out("D104", "D107")
    def _of_question(self, written: Submission, body: Reading) -> Iterator[_Hit]:
        """Yield a text that is too long, one that was asked before, and one that does not fit its product."""
        if len(written.text) > LONGEST_QUESTION:
            yield self._whole("Q01a", body, "از سیصد نویسه بلندتر است")
        if written.kind == "question" and written.earlier:
            about = self._about(written.product)
            asked = [self._repeats.content(body, about)]
            if len(written.text) > _TOLD_AT_LENGTH:  # what it asks stands somewhere in its story
                asked += [
                    self._repeats.content(self._reader.read(one), about)
                    for one in _ASKED.findall(written.text)[-MOST_FINDINGS:]
                ]
            for earlier in written.earlier:
                other = self._repeats.content(self._reader.read(earlier), about)
                if any(self._repeats.same(mine, other) for mine in asked) or "" != _bare(earlier) == _bare(
                    written.text
                ):
                    yield self._whole("Q04a", body, f"همین پرسش پیش‌تر آمده است: «{earlier[:80]}»")
                    break
        if written.product and written.kind == "question" and self._is_of_another(written.product, body):
            yield self._whole("Q04b", body, "پرسش با این کالا نمی‌خواند")

    def _about(self, product: str) -> frozenset[str]:
        return self._repeats.about(self._reader.read(product)) if product else frozenset()

    def _is_of_another(self, product: str, body: Reading) -> bool:
        """Say whether what is asked for is a thing that no product of this kind has."""
        asked = [name for name, bit in self._asked.items() if body.mask & bit]
        if not asked or len(body.typed) > _TOLD_AT_LENGTH:
            return False  # who tells at length speaks of other things, too
        about = self._reader.read(product)
        kinds = {name for name, bit in self._domains.items() if about.mask & bit}
        return bool(kinds) and not any(_FITS[name] & kinds for name in asked)

    def _whole(self, rule: str, reading: Reading, why: str) -> _Hit:
        return _Hit(rule, reading, 0, len(reading.typed), why)


DOMAINS = ("electric", "wear", "food", "book", "beauty", "home", "app", "vehicle", "toy", "kitchen", "medicine", "pet")
# What only products of these kinds have: asked of others, the question stands in the wrong place.
_FITS = {
    "computing": {"electric", "app", "toy"},
    "wear": {"wear"},
    "food": {"food", "kitchen", "medicine", "pet"},
    "cooking": {"food", "kitchen"},
    "book": {"book", "app"},
    "skin": {"beauty", "medicine", "wear", "food", "electric"},
    "vehicle": {"vehicle"},
    "cooling": {"electric", "kitchen", "vehicle"},
    "dose": {"medicine", "food", "beauty", "pet"},
    "travel": set[str](),
    "spin": {"electric", "kitchen", "vehicle", "toy"},
    "play": {"toy", "app"},
    "battery": {"electric", "home", "kitchen", "beauty", "vehicle", "toy", "app", "medicine", "wear"},
    "size": {"wear", "electric", "home", "kitchen", "vehicle", "toy", "beauty", "pet"},
    "volume": {"home", "kitchen", "electric", "beauty", "food", "vehicle", "pet", "medicine"},
    "plug": {"electric", "kitchen", "home", "beauty", "toy", "vehicle"},
}
_WAITS = frozenset(
    (
        "پاسخ می‌خواهد",
        "منتظر پاسخ است",
        "دیگران را به گفت‌وگو می‌خواند",
        "نظر دیگران را می‌خواهد",
        "به دیگری پاسخ می‌دهد",
    )
)
_WANTS_VIEWS = "تجربه دیگران را می‌خواهد"
_ANSWERS = frozenset("بنظر بنظرم بله اره اری بلی خیر نه نخیر جواب قطعا صددرصد معلومه مسلما کاملا پاسخ".split())
_YES_OR_NO = frozenset("بله بلی اره اری خیر نخیر".split())  # wherever they stand; «نه» means too much else
_NO_OBJECT = frozenset(
    "دو زیر و خوش پیاده تند کند خود پیش ان پشت کم گشاده سیاه سفید یک رو به در از سبز تازه میانه ترش".split()
)


@cache
def _order() -> dict[str, int]:
    return {id_: place for place, id_ in enumerate(table())}


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", letters.folded(text))


def _told(hits: list[_Hit]) -> Screening:
    """Put hits in the order of the table, the first of each rule first; one stretch is told once a rule."""
    if not hits:
        return Screening([], "accept", [])
    rules, order = table(), _order()
    if len(hits) > 1:
        hits.sort(key=lambda hit: (order[hit.rule], hit.start))
    labels: list[str] = []
    findings: list[Finding] = []
    seen: set[tuple[int, int, int]] = set()
    told, last = 0, ""
    for id_, reading, start, end, why, mend in hits:
        if id_ != last:
            last, told = id_, 0
            labels.append(id_)
            seen.clear()
        mark = (id(reading), start, end)
        if mark in seen or told >= MOST_FINDINGS:
            continue
        seen.add(mark)
        told += 1
        rule, text = rules[id_], reading.typed[start:end]
        findings.append(Finding(rule, reading.field, start, end, text, why, mend or rule.mend, reading.item))
    return Screening(labels, decide(labels), findings)


@cache
def screener() -> Screener:
    """Return the screener of this process; its lists are read at the first call."""
    return Screener()


def screen(written: Submission) -> Screening:
    """Hold one submission against the rules. Raises ValueError for a kind that has none."""
    return screener().screen(written)
