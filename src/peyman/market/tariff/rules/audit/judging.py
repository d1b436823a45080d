"""What became of a line, and how many had which result (B08, B09)."""

from collections.abc import Mapping
from datetime import timedelta

from peyman.kernel.clauses import carries_out
from peyman.market.tariff.rules.audit.billing import Register, price_during
from peyman.market.tariff.rules.audit.codes import Code, Line, Result, Shown, Terms
from peyman.market.tariff.rules.audit.counting import is_fill, not_counted


@carries_out("B08", "B09")
def judge(unpaid: Code | None, shown: Shown, billed: Code) -> Code:
    """Return what became of a line: not counted for a reason, else by what was told and what was billed."""
    if unpaid is not None:
        return unpaid
    if shown is Shown.NO:
        return Code.NOT_PROMISED
    if billed.result is Result.UNKNOWN:
        return billed
    return billed if shown is Shown.YES else Code.SHOWN_UNKNOWN


def classify(
    line: Line,
    shown: Shown,
    register: Register,
    terms: Terms,
    *,
    staff: bool = False,
    fill: bool = False,
    operator: str = "",
    tolerance: timedelta | None = None,
) -> Code:
    """Return what became of one line. `fill`: its client is a part of a CDN. `operator`: whose probes may decide."""
    unpaid = not_counted(
        method=line.method,
        status=line.status,
        sent=line.sent,
        fill=fill or is_fill(line.node),
        staff=staff,
        download=True,
    )
    billed = (
        line.no_edge
        if line.edge is None
        else price_during(register, line.edge, line.start, line.end, terms, operator, tolerance)
    )
    return judge(unpaid, shown, billed)


def totals(counts: Mapping[Code, int]) -> dict[str, object]:
    """Return how many lines had which result, such that they add up: all are counted or not, the counted are one of
    fine, overcharged, not promised and unknown.
    """

    def by_reason(result: Result) -> dict[str, int]:
        return {code.reason: counts[code] for code in sorted(counts) if code.result is result and counts[code]}

    unpaid = by_reason(Result.NOT_COUNTED)
    every = sum(counts.values())
    return {
        "lines": every,
        "counted": every - sum(unpaid.values()),
        "not_counted": unpaid,
        "fine": counts.get(Code.FINE, 0),
        "overcharged": counts.get(Code.OVERCHARGED, 0),
        "not_promised": counts.get(Code.NOT_PROMISED, 0),
        "unknown": by_reason(Result.UNKNOWN),
    }
