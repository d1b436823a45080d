"""Whose customer an address is, as we believe or believed it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from peyman.kernel import prefixes
from peyman.kernel.prefixes import Address, Network
from peyman.market.tariff.models import Isp, Tables
from peyman.market.tariff.rules.audit import ALWAYS, micros
from peyman.market.tariff.rules.audit_joins import Isp as Range


@dataclass(frozen=True, slots=True)
class Customer:
    """Clients in `network` are `operator`'s customers in valid_from ≤ t < valid_to (None: open)."""

    pk: int
    prefix: str
    network: Network
    asn: str
    operator: str
    valid_from: datetime
    valid_to: datetime | None
    source: str
    recorded_at: datetime
    superseded_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


def edition() -> int:
    """Return a number that moves with every change of the table. One small query."""
    return Tables.objects.filter(pk=1).values_list("isps", flat=True).first() or 0


def believed(known_at: datetime | None = None) -> list[Customer]:
    """Return every row as we believe it now, or believed it then, in the order of address. One query."""
    return _ordered(_believed(known_at))


def current(at: datetime, known_at: datetime | None = None) -> list[Customer]:
    """Return the rows that are valid at an instant, in the order of address. One query."""
    holds = Q(valid_from__lte=at) & (Q(valid_to=None) | Q(valid_to__gt=at))
    return _ordered(_believed(known_at).filter(holds))


def next_change(at: datetime) -> datetime | None:
    """Return the next instant after `at` at which a row begins or ends by itself. Two queries."""
    rows = _believed(None)
    begins = rows.filter(valid_from__gt=at).order_by("valid_from").values_list("valid_from", flat=True).first()
    ends = rows.filter(valid_to__gt=at).order_by("valid_to").values_list("valid_to", flat=True).first()
    return min((moment for moment in (begins, ends) if moment), default=None)


def story(address: Address) -> list[Customer]:
    """Return every row that holds an address, whenever and also what we believe no more, the narrowest first."""
    rows = Isp.objects.filter(prefix__in=prefixes.supernets(address)).order_by("-valid_from", "-pk")
    found = [_customer(row) for row in rows]
    found.sort(key=lambda one: (one.superseded_at is not None, -one.network.prefixlen))
    return found


def for_audit() -> list[Range]:
    """Return the table as the audit reads its file."""
    return [Range(one.network, one.asn, one.operator, micros(one.valid_from), _end(one.valid_to)) for one in believed()]


def _end(at: datetime | None) -> int:
    return ALWAYS if at is None else micros(at)


def _believed(known_at: datetime | None) -> "QuerySet[Isp]":
    if known_at is None:
        return Isp.objects.filter(superseded_at=None)
    return Isp.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)


def _ordered(rows: "QuerySet[Isp]") -> list[Customer]:
    found = [_customer(row) for row in rows]
    found.sort(
        key=lambda one: (one.network.version, int(one.network.network_address), one.network.prefixlen, one.valid_from)
    )
    return found


def _customer(row: Isp) -> Customer:
    return Customer(
        row.pk,
        row.prefix,
        prefixes.network(row.prefix)[0],
        row.asn,
        row.operator,
        row.valid_from,
        row.valid_to,
        row.source,
        row.recorded_at,
        row.superseded_at,
    )
