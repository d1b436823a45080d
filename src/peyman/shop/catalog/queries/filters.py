"""Filters of a list by what its goods are: which it offers, and what they leave.

What a category asks of its goods and lets lists be narrowed by (`CategoryAttribute.is_filter`) is a filter wherever
enough goods are of such a category; colour, size and warranty are wherever enough goods differ in them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from peyman.kernel import text
from peyman.shop.catalog.models import AttributeValue
from peyman.shop.catalog.queries import marks
from peyman.shop.catalog.queries.specs import specs_by_category
from peyman.shop.catalog.queries.tree import Facet, Tree
from peyman.shop.catalog.rules import filters as rules
from peyman.shop.catalog.rules.filters import Want
from peyman.shop.catalog.rules.specs import Spec, inherited


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that a list offers. The `slug` of a value is what addresses carry; `more` are values not shown."""

    name: str
    values: list[Facet]
    more: int = 0

    @property
    def is_narrowed(self) -> bool:
        return any(value.chosen for value in self.values)


@dataclass(frozen=True, slots=True)
class Taken:
    """A value that was asked for and is a filter here: as it was typed, and as it is told."""

    typed: str
    name: str
    title: str


class _Known:
    """All specifications that may narrow a list, by category, and the values that goods have of them."""

    def __init__(self, specs: Mapping[int, list[Spec]], values: Mapping[str, tuple[str, str, str]]) -> None:
        self.specs = specs  # own ones of a category
        self.values = values  # sign → (key of its name, key, value)

    def of(self, tree: Tree, category: int) -> list[Spec]:
        levels = (self.specs.get(row.pk, []) for row in tree.way_to(category))
        return [spec for spec in inherited(levels) if spec.is_filter]


def _known(mark: marks.Mark) -> _Known:
    return marks.remembered(mark, "filters", _read)


def _read() -> _Known:
    specs = specs_by_category()
    names = {rules.key_of(spec.name) for own in specs.values() for spec in own if spec.is_filter}
    if not names:
        return _Known(specs, {})
    rows = AttributeValue.objects.filter(name_key__in=sorted(names)).values_list("sign", "name_key", "value")
    return _Known(specs, {sign: (name, rules.key_of(value), value) for sign, name, value in rows})


class Shelf:
    """The filters of one list: made of the categories of its goods, fed with what its variants are, then counted.

    No query where the shelf is as before, else two.
    """

    def __init__(self, mark: marks.Mark, tree: Tree, goods: Mapping[int, int], asked: Sequence[str]) -> None:
        """`goods`: product → category; `asked`: values as they stand in an address."""
        known = _known(mark)
        self._signs = known.values
        self._specs: dict[str, Spec] = {}
        covered = Counter[str]()
        for category, many in Counter(goods.values()).items():
            for spec in known.of(tree, category):
                name = rules.key_of(spec.name)
                self._specs.setdefault(name, spec)
                covered[name] += many
        self._usual = {name for name, many in covered.items() if many * rules.PART >= len(goods)}
        for name in rules.AXES:
            self._specs.setdefault(rules.key_of(name), Spec(name))
        self._goods = len(goods)
        wants, refused = rules.read_wants(asked)
        self.wants = [want for want in wants if want.name in self._specs]
        passed_over = {*refused, *(want.typed for want in wants if want.name not in self._specs)}
        self.refused = tuple(typed for typed in dict.fromkeys(asked) if typed[: rules.LONGEST_ASKED] in passed_over)
        self._names = {name: n for n, name in enumerate(self._specs)}
        self._codes: dict[tuple[int, str], int] = {}
        self._written: dict[int, str] = {}  # code → a value of it
        self._by_sign = _BySign(self)
        self._of_product: dict[str, list[int]] = {}  # signs → codes; all variants of a product have the same
        self._by_value: tuple[dict[str, int], ...] = ({}, {}, {})

    def codes(self, signs: str, axes: Sequence[str]) -> list[int]:
        """Return the codes of a variant: of its product's signs, of its colour, size and warranty."""
        own = self._of_product.get(signs)
        if own is None:
            by_sign = self._by_sign
            own = self._of_product[signs] = [code for sign in signs.split() if (code := by_sign[sign]) != _NONE]
        found = [*own]
        for held, name, value in zip(self._by_value, rules.AXES, axes, strict=True):
            if value:
                if value not in held:
                    held[value] = self._code(rules.key_of(name), rules.key_of(value), value)
                found.append(held[value])
        return found

    def of_sign(self, sign: str) -> int:
        told = self._signs.get(sign)
        return self._code(*told) if told and told[0] in self._names else _NONE

    def _code(self, name: str, key: str, value: str) -> int:
        place = (self._names[name], key)
        code = self._codes.setdefault(place, len(self._codes))
        spelled = text.normalise(value)
        self._written[code] = min(self._written.get(code, spelled), spelled)
        return code

    def chosen(self) -> tuple[list[set[int]], dict[int, int]]:
        """Return the codes wanted of each narrowed filter, and code → the place of its filter among those."""
        wanted: dict[int, set[int]] = {self._names[want.name]: set() for want in self.wants}
        places = {n: place for place, n in enumerate(wanted)}
        of_filter = {}
        for (n, key), code in self._codes.items():
            if n in wanted:
                of_filter[code] = places[n]
                if any(self._is_met(want, key, code) for want in self.wants if self._names[want.name] == n):
                    wanted[n].add(code)
        return list(wanted.values()), of_filter

    def _is_met(self, want: Want, key: str, code: int) -> bool:
        return want.is_met_by(key, rules.number_of(self._written[code]) if want.is_range else None)

    # ---- What is told of it ----

    def taken(self) -> list[Taken]:
        """Return what was asked for and narrows, as it is told."""
        written = {(n, key): self._written[code] for (n, key), code in self._codes.items()}
        return [
            Taken(
                want.typed,
                self._specs[want.name].name,
                self._title(want, written.get((self._names[want.name], want.key))),
            )
            for want in self.wants
        ]

    def _title(self, want: Want, written: str | None) -> str:
        return rules.range_words(want, self._unit(want.name)) if want.is_range else written or want.value

    def _unit(self, name: str) -> str:
        """What the numbers of a filter are written in, "" where they are of several kinds."""
        n = self._names[name]
        found = (rules.number_of(self._written[code]) for (of, _), code in self._codes.items() if of == n)
        units = {number[1] for number in found if number}
        return units.pop() if len(units) == 1 else ""

    def offered(self, counts: Mapping[int, int], everything: Mapping[int, int]) -> list[Filter]:
        """Return the filters to show. `counts`: code → goods that it leaves; `everything`: code → variants of the whole
        list, by which values are picked and ranges made, so that they stay the same while somebody chooses.
        """
        by_name: dict[int, dict[str, int]] = {}
        for (n, key), code in self._codes.items():
            by_name.setdefault(n, {})[key] = code
        wanted = {want.name for want in self.wants}
        found = []
        for name, spec in self._specs.items():
            codes = by_name.get(self._names[name], {})
            total = {key: everything.get(code, 0) for key, code in codes.items()}
            total = {key: many for key, many in total.items() if many}
            is_usual = name in self._usual or sum(total.values()) * rules.PART >= self._goods
            if name in wanted or (is_usual and len(total) > 1):
                found.append((name not in wanted, self._filter(name, spec, codes, total, counts)))
        most = [one for is_extra, one in found if not is_extra]
        rest = [one for is_extra, one in found if is_extra][: max(0, rules.MOST_FILTERS - len(most))]
        kept = {id(one) for one in (*most, *rest)}
        return [one for _, one in found if id(one) in kept]

    def _filter(
        self, name: str, spec: Spec, codes: Mapping[str, int], total: Mapping[str, int], counts: Mapping[int, int]
    ) -> Filter:
        wants = [want for want in self.wants if want.name == name]
        written = {key: self._written[codes[key]] for key in total}
        plain = {want.key for want in wants if not want.is_range}
        offers = _offers(spec, written, total, plain)
        values = [
            Facet(
                rules.address_of(spec.name, offer.value),
                offer.title,
                sum(counts.get(codes[key], 0) for key in offer.keys),
                self._is_chosen(offer, wants),
            )
            for offer in offers
        ]
        told = {rules.key_of(value.slug) for value in values}
        for want in wants:  # what nothing has, or a range of somebody's own, is shown where it can be taken away
            slug = rules.address_of(spec.name, written.get(want.key, want.value))
            if rules.key_of(slug) not in told:
                met = [code for key, code in codes.items() if self._is_met(want, key, code)]
                title = self._title(want, written.get(want.key))
                values.append(Facet(slug, title, sum(counts.get(code, 0) for code in met), True))
        shown = sum(len(offer.keys) for offer in offers)
        return Filter(spec.name, values, max(0, len(total) - shown))

    def _is_chosen(self, offer: rules.Offered, wants: Iterable[Want]) -> bool:
        return any(want.value == offer.value if want.is_range else offer.keys == (want.key,) for want in wants)


def _offers(
    spec: Spec, written: Mapping[str, str], total: Mapping[str, int], chosen: Iterable[str]
) -> list[rules.Offered]:
    """The values of a filter in their order: numbers by size, choices as staff arranged them, all else by how many.

    Of many numbers ranges are made; of other values the most frequent are shown, and those that are chosen.
    """
    if len(total) > rules.MOST_VALUES and spec.kind != "choice" and spec.name not in rules.AXES:
        ranges = rules.ranges(written, total)
        if ranges is not None:
            return ranges
    often = sorted(total, key=lambda key: (-total[key], text.alphabetical(written[key]), key))
    shown = set(often[: rules.MOST_VALUES]) | (set(chosen) & set(total))
    arranged = {rules.key_of(choice): n for n, choice in enumerate(spec.choices)}
    keys = [key for key in often if key in shown]
    if arranged:
        keys.sort(key=lambda key: arranged.get(key, len(arranged)))
    elif (by_size := rules.in_order({written[key] for key in keys})) is not None:
        places = {value: n for n, value in enumerate(by_size)}
        keys.sort(key=lambda key: places[written[key]])
    return [rules.Offered(written[key], written[key], (key,)) for key in keys]


_NONE = -1  # the code of what narrows nothing here


class _BySign(dict[str, int]):
    """Sign → code, found out once for each sign."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__()
        self._shelf = shelf

    def __missing__(self, sign: str) -> int:
        code = self[sign] = self._shelf.of_sign(sign)
        return code
