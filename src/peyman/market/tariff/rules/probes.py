"""What was measured of an operator's billing, and when a measurement speaks against the message (clause B02)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from peyman.kernel import prefixes
from peyman.kernel.clauses import carries_out
from peyman.kernel.prefixes import Network
from peyman.market.tariff.rules.tables import Fault, Numbered

# Half, and what a line adds to the bytes of a file: headers, encryption, what was sent twice.
MOST_OF_HALF: Final = Fraction(3, 5)


@dataclass(frozen=True, slots=True)
class Probe:
    """`operator` billed `factor` of the full price for bytes from `prefix`, measured at `at` (microseconds)."""

    operator: str
    prefix: Network
    at: int
    factor: Fraction
    source: str
    note: str = ""

    @property
    def start(self) -> int:
        return self.at

    @property
    def end(self) -> int:
        return self.at + 1

    @property
    def is_contrary(self) -> bool:
        """Say whether it was more than half, whatever a line adds."""
        return self.factor > MOST_OF_HALF


def faults(rows: Sequence[Numbered[Probe]]) -> list[Fault]:
    """Return what is wrong with the rows of one file: one measurement twice, or none that could be made."""
    seen: dict[object, int] = {}
    found = []
    for one in rows:
        row = one.row
        key = (row.operator, row.prefix, row.at, row.source)
        if key in seen:
            says = "همان سنجش سطر دیگری از این فایل است؛ یکی را بردارید."
            found.append(Fault(one.line, "repeated", says))
            found.append(Fault(seen[key], "repeated", says))
        elif not row.prefix.prefixlen:
            found.append(Fault(one.line, "everything", "سنجش از یک نشانی یا بازه است، نه از همه جهان."))
        elif not row.source:
            found.append(Fault(one.line, "no_source", "source خالی است؛ بنویسید چه کسی و چگونه سنجید."))
        seen.setdefault(key, one.line)
    return sorted(set(found), key=lambda fault: (fault.line, fault.code))


@carries_out("B02")
def contrary(rows: Iterable[Probe], at: int) -> list[tuple[str, Network]]:
    """Return (operator, range) of each measurement until `at` that speaks against the message and still stands.

    It stands until a later one of that operator, of a range that holds it whole, says half again.
    """
    past = sorted((row for row in rows if row.at <= at), key=lambda row: row.at)
    standing: list[Probe] = []
    for row in past:
        if row.is_contrary:
            standing.append(row)
        else:
            standing = [one for one in standing if not (one.operator == row.operator and _holds(row, one))]
    found = {(one.operator, one.prefix) for one in standing}
    return sorted(found, key=lambda pair: (pair[0], pair[1].version, int(pair[1].network_address), pair[1].prefixlen))


def _holds(wide: Probe, narrow: Probe) -> bool:
    return (
        prefixes.overlap(wide.prefix, narrow.prefix) == narrow.prefix
        and wide.prefix.prefixlen <= narrow.prefix.prefixlen
    )
