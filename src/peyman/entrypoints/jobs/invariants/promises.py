"""Promises and the messages that keep them."""

from datetime import datetime, timedelta

from django.db.models import Q

from peyman.billing.models import Refund
from peyman.entrypoints.jobs.invariants.finding import SWEEP_GRACE, Finding, check
from peyman.messages.models import Message
from peyman.promises import queries as promises
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order, OrderEvent, ProForma


@check("promises_are_open_kept_or_found_broken")
def _promises(now: datetime) -> Finding:
    """No open promise is overdue unseen; kept means in time; broken means its time had passed."""
    found = Finding()
    for promise in Promise.objects.iterator():
        kept, due = promise.kept_at, promise.due_at
        right = {
            Promise.State.OPEN: kept is None and (due + SWEEP_GRACE > now or promise.held_since is not None),
            Promise.State.KEPT: kept is not None and kept <= due,
            Promise.State.BROKEN: promise.broken_at == due and (kept is None or kept >= due),
            Promise.State.WAIVED: kept is None,
        }
        found.look(promise.code, right[Promise.State(promise.state)])
    return found


@check("promises_are_due_when_their_calendar_says")
def _due_times(now: datetime) -> Finding:
    """Each open promise falls due when its start, hours, terms, and the days and pauses of its calendar say."""
    found = Finding()
    for promise in Promise.objects.filter(state=Promise.State.OPEN).select_related("terms", "calendar").iterator():
        due = promises.due_of(promise, promises.reckoning_of(promise.calendar))
        found.look(promise.code, (promise.due_at, promise.held_since) == (due.at, due.held_since))
    return found


@check("everyone_was_told")
def _told(now: datetime) -> Finding:
    """Each order's pro-forma, cart code, shortness and refund has its message, written in the same transaction."""
    found = Finding()
    told = set(Message.objects.exclude(about="").values_list("template", "about"))
    papers = set(ProForma.objects.values_list("order__code", flat=True))
    for code, cart_code in Order.objects.values_list("code", "cart_code").iterator():
        found.look(code, code in papers and ("pro_forma", f"order:{code}") in told)
        if cart_code:
            found.look(code, ("cart_code", f"order:{code}") in told)
    for code in OrderEvent.objects.filter(event="run_short").values_list("order__code", flat=True).iterator():
        found.look(code, ("order_short", f"order:{code}") in told)
    done = Refund.objects.filter(state=Refund.State.DONE).select_related("payment__bill")
    for refund in done.iterator():
        found.look(refund.code, ("refund_done", refund.payment.bill.subject) in told)
    return found


@check("messages_are_sent_dead_or_due")
def _messages(now: datetime) -> Finding:
    """No message is both sent and dead, and none is claimed for ever."""
    found = Finding()
    claimed_long = Q(sent_at=None, dead_at=None, claimed_until__gt=now + timedelta(hours=1))
    wrong = set(
        Message.objects.filter(Q(sent_at__isnull=False, dead_at__isnull=False) | claimed_long).values_list("code")
    )
    found.checked = Message.objects.count()
    found.bad = [code for (code,) in wrong]
    return found
