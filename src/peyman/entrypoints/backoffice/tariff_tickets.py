"""The desk of the tariff: one ticket looked up, with what it rests on, and the keys that sign (B03)."""

from dataclasses import dataclass
from datetime import date

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from peyman.entrypoints import clock, ticket_words
from peyman.entrypoints.backoffice import door, tariff_frame
from peyman.entrypoints.fields import Field, heading, wrong
from peyman.kernel.clauses import carries_out
from peyman.market.guard.models import TicketKey
from peyman.market.guard.queries import keys as key_queries
from peyman.market.guard.queries import tickets as queries
from peyman.market.guard.rules.tickets import LONGEST, Bad, Ticket, Verifier
from peyman.people.models import Person


@dataclass(frozen=True)
class KeyRow:
    """A key as the page shows it."""

    row: TicketKey
    state: str
    words: str


@door.staff_only("tariff")
@require_http_methods(["GET", "HEAD", "POST"])
@carries_out("B03")
def tickets(request: HttpRequest, person: Person) -> HttpResponse:
    """Look one ticket up; asked by POST, so that it stays out of logs and histories. Three queries."""
    now = clock.now()
    typed = {name: request.POST.get(name, "").replace("\0", "").strip() for name in ("token", "path")}
    token, path = typed["token"][: LONGEST + 1], typed["path"][:600]
    ticket: Ticket | None = None
    error = path_error = ""
    if request.method == "POST":
        found = Verifier(key_queries.own()).ticket(token)
        if isinstance(found, Bad):
            error = ticket_words.BAD[found.code] if token else "بلیت را از نشانی دانلود این‌جا بگذارید."
        else:
            ticket = found
            path_error = ticket_words.BAD["other_object"] if path and not found.fits(f"/{path.lstrip('/')}") else ""
    fields = [
        Field("token", "بلیت", token, "بخش token از نشانی دانلود", error, ltr=True, maxlength=LONGEST),
        Field("path", "مسیر دانلود (اختیاری)", path, "مانند apps/ir.example/12.apk", path_error, ltr=True,
              maxlength=600),
    ]  # fmt: skip
    receipt = queries.receipt_of(ticket) if ticket else None
    faulty = wrong(fields)
    states = [(row, ticket_words.state(row, now)) for row in key_queries.rows()]
    context = {
        "fields": fields,
        "wrong": faulty,
        "heading": heading(len(faulty)),
        "ticket": ticket,
        "receipt": receipt,
        "ranges": [
            (one["range"], one["addresses"], date.fromisoformat(one["due"]) if one["due"] else None)
            for one in (receipt.addresses if receipt else ())
        ],
        "keys": [KeyRow(row, state, ticket_words.STATES[state]) for row, state in states],
        "latest": queries.latest(),
    }
    return tariff_frame.render(request, person, "tariff_tickets.html", context, 422 if faulty else 200)
