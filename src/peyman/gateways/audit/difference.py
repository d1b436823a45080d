"""What an answer says otherwise than an earlier one, and why: late logs, another history, other tariffs.

What was paid stays paid: rises are owed besides, falls are told and taken from nobody.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from peyman.kernel.clauses import carries_out
from peyman.kernel.text import persian_digits

JSON: Final = "difference.json"
WORDS: Final = "difference.txt"
OUTPUTS: Final = (JSON, WORDS)
NAMED: Final = 40  # operators' days that the words tell one by one

_BY_DAY: Final = {"logs": "logs", "history": "history", "rates": "tariffs"}  # of days.json → why
_WHY: Final = {
    "logs": "گزارش‌های آن روز دیگر شد (سطرهای دیررسیده)",
    "history": "تاریخچه سامانه ملی دیگر شد",
    "tariffs": "تعرفه اپراتور دیگر شد",
    "isps": "جدول اپراتورها دیگر شد",
    "edges": "جدول نشانی‌های شبکه دیگر شد",
    "grants": "نمایش‌های پیام دیگر شد",
    "releases": "جدول نسخه‌ها دیگر شد",
    "probes": "سنجش‌ها دیگر شد",
    "clock_offsets": "خطای ساعت‌ها دیگر شد",
    "ticket_keys": "کلیدهای بلیت دیگر شد",
    "parameters": "پارامترهای ممیزی دیگر شد",
    "code": "برنامه دیگر شد",
}

Row = tuple[str, str, date]
Amount = tuple[int, int | None, int | None]  # bytes, rials at the least and at the most
_NOTHING: Final[Amount] = (0, 0, 0)


class NoEarlier(ValueError):
    """An earlier answer that cannot be compared with. `says`: why, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


@dataclass(slots=True)
class _Sum:
    users: int = 0
    sent: int = 0
    low: int = 0
    high: int = 0

    def add(self, before: Amount, after: Amount, sign: int) -> None:
        """Add by how much an amount moved."""
        self.users += 1
        self.sent += sign * (after[0] - before[0])
        self.low += sign * ((after[1] or 0) - (before[1] or 0))
        self.high += sign * ((after[2] or 0) - (before[2] or 0))

    def told(self) -> dict[str, int]:
        return {"users": self.users, "bytes": self.sent, "rials_low": self.low, "rials_high": self.high}


@dataclass(slots=True)
class _Day:
    rises: _Sum = field(default_factory=_Sum)
    falls: _Sum = field(default_factory=_Sum)
    why: set[str] = field(default_factory=set)


@carries_out("B08")
def write(folder: Path, earlier: Path, said: Mapping[str, Any]) -> None:
    """Write what `folder` says otherwise than `earlier`: `difference.json` row by row, `difference.txt` in words.

    `said`: the new manifest, as far as it is known. Raises NoEarlier, OSError.
    """
    try:
        before = json.loads((earlier / "manifest.json").read_text("utf-8"))
        old_days = json.loads((earlier / "days.json").read_text("utf-8"))
        new_days = json.loads((folder / "days.json").read_text("utf-8"))
        everywhere = _everywhere(before, said)
        is_history = before["inputs"]["registry"] != said["inputs"]["registry"]
        old, new = _rows(earlier / "by_user_day.parquet"), _rows(folder / "by_user_day.parquet")
        rises, falls = _Sum(), _Sum()
        of: dict[tuple[date, str], _Day] = defaultdict(_Day)
        with (folder / JSON).open("w", encoding="utf-8") as out:
            out.write('{\n"changes": [')
            for number, (row, one, other) in enumerate(_moved(old, new)):
                user, operator, day = row
                why = _why(str(day), old_days, new_days, everywhere, is_history)
                is_rise = _is_rise(one, other)
                of_day = of[day, operator]
                (rises if is_rise else falls).add(one, other, 1 if is_rise else -1)
                (of_day.rises if is_rise else of_day.falls).add(one, other, 1 if is_rise else -1)
                of_day.why |= {*why}
                change = {
                    "user": user,
                    "operator": operator,
                    "day": str(day),
                    "bytes": [one[0], other[0]],
                    "rials_low": [one[1], other[1]],
                    "rials_high": [one[2], other[2]],
                    "direction": "rise" if is_rise else "fall",
                    "why": why,
                }
                out.write(",\n" if number else "\n")
                out.write(json.dumps(change, ensure_ascii=False, sort_keys=True))
            rest = {
                "rises": rises.told(),
                "falls": falls.told(),
                "days": [
                    {
                        "day": str(day),
                        "operator": operator,
                        "rises": one.rises.told(),
                        "falls": one.falls.told(),
                        "why": sorted(one.why),
                    }
                    for (day, operator), one in sorted(of.items())
                ],
                "earlier": said["inputs"]["earlier"]["sha256"],
                "changed_inputs": everywhere,
                "days_added": sorted({*new_days} - {*old_days}),
                "days_gone": sorted({*old_days} - {*new_days}),
            }
            out.write("\n],\n" + json.dumps(rest, ensure_ascii=False, indent=1, sort_keys=True)[2:] + "\n")
        (folder / WORDS).write_text("\n".join(_words(rises, falls, of)) + "\n", encoding="utf-8")
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise NoEarlier(f"{earlier}: با آن سنجیدنی نیست ({fault}).") from fault


def _rows(file: Path) -> Iterator[tuple[Row, Amount]]:
    with pq.ParquetFile(file) as opened:
        for batch in opened.iter_batches():
            for row in zip(*(batch.column(name).to_pylist() for name in batch.schema.names), strict=True):
                user, operator, day, _, sent, low, high = row
                yield (user, operator, day), (sent, low, high)


def _moved(
    old: Iterator[tuple[Row, Amount]], new: Iterator[tuple[Row, Amount]]
) -> Iterator[tuple[Row, Amount, Amount]]:
    """Yield what differs of two lists in one order."""
    one, other = next(old, None), next(new, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None  # noqa: S101
            yield one[0], one[1], _NOTHING
            one = next(old, None)
        elif one is None or other[0] < one[0]:
            yield other[0], _NOTHING, other[1]
            other = next(new, None)
        else:
            if one[1] != other[1]:
                yield one[0], one[1], other[1]
            one, other = next(old, None), next(new, None)


def _is_rise(one: Amount, other: Amount) -> bool:
    """Say whether more is owed: by the most that it may be, else by bytes; where rials became known, too."""
    if one[2] is not None and other[2] is not None and one[2] != other[2]:
        return other[2] > one[2]
    if (one[2] is None) != (other[2] is None) and one[0] == other[0]:
        return other[2] is not None
    return (other[0], other[1] or 0) > (one[0], one[1] or 0)


def _everywhere(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return which tables and settings are others, but for those that days.json tells of."""
    found = [
        name
        for name in sorted({*before["inputs"], *after["inputs"]} - {"logs", "registry", "tariffs", "earlier"})
        if before["inputs"].get(name, {}).get("sha256") != after["inputs"].get(name, {}).get("sha256")
    ]
    if before["parameters"] != after["parameters"]:
        found.append("parameters")
    if before["code"]["sha256"] != after["code"]["sha256"]:
        found.append("code")
    return found


def _why(
    day: str, old: Mapping[str, Any], new: Mapping[str, Any], everywhere: list[str], is_history: bool
) -> list[str]:
    """Return why a day is otherwise. Its mark of the history moves with its lines, too: `is_history`: lists did."""
    one, other = old.get(day, {}), new.get(day, {})
    if not one or not other:
        return ["logs", *everywhere]
    near = [why for name, why in _BY_DAY.items() if one.get(name) != other.get(name)]
    return [*(why for why in near if why != "history" or is_history), *everywhere]


def _words(rises: _Sum, falls: _Sum, of: Mapping[tuple[date, str], _Day]) -> list[str]:
    if not of:
        return ["این پاسخ همان می‌گوید که پاسخ پیشین."]
    said = [
        f"بیشتر شد: {_told(rises)}.",
        f"کمتر شد: {_told(falls)}. آنچه پرداخت شده پس گرفته نمی‌شود.",
        "",
    ]
    why = Counter(reason for one in of.values() for reason in one.why)
    said += [f"{_WHY.get(reason, reason)}: {persian_digits(many)} روز و اپراتور" for reason, many in why.most_common()]
    said.append("")
    for (day, operator), one in [*sorted(of.items())][:NAMED]:
        parts = [f"+ {_told(one.rises)}" if one.rises.users else "", f"− {_told(one.falls)}" if one.falls.users else ""]
        said.append(f"{day} {operator}: {'؛ '.join(part for part in parts if part)}")
    if len(of) > NAMED:
        said.append(f"… و {persian_digits(len(of) - NAMED)} روز و اپراتور دیگر.")
    return said


def _told(one: _Sum) -> str:
    return (
        f"{persian_digits(f'{one.users:,}')} کاربر و روز، {persian_digits(f'{one.sent:,}')} بایت، "
        f"{persian_digits(f'{one.low:,}')} تا {persian_digits(f'{one.high:,}')} ریال"
    )
