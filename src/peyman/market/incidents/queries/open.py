"""What keeps the half-price message dark: the addresses, operators and times of incidents that are not over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.market.incidents.models import Edition, Incident, Stretch

STANDING: Final = (Incident.State.DETECTED, Incident.State.CONFIRMED, Incident.State.PUBLISHED)


@dataclass(frozen=True, slots=True)
class Open:
    """Addresses at full price since `starts_at`, until before `ends_at`; None: as far as we know still.

    `operators` holds "" where it concerns every one.
    """

    incident: str
    networks: tuple[Network, ...]
    operators: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime | None

    def covers(self, at: datetime) -> bool:
        """Say whether it holds at an instant."""
        return self.starts_at <= at and (self.ends_at is None or at < self.ends_at)


@carries_out("B02")
def open_incidents(now: datetime) -> list[Open]:
    """Return every stretch of an incident that is neither closed nor dismissed, past ones too: one query.

    Whoever asks about `now` looks at those that cover it. A stretch ends where its run showed so and the registry that
    we hold agrees; any other stays open until its incident is closed.
    """
    rows = Stretch.objects.filter(
        superseded_at=None, incident__state__in=STANDING, incident__opened_at__lte=now
    ).select_related("incident")
    return [
        Open(row.incident.code, _networks(row.edges), (row.operator,), row.starts_at, row.ends_at)
        for row in rows.order_by("pk")
    ]


def edition() -> int:
    """Return a number that moves whenever the answer of `open_incidents` may differ: one query."""
    return Edition.objects.order_by("pk").values_list("number", flat=True).first() or 0


def _networks(edges: Sequence[str]) -> tuple[Network, ...]:
    return tuple(prefixes.network(text)[0] for text in edges)
