"""Prices that move too far for one person: another approves them, or says why not."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from peyman.entrypoints import clock
from peyman.entrypoints.backoffice import door, prices_frame
from peyman.entrypoints.backoffice.prices_frame import DESK, LIMITS, RIGHT
from peyman.entrypoints.fields import Field
from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused
from peyman.people.models import Person
from peyman.shop.offers import actions, queries

_SOURCES = {"desk": "میز قیمت", "many": "تغییر گروهی", "import": "فایل کالاها", "plan": "برنامه"}
_STATES = {"approved": "تأیید شد", "refused": "رد شد", "replaced": "کنار رفت"}


@require_safe
@door.staff_only(RIGHT)
def waiting(request: HttpRequest, person: Person) -> HttpResponse:
    """List what waits for a second person; or what was decided."""
    return _page(request, person)


@require_POST
@door.staff_only(RIGHT)
@carries_out("D122")
def approve(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Stand behind a price as the second person."""
    now = clock.now()
    try:
        proposal = actions.approve(code=code, by=person.code, now=now)
    except Refused as refusal:
        return _page(request, person, code, refusal)
    if proposal.plan is not None:
        proposal.plan.refresh_from_db()
        if proposal.plan.starts_at <= now:
            actions.carry_out(proposal.plan, now=now)
    return redirect(f"{DESK}waiting/?approved")


@require_POST
@door.staff_only(RIGHT)
def refuse(request: HttpRequest, person: Person, code: str) -> HttpResponse:
    """Put a price aside, and say why."""
    why = prices_frame.typed_in(request, "why")["why"]
    try:
        actions.refuse(code=code, why=why, by=person.code, now=clock.now())
    except Refused as refusal:
        return _page(request, person, code, refusal)
    return redirect(f"{DESK}waiting/?refused")


def _page(request: HttpRequest, person: Person, code: str = "", refusal: Refused | None = None) -> HttpResponse:
    bad, above = prices_frame.refused(refusal, ("why",)) if refusal else ({}, None)
    done = request.GET.get("done") == "1"
    rows = queries.waiting(done=done)
    names = prices_frame.names_of([*(row.by for row in rows), *(row.decided_by for row in rows)])
    shown = []
    for row in rows:
        moved = (row.price - row.was_price) * 100
        box = Field(
            "why", "اگر نه، چرا؟", "", "", bad.get("why", "") if row.code == code else "", maxlength=300,
            prefix=f"{row.code}-",
        )  # fmt: skip
        shown.append(
            {
                "row": row,
                "by": names.get(row.by, row.by),
                "decided_by": names.get(row.decided_by, row.decided_by),
                "percent": abs(moved) // row.was_price,
                "is_rise": moved > 0,
                "limit": LIMITS.get(row.limit, row.limit),
                "source": _SOURCES.get(row.source, row.source),
                "state": _STATES.get(row.state, ""),
                "is_mine": row.by == person.code,
                "box": box,
            }
        )
    context = {
        "rows": shown,
        "done": done,
        "said": "تأیید شد." if "approved" in request.GET else "رد شد." if "refused" in request.GET else "",
    }
    boxes = [one["box"] for one in shown]
    return prices_frame.render(
        request, person, "prices_waiting.html", context,
        boxes=[box for box in boxes if isinstance(box, Field)], refusal=above,
    )  # fmt: skip
