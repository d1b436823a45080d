"""A customer's orders: the list, one order with its promises and its road, paying again, cancelling, the pro-forma."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import wraps
from urllib.parse import quote

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from peyman.billing.queries import refunds as paid_back
from peyman.entrypoints import answers, clock, guardians
from peyman.entrypoints.fields import Field, heading
from peyman.entrypoints.fields import wrong as wrong_boxes
from peyman.entrypoints.storefront import owed, refunds, road, sums, visitor
from peyman.entrypoints.storefront.checkout import DELIVERY, begin_payment, form_boxes, offered_banks
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.money import grouped, tomans
from peyman.kernel.text import whole_number
from peyman.kernel.worktime import tehran_day
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.people.rules import is_minor
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.queries import Owing
from peyman.promises.rules import parameter
from peyman.shop.orders import actions, queries
from peyman.shop.orders.models import ProForma
from peyman.shop.orders.queries import OrderView
from peyman.shop.orders.rules import states
from peyman.shop.shipping import places

# Why an order's payment did not begin, told on its page: codes of refusals, of which the address carries one.
_NOT_BEGUN = {
    "bank_away": "سفارش شما ثبت است، ولی درگاه بانک اکنون پاسخ نمی‌دهد. پولی گرفته نشد؛ "
    "تا پایان مهلت از همین صفحه بپردازید.",
    "sold_out": "پرداخت آغاز نشد، چون در همین فاصله موجودی کالایی از این سفارش تمام شد. پولی گرفته نشد.",
    "guardian_needed": "پرداخت آغاز نشد، چون پدر، مادر یا قیم شما هنوز این سفارش را تأیید نکرده است. پولی گرفته نشد.",
    "total_rose": "پرداخت آغاز نشد، چون جمع سفارش بیشتر شده است. پولی گرفته نشد؛ "
    "جمع تازه را ببینید و اگر موافقید بپردازید.",
}
_NOT_BEGUN_ELSE = "پرداخت آغاز نشد. پولی گرفته نشد."


def _owner_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Give the view the person who is logged in; lead everybody else to the log-in and back."""

    @wraps(view)
    def answer(request: HttpRequest, **kwargs: object) -> HttpResponse:
        person = visitor.person_of(request)
        if person is None:
            back = request.path if request.method in ("GET", "HEAD") else "/orders/"
            return redirect(f"/login/?next={quote(back)}")
        return view(request, person, **kwargs)

    return answer


@never_cache
@require_safe
@_owner_only
def orders(request: HttpRequest, person: Person) -> HttpResponse:
    cards, after = queries.list_of(person, after=request.GET.get("after", ""))
    return render(request, "storefront/orders.html", {"orders": cards, "next": after, "person": person})


@never_cache
@require_safe
@_owner_only
def order(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _page(request, person, code)


@require_POST
@_owner_only
def pay(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Begin a payment for a registered order, for the total that stood on the button."""
    found = queries.get(person, code)
    try:
        shown_total = whole_number(request.POST.get("shown_total", ""))
    except ValueError:
        shown_total = 0
    typed = request.POST
    return begin_payment(found, max(0, shown_total), typed.get("key", ""), typed.get("gateway", ""), clock.now())


@require_POST
@_owner_only
def cancel(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Withdraw from the order (D31)."""
    found = queries.get(person, code)
    try:
        actions.cancel(order=found, by="customer", now=clock.now())
    except Refused as refusal:
        return _page(request, person, code, refusal)
    return redirect(f"/orders/{code}/")


@require_POST
@_owner_only
@carries_out("D39")
def give_data(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Take the answer to what we asked for (D39, D41)."""
    found = queries.get(person, code)
    typed = {name: value[:400] for name, value in request.POST.items() if isinstance(value, str)}
    try:
        answers.take(order=found, raw=typed, now=clock.now())
    except Refused as refusal:
        return _page(request, person, code, refusal, typed)
    return redirect(f"/orders/{code}/")


def _request_boxes(view: OrderView, typed: Mapping[str, str] | None, refusal: Refused | None) -> list[Field]:
    """Return the boxes for what is asked for, filled with what was typed, else with what the order has."""
    if view.request is None:
        return []
    has = {name: str(getattr(view, name)) for name in DELIVERY} | {f"buyer.{k}": v for k, v in view.buyer.items()}
    has |= {name: fa.mobile(has[name]) for name in ("mobile", "landline") if has[name]}
    wrong = refusal.fields if isinstance(refusal, Invalid) else {}
    boxes = form_boxes(has if typed is None else typed, wrong, {})
    return [replace(box, hint="") for box in boxes.values() if box.name in view.request.fields]


@never_cache
@require_safe
@carries_out("D24")
def pro_forma(request: HttpRequest, code: str, signature: str) -> HttpResponse:
    """Show the pro-forma to whoever holds the link we sent (A12), without a log-in."""
    now = clock.now()
    view = queries.by_link(code, signature, now)
    version, terms = view.pro_formas[-1], promises.terms(view.terms_number)
    context = {
        "order": view,
        "version": version,
        "terms": terms,
        "rows": _rows(view),
        "lines": version.lines,
        "vat": sums.vat(version.total, terms),
    }
    return render(request, "storefront/pro_forma.html", context)


def _rows(view: OrderView) -> list[sums.Row]:
    return sums.rows(
        goods=view.goods_total,
        count=sum(line.quantity for line in view.lines),
        packing=view.fee_packing,
        shipping=view.fee_shipping,
        carrier=view.carrier_title,
        insurance=view.fee_insurance,
    )


@dataclass(frozen=True)
class Guardian:
    """What a minor's order page says: whether it waits, and how the newest confirmation stands."""

    waits: bool
    state: people.GuardianState | None


@carries_out("D20")
def _guardian(person: Person, view: OrderView, terms: TermsVersion, now: datetime) -> Guardian | None:
    """Return how a minor's order stands with their guardian; None for everybody else, without a query."""
    adult_age = parameter(terms.parameters, "adult_age")
    if not is_minor(person.birth_date, tehran_day(now), adult_age):
        return None
    state = people.guardian_state(f"order:{view.code}", now)
    return Guardian(view.state == states.REGISTERED and not (state and state.is_confirmed), state)


def _guardian_fields(typed: Mapping[str, str], refusal: Refused | None) -> list[Field]:
    wrong = refusal.fields if isinstance(refusal, Invalid) else {}
    return [
        Field(
            "guardian_name", "نام و نام خانوادگی پدر، مادر یا قیم", typed.get("guardian_name", ""), "",
            wrong.get("guardian_name", ""), autocomplete="off", maxlength=120,
        ),
        Field(
            "guardian_mobile", "موبایل او", typed.get("guardian_mobile", ""),
            "تنها برای همین تأیید به او پیامک می‌فرستیم.", wrong.get("guardian_mobile", ""),
            type="tel", inputmode="tel", autocomplete="off", ltr=True, maxlength=30,
        ),
    ]  # fmt: skip


@require_POST
@_owner_only
@carries_out("D20")
def ask_guardian(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Send a confirmation to the guardian of a minor."""
    found = queries.get(person, code)
    typed = {name: request.POST.get(name, "")[:200] for name in ("guardian_name", "guardian_mobile")}
    try:
        guardians.ask(request, found, typed["guardian_name"], typed["guardian_mobile"], clock.now())
    except Refused as refusal:
        return _page(request, person, code, refusal, typed)
    return redirect(f"/orders/{code}/")


@require_POST
@_owner_only
@carries_out("D20")
def guardian_code(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Take the code that the guardian read to the minor."""
    found = queries.get(person, code)
    try:
        guardians.confirm_by_code(request, found, request.POST.get("code", "")[:60], clock.now())
    except Refused as refusal:
        return _page(request, person, code, refusal)
    return redirect(f"/orders/{code}/")


def _kept(view: OrderView) -> int:
    """Return the rials that were paid for an order without a cart code and lie with us (D39)."""
    if view.state != states.INCOMPLETE or view.cart_code:
        return 0
    return sum(payment.amount - payment.refunded for payment in view.payments if payment.state == "captured")


def _owed_words(view: OrderView, promised: Sequence[Owing]) -> str:
    """Return how much is on its way back, and until when; "" where nothing is."""
    waiting = sum(refund.amount for refund in view.refunds if refund.state != refund.State.DONE)
    due = [one.promise.due_at for one in promised if one.promise.kind == "refund" and one.promise.kept_at is None]
    return f"{grouped(tomans(waiting))} تومان {jalali.deadline(max(due))} به شما برمی‌گردد." if waiting and due else ""


def _page(
    request: HttpRequest,
    person: Person,
    code: str,
    refusal: Refused | None = None,
    typed: Mapping[str, str] | None = None,
) -> HttpResponse:
    now = clock.now()
    view = queries.view(person, code, now)
    terms = promises.terms(view.terms_number)
    owed_promises = promises.owing_of_order(code, now)
    owed_now = [owed.owing(one) for one in owed_promises]
    hours = parameter(terms.parameters, "processing_hours")
    day = jalali.long_date(view.processing_date)
    processing = format_html('<time datetime="{}">روز پردازش: {}</time>', view.processing_date.isoformat(), day)
    guardian = _guardian(person, view, terms, now)
    boxes = _request_boxes(view, typed if request.POST.get("request") else None, refusal)
    wrong = wrong_boxes(boxes)
    asks_city = view.request is not None and "city" in view.request.fields
    not_begun = next((words for name, words in _NOT_BEGUN.items() if name in request.GET), "")
    context = {
        "order": view,
        "backs": refunds.backs(paid_back.of_subject(f"order:{code}", now) if view.refunds else []),
        "terms": terms,
        "person": person,
        "now": now,
        "promises": sorted(owed_now, key=lambda one: ("broken", "open", "next", "kept").index(one.state)),
        "tally": owed.tally(owed_now),
        "road": road.knots(
            view.road,
            pay_until=view.pay_until,
            processing_words=processing,
            answer_until=view.request.answer_until if view.request else None,
        ),
        "vat": sums.vat(view.total, terms),
        "boxes": boxes,
        "wrong": wrong,
        "heading": heading(len(wrong)),
        "cities": [(place, places.cities(place)) for place in places.provinces()] if asks_city else [],
        "turned_away": {refund.payment_id for refund in view.refunds if refund.payment.captured_at is None},
        "kept_rials": _kept(view),
        "owed_words": _owed_words(view, owed_promises),
        "pro_forma_url": f"/p/{code}/{signing.Signer(salt=ProForma.LINK_SALT).signature(code)}/",
        "rows": _rows(view),
        "dropped": any(line.unit_price != line.placed_price for line in view.lines),
        "placed_goods": sum(line.placed_price * line.quantity for line in view.lines),
        "fees": view.fee_packing + view.fee_shipping + view.fee_insurance,
        "processing_hours": hours,
        "refund_early_hours": parameter(terms.parameters, "refund_early_hours"),
        "refund_hours": parameter(terms.parameters, "refund_hours"),
        "awaiting_bank": view.state == states.REGISTERED
        and any(payment.state == payment.State.VERIFYING for payment in view.payments),
        "refusal": refusal,
        "key": secrets.token_urlsafe(24),
        "gateways": offered_banks(""),
        "guardian": guardian,
        "guardian_fields": _guardian_fields(typed or {}, refusal),
        "not_begun": not_begun or (_NOT_BEGUN_ELSE if "not_payable" in request.GET else ""),
        "is_waiting": view.state == states.REGISTERED,
        "is_short": view.state == states.SHORT,
        "is_incomplete": view.state == states.INCOMPLETE,
        "is_ended": view.state in (states.EXPIRED, states.CANCELLED, states.VOID),
    }
    return render(request, "storefront/order.html", context, status=refusal.status if refusal else 200)
