"""The tables of the report: intervals, operators, addresses, days, and reasons."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final

from peyman.gateways.audit.report import drawing
from peyman.gateways.audit.report.answer import Answer
from peyman.gateways.audit.report.sums import Sum, Sums
from peyman.gateways.audit.report.values import (
    NO_OPERATOR,
    UNKNOWN,
    Cell,
    Table,
    codes,
    folded,
    name,
    number,
    size,
    volume,
    words,
)
from peyman.kernel import jalali
from peyman.kernel.money import grouped
from peyman.market.tariff.rules import audit_says
from peyman.market.tariff.rules.audit_joins import UNKNOWN_OPERATOR

MOST_INTERVALS: Final = 60
MOST_STEPS: Final = 120
MOST_EDGES: Final = 40
MOST_RANGES: Final = 6


def by_step(sums: Sums, answer: Answer) -> Table | None:
    if not sums.days or answer.first is None or answer.last is None:
        return None
    is_daily = drawing.steps_by_day(answer.first, answer.last)
    steps = drawing.in_steps(sums.days, is_daily)
    rows = [
        (
            words(drawing.step_words(begin, is_daily)),
            _operator(operator),
            number(one.lines),
            size(one.sent),
            number(one.low),
            number(one.high, note=_without(one)),
        )
        for (begin, operator), one in list(steps.items())[:MOST_STEPS]
    ]
    step = "روز" if is_daily else "ماه"
    more = _more(len(steps), len(rows), f"{step} و اپراتور", "by_user_day.parquet")
    heads = ((step, False), ("اپراتور", False), *_AMOUNTS)
    return Table(f"حجم و ریال اضافه، {step} به {step}", heads, tuple(rows), (), more)


_AMOUNTS: Final = (("دانلود", True), ("حجم", True), ("دست‌کم ریال", True), ("حداکثر ریال", True))


def _without(one: Sum) -> str:
    return f"بهای {volume(one.without)} نامعلوم" if one.without and one.high is not None else ""


def _operator(operator: str) -> Cell:
    return words(NO_OPERATOR) if operator == UNKNOWN_OPERATOR else name(operator)


def _more(all_of_them: int, here: int, what: str, where: str) -> str:
    return f"و {grouped(all_of_them - here)} {what} دیگر، همه در {where}." if all_of_them > here else ""


def of_intervals(intervals: Sequence[Mapping[str, Any]]) -> Table | None:
    if not intervals:
        return None
    ordered = sorted(intervals, key=lambda row: (-row["bytes"], row["from"], row["operator"], row["edges"]))
    rows = []
    for row in ordered[:MOST_INTERVALS]:
        ranges = folded(ip_address(one) for one in row["edges"])
        rest = len(ranges) - MOST_RANGES
        many = len(row["edges"])
        note = f"{grouped(many)} نشانی" if many > 1 else ""
        if rest > 0:
            note += f"، {grouped(rest)} بازه دیگر"
        rows.append(
            (
                codes((text for text, _ in ranges[:MOST_RANGES]), note),
                _operator(row["operator"]),
                _instant(row["from"]),
                _instant(row["to"]),
                _said(audit_says.CAUSES.get(row["cause"]), row["cause"]),
                number(row["lines"]),
                size(row["bytes"]),
                number(row["rials_low"]),
                number(row["rials_high"]),
            )
        )
    heads = (
        ("نشانی‌ها", False),
        ("اپراتور", False),
        ("از", False),
        ("تا پیش از", False),
        ("سبب نخست", False),
        *_AMOUNTS,
    )
    more = _more(len(intervals), len(rows), "بازه", "intervals.json")
    return Table("بازه‌های تمام‌بها که در آن کسی اضافه پرداخت", heads, tuple(rows), (), more)


def _instant(text: str) -> Cell:
    at = datetime.fromisoformat(text)
    if at.year < 1990 or at.year > 2200:
        return words("همیشه")
    return Cell(jalali.plain_date(at, year=True), "date", note=jalali.hour(at))


def of_operators(sums: Sums) -> Table | None:
    found = sums.by_operator()
    if not found:
        return None
    rows = tuple(
        (_operator(operator), number(one.lines), size(one.sent), number(one.low), number(one.high, note=_without(one)))
        for operator, one in [*found.items()][:MOST_EDGES]
    )
    whole = sums.whole
    foot = (
        words("جمع"),
        number(whole.lines),
        size(whole.sent),
        number(whole.low),
        number(whole.high, note=_without(whole)),
    )
    more = _more(len(found), len(rows), "اپراتور", "by_user_day.parquet")
    return Table("اضافه، اپراتور به اپراتور", (("اپراتور", False), *_AMOUNTS), rows, foot, more)


def of_edges(answer: Answer) -> Table | None:
    """Sums by address: neighbours are not put together here, for each served its own bytes."""
    found = [one for one in answer.stories if one.lines]
    if not found:
        return None
    rows = tuple(
        (codes([one.address]), name("، ".join(one.cdns) or UNKNOWN), number(one.lines), size(one.sent))
        for one in found[:MOST_EDGES]
    )
    heads = (("نشانی سرور", False), ("شبکه توزیع", False), ("دانلود", True), ("حجم", True))
    more = f"و {grouped(len(found) - len(rows))} نشانی دیگر." if len(found) > len(rows) else ""
    return Table("اضافه، نشانی به نشانی", heads, rows, (), more)


def of_unknown(reasons: Mapping[str, int]) -> Table | None:
    if not reasons:
        return None
    rows = []
    for reason, many in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        why, settles = audit_says.unknown(reason)
        rows.append((_said(why, reason), number(many), words(settles)))
    heads = (("چرا نمی‌دانیم", False), ("دانلود", True), ("با چه دانسته می‌شود", False))
    return Table("نامعلوم‌ها، به سبب", heads, tuple(rows), (words("جمع"), number(sum(reasons.values())), words("")))


def of_reasons(head: str, reasons: Mapping[str, int], said: Mapping[str, str]) -> Table | None:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((_said(said.get(reason), reason), number(many)) for reason, many in ordered)
    return Table(head, ((head, False), ("سطر", True)), rows) if rows else None


def _said(found: str | None, code: str) -> Cell:
    """Print words, or the code itself where nobody gave it any."""
    return words(found) if found else name(code)
