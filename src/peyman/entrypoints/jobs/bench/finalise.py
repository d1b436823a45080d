"""Cart codes per second, held against the same rows written by bare SQL."""

import secrets
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from peyman.billing.actions import Capture
from peyman.billing.models import Bill, Entry, Payment
from peyman.entrypoints import clock
from peyman.entrypoints.finaliser import finalise
from peyman.entrypoints.jobs import init
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.console import tell
from peyman.kernel import codes
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import CalendarVersion, Promise, TermsVersion
from peyman.promises.queries import terms_in_force
from peyman.shop.catalog.models import Brand, Category, Product, Variant
from peyman.shop.orders.models import Order, OrderEvent, OrderLine
from peyman.shop.stock.models import Stock

BATCH = 50


@contextmanager
def scratch_database() -> Iterator[None]:
    """A database of our own beside the configured one, as durable as it, and gone afterwards."""
    kept = str(settings.DATABASES["default"]["NAME"])
    with tempfile.TemporaryDirectory(prefix="peyman-bench-", dir=settings.DATA_DIR) as folder:
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = f"{folder}/bench.sqlite3"
        else:
            connection.settings_dict["TEST"]["NAME"] = f"peyman_bench_{secrets.token_hex(4)}"
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(kept, verbosity=0)


def _ground(now: datetime) -> tuple[TermsVersion, Person]:
    init.publish_terms()
    init.seed_calendar()
    terms = terms_in_force(clock.now())
    person = Person.objects.create(
        code=codes.new("PER"), mobile="+989120000000", mobile_confirmed_at=now, full_name="خریدار", created_at=now
    )
    return terms, person


def _goods(n: int, pieces: int) -> list[Variant]:
    category = Category.objects.create(slug=f"c-{n}", title="دسته", path="دسته", level=1)
    brand = Brand.objects.create(slug=f"b-{n}", name="نشان")
    made = Product.objects.bulk_create(
        [
            Product(
                code=f"BENCH-{n}-{i}",
                slug=f"bench-{n}-{i}",
                title=f"کالای {i}",
                category=category,
                brand=brand,
                search_words="",
                search_joined="",
            )
            for i in range(n)
        ]
    )
    variants = Variant.objects.bulk_create(
        [Variant(sku=f"BENCH-{n}-{p.pk}", product=p, price=1_000_000, list_price=1_000_000) for p in made]
    )
    Stock.objects.bulk_create([Stock(variant=v, initial=pieces, on_hand=pieces) for v in variants])
    return variants


def _paid_at_the_bank(
    count: int, variants: list[Variant], terms: TermsVersion, person: Person, now: datetime
) -> list[Capture]:
    """Registered orders of two lines (one where there is one thing only), paid at the bank and not yet here."""
    made = [codes.new("ORD") for _ in range(count)]
    total = 1_000_000 * min(2, len(variants))
    bills = Bill.objects.bulk_create(
        [Bill(subject=f"order:{code}", person=person, amount=total, created_at=now) for code in made]
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
                street="خیابان",
                plate="1",
                postal_code="1439955471",
                carrier="post-pishtaz",
                carrier_title="پست",
                buyer_kind="individual",
                placed_at=now,
                processing_date=now.date(),
                pay_until=now,
            )
            for code, bill in zip(made, bills, strict=True)
        ]
    )
    lines = []
    for n, order in enumerate(orders):
        for place in range(min(2, len(variants))):
            variant = variants[(2 * n + place) % len(variants)]
            lines.append(
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
            )
    OrderLine.objects.bulk_create(lines, batch_size=500)
    paid = Payment.objects.bulk_create(
        [
            Payment(
                code=codes.new("PAY"),
                bill=bill,
                gateway="zarinpal",
                terminal="m",
                token=secrets.token_hex(18),
                amount=total,
                state=Payment.State.VERIFYING,
                created_at=now,
                token_until=now,
            )
            for bill in bills
        ]
    )
    return [Capture(payment.pk, secrets.token_hex(8), "") for payment in paid]


def _rate(captures: list[Capture], batch: int, now: datetime) -> float:
    """Orders made final per second, `batch` to a commit."""
    begun = time.perf_counter()
    done = sum(len(finalise(captures[at : at + batch], now)) for at in range(0, len(captures), batch))
    spent = time.perf_counter() - begun
    if done != len(captures):
        raise AssertionError(f"{len(captures) - done} orders were not made final")
    return done / spent


def _bare(captures: list[Capture], batch: int, now: datetime) -> float:
    """The same rows by bare SQL on one connection, nothing decided, nothing read: what the database itself takes."""
    payments = {p.pk: p for p in Payment.objects.filter(pk__in=[c.payment_id for c in captures])}
    orders = {o.bill_id: o for o in Order.objects.filter(bill__in=[p.bill_id for p in payments.values()])}
    lines: dict[int, list[int]] = {}
    for key, variant in OrderLine.objects.filter(order__in=orders.values()).values_list("order", "variant"):
        lines.setdefault(key, []).append(variant)
    calendar = CalendarVersion.objects.latest("pk").pk
    place = "%s"
    at: Any = now if connection.vendor == "postgresql" else str(now).removesuffix("+00:00")

    def insert(table: str, **columns: Any) -> tuple[str, list[Any]]:
        names = ", ".join(connection.ops.quote_name(name) for name in columns)
        return (
            f"INSERT INTO {table} ({names}) VALUES ({', '.join([place] * len(columns))})",  # noqa: S608 - our own names
            list(columns.values()),
        )

    begun = time.perf_counter()
    for start in range(0, len(captures), batch):
        rows: dict[str, list[list[Any]]] = {}

        def add(statement: str, values: list[Any], rows: dict[str, list[list[Any]]] = rows) -> None:
            rows.setdefault(statement, []).append(values)

        for capture in captures[start : start + batch]:
            payment = payments[capture.payment_id]
            order = orders[payment.bill_id]
            add(
                "UPDATE billing_payment SET state='captured', refnum=%s, captured_at=%s, check_at=NULL WHERE id=%s",
                [capture.refnum, at, payment.pk],
            )
            add("UPDATE billing_bill SET paid = paid + %s WHERE id=%s", [payment.amount, payment.bill_id])
            for wanted in lines[order.pk]:
                add(
                    "UPDATE stock_stock SET allocated = allocated + 1 WHERE variant_id=%s AND on_hand > allocated",
                    [wanted],
                )
            add(
                "UPDATE orders_order SET state='final', cart_code=%s, final_at=%s WHERE id=%s AND state='registered'",
                [codes.new("DBC"), at, order.pk],
            )
            add(
                *insert(
                    OrderEvent._meta.db_table,
                    order_id=order.pk,
                    event="issue_cart_code",
                    from_state="registered",
                    to_state="final",
                    by="system",
                    clause="D57",
                    details="{}",
                    at=at,
                )
            )
            for posting, debit, credit in (("capture", "gateway", "unallocated"), ("final", "unallocated", "orders")):
                for account, sign in ((debit, 1), (credit, -1)):
                    add(
                        *insert(
                            Entry._meta.db_table,
                            posting=f"{posting}:{order.code}",
                            account=account,
                            amount=sign * payment.amount,
                            bill_id=payment.bill_id,
                            at=at,
                        )
                    )
            add(
                *insert(
                    Message._meta.db_table,
                    code=codes.new("MSG"),
                    channel="sms",
                    to="+989120000000",
                    person_id=order.person_id,
                    template="cart_code",
                    about=f"order:{order.code}",
                    title="",
                    text="x" * 120,
                    html="",
                    secret="",
                    key=f"cart_code:{order.code}",
                    created_at=at,
                    due_at=at,
                    attempts=0,
                    provider="",
                    provider_id="",
                    **_message_defaults(),
                )
            )
            add(
                *insert(
                    Promise._meta.db_table,
                    code=codes.new("PRM"),
                    clause="D57",
                    kind="cart_code",
                    subject=f"message:cart_code:{order.code}",
                    order=order.code,
                    person_id=order.person_id,
                    what="x" * 40,
                    terms_id=order.terms_id,
                    calendar_id=calendar,
                    start=at,
                    hours=1,
                    hours_kind="calendar",
                    due_at=at,
                    state="open",
                    evidence="{}",
                )
            )
        with transaction.atomic(), connection.cursor() as cursor:
            for statement, values in rows.items():
                cursor.executemany(statement, values)
    return len(captures) / (time.perf_counter() - begun)


def _message_defaults() -> dict[str, Any]:
    """Columns of the outbox that are never empty and that this benchmark has no use for."""
    filled = {
        "code",
        "channel",
        "to",
        "person",
        "template",
        "about",
        "title",
        "text",
        "html",
        "secret",
        "key",
        "id",
        "created_at",
        "due_at",
        "attempts",
        "provider",
        "provider_id",
    }
    rest = [f for f in Message._meta.concrete_fields if f.name not in filled and not f.null and not f.is_relation]
    return {str(field.column): field.get_default() for field in rest}


def bench_finalise(count: int) -> list[Figure]:
    """Cart codes per second: one thing that everybody wants, and a thousand things; one and fifty to a commit."""
    now = clock.now()
    where = connection.vendor
    with scratch_database():
        terms, person = _ground(now)
        shelves = {"one item": _goods(1, 10**7), "1,000 items": _goods(1000, 10**6)}
        figures = []
        for name, variants in shelves.items():
            for batch, n in ((BATCH, count), (1, max(count // 5, 1))):
                ours, bare = [], []
                for round_ in range(ROUNDS):
                    tell(f"finalise: {where}, {name}, {batch} to a commit, round {round_ + 1} of {ROUNDS}")
                    ours.append(_rate(_paid_at_the_bank(n, variants, terms, person, now), batch, now))
                    bare.append(_bare(_paid_at_the_bank(n, variants, terms, person, now), batch, now))
                figures.append(
                    Figure(
                        f"finalise, {where}, {name}, {batch} to a commit",
                        "orders/s",
                        statistics.median(ours),
                        statistics.median(bare),
                        "the same rows by bare SQL, one connection",
                    )
                )
        return figures
