"""What falls due: banks to ask, money to give back, promises to judge, orders and carts to let go.

Each sweep takes rows whose time has come, does each on its own, and may be killed and run again, by
any number of workers. `run_due` is quick and runs each second; `tick` runs everything, each minute.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial

import structlog
from django.db import DatabaseError, close_old_connections

from peyman.billing import actions as billing
from peyman.entrypoints import (
    alarms,
    incident_watch,
    lost_lines,
    notices,
    payments,
    personal_data,
    retention,
    searches,
    settlements,
    tariff_watch,
)
from peyman.market.guard.actions import keys as ticket_keys
from peyman.market.guard.rules.keyring import NoSealingSecret
from peyman.promises import actions as promises
from peyman.promises import queries as terms
from peyman.promises.rules import parameter
from peyman.shop.carts import actions as carts
from peyman.shop.licences import actions as licences
from peyman.shop.offers import actions as offers
from peyman.shop.orders import actions as orders

log = structlog.get_logger()


@dataclass
class Swept:
    """How many rows each sweep dealt with."""

    payments: int = 0
    refunds: int = 0
    expired: int = 0
    unanswered: int = 0
    moved: int = 0
    broken: int = 0
    alarms: int = 0
    carts: int = 0
    erased: int = 0
    notices: int = 0
    drift: int = 0
    guard: int = 0
    keys: int = 0
    incidents: int = 0
    lines: int = 0
    forgotten: int = 0
    offers: int = 0
    readers: int = 0
    searches: int = 0
    settlements: int = 0

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def run_due(now: datetime) -> Swept:
    """Move prices whose time has come, and ask banks about payments and refunds that are due."""
    swept = Swept()
    for plan in offers.due(now=now):
        swept.offers += _alone("offer", plan.code, partial(offers.carry_out, plan, now=now))
    for payment in billing.claim_due_checks(now=now):
        swept.payments += _alone("payment", payment.code, partial(payments.check, payment=payment, now=now))
    for refund in billing.claim_due_refunds(now=now):
        swept.refunds += _alone("refund", refund.code, partial(payments.give_back, refund=refund, now=now))
    return swept


def tick(now: datetime) -> Swept:
    """Run every sweep once."""
    swept = run_due(now)
    swept.expired = orders.expire_due(now=now)
    swept.unanswered = orders.cancel_unanswered(now=now)
    swept.moved = promises.recount_stragglers(now=now)
    swept.broken = promises.sweep_overdue(now=now)
    swept.alarms = alarms.sound(now=now)
    swept.carts = carts.sweep_left(days=parameter(terms.terms_in_force(now).parameters, "cart_days"), now=now)
    swept.readers = licences.forget_readers(now=now)
    swept.erased = personal_data.finish_erasures(now)
    swept.notices = notices.send_out(now)
    swept.lines = lost_lines.finish_due(now)
    swept.forgotten = retention.sweep(now)
    swept.searches = searches.forget(now)
    swept.settlements = settlements.expect(now)
    swept.drift = tariff_watch.sweep(now=now)
    swept.keys = _keys(now)
    swept.guard = tariff_watch.guard(now=now)
    swept.incidents = incident_watch.sweep(now=now)
    log.info("sweep.done", **swept.as_json())
    return swept


def _keys(now: datetime) -> int:
    """Make and destroy keys of tickets in time. Where nothing seals them none is made, and the message is not shown."""
    try:
        return ticket_keys.sweep(now=now)
    except NoSealingSecret:
        log.error("sweep.ticket_keys", fault="no sealing secret")
        return 0


def _alone(kind: str, code: str, step: Callable[[], object]) -> int:
    """One row must not stop the others: what fails is told, and is due again when its claim runs out."""
    try:
        step()
    except DatabaseError:
        close_old_connections()
        log.warning("sweep.database", kind=kind, code=code)
        return 0
    except Exception:
        log.exception("sweep.bug", kind=kind, code=code)
        return 0
    return 1
