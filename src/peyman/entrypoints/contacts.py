"""Proving contacts: what joins people, messages and limits. A code goes to the address that is to be proven, only."""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from peyman.billing.actions import accounts
from peyman.entrypoints import limits
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.messages import actions as messages
from peyman.messages.rules import Why
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.actions import IssuedProof
from peyman.people.models import Person


def ask_email(request: HttpRequest, person: Person, typed: str, now: datetime) -> str:
    """Send a code to a new e-mail address and return it. Raises what people.ask_email does, TooManyRequests."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        proof = people.ask_email(person=person, typed=typed, now=now)
        send_proofs(person, [proof], now)
    return proof.to


def ask_mobile(request: HttpRequest, person: Person, typed: str, now: datetime) -> str:
    """Send codes to the number that counts and to the new one, and return the new one. Raises as `ask_email`."""
    limits.spend(limits.a_minute("login"), limits.caller(request), now)
    with transaction.atomic():
        proofs = people.ask_mobile(person=person, typed=typed, now=now)
        send_proofs(person, proofs, now)
    return proofs[-1].to


def confirm_email(request: HttpRequest, person: Person, code: str, now: datetime) -> str:
    """Make the address official. Raises people.rules.WrongCode, TooManyRequests."""
    limits.spend_try(request, f"email:{person.code}")
    replaces = bool(person.email_confirmed_at)

    def tell() -> None:
        if replaces:
            tell_owner(person, "ایمیل رسمی حساب شما عوض شد", f"email:{person.pk}:{now.timestamp():.0f}", now)

    return people.confirm_email(person=person, code=code, now=now, also=tell)


def change_mobile(request: HttpRequest, person: Person, old_code: str, new_code: str, now: datetime) -> None:
    """Change the number. Raises people.rules.WrongCode and MobileTaken, TooManyRequests."""
    limits.spend_try(request, f"mobile:{person.code}")
    people.change_mobile(person=person, old_code=old_code, new_code=new_code, now=now)


@carries_out("D15", "D16")
def tell_sheba(person: Person, typed: str, now: datetime, *, by: Person | None = None, how: str = "") -> bool:
    """Write the account number down and tell its owner by every way there is. Raises what accounts.declare does."""
    with transaction.atomic():
        changed = accounts.declare(person=person, typed=typed, by=by, how=how, now=now)
        if changed:
            what = "شماره شبای حساب شما ثبت شد" if typed.strip() else "شماره شبای حساب شما برداشته شد"
            tell_owner(person, what, f"sheba:{person.pk}:{now.timestamp():.0f}", now)
    return changed


@carries_out("D15")
def confirm_national_id(person: Person, why: str, by: Person, now: datetime) -> int:
    """Write down that staff saw the card, and tell those out of whose account the same id was taken; how many."""
    with transaction.atomic():
        refused = people.confirm_national_id(person=person, why=why, by=by, now=now)
        for other in refused:
            key = f"national_id:{other.pk}:{now.timestamp():.0f}"
            tell_owner(other, "کد ملی حساب شما برداشته شد، چون دارنده دیگری دارد", key, now)
    return len(refused)


@carries_out("D09", "D15")
def tell_owner(
    person: Person,
    what: str,
    key: str,
    now: datetime,
    *,
    template: str = "account_changed",
    context: dict[str, str] | None = None,
) -> None:
    """Tell a person by every official contact what happened to the account: one of them may be in other hands.

    In the caller's transaction. What concerns the safety of an account is mailed also to who wants no mail of orders.
    """
    words = context or {
        "what": what,
        "at": jalali.moment(now, year=True),
        "link": f"{settings.PUBLIC_URL}/privacy/report/?topic=theft",
    }
    ways = [(rules.SMS, person.mobile)] if person.mobile and person.mobile_confirmed_at else []
    if person.email and person.email_confirmed_at:
        ways.append((rules.EMAIL, person.email))
    messages.queue_many(
        [
            messages.NewMessage(
                channel=channel,
                to=to,
                template=template,
                context={**words, "name": person.full_name} if channel == rules.EMAIL else words,
                key=f"{key}:{channel}",
                person_id=person.pk,
                about=f"person:{person.code}",
            )
            for channel, to in ways
        ],
        now=now,
    )


def opt_out_url(person: Person, channel: str) -> str:
    """Return the address by which a newsletter is cancelled, by reading and by one POST (RFC 8058)."""
    return f"{settings.PUBLIC_URL}/opt-out/{queries.opt_out_token(person.code, channel)}/"


def send_proofs(person: Person, proofs: Sequence[IssuedProof], now: datetime) -> None:
    """Queue codes, each to the address that it is to prove and to no other, in the caller's transaction."""
    context = {
        "host": urlsplit(settings.PUBLIC_URL).hostname or "",
        "valid_for": rules.waiting(int(rules.CONTACT_CODE_LIFETIME.total_seconds())),
    }
    messages.queue_many(
        [
            messages.NewMessage(
                channel=proof.channel,
                to=proof.to,
                template="contact_code",
                context=context
                | {"code": proof.code}
                | ({"name": person.full_name} if proof.channel == "email" else {}),
                key=proof.key,
                person_id=person.pk,
                secret=proof.code,
                stale_at=proof.expires_at,
                why=Why.VERIFICATION,
            )
            for proof in proofs
        ],
        now=now,
    )
