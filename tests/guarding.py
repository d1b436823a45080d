"""A market that may say "half price", for tests: a list, an edge, an operator with a verified rate, one delivery.

Everything comes through the doors that real things take. What a test changes is what it is about.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from peyman.kernel import prefixes
from peyman.market.guard.actions import deliveries
from peyman.market.guard.models import Delivery
from peyman.market.tariff.actions import edges, isps, probes, rates
from peyman.market.tariff.models import Rate
from peyman.market.tariff.rules.audit import ALWAYS, Tariff, micros
from peyman.market.tariff.rules.audit_joins import Isp
from peyman.market.tariff.rules.probes import Probe
from peyman.market.tariff.rules.tables import Numbered
from tests import make, registry

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)  # Saturday, 10:00 in Tehran
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OURS = "185.143.232.0/30"
CUSTOMER, OTHER, STRANGER = "5.52.1.2", "5.53.33.7", "8.8.8.8"  # of hamrah, of rightel, of nobody
OBJECT = "apps/ir.example/12.apk"


def seen(at: datetime = NOW, *networks: str, due: str = "1403/09/15") -> None:
    """A good list at an instant with these rows of ours (without any: OURS); one of somebody else is always there."""
    lines = [registry.line(one, name="http://market.ir", update="1403/09/01", due=due) for one in networks or (OURS,)]
    other = registry.line("185.143.255.255/32", name="http://other.ir", update="1400/01/01", due="1400/01/15")
    registry.take(registry.listing(at.isoformat(), other, *lines), now=at)


def empty(at: datetime) -> None:
    """A good list without any row of ours."""
    other = registry.line("185.143.255.255/32", name="http://other.ir", update="1400/01/01", due="1400/01/15")
    more = registry.line("185.143.255.254/32", name="http://other.ir", update="1400/01/01", due="1400/01/15")
    registry.take(registry.listing(at.isoformat(), other, more), now=at)


def edge(prefix: str = OURS, cdn: str = "shahr", since: datetime = LONG_AGO, until: datetime | None = None) -> None:
    edges.declare(cdn=cdn, prefix=prefix, valid_from=since, valid_to=until, source="contract", by=None, now=NOW)


def customers(*rows: tuple[str, str], since: datetime = LONG_AGO, until: datetime | None = None) -> None:
    """Prefix and operator, each."""
    read = [
        Isp(prefixes.network(prefix)[0], "", operator, micros(since), micros(until) if until else ALWAYS)
        for prefix, operator in rows
    ]
    isps.bring_in(rows=[Numbered(line, row) for line, row in enumerate(read, 2)], source="test", by=None, now=NOW)


def rate(operator: str = "hamrah", *, verified: bool = True, until: datetime | None = None) -> Rate:
    row = Tariff(
        operator,
        "mobile",
        "",
        micros(LONG_AGO),
        micros(until) if until else ALWAYS,
        Fraction(1000),
        Fraction(1, 2),
        10**6,
        False,
        "tariff page",
    )
    rates.bring_in(rows=[Numbered(2, row)], by=None, now=NOW)
    made = Rate.objects.get(operator=operator, superseded_at=None)
    if verified:
        by = make.person(role="tariff")
        rates.verify(rate_id=made.pk, source_seen="page", reason="it says so", by=by, now=NOW)
    return made


def measured(operator: str, prefix: str, factor: Fraction, at: datetime = NOW) -> None:
    row = Probe(operator, prefixes.network(prefix)[0], micros(at), factor, "our phone")
    probes.bring_in(rows=[Numbered(2, row)], by=None, now=at)


def deliver(
    name: str = "apps",
    pattern: str = "apps/*",
    *,
    cdns: tuple[str, ...] = ("shahr",),
    ranges: tuple[str, ...] = (),
    operators: tuple[str, ...] = (),
    since: datetime = LONG_AGO,
    until: datetime | None = None,
    dark: str = "",
    now: datetime = NOW,
) -> Delivery:
    return deliveries.put(
        asked=deliveries.Asked(name, pattern, cdns, ranges, operators),
        valid_from=since,
        valid_to=until,
        dark_because=dark,
        by=None,
        now=now,
    )


def lit() -> None:
    """All that it takes: OBJECT is half price for CUSTOMER at NOW."""
    seen(NOW - HOUR)
    edge()
    customers(("5.52.0.0/16", "hamrah"), ("5.53.32.0/19", "rightel"))
    rate()
    deliver()
