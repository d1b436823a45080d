"""The real list of 74 weeks, imported, and asked for every row of it at every boundary of its days.

What must come out is counted here from whole lists, by the words of the definition and by nothing of Peyman's rules.
"""

import csv
import gzip
import ipaddress
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from persiantools.jdatetime import JalaliDate

from peyman.entrypoints.jobs import invariants, registry
from peyman.kernel import prefixes
from peyman.market.tariff.models import Snapshot
from peyman.market.tariff.queries import history as queries
from tests.conftest import SHARED

DATA = SHARED / "data" / "tariff"
INTERVALS, SNAPSHOTS = DATA / "registry_intervals_2023-02_2024-06.csv.gz", DATA / "registry_snapshots.csv"
MARKET = DATA / "registry_market_cafebazaar.csv"
HEADER = ["name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali"]
TEHRAN = ZoneInfo("Asia/Tehran")
GAP = 8  # days

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not INTERVALS.exists(), reason="the project's data are not beside the repository"),
]


# ---- The lists, and what they say, counted slowly ----


@dataclass(frozen=True)
class Entry:
    """One row of the data: listed in every snapshot of first ≤ day ≤ last."""

    cells: tuple[str, str, str, str, str]
    first: date
    last: date
    times: int

    @cached_property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The list's own network; where the address as entered is another range, what both share."""
        network = ipaddress.ip_network(self.cells[2], strict=False)
        entered = ipaddress.ip_network(self.cells[1], strict=False)
        return entered if entered.version == network.version and entered.subnet_of(network) else network  # type: ignore[arg-type]

    @property
    def update(self) -> date:
        return jalali(self.cells[3])

    @property
    def due(self) -> date:
        return jalali(self.cells[4])


def jalali(text: str) -> date:
    year, month, day = map(int, text.split("/"))
    return JalaliDate(year, month, day).to_gregorian()


@cache
def entries(file: Path) -> list[Entry]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as source:  # type: ignore[attr-defined]
        return [
            Entry(
                (row.get("name_as_entered", ""), *(row[name] for name in HEADER[1:])),  # type: ignore[arg-type]
                date.fromisoformat(row["first_seen"]),
                date.fromisoformat(row["last_seen"]),
                int(row.get("max_rows", 1)),
            )
            for row in csv.DictReader(source)
        ]


@cache
def days() -> list[date]:
    with SNAPSHOTS.open() as source:
        return [date.fromisoformat(row["snapshot_date"]) for row in csv.DictReader(source)]


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=TEHRAN).astimezone(UTC)


class Lists:
    """The whole lists of all days, and what they say of an address at an instant (tariff.md, 3.2)."""

    def __init__(self, rows: list[Entry]) -> None:
        self.rows, self.days = rows, list(days())
        self.listed = {day: {n for n, row in enumerate(rows) if row.first <= day <= row.last} for day in self.days}
        self._parsed = [(row.network, row.update, row.due) for row in rows]
        self._at: dict[tuple[int, int, int], list[int]] = {}
        for n, (network, _, _) in enumerate(self._parsed):
            shift = network.max_prefixlen - network.prefixlen
            self._at.setdefault((network.version, shift, int(network.network_address) >> shift), []).append(n)
        self._shifts = sorted({(version, shift) for version, shift, _ in self._at})
        self._covering: dict[ipaddress.IPv4Address | ipaddress.IPv6Address, list[int]] = {}

    def write(self, folder: Path) -> None:
        for day in self.days:
            with (folder / f"{day}.csv").open("w", newline="") as out:
                writer = csv.writer(out)
                writer.writerow(HEADER)
                for n in sorted(self.listed[day]):
                    writer.writerows([self.rows[n].cells] * self.rows[n].times)

    def covering(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[int]:
        if address not in self._covering:
            number = int(address)
            self._covering[address] = [
                n
                for version, shift in self._shifts
                if version == address.version
                for n in self._at.get((version, shift, number >> shift), ())
            ]
        return self._covering[address]

    def replaced(self, covering: list[int], day: date) -> set[int]:
        """Rows that on `day` wait for each other: an older one, and the one with later dates that took its place."""
        found = set[int]()
        for new in covering:
            update, due = self._parsed[new][1:]
            if not update <= day < due or self.rows[new].first == self.days[0]:
                continue
            before = self.days[self.days.index(self.rows[new].first) - 1]
            for old in covering:
                if self.rows[old].last == before and self._parsed[old][1] < update and self._parsed[old][2] < due:
                    found |= {old, new}
        return found

    def says(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, at: datetime) -> str:
        covering = self.covering(address)
        day = at.astimezone(TEHRAN).date()
        place = bisect_left(self.days, day)
        if place < len(self.days) and self.days[place] == day:
            always = some = self.listed[day] & set(covering)
        elif place in (0, len(self.days)) or (self.days[place] - self.days[place - 1]).days > GAP:
            return "unknown"
        else:
            before, after = (self.listed[one] & set(covering) for one in self.days[place - 1 : place + 1])
            always, some = before & after, before | after
        waiting = self.replaced(covering, day)
        if any(self._parsed[n][2] <= day for n in always - waiting):
            return "registered"
        if waiting:
            return "unknown"
        if not some:
            return "unregistered"
        if always and all(self._parsed[n][2] > day for n in some):
            return "pending"
        return "unknown"


def boundaries(row: Entry, lists: Lists) -> Iterator[datetime]:
    """Every instant at which something of this row changes, from both sides."""
    day, noon = timedelta(days=1), timedelta(hours=12)
    yield midnight(row.first) + noon
    yield midnight(row.last) + noon
    yield midnight(row.first - day) + noon
    yield midnight(row.last + day) + noon
    after = bisect_left(lists.days, row.last) + 1
    if after < len(lists.days):
        yield midnight(lists.days[after])
        yield midnight(lists.days[after]) + noon
    for change in (midnight(row.due), midnight(row.update)):
        yield change - timedelta(seconds=1)
        yield change
        yield change + timedelta(seconds=1)


def bring_in(folder: Path) -> None:
    files, strangers = registry.files_of(folder, None)
    done = registry.bring_all(files, "bootmortis/ito-gov-mirror", lambda number, name: None)
    assert strangers == []
    held = [(file.path.name, outcome) for file, outcome in done if getattr(outcome, "state", "") != "good"]
    assert held == []


def history_of(rows: list[Entry], folder: Path) -> Lists:
    lists = Lists(rows)
    lists.write(folder)
    bring_in(folder)
    return lists


def stands(address: str, at: str) -> tuple[str, str]:
    """Status and reason at a moment of Tehran's clocks."""
    instant = datetime.fromisoformat(at).replace(tzinfo=TEHRAN).astimezone(UTC)
    answer = queries.status(prefixes.address(address), instant)
    return answer.state, answer.reason


# ---- All of it ----


@pytest.mark.slow
def test_every_row_stands_at_every_boundary_as_the_lists_say(tmp_path, on_postgres):
    rows = entries(INTERVALS)
    if on_postgres:  # the same rules and nearly the same statements: every tenth network is enough
        rows = [row for row in rows if int(row.network.network_address) % 10 == 3]
    lists = history_of(rows, tmp_path)
    assert Snapshot.objects.filter(state="good").count() == 74
    view = queries.view()
    assert view.stays == len({row.cells for row in rows}) == len(rows)
    wrong, asked = [], set[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, datetime]]()
    for row in rows:
        address = row.network.network_address
        asked |= {(address, at) for at in boundaries(row, lists)}
    for address, at in asked:
        expected, answer = lists.says(address, at), view.status(address, at)
        if answer.state != expected:
            wrong.append((str(address), at.isoformat(), expected, answer.state, answer.reason))
    assert wrong == []
    assert len(asked) > 8 * len({row.network for row in rows})
    for address, at in sorted(asked, key=str)[:: len(asked) // 100]:
        assert queries.status(address, at) == view.status(address, at)
    for check in ("registry_stays_do_not_overlap", "registry_snapshots_list_what_they_did", "registry_files_are_kept"):
        found = invariants.CHECKS[check](datetime(2025, 1, 1, tzinfo=UTC))
        assert (found.checked > 0, found.bad) == (True, [])


# ---- Shapes of the data, by name ----

SHAPES = (
    "185.112.32.64/26",
    "109.122.199.160/32",
    "178.216.248.179/32",
    "103.216.61.11/32",
    "176.65.243.179/32",
    "185.112.150.139/32",
    "185.137.26.234/32",
    "103.216.60.154/32",
    "31.47.42.137/32",
)


@pytest.fixture
def shapes(tmp_path):
    """The lists of all days, cut down to some ranges and a hundred others that never change."""
    rows = entries(INTERVALS)
    always = [row for row in rows if row.first == days()[0] and row.last == days()[-1]][:100]
    return history_of([*(row for row in rows if row.cells[2] in SHAPES), *always], tmp_path)


def test_the_list_of_2023_03_03_that_lost_115_keys_is_good_and_each_of_them_is_gone(tmp_path):
    rows = entries(INTERVALS)
    before, after = date(2023, 2, 24), date(2023, 3, 3)
    whole = Lists(rows)
    assert len(whole.listed[before] - whole.listed[after]) == 115
    whole.days = [before, after]
    whole.write(tmp_path)
    bring_in(tmp_path)
    _, change = queries.changes()
    assert (change.look.says_when, change.gone) == ("2023-03-03", 115)
    assert stands("103.216.61.11", "2023-02-24 12:00") == ("pending", "not_due")
    assert stands("109.206.252.100", "2023-02-24 12:00") == ("registered", "registered")
    assert stands("109.206.252.100", "2023-02-26 12:00") == ("unknown", "changed_in_gap")
    assert stands("109.206.252.100", "2023-03-03 00:00") == ("unregistered", "absent")


def test_the_thirteen_days_to_2023_10_06_are_unknown_even_for_what_was_listed_on_both_sides(shapes):
    assert stands("185.112.32.64", "2023-09-23 23:59:59") == ("registered", "registered")
    assert stands("185.112.32.64", "2023-09-24 00:00") == ("unknown", "gap_too_wide")
    assert stands("185.112.32.64", "2023-10-05 23:59:59") == ("unknown", "gap_too_wide")
    assert stands("185.112.32.64", "2023-10-06 00:00") == ("registered", "registered")
    assert stands("176.65.243.179", "2023-09-23 12:00") == ("registered", "registered")
    assert stands("176.65.243.179", "2023-10-06 12:00") == ("unregistered", "absent")
    assert stands("8.8.8.8", "2023-09-30 12:00") == ("unknown", "gap_too_wide")


def test_185_112_32_64_26_registered_anew_is_unknown_from_its_update_date_to_its_due_date(shapes):
    assert stands("185.112.32.100", "2024-01-26 12:00") == ("registered", "registered")
    assert stands("185.112.32.100", "2024-01-30 23:59:59") == ("unknown", "changed_in_gap")
    assert stands("185.112.32.100", "2024-01-31 00:00") == ("unknown", "replaced")
    assert stands("185.112.32.100", "2024-02-02 12:00") == ("unknown", "replaced")
    assert stands("185.112.32.100", "2024-02-03 23:59:59") == ("unknown", "replaced")
    assert stands("185.112.32.100", "2024-02-04 00:00") == ("registered", "registered")


def test_109_122_199_160_was_registered_three_times_and_waited_for_each_due_date(shapes):
    assert stands("109.122.199.160", "2023-07-14 12:00") == ("unregistered", "absent")
    assert stands("109.122.199.160", "2023-07-21 12:00") == ("pending", "not_due")
    assert stands("109.122.199.160", "2023-08-05 23:59:59") == ("pending", "not_due")
    assert stands("109.122.199.160", "2023-08-06 00:00") == ("registered", "registered")
    assert stands("109.122.199.160", "2023-09-01 12:00") == ("unknown", "replaced")
    assert stands("109.122.199.160", "2023-09-06 00:00") == ("registered", "registered")
    assert stands("109.122.199.160", "2024-04-12 12:00") == ("registered", "registered")
    assert stands("109.122.199.160", "2024-04-19 12:00") == ("pending", "not_due")
    assert stands("109.122.199.160", "2024-05-04 00:00") == ("registered", "registered")


def test_178_216_248_179_was_on_one_list_alone_between_two_long_absences(shapes):
    assert stands("178.216.248.179", "2023-11-24 12:00") == ("registered", "registered")
    assert stands("178.216.248.179", "2023-12-01 12:00") == ("unknown", "replaced")
    assert stands("178.216.248.179", "2023-12-06 12:00") == ("unknown", "changed_in_gap")
    assert stands("178.216.248.179", "2023-12-08 00:00") == ("unregistered", "absent")
    assert stands("178.216.248.179", "2024-04-05 12:00") == ("unregistered", "absent")
    assert stands("178.216.248.179", "2024-04-12 12:00") == ("pending", "not_due")
    assert stands("178.216.248.179", "2024-05-04 00:00") == ("registered", "registered")


def test_a_due_date_that_skips_a_month_is_waited_for_as_written(shapes):
    row = next(row for row in entries(INTERVALS) if row.cells[2] == "31.47.42.137/32")
    assert row.cells[3:] == ("1402/10/30", "1402/12/15")  # the next 15th is that of the eleventh month, 2024-02-04
    assert stands("31.47.42.137", "2024-02-04 12:00") == ("pending", "not_due")
    assert stands("31.47.42.137", "2024-03-04 23:59:59") == ("pending", "not_due")
    assert stands("31.47.42.137", "2024-03-05 00:00") == ("registered", "registered")
    answer = queries.status(prefixes.address("31.47.42.137"), midnight(date(2024, 2, 20)))
    assert answer.due == date(2024, 3, 5)
    (listed,) = answer.rows
    assert "due_skips_a_month" in queries.written([listed.row])[listed.row].flags


# ---- The market's own rows ----


@pytest.fixture
def market(tmp_path):
    return history_of(entries(MARKET), tmp_path)


def own(address: str, at: datetime, registrant: str = "cafebazaar.ir") -> tuple[str, str, date | None]:
    answer = queries.status(prefixes.address(address), at, registrant)
    return answer.state, answer.reason, answer.due


@pytest.mark.clause("B05")
def test_the_four_addresses_of_the_network_were_listed_in_may_and_not_due_until_june(market):
    for address in ("185.143.232.229", "185.143.233.229", "185.143.234.229", "185.143.235.229"):
        before, due = midnight(date(2023, 5, 5)), date(2023, 6, 5)
        assert own(address, before) == ("unregistered", "absent", None)
        assert own(address, midnight(date(2023, 5, 9))) == ("unknown", "changed_in_gap", due)
        assert own(address, midnight(date(2023, 5, 12))) == ("pending", "not_due", due)
        assert own(address, midnight(due) - timedelta(seconds=1)) == ("pending", "not_due", due)
        assert own(address, midnight(due)) == ("registered", "registered", due)
        assert own(address, midnight(date(2023, 6, 25)), "arvancloud.ir") == ("unregistered", "absent", None)


@pytest.mark.clause("B10")
def test_the_market_s_own_rows_tell_their_story(market):
    rows = queries.own_rows("cafebazaar.ir")
    told = {(row.first.says_when, row.last.says_when): 0 for row in rows}
    for row in rows:
        told[row.first.says_when, row.last.says_when] += 1
        assert row.absent is None
    with MARKET.open() as source:
        hosts = [row["name_as_entered"] for row in csv.DictReader(source)]
    cloud = sum("cafebazaar.cloud" in host for host in hosts)
    assert sum(told.values()) == len(hosts) - cloud
    assert told["2023-05-12", "2024-06-28"] == 4
    assert told["2023-05-05", "2024-06-28"] == 32


def test_every_own_row_stands_at_every_boundary_as_the_lists_say(market):
    for row in market.rows:
        for at in boundaries(row, market):
            address = row.network.network_address
            assert queries.status(address, at).state == market.says(address, at), (str(address), at)
