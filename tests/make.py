"""Rows for tests: plain functions with sensible defaults and nothing random.

Codes come from a counter that starts anew with each test. Every function writes the rows it names and those they need,
straight into the tables; what a room's action would decide is decided by that action, in the test.
"""

import functools
import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from peyman.people.models import ApiToken, Person
from peyman.promises.actions import publish_terms
from peyman.promises.models import CalendarVersion, Holiday, TermsVersion
from peyman.promises.rules import TermsDocument, read_document
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.catalog.actions.search import index
from peyman.shop.catalog.models import Brand, Category, PriceChange, Product, Variant
from peyman.shop.shipping.models import Carrier
from peyman.shop.stock.models import Stock

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)  # Saturday, 10:00 in Tehran
_counter = itertools.count(1)


def restart() -> None:
    """Begin counting at 1 again; called before each test."""
    global _counter
    _counter = itertools.count(1)


def number() -> int:
    """Return 1, 2, 3 …"""
    return next(_counter)


# ---- People ----


def person(*, mobile: str = "", role: str = "customer", confirmed: bool = True, **fields: Any) -> Person:
    """A customer with a confirmed mobile number and a name, who accepted nothing yet."""
    n = number()
    return Person.objects.create(
        code=fields.pop("code", f"PER-{n:04}"),
        mobile=mobile or f"+98912{n:07}",
        mobile_confirmed_at=NOW if confirmed else None,
        full_name=fields.pop("full_name", "سارا احمدی"),
        role=role,
        created_at=fields.pop("created_at", NOW),
        **fields,
    )


def token(of: Person, *, expires_at: datetime = datetime(2099, 1, 1, tzinfo=UTC)) -> str:
    """Return a bearer token for `of`: `client.get(url, headers={"Authorization": f"Bearer {token}"})`."""
    text = f"test-token-{number():04}"
    ApiToken.objects.create(
        person=of, token_hash=hashlib.sha256(text.encode()).hexdigest(), created_at=NOW, expires_at=expires_at
    )
    return text


# ---- Promises ----

TERMS = Path(__file__).resolve().parent.parent / "docs" / "terms"


@functools.cache
def terms_document() -> TermsDocument:
    """The document of version 1, as it is published."""
    return read_document((TERMS / "v1.toml").read_text(), (TERMS / "register.toml").read_text())


def terms(*, at: datetime = NOW - timedelta(days=100)) -> TermsVersion:
    """Version 1 of the terms (docs/terms/v1.toml), in force; the same row when asked again."""
    return publish_terms(document=terms_document(), now=at)


def calendar(*closed: date, at: datetime = NOW - timedelta(days=100)) -> CalendarVersion:
    """A calendar on which Fridays and the days `closed` are off; a new version when asked again."""
    version = CalendarVersion.objects.create(number=CalendarVersion.objects.count() + 1, source="test", made_at=at)
    Holiday.objects.bulk_create([Holiday(date=day, title="تعطیل", added_in=version) for day in closed])
    return version


# ---- Goods ----


def category(
    *, slug: str = "phones", title: str = "گوشی موبایل", parent: Category | None = None, **fields: Any
) -> Category:
    """A category; the same row when asked again."""
    return Category.objects.get_or_create(
        slug=slug,
        defaults={
            "title": title,
            "parent": parent,
            "path": f"{parent.path} > {title}" if parent else title,
            "level": parent.level + 1 if parent else 1,
            **fields,
        },
    )[0]


def brand(*, slug: str = "samsung", name: str = "سامسونگ", name_latin: str = "Samsung", **fields: Any) -> Brand:
    """A brand; the same row when asked again."""
    return Brand.objects.get_or_create(slug=slug, defaults={"name": name, "name_latin": name_latin, **fields})[0]


def product(*, title: str = "", **fields: Any) -> Product:
    """A product without variants."""
    n = number()
    title = title or f"گوشی شماره {n}"
    made = Product.objects.create(
        code=fields.pop("code", f"P{n:04}"),
        slug=fields.pop("slug", f"product-{n:04}"),
        title=title,
        category=fields.pop("category", None) or category(),
        brand=fields.pop("brand", None) or brand(),
        weight_g=fields.pop("weight_g", 400),
        listed_on=fields.pop("listed_on", NOW.date()),
        **fields,
    )
    index([made.pk])
    made.refresh_from_db(fields=["search_head", "search_words"])
    return made


def variant(
    *, on_hand: int = 10, price: int = 1_000_000, list_price: int = 0, allocated: int = 0, **fields: Any
) -> Variant:
    """A variant of a product of its own, counted in the store, with its first price. Rials."""
    n = number()
    made = Variant.objects.create(
        sku=fields.pop("sku", f"SKU-{n:04}"),
        product=fields.pop("product", None) or product(),
        price=price,
        list_price=list_price or price,
        price_basis=fields.pop("price_basis", "market"),
        **fields,
    )
    Stock.objects.create(variant=made, initial=on_hand, on_hand=on_hand, allocated=allocated)
    PriceChange.objects.create(
        variant=made,
        price=made.price,
        list_price=made.list_price,
        reason="import",
        by="test",
        at=NOW - timedelta(days=30),
    )
    return made


# ---- Carts and carriers ----


def carrier(*, slug: str = "post-pishtaz", fee: int = 500_000, **fields: Any) -> Carrier:
    """A carrier that goes everywhere; the same row when asked again."""
    return Carrier.objects.get_or_create(
        slug=slug,
        defaults={"title": "پست پیشتاز", "reach": "all", "fee": fee, "max_weight_g": 30_000, **fields},
    )[0]


def cart(
    *, person: Person | None = None, key: str = "", lines: int | list[tuple[Variant, int]] = 1, at: datetime = NOW
) -> Cart:
    """A cart of `person` (or of a visitor): `lines` variants, one piece of each, or [(variant, quantity)]."""
    made = Cart.objects.create(
        person=person, key=None if person else key or f"visitor-{number():04}", seen_at=at, created_at=at
    )
    pairs = [(variant(), 1) for _ in range(lines)] if isinstance(lines, int) else lines
    CartLine.objects.bulk_create(
        CartLine(cart=made, variant=each, quantity=quantity, seen_price=each.price, added_at=at)
        for each, quantity in pairs
    )
    return made
