"""Many payments at once on their way to being verified, or turned away from it. Set-wise, for the one writer."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField

from peyman.billing.actions.payments import ASKABLE
from peyman.billing.models import Payment
from peyman.billing.rules import payments as rules
from peyman.tables import ByKey, Prepared, change

_held = Prepared(
    lambda tokens: (
        Payment.objects.select_for_update(of=("self",)).select_related("bill").filter(token__in=tokens).order_by("pk")
    )
)


def hold(tokens: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Payment]:
    """Lock the payments of these (gateway, token) in key order, with their bills; for a caller inside a transaction."""
    found = _held(token for _, token in tokens if token)
    named = {(payment.gateway, payment.token or ""): payment for payment in found}
    return {token: named[token] for token in tokens if token in named}  # one bank's token is nothing at the other


@transaction.atomic(savepoint=False)
def begin_verify_many(*, payments: Collection[Payment], now: datetime) -> set[int]:
    """Claim receipts before the bank is told, as `begin_verify`; returns the keys of those that were claimed."""
    until = {pk: now + timedelta(seconds=rules.next_check_seconds(checks)) for pk, checks in _askable(payments)}
    if not until:
        return set()
    check_at = ByKey("pk", until, DateTimeField())
    changed = change(Payment, until, where={"state": ASKABLE}, state=Payment.State.VERIFYING, check_at=check_at)
    if changed == len(until):
        return set(until)
    return set(Payment.objects.filter(pk__in=until, state=Payment.State.VERIFYING).values_list("pk", flat=True))


def _askable(payments: Collection[Payment]) -> list[tuple[int, int]]:
    return [(payment.pk, payment.checks) for payment in payments if payment.state in ASKABLE]


_waiting = Prepared(
    lambda ids: (
        Payment.objects.select_for_update()
        .filter(pk__in=ids, state=Payment.State.PENDING)
        .order_by("pk")
        .values_list("pk")
    )
)


@transaction.atomic(savepoint=False)
def turn_down_many(*, payments: Collection[Payment]) -> set[int]:
    """Never verify these payments: what the bank holds for them goes back (A14). Returns the keys of those of which
    verifying had not begun.
    """
    down = {pk for (pk,) in _waiting(payment.pk for payment in payments)}
    change(Payment, down, state=Payment.State.FAILED, check_at=None, claimed_until=None)
    return down
