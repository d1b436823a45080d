"""The weighted signals of `signals.txt`: what speaks for a rule in a sentence, and how loud."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

from peyman.care.reviews.rules import patterns
from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.patterns import Pattern
from peyman.care.reviews.rules.words import Reading, Sentence

THRESHOLD = 3
_LONG, _NEAR = 24, 10  # words of a sentence that nobody ended in time, and how far in it one thing is said of another,
_NEARBY = frozenset({"R15a", "R15b"})  # for these rules: goods and service are told in one breath
_TOLD = 9  # what a story heard otherwise weighs: only what rules it out silences it
_COMMON = (  # by their letters as they are compared
    "و از به در که این را با رو تا هم من خیلی است بود شد برای یک یه ولی اما هر بعد روی خوب خوبه عالی داره دارد نداره کار کیفیت قیمت خرید خریدم"
    " استفاده گوشی راضی واقعا باید اگر اگه چون همه هست شده کرد کنه میشه میشود کردم کنید دو ماه روز سال نظر مشکل صدا رنگ ان اون ازش خودم فقط نیست زود"
    " بدون مناسب جنس عکس یکی داخل چند بار ارزش نسبت زیاد کم پایین بالا محصول کالا دارم گرفتم باشه نمیکنه میکنه حتما دست توی تو"
).split()


@dataclass(frozen=True, slots=True)
class Signal:
    """One line of the table."""

    rule: str
    weight: int
    pattern: Pattern
    why: str
    written: str
    only_questions: bool = False  # an answer that bids its reader to do something asks nothing of the site


class Heard(NamedTuple):
    """A rule broken in a sentence: the words [first, last), the sentence, and why."""

    rule: str
    first: int
    last: int
    why: str
    sentence: int


def read_table(lexicon: Lexicon) -> list[Signal]:
    """Read the table. Raises ValueError or KeyError where a line makes no sense."""
    signals = []
    text = resources.files(__package__).joinpath("signals.txt").read_text("utf-8")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        rules, weight, rest = (part.strip() for part in line.split(" | ", 2))
        written, _, why = rest.rpartition(" | ")
        if not written:
            raise ValueError(f"no pattern or no reason: {line}")
        for told in (written, _turned(written)) if "~" in written else (written,):
            pattern = patterns.parse(told, lexicon)
            signals += [
                Signal(rule.rstrip("*"), int(weight), pattern, why, told, rule.endswith("*")) for rule in rules.split()
            ]
    return signals


def _turned(written: str) -> str:
    """Return a pattern of two halves about a "~" the other way round; what no word may be stays in front."""
    pieces = written.split()
    fixed = [piece for piece in pieces if piece.startswith(("!!", "++", "-"))]
    rest = [piece for piece in pieces if piece not in fixed]
    middle = next(at for at, piece in enumerate(rest) if piece.startswith("~"))
    return " ".join(fixed + rest[middle + 1 :] + rest[middle : middle + 1] + rest[:middle])


class Ear:
    """Hears the signals of some rules; what is not in a text is not tried."""

    def __init__(self, signals: list[Signal], lexicon: Lexicon) -> None:
        self._stop, self._joined = lexicon.bits["stop"], lexicon.bits["joined"]
        often = dict(lexicon.often)
        for name in ("question", "digit", "persian", "latin"):
            often[lexicon.bits[name]] = 10**6
        # A list of few words may hold the commonest: what they stand for is no rare thing to look for.
        for key in _COMMON:
            mask = lexicon.with_groups(lexicon.words.get(key, 0))
            while mask:
                bit = mask & -mask
                often[bit] = often.get(bit, 0) + 10**4
                mask ^= bit
        groups: dict[int, list[Signal]] = {}
        self._against: dict[str, list[Signal]] = {}
        for signal in signals:
            if signal.weight < 0:
                self._against.setdefault(signal.rule, []).append(signal)
                continue
            if signal.weight == 0:
                continue
            bits, mask = [], signal.pattern.needs
            while mask:
                bits.append(mask & -mask)
                mask &= mask - 1
            groups.setdefault(min(bits, key=lambda bit: often.get(bit, 0)), []).append(signal)
        self._groups = {
            bit: [(one.pattern.needs, one.pattern.without, one) for one in group] for bit, group in groups.items()
        }
        self._anchors = 0
        for bit in groups:
            self._anchors |= bit

    def hear(self, reading: Reading) -> Iterator[Heard]:
        """Yield each sentence in which the weights of a rule come to the threshold, with what spoke for it."""
        if not reading.mask & self._anchors:
            return
        groups, masks, stop, joined = self._groups, reading.masks, self._stop, self._joined
        for number, sentence in enumerate(reading.sentences):
            mask, long_ = sentence.mask, sentence.last - sentence.first > _LONG
            anchors = mask & self._anchors
            found: dict[str, list[tuple[int, int, int, str]]] = {}
            while anchors:
                bit = anchors & -anchors
                anchors ^= bit
                for needs, without, signal in groups[bit]:
                    if mask & needs == needs and (not mask & without or (long_ and signal.rule in _NEARBY)):
                        place = patterns.match(signal.pattern, masks, sentence.first, sentence.last, stop, joined)
                        if place and not (mask & without and self._is_near(masks, without, place, sentence)):
                            found.setdefault(signal.rule, []).append((signal.weight, *place, signal.why))
            for rule, heard in found.items():
                total = self._weighed(rule, heard, reading, sentence)
                if total >= THRESHOLD:
                    loudest = max(heard, key=lambda one: one[0])
                    if loudest[0] < THRESHOLD:
                        loudest = (total, min(one[1] for one in heard), max(one[2] for one in heard), loudest[3])
                    if loudest[2] - loudest[1] == 1 and reading.masks[loudest[1]] & self._stop:
                        loudest = (loudest[0], sentence.first, *loudest[2:])  # a question is more than its mark
                    yield Heard(rule, loudest[1], loudest[2], loudest[3], number)

    def stands(self, one: Heard, reading: Reading) -> bool:
        """Say whether what was heard otherwise stands against what speaks against its rule."""
        heard = [(_TOLD, one.first, one.last, one.why)]
        return self._weighed(one.rule, heard, reading, reading.sentences[one.sentence], -_TOLD) >= THRESHOLD

    def _weighed(
        self, rule: str, heard: list[tuple[int, int, int, str]], reading: Reading, sentence: Sentence, most: int = -99
    ) -> int:
        """Return what speaks for a rule less what speaks against it by `most`; in a long sentence, near it."""
        total = sum(one[0] for one in heard)
        for signal in self._against.get(rule, ()):
            needs, without = signal.pattern.needs, signal.pattern.without
            if sentence.mask & needs != needs or sentence.mask & without or signal.weight < most:
                continue
            place = patterns.match(
                signal.pattern, reading.masks, sentence.first, sentence.last, self._stop, self._joined
            )
            if place and (
                sentence.last - sentence.first <= _LONG
                or rule not in _NEARBY
                or any(one[1] - _NEAR < place[1] and place[0] < one[2] + _NEAR for one in heard)
            ):
                total += signal.weight
        return total

    def _is_near(self, masks: list[int], without: int, place: tuple[int, int], sentence: Sentence) -> bool:
        """Say whether what a signal must not have stands in its sentence, or near it where that is long."""
        first, last = max(sentence.first, place[0] - _NEAR), min(sentence.last, place[1] + _NEAR)
        return any(masks[at] & without for at in range(first, last))
