"""What is kept for a term only goes when the term is over, a batch at a time (D16)."""

from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from peyman.kernel.clauses import carries_out
from peyman.people import rules
from peyman.people.models import Contact, DailySweep, GuardianConfirmation, LostLine, PrivacyAnswer, PrivacyCase


@carries_out("D16")
@transaction.atomic
def forget_older(*, before: datetime, limit: int) -> int:
    """Take names, numbers and words out of what ended before an instant; return how many rows, of each kind at most
    `limit`: contacts that count no longer, guardians, closed reports with their answers, lost lines.
    """
    contacts = Contact.objects.filter(until__lt=before).exclude(value="")
    guardians = GuardianConfirmation.objects.filter(asked_at__lt=before).exclude(mobile_hash=None)
    cases = PrivacyCase.objects.filter(state=rules.CLOSED, closed_at__lt=before).filter(~Q(text="") | ~Q(contact=""))
    lines = LostLine.objects.filter(ended_at__lt=before).exclude(mobile="")
    done = Contact.objects.filter(pk__in=_first(contacts, limit)).update(value="")
    done += GuardianConfirmation.objects.filter(pk__in=_first(guardians, limit)).update(
        name="", mobile="", mobile_hash=None
    )
    closed = _first(cases, limit)
    PrivacyAnswer.objects.filter(case__in=closed).update(text="")
    done += PrivacyCase.objects.filter(pk__in=closed).update(text="", contact="")
    done += LostLine.objects.filter(pk__in=_first(lines, limit)).update(mobile="")
    return done


def _first(rows: "QuerySet[Any]", limit: int) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True)[:limit])


def is_swept(*, name: str, day: date) -> bool:
    """Say whether this daily sweep came to its end on this day already. One query."""
    return DailySweep.objects.filter(name=name, day=day).exists()


def note_swept(*, name: str, day: date) -> None:
    """Write down that a daily sweep came to its end. A repeat is a no-op."""
    try:
        with transaction.atomic():
            DailySweep.objects.update_or_create(name=name, defaults={"day": day})
    except IntegrityError:
        pass  # another worker wrote it at this moment
