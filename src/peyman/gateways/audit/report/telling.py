"""What the report says, in the order in which it says it: the answer, what it rests on, and how to get it again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from peyman.gateways.audit.report import drawing, resting, tables
from peyman.gateways.audit.report.answer import Answer
from peyman.gateways.audit.report.drawing import Days, Looks
from peyman.gateways.audit.report.sums import Sums, of_file
from peyman.gateways.audit.report.values import (
    UNKNOWN,
    Table,
    amount,
    shown,
    volume,
)
from peyman.gateways.figures.lanes import Lane
from peyman.gateways.figures.timeline import Figure
from peyman.kernel import jalali
from peyman.kernel.clauses import carries_out
from peyman.kernel.money import grouped
from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules import audit_says

OTHERS: Final = "{} اپراتور دیگر"


@dataclass(frozen=True, slots=True)
class Tile:
    value: str
    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One sum that must come out, as it stands in the answer."""

    what: str
    sum: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Report:
    """All that is printed."""

    title: str
    period: str
    answer: str
    tone: str  # broken where somebody was overcharged, kept where nobody was and all is known
    unsure: str  # what the answer cannot say, in a sentence; blank where it can say all
    tiles: tuple[Tile, ...]
    asked: tuple[str, ...]
    bounds: tuple[str, ...]
    figure: Figure | None
    lanes: tuple[Lane, ...]
    more_lanes: str
    looks: Looks | None
    days: Days | None
    by_day: Table | None
    intervals: Table | None
    operators: Table | None
    edges: Table | None
    unknown: Table | None
    not_counted: Table | None
    rejected: Table | None
    checks: tuple[Check, ...]
    inputs: Table
    not_used: tuple[str, ...]
    parameters: Table
    files: Table
    command: str
    code: tuple[str, str]
    told_until: datetime  # for what must carry a date

    @property
    def is_broken(self) -> bool:
        return not all(check.holds for check in self.checks)


@carries_out("B08")
def tell(folder: Path, answer: Answer) -> Report:
    """Read the files of an answer and say what they say."""
    totals: dict[str, Any] = json.loads((folder / "totals.json").read_text("utf-8"))
    intervals: list[dict[str, Any]] = json.loads((folder / "intervals.json").read_text("utf-8"))
    sums = of_file(folder / "by_user_day.parquet")
    parameters = answer.manifest.get("parameters", {})
    figure, undrawn = drawing.of_stories(answer)
    looks = None
    if figure is not None and answer.looks:
        gap = timedelta(days=int(parameters.get("gap_days", 8)))
        looks = drawing.of_looks(answer.looks, figure.since, figure.until, gap)
    lanes = figure.lanes[: drawing.MOST_LANES] if figure else ()
    inputs, not_used = resting.of_inputs(answer.manifest.get("inputs", {}))
    code = answer.manifest.get("code", {})
    return Report(
        title="گزارش ممیزی تعرفه نیم‌بها",
        period=_period(answer),
        answer=_answer(totals),
        tone="broken" if totals["overcharged"] else "time" if totals["unknown"] else "kept",
        unsure=_unsure(totals),
        tiles=_tiles(totals, sums),
        asked=_asked(answer, parameters, sums),
        bounds=_bounds(totals, sums),
        figure=figure,
        lanes=lanes,
        more_lanes=_more_lanes(figure, lanes, undrawn, answer.left_out),
        looks=looks,
        days=drawing.of_days(sums.days, answer.first, answer.last, OTHERS)
        if answer.first is not None and answer.last is not None
        else None,
        by_day=tables.by_step(sums, answer),
        intervals=tables.of_intervals(intervals),
        operators=tables.of_operators(sums),
        edges=tables.of_edges(answer),
        unknown=tables.of_unknown(totals["unknown"]),
        not_counted=tables.of_reasons(
            "چرا شمرده نشد", totals["not_counted"], {code.reason: said for code, said in audit_says.NOT_COUNTED.items()}
        ),
        rejected=tables.of_reasons("چرا خوانده نشد", totals["rejected"], audit_says.REJECTED),
        checks=_checks(totals, sums, intervals, answer),
        inputs=inputs,
        not_used=not_used,
        parameters=resting.of_parameters(parameters),
        files=resting.of_answer(),
        command=resting.again(answer.manifest.get("inputs", {}), parameters),
        code=(shown(code.get("version", "")), shown(code.get("sha256", ""))),
        told_until=answer.looks[-1].ends_at if answer.looks else datetime.fromisoformat("2000-01-01T00:00:00+00:00"),
    )


# ---- The answer ----


def _period(answer: Answer) -> str:
    if answer.first is None or answer.last is None:
        return "در گزارش‌ها هیچ سطر خواندنی نبود."
    if answer.first == answer.last:
        return f"گزارش‌های دانلود {jalali.plain_date(answer.first, year=True)}، به روز تهران"
    since, until = jalali.plain_date(answer.first, year=True), jalali.plain_date(answer.last, year=True)
    return f"گزارش‌های دانلود {since} تا {until}، به روز تهران"


def _answer(totals: Mapping[str, Any]) -> str:
    over = totals["overcharged"]
    if not over:
        return "هیچ دانلودی نیافتیم که نیم‌بها اعلام و تمام‌بها حساب شده باشد."
    said = f"{grouped(over)} دانلود نیم‌بها اعلام و تمام‌بها حساب شد: {volume(totals['bytes_overcharged'])}"
    low, high, without = totals["rials_low"], totals["rials_high"], totals["bytes_without_tariff"]
    if high is None:
        return f"{said}. بهای اضافه آن را نمی‌دانیم."
    said += f"، {amount(low, high)} اضافه"
    return f"{said}؛ بهای {volume(without)} از آن را نمی‌دانیم." if without else f"{said}."


@carries_out("B09")
def _unsure(totals: Mapping[str, Any]) -> str:
    many = sum(totals["unknown"].values())
    if not many:
        return ""
    share = many * 1000 // totals["counted"]
    part = f"، {permille(share)} دانلودهای شمرده،" if share else ""
    return f"درباره {grouped(many)} دانلود{part} نمی‌دانیم. آن‌ها در هیچ مبلغی نیستند؛ حدس نمی‌زنیم."


def permille(share: int) -> str:
    """Return «٪۱۲٫۵» of 125 in a thousand."""
    whole, rest = divmod(share, 10)
    return persian_digits(f"٪{whole}٫{rest}" if rest else f"٪{whole}")


def _tiles(totals: Mapping[str, Any], sums: Sums) -> tuple[Tile, ...]:
    low, high = totals["rials_low"], totals["rials_high"]
    tone = "broken" if totals["overcharged"] else "kept"
    many = sum(totals["unknown"].values())
    return (
        Tile(UNKNOWN if high is None else grouped(high), "حداکثر ریال اضافه", tone),
        Tile(UNKNOWN if low is None else grouped(low), "دست‌کم ریال اضافه", tone),
        Tile(volume(totals["bytes_overcharged"]), f"در {grouped(totals['overcharged'])} دانلود", tone),
        Tile(grouped(many), "دانلود نامعلوم", "time" if many else ""),
    )


def _asked(answer: Answer, parameters: Mapping[str, Any], sums: Sums) -> tuple[str, ...]:
    names = [shown(one) for one in parameters.get("registrants", [])]
    whose = (
        f"تنها ردیف‌های {'، '.join(names)} در فهرست به شمار آمد."
        if names
        else "ردیف هر کسی که نشانی را در بر بگیرد به شمار آمد."
    )
    looks = ""
    if answer.looks:
        since, until = (jalali.plain_date(answer.looks[at].starts_at, year=True) for at in (0, -1))
        looks = (
            f"فهرست ملی را از روی {grouped(len(answer.looks))} نسخه خودمان می‌شناسیم، از {since} تا {until}؛ "
            "پیش و پس از آن، و میان دو نسخه دور از هم، نمی‌دانیم."
        )
    return (
        "کدام دانلودها به کاربر «نیم‌بها» اعلام شد، ولی نشانی سروری که فایل را داد در فهرست ملی ثبت و موعدرسیده "
        "نبود، پس اپراتور آن را تمام‌بها حساب کرد؟ چند بایت، چند ریال، و از کی تا کی؟",
        " ".join(part for part in (looks, whose) if part),
        "هر سطر گزارش یک درخواست است؛ دانلودی که در چند تکه گرفته شد چند سطر دارد و هر تکه یک بار شمرده می‌شود.",
    )


def _bounds(totals: Mapping[str, Any], sums: Sums) -> tuple[str, ...]:
    said = []
    if totals["overcharged"]:
        said.append(
            "طرح اینترنت هر کاربر را نمی‌دانیم. کران بالا با گران‌ترین تعرفه تأییدشده اپراتور در آن روز است، به سود "
            "کاربر؛ کران پایین با ارزان‌ترین. بایت‌های هر کاربر در هر روز یک بار جمع، یک بار ضرب و رو به بالا گرد می‌شود."
        )
        known = volume(totals["bytes_overcharged"] - sums.nobodys)
        whose = f"از این حجم، {known} از آن {grouped(sums.users)} کاربر شناخته است"
        rest = f" و {volume(sums.nobodys)} بی‌نام، که تنها با ادعا پرداختنی است" if sums.nobodys else ""
        said.append(f"{whose}{rest}.")
    without = totals["bytes_without_tariff"]
    if without:
        said.append(
            f"برای {volume(without)} تعرفه تأییدشده‌ای نداریم؛ حجم آن دانسته است و ریال آن نه. با ثبت تعرفه آن اپراتور "
            "در آن روزها، همین ممیزی ریال آن را هم می‌گوید."
        )
    if estimate := totals.get("estimate"):
        said.append(
            f"گزارش‌ها نمونه‌اند، پس ریال هیچ کاربری دانسته نیست. برآورد کل: {volume(estimate['about'])}، با اطمینان "
            f"۱۹ از ۲۰ میان {volume(estimate['low'])} و {volume(estimate['high'])}."
        )
    return tuple(said)


# ---- Tables ----


def _more_lanes(figure: Figure | None, lanes: Sequence[Lane], undrawn: int, left_out: int) -> str:
    more = undrawn + (len(figure.lanes) - len(lanes) if figure else 0)
    said = [f"{grouped(more)} سرگذشت دیگر در این شکل نیست"] if more else []
    said += [f"{grouped(left_out)} نشانی دیگر در گزارش‌ها بود که بایت اضافه کمتری داد"] if left_out else []
    return f"{'؛ '.join(said)}. همه بازه‌ها در intervals.json است." if said else ""


# ---- Adding up ----


def _checks(
    totals: Mapping[str, Any], sums: Sums, intervals: Sequence[Mapping[str, Any]], answer: Answer
) -> tuple[Check, ...]:
    counted, over = totals["counted"], totals["overcharged"]
    unknown, left = sum(totals["unknown"].values()), sum(totals["not_counted"].values())
    whole = sums.whole
    found = [
        _sum("سطرهای گزارش", totals["lines"], ("شمرده", counted), ("نشمرده", left)),
        _sum(
            "دانلودهای شمرده",
            counted,
            ("درست", totals["fine"]),
            ("اضافه", over),
            ("چیزی اعلام نشده", totals["not_promised"]),
            ("نامعلوم", unknown),
        ),
        _same("دانلودهای اضافه", over, "جمع کاربران", whole.lines),
        _same("بایت‌های اضافه", totals["bytes_overcharged"], "جمع کاربران", whole.sent),
        _same("بایت‌های اضافه", totals["bytes_overcharged"], "جمع بازه‌ها", sum(row["bytes"] for row in intervals)),
        _same("حداکثر ریال", totals["rials_high"] or 0, "جمع کاربران", whole.high or 0),
        _same("دست‌کم ریال", totals["rials_low"] or 0, "جمع کاربران", whole.low or 0),
    ]
    if not answer.left_out:
        sent = sum(one.sent for one in answer.stories)
        found.insert(5, _same("بایت‌های اضافه", totals["bytes_overcharged"], "جمع نشانی‌ها", sent))
    return tuple(found)


def _sum(what: str, whole: int, *parts: tuple[str, int]) -> Check:
    said = " + ".join(f"{grouped(many)} {called}" for called, many in parts)
    return Check(what, f"{grouped(whole)} = {said}", whole == sum(many for _, many in parts))


def _same(what: str, whole: int, called: str, many: int) -> Check:
    return Check(what, f"{grouped(whole)} = {grouped(many)} {called}", whole == many)
