"""Whose customer an address is, by the longest prefix that is valid then (as the audit reads it: rules.audit_joins)."""

from collections.abc import Sequence

from peyman.kernel import prefixes
from peyman.kernel.text import has_controls
from peyman.market.tariff.rules.audit_joins import UNKNOWN_OPERATOR, Isp
from peyman.market.tariff.rules.tables import Fault, Numbered, overlaps

LONGEST_OPERATOR = 60


def faults(rows: Sequence[Numbered[Isp]]) -> list[Fault]:
    """Return what is wrong with the rows of one file: two at a time for one prefix, or a range that is nobody's."""
    found = {fault.line: fault for fault in overlaps(rows, lambda row: row.prefix, lambda row: f"{row.prefix}")}
    for one in rows:
        if one.line not in found and (fault := _wrong(one)):
            found[one.line] = fault
    return [found[line] for line in sorted(found)]


def _wrong(one: Numbered[Isp]) -> Fault | None:
    row = one.row
    if not row.prefix.prefixlen:
        return Fault(one.line, "everything", "همه نشانی‌های جهان از آن یک اپراتور نیست.")
    if prefixes.special(row.prefix):
        return Fault(one.line, "special", f"{row.prefix} در اینترنت نیست؛ مشترکی با این نشانی دیده نمی‌شود.")
    if row.operator == UNKNOWN_OPERATOR:
        return Fault(one.line, "operator", "«unknown» نام اپراتور نیست؛ سطر را بردارید تا نامعلوم بماند.")
    if len(row.operator) > LONGEST_OPERATOR or has_controls(row.operator):
        return Fault(one.line, "operator", "نام اپراتور بلندتر از ۶۰ نویسه است.")
    return None
