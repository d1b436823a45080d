"""The banks this installation works with, by name."""

from functools import cache

from django.conf import settings

from peyman.billing.rules import UnknownGateway
from peyman.gateways.zarinpal import Zarinpal

NAMES = ("zarinpal",)


def bank(name: str) -> Zarinpal:
    """Return the port to the bank `name`; one for the whole process, with its connections.

    Raises UnknownGateway for a name that is not in NAMES, or one that has no merchant id.
    """
    if name not in NAMES or not settings.ZARINPAL_MERCHANT:
        raise UnknownGateway
    return _zarinpal(settings.ZARINPAL_MERCHANT, settings.BANK_URL, settings.ZARINPAL_ACCESS_TOKEN)


@cache
def _zarinpal(merchant: str, base_url: str, access_token: str) -> Zarinpal:
    return Zarinpal(merchant, base_url, access_token)
