"""Products and variants as staff write them: one transaction for each act, which leaves its history.

What was read before is told by `seen`, the last row of the history that the page knew: whoever comes second is refused
with what changed since (`ChangedMeanwhile`) and loses nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.shop.catalog import rules
from peyman.shop.catalog.actions.history import Kind, Subject, check_seen, remember
from peyman.shop.catalog.actions.importing import CountStock
from peyman.shop.catalog.actions.prices import NewPrice, bump, move_prices
from peyman.shop.catalog.actions.search import index
from peyman.shop.catalog.models import Brand, CatalogChange, Category, FormerSlug, Product, Variant
from peyman.shop.catalog.queries.specs import specs_of
from peyman.shop.catalog.rules import goods
from peyman.shop.catalog.rules.changes import CREATED, Difference, corrects, differences
from peyman.shop.catalog.rules.specs import MOST, Given, read_specs

_NO_CATEGORY, _NO_BRAND = "چنین دسته‌ای نیست؛ از فهرست برگزینید.", "چنین برندی نیست؛ از فهرست برگزینید."


def add_product(*, typed: Mapping[str, str], count_stock: CountStock, by: str, now: datetime) -> Product:
    """Add a product with its first variant, at its first price and with nothing in store.

    Raises Invalid with all that is wrong.
    """
    reader = goods.read_new(typed)
    category, brand = _named(reader)
    _check_basis(reader, None)
    if Product.objects.filter(code=reader.values.get("code")).exists():
        reader.refuse("code", "محصول دیگری همین کد را دارد.")
    _check_sku(reader)
    values = reader.done()
    if category is None or brand is None:
        raise Invalid({"category": _NO_CATEGORY})
    wanted = rules.slug_of(values["title_latin"], f"{category.slug}-{values['code']}")
    try:
        with transaction.atomic():
            product = Product.objects.create(
                code=values["code"],
                slug=_free_slug(wanted, values["code"]),
                title=values["title"],
                title_latin=values["title_latin"],
                category=category,
                brand=brand,
                is_on_sale=category.is_on_sale,
                listed_on=now.date(),
            )
            _new_variant(product, values, count_stock, by, now)
            subject = Subject(Kind.PRODUCT, product.code, product)
            remember([(subject, [Difference(CREATED, "", product.title)])], why="", by=by, now=now)
            index([product.pk])
            bump([product.pk])
    except IntegrityError as lost:
        raise Invalid({"code": "هم‌زمان محصول یا شناسه دیگری با همین کد ثبت شد؛ کد دیگری بنویسید."}) from lost
    return product


@carries_out("D113")
@transaction.atomic
def save_product(
    *, code: str, typed: Mapping[str, str], seen: int, why: str, is_sold: bool, by: str, now: datetime
) -> list[CatalogChange]:
    """Save what a product is called, where it stands and what it is, and return what changed; nothing changed: [].

    The address it had leads to the new one from then on. Raises Invalid, Missing, ChangedMeanwhile, and WhyNeeded
    where a specification of goods that somebody bought is changed without a reason.
    """
    product = _held(code)
    check_seen(Kind.PRODUCT, code, seen)
    reader = goods.read_product(typed)
    category, brand = _named(reader)
    slug = reader.values.get("slug")
    if slug and slug != product.slug and _is_taken(slug, product):
        reader.refuse("slug", goods.SlugTaken.says)
    if reader.values.get("drawing", "") not in ("", *rules.drawings()):
        reader.refuse("drawing", "نگاره را از فهرست برگزینید.")
    values = reader.done()
    old = {name: getattr(product, name) for name in values if name not in ("category", "brand")}
    old |= {"category": product.category.path, "brand": product.brand.name}
    new = {**values, "category": category.path if category else "", "brand": brand.name if brand else ""}
    found = differences(old, new)
    reason = goods.check_why(why, is_needed=is_sold and any(map(corrects, found)))
    if not found:
        return []
    if values["slug"] != product.slug:
        _move_address(product, values["slug"], now)
    for name, value in {**values, "category": category, "brand": brand}.items():
        setattr(product, name, value)
    product.save(update_fields=list(values))
    changes = remember([(Subject(Kind.PRODUCT, code, product, is_sold), found)], why=reason, by=by, now=now)
    index([product.pk])
    bump([product.pk])
    return changes


@carries_out("D113")
@transaction.atomic
def save_specs(
    *, code: str, given: Sequence[Given], seen: int, why: str, is_sold: bool, by: str, now: datetime
) -> list[CatalogChange]:
    """Save the specifications of a product, each with its source, by the list of its category.

    Raises as `save_product` does; the fields of Invalid are "n-name", "n-value" and "n-reference" by their place.
    """
    product = _held(code)
    check_seen(Kind.PRODUCT, code, seen)
    read = read_specs(specs_of(product.category), given[: MOST * 2], product.attributes)
    if read.faults:
        raise Invalid({f"{place}-{part}": says for place, parts in read.faults.items() for part, says in parts.items()})
    old = {"attributes": product.attributes, "sources": product.sources}
    found = differences(old, {"attributes": read.values, "sources": read.sources})
    reason = goods.check_why(why, is_needed=is_sold and any(map(corrects, found)))
    if not found:
        return []
    product.attributes, product.sources = read.values, read.sources
    product.save(update_fields=["attributes", "sources"])
    changes = remember([(Subject(Kind.PRODUCT, code, product, is_sold), found)], why=reason, by=by, now=now)
    index([product.pk])
    bump([product.pk])
    return changes


@carries_out("D117")
@transaction.atomic
def add_variant(*, code: str, typed: Mapping[str, str], count_stock: CountStock, by: str, now: datetime) -> Variant:
    """Add a variant to a product, at its first price and with nothing in store. Raises Invalid, Missing."""
    product = _held(code)
    reader = goods.read_variant(typed)
    goods.read_first_price(reader)
    _check_basis(reader, None)
    _check_sku(reader)
    values = reader.done()
    try:
        with transaction.atomic():
            variant = _new_variant(product, values, count_stock, by, now)
    except IntegrityError as lost:
        raise Invalid({"sku": "هم‌زمان کالای دیگری همین شناسه را گرفت؛ شناسه دیگری بنویسید."}) from lost
    remember(
        [(Subject(Kind.VARIANT, variant.sku, product), [Difference(CREATED, "", _words(variant))])],
        why="",
        by=by,
        now=now,
    )
    index([product.pk])
    bump([product.pk])
    return variant


@carries_out("D117")
@transaction.atomic
def save_variant(
    *, sku: str, typed: Mapping[str, str], seen: int, why: str, by: str, now: datetime
) -> list[CatalogChange]:
    """Save what makes a variant and what its price rests on. Raises Invalid, Missing, ChangedMeanwhile.

    A variant is never deleted, since its prices stay; it is taken from sale (`switch_sale`).
    """
    variant = Variant.objects.select_for_update(of=("self",)).select_related("product").filter(sku=sku).first()
    if variant is None:
        raise Missing
    check_seen(Kind.VARIANT, sku, seen)
    reader = goods.read_variant(typed)
    old = {name: getattr(variant, name) for name in _VARIANT_FIELDS}
    _check_basis(reader, old)
    values = reader.done()
    reason = goods.check_why(why, is_needed=False)
    found = differences(old, values)
    if not found:
        return []
    for name, value in values.items():
        setattr(variant, name, value)
    variant.save(update_fields=list(values))
    changes = remember([(Subject(Kind.VARIANT, sku, variant.product), found)], why=reason, by=by, now=now)
    index([variant.product_id])
    bump([variant.product_id])
    return changes


_VARIANT_FIELDS = (
    "color",
    "size",
    "warranty",
    "price_basis",
    "price_reference",
    "spec_source",
    "image_hint",
    "position",
)


def _held(code: str) -> Product:
    """The product, held until the transaction ends."""
    rows = Product.objects.select_for_update(of=("self",)).select_related("category", "brand")
    product = rows.filter(code=code).first()
    if product is None:
        raise Missing
    return product


def _named(reader: goods.Reader) -> tuple[Category | None, Brand | None]:
    category = Category.objects.filter(slug=reader.values.get("category", "")).first()
    if category is None and "category" in reader.values:
        reader.refuse("category", _NO_CATEGORY)
    brand = Brand.objects.filter(slug=reader.values.get("brand", "")).first()
    if brand is None and "brand" in reader.values:
        reader.refuse("brand", _NO_BRAND)
    return category, brand


def _check_basis(reader: goods.Reader, old: Mapping[str, Any] | None) -> None:
    if {"price_basis", "price_reference"} <= reader.values.keys():
        for name, says in goods.check_basis(reader.values, old).items():
            reader.refuse(name, says)


def _check_sku(reader: goods.Reader) -> None:
    if Variant.objects.filter(sku=reader.values.get("sku")).exists():
        reader.refuse("sku", "کالای دیگری همین شناسه را دارد.")


def _new_variant(
    product: Product, values: Mapping[str, Any], count_stock: CountStock, by: str, now: datetime
) -> Variant:
    variant = Variant.objects.create(
        product=product,
        sku=values["sku"],
        price=values["price"],
        list_price=values["list_price"],
        is_on_sale=True,
        **{name: values[name] for name in _VARIANT_FIELDS},
    )
    move_prices([NewPrice(variant, variant.price, variant.list_price)], reason="list", by=by, now=now)
    count_stock(counts={variant.pk: 0}, reason="new", by=by, now=now)
    return variant


def _words(variant: Variant) -> str:
    return "، ".join(word for word in (variant.color, variant.size, variant.warranty) if word) or variant.sku


# ---- Addresses ----


def _is_taken(slug: str, product: Product) -> bool:
    others = Product.objects.filter(slug=slug).exclude(pk=product.pk)
    return others.exists() or FormerSlug.objects.filter(slug=slug).exclude(product=product).exists()


def _free_slug(wanted: str, code: str) -> str:
    slugs = (wanted, rules.slug_of(f"{wanted}-{code}", code), *(f"{wanted}-{n}" for n in range(2, 100)))
    taken = set(Product.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    taken |= set(FormerSlug.objects.filter(slug__in=slugs).values_list("slug", flat=True))
    return next(slug for slug in slugs if slug not in taken)


def _move_address(product: Product, slug: str, now: datetime) -> None:
    FormerSlug.objects.filter(slug=slug, product=product).delete()
    FormerSlug.objects.create(slug=product.slug, product=product, at=now)
