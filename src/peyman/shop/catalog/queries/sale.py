"""What is not for sale because somebody stopped it, and the log of that (D25, D27)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from peyman.shop.catalog.models import Category, Product, SaleSwitch, Variant

Scope = SaleSwitch.Scope


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop in force. `key`: "" of the shop, else a category's slug, a product's code, a SKU; `title` names it."""

    scope: str
    key: str
    title: str
    reason: str
    by: str
    at: datetime


def stops() -> list[Stop]:
    """Return every stop in force, the widest first. Four queries at most."""
    rows = _in_force()
    titles = _titles(rows)
    order = [scope.value for scope in Scope]
    found = [
        Stop(row.scope, row.key, titles.get((row.scope, row.key), row.key), row.reason, row.by, row.at) for row in rows
    ]
    return sorted(found, key=lambda stop: (order.index(stop.scope), stop.title, stop.key))


def keys_in_force() -> set[tuple[str, str]]:
    """Return (scope, key) of every stop in force. One query."""
    return {(row.scope, row.key) for row in _in_force()}


def shop_stopped_at() -> datetime | None:
    """Return since when no order is taken at all; None while orders are taken. One query."""
    last = SaleSwitch.objects.filter(scope=Scope.SHOP, key="").order_by("-pk").values_list("is_on", "at").first()
    return last[1] if last and not last[0] else None


def stop_of(*, code: str, categories: Sequence[str]) -> Stop | None:
    """Return the widest stop in force that a product stands under: of the shop, one of its categories (slugs from the
    top), or itself. None where nobody wrote one down. One query.
    """
    wanted = {(Scope.SHOP.value, ""), (Scope.PRODUCT.value, code)} | {(Scope.CATEGORY.value, key) for key in categories}
    rows = {(row.scope, row.key): row for row in _in_force() if (row.scope, row.key) in wanted}
    ways = [
        (Scope.SHOP.value, ""), *((Scope.CATEGORY.value, key) for key in categories), (Scope.PRODUCT.value, code),
    ]  # fmt: skip
    row = next((rows[way] for way in ways if way in rows), None)
    return Stop(row.scope, row.key, "", row.reason, row.by, row.at) if row else None


def log(*, limit: int = 100) -> list[tuple[SaleSwitch, str]]:
    """Return the last switches with what each is called, the newest first. Four queries at most."""
    rows = list(SaleSwitch.objects.order_by("-pk")[:limit])
    titles = _titles(rows)
    return [(row, titles.get((row.scope, row.key), row.key)) for row in rows]


def _in_force() -> list[SaleSwitch]:
    newest = SaleSwitch.objects.order_by().values("scope", "key").annotate(last=Max("pk")).values("last")
    return list(SaleSwitch.objects.filter(pk__in=newest, is_on=False))


def _titles(rows: Sequence[SaleSwitch]) -> dict[tuple[str, str], str]:
    keys: dict[str, list[str]] = {}
    for row in rows:
        keys.setdefault(row.scope, []).append(row.key)
    found: dict[tuple[str, str], str] = {(Scope.SHOP.value, ""): "همه فروشگاه"}
    if wanted := keys.get(Scope.CATEGORY):
        for slug, path in Category.objects.filter(slug__in=wanted).values_list("slug", "path"):
            found[Scope.CATEGORY.value, slug] = path.replace(" > ", "، ")
    if wanted := keys.get(Scope.PRODUCT):
        for code, title in Product.objects.filter(code__in=wanted).values_list("code", "title"):
            found[Scope.PRODUCT.value, code] = title
    if wanted := keys.get(Scope.VARIANT):
        rows_ = Variant.objects.filter(sku__in=wanted).values_list("sku", "product__title", "color", "size")
        for sku, *words in rows_:
            found[Scope.VARIANT.value, sku] = "، ".join(word for word in words if word)
    return found
