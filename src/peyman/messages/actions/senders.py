"""The public list of what we write from (D13, D14)."""

from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.messages import rules
from peyman.messages.models import Sender

log = structlog.get_logger(__name__)


@carries_out("D13", "D14")
@transaction.atomic
def announce_settings(senders: Sequence[tuple[str, str, str]], *, now: datetime) -> None:
    """Bring the public list of senders up to date with what this installation is set up to write from.

    `senders`: (kind, address, what for). New ones are announced from now on, and those that an earlier set-up
    announced and this one lacks are ended. One that staff ended stays ended: nothing is sent from it until they
    announce it again. A repeat changes nothing.
    """
    wanted = {
        (kind, rules.sender_address(kind, address)): (address, what_for)
        for kind, address, what_for in senders
        if rules.sender_address(kind, address)
    }
    rows = list(Sender.objects.filter(Q(ends_at=None) | Q(by="settings")).order_by("pk"))
    open_ = {(row.kind, row.address) for row in rows if row.ends_at is None}
    by_staff = {(row.kind, row.address) for row in rows if row.ends_at is not None and row.ended_by != "settings"}
    Sender.objects.bulk_create(
        [
            Sender(kind=kind, address=address, shown=shown, what_for=what_for, starts_at=now, by="settings")
            for (kind, address), (shown, what_for) in wanted.items()
            if (kind, address) not in open_ | by_staff
        ],
        ignore_conflicts=True,  # another worker that starts now
    )
    gone = [
        row.pk for row in rows if row.ends_at is None and row.by == "settings" and (row.kind, row.address) not in wanted
    ]
    if gone:
        Sender.objects.filter(pk__in=gone, ends_at=None).update(ends_at=now, ended_by="settings")


@carries_out("D14")
def announce(*, kind: str, address: str, what_for: str, by: str, now: datetime) -> Sender:
    """Add an address to the public list from now on; the same row when it is there already."""
    stored = rules.sender_address(kind, address)
    if kind not in Sender.Kind.values or not stored:
        raise rules.NoSender
    row, is_new = Sender.objects.get_or_create(
        kind=kind,
        address=stored,
        ends_at=None,
        defaults={"shown": address.strip()[:254], "what_for": what_for.strip()[:120], "starts_at": now, "by": by},
    )
    if is_new:
        log.info("messages.sender_announced", kind=kind, by=by)
    return row


@carries_out("D14")
def withdraw(*, sender_id: int, by: str, now: datetime) -> None:
    """End an address of the public list: from now on nothing is sent from it. Raises Missing; a repeat is a no-op."""
    if not Sender.objects.filter(pk=sender_id).exists():
        raise Missing
    if Sender.objects.filter(pk=sender_id, ends_at=None, starts_at__lte=now).update(ends_at=now, ended_by=by):
        log.info("messages.sender_withdrawn", sender=sender_id, by=by)
