"""What may be meant while it is being typed: how the words could go on, kinds, brands, and goods themselves.

Everything comes from the goods that meet what is there so far, so nothing is proposed that leads nowhere.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from django.db.models import F, Min, Q

from peyman.kernel import text
from peyman.shop.catalog.models import Product
from peyman.shop.catalog.queries import marks, search
from peyman.shop.catalog.rules.search import asking

LONGEST: Final = 60  # characters; of more nothing is proposed, since who types so much knows what they want
FEWEST: Final = 2
WORDS, KINDS, BRANDS, GOODS = 4, 3, 2, 4
_LOOKED_AT, _SHOWN_OF = 250, 30  # goods
_MARKS: Final = "()[]،,.:"
_OF_ANY_TITLE: Final = "مدل کد سایز ظرفیت طرح مناسب برای با و به از مقدار حجم وزن بسته رنگ دار اثر نشر"
_SAYS_NOTHING: Final = frozenset(_OF_ANY_TITLE.split())


@dataclass(frozen=True, slots=True)
class Place:
    """A kind or a brand to look in."""

    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Good:
    """A product that may be meant, told by the cheapest of its variants that can be bought. Money in rials."""

    slug: str
    title: str
    drawing: str
    tint: str
    picture: str
    price: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    words: tuple[str, ...] = ()
    kinds: tuple[Place, ...] = ()
    brands: tuple[Place, ...] = ()
    goods: tuple[Good, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.kinds or self.brands or self.goods)

    def __len__(self) -> int:
        return len(self.words) + len(self.kinds) + len(self.brands) + len(self.goods)


class _Row(NamedTuple):
    pk: int
    slug: str
    title: str
    drawing: str
    tint: str
    picture: str
    head: str
    all_words: str
    kind: str
    kind_title: str
    kind_drawing: str
    brand: str
    brand_name: str
    brand_latin: str
    price: int | None


_COLUMNS: Final = (
    "pk", "slug", "title", "drawing", "tint", "picture", "search_head", "search_words", "category__slug",
    "category__title", "category__drawing", "brand__slug", "brand__name", "brand__name_latin",
)  # fmt: skip


_plain: Final = lru_cache(maxsize=16_384)(text.search_words)


def suggest(typed: str) -> Suggestions:
    """Return what may be meant. One query where it was asked of the same shelf before, else three; two more when the
    shelf has just changed."""
    words = text.search_words(typed[: LONGEST + 1])
    if len(typed) > LONGEST or len(words.replace(" ", "")) < FEWEST:
        return Suggestions()
    mark = marks.read()
    # The end of what is typed tells whether its last word is finished: «یخچال» and «یخچال ».
    said = words + " " * typed[-1:].isspace()
    return marks.remembered(mark, ("suggest", said), lambda: _composed(said, mark))


def _composed(said: str, mark: marks.Mark) -> Suggestions:
    known, same = search.known_at(mark)
    begun = _begun(said)
    groups = asking.understand(said.removesuffix(begun) if len(begun) == 1 else said, known, same)
    heads = search.meeting(groups, known, _LOOKED_AT) if groups else []
    keys = _likeliest(heads, groups, begun)
    if not keys:
        return Suggestions()
    can_be_bought = Q(variants__is_on_sale=True, variants__stock__on_hand__gt=F("variants__stock__allocated"))
    rows = [
        _Row(*row)
        for row in Product.objects.filter(pk__in=keys, is_on_sale=True)
        .annotate(cheapest=Min("variants__price", filter=can_be_bought))
        .values_list(*_COLUMNS, "cheapest")
    ]
    measure = asking.Measure(groups)
    far = {row.pk: measure.far(row.head, row.all_words, _plain(row.kind_title)) for row in rows}
    rows.sort(key=lambda row: (far[row.pk], -row.pk))
    near = [row for row in rows if far[row.pk] <= far[rows[0].pk] + asking.INSIDE]
    kinds = Counter((row.kind, row.kind_title) for row in near)
    brands = Counter((row.brand, row.brand_name) for row in rows if row.brand != "misc")
    meant = frozenset(word for group in groups for word in group.meant)
    spelled = {row.brand: text.search_words(f"{row.brand_name} {row.brand_latin}").split() for row in rows}
    named = [
        Place(*place)
        for place, _ in brands.most_common()
        if any(word in meant or (len(begun) > 1 and word.startswith(begun)) for word in spelled[place[0]])
    ]
    return Suggestions(
        tuple(_endings(said, begun, near)),
        tuple(Place(*place) for place, _ in kinds.most_common(KINDS)),
        tuple(named[:BRANDS]),
        tuple(_good(row) for row in rows if row.price)[:GOODS],
    )


def _begun(said: str) -> str:
    """The last word, which may go on; "" behind a space."""
    return "" if said.endswith(" ") else said.split()[-1]


def _likeliest(heads: Sequence[tuple[int, str]], groups: Sequence[asking.Group], begun: str) -> list[int]:
    """Goods whose own title meets what was typed before those that only have it somewhere."""

    def misses(head: str) -> int:
        there = set(head.split())
        unmet = sum(not any(there.issuperset(other.words) for other in group.others) for group in groups)
        return unmet + (begun != "" and not any(word.startswith(begun) for word in there))

    missed = sorted((misses(head), n, key) for n, (key, head) in enumerate(heads))
    return [key for many, _, key in missed if many == missed[0][0]][:_SHOWN_OF]


def _good(row: _Row) -> Good:
    return Good(row.slug, row.title, row.drawing or row.kind_drawing, row.tint, row.picture, row.price or 0)


def _endings(said: str, begun: str, rows: Sequence[_Row]) -> list[str]:
    """How what is typed could go on: its last word finished, or the word that most often follows it."""
    before = said.removesuffix(begun).split() if begun else said.split()
    last = begun or before[-1]
    ends, follows = Counter[str](), Counter[str]()
    for row in rows:
        written = [(word.strip(_MARKS), _plain(word)) for word in f"{row.title} {row.kind_title}".split()]
        written += [(word, word) for word in row.head.split() if word.isascii() and len(word) > 2]
        seen, previous = set(before), ""
        for word, each in written:
            follows_last, previous = previous == last, each
            if each in seen or not each.isalpha() or len(each) < 2 or each in _SAYS_NOTHING:
                continue
            seen.add(each)
            if begun and each != last and each.startswith(last):
                ends[word] += 1
            elif follows_last and each != last:
                follows[word] += 1
    start = " ".join(_as_written(word, rows) for word in before)
    whole = f"{start} {_as_written(begun, rows)}".strip() if begun else start
    found = [f"{start} {word}".strip() for word, _ in ends.most_common(WORDS)]
    return [*found, *(f"{whole} {word}" for word, many in follows.most_common(WORDS) if many > 1)][:WORDS]


def _as_written(plain: str, rows: Sequence[_Row]) -> str:
    """A word as titles write it: «آب» for «اب»."""
    found = (word.strip(_MARKS) for row in rows for word in row.title.split() if _plain(word) == plain)
    return next(found, plain)
