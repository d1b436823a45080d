"""The desk of rates, ISPs, measurements and tickets: what staff see, what they say, and the page of keys for all."""

import io
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.market.guard.actions import keys
from peyman.market.guard.actions.tickets import Booth
from peyman.market.guard.rules import keyring
from peyman.market.guard.rules.tickets import Ticket, Verifier
from peyman.market.tariff.models import Isp, Probe, Rate, RateCheck
from peyman.market.tariff.rules.guard import AddressEvidence, Decision, Evidence, LastList
from peyman.promises.models import TermsVersion
from tests import make
from tests.pages.reading import plain_html_of as html_of
from tests.rooms.test_tariff_tables import bring, rate

NOW = make.NOW
DAY = timedelta(days=1)
PAGES = ["rates", "isps", "probes", "tickets"]
PATH = "/apps/ir.example/12.apk"


@pytest.fixture
def keeper(client: Client, shop: TermsVersion) -> Client:
    """Someone of the desk, logged in."""
    client.force_login(make.person(role="tariff", full_name="لیلا شریفی"))
    return client


def upload(client: Client, page: str, text: str, **more: str) -> Any:
    file = io.BytesIO(text.encode())
    file.name = "table.csv"
    return client.post(f"/desk/tariff/{page}/", {"file": file, **more})


def issued() -> str:
    """A ticket that was shown to sample account PER-0042 at NOW."""
    range_ = AddressEvidence("185.143.232.0/30", 4, "registered", "admitted", date(2024, 12, 5), NOW - DAY, True)
    snapshot = LastList("REG-2345-6789-ABCD-E", "2025-01-03", NOW)
    evidence = Evidence("همراه اول", "همراه اول/internet", ("apk",), snapshot, (range_,), ())
    decision = Decision(True, "half", "admitted", NOW + DAY, evidence)
    keys.sweep(now=NOW)
    return Booth().issue(decision=decision, object_=PATH, account="PER-0042", now=NOW).token


@pytest.mark.parametrize("page", PAGES)
def test_only_the_desk_of_the_tariff_opens_these_pages(page, client, shop):
    assert client.get(f"/desk/tariff/{page}/").status_code == 302
    client.force_login(make.person(role="orders"))
    assert client.get(f"/desk/tariff/{page}/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_page_says_what_its_emptiness_means(page, keeper):
    html = html_of(keeper.get(f"/desk/tariff/{page}/"))
    assert 'aria-current="page"' in html
    assert 'class="state"' in html


@pytest.mark.clause("B02")
def test_a_rate_comes_by_file_waits_and_is_verified_with_what_was_seen(keeper):
    header = "operator,service_class,plan,valid_from,valid_to,full_rial_per_mb,factor,unit_bytes,verified,source\n"
    response = upload(keeper, "rates", header + rate("همراه اول") + "\n")
    assert response.status_code == 302
    html = html_of(keeper.get(response.url))
    assert "۱ نرخ را هنوز کسی ندیده است" in html
    assert "هنوز دیده نشده" in html and "بی پیام" in html
    pk = Rate.objects.get().pk
    refused = html_of(keeper.post(f"/desk/tariff/rates/{pk}/check", {"says": "verify", "source_seen": ""}), 422)
    assert refused.count("بنویسید چه چیزی را دیدید") == 2
    said = {"says": "verify", "source_seen": "mci.ir/tariff", "reason": "همین را می‌گوید"}
    assert keeper.post(f"/desk/tariff/rates/{pk}/check", said).status_code == 302
    html = html_of(keeper.get("/desk/tariff/rates/"))
    assert "می‌شود از آن گفت" in html and "دیده شده" in html and "لیلا شریفی" in html and "mci.ir/tariff" in html
    assert keeper.post(f"/desk/tariff/rates/{pk}/check", said | {"says": "doubt"}).status_code == 302
    assert "تأیید پس گرفته شد" in html_of(keeper.get("/desk/tariff/rates/"))
    assert [check.verified for check in RateCheck.objects.order_by("nth")] == [True, False]


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("page", "model", "text", "line"),
    [
        (
            "isps",
            Isp,
            "prefix,asn,operator,valid_from,valid_to\n5.0.0.0/8,,الف,2024-01-01,\nx,,ب,2024-01-01,\n",
            "سطر ۳",
        ),
        ("probes", Probe, "operator,edge,at,factor,source\nالف,5.1.1.1,2024-01-01,7,ک\n", "سطر ۲"),
        ("rates", Rate, "operator\n", "ستون‌های آن"),
    ],
)
def test_a_bad_file_is_refused_whole_and_its_lines_are_named(page, model, text, line, keeper):
    assert line in html_of(upload(keeper, page, text), 422)
    assert not model.objects.exists()
    assert "فایلی برگزیده نشد" in html_of(keeper.post(f"/desk/tariff/{page}/", {}), 422)


@pytest.mark.clause("B02")
def test_an_address_is_somebodys_customer_by_the_narrowest_range(keeper):
    bring("isps", "5.0.0.0/8,AS1,ایرانسل,2024-01-01,", "5.5.0.0/16,AS2,مخابرات,2024-01-01,", source="فهرست ۱۲")
    html = html_of(keeper.get("/desk/tariff/isps/?address=۵.۵.۱.۱"))
    assert "مشترک <b>مخابرات</b> است" in html and "فهرست ۱۲" in html
    assert "نمی‌دانیم مشترک کدام اپراتور است" in html_of(keeper.get("/desk/tariff/isps/?address=9.9.9.9"))
    assert "خوانده نشد" in html_of(keeper.get("/desk/tariff/isps/?address=nobody"), 422)


@pytest.mark.clause("B02")
def test_a_measurement_that_silences_the_message_is_told_as_such(keeper):
    bring("probes", "ایرانسل,5.1.1.1,2024-05-01,1,لیلا,", "ایرانسل,5.1.1.2,2024-05-01,1/2,لیلا,")
    html = html_of(keeper.get("/desk/tariff/probes/"))
    assert "۱ سنجش پیام را خاموش نگه داشته است" in html
    assert (html.count("پیام خاموش"), html.count("سازگار</span>")) == (1, 1)


@pytest.mark.parametrize(("page", "most"), [("rates", 9), ("isps", 7), ("probes", 8), ("tickets", 7)])
def test_a_page_costs_the_same_whatever_its_length(page, most, keeper, django_assert_max_num_queries):
    for n in range(1, 9):
        bring("tariffs", rate(f"op{n}"))
        bring("isps", f"5.{n}.0.0/16,,op{n},2024-01-01,")
        bring("probes", f"op{n},5.1.1.{n},2024-05-01,1,x,")
    keys.sweep(now=NOW)
    with django_assert_max_num_queries(most):
        html_of(keeper.get(f"/desk/tariff/{page}/"))


@pytest.mark.parametrize(("table", "columns"), [("tariffs", "operator,"), ("isps", "prefix,"), ("probes", "operator,")])
def test_a_table_is_given_with_the_columns_it_is_read_by(table, columns, keeper, client):
    response = keeper.get(f"/desk/tariff/{table}.csv")
    assert response.content.decode().startswith(columns)
    assert response["Content-Disposition"] == f'attachment; filename="{table}.csv"'


@pytest.mark.clause("B03")
def test_staff_look_a_ticket_up_and_see_its_evidence(keeper):
    token = issued()
    html = html_of(keeper.post("/desk/tariff/tickets/", {"token": f" {token} ", "path": PATH}))
    for told in ("این بلیت از ما است", PATH, "همراه اول", "REG-2345-6789-ABCD-E", "185.143.232.0/30", "۱۵ آذر ۱۴۰۳"):
        assert told in html
    assert "PER-0042" not in html
    other = html_of(keeper.post("/desk/tariff/tickets/", {"token": token, "path": "/other.apk"}), 422)
    assert "درباره فایل دیگری است" in other
    forged = token[:-1] + ("A" if token[-1] != "A" else "Q")
    assert "خطا:" in html_of(keeper.post("/desk/tariff/tickets/", {"token": forged}), 422)
    assert "خطا:" in html_of(keeper.post("/desk/tariff/tickets/", {"token": "x" * 5_000}), 422)


@pytest.mark.clause("B03")
def test_everybody_gets_the_keys_and_verifies_with_them_alone(client, shop, django_assert_num_queries):
    token = issued()
    with django_assert_num_queries(1):
        response = client.get("/.well-known/half-price-keys.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Access-Control-Allow-Origin"] == "*"
    assert "max-age=300" in response["Cache-Control"]
    found = Verifier(keyring.read_document(response.json())).verify(token, path=PATH, at=NOW)
    assert isinstance(found, Ticket)
    assert found.operator == "همراه اول"
    assert response.json()["wordings"][0]["half"] == "این دانلود برای شما نیم‌بها حساب می‌شود."
    assert client.post("/.well-known/half-price-keys.json").status_code == 405
