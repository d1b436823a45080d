"""Filling and emptying carts. No action here touches stock or prices (D54)."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import queries, rules
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.stock.rules import SoldOut


def of_person(*, person: Person, now: datetime) -> Cart:
    """Return the person's cart, made when there is none."""
    return Cart.objects.get_or_create(person=person, defaults={"seen_at": now, "created_at": now})[0]


def of_visitor(*, key: str, now: datetime) -> Cart:
    """Return the cart of a visitor's `key`, made when there is none."""
    return Cart.objects.get_or_create(key=key, defaults={"seen_at": now, "created_at": now})[0]


@carries_out("D54")
@transaction.atomic
def set_quantity(*, cart: Cart, sku: str, quantity: object, terms: TermsVersion, now: datetime) -> CartLine:
    """Put `quantity` pieces of `sku` in the cart, in place of what was there. Reserves nothing (D54).

    Raises QuantityInvalid, UnknownSku, NotOnSale (D27), SoldOut (D28), CartFull.
    """
    n = rules.quantity(quantity, parameter(terms.parameters, "max_quantity"))
    variant = Variant.objects.select_related("product", "stock").filter(sku=sku).first()
    if variant is None:
        raise rules.UnknownSku(sku=sku)
    if not (variant.is_on_sale and variant.product.is_on_sale):
        raise rules.NotOnSale(title=queries.title_of(variant))
    left = queries.sellable(variant)
    if left < n:
        raise SoldOut(title=queries.title_of(variant), left=max(0, left))
    line, made = CartLine.objects.get_or_create(
        cart=cart, variant=variant, defaults={"quantity": n, "seen_price": variant.price, "added_at": now}
    )
    if not made:
        CartLine.objects.filter(pk=line.pk).update(quantity=n)
        line.quantity = n
    elif cart.lines.count() > rules.MAX_LINES:
        raise rules.CartFull(limit=rules.MAX_LINES)
    return line


def add(*, cart: Cart, sku: str, quantity: object, terms: TermsVersion, now: datetime) -> CartLine:
    """Put `quantity` more pieces of `sku` in the cart. Refuses as `set_quantity` does."""
    more = rules.quantity(quantity, parameter(terms.parameters, "max_quantity"))
    there = CartLine.objects.filter(cart=cart, variant__sku=sku).values_list("quantity", flat=True).first() or 0
    return set_quantity(cart=cart, sku=sku, quantity=there + more, terms=terms, now=now)


def remove(*, cart: Cart, sku: str) -> None:
    """Take `sku` out of the cart; nothing happens when it is not there."""
    CartLine.objects.filter(cart=cart, variant__sku=sku).delete()


def empty(*, cart: Cart) -> None:
    CartLine.objects.filter(cart=cart).delete()


def mark_seen(*, cart: Cart, now: datetime) -> None:
    """Remember the prices that were just shown: the next notices are told against them (D56)."""
    Cart.objects.filter(pk=cart.pk).update(seen_at=now)
    changed = [
        line
        for line in CartLine.objects.filter(cart=cart).exclude(seen_price=F("variant__price")).select_related("variant")
    ]
    for line in changed:
        line.seen_price = line.variant.price
    CartLine.objects.bulk_update(changed, ["seen_price"])


@transaction.atomic
def merge(*, visitor_key: str, person: Person, now: datetime) -> Cart:
    """Move a visitor's cart to the person who just logged in; the larger number of a variant stays."""
    mine = of_person(person=person, now=now)
    theirs = Cart.objects.filter(key=visitor_key, person=None).first() if visitor_key else None
    if theirs is None:
        return mine
    there = {line.variant_id: line for line in mine.lines.all()}
    moved, raised = [], []
    for line in theirs.lines.all():
        old = there.get(line.variant_id)
        if old is None:
            moved.append(
                CartLine(
                    cart=mine,
                    variant_id=line.variant_id,
                    quantity=line.quantity,
                    seen_price=line.seen_price,
                    added_at=line.added_at,
                )
            )
        elif line.quantity > old.quantity:
            old.quantity = line.quantity
            raised.append(old)
    CartLine.objects.bulk_create(moved[: rules.MAX_LINES - len(there)])
    CartLine.objects.bulk_update(raised, ["quantity"])
    theirs.delete()
    return mine


@carries_out("D58")
def sweep_left(*, days: int, now: datetime, limit: int = 500) -> int:
    """Remove carts not seen for `days` days (D58). Touches neither stock nor price. Returns how many."""
    old = list(
        Cart.objects.filter(seen_at__lt=now - timedelta(days=days)).order_by("pk").values_list("pk", flat=True)[:limit]
    )
    CartLine.objects.filter(cart_id__in=old).delete()
    return Cart.objects.filter(pk__in=old).delete()[1].get("carts.Cart", 0)
