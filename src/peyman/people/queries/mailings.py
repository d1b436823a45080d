"""Who is told what is told to many, a batch at a time, and how far it came."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.people import rules
from peyman.people.models import Consent, Mailing, Person


@carries_out("D08", "D09")
def way_to(person: Person) -> tuple[str, str] | None:
    """Return channel and address of an official contact: confirmed e-mail where it is wanted, else the mobile (A12).

    None for whoever confirmed neither. The one place that decides it for what is told to many.
    """
    if person.email and person.email_confirmed_at and person.mail_for_orders:
        return rules.EMAIL, person.email
    if person.mobile and person.mobile_confirmed_at:
        return rules.SMS, person.mobile
    return None


def members(after: int) -> "QuerySet[Person]":
    """Return the people with an open account behind the key `after`, in order of their keys."""
    return Person.objects.filter(pk__gt=after, is_active=True, closed_at=None).order_by("pk")


@carries_out("D11")
def readers(channels: Collection[str], after: int = 0) -> "QuerySet[Person]":
    """Return who wants news by one of `channels` and has confirmed the address for it, in order of their keys.

    Each is annotated with `by_email`: whether it goes by mail, else by SMS; nobody gets both.
    """
    wants = Consent.objects.filter(person=OuterRef("pk"), topic=rules.MARKETING, given=True)
    mail = Exists(wants.filter(channel=rules.EMAIL)) & Q(email_confirmed_at__isnull=False) & ~Q(email="")
    sms = Exists(wants.filter(channel=rules.SMS)) & Q(mobile_confirmed_at__isnull=False)
    asked = [way for channel, way in ((rules.EMAIL, mail), (rules.SMS, sms)) if channel in channels]
    found = members(after)
    if not asked:
        return found.none()
    whom = asked[0] if len(asked) == 1 else asked[0] | asked[1]
    by_mail = mail if rules.EMAIL in channels else Q(pk__in=[])
    return found.alias(is_reader=whom).filter(is_reader=True).annotate(by_email=by_mail)


@dataclass(frozen=True)
class Readers:
    """How many a letter would reach, by the way it goes."""

    email: int
    sms: int

    @property
    def all(self) -> int:
        return self.email + self.sms


def count_readers(channels: Collection[str]) -> Readers:
    """Return how many would get a letter by these ways. Two queries."""
    found: Any = readers(channels)
    by_mail = found.filter(by_email=True).count()
    return Readers(by_mail, found.count() - by_mail)


def open_mailings() -> list[Mailing]:
    """Return what is still being told, the oldest first. One query."""
    return list(Mailing.objects.filter(done_at=None, stopped_at=None).order_by("pk"))


def mailings(kind: str, limit: int = 30) -> list[Mailing]:
    """Return what was told and is being told of this kind, the newest first."""
    return list(Mailing.objects.filter(kind=kind).select_related("by").order_by("-pk")[:limit])


def mailing(code: str) -> Mailing:
    """Return one by its code. Raises Missing."""
    found = Mailing.objects.filter(code=code).first()
    if found is None:
        raise Missing
    return found


def mailing_about(subject: str) -> Mailing | None:
    return Mailing.objects.filter(subject=subject).first()
