"""Telling something to many: a row says how far it came, and batches follow it, whoever is killed when (D05, D121)."""

from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.db.models import F

from peyman.kernel import codes
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import Mailing, Person

log = structlog.get_logger(__name__)


def begin_mailing(
    *,
    kind: str,
    subject: str,
    content: dict[str, Any] | None = None,
    open_until: datetime | None = None,
    by: Person | None = None,
    now: datetime,
) -> tuple[Mailing, bool]:
    """Write down that something is to be told, in the caller's transaction; return its row, and whether it is new.

    `open_until`: who joins before then is told too. A subject that is there already stays as it is.
    """
    known = Mailing.objects.filter(subject=subject).first()
    if known:
        return known, False
    try:
        with transaction.atomic():
            row = Mailing.objects.create(
                code=codes.new("MLG"),
                kind=kind,
                subject=subject,
                content=content or {},
                open_until=open_until,
                by=by,
                began_at=now,
            )
    except IntegrityError:  # another one began it at this moment
        return Mailing.objects.get(subject=subject), False
    log.info("mailing.begun", mailing=row.code, kind=kind, subject=subject)
    return row, True


def take_batch(*, mailing: Mailing, until: int, told: int) -> bool:
    """Move a mailing on to the person with key `until`, in the transaction that queues for those before.

    False when another worker did that, or it was stopped: then nothing is queued here.
    """
    here = Mailing.objects.filter(pk=mailing.pk, after=mailing.after, done_at=None, stopped_at=None)
    if not here.update(after=until, told=F("told") + told):
        return False
    mailing.after, mailing.told = until, mailing.told + told
    return True


def finish_mailing(*, mailing: Mailing, now: datetime) -> None:
    """Write down that everybody was reached."""
    if Mailing.objects.filter(pk=mailing.pk, after=mailing.after, done_at=None, stopped_at=None).update(done_at=now):
        log.info("mailing.done", mailing=mailing.code, told=mailing.told)


def stop_mailing(*, code: str, by: Person, now: datetime) -> None:
    """Stop a mailing: nobody else is queued. Raises Missing, rules.MailingOver."""
    if not Mailing.objects.filter(code=code).exists():
        raise Missing
    if not Mailing.objects.filter(code=code, done_at=None, stopped_at=None).update(stopped_at=now):
        raise rules.MailingOver
    log.info("mailing.stopped", mailing=code, by=by.code)
