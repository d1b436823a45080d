"""Whether a list that came may extend the history: a bad one is kept, says why, and never replaces a good one (B05).

The limits come from the real list: in 74 weeks it never lost more than 0.5 % from one list to the next and once grew by
6.4 %. A list of a few rows may change as it likes. Whatever passes the limits is held back until a person or a second
list agrees; what is no list at all is never used.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import Final, Literal

from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules.rows import Line, Read

State = Literal["good", "quarantined", "unreadable"]
GOOD: Final = "good"
QUARANTINED: Final = "quarantined"
UNREADABLE: Final = "unreadable"

# Why a list is held back, and who may let it go: a later list that agrees, or a person alone.
BY_AGREEMENT: Final = frozenset({"shrunk", "huge", "other_list"})
BY_PERSON: Final = frozenset({"default_route", "unreadable_rows", "truncated", "header_again"})
# Why nothing is a list at all; never released.
NEVER: Final = frozenset(
    {"html_page", "empty", "too_big", "bomb", "duplicate_header", "wrong_columns", "encoding", "broken", "unknown_kind"}
)

AGREE_AFTER: Final = timedelta(hours=1)  # one cause of a bad list is seldom over sooner
_FAMILY = 5  # networks, from which on it is no chance that all are of one kind
AGREE_WITHIN: Final = 0.005  # of the rows may differ between two lists that agree


@dataclass(frozen=True, slots=True)
class Limits:
    """What is still believed of a list. Shares are of the last good list before it."""

    shrink: float = 0.05  # of rows or networks may be gone …
    few: int = 10  # … or so many of them
    growth: float = 2.0  # may be new: the list may become threefold …
    many: int = 10_000  # … or grow by so many
    common: float = 0.50  # of the networks of the smaller of two lists stand in the other
    compared: int = 100  # networks of the last list before that is asked
    unreadable: float = 0.02  # of the rows …
    unreadable_few: int = 5  # … or so many


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a list is not good: a code for machines and a Persian sentence."""

    code: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """For the `reasons` of a snapshot."""
        return {"code": self.code, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a list."""

    state: State
    reasons: tuple[Reason, ...] = ()

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Summary:
    """What is judged of a list. `networks`: the distinct ones that could be read."""

    rows: int
    networks: AbstractSet[str]
    unreadable: int = 0  # rows whose range or due date is none
    default_routes: tuple[str, ...] = ()  # as written
    faults: tuple[Reason, ...] = ()  # what was noticed when it was opened: cut short, header again
    flags: Mapping[str, int] = field(default_factory=dict)  # irregularity → how many rows


def summarise(rows: Iterable[tuple[Line, Read]], *, lost: int = 0, faults: tuple[Reason, ...] = ()) -> Summary:
    """Count what is judged of a list, in one go. `lost`: rows that are there and could not be told apart into cells."""
    count = unreadable = lost
    networks = set[str]()
    routes = dict[str, None]()
    flags = dict[str, int]()
    for line, read in rows:
        count += 1
        for flag in read.flags:
            flags[flag] = flags.get(flag, 0) + 1
        if read.network:
            networks.add(read.network)
        if "default_route" in read.flags:
            routes[line.network or line.ip] = None
        elif read.is_unreadable:
            unreadable += 1
    return Summary(count, networks, unreadable, tuple(routes), faults, MappingProxyType(flags))


@carries_out("B05")
def judge(
    new: Summary, last: Summary | None, *, following: Summary | None = None, limits: Limits | None = None
) -> Verdict:
    """Say whether a list may extend the history.

    `last`: the last good list seen before it. Where there is none, `following` is the first one seen after it, for
    lists of old that are brought later.
    """
    limits = limits or Limits()
    if not new.rows:
        return Verdict(UNREADABLE, (reason("empty"),))
    found = [*new.faults]
    if new.default_routes:
        found.append(reason("default_route", routes="، ".join(new.default_routes[:3])))
    if not new.networks or _too_many(new.unreadable, new.rows, limits):
        found.append(reason("unreadable_rows", bad=new.unreadable, rows=new.rows))
    if last is not None:
        found.extend(_compared(new, last, limits))
    elif following is not None:
        found.extend(_compared_backwards(new, following, limits))
    if any(each.code in NEVER for each in found):
        return Verdict(UNREADABLE, tuple(found))
    return Verdict(QUARANTINED, tuple(found)) if found else Verdict(GOOD)


def _too_many(unreadable: int, rows: int, limits: Limits) -> bool:
    return unreadable > limits.unreadable * rows and unreadable > limits.unreadable_few


def _compared(new: Summary, last: Summary, limits: Limits) -> list[Reason]:
    found = []
    sizes = ((new.rows, last.rows), (len(new.networks), len(last.networks)))
    if any(before - now > max(limits.shrink * before, limits.few) for now, before in sizes):
        found.append(reason("shrunk", rows=new.rows, before=last.rows))
    if any(now - before > max(limits.growth * before, limits.many) for now, before in sizes):
        found.append(reason("huge", rows=new.rows, before=last.rows))
    if _is_other(new.networks, last.networks, limits):
        found.append(reason("other_list"))
    return found


def _is_other(new: AbstractSet[str], last: AbstractSet[str], limits: Limits) -> bool:
    """Say whether most of a list is not what it was, or IPv6 and IPv4 changed places, as feeds do that mix them up."""
    if len(last) >= limits.compared:
        smaller, larger = sorted((new, last), key=len)
        return bool(smaller) and sum(one in larger for one in smaller) < limits.common * len(smaller)
    if len(last) < _FAMILY or not new:
        return False
    families = [{":" in network for network in networks} for networks in (new, last)]
    return families[0].isdisjoint(families[1])


def _compared_backwards(new: Summary, following: Summary, limits: Limits) -> list[Reason]:
    """What would be wrong with the list that follows, had it come after this one, is wrong with this one."""
    turned = {"shrunk": "huge", "huge": "shrunk", "other_list": "other_list"}
    return [
        reason(turned[each.code], rows=new.rows, before=following.rows) for each in _compared(following, new, limits)
    ]


def may_agree(codes: Iterable[str]) -> bool:
    """Say whether a second list can let one go that was held back for these reasons: for all of them, not one less."""
    codes = set(codes)
    return bool(codes) and codes <= BY_AGREEMENT


def may_release(codes: Iterable[str]) -> bool:
    """Say whether a person can let a list go that was held back for these reasons."""
    codes = set(codes)
    return bool(codes) and codes <= BY_AGREEMENT | BY_PERSON


@carries_out("B05")
def agrees(a: AbstractSet[str], b: AbstractSet[str], *, apart: timedelta) -> bool:
    """Say whether two lists say the same: the keys of their rows but for half a percent, seen an hour apart or more."""
    if apart < AGREE_AFTER or not a or not b:
        return False
    return len(a ^ b) <= AGREE_WITHIN * max(len(a), len(b))


# ---- The words ----

_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "shrunk": "تنها {rows} سطر دارد؛ فهرست درست پیشین {before} سطر داشت.",
        "huge": "{rows} سطر دارد؛ فهرست درست پیشین {before} سطر داشت.",
        "other_list": "کمتر از نیمی از بازه‌های آن در فهرست پیشین هست؛ شاید فهرست دیگری باشد.",
        "default_route": "بازه‌ای دارد که بخش بزرگی از اینترنت را در بر می‌گیرد: {routes}.",
        "unreadable_rows": "{bad} سطر از {rows} سطر آن خوانده نشد.",
        "truncated": "ناتمام است: {why}",
        "header_again": "سطر نام ستون‌ها در میان آن دوباره آمده است؛ شاید دو فهرست به هم چسبیده باشد.",
        "html_page": "صفحه وب است و جدول فهرست در آن نیست{title}.",
        "empty": "خالی است.",
        "too_big": "از اندازه مجاز ({limit}) بزرگ‌تر است.",
        "bomb": "پس از باز شدن بیش از اندازه بزرگ می‌شود یا ساختار درونی آن غیرعادی است.",
        "duplicate_header": "ستون {column} دو بار در آن آمده است.",
        "wrong_columns": "این ستون‌ها در آن نیست: {missing}.",
        "encoding": "نویسه‌های آن شناخته نشد؛ UTF-8، UTF-16 و Windows-1256 خوانده می‌شود.",
        "broken": "ناقص یا خراب است: {why}",
        "unknown_kind": "قالب آن شناخته نشد؛ CSV، XLSX، JSON و صفحه وب سامانه خوانده می‌شود.",
    }
)


def reason(code: str, **details: object) -> Reason:
    """Return the reason of this code in words; whole numbers in Persian digits."""
    shown = {name: persian_digits(value) if type(value) is int else value for name, value in details.items()}
    return Reason(code, _WORDS[code].format_map(shown))
