"""Everything about one person, in whatever room it lies: handed out, or forgotten (D16)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from peyman.billing.actions import accounts
from peyman.billing.queries import refunds
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.jalali import year_of
from peyman.kernel.text import persian_digits
from peyman.messages import actions as messages
from peyman.messages import queries as told
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Erasure, Person, PrivacyCase
from peyman.promises import queries as promises
from peyman.promises.models import Acceptance, Promise
from peyman.promises.rules import parameter
from peyman.shop.carts.models import Cart
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules import states

_ENDED = (states.EXPIRED, states.CANCELLED, states.VOID, states.DELIVERED)


@dataclass(frozen=True)
class Kept:
    """One thing that stays after an erasure, as pages say it."""

    what: str
    why: str
    until: str


@carries_out("D16")
def everything_about(person: Person, now: datetime) -> dict[str, Any]:
    """Return all that we keep of a person in every room, ready for JSON."""
    orders = Order.objects.filter(person=person).prefetch_related("lines", "requests").order_by("pk")
    return queries.everything_about(person) | {
        "exported_at": now,
        "orders": [
            {
                "code": order.code,
                "state": order.state,
                "cart_code": order.cart_code,
                "placed_at": order.placed_at,
                "total_rials": order.total,
                "terms": order.terms_id,
                "recipient": order.recipient,
                "mobile": order.mobile,
                "landline": order.landline,
                "address": [order.province, order.city, order.street, order.plate, order.unit, order.postal_code],
                "buyer": order.buyer,
                "lines": [
                    {"sku": line.sku, "title": line.title, "quantity": line.quantity, "unit_price": line.unit_price}
                    for line in order.lines.all()
                ],
                "asked_for": [
                    {"fields": row.fields, "note": row.note, "asked_at": row.asked_at, "answered_at": row.answered_at}
                    for row in order.requests.all()
                ],
            }
            for order in orders
        ],
        "refund_accounts": [
            {
                "sheba": row.number,
                "declared_at": row.declared_at,
                "replaced_at": row.replaced_at,
                "holder": row.seen_name,
                "seen_at": row.seen_at,
                "refused_at": row.refused_at,
                "refused_why": row.refused_why,
            }
            for row in refunds.accounts_of(person)
        ],
        "refunds": [
            {"code": row.code, "order": row.order, "amount_rials": row.amount, "way": row.way, "done_at": row.done_at}
            for row in refunds.of_person(person, now)
        ],
        "messages": list(
            told.to_person(person.pk, _addresses(person))
            .order_by("pk")
            .values("channel", "to", "template", "title", "text", "created_at", "sent_at")
        ),
        "acceptances_of_terms": list(
            Acceptance.objects.filter(person=person).order_by("pk").values("version__number", "kind", "subject", "at")
        ),
        "promises": list(
            Promise.objects.filter(person=person).order_by("pk").values("clause", "what", "order", "due_at", "state")
        ),
    }


def _is_open(person: Person) -> bool:
    """Say whether something is under way for which this person must be reachable."""
    if Order.objects.filter(person=person).exclude(state__in=_ENDED).exists():
        return True
    return Promise.objects.filter(person=person, state__in=["open", "broken"], kept_at=None).exists()


@carries_out("D16")
def kept_of(person: Person, now: datetime) -> list[dict[str, str]]:
    """Return what would stay of this person, and until when; codes of rules.KEPT, no data."""
    kept: list[dict[str, str]] = []
    if _is_open(person):
        kept.append({"what": "open_orders", "until": "تا پایان کار آن‌ها"})
    last = Order.objects.filter(person=person).order_by("-placed_at", "-pk").first()
    years = parameter(promises.terms_in_force(now).parameters, "retention_years")
    if last is not None:
        until = f"تا {persian_digits(year_of(last.placed_at) + years)}"
        kept.append({"what": "orders", "until": until})
    if Acceptance.objects.filter(person=person).exists():
        kept.append({"what": "acceptances", "until": f"{persian_digits(years)} سال"})
    kept.append({"what": "history", "until": f"{persian_digits(years)} سال"})
    if PrivacyCase.objects.filter(person=person).exists():
        kept.append({"what": "privacy_cases", "until": f"{persian_digits(years)} سال"})
    return kept


def kept_words(kept: Collection[Mapping[str, str]]) -> list[Kept]:
    return [Kept(*rules.KEPT[row["what"]], row["until"]) for row in kept]


@carries_out("D16")
@transaction.atomic
def erase(person: Person, now: datetime) -> tuple[Erasure, list[str]]:
    """Close the account and forget what nothing makes us keep; return the request and the sessions to delete."""
    addresses = _addresses(person)  # before they are forgotten
    row, keys = people.erase(person=person, kept=kept_of(person, now), is_open=_is_open(person), now=now)
    Cart.objects.filter(person=person).delete()
    if row.done_at:
        messages.forget(person_id=person.pk, addresses=addresses)
        accounts.forget(person=person, now=now)
    return row, keys


def erasure(code: str) -> Erasure:
    """Return a numbered request. Raises Missing."""
    found = Erasure.objects.filter(code=code).first() if code else None
    if found is None:
        raise Missing
    return found


@carries_out("D16")
def finish_erasures(now: datetime) -> int:
    """Forget those whose last open matter has ended since; a sweep. Returns how many."""
    done = 0
    for row in Erasure.objects.filter(done_at=None).select_related("person").order_by("pk"):
        if _is_open(row.person):
            continue
        with transaction.atomic():
            addresses = _addresses(row.person)
            if people.finish_erasure(erasure=row, now=now):
                messages.forget(person_id=row.person_id, addresses=addresses)
                accounts.forget(person=row.person, now=now)
                done += 1
    messages.forget_stragglers()
    return done


def _addresses(person: Person) -> list[str]:
    return [to for to in (person.mobile, person.email) if to]
