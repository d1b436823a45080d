"""Prices move and leave history (D122); selling stops and resumes (D27)."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from peyman.kernel.errors import Missing
from peyman.shop.catalog import actions, queries
from peyman.shop.catalog.models import Category, PriceChange, Product, SaleSwitch, Variant
from peyman.shop.catalog.queries import sale
from peyman.shop.catalog.rules import PriceInvalid
from tests import make

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def priced(sku: str, price: int, list_price: int = 0, *, at: Any = make.NOW) -> list[PriceChange]:
    return actions.set_prices(prices=[(sku, price, list_price or price)], reason="supplier", by="PER-1", now=at)


@pytest.mark.clause("D122")
def test_a_price_that_changes_leaves_a_row_and_a_stale_page() -> None:
    variant = make.variant(price=1_000_000)
    (change,) = priced(variant.sku, 1_200_000, 1_500_000)
    assert (change.price, change.list_price, change.reason, change.by, change.at) == (
        1_200_000,
        1_500_000,
        "supplier",
        "PER-1",
        make.NOW,
    )
    variant.refresh_from_db()
    assert (variant.price, variant.list_price, variant.product.version) == (1_200_000, 1_500_000, 2)


def test_a_price_that_stays_leaves_nothing() -> None:
    variant = make.variant(price=1_000_000)
    assert priced(variant.sku, 1_000_000) == []
    assert (PriceChange.objects.count(), Product.objects.get().version) == (1, 1)


def test_two_changes_of_one_instant_are_told_apart() -> None:
    variant = make.variant(price=1_000_000)
    first, second = *priced(variant.sku, 1_100_000), *priced(variant.sku, 1_200_000)
    assert (first.at, second.at) == (make.NOW, make.NOW + timedelta(microseconds=1))


@pytest.mark.parametrize("price", [0, -10, 15, 1_000_010, True, 10.0, "1000"])
def test_what_is_no_price_is_refused_and_nothing_changes(price: Any) -> None:
    good, bad = make.variant(price=1_000_000), make.variant(price=1_000_000)
    with pytest.raises(PriceInvalid):
        actions.set_prices(
            prices=[(good.sku, 900_000, 900_000), (bad.sku, price, 1_000_000)], reason="sale", by="x", now=make.NOW
        )
    assert set(Variant.objects.values_list("price", flat=True)) == {1_000_000}
    assert PriceChange.objects.count() == 2


def test_an_unknown_sku_is_missing_and_nothing_changes() -> None:
    variant = make.variant(price=1_000_000)
    with pytest.raises(Missing):
        actions.set_prices(
            prices=[(variant.sku, 900_000, 900_000), ("NO", 10, 10)], reason="sale", by="x", now=make.NOW
        )
    assert Variant.objects.get().price == 1_000_000


@pytest.mark.parametrize("count", [2, 20])
def test_many_prices_cost_the_queries_of_two(count: int, django_assert_num_queries: Any) -> None:
    skus = [make.variant(price=1_000_000).sku for _ in range(count)]
    # look, last prices, history, variants, versions, the edition, begin and end
    with django_assert_num_queries(8):
        actions.set_prices(prices=[(sku, 900_000, 900_000) for sku in skus], reason="sale", by="x", now=make.NOW)


@pytest.mark.clause("D122")
@pytest.mark.parametrize("change", ["update", "delete"])
def test_no_price_of_the_past_is_ever_rewritten(change: str) -> None:
    make.variant(price=1_000_000)
    rows = PriceChange.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(price=10) if change == "update" else rows.delete()
    assert [row.price for row in PriceChange.objects.all()] == [1_000_000]


@pytest.mark.clause("D122")
def test_the_product_page_shows_the_steps_of_180_days_and_what_was_in_force_before() -> None:
    variant = make.variant(price=1_000_000)  # 30 days before NOW
    for days, price in ((10, 1_100_000), (40, 1_200_000), (200, 1_300_000)):
        priced(variant.sku, price, at=make.NOW + days * DAY)
    (view,) = queries.product_page(variant.product.slug, now=make.NOW + 230 * DAY).variants
    assert [(step.since, step.price) for step in view.steps] == [
        (make.NOW + 40 * DAY, 1_200_000),
        (make.NOW + 200 * DAY, 1_300_000),
    ]
    assert view.steps[0].words == "نرخ تأمین‌کننده"


def test_each_variant_has_steps_of_its_own() -> None:
    product = make.product()
    old, new = make.variant(product=product, price=1_000_000), make.variant(product=product, price=2_000_000)
    priced(new.sku, 1_900_000)
    views = {view.sku: view for view in queries.product_page(product.slug, now=make.NOW + 300 * DAY).variants}
    assert [step.price for step in views[old.sku].steps] == [1_000_000]
    assert [step.price for step in views[new.sku].steps] == [1_900_000]


def test_a_product_that_is_none_is_missing() -> None:
    with pytest.raises(Missing):
        queries.product_page("no-such", now=make.NOW)


# ---- Selling stops and resumes ----


def switched(scope: str, key: str = "", *, on: bool = False) -> SaleSwitch:
    return actions.switch_sale(scope=scope, key=key, on=on, reason="پلمب انبار", by="PER-1", now=make.NOW)


def on_sale() -> dict[str, int]:
    return {
        product.code: queries.product_page(product.slug, now=make.NOW).variants[0].available
        for product in Product.objects.all()
    }


@pytest.fixture
def shelves() -> None:
    top = make.category(slug="mobile", title="موبایل")
    phones = make.category(slug="mobile-phone", title="گوشی", parent=top)
    for code, category in (("P1", phones), ("P2", phones), ("P3", make.category(slug="mobile2", title="موبایل ۲"))):
        make.variant(product=make.product(code=code, category=category), sku=f"{code}-01", on_hand=5)


@pytest.mark.clause("D27")
@pytest.mark.parametrize(
    ("scope", "key", "left"),
    [
        ("variant", "P1-01", {"P1": 0, "P2": 5, "P3": 5}),
        ("product", "P1", {"P1": 0, "P2": 5, "P3": 5}),
        ("category", "mobile", {"P1": 0, "P2": 0, "P3": 5}),
        ("shop", "", {"P1": 0, "P2": 0, "P3": 0}),
    ],
)
@pytest.mark.usefixtures("shelves")
def test_the_shop_may_stop_selling_some_or_all_and_resume(scope: str, key: str, left: dict[str, int]) -> None:
    switch = switched(scope, key)
    assert (switch.reason, switch.by, switch.is_on, switch.at) == ("پلمب انبار", "PER-1", False, make.NOW)
    assert on_sale() == left
    switched(scope, key, on=True)
    assert on_sale() == {"P1": 5, "P2": 5, "P3": 5}
    assert SaleSwitch.objects.count() == 2


@pytest.mark.clause("D27")
@pytest.mark.usefixtures("shelves")
def test_what_was_stopped_alone_stays_stopped_when_its_category_resumes() -> None:
    switched("product", "P1")
    switched("category", "mobile")
    switched("category", "mobile", on=True)
    assert on_sale() == {"P1": 0, "P2": 5, "P3": 5}


@pytest.mark.usefixtures("shelves")
def test_a_switch_lets_pages_be_stale_and_new_goods_stay_out() -> None:
    switched("category", "mobile")
    assert list(Product.objects.order_by("code").values_list("version", flat=True)) == [2, 2, 1]
    assert not Category.objects.get(slug="mobile-phone").is_on_sale


@pytest.mark.parametrize("scope", ["variant", "product", "category"])
@pytest.mark.usefixtures("shelves")
def test_a_switch_for_nothing_is_missing_and_leaves_no_row(scope: str) -> None:
    with pytest.raises(Missing):
        switched(scope, "NO")
    assert not SaleSwitch.objects.exists()


@pytest.mark.clause("D27")
@pytest.mark.parametrize("first", ["category", "shop"])
@pytest.mark.usefixtures("shelves")
def test_what_resumes_comes_back_but_for_what_stands_under_another_stop(first: str) -> None:
    keys = {"category": "mobile", "shop": ""}
    second = {"category": "shop", "shop": "category"}[first]
    switched(first, keys[first])
    switched(second, keys[second])
    switched("variant", "P3-01")
    switched(first, keys[first], on=True)
    assert on_sale() == {"P1": 0, "P2": 0, "P3": 0}
    switched("product", "P1", on=True)  # its category, or the shop, is stopped all the same
    assert on_sale()["P1"] == 0
    switched(second, keys[second], on=True)
    assert on_sale() == {"P1": 5, "P2": 5, "P3": 0}


@pytest.mark.clause("D25")
@pytest.mark.usefixtures("shelves")
def test_what_is_stopped_is_listed_with_who_why_and_when_and_the_log_keeps_all_of_it() -> None:
    switched("shop")
    switched("category", "mobile")
    switched("product", "P1")
    switched("product", "P1", on=True)
    found = [(stop.scope, stop.title, stop.reason, stop.by, stop.at) for stop in sale.stops()]
    assert found == [
        ("shop", "همه فروشگاه", "پلمب انبار", "PER-1", make.NOW),
        ("category", "موبایل", "پلمب انبار", "PER-1", make.NOW),
    ]
    assert [(row.scope, row.is_on) for row, _ in sale.log()] == [
        ("product", True), ("product", False), ("category", False), ("shop", False),
    ]  # fmt: skip
    assert sale.shop_stopped_at() == make.NOW
    stop = sale.stop_of(code="P1", categories=["mobile", "mobile-phone"])
    assert stop is not None and stop.scope == "shop"
    switched("shop", on=True)
    assert sale.shop_stopped_at() is None
    assert sale.stop_of(code="P3", categories=["mobile2"]) is None
