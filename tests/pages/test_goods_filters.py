"""Lists narrowed by what goods are, as a reader sees them: without scripts, by addresses that stay."""

import html as markup
import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from peyman.promises.models import TermsVersion
from peyman.shop.catalog.actions.tree import remove_attribute
from peyman.shop.catalog.models import CategoryAttribute, Variant
from tests import make
from tests.make import NOW

LIST = "/category/phones/"
EIGHT, TWELVE = "رم:8 گیگابایت", "رم:12 گیگابایت"


@pytest.fixture
def phones(shop: TermsVersion) -> None:
    category = make.category()
    CategoryAttribute.objects.create(category=category, name="رم", kind="number", unit="گیگابایت", is_filter=True)
    for n, (ram, color) in enumerate((("8 گیگابایت", "آبی"), ("8 گیگابایت", "سرخ"), ("12 گیگابایت", "آبی"))):
        product = make.product(slug=f"phone-{n}", title=f"گوشی نوا {n}", attributes={"رم": ram})
        make.variant(product=product, color=color, sku=f"PHONE-{n}")


def read(client: Client, *specs: str, path: str = LIST, **asked: str) -> str:
    answer = client.get(path, {"spec": list(specs), **asked})
    assert answer.status_code == 200
    return str(answer.content.decode())


def shown(html: str) -> list[str]:
    return sorted(part.split("/", 1)[0] for part in html.split('<h3><a href="/goods/')[1:])


def boxes(html: str) -> list[tuple[str, bool, str]]:
    """The boxes of the filters beside the list: value, whether it is checked, how many it leaves."""
    aside = html.split("<aside", 1)[1].split("</aside>", 1)[0]
    found = re.findall(r'name="spec" value="([^"]+)"( checked)?>.*?class="num">([^<]+)<', aside)
    return [(markup.unescape(value), bool(checked), many) for value, checked, many in found]


def chips(html: str) -> list[tuple[str, str]]:
    """What is chosen, and where its removal leads."""
    found = re.findall(r'<a class="chip" href="([^"]+)" aria-label="حذف ([^"]+)"', html)
    return [(title, markup.unescape(url)) for url, title in found]


def test_values_stand_beside_the_list_with_how_many_goods_they_leave(client: Client, phones: None) -> None:
    html = read(client)
    assert boxes(html) == [
        (EIGHT, False, "۲"), (TWELVE, False, "۱"), ("رنگ:آبی", False, "۲"), ("رنگ:سرخ", False, "۱"),
    ]  # fmt: skip
    assert "<span>۸ گیگابایت</span>" in html


def test_a_choice_narrows_the_list_and_stands_as_a_chip_that_takes_it_away(client: Client, phones: None) -> None:
    html = read(client, EIGHT, "رنگ:آبی", sort="cheapest")
    assert shown(html) == ["phone-0"]
    assert boxes(html) == [
        (EIGHT, True, "۱"), (TWELVE, False, "۱"), ("رنگ:آبی", True, "۱"), ("رنگ:سرخ", False, "۱"),
    ]  # fmt: skip
    assert chips(html) == [
        ("رم: 8 گیگابایت", f"{LIST}?spec={quote('رنگ')}:{quote('آبی')}&sort=cheapest"),
        ("رنگ: آبی", f"{LIST}?spec={quote('رم')}:8+{quote('گیگابایت')}&sort=cheapest"),
    ]
    for _, url in chips(html):
        assert len(shown(str(client.get(url).content.decode()))) == 2
    assert "رم: ۸ گیگابایت ×" in html and f'href="{LIST}">پاک‌کردن همه' in html


@pytest.mark.parametrize("typed", ["رم:۸ گيگابايت", "رم:٨گیگا‌بایت", "رم: 8.0 گیگابایت", "رم:7..9"])
def test_an_address_may_be_spelled_as_people_type(client: Client, phones: None, typed: str) -> None:
    assert shown(read(client, typed)) == ["phone-0", "phone-1"]


def test_a_range_of_ones_own_is_told_with_its_unit(client: Client, phones: None) -> None:
    html = read(client, "رم:..10")
    assert [title for title, _ in chips(html)] == ["رم: تا 10 گیگابایت"]
    assert ("رم:..10", True, "۲") in boxes(html)


@pytest.mark.parametrize(
    "typed",
    [
        "رم",
        "رم:",
        "وزن:2",
        "رم:..",
        "<script>alert(1)</script>:1",
        "رم:" + "8" * 300,
        "رم:\u202e\x01",
        "%00:%00",
        "q:1",
    ],
)
def test_what_makes_no_sense_narrows_nothing_is_said_and_leads_nowhere(
    client: Client, phones: None, typed: str
) -> None:
    html = read(client, typed, EIGHT)
    assert shown(html) == ["phone-0", "phone-1"]
    assert "در این فهرست به کار نرفت" in html and "<script>alert" not in html
    assert [title for title, _ in chips(html)] == ["رم: 8 گیگابایت"]
    assert set(re.findall(r'[?;]spec=([^&"]+)', html)) == {f"{quote('رم')}:8+{quote('گیگابایت')}"}


def test_very_many_choices_cost_what_a_few_do(client: Client, phones: None, django_assert_num_queries: Any) -> None:
    asked = [EIGHT, *(f"رم:{n} گیگابایت" for n in range(20, 60))]
    read(client, *asked)
    with django_assert_num_queries(1):  # the mark of the shelf, with the pieces of what is shown
        html = read(client, *asked)
    assert (len(chips(html)), shown(html)) == (24, ["phone-0", "phone-1"])
    assert "و ۱۴ پالایه دیگر" in html


def test_a_narrowed_list_points_to_the_whole_one_and_a_search_is_not_kept_by_robots(
    client: Client, phones: None
) -> None:
    html = read(client, EIGHT)
    assert re.search(rf'<link rel="canonical" href="https?://[^/"]+{LIST}">', html)
    assert '<meta name="robots"' not in html
    searched = read(client, EIGHT, path="/goods/", q="گوشی")
    assert shown(searched) == ["phone-0", "phone-1"]
    assert '<meta name="robots" content="noindex, follow">' in searched


def test_a_brand_page_is_narrowed_too_and_leads_on_with_what_was_chosen(client: Client, phones: None) -> None:
    html = read(client, TWELVE, path="/brand/samsung/")
    assert shown(html) == ["phone-2"]
    spec = f"spec={quote('رم')}:12+{quote('گیگابایت')}"
    assert f'href="/category/phones/?brand=samsung&amp;{spec}"' in html


def test_the_whole_shelf_says_that_it_cannot_be_narrowed_so(client: Client, phones: None) -> None:
    html = read(client, EIGHT, path="/goods/")
    assert (len(shown(html)), boxes(html)) == (3, []) and "در این فهرست به کار نرفت" in html


def test_a_kept_list_follows_what_goods_and_categories_say(client: Client, phones: None) -> None:
    read(client, "رنگ:آبی")
    assert shown(read(client, "رنگ:آبی")) == ["phone-0", "phone-2"]
    remove_attribute(slug="phones", name="رم", by="test", now=NOW)
    assert [value for value, *_ in boxes(read(client, "رنگ:آبی"))] == ["رنگ:آبی", "رنگ:سرخ"]
    Variant.objects.filter(sku="PHONE-2").update(is_on_sale=False)
    make.variant(color="سبز", product=make.product(slug="phone-3"))  # a new variant is another shelf
    html = read(client, "رنگ:آبی")
    assert (shown(html), [value for value, *_ in boxes(html)]) == (["phone-0"], ["رنگ:آبی", "رنگ:سبز", "رنگ:سرخ"])
