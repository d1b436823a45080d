"""The desk of ledger and bank: what is owed, what the bank says otherwise, where every rial lies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from peyman.billing.models import Payment, Statement, StatementDifference
from peyman.gateways.simulators import BankSimulator
from peyman.promises.models import Promise, TermsVersion
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of
from tests.rooms.test_reconcile import paid_twice

DESK = "/desk/money/"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bank(settings: Any, clock: Path) -> Iterator[BankSimulator]:
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        settings.ZARINPAL_ACCESS_TOKEN = "an-access-token"
        yield simulator


def statement(*lines: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("bank.csv", "\n".join(["refnum,terminal,amount,kind,at", *lines]).encode(), "text/csv")


def listed(payment: Payment, kind: str = "payment") -> str:
    return f"{payment.refnum},{payment.terminal},{payment.amount},{kind},{NOW.isoformat()}"


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue", "privacy", "tariff"])
def test_only_those_of_the_money_find_the_desk(client: Client, clock: Path, role: str) -> None:
    client.force_login(make.person(role=role))
    assert client.get(DESK).status_code == 404
    assert client.post(f"{DESK}upload", {"file": statement()}).status_code == 404
    assert client.post(f"{DESK}differences/DIF-1", {"note": "x"}).status_code == 404


def test_an_empty_ledger_says_so(finance: Client, shop: TermsVersion) -> None:
    html = html_of(finance.get(DESK))
    assert "به کسی پولی بدهکار نیستیم." in html
    assert "هنوز صورت‌حسابی نیامده است." in html and "هنوز پولی نیامده است." in html


def test_what_is_owed_stands_there_with_its_hour_and_turns_late(
    finance: Client, bank: BankSimulator, clock: Path
) -> None:
    refund = paid_twice(bank)
    html = html_of(finance.get(DESK))
    # Saturday 10:00 and 48 working hours: Monday 10:00
    assert refund.code in html and "تا دوشنبه ۱۷ دی، ساعت ۱۰" in html and "بدهکاریم" in html
    assert "نزد زرین‌پال" in html and "جمع دو سو برابر است." in html
    clock.write_text("2025-01-06T06:29:59.999999+00:00")
    assert "<b>۰</b><span>بازپرداخت دیرشده</span>" in html_of(finance.get(DESK))
    clock.write_text("2025-01-06T06:30:00+00:00")
    assert "<b>۱</b><span>بازپرداخت دیرشده</span>" in html_of(finance.get(DESK))


@pytest.mark.clause("D30")
def test_an_uploaded_statement_keeps_a_refund_and_shows_what_differs(finance: Client, bank: BankSimulator) -> None:
    refund = paid_twice(bank)
    lines = [listed(payment) for payment in Payment.objects.all()]
    stranger = f"999,{refund.payment.terminal},70000,payment,{NOW.isoformat()}"
    answer = finance.post(f"{DESK}upload", {"file": statement(*lines, listed(refund.payment, "reversal"), stranger)})
    assert answer.status_code == 302
    html = html_of(finance.get(answer["Location"]))
    assert "صورت‌حساب با ۴ سطر سنجیده شد." in html and "۱ بازپرداخت با گواهی بانک" in html
    assert "پرداختی که در دفتر ما نیست" in html and "بانک: ۷۰٬۰۰۰" in html and "ما: هیچ" in html
    refund.refresh_from_db()
    assert refund.state == "done"
    assert Statement.objects.get().taken_by.role == "finance"

    row = StatementDifference.objects.get()
    empty = finance.post(f"{DESK}differences/{row.code}", {"note": " "})
    assert "بنویسید که این تفاوت چه بود و چه شد." in html_of(empty, 422)
    done = finance.post(f"{DESK}differences/{row.code}", {"note": "واریز آزمایشی بانک، پس گرفته شد"}, follow=True)
    html = html_of(done)
    assert "تفاوت با نوشته شما بسته شد." in html and "هر سطر بانک ردیفی در دفتر ما دارد." in html
    assert finance.post(f"{DESK}differences/DIF-0", {"note": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (None, "فایلی برگزیده نشد."),
        (SimpleUploadedFile("a.csv", b"<html>"), "ستون‌های"),
        (SimpleUploadedFile("a.csv", b"\xff\xfe\x00"), "نویسه‌های آن"),
        (SimpleUploadedFile("a.csv", b"a" * 20_000_001), "بزرگ‌تر از ۲۰ مگابایت"),
    ],
)
def test_a_file_that_is_none_is_said_so(
    finance: Client, shop: TermsVersion, file: SimpleUploadedFile | None, says: str
) -> None:
    given = {} if file is None else {"file": file}
    assert says in html_of(finance.post(f"{DESK}upload", given), 422)
    assert not Statement.objects.exists()


def test_words_of_the_bank_s_file_are_shown_and_never_run(finance: Client, bank: BankSimulator) -> None:
    terminal = paid_twice(bank).payment.terminal
    evil = f'"<script>alert(1)</script>",{terminal},5,payment,{NOW.isoformat()}'
    finance.post(f"{DESK}upload", {"file": statement(evil)})
    html = html_of(finance.get(DESK))
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_every_late_refund_is_counted_and_the_soonest_promised_are_shown(
    finance: Client, bank: BankSimulator, clock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peyman.entrypoints.backoffice.money.SHOWN", 1)
    first, second = paid_twice(bank), paid_twice(bank)
    Promise.objects.filter(subject=f"refund:{second.code}").update(due_at=NOW)
    clock.write_text("2025-01-10T06:30:00+00:00")
    html = html_of(finance.get(DESK))
    assert "<b>۲</b><span>بازپرداخت دیرشده</span>" in html
    assert second.code in html and first.code not in html


def test_a_day_that_no_calendar_of_ours_knows_does_not_take_the_desk_away(finance: Client, bank: BankSimulator) -> None:
    terminal = paid_twice(bank).payment.terminal
    finance.post(f"{DESK}upload", {"file": statement(f"9,{terminal},5,payment,0500-01-01")})
    html = html_of(finance.get(DESK))
    assert "سطری که خوانده نمی‌شود: زمان" in html


@pytest.mark.parametrize("many", [1, 30])
def test_the_desk_costs_the_same_however_much_there_is(
    finance: Client, bank: BankSimulator, django_assert_num_queries: Any, many: int
) -> None:
    terminal = paid_twice(bank).payment.terminal
    lines = [f"X{n},{terminal},5,payment,{NOW.isoformat()}" for n in range(many)]
    finance.post(f"{DESK}upload", {"file": statement(*lines)})
    with django_assert_num_queries(11):
        finance.get(DESK)
