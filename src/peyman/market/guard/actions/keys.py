"""Keys of tickets, made and destroyed: the next one is published before it signs (clause B03)."""

import os
from datetime import datetime

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.db.models import BooleanField, ExpressionWrapper, Q

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.text import normalise
from peyman.market.guard.models import TicketKey
from peyman.market.guard.rules import keyring, tickets
from peyman.market.guard.rules.keyring import NoSealingSecret, Plan

log = structlog.get_logger()


@carries_out("B03")
def sweep(*, now: datetime) -> int:
    """Make the next key in time and destroy those of which no ticket lives; return how many came or went.

    Workers that do it at once make one key. Raises NoSealingSecret.
    """
    plan = keyring.next_plan(_plans(), now)
    made = plan is not None and _make(plan, by="", now=now) is not None
    return int(made) + destroy(now=now)


def rotate(*, by: str, now: datetime) -> TicketKey:
    """Make a key that signs two days from now, and let the one before sign until then; return it, or the one that
    waits already. Two who ask at once make one. Raises NoSealingSecret.
    """
    plan = keyring.early_plan(_plans(), now)
    made = _make(plan, by=by, now=now) if plan is not None else None
    if made is None:
        return TicketKey.objects.filter(revoked_from=None).order_by("-signs_from", "-number")[0]
    TicketKey.objects.filter(
        number__lt=made.number, signs_from__lte=made.signs_from, signs_until__gt=made.signs_from
    ).update(signs_until=made.signs_from)
    return made


@transaction.atomic
def revoke(*, kid: str, since: datetime, why: str, by: str, now: datetime) -> TicketKey:
    """Let what a key signed from `since` on count for nothing, since somebody else may hold it; and make another.

    Raises Missing, Invalid, NoSealingSecret.
    """
    row = TicketKey.objects.filter(kid=kid).first()
    if row is None:
        raise Missing
    reason = normalise(why)[:300]
    if not reason:
        raise Invalid({"why": "بنویسید چرا این کلید باطل می‌شود."})
    if row.revoked_from is not None and row.revoked_from <= since:
        return row
    until = min(row.signs_until, max(row.signs_from, now.replace(microsecond=0)))
    TicketKey.objects.filter(pk=row.pk).update(revoked_from=since, revoked_why=reason, private="", signs_until=until)
    log.info("ticket_key.revoked", kid=kid, by=by)
    plan = keyring.next_plan(_plans(), now)
    if plan is not None:
        _make(plan, by=by, now=now)
    return TicketKey.objects.get(pk=row.pk)


@carries_out("B03")
def destroy(*, now: datetime) -> int:
    """Destroy what is secret of keys of which no ticket lives, and disclose all of their tag keys."""
    over = TicketKey.objects.filter(destroyed_at=None, signs_until__lte=now - keyring.DESTROYED_AFTER)
    gone = 0
    for row in over:
        gone += TicketKey.objects.filter(pk=row.pk, destroyed_at=None).update(
            private="", chain="", opened=row.chain, destroyed_at=now
        )
        log.info("ticket_key.destroyed", kid=row.kid)
    return gone


def _plans() -> list[Plan]:
    gone = ExpressionWrapper(Q(private="") | Q(revoked_from__isnull=False), output_field=BooleanField())
    rows = TicketKey.objects.annotate(gone=gone).values_list("number", "signs_from", "signs_until", "gone")
    return [Plan(number, signs_from, signs_until, bool(gone)) for number, signs_from, signs_until, gone in rows]


def _make(plan: Plan, *, by: str, now: datetime) -> TicketKey | None:
    """Make the key of a plan; None where somebody else has just made it."""
    _assert_sealing()
    private, chain, naming = Ed25519PrivateKey.generate(), os.urandom(32), os.urandom(32)
    public = private.public_key().public_bytes_raw()
    signs_from, planned = tickets.seconds(plan.signs_from), tickets.seconds(plan.signs_until)
    anchor = tickets.anchor_of(chain, signs_from, planned)
    try:
        with transaction.atomic():
            made = TicketKey.objects.create(
                number=plan.number,
                kid=tickets.key_id(public, anchor, signs_from, planned).hex(),
                public=public.hex(),
                anchor=anchor.hex(),
                private=private.private_bytes_raw().hex(),
                chain=chain.hex(),
                naming=naming.hex(),
                made_at=min(now, plan.signs_from),
                made_by=by,
                signs_from=plan.signs_from,
                signs_planned=plan.signs_until,
                signs_until=plan.signs_until,
            )
    except IntegrityError:
        return None
    log.info("ticket_key.made", kid=made.kid, number=made.number)
    return made


def _assert_sealing() -> None:
    """Raise NoSealingSecret where the columns cannot be sealed."""
    try:
        sealed.keys()
    except (ValueError, ImproperlyConfigured) as fault:
        raise NoSealingSecret from fault
