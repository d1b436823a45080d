"""The desk of ledger and bank: what is owed back, what the bank says otherwise, and where every rial lies."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from peyman.billing import queries as bills
from peyman.billing.actions import statements as actions
from peyman.billing.queries import settlements
from peyman.billing.queries import statements as queries
from peyman.billing.rules.statements import NoStatement
from peyman.entrypoints import clock, statements
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.statement_words import COLUMNS, HOW, KINDS, account_title
from peyman.gateways import banks
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.people.models import Person

UPLOAD_BYTES: Final = 20_000_000  # what a browser brings; larger files come by the command line
SHOWN: Final = 100


@require_safe
@door.staff_only("money")
def desk(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


@require_POST
@door.staff_only("money")
@carries_out("D30")
def upload(request: HttpRequest, person: Person) -> HttpResponse:
    """Take the bank's file in; what it proves is kept, what differs becomes work."""
    file = request.FILES.get("file")
    if file is None:
        return _page(request, person, bad_file="فایلی برگزیده نشد.")
    if file.size is None or file.size > UPLOAD_BYTES:
        return _page(request, person, bad_file="این فایل بزرگ‌تر از ۲۰ مگابایت است؛ آن را با peyman reconcile بیاورید.")
    try:
        done = statements.reconcile(data=file.read(UPLOAD_BYTES + 1), by=person, now=clock.now())
    except NoStatement as refusal:
        return _page(request, person, bad_file=refusal.detail)
    told: dict[str, str | int] = {"statement": done.statement.code, "matched": done.matched, "kept": len(done.kept)}
    told |= {"settled": len(done.settled), "arrived": len(done.arrived)}
    return redirect(f"/desk/money/?{urlencode(told)}")


@require_POST
@door.staff_only("money")
def settle(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Say what a difference was. Nothing moves by it."""
    note = request.POST.get("note", "").replace("\0", "")
    try:
        actions.settle(code=code, note=note, by=person, now=clock.now())
    except Invalid as refusal:
        return _page(request, person, bad_note=(code, refusal.fields["note"]))
    return redirect("/desk/money/?closed#differences")


def _page(
    request: HttpRequest, person: Person, *, bad_file: str = "", bad_note: tuple[str, str] = ("", "")
) -> HttpResponse:
    now = clock.now()
    waiting = queries.waiting_refunds(now, limit=SHOWN)
    differences, open_ = queries.open_differences(limit=SHOWN)
    balances = bills.trial_balance()
    came = queries.last_statements()
    taken = request.GET.get("statement", "")[:32]
    context = {
        "refunds": [{"view": view, "bank": banks.title(row.payment.gateway)} for row, view in waiting.rows],
        "owed": waiting.owed,
        "late": waiting.late,
        "differences": [
            {
                "row": row,
                "how": HOW[row.how],
                "kind": KINDS.get(row.kind, ""),
                "column": COLUMNS.get(row.why, ""),
                "bad": bad_note[1] if row.code == bad_note[0] else "",
            }
            for row in differences
        ],
        "open": open_,
        "unseen": open_ - len(differences),
        "balances": [(name, account_title(name), amount, abs(amount)) for name, amount in balances],
        "adds_up": sum(amount for _, amount in balances) == 0,
        "debit": sum(amount for _, amount in balances if amount > 0),
        "credit": -sum(amount for _, amount in balances if amount < 0),
        "unallocated": -dict(balances).get("unallocated", 0),
        "owed_rials": -dict(balances).get("refunds", 0),
        "taken": next((one for one in came if one.code == taken), None),
        "matched": door.number_in(request, "matched"),
        "kept": door.number_in(request, "kept"),
        "booked": door.number_in(request, "settled"),
        "arrived": door.number_in(request, "arrived"),
        "settlements_late": settlements.late(now),
        "statements": came,
        "closed": "closed" in request.GET,
        "bad_file": bad_file,
    }
    return door.render(request, person, "money.html", context, 422 if bad_file or bad_note[0] else 200)
