"""The cart as its reader sees it: what changed, what it does not hold, and what it costs."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from peyman.promises.models import TermsVersion
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.catalog.models import Variant
from peyman.shop.stock.models import Stock
from tests import make


def html_of(answer: Any) -> str:
    return answer.content.decode()


def test_looking_makes_neither_a_session_nor_a_cart(client: Client, shop: TermsVersion) -> None:
    assert "سبد شما خالی است." in html_of(client.get("/cart/"))
    assert (Session.objects.count(), Cart.objects.count()) == (0, 0)


@pytest.mark.clause("D55")
def test_a_visitor_fills_a_cart_and_reads_that_it_holds_nothing(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(price=12_500_000, product=make.product(title="گوشی A54 با 6.4 اینچ"))
    answer = client.post("/cart/add", {"sku": variant.sku})
    assert (answer.status_code, answer["Location"]) == (302, "/cart/")
    html = html_of(client.get("/cart/"))
    assert "گوشی <bdi>A54</bdi> با ۶٫۴ اینچ" in html
    assert "افزودن به سبد، کالا را نگه نمی‌دارد" in html and "حقی بر قیمت یا موجودی نمی‌سازد" in html
    assert 'href="/terms/1/#c-11-1">بند ۱۱-۱</a>' in html
    # 12,500,000 + packing 0 + post 500,000 + insurance 37,500, in toman
    for words in ("کالاها (۱ عدد)", "رایگان", "۵۰٬۰۰۰ تومان", "۳٬۷۵۰ تومان", "ادامه با ۱٬۳۰۳٬۷۵۰ تومان"):
        assert words in html
    assert 'aria-label="سبد خرید، ۱ عدد"' in html


@pytest.mark.clause("D56")
def test_a_dearer_good_is_told_with_both_prices_once_and_a_sold_out_one_as_long_as_it_lies_there(
    client: Client, shop: TermsVersion
) -> None:
    dearer, gone = make.variant(price=1_000_000), make.variant()
    for variant in (dearer, gone):
        client.post("/cart/add", {"sku": variant.sku})
    Variant.objects.filter(pk=dearer.pk).update(price=1_200_000, list_price=1_200_000)
    Stock.objects.filter(variant=gone).update(on_hand=0)
    html = html_of(client.get("/cart/"))
    assert "۱ کالا گران‌تر و ۱ کالا ناموجود" in html
    assert "گران‌تر شد." in html and "<del>۱۰۰٬۰۰۰</del>" in html and "<b>۱۲۰٬۰۰۰ تومان</b>" in html
    assert "ناموجود شد" in html and 'href="/checkout/"' not in html
    again = html_of(client.get("/cart/"))
    assert "گران‌تر شد." not in again and "ناموجود شد" in again


def test_one_press_takes_out_what_is_gone_and_lowers_what_is_fewer(client: Client, shop: TermsVersion) -> None:
    fewer, gone = make.variant(), make.variant()
    client.post("/cart/add", {"sku": fewer.sku, "quantity": "۵"})
    client.post("/cart/add", {"sku": gone.sku})
    Stock.objects.filter(variant=fewer).update(on_hand=2)
    Stock.objects.filter(variant=gone).update(on_hand=0)
    # two of 1,000,000, post 500,000, insurance 6,000
    assert "ادامه با موجودها، ۲۵۰٬۶۰۰ تومان</button>" in html_of(client.get("/cart/"))
    assert client.post("/cart/fit")["Location"] == "/checkout/"
    assert list(CartLine.objects.values_list("variant__sku", "quantity")) == [(fewer.sku, 2)]


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1000000000", "null", "true", ""])
def test_a_quantity_that_is_none_is_refused_in_place_and_changes_nothing(
    client: Client, shop: TermsVersion, quantity: str
) -> None:
    variant = make.variant()
    client.post("/cart/add", {"sku": variant.sku, "quantity": "٢"})
    answer = client.post("/cart/set", {"sku": variant.sku, "quantity": quantity})
    assert answer.status_code == 422 and "شمار کالا درست نیست." in html_of(answer)
    assert CartLine.objects.get().quantity == 2


@pytest.mark.clause("D28")
def test_more_than_there_is_is_refused_with_what_is_left(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(on_hand=3)
    answer = client.post("/cart/add", {"sku": variant.sku, "quantity": "4"})
    assert answer.status_code == 409 and "۳ عدد مانده است" in html_of(answer)
    assert not CartLine.objects.exists()


def test_a_sku_that_is_not_ours_is_not_found(client: Client, shop: TermsVersion) -> None:
    assert client.post("/cart/add", {"sku": "nothing"}).status_code == 404


def test_steps_and_removal(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(on_hand=2)
    client.post("/cart/add", {"sku": variant.sku})
    assert 'name="quantity" value="2" aria-label="یکی بیشتر' in html_of(client.get("/cart/"))
    client.post("/cart/set", {"sku": variant.sku, "quantity": "2"})
    html = html_of(client.get("/cart/"))
    assert 'name="quantity" value="1"' in html and "بیشتر از این نمی‌شود" in html
    client.post("/cart/remove", {"sku": variant.sku})
    assert "سبد شما خالی است." in html_of(client.get("/cart/"))


@pytest.mark.parametrize("lines", [1, 20])
def test_the_cart_costs_seven_queries_whatever_its_size(
    client: Client, shop: TermsVersion, clock: Path, django_assert_num_queries: Any, lines: int
) -> None:
    person = make.person()
    make.cart(person=person, lines=lines)
    client.force_login(person)
    client.get("/cart/")  # numbers of clauses are read once in the life of a process
    with django_assert_num_queries(7):  # session, person, cart, terms, carriers, lines; pieces for the header
        client.get("/cart/")
