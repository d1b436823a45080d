"""Reading terms, the calendar and the ledger of promises.

Versions never change, so what belongs to one is remembered by the process under the version's key.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db.models import Count, Q

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.worktime import WorkCalendar
from peyman.people.models import Person
from peyman.promises import rules
from peyman.promises.models import Acceptance, CalendarVersion, Holiday, Promise, TermsClause, TermsVersion

WEEK = timedelta(days=7)


# ---- Terms ----


@carries_out("D03")
def terms_in_force(now: datetime) -> TermsVersion:
    """Return the one version in force at `now`: the newest that has taken effect. One query.

    Raises TermsVersion.DoesNotExist where none was published yet: a shop without terms sells nothing.
    """
    version = TermsVersion.objects.filter(effective_at__lte=now).order_by("-effective_at", "-number").first()
    if version is None:
        raise TermsVersion.DoesNotExist("no terms are in force; `peyman init` publishes the first version")
    return version


def terms(number: int) -> TermsVersion:
    """Return one version by its number. Raises Missing."""
    version = TermsVersion.objects.filter(number=number).first()
    if version is None:
        raise Missing
    return version


def all_terms() -> list[TermsVersion]:
    """Return every published version, newest first."""
    return list(TermsVersion.objects.order_by("-number"))


def clauses(version: TermsVersion) -> tuple[TermsClause, ...]:
    """Return the clauses of a version in their order; remembered, they never change."""
    return _clauses(version.pk, version.sha256)


def clause_number(version: TermsVersion, clause: str) -> str:
    """Return the published number of a register id in one version: "D57" → "11-4".

    Raises KeyError where the version has no such clause: a refusal must not cite what was never published.
    """
    return _numbers(version.pk, version.sha256)[clause]


@carries_out("D05")
def has_accepted(person: Person, version: TermsVersion) -> bool:
    """Say whether the person said yes to this very version, at sign-up or with an order; implied does not count."""
    explicit = [Acceptance.Kind.SIGN_UP, Acceptance.Kind.ORDER]
    return Acceptance.objects.filter(person=person, version=version, kind__in=explicit).exists()


@lru_cache(maxsize=32)
def _clauses(pk: int, sha256: str) -> tuple[TermsClause, ...]:
    return tuple(TermsClause.objects.filter(version=pk).order_by("position", "pk"))


@lru_cache(maxsize=32)
def _numbers(pk: int, sha256: str) -> dict[str, str]:
    return {clause.clause: clause.number for clause in _clauses(pk, sha256)}


# ---- The calendar ----


def working_calendar() -> tuple[CalendarVersion, WorkCalendar]:
    """Return the newest version of the calendar and its working days. One small query.

    Raises CalendarVersion.DoesNotExist where none was made yet: hours cannot be promised without knowing the days.
    """
    version = CalendarVersion.objects.order_by("-number").first()
    if version is None:
        raise CalendarVersion.DoesNotExist("no calendar; `peyman init` makes the first version")
    return version, _calendar(version.pk, version.number, version.made_at)


def holidays(version: CalendarVersion, *, since: date | None = None) -> list[Holiday]:
    """Return the closed days of a version in order, from `since` (inclusive) on."""
    days = _holidays_of(version.number).order_by("date", "pk")
    return list(days.filter(date__gte=since) if since else days)


def _holidays_of(number: int) -> Any:
    still = Q(removed_in=None) | Q(removed_in__number__gt=number)
    return Holiday.objects.filter(still, added_in__number__lte=number)


@lru_cache(maxsize=8)
def _calendar(pk: int, number: int, made_at: datetime) -> WorkCalendar:
    return WorkCalendar(closed=frozenset(_holidays_of(number).values_list("date", flat=True)))


# ---- Promises ----


@dataclass(frozen=True)
class PromiseView:
    """One promise as its customer sees it."""

    code: str
    kind: str  # "pro_forma", "cart_code", "refund", …
    what: str  # the sentence
    state: rules.Outcome  # open · kept · broken · waived, as of the asking
    start: datetime
    hours: int
    hours_kind: str
    due_at: datetime
    kept_at: datetime | None  # also of a broken one that was kept late
    broken_at: datetime | None
    late_by: timedelta | None  # of a broken one: until it was kept, or until now
    left: timedelta | None  # of an open one
    clause: str  # register id; never shown
    clause_number: str  # "11-4" in the promise's own version of the terms
    terms_number: int
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tally:
    """The shop's record over a week. `made` are the promises that were due or kept in it."""

    made: int
    kept: int  # in time
    broken: int  # late, whether kept after all or not


def of_order(order_code: str, now: datetime) -> list[PromiseView]:
    """Return the promises of one order, those due first first. One query, and one per unknown version of the terms."""
    rows = Promise.objects.filter(order=order_code).select_related("terms").order_by("due_at", "pk")
    return [view(row, now) for row in rows]


def of_orders(order_codes: Iterable[str], now: datetime) -> dict[str, list[PromiseView]]:
    """Return the promises of many orders by order code, in one query; orders without promises have an empty list."""
    found: dict[str, list[PromiseView]] = {code: [] for code in order_codes}
    rows = Promise.objects.filter(order__in=list(found)).select_related("terms").order_by("due_at", "pk")
    for row in rows:
        found[row.order].append(view(row, now))
    return found


def overdue(now: datetime, limit: int = 100) -> list[PromiseView]:
    """Return promises that are late and still owed, the longest overdue first, swept or not."""
    owed = Q(state=Promise.State.BROKEN, kept_at=None) | Q(state=Promise.State.OPEN, due_at__lte=now)
    rows = Promise.objects.filter(owed).select_related("terms").order_by("due_at", "pk")
    return [view(row, now) for row in rows[:limit]]


def unkept_subjects(prefix: str, *, since: datetime) -> list[str]:
    """Return the subjects that begin with `prefix` of promises not kept yet: all open ones, and broken ones that were
    due from `since` on. One query.
    """
    unkept = Q(state=Promise.State.OPEN) | Q(state=Promise.State.BROKEN, kept_at=None, due_at__gte=since)
    rows = Promise.objects.filter(unkept, subject__startswith=prefix)
    return list(rows.order_by("pk").values_list("subject", flat=True))


def view(promise: Promise, now: datetime) -> PromiseView:
    """Return one row as its customer sees it at `now`; `promise.terms` should be loaded."""
    ending = rules.ending(promise.state, promise.due_at, promise.kept_at, now)
    return PromiseView(
        code=promise.code,
        kind=promise.kind,
        what=promise.what,
        state=ending.state,
        start=promise.start,
        hours=promise.hours,
        hours_kind=promise.hours_kind,
        due_at=promise.due_at,
        kept_at=promise.kept_at,
        broken_at=ending.broken_at,
        late_by=ending.late_by,
        left=promise.due_at - now if ending.state == "open" else None,
        clause=promise.clause,
        clause_number=clause_number(promise.terms, promise.clause),
        terms_number=promise.terms.number,
        evidence=promise.evidence,
    )


def last_week(now: datetime) -> Tally:
    """Return the record of the last seven days, up to `now`. One query.

    What was waived is left out; a promise that broke earlier and was kept, late, this week counts as broken.
    """
    since = now - WEEK
    due_in = Q(due_at__gte=since, due_at__lte=now)
    kept_in = Q(kept_at__gte=since, kept_at__lte=now)
    kept = Q(state=Promise.State.KEPT)
    counted = (
        Promise.objects.filter(due_in | kept_in)
        .exclude(state=Promise.State.WAIVED)
        .aggregate(made=Count("pk"), kept=Count("pk", filter=kept))
    )
    return Tally(made=counted["made"], kept=counted["kept"], broken=counted["made"] - counted["kept"])


def export_rows() -> Iterator[dict[str, Any]]:
    """Yield every promise as `peyman export promises` writes it, in the order they were made."""
    for promise in Promise.objects.order_by("pk").iterator(chunk_size=2000):
        yield {
            "id": promise.code,
            "clause": promise.clause,
            "subject": promise.subject,
            "order": promise.order,
            "start": promise.start,
            "hours": promise.hours,
            "due_at": promise.due_at,
            "state": promise.state,
            "kept_at": promise.kept_at,
            "evidence": promise.evidence,
        }
