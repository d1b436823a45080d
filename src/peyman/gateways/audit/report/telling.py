"""What the report says, in the order in which it says it: the answer, what it rests on, and how to get it again."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from peyman.gateways.audit.report import drawing
from peyman.gateways.audit.report.answer import Answer
from peyman.gateways.audit.report.drawing import Days, Looks
from peyman.gateways.audit.report.sums import Sum, Sums, of_file
from peyman.gateways.audit.report.values import (
    NO_OPERATOR,
    UNKNOWN,
    Cell,
    Table,
    amount,
    codes,
    folded,
    name,
    number,
    shown,
    size,
    volume,
    words,
)
from peyman.gateways.figures.lanes import Lane
from peyman.gateways.figures.timeline import Figure
from peyman.kernel import jalali
from peyman.kernel.money import grouped
from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules import audit_says
from peyman.market.tariff.rules.audit_joins import UNKNOWN_OPERATOR

MOST_INTERVALS: Final = 60
MOST_STEPS: Final = 120
MOST_EDGES: Final = 40
MOST_FILES: Final = 40
MOST_RANGES: Final = 6
OTHERS: Final = "{} اپراتور دیگر"

_FILES: Final = {
    "logs": "گزارش دانلود",
    "registry": "فهرست ملی",
    "edges": "محدوده‌های شبکه توزیع",
    "isps": "محدوده‌های اپراتورها",
    "tariffs": "تعرفه‌ها",
    "releases": "نسخه‌های گذشته برنامه",
    "grants": "نمایش‌های پیام",
    "probes": "آزمون‌های مصرف",
    "clock_offsets": "خطای ساعت‌ها",
    "ticket_keys": "کلیدهای بلیت",
    "earlier": "پاسخ پیشین",
}
_PARAMETERS: Final = {
    "log_format": "شکل گزارش‌ها",
    "registrants": "ردیف‌های چه کسی به شمار می‌آید",
    "gap_days": "دورترین دو نسخه که میانشان دانسته است، به روز",
    "tolerance_seconds": "خطای ساعت گزارش‌ها، به ثانیه",
    "grace_days": "مهلت اپراتور پس از موعد، به روز",
    "sample_percent": "چند درصد سطرها در گزارش هست",
    "zone": "منطقه زمانی سطرهایی که آن را نمی‌گویند",
    "token_parameter": "نام نشانه دانلود در نشانی صفحه",
    "staff": "نشانی‌های خودمان",
    "downloads": "الگوی مسیر دانلودها",
    "overhead_factor": "ضریب سرآیندها و بازفرستادن‌ها",
    "until": "سطرهای تا پیش از",
}
_OPTIONS: Final = {
    "log_format": "--log-format",
    "registrants": "--registrant",
    "gap_days": "--gap-days",
    "tolerance_seconds": "--tolerance",
    "grace_days": "--grace-days",
    "sample_percent": "--sample-rate",
    "zone": "--zone",
    "token_parameter": "--token-parameter",
    "staff": "--staff",
    "downloads": "--downloads",
    "overhead_factor": "--overhead-factor",
    "until": "--until",
}


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


def tell(folder: Path, answer: Answer) -> Report:
    """Read the files of an answer and say what they say."""
    totals: dict[str, Any] = json.loads((folder / "totals.json").read_text("utf-8"))
    intervals: list[dict[str, Any]] = json.loads((folder / "intervals.json").read_text("utf-8"))
    sums = of_file(folder / "by_user_day.parquet")
    parameters = answer.manifest.get("parameters", {})
    figure = drawing.of_stories(answer)
    looks = None
    if figure is not None and answer.looks:
        gap = timedelta(days=int(parameters.get("gap_days", 8)))
        looks = drawing.of_looks(answer.looks, figure.since, figure.until, gap)
    lanes = figure.lanes[: drawing.MOST_LANES] if figure else ()
    inputs, not_used = _inputs(answer.manifest.get("inputs", {}))
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
        more_lanes=_more_lanes(figure, lanes, answer.left_out),
        looks=looks,
        days=drawing.of_days(sums.days, answer.first, answer.last, OTHERS)
        if answer.first is not None and answer.last is not None
        else None,
        by_day=_by_day(sums, answer),
        intervals=_intervals(intervals),
        operators=_operators(sums),
        edges=_edges(answer),
        unknown=_unknown(totals["unknown"]),
        not_counted=_reasons(
            "چرا شمرده نشد", totals["not_counted"], {code.reason: said for code, said in audit_says.NOT_COUNTED.items()}
        ),
        rejected=_reasons("چرا خوانده نشد", totals["rejected"], audit_says.REJECTED),
        checks=_checks(totals, sums, intervals, answer),
        inputs=inputs,
        not_used=not_used,
        parameters=_parameters(parameters),
        files=_files(),
        command=_command(answer.manifest.get("inputs", {}), parameters),
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


def _more_lanes(figure: Figure | None, lanes: Sequence[Lane], left_out: int) -> str:
    more = len(figure.lanes) - len(lanes) if figure else 0
    said = [f"{grouped(more)} سرگذشت دیگر در این شکل نیست"] if more else []
    said += [f"{grouped(left_out)} نشانی دیگر در گزارش‌ها بود که بایت اضافه کمتری داد"] if left_out else []
    return f"{'؛ '.join(said)}. همه بازه‌ها در intervals.json است." if said else ""


def _by_day(sums: Sums, answer: Answer) -> Table | None:
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


def _intervals(intervals: Sequence[Mapping[str, Any]]) -> Table | None:
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


def _operators(sums: Sums) -> Table | None:
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


def _edges(answer: Answer) -> Table | None:
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


def _unknown(reasons: Mapping[str, int]) -> Table | None:
    if not reasons:
        return None
    rows = []
    for reason, many in sorted(reasons.items(), key=lambda item: (-item[1], item[0])):
        why, settles = audit_says.unknown(reason)
        rows.append((_said(why, reason), number(many), words(settles)))
    heads = (("چرا نمی‌دانیم", False), ("دانلود", True), ("با چه دانسته می‌شود", False))
    return Table("نامعلوم‌ها، به سبب", heads, tuple(rows), (words("جمع"), number(sum(reasons.values())), words("")))


def _reasons(head: str, reasons: Mapping[str, int], said: Mapping[str, str]) -> Table | None:
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((_said(said.get(reason), reason), number(many)) for reason, many in ordered)
    return Table(head, ((head, False), ("سطر", True)), rows) if rows else None


def _said(found: str | None, code: str) -> Cell:
    """Print words, or the code itself where nobody gave it any."""
    return words(found) if found else name(code)


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


# ---- What it rests on ----


def _inputs(inputs: Mapping[str, Any]) -> tuple[Table, tuple[str, ...]]:
    rows: list[tuple[Cell, ...]] = []
    not_used: list[str] = []
    more = 0
    for kind in sorted(inputs, key=lambda one: ([*_FILES].index(one) if one in _FILES else len(_FILES), one)):
        given = inputs[kind]
        if isinstance(given, Mapping) and "sha256" not in given:
            not_used += [shown(one) for one in given.get("not_used", [])]
            given = given.get("files") or given.get("snapshots") or []
        files = [given] if isinstance(given, Mapping) else list(given)
        more += max(0, len(files) - MOST_FILES)
        rows += [
            (
                words(_FILES.get(kind, kind)),
                _file(one),
                size(one["size"]) if "size" in one else words(""),
                Cell(shown(one.get("sha256", "")), "hash"),
            )
            for one in files[:MOST_FILES]
        ]
    heads = (("چه", False), ("نام", False), ("اندازه", True), ("اثر انگشت", False))
    said = f"و {grouped(more)} فایل دیگر، همه در manifest.json." if more else ""
    return Table("ورودی‌ها", heads, tuple(rows), (), said), tuple(not_used)


def _file(of: Mapping[str, Any]) -> Cell:
    """Name a file; a list of the database by its day, a table of it as such."""
    if "name" in of:
        return name(of["name"])
    try:
        return words(f"نسخه {jalali.plain_date(datetime.fromisoformat(of['seen_at']), year=True)}")
    except (KeyError, ValueError):
        return words("پایگاه داده")


def _parameters(parameters: Mapping[str, Any]) -> Table:
    rows = []
    for key in sorted(parameters, key=lambda one: ([*_PARAMETERS].index(one) if one in _PARAMETERS else 99, one)):
        value = parameters[key]
        each = [str(one) for one in (value if isinstance(value, list) else [value]) if one is not None]
        cell = name("، ".join(each)) if each else words("همه" if key in ("registrants", "downloads") else "هیچ")
        rows.append((words(_PARAMETERS.get(key, key)), cell))
    return Table("شرط‌های این ممیزی", (("شرط", False), ("مقدار", False)), tuple(rows))


def _files() -> Table:
    rows = (
        ("totals.json", "جمع‌ها"),
        ("intervals.json", "همه بازه‌ها با همه نشانی‌ها"),
        ("by_user_day.parquet", "سهم هر کاربر در هر روز؛ داده شخصی است و در این گزارش نیست"),
        ("rejected.csv", "سطرهایی که خوانده نشد، با شماره"),
        ("manifest.json", "اثر انگشت همه ورودی‌ها و خروجی‌ها، نسخه برنامه و شرط‌ها"),
    )
    heads = (("فایل", False), ("چه در آن است", False))
    return Table("فایل‌های این پاسخ", heads, tuple((codes([file]), words(what)) for file, what in rows))


def _command(inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    said = ["peyman", "audit", "--logs", "'LOGS/*'"]
    registry = inputs.get("registry", {})
    said += ["--registry", "db" if isinstance(registry, Mapping) and "snapshots" in registry else "LISTS/"]
    for kind in sorted(inputs):
        if kind not in ("logs", "registry") and isinstance(inputs[kind], Mapping):
            said += [f"--{kind.replace('_', '-')}", shlex.quote(shown(inputs[kind].get("name", "db")))]
    for key in sorted(parameters):
        if key not in _OPTIONS:
            continue
        value = parameters[key]
        for one in value if isinstance(value, list) else [value]:
            if one is None:
                continue
            typed = (
                str(float(Fraction(str(one)))).removesuffix(".0")
                if "/" in str(one) and key == "sample_percent"
                else str(one)
            )
            said += [_OPTIONS[key], shlex.quote(shown(typed))]
    return " ".join([*said, "--out", "ANSWER/"])
