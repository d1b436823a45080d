"""A bank's statement comes in: held against the ledger, its proofs keep refunds, its differences become work."""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings

from peyman.billing.actions import paya
from peyman.billing.actions import settlements as settled
from peyman.billing.actions import statements as actions
from peyman.billing.models import Refund, Statement, StatementDifference
from peyman.billing.queries import statements as queries
from peyman.billing.rules import settlements as settlement_rules
from peyman.billing.rules import statements as rules
from peyman.entrypoints import refunds, settlements
from peyman.gateways import bank_files, banks
from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.shop.orders import actions as orders

MOST_BYTES = 200_000_000
CLOCKS_DIFFER = timedelta(days=1)  # what a bank dates later than that is misread

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """How statement and ledger compare. `kept`: codes of refunds that it proved; `returned`: numbers of transfers that
    it gave back; `settled`: codes of settlements that a gateway's report let us book; `arrived`: of those that it shows
    on our account; `open`: what is to be settled.
    """

    statement: Statement
    matched: int
    duplicates: int
    kept: tuple[str, ...]
    returned: tuple[str, ...]
    open: tuple[StatementDifference, ...]
    settled: tuple[str, ...] = ()
    arrived: tuple[str, ...] = ()


@carries_out("D30")
def reconcile(
    *, data: bytes, span: tuple[datetime, datetime] | None = None, by: Person | None = None, now: datetime
) -> Reconciled:
    """Take a bank's statement, or a gateway's report of settlements, in. Safe to repeat with the same bytes.

    `span`: of which time it is complete (both ends included); else from its first line to its last. Refunds that it
    proves are kept one by one before its differences are written, so that a repetition finds what a kill left undone.
    Raises rules.NoStatement.
    """
    text = _text(data)
    if settlement_rules.is_report(io.StringIO(text, newline="")):
        return _report(text=text, sha256=hashlib.sha256(data).hexdigest(), by=by, now=now)
    read = rules.read(io.StringIO(text, newline=""))
    covered = span or read.span_until(now + CLOCKS_DIFFER)
    known = queries.terminals() | {banks.bank(name).terminal for name in banks.names()}
    known |= {account for account in (settings.PAYA_SHEBA, settings.SETTLEMENT_SHEBA) if account}
    ours = queries.ours({line.refnum for line in read.lines}, known, covered)
    mentioned = {line.terminal for line in read.lines}
    compared = rules.compare(read, ours, known, covered, mentioned)
    kept = []
    for row, line in compared.proven:
        refund = Refund.objects.select_related("payment__bill").get(pk=row.key)
        if refund.kind == Refund.Kind.PAYA and not paya.back_to_gateway(refund=refund):
            continue  # it was put into a batch at this moment; the next statement shows it to a person
        orders.give_back_done(refund=refund, provider_ref=line.refnum, proof="statement", now=now)
        kept.append(row.code)
    kept += [code for row, line in compared.wired if (code := refunds.transfer_paid(key=row.key, at=line.at, now=now))]
    returned = [
        row.code for row, line in compared.came_back if refunds.transfer_returned(key=row.key, at=line.at, now=now)
    ]
    sha256 = hashlib.sha256(data).hexdigest()
    statement, differences = actions.take(sha256=sha256, read=read, compared=compared, by=by, now=now)
    arrived = [
        row.code
        for row, line in compared.arrived
        if settled.arrive(key=row.key, account=line.terminal, at=line.at, statement=statement, now=now)
    ]
    log.info(
        "statement.taken",
        statement=statement.code,
        lines=statement.lines,
        matched=compared.matched,
        kept=kept,
        returned=returned,
        arrived=arrived,
        differences=len(differences),
    )
    return Reconciled(
        statement,
        compared.matched,
        len(read.duplicates),
        tuple(kept),
        tuple(returned),
        tuple(differences),
        arrived=tuple(arrived),
    )


def _report(*, text: str, sha256: str, by: Person | None, now: datetime) -> Reconciled:
    read = settlement_rules.read(io.StringIO(text, newline=""), latest=now + CLOCKS_DIFFER)
    statement = actions.keep(sha256=sha256, read=read, by=by, now=now)
    taken = settled.take(statement=statement, report=read, gateways=settlements.gateways(), now=now)
    codes = tuple(row.code for row in taken.booked)
    log.info("settlements.taken", statement=statement.code, booked=codes, differences=len(taken.open))
    return Reconciled(statement, taken.matched, len(read.duplicates), (), (), taken.open, settled=codes)


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise rules.NoStatement(why=f"بزرگ‌تر از {MOST_BYTES // 1_000_000} مگابایت است؛ آن را به چند فایل بخش کنید.")
    return bank_files.text(data)
