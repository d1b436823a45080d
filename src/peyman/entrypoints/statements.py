"""A bank's statement comes in: held against the ledger, its proofs keep refunds, its differences become work."""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings

from peyman.billing.actions import paya
from peyman.billing.actions import statements as actions
from peyman.billing.models import Refund, Statement, StatementDifference
from peyman.billing.queries import statements as queries
from peyman.billing.rules import statements as rules
from peyman.entrypoints import refunds
from peyman.gateways import banks
from peyman.kernel.clauses import carries_out
from peyman.people.models import Person
from peyman.shop.orders import actions as orders

MOST_BYTES = 200_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """How statement and ledger compare. `kept`: codes of refunds that it proved; `returned`: numbers of transfers that
    it gave back; `open`: what is to be settled.
    """

    statement: Statement
    matched: int
    duplicates: int
    kept: tuple[str, ...]
    returned: tuple[str, ...]
    open: tuple[StatementDifference, ...]


@carries_out("D30")
def reconcile(
    *, data: bytes, span: tuple[datetime, datetime] | None = None, by: Person | None = None, now: datetime
) -> Reconciled:
    """Take a statement in. Safe to repeat with the same bytes.

    `span`: of which time it is complete (both ends included); else from its first line to its last. Refunds that it
    proves are kept one by one before its differences are written, so that a repetition finds what a kill left undone.
    Raises rules.NoStatement.
    """
    read = rules.read(io.StringIO(_text(data), newline=""))
    covered = span or read.span
    known = queries.terminals() | {banks.bank(name).terminal for name in banks.names()}
    known |= {settings.PAYA_SHEBA} if settings.PAYA_SHEBA else set()
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
    log.info(
        "statement.taken",
        statement=statement.code,
        lines=statement.lines,
        matched=compared.matched,
        kept=kept,
        returned=returned,
        differences=len(differences),
    )
    return Reconciled(
        statement, compared.matched, len(read.duplicates), tuple(kept), tuple(returned), tuple(differences)
    )


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise rules.NoStatement(why=f"بزرگ‌تر از {MOST_BYTES // 1_000_000} مگابایت است؛ آن را به چند فایل بخش کنید.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise rules.NoStatement(why="نویسه‌های آن UTF-8 نیست.") from None
    if "\0" in text:
        raise rules.NoStatement(why="یک فایل متنی نیست.")
    return text
