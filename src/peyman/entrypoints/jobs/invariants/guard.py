"""What the guard says of downloads, and the keys it says it with."""

from datetime import datetime

from peyman.entrypoints.jobs.invariants.finding import SWEEP_GRACE, Finding, check
from peyman.market.guard.models import Statement, TicketKey
from peyman.market.guard.queries import keys as ticket_keys
from peyman.market.guard.queries import scene as guarding
from peyman.market.guard.queries import tickets as receipts
from peyman.market.tariff.queries import drift as drifting


@check("statements_say_what_their_codes_say")
def _statements(now: datetime) -> Finding:
    """What tickets rest on is word for word what they commit us to."""
    broken = receipts.broken()
    return Finding(Statement.objects.count(), broken)


@check("ticket_keys_verify_and_end")
def _ticket_keys(now: datetime) -> Finding:
    """Every key is what its id says, its tag keys lead to its anchor, and what is secret ends in time."""
    found = Finding()
    for row in TicketKey.objects.order_by("number"):
        found.look(row.kid, not ticket_keys.fault(row, now - SWEEP_GRACE))
    return found


@check("deliveries_do_not_overlap")
def _deliveries(now: datetime) -> Finding:
    """A name delivers one thing at a time, as far as we believe now."""
    found = Finding()
    until: dict[str, datetime | None] = {}  # name → the end of its span before; None: open
    for row in guarding.believed().order_by("name", "valid_from", "pk"):
        end = until.get(row.name, row.valid_from)
        found.look(f"{row.name} {row.pk}", end is not None and end <= row.valid_from)
        until[row.name] = row.valid_to
    return found


@check("half_price_is_said_of_admitted_addresses")
def _half_price(now: datetime) -> Finding:
    """Wherever the guard would say it now, every address of the delivery is admitted by the way that gates a change."""
    found = Finding()
    scene = guarding.read(now)
    for one in scene.deliveries:
        said = [operator for operator in scene.operators if scene.decide((one.name,), operator).allowed]
        checks = drifting.check(one.networks, now)
        admitted = bool(checks) and all(each.is_admitted for each in checks)
        found.look(one.name, not said or (admitted and not one.dark_because and set(said) <= set(scene.rates)))
    return found
