"""The sample shop's goods: its own small file, through the importer that everyone uses."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from importlib.resources.abc import Traversable

from django.db import transaction
from django.db.models import Count

from peyman.kernel.delimited import csv_rows
from peyman.shop.catalog import rules
from peyman.shop.catalog.actions.importing import CountStock, Report, import_records
from peyman.shop.catalog.actions.prices import set_prices
from peyman.shop.catalog.actions.reference import add_brands, add_categories
from peyman.shop.catalog.models import Variant
from peyman.shop.catalog.rules.reference import read_brands, read_categories
from peyman.shop.catalog.rules.samples import PriceStory, read_stories, told_from
from peyman.shop.catalog.rules.tables import read_header, rows

SAMPLE = "sample"


def load_sample(*, count_stock: CountStock, now: datetime) -> Report:
    """Bring the sample goods with half a year of price history. Goods that are there already are left alone.

    The reference lists are loaded before. Killed half-way, running it again brings the rest.
    """
    folder = resources.files("peyman.shop.catalog").joinpath("sample")
    add_categories(read_categories(_lines(folder, "categories.txt")))
    add_brands(read_brands(_lines(folder, "brands.txt")))
    stories = read_stories(_lines(folder, "prices.txt"))
    there = set(Variant.objects.values_list("sku", flat=True))
    begun = now - timedelta(days=max(story.days_ago for story in stories))
    fresh = (row for row in _rows(folder) if row.cells.get("sku") not in there)
    report = import_records(
        rows=(told_from(row, stories) for row in fresh), count_stock=count_stock, by=SAMPLE, now=begun
    )
    _tell(stories, now)
    return report


@transaction.atomic
def _tell(stories: list[PriceStory], now: datetime) -> None:
    """Let the prices move as the stories tell, for goods whose story was not told yet."""
    untold = Variant.objects.filter(sku__in={story.sku for story in stories})
    skus = set(untold.annotate(prices=Count("price_changes")).filter(prices=1).values_list("sku", flat=True))
    for days in sorted({story.days_ago for story in stories}, reverse=True):
        for reason in sorted({story.reason for story in stories}):
            prices = [
                (story.sku, story.price, story.list_price)
                for story in stories
                if story.sku in skus and story.days_ago == days and story.reason == reason
            ]
            if prices:
                set_prices(prices=prices, reason=reason, by=SAMPLE, now=now - timedelta(days=days))


def _rows(folder: Traversable) -> Iterator[rules.Row]:
    records = csv_rows(folder.joinpath("goods.csv").read_text("utf-8").splitlines(keepends=True))
    _, names = next(records)
    return rows(records, read_header(names or []), is_sheet=False)


def _lines(folder: Traversable, name: str) -> list[str]:
    return folder.joinpath(name).read_text("utf-8").splitlines()
