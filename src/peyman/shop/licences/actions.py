"""Granting and revoking licences, spending them, writing readers down, and shutting them out (D19)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from peyman.kernel import codes
from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import day_start, tehran_day
from peyman.people.models import Person
from peyman.people.rules import waiting
from peyman.shop.licences import queries, rules
from peyman.shop.licences.models import Licence, LicenceUse, ReaderHold, ReaderMinute

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Granted:
    """A licence and its key; the key is empty when the same form had granted it before."""

    licence: Licence
    key: str


@carries_out("D19")
def grant(*, form: rules.LicenceForm, form_key: str, by: Person, now: datetime) -> Granted:
    """Grant a licence. Its key is returned this once and kept nowhere; the same form again grants nothing more."""
    earlier = Licence.objects.filter(form_key=form_key).first()
    if earlier:
        return Granted(earlier, "")
    key = rules.new_key()
    try:
        with transaction.atomic():
            made = Licence.objects.create(
                code=codes.new("LIC"),
                key_hash=rules.key_hash(key),
                form_key=form_key,
                owner=form.owner,
                purpose=form.purpose,
                contact=form.contact,
                per_day=form.per_day,
                valid_until=now + timedelta(days=form.days),
                granted_by=by.code,
                granted_at=now,
            )
    except IntegrityError:  # the same form, a moment ago
        return Granted(Licence.objects.get(form_key=form_key), "")
    log.info("licence.granted", licence=made.code, by=by.code)
    return Granted(made, key)


@carries_out("D19")
def revoke(*, code: str, why: str, by: Person, now: datetime) -> None:
    """End a licence now; doing it again changes nothing. Raises UnknownLicence."""
    row = Licence.objects.filter(code=code).first()
    if row is None:
        raise rules.UnknownLicence
    if Licence.objects.filter(pk=row.pk, revoked_at=None).update(
        revoked_at=now, revoked_by=by.code, revoked_why=why[:200]
    ):
        log.info("licence.revoked", licence=code, by=by.code)


@carries_out("D19")
@transaction.atomic
def spend(*, key: str, goods: int, format: str, mail: str, now: datetime) -> Licence:
    """Let a key take `goods` goods, and write that down; two calls at once never take more than a day's share together.

    Raises LicenceNeeded, LicenceOver, LicenceSpent.
    """
    row = Licence.objects.select_for_update().filter(key_hash=rules.key_hash(key)).first() if key else None
    if row is None:
        raise rules.LicenceNeeded(mail=mail)
    why = rules.over(valid_until=row.valid_until, revoked_at=row.revoked_at, now=now)
    if why:
        raise rules.LicenceOver(why=why, mail=mail)
    day = tehran_day(now)
    used = LicenceUse.objects.filter(licence=row, day=day).aggregate(n=Sum("goods"))["n"] or 0
    if used + goods > row.per_day:
        left = int((day_start(day + timedelta(days=1)) - now).total_seconds())
        raise rules.LicenceSpent(max(left, 1), per_day=row.per_day, wait=waiting(max(left, 1)))
    LicenceUse.objects.create(licence=row, day=day, goods=goods, format=format, at=now)
    return row


# ---- Readers ----

_HEAVIEST = 30  # of a minute


def write_minutes(*, process: str, minutes: Sequence[tuple[int, rules.Sketch]]) -> int:
    """Write down the heaviest readers of minutes that are over: one row each. Returns how many."""
    rows = [
        ReaderMinute(
            process=process,
            minute_at=datetime.fromtimestamp(began, UTC),
            total=sketch.pages,
            readers=[
                [key, count.shown, count.kinds, count.refused]
                for key, count in sketch.heaviest(_HEAVIEST)
                if count.least or count.refused
            ],
        )
        for began, sketch in minutes
    ]
    return len(ReaderMinute.objects.bulk_create(rows, ignore_conflicts=True))


@carries_out("D19")
def shut_out(
    *, reader: queries.Reader, hold: rules.Hold, by: Person, own: Collection[str] = (), now: datetime
) -> ReaderHold:
    """Shut a reader out of the catalogue; each process knows within a minute. Cart, orders and payment stay open.

    Raises rules.OwnReader where the reader is one of `own`, the keys that stand for `by` themselves.
    """
    if reader.key in own:
        raise rules.OwnReader
    made = ReaderHold.objects.create(
        reader=reader.key,
        shown=reader.shown,
        reason=hold.reason,
        by=by.code,
        at=now,
        ends_at=now + timedelta(hours=hold.hours),
    )
    log.info("reader.shut_out", hold=made.pk, hours=hold.hours, by=by.code)
    return made


def lift(*, hold_id: int, by: Person, now: datetime) -> None:
    """Let a reader in again; doing it again changes nothing."""
    if ReaderHold.objects.filter(pk=hold_id, lifted_at=None, ends_at__gt=now).update(lifted_at=now, lifted_by=by.code):
        log.info("reader.let_in", hold=hold_id, by=by.code)


@carries_out("D19")
def forget_readers(*, now: datetime, limit: int = 5000) -> int:
    """Forget who read what more than a day ago, and whom a hold that is over for a day was about (D19, D16)."""
    before = now - rules.KEPT
    old = list(ReaderMinute.objects.filter(minute_at__lt=before).order_by("pk").values_list("pk", flat=True)[:limit])
    gone, _ = ReaderMinute.objects.filter(pk__in=old).delete()
    over = ReaderHold.objects.filter(Q(ends_at__lt=before) | Q(lifted_at__lt=before)).exclude(reader="")
    return gone + over.update(reader="", shown="")
