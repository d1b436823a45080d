"""Where one is logged in, and what happened (D15)."""

from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.storefront.members import members_only
from peyman.kernel.clauses import carries_out
from peyman.people import actions as people
from peyman.people import queries
from peyman.people.models import Person

EVENT_WORDS = {"login": "ورود به حساب", "api": "ورود برنامه (API)", "ended": "نشست پایان داده شد"}


@require_safe
@members_only()
@carries_out("D15")
def sessions(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    context = {
        "visits": queries.open_visits(person, request.session.session_key or "", now),
        "tokens": queries.open_tokens(person, now),
        "history": [(EVENT_WORDS[row.event], row) for row in queries.login_history(person)],
    }
    return render(request, "storefront/sessions.html", context)


@require_POST
@members_only("/account/sessions/")
@carries_out("D15")
def end(request: HttpRequest, person: Person) -> HttpResponse:
    """End one session by its code, or all others and every token."""
    now = clock.now()
    if request.POST.get("all"):
        forget_sessions(people.end_all(person=person, but=request.session.session_key or "", now=now))
    else:
        forget_sessions([people.end_visit(person=person, code=request.POST.get("visit", "")[:32], now=now)])
    return redirect("/account/sessions/")


def forget_sessions(keys: list[str]) -> None:
    """Delete sessions, so that their cookies open nothing any more."""
    for key in keys:
        SessionStore(key).delete()
