"""Whether the addresses of an incident are at half price again, or serve no more, and have stayed so (B17)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from ipaddress import summarize_address_range
from typing import Any, Final

from peyman.kernel import jalali, prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.market.incidents.models import Incident, Stretch
from peyman.market.incidents.queries.who_knew import network
from peyman.market.incidents.rules.steps import HOLD, Range
from peyman.market.tariff.queries import edges
from peyman.market.tariff.queries.edges import Served, World
from peyman.market.tariff.rules import drift as judging
from peyman.market.tariff.rules.drift import Piece, range_text
from peyman.market.tariff.rules.history import State
from peyman.market.tariff.rules.requests import fewest

_MOMENT: Final = timedelta(microseconds=1)
_NEVER: Final = "ineligible"
WORDS: Final = {
    "registered": "ثبت است و موعدش رسیده",
    "idle": "دیگر فایل نمی‌دهد",
    "recent": "هنوز یک هفته از برطرف‌شدن آن نگذشته",
    "unregistered": "فایل می‌دهد و در فهرست ملی نیست",
    "pending": "فایل می‌دهد و موعدش نرسیده",
    "unknown": "فایل می‌دهد و نمی‌دانیم ثبت است یا نه",
    _NEVER: "فایل می‌دهد و هرگز ثبت نمی‌شود",
    "undeclared": "در شبکه اعلام‌شده ما نیست؛ پایان خدمت آن را اعلام کنید",
}


@carries_out("B17")
def ranges(incident: Incident, now: datetime) -> list[Range]:
    """Return how each range of an incident stands, neighbours with one answer together: three queries.

    A range is mended where, through the whole hold before `now`, its addresses were registered and due whenever an edge
    served from them. What no declaration ever named is not mended: nobody said that it serves no more.
    """
    stretches = Stretch.objects.filter(incident=incident, superseded_at=None)
    wanted = fewest({network(text) for one in stretches for text in one.edges})
    if not wanted:
        return []
    judge = edges.world()
    began = min(one.starts_at for one in stretches)
    declared = edges.served_between(min(began, now - HOLD), now + _MOMENT)
    found: list[Range] = []
    for one in wanted:
        over = [edge for edge in declared if prefixes.overlap(edge.network, one) is not None]
        for part in prefixes.parts(one, [edge.network for edge in over]):
            serving = [edge for edge in over if prefixes.overlap(edge.network, part) is not None]
            found.extend(_judged(judge, part, serving, now))
    return _together(found)


def _judged(judge: World, part: Network, serving: Sequence[Served], now: datetime) -> Iterator[Range]:
    if not serving:
        yield Range(str(part), "undeclared", WORDS["undeclared"], None)
        return
    for piece in judge.pieces(part):
        yield _piece(judge, piece, serving, now)


def _piece(judge: World, piece: Piece, serving: Sequence[Served], now: datetime) -> Range:
    rows = judging.own_only(piece.rows, judge.registrants)
    begins = min(edge.valid_from for edge in serving)
    until = now + _MOMENT
    if begins >= until:
        return _said(piece, "idle", now, {})
    if piece.never or prefixes.translated(piece.network.network_address):
        stretches = [(begins, until, _NEVER if piece.never else "unknown")]
    else:
        told = judging.timeline(judge.seen, rows, begins, until, gap=judge.gap)
        stretches = [(one.starts_at, one.ends_at, one.state.value) for one in told]
    harmful = [
        (min(ends, edge.valid_to or until), state)
        for starts, ends, state in stretches
        if state != State.REGISTERED
        for edge in serving
        if starts < (edge.valid_to or until) and edge.valid_from < ends
    ]
    last, state = max(harmful, default=(begins, ""))
    if last >= until:
        return Range(str(piece.network), state, WORDS[state], None)
    is_serving = any(edge.valid_from <= now and (edge.valid_to is None or now < edge.valid_to) for edge in serving)
    if harmful and now - last < HOLD:
        return Range(str(piece.network), "recent", WORDS["recent"], None)
    look = judge.look(now)
    dues = sorted({row.due_on.isoformat() for row in rows if row.due_on is not None and row.absent is None})
    evidence: dict[str, Any] = {"snapshot": look.code if look else "", "sha256": look.sha256 if look else ""}
    if is_serving:
        evidence["due_on"] = dues
    return _said(piece, "registered" if is_serving else "idle", last, evidence)


def _said(piece: Piece, state: str, since: datetime, evidence: dict[str, Any]) -> Range:
    return Range(str(piece.network), state, WORDS[state], since, evidence)


def _together(found: Sequence[Range]) -> list[Range]:
    """Merge neighbours of one answer."""
    merged: list[Range] = []
    for one in found:
        last = merged[-1] if merged else None
        if last is not None and (last.state, last.since, last.evidence) == (one.state, one.since, one.evidence):
            a, b = _bounds(last.range), _bounds(one.range)
            if a[0].version == b[0].version and int(a[1]) + 1 == int(b[0]):
                merged[-1] = Range(range_text(a[0], b[1]), one.state, one.words, one.since, one.evidence)
                continue
        merged.append(one)
    return merged


def _bounds(text: str) -> tuple[prefixes.Address, prefixes.Address]:
    first, dash, last = text.partition("-")
    if dash:
        return network(first).network_address, network(last).network_address
    whole = network(text)
    return whole.network_address, whole.broadcast_address


def evidence_of(found: Sequence[Range]) -> list[dict[str, Any]]:
    """Return what a step keeps of it."""
    return [
        {
            "range": one.range,
            "state": one.state,
            "since": jalali.iso(one.since) if one.since else None,
            **one.evidence,
        }
        for one in found
    ]


def within(text: str) -> list[Network]:
    """Return the prefixes of a range as drifts and `Range` write it ("1.2.3.0-1.2.3.9")."""
    first, last = _bounds(text)
    return list(summarize_address_range(first, last))
