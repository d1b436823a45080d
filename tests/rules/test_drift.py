"""Registry and network beside each other, per address: against a count of every address, where that is possible."""

from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Network, ip_address, ip_network
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peyman.kernel import prefixes
from peyman.kernel.worktime import TEHRAN, day_start
from peyman.market.tariff import iran
from peyman.market.tariff.rules import drift, history
from peyman.market.tariff.rules.drift import Hold, Kind, Part, Stretch
from peyman.market.tariff.rules.history import Listed, Seen, State

INLAND = iran.of_prefixes([ip_network("185.143.0.0/16"), ip_network("2a00:d20::/32")], "test")


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def days(*texts: str) -> list[Seen]:
    return [history.seen(text, day_start(date.fromisoformat(text)), True) for text in texts]


def row(
    network: str,
    *,
    first: int = 0,
    absent: int | None = None,
    due: str = "2023-01-05",
    update: str = "2022-12-25",
    host: str = "market.ir",
    key: int = 1,
) -> Listed:
    return Listed(key, network, host, date.fromisoformat(update), date.fromisoformat(due), first, absent)


SEEN = days("2023-02-03", "2023-02-10", "2023-02-17")
AT = tehran("2023-02-10T12:00")


def judged(whole: str, rows: list[Listed], at: datetime = AT, registrants: tuple[str, ...] = ()) -> list[tuple]:
    pieces = drift.split(ip_network(whole), rows, INLAND)
    return [
        (part.range, part.addresses, part.status, part.reason) for part in drift.parts(pieces, SEEN, at, registrants)
    ]


# ---- Cutting ----


@pytest.mark.clause("B06")
def test_a_prefix_is_judged_per_address_where_rows_cover_some_of_it():
    rows = [row("185.143.232.16/29", key=1), row("185.143.232.20/32", key=2), row("185.143.232.24/32", key=3)]
    assert judged("185.143.232.0/26", rows) == [
        ("185.143.232.0/28", 16, "unregistered", "absent"),
        ("185.143.232.16-185.143.232.24", 9, "registered", "registered"),
        ("185.143.232.25-185.143.232.63", 39, "unregistered", "absent"),
    ]


def test_a_row_wider_than_the_prefix_covers_it():
    assert judged("185.143.232.0/26", [row("185.143.232.0/22")]) == [
        ("185.143.232.0/26", 64, "registered", "registered")
    ]


@pytest.mark.clause("B06")
def test_foreign_and_private_addresses_are_never_eligible_though_neighbours_are():
    assert judged("185.142.254.0/23", [])[0][1:] == (512, "ineligible", "foreign")
    assert judged("185.142.0.0/15", []) == [
        ("185.142.0.0/16", 65536, "ineligible", "foreign"),
        ("185.143.0.0/16", 65536, "unregistered", "absent"),
    ]
    assert judged("192.168.204.48/28", []) == [("192.168.204.48/28", 16, "ineligible", "private")]
    # Not even where a row names them.
    assert judged("192.168.204.48/28", [row("192.168.0.0/16")])[0][2:] == ("ineligible", "private")


def test_what_the_registry_ever_listed_is_eligible_wherever_its_address_was_moved():
    gone = row("46.224.2.6/32", absent=1)
    assert judged("46.224.2.4/30", [gone]) == [
        ("46.224.2.4/31", 2, "ineligible", "foreign"),
        ("46.224.2.6/32", 1, "unregistered", "absent"),
        ("46.224.2.7/32", 1, "ineligible", "foreign"),
    ]


@pytest.mark.clause("B06")
def test_an_ipv6_edge_of_which_only_ipv4_is_registered_is_unregistered():
    assert judged("2a00:d20::/48", [row("185.143.232.0/22")]) == [("2a00:d20::/48", 2**80, "unregistered", "absent")]


@pytest.mark.clause("B06")
def test_with_a_registrant_only_its_rows_and_those_below_it_count():
    rows = [
        row("185.143.232.0/32", key=1),
        row("185.143.232.1/32", key=2, host="dl.market.ir"),
        row("185.143.232.2/32", key=3, host="notmarket.ir"),
    ]
    told = judged("185.143.232.0/30", rows, registrants=("market.ir",))
    assert [(range_, status) for range_, _, status, _ in told] == [
        ("185.143.232.0/31", "registered"),
        ("185.143.232.2/31", "unregistered"),
    ]


def test_an_address_that_carries_anothers_is_unknown_where_the_registry_lists_it():
    assert judged("2002:b98f:e8e5::/48", [row("2002:b98f:e8e5::/48")])[0][2:] == ("unknown", "translated")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[IPv4Network, list[Listed]]:
    def network(least: int) -> IPv4Network:
        length = draw(st.integers(least, 32))
        base = int(ip_address("185.142.255.192")) + draw(st.integers(0, 127))
        return ip_network((base >> (32 - length) << (32 - length), length))

    rows = [
        row(
            str(network(26)),
            key=key,
            first=draw(st.integers(0, 2)),
            absent=draw(st.sampled_from([None, None, 3])),
            due=draw(st.sampled_from(["2023-01-05", "2023-02-14"])),
            host=draw(st.sampled_from(["market.ir", "other.ir"])),
        )
        for key in range(draw(st.integers(0, 8)))
    ]
    rows = [one if one.absent is None else row(one.network, key=one.row, first=0, absent=1) for one in rows]
    return network(25), rows


@given(worlds(), st.sampled_from([AT, AT + timedelta(days=3)]), st.sampled_from([(), ("market.ir",)]))
@settings(max_examples=150, deadline=None)
def test_each_address_gets_the_answer_that_it_gets_alone(world, at, registrants):
    whole, rows = world
    found: dict[str, tuple[str, str]] = {}
    for part in drift.parts(drift.split(whole, rows, INLAND), SEEN, at, registrants):
        for number in range(int(part.first), int(part.last) + 1):
            found[str(ip_address(number))] = (part.status, part.reason)
    assert len(found) == whole.num_addresses
    for address in whole:
        covering = [one for one in rows if address in ip_network(one.network)]
        if not covering and address not in ip_network("185.143.0.0/16"):
            assert found[str(address)] == ("ineligible", "foreign")
            continue
        counted = [one for one in covering if not registrants or history.is_own(one.host, registrants[0])]
        answer = history.status(SEEN, counted, at)
        assert found[str(address)] == (answer.state.value, answer.reason)


@pytest.mark.parametrize("first", ["10.0.0.0/7", *(f"{number}.0.0.0/8" for number in (100, 172, 192, 198, 203))])
def test_reserved_ranges_are_cut_out_wherever_they_lie(first: str):
    for piece in drift.split(ip_network(first), [row(first)], INLAND):
        ends = piece.network.network_address, piece.network.broadcast_address
        middle = piece.network[piece.network.num_addresses // 2]
        assert {prefixes.special(one) for one in (*ends, middle)} == {piece.never == "private"}


def test_a_wide_prefix_costs_what_its_rows_cost_and_not_its_addresses():
    rows = [row(f"2a00:d20:{n:x}::/48", key=n) for n in range(2000)]
    rows += [row(f"185.143.{n // 256}.{n % 256}/32", key=5000 + n) for n in range(0, 8000, 4)]
    begun = process_time()
    parts = drift.parts(drift.split(ip_network("2a00:d20::/32"), rows, INLAND), SEEN, AT, ())
    wide = drift.parts(drift.split(ip_network("185.140.0.0/14"), rows, INLAND), SEEN, AT, ())
    assert process_time() - begun < 5
    assert drift.total(parts)["registered"] == 2000 * 2**80
    assert sum(drift.total(parts).values()) == 2**96
    assert drift.total(wide)["registered"] == 2000
    assert sum(drift.total(wide).values()) == 2**18


def test_a_range_is_written_as_a_prefix_where_it_is_one():
    assert drift.range_text(ip_address("1.2.3.0"), ip_address("1.2.3.255")) == "1.2.3.0/24"
    assert drift.range_text(ip_address("1.2.3.4"), ip_address("1.2.3.4")) == "1.2.3.4/32"
    assert drift.range_text(ip_address("1.2.3.1"), ip_address("1.2.3.2")) == "1.2.3.1-1.2.3.2"
    assert drift.range_text(ip_address("2a00::"), ip_address("2a00::1")) == "2a00::/127"


# ---- After the last list ----


def test_the_last_list_holds_on_for_the_gap_limit_and_its_dates_go_on():
    rows = [row("185.143.232.0/22", due="2023-02-20")]
    standing = {
        day: drift.standing(SEEN, rows, tehran(f"2023-02-{day}T12:00")).state.value for day in (17, 19, 20, 25, 26)
    }
    assert standing == {17: "pending", 19: "pending", 20: "registered", 25: "registered", 26: "unknown"}
    assert drift.standing(SEEN, [], tehran("2023-02-19T12:00")).reason == "absent"
    assert drift.standing(SEEN, [], tehran("2023-02-26T00:00")).reason == "after_history"


def test_a_last_day_whose_lists_differ_tells_nothing_of_the_days_after_it():
    seen = days("2023-02-10", "2023-02-17", "2023-02-17")
    rows = [row("185.143.232.0/22", absent=2)]
    assert drift.standing(seen, rows, tehran("2023-02-18T12:00")).reason == "list_disagrees"


# ---- Over time ----


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Seen], list[Listed]]:
    numbers = sorted(draw(st.sets(st.integers(1, 60), min_size=1, max_size=7)))
    start = date(2023, 1, 1)
    seen = [
        history.seen(str(n), day_start(start + timedelta(days=n)) + timedelta(hours=hour), not hour)
        for n, hour in ((n, draw(st.sampled_from([0, 0, 9]))) for n in numbers)
    ]
    rows = []
    for key in range(draw(st.integers(0, 3))):
        first = draw(st.integers(0, len(seen) - 1))
        absent = draw(st.one_of(st.none(), st.integers(first + 1, len(seen)))) if first < len(seen) else None
        due = start + timedelta(days=draw(st.integers(0, 70)))
        rows.append(
            row(
                "185.143.232.0/22",
                key=key,
                first=first,
                absent=None if absent == len(seen) else absent,
                due=due.isoformat(),
                update=(due - timedelta(days=draw(st.integers(1, 30)))).isoformat(),
            )
        )
    return seen, rows


@given(histories(), st.integers(0, 24 * 80))
@settings(max_examples=300, deadline=None)
def test_a_timeline_says_at_each_hour_what_the_history_says(world, hour):
    seen, rows = world
    since, until = tehran("2022-12-31T00:00"), tehran("2023-03-25T00:00")
    at = since + timedelta(hours=hour, minutes=17)
    told = drift.timeline(seen, rows, since, until)
    assert told[0].starts_at == since
    assert told[-1].ends_at == until
    assert all(a.ends_at == b.starts_at for a, b in pairwise(told))
    answer = drift.standing(seen, rows, at)
    here = next(one for one in told if one.starts_at <= at < one.ends_at)
    assert (here.state, here.reason, here.due) == (answer.state, answer.reason, answer.due)


# ---- Findings ----


def part(status: str, addresses: int, *, reason: str = "x", due: date | None = None, first: str = "1.1.1.0") -> Part:
    begin = ip_address(first)
    return Part(begin, begin + addresses - 1, addresses, status, reason, due)


@pytest.mark.clause("B06")
def test_one_finding_for_each_kind_names_how_many_which_and_until_when():
    found = drift.findings(
        "arvan",
        "1.1.1.0/24",
        [
            part("registered", 10),
            part("unregistered", 4, reason="absent", first="1.1.1.16"),
            part("pending", 2, reason="not_due", due=date(2023, 5, 5), first="1.1.1.32"),
            part("pending", 1, reason="not_due", due=date(2023, 6, 5), first="1.1.1.64"),
            part("unregistered", 1, reason="absent", first="1.1.1.128"),
        ],
    )
    assert [(one.kind, one.addresses, one.reason, one.due_on, one.ranges) for one in found] == [
        (Kind.UNREGISTERED, 5, "absent", None, ("1.1.1.16/30", "1.1.1.128/32")),
        (Kind.PENDING, 3, "not_due", date(2023, 6, 5), ("1.1.1.32/31", "1.1.1.64/32")),
    ]
    assert drift.findings("arvan", "1.1.1.0/24", [part("registered", 256)]) == []


def stretches(*states: str) -> list[Stretch]:
    return [
        Stretch(State(state), state, None, tehran(f"2023-0{n}-01T00:00"), tehran(f"2023-0{n + 1}-01T00:00"))
        for n, state in enumerate(states, start=1)
    ]


@pytest.mark.clause("B17")
@pytest.mark.parametrize(
    ("kind", "states", "served", "gone", "since", "cause"),
    [
        ("unregistered", ["unregistered"], "2023-01-10", [], "2023-01-10", "not_listed"),
        (
            "unregistered",
            ["registered", "unknown", "unregistered"],
            "2022-12-01",
            ["2023-03-01"],
            "2023-03-01",
            "row_removed",
        ),
        (
            "unregistered",
            ["unknown", "unregistered", "unregistered"],
            "2022-12-01",
            ["2022-11-01"],
            "2023-02-01",
            "not_listed",
        ),
        ("pending", ["unregistered", "pending"], "2022-12-01", [], "2023-02-01", "why"),
        ("unknown", ["registered", "unknown"], "2023-02-10", ["2023-02-20"], "2023-02-10", "why"),
        ("ineligible", [], "2023-02-10", [], "2023-02-10", "why"),
    ],
)
def test_a_drift_is_told_with_its_beginning_and_its_cause(kind, states, served, gone, since, cause):
    begun, missed = tehran(f"{served}T00:00"), [tehran(f"{day}T00:00") for day in gone]
    assert drift.began(Kind(kind), "why", begun, stretches(*states), missed) == (tehran(f"{since}T00:00"), cause)


HOLD = Hold(snapshots=2, time=timedelta(hours=24))


@pytest.mark.clause("B06")
@pytest.mark.parametrize(
    ("kind", "snapshots", "hours", "alarms"),
    [
        ("unregistered", 1, 23.99, False),
        ("unregistered", 1, 24, True),
        ("unregistered", 2, 1, True),
        ("pending", 1, 1, False),
        ("ineligible", 1, 0, True),
        ("idle", 9, 900, False),
    ],
)
def test_staff_are_told_once_it_held_and_of_a_foreign_edge_at_once(kind, snapshots, hours, alarms):
    assert drift.alarms(kind, AT, snapshots, AT + timedelta(hours=hours), HOLD) is alarms
