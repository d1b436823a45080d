"""The price chart: step lines between what was and what is."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.entrypoints.chart import HEIGHT, TOP, Price, draw
from peyman.shop.catalog.rules import lowest_since

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BEGINS = NOW - timedelta(days=180)


def days_ago(days: int, amount: int) -> Price:
    return Price(NOW - timedelta(days=days), amount)


def test_a_price_lasts_until_the_next_one_and_the_last_until_now() -> None:
    chart = draw([days_ago(200, 112_000_000), days_ago(60, 98_400_000)], begins=BEGINS, now=NOW)
    assert chart is not None
    assert [(step.x, step.x2, step.y, step.from_y) for step in chart.steps] == [
        (0.0, 66.67, 56.0, None),
        (66.67, 100.0, 124.0, 56.0),
    ]
    assert [(level.amount, level.y) for level in chart.levels] == [
        (90_000_000, 166.0), (100_000_000, 116.0), (110_000_000, 66.0), (120_000_000, 16.0),
    ]  # fmt: skip
    assert (chart.lowest, chart.highest, chart.now) == (98_400_000, 112_000_000, 98_400_000)
    assert [month.name for month in chart.months] == ["خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان"]


def test_a_price_that_ended_before_the_span_is_not_drawn() -> None:
    chart = draw([days_ago(300, 1_000_000), days_ago(200, 2_000_000)], begins=BEGINS, now=NOW)
    assert chart is not None and chart.lowest == chart.highest == 2_000_000 and len(chart.steps) == 1


def test_goods_younger_than_the_span_begin_with_their_first_price() -> None:
    chart = draw([days_ago(10, 1_000_000), days_ago(5, 900_000)], begins=BEGINS, now=NOW)
    assert chart is not None and chart.begins == NOW - timedelta(days=10)
    assert [step.x for step in chart.steps] == [0.0, 50.0]


def test_without_a_price_there_is_no_chart() -> None:
    assert draw([], begins=BEGINS, now=NOW) is None
    assert draw([Price(NOW, 1_000_000)], begins=BEGINS, now=NOW) is None


amounts = st.integers(1, 10**9).map(lambda tomans: tomans * 10)
histories = st.lists(st.tuples(st.integers(1, 400), amounts), min_size=1, max_size=12, unique_by=lambda pair: pair[0])


@given(histories)
def test_every_line_lies_inside_the_plot_and_the_axis_has_whole_tomans(history: list[tuple[int, int]]) -> None:
    chart = draw([days_ago(*pair) for pair in sorted(history, reverse=True)], begins=BEGINS, now=NOW)
    assert chart is not None
    assert all(TOP <= step.y <= TOP + HEIGHT and 0 <= step.x <= step.x2 <= 100 for step in chart.steps)
    assert chart.steps[0].x == 0 and chart.steps[-1].x2 == 100
    assert all(level.amount % 10 == 0 and level.amount >= 0 for level in chart.levels)
    assert chart.levels[0].amount <= chart.lowest and chart.highest <= chart.levels[-1].amount


# ---- Boundaries ----


def test_a_price_that_begins_at_this_moment_is_the_price_of_this_moment() -> None:
    chart = draw([days_ago(10, 1_000_000), Price(NOW, 900_000)], begins=BEGINS, now=NOW)
    assert chart is not None and (chart.now, chart.lowest) == (900_000, 900_000)
    assert [(step.x, step.x2) for step in chart.steps] == [(0.0, 100.0), (100.0, 100.0)]


def test_a_price_that_ended_where_the_span_begins_is_not_of_it() -> None:
    chart = draw([days_ago(300, 1_000_000), Price(BEGINS, 2_000_000)], begins=BEGINS, now=NOW)
    assert chart is not None and (chart.lowest, len(chart.steps)) == (2_000_000, 1)


@pytest.mark.parametrize(("price", "label_y"), [(103_000_000, 79.0), (104_500_000, 61.0)])
def test_the_label_of_a_level_makes_way_for_a_price_that_begins_just_above_it(price: int, label_y: float) -> None:
    chart = draw([days_ago(200, price), days_ago(60, 85_000_000)], begins=BEGINS, now=NOW)
    assert chart is not None
    assert [(level.amount, level.y, level.label_y) for level in chart.levels] == [
        (80_000_000, 166.0, 161.0), (90_000_000, 116.0, 111.0), (100_000_000, 66.0, label_y), (110_000_000, 16.0, 11.0),
    ]  # fmt: skip


def test_an_empty_span_carries_the_last_price_forward() -> None:
    chart = draw([days_ago(400, 1_000_000)], begins=BEGINS, now=NOW)
    assert chart is not None
    assert [(step.x, step.x2) for step in chart.steps] == [(0.0, 100.0)]
    assert (chart.lowest_month, chart.now) == (1_000_000, 1_000_000)


def test_the_time_of_an_offer_is_coloured_and_what_is_to_come_is_pale() -> None:
    prices = [days_ago(100, 1_000_000), Price(NOW - timedelta(days=20), 800_000, "offer")]
    coming = [Price(NOW + timedelta(days=10), 1_000_000)]
    until = NOW + timedelta(days=25)
    chart = draw(prices, begins=BEGINS, now=NOW, ahead=coming, until=until)
    assert chart is not None
    assert chart.now_x == 80.0
    assert [(band.x, band.width) for band in chart.bands] == [(64.0, 16.0), (80.0, 8.0)]
    assert [(step.x, step.x2) for step in chart.steps] == [(0.0, 64.0), (64.0, 80.0)]
    assert [(step.x, step.x2, step.from_y is None) for step in chart.ahead] == [
        (80.0, 88.0, True),
        (88.0, 100.0, False),
    ]
    assert (chart.now, chart.lowest, chart.highest) == (800_000, 800_000, 1_000_000)


def test_what_is_to_come_takes_no_more_than_a_fifth_and_a_sliver_of_it_is_not_drawn() -> None:
    prices = [days_ago(100, 1_000_000)]
    far = draw(prices, begins=BEGINS, now=NOW, ahead=[Price(NOW + timedelta(days=300), 900_000)])
    assert far is not None and far.now_x == 80.0 and len(far.ahead) == 1
    near = draw(prices, begins=BEGINS, now=NOW, until=NOW + timedelta(hours=5))
    assert near is not None and (near.now_x, near.ahead) == (100.0, ())


MONTH = timedelta(days=30)


@pytest.mark.clause("D122")
@pytest.mark.parametrize(
    ("case", "steps", "lowest"),
    [
        ("no price yet", [], None),
        ("it begins now", [(0, 5)], 5),
        ("it begins in a moment", [(-1, 5)], None),
        ("in force before the window, to this day", [(31, 5)], 5),
        ("ended at the first instant", [(40, 3), (30, 5)], 5),
        ("ended a second later", [(40, 3), (29, 5)], 3),
        ("begun at the first instant, an offer of a day", [(40, 9), (30, 3), (29, 9)], 3),
        ("a rise at this moment", [(40, 3), (0, 9)], 3),
        ("a fall at this moment", [(40, 9), (0, 3)], 3),
        ("a fall that comes", [(40, 9), (-1, 3)], 9),
    ],
)
def test_the_lowest_price_of_30_days_is_right_at_every_boundary(
    case: str, steps: list[tuple[int, int]], lowest: int | None
) -> None:
    told = [(NOW - timedelta(days=days), price) for days, price in steps]
    assert lowest_since(told, NOW - MONTH, NOW) == lowest


@pytest.mark.clause("D122")
@given(st.lists(st.tuples(st.integers(-5, 45), st.integers(1, 9)), max_size=8, unique_by=lambda pair: pair[0]))
def test_the_lowest_price_is_the_lowest_that_any_hour_of_the_window_had(history: list[tuple[int, int]]) -> None:
    steps = [(NOW - timedelta(days=days), price) for days, price in sorted(history, reverse=True)]
    in_force = []
    for hours in range(30 * 24 + 1):  # a slow, plain second counting; steps fall on whole days
        begun = [price for at, price in steps if at <= NOW - MONTH + timedelta(hours=hours)]
        in_force += begun[-1:]
    assert lowest_since(steps, NOW - MONTH, NOW) == min(in_force, default=None)
