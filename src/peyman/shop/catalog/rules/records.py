"""One record of a catalogue file, and one file of records: accepted, repaired, refused or skipped, and why."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple, TypeAlias

from peyman.kernel import text
from peyman.shop.catalog.rules import cells
from peyman.shop.catalog.rules.cells import Cell, Told
from peyman.shop.catalog.rules.specs import parse_sources

Outcome: TypeAlias = Literal["accept", "repair", "refuse", "skip"]

COLUMNS = (
    "sku",
    "product_code",
    "category_slug",
    "category_path",
    "brand_slug",
    "brand_fa",
    "title_fa",
    "title_en",
    "model",
    "attributes",
    "color",
    "size",
    "warranty",
    "price_rial",
    "list_price_rial",
    "price_basis",
    "stock",
    "age_mark",
    "weight_g",
    "image_hint",
    "spec_source",
    "listed_on",
    "origin",
    "source",
)
# Ours; a file without them leaves them as they are.
OWN_COLUMNS = ("description", "drawing", "tint", "attribute_sources", "price_reference")
NEEDED_COLUMNS = ("sku", "title_fa", "price_rial", "price_basis", "stock")
NEVER_EMPTY = ("sku", "title_fa", "price_rial", "price_basis", "spec_source")
BASES, SPEC_SOURCES = ("approved", "market"), ("manufacturer", "distributor", "editorial")
NO_BRAND = "misc"
_OF_VARIANT = ("price_reference",)
_TABLE = {"attribute_sources": "sources"}
WHOLE = "*"  # stands for the whole record where no field is to blame

_LONGEST = {
    "title_en": 250,
    "model": 120,
    "color": 60,
    "size": 60,
    "warranty": 160,
    "origin": 20,
    "source": 40,
    "description": 4000,
    "drawing": 40,
    "price_reference": 300,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A record as it stands in the file. `record` counts from 1 after the header; `line` is where it begins."""

    record: int
    line: int
    cells: Mapping[str, Cell]
    fault: str = ""  # "blank", "columns_count", "quotes": why there are no cells to read


@dataclass(frozen=True, slots=True)
class Goods:
    """One variant with what its product shares. Money in rials; `own` holds the product's columns of `OWN_COLUMNS` that
    were given, under the names of the tables, and `own_of_variant` the variant's.
    """

    sku: str
    product_code: str
    category_slug: str
    brand_slug: str
    title: str
    title_latin: str
    model: str
    attributes: dict[str, str]
    color: str
    size: str
    warranty: str
    price: int
    list_price: int
    price_basis: str
    stock: int
    age_mark: str
    weight_g: int | None
    image_hint: str
    spec_source: str
    listed_on: date | None
    origin: str
    source: str
    own: dict[str, Any]
    own_of_variant: dict[str, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What becomes of a record. `expected`: canonical values of the fields that were mended."""

    record: int
    line: int
    sku: str
    outcome: Outcome
    codes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    expected: dict[str, Any] = field(default_factory=dict)
    goods: Goods | None = None


class BrandNames(NamedTuple):
    """A brand and everything people call it; `names[0]` is how we write it."""

    slug: str
    names: tuple[str, ...]


class CategoryName(NamedTuple):
    """A category: its title, and its path of titles with " > " between."""

    slug: str
    title: str
    path: str


class Reference:
    """The categories and brands that a record may name, found however they are spelled."""

    def __init__(self, categories: Iterable[CategoryName], brands: Iterable[BrandNames]) -> None:
        self._slugs: set[str] = set()
        self._titles: dict[str, set[str]] = {}
        self._paths: dict[str, set[str]] = {}
        for category in categories:
            self._slugs.add(category.slug)
            _learn(self._titles, category.title, category.slug)
            self._paths.setdefault(_folded_path(category.path), set()).add(category.slug)
        self._brands: dict[str, BrandNames] = {}
        self._names: dict[str, set[str]] = {}
        for brand in brands:
            self._brands[brand.slug] = brand
            for name in brand.names:
                _learn(self._names, name, brand.slug)

    def is_category(self, slug: str) -> bool:
        return slug in self._slugs

    def category_named(self, title: str) -> str:
        """Return the slug of the one category of this title, "" if there is none or more than one."""
        return _only(_lookup(self._titles, title))

    def category_at(self, path: str) -> str:
        """Return the slug of the category at the end of this full path, "" if there is none."""
        return _only(self._paths.get(_folded_path(path)))

    def is_brand(self, slug: str) -> bool:
        return slug in self._brands

    def brand_named(self, name: str) -> str:
        """Return the slug of the one brand called so, "" if there is none or more than one."""
        return _only(_lookup(self._names, name))

    def is_called(self, slug: str, name: str) -> bool:
        """Say whether `name` is one of the names of the brand `slug`."""
        return slug in self._names.get(name, ()) or slug in self._names.get(_folded(name), ())

    def brand_title(self, slug: str) -> str:
        return self._brands[slug].names[0] if slug in self._brands else ""


def _folded(name: str) -> str:
    return "~" + text.search_joined(name)  # never the same as a name as it is written


def _learn(known: dict[str, set[str]], name: str, slug: str) -> None:
    known.setdefault(name, set()).add(slug)
    if len(_folded(name)) > 1:
        known.setdefault(_folded(name), set()).add(slug)


def _lookup(known: dict[str, set[str]], name: str) -> set[str]:
    """What is called exactly so, else what is called so but for spaces, half-spaces and case."""
    return known.get(name) or known.get(_folded(name)) or set()


def _only(found: set[str] | None) -> str:
    return next(iter(found)) if found and len(found) == 1 else ""


def _folded_path(path: str) -> str:
    return ">".join(text.search_joined(part) for part in path.split(">"))


@dataclass(slots=True)
class _Notes:
    """What is learnt of a record, field by field."""

    values: dict[str, Any] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)

    def take(self, name: str, told: Told) -> Any:
        self.values[name] = told.value
        for code in told.warnings:
            self.warn(name, code)
        for code in told.reasons:
            self.refuse(name, code)
        return told.value

    def warn(self, name: str, code: str) -> None:
        self.warnings.setdefault(name, []).append(code)

    def refuse(self, name: str, code: str) -> None:
        self.reasons.setdefault(name, []).append(code)


def read_record(row: Row, reference: Reference) -> Reading:
    """Read one record on its own: everything that is wrong with it is told at once.

    What it takes to compare records with each other (repeats, one code with two titles) is `FileReader`'s.
    """
    return _concluded(row, *_studied(row, reference))


def _studied(row: Row, reference: Reference) -> tuple[_Notes, Goods | None]:
    notes = _Notes()
    if row.fault:
        notes.refuse(WHOLE, row.fault)
        return notes, None
    _read_codes(row, notes)
    _read_category(row, reference, notes)
    _read_brand(row, reference, notes)
    notes.take("title_fa", cells.title(row.cells.get("title_fa")))
    _read_prices(row, notes)
    for name, read in _READERS.items():
        notes.take(name, read(row.cells.get(name)))
    if "spec_source" in row.cells:
        notes.take("spec_source", cells.word(row.cells["spec_source"], SPEC_SOURCES, "source_unknown"))
    for name in OWN_COLUMNS:
        if name in row.cells:
            notes.take(name, _text_of(name)(row.cells[name]))
    return notes, None if notes.reasons else _goods(notes)


def _text_of(name: str) -> Callable[[Cell], Told]:
    if name == "attribute_sources":
        return parse_sources
    if name == "tint":
        return lambda cell: cells.word(cell, ("", "v2", "v3", "v4"), "tint_unknown")
    return lambda cell: cells.plain_text(cell, longest=_LONGEST[name])


_READERS: dict[str, Callable[[Cell], Told]] = {
    **{name: _text_of(name) for name in ("title_en", "model", "color", "size", "warranty", "origin", "source")},
    "attributes": cells.attributes,
    "price_basis": lambda cell: cells.word(cell, BASES, "basis_unknown"),
    "stock": cells.stock,
    "age_mark": cells.age_mark,
    "weight_g": cells.weight,
    "image_hint": cells.image_hint,
    "listed_on": cells.day,
}


def _read_codes(row: Row, notes: _Notes) -> None:
    sku = notes.take("sku", cells.sku(row.cells.get("sku")))
    code = cells.sku(row.cells.get("product_code"))
    if code.reasons == ("sku_missing",):  # a code of its own is the SKU without the number of the variant
        code = Told(sku.rpartition("-")[0] or sku if sku else "")
    notes.take("product_code", code)


def _read_category(row: Row, reference: Reference, notes: _Notes) -> None:
    told = cells.slug(row.cells.get("category_slug"))
    if told.reasons:
        notes.take("category_slug", told)
        return
    if reference.is_category(told.value):
        notes.take("category_slug", told)
        return
    path = cells.clean(row.cells.get("category_path"))
    if named := reference.category_named(told.value):
        notes.take("category_slug", Told(named, (*told.warnings, "category_by_name")))
    elif path.value and (found := reference.category_at(path.value)):
        notes.take("category_slug", Told(found, (*told.warnings, "category_by_path")))
    elif path.reasons:
        notes.take("category_path", path)
    else:
        notes.refuse("category_slug", "category_unknown" if told.value or path.value else "category_missing")


def _read_brand(row: Row, reference: Reference, notes: _Notes) -> None:
    slug = cells.slug(row.cells.get("brand_slug"))
    name = notes.take("brand_fa", cells.plain_text(row.cells.get("brand_fa"), longest=120))
    if slug.reasons:
        notes.take("brand_slug", slug)
    if slug.reasons or "brand_fa" in notes.reasons:
        return
    if reference.is_brand(slug.value):
        notes.take("brand_slug", slug)
        if name and not reference.is_called(slug.value, name):
            notes.refuse("brand_slug", "brand_conflict")
            notes.refuse("brand_fa", "brand_conflict")
        return
    found = reference.brand_named(name) if name else ""
    if not found and slug.value:
        found = reference.brand_named(slug.value)
        found = found if not name or reference.is_called(found, name) else ""
    if found:
        title = reference.brand_title(found)
        mended = "brand_fa" if name and title != cells.spelled(row.cells.get("brand_fa")) else "brand_slug"
        notes.values |= {"brand_slug": found, "brand_fa": title}
        notes.warn(mended, "brand_by_name")
    elif not slug.value and not name:
        notes.take("brand_slug", Told(NO_BRAND, ("brand_missing",)))
    else:
        notes.refuse("brand_slug" if slug.value else "brand_fa", "brand_unknown")


def _read_prices(row: Row, notes: _Notes) -> None:
    asked, has_unit = cells.money(row.cells.get("price_rial"))
    struck, _ = cells.money(row.cells.get("list_price_rial"))
    if struck.reasons == ("price_missing",):
        struck = Told(asked.value, ("list_missing",))
    if asked.value and struck.value and not has_unit and asked.value * 10 == struck.value:
        asked = cells.refused("price_unit_suspect")
    elif asked.value and struck.value and struck.value < asked.value:
        struck = Told(asked.value, (*struck.warnings, "list_below_price"))
    notes.take("price_rial", asked)
    notes.take("list_price_rial", struck)


def _goods(notes: _Notes) -> Goods:
    value = notes.values
    return Goods(
        sku=value["sku"],
        product_code=value["product_code"],
        category_slug=value["category_slug"],
        brand_slug=value["brand_slug"],
        title=value["title_fa"],
        title_latin=value["title_en"],
        model=value["model"],
        attributes=value["attributes"],
        color=value["color"],
        size=value["size"],
        warranty=value["warranty"],
        price=value["price_rial"],
        list_price=value["list_price_rial"],
        price_basis=value["price_basis"],
        stock=value["stock"],
        age_mark=value["age_mark"],
        weight_g=value["weight_g"],
        image_hint=value["image_hint"],
        spec_source=value.get("spec_source", ""),
        listed_on=value["listed_on"],
        origin=value["origin"],
        source=value["source"],
        own={_TABLE.get(name, name): value[name] for name in OWN_COLUMNS if name in value and name not in _OF_VARIANT},
        own_of_variant={name: value[name] for name in _OF_VARIANT if name in value},
    )


def _concluded(row: Row, notes: _Notes, goods: Goods | None) -> Reading:
    sku = notes.values.get("sku") or cells.spelled(row.cells.get("sku")).strip()[:60]
    told = notes.reasons or notes.warnings
    codes = tuple(dict.fromkeys(code for name in _in_order(told) for code in told[name]))
    fields = tuple(_in_order(told))
    if notes.reasons:
        return Reading(row.record, row.line, sku, "refuse", codes, fields)
    expected = {name: _canonical(notes.values[name]) for name in fields}
    return Reading(row.record, row.line, sku, "repair" if codes else "accept", codes, fields, expected, goods)


def _in_order(told: Mapping[str, list[str]]) -> list[str]:
    order = {name: place for place, name in enumerate((*COLUMNS, *OWN_COLUMNS))}
    return sorted(told, key=lambda name: order.get(name, -1))


def _canonical(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


class FileReader:
    """Reads the records of one file in order and compares each with those before it.

    An identical repeat is skipped; the same SKU with other content, and a product code with another
    title, are refused: the first stands. A record that was refused stands for nothing.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._raw: dict[str, set[int]] = {}  # SKU -> fingerprints of the records that had it
        self._taken: dict[str, int] = {}  # SKU -> fingerprint of the goods that stand
        self._titles: dict[str, str] = {}  # product code -> the title that stands

    def read(self, row: Row) -> Reading:
        if row.fault == "blank":
            return Reading(row.record, row.line, "", "skip", ("blank",), (WHOLE,))
        notes, goods = _studied(row, self._reference)
        sku = notes.values.get("sku") or ""
        if row.fault or not sku:
            return _concluded(row, notes, goods)
        if self._is_repeat(row, sku, goods):
            return Reading(row.record, row.line, sku, "skip", ("duplicate_identical",), ("sku",))
        title, standing = notes.values.get("title_fa"), self._titles.get(notes.values.get("product_code") or "")
        if sku in self._taken:
            notes.refuse("sku", "sku_duplicate")
        elif title and standing and title != standing:
            notes.refuse("product_code", "product_conflict")
            notes.refuse("title_fa", "product_conflict")
        if goods and not notes.reasons:
            self._taken[sku] = _fingerprint(goods)
            self._titles.setdefault(goods.product_code, goods.title)
            return _concluded(row, notes, goods)
        return _concluded(row, notes, None)

    def _is_repeat(self, row: Row, sku: str, goods: Goods | None) -> bool:
        raw = hash(tuple(sorted((name, cells.spelled(cell)) for name, cell in row.cells.items())))
        seen = self._raw.setdefault(sku, set())
        if raw in seen:
            return True
        seen.add(raw)
        return goods is not None and self._taken.get(sku) == _fingerprint(goods)


def _fingerprint(goods: Goods) -> int:
    return hash(repr(goods))
