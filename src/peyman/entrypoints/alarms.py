"""Staff hear of broken promises at once: one message to each, however many broke together."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.messages import actions as messages
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises.models import Promise

_NAMED = 20  # promises that a mail lists; the desk shows all


@transaction.atomic
def sound(*, now: datetime) -> int:
    """Queue an alarm about promises found broken that nobody was told of yet; returns how many.

    It goes to all of ALARM_ROLE, by mail where theirs is confirmed, else by SMS. Each promise is told of once,
    whatever runs twice, and stays on the desk's board where nobody has that role.
    """
    broken = promises.take_alarms(now=now)
    if broken:
        messages.queue_many([_message(person, broken, now) for person in people.of_role(settings.ALARM_ROLE)], now=now)
    return len(broken)


def _message(person: Person, broken: list[Promise], now: datetime) -> messages.NewMessage:
    by_mail = bool(person.email and person.email_confirmed_at)
    context: dict[str, str | list[dict[str, str]]] = {
        "count": persian_digits(len(broken)),
        "first": broken[0].what,
        "link": f"{settings.PUBLIC_URL}/desk/promises/",
    }
    if by_mail:
        context["name"] = person.full_name
        context["overdues"] = [
            {
                "what": promise.what,
                "code": promise.code,
                "due": jalali.deadline(promise.due_at),
                "late": jalali.duration_words(now - promise.due_at),
            }
            for promise in broken[:_NAMED]
        ]
    return messages.NewMessage(
        channel="email" if by_mail else "sms",
        to=person.email if by_mail else person.mobile,
        template="promise_broken",
        context=context,
        key=f"alarm:{broken[0].code}:{person.code}",  # the first is told of once, so the key is once
        person_id=person.pk,
        about=f"promise:{broken[0].code}",
    )
