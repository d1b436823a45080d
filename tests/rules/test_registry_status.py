"""What the registry's history says of an address at an instant."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel.worktime import TEHRAN, day_start
from peyman.market.tariff.rules.history import Listed, Seen, State, is_own, moment, seen, status

NET = "185.112.32.64/26"
DAYS = [date(2023, 5, 5) + timedelta(weeks=week) for week in range(5)]  # Fridays: 5, 12, 19, 26 May, 2 June
WEEKLY = [seen(f"S{n}", day_start(day), True) for n, day in enumerate(DAYS)]
MAY = DAYS[0].replace(day=1)


def row(
    first: int,
    absent: int | None,
    *,
    update: date | None = MAY,
    due: date | None = MAY,
    number: int = 1,
    host: str = "",
) -> Listed:
    return Listed(number, NET, host, update, due, first, absent)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=TEHRAN)


def at(*rows: Listed, day: date, snapshots: Sequence[Seen] = WEEKLY) -> tuple[str, str]:
    answer = status(snapshots, rows, noon(day))
    return answer.state.value, answer.reason


# ---- Named cases ----


@pytest.mark.clause("B05")
@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2023, 5, 4), ("unknown", "before_history")),
        (date(2023, 5, 5), ("unregistered", "absent")),
        (date(2023, 5, 6), ("unknown", "changed_in_gap")),
        (date(2023, 5, 12), ("registered", "registered")),
        (date(2023, 5, 15), ("registered", "registered")),
        (date(2023, 5, 19), ("registered", "registered")),  # last seen: through that day
        (date(2023, 5, 20), ("unknown", "changed_in_gap")),
        (date(2023, 5, 25), ("unknown", "changed_in_gap")),
        (date(2023, 5, 26), ("unregistered", "absent")),  # first seen without it
        (date(2023, 5, 30), ("unregistered", "absent")),
        (date(2023, 6, 3), ("unknown", "after_history")),
    ],
)
def test_a_row_counts_while_it_is_seen_and_nothing_is_guessed_between(day: date, said: tuple[str, str]) -> None:
    assert at(row(1, 3), day=day) == said


@pytest.mark.clause("B05")
def test_a_listed_row_counts_from_the_midnight_in_tehran_of_its_due_date() -> None:
    rows = [row(0, None, due=date(2023, 5, 16))]
    midnight = day_start(date(2023, 5, 16))
    late = status(WEEKLY, rows, midnight - timedelta(microseconds=1))
    assert (late.state, late.reason, late.due) == (State.PENDING, "not_due", date(2023, 5, 16))
    assert status(WEEKLY, rows, midnight).state is State.REGISTERED


def test_a_row_without_a_readable_due_date_never_counts_as_due() -> None:
    assert at(row(0, None, due=None), day=date(2023, 5, 30)) == ("pending", "not_due")


def test_an_answer_names_its_rows_its_due_date_and_the_looks_on_both_sides() -> None:
    one, other = row(0, None, due=date(2023, 5, 15)), row(0, None, due=date(2023, 5, 8), number=2)
    answer = status(WEEKLY, [one, other], noon(date(2023, 5, 17)))
    assert (answer.rows, answer.due, answer.before, answer.after) == ((one, other), date(2023, 5, 8), 1, 2)
    own_day = status(WEEKLY, [one, other], noon(date(2023, 5, 12)))
    assert (own_day.rows, own_day.before, own_day.after) == ((other,), 1, 1)


def test_a_row_that_appeared_in_a_gap_tells_from_when_it_could_have_counted() -> None:
    answer = status(WEEKLY, [row(1, None, due=date(2023, 6, 5))], noon(date(2023, 5, 8)))
    assert (answer.state, answer.reason, answer.due) == (State.UNKNOWN, "changed_in_gap", date(2023, 6, 5))


def test_one_row_that_stands_is_enough() -> None:
    assert at(row(0, None), row(2, None, due=date(2023, 7, 6), number=2), day=date(2023, 5, 26)) == (
        "registered",
        "registered",
    )


def test_a_pending_row_does_not_hide_that_a_due_one_left_in_the_gap() -> None:
    rows = [row(0, 2), row(0, None, due=date(2023, 7, 6), number=2)]
    assert at(*rows, day=date(2023, 5, 15)) == ("unknown", "changed_in_gap")
    assert at(*rows, day=date(2023, 5, 20)) == ("pending", "not_due")


def test_a_row_under_another_name_is_the_same_row() -> None:
    renamed = [row(0, 2, host="a.ir"), row(2, None, host="b.ir", number=2)]
    assert at(*renamed, day=date(2023, 5, 15)) == ("registered", "registered")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2023, 5, 12), ("registered", "registered")),
        (date(2023, 5, 14), ("unknown", "changed_in_gap")),
        (date(2023, 5, 15), ("unknown", "replaced")),  # the new update date
        (date(2023, 5, 19), ("unknown", "replaced")),  # on a look's own day too: it cannot know what operators did
        (date(2023, 6, 1), ("unknown", "replaced")),
        (date(2023, 6, 2), ("registered", "registered")),
    ],
)
def test_a_row_replaced_by_one_with_later_dates_is_unknown_until_the_new_due_date(
    day: date, said: tuple[str, str]
) -> None:
    new = row(2, None, update=date(2023, 5, 15), due=date(2023, 6, 2), number=2)
    assert at(row(0, 2), new, day=day) == said


def test_a_row_replaced_where_another_stands_is_registered() -> None:
    new = row(2, None, update=date(2023, 5, 15), due=date(2023, 6, 2), number=2)
    other = row(0, None, update=date(2023, 4, 1), number=3)
    assert at(row(0, 2), new, other, day=date(2023, 5, 19)) == ("registered", "registered")


def test_a_row_that_comes_back_after_an_absence_is_pending_not_replaced() -> None:
    new = row(3, None, update=date(2023, 5, 22), due=date(2023, 6, 2), number=2)
    assert at(row(0, 2), new, day=date(2023, 5, 19)) == ("unregistered", "absent")
    assert at(row(0, 2), new, day=date(2023, 5, 26)) == ("pending", "not_due")


def test_a_new_row_that_left_again_before_its_due_date_leaves_nothing() -> None:
    new = row(2, 3, update=date(2023, 5, 15), due=date(2023, 6, 2), number=2)
    assert at(row(0, 2), new, day=date(2023, 5, 26)) == ("unregistered", "absent")


@pytest.mark.parametrize(("days", "said"), [(8, "registered"), (9, "unknown")])
def test_looks_farther_apart_than_eight_days_say_nothing_of_what_lies_between(days: int, said: str) -> None:
    snapshots = [seen("A", day_start(DAYS[0]), True), seen("B", day_start(DAYS[0] + timedelta(days=days)), True)]
    assert at(row(0, None), day=DAYS[0] + timedelta(days=3), snapshots=snapshots)[0] == said
    assert at(row(0, None), day=DAYS[0], snapshots=snapshots)[0] == "registered"
    assert at(day=DAYS[0] + timedelta(days=3), snapshots=snapshots)[0] == (
        "unregistered" if said == "registered" else said
    )


def test_eight_days_are_eight_days_when_the_clock_is_set_back() -> None:
    before, after = date(2022, 9, 15), date(2022, 9, 23)  # Iran's last change, on 22 September 2022
    snapshots = [seen("A", day_start(before), True), seen("B", day_start(after), True)]
    assert snapshots[1].starts_at - snapshots[0].starts_at == timedelta(days=8, hours=1)
    assert at(row(0, None), day=date(2022, 9, 20), snapshots=snapshots) == ("pending", "not_due")


def test_a_look_with_a_time_holds_for_its_instant_only() -> None:
    ten, late = (datetime(2023, 5, 5, hour, tzinfo=UTC) for hour in (10, 16))
    snapshots = [seen("A", ten, False), seen("B", late, False)]
    rows = [row(1, None)]
    assert status(snapshots, rows, ten).state is State.UNREGISTERED
    assert status(snapshots, rows, ten + timedelta(seconds=1)).reason == "changed_in_gap"
    assert status(snapshots, rows, late).state is State.REGISTERED
    assert status(snapshots, rows, ten - timedelta(seconds=1)).reason == "before_history"
    assert status(snapshots, rows, late + timedelta(seconds=1)).reason == "after_history"


def test_two_looks_of_one_day_that_differ_leave_what_they_differ_in_unknown() -> None:
    days = [DAYS[0], DAYS[1], DAYS[1], DAYS[2]]
    snapshots = [seen(f"S{n}", day_start(day), True) for n, day in enumerate(days)]
    only_second = row(2, None)
    assert at(only_second, day=DAYS[1], snapshots=snapshots) == ("unknown", "list_disagrees")
    assert at(only_second, day=DAYS[1] + timedelta(days=1), snapshots=snapshots) == ("unknown", "changed_in_gap")
    assert at(only_second, day=DAYS[2], snapshots=snapshots) == ("registered", "registered")
    only_first = row(0, 2)
    assert at(only_first, day=DAYS[0] + timedelta(days=1), snapshots=snapshots) == ("unknown", "changed_in_gap")
    assert at(row(0, None), day=DAYS[1], snapshots=snapshots) == ("registered", "registered")


def test_without_any_good_snapshot_nothing_is_known() -> None:
    assert at(day=DAYS[0], snapshots=[]) == ("unknown", "no_history")


@pytest.mark.parametrize(
    ("host", "own"),
    [("cafebazaar.ir", True), ("dl.cafebazaar.ir", True), ("notcafebazaar.ir", False), ("ir", False), ("", False)],
)
def test_own_rows_are_the_registrants_and_those_below(host: str, own: bool) -> None:
    assert is_own(host, "cafebazaar.ir") is own


def test_when_it_was_seen_is_a_day_or_an_instant() -> None:
    assert moment("2023-05-05") == (datetime(2023, 5, 4, 20, 30, tzinfo=UTC), True)
    assert moment("۲۰۲۳-۰۵-۰۵") == (datetime(2023, 5, 4, 20, 30, tzinfo=UTC), True)
    assert moment("2023-05-05T10:00") == (datetime(2023, 5, 5, 6, 30, tzinfo=UTC), False)
    assert moment("2023-05-05T10:00:00Z") == (datetime(2023, 5, 5, 10, tzinfo=UTC), False)
    for wrong in ("", "1402/02/15", "yesterday", "2023-13-01"):
        with pytest.raises(ValueError, match=r".+"):
            moment(wrong)


# ---- A second counting: whole lists, day by day, as the definition is written ----

Key = tuple[date, date]  # update, due
offsets = st.integers(0, 60)
keys = st.tuples(offsets, offsets).map(
    lambda two: (DAYS[0] + timedelta(days=min(two)), DAYS[0] + timedelta(days=sum(two)))
)
worlds = st.lists(
    st.tuples(st.integers(1, 11), st.frozensets(st.sampled_from(range(4)))), min_size=1, max_size=6
)  # days since the look before, and which of four rows it lists


def brute(looks: list[tuple[date, frozenset[Key]]], day: date) -> str:
    """The definition, read from whole lists of one address, each dated by day."""
    own = [rows for when, rows in looks if when == day]
    if own:
        sides, close = [own[0]], True
    else:
        earlier = [look for look in looks if look[0] < day]
        later = [look for look in looks if look[0] > day]
        if not earlier or not later:
            return "unknown"
        sides = [earlier[-1][1], later[0][1]]
        close = (later[0][0] - earlier[-1][0]).days <= 8
    if not close:
        return "unknown"
    gone_for: dict[Key, Key] = {}
    for (_, rows), (_, following) in pairwise(looks):
        for old in rows - following:
            for new in following - rows:
                if old[0] < new[0] and old[1] < new[1] and new[0] <= day < new[1]:
                    gone_for[old] = new
    both = frozenset.intersection(*sides)
    one = frozenset.union(*sides)
    if any(due <= day for _, due in both - gone_for.keys()):
        return "registered"
    if not one:
        return "unregistered"
    if gone_for:
        return "unknown"
    return "pending" if both and all(due > day for _, due in one) else "unknown"


@settings(max_examples=600)
@given(worlds, st.lists(keys, min_size=4, max_size=4, unique=True), st.integers(-2, 70))
def test_it_is_what_whole_lists_say(world: list[tuple[int, frozenset[int]]], four: list[Key], days: int) -> None:
    when, looks = DAYS[0], []
    for distance, numbers in world:
        when += timedelta(days=distance)
        looks.append((when, frozenset(four[number] for number in numbers)))
    snapshots = [seen(str(n), day_start(day), True) for n, (day, _) in enumerate(looks)]
    rows = []
    for number, (update, due) in enumerate(four):
        there = [four[number] in listed for _, listed in looks]
        for first in (n for n, is_there in enumerate(there) if is_there and (n == 0 or not there[n - 1])):
            absent = next((n for n in range(first, len(there)) if not there[n]), None)
            rows.append(row(first, absent, update=update, due=due, number=number))
    asked = DAYS[0] + timedelta(days=days)
    assert status(snapshots, rows, noon(asked)).state.value == brute(looks, asked)
