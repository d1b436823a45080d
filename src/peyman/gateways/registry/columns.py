"""Which column of a list holds what, by its name in the files of mirrors and on the registry's own pages."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from types import MappingProxyType
from typing import Final

from peyman.kernel.errors import Refused
from peyman.kernel.text import normalise
from peyman.market.tariff.rules import quarantine, rows
from peyman.market.tariff.rules.rows import Line

MAX_ROWS: Final = 300_000  # six times the real list
MAX_COLUMNS: Final = 100
MAX_CELL: Final = 2_000  # characters that are read of one
MOST_BROKEN: Final = 1_000  # records with broken quotes, each of which may cost its neighbours a second reading
HEADER_WITHIN: Final = 12  # rows, titles above the names of the columns among them

_NO_LETTER = re.compile(r"[\W_]+")

# By the folded name: lower case, one spelling of Persian letters, nothing but letters and digits.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "name": (
            "name_as_entered", "name", "domain", "domain_name", "host", "hostname", "url", "site", "website", "title",
            "نام", "نام دامنه", "نام دامنه/سایت", "دامنه", "سایت", "وب‌سایت", "نام سایت", "نام وب‌سایت", "نام سامانه",
            "آدرس سایت", "آدرس وب‌سایت", "آدرس وب", "آدرس دامنه", "آدرس اینترنتی", "نشانی وب", "عنوان", "نام واردشده",
        ),
        "ip": (
            "ip_as_entered", "ip", "ip_address", "address", "ipaddr",
            "آدرس", "نشانی", "آدرس IP", "IP آدرس", "آدرس آی‌پی", "آی‌پی", "نشانی IP", "نشانی آی‌پی", "آی‌پی آدرس",
            "آی‌پی واردشده", "IP واردشده", "نشانی واردشده", "آدرس واردشده",
        ),
        "network": (
            "ip_network", "network", "prefix", "subnet", "cidr", "range", "ip_range",
            "شبکه", "بازه", "محدوده", "رنج", "آدرس شبکه", "نشانی شبکه", "شبکه IP", "IP شبکه", "رنج IP", "رنج آی‌پی",
            "بازه IP", "بازه آی‌پی", "محدوده IP", "محدوده آی‌پی", "زیرشبکه",
        ),
        "update": (
            "update_date_jalali", "update_date", "update", "updated", "updated_at", "last_update",
            "تاریخ به‌روزرسانی", "تاریخ به روز رسانی", "تاریخ بروزرسانی", "به‌روزرسانی", "تاریخ آخرین به‌روزرسانی",
            "آخرین به‌روزرسانی", "تاریخ ثبت", "تاریخ تغییر",
        ),
        "due": (
            "due_date_jalali", "due_date", "due", "effective_date", "apply_date",
            "تاریخ اعمال", "تاریخ اعمال تعرفه", "اعمال", "تاریخ اجرا", "تاریخ موثر", "تاریخ شروع اعمال",
        ),
    }
)  # fmt: skip


class Unreadable(Refused):
    """There is no list in what came. `reason` says why; nothing of it is used."""

    code, clause, status = "list_unreadable", "B05", 422
    says = "این فهرست خوانده نشد: {why}"

    def __init__(self, reason: quarantine.Reason) -> None:
        super().__init__(why=reason.detail)
        self.reason = reason


def unreadable(code: str, **details: object) -> Unreadable:
    """Return the refusal for this reason (`quarantine.reason`)."""
    return Unreadable(quarantine.reason(code, **details))


def too_big() -> Unreadable:
    """Return the refusal of more rows than MAX_ROWS."""
    return unreadable("too_big", limit=f"{MAX_ROWS:,} سطر".replace(",", "٬"))


@dataclass(frozen=True, slots=True)
class Places:
    """At which place of a record each of our five cells stands; -1 for one that the list does not have."""

    at: tuple[int, int, int, int, int]
    names: tuple[str, ...]  # folded, to know the header when it comes again

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def needed(self) -> int:
        """How many cells a record has at least."""
        return min(self.width, max(self.at) + 1)

    def line(self, cells: Sequence[str]) -> Line:
        """Return the row; a cell that is not there is empty."""
        count = len(cells)
        return rows.line([cells[place] if 0 <= place < count else "" for place in self.at])

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether a record is the header once more."""
        due, update = self.at[4], self.at[3]
        if len(cells) <= max(due, update) or folded(cells[due]) != self.names[due]:
            return False  # nearly always
        return folded(cells[update]) == self.names[update]


def folded(name: str) -> str:
    """Return a name as columns are compared by: "IP_Network " → "ipnetwork"."""
    return _NO_LETTER.sub("", normalise(name[:MAX_CELL], digits=True).casefold())


_KNOWN: Final = MappingProxyType({folded(name): cell for cell, names in _NAMES.items() for name in names})


def find(names: Sequence[str]) -> tuple[Places | None, list[str]]:
    """Find our columns in what may be a header, in any order. Return them, or None and what is missing.

    One of the two columns of addresses is enough. Raises Unreadable where a column stands there twice.
    """
    typed = tuple(folded(name) for name in names[:MAX_COLUMNS])
    places: dict[str, int] = {}
    twice = ""
    for place, name in enumerate(typed):
        cell = _KNOWN.get(name)
        if cell in places:
            twice = twice or cell
        elif cell:
            places[cell] = place
    if "network" not in places and "ip" in places:
        places["network"] = places.pop("ip")
    missing = [cell for cell in ("name", "network", "update", "due") if cell not in places]
    if missing:
        return None, missing
    if twice:
        raise unreadable("duplicate_header", column=typed_name(twice))
    while typed and not typed[-1]:
        typed = typed[:-1]
    at = tuple(places.get(cell, -1) for cell in rows.CELLS)
    return Places((at[0], at[1], at[2], at[3], at[4]), typed), []


def typed_name(cell: str) -> str:
    """Return the name of a column as the files of `tariff.md` have it."""
    return _NAMES[cell][0]


@dataclass
class Collector:
    """Takes records as they come, header first, and gives rows. Nothing but the header and the rows is kept."""

    lines: list[Line] = field(default_factory=list)
    lost: int = 0  # records that are there and are no rows
    places: Places | None = None
    faults: list[quarantine.Reason] = field(default_factory=list)
    _before: int = 0
    _missing: list[str] = field(default_factory=list)

    def take(self, cells: Sequence[str]) -> None:
        """Take one record that is not empty. Raises Unreadable."""
        if self.places is None:
            self._look_for_header(cells)
        elif len(cells) < self.places.needed:
            self._lose()
        elif self.places.is_header(cells):
            self.fault("header_again")
        else:
            if len(self.lines) + self.lost >= MAX_ROWS:
                raise too_big()
            self.lines.append(self.places.line(cells))

    def take_all(self, records: Iterator[Sequence[str]]) -> Sequence[str]:
        """Take records that may be empty, of a text without controls, and return the last that is not. Quick."""
        last: Sequence[str] = ()
        for cells in records:
            if any(cells):
                self.take(cells)
                last = cells
                if self.places is not None:
                    break
        pick = None if self.places is None or min(self.places.at) < 0 else itemgetter(*self.places.at)
        needed = self.places.needed if self.places else 0
        header = last
        name_, ip_, network_, update_, due_ = rows.LONGEST
        add, make = self.lines.append, Line._make
        room = MAX_ROWS - len(self.lines) - self.lost
        for cells in records:
            if pick is not None and len(cells) >= needed and cells != header and room > 0:
                name, ip, network, update, due = picked = pick(cells)
                if (
                    due
                    and network
                    and len(due) < due_
                    and len(update) < update_
                    and len(network) < network_
                    and len(ip) < ip_
                    and len(name) < name_
                ):
                    add(make(picked))
                    room -= 1
                    last = cells
                    continue
            if any(cell and not cell.isspace() for cell in cells):
                self.take(cells[:MAX_COLUMNS])
                room = MAX_ROWS - len(self.lines) - self.lost
                last = cells
        return last

    def lose(self) -> None:
        """Take a record whose cells cannot be told apart."""
        if self.places is not None:
            self._lose()

    def fault(self, code: str, **details: object) -> None:
        """Note what is wrong with the list as a whole, once."""
        if all(known.code != code for known in self.faults):
            self.faults.append(quarantine.reason(code, **details))

    def wrong_columns(self) -> Unreadable:
        """Return the refusal of a list whose header was not found."""
        if not self._before:
            return unreadable("empty")
        return unreadable("wrong_columns", missing="، ".join(map(typed_name, self._missing)))

    @property
    def is_looking(self) -> bool:
        """Whether the header may still come."""
        return self.places is None and self._before < HEADER_WITHIN

    def _lose(self) -> None:
        self.lost += 1
        if len(self.lines) + self.lost > MAX_ROWS:
            raise too_big()

    def _look_for_header(self, cells: Sequence[str]) -> None:
        if self._before >= HEADER_WITHIN:
            raise self.wrong_columns()
        places, missing = find(cells)
        if places is not None:
            self.places = places
        elif not self._before or len(missing) < len(self._missing):
            self._missing = missing
        self._before += 1
