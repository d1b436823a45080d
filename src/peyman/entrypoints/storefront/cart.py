"""The cart: what lies in it at this moment's price and stock, and what changed since it was last seen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock, live_cart
from peyman.entrypoints.storefront import sums, visitor
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import whole_number
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter
from peyman.shop.carts import actions, queries, rules
from peyman.shop.carts.queries import CartView, LineView
from peyman.shop.carts.rules import Notice, Scarce
from peyman.shop.orders import queries as orders
from peyman.shop.shipping import queries as shipping
from peyman.shop.shipping.models import Carrier

_ELSEWHERE = timedelta(days=1)  # for so long a line says that another device set its number
_TOLD = "cart_told"  # cookie: what was just done, told once on the next page
_SALT = "peyman.cart.told"
_LONGEST = 200  # letters of a title that a cookie carries


@dataclass(frozen=True)
class Clock:
    """What is left of an offer: [("۲", "ساعت"), ("۱۴", "دقیقه")], empty below a minute."""

    until: datetime
    parts: list[tuple[str, str]]

    @classmethod
    def of(cls, until: datetime, now: datetime) -> "Clock":
        words = jalali.duration_words(until - now)
        return cls(until, [(n, unit) for n, _, unit in (part.partition(" ") for part in words.split(" و "))])

    @property
    def is_last_minute(self) -> bool:
        return not self.parts[0][0].isdecimal()


@dataclass(frozen=True)
class Line:
    """A line with what must be told of it, and the steps its buttons take."""

    line: LineView
    notices: list[Notice] = field(default_factory=list)
    limit: int = 20
    scarce: Scarce | None = None
    clock: Clock | None = None
    is_elsewhere: bool = False  # another device set this number a short while ago

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
        return min(self.line.quantity - 1, self.line.available, self.limit)


@dataclass(frozen=True)
class Way:
    """One way of carriage to reckon with, and the address of the cart that does."""

    title: str
    fee: str
    url: str
    is_chosen: bool


@require_safe
@never_cache
def cart(request: HttpRequest) -> HttpResponse:
    return _page(request, clock.now())


@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """Put one variant in the cart: one piece, or as many as asked. Reserves nothing (D54)."""
    return _filled(request, actions.add, request.POST.get("quantity", "1"))


@require_POST
def set_quantity(request: HttpRequest) -> HttpResponse:
    """Put exactly so many pieces in the cart, whatever lies there now. What another device did meanwhile is told."""
    return _filled(request, actions.set_quantity, request.POST.get("quantity", ""))


def _filled(request: HttpRequest, fill: Callable[..., actions.Put], quantity: str) -> HttpResponse:
    """Fill the cart and lead to it; a refusal is told on the cart itself."""
    now = clock.now()
    try:
        done = fill(
            cart=visitor.holder_to_fill(request),
            sku=request.POST.get("sku", ""),
            quantity=quantity,
            terms=promises.terms_in_force(now),
            now=now,
            device=visitor.device_of(request),
        )
    except Missing:
        raise
    except Refused as refusal:
        return _page(request, now, refusal)
    what = {"title": done.title[:_LONGEST], "slug": done.slug, "sku": done.sku, "n": done.quantity, "was": done.before}
    if fill is actions.add:
        return _told("added", **what)
    return redirect("/cart/") if _shown(request) in (None, done.before) else _told("elsewhere", **what)


def _shown(request: HttpRequest) -> int | None:
    """Return the number that stood on the page whose button was pressed, None where it does not say."""
    try:
        return whole_number(request.POST.get("was", ""))
    except ValueError:
        return None


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Take a line out, without asking: the next page puts it back at a press."""
    was = actions.remove(cart=visitor.holder_of(request), sku=request.POST.get("sku", ""))
    if was is None:
        return redirect("/cart/")
    return _told("removed", title=was.title[:_LONGEST], sku=was.sku, n=was.quantity, later=was.is_later)


@require_POST
def put_back(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    try:
        actions.put_back(
            cart=visitor.holder_to_fill(request),
            sku=request.POST.get("sku", ""),
            quantity=request.POST.get("quantity", ""),
            is_later=request.POST.get("later") == "1",
            terms=promises.terms_in_force(now),
            now=now,
        )
    except Missing:
        raise
    except Refused as refusal:
        return _page(request, now, refusal)
    return redirect("/cart/")


@require_POST
def later(request: HttpRequest) -> HttpResponse:
    """Keep a line for another day: it leaves the sum, not the page."""
    sku = request.POST.get("sku", "")
    actions.put_aside(cart=visitor.holder_of(request), sku=sku, now=clock.now(), device=visitor.device_of(request))
    return redirect("/cart/#later")


@require_POST
def fit(request: HttpRequest) -> HttpResponse:
    """Take out what is gone, lower what there is less of, and go on to the checkout."""
    holder, now = visitor.holder_of(request), clock.now()
    limit = parameter(promises.terms_in_force(now).parameters, "max_quantity")
    actions.fit(cart=holder, limit=limit, now=now, device=visitor.device_of(request))
    return redirect("/checkout/" if queries.count(holder) else "/cart/")


@require_safe
@never_cache
def clocks(request: HttpRequest) -> HttpResponse:
    """Answer what is left of each offer in the cart, to be put in place of what the page said a minute ago."""
    now = clock.now()
    ends = queries.offers(visitor.holder_of(request))
    left = [(variant, Clock.of(until, now) if until > now else None) for variant, until in ends]
    return render(request, "storefront/cart_clocks.html", {"clocks": left})


# ---- The page ----


def _page(request: HttpRequest, now: datetime, refusal: Refused | None = None) -> HttpResponse:
    """Five statements, whatever lies there: session, person, terms, lines, carriers; what is told is written down.

    Where nothing lies, orders that wait for payment take the place of carriers: who comes back from the bank without
    having paid finds an empty cart.
    """
    terms = promises.terms_in_force(now)
    view = live_cart.view(visitor.holder_of(request), terms=terms, carrier_fee=0, now=now)
    visitor.note_count(request, view.count)
    carriers = [each for each in shipping.offered() if view.weight_g <= each.max_weight_g] if view.lines else []
    carrier = _carrier(carriers, request.GET.get("carrier", ""))
    view = view.carried(carrier.fee if carrier else 0)
    lines = _lines(view, terms, now, visitor.device_of(request))
    person = visitor.person_of(request)
    context = {
        "terms": terms,
        "now": now,
        "cart": view,
        "lines": lines,
        "later": [Line(line) for line in view.later],
        "has_clocks": any(line.clock for line in lines),
        "is_scarce": any(line.scarce for line in lines),
        "changed": _changed(view.notices),
        "left_out": view.cart.left_out if view.cart else [],
        "max_lines": rules.MAX_LINES,
        "fits": view.fits,
        "fitted_total": fitted_total(view, terms, carrier.fee if carrier else 0),
        "ways": _ways(carriers, carrier),
        "way_chosen": "carrier" in request.GET,
        "checkout_url": f"/checkout/?carrier={quote(carrier.slug)}"
        if carrier and carrier != carriers[0]
        else "/checkout/",
        "cart_days": parameter(terms.parameters, "cart_days"),
        "rows": sums.rows(
            goods=view.goods_total,
            count=sum(line.quantity for line in view.lines if line.available),
            packing=view.fee_packing,
            shipping=view.fee_shipping,
            carrier=carrier.title if carrier else "",
            insurance=view.fee_insurance,
        ),
        "refusal": refusal,
        "wrong": list(refusal.fields.values()) if isinstance(refusal, Invalid) else [],
        "told": {} if refusal else _told_before(request),
        "is_known": person is not None,
        "payable": orders.payable_of(person, now) if person and not view.lines else [],
    }
    response = render(request, "storefront/cart.html", context, status=refusal.status if refusal else 200)
    if context["told"]:
        response.delete_cookie(_TOLD, path="/cart/", samesite="Lax")
    held = view.cart
    if held and refusal is None and (view.shown or held.left_out or now - held.seen_at >= queries.SEEN_EVERY):
        actions.mark_seen(cart=held, now=now, shown=view.shown)
    return response


@carries_out("D56", "D59")
def _lines(view: CartView, terms: TermsVersion, now: datetime, device: str) -> list[Line]:
    """Return the lines with what changed in each, and with what urges to finalise soon."""
    told: dict[str, list[Notice]] = {}
    for notice in view.notices:
        told.setdefault(notice.sku, []).append(notice)
    limit = parameter(terms.parameters, "max_quantity")
    lines = []
    for line in view.lines:
        scarce = rules.scarce(available=line.available, offer_until=line.offer_until, now=now)
        running = Clock.of(scarce.until, now) if scarce and scarce.until else None
        changed = line.changed_at is not None and now - line.changed_at < _ELSEWHERE
        elsewhere = bool(device and line.device and line.device != device) and changed
        lines.append(Line(line, told.get(line.sku, []), limit, scarce, running, elsewhere))
    return lines


def _carrier(carriers: list[Carrier], slug: str) -> Carrier | None:
    return next((each for each in carriers if each.slug == slug), carriers[0] if carriers else None)


@carries_out("D118")
def _ways(carriers: list[Carrier], chosen: Carrier | None) -> list[Way]:
    """Return the ways of carriage to choose among, each with its fee; none where there is only one."""
    if len(carriers) < 2:
        return []
    return [
        Way(each.title, sums.fee(each.fee), f"/cart/?carrier={quote(each.slug)}#sum", each == chosen)
        for each in carriers
    ]


def fitted_total(view: CartView, terms: TermsVersion, carrier_fee: int) -> int:
    """Return what the cart would come to, fees included, if every line took no more than there is. Rials."""
    limit = parameter(terms.parameters, "max_quantity")
    goods = sum(line.unit_price * min(line.quantity, line.available, limit) for line in view.lines)
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


# ---- What was just done, told once ----


def _told(kind: str, **what: object) -> HttpResponse:
    """Lead to the cart, which tells this once. The words travel signed, so that no link can make the shop say them."""
    response = redirect("/cart/")
    response.set_cookie(
        _TOLD,
        signing.dumps({"kind": kind, **what}, salt=_SALT, compress=True),
        max_age=300,
        path="/cart/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def _told_before(request: HttpRequest) -> dict[str, Any]:
    if _TOLD not in request.COOKIES:
        return {}
    try:
        told: dict[str, Any] = signing.loads(request.COOKIES[_TOLD], salt=_SALT, max_age=300)
    except signing.BadSignature:
        return {"kind": ""}
    return told
