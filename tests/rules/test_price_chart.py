"""The price chart: step lines between what was and what is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from peyman.entrypoints.storefront.chart import HEIGHT, TOP, Price, draw

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
