"""May the market say "half price" of a download to whoever asks, now?"""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from ninja import Query, Router
from ninja.errors import AuthenticationError

from peyman.entrypoints import clock, guard_answers, limits
from peyman.entrypoints.api import schemas
from peyman.entrypoints.api.guard import Bearer, anyone
from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.market.guard.queries import view
from peyman.market.guard.rules import objects
from peyman.market.tariff.rules.says import guard_reason
from peyman.people import rules as people
from peyman.people.models import Person

router = Router(tags=["market"], auth=anyone)


@router.get("/half-price", response=schemas.HalfPriceGiven, operation_id="half_price")
@carries_out("B02")
def half_price(request: HttpRequest, asked: Query[schemas.HalfPriceAsk]) -> Any:
    """What to say of one download at this moment, until `until` and not longer; never to be kept or bundled.

    Whose customer asks is known by the address of the connection. Staff of the tariff may name another one.
    """
    client = _named(request, asked.client_ip) if asked.client_ip else limits.address_of(request)
    if not objects.path(asked.object):
        raise Invalid({"object": "مسیر یک فایل لازم است، مانند apps/ir.example/12.apk."})
    now = clock.now()
    decision = view.decide(asked.object, client, now)
    told = guard_answers.said(decision, now)
    return {
        "allowed": decision.allowed,
        "wording": told.text,
        "wording_version": told.version,
        "scope": told.scope,
        "reason": decision.reason,
        "reason_text": guard_reason(decision.reason),
        "operator": decision.evidence.operator or None,
        "until": told.until,
        "ticket": None,
    }


def _named(request: HttpRequest, typed: str) -> str:
    """Return the address that was named. Raises AuthenticationError, PermissionDenied, Invalid."""
    person = Bearer()(request)
    if not isinstance(person, Person):
        raise AuthenticationError
    if not people.may(person.role, "tariff"):
        raise PermissionDenied
    try:
        return str(prefixes.address(typed))
    except prefixes.BadAddress as fault:
        raise Invalid({"client_ip": fault.says}) from fault
