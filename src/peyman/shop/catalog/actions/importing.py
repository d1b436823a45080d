"""A catalogue file into the tables.

In batches, each a short transaction of its own: an import that was killed is simply run again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count, islice
from typing import Any, Final, Protocol

from django.db import IntegrityError, OperationalError, transaction

from peyman.kernel.clauses import carries_out
from peyman.shop.catalog import queries, rules
from peyman.shop.catalog.actions.history import Kind, Subject, remember
from peyman.shop.catalog.actions.prices import NewPrice, bump, move_prices
from peyman.shop.catalog.actions.search import index
from peyman.shop.catalog.models import Brand, Category, FormerSlug, Product, Variant
from peyman.shop.catalog.rules.changes import CREATED, Difference, differences, is_specification

BATCH = 400  # records
TRIES = 3  # of a batch that met another import


class CountStock(Protocol):
    """`stock.actions.count_many`: the catalogue does not know the counters, so whoever calls hands them in."""

    def __call__(self, *, counts: Mapping[int, int], reason: str, by: str, now: datetime) -> list[int]:
        """Set pieces on hand by variant id; return the variants owed more than was counted, left as they were."""


class WasSold(Protocol):
    """`orders.queries.sold_products`: the catalogue does not know the orders either."""

    def __call__(self, products: Collection[int]) -> set[int]:
        """Return those of these products, by key, that somebody bought."""


class PriceGuard(Protocol):
    """`offers.actions.ImportGuard`: the catalogue does not know who has to look at a price."""

    def held(self, moved: Sequence[NewPrice]) -> dict[str, str]:
        """Return SKU → code of what keeps its price from moving; one that may move is left out."""

    def hold(self, moved: Sequence[NewPrice], *, by: str, now: datetime) -> None:
        """Let prices wait for a second person, in the transaction of the batch."""


class OnBatch(Protocol):
    """What is told of each batch inside its transaction: the report on its records, and what stands until now."""

    def __call__(self, readings: Sequence[rules.Reading], report: "Report") -> None:
        """Write down how far the import came; with the batch, or not at all."""


COUNTED: Final = (  # what a report counts
    "products_new",
    "products_changed",
    "variants_new",
    "variants_changed",
    "prices_changed",
    "stock_changed",
)


@dataclass(slots=True)
class Report:
    """What an import did, or would do. `rows` has every record of the file in order."""

    rows: list[rules.Reading] = field(default_factory=list)
    products_new: int = 0
    products_changed: int = 0
    variants_new: int = 0
    variants_changed: int = 0
    prices_changed: int = 0  # of variants that were there before
    stock_changed: int = 0  # likewise
    stock_owed: list[str] = field(default_factory=list)  # SKUs counted below what final orders are owed: kept

    def take(self, after: "Report") -> None:
        """Stand where `after` stands, with its rows behind those that are here."""
        self.rows += after.rows
        for name in (*COUNTED, "stock_owed"):
            setattr(self, name, getattr(after, name))

    def count(self, outcome: str) -> int:
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def is_no_change(self) -> bool:
        return not any(getattr(self, name) for name in COUNTED)


@dataclass(slots=True)
class _Plan:
    """What one batch would change."""

    new_products: dict[str, Product] = field(default_factory=dict)  # by code
    changed_products: dict[int, Product] = field(default_factory=dict)
    product_fields: set[str] = field(default_factory=set)
    new_variants: list[tuple[Variant, rules.Goods]] = field(default_factory=list)
    changed_variants: dict[int, Variant] = field(default_factory=dict)
    moved: list[NewPrice] = field(default_factory=list)  # prices of variants that are there
    waiting: list[NewPrice] = field(default_factory=list)  # likewise, that do not move by this import
    warned: dict[str, rules.Reading] = field(default_factory=dict)  # by SKU: what is told of those
    counts: dict[int, int] = field(default_factory=dict)  # stock of variants that are there
    stale: set[int] = field(default_factory=set)  # products whose pages change
    refused: dict[str, rules.Reading] = field(default_factory=dict)  # by SKU
    history: list[tuple[Product, Variant | None, list[Difference]]] = field(default_factory=list)


def import_records(
    *,
    rows: Iterable[rules.Row],
    count_stock: CountStock,
    by: str,
    now: datetime,
    dry_run: bool = False,
    on_batch: Callable[[int], None] | None = None,
    was_sold: WasSold | None = None,
    why: str = "",
    skip: int = 0,
    in_batch: OnBatch | None = None,
    guard: PriceGuard | None = None,
) -> Report:
    """Import the records of one file and report on each.

    Set-wise: a batch costs the same few statements whatever it holds (SQLite cuts the widest into pieces).
    A refused record changes nothing, the rest goes on. Goods that are not in the file stay as they are; the
    same file again changes nothing. With `dry_run` nothing is written and the report is the same. `on_batch`
    is told the records done so far.

    A price of goods that were there moves only as far as `guard` lets it; else the record is in with the price it had
    and a warning that says so. Without a guard every price moves.

    What changes of goods that were there is remembered with `why`, and as a correction where `was_sold` says that
    somebody bought them (D113). An import that was interrupted passes over the first `skip` records, which are in;
    they are read, since later ones are compared with them, and not reported.
    """
    report = Report()
    reader = rules.FileReader(queries.reference())
    shelves = _Shelves()
    source = iter(rows)
    how = _How(count_stock, was_sold, by, why, now, dry_run, in_batch, guard)
    for reading in map(reader.read, islice(source, skip)):
        shelves.told |= {reading.goods.product_code} if reading.goods else set()
    while batch := [reader.read(row) for row in islice(source, BATCH)]:
        plan = _carried_out(batch, shelves, report, how)
        shelves.told |= {reading.goods.product_code for reading in batch if reading.goods}
        if dry_run:
            shelves.pretended |= plan.new_products
        if on_batch:
            on_batch(len(report.rows))
    return report


@dataclass(frozen=True, slots=True)
class _How:
    """What all batches of one import are carried out with."""

    count_stock: CountStock
    was_sold: WasSold | None
    by: str
    why: str
    now: datetime
    dry_run: bool
    in_batch: OnBatch | None
    guard: PriceGuard | None


class _Shelves:
    """What is known throughout one import."""

    def __init__(self) -> None:
        self.categories = {row.slug: row for row in Category.objects.all()}
        self.brands = {row.slug: row for row in Brand.objects.all()}
        self.named = {"category_id": {row.pk: row.path for row in self.categories.values()}}
        self.named["brand_id"] = {row.pk: row.name for row in self.brands.values()}
        self.told: set[str] = set()  # product codes that the file spoke of: what it said first stands
        self.pretended: dict[str, Product] = {}  # by a dry run: products that would be there by now


def _carried_out(batch: Sequence[rules.Reading], shelves: _Shelves, report: Report, how: _How) -> _Plan:
    goods = [reading.goods for reading in batch if reading.goods]
    for attempt in range(1, TRIES + 1):
        try:
            with transaction.atomic():
                plan = _planned(batch, goods, shelves)
                _let_wait(plan, batch, how.guard)
                owed = [] if how.dry_run else _written(plan, how)
                instead = plan.warned | plan.refused
                told = [replace(instead.get(r.sku, r) if r.goods else r, goods=None) for r in batch]
                after = _tallied(plan, report, owed, told)
                if how.in_batch:
                    how.in_batch(told, after)
        except (IntegrityError, OperationalError):  # another import had the same goods in hand: now they are there
            if attempt == TRIES:
                raise
            continue
        break
    report.take(after)
    return plan


def _tallied(plan: _Plan, before: Report, owed: list[str], told: Sequence[rules.Reading]) -> Report:
    """The report as it is once this batch is in; its rows are those of this batch."""
    return Report(
        rows=list(told),
        products_new=before.products_new + len(plan.new_products),
        products_changed=before.products_changed + len(plan.changed_products),
        variants_new=before.variants_new + len(plan.new_variants),
        variants_changed=before.variants_changed + len(plan.changed_variants),
        prices_changed=before.prices_changed + len(plan.moved),
        stock_changed=before.stock_changed + len(plan.counts),
        stock_owed=before.stock_owed + owed,
    )


# ---- Planning: what is there, and what differs ----


def _planned(batch: Sequence[rules.Reading], goods: Sequence[rules.Goods], shelves: _Shelves) -> _Plan:
    plan = _Plan()
    codes = {item.product_code for item in goods}
    products = {row.code: row for row in Product.objects.filter(code__in=codes)}
    variants = {row.sku: row for row in queries.with_stock([item.sku for item in goods])}
    readings = {reading.sku: reading for reading in batch if reading.goods}
    told: set[str] = set()
    for item in goods:
        variant = variants.get(item.sku)
        if variant and variant.product.code != item.product_code:
            plan.refused[item.sku] = _of_another_product(readings[item.sku])
            continue
        product = products.get(item.product_code) or shelves.pretended.get(item.product_code)
        if product is None:
            product = products[item.product_code] = plan.new_products[item.product_code] = _product(item, shelves)
        elif item.product_code not in shelves.told and item.product_code not in told:
            _plan_product(plan, product, item, shelves)
        told.add(item.product_code)
        if variant is None:
            plan.new_variants.append((_variant(item, product), item))
        else:
            _plan_variant(plan, variant, item, shelves)
    _name(plan.new_products)
    return plan


def _let_wait(plan: _Plan, batch: Sequence[rules.Reading], guard: PriceGuard | None) -> None:
    """Take the prices out of a plan that move too far for an import, and say so of their records."""
    held = guard.held(plan.moved) if guard and plan.moved else {}
    if not held:
        return
    plan.waiting = [each for each in plan.moved if each.variant.sku in held]
    plan.moved = [each for each in plan.moved if each.variant.sku not in held]
    for reading in batch:
        if reading.goods and (code := held.get(reading.sku)):
            fields = tuple(dict.fromkeys((*reading.fields, "price_rial")))
            plan.warned[reading.sku] = replace(reading, outcome="repair", codes=(*reading.codes, code), fields=fields)


def _of_another_product(reading: rules.Reading) -> rules.Reading:
    return replace(
        reading, outcome="refuse", codes=("product_conflict",), fields=("sku", "product_code"), expected={}, goods=None
    )


def _shown(item: rules.Goods, shelves: _Shelves) -> dict[str, Any]:
    """The columns of a product, as a record gives them."""
    category, brand = shelves.categories[item.category_slug], shelves.brands[item.brand_slug]
    own = dict(item.own)
    if "sources" in own:
        own["sources"] = {name: source for name, source in own["sources"].items() if name in item.attributes}
    return {
        "title": item.title,
        "title_latin": item.title_latin,
        "category_id": category.pk,
        "brand_id": brand.pk,
        "model": item.model,
        "attributes": item.attributes,
        "age_mark": item.age_mark,
        "weight_g": item.weight_g,
        "listed_on": item.listed_on,
        "origin": item.origin,
        "source": item.source,
        **own,
    }


def _product(item: rules.Goods, shelves: _Shelves) -> Product:
    on = shelves.categories[item.category_slug].is_on_sale
    slug = rules.slug_of(item.title_latin, f"{item.category_slug}-{item.product_code}")
    return Product(code=item.product_code, slug=slug, is_on_sale=on, **_shown(item, shelves))


def _plan_product(plan: _Plan, product: Product, item: rules.Goods, shelves: _Shelves) -> None:
    values = _shown(item, shelves)
    if product.sources and "sources" not in values:  # a source vouches for a value, and goes with it
        values["sources"] = {
            name: source
            for name, source in product.sources.items()
            if name in item.attributes and item.attributes[name] == product.attributes.get(name)
        }
    if old := _changed(product, values):
        plan.changed_products[product.pk] = product
        plan.product_fields |= old.keys()
        plan.stale.add(product.pk)
        plan.history.append((product, None, _told(product, old, shelves)))


def _told(row: Product | Variant, old: Mapping[str, Any], shelves: _Shelves) -> list[Difference]:
    """What the history says of a row that had the `old` values."""
    before, after = {}, {}
    for name, value in old.items():
        names = shelves.named.get(name)
        field = name.removesuffix("_id")
        new = getattr(row, name)
        before[field], after[field] = (names.get(value, ""), names.get(new, "")) if names else (value, new)
    return differences(before, after)


def _variant(item: rules.Goods, product: Product) -> Variant:
    return Variant(
        sku=item.sku,
        product=product,
        price=item.price,
        list_price=item.list_price,
        position=rules.position_of(item.sku),
        **_worded(item),
    )


def _worded(item: rules.Goods) -> dict[str, Any]:
    """The columns of a variant that are neither price nor stock."""
    return {
        "color": item.color,
        "size": item.size,
        "warranty": item.warranty,
        "price_basis": item.price_basis,
        "image_hint": item.image_hint,
        "spec_source": item.spec_source,
        **item.own_of_variant,
    }


def _plan_variant(plan: _Plan, variant: Variant, item: rules.Goods, shelves: _Shelves) -> None:
    old = _changed(variant, _worded(item))
    differs = bool(old)
    if old:
        plan.changed_variants[variant.pk] = variant
        plan.history.append((variant.product, variant, _told(variant, old, shelves)))
    if (variant.price, variant.list_price) != (item.price, item.list_price):
        plan.moved.append(NewPrice(variant, item.price, item.list_price))
        differs = True
    if queries.on_hand(variant) != item.stock:
        plan.counts[variant.pk] = item.stock
        differs = True
    if differs:
        plan.stale.add(variant.product_id)


def _changed(row: Product | Variant, values: Mapping[str, Any]) -> dict[str, Any]:
    """Set the values that differ and return those that were there."""
    old = {name: was for name, value in values.items() if (was := getattr(row, name)) != value}
    for name in old:
        setattr(row, name, values[name])
    return old


def _name(products: Mapping[str, Product]) -> None:
    """Give new products addresses of their own: readable first, then with the code, then numbered."""
    if not products:
        return
    wanted = {name for product in products.values() for name in _slugs(product)}
    taken = set(Product.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    taken |= set(FormerSlug.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    for product in products.values():
        numbered = map(f"{product.slug}-{{}}".format, count(2))
        product.slug = next(slug for slug in chain(_slugs(product), numbered) if slug not in taken)
        taken.add(product.slug)


def _slugs(product: Product) -> tuple[str, str]:
    return product.slug, rules.slug_of(f"{product.slug}-{product.code}", product.code)


# ---- Writing ----


@carries_out("D122")
def _written(plan: _Plan, how: _How) -> list[str]:
    by, now = how.by, how.now
    Product.objects.bulk_create(plan.new_products.values())
    if plan.changed_products:
        Product.objects.bulk_update(plan.changed_products.values(), sorted(_columns(plan.product_fields)))
    fresh = [variant for variant, _ in plan.new_variants]
    for variant in fresh:
        variant.product_id = variant.product.pk
    Variant.objects.bulk_create(fresh)
    first = [NewPrice(variant, variant.price, variant.list_price) for variant in fresh]
    move_prices([*first, *plan.moved], reason="import", by=by, now=now)
    if how.guard and plan.waiting:
        how.guard.hold(plan.waiting, by=by, now=now)
    saved = {variant.pk: variant for variant, *_ in plan.moved} | plan.changed_variants
    if saved:
        Variant.objects.bulk_update(saved.values(), [*_VARIANT_COLUMNS, "price", "list_price", "cheaper_at"])
    counts = {variant.pk: item.stock for variant, item in plan.new_variants} | plan.counts
    owed = how.count_stock(counts=counts, reason="import", by=by, now=now) if counts else []
    _remember(plan, how)
    worded = [variant.product_id for variant in [*fresh, *plan.changed_variants.values()]]
    index([*(product.pk for product in plan.new_products.values()), *plan.changed_products, *worded])
    if plan.stale or fresh:
        bump(plan.stale)
    return list(Variant.objects.filter(pk__in=owed).values_list("sku", flat=True)) if owed else []


_VARIANT_COLUMNS = ("color", "size", "warranty", "price_basis", "price_reference", "image_hint", "spec_source")


def _remember(plan: _Plan, how: _How) -> None:
    """Write down what changed of the goods that were there, and what came new."""
    specified = {
        product.pk for product, _, found in plan.history if any(is_specification(each.field) for each in found)
    }
    sold = how.was_sold(specified) if how.was_sold and specified else set()
    told = [
        (
            Subject(Kind.VARIANT, variant.sku, product)
            if variant
            else Subject(Kind.PRODUCT, product.code, product, product.pk in sold),
            found,
        )
        for product, variant, found in plan.history
    ]
    for product in plan.new_products.values():
        told.append((Subject(Kind.PRODUCT, product.code, product), [Difference(CREATED, "", product.title)]))
    fresh = {product.pk for product in plan.new_products.values()}
    for variant, _ in plan.new_variants:
        if variant.product_id not in fresh:
            told.append((Subject(Kind.VARIANT, variant.sku, variant.product), [Difference(CREATED, "", variant.sku)]))
    if told:
        remember(told, why=how.why, by=how.by, now=how.now)


def _columns(fields: Iterable[str]) -> Iterator[str]:
    return (name.removesuffix("_id") for name in fields)
