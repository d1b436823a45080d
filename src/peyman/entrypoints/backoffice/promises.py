"""The board of promises: what is late, what is due soon, how each clause was kept, and all of it as a file."""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, figures
from peyman.entrypoints.backoffice import door
from peyman.entrypoints.sheets import answer, cell
from peyman.entrypoints.words import kind_words
from peyman.people.models import Person
from peyman.promises import queries
from peyman.promises.queries import Filter

STATES = {
    "": "باز و دیر",
    "late": "دیر و بدهکار",
    "soon": "تا دو ساعت دیگر",
    "open": "در راه",
    "held": "ایستاده",
    "kept": "وفا شده",
    "broken": "شکسته",
    "waived": "برداشته",
}
_COLUMNS = (
    "code",
    "clause",
    "kind",
    "order",
    "what",
    "start",
    "hours",
    "hours_kind",
    "due_at",
    "state",
    "kept_at",
    "broken_at",
)


@door.staff_only("promises")
@require_safe
def board(request: HttpRequest, person: Person) -> HttpResponse:
    now = clock.now()
    asked = _asked(request)
    record = queries.record(now)
    terms = queries.terms_in_force(now)
    titles = queries.clause_titles(terms)
    context = {
        "board": queries.board(now, asked),
        "record": record,
        "late_days": figures.late_days(record),
        "shares": figures.shares(record, titles),
        "asked": asked,
        "states": STATES.items(),
        "state_title": STATES.get(asked.state, asked.state),
        "clauses": [(clause, titles[clause]) for clause in titles],
        "kinds": [(kind, kind_words(kind)) for kind in queries.kinds()],
        "query": request.GET.urlencode(),
    }
    return door.render(request, person, "promises.html", context)


@door.staff_only("promises")
@require_safe
def export(request: HttpRequest, person: Person) -> HttpResponseBase:
    """Return the promises of the filter as CSV, in UTF-8 with a mark, safe to open in a spreadsheet."""
    now = clock.now()
    rows = queries.filtered(now, _asked(request)).iterator(chunk_size=2000)
    told = ([cell(getattr(row, name)) for name in _COLUMNS] for row in rows)
    return answer(f"promises-{now:%Y%m%d-%H%M}", _COLUMNS, told)


def _asked(request: HttpRequest) -> Filter:
    get = request.GET
    return Filter(
        state=get.get("state", "")[:10],
        clause=get.get("clause", "")[:8],
        kind=get.get("kind", "")[:40],
        q=get.get("q", "").replace("\0", "").strip().upper()[:32],
    )
