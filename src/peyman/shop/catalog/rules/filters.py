"""Narrowing lists by what goods are: values of their specifications, and what makes their variants.

Several values of one filter are alternatives, several filters are all wanted. A product is in a list when one of its
variants meets everything at once, and is told by that variant.
"""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from peyman.kernel import text
from peyman.shop.catalog.rules.specs import LONGEST_NAME, read_number

MOST_ASKED: Final = 24  # values that one list takes; more are left out
MOST_FILTERS: Final = 8  # that a list offers
MOST_VALUES: Final = 12  # of one filter; numbers beyond are put together in ranges
MOST_RANGES: Final = 6
LONGEST: Final = 100  # characters of a value; what is longer describes and narrows nothing
LONGEST_ASKED: Final = 200
PART: Final = 3  # a filter is offered where one in so many goods of a list is of a kind that has it

COLOR, SIZE, WARRANTY = "رنگ", "اندازه", "گارانتی"
AXES: Final = (COLOR, SIZE, WARRANTY)  # what makes a variant

_RANGE: Final = re.compile(r"(?P<low>[^.]*(?:\.[0-9]+)?)\.\.(?P<high>.*)")
_LED: Final = re.compile(r"(?P<number>[-−]?[0-9][0-9,٬]*(?:[.٫/][0-9]+)?)(?P<unit>[^0-9]*)")
_GROUPS: Final = re.compile("(?<=[0-9])[,٬](?=[0-9]{3}(?![0-9]))")
_FINER: Final = {  # units of one kind, by how many of the finest they are
    "گیگابایت": 1_000, "ترابایت": 1_000_000, "مگابایت": 1, "گرم": 1, "کیلوگرم": 1_000, "میلیلیتر": 1, "لیتر": 1_000,
    "میلیمتر": 1, "سانتیمتر": 10, "متر": 1_000, "وات": 1, "کیلووات": 1_000,
}  # fmt: skip


# ---- Values ----


def key_of(value: str) -> str:
    """Return what all spellings of a value share: «۸ گيگابایت» → "8گیگابایت", "11.0 اینچ" → "11اینچ"."""
    plain = text.normalise(value, digits=True).casefold().replace("٫", ".")
    plain = _GROUPS.sub("", plain).replace(text.ZWNJ, "").replace(" ", "")
    match = _LED.fullmatch(plain)
    number = read_number(match["number"]) if match else None
    return f"{number}{match['unit']}" if match and number else plain


def number_of(value: str) -> tuple[float, str] | None:
    """Return (number, unit as it is written) of a value that is one: «۶٫۷ اینچ» → (6.7, "اینچ"); else None."""
    match = _LED.fullmatch(text.latin_digits(value.strip()))
    number = read_number(match["number"].rstrip()) if match else None
    return (float(number), match["unit"].strip()) if match and number is not None else None


def in_order(values: Collection[str]) -> list[str] | None:
    """Return values that are all numbers from the least to the greatest, whatever their units; else None."""
    read = {value: number_of(value) for value in values}
    found = {value: number for value, number in read.items() if number is not None}
    if len(found) < len(read):
        return None
    return sorted(found, key=lambda value: (found[value][0] * _FINER.get(key_of(found[value][1]), 1), value))


def token(name: str, value: str) -> str:
    """Return the sign that stands for a value of a specification in a product's row: twelve letters and digits."""
    digest = hashlib.blake2b(f"{name}\0{value}".encode(), digest_size=9).digest()
    return base64.urlsafe_b64encode(digest).decode()


def tokens(attributes: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Return sign → (name, value) of all that a product can be found by, in the order of its specifications."""
    return {
        token(name, value): (name, value)
        for name, value in attributes.items()
        if isinstance(value, str) and value and len(value) <= LONGEST and len(name) <= LONGEST_NAME
    }


# ---- What was asked ----


class Want(NamedTuple):
    """One value that was asked for: as it came, the key of its filter, and what values meet it."""

    typed: str
    name: str  # key
    value: str  # as it came
    key: str
    low: float | None = None
    high: float | None = None
    is_range: bool = False

    def is_met_by(self, key: str, number: tuple[float, str] | None) -> bool:
        """Say whether a value is wanted, by its key and its number. Both bounds of a range are in it."""
        if not self.is_range:
            return key == self.key
        if number is None:
            return False
        return (self.low is None or number[0] >= self.low) and (self.high is None or number[0] <= self.high)


def read_wants(asked: Sequence[str]) -> tuple[list[Want], list[str]]:
    """Read "name:value" and "name:low..high", and say which make no sense or are too many, in the order they came."""
    wants: dict[tuple[str, str], Want] = {}
    refused: list[str] = []
    for typed in asked:
        want = _want(typed) if len(typed) <= LONGEST_ASKED else None
        if want is None or (len(wants) >= MOST_ASKED and (want.name, want.key) not in wants):
            refused.append(typed[:LONGEST_ASKED])
        else:
            wants.setdefault((want.name, want.key), want)
    return list(wants.values()), refused


def _want(typed: str) -> Want | None:
    name, _, value = text.normalise(typed).partition(":")
    name, key = key_of(name), key_of(value)
    if not name or not key or text.has_controls(typed):
        return None
    match = _RANGE.fullmatch(value.strip())
    if match is None:
        return Want(typed, name, value.strip(), key)
    ends = [read_number(match[end].strip()) for end in ("low", "high")]
    if (match["low"].strip() and ends[0] is None) or (match["high"].strip() and ends[1] is None) or ends == [None] * 2:
        return None
    low, high = (float(end) if end is not None else None for end in ends)
    shown = "..".join(end or "" for end in ends)
    return Want(typed, name, shown, shown, low, high, is_range=True)


def address_of(name: str, value: str) -> str:
    """Return a value of a filter as addresses carry it; a colon ends the name."""
    return f"{name.replace(':', ' ')}:{value}"


# ---- Narrowing ----


Line = tuple[int, int, Collection[int]]  # a variant: its product, its brand, the codes of its values


class Narrowed(NamedTuple):
    """`fits`: places of the lines that meet everything. Counted are products: `by_code` as if nothing was chosen of
    that code's own filter, `by_brand` as if no brand was.
    """

    fits: list[int]
    by_code: Counter[int]
    by_brand: Counter[int]


def narrow(
    lines: Sequence[Line],
    *,
    chosen: Sequence[Collection[int]] = (),
    of_filter: Mapping[int, int],
    brands: Collection[int] | None = None,
) -> Narrowed:
    """Return which lines fit. `chosen` are the codes wanted of each filter that is narrowed, one of each must be met;
    `of_filter` says at which place of `chosen` the filter of a code is; `brands` are those wanted, None: any.

    A line that misses one filter alone counts for the values of that filter; one that misses two, for nothing.
    """
    wanted = [frozenset(codes) for codes in chosen]
    fits: list[int] = []
    whole: dict[int, set[int]] = {}
    alone: list[dict[int, set[int]]] = [{} for _ in wanted]
    branded: dict[int, int] = {}
    for place, (product, brand, codes) in enumerate(lines):
        missed = [n for n, any_of in enumerate(wanted) if any_of.isdisjoint(codes)] if wanted else ()
        if not missed:
            branded[product] = brand
        if brands is not None and brand not in brands:
            continue
        if not missed:
            fits.append(place)
            if product in whole:
                whole[product].update(codes)
            elif codes:
                whole[product] = set(codes)
        elif len(missed) == 1:
            alone[missed[0]].setdefault(product, set()).update(codes)
    by_code = Counter(chain.from_iterable(whole.values()))
    for n, others in enumerate(alone):
        for product, codes in others.items():
            seen = whole.get(product, ())
            by_code.update(code for code in codes if of_filter.get(code) == n and code not in seen)
    return Narrowed(fits, by_code, Counter(branded.values()))


# ---- What is offered ----


class Offered(NamedTuple):
    """One value, or one range, that a filter offers. `keys` are the values in it."""

    value: str  # as addresses carry it
    title: str
    keys: tuple[str, ...]


def ranges(spelled: Mapping[str, str], counts: Mapping[str, int]) -> list[Offered] | None:
    """Put many numbers of one unit together in ranges of about as many goods each; None for what are no such numbers.

    `spelled`: key → a value as it is written; `counts`: key → goods. The ends of a range are values that there are.
    """
    numbers = {key: number_of(value) for key, value in spelled.items()}
    read = {key: number for key, number in numbers.items() if number is not None}
    units = {key_of(unit): unit for _, unit in read.values()}
    if len(read) < len(numbers) or len(units) != 1:
        return None
    rest, left = sum(counts[key] for key in read), MOST_RANGES
    found: list[Offered] = []
    held: list[str] = []
    for key in sorted(read, key=lambda key: read[key][0]):
        held.append(key)
        many = sum(counts[each] for each in held)
        if left > 1 and many * left >= rest:
            found.append(_range(held, spelled, next(iter(units.values()))))
            held, rest, left = [], rest - many, left - 1
    if held:
        found.append(_range(held, spelled, next(iter(units.values()))))
    return found


def _range(keys: Sequence[str], spelled: Mapping[str, str], unit: str) -> Offered:
    if len(keys) == 1:
        return Offered(spelled[keys[0]], spelled[keys[0]], tuple(keys))
    low, high = (_plain(spelled[key]) for key in (keys[0], keys[-1]))
    return Offered(f"{low}..{high}", f"{low} تا {high} {unit}".rstrip(), tuple(keys))


def _plain(value: str) -> str:
    match = _LED.fullmatch(text.latin_digits(value.strip()))
    return (match and read_number(match["number"])) or value


def range_words(want: Want, unit: str = "") -> str:
    """Say a range that somebody made: «از 8 تا 12 گیگابایت»."""
    low, _, high = want.value.partition("..")
    return " ".join(part for part in (low and f"از {low}", high and f"تا {high}", unit) if part)
