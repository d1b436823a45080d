"""The terms page: the version in force, its numbers, its anchors; never the register's ids."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from peyman.entrypoints.storefront import terms as page
from peyman.promises.actions import publish_terms
from peyman.promises.models import TermsVersion
from peyman.promises.rules import ClauseText, TermsDocument
from tests import make

REGISTER = Path(__file__).resolve().parents[2] / "docs/terms/register.toml"


def document(*texts: str) -> TermsDocument:
    clauses = tuple(ClauseText(f"D{n:02}", f"1-{n}", "پذیرش", f"بند {n}", text) for n, text in enumerate(texts, 1))
    return TermsDocument("شرایط فروش پیمان", {"refund_hours": 48}, clauses)


@pytest.mark.clause("D03", "D04")
def test_each_clause_stands_under_its_published_number_with_its_parameters_beside_it(
    client: Client, shop: TermsVersion
) -> None:
    html = client.get("/terms/").content.decode()
    assert 'id="c-5-3"' in html and 'href="#c-5-3">بند ۵-۳</a> مهلت بازگشت وجه' in html
    assert "<dt>مهلت</dt><dd>۴۸ ساعت کاری</dd>" in html
    assert "<dt>بسته‌بندی</dt><dd>رایگان</dd>" in html
    assert not re.search(r"\b[DBN]\d{2,3}\b", html)


def test_the_terms_page_costs_three_queries(client: Client, shop: TermsVersion, django_assert_num_queries) -> None:
    with django_assert_num_queries(3):  # in force, all versions, clauses (once in the life of a process)
        client.get("/terms/")
    with django_assert_num_queries(2):
        client.get("/terms/")


def test_a_version_has_an_address_of_its_own_and_an_unknown_one_is_not_found(
    client: Client, shop: TermsVersion
) -> None:
    assert client.get("/terms/1/").status_code == 200
    assert client.get("/terms/2/").status_code == 404


def test_a_page_of_terms_that_is_kept_follows_what_is_published_and_what_begins(
    client: Client, db: None, clock: Path
) -> None:
    first = publish_terms(document=document("مهلت ۱۲ ساعت است."), now=make.NOW - timedelta(days=9))
    assert "نسخه ۱" in client.get("/terms/").content.decode() and first.number == 1
    later = make.NOW + timedelta(days=2)
    publish_terms(document=document("مهلت ۲۴ ساعت است."), now=make.NOW, effective_at=later)
    html = client.get("/terms/").content.decode()
    assert "مهلت ۱۲ ساعت است." in html and 'href="/terms/2/"' in html
    clock.write_text(later.isoformat())
    assert "مهلت <del>۱۲</del> <ins>۲۴</ins> ساعت است." in client.get("/terms/").content.decode()


@pytest.mark.clause("D04")
def test_a_new_version_shows_word_by_word_what_changed(client: Client, db: None, clock: Path) -> None:
    publish_terms(document=document("مهلت ۱۲ ساعت است.", "دوم"), now=make.NOW - timedelta(days=9))
    publish_terms(document=document("مهلت ۲۴ ساعت است.", "دوم", "سوم"), now=make.NOW - timedelta(days=1))
    html = client.get("/terms/").content.decode()
    assert "از نسخه ۱ به ۲ چه عوض شد؟" in html
    assert "مهلت <del>۱۲</del> <ins>۲۴</ins> ساعت است." in html
    assert "<ins>سوم</ins>" in html
    assert "این نسخه دیگر در حال اجرا نیست" in client.get("/terms/1/").content.decode()


def test_what_stands_beside_a_clause_is_what_the_register_says_of_it() -> None:
    clauses = tomllib.loads(REGISTER.read_text("utf-8"))["clause"]
    assert {c["id"]: tuple(c["parameters"]) for c in clauses if c["parameters"]} == page._BESIDE
    named = {name for names in page._BESIDE.values() for name in names}
    assert named - {"packing_fee"} == set(page._WORDS)
