"""Tables that a person brings: whose customer an address is, what operators charge, what was measured.

A file is taken whole or not at all, and every row that is wrong is named. What two rows of it say of one subject at one
time is a contradiction, also where they say the same: nobody knows then which of the two is meant.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from peyman.kernel.errors import Refused
from peyman.kernel.text import persian_digits

LONGEST_FILE: Final = 50_000_000  # bytes
MOST_ROWS: Final = 500_000
NAMED: Final = 500  # wrong rows that are told one by one; all are counted


class Spanned(Protocol):
    """What holds from `start` until before `end`, in microseconds."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


R = TypeVar("R", bound=Spanned)


@dataclass(frozen=True, slots=True)
class Numbered(Generic[R]):
    """A row and the line of the file that says it."""

    line: int
    row: R


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be taken. `code` is stable; `says` is a Persian sentence."""

    line: int
    code: str
    says: str


class BadTable(Refused):
    """Lines of the file are wrong; none of it was taken."""

    code, clause, status = "bad_table", "B02", 422
    says = "هیچ سطری ثبت نشد، چون {count} سطر درست نیست. سطرهای نام‌برده را درست کنید و فایل را دوباره بیاورید."

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(count=len(faults))
        self.faults = tuple(faults)


class NoTable(Refused):
    """No table at all: another kind of file, too big, or empty."""

    code, clause, status = "no_table", "B02", 422
    says = "چیزی ثبت نشد: {why} آنچه پیش‌تر می‌دانستیم سر جای خود است."


def overlaps(rows: Iterable[Numbered[R]], subject: Callable[[R], Hashable], about: Callable[[R], str]) -> list[Fault]:
    """Return a fault for each row that shares some time with another of its subject; it names the line of that one.

    `about` says in Persian what a subject is, for people.
    """
    of_subject: dict[Hashable, list[Numbered[R]]] = defaultdict(list)
    for one in rows:
        of_subject[subject(one.row)].append(one)
    faults: dict[int, Fault] = {}
    for found in of_subject.values():
        found.sort(key=lambda one: (one.row.start, one.line))
        widest = found[0]  # of those before, the one that lasts longest
        for one in found[1:]:
            if one.row.start < widest.row.end:
                for this, other in ((widest, one), (one, widest)):
                    faults.setdefault(this.line, _overlap(this, other, about(this.row)))
            if one.row.end > widest.row.end:
                widest = one
    return [faults[line] for line in sorted(faults)]


def _overlap(this: Numbered[R], other: Numbered[R], about: str) -> Fault:
    same = this.row == other.row
    says = (
        f"همان سطر {persian_digits(other.line)} است؛ یکی را بردارید."
        if same
        else f"با سطر {persian_digits(other.line)} هم‌زمان است، هر دو درباره {about}؛ دوره یکی را کوتاه کنید."
    )
    return Fault(this.line, "repeated" if same else "overlap", says)
