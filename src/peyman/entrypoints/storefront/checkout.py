"""Checkout: one page in four groups. What was typed stays, whatever is refused."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from peyman.billing.rules import BankAway, KeyReused
from peyman.entrypoints import clock, fields, payments
from peyman.entrypoints.fields import Field
from peyman.entrypoints.storefront import sums, visitor
from peyman.entrypoints.storefront.templatetags import fa
from peyman.gateways import banks
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.text import whole_number
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.promises import queries as promises
from peyman.promises.models import TermsVersion
from peyman.shop.carts import queries as carts
from peyman.shop.carts.models import Cart
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from peyman.shop.orders.rules.form import Buyer, Delivery, read_buyer, read_delivery
from peyman.shop.orders.rules.money import TermsChanged, TotalRose
from peyman.shop.shipping import places
from peyman.shop.shipping import queries as shipping
from peyman.shop.shipping.models import Carrier
from peyman.shop.shipping.rules import CarrierChoice

_LONGEST_KEY = 64
_LONGEST = 400  # letters of a box that are read and shown again

DELIVERY = ("recipient", "mobile", "landline", "province", "city", "street", "plate", "unit", "postal_code")
_BUYER = ("name", "national_id", "economic_code", "registration_number", "postal_code", "phone")


@dataclass(frozen=True)
class Filled:
    """A form without a fault."""

    delivery: Delivery
    buyer: Buyer
    carrier: CarrierChoice
    terms_number: int


@dataclass(frozen=True)
class Pick:
    """One carrier to choose: its fee, and what the order comes to with it. Rials."""

    place: int  # 1, 2, …: the page shows the sums of the chosen one
    carrier: Carrier
    total: int
    rows: list[sums.Row]
    vat: sums.Row | None  # what of the total is tax
    is_chosen: bool


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D06")
def checkout(request: HttpRequest) -> HttpResponse:
    """Show the form; on POST register the order, begin its payment and lead to the bank."""
    person = visitor.person_of(request)
    if person is None:
        return redirect(f"/login/?next={quote('/checkout/')}")
    now = clock.now()
    cart = carts.of_person(person)
    if request.method != "POST":
        view = carts.view(cart, terms=promises.terms_in_force(now), carrier_fee=0)
        if not view.lines or not view.fits:
            return redirect("/cart/")
        return _page(request, cart, _known(person) | _chosen(request, person), now)
    typed = {name: value[:_LONGEST] for name, value in request.POST.items() if isinstance(value, str)}
    return _place(request, person, cart, typed, now)


def _place(
    request: HttpRequest, person: Person, cart: Cart | None, typed: Mapping[str, str], now: datetime
) -> HttpResponse:
    weight = carts.view(cart, terms=promises.terms_in_force(now), carrier_fee=0).weight_g
    wrong: dict[str, str] = {}
    clauses: dict[str, str] = {}
    filled = _read(typed, weight, wrong, clauses)
    if filled is None:
        return _page(request, cart, typed, now, wrong=wrong, clauses=clauses)
    try:
        placed = orders.place(
            person=person,
            lines=None,
            cart=cart,
            shown_total=_shown_total(typed, filled.carrier.slug),
            terms_version=filled.terms_number,
            delivery=filled.delivery,
            buyer=filled.buyer,
            carrier=filled.carrier,
            key=typed.get("key", "")[:_LONGEST_KEY] or None,
            request_hash=_hash(typed),
            now=now,
        )
    except KeyReused:
        # The same form, sent again with other words after its order was registered.
        earlier = Order.objects.get(person=person, idempotency_key=typed["key"][:_LONGEST_KEY])
        return redirect(f"/orders/{earlier.code}/")
    except Refused as refusal:
        if not carts.count(cart):
            raise
        return _page(request, cart, typed, now, refusal=refusal)
    return begin_payment(placed.order, placed.order.total, typed.get("key", ""), typed.get("gateway", ""), now)


def begin_payment(order: Order, shown_total: int, key: str, gateway: str, now: datetime) -> HttpResponse:
    """Lead to the bank that was chosen, else to another one; where none can be now, to the order, which says why.

    `key` is the form's: sent twice, it is one payment.
    """
    offered = banks.names()
    if not offered:
        raise BankAway
    try:
        started = payments.start(
            order=order,
            gateway=gateway if gateway in offered else offered[0],
            or_others=True,
            shown_total=shown_total,
            key=key[:_LONGEST_KEY] or None,
            now=now,
        )
    except Refused as refusal:
        return redirect(f"/orders/{order.code}/?{refusal.code}")
    return redirect(f"/pay/{started.payment}/")


def offered_banks(chosen: str) -> list[tuple[str, str, bool]]:
    """Return name and title of each bank to choose from, and whether it is the one chosen; none where there is one."""
    names = banks.names()
    picked = chosen if chosen in names else (names or [""])[0]
    return [(name, banks.TITLES[name], name == picked) for name in names] if len(names) > 1 else []


def _read(typed: Mapping[str, str], weight_g: int, wrong: dict[str, str], clauses: dict[str, str]) -> Filled | None:
    """Return the form if it is whole; else name every fault in `wrong`, and the clause behind it in `clauses`."""

    def note(refusal: Invalid) -> None:
        wrong.update(refusal.fields)

    delivery = buyer = carrier = None
    try:
        delivery = read_delivery({name: typed.get(name, "") for name in DELIVERY})
    except Invalid as refusal:
        note(refusal)
    try:
        buyer = read_buyer(
            {name: typed.get(f"buyer.{name}", "") for name in _BUYER} | {"kind": typed.get("buyer.kind", "")}
        )
    except Invalid as refusal:
        note(refusal)
    if "province" not in wrong and "city" not in wrong:
        try:
            carrier = shipping.choice(
                typed.get("carrier", ""), typed.get("province", ""), typed.get("city", ""), weight_g
            )
        except Invalid as refusal:
            note(refusal)
            clauses.update({name: refusal.clause for name in refusal.fields if refusal.clause})
    number = 0
    try:
        number = whole_number(typed.get("terms", ""))
    except ValueError:
        wrong["terms"] = "برای ثبت سفارش باید شرایط فروش را بپذیرید؛ خانه پذیرش را نشان بزنید."
        clauses["terms"] = "D02"
    if wrong or delivery is None or buyer is None or carrier is None:
        return None
    spelled = replace(delivery, province=carrier.province, city=carrier.city)
    return Filled(spelled, buyer, carrier, number)


def _shown_total(typed: Mapping[str, str], carrier: str) -> int:
    """Return the total, in rials, that stood on the button for the chosen carrier; 0 agrees to nothing."""
    try:
        return max(0, whole_number(typed.get(f"shown_total.{carrier}") or typed.get("shown_total", "")))
    except ValueError:
        return 0


def _hash(typed: Mapping[str, str]) -> str:
    told = {name: value for name, value in typed.items() if name not in ("csrfmiddlewaretoken", "key")}
    return hashlib.sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _known(person: Person) -> dict[str, str]:
    """Return what we know already: the address of the last order, else name and number of the account."""
    last = Order.objects.filter(person=person).order_by("-placed_at", "-pk").first()
    if last is None:
        return {"recipient": person.full_name, "mobile": fa.mobile(person.mobile)}
    known = {name: str(getattr(last, name)) for name in DELIVERY}
    return known | {"mobile": fa.mobile(last.mobile), "landline": fa.mobile(last.landline), "carrier": last.carrier}


def _chosen(request: HttpRequest, person: Person) -> dict[str, str]:
    """Return the carrier chosen in the cart, and what the customer's book holds of what was picked from it (D44)."""
    picked: dict[str, str] = {"carrier": request.GET["carrier"]} if request.GET.get("carrier") else {}
    for row in people.addresses(person) if "address" in request.GET else []:
        if row.code == request.GET["address"]:
            kept = {name: str(row.particulars.get(name, "")) for name in DELIVERY}
            picked |= kept | {"mobile": fa.mobile(kept["mobile"]), "landline": fa.mobile(kept["landline"])}
    for entity in people.legal_entities(person) if "organisation" in request.GET else []:
        if entity.code == request.GET["organisation"]:
            picked |= {f"buyer.{name}": str(entity.particulars.get(name, "")) for name in _BUYER}
            picked["buyer.kind"] = "legal_entity"
    return picked


def _page(
    request: HttpRequest,
    cart: Cart | None,
    typed: Mapping[str, str],
    now: datetime,
    *,
    wrong: Mapping[str, str] | None = None,
    clauses: Mapping[str, str] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    terms = promises.terms_in_force(now)
    view = carts.view(cart, terms=terms, carrier_fee=0)
    if not view.goods_total and refusal is None:
        return redirect("/cart/")
    person = visitor.person_of(request)
    if isinstance(refusal, Invalid) and set(refusal.fields) <= {*DELIVERY, "carrier"}:  # it is said at the boxes
        clauses = dict.fromkeys(refusal.fields, refusal.clause or "")
        wrong, refusal = refusal.fields, None
    boxes = form_boxes(typed, wrong or {}, clauses or {})
    lines = [line for line in view.lines if line.available]
    picks = _picks(view, terms, typed)
    chosen = next((pick for pick in picks if pick.is_chosen), None)
    faulty = fields.wrong(boxes.values())
    context = {
        "terms": terms,
        "f": boxes,
        "wrong": faulty,
        "heading": fields.heading(len(faulty)),
        "picks": picks,
        "chosen": chosen,
        "refusal": refusal,
        "rose": refusal if isinstance(refusal, TotalRose) else None,
        "more_wrong": list(refusal.fields.values()) if isinstance(refusal, Invalid) else [],
        "is_legal": typed.get("buyer.kind") == "legal_entity",
        "accepted": typed.get("terms") == str(terms.number) and not isinstance(refusal, TermsChanged),
        "cities": [(place, places.cities(place)) for place in places.provinces()],
        "addresses": people.addresses(person) if person else [],
        "organisations": people.legal_entities(person) if person else [],
        "key": typed.get("key") or secrets.token_urlsafe(24),
        "gateways": offered_banks(typed.get("gateway", "")),
        "lines": lines,
    }
    status = refusal.status if refusal else 422 if faulty else 200
    return render(request, "storefront/checkout.html", context, status=status)


@carries_out("D68")
def _offered(typed: Mapping[str, str], weight_g: int) -> list[Carrier]:
    """Return the carriers that go where the form says; all of them while it names no city that we know."""
    province, city = typed.get("province", ""), typed.get("city", "")
    known = places.find(province, city) if city else None
    return shipping.offered(province if known else "", city if known else "", weight_g)


def _picks(view: carts.CartView, terms: TermsVersion, typed: Mapping[str, str]) -> list[Pick]:
    offered = _offered(typed, view.weight_g)
    slugs = [carrier.slug for carrier in offered]
    chosen = typed.get("carrier") if typed.get("carrier") in slugs else (slugs or [""])[0]
    count = sum(line.quantity for line in view.lines if line.available)
    return [
        Pick(
            place=place,
            carrier=carrier,
            total=view.total + carrier.fee,
            rows=sums.rows(
                goods=view.goods_total,
                count=count,
                packing=view.fee_packing,
                shipping=carrier.fee,
                carrier=carrier.title,
                insurance=view.fee_insurance,
            ),
            vat=sums.vat(view.total + carrier.fee, terms),
            is_chosen=carrier.slug == chosen,
        )
        for place, carrier in enumerate(offered, start=1)
    ]


def form_boxes(typed: Mapping[str, str], wrong: Mapping[str, str], clauses: Mapping[str, str]) -> dict[str, Field]:
    """Return every box of the form by a name that a template can follow, in the order of the page."""
    provinces = (("", "برگزینید"), *((name, name) for name in places.provinces()))
    place = places.find(typed.get("province", ""), typed.get("city", ""))

    def box(name: str, label: str, hint: str = "", **more: Any) -> Field:
        return Field(name, label, typed.get(name, ""), hint, wrong.get(name, ""), clause=clauses.get(name, ""), **more)

    boxes = [
        box("recipient", "نام و نام خانوادگی", autocomplete="name", maxlength=120),
        box(
            "mobile", "موبایل", "کد رهگیری و بارنامه به این شماره پیامک می‌شود.",
            type="tel", inputmode="tel", ltr=True, autocomplete="tel", maxlength=30,
        ),
        box(
            "landline", "تلفن ثابت (اگر دارید)", "با پیش‌شماره",
            type="tel", inputmode="tel", ltr=True, autocomplete="home tel", maxlength=30,
        ),
        box("province", "استان", options=provinces, autocomplete="address-level1"),
        box("city", "شهر", list="cities", autocomplete="address-level2", maxlength=80),
        box("street", "خیابان و کوچه", wide=True, autocomplete="street-address", maxlength=300),
        box("plate", "پلاک", "اگر پلاک ندارد، «ندارد» بنویسید.", maxlength=20),
        box("unit", "واحد (اگر دارد)", maxlength=20),
        box(
            "postal_code", "کد پستی", "۱۰ رقم، بدون خط تیره. رقم فارسی یا لاتین، هر دو پذیرفته است.",
            inputmode="numeric", ltr=True, autocomplete="postal-code", maxlength=20,
        ),
        box("carrier", "شیوه ارسال"),
        box("buyer.kind", "خریدار"),
        box("buyer.name", "نام سازمان یا شرکت", autocomplete="organization", maxlength=120),
        box("buyer.national_id", "شناسه ملی", "۱۱ رقم", inputmode="numeric", ltr=True, maxlength=20),
        box("buyer.economic_code", "کد اقتصادی", inputmode="numeric", ltr=True, maxlength=20),
        box("buyer.registration_number", "شماره ثبت", inputmode="numeric", ltr=True, maxlength=20),
        box("buyer.postal_code", "کد پستی سازمان", "۱۰ رقم", inputmode="numeric", ltr=True, maxlength=20),
        box("buyer.phone", "تلفن سازمان", "با پیش‌شماره", type="tel", inputmode="tel", ltr=True, maxlength=20),
        box("terms", "پذیرش شرایط"),
    ]  # fmt: skip
    if place:
        spelled = {"province": place.province, "city": place.city}
        boxes = [replace(b, value=spelled[b.name]) if b.name in spelled else b for b in boxes]
    return {b.name.replace("buyer.", "buyer_"): b for b in boxes}
