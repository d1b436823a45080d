"""What operators charge, exactly; and of whom we know, by a person's own eyes, that they bill half or less (B02)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from peyman.kernel.clauses import carries_out
from peyman.market.tariff.rules.audit import Tariff
from peyman.market.tariff.rules.tables import Fault, Numbered, overlaps

HALF: Final = Fraction(1, 2)
_PLACES: Final = 12  # of a decimal that the files' readers take
_DIGITS: Final = 9  # of each part of a fraction that they take


@dataclass(frozen=True, slots=True)
class Charged:
    """One rate as it is weighed: `verified` by a person who saw its source."""

    operator: str
    start: int  # microseconds
    end: int
    factor: Fraction
    verified: bool


def written(number: Fraction) -> str:
    """Return a number exactly, as the readers of files take it: "1250", "0.25", "1/3".

    Raises ValueError for one that neither a decimal nor a fraction of theirs can say.
    """
    places = _places(number.denominator)
    if places is not None and places <= _PLACES:
        scaled = number.numerator * 10**places // number.denominator
        digits = str(scaled).zfill(places + 1)
        return f"{digits[:-places]}.{digits[-places:]}" if places else digits
    if max(number.numerator, number.denominator) < 10**_DIGITS:
        return f"{number.numerator}/{number.denominator}"
    raise ValueError("too long a number")


def _places(denominator: int) -> int | None:
    """Return how many decimal places a denominator takes; None where no number of them is enough."""
    twos = fives = 0
    while denominator % 2 == 0:
        denominator, twos = denominator // 2, twos + 1
    while denominator % 5 == 0:
        denominator, fives = denominator // 5, fives + 1
    return max(twos, fives) if denominator == 1 else None


def faults(rows: Sequence[Numbered[Tariff]]) -> list[Fault]:
    """Return what is wrong with the rows of one file: two at a time for one operator, class and plan."""
    found = overlaps(
        rows,
        lambda row: (row.operator, row.service_class, row.plan),
        lambda row: "، ".join(filter(None, (f"«{row.operator}»", row.service_class, row.plan))),
    )
    said = {fault.line for fault in found}
    for one in rows:
        if one.line not in said and not one.row.source:
            found.append(Fault(one.line, "no_source", "source خالی است؛ بنویسید این نرخ از کجاست تا کسی آن را ببیند."))
    return sorted(found, key=lambda fault: fault.line)


@carries_out("B02")
def verified_operators(rows: Iterable[Charged], at: int) -> set[str]:
    """Return the operators of whom every rate that is valid at an instant is verified and half or less.

    Which plan a user has is not known to us, so one rate that nobody verified, or that is more than half, is enough to
    say nothing of that operator.
    """
    good: set[str] = set()
    bad: set[str] = set()
    for row in rows:
        if row.start <= at < row.end:
            (good if row.verified and row.factor <= HALF else bad).add(row.operator)
    return good - bad
