"""The registry's memory and the network's addresses: snapshots, stays on the list, edges, drift, requests.

Prefixes are written canonically ("185.143.232.0/22", "2001:db8::/48") and found by equality: an address has one
candidate prefix for each length. Days are Tehran's.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Snapshot(models.Model):
    """One answer of the registry, kept as a file. A good one extends the history, any other says why it does not.

    One that is dated without a time (`whole_day`) holds for that Tehran day and `seen_at` is its beginning; any other
    holds for its instant. The order of good ones is that of what they are (`queries.history.ordered`), never that in
    which they came. What came and when we knew of it is never changed (B10), and a good one stays good.
    """

    class State(models.TextChoices):
        GOOD = "good"
        QUARANTINED = "quarantined"  # has rows, and a person or a fetch that agrees may release it
        UNREADABLE = "unreadable"  # no list at all: never released

    code = models.CharField(max_length=32, unique=True)
    source = models.CharField(max_length=60)  # who fetched it: "registry", the name of a mirror
    seen_at = models.DateTimeField()
    whole_day = models.BooleanField()
    taken_at = models.DateTimeField()  # when it came to us: from then on we knew (B10)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()  # bytes
    kind = models.CharField(max_length=8)  # csv, xlsx, html, json
    file = models.CharField(max_length=120)  # below PEYMAN_DATA
    rows = models.PositiveIntegerField()  # as listed, duplicates counted
    listed = models.PositiveIntegerField(default=0)  # distinct rows
    digest = models.CharField(max_length=32, blank=True)  # of a good one: the sum of its rows' keys, modulo 2¹²⁸
    networks = models.PositiveIntegerField()  # distinct
    flags = models.JSONField(default=dict)  # irregularity → how many rows
    state = models.CharField(max_length=12, choices=State.choices)
    reasons = models.JSONField(default=list)  # [{"code": …, "detail": Persian sentence}], of what is not good
    released_at = models.DateTimeField(null=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="released_snapshots"
    )
    agrees_with = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="released")
    note = models.CharField(max_length=300, blank=True)  # why a person released it

    change_refused = " OR ".join(
        [
            *(
                f"OLD.{column} <> NEW.{column}"
                for column in ("code", "source", "seen_at", "whole_day", "taken_at", "sha256", "file", "rows")
            ),
            "(OLD.state <> 'quarantined' AND OLD.state <> NEW.state)",
            "(OLD.digest <> '' AND OLD.digest <> NEW.digest)",
            "(OLD.released_at IS NOT NULL AND (NEW.released_at IS NULL OR OLD.released_at <> NEW.released_at))",
        ]
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "seen_at", "whole_day", "sha256"], name="snapshot_taken_once"),
            models.CheckConstraint(
                name="snapshot_state_is_known", condition=Q(state__in=["good", "quarantined", "unreadable"])
            ),
            models.CheckConstraint(
                name="good_snapshot_has_rows", condition=~Q(state="good") | Q(rows__gt=0, networks__gt=0)
            ),
        ]
        indexes = [
            models.Index(fields=["seen_at", "id"], condition=Q(state="good"), name="snapshot_good"),
            models.Index(fields=["taken_at"], name="snapshot_taken"),
        ]


class Row(models.Model):
    """One row as the registry wrote it, once, however many snapshots list it. `key`: digest of its five cells."""

    append_only = True

    key = models.CharField(max_length=32, unique=True)
    name_as_entered = models.CharField(max_length=500, blank=True)
    ip_as_entered = models.CharField(max_length=100, blank=True)
    network_as_entered = models.CharField(max_length=100, blank=True)
    update_as_entered = models.CharField(max_length=40, blank=True)
    due_as_entered = models.CharField(max_length=40, blank=True)
    host = models.CharField(max_length=255, blank=True)  # the registrant; blank where the name gives none
    host_path = models.CharField(max_length=256, blank=True)  # "ir.cafebazaar.": found by its start
    network = models.CharField(max_length=50)  # blank where none can be read: such a row counts for nothing
    update_on = models.DateField(null=True)
    due_on = models.DateField(null=True)  # null: never counts as due
    flags = models.JSONField(default=list)  # what is irregular about it

    class Meta:
        indexes = [
            models.Index(fields=["network"], name="row_network"),
            models.Index(fields=["host_path"], name="row_host_path"),
        ]


class Stay(models.Model):
    """A row's stay on the list: in every good snapshot from `first` on, and not in `absent` any more (null: still).

    A snapshot that is brought later may only tell more: that a stay began or ended earlier than the others showed. So
    its end, once written, is never taken away.
    """

    row = models.ForeignKey(Row, on_delete=models.PROTECT, related_name="stays")
    first = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="stays_begun")
    absent = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="stays_ended")

    change_refused = "OLD.row_id <> NEW.row_id OR (OLD.absent_id IS NOT NULL AND NEW.absent_id IS NULL)"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["row", "first"], name="stay_begins_once"),
            models.UniqueConstraint(fields=["row"], condition=Q(absent=None), name="row_stays_once_at_a_time"),
            models.CheckConstraint(name="stay_is_not_empty", condition=Q(absent=None) | ~Q(absent=F("first"))),
        ]


class Edition(models.Model):
    """How often the history was extended: one row, locked by whoever extends it, so that they do it one by one."""

    number = models.PositiveBigIntegerField()


class Fetch(models.Model):
    """One attempt at the registry's address, as it ended: the health of our watch (B05)."""

    append_only = True

    at = models.DateTimeField()
    url = models.CharField(max_length=300)  # without credentials and query
    outcome = models.CharField(max_length=20)  # taken, same, quarantined, unreadable, timeout, refused, too_big, …
    detail = models.CharField(max_length=300, blank=True)
    seconds = models.FloatField()
    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="fetches")

    class Meta:
        indexes = [models.Index(fields=["at"], name="fetch_at")]


class RegistryWatch(models.Model):
    """Where the watch of the registry stands: one row."""

    busy_until = models.DateTimeField(null=True)  # a worker fetches; killed, it has let go by then
    etag = models.CharField(max_length=200, blank=True)  # of what came last: asked with, so that it need not come again
    modified = models.CharField(max_length=60, blank=True)
    file = models.CharField(max_length=120, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    told_of = models.PositiveBigIntegerField(default=0)  # key of the last fetch that staff were told of, if need was
    told_old_of = models.PositiveBigIntegerField(null=True)  # key of the last good list they were told is old; 0: none


class AuditWatch(models.Model):
    """Where the daily audit stands: one row."""

    busy_until = models.DateTimeField(null=True)  # a worker audits; killed, it has let go by then
    tried_at = models.DateTimeField(null=True)  # when an audit began last
    done_at = models.DateTimeField(null=True)  # when one that was finished began last
    fault = models.TextField(blank=True)  # of the last try; blank: it was finished
    told_at = models.DateTimeField(null=True)  # when staff heard of the fault that stands


# ---- The network ----


class EdgeList(models.Model):
    """A full list of a network's prefixes at one instant, as a source gave it; spans of edges are made of these.

    Believed from `recorded_at` until before `superseded_at`, when the source gave another list of the same instant.
    """

    cdn = models.CharField(max_length=60)
    seen_at = models.DateTimeField()
    source = models.CharField(max_length=200)
    prefixes = models.JSONField()  # canonical, each once
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)

    change_refused = (
        "OLD.cdn <> NEW.cdn OR OLD.seen_at <> NEW.seen_at OR OLD.source <> NEW.source "
        "OR OLD.recorded_at <> NEW.recorded_at OR OLD.superseded_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cdn", "seen_at", "source"], condition=Q(superseded_at=None), name="edge_list_believed_once"
            ),
            models.CheckConstraint(
                name="edge_list_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
        ]


class Edge(models.Model):
    """We believed, from `recorded_at` until before `superseded_at`, that `cdn` serves from `prefix` in this span.

    Nothing of it is ever changed but that it is superseded, once.
    """

    cdn = models.CharField(max_length=60)
    prefix = models.CharField(max_length=50)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)  # open
    source = models.CharField(max_length=200)
    how = models.CharField(max_length=12)  # declared, feed, dns, log
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)  # a member of staff, or blank for the command line

    change_refused = (
        "OLD.cdn <> NEW.cdn OR OLD.prefix <> NEW.prefix OR OLD.valid_from <> NEW.valid_from "
        "OR (OLD.valid_to IS NULL) <> (NEW.valid_to IS NULL) OR OLD.valid_to <> NEW.valid_to "
        "OR OLD.source <> NEW.source OR OLD.how <> NEW.how OR OLD.recorded_at <> NEW.recorded_at "
        "OR OLD.superseded_at IS NOT NULL"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="edge_ends_after_it_begins", condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="edge_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
            models.UniqueConstraint(
                fields=["cdn", "prefix", "valid_from", "source", "how"],
                condition=Q(superseded_at=None),
                name="edge_believed_once",
            ),
        ]
        indexes = [models.Index(fields=["prefix"], name="edge_prefix")]


class Drift(models.Model):
    """A range in which registry and edges disagree: first noticed, alarmed once it held, gone once it stayed away.

    `kind`: unregistered (serves, not on the list), pending (serves, not due), unknown (serves, no evidence), ineligible
    (serves, foreign or private, never to be registered), idle (registered for us, serves nothing).
    """

    code = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=16)
    cdn = models.CharField(max_length=60, blank=True)  # blank for idle
    prefix = models.CharField(max_length=50)
    addresses = models.DecimalField(max_digits=40, decimal_places=0)
    ranges = models.JSONField(default=list)  # which ones, when last seen: "1.2.3.0/24", "1.2.3.0-1.2.3.130"
    reason = models.CharField(max_length=40)
    cause = models.CharField(max_length=40, blank=True, default="")  # B17: row_removed, not_listed, not_due, …
    due_on = models.DateField(null=True)  # pending: until then
    since = models.DateTimeField(null=True)  # when it began in truth, as far as the history tells
    noticed_at = models.DateTimeField()  # when we knew (B10)
    noticed_in = models.ForeignKey(Snapshot, on_delete=models.PROTECT, null=True, related_name="drifts")
    last_at = models.DateTimeField()  # last looked at and still there
    alarmed_at = models.DateTimeField(null=True)
    told = models.JSONField(default=list)  # codes of the people who were told then (B10)
    away_since = models.DateTimeField(null=True)  # not seen since, within the hold-down
    cleared_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "cdn", "prefix"], condition=Q(cleared_at=None), name="drift_open_once"
            ),
            models.CheckConstraint(
                name="drift_kind_is_known",
                condition=Q(kind__in=["unregistered", "pending", "unknown", "ineligible", "idle"]),
            ),
        ]
        indexes = [models.Index(fields=["noticed_at"], name="drift_noticed")]


class Watch(models.Model):
    """What the sweep last looked at: one row. While `mark` holds and `next_at` lies ahead there is nothing to do."""

    edges = models.PositiveBigIntegerField(default=0)  # how often declarations changed; locked by whoever changes them
    mark = models.CharField(max_length=120, blank=True)
    looked_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)


class UpdateRequest(models.Model):
    """What the registry was asked to list, followed by a promise until all of it is due (B06)."""

    class State(models.TextChoices):
        DRAFT = "draft"  # the file is made, not handed in yet
        SENT = "sent"
        DUE = "due"  # every range stands in the list and its due date has come
        DROPPED = "dropped"  # with a reason

    code = models.CharField(max_length=32, unique=True)
    registrant = models.CharField(max_length=255)  # the host that asks
    prefixes = models.JSONField()
    file_sha256 = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="update_requests"
    )
    state = models.CharField(max_length=8, choices=State.choices)
    sent_on = models.DateField(null=True)
    expected_due_on = models.DateField(null=True)  # a forecast for people, never a reason to show the message
    listed_at = models.DateTimeField(null=True)  # every range seen in a good snapshot
    closed_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)
    promise = models.CharField(max_length=32, blank=True)  # code of the promise that follows it

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="request_state_is_known", condition=Q(state__in=["draft", "sent", "due", "dropped"])
            )
        ]


# ---- What operators charge, and whose customer an address is ----

_BELIEVED_ONCE = (
    "OR OLD.recorded_at <> NEW.recorded_at OR OLD.recorded_by <> NEW.recorded_by OR OLD.superseded_at IS NOT NULL"
)
_SPAN_CHANGED = (
    "OLD.valid_from <> NEW.valid_from OR (OLD.valid_to IS NULL) <> (NEW.valid_to IS NULL) "
    "OR OLD.valid_to <> NEW.valid_to "
)


class Isp(models.Model):
    """We believed, from `recorded_at` until before `superseded_at`, that clients in `prefix` are `operator`'s customers
    in this span. Nothing of it is ever changed but that it is superseded, once.
    """

    prefix = models.CharField(max_length=50)
    asn = models.CharField(max_length=20, blank=True)
    operator = models.CharField(max_length=60)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)  # open
    source = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)  # a member of staff, or blank for the command line

    change_refused = (
        "OLD.prefix <> NEW.prefix OR OLD.asn <> NEW.asn OR OLD.operator <> NEW.operator OR OLD.source <> NEW.source "
        f"OR {_SPAN_CHANGED}{_BELIEVED_ONCE}"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="isp_ends_after_it_begins", condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="isp_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
            models.UniqueConstraint(
                fields=["prefix", "valid_from"], condition=Q(superseded_at=None), name="isp_believed_once"
            ),
        ]
        indexes = [models.Index(fields=["prefix"], name="isp_prefix")]


class Rate(models.Model):
    """We believed that `operator` charges this in this span. It counts once a person has verified it (`RateCheck`).

    `full` and `factor` are exact: "1250", "0.5", "1/3" (rules.rates.written), never floats.
    """

    operator = models.CharField(max_length=60)
    service_class = models.CharField(max_length=60, blank=True)
    plan = models.CharField(max_length=60, blank=True)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)  # open
    full = models.CharField(max_length=40)  # rials for `unit` bytes at full price
    factor = models.CharField(max_length=40)  # what is billed of it for what stands in the registry
    unit = models.PositiveBigIntegerField()  # bytes
    source = models.CharField(max_length=200)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)

    change_refused = (
        "OLD.operator <> NEW.operator OR OLD.service_class <> NEW.service_class OR OLD.plan <> NEW.plan "
        "OR OLD.full <> NEW.full OR OLD.factor <> NEW.factor OR OLD.unit <> NEW.unit OR OLD.source <> NEW.source "
        f"OR {_SPAN_CHANGED}{_BELIEVED_ONCE}"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="rate_ends_after_it_begins", condition=Q(valid_to=None) | Q(valid_to__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="rate_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
            models.CheckConstraint(name="rate_unit_is_some_bytes", condition=Q(unit__gt=0)),
            models.UniqueConstraint(
                fields=["operator", "service_class", "plan", "valid_from"],
                condition=Q(superseded_at=None),
                name="rate_believed_once",
            ),
        ]
        indexes = [models.Index(fields=["operator"], name="rate_operator")]


class RateCheck(models.Model):
    """A person looked at the source of a rate: from `at` on it is verified, or not any more. The newest one counts."""

    append_only = True

    rate = models.ForeignKey(Rate, on_delete=models.PROTECT, related_name="checks")
    nth = models.PositiveIntegerField()  # of two people at once one looks again
    verified = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="rate_checks")
    at = models.DateTimeField()
    source_seen = models.CharField(max_length=300)  # what was looked at: a page, a bill, a letter
    reason = models.CharField(max_length=300)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rate", "nth"], name="nth_check_once")]


class Probe(models.Model):
    """Somebody measured what `operator` bills of a download from `prefix`: `factor` of the full price, exact text."""

    operator = models.CharField(max_length=60)
    prefix = models.CharField(max_length=50)
    measured_at = models.DateTimeField()
    factor = models.CharField(max_length=40)
    source = models.CharField(max_length=200)  # who measured, by what
    note = models.CharField(max_length=500, blank=True)  # the evidence: balance before and after, file, line
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)
    recorded_by = models.CharField(max_length=32, blank=True)

    change_refused = (
        "OLD.operator <> NEW.operator OR OLD.prefix <> NEW.prefix OR OLD.measured_at <> NEW.measured_at "
        "OR OLD.factor <> NEW.factor OR OLD.source <> NEW.source OR OLD.note <> NEW.note "
        f"{_BELIEVED_ONCE}"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="probe_believed_before_superseded",
                condition=Q(superseded_at=None) | Q(superseded_at__gte=F("recorded_at")),
            ),
            models.UniqueConstraint(
                fields=["operator", "prefix", "measured_at", "source"],
                condition=Q(superseded_at=None),
                name="probe_believed_once",
            ),
        ]


class Tables(models.Model):
    """How often each of these tables changed: one row, locked by whoever changes one of them."""

    isps = models.PositiveBigIntegerField(default=0)
    rates = models.PositiveBigIntegerField(default=0)
    probes = models.PositiveBigIntegerField(default=0)
