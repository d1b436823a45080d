"""What bytes cost by an operator's tariff, and what a sample of lines says of all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from math import isqrt

from peyman.kernel.clauses import carries_out
from peyman.kernel.worktime import day_start
from peyman.market.tariff.rules.audit.codes import micros


@dataclass(frozen=True, slots=True)
class Tariff:
    """One row of the table of tariffs. Valid from `start` until before `end` (microseconds)."""

    operator: str
    service_class: str
    plan: str
    start: int
    end: int
    full: Fraction  # rials for `unit` bytes at full price
    factor: Fraction  # what half price is of it: 1/2, 1/3
    unit: int
    verified: bool
    source: str = ""

    @property
    def lost(self) -> Fraction:
        """Rials that one byte costs too much when it is billed in full."""
        return self.full * (1 - self.factor) / self.unit


def contradictions(tariffs: Sequence[Tariff]) -> list[tuple[Tariff, Tariff]]:
    """Return pairs of verified rows that say two prices for one operator, class and plan at one time."""
    found = []
    of: dict[tuple[str, str, str], list[Tariff]] = {}
    for row in sorted((row for row in tariffs if row.verified), key=lambda row: (row.start, row.end)):
        for other in of.setdefault((row.operator, row.service_class, row.plan), []):
            if row.start < other.end and (row.full, row.factor, row.unit) != (other.full, other.factor, other.unit):
                found.append((other, row))
        of[row.operator, row.service_class, row.plan].append(row)
    return found


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one byte billed in full cost too much, in rials, at the least and at the most."""

    low: Fraction
    high: Fraction


@carries_out("B08")
def bounds(tariffs: Sequence[Tariff], day: date) -> Bounds | None:
    """Return the bounds for a Tehran day over the rows of one operator, or None where no verified row is valid then.

    The plan of a user is not known to us, so the dearest row is the bound in the user's favour.
    """
    begins, ends = micros(day_start(day)), micros(day_start(day + timedelta(days=1)))
    rates = [row.lost for row in tariffs if row.verified and row.start < ends and begins < row.end]
    return Bounds(min(rates), max(rates)) if rates else None


def rials(sent: int, rate: Fraction) -> int:
    """Return what `sent` bytes come to, rounded up to a whole rial, for the user. Sum the bytes of a day first.

    Headers, TLS and retransmits, which no log sees, are a factor of `rate` (published; 1 if none is).
    """
    return -(-(sent * rate.numerator) // rate.denominator)


class Plan(StrEnum):
    """How a user pays, where the user told and showed it."""

    PAY_AS_YOU_GO = "pay_as_you_go"
    PACK = "pack"
    UNLIMITED = "unlimited"


def owed(sent: int, row: Tariff, plan: Plan, pack_rials_per_unit: Fraction | None = None) -> int | None:
    """Return the rials owed for `sent` bytes under a known plan; None where the price of the pack is not known.

    Of a pack volume was lost, and it is paid at the pack's own price; of an unlimited plan nothing was.
    """
    if plan is Plan.UNLIMITED:
        return 0
    if plan is Plan.PACK:
        if pack_rials_per_unit is None:
            return None
        return rials(sent, pack_rials_per_unit * (1 - row.factor) / row.unit)
    return rials(sent, row.lost) if row.verified else None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A total made out of a sample, with bounds that hold for 19 samples out of 20 or more."""

    about: int
    low: int
    high: int


def estimate(seen: int, largest: int, percent: Fraction) -> Estimate:
    """Return the total behind `seen`, of which each part (none above `largest`) was kept with `percent` in a hundred.

    The variance of a scaled sum is at most (1 - p) / p² · largest · seen. Never less than was seen.
    """
    share = percent / 100
    about = -(-seen * share.denominator // share.numerator)
    variance = (1 - share) / share**2 * largest * seen
    error = 2 * (isqrt(int(variance)) + 1) if variance else 0
    return Estimate(about, max(seen, about - error), about + error)
