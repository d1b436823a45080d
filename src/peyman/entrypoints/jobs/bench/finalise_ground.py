"""What `peyman bench finalise` stands on: goods, and orders that are paid at the bank and not yet here."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from peyman.billing.models import Bill, Payment
from peyman.entrypoints import clock
from peyman.entrypoints.jobs import init
from peyman.kernel import codes
from peyman.people.actions import confirm_mobile, person_of
from peyman.people.models import Person
from peyman.promises.models import TermsVersion
from peyman.promises.queries import terms_in_force, working_calendar
from peyman.shop.catalog.models import Brand, Category, Product, Variant
from peyman.shop.orders.models import Order, OrderLine
from peyman.shop.stock.models import Stock

PRICE = 1_000_000
PLENTY = 10**7
BUYERS = 50
_CHUNK = 500


@dataclass(frozen=True)
class Paid:
    """One order whose money the bank has taken: its payment, and the token that a browser comes back with."""

    order: int
    bill: int
    payment: int
    token: str
    amount: int


@dataclass(frozen=True)
class Ground:
    """Terms, calendar and buyers of a scratch database."""

    terms: TermsVersion
    buyers: Sequence[Person]
    now: datetime


def ground() -> Ground:
    """Publish the terms and the calendar, and let some people have confirmed mobiles."""
    now = clock.now()
    init.publish_terms()
    init.seed_calendar()
    buyers = []
    for n in range(BUYERS):
        person = person_of(mobile=f"+98912{n:07d}", now=now)
        confirm_mobile(person=person, now=now)
        buyers.append(person)
    return Ground(terms_in_force(clock.now()), buyers, now)


def goods(count: int, pieces: int) -> list[Variant]:
    """Put `count` things on the shelf, `pieces` of each."""
    mark = secrets.token_hex(3)
    category = Category.objects.create(slug=f"c-{mark}", title="دسته", path="دسته", level=1)
    brand = Brand.objects.create(slug=f"b-{mark}", name="نشان")
    made = Product.objects.bulk_create(
        [
            Product(
                code=f"BENCH-{mark}-{n}",
                slug=f"bench-{mark}-{n}",
                title=f"کالای {n}",
                category=category,
                brand=brand,
                search_words="",
            )
            for n in range(count)
        ]
    )
    variants = Variant.objects.bulk_create(
        [Variant(sku=f"BENCH-{mark}-{p.pk}", product=p, price=PRICE, list_price=PRICE) for p in made]
    )
    Stock.objects.bulk_create([Stock(variant=v, initial=pieces, on_hand=pieces) for v in variants])
    return variants


def paid_at_the_bank(ground: Ground, count: int, variants: Sequence[Variant], lines: int = 2) -> list[Paid]:
    """Register orders of so many lines (one where there is one thing only), each paid at the bank and not yet here."""
    some = [_some(ground, min(_CHUNK, count - at), at, variants, lines) for at in range(0, count, _CHUNK)]
    return [paid for chunk in some for paid in chunk]


def _some(ground: Ground, count: int, first: int, variants: Sequence[Variant], lines: int) -> list[Paid]:
    now, terms = ground.now, ground.terms
    _, calendar = working_calendar()
    each = min(lines, len(variants))
    total = PRICE * each
    people = [ground.buyers[(first + n) % len(ground.buyers)] for n in range(count)]
    made = [codes.new("ORD") for _ in range(count)]
    bills = Bill.objects.bulk_create(
        [
            Bill(subject=f"order:{code}", person=person, amount=total, created_at=now)
            for code, person in zip(made, people, strict=True)
        ]
    )
    orders = Order.objects.bulk_create(
        [
            Order(
                code=code,
                person=person,
                bill=bill,
                terms=terms,
                terms_sha256=terms.sha256,
                goods_total=total,
                fee_packing=0,
                fee_shipping=0,
                fee_insurance=0,
                total=total,
                shown_total=total,
                recipient="خریدار",
                mobile=person.mobile,
                province="تهران",
                city="تهران",
                street="خیابان آزادی",
                plate="1",
                postal_code="1439955471",
                carrier="post-pishtaz",
                carrier_title="پست",
                buyer_kind="individual",
                placed_at=now,
                processing_date=calendar.processing_date(now),
                pay_until=now + timedelta(days=1),
            )
            for code, person, bill in zip(made, people, bills, strict=True)
        ]
    )
    OrderLine.objects.bulk_create(
        [
            OrderLine(
                order=order,
                variant=variant,
                position=place + 1,
                sku=variant.sku,
                title="کالا",
                quantity=1,
                unit_price=variant.price,
                placed_price=variant.price,
            )
            for n, order in enumerate(orders)
            for place in range(each)
            for variant in [variants[(each * (first + n) + place) % len(variants)]]
        ],
        batch_size=_CHUNK,
    )
    paid = Payment.objects.bulk_create(
        [
            Payment(
                code=codes.new("PAY"),
                bill=bill,
                gateway="zarinpal",
                terminal=settings.ZARINPAL_MERCHANT,
                token="A" + secrets.token_hex(18)[:35],
                amount=total,
                state=Payment.State.PENDING,
                created_at=now,
                token_until=now + timedelta(minutes=20),
                check_at=now + timedelta(minutes=20),
            )
            for bill in bills
        ]
    )
    return [
        Paid(order.pk, bill.pk, payment.pk, str(payment.token), total)
        for order, bill, payment in zip(orders, bills, paid, strict=True)
    ]
