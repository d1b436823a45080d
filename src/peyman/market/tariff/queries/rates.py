"""What operators charge, as we believe or believed it, and which of it a person has verified."""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from peyman.market.tariff.models import Rate, RateCheck, Tables
from peyman.market.tariff.rules import rates as rules
from peyman.market.tariff.rules.audit import ALWAYS, Tariff, micros


@dataclass(frozen=True, slots=True)
class Charge:
    """One rate: valid in valid_from ≤ t < valid_to (None: open), `full` rials for `unit` bytes, `factor` of it billed.

    `verified`: by a person, and not taken back; then `seen_at` and `seen_by` (a code) say when and by whom.
    """

    pk: int
    operator: str
    service_class: str
    plan: str
    valid_from: datetime
    valid_to: datetime | None
    full: Fraction
    factor: Fraction
    unit: int
    source: str
    verified: bool
    seen_at: datetime | None
    seen_by: str
    recorded_at: datetime
    recorded_by: str
    superseded_at: datetime | None

    def holds(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)

    @property
    def called(self) -> str:
        """Name it as evidence does."""
        return "/".join(filter(None, (self.operator, self.service_class, self.plan)))


def edition() -> int:
    """Return a number that moves with every change of the table, verifications included. One small query."""
    return Tables.objects.filter(pk=1).values_list("rates", flat=True).first() or 0


def believed(known_at: datetime | None = None) -> list[Charge]:
    """Return every rate as we believe it now, or believed it then, by operator and time. One query."""
    rows = Rate.objects.filter(superseded_at=None)
    if known_at is not None:
        rows = Rate.objects.filter(Q(superseded_at=None) | Q(superseded_at__gt=known_at), recorded_at__lte=known_at)
    return _charges(rows, known_at)


def current(at: datetime) -> list[Charge]:
    """Return the rates that are valid at an instant, by operator. One query."""
    return [one for one in believed() if one.holds(at)]


def verified_operators(at: datetime) -> set[str]:
    """Return the operators of whom the message may speak at `at` (B02): rules.rates.verified_operators. One query."""
    return rules.verified_operators(map(weighed, believed()), micros(at))


def weighed(one: Charge) -> rules.Charged:
    """Return a rate as the rule weighs it."""
    return rules.Charged(one.operator, micros(one.valid_from), _end(one.valid_to), one.factor, one.verified)


def next_change(at: datetime) -> datetime | None:
    """Return the next instant after `at` at which a rate begins or ends by itself. One query."""
    moments = [moment for one in believed() for moment in (one.valid_from, one.valid_to) if moment and moment > at]
    return min(moments, default=None)


def ever() -> list[Charge]:
    """Return all that we ever believed, by operator; of what we believe no more, the newest first. One query."""
    found = _charges(Rate.objects.all(), None)
    return sorted(
        found,
        key=lambda one: (
            one.operator,
            one.superseded_at is not None,
            *((0, one.pk) if one.superseded_at is None else (-micros(one.superseded_at), -one.pk)),
        ),
    )


def checks(pks: list[int]) -> dict[int, list[RateCheck]]:
    """Return what people said of rates, the newest first, by rate. One query."""
    found: dict[int, list[RateCheck]] = {}
    for check in RateCheck.objects.filter(rate__in=pks).select_related("by").order_by("-nth"):
        found.setdefault(check.rate_id, []).append(check)
    return found


def for_audit() -> list[Tariff]:
    """Return the table as the audit reads its file."""
    return [as_tariff(one) for one in believed()]


def as_tariff(one: Charge) -> Tariff:
    """Return a rate as a row of the audit's file."""
    return Tariff(
        operator=one.operator,
        service_class=one.service_class,
        plan=one.plan,
        start=micros(one.valid_from),
        end=_end(one.valid_to),
        full=one.full,
        factor=one.factor,
        unit=one.unit,
        verified=one.verified,
        source=one.source,
    )


def _end(at: datetime | None) -> int:
    return ALWAYS if at is None else micros(at)


def _charges(rows: "QuerySet[Rate]", known_at: datetime | None) -> list[Charge]:
    newest = RateCheck.objects.filter(rate=OuterRef("pk")).order_by("-nth")
    if known_at is not None:
        newest = newest.filter(at__lte=known_at)
    told = rows.annotate(
        check_says=Subquery(newest.values("verified")[:1]),
        check_at=Subquery(newest.values("at")[:1]),
        check_by=Subquery(newest.values("by__code")[:1]),
    ).order_by("operator", "service_class", "plan", "valid_from", F("superseded_at").asc(nulls_first=True), "pk")
    return [
        Charge(
            pk=row.pk,
            operator=row.operator,
            service_class=row.service_class,
            plan=row.plan,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            full=Fraction(row.full),
            factor=Fraction(row.factor),
            unit=row.unit,
            source=row.source,
            verified=bool(row.check_says),
            seen_at=row.check_at if row.check_says else None,
            seen_by=(row.check_by or "") if row.check_says else "",
            recorded_at=row.recorded_at,
            recorded_by=row.recorded_by,
            superseded_at=row.superseded_at,
        )
        for row in told
    ]
