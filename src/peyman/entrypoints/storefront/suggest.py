"""What may be meant while a search is being typed: a part of a page, which a small script shows under the box.

Without the script nothing is lost: the form is sent. The answer is the same for everybody and may be kept a minute.
"""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock, limits
from peyman.kernel.text import normalise
from peyman.shop.catalog.queries.suggest import LONGEST, suggest

# High, since a whole mobile network may stand behind one address; counted in this process, a lease at a time.
_LIMIT: Final = limits.Limit("suggest", 6000, 60, lease=200)


@require_safe
def suggestions(request: HttpRequest) -> HttpResponse:
    """Show what `q` may become. Three statements at the most, one where it was asked before."""
    limits.spend(_LIMIT, limits.caller(request), clock.now())
    typed = request.GET.get("q", "")[: LONGEST + 1]
    found = suggest(typed)
    html = render_to_string("storefront/parts/suggestions.html", {"found": found, "q": normalise(typed)}).strip()
    answer = HttpResponse(html)
    answer["Cache-Control"] = "public, max-age=60"
    answer["X-Robots-Tag"] = "noindex"
    return answer
