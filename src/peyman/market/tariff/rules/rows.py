"""One row of the registry's list, as it was written there, read: whose it is, which range, since when, due when.

The list is typed by people. What is irregular is read as it was meant and flagged; what cannot be meant in one way only
is read as nothing, so that nobody is told "half price" because of a guess. Dates are read, never computed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, NamedTuple

import idna
from persiantools.jdatetime import JalaliDate

from peyman.kernel import prefixes
from peyman.kernel.text import latin_digits, normalise

CELLS: Final = ("name", "ip", "network", "update", "due")
LONGEST: Final = (500, 100, 100, 40, 40)  # characters that are kept of each cell
DEFAULT_ROUTE: Final = MappingProxyType({4: 8, 6: 16})  # a prefix shorter than this holds much of the Internet
SHORT: Final = MappingProxyType({4: 24, 6: 48})
FIRST_YEAR, LAST_YEAR = 1300, 1499  # Jalali years that a date of the list can have
DUE_DAY = 15  # of each month; when the registry is as it says

FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "host_bits": "نشانی، آغاز بازه نیست",
        "disagree": "دو ستون نشانی یکی نیستند؛ بخش مشترک آن‌ها گرفته شد",
        "ip_unreadable": "نشانی واردشده خوانده نشد؛ بازه فهرست گرفته شد",
        "network_unreadable": "بازه خوانده نشد؛ این سطر به شمار نمی‌آید",
        "default_route": "بازه‌ای به پهنای بخش بزرگی از اینترنت؛ این سطر به شمار نمی‌آید",
        "short_prefix": "بازه‌ای پهن‌تر از معمول",
        "ipv6": "نشانی نسخه ۶",
        "mapped": "نشانی نسخه ۴ در جامه نسخه ۶",
        "special_range": "بازه‌ای خصوصی یا ویژه که در اینترنت نیست",
        "no_name": "بی‌نام",
        "name_unreadable": "از نام، دامنه‌ای خوانده نشد",
        "name_whitespace": "فاصله یا نویسه ناپیدا در نام",
        "name_non_ascii": "نویسه غیرلاتین در نام",
        "no_scheme": "نام بی //:http",
        "scheme_case": "حروف بزرگ در //:http",
        "name_has_user": "نام کاربر در نشانی",
        "name_has_port": "شماره درگاه در نام",
        "name_has_path": "مسیر صفحه در نام",
        "name_is_ip": "به جای نام، نشانی اینترنتی",
        "update_unreadable": "تاریخ به‌روزرسانی خوانده نشد",
        "due_unreadable": "تاریخ اعمال خوانده نشد؛ این سطر هرگز اعمال‌شده به شمار نمی‌آید",
        "gregorian": "تاریخ میلادی",
        "due_before_update": "تاریخ اعمال پیش از به‌روزرسانی",
        "due_skips_a_month": "تاریخ اعمال یک ماه جا مانده است",
        "cut": "نوشته‌ای بلندتر از اندازه که بریده شد",
    }
)

# What has no place in a cell: controls (the database refuses NUL) and halves of characters.
NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}:[/\\]+|(?:https?|ftp)[:;]?[/\\]+|//)", re.IGNORECASE)
_PORT = re.compile(r":[0-9]{0,10}$", re.ASCII)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*", re.ASCII)
_V4 = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}", re.ASCII)
_DATE = re.compile(r"([0-9]{4})([/.\-،])([0-9]{1,2})\2([0-9]{1,2})(?:[ T]0{1,2}:00(?::00)?)?", re.ASCII)
_SPECIAL_STARTS = frozenset(
    number
    for one in prefixes.SPECIAL
    if one.version == 4
    for number in range(one.network_address.packed[0], one.broadcast_address.packed[0] + 1)
)
_ORDER = {flag: place for place, flag in enumerate(FLAGS)}


class Line(NamedTuple):
    """The five cells of a row, as written, at most as long as LONGEST says (`line` sees to it)."""

    name: str
    ip: str
    network: str
    update: str
    due: str

    @property
    def key(self) -> str:
        """The same for equal cells and for no others: 32 hex digits."""
        cells = f"{self.name}\0{self.ip}\0{self.network}\0{self.update}\0{self.due}"
        return blake2b(cells.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Read:
    """What a row says. `network`: canonical, "" where none can be read: the row then counts for nothing.

    `host`: the registrant in lower-case ASCII, a name in Persian letters as its `xn--` form, an address as itself;
    "" where the name gives none. `host_path`: the host from its end, "ir.cafebazaar.", to find what is below by start.
    """

    host: str
    host_path: str
    network: str
    update_on: date | None
    due_on: date | None
    flags: tuple[str, ...]

    @property
    def is_unreadable(self) -> bool:
        """Whether range or due date are missing or spoilt, so that the row can register nothing."""
        return not self.network or self.due_on is None


def line(cells: Sequence[str]) -> Line:
    """Return the row of five cells, without what no database keeps, each cut to its length."""
    return Line(*(_kept(cell, length) for cell, length in zip(cells, LONGEST, strict=True)))


def read(line: Line) -> Read:
    """Read a row. It never fails: what cannot be read is flagged."""
    host, flags = _host(line.name)
    network, of_network = _network(line.ip, line.network)
    update, of_update = _date(line.update)
    due, of_due = _date(line.due)
    flags = flags | of_network | of_update | of_due
    if update is None:
        flags |= {"update_unreadable"}
    if due is None:
        flags |= {"due_unreadable"}
    elif update is not None:
        flags |= _order(update, due)
    if _is_cut(line):
        flags |= {"cut"}
    return Read(host, host_path(host), network, update, due, tuple(sorted(flags, key=_ORDER.__getitem__)))


def _is_cut(line: Line) -> bool:
    name, ip, network, update, due = LONGEST
    return (
        len(line.name) >= name
        or len(line.ip) >= ip
        or len(line.network) >= network
        or len(line.update) >= update
        or len(line.due) >= due
    )


def host_of(name: str) -> str:
    """Return the host in a name as people write it: "HTTPS://Cafebazaar.ir/app" → "cafebazaar.ir"; "" for none.

    A registrant that an operator types is read by this too, so that both are spelled alike.
    """
    return _host(name)[0]


def host_path(host: str) -> str:
    """Return a host from its end, each label ended by a dot: "a.cafebazaar.ir" → "ir.cafebazaar.a."; "" for ""."""
    if not host:
        return ""
    if _is_address(host):
        return f"{host}."  # nothing is below an address
    return ".".join(reversed(host.split("."))) + "."


# ---- The name ----


@lru_cache(maxsize=65_536)
def _host(name: str) -> tuple[str, frozenset[str]]:
    flags = set[str]()
    cleaned = normalise(name, digits=True)
    if not cleaned:
        return "", frozenset({"no_name"} | ({"name_whitespace"} if name else set()))
    if not name.isascii():
        flags.add("name_non_ascii")
    if name != name.strip() or re.search(r"[\s\u00a0\u200b-\u200f\u2060\ufeff]", name):
        flags.add("name_whitespace")
    rest, scheme = cleaned, ""
    while found := _SCHEME.match(rest):  # "http://https://name" is written, too
        scheme, rest = scheme or found[0], rest[found.end() :]
    if not scheme:
        flags.add("no_scheme")
    elif scheme != scheme.lower():
        flags.add("scheme_case")
    authority, path = _split(rest)
    if path.strip("/\\ "):
        flags.add("name_has_path")
    _, at, authority = authority.rpartition("@")
    if at:
        flags.add("name_has_user")
    port = _PORT.search(authority)
    if port and (authority.count(":") == 1 or authority.startswith("[")):
        flags.add("name_has_port")
        authority = authority[: port.start()]
    authority = authority.strip().rstrip(".").lower()
    if address := _as_address(authority):
        return address, frozenset(flags | {"name_is_ip"})
    host = _ascii(authority)
    if not host:
        flags.add("name_unreadable")
    return host, frozenset(flags)


def _split(rest: str) -> tuple[str, str]:
    ends = [place for sign in "/\\?#" if (place := rest.find(sign)) >= 0]
    end = min(ends, default=len(rest))
    return rest[:end], rest[end:]


def _as_address(host: str) -> str:
    if not (host.startswith("[") or ":" in host or _V4.fullmatch(host)):
        return ""
    try:
        return str(prefixes.address(host))
    except prefixes.BadAddress:
        return ""


def _is_address(host: str) -> bool:
    return ":" in host or _V4.fullmatch(host) is not None


def _ascii(host: str) -> str:
    """Return the name as DNS, certificates and logs say it; "" for what is none."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii").lower()
        except (idna.IDNAError, UnicodeError, ValueError, IndexError):
            return ""
    if len(host) > 253 or not _HOST.fullmatch(host) or _V4.fullmatch(host):
        return ""
    return host


# ---- The range ----


@lru_cache(maxsize=65_536)
def _network(ip: str, network: str) -> tuple[str, frozenset[str]]:
    """Read both cells. The list's own network counts; where they differ, what both hold."""
    flags = set[str]()
    if not network.strip():
        network, ip = ip, ""
    try:
        whole = found = _one(network, flags)
        if ip.strip() and ip != network:
            entered = _entered(ip, flags)
            if entered is not None and entered != found:
                flags.add("disagree")
                shared = prefixes.overlap(found, entered)
                if shared is None:
                    return "", frozenset(flags | {"network_unreadable"})
                # Judged by the wider of the two: a list that says "all the Internet" anywhere is for a person to see.
                whole, found = min(found, entered, key=lambda one: one.prefixlen), shared
    except prefixes.BadAddress:
        return "", frozenset({"network_unreadable"})
    if found.version == 6:
        flags.add("ipv6")
    if found.prefixlen < SHORT[found.version]:
        flags.add("short_prefix")
    if _may_be_special(found) and prefixes.special(found):
        flags.add("special_range")
    if whole.prefixlen < DEFAULT_ROUTE[whole.version]:
        return "", frozenset(flags | {"default_route"})
    return str(found), frozenset(flags)


def _may_be_special(of: prefixes.Network) -> bool:
    """Say no quickly for most of IPv4, where no special range has the same first number."""
    return of.version == 6 or of.network_address.packed[0] in _SPECIAL_STARTS


def _one(cell: str, flags: set[str]) -> prefixes.Network:
    one, host_bits = prefixes.network(latin_digits(cell))
    if host_bits:
        flags.add("host_bits")
    if one.version == 4 and ":" in cell:
        flags.add("mapped")
    return one


def _entered(cell: str, flags: set[str]) -> prefixes.Network | None:
    """Read what the registrant typed. The list's own network counts without it, too."""
    try:
        return _one(cell, flags)
    except prefixes.BadAddress:
        flags.add("ip_unreadable")
        return None


# ---- The dates ----


@lru_cache(maxsize=16_384)
def _date(cell: str) -> tuple[date | None, frozenset[str]]:
    """Read «۱۴۰۲/۰۲/۱۵», or the Gregorian day that a spreadsheet keeps ("2023-05-05"). A day that is none is None."""
    found = _DATE.fullmatch(normalise(cell, digits=True))
    if not found:
        return None, frozenset()
    year, month, day = int(found[1]), int(found[3]), int(found[4])
    try:
        if FIRST_YEAR <= year <= LAST_YEAR:
            return JalaliDate(year, month, day).to_gregorian(), frozenset()
        if FIRST_YEAR + 621 <= year <= LAST_YEAR + 622:
            return date(year, month, day), frozenset({"gregorian"})
    except ValueError:
        return None, frozenset()
    return None, frozenset()


@lru_cache(maxsize=16_384)
def _order(update: date, due: date) -> frozenset[str]:
    """Flag dates that are not the registry's own: the next 15th after the update, or else it skipped a month."""
    if due < update:
        return frozenset({"due_before_update"})
    of_update, of_due = JalaliDate(update), JalaliDate(due)
    months = (of_due.year - of_update.year) * 12 + of_due.month - of_update.month
    expected = 0 if of_update.day < DUE_DAY else 1
    skipped = months > expected or (months == expected and of_due.day > DUE_DAY)
    return frozenset({"due_skips_a_month"}) if skipped else frozenset()


def _kept(cell: str, longest: int) -> str:
    if not cell.isprintable():
        cell = NEVER.sub("", cell)
    return cell[:longest]
