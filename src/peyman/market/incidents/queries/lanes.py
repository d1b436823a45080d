"""How the addresses of an incident stood over time: when they served, and what the registry said of them.

As plain values, so that a published notice keeps the figure as it was.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from peyman.kernel import jalali, prefixes
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.models import Incident, Stretch
from peyman.market.incidents.queries.who_knew import network
from peyman.market.tariff.queries import edges
from peyman.market.tariff.queries.edges import Served, World
from peyman.market.tariff.rules import drift as judging
from peyman.market.tariff.rules.drift import Piece
from peyman.market.tariff.rules.requests import fewest

BEFORE: Final = timedelta(days=45)  # of time that the figure shows before the first stretch
MOST: Final = 400  # pieces; an incident of more is told by its table


@carries_out("B10")
def lanes(incident: Incident, now: datetime) -> dict[str, Any]:
    """Return {"since", "until", "lanes": [{"prefixes", "addresses", "cdns", "serves", "registry"}]}: ranges with one
    story together, times in ISO. Three queries.
    """
    stretches = list(Stretch.objects.filter(incident=incident, superseded_at=None))
    wanted = fewest({network(text) for one in stretches for text in one.edges})
    since = min((one.starts_at for one in stretches), default=incident.opened_at) - BEFORE
    judge = edges.world()
    declared = edges.served_between(since, now)
    found: dict[str, dict[str, Any]] = {}
    pieces = 0
    for one in wanted:
        over = [edge for edge in declared if prefixes.overlap(edge.network, one) is not None]
        for part in prefixes.parts(one, [edge.network for edge in over]):
            serving = [edge for edge in over if prefixes.overlap(edge.network, part) is not None]
            for piece in judge.pieces(part):
                pieces += 1
                if pieces <= MOST:
                    _add(found, judge, piece, serving, since, now)
    return {"since": jalali.iso(since), "until": jalali.iso(now), "pieces": pieces, "lanes": list(found.values())}


def _add(
    found: dict[str, dict[str, Any]],
    judge: World,
    piece: Piece,
    serving: Sequence[Served],
    since: datetime,
    now: datetime,
) -> None:
    serves = [
        [jalali.iso(max(since, edge.valid_from)), jalali.iso(min(now, edge.valid_to or now))]
        for edge in serving
        if edge.valid_from < now
    ]
    registry = _registry(judge, piece, since, now)
    cdns = sorted({edge.cdn for edge in serving})
    story = found.setdefault(
        repr((serves, registry, cdns)),
        {"prefixes": [], "addresses": 0, "cdns": cdns, "serves": serves, "registry": registry},
    )
    story["prefixes"].append(str(piece.network))
    story["addresses"] += piece.network.num_addresses


def _registry(judge: World, piece: Piece, since: datetime, now: datetime) -> list[list[str]]:
    if piece.never:
        return [[judging.INELIGIBLE, jalali.iso(since), jalali.iso(now), ""]]
    if prefixes.translated(piece.network.network_address):
        return [["unknown", jalali.iso(since), jalali.iso(now), ""]]
    rows = judging.own_only(piece.rows, judge.registrants)
    return [
        [
            "unproven" if one.reason in ("before_history", "no_history") else one.state.value,
            jalali.iso(one.starts_at),
            jalali.iso(one.ends_at),
            one.due.isoformat() if one.due else "",
        ]
        for one in judging.timeline(judge.seen, rows, since, now, gap=judge.gap)
    ]
