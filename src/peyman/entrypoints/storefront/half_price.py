"""What everybody needs to hold us to the message "half price": the keys that verify tickets (clause B03)."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints import clock
from peyman.kernel.clauses import carries_out
from peyman.market.guard.queries import keys

_KEPT = "public, max-age=300"  # a new key is published two days before it signs


@require_safe
@carries_out("B03")
def half_price_keys(request: HttpRequest) -> JsonResponse:
    """Return all public keys of tickets, those of long ago as well, and the words that were shown. One query."""
    return JsonResponse(
        keys.document(clock.now()),
        json_dumps_params={"ensure_ascii": False, "indent": 1},
        headers={"Cache-Control": _KEPT, "Access-Control-Allow-Origin": "*"},
    )
