"""One order at the desk: its story, its money, what may be done; who gets it only for a reason that stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from peyman.billing import queries as bills
from peyman.billing.queries import postings, refunds
from peyman.billing.queries.postings import Posting
from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, order_forms, order_story
from peyman.entrypoints.backoffice.order_forms import Sent
from peyman.entrypoints.backoffice.order_words import DUE, LANES
from peyman.entrypoints.backoffice.previews import is_confirmed
from peyman.entrypoints.fields import heading
from peyman.entrypoints.statement_words import account_title, posting_title
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.messages import queries as letters
from peyman.people import actions as people
from peyman.people import queries as person_queries
from peyman.people.models import Person
from peyman.promises import queries as promises
from peyman.shop.orders import actions, queries
from peyman.shop.orders.queries import OrderFile, Particulars
from peyman.shop.orders.queries.board import running
from peyman.shop.orders.rules import reasons, states

_LONGEST = 1000


@door.staff_only("orders")
@require_safe
def order(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _page(request, person, code)


@door.staff_only("orders")
@require_POST
@carries_out("D16")
def recipient(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show who gets the order and where, after the reason was written into the access log."""
    file = queries.file_of(code)
    why = _typed(request, order_forms.RECIPIENT)
    try:
        people.note_access(
            by=person,
            whose=file.order.person,
            subject=_subject(code),
            what="order",
            why=why["why"],
            now=clock.now(),
        )
    except Invalid as refusal:
        return _page(request, person, code, Sent("recipient", why, refusal=refusal))
    return _page(request, person, code, opened=queries.particulars(file.order))


@door.staff_only("orders")
@require_POST
@carries_out("D39", "D41")
def ask(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Ask the customer for what is missing or wrong; the order waits for the answer."""
    file = queries.file_of(code)
    typed, fields = _typed(request, order_forms.ASK), _ticked(request, "fields")
    try:
        actions.ask(order=file.order, fields=fields, note=typed["note"], by=person, now=clock.now())
    except Refused as refusal:
        return _page(request, person, code, Sent("ask", typed, fields, refusal))
    return redirect(f"/desk/orders/{code}/?asked")


@door.staff_only("orders")
@require_POST
@carries_out("D28", "D32", "D33")
def cancel(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Cancel by the shop: what follows is shown first, then done."""
    file, now = queries.file_of(code), clock.now()
    typed, skus = _typed(request, order_forms.CANCEL), _ticked(request, "skus")
    note = " ".join(typed["cancel_note"].split())
    try:
        detected_at = reasons.detected(_detected(typed, now), placed_at=file.order.placed_at, now=now)
        reasons.reason(typed["reason"], skus=skus, of_order=[line.sku for line in file.lines], note=note)
        if not is_confirmed(request) and file.order.state in states.sources("cancel_by_shop"):
            return _page(request, person, code, Sent("cancel", typed, skus), is_asking=True)
        actions.cancel_by_shop(
            order=file.order,
            reason=typed["reason"],
            note=note,
            skus=skus,
            detected_at=detected_at,
            by=person,
            now=now,
        )
    except Refused as refusal:
        return _page(request, person, code, Sent("cancel", typed, skus, refusal))
    return redirect(f"/desk/orders/{code}/?cancelled")


def _typed(request: HttpRequest, names: Sequence[str]) -> dict[str, str]:
    return {name: request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name in names}


def _ticked(request: HttpRequest, name: str) -> list[str]:
    return [value.replace("\0", "")[:40] for value in request.POST.getlist(name)[:200]]


def _detected(typed: Mapping[str, str], now: datetime) -> datetime:
    """Return when somebody found out; now, where nothing is written. Raises Invalid."""
    if not typed["day"].strip() and not typed["hour"].strip():
        return now
    try:
        return jalali.typed_instant(typed["day"].strip() or jalali.short_date(now), typed["hour"])
    except (ValueError, OverflowError):
        raise Invalid({"detected_at": "روز را مانند ۱۴۰۵/۹/۴ و ساعت را مانند ۸:۳۰ بنویسید."}) from None


def _subject(code: str) -> str:
    return f"order:{code}"


# ---- The page ----


@dataclass(frozen=True)
class Ledgered:
    """One posting as the page prints it: each side's account, rials for debit and for credit, 0 for neither."""

    title: str
    of: str  # the code or number it is about
    at: datetime
    sides: list[tuple[str, int, int]]


def _page(
    request: HttpRequest,
    person: Person,
    code: str,
    sent: Sent | None = None,
    *,
    opened: Particulars | None = None,
    is_asking: bool = False,
) -> HttpResponse:
    now = clock.now()
    sent = sent or Sent()
    file = queries.file_of(code)
    row, bill = file.order, file.order.bill
    promised = promises.owing_of_order(code, now)
    paid, back = bills.payments_of(bill), bills.refunds_of(bill)
    looks = person_queries.looks_at(row.person, _subject(code))
    request_open = file.open_request
    due, due_at, held = running(
        row, [one.promise for one in promised], request_open.answer_until if request_open else None
    )
    told = letters.letters_about(_subject(code), now)
    thread = order_story.story(
        file,
        payments=paid,
        refunds=back,
        owed=promised,
        letters=told,
        looks=looks,
        names=person_queries.names_of(_staff_of(file)),
    )
    figure = order_story.drawn(file, payments=paid, refunds=back, owed=promised, letters=told, due_at=due_at, now=now)
    boxes = order_forms.forms(file, sent, now)
    faulty = boxes.faulty
    is_past = due_at is not None and held is None and due_at <= now
    is_unpaid = row.state in (states.REGISTERED, states.INCOMPLETE) and bill.paid == bill.refunded
    context = {
        "file": file,
        "o": row,
        "terms": row.terms,
        "due": DUE[due],
        "due_at": due_at,
        "held_since": held,
        "is_late": is_past and due in ("processing", "refund"),
        "is_over": is_past and due in ("payment", "answer"),
        "thread": [(knot, LANES[knot.lane]) for knot in thread],
        "figure": figure,
        "coming": DUE[due] if due_at and not held and not is_past else "",
        "promises": promised,
        "refunds": refunds.of_order(bill, now),
        "owed": sum(one.amount for one in back if one.state != one.State.DONE),
        "given": sum(one.amount for one in back if one.state == one.State.DONE),
        "left_paid": bill.paid - bill.refunded,
        "to_pay": bill.amount if is_unpaid else 0,
        "postings": [_ledgered(one) for one in postings.of_bill(bill)],
        "looks": looks,
        "opened": opened,
        "f": boxes,
        "is_asking": is_asking,
        "why": reasons.REASONS.get(boxes.reason.value) if is_asking else None,
        "may_ask": row.state in states.sources("ask_more"),
        "may_cancel": row.state in states.sources("cancel_by_shop"),
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": None if faulty else sent.refusal,
        "was_asked": "asked" in request.GET,
        "was_cancelled": "cancelled" in request.GET,
    }
    return door.render(request, person, "order.html", context, sent.refusal.status if sent.refusal else 200)


def _staff_of(file: OrderFile) -> list[str]:
    """Return the codes of the staff who moved an order."""
    return sorted({event.by.removeprefix("staff:") for event in file.events if event.by.startswith("staff:")})


def _ledgered(posting: Posting) -> Ledgered:
    sides = []
    for account, rials in posting.sides:
        sides.append((account_title(account), max(rials, 0), max(-rials, 0)))
    return Ledgered(posting_title(posting.name), posting.name.partition(":")[2], posting.at, sides)
