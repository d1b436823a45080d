"""Whom a change of the terms or a declared period concerns, a batch at a time in order of their keys (D05, D121)."""

from django.db.models import Exists, OuterRef

from peyman.kernel.clauses import carries_out
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.promises.models import Acceptance, ForceMajeure, Promise, PromiseEvent, TermsVersion


@carries_out("D05")
def accepted_earlier(version: TermsVersion, *, after: int, limit: int) -> list[Person]:
    """Return the next people who accepted an earlier version and did not yet say yes to this one. One query."""
    mine = Acceptance.objects.filter(person=OuterRef("pk"))
    explicit = [Acceptance.Kind.SIGN_UP, Acceptance.Kind.ORDER]
    return list(
        people.members(after).filter(
            Exists(mine.filter(version__number__lt=version.number)),
            ~Exists(mine.filter(version=version, kind__in=explicit)),
        )[:limit]
    )


@carries_out("D121")
def moved_by(calendar: int, *, after: int, limit: int) -> list[tuple[Person, list[Promise]]]:
    """Return the next people with open promises that version `calendar` of the calendar moved, with those promises.

    Three queries, whatever the number. Whoever closed the account and still waits for something is among them.
    """
    moved = PromiseEvent.objects.filter(promise=OuterRef("pk"), event="moved", cause=f"calendar:{calendar}")
    open_ = Promise.objects.filter(Exists(moved), state=Promise.State.OPEN)
    behind = open_.filter(person__gt=after).order_by("person_id")
    keys = list(behind.values_list("person_id", flat=True).distinct()[:limit])
    found: dict[int, list[Promise]] = {key: [] for key in keys if key is not None}
    if not found:
        return []
    for promise in open_.filter(person__in=found).order_by("due_at", "pk"):
        if promise.person_id is not None:
            found[promise.person_id].append(promise)
    return [(person, found[person.pk]) for person in Person.objects.filter(pk__in=found).order_by("pk")]


def calendar_of(code: str, *, ended: bool) -> int | None:
    """Return which version of the calendar a period was declared in, or ended in; None where it was not. One query."""
    row = ForceMajeure.objects.filter(code=code).select_related("declared_in", "end__ended_in").first()
    if row is None:
        return None
    if not ended:
        return row.declared_in.number
    end = getattr(row, "end", None)
    return end.ended_in.number if end else None
