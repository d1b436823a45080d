"""What a finished answer of the audit must be to be taken in, which one it replaces, and how two differ."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from peyman.kernel.clauses import carries_out
from peyman.kernel.errors import Refused

ANONYMOUS: Final = "anonymous"  # as the audit names whoever it cannot tell apart
COUNTS: Final = ("lines", "counted", "fine", "overcharged", "not_promised")
AMOUNTS: Final = ("bytes_overcharged", "rials_low", "rials_high", "bytes_without_tariff")


class BadRun(Refused):
    """The folder is no whole answer of the audit."""

    code, clause, status = "bad_run", "B08", 422
    says = "این پوشه پاسخ درست یک ممیزی نیست و گرفته نشد: {why}"


@dataclass(frozen=True, slots=True)
class NewRun:
    """An answer as it was read from its folder, every hash found right."""

    sha256: str  # of the manifest
    folder: str  # below PEYMAN_DATA
    files: Mapping[str, str]
    totals: Mapping[str, Any]
    intervals: Sequence[Mapping[str, Any]]
    operators: Mapping[str, Mapping[str, int | None]]
    users: int | None  # that can be told apart, each once
    parameters: Mapping[str, Any]
    code_version: str
    first_day: date | None
    last_day: date | None


@carries_out("B09")
def check(run: NewRun) -> None:
    """Raise BadRun where the parts do not agree: totals that do not add up, users or intervals of other lines."""
    totals = run.totals
    for name in COUNTS:
        _count(totals, name)
    for group in ("not_counted", "unknown", "rejected"):
        if not isinstance(totals.get(group), Mapping):
            raise BadRun(why=f"totals.json: {group} در آن نیست.")
        for name in totals[group]:
            _count(totals[group], name)
    unknown = sum(totals["unknown"].values())
    if totals["lines"] != totals["counted"] + sum(totals["not_counted"].values()):
        raise BadRun(why="totals.json: سطرهای شمرده و نشمرده با هم برابر همه سطرها نیست.")
    if totals["counted"] != totals["fine"] + totals["overcharged"] + totals["not_promised"] + unknown:
        raise BadRun(why="totals.json: بخش‌های سطرهای شمرده با هم برابر همه آن‌ها نیست.")
    _count(totals, "bytes_overcharged")
    low, high = totals.get("rials_low"), totals.get("rials_high")
    if (low is None) != (high is None):
        raise BadRun(why="totals.json: یک کران ریال هست و دیگری نیست.")
    if low is not None and not 0 <= _count(totals, "rials_low") <= _count(totals, "rials_high"):
        raise BadRun(why="totals.json: کران پایین ریال از کران بالا بیشتر است.")
    of_users = [sum(one[name] or 0 for one in run.operators.values()) for name in ("lines", "bytes")]
    if of_users != [totals["overcharged"], totals["bytes_overcharged"]]:
        raise BadRun(why="by_user_day.parquet: جمع سطرها و بایت‌های آن با totals.json یکی نیست.")
    for name, total in (("rials_low", low), ("rials_high", high)):
        if sum(one[name] or 0 for one in run.operators.values()) != (total or 0):
            raise BadRun(why="by_user_day.parquet: جمع ریال آن با totals.json یکی نیست.")
    if sum(_count(one, "lines") for one in run.intervals) != totals["overcharged"]:
        raise BadRun(why="intervals.json: سطرهای بازه‌ها با هم برابر سطرهای اضافه نیست.")


def _count(of: Mapping[str, Any], name: str) -> int:
    value = of.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadRun(why=f"{name} عددی صحیح و نامنفی نیست.")
    return value


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a run audited, and whose rows it counted."""

    code: str
    first_day: date | None
    last_day: date | None
    registrants: tuple[str, ...]


def replaced(new: Span, older: Iterable[Span]) -> str:
    """Return the code of the run that a new one takes the place of, "" of none.

    It is the last, in the order given, that asked for the same registrants and all of whose days the new one audits.
    """
    found = ""
    for one in older:
        if one.registrants != new.registrants or one.first_day is None or one.last_day is None:
            continue
        if new.first_day and new.last_day and new.first_day <= one.first_day and one.last_day <= new.last_day:
            found = one.code
    return found


@dataclass(frozen=True, slots=True)
class Moved:
    """One figure in two runs; None where a run does not know it."""

    name: str
    old: int | None
    new: int | None

    @property
    def by(self) -> int | None:
        return None if self.old is None or self.new is None else self.new - self.old


@dataclass(frozen=True, slots=True)
class Difference:
    """How a run differs from an older one. Intervals are told apart by addresses, operator, time and cause."""

    figures: tuple[Moved, ...]
    appeared: tuple[Mapping[str, Any], ...]
    gone: tuple[Mapping[str, Any], ...]
    changed: tuple[tuple[Mapping[str, Any], Mapping[str, Any]], ...]
    parameters: tuple[tuple[str, str, str], ...]

    @property
    def is_none(self) -> bool:
        return not (self.appeared or self.gone or self.changed or any(one.old != one.new for one in self.figures))


def difference(old: NewRun, new: NewRun) -> Difference:
    """Hold two runs beside each other."""
    before, after = _figures(old.totals), _figures(new.totals)
    names = [*before, *(name for name in after if name not in before)]
    was = {_key(one): one for one in old.intervals}
    now = {_key(one): one for one in new.intervals}
    settings = sorted({*old.parameters, *new.parameters})
    return Difference(
        tuple(Moved(name, before.get(name), after.get(name)) for name in names),
        tuple(one for key, one in now.items() if key not in was),
        tuple(one for key, one in was.items() if key not in now),
        tuple((was[key], one) for key, one in now.items() if key in was and was[key] != one),
        tuple(
            (name, str(old.parameters.get(name, "")), str(new.parameters.get(name, "")))
            for name in settings
            if old.parameters.get(name) != new.parameters.get(name)
        ),
    )


def _figures(totals: Mapping[str, Any]) -> dict[str, int | None]:
    found = {name: totals.get(name) for name in (*COUNTS, *AMOUNTS)}
    for group in ("unknown", "not_counted", "rejected"):
        found |= {f"{group}:{name}": many for name, many in totals[group].items()}
    return found


def _key(interval: Mapping[str, Any]) -> tuple[Any, ...]:
    return (tuple(interval["edges"]), interval["operator"], interval["from"], interval["to"], interval["cause"])
