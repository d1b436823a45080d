"""Money: whole rials, and the ways of showing and dividing them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import money


@pytest.mark.parametrize("sum_", [0, 1, 18_545_000_0, 10**15])
def test_a_sum_is_a_whole_number_of_rials(sum_):
    assert money.whole_rials(sum_) == sum_


@pytest.mark.parametrize("sum_", [-1, 1.0, 1.5, "100", True, False, None, []])
def test_anything_else_is_no_sum(sum_):
    with pytest.raises(ValueError, match="whole rials"):
        money.whole_rials(sum_)


def test_ten_rials_are_a_toman():
    assert money.tomans(12_340_000) == 1_234_000
    assert money.tomans(0) == 0
    assert money.tomans(-50) == -5


@pytest.mark.parametrize("rials", [1, 9, 11, 12_345, -5])
def test_a_sum_that_is_no_whole_toman_is_never_shown_as_one(rials):
    with pytest.raises(ValueError, match="no whole tomans"):
        money.tomans(rials)


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, "۰"), (7, "۷"), (999, "۹۹۹"), (1000, "۱٬۰۰۰"), (1_234_000, "۱٬۲۳۴٬۰۰۰"), (-45_600, "−۴۵٬۶۰۰")],
)
def test_numbers_are_grouped_in_persian(n, shown):
    assert money.grouped(n) == shown


@pytest.mark.parametrize(
    ("price", "list_price", "percent"),
    [
        (500, 1000, 50), (667, 1000, 33), (999, 1000, 0), (990, 1000, 1), (991, 1000, 0), (1, 1000, 99), (0, 1000, 100),
        (1000, 1000, 0), (1200, 1000, 0), (0, 0, 0), (10, 0, 0),
    ],
)  # fmt: skip
def test_a_discount_badge_never_says_more_than_is_given(price, list_price, percent):
    assert money.percent_off(price, list_price) == percent


def test_prices_are_not_negative():
    with pytest.raises(ValueError):
        money.percent_off(-1, 100)
    with pytest.raises(ValueError):
        money.percent_off(1, -100)


@pytest.mark.parametrize(
    ("amount", "numerator", "denominator", "step", "part"),
    [
        (10_000_000, 3, 1000, 1, 30_000),
        (12_345, 3, 1000, 1, 37),
        (12_345, 3, 1000, 10, 30),
        (999, 1, 1000, 1, 0),
        (0, 3, 1000, 10, 0),
        (100, 1, 3, 1, 33),
    ],
)
def test_a_fee_is_rounded_down_for_the_customer(amount, numerator, denominator, step, part):
    assert money.part(amount, numerator, denominator, step=step) == part


@pytest.mark.parametrize("bad", [(-1, 1, 2), (1, -1, 2), (1, 1, 0), (1, 1, -2)])
def test_a_part_is_taken_of_a_real_sum(bad):
    with pytest.raises(ValueError):
        money.part(*bad)


@given(st.integers(0, 10**12), st.integers(0, 1000), st.integers(1, 1000), st.sampled_from([1, 10, 1000]))
def test_a_part_is_the_largest_that_is_not_too_much(amount, numerator, denominator, step):
    part = money.part(amount, numerator, denominator, step=step)
    assert part % step == 0
    assert part * denominator <= amount * numerator < (part + step) * denominator
