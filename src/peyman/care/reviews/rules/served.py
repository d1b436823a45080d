"""How a shop served, told as a story that names neither the shop nor a fault by its usual word.

Of a few words that stand close together it is counted who or what served (a courier, a call, a box), what "they" did,
what went wrong, and how long it took. Each kind counts up to a bound, so that no heap of one of them is a story, and a
story without somebody who serves or without something that went wrong is none. What is said of a maker, of a trade of
one's own or of the parts of goods counts against it. All weights stand here.
"""

from collections.abc import Iterator

from peyman.care.reviews.rules.lexicon import Lexicon
from peyman.care.reviews.rules.signals import Heard
from peyman.care.reviews.rules.words import Reading

RULE, LEAST, NEAR = "R15a", 6, 14  # the rule, what a story must come to, and among how many words
WHY = "از خدمات فروشگاه گله می‌کند"
# What a word is, in this order; its weight; and what each further one adds up to how much in all.
_KINDS = (
    ("ill", 3, 1, 4, "service_neg|late|misshown|promised|parcel_ill|missing|served_ill|svc_ill!everyday_ill!bad!service_bad"),
    ("who", 3, 1, 4, "svc|courier|seller|site|order_mine|served_who"),
    ("who", 2, 1, 4, "packing|shipping|parcel|support|phone_call|pack_mat|served_by"),
    ("ill", 2, 1, 4, "neg&past!i!we!infinitive|neg&perfect!i!we|neg&now&they|broken!everyday_ill|damage!everyday_ill|wrong_kind!everyday_ill"),
    ("act", 2, 1, 3, "they&past!infinitive|they&perfect|they&now|you&past!thou!may|you_shop|served_act"),
    ("long", 1, 0, 1, "day_unit!clock|not_yet|waited|expected|in_hand|served_long"),
)  # fmt: skip
_SPARED = 2  # for praise, and for each part of the goods between
_NEVER = "maker|warranty|my_trade|story"
_WELL, _PART = "svc_well", "goods_part"


class Served:
    """Hears stories of service by a lexicon."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._kinds = [(kind, first, more, most, lexicon.group(words)) for kind, first, more, most, words in _KINDS]
        self._who = self._kinds[1][4] | self._kinds[2][4]
        self._ill = self._kinds[0][4] | self._kinds[3][4]
        self._never, self._spared = lexicon.group(_NEVER), (lexicon.group(_WELL), lexicon.group(_PART))
        self._shut, self._shuts = lexicon.bits["parcel"], lexicon.group("become|be|do|is|is_not")
        self._flaw, self._no = lexicon.group("good_flaw|flaw_word|flaw"), lexicon.group("neg|be_neg|have_not")
        self._harm, self._unbroken = lexicon.bits["harm"], lexicon.group("become&neg|be_neg")
        self._any = 0
        for *_, bit in self._kinds:
            self._any |= bit

    def hear(self, reading: Reading) -> Iterator[Heard]:
        """Yield each sentence that tells such a story, with the words from its first cue to its last."""
        if not (reading.mask & self._who and reading.mask & self._ill):
            return
        for number, sentence in enumerate(reading.sentences):
            mask = sentence.mask
            if not (mask & self._who and mask & self._ill) or mask & self._never:
                continue
            found = self._told(reading.masks, sentence.first, sentence.last)
            if found:
                yield Heard(RULE, *found, WHY, number)

    def _told(self, masks: list[int], first: int, last: int) -> tuple[int, int] | None:
        """Return the words [from, to) that come to a story, the first such."""
        shut, shuts = self._shut, self._shuts  # «بسته شد» is no parcel
        cues = [
            at
            for at in range(first, last)
            if masks[at] & self._any and not (masks[at] & shut and at + 1 < last and masks[at + 1] & shuts)
        ]
        if any(masks[at] & self._flaw for at in range(first, last)):  # «مشکلی نداشت»: nothing went wrong
            cues = [at for at in cues if not (masks[at] & self._no and self._is_denied(masks, first, at))]
        cues = [at for at in cues if not self._is_unharmed(masks, first, at, last)]
        for begin, start in enumerate(cues):
            sums = {"who": 0, "ill": 0, "act": 0, "long": 0}
            for at in cues[begin:]:
                if at - start >= NEAR:
                    break
                for kind, weight, more, most, bit in self._kinds:
                    if masks[at] & bit:
                        sums[kind] = min(most, sums[kind] + more) if sums[kind] >= weight else max(weight, sums[kind])
                        break
                if sums["who"] and sums["ill"] and sum(sums.values()) >= LEAST + self._against(masks[start : at + 1]):
                    return start, at + 1
        return None

    def _is_denied(self, masks: list[int], first: int, at: int) -> bool:
        return any(masks[near] & self._flaw for near in range(max(first, at - 3), at + 1))

    def _is_unharmed(self, masks: list[int], first: int, at: int, last: int) -> bool:
        """Say whether a word is of «له نشده»: no harm was done."""
        if masks[at] & self._unbroken:
            return at > first and bool(masks[at - 1] & self._harm)
        return bool(masks[at] & self._harm) and at + 1 < last and bool(masks[at + 1] & self._unbroken)

    def _against(self, masks: list[int]) -> int:
        well, part = self._spared
        return _SPARED * (any(mask & well for mask in masks) + sum(1 for mask in masks if mask & part))
