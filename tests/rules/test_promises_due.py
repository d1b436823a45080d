"""When clocks stop: pauses, scopes and office hours, against a slow count of minutes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel.worktime import WorkCalendar
from peyman.promises import rules

TEHRAN = ZoneInfo("Asia/Tehran")
MINUTE = timedelta(minutes=1)
CLOSED = frozenset({date(2025, 1, 13), date(2025, 1, 14)})
PLAIN = WorkCalendar(closed=CLOSED)
ANY = {"clause": "D30", "kind": "refund", "province": "", "parameters": {}}


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def pause(starts: str, ends: str | None, code: str = "FMJ-1", **scope: set[str]) -> rules.Pause:
    found = rules.Scope(**{name: frozenset(values) for name, values in scope.items()})
    return rules.Pause(code, tehran(starts), tehran(ends) if ends else None, found)


# Saturday 2025-01-04 10:00 and 48 working hours unless the case says otherwise: due on Monday 06 at 10:00.
@pytest.mark.clause("D121")
@pytest.mark.parametrize(
    ("case", "pauses", "start", "due_at"),
    [
        ("no pause", [], "2025-01-04 10:00", "2025-01-06 10:00"),
        ("a pause inside", [("2025-01-05 08:00", "2025-01-05 20:00")], "2025-01-04 10:00", "2025-01-06 22:00"),
        ("one that began before", [("2025-01-01 00:00", "2025-01-04 12:00")], "2025-01-04 10:00", "2025-01-06 12:00"),
        ("one that is over before", [("2025-01-01 00:00", "2025-01-04 10:00")], "2025-01-04 10:00", "2025-01-06 10:00"),
        (
            "one that begins as it ends",
            [("2025-01-06 10:00", "2025-01-07 10:00")],
            "2025-01-04 10:00",
            "2025-01-06 10:00",
        ),
        (
            "one a minute before that",
            [("2025-01-06 09:59", "2025-01-07 10:00")],
            "2025-01-04 10:00",
            "2025-01-07 10:01",
        ),
        ("a pause over a Friday", [("2025-01-09 00:00", "2025-01-12 00:00")], "2025-01-08 10:00", "2025-01-15 10:00"),
        ("a pause within holidays", [("2025-01-13 00:00", "2025-01-14 12:00")], "2025-01-12 10:00", "2025-01-16 10:00"),
        (
            "two that overlap count once",
            [("2025-01-05 08:00", "2025-01-05 20:00"), ("2025-01-05 12:00", "2025-01-06 00:00")],
            "2025-01-04 10:00",
            "2025-01-07 02:00",
        ),
        (
            "the delay runs into another pause",
            [("2025-01-05 10:00", "2025-01-06 10:00"), ("2025-01-06 12:00", "2025-01-06 18:00")],
            "2025-01-04 10:00",
            "2025-01-07 16:00",
        ),
        ("into a Friday", [("2025-01-08 10:00", "2025-01-09 10:00")], "2025-01-07 10:00", "2025-01-11 10:00"),
        (
            "Nowruz 1404 under a pause",
            [("2025-03-18 00:00", "2025-03-19 00:00")],
            "2025-03-17 10:00",
            "2025-03-20 10:00",
        ),
    ],
)
def test_a_due_time_moves_by_the_working_time_that_falls_in_a_pause(case, pauses, start, due_at):
    reckoning = rules.Reckoning(PLAIN, tuple(pause(*one, code=f"FMJ-{n}") for n, one in enumerate(pauses)))
    assert reckoning.due(tehran(start), 48, "working", **ANY).at == tehran(due_at)


def test_calendar_hours_stop_on_fridays_too():
    reckoning = rules.Reckoning(PLAIN, (pause("2025-01-10 12:00", "2025-01-10 18:00"),))
    assert reckoning.due(tehran("2025-01-10 10:00"), 24, "calendar", **ANY).at == tehran("2025-01-11 16:00")
    assert reckoning.due(tehran("2025-01-10 10:00"), 2, "calendar", **ANY).at == tehran("2025-01-10 12:00")
    assert reckoning.due(tehran("2025-01-10 13:00"), 0, "calendar", **ANY).at == tehran("2025-01-10 13:00")


@pytest.mark.clause("D121")
def test_an_open_pause_holds_the_clock_and_what_was_due_before_it_is_not_held():
    held = rules.Reckoning(PLAIN, (pause("2025-01-05 08:00", None),))
    found = held.due(tehran("2025-01-04 10:00"), 48, "working", **ANY)
    assert found == rules.Due(tehran("2025-01-06 10:00"), tehran("2025-01-05 08:00"), ("FMJ-1",))
    assert held.due(tehran("2025-01-04 10:00"), 22, "working", **ANY).held_since is None
    assert held.due(tehran("2025-01-04 10:00"), 23, "working", **ANY).held_since == tehran("2025-01-05 08:00")
    later = held.due(tehran("2025-01-07 10:00"), 1, "working", **ANY)
    assert later.held_since == tehran("2025-01-07 10:00")
    assert held.ended(tehran("2025-01-08 08:00")).due(tehran("2025-01-04 10:00"), 48, "working", **ANY) == rules.Due(
        tehran("2025-01-09 10:00"), None, ("FMJ-1",)
    )


def test_a_pause_called_off_before_it_begins_stops_nothing():
    off = rules.Reckoning(PLAIN, (pause("2025-01-05 08:00", None),)).ended(tehran("2025-01-04 09:00"))
    assert off.due(tehran("2025-01-04 10:00"), 48, "working", **ANY) == rules.Due(tehran("2025-01-06 10:00"))


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, True),
        ({"clauses": {"D30"}}, True),
        ({"clauses": {"D24", "D57"}}, False),
        ({"kinds": {"refund"}}, True),
        ({"kinds": {"pro_forma"}}, False),
        ({"provinces": {"گیلان"}}, True),
        ({"provinces": {"تهران"}}, False),
        ({"clauses": {"D30"}, "provinces": {"تهران"}}, False),
        ({"clauses": {"D30"}, "kinds": {"refund"}, "provinces": {"گیلان", "تهران"}}, True),
    ],
)
def test_a_pause_stops_only_what_all_parts_of_its_scope_cover(scope, covered):
    reckoning = rules.Reckoning(PLAIN, (pause("2025-01-05 08:00", "2025-01-05 20:00", **scope),))
    found = reckoning.due(
        tehran("2025-01-04 10:00"), 48, "working", clause="D30", kind="refund", province="گیلان", parameters={}
    )
    assert found.at == tehran("2025-01-06 22:00" if covered else "2025-01-06 10:00")
    assert found.pauses == (("FMJ-1",) if covered else ())


def test_a_promise_without_a_province_lies_outside_a_scope_of_provinces():
    assert not rules.Scope(provinces=frozenset({"گیلان"})).covers("D30", "refund", "")


# ---- Office hours ----


@pytest.mark.clause("D21")
def test_office_hours_of_the_terms_count_only_the_hours_of_the_office():
    office = {**ANY, "parameters": {"office_from": 8, "office_to": 17, "hours_per_working_day": 9}}
    found = rules.Reckoning(PLAIN).due(tehran("2025-01-08 15:00"), 4, "working", **office)
    assert found.at == tehran("2025-01-09 10:00")
    assert rules.Reckoning(PLAIN).due(tehran("2025-01-09 15:00"), 4, "working", **office).at == tehran(
        "2025-01-11 10:00"
    )
    stopped = rules.Reckoning(PLAIN, (pause("2025-01-08 18:00", "2025-01-09 09:00"),))
    assert stopped.due(tehran("2025-01-08 15:00"), 4, "working", **office).at == tehran("2025-01-09 11:00")


@pytest.mark.parametrize(
    ("parameters", "hours"),
    [
        ({}, None),
        ({"hours_per_working_day": 24}, None),
        ({"office_from": 8, "office_to": 17}, (time(8), time(17))),
        ({"office_from": 0, "office_to": 23, "hours_per_working_day": 23}, (time(0), time(23))),
    ],
)
def test_a_working_day_is_the_offices_or_whole(parameters, hours):
    assert rules.office_hours(parameters) == hours


@pytest.mark.parametrize(
    "parameters",
    [
        {"office_from": 8},
        {"office_to": 17},
        {"office_from": 17, "office_to": 8},
        {"office_from": 8, "office_to": 8},
        {"office_from": 8, "office_to": 24},
        {"office_from": 8, "office_to": 17, "hours_per_working_day": 8},
        {"hours_per_working_day": 10},
    ],
)
def test_office_hours_that_are_none_are_named(parameters):
    with pytest.raises(ValueError, match=r"office|hours"):
        rules.office_hours(parameters)


@pytest.mark.parametrize(
    ("parameters", "kind", "rials"),
    [
        ({}, "refund", 0),
        ({"remedy_rials": 100_000}, "refund", 100_000),
        ({"remedy_rials": 100_000, "remedy_rials_refund": 500_000}, "refund", 500_000),
        ({"remedy_rials": 100_000, "remedy_rials_refund": 0}, "refund", 0),
        ({"remedy_rials_refund": 500_000}, "pro_forma", 0),
    ],
)
def test_the_terms_say_what_is_owed_for_a_broken_promise(parameters, kind, rials):
    assert rules.remedy(parameters, kind) == rials


# ---- Against a slow count ----

moments = st.integers(0, 21 * 24 * 60).map(lambda n: tehran("2025-01-01 00:00") + n * MINUTE)
spans = st.tuples(moments, st.integers(1, 4 * 24 * 60)).map(lambda s: (s[0], s[0] + s[1] * MINUTE))
days = st.frozensets(st.integers(0, 40).map(lambda n: date(2025, 1, 1) + timedelta(days=n)), max_size=5)
offices = st.sampled_from([None, (8, 17), (9, 13)])


def runs(at: datetime, kind: str, calendar: WorkCalendar, office, pauses) -> bool:
    """Say for one minute whether it counts, in the plainest way there is."""
    local = at.astimezone(TEHRAN)
    if any(starts <= at < ends for starts, ends in pauses):
        return False
    if kind == "calendar":
        return True
    if local.weekday() == 4 or local.date() in calendar.closed:
        return False
    return office is None or office[0] <= local.hour < office[1]


@settings(max_examples=60, deadline=None)
@given(
    start=moments,
    hours=st.integers(1, 30),
    kind=st.sampled_from(["working", "calendar"]),
    closed=days,
    office=offices,
    pauses=st.lists(spans, max_size=4),
)
def test_exactly_the_promised_minutes_run_outside_of_pauses(start, hours, kind, closed, office, pauses):
    calendar = WorkCalendar(closed=closed)
    parameters = {"office_from": office[0], "office_to": office[1]} if office else {}
    reckoning = rules.Reckoning(calendar, tuple(rules.Pause(f"F{n}", *span) for n, span in enumerate(pauses)))
    due = reckoning.due(start, hours, kind, **{**ANY, "parameters": parameters})
    at, left = start, hours * 60
    while left:
        left -= runs(at, kind, calendar, office, pauses)
        at += MINUTE
    assert due.at == at


@settings(max_examples=100, deadline=None)
@given(start=moments, hours=st.integers(1, 60), begins=moments, ends=st.integers(0, 5 * 24 * 60))
def test_an_open_pause_that_ends_is_a_closed_one(start, hours, begins, ends):
    open_ = rules.Reckoning(PLAIN, (rules.Pause("F", begins, None),))
    end = begins + ends * MINUTE
    closed = rules.Reckoning(PLAIN, (rules.Pause("F", begins, end),))
    assert open_.ended(end).due(start, hours, "working", **ANY) == closed.due(start, hours, "working", **ANY)
    held = open_.due(start, hours, "working", **ANY)
    if held.held_since is not None:
        assert closed.due(start, hours, "working", **ANY).at >= held.at
        assert open_.ended(end).due(start, hours, "working", **ANY).at > max(start, min(begins, end))


@given(st.lists(st.tuples(moments, st.none() | st.integers(1, 9000)), max_size=5))
def test_merged_stops_lie_apart_in_order_and_before_what_holds_for_good(raw):
    pauses = [rules.Pause("F", at, None if length is None else at + length * MINUTE) for at, length in raw]
    spans, held_from = rules.stops(pauses)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges) and len(set(edges)) == len(edges)
    assert held_from is None or all(ends <= held_from for _, ends in spans)
