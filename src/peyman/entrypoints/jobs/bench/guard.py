"""The guard: decisions, lookups, a new history swapped in, and what it adds to a call of the API.

Fifty thousand rows of a registry, six thousand ranges of thirty operators, twenty deliveries of four ranges each; one
edge is a /14 of which the registry holds parts, one is of version 6.
"""

import csv
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from ipaddress import IPv4Address
from pathlib import Path

from django.conf import settings
from django.test import Client

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import init, registry
from peyman.entrypoints.jobs.bench.figures import ROUNDS, Figure
from peyman.entrypoints.jobs.bench.scratch import scratch_database
from peyman.entrypoints.jobs.console import tell
from peyman.kernel import codes, prefixes
from peyman.kernel.worktime import tehran_day
from peyman.market.guard.actions import deliveries
from peyman.market.guard.queries import scene, view
from peyman.market.guard.queries.view import View
from peyman.market.guard.rules.objects import path
from peyman.market.tariff.actions import edges, isps, rates
from peyman.market.tariff.models import Rate, Stay
from peyman.market.tariff.queries import history
from peyman.market.tariff.rules.audit import ALWAYS, Tariff, micros
from peyman.market.tariff.rules.audit_joins import Isp
from peyman.market.tariff.rules.tables import Numbered
from peyman.people.models import Person

ROWS, RANGES, OPERATORS, DELIVERIES, MANY = 50_000, 6_000, 30, 20, 200
ASKED = 200_000
CALLS = 1500
LEAST_DECISIONS, LEAST_LOOKUPS, MOST_SWAP, MOST_ADDED = 300_000, 2_000_000, 10, 20
HEADER = ("name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali")


def bench_guard(rows: int = ROWS, asked: int = ASKED, calls: int = CALLS) -> list[Figure]:
    """Measure each thing some rounds and take the best, since what disturbs only ever slows."""
    kept = settings.DATA_DIR, settings.REGISTRANTS
    with scratch_database(), tempfile.TemporaryDirectory(prefix="peyman-bench-", dir=kept[0]) as folder:
        settings.DATA_DIR, settings.REGISTRANTS = Path(folder), []
        try:
            return _measured(Path(folder), rows, asked, calls)
        finally:
            settings.DATA_DIR, settings.REGISTRANTS = kept


def _measured(folder: Path, rows: int, asked: int, calls: int) -> list[Figure]:
    init.publish_terms()
    now = clock.now()
    chance = random.Random(1402)  # noqa: S311  # the same world in every run
    tell("making a history, operators and deliveries")
    _bring_list(folder / "first", now - timedelta(days=1), rows, chance)
    _bring_list(folder / "second", now, rows, chance)
    customers = _customers(now, chance)
    for number in range(DELIVERIES):
        _deliver(number, now)
    of = view.view(now)
    tell("asking")
    questions = [(f"apps/{chance.randrange(DELIVERIES)}/a.apk", chance.choice(customers)) for _ in range(asked)]
    lit = sum(of.decide(*each, now).allowed for each in questions)
    if lit != asked:
        raise RuntimeError(f"only {lit} of {asked} are lit")
    numbers = [int(IPv4Address(client)) for _, client in questions]
    decisions = asked / _best(lambda: _decided(of, questions, now))
    bare_decisions = asked / _best(lambda: _from_dict(of, questions, now))
    lookups = asked / _best(lambda: _looked_up(of, numbers))
    bare_lookups = asked / _best(lambda: _looked_up_bare(of, numbers))
    tell("swapping")
    swap = _swap(folder / "third", now, of, rows, chance)
    for number in range(DELIVERIES, MANY):
        _deliver(number, now)
    with_more = _swap(folder / "fourth", now, view.view(now), rows, chance)
    tariffs_own = _seconds(lambda: history.View(*history._together(Stay.objects.all(), None))) * 1000
    tell("calling the API")
    few = questions[:20_000]
    deciding = _best(lambda: _through_the_door(few, now)) / len(few) * 1e6
    added, empty = _added(questions, calls, now)
    return [
        Figure("guard: decisions, text in", "decisions/s", decisions, bare_decisions, "a dict of all the answers"),
        Figure("guard: decisions beside the bar", "decisions/s", decisions, LEAST_DECISIONS, "what it must give"),
        Figure("guard: whose customer", "lookups/s", lookups, bare_lookups, "a dict of all the addresses"),
        Figure("guard: lookups beside the bar", "lookups/s", lookups, LEAST_LOOKUPS, "what it must give"),
        Figure(f"guard: new history, {DELIVERIES} deliveries", "ms", swap, MOST_SWAP, "what it may take"),
        Figure(f"guard: new history, {MANY} deliveries", "ms", with_more, swap * MANY / DELIVERIES, "linear"),
        Figure("guard: the tariff's own view of it", "ms", tariffs_own, tariffs_own, "compiled whole, for all"),
        Figure("guard: the part of a call that decides", "us", deciding, MOST_ADDED, "what it may add"),
        Figure("guard: added to a call, with and without", "us", added, MOST_ADDED, "what it may add"),
        Figure("guard: such a call without it", "us", empty, empty, "the door and a fixed answer"),
    ]


# ---- What is measured ----


def _decided(of: View, questions: list[tuple[str, str]], now: datetime) -> None:
    decide = of.decide
    for object_, client in questions:
        decide(object_, client, now)


def _through_the_door(questions: list[tuple[str, str]], now: datetime) -> None:
    """What a call does beyond its empty self: ask whether the view still holds, and decide."""
    for object_, client in questions:
        view.decide(object_, client, now)


def _from_dict(of: View, questions: list[tuple[str, str]], now: datetime) -> None:
    known = {each: of.decide(*each, now) for each in set(questions[:1000])}
    fixed = next(iter(known.values()))
    get = known.get
    for each in questions:
        get(each, fixed)


def _looked_up(of: View, numbers: list[int]) -> None:
    v4 = of.lookup.v4
    for number in numbers:
        v4(number)


def _looked_up_bare(of: View, numbers: list[int]) -> None:
    get = dict.fromkeys(numbers, 5).get
    for number in numbers:
        get(number)


def _swap(folder: Path, now: datetime, of: View, rows: int, chance: random.Random) -> float:
    """Milliseconds from a history that moved, and lies compiled for all, to verdicts that answer: the best of some."""
    _bring_list(folder, now, rows, chance)
    history.view()
    return min(_seconds(lambda: View(scene.read(now, of.scene))) for _ in range(15)) * 1000


def _added(questions: list[tuple[str, str]], calls: int, now: datetime) -> tuple[float, float]:
    """Microseconds that deciding adds to a call through the whole door, and such a call with a fixed verdict.

    Each call is made with it and without it, one after the other, so that what disturbs disturbs both.
    """
    fixed = view.decide(*questions[0], now)
    client = Client()
    taken: dict[bool, list[float]] = {True: [], False: []}
    for object_, address in questions[:calls]:
        for really in (False, True) if len(taken[True]) % 2 else (True, False):
            with _deciding(None if really else lambda *_: fixed):
                begun = time.perf_counter()
                answer = client.get("/api/v1/half-price", {"object": object_}, REMOTE_ADDR=address)
                taken[really].append((time.perf_counter() - begun) * 1e6)
            if answer.status_code != 200:
                raise RuntimeError(f"the API answered {answer.status_code}")
    return (
        max(0.0, statistics.median(taken[True]) - statistics.median(taken[False])),
        statistics.median(taken[False]),
    )


@contextmanager
def _deciding(fixed: Callable[..., object] | None) -> Iterator[None]:
    kept = view.decide
    if fixed is not None:
        view.decide = fixed  # type: ignore[assignment]
    try:
        yield
    finally:
        view.decide = kept


def _best(work: Callable[[], None]) -> float:
    return min(_seconds(work) for _ in range(ROUNDS))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


# ---- The world ----


def _ours(number: int) -> list[str]:
    """The ranges that a delivery serves from: whole, in part of a wide one, and of version 6."""
    return [f"2.{180 + number // 200}.{number % 200}.{part * 64}/28" for part in range(4)]


def _bring_list(folder: Path, at: datetime, rows: int, chance: random.Random) -> None:
    """Bring in a list of the day, a dozen rows of it new."""
    folder.mkdir()
    ours = [prefix for number in range(MANY) for prefix in _ours(number)]
    with (folder / f"{tehran_day(at)}.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(HEADER)
        for prefix in ours:
            writer.writerow(("http://market.ir", prefix, prefix, "1402/01/02", "1402/01/15"))
        for number in range(rows - len(ours)):
            prefix = f"{IPv4Address(0xB9000000 + number * 7)}/32"
            writer.writerow((f"http://host{number % 9000}.ir", prefix, prefix, "1401/01/02", "1401/01/15"))
        for _ in range(12):
            prefix = f"{IPv4Address(0xA0000000 + chance.randrange(1 << 24))}/32"
            writer.writerow(("http://new.ir", prefix, prefix, "1402/01/02", "1402/01/15"))
    files, _ = registry.files_of(folder, None)
    registry.bring_all(files, f"bench-{folder.name}", lambda number, name: None)


def _customers(now: datetime, chance: random.Random) -> list[str]:
    """Bring in ranges of operators, each with a verified rate; return addresses of their customers."""
    rows, clients = [], []
    for number in range(RANGES):
        network = prefixes.network(f"5.{number // 120}.{number % 120 * 2}.0/{chance.choice((23, 24, 24))}")[0]
        rows.append(Isp(network, "", f"operator-{number % OPERATORS:02}", micros(now - timedelta(days=9)), ALWAYS))
        clients += [str(network[chance.randrange(250)]) for _ in range(4)]
    isps.bring_in(rows=[Numbered(line, row) for line, row in enumerate(rows, 2)], source="bench", by=None, now=now)
    priced = [
        Tariff(
            f"operator-{number:02}",
            "mobile",
            "",
            micros(now - timedelta(days=9)),
            ALWAYS,
            Fraction(1000),
            Fraction(1, 2),
            10**6,
            False,
            "bench",
        )
        for number in range(OPERATORS)
    ]
    rates.bring_in(rows=[Numbered(line, row) for line, row in enumerate(priced, 2)], by=None, now=now)
    person = Person.objects.create(
        code=codes.new("PER"), mobile="+989120000000", mobile_confirmed_at=now, role="tariff", created_at=now
    )
    for row in Rate.objects.all():
        rates.verify(rate_id=row.pk, source_seen="bench", reason="bench", by=person, now=now)
    return clients


def _deliver(number: int, now: datetime) -> None:
    since = now - timedelta(days=8)
    for prefix in _ours(number):
        edges.declare(
            cdn=f"cdn-{number}", prefix=prefix, valid_from=since, valid_to=None, source="bench", by=None, now=now
        )
    deliveries.put(
        asked=deliveries.Asked(f"apps-{number}", path(f"/apps/{number}/*"), [f"cdn-{number}"]),
        valid_from=since,
        by=None,
        now=now,
    )
