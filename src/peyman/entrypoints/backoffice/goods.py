"""The desk of goods: the list with its filters, a new product, everything as a file, and all that changed."""

import csv
from collections.abc import Iterator
from dataclasses import asdict, replace

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, goods_frame
from peyman.entrypoints.backoffice.goods_frame import Box, Sent
from peyman.entrypoints.sheets import Echo
from peyman.people.models import Person
from peyman.shop.catalog import queries as catalog
from peyman.shop.catalog.actions import goods as actions
from peyman.shop.catalog.models import Product
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules.tables import export_line
from peyman.shop.stock.actions import count_many

_SHELVES = {
    "all": "همه",
    "on": "در فروش",
    "off": "بیرون از فروش",
    "out": "ناموجود",
    "part_out": "با گونه‌ای ناموجود",
    "no_picture": "بی تصویر",
    "no_text": "بی معرفی",
    "no_specs": "بی مشخصات",
    "no_weight": "بی وزن",
    "no_source": "بی منبع مشخصات",
    "no_reference": "بی مرجع قیمت",
}


@door.staff_only(goods_frame.RIGHT)
@require_safe
def board(request: HttpRequest, person: Person) -> HttpResponse:
    """List products, sifted and searched."""
    asked = _asked(request)
    page = queries.goods_page(asked)
    context = {
        "asked": asked,
        "page": page,
        "shelves": _SHELVES.items(),
        "categories": goods_frame.category_options(),
        "brands": goods_frame.brand_options(),
        "is_sifted": replace(asked, page=1) != queries.Sift(),
        "as_file": "/desk/goods.csv?" + _query(asked),
        "before": _address(asked, page.page - 1) if page.page > 1 else "",
        "behind": _address(asked, page.page + 1) if page.page < page.pages else "",
    }
    return goods_frame.render(request, person, "goods.html", context)


def _asked(request: HttpRequest) -> queries.Sift:
    get = request.GET
    shelf = get.get("shelf", "")
    return queries.Sift(
        q=get.get("q", "")[:200],
        category=get.get("category", "")[:80],
        brand=get.get("brand", "")[:80],
        shelf=shelf if shelf in _SHELVES else "all",
        page=max(1, min(goods_frame.number_in(get, "page"), 1_000_000)),
    )


def _address(asked: queries.Sift, page: int) -> str:
    return f"/desk/goods/?{_query(asked)}&page={page}"


def _query(asked: queries.Sift) -> str:
    return urlencode({name: value for name, value in asdict(asked).items() if value and name != "page"})


# ---- A new product ----


def _new_boxes() -> list[Box]:
    brands = goods_frame.brand_options()
    return [
        Box("title", "عنوان", "به فارسی، چنان که خریدار می‌خواند", 250),
        Box("title_latin", "عنوان لاتین", "نشانی صفحه از همین ساخته می‌شود", 250, ltr=True),
        Box("code", "کد محصول", "حرف لاتین، رقم، نقطه، خط تیره؛ مانند AVD-A6", 40, ltr=True),
        Box("category", "دسته", options=(("", "برگزینید"), *goods_frame.category_options())),
        Box("brand", "برند", options=(("", "برگزینید"), *brands)),
        *first_variant_boxes(),
    ]


def first_variant_boxes() -> list[Box]:
    """The boxes of a variant that comes new."""
    return [
        Box("sku", "شناسه کالا (SKU)", "پس از ثبت عوض نمی‌شود؛ مانند AVD-A6-01", 40, ltr=True),
        Box("price", "قیمت فروش", "به ریال، یا با یکا: «۹٬۸۴۰٬۰۰۰ تومان»", 40),
        Box("list_price", "قیمت پیش از تخفیف", "اگر نیست خالی بگذارید", 40),
        *VARIANT_BOXES,
    ]


VARIANT_BOXES = (
    Box("color", "رنگ", most=60),
    Box("size", "اندازه", most=60),
    Box("warranty", "گارانتی", most=160),
    Box("price_basis", "مبنای قیمت", options=(("", "برگزینید"), *goods_frame.BASES)),
    Box(
        "price_reference",
        "مرجع قیمت",
        "مصوب: چه کسی، کجا و کی. بازار: از کدام کالاهای هم‌سان. خریدار هم می‌خواند.",
        300,
    ),
    Box("spec_source", "منبع مشخصات", options=goods_frame.SOURCES),
    Box("image_hint", "راهنمای تصویر", "نامک یا نامک/رنگ، مانند e-reader/black", 120, ltr=True),
    Box("position", "جای آن میان گونه‌ها", "عدد؛ کوچک‌تر جلوتر", 7, inputmode="numeric"),
)


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, person: Person) -> HttpResponse:
    """Add a product with its first variant."""
    boxes = _new_boxes()

    def act(typed: dict[str, str]) -> str:
        made = actions.add_product(typed=typed, count_stock=count_many, by=person.code, now=clock.now())
        return f"/desk/goods/{made.code}/specs/?added"

    sent = goods_frame.take(
        request, boxes, Sent({"price_basis": "", "category": request.GET.get("category", "")[:80]}), act
    )
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {"about": filled[:5], "variant": filled[5:]}
    return goods_frame.render(request, person, "goods_new.html", context, sent=sent, boxes=filled)


# ---- Everything as a file, and all that changed ----


@door.staff_only(goods_frame.RIGHT)
@require_safe
def export(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the goods of a list, or all, as CSV in the columns of the import, guarded against spreadsheets."""
    asked = _asked(request)
    sifted = None if replace(asked, page=1) == queries.Sift() else queries.goods_of(asked)
    answer = StreamingHttpResponse(_lines(sifted), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="goods.csv"'
    return answer


def _lines(products: QuerySet[Product] | None) -> Iterator[str]:
    writer = csv.writer(Echo(), lineterminator="\n")
    for values in catalog.export_rows(products):
        yield writer.writerow(export_line(values))


@door.staff_only(goods_frame.RIGHT)
@require_safe
def history(request: HttpRequest, person: Person) -> HttpResponse:
    """List all that changed, or the corrections alone."""
    corrections = request.GET.get("show") == "corrections"
    found = queries.history(corrections_only=corrections, before=goods_frame.number_in(request.GET, "before"))
    context = {"rows": goods_frame.told(found.rows), "next": found.next, "corrections": corrections}
    return goods_frame.render(request, person, "goods_history_all.html", context)
