"""A minor's order and the guardian who is asked about it: people, messages and orders together (D20)."""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from peyman.entrypoints import limits
from peyman.messages import actions as messages
from peyman.messages.rules import Why
from peyman.people import actions as people
from peyman.people import rules
from peyman.people.models import GuardianConfirmation
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order


def ask(request: HttpRequest, order: Order, name: str, mobile: str, now: datetime) -> None:
    """Write to a guardian about one order. Raises what people.ask_guardian does, and TooManyRequests."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        asked = people.ask_guardian(
            person=order.person, subject=orders.guardian_subject(order), name=name, mobile=mobile, now=now
        )
        messages.queue(
            messages.NewMessage(
                channel="sms",
                to=asked.to,
                template="guardian_confirmation",
                context={
                    "child": order.person.full_name,
                    "code": asked.code,
                    "link": f"{settings.PUBLIC_URL}/guardian/{asked.token}/",
                    "valid_for": rules.waiting_hours(asked.expires_at - now),
                },
                key=asked.key,
                person_id=order.person_id,
                about=orders.guardian_subject(order),
                secret=asked.code,
                stale_at=asked.expires_at,
                why=Why.GUARDIAN,
            ),
            now=now,
        )


def confirm_by_code(request: HttpRequest, order: Order, code: str, now: datetime) -> None:
    """Agree by the code that was read out. Raises people.rules.ConfirmationOver, TooManyRequests."""
    limits.spend_try(request, orders.guardian_subject(order))
    people.confirm_by_code(person=order.person, subject=orders.guardian_subject(order), code=code, now=now)


def confirm_by_link(token: str, now: datetime) -> GuardianConfirmation:
    """Agree by the link that reached the guardian. Raises people.rules.ConfirmationOver."""
    return people.confirm_by_link(token=token, now=now)
