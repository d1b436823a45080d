"""The desk of the guard: lit and dark with why, the question, the gate; and what the page costs."""

import re
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints import tariff_watch
from peyman.market.guard.actions import deliveries
from peyman.market.guard.models import Delivery
from peyman.promises.models import TermsVersion
from tests import make
from tests.guarding import CUSTOMER, HOUR, NOW, OBJECT, OTHER, STRANGER, deliver, edge, lit
from tests.pages.reading import plain_html_of as html_of

PAGE = "/desk/tariff/guard/"


@pytest.fixture
def keeper(client: Client, shop: TermsVersion) -> Client:
    """Someone of the desk, logged in."""
    client.force_login(make.person(role="tariff"))
    return client


def text_of(response: Any, status: int = 200) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html_of(response, status)).split())


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["customer", "orders"])
def test_the_desk_is_there_for_its_own_people_alone(client, shop, role):
    client.force_login(make.person(role=role))
    assert client.get(PAGE).status_code == 404
    for name in ("dark", "light", "end"):
        assert client.post(f"{PAGE}{name}", {"name": "apps"}).status_code == 404


def test_without_any_delivery_the_page_says_what_is_missing(keeper):
    assert "هنوز هیچ تحویلی ثبت نیست" in text_of(keeper.get(PAGE))


@pytest.mark.clause("B02")
def test_every_delivery_says_for_whom_it_is_lit_and_for_whom_not_and_what_would_light_it(keeper):
    lit()
    tariff_watch.guard(now=NOW)
    page = text_of(keeper.get(PAGE))
    assert "روشن برای ۱ از ۲ اپراتور" in page
    assert "hamrah روشن" in page
    assert "چیزی در برابرش نیست" in page
    assert "rightel خاموش" in page
    assert "نرخ نیم‌بهای این اپراتور ثبت نشده یا کسی درستی آن را نسنجیده است." in page
    assert "کسی باید نرخ این اپراتور را با منبعش بسنجد و تأیید کند." in page
    assert "۴ از ۴ نشانی پذیرفته است" in page


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        (CUSTOMER, "این دانلود برای شما نیم‌بها حساب می‌شود."),
        ("۵.۵۲.۱.۲", "این دانلود برای شما نیم‌بها حساب می‌شود."),
        (OTHER, "نرخ نیم‌بهای این اپراتور"),
        (STRANGER, "نمی‌دانیم این نشانی مشترک کدام اپراتور است."),
        ("10.0.0.1", "نشانی کاربر خصوصی یا ویژه است"),
        ("fe80::1%eth0", "نام کارت شبکه دارد"),
        ("هیچ", "نشانی کاربر خوانده نشد"),
        ("<b>", "نشانی کاربر خوانده نشد"),
    ],
)
def test_a_question_is_answered_with_its_reason(keeper, address, said):
    lit()
    assert said in text_of(keeper.get(PAGE, {"object": OBJECT, "client": address}))


def test_an_instant_that_has_passed_may_be_asked_of(keeper):
    lit()
    page = text_of(keeper.get(PAGE, {"object": OBJECT, "client": CUSTOMER, "date": "1403/10/1"}))
    assert "هنوز هیچ فهرست سالمی از سامانه ملی نداریم." in page


def test_what_is_missing_in_a_question_is_named(keeper):
    page = text_of(keeper.get(PAGE, {"object": "", "client": "", "date": "x"}), 422)
    assert "سه مورد مانده است" in page


@pytest.mark.clause("B07")
def test_a_delivery_is_put_once_its_addresses_are_admitted_and_refused_before(keeper):
    lit()
    edge("185.143.233.0/30", cdn="road")
    form = {"name": "video", "pattern": "video/*", "cdns": "road، shahr"}
    page = text_of(keeper.post(PAGE, form), 409)
    assert "از ۸ نشانی که این فایل‌ها را می‌دهد ۴ نشانی پذیرفته نیست" in page
    assert "185.143.233.0/30 در فهرست‌های دو سوی این زمان هیچ ردیفی" in page
    assert not Delivery.objects.filter(name="video").exists()
    answer = keeper.post(PAGE, {**form, "cdns": "shahr"}, follow=True)
    assert "تحویل ثبت شد." in text_of(answer)
    row = Delivery.objects.get(name="video")
    assert (row.cdns, row.prefixes, row.operators, row.dark_because) == (["shahr"], [], [], "")
    assert row.recorded_by


@pytest.mark.clause("B07")
def test_with_a_reason_it_is_put_dark(keeper):
    lit()
    edge("185.143.233.0/30", cdn="road")
    keeper.post(PAGE, {"name": "video", "pattern": "video/*", "cdns": "road", "dark_because": "ثبت در راه است"})
    assert "دلیل خاموشی دستی: ثبت در راه است" in text_of(keeper.get(PAGE))


def test_what_is_typed_wrong_stays_and_is_named(keeper):
    page = html_of(keeper.post(PAGE, {"name": "", "pattern": "*.apk", "prefixes": "five"}), 422)
    assert "سه مورد مانده است" in page
    assert 'value="*.apk"' in page


@pytest.mark.clause("B07")
def test_a_delivery_is_made_dark_with_a_reason_and_lit_by_the_guard_again(keeper):
    lit()
    assert "بنویسید چرا خاموش می‌شود" in text_of(keeper.post(f"{PAGE}dark", {"name": "apps", "why": " "}), 422)
    assert "خاموش شد" in text_of(keeper.post(f"{PAGE}dark", {"name": "apps", "why": "سنجش"}, follow=True))
    assert "دلیل خاموشی دستی: سنجش" in text_of(keeper.get(PAGE))
    assert "برداشته شد" in text_of(keeper.post(f"{PAGE}light", {"name": "apps"}, follow=True))
    assert [row.dark_because for row in Delivery.objects.filter(superseded_at=None).order_by("valid_from", "pk")][
        -1
    ] == ""


@pytest.mark.clause("B07")
def test_what_is_kept_dark_is_not_lit_while_an_address_is_not_admitted(keeper):
    lit()
    deliveries.darken(name="apps", why="سنجش", by=None, now=NOW)
    edge("185.143.233.0/30", since=NOW)
    assert "پذیرفته نیست" in text_of(keeper.post(f"{PAGE}light", {"name": "apps"}), 409)


def test_a_delivery_may_be_ended_and_stays_readable(keeper):
    lit()
    assert "پایان تحویل ثبت شد." in text_of(keeper.post(f"{PAGE}end", {"name": "apps"}, follow=True))
    page = text_of(keeper.get(PAGE))
    assert "هنوز هیچ تحویلی ثبت نیست" in page
    assert "تحویل‌های زمان‌های دیگر" in page
    assert "آنچه پیش‌تر باور داشتیم" in page
    for name in ("dark", "light", "end"):
        assert keeper.post(f"{PAGE}{name}", {"name": "none", "why": "x"}).status_code == 404


@pytest.mark.parametrize("many", [1, 6])
def test_the_page_costs_the_same_queries_however_many_deliveries(keeper, many, django_assert_num_queries):
    lit()
    for number in range(many):
        deliver(f"d{number}", f"d{number}/*", now=NOW - HOUR)
    keeper.get(PAGE)
    with django_assert_num_queries(21):
        keeper.get(PAGE, {"object": OBJECT, "client": CUSTOMER})
