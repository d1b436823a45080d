"""Staff hear of what went wrong at once: one message to each, however much went wrong together."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from peyman.kernel import jalali
from peyman.kernel.text import persian_digits
from peyman.messages import actions as messages
from peyman.people import queries as people_of
from peyman.people.models import Person
from peyman.promises import actions as promises

NAMED = 20  # rows that a mail lists; the desk shows all


@transaction.atomic
def sound(*, now: datetime) -> int:
    """Queue an alarm about promises found broken that nobody was told of yet; returns how many.

    It goes to all of ALARM_ROLE, by mail where theirs is confirmed, else by SMS. Each promise is told of once,
    whatever runs twice, and stays on the desk's board where nobody has that role.
    """
    broken = promises.take_alarms(now=now)
    if broken:
        tell(
            template="promise_broken",
            key=f"alarm:{broken[0].code}",  # the first is told of once, so the key is once
            about=f"promise:{broken[0].code}",
            context={
                "count": persian_digits(len(broken)),
                "first": broken[0].what,
                "link": f"{settings.PUBLIC_URL}/desk/promises/",
            },
            mail={
                "overdues": [
                    {
                        "what": promise.what,
                        "code": promise.code,
                        "due": jalali.deadline(promise.due_at),
                        # A clock may have been set back since it was found broken.
                        "late": jalali.duration_words(max(now - promise.due_at, timedelta())),
                    }
                    for promise in broken[:NAMED]
                ]
            },
            now=now,
        )
    return len(broken)


def tell(
    *,
    template: str,
    key: str,
    about: str,
    context: Mapping[str, str],
    mail: Mapping[str, Sequence[Mapping[str, str]]] | None = None,
    now: datetime,
) -> list[Person]:
    """Queue one message to each of ALARM_ROLE, by mail where theirs is confirmed, else by SMS; return whom.

    `mail`: tables that only the mail prints, which also greets by name. The same `key` is told once.
    """
    people = people_of.of_role(settings.ALARM_ROLE)
    messages.queue_many(
        [_message(person, template, f"{key}:{person.code}", about, context, mail or {}) for person in people], now=now
    )
    return people


def _message(
    person: Person,
    template: str,
    key: str,
    about: str,
    context: Mapping[str, str],
    mail: Mapping[str, Sequence[Mapping[str, str]]],
) -> messages.NewMessage:
    by_mail = bool(person.email and person.email_confirmed_at)
    return messages.NewMessage(
        channel="email" if by_mail else "sms",
        to=person.email if by_mail else person.mobile,
        template=template,
        context={**context, **mail, "name": person.full_name} if by_mail else dict(context),
        key=key,
        person_id=person.pk,
        about=about,
    )
