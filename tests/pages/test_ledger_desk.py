"""The general ledger: the trial balance of a month, one account's entries with their balance, both as files."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.models import Entry
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of
from tests.rooms.test_settlements import bought, held_books, paid_twice

DESK = "/desk/money/ledger/"
GATEWAY = f"{DESK}gateway%3Azarinpal/"
HELD = f"{DESK}unallocated/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def books(settings: Any, clock: Path) -> Iterator[None]:
    clock.write_text((NOW + timedelta(hours=1)).isoformat())
    with held_books(settings):
        yield


def file_of(client: Client, address: str) -> list[str]:
    return b"".join(client.get(address).streaming_content).decode("utf-8-sig").splitlines()


def seen(answer: Any) -> str:
    """Return what is read on a page, without its tags."""
    return " ".join(re.sub("<[^>]*>", " ", html_of(answer)).split())


def words(rials: int) -> str:
    return f"{rials:,}".translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬"))


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue", "privacy", "tariff"])
def test_only_those_of_the_money_find_the_ledger(client: Client, role: str) -> None:
    bought()
    client.force_login(make.person(role=role))
    for address in (DESK, GATEWAY, f"{DESK}month.csv", f"{GATEWAY}month.csv"):
        assert client.get(address).status_code == 404


def test_a_month_shows_what_each_account_had_took_gave_and_has(finance: Client) -> None:
    assert "چیزی در دفتر نوشته نشده است" in html_of(finance.get(DESK))
    one = bought()
    refund = paid_twice()
    both = one.amount + 2 * refund.amount
    text = seen(finance.get(DESK))
    assert "تراز آزمایشی دی ۱۴۰۳، تا اکنون" in text and "جمع بدهکارها با جمع بستانکارها برابر است." in text
    assert f"نزد زرین‌پال ۰ {words(both)} ۰ {words(both)} بد" in text
    assert f"بدهی بازپرداخت ۰ ۰ {words(refund.amount)} {words(refund.amount)} بس" in text
    assert file_of(finance, f"{DESK}month.csv")[:2] == [
        "month,account,title,before,debit,credit,after",
        f"1403-10,gateway:zarinpal,نزد زرین‌پال,0,{both},0,{both}",
    ]


def test_what_a_month_left_is_what_the_next_one_has_before(finance: Client, clock: Path) -> None:
    payment = bought()
    clock.write_text((NOW + timedelta(days=40)).isoformat())
    assert f"نزد زرین‌پال {words(payment.amount)} بد ۰ ۰ {words(payment.amount)} بد" in seen(finance.get(DESK))
    account = seen(finance.get(GATEWAY))
    assert f"مانده از پیش {words(payment.amount)} بد" in account
    assert "در این ماه چیزی در این حساب نوشته نشده است." in account
    assert "چیزی در دفتر نوشته نشده است" in html_of(finance.get(DESK, {"month": "1403-09"}))


def test_an_account_tells_each_entry_its_order_the_other_side_and_the_balance(finance: Client) -> None:
    payment = bought()
    order = payment.bill.subject.removeprefix("order:")
    text = seen(finance.get(HELD))
    came = f"وصول از بانک، {order} نزد زرین‌پال"
    went = f"به حساب سفارش قطعی، {order} بابت سفارش‌های قطعی"
    assert came in text and went in text and text.index(came) < text.index(went)
    assert f"— {words(payment.amount)} {words(payment.amount)} بس" in text  # received, not yet of a final order
    assert f"جمع ماه {words(payment.amount)} {words(payment.amount)} ۰" in text
    lines = file_of(finance, f"{HELD}month.csv")
    assert lines[0] == "at,posting,order,debit,credit,balance"
    assert [line.split(",", 1)[1] for line in lines[1:]] == [
        f"capture:{payment.code},{order},0,{payment.amount},{-payment.amount}",
        f"final:{order},{order},{payment.amount},0,0",
    ]


def test_orders_are_linked_for_those_who_may_open_them(finance: Client, client: Client) -> None:
    payment = bought()
    link = f'href="/desk/orders/{payment.bill.subject.removeprefix("order:")}/"'
    assert link not in html_of(finance.get(GATEWAY))
    manager = Client()
    manager.force_login(make.person(role="manager"))
    assert link in html_of(manager.get(GATEWAY))


def test_a_long_account_is_read_page_by_page_and_its_balance_goes_on(
    finance: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr("peyman.entrypoints.backoffice.ledger.SHOWN", 2)
    payments = [bought() for _ in range(5)]
    found, address, pages = [], GATEWAY, 0
    while address:
        html = html_of(finance.get(address))
        pages += 1
        found += [payment.code for payment in payments if payment.bill.subject.removeprefix("order:") in html]
        rest = html.partition('class="btn second" href="')[2].partition('"')[0].replace("&amp;", "&")
        address = GATEWAY + rest if "after=" in rest else ""
    assert (pages, found) == (3, [payment.code for payment in payments])
    assert f"مانده از صفحه پیش {words(4 * payments[0].amount)} بد" in " ".join(re.sub("<[^>]*>", " ", html).split())
    assert "نشانی آن صفحه درست نبود" in html_of(finance.get(GATEWAY, {"after": "x_1"}))
    with django_assert_num_queries(6):  # session, person, account, entries, balance before, other sides
        finance.get(GATEWAY)


def test_an_account_that_is_none_is_not_found(finance: Client) -> None:
    bought()
    for name in ("gateway", "x", "gateway:other"):
        assert finance.get(f"{DESK}{name}/").status_code == 404
        assert finance.get(f"{DESK}{name}/month.csv").status_code == 404
    assert Entry.objects.exists()
