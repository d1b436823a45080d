"""The desk of the tariff: what operators charge and who saw it, whose customer is where, what was measured (B02)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from peyman.entrypoints import clock, tariff_tables
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Invalid, Refused
from peyman.kernel.money import grouped
from peyman.kernel.text import normalise, persian_digits
from peyman.market.tariff.actions import rates as rate_actions
from peyman.market.tariff.models import RateCheck
from peyman.market.tariff.queries import isps as isp_queries
from peyman.market.tariff.queries import probes as probe_queries
from peyman.market.tariff.queries import rates as rate_queries
from peyman.market.tariff.queries.isps import Customer
from peyman.market.tariff.queries.rates import Charge
from peyman.market.tariff.rules.probes import Probe
from peyman.market.tariff.rules.rates import written
from peyman.market.tariff.rules.tables import LONGEST_FILE, BadTable, Fault
from peyman.people.models import Person

_FAULTS = 30  # wrong lines that are named
_SHOWN = 200  # rows of a table on a page
_URLS = {tariff_tables.TARIFFS: "rates", tariff_tables.ISPS: "isps", tariff_tables.PROBES: "probes"}


@dataclass(frozen=True)
class Bringing:
    """How bringing a file ended, for the page to say."""

    done: str = ""  # Persian, where it came in
    bad_file: str = ""
    refusal: Refused | None = None
    faults: Sequence[Fault] = ()

    @property
    def status(self) -> int:
        return self.refusal.status if self.refusal else 422 if self.bad_file else 200

    def context(self) -> dict[str, object]:
        """What the part of the page prints."""
        return {
            "done": self.done,
            "bad_file": self.bad_file,
            "refusal": self.refusal,
            "faults": self.faults[:_FAULTS],
            "more_faults": max(0, len(self.faults) - _FAULTS),
        }


def _said(request: HttpRequest) -> Bringing:
    rows, added, gone = (_number(request.GET.get(name, "")) for name in ("rows", "added", "gone"))
    if "rows" not in request.GET:
        return Bringing()
    return Bringing(f"{grouped(rows)} سطر خوانده شد: {grouped(added)} دانسته تازه، {grouped(gone)} دانسته کنار رفت.")


def _upload(table: str, request: HttpRequest, person: Person, now: datetime) -> Bringing | HttpResponse:
    file = request.FILES.get("file")
    if file is None:
        return Bringing(bad_file="فایلی برگزیده نشد.")
    if file.size is None or file.size > LONGEST_FILE:
        return Bringing(bad_file="این فایل بزرگ‌تر از چنین جدولی است.")
    try:
        done = tariff_tables.bring(
            table,
            file.read(LONGEST_FILE + 1),
            name=normalise(file.name or "")[:100] or "فایل",
            source=request.POST.get("source", ""),
            whole=request.POST.get("whole") == "1",
            by=person,
            now=now,
        )
    except BadTable as refusal:
        return Bringing(refusal=refusal, faults=refusal.faults)
    except Refused as refusal:
        return Bringing(refusal=refusal)
    brought = done.brought
    return redirect(f"/desk/tariff/{_URLS[table]}/?rows={brought.rows}&added={brought.added}&gone={brought.superseded}")


@door.staff_only("tariff")
@require_safe
def export(request: HttpRequest, person: Person, table: str) -> HttpResponse:
    """Give a table as the audit and the command line read it."""
    headers = {"Content-Disposition": f'attachment; filename="{table}.csv"'}
    return HttpResponse(tariff_tables.export(table), content_type="text/csv; charset=utf-8", headers=headers)


# ---- Rates ----


@dataclass(frozen=True)
class RateRow:
    """A rate as the page shows it. `checks` are the newest first."""

    charge: Charge
    price: str
    share: str
    unit: str
    checks: list[RateCheck]

    @property
    def plan(self) -> str:
        return "، ".join(filter(None, (self.charge.service_class, self.charge.plan))) or "همه طرح‌ها"


@dataclass(frozen=True)
class OperatorRates:
    """An operator: may the message speak of it, and its rates, those we believe no more apart."""

    operator: str
    speaks: bool
    rows: list[RateRow]
    before: list[RateRow]


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def rates(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what operators charge; a POST brings a file."""
    now = clock.now()
    said = _said(request) if request.method != "POST" else _upload(tariff_tables.TARIFFS, request, person, now)
    if isinstance(said, HttpResponse):
        return said
    return _rates_page(request, person, now, said)


@door.staff_only("tariff")
@require_POST
@carries_out("B02")
def check_rate(request: HttpRequest, person: Person, rate_id: int) -> HttpResponse:
    """Say that the source of a rate was seen, or that it is doubted: from then on it counts, or does not."""
    now = clock.now()
    typed = {name: request.POST.get(name, "").replace("\0", "")[:400] for name in ("source_seen", "reason")}
    says = rate_actions.doubt if request.POST.get("says") == "doubt" else rate_actions.verify
    try:
        says(rate_id=rate_id, source_seen=typed["source_seen"], reason=typed["reason"], by=person, now=now)
    except Invalid as refusal:
        return _rates_page(request, person, now, Bringing(), open_rate=rate_id, typed=typed, bad=dict(refusal.fields))
    return redirect(f"/desk/tariff/rates/?checked={rate_id}")


def _rates_page(
    request: HttpRequest,
    person: Person,
    now: datetime,
    said: Bringing,
    *,
    open_rate: int = 0,
    typed: dict[str, str] | None = None,
    bad: dict[str, str] | None = None,
) -> HttpResponse:
    typed, bad = typed or {}, bad or {}
    every = rate_queries.ever()
    checks = rate_queries.checks([one.pk for one in every])
    speaks = rate_queries.verified_operators(now)
    of_operator: dict[str, list[RateRow]] = {}
    for one in every:
        of_operator.setdefault(one.operator, []).append(_rate_row(one, checks.get(one.pk, [])))
    operators = [
        OperatorRates(
            operator,
            operator in speaks,
            [row for row in found if row.charge.superseded_at is None],
            [row for row in found if row.charge.superseded_at is not None][:_SHOWN],
        )
        for operator, found in sorted(of_operator.items())
    ]
    fields = [
        Field(
            "source_seen",
            "چه را دیدید",
            typed.get("source_seen", ""),
            "نشانی صفحه اپراتور، شماره قبض یا نامه",
            bad.get("source_seen", ""),
            maxlength=300,
        ),
        Field(
            "reason",
            "از آن چه دانستید",
            typed.get("reason", ""),
            "مانند «همین نرخ و همین سهم را می‌گوید»",
            bad.get("reason", ""),
            maxlength=300,
        ),
    ]
    faulty = wrong(fields)
    context = {
        "operators": operators,
        "waiting": sum(not row.charge.verified for one in operators for row in one.rows),
        "fields": fields,
        "open_rate": open_rate,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "checked": "checked" in request.GET,
        **said.context(),
    }
    return tariff_frame.render(request, person, "tariff_rates.html", context, 422 if faulty else said.status)


def _rate_row(one: Charge, checks: list[RateCheck]) -> RateRow:
    return RateRow(
        one,
        persian_digits(written(one.full)).replace(".", "٫"),
        _share(one.factor),
        _unit(one.unit),
        checks,
    )


def _share(factor: Fraction) -> str:
    """«یک‌دوم», «۰٫۳۷»."""
    known = {Fraction(1, 2): "یک‌دوم", Fraction(1, 3): "یک‌سوم", Fraction(1, 4): "یک‌چهارم", Fraction(1): "همه"}
    return known.get(factor) or persian_digits(written(factor)).replace(".", "٫")


def _unit(unit: int) -> str:
    known = {10**6: "مگابایت", 2**20: "مبی‌بایت", 10**9: "گیگابایت", 2**30: "گیبی‌بایت", 10**3: "کیلوبایت"}
    return known.get(unit) or f"{grouped(unit)} بایت"


# ---- ISPs ----


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def isps(request: HttpRequest, person: Person) -> HttpResponse:
    """Say whose customer an address is; a POST brings a file."""
    now = clock.now()
    said = _said(request) if request.method != "POST" else _upload(tariff_tables.ISPS, request, person, now)
    if isinstance(said, HttpResponse):
        return said
    typed = normalise(request.GET.get("address", ""), digits=True)[:80]
    error, story = "", []
    if typed:
        try:
            story = isp_queries.story(prefixes.address(typed))
        except prefixes.BadAddress as fault:
            error = fault.says
    holding = [one for one in story if one.superseded_at is None and one.holds(now)]
    current = isp_queries.current(now)
    fields = [Field("address", "نشانی مشترک", typed, "نسخه ۴ یا ۶", error, ltr=True, maxlength=80)]
    operators = _by_operator(current)
    context = {
        "fields": fields,
        "wrong": wrong(fields),
        "heading": heading(1),
        "asked": bool(typed) and not error,
        "typed": typed,
        "holding": holding[0] if holding else None,
        "story": story[:_SHOWN],
        "operators": operators,
        "many": len(current),
        **said.context(),
    }
    return tariff_frame.render(request, person, "tariff_isps.html", context, 422 if error else said.status)


@dataclass(frozen=True)
class OperatorRanges:
    """How many ranges an operator's customers have, and the first of them."""

    operator: str
    ranges: int
    first: list[str]


def _by_operator(current: Sequence[Customer]) -> list[OperatorRanges]:
    found: dict[str, list[str]] = {}
    for one in current:
        found.setdefault(one.operator, []).append(one.prefix)
    return [OperatorRanges(operator, len(ranges), ranges[:3]) for operator, ranges in sorted(found.items())]


# ---- Probes ----


@dataclass(frozen=True)
class ProbeRow:
    """A measurement as the page shows it; `stands`: it silences the message now."""

    probe: Probe
    at: datetime
    share: str
    stands: bool


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
def probes(request: HttpRequest, person: Person) -> HttpResponse:
    """Show what was measured; a POST brings a file."""
    now = clock.now()
    said = _said(request) if request.method != "POST" else _upload(tariff_tables.PROBES, request, person, now)
    if isinstance(said, HttpResponse):
        return said
    standing = {(operator, str(network)) for operator, network in probe_queries.contrary(now)}
    rows = [
        ProbeRow(
            probe := probe_queries.probe(row),
            row.measured_at,
            _share(probe.factor),
            probe.is_contrary and (row.operator, row.prefix) in standing,
        )
        for row in reversed(probe_queries.rows()[-_SHOWN:])
    ]
    context = {"rows": rows, "standing": sum(row.stands for row in rows), **said.context()}
    return tariff_frame.render(request, person, "tariff_probes.html", context, said.status)


def _number(typed: str) -> int:
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0
