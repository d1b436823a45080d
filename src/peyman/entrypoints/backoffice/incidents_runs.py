"""The desk of the tariff: runs of the audit, what they found, whether they were counted again, and their reports."""

import importlib
import re
from base64 import b64encode
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock, incident_files, incident_story
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.kernel.errors import Missing, Refused
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.models import AuditRun
from peyman.market.incidents.queries import desk
from peyman.market.tariff.models import AuditWatch
from peyman.people.models import Person

_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


@door.staff_only("tariff")
@require_safe
def runs(request: HttpRequest, person: Person) -> HttpResponse:
    """List the runs, the last handed in first, and how the daily audit stands."""
    now = clock.now()
    daily = AuditWatch.objects.first()
    context = {
        "rows": desk.runs(),
        "daily": daily,
        "is_busy": daily is not None and daily.busy_until is not None and daily.busy_until > now,
    }
    return tariff_frame.render(request, person, "incident_runs.html", context)


@door.staff_only("tariff")
@require_safe
def run(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    return _page(request, person, desk.run(code))


def _page(request: HttpRequest, person: Person, found: AuditRun, refusal: Refused | None = None) -> HttpResponse:
    difference = desk.difference_of(found)
    totals = found.totals
    context = {
        "r": found,
        "totals": [(words, totals.get(name)) for name, words in incident_story.AMOUNTS.items() if name in totals],
        "unknown": incident_story.unknown_of(totals),
        "not_counted": [
            (incident_story.NOT_COUNTED.get(name, name), many) for name, many in totals["not_counted"].items()
        ],
        "operators": incident_story.rows_of(found.operators),
        "difference": difference,
        "moved": [
            (incident_story.figure_words(one.name), one.old, one.new)
            for one in (difference.figures if difference else ())
            if one.old != one.new
        ],
        "incidents": list(found.incidents.order_by("pk")),
        "newer": list(found.replaced_by.order_by("pk")),
        "differences": (found.recount or {}).get("differences", []),
        "has_report": incident_files.REPORT in found.files,
        "refusal": refusal,
    }
    return tariff_frame.render(request, person, "incident_run.html", context, refusal.status if refusal else 200)


@door.staff_only("tariff")
@require_POST
def count_again(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Count a run again, over exactly its files."""
    found = desk.run(code)
    # By name: counting needs the audit's engine, and a web process that nobody asks to count does without it.
    importlib.import_module("peyman.entrypoints.audit_runs").count_again(found, now=clock.now())
    return redirect(f"/desk/tariff/runs/{found.code}/")


@door.staff_only("tariff")
@require_POST
def open_incident(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Open an incident from a run."""
    found = desk.run(code)
    try:
        made = incidents.detect_by_run(run=found, by=person, now=clock.now())
    except Refused as refusal:
        return _page(request, person, found, refusal)
    return redirect(f"/desk/tariff/incidents/{made.code}/")


@door.staff_only("tariff")
@require_safe
def report(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Show the report of a run as it was handed in: sandboxed, without scripts, and only in its own style."""
    data = incident_files.report(desk.run(code))
    if data is None:
        raise Missing
    hashes = [b64encode(sha256(one).digest()).decode() for one in _STYLE.findall(data)]
    styles = " ".join(f"'sha256-{one}'" for one in hashes) or "'none'"
    answer = HttpResponse(data, content_type="text/html; charset=utf-8")
    answer["Content-Security-Policy"] = (
        f"sandbox; default-src 'none'; style-src {styles}; font-src data:; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return answer
