"""The desk of settlements: a month of each gateway, what waits for a person, what is late, and what was agreed."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe
from persiantools.jdatetime import JalaliDate

from peyman.billing.actions import settlements as actions
from peyman.billing.models import Agreement, Settlement
from peyman.billing.queries import settlements as queries
from peyman.billing.rules import settlements as rules
from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.entrypoints.sheets import answer, cell
from peyman.gateways import banks
from peyman.kernel import jalali
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.kernel.money import grouped
from peyman.kernel.text import normalise, persian_digits
from peyman.kernel.worktime import day_start
from peyman.people.models import Person

DESK: Final = "/desk/money/settlements/"
SHOWN: Final = 100
STATES: Final = {"held": "در انتظار شما", "booked": "در راه", "dropped": "کنار گذاشته"}
_MONTH_COLUMNS: Final = (
    "month", "gateway", "before", "captured", "given_back", "settled", "fee", "left", "arrived", "on_road",
)  # fmt: skip
_LEFT_COLUMNS: Final = (
    "payment", "order", "gateway", "terminal", "refnum", "amount", "given_back", "captured_at",
)  # fmt: skip
_TYPED: Final = ("gateway", "since", "working_days", "percent", "fixed", "most")


@dataclass(frozen=True)
class Shown:
    """A Jalali month: its name in an address, its title, its span, and its neighbours."""

    key: str
    title: str
    begins: datetime
    ends: datetime
    before: str
    after: str  # "" where that has not begun


def month_of(asked: str, now: datetime) -> Shown:
    """Return the month that is asked for ("1403-10"), that of `now` where none is, or one that never was."""
    today = jalali.jalali(now)
    year, month = today.year, today.month
    first, _, second = normalise(asked[:10], digits=True).partition("-")
    if first.isdecimal() and second.isdecimal() and 1379 <= int(first) <= year and 1 <= int(second) <= 12:
        year, month = min((int(first), int(second)), (year, month))
    before = (year, month - 1) if month > 1 else (year - 1, 12)
    after = (year, month + 1) if month < 12 else (year + 1, 1)
    return Shown(
        key=f"{year}-{month:02}",
        title=f"{jalali.month_name(month)} {persian_digits(year)}",
        begins=day_start(JalaliDate(year, month, 1).to_gregorian()),
        ends=day_start(JalaliDate(*after, 1).to_gregorian()),
        before=f"{before[0]}-{before[1]:02}",
        after=f"{after[0]}-{after[1]:02}" if after <= (today.year, today.month) else "",
    )


@require_safe
@door.staff_only("money")
def desk(request: HttpRequest, person: Person) -> HttpResponse:
    return _page(request, person)


def _page(
    request: HttpRequest,
    person: Person,
    *,
    typed: Mapping[str, str] | None = None,
    bad: Mapping[str, str] | None = None,
    refused: tuple[str, Refused] | None = None,
) -> HttpResponse:
    now = clock.now()
    shown = month_of(request.GET.get("month", ""), now)
    rows = queries.month(banks.names(), shown.begins, shown.ends)
    waiting, open_, late = queries.waiting(now, limit=SHOWN)
    days, late_days = queries.expected(now, limit=SHOWN)
    agreements = queries.agreements()
    fields = _fields(typed or {}, bad or {})
    named = wrong(fields)
    is_now = shown.begins <= now < shown.ends
    context = {
        "month": shown,
        "is_now": is_now,
        "rows": [(banks.title(row.gateway), row) for row in rows],
        "total": _total(rows),
        "waiting": [
            {
                "row": row,
                "bank": banks.title(row.gateway),
                "is_held": row.state == Settlement.State.HELD,
                "is_late": row.due_at <= now and row.arrived_at is None,
                "refusal": refused[1] if refused and refused[0] == row.code else None,
            }
            for row in waiting
        ],
        "open": open_,
        "late": late + late_days,
        "days": [(banks.title(row.gateway), row) for row in days],
        "late_days": late_days,
        "came": [
            {"row": row, "bank": banks.title(row.gateway), "state": "رسید" if row.arrived_at else STATES[row.state]}
            for row in queries.settlements_of(shown.begins, shown.ends, limit=SHOWN)
        ],
        "agreements": [
            (banks.title(name), first, _fee(first), [(row, _fee(row)) for row in before])
            for name, (first, *before) in agreements.items()
        ],
        "without": [banks.title(name) for name in banks.names() if name not in agreements],
        "fields": fields,
        "wrong": named,
        "heading": heading(len(named)),
        "done": request.GET.get("done", "")[:10],
        "booked": door.number_in(request, "booked"),
    }
    status = 422 if bad else refused[1].status if refused else 200
    return door.render(request, person, "settlements.html", context, status)


def _total(rows: Iterable[queries.Month]) -> queries.Month:
    sums: dict[str, int] = {}
    for row in rows:
        for name, value in asdict(row).items():
            if name != "gateway":
                sums[name] = sums.get(name, 0) + value
    return queries.Month(gateway="", **sums)


def _fields(typed: Mapping[str, str], bad: Mapping[str, str]) -> list[Field]:
    def field(name: str, label: str, hint: str = "", **more: Any) -> Field:
        return Field(name, label, typed.get(name, ""), hint, bad.get(name, ""), **more)

    return [
        field("gateway", "درگاه", options=tuple((name, banks.title(name)) for name in banks.names())),
        field("since", "از روز", "مانند ۱۴۰۵/۰۹/۰۱", inputmode="numeric", maxlength=20),
        field("working_days", "چند روز کاری پس از پرداخت", "۱ یعنی تا پایان روز کاری بعد", inputmode="numeric",
              maxlength=3),
        field("percent", "کارمزد، درصد هر پرداخت", "مانند ۰٫۵؛ خالی: قرار کارمزد نداریم", inputmode="decimal",
              maxlength=10),
        field("fixed", "و مبلغ ثابت هر پرداخت، ریال", inputmode="numeric", maxlength=20),
        field("most", "و نه بیش از، ریال", "خالی: بی سقف", inputmode="numeric", maxlength=20),
    ]  # fmt: skip


# ---- What a person does ----


@require_POST
@door.staff_only("money")
def agree(request: HttpRequest, person: Person) -> HttpResponse:
    """Write down what a gateway agreed to, from a day on."""
    typed = {name: request.POST.get(name, "").replace("\0", "")[:60] for name in _TYPED}
    bad = {} if typed["gateway"] in banks.names() else {"gateway": "یکی از درگاه‌های ما را برگزینید."}
    try:
        terms = rules.terms(**{name: typed[name] for name in _TYPED if name != "gateway"})
    except Invalid as invalid:
        bad |= invalid.fields
    if bad:
        return _page(request, person, typed=typed, bad=bad)
    _, booked = actions.agree(gateway=typed["gateway"], terms=terms, by=person, now=clock.now())
    return redirect(f"{DESK}?done=agreed&booked={booked}#agreements")


@require_POST
@door.staff_only("money")
def act(request: HttpRequest, person: Person, code: str, verb: str) -> HttpResponse:
    """Weigh a held settlement again, book it on one's word, or put it aside."""
    why, now = request.POST.get("why", "").replace("\0", ""), clock.now()
    try:
        if verb == "weigh":
            done = "booked" if actions.weigh_again(code=code, now=now) else "same"
        elif verb == "accept":
            actions.accept(code=code, why=why, by=person, now=now)
            done = "booked"
        elif verb == "drop":
            actions.drop(code=code, why=why, by=person, now=now)
            done = "dropped"
        else:
            raise Missing
    except Missing:
        raise
    except Refused as refusal:
        return _page(request, person, refused=(code, refusal))
    return redirect(f"{DESK}?done={done}#waiting")


# ---- Files ----


@require_safe
@door.staff_only("money")
def month_file(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the month's figures, in rials, as CSV: UTF-8 with a mark, safe to open in a spreadsheet."""
    shown = month_of(request.GET.get("month", ""), clock.now())
    rows = queries.month(banks.names(), shown.begins, shown.ends)
    told = ({**asdict(row), "left": row.left, "month": shown.key} for row in rows)
    return _file(f"settlements-{shown.key}", _MONTH_COLUMNS, told)


@require_safe
@door.staff_only("money")
def left_file(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return every payment that no settlement covers, as CSV."""
    return _file(f"unsettled-{clock.now():%Y%m%d-%H%M}", _LEFT_COLUMNS, queries.unsettled())


def _file(name: str, columns: tuple[str, ...], rows: Iterable[Mapping[str, object]]) -> HttpResponseBase:
    return answer(name, columns, ([_cell(row[each]) for each in columns] for row in rows))


def _cell(value: object) -> object:
    return value if isinstance(value, int) else cell(value)  # a sum below nothing is no formula


def _fee(row: Agreement) -> str:
    """Return the fee of an agreement in words: «۰٫۵٪، به‌اضافه ۱٬۰۰۰ ریال، نه بیش از ۱۲۰٬۰۰۰ ریال»."""
    if row.ppm is None:
        return "قراری نیست"
    part = f"{row.ppm % 10_000:04}".rstrip("0")
    words = [persian_digits(f"{row.ppm // 10_000}{'٫' if part else ''}{part}") + "٪ هر پرداخت"]
    words += [f"به‌اضافه {grouped(row.fixed)} ریال"] if row.fixed else []
    words += [f"نه بیش از {grouped(row.most)} ریال"] if row.most else []
    return "، ".join(words)
