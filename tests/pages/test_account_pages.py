"""The account: contacts, consent, sessions, the book, one's data, a minor's order, reports."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.messages import queries as messages
from peyman.messages.models import Message
from peyman.people import actions, queries
from peyman.people.models import AccessLog, Consent, Erasure, Permission, Person, PrivacyCase
from peyman.promises.models import Promise, TermsVersion
from peyman.shop.carts.models import Cart
from peyman.shop.orders.models import Order
from tests import make
from tests.pages.reading import text_of as html_of

pytestmark = pytest.mark.django_db

MOBILE, NEW, MOTHER = "+989121111111", "+989122222222", "+989123333333"
FORM = {
    "recipient": "زهرا محمدی", "mobile": "۰۹۱۲۰۰۰۴۵۶۷", "province": "اصفهان", "city": "اصفهان",
    "street": "خیابان چهارباغ بالا، کوچه ۴", "plate": "۱۲", "unit": "", "postal_code": "۸۱۶۵۷-۳۹۴۱۲",
}  # fmt: skip
COMPANY = {
    "buyer.name": "شرکت نمونه", "buyer.national_id": "۱۰۳۸۰۲۸۴۷۹۰", "buyer.economic_code": "41111111111",
    "buyer.registration_number": "1234", "buyer.postal_code": "1234567891", "buyer.phone": "02188888888",
}  # fmt: skip


@pytest.fixture
def me(client: Client, shop: TermsVersion) -> Person:
    person = make.person(mobile=MOBILE, full_name="زهرا محمدی")
    client.force_login(person)
    return person


def code_to(address: str) -> str:
    """The secret of the newest message to this address."""
    return messages.sent_to(address).order_by("-pk").values_list("secret", flat=True)[0]


def fresh(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


# ---- Who gets in, and what it costs ----

PAGES = ["/account/", "/account/book/", "/account/sessions/", "/account/data/"]


@pytest.mark.parametrize("url", PAGES)
def test_a_stranger_is_led_to_the_log_in_and_back(client: Client, shop: TermsVersion, url: str) -> None:
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={url}")


@pytest.mark.parametrize(("url", "n"), [("/account/", 8), ("/account/book/", 6), ("/account/sessions/", 8)])
def test_pages_of_the_account_cost_as_much_for_one_who_was_here_often(
    client: Client, me: Person, django_assert_max_num_queries: Any, url: str, n: int
) -> None:
    for number in range(5):
        actions.begin_visit(person=me, session_key=f"s{number}", user_agent="", address="5.1.2.3", now=make.NOW)
        actions.keep_address(person=me, particulars=FORM | {"plate": str(number), "landline": ""}, now=make.NOW)
        actions.ask_email(person=me, typed=f"a{number}@example.ir", now=make.NOW)
    client.get(url)
    with django_assert_max_num_queries(n):  # session, person, cart, terms (kept), and what the page shows
        client.get(url)


# ---- E-mail, mobile, landline ----


@pytest.mark.clause("D08")
def test_an_email_is_official_after_its_code_and_told_so(client: Client, me: Person) -> None:
    answer = client.post("/account/email", {"email": " zahra@EXAMPLE.ir "})
    assert answer.headers["Location"] == "/account/email/code"
    assert "zahra@example.ir" in html_of(client.get("/account/email/code"))
    assert not fresh(me).email
    wrong = html_of(client.post("/account/email/code", {"code": "12"}), 422)
    assert "کد درست نیست" in wrong
    answer = client.post("/account/email/code", {"code": code_to("zahra@example.ir")})
    assert answer.headers["Location"] == "/account/?email"
    assert fresh(me).email == "zahra@example.ir"
    html = html_of(client.get("/account/?email"))
    assert "از این پس نشانی رسمی شماست" in html and "تأیید شد و نشانی رسمی است" in html
    assert client.post("/account/email", {"email": "zahra@example.ir", "remove": "1"}).status_code == 302
    assert not fresh(me).email


@pytest.mark.clause("D08")
@pytest.mark.parametrize("typed", ["zahra@example.ir\r\nBcc: all@example.ir", "نه", "", "a@b"])
def test_what_is_no_address_stays_in_its_box_with_a_sentence(client: Client, me: Person, typed: str) -> None:
    html = html_of(client.post("/account/email", {"email": typed}), 422)
    assert 'id="f-email-e"' in html
    assert Message.objects.count() == 0


@pytest.mark.clause("D08")
def test_a_mobile_changes_by_two_codes_and_one_logs_in_with_the_new_one(client: Client, me: Person) -> None:
    assert client.post("/account/mobile", {"mobile": "\u200e+98 912 222 2222"}).status_code == 302
    old, new = code_to(MOBILE), code_to(NEW)
    html = html_of(client.post("/account/mobile/code", {"old_code": old, "new_code": "1"}), 422)
    assert "یکی از دو کد درست نیست" in html
    assert fresh(me).mobile == MOBILE
    assert client.post("/account/mobile/code", {"old_code": old, "new_code": new}).status_code == 302
    assert fresh(me).mobile == NEW
    assert "۰۹۱۲۲۲۲۲۲۲۲" in html_of(client.get("/account/"))


def test_a_taken_number_is_told_only_after_both_codes(client: Client, me: Person) -> None:
    make.person(mobile=NEW)
    assert client.post("/account/mobile", {"mobile": NEW}).status_code == 302
    html = html_of(client.post("/account/mobile/code", {"old_code": code_to(MOBILE), "new_code": code_to(NEW)}), 409)
    assert "با این شماره حساب دیگری هست" in html


@pytest.mark.clause("D40")
def test_a_landline_needs_the_customers_word(client: Client, me: Person) -> None:
    html = html_of(client.post("/account/landline", {"landline": "۰۲۱۸۸۸۸۷۷۷۷"}), 422)
    assert "درستی آن را تأیید نکرده‌اید" in html and "۰۲۱۸۸۸۸۷۷۷۷" in html
    client.post("/account/landline", {"landline": "۰۲۱۸۸۸۸۷۷۷۷", "vouched": "1"})
    assert fresh(me).landline == "02188887777"


def test_ten_wrong_codes_in_five_minutes_are_enough(client: Client, me: Person) -> None:
    client.post("/account/email", {"email": "zahra@example.ir"})
    answers = [client.post("/account/email/code", {"code": "1"}).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]


# ---- Consent ----


@pytest.mark.clause("D12")
def test_what_is_not_ticked_is_not_wanted_from_this_instant(client: Client, me: Person) -> None:
    client.post("/account/news", {"marketing.sms": "1", "marketing.email": "1", "transactional.email": "1"})
    assert queries.may_market(me, "sms") and queries.may_market(me, "email")
    client.post("/account/news", {"marketing.email": "1"})
    assert not queries.may_market(me, "sms") and queries.may_market(me, "email")
    assert queries.consents(me)["transactional", "sms"] is True
    assert queries.consents(me)["transactional", "email"] is False


@pytest.mark.clause("D12")
def test_one_click_cancels_without_log_in_or_page_and_reading_alone_does_not(shop: TermsVersion) -> None:
    person = make.person()
    actions.agree(person=person, topic="marketing", channel="email", given=True, how="profile", now=make.NOW)
    url = f"/opt-out/{queries.opt_out_token(person.code, 'email')}/"
    mailer = Client(enforce_csrf_checks=True)
    assert "لغو شود؟" in html_of(mailer.get(url))
    assert queries.may_market(person, "email")
    assert "لغو است" in html_of(mailer.post(url, {"List-Unsubscribe": "One-Click"}))
    assert not queries.may_market(person, "email")
    assert Consent.objects.get(channel="email").given is False
    html_of(mailer.post(url, {"List-Unsubscribe": "One-Click"}))
    assert mailer.post("/opt-out/forged/").status_code == 404


# ---- Sessions ----


@pytest.mark.clause("D15")
def test_each_log_in_is_listed_and_can_be_ended_from_another(shop: TermsVersion) -> None:
    make.person(mobile=MOBILE)
    here, there = Client(headers={"User-Agent": "Firefox Linux"}), Client(headers={"User-Agent": "Chrome Android"})
    for browser in (there, here):
        browser.post("/login/", {"mobile": MOBILE})
        browser.post("/login/code/", {"code": code_to(MOBILE)})
    html = html_of(here.get("/account/sessions/"))
    assert "کروم در اندروید" in html and "همین نشست" in html and html.count("ورود به حساب") == 2
    visit = Person.objects.get().visits.get(device="کروم در اندروید")
    assert here.post("/account/sessions/end", {"visit": visit.code}).status_code == 302
    assert there.get("/account/").status_code == 302  # to the log-in
    assert here.get("/account/").status_code == 200
    assert here.post("/account/sessions/end", {"visit": visit.code}).status_code == 404
    here.post("/logout/")
    assert Person.objects.get().visits.filter(ended_at=None).count() == 0


# ---- The book ----


def test_an_address_is_kept_with_its_faults_named(client: Client, me: Person) -> None:
    html = html_of(client.post("/account/book/", FORM | {"postal_code": "123", "city": "ناکجا"}), 422)
    assert "کد پستی ۳ رقم است" in html
    html = html_of(client.post("/account/book/", FORM | {"city": "ناکجا"}), 422)
    assert "این شهر را در این استان نمی‌شناسیم" in html
    assert client.post("/account/book/", FORM | {"title": "خانه"}).status_code == 302
    html = html_of(client.get("/account/book/"))
    assert "خیابان چهارباغ بالا" in html and "خانه" in html


@pytest.mark.clause("D44")
def test_an_organisation_is_kept_when_its_ids_hold(client: Client, me: Person) -> None:
    html = html_of(client.post("/account/book/organisation", COMPANY | {"buyer.national_id": "10380284791"}), 422)
    assert "این شناسه ملی درست نیست" in html
    assert client.post("/account/book/organisation", COMPANY).status_code == 302
    assert "شرکت نمونه" in html_of(client.get("/account/book/"))
    code = queries.legal_entities(me)[0].code
    client.post("/account/book/remove", {"code": code})
    assert queries.legal_entities(me) == []


@pytest.mark.clause("D44")
def test_what_is_in_the_book_fills_the_checkout(client: Client, me: Person) -> None:
    client.post("/account/book/", FORM | {"title": "محل کار"})
    client.post("/account/book/organisation", COMPANY)
    make.cart(person=me)
    html = html_of(client.get("/checkout/"))
    assert "محل کار" in html and "شرکت نمونه" in html and 'value="۱۲"' not in html
    html = html_of(client.get(f"/checkout/?address={queries.addresses(me)[0].code}"))
    assert 'value="خیابان چهارباغ بالا، کوچه ۴"' in html and 'value="8165739412"' in html
    html = html_of(client.get(f"/checkout/?organisation={queries.legal_entities(me)[0].code}"))
    assert 'value="10380284790"' in html
    stranger = Client()
    other = make.person()
    make.cart(person=other)
    stranger.force_login(other)
    assert "چهارباغ بالا" not in html_of(stranger.get(f"/checkout/?address={queries.addresses(me)[0].code}"))


# ---- One's data ----


@pytest.mark.clause("D16")
def test_ones_data_come_as_one_file_and_nobody_elses(client: Client, me: Person) -> None:
    stranger = make.person(full_name="رضا مرادی")
    actions.keep_address(person=stranger, particulars=FORM | {"street": "خیابان بیگانه"}, now=make.NOW)
    client.post("/account/book/", FORM)
    answer = client.post("/account/data/export")
    told = json.loads(answer.content)
    assert told["account"]["mobile"] == MOBILE
    assert [row["street"] for row in told["addresses"]] == ["خیابان چهارباغ بالا، کوچه ۴"]
    assert "بیگانه" not in answer.content.decode() and "رضا" not in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.clause("D16")
def test_an_account_is_closed_only_by_a_tick_and_then_forgotten(client: Client, me: Person) -> None:
    make.cart(person=me)
    client.post("/account/book/", FORM)
    assert "چیزی پاک نشد" in html_of(client.post("/account/data/erase"), 422)
    assert fresh(me).is_active
    answer = client.post("/account/data/erase", {"sure": "1"}, follow=True)
    html = html_of(answer)
    assert Erasure.objects.get().code in html and "حساب شما بسته شد" in html
    assert fresh(me).mobile == "" and not Cart.objects.filter(person=me).exists()
    assert client.get("/account/").status_code == 302
    assert client.get("/erased/").status_code == 404


@pytest.mark.clause("D16")
def test_staff_do_not_erase_themselves(client: Client, shop: TermsVersion) -> None:
    staff = make.person(role="manager")
    client.force_login(staff)
    client.post("/account/data/erase", {"sure": "1"})
    assert fresh(staff).is_active


# ---- A minor's order ----


def order_of(person: Person, client: Client) -> Order:
    make.cart(person=person, lines=[(make.variant(price=12_500_000), 1)])
    client.post(
        "/checkout/",
        FORM
        | {
            "carrier": "post-pishtaz",
            "buyer.kind": "individual",
            "terms": "1",
            "shown_total": "13037500",
            "key": "one",
        },
    )
    return Order.objects.get(person=person)


@pytest.mark.clause("D20")
def test_a_minor_pays_only_after_the_guardian_followed_the_link(client: Client, me: Person, settings: Any) -> None:
    settings.BANK_URL = "http://127.0.0.1:9"  # nobody is there: it must not even be asked
    client.post("/account/birth", {"birth_date": "۱۳۹۰/۱/۱"})
    order = order_of(me, client)
    answer = client.post(f"/orders/{order.code}/pay", {"shown_total": str(order.total), "key": "two"})
    assert answer.headers["Location"] == f"/orders/{order.code}/?guardian_needed"
    html = html_of(client.get(answer.headers["Location"]))
    assert "تأیید پدر، مادر یا قیم" in html and f"/orders/{order.code}/pay" not in html
    html = html_of(client.post(f"/orders/{order.code}/guardian", {"guardian_name": "", "guardian_mobile": MOBILE}), 422)
    assert 'id="f-guardian_name-e"' in html
    client.post(f"/orders/{order.code}/guardian", {"guardian_name": "مریم کاظمی", "guardian_mobile": "0912 333 3333"})
    sent = messages.sent_to(MOTHER).get()
    assert (sent.template, sent.dead_at) == ("guardian_confirmation", None)
    link = next(word for word in sent.text.split() if "/guardian/" in word)
    path = "/guardian/" + link.split("/guardian/")[1]
    mother = Client()
    html = html_of(mother.get(path))
    assert "زهرا محمدی" in html and "۱٬۳۰۳٬۷۵۰" in html and "09120004567" not in html
    assert queries.guardian_state(f"order:{order.code}", make.NOW).is_confirmed is False  # type: ignore[union-attr]  # it was asked for
    assert mother.post(path).status_code == 302
    assert "شما این سفارش را تأیید کردید" in html_of(mother.get(path))
    answer = client.post(f"/orders/{order.code}/pay", {"shown_total": str(order.total), "key": "three"})
    assert answer.headers["Location"] == f"/orders/{order.code}/?bank_away"


@pytest.mark.clause("D20")
def test_a_guardians_code_may_be_read_to_the_minor(client: Client, me: Person) -> None:
    client.post("/account/birth", {"birth_date": "۱۳۹۰/۱/۱"})
    order = order_of(me, client)
    client.post(f"/orders/{order.code}/guardian", {"guardian_name": "مریم کاظمی", "guardian_mobile": MOTHER})
    assert "این کد یا پیوند درست نیست" in html_of(
        client.post(f"/orders/{order.code}/guardian/code", {"code": "1"}), 422
    )
    assert client.post(f"/orders/{order.code}/guardian/code", {"code": code_to(MOTHER)}).status_code == 302
    assert "مریم کاظمی این سفارش را تأیید کرد" in html_of(client.get(f"/orders/{order.code}/"))


def test_a_birth_date_is_not_changed_into_another(client: Client, me: Person) -> None:
    client.post("/account/birth", {"birth_date": "۱۳۹۰/۱/۱"})
    assert "یک بار نوشته می‌شود" in html_of(client.post("/account/birth", {"birth_date": "1370/1/1"}), 409)
    assert "چنین روزی در تقویم نیست" in html_of(client.post("/account/birth", {"birth_date": "1390/13/1"}), 422)


def test_a_forged_guardian_link_leads_nowhere(client: Client, shop: TermsVersion) -> None:
    assert client.get("/guardian/" + "x" * 22 + "/").status_code == 404


# ---- Reports ----

REPORT = {"topic": "leak", "text": "شماره من در سایت دیگری دیده شده است.", "contact": "زهرا"}


@pytest.mark.clause("D17")
def test_a_stranger_reports_gets_a_number_a_promise_and_an_answer(client: Client, shop: TermsVersion) -> None:
    html = html_of(client.post("/privacy/report/", REPORT), 422)
    assert 'id="f-contact-e"' in html and REPORT["text"] in html
    answer = client.post("/privacy/report/", REPORT | {"contact": "zahra@example.ir"})
    case = PrivacyCase.objects.get()
    page = html_of(client.get(answer.headers["Location"]))
    assert case.code in page and REPORT["text"] not in page
    promise = Promise.objects.get(clause="D17")
    assert (promise.hours, promise.state, promise.subject) == (48, "open", f"privacy_case:{case.code}")
    told = Message.objects.get(template="privacy_received")
    assert (told.to, told.dead_at) == ("zahra@example.ir", None)
    assert client.get(f"/privacy/case/{case.code}/forged/").status_code == 404

    staff = make.person(role="privacy")
    client.force_login(staff)
    desk = f"/desk/privacy/{case.code}/"
    assert REPORT["text"] not in html_of(client.get(desk))
    html_of(client.post(f"{desk}read", {"why": " "}), 422)
    assert AccessLog.objects.count() == 0
    assert REPORT["text"] in html_of(client.post(f"{desk}read", {"why": "رسیدگی به گزارش"}))
    assert AccessLog.objects.get().subject == f"privacy_case:{case.code}"
    client.post(f"{desk}take")
    html_of(client.post(f"{desk}close", {"result": "mended"}), 409)
    client.post(f"{desk}answer", {"text": "بررسی کردیم و آن را برداشتیم."})
    assert "بررسی کردیم" in Message.objects.get(template="privacy_answered").text
    promise.refresh_from_db()
    assert promise.state == "kept"
    html_of(client.post(f"{desk}close", {"result": ""}), 422)
    client.post(f"{desk}close", {"result": "mended"})
    page = html_of(Client().get(answer.headers["Location"]))
    assert "برطرف شد" in page and "بررسی کردیم" in page


@pytest.mark.clause("D17")
def test_a_customer_is_answered_at_an_official_contact_whatever_they_type(client: Client, me: Person) -> None:
    client.post("/privacy/report/", REPORT | {"contact": "evil@example.ir"})
    assert Message.objects.get().to == MOBILE
    assert PrivacyCase.objects.get().person == me


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue"])
@pytest.mark.parametrize("url", ["/desk/privacy/", "/desk/people/", "/desk/permissions/"])
def test_desks_of_privacy_are_not_there_for_others(client: Client, shop: TermsVersion, role: str, url: str) -> None:
    client.force_login(make.person(role=role))
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404


@pytest.mark.clause("D16")
def test_a_customer_sees_who_looked_and_why(client: Client, me: Person) -> None:
    staff = Client()
    staff.force_login(make.person(role="privacy"))
    html = html_of(staff.post("/desk/people/", {"who": "۰۹۱۲۱۱۱۱۱۱۱", "why": ""}), 422)
    assert "زهرا محمدی" not in html
    html = html_of(staff.post("/desk/people/", {"who": "۰۹۱۲۱۱۱۱۱۱۱", "why": "مشتری تماس گرفت"}))
    assert "زهرا محمدی" in html and "۰۹۱۲۱۱۱۱۱۱۱" in html
    assert "مشتری تماس گرفت" in html_of(client.get("/account/data/"))
    html_of(staff.post("/desk/people/", {"who": "09120000000", "why": "مشتری تماس گرفت"}), 422)
    assert AccessLog.objects.count() == 1


# ---- Rights ----


@pytest.mark.clause("D18")
def test_a_written_permission_is_public_until_it_is_withdrawn(client: Client, shop: TermsVersion) -> None:
    assert "تاکنون مجوزی داده نشده است" in html_of(client.get("/rights/"))
    staff = Client()
    staff.force_login(make.person(role="manager"))
    form = {
        "to_whom": "روزنامه نمونه",
        "what_for": "چاپ دو عکس کالا",
        "starts_on": "۱۴۰۳/۱۰/۱",
        "ends_on": "1403/13/1",
        "document_sha256": "ab" * 32,
    }
    assert "چنین روزی نیست" in html_of(staff.post("/desk/permissions/", form), 422)
    assert staff.post("/desk/permissions/", form | {"ends_on": ""}).status_code == 302
    html = html_of(client.get("/rights/"))
    assert "روزنامه نمونه" in html and "برپاست" in html
    staff.post(f"/desk/permissions/{Permission.objects.get().code}/withdraw")
    assert "پس گرفته شد" in html_of(client.get("/rights/"))


def test_the_clock_of_the_pages_is_the_shops(client: Client, me: Person, clock: Any) -> None:
    later: datetime = make.NOW + timedelta(hours=1)
    client.post("/account/email", {"email": "zahra@example.ir"})
    code = code_to("zahra@example.ir")
    clock.write_text(later.isoformat())
    assert html_of(client.post("/account/email/code", {"code": code}), 422)
