"""The public record, one's own promises, and acceptance that is only implied."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints import implied
from peyman.promises import actions, queries, rules
from peyman.promises.models import Acceptance, TermsVersion
from tests import make
from tests.pages.test_desks import html_of, promise

NOW = make.NOW
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def publish(now: Any, **parameters: int) -> TermsVersion:
    document = make.terms_document()
    text = rules.TermsDocument(document.title, {**document.parameters, **parameters}, document.clauses)
    return actions.publish_terms(document=text, now=now)


# ---- The record ----


def test_the_record_shows_late_ones_too_and_draws_them(client: Client, shop: TermsVersion, clock: Any) -> None:
    for n in range(3):
        promise(f"r{n}", hours=1)
    actions.keep(subject="r0", evidence={}, now=NOW)
    clock.write_text((NOW + 5 * HOUR).isoformat())
    html = html_of(client.get("/record/"))
    assert "<b>۳</b><span>قول سررسیده" in html and "<b>۱</b><span>به‌موقع" in html and "<b>۲</b><span>دیر" in html
    assert "۳۳٫۳٪" in html and 'class="f-broken"' in html and "۴ ساعت" in html
    assert "شنبه ۱۵ دی ۱۴۰۳" in html, "what is drawn stands in a table too"


def test_an_empty_record_says_so(client: Client, shop: TermsVersion) -> None:
    assert "موعد هیچ قولی نرسیده است" in html_of(client.get("/record/"))
    assert '/record/"' in html_of(client.get("/"))


def test_the_record_is_added_up_once_a_minute(
    client: Client, shop: TermsVersion, django_assert_num_queries: Any
) -> None:
    client.get("/record/")
    with django_assert_num_queries(1):  # terms
        client.get("/record/")


# ---- One's own ----


def test_promises_are_for_their_owner_only(client: Client, shop: TermsVersion) -> None:
    assert client.get("/promises/").headers["Location"] == "/login/?next=/promises/"
    owner, other = make.person(), make.person()
    promise("mine", person_id=owner.pk, what="بازگرداندن پول شما")
    promise("other", person_id=other.pk, what="بازگرداندن پول دیگری")
    client.force_login(owner)
    html = html_of(client.get("/promises/"))
    assert "بازگرداندن پول شما" in html and "پول دیگری" not in html
    client.force_login(make.person())
    assert "هنوز قولی به شما نداده‌ایم" in html_of(client.get("/promises/"))
    html_of(client.get("/promises/?after=x"))


def test_a_remedy_is_said_to_be_owed_and_not_paid(client: Client, shop: TermsVersion, clock: Any) -> None:
    person = make.person()
    version = publish(NOW, remedy_rials_refund=500_000)
    promise("late", person_id=person.pk, hours=1, terms=version)
    actions.sweep_overdue(now=NOW + 2 * HOUR)
    clock.write_text((NOW + 2 * HOUR).isoformat())
    client.force_login(person)
    html = html_of(client.get("/promises/"))
    assert "جبران این دیرکرد ۵۰٬۰۰۰ تومان است؛ به شما بدهکاریم و هنوز پرداخت نشده است." in html


@pytest.mark.parametrize("n", [1, 15])
def test_ones_promises_cost_the_same_queries_however_many(
    client: Client, shop: TermsVersion, django_assert_num_queries: Any, n: int
) -> None:
    person = make.person()
    for i in range(n):
        promise(f"r{i}", person_id=person.pk, hours=1 + i)
    client.force_login(person)
    client.get("/promises/")
    with django_assert_num_queries(10):  # session, person; late, open, ended, moves, remedies, counts; terms, cart
        html_of(client.get("/promises/"))


# ---- Implied acceptance, and the banner ----


@pytest.mark.clause("D01")
def test_looking_writes_no_row_and_the_first_write_keeps_what_was_shown(
    client: Client, shop: TermsVersion, clock: Any
) -> None:
    html_of(client.get("/"))
    assert implied.COOKIE in client.cookies
    assert not Acceptance.objects.exists()
    person = make.person()
    client.force_login(person)
    html_of(client.get("/goods/"))
    assert not Acceptance.objects.exists()
    clock.write_text((NOW + DAY).isoformat())
    for _ in range(2):
        client.post("/cart/add", {"sku": make.variant().sku, "quantity": "1"})
    (accepted,) = Acceptance.objects.all()
    assert (accepted.person, accepted.kind, accepted.version.number, accepted.at) == (person, "implied", 1, NOW)
    assert accepted.sha256 == shop.sha256
    assert not queries.has_accepted(person, shop), "an implied yes never stands for an explicit one"


@pytest.mark.clause("D01")
def test_a_stranger_who_writes_leaves_no_acceptance(client: Client, shop: TermsVersion) -> None:
    html_of(client.get("/"))
    client.post("/cart/add", {"sku": make.variant().sku, "quantity": "1"})
    assert not Acceptance.objects.exists()


@pytest.mark.parametrize("value", ["", "x", "1", '{"version":1}', "\x00", "a:b:c" * 500])
def test_a_mark_that_we_did_not_sign_counts_for_nothing(client: Client, shop: TermsVersion, value: str) -> None:
    client.force_login(make.person())
    client.cookies[implied.COOKIE] = value
    client.post("/cart/add", {"sku": make.variant().sku, "quantity": "1"})
    assert not Acceptance.objects.exists()
    html_of(client.get("/"))


@pytest.mark.clause("D05")
def test_new_terms_are_told_on_every_page_until_they_were_seen(client: Client, shop: TermsVersion, clock: Any) -> None:
    html_of(client.get("/"))
    publish(NOW + DAY, refund_hours=36)
    clock.write_text((NOW + DAY).isoformat())
    for url in ("/", "/goods/"):
        html = html_of(client.get(url))
        assert "شرایط فروش عوض شده است؛ نسخه ۲ در حال اجراست." in html
        assert "/terms/difference/?old=1&amp;new=2" in html
    answer = client.post("/terms/seen", {"next": "/goods/"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/goods/")
    assert "شرایط فروش عوض شده است" not in html_of(client.get("/goods/"))
    assert "شرایط فروش عوض شده است" not in html_of(Client().get("/")), "a new visitor knew no other version"


def test_whoever_opens_the_terms_has_seen_them(client: Client, shop: TermsVersion, clock: Any) -> None:
    html_of(client.get("/"))
    publish(NOW + DAY, refund_hours=36)
    clock.write_text((NOW + DAY).isoformat())
    html_of(client.get("/terms/"))
    assert "شرایط فروش عوض شده است" not in html_of(client.get("/"))


def test_the_way_back_from_the_banner_leads_nowhere_else(client: Client, shop: TermsVersion) -> None:
    for odd in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", ""):
        assert client.post("/terms/seen", {"next": odd}).headers["Location"] == "/"
