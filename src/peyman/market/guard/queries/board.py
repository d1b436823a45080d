"""The guard for people: every delivery and operator, lit or dark since when and why; what we believed before."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from peyman.kernel.clauses import carries_out
from peyman.market.guard.models import Delivery, Spell
from peyman.market.guard.queries import scene
from peyman.market.guard.queries.scene import Scene
from peyman.market.tariff.rules.guard import Decision

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Cells:
    """Operators for which a delivery stands alike. `since` is None where nobody can say."""

    operators: tuple[str, ...]
    decision: Decision
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Standing:
    """A delivery in force, how many of its addresses are admitted, and how it stands for each operator."""

    row: Delivery
    addresses: int
    admitted: int
    cells: tuple[Cells, ...]

    @property
    def lit(self) -> int:
        """For how many operators it is lit."""
        return sum(len(one.operators) for one in self.cells if one.decision.allowed)

    @property
    def dark(self) -> int:
        return sum(len(one.operators) for one in self.cells if not one.decision.allowed)


@dataclass(frozen=True, slots=True)
class Board:
    """How all deliveries stand at `at`."""

    at: datetime
    scene: Scene
    standings: tuple[Standing, ...]

    @property
    def lit(self) -> int:
        return sum(one.lit for one in self.standings)

    @property
    def dark(self) -> int:
        return sum(one.dark for one in self.standings)


@carries_out("B02")
def board(now: datetime) -> Board:
    """Return how every delivery stands for every operator. Three queries more than `scene.read`."""
    found = scene.read(now)
    rows = {row.name: row for row in scene.believed().order_by("name", "valid_from") if _holds(row, now)}
    open_ = {(row.delivery, row.operator): row.since for row in Spell.objects.filter(gone_at=None)}
    gone = {
        (delivery, operator): at
        for delivery, operator, at in Spell.objects.exclude(gone_at=None)
        .values_list("delivery", "operator")
        .annotate(at=Max("gone_at"))
    }
    return Board(now, found, tuple(_standing(found, rows[one.name], open_, gone) for one in found.deliveries))


def _standing(
    found: Scene, row: Delivery, open_: dict[tuple[str, str], datetime], gone: dict[tuple[str, str], datetime]
) -> Standing:
    groups: dict[tuple[object, ...], list[str]] = defaultdict(list)
    decisions: dict[tuple[object, ...], tuple[Decision, datetime | None]] = {}
    for operator in found.operators:
        if row.operators and operator not in row.operators:
            continue
        decision = found.decide((row.name,), operator)
        key_of = row.name, operator
        since = _lit_since(found, row, decision, gone.get(key_of)) if decision.allowed else open_.get(key_of)
        key = decision.allowed, decision.evidence.against, since
        groups[key].append(operator)
        decisions.setdefault(key, (decision, since))
    evidence = found.decide((row.name,), "").evidence.addresses
    return Standing(
        row,
        sum(one.addresses for one in evidence),
        sum(one.addresses for one in evidence if one.admitted),
        tuple(
            Cells(tuple(operators), *decisions[key])
            for key, operators in sorted(groups.items(), key=lambda pair: (not pair[0][0], pair[1]))
        ),
    )


def _lit_since(found: Scene, row: Delivery, decision: Decision, gone_at: datetime | None) -> datetime:
    """Return since when nothing has spoken against it, as far as the tables tell."""
    since = [row.valid_from, *(one.since for one in decision.evidence.addresses if one.since)]
    if gone_at is not None:
        since.append(gone_at + found.limits.relight)
    return min(max(since), found.at)


def _holds(row: Delivery, at: datetime) -> bool:
    return row.valid_from <= at and (row.valid_to is None or at < row.valid_to)


def before(many: int = SHOWN) -> list[Delivery]:
    """Return what we believed and do not believe any more, the last to be replaced first: one query."""
    return list(Delivery.objects.filter(superseded_at__isnull=False).order_by("-superseded_at", "-pk")[:many])


def others(now: datetime, many: int = SHOWN) -> list[Delivery]:
    """Return what we believe of other times: deliveries that are over, or have not begun. One query."""
    return [row for row in scene.believed().order_by("-valid_from", "name") if not _holds(row, now)][:many]
