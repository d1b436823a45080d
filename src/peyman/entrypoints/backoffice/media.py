"""The desk of a product's pictures and videos: brought in, described, put in order, taken away."""

from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, media, uploads
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading
from peyman.entrypoints.media import Outcome
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.text import persian_digits, whole_number
from peyman.people.models import Person
from peyman.people.rules import may
from peyman.shop.catalog.models import Product
from peyman.shop.media import actions, queries, rules
from peyman.shop.media.queries import Row

_EVERY = 2  # seconds between two looks at how far the work is
_ALL = "همه رنگ‌ها"


@dataclass(frozen=True)
class Shown:
    """A row of the page with its boxes, as typed."""

    row: Row
    alt: Field
    color: Field
    poster: Field | None
    position: Field
    is_main: bool


@require_http_methods(["GET", "HEAD", "POST"])
@door.staff_only("goods")
def board(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show what a product has; on POST bring in files, each on its own: what is fit comes in, the rest is named."""
    product = _product(code)
    if request.method != "POST":
        return _page(request, person, product)
    files = request.FILES.getlist("files")
    typed = {name: request.POST.get(name, "")[:500] for name in ("alt", "color")}
    if uploads.is_too_much(request):
        return _page(request, person, product, typed=typed, bad={"files": _too_much()})
    if not files:
        return _page(request, person, product, typed=typed, bad={"files": "فایلی برگزیده نشد."})
    try:
        alt = rules.check_alt(typed["alt"]) if typed["alt"].strip() else ""
    except Invalid as refusal:
        return _page(request, person, product, typed=typed, bad=dict(refusal.fields))
    color = typed["color"] if typed["color"] in queries.colors_of(code) else ""
    offered = [media.Offered(file.file, file.name or "", alt, color) for file in files if file.file is not None]
    try:
        outcomes = media.bring_in(code=code, offered=offered, by=person.code, now=clock.now())
    except Refused as refusal:
        return _page(request, person, product, typed=typed, refusal=refusal)
    if any(one.fault for one in outcomes):
        return _page(request, person, product, typed=typed, outcomes=outcomes)
    return redirect(_way(code, "progress/" if queries.progress(code).waiting else "?came"))


@require_safe
@door.staff_only("goods")
def progress(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Say how many files are ready; the page asks again by itself, and leads back when all are."""
    product = _product(code)
    found = queries.progress(code)
    if not found.waiting:
        return redirect(_way(code, "?came"))
    context = {"product": product, "found": found, "back": _way(code), "every": _EVERY}
    response = door.render(request, person, "media_progress.html", context)
    response["Refresh"] = str(_EVERY)
    return response


@require_POST
@door.staff_only("goods")
def save(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Give pictures their words, colours and places; the one whose button was pressed comes first."""
    product = _product(code)
    rows = queries.media_of(code)
    first = _number(request.POST.get("first", ""))
    edits, bad = {}, {}
    for row in rows:
        if f"alt-{row.id}" not in request.POST:
            continue  # it came after the page was opened
        try:
            place = whole_number(request.POST.get(f"position-{row.id}", "").strip() or row.position)
        except ValueError:
            bad[f"position-{row.id}"] = "جای آن را با یک عدد بنویسید."
            continue
        edits[row.id] = actions.Edit(
            alt=request.POST[f"alt-{row.id}"][:500],
            color=request.POST.get(f"color-{row.id}", "")[:60],
            position=0 if row.id == first else min(max(place, 1), 10_000),
            poster=_number(request.POST.get(f"poster-{row.id}", "")) or None,
        )
    try:
        if bad:
            raise Invalid(bad)
        actions.arrange(code=code, edits=edits, by=person.code, now=clock.now())
    except Invalid as refusal:
        return _page(request, person, product, edits=edits, bad=dict(refusal.fields))
    return redirect(_way(code, "?saved"))


@require_POST
@door.staff_only("goods")
def remove(request: HttpRequest, person: Person, code: str, row_id: int) -> HttpResponse:
    actions.remove(code=code, row_id=row_id, by=person.code, now=clock.now())
    return redirect(_way(code, "?removed"))


@require_POST
@door.staff_only("goods")
def restore(request: HttpRequest, person: Person, code: str, row_id: int) -> HttpResponse:
    actions.restore(code=code, row_id=row_id, by=person.code, now=clock.now())
    return redirect(_way(code, "?restored"))


def _product(code: str) -> Product:
    product = Product.objects.filter(code=code).first()
    if product is None:
        raise Missing
    return product


def _way(code: str, more: str = "") -> str:
    return f"/desk/goods/{code}/media/{more}"


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 18 else 0


def _too_much() -> str:
    return "فایل‌ها روی هم بیش از اندازه بزرگ بودند و هیچ‌کدام نیامد. آن‌ها را در چند نوبت بیاورید."


def _page(
    request: HttpRequest,
    person: Person,
    product: Product,
    *,
    typed: dict[str, str] | None = None,
    edits: dict[int, actions.Edit] | None = None,
    bad: dict[str, str] | None = None,
    outcomes: list[Outcome] | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    typed, edits, bad, outcomes = typed or {}, edits or {}, bad or {}, outcomes or []
    rows = queries.media_of(product.code)
    colors = queries.colors_of(product.code)
    shown = _shown(rows, colors, edits, bad)
    named = [box for one in shown for box in (one.alt, one.color, one.poster, one.position) if box and box.error]
    upload = [
        Field("alt", "در این تصویرها چه دیده می‌شود", typed.get("alt", ""),
              "به فارسی، مانند «کتری برقی از روبه‌رو». می‌توانید پس از آوردن، برای هر تصویر جدا بنویسید؛"
              " تا نوشته‌ای ندارد نشان داده نمی‌شود.", bad.get("alt", ""), maxlength=200),
    ]  # fmt: skip
    if colors:
        options = (("", _ALL), *((color, color) for color in colors))
        upload.append(Field("color", "رنگی که نشان می‌دهند", typed.get("color", ""), options=options))
    named += [box for box in upload if box.error]
    refused = [one for one in outcomes if one.fault]
    context = {
        "product": product,
        "shown": shown,
        "gone": queries.gone_of(product.code),
        "found": queries.progress(product.code),
        "upload": upload,
        "bad_files": bad.get("files", ""),
        "wrong": named,
        "heading": heading(len(named)),
        "refusal": refusal,
        "refused": refused,
        "taken": len(outcomes) - len(refused),
        "said": next((one for one in ("came", "saved", "removed", "restored") if one in request.GET), ""),
        "lacks_words": sum(not one.row.alt and one.row.state != "unfit" for one in shown),
        "may_take_down": may(person.role, "takedown"),
        "keep_days": media.keep_days(),
        "limits": media.limits(),
        "action": _way(product.code),
    }
    status = refusal.status if refusal else 422 if bad or refused else 200
    return door.render(request, person, "media.html", context, status)


def _shown(rows: list[Row], colors: list[str], edits: dict[int, actions.Edit], bad: dict[str, str]) -> list[Shown]:
    pictures = [row for row in rows if not row.is_video and row.state != "unfit"]
    main = next((row.id for row in rows if row.is_shown and not row.is_video), 0)
    titles = [(str(row.id), f"تصویر {persian_digits(row.position)}: {row.alt}") for row in pictures]
    posters = (("", "برگزیده نشده"), *titles)
    found = []
    for row in rows:
        edit = edits.get(row.id)
        poster = str(next((one.id for one in pictures if one.key == row.poster_key), ""))
        if edit is not None:
            row, poster = replace(row, alt=edit.alt, color=edit.color), str(edit.poster or "")
        hues = (("", _ALL), *((color, color) for color in dict.fromkeys([*colors, *([row.color] * bool(row.color))])))
        n = row.id
        found.append(
            Shown(
                row,
                Field(f"alt-{n}", "چه دیده می‌شود", row.alt, error=bad.get(f"alt-{n}", ""), maxlength=200),
                Field(f"color-{n}", "رنگ", row.color, options=hues),
                Field(f"poster-{n}", "تصویر روی ویدیو", poster, error=bad.get(f"poster-{n}", ""), options=posters)
                if row.is_video
                else None,
                Field(
                    f"position-{n}",
                    "جای آن",
                    persian_digits(row.position),
                    error=bad.get(f"position-{n}", ""),
                    inputmode="numeric",
                    maxlength=5,
                ),
                n == main,
            )
        )
    return found
