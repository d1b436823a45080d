"""Many prices at once: lines that are pasted, or a percentage for a category; first seen, then set."""

from collections.abc import Mapping, Sequence
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, goods_frame, prices_frame
from peyman.entrypoints.backoffice.prices_frame import DESK, RIGHT
from peyman.entrypoints.fields import Field
from peyman.kernel import delimited
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import normalise, whole_number
from peyman.people.models import Person
from peyman.shop.offers import actions, queries, rules

MOST: Final = 1000
_SHOWN: Final = 200
_LONGEST: Final = 200_000  # characters of what is pasted
UNITS: Final = (("", "برگزینید"), ("تومان", "تومان"), ("ریال", "ریال"))
STEPS: Final = (("1", "یک تومان"), ("100", "صد تومان"), ("1000", "هزار تومان"), ("10000", "ده هزار تومان"))
_SAID: Final = {
    "set": "ثبت می‌شود",
    "held": "در انتظار نفر دوم می‌ماند",
    "same": "همان است که هست",
}
_NAMES = ("way", "unit", "category", "percent", "step", "reason", "why")


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only(RIGHT)
@carries_out("D122")
def many(request: HttpRequest, person: Person) -> HttpResponse:
    """Ask for many prices, show what would happen to each, and set them."""
    if request.method != "POST":
        return _page(request, person, {})
    typed = prices_frame.typed_in(request, *_NAMES)
    typed["lines"] = request.POST.get("lines", "").replace("\0", "")[:_LONGEST]
    typed["rows"] = request.POST.get("rows", "")[:_LONGEST]
    try:
        typed["why"] = rules.check_why(typed["why"])
        if request.POST.get("stage") == "confirm":
            wanted = _confirmed(typed["rows"])
            outcome = actions.set_prices(
                wanted=wanted,
                source="many",
                reason=prices_frame.reason_of(typed),
                why=typed["why"],
                by=person.code,
                now=clock.now(),
            )
            return redirect(f"{DESK}many/?set={len(outcome.changes)}&held={len(outcome.held)}")
        wanted = _by_percent(typed) if typed["way"] == "percent" else _pasted(typed)
    except Missing:
        return _page(request, person, typed, Invalid({"category": "چنین دسته‌ای نیست؛ از فهرست برگزینید."}))
    except Refused as refusal:
        return _page(request, person, typed, refusal)
    return _preview(request, person, typed, wanted)


def _pasted(typed: Mapping[str, str]) -> list[actions.Wanted]:
    """Read «SKU, price, list price» by line; a first line of names is passed over. Raises Invalid."""
    bad: dict[str, str] = {}
    if typed["unit"] not in ("تومان", "ریال"):
        bad["unit"] = "بگویید قیمت‌ها به تومان است یا ریال."
    found: dict[str, actions.Wanted] = {}
    for number, fields in delimited.csv_rows(typed["lines"].splitlines(keepends=True)):
        cells = [normalise(field) for field in fields or []]
        if (fields is not None and not any(cells)) or (cells and cells[0].lower() in ("sku", "شناسه")):
            continue
        try:
            sku, price, list_price = _line(cells, typed["unit"] or "تومان")
        except Invalid as invalid:
            bad.setdefault("lines", f"سطر {number}: {invalid.fields['price']}")
            continue
        if sku in found:
            bad.setdefault("lines", f"سطر {number}: شناسه {sku} پیش‌تر آمده است.")
        found[sku] = actions.Wanted(sku, price, list_price)
        if len(found) > MOST:
            bad.setdefault("lines", "بیش از هزار قیمت است؛ آن را دو بخش کنید.")
            break
    if not found and "lines" not in bad:
        bad["lines"] = "هیچ قیمتی نوشته نشده است؛ هر سطر: شناسه، قیمت."
    if bad:
        raise Invalid(bad)
    return list(found.values())


def _line(cells: Sequence[str], unit: str) -> tuple[str, int, int]:
    if len(cells) < 2 or not cells[0]:
        raise Invalid({"price": "شناسه و قیمت را با ویرگول جدا کنید."})
    price = prices_frame.rials(cells[1], unit=unit)
    list_price = prices_frame.rials(cells[2], unit=unit) if len(cells) > 2 and cells[2] else price
    return cells[0].upper()[:40], price, list_price


def _by_percent(typed: Mapping[str, str]) -> list[actions.Wanted]:
    try:
        percent, step = whole_number(typed["percent"].replace("٪", "").replace("%", "")), whole_number(typed["step"])
    except ValueError:
        raise Invalid({"percent": "درصد را با رقم بنویسید؛ -۱۰ یعنی ده درصد ارزان‌تر."}) from None
    rows = queries.in_category(typed["category"], most=MOST + 1)
    if len(rows) > MOST:
        raise Invalid({"category": "این دسته بیش از هزار کالا دارد؛ زیردسته‌ای برگزینید."})
    if not rows:
        raise Invalid({"category": "در این دسته کالایی نیست."})
    try:
        return [
            actions.Wanted(
                row.sku,
                *rules.by_percent(price=row.price, list_price=row.list_price, percent=percent, step=step * 10),
                row.price,
            )
            for row in rows
        ]
    except ValueError:
        raise Invalid({"percent": "با این درصد و این گام برای همه کالاها قیمتی نمی‌ماند."}) from None


def _confirmed(rows: str) -> list[actions.Wanted]:
    """Read back what the preview wrote: SKU, price, list price, and what stood when it was seen; rials."""
    found = []
    for line in rows.splitlines()[: MOST + 1]:
        sku, *numbers = line.split(",")
        try:
            price, list_price, was = map(whole_number, numbers)
        except ValueError:
            raise Invalid({"lines": "این پیش‌نمایش خوانا نیست؛ دوباره بنویسید."}) from None
        found.append(actions.Wanted(sku[:40], price, list_price, was))
    if not found or len(found) > MOST:
        raise Invalid({"lines": "چیزی برای ثبت نماند؛ دوباره بنویسید."})
    return found


def _preview(
    request: HttpRequest, person: Person, typed: Mapping[str, str], wanted: Sequence[actions.Wanted]
) -> HttpResponse:
    moves = actions.preview(wanted)
    fit = [move for move in moves if move.outcome in ("set", "held")]
    bad = [move for move in moves if move.outcome not in _SAID]
    order = {"set": 2, "held": 1, "same": 3}
    shown = sorted(moves, key=lambda move: order.get(move.outcome, 0))[:_SHOWN]
    context = {
        "typed": typed,
        "rows": "\n".join(f"{m.sku},{m.price},{m.list_price},{m.was_price}" for m in fit),
        "moves": [(move, _SAID.get(move.outcome, ""), prices_frame.LIMITS.get(move.limit, "")) for move in shown],
        "rest": len(moves) - len(shown),
        "total": len(moves),
        "to_set": sum(move.outcome == "set" for move in moves),
        "to_hold": sum(move.outcome == "held" for move in moves),
        "bad": len(bad),
        "reason_words": dict(prices_frame.REASON_OPTIONS).get(prices_frame.reason_of(typed), ""),
    }
    return prices_frame.render(request, person, "prices_many_preview.html", context)


def _page(
    request: HttpRequest, person: Person, typed: Mapping[str, str], refusal: Refused | None = None
) -> HttpResponse:
    names = ("lines", "unit", "category", "percent", "why")
    bad, above = prices_frame.refused(refusal, names) if refusal else ({}, None)
    way = typed.get("way") or "lines"

    def told(name: str, of: str) -> tuple[str, str]:
        return (typed.get(name, ""), bad.get(name, "")) if way == of else ("", "")

    def common(of: str) -> list[Field]:
        value, error = told("why", of)
        return [
            Field("reason", "سبب در نمودار", told("reason", of)[0] or "supplier", "خریدار آن را می‌خواند.",
                  options=prices_frame.REASON_OPTIONS, prefix=f"{of}-"),
            Field("why", "چرا؟", value, "تنها همکاران می‌بینند و می‌ماند.", error, maxlength=300, prefix=f"{of}-"),
        ]  # fmt: skip

    unit, unit_error = told("unit", "lines")
    lines, lines_error = told("lines", "lines")
    category, category_error = told("category", "percent")
    percent, percent_error = told("percent", "percent")
    area = Field("lines", "سطرها", lines, "هر سطر: شناسه، قیمت، و اگر هست قیمت پیش از تخفیف. تا هزار سطر.", lines_error)
    by_lines = [Field("unit", "یکای قیمت‌ها", unit, "", unit_error, options=UNITS, prefix="lines-"), *common("lines")]
    by_percent = [
        Field("category", "دسته", category, "با همه زیردسته‌ها", category_error,
              options=(("", "برگزینید"), *goods_frame.category_options()), prefix="percent-"),
        Field("percent", "درصد", percent, "-۱۰ یعنی ده درصد ارزان‌تر", percent_error, ltr=True, maxlength=6,
              prefix="percent-"),
        Field("step", "گرد شود به", typed.get("step", "1000"), "رو به پایین، به سود خریدار", options=STEPS,
              prefix="percent-"),
        *common("percent"),
    ]  # fmt: skip
    done = None
    if "set" in request.GET:
        done = [int(n) if n.isascii() and n.isdigit() else 0 for n in (request.GET["set"], request.GET.get("held", ""))]
    context = {"area": area, "by_lines": by_lines, "by_percent": by_percent, "done": done}
    return prices_frame.render(
        request, person, "prices_many.html", context, boxes=[area, *by_lines, *by_percent], refusal=above
    )
