"""May the market say "half price" of a download to whoever asks, now?"""

from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
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
from peyman.market.guard.actions import tickets
from peyman.market.guard.actions.tickets import Issued
from peyman.market.guard.queries import view
from peyman.market.guard.rules import objects
from peyman.market.guard.rules.keyring import NoKey
from peyman.market.tariff.rules import guard as rules
from peyman.market.tariff.rules.guard import Decision
from peyman.market.tariff.rules.says import guard_reason
from peyman.people import rules as people
from peyman.people.models import Person

log = structlog.get_logger()
router = Router(tags=["market"], auth=anyone)


@router.get("/half-price", response=schemas.HalfPriceGiven, operation_id="half_price")
@carries_out("B02", "B03")
def half_price(request: HttpRequest, asked: Query[schemas.HalfPriceAsk]) -> Any:
    """What to say of one download at this moment, until `until` and not longer; never to be kept or bundled.

    Whose customer asks is known by the address of the connection. Staff of the tariff may name another one; then
    nothing is shown to anybody, and there is no ticket.
    """
    object_ = objects.path(asked.object)
    if not object_:
        raise Invalid({"object": "مسیر یک فایل لازم است، مانند apps/ir.example/12.apk."})
    person = Bearer()(request) if "Authorization" in request.headers else None
    now = clock.now()
    issued = None
    if asked.client_ip:
        decision = view.decide(object_, _named(person, asked.client_ip), now)
    else:
        decision = view.decide(object_, limits.address_of(request), now)
        if decision.allowed:
            issued = _ticket(decision, object_, person, now)
            if issued is None:  # nothing is said without its receipt
                decision = rules.refuse("no_ticket", now, now + settings.GUARD_SHOWING)
    told = guard_answers.said(decision, now)
    return {
        "allowed": decision.allowed,
        "wording": told.text,
        "wording_version": told.version,
        "scope": told.scope,
        "reason": decision.reason,
        "reason_text": guard_reason(decision.reason),
        "operator": decision.evidence.operator or None,
        "until": min(told.until, issued.expires_at) if issued else told.until,
        "ticket": issued.token if issued else None,
    }


def _ticket(decision: Decision, object_: str, person: object, now: datetime) -> Issued | None:
    account = person.code if isinstance(person, Person) else ""
    try:
        return tickets.issue(decision=decision, object_=f"/{object_}", account=account, now=now)
    except (tickets.NothingToSay, NoKey) as refusal:
        log.warning("guard.no_ticket", why=refusal.code)
        return None


def _named(person: object, typed: str) -> str:
    """Return the address that was named. Raises AuthenticationError, PermissionDenied, Invalid."""
    if not isinstance(person, Person):
        raise AuthenticationError
    if not people.may(person.role, "tariff"):
        raise PermissionDenied
    try:
        return str(prefixes.address(typed))
    except prefixes.BadAddress as fault:
        raise Invalid({"client_ip": fault.says}) from fault
