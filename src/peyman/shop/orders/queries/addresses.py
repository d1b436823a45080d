"""Addresses that staff accepted though they look like public places."""

from peyman.shop.orders.models import AllowedAddress


def allowed_addresses(limit: int = 50) -> list[AllowedAddress]:
    """Return the addresses that staff accepted last, the newest first. One query."""
    return list(AllowedAddress.objects.select_related("person", "by").order_by("-at", "-pk")[:limit])
