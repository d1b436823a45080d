"""Who delivers what from where: each belief with when we held it; a change waits for its addresses (B07)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import F

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise
from peyman.market.guard.models import Delivery, Watch
from peyman.market.guard.queries import scene
from peyman.market.guard.rules import objects
from peyman.market.tariff.queries import drift
from peyman.market.tariff.queries.drift import Check
from peyman.people.models import Person

log = structlog.get_logger()

LONGEST_NAME, LONGEST_WHY = 60, 300
MOST = 500  # networks, prefixes or operators of one delivery


class NotAdmitted(Refused):
    """Some address would serve under the message and may not."""

    code, clause, status = "delivery_not_admitted", "B07", 409
    says = (
        "ثبت نشد، چون از {total} نشانی که این فایل‌ها را می‌دهد {wrong} نشانی پذیرفته نیست؛ نخستین آن‌ها: {first}. "
        "آنچه پیش‌تر ثبت بود سر جای خود است. پس از پذیرفته‌شدن همه دوباره ثبت کنید، یا با دلیل خاموش ثبتش کنید."
    )

    def __init__(self, checks: Sequence[Check]) -> None:
        wrong = [one for one in checks if not one.is_admitted]
        parts = [(view, reason) for one in wrong for view, reason in one.parts if reason != "admitted"]
        super().__init__(
            total=sum(one.addresses for one in checks),
            wrong=sum(one.addresses - one.admitted for one in wrong),
            first=parts[0][0].range if parts else "",
        )
        self.checks = tuple(checks)


class NoAddresses(Refused):
    """It names no address: neither prefixes, nor a network with edges."""

    code, clause, status = "delivery_without_addresses", "B07", 409
    says = (
        "ثبت نشد، چون هیچ نشانی‌ای برای آن اعلام نشده است: شبکه‌ای را نام ببرید که نشانی‌هایش ثبت است، یا بازه‌ها را "
        "بنویسید. آنچه پیش‌تر ثبت بود سر جای خود است."
    )


class WhyMissing(Refused):
    """Whoever keeps a delivery dark says why."""

    code, clause, status = "dark_reason_missing", "B07", 422
    says = "بنویسید چرا خاموش می‌شود (تا ۳۰۰ نویسه)؛ چیزی تغییر نکرد."


@dataclass(frozen=True)
class Asked:
    """A delivery as somebody typed it."""

    name: str
    pattern: str
    cdns: Iterable[str] = ()
    prefixes: Iterable[str] = ()
    operators: Iterable[str] = ()


def gate(row: Delivery, at: datetime) -> list[Check]:
    """Judge every address that a delivery would serve from at an instant; three queries and the history."""
    return drift.check(scene.serving(row, at, scene.declared(at, [row])).networks, at)


@carries_out("B07")
@transaction.atomic
def put(
    *,
    asked: Asked,
    valid_from: datetime,
    valid_to: datetime | None = None,
    dark_because: str = "",
    note: str = "",
    by: Person | None,
    now: datetime,
) -> Delivery:
    """Believe from now on that this is who delivers in valid_from ≤ t < valid_to, in place of what the name meant then.

    Refused while any of its addresses is not admitted, unless it is kept dark for a reason. What is wholly past is
    history and passes. Raises Invalid, rules.objects.BadPattern, NotAdmitted, NoAddresses.
    """
    row = _read(asked, valid_from, valid_to, dark_because, note)
    lock()
    is_past = valid_to is not None and valid_to <= now
    if not row.dark_because and not is_past:
        checks = gate(row, now)
        if not checks:
            raise NoAddresses
        if not all(one.is_admitted for one in checks):
            raise NotAdmitted(checks)
    made = _replace(row, by, now)
    log.info("guard.delivery_put", delivery=row.name, dark=bool(row.dark_because))
    return made


@carries_out("B07")
@transaction.atomic
def darken(*, name: str, why: str, by: Person | None, now: datetime) -> Delivery:
    """Keep a delivery dark from now on, whatever the registry says. Raises Missing, WhyMissing."""
    why = normalise(why)
    if not why or len(why) > LONGEST_WHY:
        raise WhyMissing
    lock()
    row = in_force(name, now)
    if row.dark_because == why:
        return row
    return _replace(_copy(row, now, why), by, now)


@carries_out("B07")
@transaction.atomic
def lighten(*, name: str, by: Person | None, now: datetime) -> Delivery:
    """Let the guard decide again, once all its addresses are admitted; it is not lit before the hold is over (B02).

    Raises Missing, NotAdmitted, NoAddresses.
    """
    lock()
    row = in_force(name, now)
    if not row.dark_because:
        return row
    checks = gate(row, now)
    if not checks:
        raise NoAddresses
    if not all(one.is_admitted for one in checks):
        raise NotAdmitted(checks)
    return _replace(_copy(row, now, ""), by, now)


@carries_out("B07")
@transaction.atomic
def end(*, name: str, valid_to: datetime, by: Person | None, now: datetime) -> Delivery:
    """Believe that a delivery ends, or ended. Raises Missing, Invalid."""
    lock()
    row = in_force(name, now)
    if valid_to <= row.valid_from:
        raise Invalid({"valid_to": "پایان باید پس از آغاز باشد."})
    if row.valid_to == valid_to:
        return row
    made = _copy(row, row.valid_from, row.dark_because)
    made.valid_to = valid_to
    at = _supersede([row], now)
    return _write(made, by, at)


def in_force(name: str, at: datetime) -> Delivery:
    """Return what we believe that a name delivers at an instant. Raises Missing."""
    rows = scene.believed().filter(name=name, valid_from__lte=at).order_by("-valid_from")
    row = rows.first()
    if row is None or (row.valid_to is not None and row.valid_to <= at):
        raise Missing
    return row


def lock() -> None:
    """Wait until nobody else changes deliveries, until the end of the caller's transaction; and tell the views."""
    Watch.objects.get_or_create(pk=1)
    Watch.objects.filter(pk=1).update(edition=F("edition") + 1)


def _read(asked: Asked, valid_from: datetime, valid_to: datetime | None, dark_because: str, note: str) -> Delivery:
    bad: dict[str, str] = {}
    name = normalise(asked.name, digits=True)
    if not 0 < len(name) <= LONGEST_NAME:
        bad["name"] = "نام تحویل را بنویسید؛ تا ۶۰ نویسه."
    cdns = sorted({normalise(one, digits=True).lower() for one in asked.cdns} - {""})
    operators = sorted({normalise(one) for one in asked.operators} - {""})
    ranges: set[str] = set()
    for typed in asked.prefixes:
        if not typed.strip():
            continue
        try:
            network, _ = prefixes.network(typed)
        except prefixes.BadAddress as fault:
            bad["prefixes"] = fault.says
            continue
        if not network.prefixlen:
            bad["prefixes"] = "همه نشانی‌های جهان بازه یک تحویل نیست."
        ranges.add(str(network))
    if not cdns and not ranges and "prefixes" not in bad:
        bad["cdns"] = "شبکه یا بازه‌ای را نام ببرید که فایل‌ها از آن داده می‌شود."
    if max(len(cdns), len(ranges), len(operators)) > MOST:
        bad["prefixes"] = "بیش از ۵۰۰ بازه در یک تحویل نمی‌گنجد؛ آن را چند تحویل کنید."
    if valid_to is not None and valid_to <= valid_from:
        bad["valid_to"] = "پایان باید پس از آغاز باشد."
    why, note = normalise(dark_because), normalise(note)
    for field, text in (("dark_because", why), ("note", note)):
        if len(text) > LONGEST_WHY:
            bad[field] = "این نوشته بلندتر از ۳۰۰ نویسه است؛ کوتاه‌ترش کنید."
    pattern = ""
    try:
        pattern = objects.pattern(asked.pattern)
    except objects.BadPattern as refusal:
        bad["pattern"] = refusal.detail
    if bad:
        raise Invalid(bad)
    return Delivery(
        name=name,
        pattern=pattern,
        cdns=cdns,
        prefixes=sorted(ranges),
        operators=operators,
        dark_because=why,
        valid_from=valid_from,
        valid_to=valid_to,
        note=note,
    )


def _copy(row: Delivery, since: datetime, why: str) -> Delivery:
    return Delivery(
        name=row.name,
        pattern=row.pattern,
        cdns=row.cdns,
        prefixes=row.prefixes,
        operators=row.operators,
        dark_because=why,
        valid_from=max(since, row.valid_from),
        valid_to=row.valid_to,
        note=row.note,
    )


def _replace(row: Delivery, by: Person | None, now: datetime) -> Delivery:
    """Believe `row` in its span; what the name meant before and after that stays."""
    met = [
        old
        for old in scene.believed().filter(name=row.name).order_by("valid_from")
        if (old.valid_to is None or row.valid_from < old.valid_to)
        and (row.valid_to is None or old.valid_from < row.valid_to)
    ]
    if len(met) == 1 and _says(met[0]) == _says(row):
        return met[0]
    at = _supersede(met, now)
    for old in met:
        if old.valid_from < row.valid_from:
            before = _copy(old, old.valid_from, old.dark_because)
            before.valid_to = row.valid_from
            _write(before, by, at)
        if row.valid_to is not None and (old.valid_to is None or row.valid_to < old.valid_to):
            after = _copy(old, row.valid_to, old.dark_because)
            _write(after, by, at)
    return _write(row, by, at)


def _says(row: Delivery) -> tuple[object, ...]:
    return (
        row.pattern,
        row.cdns,
        row.prefixes,
        row.operators,
        row.dark_because,
        row.valid_from,
        row.valid_to,
        row.note,
    )


def _supersede(rows: Iterable[Delivery], now: datetime) -> datetime:
    """Believe these no longer. A belief that a clock set back would have end before it began ends as it began."""
    going = list(rows)
    at = max([now, *(row.recorded_at for row in going)])
    Delivery.objects.filter(pk__in=[row.pk for row in going], superseded_at=None).update(superseded_at=at)
    return at


def _write(row: Delivery, by: Person | None, at: datetime) -> Delivery:
    row.recorded_at, row.recorded_by = at, by.code if by else ""
    row.save(force_insert=True)
    return row
