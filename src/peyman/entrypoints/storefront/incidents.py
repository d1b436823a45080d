"""What happened with the half-price message, in the open: notices and their versions, for people and machines."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, incident_story, worddiff
from peyman.kernel.clauses import carries_out
from peyman.market.incidents.queries import public
from peyman.market.incidents.queries.public import Published

_TITLES = {
    "title": "عنوان",
    "what": "چه شد",
    "why": "چرا",
    "doing": "چه می‌کنیم",
    "check": "چگونه بسنجید",
    "contact": "راه خبر دادن",
    "signer": "امضا",
}


@require_safe
@carries_out("B11")
def notices(request: HttpRequest) -> HttpResponse:
    """List the notices, the newest first."""
    now = clock.now()
    rows = [(one, incident_story.page_of(one.content, now)) for one in public.notices()]
    return render(request, "storefront/incidents.html", {"rows": rows, "now": now})


@require_safe
@carries_out("B11")
def notice(request: HttpRequest, code: str, number: int | None = None) -> HttpResponse:
    """Show the last version of a notice, or an earlier one with what it differs in from the one before it."""
    now = clock.now()
    found = public.notice(code, number)
    before = public.notice(code, found.number - 1) if found.number > 1 else None
    context = {
        "notice": found,
        "page": incident_story.page_of(found.content, now),
        "changes": changes(before, found) if before else [],
        "figures": figures(before, found) if before else [],
        "now": now,
    }
    return render(request, "storefront/incident.html", context)


@require_safe
@carries_out("B11")
def document(request: HttpRequest, code: str, number: int | None = None) -> HttpResponse:
    """The same for machines: its totals are those of the run, to the rial, and its steps can be checked."""
    answer = JsonResponse(public.document(code, number), json_dumps_params={"ensure_ascii": False, "indent": 1})
    answer["Access-Control-Allow-Origin"] = "*"
    return answer


@dataclass(frozen=True)
class Change:
    """One part of a notice whose words changed."""

    title: str
    runs: list[worddiff.Run]


def changes(old: Published, new: Published) -> list[Change]:
    """Return the parts of a notice that differ from the version before, word by word."""
    return [
        Change(title, worddiff.words(old.words[name], new.words[name]))
        for name, title in _TITLES.items()
        if old.words[name] != new.words[name]
    ]


def figures(old: Published, new: Published) -> list[tuple[str, int | None, int | None]]:
    """Return the figures that differ from the version before: what, what it was, what it is."""
    was, now = old.content["totals"], new.content["totals"]
    return [
        (words, was.get(name), now.get(name))
        for name, words in incident_story.AMOUNTS.items()
        if was.get(name) != now.get(name)
    ]
