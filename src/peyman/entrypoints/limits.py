"""How often one caller may ask: counted in the shared cache, so that N processes are not N times weaker."""

import hashlib
import ipaddress
import threading
from dataclasses import dataclass
from datetime import datetime

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from peyman.kernel.errors import TryLater
from peyman.people.rules import waiting


class TooManyRequests(TryLater):
    """One caller asked more often than the limits allow."""

    code = "too_many_requests"
    status = 429
    says = (
        "انجام نشد، چون درخواست‌های شما در این مدت بیش از اندازه بود. چیزی از دست نرفته است؛ {wait} دیگر دوباره بفرستید."
    )

    def __init__(self, retry_after: int) -> None:
        """`retry_after`: seconds."""
        super().__init__(retry_after, wait=waiting(retry_after))


@dataclass(frozen=True)
class Limit:
    """At most about `most` within each window of `seconds`.

    A process takes `lease` at a time from the shared count, so that reading a list does not cost a write;
    N processes may leave up to N leases unused, none may take more than `most`.
    """

    name: str
    most: int
    seconds: int
    lease: int = 1


_lock = threading.Lock()
_leases: dict[tuple[str, int], dict[str, int]] = {}


def spend(limit: Limit, key: str, now: datetime) -> None:
    """Count one request of `key`. Raises TooManyRequests with the seconds until the window ends."""
    window, passed = divmod(int(now.timestamp()), limit.seconds)
    hidden = hashlib.sha256(f"{limit.name}:{key}".encode()).hexdigest()
    with _lock:
        leases = _leases.get((limit.name, window))
        if leases is None:
            for old in [at for at in _leases if at[0] == limit.name]:
                del _leases[old]
            leases = _leases[limit.name, window] = {}
        if leases.get(hidden, 0) > 0:
            leases[hidden] -= 1
            return
    name = f"limit:{window}:{hidden}"
    cache.add(name, 0, timeout=2 * limit.seconds)
    try:
        taken = cache.incr(name, limit.lease)
    except ValueError:  # the cache made room for others just now: this caller begins anew
        taken = limit.lease
    if taken > limit.most:
        raise TooManyRequests(limit.seconds - passed)
    with _lock:
        leases[hidden] = leases.get(hidden, 0) + limit.lease - 1


def caller(request: HttpRequest) -> str:
    """Return the address of whoever asks, an IPv6 one by its /64: what one subscriber is given.

    X-Forwarded-For is believed only for as many proxies as PEYMAN_PROXIES says are ours.
    """
    address = ipaddress.ip_address(address_of(request))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{address}/64", strict=False).network_address)
    return str(address)


def address_of(request: HttpRequest) -> str:
    """Return the whole address of whoever asks, by the same rule."""
    found: str = get_adapter().get_client_ip(request)
    return found


def a_minute(name: str) -> Limit:
    """Return the limit that the settings give for a minute; the wider it is, the larger are its leases."""
    most = settings.CALL_LIMITS[name]
    return Limit(name, most, 60, lease=max(1, most // 50))


def spend_try(request: HttpRequest, mobile: str) -> None:
    """Count a try at one number's log-in code, from whatever address, exactly. Raises TooManyRequests."""
    if not ratelimit.consume(request, action="try_login_code", key=mobile):
        raise TooManyRequests(60)
