"""The published terms: the version in force, every earlier one, and what changed between them (D03, D04)."""

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock, implied, termdiff, words
from peyman.entrypoints.storefront import kept
from peyman.kernel import money
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.text import persian_digits, whole_number
from peyman.promises import queries
from peyman.promises.models import TermsVersion
from peyman.promises.rules import parameter

# What stands beside a clause: its parameters, with their name and unit for readers. A test compares with the register.
_BESIDE = {
    "D07": ("max_quantity",),
    "D16": ("retention_years",),
    "D20": ("adult_age",),
    "D22": ("processing_hours",),
    "D24": ("pro_forma_hours",),
    "D30": ("refund_early_hours", "refund_hours"),
    "D31": ("withdrawal_days",),
    "D32": ("notice_hours",),
    "D41": ("answer_hours",),
    "D56": ("payment_minutes",),
    "D57": ("cart_code_hours", "order_hours"),
    "D58": ("cart_days",),
    "D73": ("damage_hours",),
    "D112": ("complaint_hours",),
    "D118": ("packing_fee", "insurance_permille"),
}
_WORDS = words.PARAMETERS


@dataclass(frozen=True)
class Beside:
    """A parameter of a clause, in words."""

    title: str
    words: str


@dataclass(frozen=True)
class Clause:
    number: str
    title: str
    text: str
    beside: list[Beside]


@dataclass(frozen=True)
class Section:
    number: str
    title: str
    clauses: list[Clause]


@require_safe
@carries_out("D03", "D04")
def terms(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """Show the version in force, or the one of `number`; 404 for a number that was never published."""
    now = clock.now()
    current = queries.terms_in_force(now)
    shown = current if number is None else queries.terms(number)
    versions = queries.all_terms()
    if shown == current:
        implied.told(request, current.number)
    key = ("terms", request.path)
    state = (shown.number, current.number, [(version.sha256, version.effective_at > now) for version in versions])
    page = kept.page(key, state)
    if page is None:  # what was published never changes; what else was, and what is in force, do
        page = kept.keep(key, state, request, "storefront/terms.html", _told(shown, current, versions, now))
    return kept.answer(request, page)


def _told(shown: TermsVersion, current: TermsVersion, versions: list[TermsVersion], now: datetime) -> dict[str, object]:
    before = next((version for version in versions if version.number == shown.number - 1), None)
    return {
        "terms": shown,
        "current": current,
        "versions": versions,
        "sections": sections(shown),
        "before": before,
        "changes": termdiff.changes(queries.clauses(before), queries.clauses(shown)) if before else [],
        "is_future": shown.effective_at > now,
    }


@require_safe
@carries_out("D04")
def difference(request: HttpRequest) -> HttpResponse:
    """Show what differs between any two versions, `?old=` and `?new=`; without them, the newest two."""
    versions = queries.all_terms()
    newest = versions[0].number if versions else 0
    new = _version(versions, request.GET.get("new", ""), newest)
    old = _version(versions, request.GET.get("old", ""), max(1, new.number - 1))
    context = {
        "old": old,
        "new": new,
        "versions": versions,
        "changes": termdiff.changes(queries.clauses(old), queries.clauses(new)),
        "numbers": termdiff.numbers(old.parameters, new.parameters),
    }
    return render(request, "storefront/terms_difference.html", context)


@require_POST
def seen(request: HttpRequest) -> HttpResponse:
    """Take the banner about new terms away: its reader knows of them (D05)."""
    target = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None) and target.startswith("/")
    response = redirect(target if safe else "/")
    implied.told(request, queries.number_in_force(clock.now()))
    return response


def _version(versions: list[TermsVersion], typed: str, otherwise: int) -> TermsVersion:
    try:
        number = whole_number(typed) if typed else otherwise
    except ValueError:
        raise Missing from None
    found = next((version for version in versions if version.number == number), None)
    if found is None:
        raise Missing
    return found


def sections(version: TermsVersion) -> list[Section]:
    """Return the clauses of a version under their sections, parameters beside them."""
    found = []
    for (number, title), clauses in groupby(
        queries.clauses(version), lambda clause: (clause.number.partition("-")[0], clause.section)
    ):
        found.append(
            Section(number, title, [Clause(c.number, c.title, c.text, _beside(version, c.clause)) for c in clauses])
        )
    return found


def _beside(version: TermsVersion, clause: str) -> list[Beside]:
    found = []
    for name in _BESIDE.get(clause, ()):
        if name not in version.parameters:
            continue
        value = parameter(version.parameters, name)
        if name == "packing_fee":
            said = f"{money.grouped(money.tomans(value))} تومان" if value else "رایگان"
            found.append(Beside("بسته‌بندی", said))
        else:
            title, unit = _WORDS[name]
            found.append(Beside(title, f"{persian_digits(value)} {unit}"))
    return found
