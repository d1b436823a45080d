"""On the way to the bank, and back from it."""

import secrets
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from peyman.billing import queries as bills
from peyman.billing.models import Payment
from peyman.billing.rules import UnknownGateway, UnknownPayment
from peyman.entrypoints import clock, payments
from peyman.entrypoints.storefront import visitor
from peyman.gateways import banks
from peyman.kernel.clauses import carries_out
from peyman.promises import queries as promises
from peyman.shop.orders.models import Order

# Under which names a browser brings the token back, and how it says that all went well.
_NEVER = "max-age=0, no-cache, no-store, must-revalidate, private"
_BROUGHT = {"zarinpal": ("Authority", "Status"), "saman": ("Token", "State")}


@never_cache
@require_safe
def to_bank(request: HttpRequest, payment: str) -> HttpResponse:
    """Lead on to the bank's page: by itself, and by a link where a browser does not.

    A form may lead nowhere but to us (form-action), and a bank may lead on to another host: hence a page between.
    """
    person = visitor.person_of(request)
    found = Payment.objects.select_related("bill").filter(code=payment, bill__person=person).first() if person else None
    if found is None:
        raise UnknownPayment
    order = found.bill.subject.removeprefix("order:")
    if found.state != Payment.State.PENDING or not found.token or found.token_until <= clock.now():
        return redirect(f"/orders/{order}/")
    context = {"url": banks.bank(found.gateway).redirect_url(found.token), "payment": found, "order_code": order}
    return render(request, "storefront/to_bank.html", context)


@csrf_exempt  # a bank's page sends its form here; nothing in it is believed but the token's name
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D57")
def callback(request: HttpRequest, gateway: str) -> HttpResponse:
    """Take a browser back from a bank. No session is needed: the token names the payment, the bank says how it is."""
    if gateway not in _BROUGHT:
        raise UnknownGateway
    brought = request.POST if request.method == "POST" else request.GET
    token_name, status_name = _BROUGHT[gateway]
    token = brought.get(token_name, "")[:80]
    outcome = payments.handle_callback(
        gateway=gateway, token=token, status_ok=brought.get(status_name) == "OK", now=clock.now()
    )
    if outcome.kind == "final" and _is_mine(request, outcome.order):
        return _see(f"/orders/{outcome.order}/")
    return _see(f"/pay/{gateway}/result?{urlencode({'back': _signer().sign(f'{outcome.kind}:{token}')})}")


@never_cache
@require_safe
def result(request: HttpRequest, gateway: str) -> HttpResponse:
    """Say how a payment ended, to whoever came back with its token; nothing about the buyer is shown.

    What our own rows say counts; where they do not know yet, what the bank said when the browser came back.
    """
    try:
        said, _, token = _signer().unsign(request.GET.get("back", "")).partition(":")
    except signing.BadSignature:
        raise UnknownPayment from None
    payment = bills.by_token(gateway, token)
    outcome = payments.outcome_of(payment)
    order = Order.objects.select_related("terms").get(code=outcome.order)
    now = clock.now()
    owed = promises.of_order(order.code, now)
    context = {
        "kind": said if outcome.kind == "unknown" and said == "unpaid" else outcome.kind,
        "payment": payment,
        "order": order,
        "terms": order.terms,
        "is_mine": _is_mine(request, order.code),
        "key": secrets.token_urlsafe(24),
        "is_payable": order.state == Order.State.REGISTERED and order.pay_until > now,
        "refunds": [promise for promise in owed if promise.kind == "refund" and promise.state != "kept"],
    }
    return render(request, "storefront/pay_result.html", context)


def _signer() -> signing.Signer:
    return signing.Signer(salt="pay-result")


def _is_mine(request: HttpRequest, order: str) -> bool:
    person = visitor.person_of(request)
    return person is not None and Order.objects.filter(code=order, person=person).exists()


def _see(url: str) -> HttpResponse:
    """Lead on to a page, and let nobody keep that: what `never_cache` says, without counting a date for it."""
    return HttpResponse(status=303, headers={"Location": url, "Cache-Control": _NEVER})
