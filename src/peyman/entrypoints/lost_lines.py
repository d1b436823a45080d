"""A lost line, for pages, desk and sweep: people, messages, limits and sessions together (D08, D15).

Whoever asks is answered the same whether or not number and e-mail address belong together.
"""

from collections.abc import Callable
from datetime import datetime

import structlog
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.http import HttpRequest

from peyman.entrypoints import contacts, limits
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits
from peyman.messages.rules import hidden
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import LostLine, Person

log = structlog.get_logger(__name__)


@carries_out("D08", "D15")
def ask(request: HttpRequest, mobile: str, email: str, now: datetime) -> str:
    """Send a code to the e-mail address where it belongs to the account of this number; return whose, "" for nobody.

    Raises kernel.errors.Invalid for what is no number or no address, TooManyRequests.
    """
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    limits.spend_try(request, f"lost:{rules.mobile_number(mobile)}")
    try:
        with transaction.atomic():
            asked = people.ask_lost_email(mobile=mobile, email=email, now=now)
            if asked is None:
                return ""
            person, proof = asked
            contacts.send_proofs(person, [proof], now)
    except rules.TooManyCodes:  # only whoever got codes could be told, and this one may be a stranger
        log.info("people.lost_line_codes_refused")
        return ""
    return person.code


@carries_out("D08", "D15")
def prove(request: HttpRequest, whose: str, code: str, mobile: str, now: datetime) -> None:
    """Take the code of the e-mail address, and send one to the new number.

    Raises people.rules.WrongCode, LostLineOpen, kernel.errors.Invalid, TooManyRequests; the code is not used up by a
    number that cannot be.
    """
    rules.mobile_number(mobile)
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    person = _person(whose)
    limits.spend_try(request, f"lost:{whose}")
    people.prove_lost_email(person=person, code=code, now=now)  # in no transaction of ours: each try must count
    with transaction.atomic():
        proof = people.ask_lost_new(person=person, typed=mobile, now=now)
        contacts.send_proofs(person, [proof], now)


@carries_out("D08", "D15")
def begin(request: HttpRequest, whose: str, code: str, now: datetime) -> LostLine:
    """Begin to wait, and tell the old line and the e-mail address. Raises as people.begin_lost_line does."""
    person = _person(whose)
    limits.spend_try(request, f"lost:{whose}")
    return people.begin_lost_line(person=person, code=code, tell=_tell_asked(now), now=now).row


@carries_out("D15")
def register(person: Person, mobile: str, identity: str, why: str, by: Person, now: datetime) -> LostLine:
    """Send a code to the number that staff were told, their identity check on record; the customer types it into our
    page. Raises as people.register_lost_line does.
    """
    with transaction.atomic():
        row, proof = people.register_lost_line(person=person, typed=mobile, identity=identity, why=why, by=by, now=now)
        contacts.send_proofs(person, [proof], now)
    return row


@carries_out("D08", "D15")
def prove_registered(request: HttpRequest, mobile: str, code: str, now: datetime) -> LostLine:
    """Take the code of what staff registered, and begin to wait. Raises as people.prove_lost_line does."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    limits.spend_try(request, f"lost:{rules.mobile_number(mobile)}")
    return people.prove_lost_line(typed=mobile, code=code, tell=_tell_asked(now), now=now).row


@carries_out("D08", "D15")
def object_(row: LostLine, now: datetime) -> None:
    """Stop a change and tell its owner that it stands still. Raises people.rules.LostLineOver."""
    is_first = row.state == rules.WAITING
    with transaction.atomic():
        people.object_to_lost_line(row=row, now=now)
        if is_first:
            contacts.tell_owner(row.person, "عوض شدن شماره گم‌شده ایستاد", f"lost:{row.pk}:objected", now)


@carries_out("D15")
def uphold(row: LostLine, identity: str, why: str, by: Person, now: datetime) -> None:
    """Change the number in spite of an objection. Raises as people.uphold_lost_line does, and MobileTaken."""
    with transaction.atomic():
        keys = people.uphold_lost_line(row=row, identity=identity, why=why, by=by, now=now)
        if keys is not None:
            _tell_changed(row, now)
    if keys is None:
        raise rules.MobileTaken
    _forget(keys)


@carries_out("D15")
def refuse(row: LostLine, why: str, by: Person, now: datetime) -> None:
    """End a request without a change, and tell its owner. Raises as people.refuse_lost_line does."""
    with transaction.atomic():
        people.refuse_lost_line(row=row, why=why, by=by, now=now)
        contacts.tell_owner(row.person, "درخواست عوض شدن شماره گم‌شده رد شد", f"lost:{row.pk}:refused", now)


@carries_out("D08", "D15")
def finish_due(now: datetime) -> int:
    """Change the numbers whose waiting period is over without an objection; a sweep. Returns how many."""
    done = 0
    for row in queries.due_lost_lines(now):
        with transaction.atomic():
            keys = people.finish_lost_line(row=row, now=now)
            if keys is not None:
                _tell_changed(row, now)
                done += 1
        _forget(keys or [])
    return done


def _person(whose: str) -> Person:
    """Return the person a log-in page holds; for nobody every code is wrong."""
    if not whose:
        raise rules.WrongCode
    return queries.person_by_code(whose)


def _tell_asked(now: datetime) -> Callable[[people.BegunChange], None]:
    def tell(made: people.BegunChange) -> None:
        contacts.tell_owner(
            made.row.person,
            "",
            f"lost:{made.row.pk}:asked",
            now,
            template="mobile_change_asked",
            context={
                "number": persian_digits(hidden(rules.SMS, made.row.mobile)),
                "at": jalali.moment(made.row.due_at),
                "link": f"{settings.PUBLIC_URL}/lost/{made.token}/",
            },
        )

    return tell


def _tell_changed(row: LostLine, now: datetime) -> None:
    contacts.tell_owner(row.person, "شماره موبایل حساب شما عوض شد", f"lost:{row.pk}:done", now)


def _forget(keys: list[str]) -> None:
    for key in keys:
        SessionStore(key).delete()
