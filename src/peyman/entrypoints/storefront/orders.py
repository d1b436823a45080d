"""A customer's orders: the list, one order with its promises and its road, paying again, cancelling, the pro-forma."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from urllib.parse import quote

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock, guardians
from peyman.entrypoints.fields import Field
from peyman.entrypoints.storefront import owed, road, sums, visitor
from peyman.entrypoints.storefront.checkout import begin_payment, offered_banks
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import whole_number
from peyman.kernel.worktime import tehran_day
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.people.rules import is_minor
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.orders import actions, queries
from peyman.shop.orders.models import ProForma
from peyman.shop.orders.queries import OrderView
from peyman.shop.orders.rules import states

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


@never_cache
@require_safe
@carries_out("D24")
def pro_forma(request: HttpRequest, code: str, signature: str) -> HttpResponse:
    """Show the pro-forma to whoever holds the link we sent (A12), without a log-in."""
    now = clock.now()
    view = queries.by_link(code, signature, now)
    version = view.pro_formas[-1]
    context = {
        "order": view,
        "version": version,
        "terms": promises.terms(view.terms_number),
        "rows": _rows(view),
        "lines": version.lines,
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
    owed_now = [owed.owing(one) for one in promises.owing_of_order(code, now)]
    hours = parameter(terms.parameters, "processing_hours")
    day = jalali.long_date(view.processing_date)
    processing = format_html('<time datetime="{}">روز پردازش: {}</time>', view.processing_date.isoformat(), day)
    guardian = _guardian(person, view, terms, now)
    not_begun = next((words for name, words in _NOT_BEGUN.items() if name in request.GET), "")
    context = {
        "order": view,
        "terms": terms,
        "person": person,
        "now": now,
        "promises": sorted(owed_now, key=lambda one: ("broken", "open", "next", "kept").index(one.state)),
        "tally": owed.tally(owed_now),
        "road": road.knots(view.road, pay_until=view.pay_until, processing_words=processing),
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
        "is_ended": view.state in (states.EXPIRED, states.CANCELLED, states.VOID),
    }
    return render(request, "storefront/order.html", context, status=refusal.status if refusal else 200)
