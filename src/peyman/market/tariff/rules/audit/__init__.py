"""What the tariff audit says of one line of a download log, and what an overcharge amounts to.

A line was overcharged when it was counted by the operator, its user had been told "half price", and the address that
served it was not registered and due throughout. What the inputs cannot say is unknown with its reason and is never
guessed (clause B09). `gateways/audit/judging.py` says the same of whole logs in SQL, by the numbers that stand here.

Times are whole microseconds since 1970 in UTC, so that no sum rounds; days are Tehran's.
"""

from peyman.market.tariff.rules.audit.amounts import (
    Bounds,
    Estimate,
    Plan,
    Tariff,
    bounds,
    contradictions,
    estimate,
    owed,
    rials,
)
from peyman.market.tariff.rules.audit.billing import (
    Holding,
    Measured,
    Probe,
    Register,
    Span,
    by_network,
    by_probes,
    compared,
    price,
    price_during,
    spans,
    spans_of,
)
from peyman.market.tariff.rules.audit.codes import (
    ALWAYS,
    EPOCH,
    MICROSECOND,
    Address,
    Code,
    Line,
    Result,
    Shown,
    Terms,
    instant,
    micros,
)
from peyman.market.tariff.rules.audit.counting import is_fill, line_key, not_counted
from peyman.market.tariff.rules.audit.judging import classify, judge, totals

__all__ = [
    "ALWAYS",
    "EPOCH",
    "MICROSECOND",
    "Address",
    "Bounds",
    "Code",
    "Estimate",
    "Holding",
    "Line",
    "Measured",
    "Plan",
    "Probe",
    "Register",
    "Result",
    "Shown",
    "Span",
    "Tariff",
    "Terms",
    "bounds",
    "by_network",
    "by_probes",
    "classify",
    "compared",
    "contradictions",
    "estimate",
    "instant",
    "is_fill",
    "judge",
    "line_key",
    "micros",
    "not_counted",
    "owed",
    "price",
    "price_during",
    "rials",
    "spans",
    "spans_of",
    "totals",
]
