"""The desk of goods: one product, its specifications with their sources, its variants, and all that changed of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, goods_frame
from peyman.entrypoints.backoffice.goods import VARIANT_BOXES, first_variant_boxes
from peyman.entrypoints.backoffice.goods_frame import Box, Sent
from peyman.entrypoints.fields import Field
from peyman.kernel.errors import Refused
from peyman.kernel.text import search_joined
from peyman.people.models import Person
from peyman.shop.catalog import actions as catalog
from peyman.shop.catalog import rules
from peyman.shop.catalog.actions import goods as actions
from peyman.shop.catalog.models import Product, SaleSwitch, Variant
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules import goods as goods_rules
from peyman.shop.catalog.rules.changes import field_words
from peyman.shop.catalog.rules.specs import MOST, NO, YES, Given, Spec, in_box
from peyman.shop.orders.queries.sold import has_orders, sold_products
from peyman.shop.stock.actions import count_many

_SPARE = 3  # empty rows for specifications that nobody asked for
_WHY = Box("why", "چرا", "در تاریخچه می‌ماند؛ اصلاح مشخصه کالایی که فروخته شده دلیل می‌خواهد", 300)
_WHY_OF_VARIANT = Box("why", "چرا", "در تاریخچه می‌ماند", 300)


def _sold(product: Product) -> bool:
    return bool(sold_products([product.pk]))


# ---- What it is called and where it stands ----


def _boxes() -> list[Box]:
    drawings = (("", "نگاره دسته"), *((key, key) for key in rules.drawings()))
    return [
        Box("title", "عنوان", most=250),
        Box("title_latin", "عنوان لاتین", most=250, ltr=True),
        Box("slug", "نشانی صفحه", "حرف کوچک لاتین، رقم و خط تیره. نشانی پیشین به نشانی تازه راه می‌برد.", 90, ltr=True),
        Box("category", "دسته", options=goods_frame.category_options()),
        Box("brand", "برند", options=goods_frame.brand_options()),
        Box("model", "مدل", most=120),
        Box("weight_g", "وزن", "به گرم، یا با یکا: «۱٫۲ کیلوگرم»", 40),
        Box("age_mark", "رده سنی", options=goods_frame.AGES),
        Box("drawing", "نگاره", "تا تصویری نیست، این نشان داده می‌شود", options=drawings),
        Box("tint", "رنگ‌مایه نگاره", options=goods_frame.TINTS),
        Box("description", "توضیح", "متن ساده، تا ۴٬۰۰۰ نویسه", 4000),
        _WHY,
    ]


def _held(product: Product) -> dict[str, str]:
    """What the boxes hold before anything is typed."""
    return {
        "title": product.title,
        "title_latin": product.title_latin,
        "slug": product.slug,
        "category": product.category.slug,
        "brand": product.brand.slug,
        "model": product.model,
        "weight_g": "" if product.weight_g is None else str(product.weight_g),
        "age_mark": product.age_mark,
        "drawing": product.drawing,
        "tint": product.tint,
        "description": product.description,
        "why": "",
    }


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def product(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show a product and save what it is called and where it stands."""
    desk = queries.product_desk(code)
    boxes, was = _boxes(), _held(desk.product)

    def act(typed: dict[str, str]) -> str:
        changes = actions.save_product(
            code=code,
            typed=typed,
            seen=goods_frame.number_in(request.POST, "seen"),
            why=typed["why"],
            is_sold=_sold(desk.product),
            by=person.code,
            now=clock.now(),
        )
        return f"/desk/goods/{code}/?{'saved' if changes else 'same'}"

    sent = goods_frame.take(request, boxes, Sent(was), act, was=was)
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {
        **_frame(desk, "product"),
        "names": filled[:3],
        "place": filled[3:10],
        "description": filled[10],
        "why": filled[11],
        "former": list(desk.product.former_slugs.order_by("-pk").values_list("slug", flat=True)[:20]),
    }
    return goods_frame.render(
        request, person, "goods_product.html", context, sent=sent, boxes=filled, was=was, seen=desk.seen
    )


def _frame(desk: queries.Desk, here: str) -> dict[str, object]:
    variants = desk.variants
    prices = [variant.price for variant in variants]
    return {
        "p": desk.product,
        "desk": desk,
        "here": here,
        "left": sum(queries.left(variant) for variant in variants),
        "low": min(prices, default=None),
        "high": max(prices, default=None),
        "is_sold": _sold(desk.product),
    }


# ---- Its specifications ----


@dataclass(frozen=True)
class SpecRow:
    """One specification in the form. `spec` is None where its category does not ask for it."""

    number: int
    spec: Spec | None
    name: Field
    value: Field
    source: Field
    reference: Field
    is_first_other: bool = False  # the first that its category does not ask for

    @property
    def is_bad(self) -> bool:
        return bool(self.name.error or self.value.error or self.reference.error)


_PARTS = ("name", "value", "source", "reference")


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def specs(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show the specifications of a product, each with its source, and save them."""
    desk = queries.product_desk(code)
    was = _rows_held(desk)
    sent = Sent({**was, "why": ""})
    if request.method == "POST":
        typed = {name: request.POST.get(name, "")[: goods_frame.LONGEST] for name in request.POST if _is_box(name)}
        typed["why"] = request.POST.get("why", "")[: goods_frame.LONGEST]
        try:
            changes = actions.save_specs(
                code=code,
                given=_given(typed),
                seen=goods_frame.number_in(request.POST, "seen"),
                why=typed["why"],
                is_sold=_sold(desk.product),
                by=person.code,
                now=clock.now(),
            )
        except Refused as refusal:
            before = goods_frame.was_in(request)
            sent = goods_frame.refused(refusal, *_aligned(typed, before, was))
        else:
            return redirect(f"/desk/goods/{code}/specs/?{'saved' if changes else 'same'}")
    rows = _spec_rows(desk, sent)
    why = goods_frame.fields([_WHY], sent.typed, sent.bad)[0]
    boxes = [part for row in rows for part in (row.name, row.value, row.reference)]
    return goods_frame.render(
        request,
        person,
        "goods_specs.html",
        {**_frame(desk, "specs"), "rows": rows, "why": why},
        sent=sent,
        boxes=[*boxes, why],
        was=was,
        seen=desk.seen,
    )


def _is_box(name: str) -> bool:
    number, _, part = name.partition("-")
    return part in _PARTS and number.isascii() and number.isdigit() and len(number) < 4


def _given(typed: Mapping[str, str]) -> list[Given]:
    """What was typed, by place; a place that was not sent holds nothing."""
    most = max((int(name.partition("-")[0]) for name in typed if _is_box(name)), default=-1)
    places = range(min(most + 1, MOST * 2))
    return [Given(*(typed.get(f"{number}-{part}", "") for part in _PARTS)) for number in places]


def _rows_held(desk: queries.Desk) -> dict[str, str]:
    """What the boxes hold before anything is typed: what the category asks for, then all others."""
    attributes, sources = desk.product.attributes, desk.product.sources
    known = {spec.name: spec for spec in desk.specs}
    held: dict[str, str] = {}
    for number, name in enumerate(dict.fromkeys((*known, *attributes))):
        source = [*sources.get(name, ()), "", ""]
        held |= {
            f"{number}-name": name,
            f"{number}-value": in_box(known.get(name, Spec(name)), attributes.get(name, "")),
            f"{number}-source": source[0],
            f"{number}-reference": source[1],
        }
    return held


def _aligned(
    typed: dict[str, str], before: Mapping[str, str], now: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Bring three states of the form to the places of the page as it is now: rows are known by their names."""

    mine, old, theirs = _by_name(typed), _by_name(before), _by_name(now)
    names = [*theirs, *(name for name in mine if name not in theirs and mine[name] != old.get(name))]
    left_alone = {name: old.get(name, theirs.get(name, {})) for name in names if name not in old or name in mine}
    taken_out = {name: {"name": name} for name in names if name in old and name not in mine}
    return (
        {**_placed(names, {**taken_out, **left_alone, **mine}), "why": typed["why"]},
        _placed(names, {name: old.get(name, theirs.get(name, {})) for name in names}),
        _placed(names, theirs),
    )


def _by_name(state: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {given.name: given._asdict() for given in _given(state) if given.name}


def _placed(names: Sequence[str], rows: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {f"{n}-{part}": rows.get(name, {}).get(part, "") for n, name in enumerate(names) for part in _PARTS}


def _spec_rows(desk: queries.Desk, sent: Sent) -> list[SpecRow]:
    known = {search_joined(spec.name): spec for spec in desk.specs}
    typed = sent.typed
    count = len(_given(typed))
    last = max((n + 1 for n in range(count) if typed.get(f"{n}-name") or typed.get(f"{n}-value")), default=0)
    rows = [_spec_row(n, typed, sent.bad, known) for n in range(min(max(last + _SPARE, count), MOST * 2))]
    other = next((n for n, row in enumerate(rows) if row.spec is None), -1)
    return [replace(row, is_first_other=row.number == other) for row in rows]


def _spec_row(n: int, typed: Mapping[str, str], bad: Mapping[str, str], known: Mapping[str, Spec]) -> SpecRow:
    name = typed.get(f"{n}-name", "")
    spec = known.get(search_joined(name)) if name else None

    def box(part: str, label: str, **more: object) -> Field:
        says = bad.get(f"{n}-{part}", "")
        whose = f"{name[:40] or 'مشخصه تازه'}: {says}" if says else ""
        return Field(f"{n}-{part}", label, typed.get(f"{n}-{part}", ""), error=whose, autocomplete="off", **more)  # type: ignore[arg-type]

    options: tuple[tuple[str, str], ...] = ()
    value = typed.get(f"{n}-value", "")
    if spec and spec.kind in ("flag", "choice"):
        among = (YES, NO) if spec.kind == "flag" else spec.choices
        kept = ((value, value),) if value and value not in among else ()
        options = (("", "—"), *((each, each) for each in among), *kept)
    return SpecRow(
        n,
        spec,
        box("name", "نام", maxlength=80),
        box(
            "value",
            f"مقدار، {spec.unit}" if spec and spec.unit else "مقدار",
            options=options,
            maxlength=500,
            inputmode="decimal" if spec and spec.kind == "number" else "",
        ),
        box("source", "منبع", options=goods_frame.SOURCES),
        box("reference", "نشانی منبع", maxlength=300),
    )


# ---- Its variants ----


@door.staff_only(goods_frame.RIGHT)
@require_safe
def variants(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """List the variants of a product."""
    desk = queries.product_desk(code)
    rows = [(variant, queries.left(variant)) for variant in desk.variants]
    context = {**_frame(desk, "variants"), "rows": rows, "bases": dict(goods_frame.BASES)}
    return goods_frame.render(request, person, "goods_variants.html", context)


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def new_variant(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Add a variant to a product."""
    desk = queries.product_desk(code)
    boxes = first_variant_boxes()
    last = desk.variants[-1] if desk.variants else None

    def act(typed: dict[str, str]) -> str:
        made = actions.add_variant(code=code, typed=typed, count_stock=count_many, by=person.code, now=clock.now())
        return f"/desk/goods/{code}/variants/{made.sku}/?added"

    sent = goods_frame.take(
        request, boxes, Sent({"position": str(last.position + 1), "warranty": last.warranty} if last else {}), act
    )
    if isinstance(sent, HttpResponse):
        return sent
    filled = goods_frame.fields(boxes, sent.typed, sent.bad)
    context = {**_frame(desk, "variants"), "first": filled[:3], "form": filled[3:], "v": None}
    return goods_frame.render(request, person, "goods_variant.html", context, sent=sent, boxes=filled)


def _variant_held(variant: Variant) -> dict[str, str]:
    held = {box.name: str(getattr(variant, box.name)) for box in VARIANT_BOXES}
    return {**held, "why": ""}


@door.staff_only(goods_frame.RIGHT)
@require_http_methods(["GET", "HEAD", "POST"])
def variant(request: HttpRequest, person: Person, code: str, sku: str) -> HttpResponse:
    """Show a variant and save what makes it, and what its price rests on."""
    found = queries.variant_desk(code, sku)
    boxes, was = [*VARIANT_BOXES, _WHY_OF_VARIANT], _variant_held(found)

    def act(typed: dict[str, str]) -> str:
        changes = actions.save_variant(
            sku=sku,
            typed=typed,
            seen=goods_frame.number_in(request.POST, "seen"),
            why=typed["why"],
            by=person.code,
            now=clock.now(),
        )
        return f"/desk/goods/{code}/variants/{sku}/?{'saved' if changes else 'same'}"

    sent = goods_frame.take(request, boxes, Sent(was), act, was=was)
    if isinstance(sent, HttpResponse):
        return sent
    return _variant_page(request, person, found, sent)


@door.staff_only(goods_frame.RIGHT)
@require_POST
def switch(request: HttpRequest, person: Person, code: str, sku: str) -> HttpResponse:
    """Take a variant from sale, or bring it back, with the reason (D27). It is never deleted."""
    found = queries.variant_desk(code, sku)
    on = request.POST.get("on") == "1"
    reason = request.POST.get("reason", "")[: goods_frame.LONGEST]
    try:
        words = goods_rules.check_reason(reason)
        catalog.switch_sale(
            scope=SaleSwitch.Scope.VARIANT, key=sku, on=on, reason=words, by=person.code, now=clock.now()
        )
    except Refused as refusal:
        sent = goods_frame.refused(refusal, {"reason": reason}, {}, {})
        sent.typed |= _variant_held(found)
        return _variant_page(request, person, found, sent)
    return redirect(f"/desk/goods/{code}/variants/{sku}/?{'resumed' if on else 'stopped'}")


def _variant_page(request: HttpRequest, person: Person, found: Variant, sent: Sent) -> HttpResponse:
    desk = queries.product_desk(found.product.code)
    filled = goods_frame.fields([*VARIANT_BOXES, _WHY_OF_VARIANT], sent.typed, sent.bad)
    stop = Box("reason", "چرا", "در پرونده فروش می‌ماند", 200)
    reason = goods_frame.fields([stop], sent.typed, sent.bad)[0]
    context = {
        **_frame(desk, "variants"),
        "v": found,
        "v_left": queries.left(found),
        "form": filled,
        "reason": reason,
        "has_orders": has_orders(found.sku),
        "rows": goods_frame.told(queries.history(kind=queries.Kind.VARIANT, key=found.sku).rows[:10]),
    }
    return goods_frame.render(
        request,
        person,
        "goods_variant.html",
        context,
        sent=sent,
        boxes=[*filled, reason],
        was=_variant_held(found),
        seen=queries.last_seen(queries.Kind.VARIANT, found.sku),
    )


# ---- All that changed of it ----


@door.staff_only(goods_frame.RIGHT)
@require_safe
def history(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """List what changed of a product and its variants, sifted by field and by who."""
    desk = queries.product_desk(code)
    field, by = request.GET.get("field", "")[:120], request.GET.get("by", "")[:120]
    corrections = request.GET.get("show") == "corrections"
    found = queries.history(
        product=code,
        field=field,
        by=by,
        corrections_only=corrections,
        before=goods_frame.number_in(request.GET, "before"),
    )
    context = {
        **_frame(desk, "history"),
        "rows": goods_frame.told(found.rows),
        "next": found.next,
        "field": field,
        "by": by,
        "corrections": corrections,
        "fields": [(each, field_words(each)) for each in queries.fields_of(code)],
        "people": _people(code),
    }
    return goods_frame.render(request, person, "goods_history.html", context)


def _people(code: str) -> Sequence[tuple[str, str]]:
    codes = queries.changed_by(code)
    names = dict(Person.objects.filter(code__in=codes).values_list("code", "full_name"))
    return [(each, names.get(each, each)) for each in codes]
