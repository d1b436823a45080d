"""What the pages of the prices' desk share: sums as they are typed, reasons, instants, and who did what in words."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse

from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.people.models import Person
from peyman.shop.catalog.rules import cells, reason_words
from peyman.shop.catalog.rules.wording import sentence
from peyman.shop.offers import actions, queries

RIGHT: Final = "prices"
DESK: Final = "/desk/prices/"
LONGEST: Final = 400

# Words of the price history that customers read beside the chart.
REASONS: Final = (
    "supplier", "approved-change", "market", "price-match", "sale", "clearance", "fx-rise", "fx-fall", "list",
)  # fmt: skip
REASON_OPTIONS: Final = tuple((key, reason_words(key)) for key in REASONS)

VERBS: Final = {
    "set": "قیمت را عوض کرد",
    "asked": "قیمتی پیشنهاد کرد که نفر دوم می‌خواهد",
    "approved": "پیشنهاد را تأیید کرد",
    "refused": "پیشنهاد را رد کرد",
    "replaced": "پیشنهاد جای خود را به دیگری داد",
    "made": "برنامه را نوشت",
    "changed": "برنامه را عوض کرد",
    "stopped": "برنامه را متوقف کرد",
    "began": "برنامه آغاز شد",
    "ended": "پیشنهاد پایان یافت",
    "overtaken": "قیمت دیگری نوشته شد و پیشنهاد پایان یافت",
    "missed": "زمان پیشنهاد گذشته بود و آغاز نشد",
    "dearer": "قیمت پایین آمده بود و پیشنهاد آغاز نشد",
    "below_floor": "از کف قیمت کمتر شده بود و آغاز نشد",
    "floor": "کف قیمت را نوشت",
}
LIMITS: Final = {"down": "پایین آمدن", "up": "بالا رفتن", "list": "بالا رفتن قیمت خط‌خورده"}
STATES: Final = {
    "held": "در انتظار نفر دوم",
    "waiting": "در پیش",
    "running": "در جریان",
    "done": "پایان یافت",
    "stopped": "متوقف شد",
}


def rials(typed: str, *, unit: str = "تومان") -> int:
    """Read a sum as it is typed, in toman where no unit is written. Raises Invalid under the name "price"."""
    typed = typed[:60]
    told, has_unit = cells.money(typed)
    if not has_unit and typed.strip():
        told, _ = cells.money(f"{typed} {unit}")
    if told.reasons:
        raise Invalid({"price": " ".join(sentence(code) for code in told.reasons)})
    return int(told.value)


def sums(typed: Mapping[str, str], *, is_offer: bool = False) -> tuple[int, int]:
    """Read price and list price of a form; an empty list price is the price. Raises Invalid with both."""
    found, bad = {}, {}
    for name in ("price", "list_price"):
        if name == "list_price" and (is_offer or not typed.get(name, "").strip()):
            continue
        try:
            found[name] = rials(typed.get(name, ""))
        except Invalid as invalid:
            bad[name] = invalid.fields["price"]
    if not bad and found.get("list_price", found["price"]) < found["price"]:
        bad["list_price"] = "قیمت پیش از تخفیف کمتر از قیمت است؛ یکی را اصلاح کنید."
    if bad:
        raise Invalid(bad)
    return found["price"], found.get("list_price", found["price"])


def instant(typed: Mapping[str, str], name: str, now: datetime | None = None) -> datetime | None:
    """Read a date and an hour of a form (`<name>_date`, `<name>_hour`); both empty: `now`. Raises Invalid."""
    day, hour = typed.get(f"{name}_date", "").strip(), typed.get(f"{name}_hour", "").strip()
    if not day and not hour:
        return now
    try:
        return jalali.typed_instant(day, hour or "0:00")
    except ValueError:
        raise Invalid(
            {f"{name}_date": "چنین زمانی در تقویم نیست؛ تاریخ را مانند ۱۴۰۵/۹/۴ و ساعت را مانند ۸:۳۰ بنویسید."}
        ) from None


def asked(typed: Mapping[str, str], *, is_offer: bool, now: datetime) -> actions.Asked:
    """Read a plan as a form tells it. Raises Invalid with all that is wrong."""
    bad: dict[str, str] = {}
    price, list_price, starts_at, ends_at = 0, 0, now, None
    try:
        price, list_price = sums(typed, is_offer=is_offer)
    except Invalid as invalid:
        bad |= invalid.fields
    try:
        starts_at = instant(typed, "starts", now) or now
    except Invalid as invalid:
        bad |= invalid.fields
    try:
        ends_at = instant(typed, "ends") if is_offer else None
    except Invalid as invalid:
        bad |= invalid.fields
    if bad:
        raise Invalid(bad)
    return actions.Asked(
        price=price,
        list_price=list_price,
        starts_at=starts_at,
        ends_at=ends_at,
        title=typed.get("title", ""),
        reason=reason_of(typed),
    )


def reason_of(typed: Mapping[str, str]) -> str:
    return typed["reason"] if typed.get("reason") in REASONS else "list"


def typed_in(request: HttpRequest, *names: str) -> dict[str, str]:
    return {name: request.POST.get(name, "").replace("\0", "")[:LONGEST] for name in names}


def names_of(codes: Collection[str]) -> dict[str, str]:
    """Return code → name of members of staff, and of what else moves prices. One query."""
    found = dict(Person.objects.filter(code__in=set(codes)).values_list("code", "full_name"))
    ours = {"system": "سامانه", "sample": "نمونه آغازین"}
    files = {code: f"فایل {code.removeprefix('import ')}" for code in codes if code.startswith("import ")}
    return {**ours, **files, **{code: name or code for code, name in found.items()}}


def refused(refusal: Refused, known: Iterable[str]) -> tuple[dict[str, str], Refused | None]:
    """Part a refusal into errors of boxes and what is told above them. A page that is not there stays Missing."""
    if isinstance(refusal, Missing):
        raise refusal
    if not isinstance(refusal, Invalid):
        return {}, refusal
    boxes = set(known)
    return ({name: says for name, says in refusal.fields.items() if name in boxes}, None)


def render(
    request: HttpRequest,
    person: Person,
    template: str,
    context: Mapping[str, object],
    *,
    boxes: Iterable[Field] = (),
    refusal: Refused | None = None,
) -> HttpResponse:
    """Render a page of the desk with its tabs, its faults first."""
    faulty = wrong(boxes)
    frame = {
        "counts": queries.counts(),
        "limit": actions.limit_percent(),
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "refusal": refusal,
    }
    status = refusal.status if refusal else 422 if faulty else 200
    return door.render(request, person, template, {**frame, **context}, status)


def price_boxes(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    return [
        _box("price", "قیمت فروش (تومان)", typed, bad, "یا با یکا: «۹۸٬۴۰۰٬۰۰۰ ریال»", mode="numeric", most=60),
        _box("list_price", "قیمت پیش از تخفیف (تومان)", typed, bad, "بی تخفیف خالی بگذارید", mode="numeric", most=60),
        Field("reason", "سبب در نمودار", typed.get("reason", "supplier"), "خریدار آن را کنار نمودار می‌خواند.",
              options=REASON_OPTIONS),
        _box("why", "چرا؟", typed, bad, "تنها همکاران می‌بینند و می‌ماند.", most=300),
    ]  # fmt: skip


def plan_boxes(typed: Mapping[str, str], bad: Mapping[str, str], *, is_offer: bool) -> list[Field]:
    boxes = [
        _box("price", "قیمت (تومان)", typed, bad, mode="numeric", most=60),
        _box("starts_date", "از تاریخ", typed, bad, "مانند ۱۴۰۵/۹/۴؛ خالی یعنی همین حالا", ltr=True, most=20),
        _box("starts_hour", "از ساعت", typed, bad, "مانند ۸:۳۰", ltr=True, most=10),
    ]
    if is_offer:
        boxes += [
            _box("ends_date", "تا تاریخ", typed, bad, "در این لحظه قیمت پیشین بازمی‌گردد", ltr=True, most=20),
            _box("ends_hour", "تا ساعت", typed, bad, "مانند ۲۲", ltr=True, most=10),
            _box("title", "نام پیشنهاد", typed, bad, "اگر نام دارد؛ مانند «شگفت‌انگیز پاییز»", most=60),
        ]
    else:
        boxes += [
            _box("list_price", "قیمت پیش از تخفیف (تومان)", typed, bad, "بی تخفیف خالی", mode="numeric", most=60),
            Field("reason", "سبب در نمودار", typed.get("reason", "supplier"), options=REASON_OPTIONS),
        ]
    return [*boxes, _box("why", "چرا؟", typed, bad, "تنها همکاران می‌بینند و می‌ماند.", most=300)]


def _box(
    name: str, label: str, typed: Mapping[str, str], bad: Mapping[str, str], hint: str = "", *,
    mode: str = "", ltr: bool = False, most: int = LONGEST,
) -> Field:  # fmt: skip
    return Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), inputmode=mode, ltr=ltr, maxlength=most)


def typed_sum(amount: int) -> str:
    """A sum as it stands in a box: toman, with Latin digits that every keyboard mends."""
    return str(amount // 10)
