"""What was measured of operators' billing, as we believe or believed it."""

from datetime import datetime
from fractions import Fraction

from django.db.models import Q

from peyman.kernel import prefixes
from peyman.kernel.prefixes import Network
from peyman.market.tariff.models import Probe as Row
from peyman.market.tariff.models import Tables
from peyman.market.tariff.rules import probes as rules
from peyman.market.tariff.rules.audit import Probe as Measured
from peyman.market.tariff.rules.audit import micros
from peyman.market.tariff.rules.probes import Probe


def edition() -> int:
    """Return a number that moves with every change of the table. One small query."""
    return Tables.objects.filter(pk=1).values_list("probes", flat=True).first() or 0


def believed(known_at: datetime | None = None) -> list[Probe]:
    """Return every measurement as we believe it now, or believed it then, in the order of time. One query."""
    return [probe(row) for row in rows(known_at)]


def rows(known_at: datetime | None = None) -> list[Row]:
    """Return the rows of `believed`. One query."""
    found = Row.objects.filter(superseded_at=None)
    if known_at is not None:
        found = Row.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)
    return list(found.order_by("measured_at", "operator", "prefix", "source", "pk"))


def contrary(at: datetime) -> list[tuple[str, Network]]:
    """Return (operator, range) of what was measured as more than half until `at` and still stands (B02). One query."""
    return rules.contrary(believed(), micros(at))


def next_change(at: datetime) -> datetime | None:
    """Return the next instant after `at` at which a measurement begins to count: None but for one dated ahead."""
    return (
        Row.objects.filter(superseded_at=None, measured_at__gt=at)
        .order_by("measured_at")
        .values_list("measured_at", flat=True)
        .first()
    )


def for_audit() -> list[Measured]:
    """Return what was measured of single addresses as the audit reads its file; it asks of an address, not a range."""
    return [
        Measured(one.operator, one.prefix.network_address, one.at, one.factor, one.source)
        for one in believed()
        if one.prefix.num_addresses == 1
    ]


def probe(row: Row) -> Probe:
    """Return a row as the rules take it."""
    return Probe(
        row.operator,
        prefixes.network(row.prefix)[0],
        micros(row.measured_at),
        Fraction(row.factor),
        row.source,
        row.note,
    )
