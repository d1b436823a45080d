"""Addresses and organisations written down once, for every order (D38, D44)."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from peyman.entrypoints import clock
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.storefront.members import members_only
from peyman.entrypoints.storefront.templatetags import fa
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise
from peyman.people import actions as people
from peyman.people import queries
from peyman.people.models import Person
from peyman.shop.orders.rules.form import Buyer, Delivery, read_buyer, read_delivery
from peyman.shop.shipping import places

_ADDRESS = ("recipient", "mobile", "landline", "province", "city", "street", "plate", "unit", "postal_code")
_ORGANISATION = ("name", "national_id", "economic_code", "registration_number", "postal_code", "phone")
_LONGEST = 400


@require_http_methods(["GET", "HEAD", "POST"])
@members_only("/account/book/")
def book(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the book; on POST write an address into it, or anew the one that is named."""
    if request.method != "POST":
        return _page(request, person, _known(request, person))
    typed = _typed(request, "title", "address", *_ADDRESS)
    try:
        delivery = read_place({name: typed[name] for name in _ADDRESS})
        people.keep_address(
            person=person,
            particulars=particulars_of(delivery) | {"title": normalise(typed["title"])[:40]},
            code=typed["address"],
            now=clock.now(),
        )
    except Refused as refusal:
        if isinstance(refusal, Missing):
            raise
        return _page(request, person, typed, refusal)
    return redirect("/account/book/?saved")


def read_place(raw: Mapping[str, str]) -> Delivery:
    """Return a delivery whose city we know, spelled as we spell it. Raises Invalid naming every field."""
    delivery = read_delivery(raw)
    place = places.find(delivery.province, delivery.city)
    if place is None:
        raise Invalid({"city": "این شهر را در این استان نمی‌شناسیم؛ نام آن را از فهرست برگزینید."})
    return Delivery(**(particulars_of(delivery) | {"province": place.province, "city": place.city}))


def particulars_of(delivery: Delivery) -> dict[str, str]:
    return {name: str(getattr(delivery, name)) for name in _ADDRESS}


@require_POST
@members_only("/account/book/")
@carries_out("D44")
def organisation(request: HttpRequest, person: Person) -> HttpResponse:
    """Write down an organisation whose ids hold."""
    typed = _typed(request, *(f"buyer.{name}" for name in _ORGANISATION))
    try:
        buyer = read_buyer({name: typed[f"buyer.{name}"] for name in _ORGANISATION} | {"kind": "legal_entity"})
        keep_organisation(person, buyer, request)
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return redirect("/account/book/?saved#organisations")


def keep_organisation(person: Person, buyer: Buyer, request: HttpRequest) -> None:
    people.keep_legal_entity(person=person, particulars=buyer.particulars(), now=clock.now())


@require_POST
@members_only("/account/book/")
def remove(request: HttpRequest, person: Person) -> HttpResponse:
    code = request.POST.get("code", "")[:32]
    if code.startswith("ADR-"):
        people.drop_address(person=person, code=code)
    else:
        people.drop_legal_entity(person=person, code=code)
    return redirect("/account/book/")


def _typed(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST.get(name, "")[:_LONGEST] for name in names}


def _known(request: HttpRequest, person: Person) -> dict[str, str]:
    """Return the address that is to be changed, else name and number of the account."""
    code = request.GET.get("edit", "")
    chosen = next((row for row in queries.addresses(person) if row.code == code), None) if code else None
    if chosen is None:
        return {"recipient": person.full_name, "mobile": fa.mobile(person.mobile)}
    kept = {name: str(value) for name, value in chosen.particulars.items()}
    return kept | {"mobile": fa.mobile(kept["mobile"]), "landline": fa.mobile(kept["landline"]), "address": chosen.code}


def _page(
    request: HttpRequest, person: Person, typed: Mapping[str, str], refusal: Refused | None = None
) -> HttpResponse:
    bad = refusal.fields if isinstance(refusal, Invalid) else {}
    boxes, buyer = _boxes(typed, bad), _buyer_boxes(typed, bad)
    faulty = wrong([*boxes, *buyer])
    context = {
        "addresses": queries.addresses(person),
        "organisations": queries.legal_entities(person),
        "fields": boxes,
        "buyer_fields": buyer,
        "buyer_wrong": bool(wrong(buyer)),
        "editing": typed.get("address", ""),
        "cities": [(place, places.cities(place)) for place in places.provinces()],
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal if refusal and not faulty else None,
        "saved": "saved" in request.GET,
    }
    return render(request, "storefront/book.html", context, status=refusal.status if refusal else 200)


def _boxes(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    def box(name: str, label: str, hint: str = "", **more: object) -> Field:
        return Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), **more)  # type: ignore[arg-type]  # names of Field's own fields

    provinces = (("", "برگزینید"), *((name, name) for name in places.provinces()))
    return [
        box("title", "نام این نشانی (اگر بخواهید)", "مانند خانه یا محل کار", maxlength=40),
        box("recipient", "نام و نام خانوادگی گیرنده", autocomplete="name", maxlength=120),
        box("mobile", "موبایل گیرنده", type="tel", inputmode="tel", ltr=True, autocomplete="tel", maxlength=30),
        box(
            "landline", "تلفن ثابت (اگر دارد)", "با پیش‌شماره", type="tel", inputmode="tel", ltr=True,
            autocomplete="home tel", maxlength=30,
        ),
        box("province", "استان", options=provinces, autocomplete="address-level1"),
        box("city", "شهر", list="cities", autocomplete="address-level2", maxlength=80),
        box("street", "خیابان و کوچه", wide=True, autocomplete="street-address", maxlength=300),
        box("plate", "پلاک", "اگر پلاک ندارد، «ندارد» بنویسید.", maxlength=20),
        box("unit", "واحد (اگر دارد)", maxlength=20),
        box(
            "postal_code", "کد پستی", "۱۰ رقم", inputmode="numeric", ltr=True, autocomplete="postal-code", maxlength=20
        ),
    ]  # fmt: skip


def _buyer_boxes(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    labels = {
        "name": ("نام سازمان یا شرکت", ""),
        "national_id": ("شناسه ملی", "۱۱ رقم"),
        "economic_code": ("کد اقتصادی", "۱۱ تا ۱۴ رقم"),
        "registration_number": ("شماره ثبت", ""),
        "postal_code": ("کد پستی سازمان", "۱۰ رقم"),
        "phone": ("تلفن سازمان", "با پیش‌شماره"),
    }
    return [
        Field(
            f"buyer.{name}", label, typed.get(f"buyer.{name}", ""), hint,
            bad.get(f"buyer.{name}", "") or (bad.get(name, "") if name == "national_id" else ""),
            inputmode="" if name == "name" else "numeric", ltr=name != "name", maxlength=120 if name == "name" else 20,
            clause="D44" if name == "national_id" else "",
        )
        for name, (label, hint) in labels.items()
    ]  # fmt: skip
