"""Which lists extend the history, which are held back, and who lets them go; when the registry is asked again."""

import csv
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from peyman.market.tariff.rules import quarantine, rows, watch
from peyman.market.tariff.rules.quarantine import Summary, agrees, judge, may_agree, may_release, summarise

DATA = Path(__file__).parents[3] / "shared" / "data" / "tariff"
AT = datetime(2023, 5, 5, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.clause("B05")


def networks(count: int, first: int = 0, family: int = 4) -> frozenset[str]:
    if family == 6:
        return frozenset(f"2a01:4ac0:{n:x}::/48" for n in range(first, first + count))
    return frozenset(f"185.{n >> 8}.{n & 255}.0/24" for n in range(first, first + count))


def summary(rows: int, count: int | None = None, first: int = 0, **other: object) -> Summary:
    return Summary(rows, networks(rows if count is None else count, first), **other)  # type: ignore[arg-type]


GOOD = summary(1_000)


def codes(new: Summary, last: Summary | None = GOOD, **asked: object) -> set[str]:
    return set(judge(new, last, **asked).codes)  # type: ignore[arg-type]


# ---- What is good ----


def test_the_first_list_of_all_is_believed() -> None:
    assert judge(summary(1), None) == quarantine.Verdict("good")


@pytest.mark.parametrize(
    ("case", "new", "last"),
    [
        ("the same", GOOD, GOOD),
        ("one in twenty gone", summary(950), GOOD),
        ("a small list that becomes threefold", summary(48), summary(16)),
        ("a small list that loses ten", summary(3), summary(13)),
        ("three rows become two others", summary(2, first=50), summary(3)),
        ("as the real list grew in one week", summary(50_407, 18_748), summary(47_379, 18_322)),
        ("as the real list shrank in one week", summary(46_353, 17_662), summary(46_444, 17_741)),
        ("many rows on the same networks", summary(5_000, 1_000), GOOD),
        ("no name in any row", summarise([(line, rows.read(line)) for line in [
            rows.line(["", "185.1.1.0/24", "185.1.1.0/24", "1402/02/10", "1402/02/15"])]]), None),
    ],
)  # fmt: skip
def test_a_list_that_is_as_it_should_be_extends_the_history(case: str, new: Summary, last: Summary | None) -> None:
    assert judge(new, last) == quarantine.Verdict("good")


# ---- What is held back ----


@pytest.mark.parametrize(
    ("case", "new", "code"),
    [
        ("more than one row in twenty gone", summary(949, 1_000), "shrunk"),
        ("more than one network in twenty gone", summary(1_000, 949), "shrunk"),
        ("more than threefold", summary(40_000, 1_000), "huge"),
        ("half the networks are others", summary(1_000, first=501), "other_list"),
        ("a default route", summary(1_000, default_routes=("0.0.0.0/0",)), "default_route"),
        ("more than one row in fifty unreadable", summary(1_000, unreadable=21), "unreadable_rows"),
        ("cut short", summary(1_000, faults=(quarantine.reason("truncated", why="بریده"),)), "truncated"),
        ("a header in its midst", summary(1_000, faults=(quarantine.reason("header_again"),)), "header_again"),
    ],
)
def test_a_list_that_nobody_should_believe_at_once_is_held_back(case: str, new: Summary, code: str) -> None:
    verdict = judge(new, GOOD)
    assert (verdict.state, verdict.codes) == ("quarantined", {code})
    assert all(reason.detail and "{" not in reason.detail for reason in verdict.reasons)


def test_one_row_less_would_have_been_believed() -> None:
    assert codes(summary(950)) == set()
    assert codes(summary(1_000, unreadable=20)) == set()
    assert codes(summary(1_000, first=500)) == set()
    assert codes(summary(11_000, 1_000)) == set()


def test_a_list_without_a_row_is_none_and_one_without_a_range_cannot_be_read() -> None:
    assert judge(Summary(0, frozenset()), GOOD).state == "unreadable"
    assert codes(Summary(3, frozenset(), unreadable=3), None) == {"unreadable_rows"}


def test_a_small_list_may_hold_some_rows_that_nobody_can_read() -> None:
    assert codes(summary(10, unreadable=5), None) == set()
    assert codes(summary(10, unreadable=6), None) == {"unreadable_rows"}


def test_ipv4_in_the_place_of_ipv6_is_another_list_however_small() -> None:
    v4, v6 = Summary(15, networks(15)), Summary(7, networks(7, family=6))
    assert codes(v4, v6) == {"other_list"}
    assert "other_list" in codes(v6, v4)
    assert codes(Summary(8, networks(7, family=6) | networks(1)), v6) == set()


def test_a_list_of_old_is_compared_with_the_one_that_follows() -> None:
    assert judge(summary(400, 1_000), None, following=GOOD).state == "good"  # it grew a lot, over years
    assert codes(summary(50_000, 1_000), None, following=GOOD) == {"huge"}
    assert codes(summary(1_000, 200), None, following=summary(50_000, 30_000)) == {"shrunk"}
    assert codes(summary(1_000, first=2_000), None, following=GOOD) == {"other_list"}


def test_rows_that_cannot_be_told_apart_count_as_unreadable() -> None:
    line = rows.line(["", "185.1.1.0/24", "185.1.1.0/24", "1402/02/10", "1402/02/15"])
    found = summarise([(line, rows.read(line))] * 2, lost=3)
    assert (found.rows, found.unreadable, set(found.networks), dict(found.flags)) == (
        5, 3, {"185.1.1.0/24"}, {"no_name": 2},
    )  # fmt: skip


@pytest.mark.skipif(not DATA.is_dir(), reason="the real figures are not here")
def test_no_week_of_the_real_list_is_held_back() -> None:
    weeks = [
        (int(one["rows"]), int(one["distinct_networks"]))
        for one in csv.DictReader((DATA / "registry_snapshots.csv").open())
    ]
    assert len(weeks) == 74
    summaries = [summary(*week) for week in weeks]
    assert all(judge(new, last).state == "good" for last, new in pairwise(summaries))
    drops = [1 - now / before for (_, before), (_, now) in pairwise(weeks)]
    assert max(drops) < 0.005  # the limit is ten times as much


# ---- Who lets it go ----


@pytest.mark.parametrize(
    ("why", "agreement", "person"),
    [
        ({"shrunk"}, True, True),
        ({"huge"}, True, True),
        ({"other_list", "shrunk"}, True, True),
        ({"default_route"}, False, True),
        ({"shrunk", "default_route"}, False, True),
        ({"unreadable_rows"}, False, True),
        ({"truncated"}, False, True),
        ({"header_again"}, False, True),
        ({"html_page"}, False, False),
        ({"empty"}, False, False),
        ({"too_big"}, False, False),
        ({"shrunk", "wrong_columns"}, False, False),
        (set(), False, False),
    ],
)
def test_a_second_list_lets_go_what_may_be_true_and_a_person_what_can_be_read(
    why: set[str], agreement: bool, person: bool
) -> None:
    assert (may_agree(why), may_release(why)) == (agreement, person)


@pytest.mark.parametrize(
    ("differ", "apart", "agree"),
    [
        (0, HOUR, True),
        (0, HOUR - timedelta(seconds=1), False),
        (5, HOUR, True),
        (6, HOUR, False),
    ],
)
def test_two_lists_agree_that_say_the_same_an_hour_apart(differ: int, apart: timedelta, agree: bool) -> None:
    a = {f"{n}" for n in range(1_000)}
    assert agrees(a, {key for key in a if int(key) >= differ}, apart=apart) is agree


def test_nothing_agrees_with_nothing() -> None:
    assert not agrees(set(), set(), apart=HOUR)


# ---- When it is asked again ----

EVERY = timedelta(hours=6)


@pytest.mark.parametrize(
    ("outcomes", "pause"),
    [
        (["taken"], EVERY),
        (["same", "timeout"], EVERY),
        (["timeout", "taken"], timedelta(minutes=15)),
        (["http_error", "timeout", "taken"], timedelta(minutes=30)),
        (["timeout"] * 8, EVERY),
        (["unreadable", "taken"], timedelta(minutes=15)),
        (["quarantined", "taken"], timedelta(minutes=75)),
        (["quarantined", "quarantined", "taken"], timedelta(minutes=150)),
    ],
)
def test_the_registry_is_asked_as_often_as_it_was_set_and_sooner_when_something_went_wrong(
    outcomes: list[str], pause: timedelta
) -> None:
    recent = [(AT - HOUR * n, outcome) for n, outcome in enumerate(outcomes)]
    due = watch.next_fetch(recent, every=EVERY)
    assert abs(due - AT - pause) <= pause * 0.1
    assert due == watch.next_fetch(recent, every=EVERY)


def test_a_registry_that_was_never_asked_is_asked_at_once() -> None:
    assert watch.next_fetch([], every=EVERY) < AT


def test_not_all_who_watch_ask_in_the_same_minute() -> None:
    dues = [watch.next_fetch([(AT + timedelta(seconds=n), "taken")], every=EVERY) for n in range(50)]
    assert max(dues) - min(dues) > timedelta(minutes=40)


def test_a_second_list_can_agree_as_soon_as_it_is_fetched() -> None:
    dues = [watch.next_fetch([(AT + timedelta(minutes=n), "quarantined")], every=EVERY) for n in range(500)]
    assert all(due - AT - timedelta(minutes=n) >= quarantine.AGREE_AFTER for n, due in enumerate(dues))


@pytest.mark.parametrize(
    ("whole_day", "hours", "old"),
    [(False, 36, False), (False, 36.1, True), (True, 48.4, False), (True, 48.6, True)],
)
def test_a_list_is_old_after_a_day_and_a_half_and_one_of_a_whole_day_from_its_end_on(
    whole_day: bool, hours: float, old: bool
) -> None:
    # 2023-05-05 08:00 UTC is 11:30 in Tehran, so that day ends 12.5 hours later.
    assert watch.is_old(AT, whole_day=whole_day, now=AT + HOUR * hours) is old
