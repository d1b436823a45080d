"""Who reads the catalogue too fast to be a reader (D19): counted in this process, so that reading costs no write.

Counts are bounded whatever comes (`shop.licences.rules.Sketch`), hold no whole address, and are written down once a
minute by a thread of the web process: one row, from which the staff's page is made. What staff decide comes back the
same way. Signs that a reader is one person are signed by us (the cookie of the terms), so that none can be made up.
"""

import ipaddress
import json
import os
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.http import HttpRequest

from peyman.entrypoints import clock, implied, limits
from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.shop.licences import actions, queries, rules
from peyman.shop.licences.rules import Allowed, Asked, Readers, ShutOut

log = structlog.get_logger(__name__)

API = "/api/"
EVERY = 60.0  # seconds between two notes of a process
_LONGEST = 600  # characters of a header that are remembered: what strangers send fills no memory
_MAX_CRAWLER_FILE = 2_000_000  # bytes

# Pages within a minute and within an hour. Why these: docs/decisions/0037-readers-are-counted-where-they-are-served.md
ALLOWED = {
    "browser": Allowed(240, 2400),  # one browser, or one caller of the API with a token
    "stranger": Allowed(600, 6000),  # all at one address that carry no sign of ours yet
    "address": Allowed(3000, 60_000),  # everybody at one address
    "crawler": Allowed(1200, 30_000),  # one well-known crawler, at all addresses it published
}


@dataclass(frozen=True)
class Origin:
    """Where a request came from: `key` stands for the address (an IPv6 one by its /64), `shown` is what staff see."""

    key: str
    shown: str
    crawler: str  # name of the well-known crawler that published this address, "" for all others


class Desk:
    """What this process knows of its readers, and what staff decided about them."""

    def __init__(self, factor: float = 1.0) -> None:
        self._lock = threading.Lock()
        self._readers = Readers(
            {kind: Allowed(int(each.minute * factor), int(each.hour * factor)) for kind, each in ALLOWED.items()}
        )
        self._crawlers: dict[int, dict[str, str]] = {}  # length → prefix → name
        self._stamps: dict[str, float] = {}
        self.shut_out: dict[str, str] = {}
        self.process = secrets.token_hex(6)
        self.origin = lru_cache(maxsize=8192)(self._origin)
        self.browser = lru_cache(maxsize=8192)(lambda sign: "b" + rules.hidden(settings.SECRET_KEY, sign))

    def _origin(self, address: str) -> Origin:
        ip = ipaddress.ip_address(address)
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
            ip = ip.ipv4_mapped
        whole = str(ipaddress.ip_network(f"{ip}/64", strict=False).network_address) if ip.version == 6 else str(ip)
        crawler = ""
        for length, named in self._crawlers.items():
            if length <= ip.max_prefixlen:
                crawler = crawler or named.get(str(ipaddress.ip_network(f"{ip}/{length}", strict=False)), "")
        return Origin(rules.hidden(settings.SECRET_KEY, whole), rules.shortened(whole), crawler)

    @carries_out("D19")
    def take(self, origin: Origin, sign: str, page: tuple[int, int], at: int) -> int:
        """Count one reading and return 0, or the seconds to wait. Raises ShutOut.

        `sign`: what tells one browser or caller from others at its address, "" for whoever carries nothing of ours.
        """
        browser = self.browser(sign) if sign else ""
        out = self.shut_out
        why = out and (out.get("a" + origin.key) or out.get(browser) or out.get("s" + origin.key))
        if why and not origin.crawler:
            raise ShutOut(reason=why, mail=settings.MAIL_FROM)
        if origin.crawler:
            readers: tuple[tuple[str, str, str], ...] = (("crawler", "c" + origin.crawler, origin.crawler),)
        elif browser:
            readers = (("browser", browser, origin.shown), ("address", "a" + origin.key, origin.shown))
        else:
            readers = (("stranger", "s" + origin.key, origin.shown), ("address", "a" + origin.key, origin.shown))
        with self._lock:
            return self._readers.take(Asked(readers, *page), at)

    def note(self, now: datetime) -> int:
        """Write down the minutes that are over and learn what staff decided. Returns how many rows were written."""
        with self._lock:
            minutes = self._readers.finished(int(now.timestamp()))
        self.shut_out = queries.shut_out(now)
        self.learn_crawlers()
        return actions.write_minutes(process=self.process, minutes=minutes) if minutes else 0

    def learn_crawlers(self) -> None:
        """Read the lists of addresses that crawlers publish, where a file changed; a broken one changes nothing."""
        stamps = {path: os.stat(path).st_mtime for path in settings.CRAWLERS if os.path.exists(path)}
        if stamps == self._stamps:
            return
        known: dict[int, dict[str, str]] = {}
        for path in stamps:
            try:
                for prefix in published(Path(path)):
                    known.setdefault(prefix.prefixlen, {})[str(prefix)] = Path(path).stem[:32]
            except ValueError as fault:
                log.warning("readers.crawler_file", file=Path(path).name, fault=str(fault))
                return
        self._crawlers, self._stamps = known, stamps
        self.origin.cache_clear()


def published(path: Path) -> list[prefixes.Network]:
    """Return the prefixes of a file in the form in which Google, Bing and others publish their crawlers' addresses.

    {"prefixes": [{"ipv4Prefix": "66.249.64.0/27"}, {"ipv6Prefix": "2001:4860:4801:10::/64"}]}. Raises ValueError.
    """
    if path.stat().st_size > _MAX_CRAWLER_FILE:
        raise ValueError("too large")
    try:
        rows = json.loads(path.read_text("utf-8"))["prefixes"]
        found = [ipaddress.ip_network(row.get("ipv4Prefix") or row["ipv6Prefix"]) for row in rows]
    except (KeyError, TypeError, AttributeError) as fault:
        raise ValueError("not a list of prefixes") from fault
    if any(prefix.prefixlen < (8 if prefix.version == 4 else 19) for prefix in found):
        raise ValueError("a prefix wider than anybody's crawlers")
    return found


desk = Desk(settings.READING_FACTOR)


def address_of(request: HttpRequest) -> str:
    """Return the address of whoever asks; "0.0.0.0" where a proxy of ours does not say it: the page is read anyhow."""
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")[-_LONGEST:] if proxies else ""
    return _address(request.META.get("REMOTE_ADDR", ""), forwarded, proxies)


@lru_cache(maxsize=8192)
def _address(remote: str, forwarded: str, proxies: int) -> str:
    asked = HttpRequest()
    asked.META = {"REMOTE_ADDR": remote, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}
    try:
        return limits.address_of(asked)
    except (PermissionDenied, ImproperlyConfigured):
        return "0.0.0.0"  # noqa: S104  nobody's


def sign_of(request: HttpRequest) -> str:
    """Return what tells one reader from others at an address: our signed cookie; "" where there is none.

    The API reads its tokens later, and a made-up one would be a new reader each time: there everybody is a stranger.
    """
    cookie = "" if request.path.startswith(API) else request.COOKIES.get(implied.COOKIE, "")
    return cookie if cookie and len(cookie) <= _LONGEST and implied.is_ours(cookie) else ""


def keys_of(request: HttpRequest) -> set[str]:
    """Return the keys under which whoever asks is counted: a hold on any of them would shut them out."""
    origin, sign = desk.origin(address_of(request)), sign_of(request)
    return {"a" + origin.key, "s" + origin.key, *([desk.browser(sign)] if sign else [])}


# ---- The thread of the web process ----


def begin() -> None:
    """Start noting readers down, in the process that serves. Dies with it; what the last minute held is lost then."""
    threading.Thread(target=_note_each_minute, name="readers", daemon=True).start()


def _note_each_minute() -> None:
    stop = threading.Event()
    while True:
        try:
            desk.note(clock.now())
        except (DatabaseError, InterfaceError):
            log.warning("readers.database")
        except Exception:
            log.exception("readers.bug")
        finally:
            close_old_connections()
        stop.wait(EVERY)
