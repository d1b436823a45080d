"""The totals of an answer, and whether every sum of it is what the others say."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.inputs import Inputs
from peyman.gateways.audit import days, engines, money, numbers
from peyman.gateways.audit.days import Judged
from peyman.market.tariff.rules import audit as rules
from peyman.market.tariff.rules.audit import Code, Tariff, Terms


def totals_of(judged: Judged, paid: money.Sums, rejected: Mapping[str, int], asked: Asked) -> dict[str, Any]:
    """Return totals.json: lines by result and reason, bytes, rials between two bounds, estimates of a sample."""
    totals = rules.totals(judged.counts)
    totals["bytes_overcharged"] = paid.sent
    totals["rials_low"], totals["rials_high"] = paid.low, paid.high
    totals["bytes_without_tariff"] = paid.without_tariff
    totals["rejected"] = dict(sorted(rejected.items()))
    if asked.overhead != 1:
        totals["overhead"] = {
            "factor": str(asked.overhead),
            "bytes": rules.rials(paid.sent, asked.overhead - 1),
            "rials_low": None if paid.low is None or paid.bare_low is None else paid.low - paid.bare_low,
            "rials_high": None if paid.high is None or paid.bare_high is None else paid.high - paid.bare_high,
        }
    if asked.sample < 100:
        totals["estimate"] = asdict(rules.estimate(paid.sent, judged.largest, asked.sample))
    return totals


class DoesNotAddUp(RuntimeError):
    """Sums that must be equal are not: a bug of ours, and no answer is written."""


def check(
    totals: dict[str, Any], judged: Judged, intervals: Iterable[Mapping[str, Any]], store: engines.DuckDB
) -> None:
    """Raise DoesNotAddUp unless every sum of the answer is what others of it say."""
    over = judged.counts.get(Code.OVERCHARGED, 0)
    rolled = store.ask("SELECT CAST(sum(lines) AS BIGINT) AS n FROM rolls").column("n")[0].as_py() or 0
    users = store.ask(
        "SELECT CAST(sum(n) AS BIGINT) AS n, CAST(sum(bytes) AS BIGINT) AS bytes FROM overcharged"
    ).to_pylist()
    of = [*intervals]
    for what, one, other in (
        ("lines", totals["lines"], totals["counted"] + sum(totals["not_counted"].values())),
        (
            "counted",
            totals["counted"],
            totals["fine"] + totals["overcharged"] + totals["not_promised"] + sum(totals["unknown"].values()),
        ),
        ("lines rolled up", totals["lines"], rolled),
        ("overcharged lines of users", over, users[0]["n"] or 0),
        ("overcharged bytes of users", totals["bytes_overcharged"], users[0]["bytes"] or 0),
        ("overcharged lines of intervals", over, sum(row["lines"] for row in of)),
        ("overcharged bytes of intervals", totals["bytes_overcharged"], sum(row["bytes"] for row in of)),
    ):
        if one != other:
            raise DoesNotAddUp(f"{what}: {one} and {other}")


def probes(inputs: Inputs, terms: Terms) -> dict[str, Any]:
    """Return how probes stand to the history, and those that speak against it."""
    measured = rules.compared(inputs.register, terms)
    return {
        **Counter(one.says for one in measured),
        "contrary_to_history": [
            {
                "operator": one.probe.operator,
                "edge": str(one.probe.edge),
                "at": money.iso(one.probe.at),
                "factor": str(one.probe.factor),
                "source": one.probe.source,
                "history": one.code.reason,
            }
            for one in measured
            if one.says == "contrary"
        ],
    }


def of_days(judged: Judged, inputs: Inputs, terms: Terms, store: engines.DuckDB) -> dict[str, Any]:
    """Return of each day its lines and hashes of what decides it; by them a later answer says what changed."""
    history = days.marks(store, inputs.register, terms)
    lines = {
        row["day"]: row["n"]
        for row in store.ask("SELECT day, CAST(sum(lines) AS BIGINT) AS n FROM rolls GROUP BY day").to_pylist()
    }
    of: dict[str, list[Tariff]] = defaultdict(list)
    for tariff in inputs.tariffs:
        of[tariff.operator].append(tariff)
    rates = {
        day: [(name, rules.bounds(of[name], numbers.day_of(day))) for name in sorted(of)] for day in sorted(judged.logs)
    }
    return {
        str(numbers.day_of(day)): {
            "lines": lines.get(day, 0),
            "logs": hashlib.sha256(" ".join(judged.logs[day]).encode()).hexdigest(),
            "log_files": len(judged.logs[day]),
            "history": history.get(day, ""),
            "rates": hashlib.sha256(repr(rates[day]).encode()).hexdigest(),
        }
        for day in sorted(judged.logs)
    }
