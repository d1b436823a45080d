"""Log-in as its reader sees it: a number, a code, a welcome."""

import base64
import re

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from peyman.entrypoints import second_factor
from peyman.entrypoints.storefront import visitor
from peyman.messages import queries as messages
from peyman.messages.models import Message
from peyman.people.models import LoginCode, Person
from peyman.promises.models import Acceptance
from peyman.shop.carts import actions as carts
from peyman.shop.carts.models import Cart
from tests import make

MOBILE = "+989121234567"
TOTP_SECRET = base64.b32encode(b"a secret of 20 bytes").decode()

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ready():
    make.terms()
    with time_machine.travel(make.NOW, tick=False) as at:
        yield at


def ask(client, mobile="۰۹۱۲ ۱۲۳ ۴۵۶۷", **data):
    return client.post("/login/", {"mobile": mobile, **data})


def newest_code(to=MOBILE):
    return messages.sent_to(to).filter(template="login_code").latest("pk").secret


def log_in(client, mobile=MOBILE, **data):
    ask(client, mobile, **data)
    return client.post("/login/code/", {"code": newest_code(mobile)})


def persian(code):
    return code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


def says(response, sentence):
    main = response.content.decode().partition("<main")[2].partition("</main>")[0]
    assert sentence in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", main))


def test_the_page_asks_for_one_thing_a_mobile_number(client):
    page = client.get("/login/")
    assert page.status_code == 200
    html = page.content.decode()
    assert html.count('type="tel"') == 1
    assert 'autocomplete="tel"' in html
    assert "no-store" in page["Cache-Control"]


def test_a_new_customer_signs_up_by_the_same_two_steps_and_a_welcome(client):
    assert ask(client).url == "/login/code/"
    assert not Person.objects.exists()
    page = client.get("/login/code/")
    says(page, "کد را به ۰۹۱۲۱۲۳۴۵۶۷ فرستادیم.")
    for attribute in ('autocomplete="one-time-code"', 'inputmode="numeric"', 'dir="ltr"'):
        assert attribute in page.content.decode()
    answer = client.post("/login/code/", {"code": persian(newest_code())})
    assert (answer.status_code, answer.url) == (302, "/welcome/")
    person = Person.objects.get()
    assert (person.mobile, person.mobile_confirmed_at) == (MOBILE, make.NOW)
    assert client.session["_auth_user_id"] == str(person.pk)


@pytest.mark.clause("D02", "D06")
def test_the_welcome_takes_a_name_and_an_explicit_yes_to_the_terms(client):
    log_in(client)
    says(client.get("/welcome/"), "شرایط فروش، نسخه ۱ را خوانده‌ام و می‌پذیرم.")
    typed = {"full_name": "زهرا محمدي", "email": "z@example.ir"}
    answer = client.post("/welcome/", {**typed, "terms": "1", "next": "/cart/"})
    assert (answer.status_code, answer.url) == (302, "/cart/")
    person = Person.objects.get()
    assert (person.full_name, person.email, person.email_confirmed_at) == ("زهرا محمدی", "z@example.ir", None)
    accepted = Acceptance.objects.get()
    assert (accepted.person, accepted.kind, accepted.version.number) == (person, "sign_up", 1)
    assert accepted.sha256 == accepted.version.sha256
    assert client.get("/welcome/").url == "/"


@pytest.mark.clause("D02")
@pytest.mark.parametrize("yes", ["", "0", "2", "on"])
def test_without_a_yes_to_the_version_in_force_there_is_no_account(client, yes):
    log_in(client)
    answer = client.post("/welcome/", {"full_name": "زهرا محمدی", "email": "", "terms": yes})
    assert answer.status_code == 422
    says(answer, "برای ساختن حساب باید شرایط فروش را بپذیرید")
    assert Person.objects.get().full_name == ""
    assert not Acceptance.objects.exists()


def test_what_is_wrong_in_the_welcome_is_named_one_by_one_and_what_was_typed_stays(client):
    log_in(client)
    answer = client.post("/welcome/", {"full_name": "", "email": "zahra@"})
    assert answer.status_code == 422
    says(answer, "سه مورد مانده است")
    html = answer.content.decode()
    assert "<title>خطا:" in html
    assert 'href="#f-full_name"' in html
    assert 'href="#f-email"' in html
    assert 'href="#f-terms"' in html
    assert 'value="zahra@"' in html


def test_a_known_customer_goes_on_to_where_they_wanted(client):
    make.person(mobile=MOBILE)
    answer = log_in(client, next="/checkout/")
    assert (answer.status_code, answer.url) == (302, "/checkout/")


@pytest.mark.parametrize(
    "target",
    ["https://evil.ir/", "//evil.ir/", "/\\evil.ir", "javascript:alert(1)", "http:///x", "/" * 600],
)
def test_nobody_is_sent_to_another_site(client, target):
    make.person(mobile=MOBILE)
    assert log_in(client, next=target).url == "/"
    assert client.get("/login/", {"next": target}).url == "/"


def test_known_and_unknown_numbers_get_the_same_page_by_the_same_queries(client):
    make.person(mobile="+989120000001")
    seen = []
    for mobile in ("+989120000001", "+989120000002"):
        client.cookies.clear()
        client.get("/login/")
        with CaptureQueriesContext(connection) as queries:
            answer = ask(client, mobile)
        assert not any("people_person" in query["sql"] for query in queries)
        page = client.get("/login/code/")
        body = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page.content.decode())
        shown = "۰۹۱۲۰۰۰۰۰۰" + ("۱" if mobile.endswith("1") else "۲")
        seen.append((answer.status_code, answer.url, body.replace(shown, ""), len(queries)))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("typed", ["", "0912", "02188887777", "abc", "<script>"])
def test_what_is_no_mobile_number_is_refused_and_stays_in_the_box(client, typed):
    answer = ask(client, typed)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'href="#f-mobile"' in html
    assert 'aria-invalid="true"' in html
    assert "<script>" not in html
    assert not LoginCode.objects.exists()


def test_a_wrong_code_is_told_without_a_reason_and_five_close_it(client):
    ask(client)
    right = newest_code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(5):
        answer = client.post("/login/code/", {"code": wrong})
        assert answer.status_code == 422
        says(answer, "کد درست نیست یا زمانش گذشته است. شماره و کد را دوباره ببینید یا کد تازه بخواهید.")
    assert client.post("/login/code/", {"code": right}).status_code == 422
    assert "_auth_user_id" not in client.session
    assert not Person.objects.exists()


def test_wrong_codes_count_together_from_whatever_session():
    clients = [Client() for _ in range(3)]
    for each in clients:
        ask(each)
    right = newest_code()
    wrong = "000000" if right != "000000" else "111111"
    for n in range(5):
        clients[n % 3].post("/login/code/", {"code": wrong})
    assert clients[0].post("/login/code/", {"code": right}).status_code == 422


def test_a_code_is_over_after_three_minutes(client, _ready):
    ask(client)
    _ready.shift(180)
    says(client.get("/login/code/"), "زمان این کد گذشته است.")
    assert client.post("/login/code/", {"code": newest_code()}).status_code == 422


def test_another_code_can_be_asked_for_and_the_first_stops_working(client):
    ask(client)
    first = newest_code()
    assert client.post("/login/code/", {"action": "resend"}).url == "/login/code/"
    second = newest_code()
    assert Message.objects.count() == 2
    if first != second:
        assert client.post("/login/code/", {"code": first}).status_code == 422
    assert client.post("/login/code/", {"code": second}).url == "/welcome/"


def test_the_fourth_request_in_two_minutes_is_answered_429_with_the_seconds(client):
    for _ in range(3):
        ask(client)
    answer = ask(client)
    assert answer.status_code == 429
    assert answer["Retry-After"] == "120"
    says(answer, "برای این شماره چند بار پشت سر هم کد خواسته شده است.")
    assert Message.objects.count() == 3


def test_twelve_wrong_codes_end_in_429_whatever_address_is_forged(client):
    ask(client)
    answers = [
        client.post("/login/code/", {"code": "12345"}, headers={"X-Forwarded-For": f"5.1.1.{n}"}).status_code
        for n in range(12)
    ]
    assert answers == [422] * 10 + [429] * 2


def test_the_message_is_the_codes_own_and_goes_stale_with_it(client):
    ask(client)
    message = Message.objects.get()
    code = message.secret
    assert re.fullmatch("[0-9]{6}", code)
    assert (message.channel, message.to, message.template) == ("sms", MOBILE, "login_code")
    assert message.text.endswith(f"@127.0.0.1 #{code}")
    assert (message.stale_at - make.NOW).total_seconds() == 180
    assert code not in LoginCode.objects.get().code_hash


def test_the_session_is_a_new_one_after_log_in_and_never_holds_the_code(client):
    ask(client)
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert newest_code() not in str(dict(client.session))
    client.post("/login/code/", {"code": newest_code()})
    after = client.cookies[settings.SESSION_COOKIE_NAME].value
    assert before != after
    assert "login_pending" not in client.session


@pytest.mark.clause("D54")
def test_the_visitors_cart_is_there_after_log_in(client):
    variant = make.variant()
    session = client.session
    session[visitor.CART_KEY] = "a-visitor"
    session.save()
    cart = carts.of_visitor(key="a-visitor", now=make.NOW)
    carts.set_quantity(cart=cart, sku=variant.sku, quantity=2, terms=make.terms(), now=make.NOW)
    person = make.person(mobile=MOBILE)
    log_in(client)
    cart = Cart.objects.get()
    assert cart.person == person
    assert [(line.variant, line.quantity) for line in cart.lines.all()] == [(variant, 2)]


def test_logging_out_needs_a_post_and_leaves_nothing(client):
    make.person(mobile=MOBILE)
    log_in(client)
    assert client.get("/logout/").status_code == 405
    assert "_auth_user_id" in client.session
    assert client.post("/logout/").url == "/"
    assert "_auth_user_id" not in client.session


def test_who_is_logged_in_is_not_asked_again(client):
    make.person(mobile=MOBILE)
    log_in(client)
    assert client.get("/login/?next=/cart/").url == "/cart/"
    assert client.get("/login/code/").url == "/"


def test_the_code_page_without_a_number_goes_back_to_the_start(client):
    assert client.get("/login/code/").url == "/login/"
    assert client.post("/login/code/", {"code": "123456"}).url == "/login/"
    assert client.get("/welcome/").url == "/login/?next=%2Fwelcome%2F"


def test_forms_need_their_token(client):
    strict = type(client)(enforce_csrf_checks=True)
    for address in ("/login/", "/login/code/", "/logout/", "/welcome/", "/login/second/"):
        assert strict.post(address).status_code == 403


def test_a_closed_account_does_not_open(client):
    make.person(mobile=MOBILE, is_active=False)
    answer = log_in(client)
    assert answer.status_code == 403
    says(answer, "این حساب بسته شده است و با آن نمی‌شود وارد شد.")
    assert "_auth_user_id" not in client.session


def test_staff_without_a_second_factor_do_not_get_in(client):
    make.person(mobile=MOBILE, role="orders")
    answer = log_in(client)
    assert answer.status_code == 403
    says(answer, "حساب همکاران بی رمز یک‌بارمصرف دوم باز نمی‌شود.")
    assert "_auth_user_id" not in client.session
    assert client.get("/login/second/").url == "/login/"


def test_staff_get_in_by_sms_code_and_one_time_password(client):
    person = make.person(mobile=MOBILE, role="orders")
    second_factor.set_totp(person, TOTP_SECRET)
    assert log_in(client, next="/orders/").url == "/login/second/"
    assert "_auth_user_id" not in client.session
    page = client.get("/login/second/")
    says(page, "رمز شش‌رقمی را از برنامه رمزساز خود بردارید.")
    assert client.get("/orders/").status_code != 200
    code = format_hotp_value(hotp_value(TOTP_SECRET, int(make.NOW.timestamp()) // 30))
    wrong = client.post("/login/second/", {"code": "000000" if code != "000000" else "111111"})
    assert "_auth_user_id" not in client.session
    says(wrong, "رمز یک‌بارمصرف درست نیست یا زمانش گذشته است")
    answer = client.post("/login/second/", {"code": persian(code)})
    assert (answer.status_code, answer.url) == (302, "/orders/")
    assert client.session["_auth_user_id"] == str(person.pk)


def test_a_one_time_password_works_once(client):
    person = make.person(mobile=MOBILE, role="orders")
    second_factor.set_totp(person, TOTP_SECRET)
    code = format_hotp_value(hotp_value(TOTP_SECRET, int(make.NOW.timestamp()) // 30))
    for works in (True, False):
        log_in(client)
        client.post("/login/second/", {"code": code})
        assert ("_auth_user_id" in client.session) is works
        client.post("/logout/")


def test_wrong_one_time_passwords_are_limited(client):
    person = make.person(mobile=MOBILE, role="orders")
    second_factor.set_totp(person, TOTP_SECRET)
    log_in(client)
    code = format_hotp_value(hotp_value(TOTP_SECRET, int(make.NOW.timestamp()) // 30))
    for _ in range(5):
        client.post("/login/second/", {"code": "000000" if code != "000000" else "111111"})
    client.post("/login/second/", {"code": code})
    assert "_auth_user_id" not in client.session


def test_the_secret_of_the_second_factor_is_kept_encrypted():
    person = make.person(mobile=MOBILE, role="orders")
    second_factor.set_totp(person, TOTP_SECRET)
    second_factor.set_totp(person, TOTP_SECRET)
    kept = Authenticator.objects.get().data["secret"]
    assert TOTP_SECRET not in kept
    assert second_factor.Adapter().decrypt(kept) == TOTP_SECRET
    with pytest.raises(ValueError, match="128 bits"):
        second_factor.set_totp(person, "MFRGG===")


def test_sessions_are_rows_that_say_nothing_in_clear(client):
    ask(client)
    with pytest.raises(signing.BadSignature):
        signing.loads(client.cookies[settings.SESSION_COOKIE_NAME].value)
