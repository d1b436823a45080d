"""The sample shop's people and goods: for the sandbox only."""

import base64
import secrets
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt

from peyman.entrypoints import clock, second_factor
from peyman.people import actions
from peyman.people.models import Person
from peyman.promises import actions as promises
from peyman.promises import queries
from peyman.promises.models import Acceptance
from peyman.shop.catalog import actions as catalog
from peyman.shop.stock.actions import count_many

STAFF = (
    ("+989120000001", Person.Role.ORDERS, "نرگس کریمی"),
    ("+989120000002", Person.Role.CATALOGUE, "بهرام یوسفی"),
    ("+989120000003", Person.Role.MANAGER, "مینا صادقی"),
    ("+989120000004", Person.Role.PRIVACY, "کاوه رستمی"),
    ("+989120000005", Person.Role.TARIFF, "لیلا شریفی"),
    ("+989120000006", Person.Role.FINANCE, "فرهاد نیک‌بین"),
)
CUSTOMERS = (
    ("+989120000101", "سارا احمدی"),
    ("+989120000102", "رضا مرادی"),
    ("+989120000103", "الهام نوری"),
)


def add_people() -> None:
    """Make the sample staff, each with a second factor, and the sample customers, who accepted the terms."""
    now = clock.now()
    for mobile, role, name in STAFF:
        person = actions.person_of(mobile=mobile, now=now)
        Person.objects.filter(pk=person.pk).update(role=role, full_name=name)
        actions.confirm_mobile(person=person, now=now)
        if not second_factor.has_second_factor(person):
            second_factor.set_totp(person, base64.b32encode(secrets.token_bytes(20)).decode())
    terms = queries.terms_in_force(now)
    for mobile, name in CUSTOMERS:
        person = actions.person_of(mobile=mobile, now=now)
        if not person.full_name:
            actions.complete_profile(person=person, full_name=name, now=now)
        actions.confirm_mobile(person=person, now=now)
        promises.accept(person=person, version=terms, kind=Acceptance.Kind.SIGN_UP, now=now)


def add_goods() -> None:
    """Bring the sample goods, with half a year of prices behind them. What is there already is left alone."""
    catalog.load_sample(count_stock=count_many, now=clock.now())


def people() -> dict[str, list[dict[str, Any]]]:
    """Who may log in here, as run.json tells it."""
    staff = Person.objects.exclude(role=Person.Role.CUSTOMER)
    by_mobile = {person.mobile: person for person in staff}
    totp = Authenticator.objects.filter(user__in=staff, type=Authenticator.Type.TOTP)
    secret_of = {row.user_id: decrypt(row.data["secret"]) for row in totp}
    return {
        "staff": [
            {"mobile": local(mobile), "role": role.value, "totp_secret": secret_of[by_mobile[mobile].pk]}
            for mobile, role, _ in STAFF
        ],
        "customers": [{"mobile": local(mobile)} for mobile, _ in CUSTOMERS],
    }


def local(mobile: str) -> str:
    """Write an E.164 number as people here do: "+989120000001" → "09120000001"."""
    return "0" + mobile.removeprefix("+98")


STEPS = (("کسان نمونه", add_people), ("کالاهای نمونه", add_goods))
