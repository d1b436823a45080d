"""How the sample shop tells the past of its prices.

A line for each variant, its steps oldest first: "SKU: days-ago price[/list-price] reason; …".
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from peyman.shop.catalog.rules.records import Row


class PriceStory(NamedTuple):
    """A price that began so many days ago, in rials."""

    sku: str
    days_ago: int
    price: int
    list_price: int
    reason: str


def read_stories(lines: Iterable[str]) -> list[PriceStory]:
    """Read the steps of all variants; prices are written in thousands of toman: 9840 is 98,400,000 rials."""
    stories = []
    for line in lines:
        if line.strip() and not line.startswith("#"):
            sku, _, steps = line.partition(":")
            stories += [_story(sku.strip(), step) for step in steps.split(";")]
    return stories


def _story(sku: str, step: str) -> PriceStory:
    days, prices, reason = step.split()
    price, _, list_price = prices.partition("/")
    return PriceStory(sku, int(days), int(price) * 10_000, int(list_price or price) * 10_000, reason)


def told_from(row: Row, stories: Iterable[PriceStory]) -> Row:
    """Return the record with the price that its story begins with, if it has one."""
    first = next((story for story in stories if story.sku == row.cells.get("sku")), None)
    if first is None:
        return row
    cells = {**row.cells, "price_rial": str(first.price), "list_price_rial": str(first.list_price)}
    return replace(row, cells=cells)
