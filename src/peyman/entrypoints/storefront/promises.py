"""What we promised: to whoever is logged in, one by one, and to everybody, added up."""

from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, figures
from peyman.entrypoints.storefront import owed, visitor
from peyman.entrypoints.words import scope_words
from peyman.kernel.clauses import carries_out
from peyman.kernel.text import whole_number
from peyman.promises import queries


@never_cache
@require_safe
def promises(request: HttpRequest) -> HttpResponse:
    """Show a person what was promised to them: what is late first, then what is on its way, then the rest."""
    person = visitor.person_of(request)
    if person is None:
        return redirect("/login/?next=/promises/")
    now = clock.now()
    try:
        after = whole_number(request.GET["after"]) if "after" in request.GET else None
    except ValueError:
        after = None
    ledger = queries.of_person(person, now, after=after)
    older = after is not None
    context = {
        "ledger": ledger,
        "late": [] if older else [owed.owing(one) for one in ledger.late],
        "open": [] if older else [owed.owing(one) for one in ledger.open],
        "ended": [owed.owing(one) for one in ledger.ended],
    }
    return render(request, "storefront/promises.html", context)


@require_safe
def record(request: HttpRequest) -> HttpResponse:
    """Show everybody how promises were kept. Added up once a minute in each process."""
    now = clock.now()
    key = f"record:{now:%Y%m%d%H%M}"
    found: queries.Record | None = caches["parts"].get(key)
    if found is None:
        found = queries.record(now)
        caches["parts"].set(key, found)
    terms = queries.terms_in_force(now)
    context = {
        "record": found,
        "now": now,
        "terms": terms,
        "late_days": figures.late_days(found),
        "shares": figures.shares(found, queries.clause_titles(terms)),
    }
    return render(request, "storefront/record.html", context)


@require_safe
@carries_out("D121")
def force_majeure(request: HttpRequest) -> HttpResponse:
    """Show every declared period, also those that are over."""
    return render(request, "storefront/force_majeure.html", {"periods": queries.periods(clock.now())})


@require_safe
@carries_out("D121")
def period(request: HttpRequest, code: str) -> HttpResponse:
    """Show one declared period as it was published."""
    now = clock.now()
    found = queries.period(code, now)
    titles = queries.clause_titles(queries.terms_in_force(now))
    context = {"period": found, "scope": scope_words(found.scope, lambda clause: titles.get(clause, clause))}
    return render(request, "storefront/period.html", context)
