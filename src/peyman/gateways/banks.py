"""The banks this installation works with, by name."""

from functools import cache
from typing import Final

from django.conf import settings

from peyman.billing.rules import UnknownGateway
from peyman.gateways.banking import Bank
from peyman.gateways.saman import Saman
from peyman.gateways.zarinpal import Zarinpal

NAMES: Final = ("zarinpal", "saman")
TITLES: Final = {"zarinpal": "زرین‌پال", "saman": "پرداخت الکترونیک سامان"}


def names() -> list[str]:
    """Return the banks that are set up, in the order in which they are offered and tried."""
    return [name for name in settings.GATEWAYS or NAMES if _is_set_up(name)]


def title(name: str) -> str:
    """Return what people call a bank; the name itself of one that we do not know."""
    return TITLES.get(name, name)


def bank(name: str) -> Bank:
    """Return the port to the bank `name`; one for the whole process, with its connections.

    A bank that is not offered any more is still there for its payments. Raises UnknownGateway for a name that is not in
    NAMES, or one that is not set up.
    """
    if not _is_set_up(name):
        raise UnknownGateway
    if name == "saman":
        return _saman(settings.SAMAN_TERMINAL, settings.BANK_URL)
    return _zarinpal(settings.ZARINPAL_MERCHANT, settings.BANK_URL, settings.ZARINPAL_ACCESS_TOKEN)


def _is_set_up(name: str) -> bool:
    match name:
        case "zarinpal":
            return bool(settings.ZARINPAL_MERCHANT)
        case "saman":
            return bool(settings.SAMAN_TERMINAL)
    return False


@cache
def _zarinpal(merchant: str, base_url: str, access_token: str) -> Zarinpal:
    return Zarinpal(merchant, base_url, access_token)


@cache
def _saman(terminal: str, base_url: str) -> Saman:
    return Saman(terminal, base_url)
