"""What is proposed while a search is being typed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints import limits
from peyman.entrypoints.storefront import suggest as page
from peyman.promises.models import TermsVersion
from peyman.shop.catalog.models import Brand
from peyman.shop.catalog.queries import marks, search
from peyman.shop.catalog.queries.suggest import LONGEST, Place, Suggestions, suggest
from tests import make
from tests.pages.reading import html_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    marks.forget()
    search.forget()


def good(title: str, brand: Brand | None = None, **more: Any) -> str:
    product = make.product(title=title, **({"brand": brand} if brand else {}))
    make.variant(product=product, **more)
    return product.slug


def test_what_is_begun_is_finished_by_the_words_of_goods() -> None:
    good("یخچال فریزر اسنوا")
    good("نظم‌دهنده یخچال")
    good("کتاب")
    found = suggest("یخ")
    assert found.words == ("یخچال",)
    assert [each.title for each in found.goods] == ["یخچال فریزر اسنوا", "نظم‌دهنده یخچال"]


def test_a_finished_word_is_followed_by_what_most_often_follows_it() -> None:
    for n in range(2):
        good(f"ماشین لباسشویی مدل X{n}")
    good("ماشین کنترلی")
    assert suggest("ماشین").words == ("ماشین لباسشویی",)
    assert suggest("ماشین ل").words == ("ماشین لباسشویی",)


def test_kinds_and_brands_are_those_of_the_goods_that_are_meant() -> None:
    brand = Brand.objects.create(slug="snowa", name="اسنوا", name_latin="Snowa")
    slug = good("یخچال فریزر", brand=brand)
    found = suggest("snow")
    assert [each.slug for each in found.goods] == [slug]
    assert found.brands == (Place("snowa", "اسنوا"),)
    assert len(found.kinds) == 1


def test_goods_that_are_sold_out_are_not_proposed() -> None:
    good("کتری برقی", on_hand=0)
    found = suggest("کتری")
    assert (found.goods, len(found.kinds)) == ((), 1)


@pytest.mark.parametrize("typed", ["", " ", "ی", "%", "…", "\u200f", "\x00\x00", "ا" * (LONGEST + 1), "😀😀"])
def test_too_little_and_too_much_propose_nothing(typed: str) -> None:
    good("کتاب")
    assert suggest(typed) == Suggestions()


def test_three_statements_and_one_where_it_was_asked_before(django_assert_num_queries: Callable[[int], Any]) -> None:
    good("کتاب")
    suggest("کت")  # learns the words of the shelf
    with django_assert_num_queries(3):
        suggest("کتا")
    with django_assert_num_queries(1):
        suggest("کتا")


def test_the_part_has_options_that_lead_somewhere(client: Client, shop: TermsVersion) -> None:
    slug = good("یخچال <b>سفید</b> & سیاه")
    html = html_of(client.get("/goods/suggest", {"q": "یخ"}))
    assert html.count('role="option"') == html.count("<a ") == 3  # a word, a kind, the thing itself
    assert f'href="/goods/{slug}/' in html and "<b>" not in html
    assert "/goods/?q=%DB%8C%D8%AE%DA%86%D8%A7%D9%84" in html
    assert client.get("/goods/suggest", {"q": "یخ"})["Cache-Control"] == "public, max-age=60"


def test_the_api_proposes_the_same(client: Client, shop: TermsVersion) -> None:
    slug = good("یخچال فریزر", price=1_000_000)
    answer = json.loads(client.get("/api/v1/suggestions", {"q": "یخ"}).content)
    assert answer["words"] == ["یخچال"]
    assert answer["products"] == [{"slug": slug, "title": "یخچال فریزر", "price": 1_000_000}]


def test_who_asks_without_end_is_told_to_wait(
    client: Client, shop: TermsVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_LIMIT", limits.Limit("suggest-test", 2, 60))
    assert [client.get("/goods/suggest", {"q": "یخ"}).status_code for _ in range(3)] == [200, 200, 429]
