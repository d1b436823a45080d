"""Money, told in stories that nobody made up: orders, payments at two banks, forged and crossed returns, lost answers,
second payments, withdrawals, refunds, clocks that move. After each step the shop, the banks' own ledgers and a small
model of what must be (tests/stories/money/model.py) agree to the rial, and at the end nobody is owed anything unseen.

A fixed number of stories runs with the suite. More, and others:

    MONEY_STORIES=2000 MONEY_SEED=7 .venv/bin/pytest tests/stories/test_money.py -k stories
"""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from tests import make
from tests.stories.money import tell
from tests.stories.money.tell import PIECES, PRICES, Step
from tests.stories.money.world import Goods

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

STORIES = int(os.environ.get("MONEY_STORIES", "40"))
SEED = int(os.environ.get("MONEY_SEED", "1"))
BY_HTTP = 8  # one story of so many goes over the network, and its browsers through the door


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A story that fails says so itself; what thousands of them log would bury it."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def goods(settings: Any) -> Goods:
    settings.ZARINPAL_ACCESS_TOKEN = "an-access-token"
    make.terms()
    make.calendar()
    return Goods(
        buyers=(make.person(), make.person()),
        staff=make.person(role="manager"),
        variants={name: make.variant(on_hand=pieces, price=PRICES[name]) for name, pieces in PIECES.items()},
    )


@pytest.fixture
def fails(goods: Goods) -> Callable[..., str]:
    """Tell a story, and take back what it changed."""

    def run(steps: list[Step], *, by_http: bool = False, happened: Counter[str] | None = None) -> str:
        with transaction.atomic():
            why, found = tell.told(goods, steps, by_http=by_http)
            transaction.set_rollback(True)
        if happened is not None:
            happened.update(found)
        return why

    return run


def test_stories_agree_with_the_model(fails: Callable[..., str]) -> None:
    happened: Counter[str] = Counter()
    for number in range(STORIES):
        steps, by_http = tell.story(SEED, number), number % BY_HTTP == 0
        if fails(steps, by_http=by_http, happened=happened):
            least, why = tell.shortest(steps, partial(fails, by_http=by_http))
            pytest.fail(f"story {number} of seed {SEED}, at its shortest:\n{tell.printed(least, why)}")
    print(f"{STORIES} stories of seed {SEED}: {dict(sorted(happened.items()))}")
    # A number of stories in which nothing happens proves nothing.
    assert happened["order final"] >= STORIES // 6
    assert sum(times for what, times in happened.items() if what.endswith("given back")) >= STORIES // 8
