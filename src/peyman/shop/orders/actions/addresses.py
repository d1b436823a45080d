"""Public places: refused as addresses, but for those that staff accepted for a customer (D49)."""

from datetime import datetime
from typing import Final

from django.db import transaction

from peyman import sealed
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.people.models import Person
from peyman.shop.orders.models import AllowedAddress
from peyman.shop.orders.rules.form import Delivery
from peyman.shop.orders.rules.public_places import PublicPlace, public_place

LONGEST_REASON: Final = 300
_ABOUT = "allowed_address"


@carries_out("D49")
def assert_deliverable(*, person: Person, delivery: Delivery) -> None:
    """Raise PublicPlace if the address leads into a public place and nobody accepted it for this customer.

    One query where it looks like one, none otherwise.
    """
    found = public_place(f"{delivery.street}، {delivery.plate}، {delivery.unit}")
    if not found:
        return
    keys = sealed.hashes_of(_spelled(delivery), _ABOUT)
    if not AllowedAddress.objects.filter(person=person, address__in=keys).exists():
        raise PublicPlace(found)


@transaction.atomic
def allow(*, person: Person, delivery: Delivery, reason: str, by: Person, now: datetime) -> AllowedAddress:
    """Accept one address for one customer, for good. Raises Invalid without a reason. Repeats find the first."""
    reason = " ".join(reason.split())[:LONGEST_REASON]
    if not reason:
        raise Invalid({"reason": "بنویسید چرا این نشانی پذیرفته می‌شود."})
    found = AllowedAddress.objects.filter(
        person=person, address__in=sealed.hashes_of(_spelled(delivery), _ABOUT)
    ).first()
    if found:
        return found
    row, _ = AllowedAddress.objects.get_or_create(
        person=person,
        address=sealed.hash_of(_spelled(delivery), _ABOUT),
        defaults={"reason": reason, "by": by, "at": now},
    )
    return row


def _spelled(delivery: Delivery) -> str:
    """Return what two spellings of one address have in common."""
    words = (delivery.province, delivery.city, delivery.street, delivery.plate, delivery.unit, delivery.postal_code)
    return "|".join("".join(word.replace("\u200c", " ").split()).lower() for word in words)
