"""What the rooms know of our ranges, as the figure of the desk wants it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings

from peyman.gateways.figures import values as drawn
from peyman.gateways.figures.values import Rows, Stretch, Track
from peyman.kernel import prefixes
from peyman.kernel.worktime import DAY, day_start, tehran_day
from peyman.market.tariff.queries import desk, edges, history
from peyman.market.tariff.queries.drift import Record
from peyman.market.tariff.rules import drift
from peyman.market.tariff.rules.history import Answer, Listed, Seen


@dataclass(frozen=True)
class Story:
    """The ranges between two instants, and the rows that made them what they are."""

    tracks: list[Track]
    rows: list[Rows]
    first_look: datetime | None


def registrants() -> list[str]:
    """Return the hosts whose rows are ours; empty where any registrant counts."""
    return list(settings.REGISTRANTS)


def story(since: datetime, until: datetime, now: datetime) -> Story:
    """Read the ranges that served or were registered for us. Costs a fixed number of queries."""
    ours = registrants()
    view = history.view()
    first = view.seen[0] if view.seen else None
    lanes = edges.lanes(ours, since, until, now)
    tracks = [_track(lane, view, first, ours, until, now) for lane in lanes]
    dated = desk.dated_rows(ours, {lane.prefix for lane in lanes})
    rows = [Rows(one.update_on, one.networks, one.due_on, one.is_app) for one in dated]
    return Story(tracks, rows, first.starts_at if first else None)


def beginning(now: datetime) -> datetime:
    """Return when the oldest thing that we know of began: an edge's service, our first look, a row's date."""
    known = [now - 90 * DAY]
    if first := history.ordered().first():
        known.append(first.seen_at)
    known += [one.valid_from for one in desk.oldest_edge()]
    ours = registrants()
    known += [day_start(one.update_on) for one in desk.dated_rows(ours, set())[:1]]
    return min(known) - 10 * DAY


def now_tracks(now: datetime) -> list[Track]:
    """Return the ranges as they are now, for a page that shows another time."""
    return story(now - DAY, now + 60 * DAY, now).tracks


def _track(
    lane: edges.Lane, view: history.View, first: Seen | None, ours: Sequence[str], until: datetime, now: datetime
) -> Track:
    registry: list[Stretch] = []
    for span in lane.registry:
        ends = span.ends_at or until
        if first is not None and span.state == "unknown" and span.reason == "before_history":
            registry += _before_first(lane.prefix, span.starts_at, min(ends, first.starts_at), view, ours)
            if ends <= first.starts_at:
                continue
            span_begins = first.starts_at
        else:
            span_begins = span.starts_at
        state = drawn.GONE if span.reason == "row_removed" else span.state
        registry.append(Stretch(state, span_begins, ends, span.due))
    serves = tuple(Stretch("serves", span.starts_at, span.ends_at or until) for span in lane.serves)
    return Track(
        lane.prefix,
        int(lane.addresses),
        lane.cdn,
        serves,
        tuple(_ahead(registry, until, now)),
        lane.note,
    )


def _before_first(
    prefix: str, since: datetime, until: datetime, view: history.View, ours: Sequence[str]
) -> list[Stretch]:
    """What rows of our first list claim of the time before it, by their own dates; else nothing proves anything."""
    if since >= until:
        return []
    network, _ = prefixes.network(prefix)
    claims = [
        row
        for row in drift.own_only(view.covering(network), ours)
        if row.first == 0 and row.due_on is not None and _covers(row, network)
    ]
    due = min((row.due_on for row in claims if row.due_on is not None), default=None)
    if due is None or day_start(due) >= until:
        return [Stretch(drawn.UNPROVEN, since, until)]
    turn = max(since, day_start(due))
    found = [Stretch(drawn.CLAIMED, turn, until, due)]
    if since < turn:
        found.insert(0, Stretch(drawn.UNPROVEN, since, turn))
    return found


def _covers(row: Listed, network: prefixes.Network) -> bool:
    whole = prefixes.network(row.network)[0]
    return whole.prefixlen <= network.prefixlen and prefixes.overlap(whole, network) is not None


def _ahead(registry: Sequence[Stretch], until: datetime, now: datetime) -> list[Stretch]:
    """Add what is to come if the list stays as it is: a pending range falls due."""
    found = list(registry)
    if not found or found[-1].ends >= until or found[-1].ends < now - DAY:
        return found
    last = found[-1]
    if last.state == drawn.PENDING and last.due and day_start(last.due) > last.ends:
        turn = min(until, day_start(last.due))
        found[-1] = Stretch(last.state, last.begins, turn, last.due)
        if turn < until:
            found.append(Stretch(drawn.REGISTERED, turn, until, last.due))
    elif last.state == drawn.REGISTERED:
        found[-1] = Stretch(last.state, last.begins, until, last.due)
    return found


# ---- Of one address ----


def of_address(address: prefixes.Address, registrant: str, since: datetime, until: datetime) -> Track:
    """Return the story of one address by the rows that count, for a small drawing."""
    view = history.view()
    rows = drift.own_only(view.holding(address), [registrant] if registrant else [])
    stretches = drift.timeline(view.seen, rows, since, until)
    told = tuple(Stretch(one.state, one.starts_at, one.ends_at, one.due) for one in stretches)
    return Track(str(address), 1, "", (), told)


def standing(address: prefixes.Address, registrant: str, at: datetime) -> Answer:
    """Return what the last list says of one address, with dates as of `at`."""
    view = history.view()
    rows = drift.own_only(view.holding(address), [registrant] if registrant else [])
    return drift.standing(view.seen, rows, at)


# ---- Today, and the days before ----


@dataclass(frozen=True)
class Today:
    """How many of the ranges that serve have valid evidence, and the next due date."""

    serving: int
    proven: int
    next_due: date | None

    @property
    def is_whole(self) -> bool:
        return self.serving == self.proven


def today(tracks: Sequence[Track], now: datetime) -> Today:
    """Count the ranges that serve at `now` and are registered; partly registered ones have no whole evidence."""
    serving = [track for track in tracks if _at(track.serves, now) is not None]
    states = [_at(track.registry, now) for track in serving]
    day = tehran_day(now)
    dues = [one.due for track in tracks for one in track.registry if one.state == drawn.PENDING and one.due]
    return Today(
        len(serving),
        sum(one is not None and one.state == drawn.REGISTERED for one in states),
        min((due for due in dues if due > day), default=None),
    )


def _at(stretches: Sequence[Stretch], at: datetime) -> Stretch | None:
    return next((one for one in stretches if one.begins < at <= one.ends), None)


@dataclass(frozen=True)
class DayBar:
    """One day: the addresses in step with the registry, as a bar on the well of those that served."""

    day: date
    served: int
    in_step: int
    permille: int | None
    x: float
    width: float
    y: float
    height: float


SHARE_TOP, SHARE_HEIGHT = 14, 80


def days_of(record: Record) -> list[DayBar]:
    """Draw a record, time from left to right. An address out of step is never invisible: two pixels at least."""
    step = 100 / max(1, len(record.days))
    bars = []
    for n, day in enumerate(record.days):
        height = day.in_step / day.served * SHARE_HEIGHT if day.served else 0.0
        if day.in_step < day.served:
            height = min(height, SHARE_HEIGHT - 2)
        bars.append(
            DayBar(
                day.day,
                day.served,
                day.in_step,
                day.permille,
                round(n * step + step * 0.08, 2),
                round(step * 0.84, 2),
                round(SHARE_TOP + SHARE_HEIGHT - height, 1),
                round(height, 1),
            )
        )
    return bars
