"""The cart: what lies in it at this moment's price and stock, and what changed since it was last seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.storefront import sums, visitor
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import actions, queries, rules
from peyman.shop.carts.models import Cart
from peyman.shop.carts.queries import CartView, LineView
from peyman.shop.carts.rules import Notice
from peyman.shop.shipping import queries as shipping

_SEEN_EVERY = timedelta(hours=1)  # an unchanged cart is written down as seen no more often than that


@dataclass(frozen=True)
class Line:
    """A line with what must be told of it, and the steps its buttons take."""

    line: LineView
    notices: list[Notice] = field(default_factory=list)
    limit: int = 20

    @property
    def is_gone(self) -> bool:
        return self.line.available <= 0

    @property
    def more(self) -> int:
        """The next number up, 0 when there is none to buy."""
        more = self.line.quantity + 1
        return more if more <= min(self.line.available, self.limit) else 0

    @property
    def fewer(self) -> int:
        """The next number down that can be bought, 0 when only taking it out is left."""
        return min(self.line.quantity - 1, self.line.available)


@require_safe
@never_cache
def cart(request: HttpRequest) -> HttpResponse:
    return _page(request, visitor.cart_of(request), clock.now())


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Put one variant in the cart: one piece, or as many as asked. Reserves nothing (D54)."""
    return _filled(request, actions.add, request.POST.get("quantity", "1"))


@require_POST
def set_quantity(request: HttpRequest) -> HttpResponse:
    return _filled(request, actions.set_quantity, request.POST.get("quantity", ""))


def _filled(request: HttpRequest, fill: Callable[..., object], quantity: str) -> HttpResponse:
    """Fill the cart and show it; a refusal is told on the cart itself."""
    now = clock.now()
    held = visitor.cart_to_fill(request, now)
    try:
        terms = promises.terms_in_force(now)
        fill(cart=held, sku=request.POST.get("sku", ""), quantity=quantity, terms=terms, now=now)
    except Missing:
        raise
    except Refused as refusal:
        return _page(request, held, now, refusal)
    return redirect("/cart/")


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    held = visitor.cart_of(request)
    if held:
        actions.remove(cart=held, sku=request.POST.get("sku", ""))
    return redirect("/cart/")


@require_POST
@carries_out("D56")
def fit(request: HttpRequest) -> HttpResponse:
    """Take out what is gone, lower what there is less of, and go on to the checkout."""
    now = clock.now()
    held = visitor.cart_of(request)
    if held is None:
        return redirect("/cart/")
    terms = promises.terms_in_force(now)
    for line in queries.view(held, terms=terms, carrier_fee=0).lines:
        if not line.available:
            actions.remove(cart=held, sku=line.sku)
        elif line.available < line.quantity:
            actions.set_quantity(cart=held, sku=line.sku, quantity=line.available, terms=terms, now=now)
    return redirect("/checkout/" if queries.count(held) else "/cart/")


def _page(request: HttpRequest, held: Cart | None, now: datetime, refusal: Refused | None = None) -> HttpResponse:
    terms = promises.terms_in_force(now)
    carriers = shipping.offered() if held else []
    view = queries.view(held, terms=terms, carrier_fee=carriers[0].fee if carriers else 0)
    told: dict[str, list[Notice]] = {}
    for notice in view.notices:
        told.setdefault(notice.sku, []).append(notice)
    limit = parameter(terms.parameters, "max_quantity")
    context = {
        "terms": terms,
        "now": now,
        "cart": view,
        "lines": [Line(line, told.get(line.sku, []), limit) for line in view.lines],
        "changed": _changed(view.notices),
        "fits": not any(notice.kind in ("gone", "fewer") for notice in view.notices),
        "fitted_total": fitted_total(view, terms, carriers[0].fee if carriers else 0),
        "rows": sums.rows(
            goods=view.goods_total,
            count=sum(line.quantity for line in view.lines if line.available),
            packing=view.fee_packing,
            shipping=view.fee_shipping,
            carrier=carriers[0].title if carriers else "",
            insurance=view.fee_insurance,
        ),
        "refusal": refusal,
        "wrong": list(refusal.fields.values()) if isinstance(refusal, Invalid) else [],
    }
    response = render(request, "storefront/cart.html", context, status=refusal.status if refusal else 200)
    if held and refusal is None and (view.notices or now - held.seen_at >= _SEEN_EVERY):
        actions.mark_seen(cart=held, now=now)
    return response


def fitted_total(view: CartView, terms: TermsVersion, carrier_fee: int) -> int:
    """Return what the cart would come to, fees included, if every line took no more than there is. Rials."""
    goods = sum(line.unit_price * min(line.quantity, line.available) for line in view.lines)
    fees = rules.fees(
        goods,
        packing_fee=parameter(terms.parameters, "packing_fee"),
        insurance_permille=parameter(terms.parameters, "insurance_permille"),
        carrier_fee=carrier_fee,
    )
    return goods + fees.total


def _changed(notices: list[Notice]) -> str:
    """Return «یک کالا ارزان‌تر، دو کالا گران‌تر و یک کالا ناموجود», "" when nothing changed."""
    words = {"cheaper": "ارزان‌تر", "dearer": "گران‌تر", "fewer": "کم‌شمارتر", "gone": "ناموجود"}
    counts = [(sum(1 for notice in notices if notice.kind == kind), word) for kind, word in words.items()]
    parts = [f"{n} کالا {word}" for n, word in counts if n]
    return " و ".join(filter(None, ["، ".join(parts[:-1]), parts[-1]])) if parts else ""
