"""Addresses that look like public places: staff accept one for one customer, with a reason (D49)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.people import queries as people
from peyman.people.models import Person
from peyman.people.rules import mobile_number
from peyman.shop.orders import queries
from peyman.shop.orders.actions import addresses as actions
from peyman.shop.orders.rules.form import read_delivery
from peyman.shop.orders.rules.public_places import public_place

_LONGEST = 400
_BOXES = (
    ("mobile", "موبایل مشتری", "شماره‌ای که با آن وارد می‌شود", True),
    ("province", "استان", "", False),
    ("city", "شهر", "", False),
    ("street", "خیابان و کوچه", "همان‌گونه که مشتری نوشته است", False),
    ("plate", "پلاک", "", False),
    ("unit", "واحد (اگر دارد)", "", False),
    ("postal_code", "کد پستی", "۱۰ رقم", True),
    ("reason", "چرا پذیرفته می‌شود", "در پرونده می‌ماند؛ مانند «سرایدار هتل است و همان‌جا زندگی می‌کند»", False),
)


@door.staff_only("addresses")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("D49")
def addresses(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what was accepted; on POST accept one address for one customer."""
    if request.method != "POST":
        return _page(request, person, {}, {})
    typed = {name: request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name, *_ in _BOXES}
    bad: dict[str, str] = {}
    customer = delivery = None
    try:
        customer = people.by_mobile(mobile_number(typed["mobile"]))
        if customer is None:
            bad["mobile"] = "مشتری‌ای با این شماره نداریم."
    except Invalid as refusal:
        bad |= refusal.fields
    try:
        delivery = read_delivery(typed | {"recipient": "-", "landline": ""})
    except Invalid as refusal:
        bad = refusal.fields | bad
    if not typed["reason"].strip():
        bad["reason"] = "بنویسید چرا این نشانی پذیرفته می‌شود."
    if customer is None or delivery is None or bad:
        return _page(request, person, typed, bad)
    if not public_place(f"{delivery.street}، {delivery.plate}، {delivery.unit}"):
        return _page(request, person, typed, {"street": "این نشانی مکان عمومی به شمار نمی‌آید و پذیرفتن نمی‌خواهد."})
    actions.allow(person=customer, delivery=delivery, reason=typed["reason"], by=person, now=clock.now())
    return redirect("/desk/addresses/?saved")


def _page(request: HttpRequest, person: Person, typed: dict[str, str], bad: dict[str, str]) -> HttpResponse:
    boxes = [
        Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), ltr=ltr, maxlength=_LONGEST)
        for name, label, hint, ltr in _BOXES
    ]
    faulty = wrong(boxes)
    context = {
        "fields": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "allowed": queries.allowed_addresses(),
        "saved": "saved" in request.GET,
    }
    return door.render(request, person, "addresses.html", context, 422 if faulty else 200)
