"""Drawings of goods as files of their own, for those who show our goods elsewhere and cannot cut one from our sheet."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from peyman.entrypoints.storefront import icons
from peyman.kernel.errors import Missing

_KEPT = "public, max-age=604800"


def address(key: str, tint: str) -> str:
    """Return the path of a drawing in a tint: ("pot", "v4") → "/drawings/pot.v4.svg"."""
    return f"/drawings/{key}.{tint}.svg" if tint else f"/drawings/{key}.svg"


@require_safe
def drawing(request: HttpRequest, key: str, tint: str = "") -> HttpResponse:
    """Send one drawing. It costs the database nothing."""
    if key not in icons.drawings() or tint not in icons.COLOURS:
        raise Missing
    return HttpResponse(icons.standing(key, tint), content_type="image/svg+xml", headers={"Cache-Control": _KEPT})
