"""Addresses and prefixes of the Internet, as people and lists write them, made one: IPv4 and IPv6.

An IPv4 address that is written inside IPv6 (`::ffff:192.0.2.1`) is the IPv4 address. A zone (`fe80::1%eth0`) means
something on one machine only and is refused. Prefixes are kept as canonical text, so that equal ones are equal texts
and the prefixes that may cover an address can be named: one for each length.
"""

from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
    summarize_address_range,
)
from itertools import pairwise

from peyman.kernel.text import normalise

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What nobody reaches over the Internet, by IANA's registries of special-purpose addresses: no user is served
# from there, whatever a list says. In IPv6 only 2000::/3 is given out.
SPECIAL: tuple[Network, ...] = (
    *map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # behind a carrier's NAT
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    ),
    *map(IPv6Network, ("::/3", "2001:db8::/32", "3fff::/20", "4000::/2", "8000::/1")),
)
_LONGEST = 200  # no way of writing one prefix takes more
_MAPPED = IPv6Network("::ffff:0:0/96")
# 6to4, NAT64 (well-known and local), Teredo: such an address stands for somebody's IPv4 address, and a list that names
# either says nothing sure of the other.
_TRANSLATED = tuple(IPv6Network(text) for text in ("2002::/16", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32"))


class BadAddress(ValueError):
    """A text that is no address or prefix. `says`: what is wrong and the way out, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


def address(text: str) -> Address:
    """Read one address: any digits, spaces around it, brackets around IPv6. Raises BadAddress."""
    return _address(_cleaned(text))


def network(text: str) -> tuple[Network, bool]:
    """Read a prefix and return it with its host bits cleared, and whether any were set ("79.175.191.193/26").

    An address alone is the prefix of itself. Netmasks ("/255.255.255.0") are refused, since wildcard masks look alike.
    Raises BadAddress.
    """
    whole, slash, length = _cleaned(text).partition("/")
    at = _address(whole, unwrap=False)
    bits: int = at.max_prefixlen
    if slash:
        length = length.strip()
        if not (length.isascii() and length.isdigit() and len(length) <= 3 and int(length) <= at.max_prefixlen):
            raise BadAddress(f"پس از / باید عددی از ۰ تا {at.max_prefixlen} بیاید، مانند 185.143.232.0/22.")
        bits = int(length)
    if isinstance(at, IPv6Address) and at.ipv4_mapped is not None and bits >= _MAPPED.prefixlen:
        at, bits = at.ipv4_mapped, bits - _MAPPED.prefixlen
    found = _cut(at, bits)
    return found, found.network_address != at


def supernets(at: Address) -> list[str]:
    """Name the prefixes that can cover an address, longest first: 33 of them for IPv4, 129 for IPv6."""
    return [str(_cut(at, bits)) for bits in range(at.max_prefixlen, -1, -1)]


def translated(at: Address) -> bool:
    """Say whether an IPv6 address carries another's IPv4 address: 6to4, NAT64, Teredo."""
    return isinstance(at, IPv6Address) and any(at in range_ for range_ in _TRANSLATED)


def special(of: Address | Network) -> bool:
    """Say whether no part of it is reached over the Internet (see SPECIAL); cut there what is so in part."""
    whole = of if isinstance(of, IPv4Network | IPv6Network) else ip_network(of)
    return any((shared := overlap(whole, range_)) is not None and shared == whole for range_ in SPECIAL)


def overlap(a: Network, b: Network) -> Network | None:
    """Return what two prefixes share, the narrower of them, or None."""
    if a.version != b.version or not a.overlaps(b):
        return None
    return a if a.prefixlen >= b.prefixlen else b


def parts(whole: Network, cuts: Iterable[Network]) -> list[Network]:
    """Return `whole` in the fewest prefixes that are each inside or outside every one of `cuts`, in order.

    So what is true of one address of a part, as far as `cuts` decide it, is true of all; no address is counted out.
    """
    first, last = _first(whole), _last(whole)
    bounds = {first, last + 1}
    for cut in cuts:
        if cut.version == whole.version and cut.overlaps(whole):
            bounds |= {max(first, _first(cut)), min(last, _last(cut)) + 1}
    ordered = sorted(bounds)
    found: list[Network] = []
    for begin, end in pairwise(ordered):
        found.extend(_between(whole, begin, end - 1))
    return found


def _cut(at: Address, bits: int) -> Network:
    if isinstance(at, IPv4Address):
        return IPv4Network((at, bits), strict=False)
    return IPv6Network((at, bits), strict=False)


def _between(like: Network, begin: int, end: int) -> Iterator[Network]:
    if isinstance(like, IPv4Network):
        return summarize_address_range(IPv4Address(begin), IPv4Address(end))
    return summarize_address_range(IPv6Address(begin), IPv6Address(end))


def _first(of: Network) -> int:
    return int(of.network_address)


def _last(of: Network) -> int:
    return int(of.broadcast_address)


def _cleaned(text: str) -> str:
    if len(text) > _LONGEST:
        raise BadAddress("نوشته بلندتر از آن است که نشانی اینترنتی باشد.")
    return normalise(text, digits=True)


def _address(cleaned: str, *, unwrap: bool = True) -> Address:
    if "%" in cleaned:
        raise BadAddress("نشانی با نام کارت شبکه (پس از %) فقط روی همان دستگاه معنا دارد؛ آن را بی‌نام کارت بنویسید.")
    if cleaned.startswith("[") and cleaned.endswith("]"):
        cleaned = cleaned[1:-1]
    try:
        at = ip_address(cleaned.strip())
    except ValueError:
        raise BadAddress("نشانی اینترنتی خوانده نشد؛ آن را مانند 185.143.232.229 یا 2001:db8::1 بنویسید.") from None
    if unwrap and isinstance(at, IPv6Address) and at.ipv4_mapped is not None:
        return at.ipv4_mapped
    return at
