"""Limits are shared by all processes, and cost a write for many calls, not for each."""

from datetime import timedelta

import pytest
from django.core.cache import cache

from peyman.entrypoints import limits
from peyman.entrypoints.limits import Limit, TooManyRequests, spend
from tests import make

NOW = make.NOW  # begins a minute

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def another_process():
    """Forget what this process holds, as if it were another one; what is shared stays."""
    limits._leases.clear()
    return limits._leases.clear


def spent(limit, key="a", now=NOW):
    """How many calls pass before one is refused."""
    for n in range(1000):
        try:
            spend(limit, key, now)
        except TooManyRequests:
            return n
    raise AssertionError("nothing is refused")


@pytest.mark.parametrize("lease", [1, 4, 10])
def test_so_many_pass_and_not_one_more(lease):
    assert spent(Limit("x", 10, 60, lease)) == 10 // lease * lease


def test_the_wait_is_until_the_window_ends():
    limit = Limit("x", 1, 60)
    spend(limit, "a", NOW + timedelta(seconds=18))
    with pytest.raises(TooManyRequests) as refusal:
        spend(limit, "a", NOW + timedelta(seconds=18))
    assert refusal.value.retry_after == 42
    spend(limit, "a", NOW + timedelta(seconds=60))


def test_callers_and_limits_do_not_count_for_each_other():
    assert spent(Limit("x", 3, 60), "a") == 3
    assert spent(Limit("x", 3, 60), "b") == 3
    assert spent(Limit("y", 3, 60), "a") == 3


def test_processes_share_the_count(another_process):
    limit = Limit("x", 10, 60, lease=5)
    spend(limit, "a", NOW)
    another_process()
    assert spent(limit) == 5  # the other lease; the four calls left in the first are the first process's
    another_process()
    assert spent(limit) == 0


def test_a_lease_of_many_calls_costs_one_visit_to_the_cache(django_assert_num_queries):
    limit = Limit("x", 100, 60, lease=50)
    spend(limit, "a", NOW)
    with django_assert_num_queries(0):
        for _ in range(49):
            spend(limit, "a", NOW)


def test_nothing_of_the_caller_is_written_down():
    spend(Limit("x", 3, 60), "09121234567", NOW)
    assert not any("09121234567" in str(key) for held in limits._leases.values() for key in held)


def test_a_count_that_the_cache_dropped_begins_anew():
    limit = Limit("x", 2, 60)
    spend(limit, "a", NOW)
    cache.clear()
    assert spent(limit) == 2
