"""The market's own story, by the lists that were seen: what serves, held against the registry as it really was."""

import csv
import gzip
from datetime import date, datetime

import pytest

from peyman.kernel import prefixes
from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.actions import edges as actions
from peyman.market.tariff.actions import history as taking
from peyman.market.tariff.queries import drift, edges
from tests import registry
from tests.conftest import SHARED

DATA = SHARED / "data" / "tariff"
NOW = datetime(2026, 11, 1, tzinfo=TEHRAN)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not DATA.is_dir(), reason="the data of the project is not here"),
]


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN)


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def market() -> list[dict[str, str]]:
    """The market's rows in all 74 snapshots."""
    own = rows("registry_market_cafebazaar.csv")
    known = taking.Known()
    for snapshot in rows("registry_snapshots.csv"):
        day = snapshot["snapshot_date"]
        lines = [
            registry.line(
                row["ip_network"],
                name=row["name_as_entered"],
                ip=row["ip_as_entered"],
                update=row["update_date_jalali"],
                due=row["due_date_jalali"],
            )
            for row in own
            if row["first_seen"] <= day <= row["last_seen"]
        ]
        registry.take(registry.listing(day, *lines), known=known)
    return own


def declare(prefixes_: list[str], since: str = "2021-01-01") -> None:
    lines = [f"own,{prefix},{since},,contract" for prefix in prefixes_]
    text = "\n".join(["cdn,prefix,valid_from,valid_to,source", *lines])
    actions.take_file(data=text.encode(), by=None, now=NOW)


def total(board: drift.Board) -> dict[str, int]:
    return {
        name: sum(getattr(edge, name) for edge in board.edges)
        for name in ("addresses", "registered", "pending", "unregistered", "unknown", "ineligible")
    }


@pytest.mark.clause("B06")
def test_the_ranges_of_the_second_of_ordibehesht_serve_unregistered_until_they_are_listed_and_due(market, settings):
    settings.REGISTRANTS = ["cafebazaar.ir", "cafebazaar.cloud"]
    late = [row["ip_network"] for row in market if row["update_date_jalali"] in ("1402/02/10", "1402/02/17")]
    declare(late)
    told = {}
    for day in ("2023-03-01", "2023-04-28", "2023-05-02", "2023-05-05", "2023-05-12", "2023-06-04", "2023-06-05"):
        board = drift.board(tehran(f"{day}T12:00"))
        assert len(board.edges) == 36
        told[day] = total(board)
    nothing = {"addresses": 162, "registered": 0, "pending": 0, "unregistered": 0, "unknown": 0, "ineligible": 0}
    assert told == {
        "2023-03-01": nothing | {"unregistered": 162},
        "2023-04-28": nothing | {"unregistered": 162},
        # Listed on one side of the gap only; the four of ArvanCloud are absent on both.
        "2023-05-02": nothing | {"unregistered": 4, "unknown": 158},
        "2023-05-05": nothing | {"registered": 158, "unregistered": 4},
        "2023-05-12": nothing | {"registered": 158, "pending": 4},
        "2023-06-04": nothing | {"registered": 158, "pending": 4},
        "2023-06-05": nothing | {"registered": 162},
    }


@pytest.mark.clause("B06")
def test_pending_tells_until_when_and_from_when_it_would_be_admitted(market, settings):
    settings.REGISTRANTS = ["cafebazaar.ir"]
    declare(["185.143.232.229/32"])
    part = drift.board(tehran("2023-05-20T12:00")).edges[0].parts[0]
    assert (part.range, part.status, part.reason, part.due) == (
        "185.143.232.229/32",
        "pending",
        "not_due",
        date(2023, 6, 5),
    )
    assert part.admitted_from == tehran("2023-06-08T00:00")  # three days after the due date's midnight


@pytest.mark.clause("B06")
def test_what_the_market_registered_and_serves_nothing_from_is_idle(market, settings):
    settings.REGISTRANTS = ["cafebazaar.ir", "cafebazaar.cloud"]
    declare(["79.175.132.0/25", "92.114.17.0/26"])
    idle = {one.prefix: (one.ranges, one.addresses) for one in drift.board(tehran("2023-03-01T12:00")).idle}
    assert idle["92.114.17.0/25"] == (("92.114.17.64/26",), 64)
    assert "79.175.132.0/25" not in idle
    # All that stood then, 326 addresses and an app developer's one under the market's name, but those two edges.
    assert sum(addresses for _, addresses in idle.values()) == 327 - 128 - 64


def test_a_lane_tells_the_story_of_a_range_at_a_glance(market, settings):
    settings.REGISTRANTS = ["cafebazaar.ir", "cafebazaar.cloud"]
    declare(["185.143.232.229/32"])
    lanes = {
        lane.prefix: lane for lane in edges.lanes(None, tehran("2023-03-01T00:00"), tehran("2023-07-01T00:00"), NOW)
    }
    told = lanes["185.143.232.229/32"]
    assert [(span.state, span.starts_at, span.ends_at) for span in told.registry] == [
        ("unregistered", tehran("2023-03-01T00:00"), tehran("2023-05-06T00:00")),
        ("unknown", tehran("2023-05-06T00:00"), tehran("2023-05-12T00:00")),
        ("pending", tehran("2023-05-12T00:00"), tehran("2023-06-05T00:00")),
        ("registered", tehran("2023-06-05T00:00"), tehran("2023-07-01T00:00")),
    ]
    assert [(span.state, span.starts_at, span.ends_at) for span in told.serves] == [
        ("served", tehran("2023-03-01T00:00"), tehran("2023-07-01T00:00"))
    ]
    assert (lanes["79.175.132.0/25"].cdn, lanes["79.175.132.0/25"].serves) == ("", ())


ARVAN = {  # on the day of each list: prefixes, and how many of them hold an address that can never be eligible
    "2021-01-11": (44, 27),
    "2023-02-13": (23, 4),
    "2023-10-28": (16, 2),
    "2024-05-25": (15, 1),
    "2025-07-05": (10, 1),
}


@pytest.mark.clause("B04")
def test_the_lists_of_arvancloud_are_served_as_they_were_seen_and_foreign_points_are_never_eligible():
    data = (DATA / "cdn_edges_arvancloud.csv").read_bytes()
    done = actions.take_file(data=data, by=None, now=NOW)
    assert (done.form, done.lines, done.superseded) == ("observations", 108, 0)
    for day, (count, never) in ARVAN.items():
        board = drift.board(tehran(f"{day}T12:00"))
        assert len(board.edges) == count
        assert sum(edge.ineligible > 0 for edge in board.edges) == never
    # The day before a list the one before it still holds.
    assert len(edges.served(tehran("2023-02-12T23:59"))) == 44
    assert edges.served(tehran("2021-01-10T23:59")) == []
    foreign = {edge.prefix for edge in drift.board(tehran("2021-01-11T12:00")).edges if edge.ineligible}
    assert {"89.187.169.88/29", "195.181.173.128/29", "217.138.193.128/29"} <= foreign
    assert actions.take_file(data=data, by=None, now=NOW).added == 0


@pytest.mark.clause("B06")
def test_a_private_range_in_a_networks_own_list_is_never_eligible():
    actions.take_file(data=(DATA / "cdn_edges_other_ir.csv").read_bytes(), by=None, now=NOW)
    board = drift.board(tehran("2025-07-05T12:00"))
    derak = next(edge for edge in board.edges if edge.prefix == "192.168.204.48/28")
    assert (derak.cdn, derak.ineligible, derak.parts[0].reason) == ("derakcloud", 16, "private")


@pytest.mark.clause("B06")
def test_a_wide_prefix_shows_how_many_of_its_addresses_are_registered():
    wide = [prefixes.network(text)[0] for text in ("185.143.232.0/22", "185.215.232.0/22", "2.144.3.128/28")]
    known = taking.Known()
    with gzip.open(DATA / "registry_intervals_2023-02_2024-06.csv.gz", "rt", newline="") as file:
        all_rows = [
            row
            for row in csv.DictReader(file)
            if any(prefixes.overlap(prefixes.network(row["ip_network"])[0], network) for network in wide)
        ]
    for day in ("2023-02-10", "2023-02-17", "2023-06-16", "2023-06-23"):
        lines = [
            registry.line(
                row["ip_network"],
                name="",
                ip=row["ip_as_entered"],
                update=row["update_date_jalali"],
                due=row["due_date_jalali"],
            )
            for row in all_rows
            if row["first_seen"] <= day <= row["last_seen"]
        ]
        registry.take(registry.listing(day, *lines), known=known)
    declare([str(network) for network in wide], since="2023-02-01")
    before = {edge.prefix: edge for edge in drift.board(tehran("2023-02-17T12:00")).edges}
    after = {edge.prefix: edge for edge in drift.board(tehran("2023-06-23T12:00")).edges}
    assert (before["185.143.232.0/22"].registered, before["185.143.232.0/22"].addresses) == (531, 1024)
    assert (before["185.215.232.0/22"].registered, before["185.215.232.0/22"].addresses) == (0, 1024)
    assert (before["2.144.3.128/28"].registered, after["2.144.3.128/28"].registered) == (0, 16)
