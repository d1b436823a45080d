"""What the network says of its addresses, taken down: each belief with when we held it, none ever rewritten (B04)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.market.tariff.models import Edge, EdgeList, Watch
from peyman.market.tariff.rules import edges as rules
from peyman.market.tariff.rules.edges import Contents, How, Listing, Span, Subject
from peyman.people.models import Person

log = structlog.get_logger()

BATCH = 500  # keys of one question
LONGEST_FILE = 20_000_000  # bytes


@dataclass(frozen=True)
class Brought:
    """What a file changed. `added` and `superseded` count beliefs; both 0: it said nothing new."""

    form: str
    lines: int
    added: int
    superseded: int
    flags: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # host_bits, mapped → lines


def take_file(
    *,
    data: bytes,
    cdn: str = "",
    source: str = "",
    seen_at: datetime | None = None,
    by: Person | None,
    now: datetime,
) -> Brought:
    """Read a file of edges and bring it in. Raises rules.NoList and rules.BadEdges, with nothing taken."""
    if len(data) > LONGEST_FILE:
        raise rules.NoList(why="بزرگ‌تر از آن است که فهرست نشانی‌های یک شبکه باشد.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise rules.NoList(why="نویسه‌های آن UTF-8 نیست.") from fault
    contents = rules.read(text, rules.Asked(cdn=cdn, source=source, seen_at=seen_at))
    return bring_in(contents=contents, by=by.code if by else "", now=now)


@carries_out("B04")
@transaction.atomic
def bring_in(*, contents: Contents, by: str, now: datetime) -> Brought:
    """Take down what a file says. The same again changes nothing; what it says anew supersedes, and nothing is erased.

    A subject that is declared again has the spans of this file and no others. A full list counts at its instant, in
    whatever order lists are brought. Two imports at once wait for each other.
    """
    lock()
    if contents.form is rules.Form.SPANS:
        cdns = {subject.cdn for subject in contents.spans}
        believed = {
            subject: rows for subject, rows in _believed(How.DECLARED, cdns).items() if subject in contents.spans
        }
        added, superseded = _replace(How.DECLARED, believed, contents.spans, by, now)
    elif contents.form is rules.Form.SAMPLES:
        added, superseded = _sampled(contents, by, now)
    else:
        added, superseded = _listed(contents.listings, by, now)
    if added or superseded:
        Watch.objects.update(edges=F("edges") + 1)
        log.info("edges.brought", form=contents.form.value, added=added, superseded=superseded)
    return Brought(contents.form.value, contents.lines, added, superseded, contents.flags)


@carries_out("B04")
@transaction.atomic
def declare(
    *,
    cdn: str,
    prefix: str,
    valid_from: datetime,
    valid_to: datetime | None,
    source: str,
    by: Person | None,
    now: datetime,
) -> Edge:
    """Declare one span of one prefix, besides those that its source declared before; overlapping ones become one.

    Raises Invalid.
    """
    fields = {}
    network = None
    try:
        network, _ = prefixes.network(prefix)
    except prefixes.BadAddress as fault:
        fields["prefix"] = fault.says
    if network is not None and not network.prefixlen:
        fields["prefix"] = "همه نشانی‌های جهان محدوده یک شبکه نیست."
    cdn, source = cdn.strip().lower(), source.strip()
    if not 0 < len(cdn) <= 60:
        fields["cdn"] = "نام شبکه توزیع را بنویسید؛ تا ۶۰ نویسه."
    if not 0 < len(source) <= 200:
        fields["source"] = "بنویسید این را از کجا می‌دانیم؛ تا ۲۰۰ نویسه."
    if valid_to is not None and valid_to <= valid_from:
        fields["valid_to"] = "پایان باید پس از آغاز باشد."
    if fields or network is None:
        raise Invalid(fields)
    lock()
    subject = Subject(cdn, str(network), source)
    believed = {key: rows for key, rows in _believed(How.DECLARED, {cdn}).items() if key == subject}
    spans = rules.union([*(_span(row) for row in believed.get(subject, ())), Span(valid_from, valid_to)])
    added, superseded = _replace(How.DECLARED, believed, {subject: spans}, by.code if by else "", now)
    if added or superseded:
        Watch.objects.update(edges=F("edges") + 1)
        log.info("edges.declared", added=added, superseded=superseded)
    rows = Edge.objects.filter(superseded_at=None, how=How.DECLARED, cdn=cdn, prefix=str(network), source=source)
    return rows.filter(valid_from__lte=valid_from).latest("valid_from")


@carries_out("B04")
@transaction.atomic
def end(*, edge_id: int, valid_to: datetime, by: Person | None, now: datetime) -> Edge:
    """Declare that a belief ends, or ended. The old belief is superseded and stays. Raises Missing, Invalid.

    What a full list says is ended by the next list, not by hand.
    """
    lock()
    edge = Edge.objects.filter(pk=edge_id, superseded_at=None).first()
    if edge is None:
        raise Missing
    if edge.how == How.FEED:
        raise Invalid({"valid_to": "این را فهرست خود شبکه می‌گوید و فهرست بعدی آن را پایان می‌دهد."})
    if valid_to <= edge.valid_from:
        raise Invalid({"valid_to": "پایان باید پس از آغاز باشد."})
    if edge.valid_to == valid_to:
        return edge
    at = max(now, edge.recorded_at)
    Edge.objects.filter(pk=edge.pk, superseded_at=None).update(superseded_at=at)
    made = Edge.objects.create(
        cdn=edge.cdn,
        prefix=edge.prefix,
        valid_from=edge.valid_from,
        valid_to=valid_to,
        source=edge.source,
        how=edge.how,
        recorded_at=at,
        recorded_by=by.code if by else "",
    )
    Watch.objects.update(edges=F("edges") + 1)
    log.info("edges.ended", edge=edge.pk)
    return made


def lock() -> None:
    """Wait until nobody else changes declarations, or looks at them, until the end of the caller's transaction."""
    Watch.objects.get_or_create(pk=1)
    Watch.objects.filter(pk=1).update(edges=F("edges"))


def _listed(listings: Sequence[Listing], by: str, now: datetime) -> tuple[int, int]:
    """Take down full lists, and make the spans of their networks anew out of all lists there are."""
    cdns = {one.cdn for one in listings}
    known: dict[tuple[str, datetime, str], EdgeList] = {
        (row.cdn, row.seen_at, row.source): row for row in EdgeList.objects.filter(superseded_at=None, cdn__in=cdns)
    }
    fresh: list[EdgeList] = []
    for one in listings:
        old = known.get((one.cdn, one.seen_at, one.source))
        if old is not None and old.prefixes == list(one.prefixes):
            continue
        at = now
        if old is not None:
            at = max(now, old.recorded_at)
            EdgeList.objects.filter(pk=old.pk).update(superseded_at=at)
        row = EdgeList(
            cdn=one.cdn,
            seen_at=one.seen_at,
            source=one.source,
            prefixes=list(one.prefixes),
            recorded_at=at,
            recorded_by=by,
        )
        known[one.cdn, one.seen_at, one.source] = row
        fresh.append(row)
    if not fresh:
        return 0, 0
    EdgeList.objects.bulk_create(fresh, batch_size=BATCH)
    wanted: dict[Subject, tuple[Span, ...]] = {}
    for cdn in cdns:
        wanted |= rules.spans_of_lists(
            Listing(row.cdn, row.seen_at, row.source, tuple(row.prefixes)) for row in known.values() if row.cdn == cdn
        )
    return _replace(How.FEED, _believed(How.FEED, cdns), wanted, by, now)


def _sampled(contents: Contents, by: str, now: datetime) -> tuple[int, int]:
    """Lengthen what DNS answers say of an address, under the source by which it was first found."""
    believed = _believed(How.DNS, {one.cdn for one in contents.samples})
    first = {(subject.cdn, subject.prefix): subject for subject in sorted(believed, reverse=True)}
    wanted: dict[Subject, tuple[Span, ...]] = {}
    for subject, spans in rules.spans_of_samples(contents.samples, settings.DNS_SAMPLE_DAYS).items():
        known = first.get((subject.cdn, subject.prefix), subject)
        wanted[known] = rules.union([*(_span(row) for row in believed.get(known, ())), *spans])
    return _replace(How.DNS, {key: rows for key, rows in believed.items() if key in wanted}, wanted, by, now)


def _believed(how: How, cdns: Iterable[str]) -> dict[Subject, list[Edge]]:
    found: dict[Subject, list[Edge]] = defaultdict(list)
    for row in Edge.objects.filter(superseded_at=None, how=how, cdn__in=set(cdns)).order_by("pk"):
        found[Subject(row.cdn, row.prefix, row.source)].append(row)
    return dict(found)


def _replace(
    how: How,
    believed: Mapping[Subject, Sequence[Edge]],
    wanted: Mapping[Subject, Sequence[Span]],
    by: str,
    now: datetime,
) -> tuple[int, int]:
    """Believe `wanted` in place of `believed`; what is in both stays as it is. Returns how many came and went."""
    going = [row for subject, rows in believed.items() for row in rows if _span(row) not in wanted.get(subject, ())]
    staying = {subject: {_span(row) for row in rows} for subject, rows in believed.items()}
    # A belief that a clock set back would have end before it began is superseded in the moment it began.
    at = max([now, *(row.recorded_at for row in going)])
    for start in range(0, len(going), BATCH):
        keys = [row.pk for row in going[start : start + BATCH]]
        Edge.objects.filter(pk__in=keys, superseded_at=None).update(superseded_at=at)
    coming = [
        Edge(
            cdn=subject.cdn,
            prefix=subject.prefix,
            valid_from=span.starts_at,
            valid_to=span.ends_at,
            source=subject.source,
            how=how,
            recorded_at=at,
            recorded_by=by,
        )
        for subject, spans in sorted(wanted.items())
        for span in spans
        if span not in staying.get(subject, set())
    ]
    Edge.objects.bulk_create(coming, batch_size=BATCH)
    return len(coming), len(going)


def _span(row: Edge) -> Span:
    return Span(row.valid_from, row.valid_to)
