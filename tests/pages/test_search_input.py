"""Whatever is typed into the search is answered by a page: long, broken, or written for the database behind it."""

import pytest
from django.test import Client

from peyman.promises.models import TermsVersion
from peyman.shop.catalog.queries import marks, search
from tests import make

pytestmark = pytest.mark.django_db

TYPED = {
    "a megabyte": "ا" * 1_000_000,
    "a megabyte of words": "گوشی " * 200_000,
    "wildcards": "%_*?%% گوشی*",
    "the index's own words": 'گوشی" OR NEAR("x" AND NOT *) search_words:',
    "the vector's own words": "'گوشی' & !'x' | (<-> :*",
    "statements": "'; DROP TABLE catalog_product; --",
    "markup": "<script>alert(1)</script>",
    "directions": "\u202eگوشی\u202c\u2066\u200f",
    "controls": "\x00\x01گوشی\x7f\x1b",
    "pictures": "😀👨‍👩‍👧😀",
    "marks without letters": "\u0651\u064b\u0301" * 30,
    "half-spaces": "\u200c" * 90,
    "letters of ours": "\ue0001",
    "digits": "۱" * 90,
    "five hundred words": "گوشی موبایل کفش کتاب لیوان " * 100,
    "words of nobody": "گژوسی موبایبلا قچشفغا پژکتاشب لیواژنم دژغسبخ چپژقفن طظکگمپ شضصثقف",
    "one word of two hundred letters": "samsungalaxy" * 17,
    "one letter": "گ",
    "letters": "گ ا و ش ی م ن ر",
}


@pytest.mark.parametrize("typed", TYPED.values(), ids=list(TYPED))
def test_a_page_answers_and_the_goods_are_there_as_before(client: Client, shop: TermsVersion, typed: str) -> None:
    marks.forget()
    search.forget()
    make.variant(product=make.product(title="گوشی موبایل"))
    for address in ("/goods/", "/goods/suggest"):
        answer = client.get(address, {"q": typed})
        assert answer.status_code in (200, 400)  # 400 for what no text may hold: a NUL
        assert "Traceback" not in answer.content.decode() and "<script>alert" not in answer.content.decode()
    assert client.get("/api/v1/products", {"q": typed}).status_code in (200, 422)
    assert "گوشی موبایل" in client.get("/goods/", {"q": "گوشی"}).content.decode()


def test_a_brand_that_is_none_turns_no_line_of_the_page_around(client: Client, shop: TermsVersion) -> None:
    page = client.get("/goods/", {"brand": "\u202eabc\u2066"}).content.decode()
    assert "abc" in page and "\u202e" not in page and "\u2066" not in page
