"""The registry's history: two years of lists imported, asked, and compiled.

The lists are made of a seed, shaped as the real ones: most ranges are single addresses, many bear several names, each
week some rows come, some go for good, some come back, and some have their dates rewritten.
"""

import csv
import io
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from django.conf import settings
from django.db import connection

from peyman.entrypoints.jobs import registry
from peyman.entrypoints.jobs.bench.figures import Figure
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.entrypoints.jobs.console import tell
from peyman.gateways.registry import Unreadable
from peyman.kernel import jalali
from peyman.kernel.prefixes import special
from peyman.market.tariff.models import Snapshot, Stay
from peyman.market.tariff.queries import history

LISTS, ROWS, CHANGES = 112, 50_000, 200_000
QUESTIONS = 50_000
MOST_SECONDS, MOST_MEGABYTES, LEAST_ANSWERS = 120, 1024, 5000  # what it may take, what it must give
HEADER = ("name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali")
FIRST = date(2023, 2, 3)

Cells = tuple[str, str, str, str, str]


def bench_registry(lists: int = LISTS, rows: int = ROWS, changes: int = CHANGES) -> list[Figure]:
    """Measure once: a run takes a minute or two, and is long enough to be its own average."""
    kept = settings.DATA_DIR
    with scratch_database(), tempfile.TemporaryDirectory(prefix="peyman-bench-", dir=kept) as folder:
        settings.DATA_DIR = Path(folder)
        try:
            return _measured(Path(folder), lists, rows, changes)
        finally:
            settings.DATA_DIR = kept


def _measured(folder: Path, lists: int, rows: int, changes: int) -> list[Figure]:
    tell("making the lists")
    days = [FIRST + timedelta(days=7 * week) for week in range(lists)]
    ranges = _written(folder / "lists", days, rows, changes)
    files, _ = registry.files_of(folder / "lists", None)
    tell("the limit: reading and comparing them")
    limit = _seconds(lambda: _bare(files))
    tell("importing them")
    took = _seconds(lambda: _whole(registry.bring_all(files, "bench", lambda number, name: None)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    first = history.ordered()[0]
    held = Stay.objects.exclude(first=first).count() + Stay.objects.exclude(absent=None).count()
    tell("asking")
    text = _questions(ranges, days)
    fetched = _seconds(_fetched)
    built = _seconds(history.view)
    view = history.view()
    answered = io.StringIO()
    asked = _seconds(lambda: registry.answer_all(io.StringIO(text), answered))
    known = [json.loads(line) for line in answered.getvalue().splitlines()]
    looked_up = _seconds(lambda: _looked_up(text, known))
    total = lists * rows
    return [
        Figure("registry: rows imported", "rows/s", total / took, total / limit, "csv and set difference, bare"),
        Figure(f"registry: {lists} lists of {rows:,}", "s", took, MOST_SECONDS, "what it may take"),
        Figure("registry: most memory of the process", "MB", peak, MOST_MEGABYTES, "what it may take"),
        Figure("registry: changes held", "changes", held, changes, "those that were made"),
        Figure(
            "registry: answers, JSON and all", "answers/s", len(known) / asked, len(known) / looked_up, "dict, JSON"
        ),
        Figure("registry: answers beside the bar", "answers/s", len(known) / asked, LEAST_ANSWERS, "what it must give"),
        Figure("registry: history compiled", "stays/s", view.stays / built, view.stays / fetched, "the rows, by hand"),
        Figure(
            "registry: compiled history", "MB", view.size_in_bytes() / 1e6, MOST_MEGABYTES, "what a process may take"
        ),
    ]


# ---- Limits ----


def _bare(files: list[registry.Source]) -> None:
    """Read each list and compare it with the one before: what no import can do without."""
    before = set[tuple[str, ...]]()
    for file in files:
        with file.path.open(encoding="utf-8", newline="") as source:
            there = set(map(tuple, csv.reader(source)))
        there.difference(before)
        before.difference(there)
        before = there


def _fetched() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.row_id, r.network, r.host, r.update_on, r.due_on, s.first_id, s.absent_id "
            "FROM tariff_stay s JOIN tariff_row r ON r.id = s.row_id"
        )
        cursor.fetchall()


def _looked_up(text: str, known: list[dict[str, object]]) -> None:
    """Answer the same questions from a dict of the answers."""
    questions = [tuple(cells) for cells in csv.reader(io.StringIO(text))][1:]
    answers = dict(zip(questions, known, strict=True))
    out = io.StringIO()
    for cells in csv.reader(io.StringIO(text)):
        if found := answers.get(tuple(cells)):
            out.write(json.dumps(found, ensure_ascii=False))


def _whole(done: list[tuple[registry.Source, Snapshot | Unreadable]]) -> None:
    held = [file.path.name for file, outcome in done if not (isinstance(outcome, Snapshot) and outcome.state == "good")]
    if held:
        raise RuntimeError(f"lists were held back: {held[:3]}")


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# ---- Lists and questions ----


def _written(folder: Path, days: list[date], rows: int, changes: int) -> list[str]:
    """Write the lists; return every range that was ever in one."""
    folder.mkdir()
    maker = _Maker(random.Random(20230203))  # noqa: S311  # the same lists in every run
    listed = [maker.new(days[0]) for _ in range(rows)]
    gone = list[Cells]()
    moves = changes // (2 * (len(days) - 1))
    for day in days:
        if day != days[0]:
            listed, gone = maker.moved(listed, gone, day, moves)
        with (folder / f"{day}.csv").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(HEADER)
            writer.writerows(listed)
    return maker.ranges


class _Maker:
    """Makes rows that look like the registry's."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._hosts = [f"http://host{number}.ir" for number in range(12_000)]
        self._made = set[Cells]()
        self.ranges: list[str] = []

    def new(self, day: date, network: str = "") -> Cells:
        """A row that was never there."""
        while True:
            update = day - timedelta(days=self._chance.randrange(1, 7 if self.ranges and network else 1200))
            cells = self._cells(network or self._network(), update)
            if cells not in self._made:
                self._made.add(cells)
                return cells

    def moved(self, listed: list[Cells], gone: list[Cells], day: date, moves: int) -> tuple[list[Cells], list[Cells]]:
        """Take `moves` rows away and let as many come: most new, some back again, some with later dates."""
        self._chance.shuffle(listed)
        left, kept = listed[:moves], listed[moves:]
        back = min(len(gone), moves // 10)
        self._chance.shuffle(gone)
        later = [self.new(day, network=cells[2]) for cells in left[: moves // 7]]
        fresh = [self.new(day) for _ in range(moves - back - len(later))]
        return [*kept, *gone[:back], *later, *fresh], [*gone[back:], *left]

    def _network(self) -> str:
        if self.ranges and self._chance.random() < 0.6:
            return self._chance.choice(self.ranges)  # another name for a range that is there
        bits = self._chance.choice((24, 25, 26, 27, 28, 29, 30, 31, *[32] * 60))
        start = self._chance.randrange(0x05000000, 0xB9000000) >> (32 - bits) << (32 - bits)
        network = f"{IPv4Address(start)}/{bits}"
        if not special(IPv4Network(network)):
            self.ranges.append(network)
        return network

    def _cells(self, network: str, update: date) -> Cells:
        of = jalali.jalali(update)
        year, month = of.year, of.month + (of.day >= 15)
        year, month = (year + 1, 1) if month > 12 else (year, month)
        dates = f"{of.year:04}/{of.month:02}/{of.day:02}", f"{year:04}/{month:02}/15"
        return (self._chance.choice(self._hosts), network, network, *dates)


def _questions(ranges: list[str], days: list[date]) -> str:
    chance = random.Random(1402)  # noqa: S311  # the same questions in every run
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("address", "at", "registrant"))
    for _ in range(QUESTIONS):
        network = IPv4Network(chance.choice(ranges))
        day = chance.choice(days) + timedelta(days=chance.randrange(7))
        clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
        writer.writerow((network[chance.randrange(network.num_addresses)], f"{day}T{clock}", ""))
    return out.getvalue()
