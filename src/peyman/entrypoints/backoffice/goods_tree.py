"""The desk of goods: the tree of categories with what each asks of its goods, and the brands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, goods_frame
from peyman.entrypoints.backoffice.goods_frame import Box, Sent
from peyman.kernel.errors import Refused
from peyman.kernel.text import search_joined
from peyman.people.models import Person
from peyman.shop.catalog import rules
from peyman.shop.catalog.actions import tree as actions
from peyman.shop.catalog.models import Brand, Category, CategoryAttribute
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules.specs import KINDS

Kind = queries.Kind
_WHY = Box("why", "چرا", "در تاریخچه می‌ماند", 300)
_KEY = Box("slug", "نامک", "حرف کوچک لاتین، رقم، خط تیره یا زیرخط؛ پس از ثبت عوض نمی‌شود", 80, ltr=True)


# ---- Categories ----


@door.staff_only(goods_frame.RIGHT)
@require_safe
def categories(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the tree, each top category with all below it; or what is called so."""
    q = request.GET.get("q", "")[:120]
    wanted, rows = search_joined(q), queries.tree()
    tops: list[tuple[queries.Branch | None, list[queries.Branch]]] = []
    if wanted:
        rows = [row for row in rows if wanted in search_joined(row.title) or wanted in search_joined(row.slug)]
        tops = [(None, rows)] if rows else []
    else:
        for row in rows:
            if row.level == 1:
                tops.append((row, []))
            tops[-1][1].append(row)
    context = {"tops": tops, "many": len(rows), "q": q}
    return goods_frame.render(request, person, "goods_categories.html", context)


def _category_boxes(without: str = "") -> list[Box]:
    places = tuple((row.slug, row.path) for row in queries.tree() if row.level < 3 and row.slug != without)
    drawings = tuple((key, key) for key in rules.drawings())
    first = (("", "مانند دسته بالاتر"),) if not without else ()
    return [
        Box("title", "نام دسته", most=120),
        Box("parent", "زیر کدام دسته", options=(("", "بالای درخت"), *places)),
        Box("drawing", "نگاره", "کالایی که تصویر ندارد با این نگاره دیده می‌شود", options=(*first, *drawings)),
    ]


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def new_category(request: HttpRequest, person: Person) -> HttpResponse:
    boxes = [_KEY, *_category_boxes()]

    def act(typed: dict[str, str]) -> str:
        made = actions.add_category(typed=typed, by=person.code, now=clock.now())
        return f"/desk/goods/categories/{made.slug}/?added"

    sent = goods_frame.take(request, boxes, Sent({"parent": request.GET.get("parent", "")[:80]}), act)
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {"form": filled, "title": "دسته تازه", "back": "categories", "back_words": "دسته‌ها"}
    return goods_frame.render(request, person, "goods_thing_new.html", context, sent=sent, boxes=filled)


def _category_held(category: Category) -> dict[str, str]:
    above = category.parent.slug if category.parent else ""
    return {"title": category.title, "parent": above, "drawing": category.drawing, "why": ""}


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def category(request: HttpRequest, person: Person, slug: str) -> HttpResponse:
    """Show a category; rename, move or redraw it."""
    was = _category_held(queries.category_desk(slug).category)

    def act(typed: dict[str, str]) -> str:
        changes = actions.save_category(
            slug=slug,
            typed=typed,
            seen=goods_frame.number_in(request.POST, "seen"),
            why=typed["why"],
            by=person.code,
            now=clock.now(),
        )
        return f"/desk/goods/categories/{slug}/?{'saved' if changes else 'same'}"

    sent = goods_frame.take(request, [*_category_boxes(slug), _WHY], Sent(was), act, was=was)
    if isinstance(sent, HttpResponse):
        return sent
    return _category_page(request, person, slug, sent)


_ATTRIBUTE_BOXES = (
    Box("name", "نام مشخصه", "چنان که خریدار می‌خواند؛ همان نام، مشخصه پیشین را عوض می‌کند", 80),
    Box("kind", "گونه", options=tuple(KINDS.items())),
    Box("unit", "یکا", "تنها برای عدد؛ مانند اینچ", 20),
    Box("choices", "گزینه‌ها", "تنها برای گزینه؛ میان آن‌ها ویرگول بگذارید", 4000),
    Box("position", "جای آن", "عدد؛ کوچک‌تر جلوتر. خالی: آخر", 7, inputmode="numeric"),
)


def _attribute_held(row: CategoryAttribute | None) -> dict[str, str]:
    if row is None:
        return {"kind": "text"}
    return {
        "name": row.name,
        "kind": row.kind,
        "unit": row.unit,
        "choices": "، ".join(row.choices),
        "position": str(row.position),
        "is_required": "1" if row.is_required else "",
        "is_filter": "1" if row.is_filter else "",
    }


@door.staff_only(goods_frame.RIGHT)
@require_POST
def attribute(request: HttpRequest, person: Person, slug: str) -> HttpResponse:
    """Ask the goods of a category for one specification more, or change what is asked."""
    desk = queries.category_desk(slug)
    typed = goods_frame.typed_in(request, _ATTRIBUTE_BOXES)
    typed |= {name: request.POST.get(name, "")[:1] for name in ("is_required", "is_filter")}
    try:
        actions.save_attribute(
            slug=slug, typed=typed, seen=goods_frame.number_in(request.POST, "seen"), by=person.code, now=clock.now()
        )
    except Refused as refusal:
        sent = goods_frame.refused(refusal, typed, {}, {})
        return _category_page(request, person, slug, Sent(_category_held(desk.category)), sent)
    return redirect(f"/desk/goods/categories/{slug}/?saved#specs")


@door.staff_only(goods_frame.RIGHT)
@require_POST
def remove_attribute(request: HttpRequest, person: Person, slug: str) -> HttpResponse:
    """Ask for a specification no longer; what goods say of it stays with them."""
    actions.remove_attribute(slug=slug, name=request.POST.get("name", "")[:80], by=person.code, now=clock.now())
    return redirect(f"/desk/goods/categories/{slug}/?removed#specs")


def _category_page(
    request: HttpRequest, person: Person, slug: str, sent: Sent, asked: Sent | None = None
) -> HttpResponse:
    desk = queries.category_desk(slug)
    was = _category_held(desk.category)
    filled = goods_frame.fields([*_category_boxes(slug), _WHY], sent.typed, sent.bad)
    named = next((row for row in desk.own if row.name == request.GET.get("spec")), None)
    asked_now = asked or Sent(_attribute_held(named))
    attribute_boxes = goods_frame.fields(_ATTRIBUTE_BOXES, asked_now.typed, asked_now.bad)
    context = {
        "c": desk.category,
        "desk": desk,
        "form": filled,
        "attribute": attribute_boxes,
        "asked": asked_now.typed,
        "named": named,
        "kinds": KINDS,
        "rows": goods_frame.told(queries.history(kind=Kind.CATEGORY, key=slug).rows[:10]),
    }
    return goods_frame.render(
        request,
        person,
        "goods_category.html",
        context,
        sent=asked or sent,
        boxes=[*filled, *attribute_boxes],
        was=was,
        seen=desk.seen,
    )


# ---- Brands ----

_BRAND_BOXES = (
    Box("name", "نام", "به فارسی", 120),
    Box("name_latin", "نام لاتین", most=120, ltr=True),
    Box("country", "کشور", most=80),
    Box("aliases", "نام‌های دیگر", "که مردم و فایل‌ها می‌نویسند؛ میان آن‌ها ویرگول بگذارید", 1000),
)


@door.staff_only(goods_frame.RIGHT)
@require_safe
def brands(request: HttpRequest, person: Person) -> HttpResponse:
    """List the brands."""
    q = request.GET.get("q", "")[:120]
    return goods_frame.render(request, person, "goods_brands.html", {"rows": queries.brands(q), "q": q})


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def new_brand(request: HttpRequest, person: Person) -> HttpResponse:
    boxes = [_KEY, *_BRAND_BOXES]

    def act(typed: dict[str, str]) -> str:
        made = actions.add_brand(typed=typed, by=person.code, now=clock.now())
        return f"/desk/goods/brands/{made.slug}/?added"

    sent = goods_frame.take(request, boxes, Sent(), act)
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {"form": filled, "title": "برند تازه", "back": "brands", "back_words": "برندها"}
    return goods_frame.render(request, person, "goods_thing_new.html", context, sent=sent, boxes=filled)


def _brand_held(brand: Brand) -> dict[str, str]:
    return {
        "name": brand.name,
        "name_latin": brand.name_latin,
        "country": brand.country,
        "aliases": "، ".join(brand.aliases),
        "why": "",
    }


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def brand(request: HttpRequest, person: Person, slug: str) -> HttpResponse:
    """Show a brand and save its names."""
    found, goods, seen = queries.brand_desk(slug)
    boxes, was = [*_BRAND_BOXES, _WHY], _brand_held(found)

    def act(typed: dict[str, str]) -> str:
        changes = actions.save_brand(
            slug=slug,
            typed=typed,
            seen=goods_frame.number_in(request.POST, "seen"),
            why=typed["why"],
            by=person.code,
            now=clock.now(),
        )
        return f"/desk/goods/brands/{slug}/?{'saved' if changes else 'same'}"

    sent = goods_frame.take(request, boxes, Sent(was), act, was=was)
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {
        "b": found,
        "goods": goods,
        "form": filled,
        "rows": goods_frame.told(queries.history(kind=Kind.BRAND, key=slug).rows[:10]),
    }
    return goods_frame.render(request, person, "goods_brand.html", context, sent=sent, boxes=filled, was=was, seen=seen)
