"""The desk of goods: a file is handed in, looked through, and brought in once somebody has seen what it would do."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import catalogue_runs, clock
from peyman.entrypoints.backoffice import door, goods_frame
from peyman.entrypoints.backoffice.goods_frame import Sent
from peyman.entrypoints.fields import Field
from peyman.gateways.files import MAX_CSV
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.money import grouped
from peyman.kernel.text import has_controls, normalise
from peyman.people.models import Person
from peyman.shop.catalog.actions import runs as actions
from peyman.shop.catalog.models import ImportRow, ImportRun
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules.wording import sentence

_EVERY = 4  # seconds: how often a page of a file at work fetches itself anew
State = ImportRun.State
STATES = {
    State.CHECKING: "در نگاه",
    State.CHECKED: "آماده آوردن",
    State.IMPORTING: "در راه",
    State.DONE: "آمد",
    State.FAILED: "خوانده نشد",
    State.DROPPED: "کنار گذاشته شد",
}
OUTCOMES = {"accept": "پذیرفته", "repair": "با اصلاح", "refuse": "ردشده", "skip": "گذشته"}
_CHANGES = {
    "products_new": "محصول تازه",
    "products_changed": "محصول تغییریافته",
    "variants_new": "کالای تازه",
    "variants_changed": "کالای تغییریافته",
    "prices_changed": "قیمت تازه",
    "stock_changed": "موجودی تازه",
}


@door.staff_only(goods_frame.RIGHT)
@require_safe
def imports(request: HttpRequest, person: Person) -> HttpResponse:
    """List the files that were handed in, and take another."""
    return _list(request, person, Sent())


def _list(request: HttpRequest, person: Person, sent: Sent) -> HttpResponse:
    file = Field("file", "فایل", "", "CSV تا ۱۰۰ مگابایت یا XLSX تا ۳۰ مگابایت", sent.bad.get("file", ""))
    rows = [(run, STATES[State(run.state)]) for run in queries.import_runs()]
    context = {"rows": rows, "file": file}
    return goods_frame.render(request, person, "goods_imports.html", context, sent=sent, boxes=[file])


@door.staff_only(goods_frame.RIGHT)
@require_POST
def upload(request: HttpRequest, person: Person) -> HttpResponse:
    """Keep a file and let the worker look through it; nothing of it is in yet."""
    file = request.FILES.get("file")
    says = ""
    if file is None:
        says = "فایلی برگزیده نشد."
    elif not file.size:
        says = "این فایل خالی است."
    elif file.size > MAX_CSV:
        says = "این فایل بزرگ‌تر از ۱۰۰ مگابایت است؛ آن را به چند فایل تقسیم کنید."
    if file is None or says:
        return _list(request, person, Sent(bad={"file": says}, refusal=Invalid({"file": says})))
    name = normalise(file.name or "")
    name = "".join(sign for sign in name if not has_controls(sign)) or "goods"
    run = actions.hand_in(file_name=name, file=catalogue_runs.keep(file.chunks()), by=person.code, now=clock.now())
    return redirect(f"/desk/goods/imports/{run.pk}/")


@door.staff_only(goods_frame.RIGHT)
@require_safe
def run(request: HttpRequest, person: Person, run_id: int) -> HttpResponse:
    return _page(request, person, run_id, Sent())


def _page(request: HttpRequest, person: Person, run_id: int, sent: Sent) -> HttpResponse:
    found = queries.import_run(run_id)
    outcome = request.GET.get("outcome", "")
    outcome = outcome if outcome in OUTCOMES else ""
    rows = queries.import_rows(run_id, outcome=outcome, after=goods_frame.number_in(request.GET, "after"))
    is_busy = found.state in (State.CHECKING, State.IMPORTING)
    who = dict(Person.objects.filter(code__in=[found.by, found.started_by]).values_list("code", "full_name"))
    context = {
        "r": found,
        "state": STATES[State(found.state)],
        "is_busy": is_busy,
        "most": max(found.about, found.done, 1),
        "outcomes": [(name, words, found.counts.get(name, 0)) for name, words in OUTCOMES.items()],
        "changes": [(found.counts[name], words) for name, words in _CHANGES.items() if found.counts.get(name)],
        "owed": found.counts.get("stock_owed", []),
        "outcome": outcome,
        "rows": [
            (row, OUTCOMES[row.outcome], [sentence(code) for code in row.codes], _mended(row)) for row in rows.rows
        ],
        "next": rows.next,
        "every": _EVERY,
        "who": who.get(found.by, found.by),
        "starter": who.get(found.started_by, found.started_by),
    }
    answer = goods_frame.render(request, person, "goods_import.html", context, sent=sent)
    if is_busy and request.method == "GET":
        answer["Refresh"] = str(_EVERY)
    return answer


def _mended(row: ImportRow) -> list[tuple[str, str]]:
    """What the fields of a record say after they were mended."""
    shown = {name: grouped(value) if isinstance(value, int) else str(value) for name, value in row.expected.items()}
    return [(name, words[:200]) for name, words in shown.items() if words not in ("", "None", "{}")]


@door.staff_only(goods_frame.RIGHT)
@require_POST
def start(request: HttpRequest, person: Person, run_id: int) -> HttpResponse:
    """Have the worker bring a file in that was looked through."""
    try:
        actions.start(run_id=run_id, by=person.code, now=clock.now())
    except actions.NotNow as refusal:
        return _page(request, person, run_id, Sent(refusal=refusal))
    return redirect(f"/desk/goods/imports/{run_id}/?begun")


@door.staff_only(goods_frame.RIGHT)
@require_POST
def drop(request: HttpRequest, person: Person, run_id: int) -> HttpResponse:
    """Let a file be; what of it is in already stays in."""
    try:
        actions.drop(run_id=run_id, now=clock.now())
    except Refused as refusal:
        return _page(request, person, run_id, Sent(refusal=refusal))
    return redirect(f"/desk/goods/imports/{run_id}/?dropped")
