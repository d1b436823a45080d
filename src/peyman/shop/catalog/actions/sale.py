"""Selling stops and resumes: all of it, a category, a product or a variant (D25, D27)."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.catalog.actions.prices import turn
from peyman.shop.catalog.models import Category, Product, SaleSwitch, Variant
from peyman.shop.catalog.queries.sale import keys_in_force

Scope = SaleSwitch.Scope


@carries_out("D25", "D27")
@transaction.atomic
def switch_sale(*, scope: str, key: str = "", on: bool, reason: str, by: str, now: datetime) -> SaleSwitch:
    """Stop (`on=False`) or resume selling, and remember why. `key`: a category's slug, a product's code, a SKU.

    The shop takes everything along, a category all below it. What resumes comes back but for what stands under another
    stop. What is stopped can neither be put into a cart nor ordered; orders that are registered go on (D26).
    Raises Missing for a key that names nothing.
    """
    scope = Scope(scope)
    list(Category.objects.select_for_update().order_by("pk").values_list("pk"))  # one switch at a time
    if scope == Scope.VARIANT:
        _found(Variant.objects.filter(sku=key).update(is_on_sale=on))
        products = Product.objects.filter(variants__sku=key)
        Product.objects.filter(pk__in=products.values("pk")).update(version=F("version") + 1)
        return _remembered(scope, key, on, reason, by, now)
    if scope == Scope.PRODUCT:
        products = Product.objects.filter(code=key)
        categories = Category.objects.none()
        _found(products.count())
    else:
        categories = _subtree(key) if scope == Scope.CATEGORY else Category.objects.all()
        _found(categories.count())
        products = Product.objects.filter(category__in=categories.values("pk"))
    switch = _remembered(scope, key, on, reason, by, now)
    if on:
        stopped = keys_in_force()
        categories = categories.exclude(pk__in=_stopped_categories(stopped))
        products = products.exclude(category__in=_stopped_categories(stopped))
        products = products.exclude(code__in=[code for scope_, code in stopped if scope_ == Scope.PRODUCT])
    keys = list(categories.values_list("pk", flat=True))
    Category.objects.filter(pk__in=keys).update(is_on_sale=on)
    Product.objects.filter(pk__in=products.values("pk")).update(is_on_sale=on, version=F("version") + 1)
    return switch


def _remembered(scope: str, key: str, on: bool, reason: str, by: str, now: datetime) -> SaleSwitch:
    switch = SaleSwitch.objects.create(scope=scope, key=key, is_on=on, reason=reason[:200], by=by[:60], at=now)
    turn()
    return switch


def _found(rows: int) -> None:
    if not rows:
        raise Missing


def _subtree(slug: str) -> QuerySet[Category]:
    top = Category.objects.filter(slug=slug).first()
    if top is None:
        raise Missing
    return Category.objects.filter(_below([top]))


def _below(tops: Iterable[Category]) -> Q:
    below = Q(pk__in=[])
    for top in tops:
        below |= Q(pk=top.pk) | Q(path__startswith=f"{top.path} > ")
    return below


def _stopped_categories(stopped: set[tuple[str, str]]) -> list[int]:
    """The categories under a stop of their own, of one above them, or of the shop."""
    if (Scope.SHOP, "") in stopped:
        return list(Category.objects.values_list("pk", flat=True))
    slugs = [slug for scope, slug in stopped if scope == Scope.CATEGORY]
    if not slugs:
        return []
    tops = list(Category.objects.filter(slug__in=slugs))
    return list(Category.objects.filter(_below(tops)).values_list("pk", flat=True))
