"""Clause 17-13, as the customer meets it: every price there ever was can be seen, and none is taken back."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from peyman.shop.catalog import actions
from peyman.shop.catalog.models import PriceChange
from tests import make
from tests.make import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.clause("D122")]


def test_every_change_of_a_price_stays_to_be_seen() -> None:
    variant = make.variant(sku="SKU-1", price=1_000_000, list_price=1_200_000)
    for day, price in ((1, 1_100_000), (2, 1_100_000), (3, 900_000)):
        actions.set_prices(
            prices=[("SKU-1", price, 1_200_000)], reason="market", by="staff", now=NOW + timedelta(days=day)
        )
    history = PriceChange.objects.filter(variant=variant).order_by("at").values_list("at", "price", "list_price")
    assert list(history) == [
        (NOW - timedelta(days=30), 1_000_000, 1_200_000),
        (NOW + timedelta(days=1), 1_100_000, 1_200_000),
        (NOW + timedelta(days=3), 900_000, 1_200_000),
    ]


def test_no_price_of_the_past_can_be_changed_or_taken_out() -> None:
    change = PriceChange.objects.get(variant=make.variant(price=1_000_000))
    for rewrite in (lambda: PriceChange.objects.update(price=1), lambda: change.delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            rewrite()
    assert list(PriceChange.objects.values_list("price", flat=True)) == [1_000_000]
