"""What a supplier's file may do to prices: no more than one person may."""

from datetime import timedelta
from typing import Any

import pytest

from peyman.shop.catalog.actions import Report, import_records
from peyman.shop.catalog.models import PriceChange, Variant
from peyman.shop.catalog.rules import Row
from peyman.shop.offers import actions
from peyman.shop.offers.models import Proposal
from peyman.shop.stock.actions import count_many
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_limit_of_thirty_percent(settings: Any) -> None:
    settings.PRICE_LIMIT_PERCENT = 30


MILLION = 1_000_000


def record(sku: str, price: int, **more: Any) -> dict[str, str]:
    cells = {
        "sku": sku,
        "product_code": sku.rsplit("-", 1)[0],
        "category_slug": "phones",
        "brand_slug": "samsung",
        "title_fa": "گوشی آزمون",
        "attributes": '{"رنگ":"مشکی"}',
        "price_rial": str(price),
        "list_price_rial": str(price),
        "price_basis": "market",
        "stock": "7",
        **more,
    }
    return {name: str(value) for name, value in cells.items()}


def brought(*records: dict[str, str], dry_run: bool = False, guard: Any = None) -> Report:
    rows = [Row(number, number + 1, cells) for number, cells in enumerate(records, 1)]
    return import_records(
        rows=rows, count_stock=count_many, by="PER-1", now=NOW, dry_run=dry_run, guard=guard or actions.ImportGuard()
    )


@pytest.fixture(autouse=True)
def shelves() -> None:
    make.category()
    make.brand()
    brought(*(record(f"TST-A-0{n}", MILLION) for n in (1, 2, 3)))


def told(report: Report) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(row.outcome, row.codes, row.fields) for row in report.rows]


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_price_that_moves_too_far_stays_and_the_record_is_in_with_a_warning(dry_run: bool) -> None:
    file = [record("TST-A-01", 1_200_000), record("TST-A-02", 100_000, stock=9), record("TST-A-04", 5_000_000)]
    report = brought(*file, dry_run=dry_run)
    assert told(report) == [("accept", (), ()), ("repair", ("price_waits",), ("price_rial",)), ("accept", (), ())]
    assert (report.prices_changed, report.variants_new, report.stock_changed) == (1, 1, 1)
    prices = dict(Variant.objects.order_by("sku").values_list("sku", "price"))
    stands = {"TST-A-01": MILLION, "TST-A-02": MILLION, "TST-A-03": MILLION}
    assert prices == (stands if dry_run else {**stands, "TST-A-01": 1_200_000, "TST-A-04": 5_000_000})
    assert Proposal.objects.count() == (0 if dry_run else 1)


def test_the_same_file_again_waits_as_before_and_another_person_lets_it_in() -> None:
    brought(record("TST-A-02", 100_000))
    brought(record("TST-A-02", 100_000))
    proposal = Proposal.objects.get()
    assert (proposal.source, proposal.by, proposal.price, proposal.was_price) == ("import", "PER-1", 100_000, MILLION)
    actions.approve(code=proposal.code, by="PER-2", now=NOW + timedelta(hours=1))
    assert Variant.objects.get(sku="TST-A-02").price == 100_000
    assert told(brought(record("TST-A-02", 100_000))) == [("accept", (), ())]


def test_an_offer_that_runs_and_a_floor_keep_the_price_too() -> None:
    asked = actions.Asked(price=800_000, starts_at=NOW, ends_at=NOW + timedelta(hours=4))
    actions.make(sku="TST-A-01", asked=asked, is_offer=True, why="جشنواره", by="PER-1", now=NOW)
    actions.carry_out_due(now=NOW)
    actions.set_floor(sku="TST-A-02", amount=950_000, why="قیمت خرید", by="PER-1", now=NOW)
    report = brought(record("TST-A-01", 900_000), record("TST-A-02", 900_000), record("TST-A-03", 900_000))
    assert [codes for _, codes, _ in told(report)] == [("price_in_offer",), ("price_below_floor",), ()]
    assert list(Variant.objects.order_by("sku").values_list("price", flat=True)) == [800_000, MILLION, 900_000]
    assert not Proposal.objects.exists()


def test_a_shop_that_starts_with_a_file_is_asked_by_nobody() -> None:
    report = brought(record("TST-B-01", 10), record("TST-B-02", 990_000_000_000))
    assert told(report) == [("accept", (), ())] * 2
    assert PriceChange.objects.filter(variant__sku__startswith="TST-B").count() == 2
