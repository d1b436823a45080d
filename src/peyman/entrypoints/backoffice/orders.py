"""The board of orders: what needs a hand first, lists by kind, finding one by whatever is in hand, and as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, order_figures
from peyman.entrypoints.backoffice.order_words import DUE, SHELVES
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.sheets import answer, cell
from peyman.gateways import banks
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import normalise
from peyman.people import actions as people
from peyman.people import queries as person_queries
from peyman.people import rules
from peyman.people.models import Person
from peyman.shop.orders import queries
from peyman.shop.orders.models import Order
from peyman.shop.orders.queries import NEEDS, Sift
from peyman.shop.orders.queries.board import in_parts

_LONGEST = 200
_YEARS = range(2000, 2101)  # in which an order can have been placed
_COLUMNS = (
    "code", "state", "cart_code", "total", "placed_at", "pay_until", "processing_date", "final_at", "carrier_title",
    "province", "city", "person",
)  # fmt: skip
_HEADS = {"code": "order", "total": "total_rials", "carrier_title": "carrier", "person": "customer"}
_PERSONAL = ("recipient", "mobile", "landline", "street", "plate", "unit", "postal_code")


@dataclass(frozen=True)
class Asked:
    """What the address of a list asks for, and the boxes that say so."""

    sift: Sift
    after: str
    fields: list[Field]
    person: str

    @property
    def query(self) -> str:
        given = {"show": self.sift.shelf, "since": self.fields[0].value, "until": self.fields[1].value}
        return urlencode({k: v for k, v in {**given, "person": self.person}.items() if v})


@door.staff_only("orders")
@require_safe
def board(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what needs a hand, or with `?show=` one list."""
    return _list(request, person) if "show" in request.GET else _needs(request, person, _boxes())


def _needs(request: HttpRequest, person: Person, boxes: tuple[Field, Field]) -> HttpResponse:
    now = clock.now()
    faulty = wrong(boxes)
    needs, days = queries.needs(now), queries.days(now)
    context = {
        "counts": _counts(now),
        "find": boxes,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "needs": [(shelf, SHELVES[shelf][0], [(row, DUE[row.due]) for row in needs[shelf]]) for shelf in NEEDS],
        "is_done": not any(needs.values()),
        "piles": order_figures.piles(days),
        "days": list(reversed(days)),
    }
    return door.render(request, person, "orders.html", context, 422 if faulty else 200)


def _list(request: HttpRequest, person: Person, file: Field | None = None) -> HttpResponse:
    """Show one list; `file`: the box of its file, where something is wrong with it."""
    now = clock.now()
    asked = _asked(request)
    faulty = wrong(asked.fields)
    page = queries.Page([], "") if faulty else queries.page(asked.sift, now, after=asked.after)
    faulty += [file] if file else []
    title, none = SHELVES[asked.sift.shelf]
    context = {
        "counts": _counts(now),
        "find": _boxes(),
        "asked": asked,
        "show": asked.sift.shelf,
        "shelf_title": title,
        "none": none,
        "shelves": [(shelf, words) for shelf, (words, _) in SHELVES.items()],
        "rows": [(row, DUE[row.due]) for row in page.rows],
        "page": page,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "file": file or _file_field(),
    }
    return door.render(request, person, "orders_list.html", context, 422 if faulty else 200)


def _counts(now: datetime) -> dict[str, object]:
    counted = queries.counts(now)
    return {**counted.of, "late": counted.late}


def _asked(request: HttpRequest) -> Asked:
    get = request.GET
    shelf = get.get("show", "")
    typed = {name: get.get(name, "").replace("\0", "")[:20] for name in ("since", "until")}
    days: dict[str, date | None] = {}
    bad: dict[str, str] = {}
    for name, text in typed.items():
        try:
            day = jalali.typed_date(text) if text.strip() else None
            if day and day.year not in _YEARS:
                raise ValueError
            days[name] = day
        except ValueError:
            bad[name] = "روز را مانند ۱۴۰۵/۹/۴ بنویسید."
    since, until = days.get("since"), days.get("until")
    if since and until and since > until:
        bad["until"] = "پایان بازه پیش از آغاز آن است."
    whose = get.get("person", "").replace("\0", "")[:32]
    labels = {"since": "ثبت از روز", "until": "تا روز"}
    fields = [Field(name, labels[name], typed[name], "", bad.get(name, ""), ltr=True, maxlength=20) for name in typed]
    sift = Sift(shelf if shelf in SHELVES else "all", since, until, whose)
    return Asked(sift, get.get("after", "").replace("\0", "")[:60], fields, whose)


# ---- Finding one ----


def _boxes(q: str = "", why: str = "", bad: dict[str, str] | None = None) -> tuple[Field, Field]:
    bad = bad or {}
    return (
        Field(
            "q", "یافتن سفارش", q, "کد سفارش، کد سبد، شماره رسید بانک، یا موبایل صاحب حساب", bad.get("q", ""),
            ltr=True, maxlength=80, autocomplete="off",
        ),
        Field(
            "why", "برای چه کاری؟", why, "تنها هنگام جست‌وجو با موبایل؛ در دفتر دسترسی می‌ماند", bad.get("why", ""),
            maxlength=200, autocomplete="off",
        ),
    )  # fmt: skip


@door.staff_only("orders")
@require_POST
@carries_out("D16")
def find(request: HttpRequest, person: Person) -> HttpResponse:
    """Lead to the order that a number names; a mobile leads to its owner's orders, once the reason is written down.

    Posted, so that no number stands in an address line or a log of the web server.
    """
    typed, why = (request.POST.get(name, "").replace("\0", "")[:_LONGEST] for name in ("q", "why"))
    named = queries.by_number(typed, banks.NAMES)
    if len(named) == 1:
        return redirect(f"/desk/orders/{named[0]}/")
    if named:  # one receipt number at two banks
        return _needs(request, person, _boxes(typed, why, {"q": f"این رسید از آن چند سفارش است: {'، '.join(named)}"}))
    if not normalise(typed):
        return _needs(request, person, _boxes(typed, why, {"q": "چیزی ننوشته‌اید."}))
    try:
        whose = person_queries.by_mobile(rules.mobile_number(typed))
    except Invalid:
        return _needs(request, person, _boxes(typed, why, {"q": "سفارشی با این نشانه پیدا نشد."}))
    try:
        people.note_access(
            by=person,
            whose=whose,
            subject=f"orders:{whose.code if whose else 'none'}",
            what="orders",
            why=why,
            now=clock.now(),
        )
    except Invalid as refusal:
        return _needs(request, person, _boxes(typed, why, refusal.fields))
    if whose is None:
        return _needs(request, person, _boxes(typed, why, {"q": "کسی با این شماره حساب ندارد."}))
    return redirect(f"/desk/orders/?show=all&person={whose.code}")


# ---- As a file ----


def _file_field(why: str = "", error: str = "") -> Field:
    return Field(
        "reason", "برای چه کاری؟", why, "برای هر مشتری این فهرست ثبت می‌شود و خودش می‌بیند.", error, maxlength=200,
        autocomplete="off",
    )  # fmt: skip


@door.staff_only("orders")
@require_safe
def export(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the list of the filter as CSV, in UTF-8 with a mark, without anything personal."""
    asked = _asked(request)
    if wrong(asked.fields):
        return _list(request, person)
    return _file(in_parts(asked.sift, clock.now()), _COLUMNS)


@door.staff_only("orders")
@require_POST
@carries_out("D16")
def export_personal(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the same with recipients and addresses, for a reason that each of these customers will read."""
    asked = _asked(request)
    why = request.POST.get("reason", "").replace("\0", "")[:_LONGEST]
    try:
        rules.access_reason(why)
    except Invalid as refusal:
        return _list(request, person, _file_field(why, refusal.fields["why"]))
    if wrong(asked.fields):
        return _list(request, person)
    parts = _noted(in_parts(asked.sift, clock.now(), personal=True), person, why)
    return _file(parts, (*_COLUMNS, *_PERSONAL))


def _noted(parts: Iterator[list[Order]], by: Person, why: str) -> Iterator[list[Order]]:
    """Hand on each part once its customers stand in the access log, each of them once."""
    known: set[int] = set()
    for part in parts:
        new = {order.person_id for order in part} - known
        people.note_access_many(
            by=by, whose=sorted(new), subject="orders:file", what="orders_file", why=why, now=clock.now()
        )
        known |= new
        yield part


def _file(parts: Iterator[list[Order]], columns: tuple[str, ...]) -> StreamingHttpResponse:
    told = ([cell(_value(order, name)) for name in columns] for part in parts for order in part)
    return answer(f"orders-{clock.now():%Y%m%d-%H%M}", [_HEADS.get(name, name) for name in columns], told)


def _value(order: Order, column: str) -> object:
    return order.person.code if column == "person" else getattr(order, column)
