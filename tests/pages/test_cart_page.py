"""The cart as its reader sees it: what changed, what it does not hold, and what it costs."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

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


def test_more_than_one_order_may_have_is_told_and_lowered_at_a_press(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(on_hand=90, price=1_000_000)
    client.post("/cart/add", {"sku": variant.sku})
    CartLine.objects.update(quantity=25)  # as the terms allowed before
    html = html_of(client.get("/cart/"))
    assert "در یک سفارش تا ۲۰ عدد از این کالا می‌فروشیم.</b> شما ۲۵ عدد خواسته‌اید." in html
    # twenty of 1,000,000, post 500,000, insurance 60,000
    assert "ادامه با موجودها، ۲٬۰۵۶٬۰۰۰ تومان</button>" in html
    assert client.post("/cart/fit")["Location"] == "/checkout/"
    assert CartLine.objects.get().quantity == 20


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
def test_the_cart_costs_five_queries_whatever_its_size(
    client: Client, shop: TermsVersion, clock: Path, django_assert_num_queries: Any, lines: int
) -> None:
    person = make.person()
    make.cart(person=person, lines=lines)
    client.force_login(person)
    client.get("/cart/")  # numbers of clauses are read once in the life of a process
    with django_assert_num_queries(5):  # session, person, terms, lines, carriers
        client.get("/cart/")


def statements(log: CaptureQueriesContext) -> list[str]:
    """What was asked of the database, without the marks of a test inside its transaction."""
    return [query["sql"] for query in log.captured_queries if "SAVEPOINT" not in query["sql"]]


@pytest.mark.parametrize("lines", [1, 20])
def test_adding_costs_five_queries_whatever_lies_there(client: Client, shop: TermsVersion, lines: int) -> None:
    person, more = make.person(), make.variant()
    make.cart(person=person, lines=lines)
    client.force_login(person)
    client.get("/cart/")
    client.post("/cart/add", {"sku": more.sku})  # the first writes down that the terms are accepted by use
    with CaptureQueriesContext(connection) as log:
        assert client.post("/cart/add", {"sku": more.sku}).status_code == 302
    assert len(statements(log)) == 5  # session, person, terms, variant with its place in the cart, line
    assert CartLine.objects.get(variant=more).quantity == 2


@pytest.mark.parametrize("lines", [2, 20])
def test_telling_what_changed_writes_two_rows_more_whatever_changed(
    client: Client, shop: TermsVersion, lines: int
) -> None:
    person = make.person()
    make.cart(person=person, lines=lines)
    client.force_login(person)
    client.get("/cart/")
    Variant.objects.update(price=900_000)
    with CaptureQueriesContext(connection) as log:
        assert f"{'۲۰' if lines == 20 else '۲'} کالا ارزان‌تر" in html_of(client.get("/cart/"))
    assert len(statements(log)) == 7
    assert "ارزان‌تر" not in html_of(client.get("/cart/"))


def test_what_was_added_is_told_once_with_the_way_back_to_it(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(product=make.product(title="گوشی آ", slug="phone-a"))
    assert client.post("/cart/add", {"sku": variant.sku, "quantity": "۳"})["Location"] == "/cart/"
    html = html_of(client.get("/cart/"))
    assert "<b>به سبد افزوده شد:</b> گوشی آ. اکنون ۳ عدد از آن در سبد است." in html
    assert f'href="/goods/phone-a/?sku={variant.sku}">بازگشت به این کالا</a>' in html
    assert "به سبد افزوده شد" not in html_of(client.get("/cart/"))


def test_nobody_makes_the_cart_say_what_it_did_not_do(client: Client, shop: TermsVersion) -> None:
    client.cookies["cart_told"] = "eyJraW5kIjoiYWRkZWQifQ:1tq:forged"
    assert "به سبد افزوده شد" not in html_of(client.get("/cart/"))


def test_a_line_taken_out_is_put_back_at_a_press_without_having_been_asked(client: Client, shop: TermsVersion) -> None:
    variant = make.variant(product=make.product(title="گوشی آ"))
    client.post("/cart/add", {"sku": variant.sku, "quantity": "2"})
    client.post("/cart/remove", {"sku": variant.sku})
    html = html_of(client.get("/cart/"))
    assert "سبد شما خالی است." in html and "<b>از سبد برداشته شد:</b> گوشی آ، ۲ عدد." in html
    assert '<button class="btn second small">برگرداندن</button>' in html
    client.post("/cart/back", {"sku": variant.sku, "quantity": "2"})
    assert list(CartLine.objects.values_list("variant", "quantity", "is_later")) == [(variant.pk, 2, False)]


@pytest.mark.clause("D56")
def test_what_is_kept_for_later_is_in_no_sum_and_in_no_order(client: Client, shop: TermsVersion) -> None:
    now, another = make.variant(price=1_000_000), make.variant(price=7_000_000)
    for variant in (now, another):
        client.post("/cart/add", {"sku": variant.sku})
    assert client.post("/cart/later", {"sku": another.sku})["Location"] == "/cart/#later"
    html = html_of(client.get("/cart/"))
    # 1,000,000 + post 500,000 + insurance 3,000
    assert "ادامه با ۱۵۰٬۳۰۰ تومان" in html and "بعداً می‌خرم</h2>" in html and 'aria-label="سبد خرید، ۱ عدد"' in html
    client.post("/cart/set", {"sku": another.sku, "quantity": "1"})
    assert "بعداً می‌خرم</h2>" not in html_of(client.get("/cart/"))


@pytest.mark.clause("D59")
def test_few_pieces_and_the_end_of_an_offer_are_told_beside_the_line(
    client: Client, shop: TermsVersion, clock: Path
) -> None:
    plenty, few, offered = make.variant(on_hand=40), make.variant(on_hand=5), make.variant(on_hand=40)
    until = make.NOW + timedelta(hours=2, minutes=14)
    Variant.objects.filter(pk=offered.pk).update(offer_until=until)
    for variant in (plenty, few, offered):
        client.post("/cart/add", {"sku": variant.sku})
    html = html_of(client.get("/cart/"))
    assert html.count("عدد مانده</span>") == 2
    assert ">تنها ۵ عدد مانده</span>" in html and ">۴۰ عدد مانده</span>" in html
    assert "<i>۲</i> ساعت و <i>۱۴</i> دقیقه مانده" in html and "تا شنبه ۱۵ دی، ساعت ۱۲:۱۴" in html
    assert "در این سبد کالای کم‌تعداد یا زمان‌دار هست" in html and "بند ۱۱-۶" in html
    assert 'hx-get="/cart/clocks"' in html and "htmx-2.min.js" in html
    assert moved(clock, client, until - timedelta(minutes=73)) == (
        f'<span class="clock" id="clock-{offered.pk}" hx-swap-oob="true" role="timer">'
        "<i>۱</i> ساعت و <i>۱۳</i> دقیقه مانده</span>"
    )
    assert "کمتر از یک دقیقه مانده" in moved(clock, client, until - timedelta(seconds=59))
    assert "این پیشنهاد تمام شد." in moved(clock, client, until)
    after = html_of(client.get("/cart/"))
    assert 'class="clock"' not in after and "htmx" not in after


def moved(clock: Path, client: Client, now: datetime) -> str:
    """The clocks of the cart at another instant."""
    clock.write_text(now.isoformat())
    return html_of(client.get("/cart/clocks")).strip()


@pytest.mark.clause("D59")
def test_a_cart_of_plenty_says_in_plain_weight_that_nothing_waits(client: Client, shop: TermsVersion) -> None:
    client.post("/cart/add", {"sku": make.variant(on_hand=6).sku})
    html = html_of(client.get("/cart/"))
    assert "اگر تصمیم گرفته‌اید، سفارش را زود نهایی کنید. موجودی و قیمت منتظر نمی‌ماند." in html
    assert "عدد مانده" not in html and "htmx" not in html


@pytest.mark.clause("D58")
def test_the_cart_says_after_how_long_it_is_removed(client: Client, shop: TermsVersion) -> None:
    client.post("/cart/add", {"sku": make.variant().sku})
    assert "سبدی را که ۳۰ روز به آن سر نزنید پاک می‌کنیم." in html_of(client.get("/cart/"))


@pytest.mark.clause("D118")
def test_the_way_of_carriage_changes_its_own_row_and_the_total_before_anything_is_ordered(
    client: Client, shop: TermsVersion
) -> None:
    make.carrier(slug="courier", title="پیک شهری", fee=900_000, position=2)
    make.carrier(slug="small", title="پیک سبک", fee=100_000, position=3, max_weight_g=300)  # a phone weighs 400
    client.post("/cart/add", {"sku": make.variant(price=1_000_000).sku})
    html = html_of(client.get("/cart/"))
    assert "<dt>ارسال با پست پیشتاز</dt><dd>۵۰٬۰۰۰ تومان</dd>" in html and "پیک سبک" not in html
    assert 'href="/cart/?carrier=courier#sum">پیک شهری، ۹۰٬۰۰۰ تومان</a>' in html
    html = html_of(client.get("/cart/?carrier=courier"))
    assert "<dt>ارسال با پیک شهری</dt><dd>۹۰٬۰۰۰ تومان</dd>" in html
    assert 'href="/checkout/?carrier=courier">ادامه با ۱۹۰٬۳۰۰ تومان</a>' in html
    assert "ادامه با ۱۵۰٬۳۰۰ تومان" in html_of(client.get("/cart/?carrier=nobody"))


# ---- Two devices of one person ----


def two_devices() -> tuple[Client, Client]:
    person = make.person()
    phone, desktop = Client(), Client()
    for device in (phone, desktop):
        device.force_login(person)
    return phone, desktop


def test_numbers_set_on_two_devices_are_those_asked_for_and_no_other_line_is_lost(shop: TermsVersion) -> None:
    phone, desktop = two_devices()
    mine, yours = make.variant(), make.variant()
    phone.post("/cart/add", {"sku": mine.sku})
    desktop.post("/cart/add", {"sku": yours.sku})
    phone.post("/cart/set", {"sku": mine.sku, "quantity": "4", "was": "1"})
    desktop.post("/cart/set", {"sku": yours.sku, "quantity": "2", "was": "1"})
    assert list(CartLine.objects.order_by("pk").values_list("variant", "quantity")) == [(mine.pk, 4), (yours.pk, 2)]


def test_what_the_other_device_did_meanwhile_is_told(shop: TermsVersion) -> None:
    phone, desktop = two_devices()
    variant = make.variant(product=make.product(title="گوشی آ"))
    phone.post("/cart/add", {"sku": variant.sku})
    desktop.post("/cart/set", {"sku": variant.sku, "quantity": "5", "was": "1"})
    assert "این شمار را دستگاه دیگری از شما گذاشت، <time" in html_of(phone.get("/cart/"))
    assert "دستگاه دیگری" not in html_of(desktop.get("/cart/"))
    phone.post("/cart/set", {"sku": variant.sku, "quantity": "2", "was": "1"})
    html = html_of(phone.get("/cart/"))
    assert "آنجا ۵ عدد شده بود؛ با آنچه اکنون خواستید ۲ عدد است." in html
    desktop.post("/cart/remove", {"sku": variant.sku})
    phone.post("/cart/set", {"sku": variant.sku, "quantity": "3", "was": "2"})
    assert "آنجا از سبد برداشته شده بود؛ با آنچه اکنون خواستید ۳ عدد است." in html_of(phone.get("/cart/"))


def test_what_did_not_fit_when_carts_were_joined_is_told_once(client: Client, shop: TermsVersion) -> None:
    person = make.person()
    Cart.objects.filter(pk=make.cart(person=person).pk).update(left_out=["گوشی آ", "گوشی ب"])
    client.force_login(person)
    html = html_of(client.get("/cart/"))
    assert "<b>۲ کالا جا نشد.</b>" in html and "گوشی آ؛ گوشی ب." in html and "تا ۱۰۰ ردیف" in html
    assert "جا نشد" not in html_of(client.get("/cart/"))


# ---- Whose cart ----


def test_a_form_without_its_token_changes_no_cart(shop: TermsVersion) -> None:
    variant, strict = make.variant(), Client(enforce_csrf_checks=True)
    for address in ("add", "set", "remove", "fit", "back", "later"):
        assert strict.post(f"/cart/{address}", {"sku": variant.sku, "quantity": "1"}).status_code == 403
    assert not CartLine.objects.exists()


def test_nobody_reaches_the_cart_of_another(shop: TermsVersion) -> None:
    owner, stranger, visitor = Client(), Client(), Client()
    owner.force_login(make.person())
    stranger.force_login(make.person())
    variant = make.variant()
    owner.post("/cart/add", {"sku": variant.sku, "quantity": "2"})
    for other in (stranger, visitor):
        for address in ("remove", "later", "fit"):
            other.post(f"/cart/{address}", {"sku": variant.sku})
        assert "سبد شما خالی است." in html_of(other.get("/cart/"))
    assert list(CartLine.objects.values_list("quantity", "is_later")) == [(2, False)]


def test_a_session_known_before_log_in_reads_nothing_of_what_follows(shop: TermsVersion) -> None:
    victim, attacker = Client(), Client()
    variant = make.variant()
    victim.post("/cart/add", {"sku": variant.sku})
    attacker.cookies["session"] = victim.cookies["session"].value
    assert "سبد شما خالی است." not in html_of(attacker.get("/cart/"))
    victim.force_login(make.person())
    victim.post("/cart/add", {"sku": variant.sku})
    assert "سبد شما خالی است." in html_of(attacker.get("/cart/"))


@pytest.mark.parametrize("typed", ["۳", "٣", "3"])
def test_a_number_may_be_typed_in_any_digits(client: Client, shop: TermsVersion, typed: str) -> None:
    client.post("/cart/add", {"sku": make.variant().sku, "quantity": typed})
    assert CartLine.objects.get().quantity == 3


def test_an_empty_cart_offers_a_useful_next_step(client: Client, shop: TermsVersion) -> None:
    assert 'href="/login/?next=/cart/">ورود و دیدن سبد حساب</a>' in html_of(client.get("/cart/"))
    client.force_login(make.person())
    assert 'href="/orders/">سفارش‌های پیشین من</a>' in html_of(client.get("/cart/"))
