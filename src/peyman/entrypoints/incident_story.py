"""What both doors say of an incident: its figure, its facts for a reader, and words for causes and reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from peyman.gateways.figures.timeline import Figure, draw
from peyman.gateways.figures.values import Mark, Stretch, Track
from peyman.kernel.worktime import DAY, tehran_day
from peyman.market.incidents.rules import notice as notices
from peyman.market.incidents.rules.knowing import Fact, from_json

# The facts that a reader meets first; the table has all.
CHIEF = ("served", "ended", "began", "alarmed", "sent", "listed", "due", "removed", "audited", "detect")
OURS = ("confirm", "publish", "correct", "close", "dismiss")
_FLAGS = {"alarmed": "هشدار", "detect": "ثبت رویداد", "publish": "انتشار", "close": "پایان"}
_MOST_FLAGS = 4
AMOUNTS = {
    "lines": "همه سطرهای گزارش",
    "counted": "سطرهای شمرده",
    "fine": "نیم‌بها اعلام و حساب شد",
    "overcharged": "نیم‌بها اعلام و تمام‌بها حساب شد",
    "not_promised": "چیزی اعلام نشده بود",
    "bytes_overcharged": "بایت اضافه",
    "bytes_without_tariff": "بایت بی‌تعرفه",
    "rials_low": "دست‌کم، به ریال",
    "rials_high": "حداکثر، به ریال",
}
NOT_COUNTED = {
    "method": "درخواستی جز گرفتن فایل",
    "not_modified": "بی‌تغییر (۳۰۴)",
    "redirect": "تغییر نشانی",
    "client_error": "خطای درخواست",
    "server_error": "خطای سرور",
    "other_status": "پاسخ دیگر",
    "no_bytes": "بی‌بایت",
    "fill": "میان سرورهای شبکه",
    "staff": "دانلود خود ما",
    "not_a_download": "فایلی جز دانلود برنامه",
    "duplicate": "سطر تکراری",
}


def figure_of(told: Mapping[str, Any], facts: Sequence[Fact], now: datetime) -> Figure | None:
    """Draw the lanes of an incident, with its chief instants as numbered marks; None where there is nothing to draw."""
    since, until = _at(told["since"]), _at(told["until"])
    if not told["lanes"] or until <= since:
        return None
    tracks = [
        Track(
            prefix,
            max(1, lane["addresses"] // len(lane["prefixes"])),
            "، ".join(lane["cdns"]),
            tuple(Stretch("serves", _at(begins), _at(ends)) for begins, ends in lane["serves"]),
            tuple(
                Stretch(state, _at(begins), _at(ends), date.fromisoformat(due) if due else None)
                for state, begins, ends, due in lane["registry"]
            ),
        )
        for lane in told["lanes"]
        for prefix in lane["prefixes"]
    ]
    ends = until + max(10 * DAY, (until - since) * 0.05)
    return draw(tracks, since=since, until=ends, now=min(now, until), marks=_marks(facts, since))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _marks(facts: Sequence[Fact], since: datetime) -> list[Mark]:
    """One mark for each kind that has a name, at its first day; of several on one day the first."""
    found: dict[str, Mark] = {}
    days: set[date] = set()
    for fact in facts:
        day = tehran_day(fact.at)
        if fact.kind in _FLAGS and fact.kind not in found and fact.at >= since and day not in days:
            found[fact.kind] = Mark(day, _FLAGS[fact.kind])
            days.add(day)
    return list(found.values())[:_MOST_FLAGS]


def chief(facts: Sequence[Fact], most: int = 12) -> list[Fact]:
    """Return the facts that tell the story: those of the network and the registry, cut where they are many, and all
    of our own steps.
    """
    told = [fact for fact in facts if fact.kind in CHIEF]
    if len(told) > most:
        told = [*told[: most - 4], *told[-4:]]
    return sorted([*told, *(fact for fact in facts if fact.kind in OURS)], key=lambda fact: fact.at)


def cause_words(cause: str) -> str:
    """Return the cause of a stretch as a sentence's end; the code itself where nobody gave it words."""
    return notices.CAUSES.get(cause, cause)


def figure_words(name: str) -> str:
    """Return what a figure of two runs' difference is called."""
    group, colon, reason = name.partition(":")
    if not colon:
        return AMOUNTS.get(name, name)
    if group == "unknown":
        return f"نامعلوم: {unknown_words(reason)}"
    return f"{'نشمرده' if group == 'not_counted' else 'ناخوانده'}: {NOT_COUNTED.get(reason, reason)}"


def unknown_words(reason: str) -> str:
    """Return why a line is unknown."""
    return notices.UNKNOWN.get(reason, reason)


@dataclass(frozen=True)
class Row:
    """What one operator's users were overcharged."""

    operator: str
    users: int
    downloads: int
    anonymous: int
    megabytes: int  # of a million bytes, rounded up
    rials_low: int | None
    rials_high: int | None


def rows_of(operators: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return the operators of a run, those with the most bytes first."""
    found = [
        Row(
            name,
            one["users"],
            one["lines"],
            one["anonymous_lines"],
            megabytes(one["bytes"]),
            one["rials_low"],
            one["rials_high"],
        )
        for name, one in operators.items()
    ]
    return sorted(found, key=lambda row: (-row.megabytes, row.operator))


def megabytes(count: int) -> int:
    """Return millions of bytes, rounded up: nothing of what was taken rounds to nothing."""
    return -(-count // 1_000_000)


def unknown_of(totals: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return why lines are unknown, and how many, the most first."""
    told = sorted(totals["unknown"].items(), key=lambda pair: (-pair[1], pair[0]))
    return [(unknown_words(reason), many) for reason, many in told if many]


@dataclass(frozen=True)
class Told:
    """One stretch as a page prints it."""

    edges: list[str]
    operator: str
    cause: str
    starts_at: datetime
    ends_at: datetime | None
    lines: int | None
    megabytes: int | None
    rials_low: int | None
    rials_high: int | None
    run: str = ""

    @property
    def last_day(self) -> date | None:
        """The last day of Tehran that it touches."""
        return tehran_day(self.ends_at - timedelta.resolution) if self.ends_at else None


def told_json(one: Mapping[str, Any]) -> Told:
    """Return a stretch of a published notice."""
    return Told(
        one["edges"],
        one["operator"],
        cause_words(one["cause"]),
        _at(one["from"]),
        _at(one["to"]) if one["to"] else None,
        one["lines"],
        megabytes(one["bytes"]),
        one["rials_low"],
        one["rials_high"],
    )


# ---- A notice as a page ----


@dataclass(frozen=True)
class Page:
    """All that the page of a notice prints, of what was published, or would be."""

    content: Mapping[str, Any]
    words: Mapping[str, str]
    rows: list[Row]
    stretches: list[Told]
    unknown: list[tuple[str, int]]
    facts: list[Fact]
    chief: list[Fact]
    figure: Figure | None
    until_day: date
    closes_at: datetime
    now: datetime

    @property
    def totals(self) -> Mapping[str, Any]:
        totals: Mapping[str, Any] = self.content["totals"]
        return totals

    @property
    def megabytes(self) -> int:
        return megabytes(self.totals["bytes_overcharged"])

    @property
    def users(self) -> int | None:
        """How many users can be told apart, each once; None where the run does not say."""
        users: int | None = self.content["users"]
        return users

    @property
    def anonymous(self) -> int:
        return sum(row.anonymous for row in self.rows)

    @property
    def starts_at(self) -> datetime:
        return min(one.starts_at for one in self.stretches)

    @property
    def last_day(self) -> date | None:
        """The last day of it all, None where some of it is not over as far as we know."""
        days = [one.last_day for one in self.stretches]
        return None if None in days else max(day for day in days if day)

    @property
    def is_open(self) -> bool:
        """Whether the window is."""
        return self.now < self.closes_at

    @property
    def operators(self) -> str:
        return notices.operators_words(sorted({row.operator for row in self.rows}))


def page_of(content: Mapping[str, Any], now: datetime) -> Page:
    """Return a notice as its page prints it: no query."""
    facts = [from_json(one) for one in content["facts"]]
    until = date.fromisoformat(content["until_day"])
    return Page(
        content=content,
        words=content["words"],
        rows=rows_of(content["operators"]),
        stretches=[told_json(one) for one in content["stretches"]],
        unknown=unknown_of(content["totals"]),
        facts=facts,
        chief=chief(facts),
        figure=figure_of(content["timeline"], facts, now),
        until_day=until,
        closes_at=notices.closes_at(until),
        now=now,
    )
