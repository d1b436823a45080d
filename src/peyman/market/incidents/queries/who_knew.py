"""Who knew when, told by what the tables hold: the registry's rows, drift and alarms, requests, runs, our own steps.

Nothing is remembered for it: each fact is read where it was written down when it happened.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.incidents.models import AuditRun, Incident, Step, Stretch
from peyman.market.incidents.rules import knowing as words
from peyman.market.incidents.rules.knowing import Fact
from peyman.market.tariff.models import Drift, UpdateRequest
from peyman.market.tariff.queries import drift, edges
from peyman.market.tariff.queries.history import Look
from peyman.market.tariff.rules import drift as judging
from peyman.market.tariff.rules.history import Listed

_HARMFUL: Final = ("ineligible", "unregistered", "pending", "unknown")


@carries_out("B10")
def who_knew(incident: Incident, now: datetime) -> list[Fact]:
    """Return the dated facts about the addresses of an incident, in order, with when we had each and what shows it.

    Seven queries, however many addresses, where the history has not moved.
    """
    stretches = list(Stretch.objects.filter(incident=incident, superseded_at=None).order_by("pk"))
    over = Over(network(text) for one in stretches for text in one.edges)
    since = min((one.starts_at for one in stretches), default=incident.opened_at)
    return words.in_order(
        [
            *_served(over, since, now),
            *_rows(over, now),
            *_drifts(over, incident, now),
            *_requests(over, since, now),
            *_runs(incident),
            *_steps(incident),
        ]
    )


def network(text: str) -> Network:
    return prefixes.network(text)[0]


class Over:
    """A set of addresses, as spans of numbers: what meets it is of the incident."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self.networks = sorted(set(networks), key=lambda one: (one.version, int(one.network_address), one.prefixlen))
        self._spans: dict[int, list[tuple[int, int]]] = {4: [], 6: []}
        for one in self.networks:
            self._spans[one.version].append((int(one.network_address), int(one.broadcast_address)))

    def meets(self, text: str) -> bool:
        """Say whether a prefix or a range ("1.2.3.0-1.2.3.9") shares an address with it."""
        first, last = drift.bounds(text)
        return any(a <= int(last) and int(first) <= b for a, b in self._spans[first.version])


def _served(over: Over, since: datetime, now: datetime) -> Iterator[Fact]:
    begun: dict[tuple[datetime, str, datetime], set[str]] = defaultdict(set)
    ended: dict[tuple[datetime, str, datetime], set[str]] = defaultdict(set)
    for edge in edges.served_between(since, now):
        if over.meets(edge.prefix):
            begun[edge.valid_from, edge.cdn, edge.recorded_at].add(edge.prefix)
            if edge.valid_to is not None and edge.valid_to <= now:
                ended[edge.valid_to, edge.cdn, edge.recorded_at].add(edge.prefix)
    for (at, cdn, known_at), found in begun.items():
        yield Fact(at, "served", words.served(cdn, len(found)), _prefixes(found), known_at)
    for (at, cdn, known_at), found in ended.items():
        yield Fact(at, "ended", words.ended(cdn, len(found)), _prefixes(found), known_at)


def _rows(over: Over, now: datetime) -> Iterator[Fact]:
    judge = edges.world()
    looks = judge.view.order.looks
    rows = {row: None for one in over.networks for row in judge.view.covering(one)}
    counted = judging.own_only(list(rows), judge.registrants)
    listed: dict[tuple[int, date | None], list[Listed]] = defaultdict(list)
    dues: dict[date, list[Listed]] = defaultdict(list)
    gone: dict[int, list[Listed]] = defaultdict(list)
    for row in counted:
        listed[row.first, row.due_on].append(row)
        if row.due_on is not None and row.due_on > _day(looks[row.first]) and day_start(row.due_on) <= now:
            dues[row.due_on].append(row)
        if row.absent is not None:
            gone[row.absent].append(row)
    for (first, due_on), found in listed.items():
        look = looks[first]
        text = words.listed(len(found), due_on, first == 0)
        yield Fact(look.seen_at, "listed", text, _evidence(look, found), _first_known(looks, first, found))
    for due_on, found in dues.items():
        yield Fact(day_start(due_on), "due", words.due(len(found)), _networks(found))
    for place, found in gone.items():
        known_at = min(look.known_at for look in looks[place:])
        yield Fact(looks[place].seen_at, "removed", words.removed(len(found)), _evidence(looks[place], found), known_at)


def _drifts(over: Over, incident: Incident, now: datetime) -> Iterator[Fact]:
    rows = Drift.objects.filter(kind__in=_HARMFUL, noticed_at__lte=now).select_related("noticed_in").order_by("pk")
    alarms: dict[datetime, list[Drift]] = defaultdict(list)
    for row in rows:
        if row.code not in incident.drifts and not any(over.meets(text) for text in row.ranges or [row.prefix]):
            continue
        evidence = [("drift", row.code)]
        if row.noticed_in is not None:
            evidence.append(("snapshot", row.noticed_in.code))
        if row.since is not None:
            yield Fact(row.since, "began", words.began(row.prefix, row.kind), (("drift", row.code),), row.noticed_at)
        yield Fact(row.noticed_at, "noticed", words.noticed(row.prefix), tuple(evidence))
        if row.alarmed_at is not None:
            alarms[row.alarmed_at].append(row)
        if row.cleared_at is not None:
            yield Fact(row.cleared_at, "cleared", words.cleared(row.prefix), (("drift", row.code),))
    for at, found in alarms.items():
        people = tuple(dict.fromkeys(code for row in found for code in row.told))
        codes = tuple(("drift", row.code) for row in found)
        yield Fact(at, "alarmed", words.alarmed(len(found), len(people)), codes, people=people)


def _requests(over: Over, since: datetime, now: datetime) -> Iterator[Fact]:
    rows = UpdateRequest.objects.filter(made_at__lte=now).select_related("made_by").order_by("pk")
    for row in rows:
        met = [text for text in row.prefixes if over.meets(text)]
        if not met or (row.closed_at is not None and row.closed_at < since):
            continue
        evidence = (("request", row.code),)
        by = (row.made_by.code,) if row.made_by else ()
        yield Fact(row.made_at, "asked", words.asked(len(row.prefixes)), evidence, people=by)
        if row.sent_on is not None:
            text = words.sent(len(row.prefixes), row.expected_due_on)
            yield Fact(max(row.made_at, day_start(row.sent_on)), "sent", text, evidence)
        if row.listed_at is not None:
            yield Fact(row.listed_at, "seen_listed", words.seen_listed(len(row.prefixes)), evidence)
        if row.closed_at is not None:
            is_due = row.state == UpdateRequest.State.DUE
            yield Fact(row.closed_at, "request_due" if is_due else "dropped", words.request_over(is_due), evidence)


def _runs(incident: Incident) -> Iterator[Fact]:
    of_it = Stretch.objects.filter(incident=incident, run__isnull=False).values("run")
    for run in AuditRun.objects.filter(pk__in=of_it).select_related("made_by").order_by("pk"):
        text = words.audited(run.totals["lines"], run.totals["overcharged"])
        by = (run.made_by.code,) if run.made_by else ()
        yield Fact(run.made_at, "audited", text, (("run", run.code), ("sha256", run.sha256)), people=by)
        if run.recounted_at is not None:
            is_same = run.state == AuditRun.State.RECOUNTED
            yield Fact(run.recounted_at, "recounted", words.recounted(is_same), (("run", run.code),))


def _steps(incident: Incident) -> Iterator[Fact]:
    for step in Step.objects.filter(incident=incident).select_related("by").order_by("number"):
        by = (step.by.code,) if step.by else ()
        evidence = (("step", str(step.number)), ("sha256", step.sha256))
        yield Fact(step.at, step.event, words.stepped(step.event), evidence, people=by)


# ---- Evidence ----


def _day(look: Look) -> date:
    return tehran_day(look.seen_at)


def _first_known(looks: Sequence[Look], first: int, rows: Iterable[Listed]) -> datetime:
    """Return when we knew that rows were there: a later list may have come to us before the first that names them."""
    ends = [len(looks) if row.absent is None else row.absent for row in rows]
    return min(look.known_at for look in looks[first : max(ends)])


def _evidence(look: Look, rows: Sequence[Listed]) -> tuple[tuple[str, str], ...]:
    return (("snapshot", look.code), ("sha256", look.sha256), *_networks(rows))


def _networks(rows: Iterable[Listed]) -> tuple[tuple[str, str], ...]:
    return _prefixes({row.network for row in rows})


def _prefixes(found: Iterable[str]) -> tuple[tuple[str, str], ...]:
    return tuple(("range", text) for text in sorted(found)[:50])
