"""Filling and emptying carts. No action here touches stock or prices (D54)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.db.models import Case, F, Q, When

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import TryLater
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import queries, rules
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.carts.queries import Holder
from peyman.shop.stock.rules import SoldOut


@dataclass(frozen=True)
class Put:
    """What filling did: `quantity` pieces lie there now, `before` lay there when we looked."""

    sku: str
    title: str
    slug: str
    quantity: int
    before: int


def of_person(*, person: Person, now: datetime) -> Cart:
    """Return the person's cart, made when there is none."""
    return Cart.objects.get_or_create(person=person, defaults={"seen_at": now, "created_at": now})[0]


def of_visitor(*, key: str, now: datetime) -> Cart:
    """Return the cart of a visitor's `key`, made when there is none."""
    return Cart.objects.get_or_create(key=key, defaults={"seen_at": now, "created_at": now})[0]


def _made(holder: Holder, now: datetime) -> int:
    """Return the key of the holder's cart, made when there is none."""
    owner = {"person_id": holder.person_id} if holder.person_id is not None else {"key": holder.key}
    return Cart.objects.get_or_create(**owner, defaults={"seen_at": now, "created_at": now})[0].pk


@carries_out("D54")
def set_quantity(
    *, cart: Cart | Holder, sku: str, quantity: object, terms: TermsVersion, now: datetime, device: str = ""
) -> Put:
    """Put `quantity` pieces of `sku` in the cart, in place of what was there. Reserves nothing (D54).

    Two statements; one more makes a cart. Raises QuantityInvalid, UnknownSku, NotOnSale (D27), SoldOut (D28), CartFull.
    """
    return _fill(cart, sku, quantity, terms, now, device, adds=False)


def add(
    *, cart: Cart | Holder, sku: str, quantity: object, terms: TermsVersion, now: datetime, device: str = ""
) -> Put:
    """Put `quantity` more pieces of `sku` in the cart; two that add at once both count.

    Refuses as `set_quantity` does.
    """
    return _fill(cart, sku, quantity, terms, now, device, adds=True)


@carries_out("D54")
def _fill(
    whose: Cart | Holder, sku: str, asked: object, terms: TermsVersion, now: datetime, device: str, *, adds: bool
) -> Put:
    limit = parameter(terms.parameters, "max_quantity")
    n = rules.quantity(asked, limit)
    for _ in range(3):  # a line that came or went between the look and the writing is looked at again
        known = queries.known(sku, whose)
        if known is None:
            raise rules.UnknownSku(sku=sku)
        variant, title = known.variant, queries.title_of(known.variant)
        if not (variant.is_on_sale and variant.product.is_on_sale):
            raise rules.NotOnSale(title=title)
        wanted = rules.quantity(known.there + n if adds else n, limit)
        left = queries.sellable(variant)
        if left < wanted:
            raise SoldOut(title=title, left=max(0, left))
        if not known.is_there and known.lines >= rules.MAX_LINES:
            raise rules.CartFull(limit=rules.MAX_LINES)
        cart_id = known.cart_id or (whose.pk if isinstance(whose, Cart) else _made(whose, now))
        try:
            lies = _write(cart_id, variant.pk, n, variant.price, now, device, most=min(limit, left), keeps=adds)
        except IntegrityError:  # the cart was merged into another just now
            if connection.in_atomic_block:
                raise
            continue
        if lies is not None:
            return Put(sku, title, variant.product.slug, lies, known.there)
    raise TryLater


def _write(
    cart_id: int,
    variant_id: int,
    n: int,
    price: int,
    now: datetime,
    device: str,
    *,
    most: int,
    keeps: bool,
    is_later: bool = False,
) -> int | None:
    """Write one line in one statement and return its pieces; None where that would be more than `most`.

    `keeps`: what lies there already stays beside the new pieces. Whoever writes at the same moment is neither lost nor
    doubled: the line's own row decides.
    """
    table = CartLine._meta.db_table
    kept = f"CASE WHEN {table}.is_later THEN 0 ELSE {table}.quantity END + " if keeps else ""
    at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (cart_id, variant_id, quantity, seen_price, added_at, is_later, device, changed_at) "  # noqa: S608  names are ours
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (cart_id, variant_id) DO UPDATE "
            f"SET quantity = {kept}excluded.quantity, is_later = excluded.is_later, device = excluded.device, "
            f"changed_at = excluded.changed_at WHERE {kept}excluded.quantity <= %s RETURNING quantity",
            [cart_id, variant_id, n, price, at, is_later, device[:12], at, most],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else None


def put_back(
    *, cart: Cart | Holder, sku: str, quantity: object, is_later: bool, terms: TermsVersion, now: datetime
) -> None:
    """Put back what was just taken out, sold out or not: it is told there as it stands.

    Raises QuantityInvalid, UnknownSku, CartFull.
    """
    limit = parameter(terms.parameters, "max_quantity")
    n, known = rules.quantity(quantity, limit), queries.known(sku, cart)
    if known is None:
        raise rules.UnknownSku(sku=sku)
    if not known.is_there and known.lines >= rules.MAX_LINES:
        raise rules.CartFull(limit=rules.MAX_LINES)
    cart_id = known.cart_id or (cart.pk if isinstance(cart, Cart) else _made(cart, now))
    _write(cart_id, known.variant.pk, n, known.variant.price, now, "", most=limit, keeps=False, is_later=is_later)


def remove(*, cart: Cart | Holder, sku: str) -> queries.LineView | None:
    """Take `sku` out of the cart and return what lay there; None when it is not there."""
    row = (
        queries.lines_of(cart)
        .filter(variant__sku=sku)
        .select_related("variant__product__category", "variant__stock")
        .first()
    )
    if row is None or not CartLine.objects.filter(pk=row.pk).delete()[0]:
        return None
    return queries.line_view(row)


def put_aside(*, cart: Cart | Holder, sku: str, now: datetime, device: str = "") -> bool:
    """Keep a line for later: it is no longer in the sum and in no order. Says whether it was there."""
    lines = queries.lines_of(cart).filter(variant__sku=sku, is_later=False)
    return bool(lines.update(is_later=True, device=device[:12], changed_at=now))


def empty(*, cart: Cart, variants: Iterable[int] | None = None) -> None:
    """Take out what was ordered (`variants`, all when None); what is put aside for later stays."""
    lines = CartLine.objects.filter(cart=cart, is_later=False)
    (lines if variants is None else lines.filter(variant_id__in=list(variants))).delete()


@carries_out("D56")
def fit(*, cart: Cart | Holder, limit: int, now: datetime, device: str = "") -> None:
    """Take out what is gone, and lower what there is less of or what is above the `limit` of an order.

    The number of statements does not grow with the lines.
    """
    rows = list(
        queries.lines_of(cart)
        .filter(is_later=False)
        .select_related("variant__product", "variant__stock")
        .order_by("pk")
    )
    gone, fewer = [], []
    for row in rows:
        left = min(max(0, queries.sellable(row.variant)), limit)
        if not left:
            gone.append(row.pk)
        elif left < row.quantity:
            row.quantity, row.device, row.changed_at = left, device[:12], now
            fewer.append(row)
    CartLine.objects.filter(pk__in=gone).delete()
    CartLine.objects.bulk_update(fewer, ["quantity", "device", "changed_at"])


def mark_seen(*, cart: Cart, now: datetime, shown: Mapping[int, int] | None = None) -> None:
    """Remember the prices that were just shown: the next notices are told against them (D56).

    `shown`: variant → the price on the page, where it differs from the one before; None: whatever stands now. What
    found no place at a merge was told with them.
    """
    Cart.objects.filter(pk=cart.pk).update(seen_at=now, left_out=[])
    lines = CartLine.objects.filter(cart=cart)
    if shown is None:
        changed = lines.exclude(seen_price=F("variant__price")).values_list("variant_id", "variant__price")
        shown = dict(changed)
    if shown:
        prices = Case(*(When(variant_id=variant, then=price) for variant, price in shown.items()))
        lines.filter(variant_id__in=list(shown)).update(seen_price=prices)


@transaction.atomic
def merge(*, visitor_key: str, person: Person, now: datetime) -> Cart:
    """Move a visitor's cart to the person who just logged in; the larger number of a variant stays.

    What does not fit any more is named in the cart's `left_out`. Two log-ins at once move it once.
    """
    mine = of_person(person=person, now=now)
    if not visitor_key:
        return mine
    # In the order of their keys, so that two who merge never wait for each other; on SQLite there is one writer anyway.
    both = Q(pk=mine.pk) | Q(key=visitor_key, person=None)
    found = {each.pk: each for each in Cart.objects.select_for_update().filter(both).order_by("pk")}
    mine = found.pop(mine.pk)
    theirs = next(iter(found.values()), None)
    if theirs is None:
        return mine
    there = set(mine.lines.values_list("variant_id", flat=True))
    lines = list(theirs.lines.select_related("variant__product").order_by("is_later", "added_at", "pk"))
    room = max(0, rules.MAX_LINES - len(there))
    fresh = [line for line in lines if line.variant_id not in there]
    left_out = fresh[room:]
    _join(mine.pk, theirs.pk, [line.variant_id for line in left_out])
    if left_out:
        mine.left_out = [*mine.left_out, *(queries.title_of(line.variant) for line in left_out)][: rules.MAX_LINES]
        mine.save(update_fields=["left_out"])
    theirs.lines.all().delete()
    theirs.delete()
    return mine


def _join(mine: int, theirs: int, without: list[int]) -> None:
    """Copy the lines of one cart into another: the larger number stays, and what is wanted now stays wanted now.

    No device set them: the mark of this one has just changed with its session.
    """
    table = CartLine._meta.db_table
    kept = ", ".join(["%s"] * len(without)) or "NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (cart_id, variant_id, quantity, seen_price, added_at, is_later, device, changed_at) "  # noqa: S608  names are ours
            "SELECT %s, variant_id, quantity, seen_price, added_at, is_later, '', changed_at "
            f"FROM {table} WHERE cart_id = %s AND (variant_id NOT IN ({kept}) OR %s) ORDER BY added_at, id "
            "ON CONFLICT (cart_id, variant_id) DO UPDATE SET quantity = CASE "
            f"WHEN {table}.is_later AND NOT excluded.is_later THEN excluded.quantity "
            f"WHEN excluded.is_later AND NOT {table}.is_later THEN {table}.quantity "
            f"WHEN excluded.quantity > {table}.quantity THEN excluded.quantity ELSE {table}.quantity END, "
            f"is_later = ({table}.is_later AND excluded.is_later)",
            [mine, theirs, *without, not without],
        )


@carries_out("D58")
def sweep_left(*, days: int, now: datetime, limit: int = 500) -> int:
    """Remove carts not seen for `days` days (D58). Touches neither stock nor price. Returns how many."""
    old = list(
        Cart.objects.filter(seen_at__lt=now - timedelta(days=days)).order_by("pk").values_list("pk", flat=True)[:limit]
    )
    CartLine.objects.filter(cart_id__in=old).delete()
    return Cart.objects.filter(pk__in=old).delete()[1].get("carts.Cart", 0)
