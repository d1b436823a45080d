"""The desk of settlements: the month of each gateway, what waits for a person, what is late, what was agreed."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from peyman.billing.models import Agreement, Settlement, StatementDifference
from peyman.entrypoints import settlements
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of, text_of
from tests.rooms.test_settlements import HEAD, bought, held_books, listed, settled

DESK = "/desk/money/settlements/"
LEDGER = "/desk/money/"
AGREED = {"gateway": "zarinpal", "since": "۱۴۰۳/۱۰/۰۱", "working_days": "۱", "percent": "۰٫۵", "fixed": "", "most": ""}

pytestmark = pytest.mark.django_db

Bring = Callable[..., Any]


@pytest.fixture(autouse=True)
def books(settings: Any) -> Iterator[None]:
    with held_books(settings):
        yield


@pytest.fixture
def bring(finance: Client, clock: Path) -> Bring:
    """Bring a gateway's report to the desk."""
    clock.write_text((NOW + timedelta(days=2)).isoformat())

    def report(*lines: str) -> Any:
        file = SimpleUploadedFile("report.csv", "\n".join([HEAD, *lines]).encode(), "text/csv")
        return finance.post(f"{LEDGER}upload", {"file": file}, follow=True)

    return report


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue", "privacy", "tariff"])
def test_only_those_of_the_money_find_the_desk(client: Client, clock: Path, role: str) -> None:
    client.force_login(make.person(role=role))
    for address in (DESK, f"{DESK}month.csv", f"{DESK}unsettled.csv"):
        assert client.get(address).status_code == 404
    assert client.post(f"{DESK}agreements", AGREED).status_code == 404
    assert client.post(f"{DESK}SET-1/drop", {"why": "نادرست"}).status_code == 404
    assert not Agreement.objects.exists()


def test_a_month_is_told_in_one_line_of_each_gateway_and_adds_up(finance: Client, bring: Bring) -> None:
    first, second = bought(), bought()
    html = html_of(bring(settled(first, first.amount - 500, 500), listed(first)))
    assert "۱ تسویه ثبت شد." in html and "تسویه در راه، از زرین‌پال" in html and "کارمزد زرین‌پال" in html
    html = html_of(finance.get(DESK))
    total = f"{first.amount:,}".translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬"))
    assert "دی ۱۴۰۳، تا اکنون" in html
    assert f'data-th="نزد درگاه ماند"><b>{total}</b>' in html and 'data-th="کارمزد">۵۰۰<' in html
    assert "همه تسویه‌ها خوانده" not in html and "ثبت شد و در راه است" in html
    before = html_of(finance.get(f"{DESK}?month=1403-09"))
    assert "آذر ۱۴۰۳" in before and f"<b>{total}</b>" not in before and "ماه پس" in before
    for nonsense in ("1403-13", "9999-01", "x", "۱۴۰۴-۰۱"):
        assert "دی ۱۴۰۳، تا اکنون" in html_of(finance.get(DESK, {"month": nonsense}))

    lines = b"".join(finance.get(f"{DESK}month.csv?month=1403-10").streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "month,gateway,before,captured,given_back,settled,fee,left,arrived,on_road"
    net = first.amount - 500
    assert lines[1] == f"1403-10,zarinpal,0,{first.amount * 2},0,{net},500,{second.amount},0,{net}"
    left = b"".join(finance.get(f"{DESK}unsettled.csv").streaming_content).decode("utf-8-sig").splitlines()
    assert len(left) == 2 and left[1].startswith(f"{second.code},") and ",R-" in left[1]


def test_what_does_not_agree_waits_for_a_person_who_weighs_books_or_drops_it(
    finance: Client,
    bring: Bring,
) -> None:
    payment = bought()
    html = html_of(bring(settled(payment, payment.amount - 7, 5), listed(payment)))
    row = Settlement.objects.get()
    assert "مبلغ تسویه با پرداخت‌ها و کارمزدش نمی‌خواند" in html and f"{DESK}#{row.code}" in html
    html = html_of(finance.get(DESK))
    assert "با آنچه می‌پوشاند نمی‌خواند" in html and "سنجش دوباره" in html
    assert "هنوز نمی‌خواند." in html_of(finance.post(f"{DESK}{row.code}/weigh", follow=True))
    assert "بنویسید چرا" in html_of(finance.post(f"{DESK}{row.code}/accept", {"why": " "}), 422)
    done = finance.post(f"{DESK}{row.code}/accept", {"why": "دو ریال را درگاه پس می‌دهد"}, follow=True)
    assert "تسویه در دفتر ثبت شد." in html_of(done)
    assert not StatementDifference.objects.filter(settled_at=None).exists()
    again = html_of(finance.post(f"{DESK}{row.code}/drop", {"why": "پشیمان شدم"}), 409)
    assert "دیگر در انتظار نیست" in again
    for verb in ("weigh", "sell"):
        assert finance.post(f"{DESK}SET-0/{verb}", {"why": "نادرست بود"}).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.ended_why) == ("booked", "دو ریال را درگاه پس می‌دهد")


def test_an_agreement_is_read_in_persian_and_books_what_waited_for_its_fee(
    finance: Client,
    bring: Bring,
) -> None:
    payment = bought()
    fee = payment.amount // 200
    bring(settled(payment, payment.amount - fee), listed(payment))
    assert "قرار تسویه زرین‌پال" in html_of(finance.get(DESK))
    html = html_of(finance.post(f"{DESK}agreements", AGREED, follow=True))
    assert "قرار نوشته شد." in html and "۱ تسویه که در انتظار کارمزد بود ثبت شد." in html
    assert "۰٫۵٪ هر پرداخت" in html and "۱ روز کاری پس از پرداخت" in html


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"gateway": "mellat"}, "یکی از درگاه‌های ما را برگزینید."),
        ({"since": "۱۴۰۳/۱۳/۰۱"}, "روز را چنین بنویسید"),
        ({"since": "0500/01/01"}, "روز را چنین بنویسید"),
        ({"working_days": "61"}, "شمار روزهای کاری"),
        ({"percent": "۱۰۱"}, "درصد را چنین بنویسید"),
        ({"percent": "0.00001"}, "درصد را چنین بنویسید"),
        ({"percent": "", "fixed": "100"}, "کارمزد بی درصد نمی‌شود"),
        ({"most": "-1"}, "مبلغی به ریال"),
    ],
)
def test_an_agreement_that_is_none_is_said_so_and_what_was_typed_stays(
    finance: Client,
    typed: dict[str, str],
    says: str,
) -> None:
    html = html_of(finance.post(f"{DESK}agreements", AGREED | typed), 422)
    assert (says in html and 'value="۱۴۰۳/۱۰/۰۱"' in html) or "since" in typed
    assert not Agreement.objects.exists()


def test_money_that_should_have_come_is_late_on_both_desks(finance: Client, clock: Path) -> None:
    bought()
    finance.post(f"{DESK}agreements", AGREED)
    settlements.expect(NOW + timedelta(days=1))
    clock.write_text((NOW + timedelta(days=1)).isoformat())
    html = html_of(finance.get(DESK))
    assert "<b>۰</b><span>دیر شده</span>" in html and "روزهایی که پولشان نیامد" not in html
    clock.write_text("2025-01-05T20:30:00+00:00")  # Sunday ends
    html = html_of(finance.get(DESK))
    assert "<b>۱</b><span>دیر شده</span>" in html and "۱۵ دی" in html and "۱ روز" in html
    assert "۱ تسویه درگاه دیر شده است." in html_of(finance.get(LEDGER))


def test_words_of_a_report_are_shown_and_never_run(finance: Client, bring: Bring) -> None:
    payment = bought()
    evil = settled(payment, 5, 0).replace("S1", "<script>alert(1)</script>").replace("TRF-", "=HYPERLINK")
    bring(evil)
    html = text_of(finance.get(DESK))
    assert "<script>alert" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html


@pytest.mark.parametrize("many", [1, 12])
def test_the_desk_costs_the_same_however_much_there_is(
    finance: Client,
    bring: Bring,
    django_assert_num_queries: Any,
    many: int,
) -> None:
    payment = bought()
    bring(*[settled(payment, 5, 0, f"S{n}") for n in range(many)])
    finance.post(f"{DESK}agreements", AGREED)
    assert Settlement.objects.count() == many
    with django_assert_num_queries(9):
        finance.get(DESK)
