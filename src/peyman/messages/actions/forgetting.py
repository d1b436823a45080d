"""Address and words leave what was sent, when their time is over or their reader asked for it (D16)."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from peyman.kernel.clauses import carries_out
from peyman.messages import queries
from peyman.messages.models import Message


@carries_out("D16")
def forget(*, person_id: int, addresses: Sequence[str]) -> int:
    """Take address and words out of what was sent to a person, also before we knew them, by `addresses` as stored.

    That it was sent, and when, stays. What still waits is left to its worker, and to `forget_stragglers` after that.
    """
    return _forget(queries.to_person(person_id, addresses))


@carries_out("D16")
def forget_stragglers() -> int:
    """Forget what left only after its reader was erased; part of each tick. One query."""
    return _forget(Message.objects.filter(person__erasure__done_at__isnull=False))


@carries_out("D16")
def forget_older(*, before: datetime, limit: int) -> int:
    """Take address and words out of the next messages that were written before an instant; return how many."""
    old = Message.objects.filter(created_at__lt=before, to_hash__isnull=False).exclude(sent_at=None, dead_at=None)
    return _forget(Message.objects.filter(pk__in=list(old.order_by("pk").values_list("pk", flat=True)[:limit])))


def _forget(rows: QuerySet[Message]) -> int:
    ended = rows.filter(to_hash__isnull=False).exclude(sent_at=None, dead_at=None)
    return ended.update(to="", to_hash=None, title="", text="", html="", secret="", opt_out_url="", instead=None)
