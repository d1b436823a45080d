"""Drift, taken down: noticed at once, alarmed once it held, gone once it stayed away (B06, B10).

A look at everything is made only when something changed since the last one (`queries.drift.is_due`).
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.market.tariff.models import Drift, Watch
from peyman.market.tariff.queries import drift as queries
from peyman.market.tariff.queries.drift import Looked
from peyman.market.tariff.rules import drift as rules
from peyman.market.tariff.rules.drift import Finding

log = structlog.get_logger()

_CHANGING = ("addresses", "ranges", "reason", "due_on", "last_at", "away_since")


@dataclass(frozen=True)
class Noted:
    """What a look changed: codes of drifts."""

    noticed: tuple[str, ...] = ()
    back: tuple[str, ...] = ()  # seen again before they were believed gone
    away: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.noticed) + len(self.back) + len(self.away) + len(self.cleared)


@carries_out("B06", "B10")
@transaction.atomic
def note(*, looked: Looked, now: datetime) -> Noted | None:
    """Take down what a look found; None where somebody else did so since it began, and nothing was written.

    Each disagreement is one row from the moment we knew until it stayed away as long as it has to hold (`queries.drift.
    hold`): one that comes back before that is the same one. What was noticed, and when, is never changed.
    """
    watch = looked.watch
    mine = Watch.objects.filter(pk=watch.pk, mark=watch.mark, looked_at=watch.looked_at, edges=watch.edges)
    if not mine.update(mark=looked.mark, looked_at=now):
        return None
    rows = {(row.kind, row.cdn, row.prefix): row for row in Drift.objects.filter(cleared_at=None).order_by("pk")}
    wanted = {(finding.kind.value, finding.cdn, finding.prefix): finding for finding in looked.findings}
    hold = queries.hold()
    fresh = [_row(finding, looked, now) for key, finding in wanted.items() if key not in rows]
    Drift.objects.bulk_create(fresh, batch_size=500)
    back, away, cleared = [], [], []
    held: list[datetime] = []
    for key, row in rows.items():
        finding = wanted.get(key)
        if finding is not None:
            if row.away_since is not None:
                back.append(row.code)
            _still(row, finding, now)
        elif row.away_since is None:
            row.away_since = now
            away.append(row.code)
            row.save(update_fields=["away_since"])
        elif hold.is_over(row.away_since, queries.snapshots_since(looked.known, row.away_since), now):
            row.cleared_at = now
            cleared.append(row.code)
            row.save(update_fields=["cleared_at"])
    for row in [*rows.values(), *fresh]:
        if row.cleared_at is None and row.away_since is not None:
            held.append(row.away_since + hold.time)
        elif row.cleared_at is None and row.alarmed_at is None and row.kind != rules.Kind.IDLE:
            held.append(max(now, row.noticed_at + hold.time))
    times = [looked.next_at, *held] if looked.next_at else held
    Watch.objects.filter(pk=watch.pk).update(next_at=min(times, default=None))
    done = Noted(tuple(row.code for row in fresh), tuple(back), tuple(away), tuple(cleared))
    if done.count:
        log.warning("drift.noted", noticed=done.noticed, back=done.back, away=done.away, cleared=done.cleared)
    return done


def look_again(*, by: datetime) -> None:
    """Make the next look happen by an instant, if nothing does sooner."""
    Watch.objects.filter(Q(next_at=None) | Q(next_at__gt=by)).update(next_at=by)


@carries_out("B06")
@transaction.atomic
def take_alarms(*, looked: Looked, now: datetime) -> list[Drift]:
    """Take the drifts that staff are to hear of now; they count as told with the caller's transaction.

    Each once, whatever flaps; the gravest first.
    """
    hold = queries.hold()
    order = {kind.value: place for place, kind in enumerate(rules.Kind)}
    waiting = Drift.objects.filter(cleared_at=None, away_since=None, alarmed_at=None).order_by("pk")
    ripe = [
        row
        for row in waiting
        if rules.alarms(row.kind, row.noticed_at, queries.snapshots_since(looked.known, row.noticed_at), now, hold)
    ]
    taken = [row for row in ripe if Drift.objects.filter(pk=row.pk, alarmed_at=None).update(alarmed_at=now)]
    for row in taken:
        row.alarmed_at = now
    return sorted(taken, key=lambda row: (order[row.kind], row.pk))


def told(*, drifts: list[Drift], people: list[str]) -> None:
    """Write down who was told of these (B10)."""
    Drift.objects.filter(pk__in=[row.pk for row in drifts]).update(told=people)


def _row(finding: Finding, looked: Looked, now: datetime) -> Drift:
    return Drift(
        code=codes.new("DRF"),
        kind=finding.kind.value,
        cdn=finding.cdn,
        prefix=finding.prefix,
        addresses=finding.addresses,
        ranges=list(finding.ranges),
        reason=finding.reason,
        cause=finding.cause,
        due_on=finding.due_on,
        since=finding.since,
        noticed_at=now,
        noticed_in_id=looked.look.pk if looked.look else None,
        last_at=now,
    )


def _still(row: Drift, finding: Finding, now: datetime) -> None:
    row.addresses, row.ranges = finding.addresses, list(finding.ranges)
    row.reason, row.due_on = finding.reason, finding.due_on
    row.last_at, row.away_since = now, None
    row.save(update_fields=_CHANGING)
