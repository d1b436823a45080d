"""What was corrected of the specifications of a product, for everybody who bought or reads it (D113)."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Missing
from peyman.kernel.text import whole_number
from peyman.shop.catalog.queries import goods as queries
from peyman.shop.catalog.rules.changes import field_words


@require_safe
@carries_out("D113")
def corrections(request: HttpRequest, slug: str) -> HttpResponse:
    """List the corrections of a product, the latest first: what, from what to what, by which source, when, not who."""
    try:
        before = max(0, whole_number(request.GET.get("before", "")[:20]))
    except ValueError:
        before = 0
    try:
        found = queries.corrections(slug, before=before)
    except Missing:
        moved = queries.moved_to(slug)
        if not moved:
            raise
        answer = redirect(f"/goods/{moved}/corrections/", permanent=True)
        answer["Cache-Control"] = "no-cache"  # a product may go back, and browsers keep a bare 301 for ever
        return answer
    rows = [(change, field_words(change.field)) for change in found.rows]
    return render(request, "storefront/corrections.html", {"found": found, "rows": rows, "is_later": bool(before)})
