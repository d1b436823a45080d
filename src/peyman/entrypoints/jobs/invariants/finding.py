"""What a check finds, and how checks are known by name."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

SWEEP_GRACE = timedelta(minutes=3)  # the sweep runs each minute; what is overdue for longer was overlooked
READ_FILES = 200  # of many files, about so many are read in one check


@dataclass
class Finding:
    """How many rows a check looked at, and the names of those that are wrong."""

    checked: int = 0
    bad: list[str] = field(default_factory=list)

    def look(self, name: object, holds: bool) -> None:
        self.checked += 1
        if not holds:
            self.bad.append(str(name))


Check = Callable[[datetime], Finding]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under its stable id."""

    def keep(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return keep


def sums(rows: Iterable[tuple[int, int]]) -> defaultdict[int, int]:
    return defaultdict(int, rows)
