"""Selling stops and resumes: all of it, a category, a product or a variant (D27)."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.shop.catalog.actions.prices import turn
from peyman.shop.catalog.models import Category, Product, SaleSwitch, Variant

Scope = SaleSwitch.Scope


@carries_out("D27")
@transaction.atomic
def switch_sale(*, scope: str, key: str = "", on: bool, reason: str, by: str, now: datetime) -> SaleSwitch:
    """Stop (`on=False`) or resume selling, and remember why. `key`: a category's slug, a product's code, a SKU.

    A category takes all below it along. When it, or the whole shop, resumes, products that were stopped on their
    own account stay stopped. What is stopped can neither be put into a cart nor ordered; final orders stand.
    Raises Missing for a key that names nothing.
    """
    scope = Scope(scope)
    if scope == Scope.VARIANT:
        _found(Variant.objects.filter(sku=key).update(is_on_sale=on))
        products = Product.objects.filter(variants__sku=key)
        Product.objects.filter(pk__in=products.values("pk")).update(version=F("version") + 1)
    elif scope == Scope.PRODUCT:
        _found(Product.objects.filter(code=key).update(is_on_sale=on, version=F("version") + 1))
    else:
        categories = _subtree(key) if scope == Scope.CATEGORY else Category.objects.all()
        _found(categories.update(is_on_sale=on))
        products = Product.objects.filter(category__in=categories.values("pk"))
        if on:
            products = products.exclude(pk__in=_stopped_alone(products).values("pk"))
        Product.objects.filter(pk__in=products.values("pk")).update(is_on_sale=on, version=F("version") + 1)
    switch = SaleSwitch.objects.create(scope=scope, key=key, is_on=on, reason=reason, by=by, at=now)
    turn()
    return switch


def _found(rows: int) -> None:
    if not rows:
        raise Missing


def _subtree(slug: str) -> QuerySet[Category]:
    top = Category.objects.filter(slug=slug).first()
    if top is None:
        raise Missing
    return Category.objects.filter(Q(pk=top.pk) | Q(path__startswith=f"{top.path} > "))


def _stopped_alone(products: QuerySet[Product]) -> QuerySet[Product]:
    switches = SaleSwitch.objects.filter(scope=Scope.PRODUCT, key=OuterRef("code")).order_by("-pk")
    return products.alias(last=Subquery(switches.values("is_on")[:1])).filter(last=False)
