"""Registering an order: the buyer's consent to a total, a version of the terms and an address."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.db import IntegrityError, transaction

from peyman.billing import actions as billing
from peyman.billing.rules import KeyReused
from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries as terms_queries
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import actions as carts
from peyman.shop.carts import rules as cart_rules
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.carts.queries import sellable, title_of
from peyman.shop.catalog.models import Variant
from peyman.shop.offers import actions as offers
from peyman.shop.orders.actions import addresses, notes
from peyman.shop.orders.models import Order, OrderEvent, OrderLine, ProForma
from peyman.shop.orders.rules import money, states
from peyman.shop.orders.rules.form import Buyer, Delivery
from peyman.shop.stock.rules import SoldOut


@dataclass(frozen=True)
class Placed:
    """`created` is False when the same request had been answered before."""

    order: Order
    created: bool


class Carrier(Protocol):
    """The carrier that was chosen, as a door reads it from the shipping room (which knows of orders, not we of it)."""

    @property
    def slug(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def fee(self) -> int: ...  # rials
    @property
    def is_express(self) -> bool: ...  # to the street door (D53)


def place(
    *,
    person: Person,
    lines: Sequence[tuple[str, object]] | None,
    cart: Cart | None = None,
    shown_total: int,
    terms_version: int,
    delivery: Delivery,
    buyer: Buyer,
    carrier: Carrier,
    key: str | None = None,
    request_hash: str = "",
    now: datetime,
) -> Placed:
    """Register an order for `lines` (SKU, quantity), or for what lies in `cart`, which it empties.

    The order reserves nothing: stock and price are committed when its cart code is issued (D57).
    The number of queries does not grow with the lines.

    Raises TermsChanged (D05), TotalRose (D56) with both numbers, SoldOut (D28), UnknownSku,
    NotOnSale (D27), QuantityInvalid, NothingToOrder, SameSkuTwice, KeyReused, PublicPlace (D49). Nothing is
    written then.
    """
    if key and (earlier := _earlier(person, key, request_hash)):
        return earlier
    addresses.assert_deliverable(person=person, delivery=delivery)
    try:
        with transaction.atomic():
            return Placed(
                order=_register(
                    person=person,
                    lines=_lines_of(lines, cart),
                    cart=cart if lines is None else None,
                    shown_total=shown_total,
                    terms=_accepted(terms_version, now),
                    delivery=delivery,
                    buyer=buyer,
                    carrier=carrier,
                    key=key,
                    request_hash=request_hash,
                    now=now,
                ),
                created=True,
            )
    except IntegrityError:
        # The same key a moment ago: the unique constraint decided which request was first.
        earlier = _earlier(person, key, request_hash) if key else None
        if earlier is None:
            raise
        return earlier


def _earlier(person: Person, key: str, request_hash: str) -> Placed | None:
    order = Order.objects.filter(person=person, idempotency_key=key).first()
    if order is None:
        return None
    if order.request_hash != request_hash:
        raise KeyReused
    return Placed(order=order, created=False)


@carries_out("D03")
def _accepted(number: int, now: datetime) -> TermsVersion:
    """Return the version in force, when it is the one the buyer accepted."""
    current = terms_queries.terms_in_force(now)
    if number != current.number:
        raise money.TermsChanged(current=current.number)
    return current


def _lines_of(lines: Sequence[tuple[str, object]] | None, cart: Cart | None) -> list[tuple[str, object]]:
    if lines is None:
        lying = CartLine.objects.filter(cart=cart, is_later=False) if cart else CartLine.objects.none()
        lines = list(lying.order_by("added_at", "pk").values_list("variant__sku", "quantity"))
    if not lines:
        raise money.NothingToOrder
    if len(lines) > cart_rules.MAX_LINES:
        raise cart_rules.CartFull(limit=cart_rules.MAX_LINES)
    seen: set[str] = set()
    for sku, _ in lines:
        if sku in seen:
            raise money.SameSkuTwice(sku)
        seen.add(sku)
    return list(lines)


@carries_out("D02", "D06", "D22", "D23", "D24")
def _register(
    *,
    person: Person,
    lines: list[tuple[str, object]],
    cart: Cart | None,
    shown_total: int,
    terms: TermsVersion,
    delivery: Delivery,
    buyer: Buyer,
    carrier: Carrier,
    key: str | None,
    request_hash: str,
    now: datetime,
) -> Order:
    asked = _asked(lines, parameter(terms.parameters, "max_quantity"), now)
    goods = sum(variant.price * n for variant, n in asked)
    fees = cart_rules.fees(
        goods,
        packing_fee=parameter(terms.parameters, "packing_fee"),
        insurance_permille=parameter(terms.parameters, "insurance_permille"),
        carrier_fee=carrier.fee,
    )
    total = money.agreed(shown_total=shown_total, total=goods + fees.total)
    code = codes.new("ORD")
    _, calendar = terms_queries.working_calendar()
    order = Order.objects.create(
        code=code,
        person=person,
        bill=billing.open_bill(subject=f"order:{code}", person=person, amount=total, now=now),
        terms=terms,
        terms_sha256=terms.sha256,
        goods_total=goods,
        fee_packing=fees.packing,
        fee_shipping=fees.shipping,
        fee_insurance=fees.insurance,
        total=total,
        shown_total=shown_total,
        recipient=delivery.recipient,
        mobile=delivery.mobile,
        landline=delivery.landline,
        province=delivery.province,
        city=delivery.city,
        street=delivery.street,
        plate=delivery.plate,
        unit=delivery.unit,
        postal_code=delivery.postal_code,
        carrier=carrier.slug,
        carrier_title=carrier.title,
        is_express=carrier.is_express,
        buyer_kind=buyer.kind,
        buyer=buyer.particulars(),
        placed_at=now,
        processing_date=calendar.processing_date(now),
        pay_until=now + timedelta(hours=parameter(terms.parameters, "order_hours")),
        idempotency_key=key,
        request_hash=request_hash,
    )
    rows = OrderLine.objects.bulk_create(
        [
            OrderLine(
                order=order,
                variant=variant,
                position=place_,
                sku=variant.sku,
                title=title_of(variant),
                quantity=n,
                unit_price=variant.price,
                placed_price=variant.price,
            )
            for place_, (variant, n) in enumerate(asked, start=1)
        ]
    )
    step = states.step("", "place")
    OrderEvent.objects.create(order=order, event="place", to_state=step.to, by="customer", clause=step.clause, at=now)
    promises.accept(person=person, version=terms, kind="order", subject=f"order:{code}", now=now)
    write_pro_forma(order=order, person=person, lines=rows, version=1, now=now)
    if cart is not None:
        carts.empty(cart=cart, variants=[variant.pk for variant, _ in asked])
    return order


def _asked(lines: list[tuple[str, object]], limit: int, now: datetime) -> list[tuple[Variant, int]]:
    """Return variants and quantities, when each can be bought at this moment; an offer that is over is none."""
    wanted = {sku: cart_rules.quantity(n, limit) for sku, n in lines}
    rows = Variant.objects.select_related("product", "stock").filter(sku__in=wanted)
    found = {variant.sku: variant for variant in rows}
    if offers.settle(((variant.pk, variant.offer_until) for variant in found.values()), now=now):
        found = {variant.sku: variant for variant in rows.all()}
    for sku, n in wanted.items():
        variant = found.get(sku)
        if variant is None:
            raise cart_rules.UnknownSku(sku=sku)
        if not (variant.is_on_sale and variant.product.is_on_sale):
            raise cart_rules.NotOnSale(title=title_of(variant))
        if (left := sellable(variant)) < n:
            raise SoldOut(title=title_of(variant), left=max(0, left))
    return [(found[sku], n) for sku, n in wanted.items()]


@carries_out("D24")
def write_pro_forma(*, order: Order, person: Person, lines: list[OrderLine], version: int, now: datetime) -> None:
    """Write a version of the pro-forma, queue it, and promise that it leaves in time (D24)."""
    paper = ProForma.objects.create(
        order=order,
        version=version,
        total=order.total,
        lines=[
            {"sku": line.sku, "title": line.title, "quantity": line.quantity, "unit_price": line.unit_price}
            for line in lines
        ],
        at=now,
    )
    messages.queue_many([notes.pro_forma(order, person, paper, lines, now)], now=now)
    promises.make_many(
        [
            promises.NewPromise(
                clause="D24",
                kind="pro_forma",
                subject=f"message:{notes.pro_forma_key(order.code, version)}",
                order=order.code,
                person_id=person.pk,
                what="فرستادن پیش‌فاکتور و ورود به صف پردازش" if version == 1 else "فرستادن پیش‌فاکتور تازه",
                terms=order.terms,
                start=now,
                hours=parameter(order.terms.parameters, "pro_forma_hours"),
                hours_kind="calendar",
                province=order.province,
            )
        ],
        now=now,
    )
