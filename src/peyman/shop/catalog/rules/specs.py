"""What a category says its goods have specifications of, and whether what was typed is one (D113)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from peyman.kernel import text
from peyman.kernel.text import persian_digits
from peyman.shop.catalog.rules import cells
from peyman.shop.catalog.rules.wording import sentence

YES, NO = "دارد", "ندارد"
SOURCES: Final[Mapping[str, str]] = {
    "manufacturer": "سازنده",
    "distributor": "پخش‌کننده رسمی",
    "editorial": "بررسی خودمان",
}
MOST: Final = cells.MAX_ATTRIBUTES
LONGEST_NAME: Final = 80
LONGEST_VALUE: Final = 500
LONGEST_REFERENCE: Final = 300

_NUMBER = re.compile(
    r"(?P<minus>[-−]?)(?P<whole>[0-9]{1,3}(?:[,٬][0-9]{3})+|[0-9]{1,15})(?:[.٫/](?P<part>[0-9]{1,6}))?"
)


class Spec(NamedTuple):
    """One specification that goods of a category have. `category` is the slug of the one that says so."""

    name: str
    kind: str = "text"  # text, number, choice, flag
    unit: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    is_filter: bool = False
    category: str = ""


class Given(NamedTuple):
    """What somebody typed of one specification, with where it comes from."""

    name: str
    value: str
    source: str = ""  # one of SOURCES, or nothing
    reference: str = ""


class Read(NamedTuple):
    """The specifications of a product as they will stand, or what is wrong, by place among those given."""

    values: dict[str, str]
    sources: dict[str, list[str]]
    faults: dict[int, dict[str, str]]  # place → part ("name", "value", "reference") → sentence


def inherited(levels: Iterable[Iterable[Spec]]) -> list[Spec]:
    """Return the specifications of a category: `levels` are those of the top category first, its own last.

    A name that stands twice is taken from the lower one, and stays where the upper one had it.
    """
    found: dict[str, Spec] = {}
    for level in levels:
        for spec in level:
            found[spec.name] = spec
    return list(found.values())


def in_box(spec: Spec, value: str) -> str:
    """Return a stored value as the box of its kind shows it: "6.7 اینچ" → "6.7"."""
    if spec.kind == "number" and spec.unit:
        return value.removesuffix(spec.unit).rstrip()
    return value


def read_value(spec: Spec, typed: str) -> tuple[str, str]:
    """Return (the value to store, "") or ("", what is wrong). An empty value is none."""
    told = cells.plain_text(typed, longest=LONGEST_VALUE)
    if told.reasons:
        return "", sentence(told.reasons[0])
    value: str = told.value
    if not value or spec.kind == "text":
        return value, ""
    if spec.kind == "number":
        number = read_number(value.removesuffix(spec.unit).rstrip() if spec.unit else value)
        if number is None:
            return "", "عدد نیست؛ تنها عدد آن را بنویسید، مانند ۶٫۷."
        return f"{number} {spec.unit}".rstrip(), ""
    among = (YES, NO) if spec.kind == "flag" else spec.choices
    same = [choice for choice in among if text.search_joined(choice) == text.search_joined(value)]
    if not same:
        return "", f"باید یکی از این‌ها باشد: {'، '.join(among)}."
    return same[0], ""


def read_number(typed: str) -> str | None:
    """Return a number with Latin digits and a point, None for what is none: "۶٫۷" → "6.7", "1,200" → "1200"."""
    match = _NUMBER.fullmatch(text.latin_digits(typed).strip())
    if match is None:
        return None
    whole = match["whole"].replace(",", "").replace("٬", "").lstrip("0") or "0"
    part = (match["part"] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if match["minus"] and number != "0" else number


def read_specs(specs: Sequence[Spec], given: Sequence[Given], before: Mapping[str, str]) -> Read:
    """Read the specifications of a product: those of its category first, then all others in their order.

    What stands already (`before`) may stay as it is, though it would not be taken today: somebody who mends one
    value need not know all others. What is required may not be missing. A source needs no reference; a reference
    needs a source.
    """
    known = {text.search_joined(spec.name): spec for spec in specs}
    values: dict[str, str] = {}
    sources: dict[str, list[str]] = {}
    faults: dict[int, dict[str, str]] = {}

    for place, one in enumerate(given):
        name, wrong = _name(one, values)
        spec = known.get(text.search_joined(name), Spec(name))
        if name and not wrong:
            name = spec.name
            if name in values:
                wrong = {"name": "این نام دو بار آمده است؛ یکی را پاک کنید."}
        if not name and not wrong:
            continue
        value, fault = read_value(spec, one.value)
        if fault and name in before and one.value == in_box(spec, before[name]):
            value, fault = before[name], ""
        if fault:
            wrong["value"] = fault
        elif not value and spec.is_required:
            wrong["value"] = "این مشخصه در این دسته لازم است؛ آن را بنویسید."
        source, fault = _source(one)
        if fault:
            wrong["reference"] = fault
        if wrong:
            faults[place] = wrong
        elif value:
            values[name] = value
            if source:
                sources[name] = source
    if len(values) > MOST:
        faults.setdefault(len(given) - 1, {})["name"] = f"بیش از {persian_digits(MOST)} مشخصه است؛ چند تا را یکی کنید."
    order = [spec.name for spec in specs if spec.name in values]
    order += [name for name in values if name not in order]
    return Read(
        {name: values[name] for name in order}, {name: sources[name] for name in order if name in sources}, faults
    )


def missing(specs: Iterable[Spec], values: Mapping[str, str]) -> list[str]:
    """Name what is required and not there."""
    return [spec.name for spec in specs if spec.is_required and not values.get(spec.name)]


def _name(one: Given, taken: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    told = cells.plain_text(one.name, longest=LONGEST_NAME)
    if told.reasons:
        return "", {"name": sentence(told.reasons[0])}
    if not told.value and (one.value.strip() or one.reference.strip()):
        return "", {"name": "نام این مشخصه را بنویسید."}
    return told.value, {}


def _source(one: Given) -> tuple[list[str], str]:
    told = cells.plain_text(one.reference, longest=LONGEST_REFERENCE)
    if told.reasons:
        return [], sentence(told.reasons[0])
    if one.source and one.source not in SOURCES:
        return [], "منبع را از فهرست برگزینید."
    if told.value and not one.source:
        return [], "بگویید این نشانی از کدام گونه منبع است."
    return ([one.source, told.value] if one.source else []), ""


KINDS: Final[Mapping[str, str]] = {"text": "متن", "number": "عدد", "choice": "گزینه", "flag": "دارد یا ندارد"}


def spec_words(spec: Spec) -> str:
    """Say in Persian what is asked: «عدد، گیگابایت، لازم»."""
    parts = [KINDS.get(spec.kind, spec.kind), spec.unit, " / ".join(spec.choices)]
    parts += ["لازم"] * spec.is_required + ["پالایه"] * spec.is_filter
    return "، ".join(part for part in parts if part)


def source_words(source: Sequence[str] | None) -> str:
    """Say a source in Persian: ["manufacturer", "دفترچه، ص ۳"] → «سازنده: دفترچه، ص ۳»; "" where there is none."""
    if not source:
        return ""
    kind, reference = (*source, "")[:2]
    return f"{SOURCES.get(kind, kind)}: {reference}" if reference else SOURCES.get(kind, kind)


def parse_sources(cell: cells.Cell) -> cells.Told:
    """Read the cell of a file: a JSON object, name → [kind, reference]; an empty one is {}."""
    typed = cells.spelled(cell)
    if not typed.strip():
        return cells.Told({})
    found = cells.json_object(typed)
    if found is None or len(found) > MOST:
        return cells.refused("sources_invalid")
    kept: dict[str, list[str]] = {}
    for name, value in found.items():
        pair = value if isinstance(value, list) else [value, ""]
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair) or pair[0] not in SOURCES:
            return cells.refused("sources_invalid")
        told = cells.plain_text(name, longest=LONGEST_NAME), cells.plain_text(pair[1], longest=LONGEST_REFERENCE)
        if not told[0].value or told[0].reasons or told[1].reasons:
            return cells.refused("sources_invalid")
        kept[told[0].value] = [pair[0], told[1].value]
    return cells.Told(kept)
