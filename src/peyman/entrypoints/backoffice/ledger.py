"""The general ledger at the desk: the trial balance of a month, each account's entries, and both as files."""

from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from peyman.billing.queries import ledger as queries
from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.backoffice.settlements import month_of
from peyman.entrypoints.sheets import answer, cell
from peyman.entrypoints.statement_words import account_title, posting_title
from peyman.kernel import jalali
from peyman.kernel.errors import Missing
from peyman.kernel.money import grouped
from peyman.people import rules
from peyman.people.models import Person

SHOWN: Final = 100
_MONTH_COLUMNS: Final = ("month", "account", "title", "before", "debit", "credit", "after")
_ACCOUNT_COLUMNS: Final = ("at", "posting", "order", "debit", "credit", "balance")


@require_safe
@door.staff_only("money")
def desk(request: HttpRequest, person: Person) -> HttpResponse:
    """Show the trial balance of a month: what each account had, its turnover on both sides, and what is left."""
    now = clock.now()
    month = month_of(request.GET.get("month", ""), now)
    rows = queries.trial(month.begins, month.ends)
    context = {
        "month": month,
        "is_now": month.begins <= now < month.ends,
        "rows": [(account_title(row.account), row, _balance(row.before), _balance(row.after)) for row in rows],
        "debit": sum(row.debit for row in rows),
        "credit": sum(row.credit for row in rows),
        "before": sum(row.before for row in rows if row.before > 0),
        "after": sum(row.after for row in rows if row.after > 0),
        "adds_up": sum(row.before for row in rows) == sum(row.after for row in rows) == 0,
    }
    return door.render(request, person, "ledger.html", context)


@require_safe
@door.staff_only("money")
def account(request: HttpRequest, person: Person, name: str) -> HttpResponse:
    """Show the entries of one account in a month, each with what it made of the balance."""
    now = clock.now()
    if not queries.is_known(name):
        raise Missing
    month = month_of(request.GET.get("month", ""), now)
    asked = request.GET.get("after", "")
    after = _place(asked) if asked else None
    page = queries.page(name, month.begins, month.ends, after=after, limit=SHOWN)
    context = {
        "name": name,
        "title": account_title(name),
        "month": month,
        "is_now": month.begins <= now < month.ends,
        "before": _balance(page.before),
        "lines": [
            {
                "line": line,
                "title": posting_title(line.posting),
                "others": [account_title(other) for other in line.others],
                "debit": max(line.amount, 0),
                "credit": max(-line.amount, 0),
                "balance": _balance(line.balance),
            }
            for line in page.lines
        ],
        "left": _balance(page.lines[-1].balance if page.lines else page.before),
        "may_orders": rules.may(person.role, "orders"),
        "debit": sum(line.amount for line in page.lines if line.amount > 0),
        "credit": -sum(line.amount for line in page.lines if line.amount < 0),
        "after": f"{jalali.iso(page.after[0])}_{page.after[1]}" if page.after else "",
        "is_later": after is not None,
        "is_astray": bool(asked) and after is None,
    }
    return door.render(request, person, "ledger_account.html", context)


@require_safe
@door.staff_only("money")
def month_file(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the month's trial balance as CSV, in rials, debit positive."""
    month = month_of(request.GET.get("month", ""), clock.now())
    told = (
        (month.key, row.account, account_title(row.account), row.before, row.debit, row.credit, row.after)
        for row in queries.trial(month.begins, month.ends)
    )
    return answer(f"ledger-{month.key}", _MONTH_COLUMNS, told)


@require_safe
@door.staff_only("money")
def account_file(request: HttpRequest, person: Person, name: str) -> HttpResponseBase:
    """Return an account's entries of the month as CSV, in rials."""
    if not queries.is_known(name):
        raise Missing
    month = month_of(request.GET.get("month", ""), clock.now())
    told = (
        (cell(line.at), line.posting, line.order, max(line.amount, 0), max(-line.amount, 0), line.balance)
        for line in queries.lines(name, month.begins, month.ends)
    )
    return answer(f"ledger-{name.replace(':', '-')}-{month.key}", _ACCOUNT_COLUMNS, told)


def _balance(rials: int) -> str:
    """Return «۱۲٬۰۰۰ بد» for a debit, «۱۲٬۰۰۰ بس» for a credit."""
    return f"{grouped(abs(rials))} {'بد' if rials > 0 else 'بس'}" if rials else grouped(0)


def _place(asked: str) -> queries.Place | None:
    """Return where a page begins; None for what no page of ours ever wrote."""
    at, _, key = asked[:60].partition("_")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError:
        return None
    is_key = key.isascii() and key.isdecimal() and len(key) < 19
    return (instant, int(key)) if is_key and instant.tzinfo is not None else None
