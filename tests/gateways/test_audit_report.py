"""The report of an audit, on the page and on paper: what it says, what it never says, and that it asks nobody."""

import json
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from hashlib import sha256
from html import unescape
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from peyman.gateways.audit import money, report
from peyman.gateways.audit.judging import Part
from peyman.gateways.audit.report import page, paper
from peyman.gateways.audit.report.telling import Report, tell
from peyman.gateways.audit.report.values import amount, folded, shown, volume
from peyman.kernel.prefixes import network
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.tariff.rules import audit_says
from peyman.market.tariff.rules.audit import ALWAYS, Code, Register, Span, Terms, by_network, micros
from peyman.market.tariff.rules.audit_joins import DeclaredEdge, Edges
from peyman.market.tariff.rules.history import Listed, seen

NEW, OLD = "185.143.232.10", "185.112.32.70"
FIRST, DUE = date(2023, 5, 10), date(2023, 5, 22)
LOOKS = ["2023-05-05", "2023-05-12", "2023-05-19", "2023-05-26"]
TOTALS: dict[str, Any] = {
    "lines": 10,
    "counted": 7,
    "not_counted": {"method": 1, "fill": 1, "duplicate": 1},
    "fine": 2,
    "overcharged": 3,
    "not_promised": 1,
    "unknown": {"crosses_change": 1},
    "bytes_overcharged": 3_000_003,
    "bytes_without_tariff": 1_000_001,
    "rials_low": 54,
    "rials_high": 101,
    "rejected": {"negative_bytes": 1},
}
USERS = [("anonymous", "tci", 1, 1_000_001, None, None), ("sara", "mci", 2, 2_000_002, 54, 101)]
INTERVALS = [
    {
        "edges": [NEW],
        "operator": "mci",
        "from": "2023-05-09T20:30:00.000Z",
        "to": "2023-05-21T20:30:00.000Z",
        "lines": 2,
        "bytes": 2_000_002,
        "rials_low": 54,
        "rials_high": 101,
        "cause": "unregistered",
    },
    {
        "edges": [NEW],
        "operator": "tci",
        "from": "2023-05-09T20:30:00.000Z",
        "to": "2023-05-21T20:30:00.000Z",
        "lines": 1,
        "bytes": 1_000_001,
        "rials_low": None,
        "rials_high": None,
        "cause": "unregistered",
    },
]
MANIFEST: dict[str, Any] = {
    "inputs": {
        "edges": {"name": "edges.csv", "size": 90, "sha256": "e" * 64},
        "logs": [{"name": "log.csv", "size": 1234, "sha256": "a" * 64}],
        "registry": {
            "files": [{"name": f"{day}.csv", "size": 300, "sha256": "b" * 64} for day in LOOKS],
            "not_used": ["2023-05-15.csv"],
        },
    },
    "code": {"version": "0.1.0", "sha256": "c" * 64},
    "parameters": {"log_format": "canonical", "registrants": ["market.ir"], "gap_days": 8, "sample_percent": "100"},
}


def answer_in(
    folder: Path,
    *,
    totals: dict[str, Any] | None = None,
    users: list[tuple[Any, ...]] | None = None,
    intervals: list[dict[str, Any]] | None = None,
    manifest: dict[str, Any] | None = None,
    looks: list[str] | None = None,
    cdn: str = "arvan",
) -> report.Answer:
    """An answer in `folder`: NEW served from FIRST on and was registered as of DUE, OLD always was."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "totals.json").write_text(json.dumps(TOTALS | (totals or {})))
    (folder / "intervals.json").write_text(json.dumps(INTERVALS if intervals is None else intervals))
    rows = [
        (user, operator, date(2023, 5, 13), lines, sent, low, high)
        for user, operator, lines, sent, low, high in (USERS if users is None else users)
    ]
    table = pa.table([*zip(*rows, strict=True)] or [[]] * 7, schema=money.BY_USER_DAY)
    pq.write_table(table, folder / "by_user_day.parquet")
    days = [date.fromisoformat(day) for day in looks or LOOKS]
    snapshots = [seen(str(day), day_start(day), True) for day in days]
    listed = [
        Listed(1, "185.112.32.64/26", "market.ir", date(2021, 3, 1), date(2021, 3, 15), 0, None),
        Listed(2, f"{NEW}/32", "market.ir", date(2023, 5, 7), DUE, 1, None),
    ]
    edges = Edges(
        [
            DeclaredEdge("own", network("185.112.32.64/26")[0], micros(day_start(date(2021, 1, 1))), ALWAYS, "x"),
            DeclaredEdge(cdn, network(f"{NEW}/32")[0], micros(day_start(FIRST)), ALWAYS, "x"),
        ]
    )
    span = Span(micros(day_start(date(2023, 5, 5))), micros(day_start(DUE)), Code.OVERCHARGED, "unregistered")
    return report.gather(
        manifest=MANIFEST | (manifest or {}),
        days=(date(2023, 5, 13), date(2023, 5, 22)),
        register=Register(snapshots, by_network(listed), ["market.ir"]),
        terms=Terms(),
        edges=edges,
        addresses=[ip_address(NEW), ip_address(OLD)],
        sums=pa.table({"part": [0, 0], "n": [2, 1], "bytes": [2_000_002, 1_000_001]}),
        parts=[Part(ip_address(NEW), span)],
    )


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Report]:
    return lambda **given: tell(tmp_path / "out", answer_in(tmp_path / "out", **given))


def words(text: str) -> str:
    """What a reader of the page reads."""
    body = re.sub(r"<(style|svg)\b.*?</\1>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", body)))


# ---- What it says ----


@pytest.mark.clause("B08", "B09")
@pytest.mark.parametrize(
    ("changes", "answer", "unsure"),
    [
        (
            {},
            "۳ دانلود نیم‌بها اعلام و تمام‌بها حساب شد: ۳ مگابایت، دست‌کم ۵۴ و حداکثر ۱۰۱ ریال اضافه؛ "
            "بهای ۱ مگابایت از آن را نمی‌دانیم.",
            "درباره ۱ دانلود، ٪۱۴٫۲ دانلودهای شمرده، نمی‌دانیم. آن‌ها در هیچ مبلغی نیستند؛ حدس نمی‌زنیم.",
        ),
        (
            {"rials_low": 70, "rials_high": 70, "bytes_without_tariff": 0, "unknown": {}},
            "۳ دانلود نیم‌بها اعلام و تمام‌بها حساب شد: ۳ مگابایت، ۷۰ ریال اضافه.",
            "",
        ),
        (
            {"rials_low": None, "rials_high": None},
            "۳ دانلود نیم‌بها اعلام و تمام‌بها حساب شد: ۳ مگابایت. بهای اضافه آن را نمی‌دانیم.",
            "درباره ۱ دانلود، ٪۱۴٫۲ دانلودهای شمرده، نمی‌دانیم. آن‌ها در هیچ مبلغی نیستند؛ حدس نمی‌زنیم.",
        ),
        (
            {"overcharged": 0, "unknown": {}},
            "هیچ دانلودی نیافتیم که نیم‌بها اعلام و تمام‌بها حساب شده باشد.",
            "",
        ),
    ],
)
def test_the_answer_is_one_sentence_and_what_is_not_known_another(
    told: Callable[..., Report], changes: dict[str, Any], answer: str, unsure: str
) -> None:
    found = told(totals=changes)
    assert (found.answer, found.unsure) == (answer, unsure)


@pytest.mark.clause("B08")
def test_both_bounds_stand_at_the_top_and_a_bound_that_is_not_known_says_so(told: Callable[..., Report]) -> None:
    assert [(tile.value, tile.words) for tile in told().tiles] == [
        ("۱۰۱", "حداکثر ریال اضافه"),
        ("۵۴", "دست‌کم ریال اضافه"),
        ("۳ مگابایت", "در ۳ دانلود"),
        ("۱", "دانلود نامعلوم"),
    ]
    assert told(totals={"rials_low": None, "rials_high": None}).tiles[0].value == "نامعلوم"


@pytest.mark.clause("B09")
def test_every_reason_of_not_knowing_says_what_would_settle_it(told: Callable[..., Report]) -> None:
    assert audit_says.unsaid() == []
    found = told(totals={"unknown": {"crosses_change": 1, "before_history": 20, "a_new_one": 3}}).unknown
    assert found is not None
    assert [[cell.text for cell in row] for row in found.rows] == [
        [
            "پیش از نخستین نسخه ما از فهرست ملی است. ردیف‌های آن روز شاید برداشته یا بازنویسی شده باشند.",
            "۲۰",
            "نسخه‌ای کهنه‌تر از فهرست، از اپراتور یا سازمان تنظیم مقررات.",
        ],
        ["a_new_one", "۳", ""],
        ["بها در میانه دانلود عوض شد، یا نزدیک‌تر از خطای ساعت گزارش.", "۱", "گزارشی که پیشرفت دانلود را بنویسد."],
    ]


@pytest.mark.clause("B10")
def test_an_interval_tells_addresses_operator_days_in_tehran_and_cause(told: Callable[..., Report]) -> None:
    many = [f"185.143.232.{n}" for n in (*range(8, 16), 20, 30)]
    found = told(intervals=[INTERVALS[1] | {"edges": many, "bytes": 3_000_003, "operator": "unknown"}]).intervals
    assert found is not None
    addresses, operator, since, until, cause, lines, size, low, high = found.rows[0]
    assert addresses.parts == ("185.143.232.8/29", "185.143.232.20", "185.143.232.30")
    assert (addresses.note, operator.text) == ("۱۰ نشانی", "اپراتور ناشناخته")
    assert (since.text, since.note) == ("۲۰ اردیبهشت ۱۴۰۲", "ساعت ۰:۰۰")
    assert (until.text, until.note) == ("۱ خرداد ۱۴۰۲", "ساعت ۰:۰۰")
    assert (cause.text, lines.text, size.text) == ("نشانی در فهرست ملی نبود", "۱", "۳ مگابایت")
    assert (low.text, high.text) == ("نامعلوم", "نامعلوم")


@pytest.mark.clause("B10")
def test_the_timeline_draws_when_an_address_served_and_how_the_list_stood(told: Callable[..., Report]) -> None:
    found = told()
    assert found.looks is not None
    lanes = {lane.first: lane for lane in found.lanes}
    assert [bar.kind for bar in lanes[NEW].bars] == ["not_due", "pending", "registered", "serves"]
    assert [(words, tehran_day(begins), tehran_day(ends)) for row, begins, ends, words in lanes[NEW].table][-4:-1] == [
        ("نبود یا پیش از موعد؛ هر دو تمام‌بهاست", date(2023, 5, 6), date(2023, 5, 12)),
        ("ثبت، پیش از موعد", date(2023, 5, 12), DUE),
        ("ثبت و موعد رسیده", DUE, date(2023, 5, 24)),
    ]
    assert "موعد ۱ خرداد ۱۴۰۲" in lanes[NEW].sentence
    assert {bar.kind for bar in lanes[OLD].bars} == {"before_history", "registered", "serves"}


def test_what_nobody_looked_at_is_drawn_as_a_gap(told: Callable[..., Report]) -> None:
    found = told(looks=["2023-05-05", "2023-05-12", "2023-05-26"]).looks
    assert found is not None
    assert [(gap.begins, gap.ends, gap.label) for gap in found.gaps] == [
        (date(2023, 5, 12), date(2023, 5, 26), "۱۴ روز بی نسخه")
    ]
    assert found.said.endswith("؛ ۱ بار بیش از ۸ روز میان دو نسخه فاصله بود.")


@pytest.mark.clause("B08")
def test_the_sums_are_shown_to_come_out(told: Callable[..., Report]) -> None:
    found = told()
    assert all(check.holds for check in found.checks)
    assert [(check.what, check.sum) for check in found.checks] == [
        ("سطرهای گزارش", "۱۰ = ۷ شمرده + ۳ نشمرده"),
        ("دانلودهای شمرده", "۷ = ۲ درست + ۳ اضافه + ۱ چیزی اعلام نشده + ۱ نامعلوم"),
        ("دانلودهای اضافه", "۳ = ۳ جمع کاربران"),
        ("بایت‌های اضافه", "۳٬۰۰۰٬۰۰۳ = ۳٬۰۰۰٬۰۰۳ جمع کاربران"),
        ("بایت‌های اضافه", "۳٬۰۰۰٬۰۰۳ = ۳٬۰۰۰٬۰۰۳ جمع بازه‌ها"),
        ("بایت‌های اضافه", "۳٬۰۰۰٬۰۰۳ = ۳٬۰۰۰٬۰۰۳ جمع نشانی‌ها"),
        ("حداکثر ریال", "۱۰۱ = ۱۰۱ جمع کاربران"),
        ("دست‌کم ریال", "۵۴ = ۵۴ جمع کاربران"),
    ]


@pytest.mark.clause("B08")
def test_sums_that_do_not_come_out_are_said_at_the_top(told: Callable[..., Report]) -> None:
    found = told(totals={"lines": 11})
    assert [check.what for check in found.checks if not check.holds] == ["سطرهای گزارش"]
    read = words(page.render(found))
    assert read.index("جمع‌های این پاسخ با هم نمی‌خوانند.") < read.index("چه پرسیدیم")
    assert "۱۱ = ۷ شمرده + ۳ نشمرده نمی‌خواند" in read


def test_inputs_parameters_and_the_way_to_repeat_it_are_there(told: Callable[..., Report]) -> None:
    found = told()
    assert [(row[0].text, row[1].text, row[3].text[:3]) for row in found.inputs.rows][:2] == [
        ("گزارش دانلود", "log.csv", "aaa"),
        ("فهرست ملی", "2023-05-05.csv", "bbb"),
    ]
    assert found.not_used == ("2023-05-15.csv",)
    assert found.command == (
        "peyman audit --logs 'LOGS/*' --registry LISTS/ --edges edges.csv --gap-days 8 --log-format canonical "
        "--registrant market.ir --sample-rate 100 --out ANSWER/"
    )
    assert found.code == ("0.1.0", "c" * 64)


def test_a_log_of_months_is_told_by_months_and_one_of_days_by_days(told: Callable[..., Report]) -> None:
    found = told()
    assert found.days is not None and found.by_day is not None
    assert (found.days.step, found.by_day.rows[0][0].text) == ("روز", "۲۳ اردیبهشت ۱۴۰۲")
    assert [(row.operator, row.total) for row in found.days.rows] == [("mci", "۲ مگابایت"), ("tci", "۱ مگابایت")]
    assert found.days.rows[0].said == "mci: ۲ مگابایت در ۱ روز؛ بیشترین ۲ مگابایت در ۲۳ اردیبهشت ۱۴۰۲."


def test_an_empty_log_has_a_report_too(tmp_path: Path) -> None:
    nothing = dict.fromkeys(TOTALS, 0) | {"not_counted": {}, "unknown": {}, "rejected": {}}
    told = answer_in(tmp_path, totals=nothing | {"rials_low": None, "rials_high": None}, users=[], intervals=[])
    empty = report.Answer(told.manifest, None, None, told.looks, (), 0)
    report.write(tmp_path, empty)
    read = words((tmp_path / "report.html").read_text())
    assert "هیچ دانلودی نیافتیم که نیم‌بها اعلام و تمام‌بها حساب شده باشد." in read
    assert "در گزارش‌ها هیچ سطر خواندنی نبود." in read
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


# ---- What it never says or does ----


@pytest.mark.clause("B08")
def test_the_report_holds_nothing_of_any_user(tmp_path: Path) -> None:
    users = [("09121234567-maryam", "mci", 2, 2_000_002, 54, 101), ("anonymous", "tci", 1, 1_000_001, None, None)]
    report.write(tmp_path, answer_in(tmp_path, users=users))
    assert "maryam" not in (tmp_path / "report.html").read_text()
    assert not any(b"maryam" in part for part in streams((tmp_path / "report.pdf").read_bytes()))
    assert "از آن ۱ کاربر شناخته است و ۱ مگابایت بی‌نام" in words((tmp_path / "report.html").read_text())


def test_the_page_asks_nobody_for_anything(told: Callable[..., Report]) -> None:
    text = page.render(told())
    assert not re.findall(r"<(?:script|link|iframe|object|embed|form|base)\b", text)
    assert not re.findall(r"""(?:src|srcset|action|poster|background)\s*=|@import|\bon[a-z]+\s*=""", text)
    assert {url[:5] for url in re.findall(r"url\([\"']?([^)]*)", text)} == {"data:", "#h-be", "#h-no"}
    assert {link[:1] for link in re.findall(r'href="([^"]*)', text)} == {"#"}
    assert not re.findall(r"https?://", text)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    hashed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{hashed}'; font-src data:; base-uri 'none'" in text
    assert 'style="' not in text
    assert len(text.encode()) < 400_000


HOSTILE = "<script>alert(1)</script>\u202e\"><img src=x onerror=1>\x00'"


def test_what_others_wrote_is_escaped_and_turns_no_word_around_it(tmp_path: Path) -> None:
    users = [("u", HOSTILE, 3, 3_000_003, 54, 101)]
    manifest = {"inputs": {"logs": [{"name": f"{HOSTILE}.csv", "size": 1, "sha256": HOSTILE}]}}
    intervals = [INTERVALS[0] | {"operator": HOSTILE, "cause": HOSTILE, "bytes": 3_000_003}]
    report.write(tmp_path, answer_in(tmp_path, users=users, intervals=intervals, manifest=manifest, cdn=HOSTILE))
    text = (tmp_path / "report.html").read_text()
    assert "<script>" not in text and "<img" not in text and "\u202e" not in text and "\x00" not in text
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;[U+202E]&quot;&gt;&lt;img src=x onerror=1&gt;[U+0000]&#x27;"
    assert f"<bdi>{escaped}</bdi>" in text
    assert f"<bdi>{escaped}.csv</bdi>" in text
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-1.7")


def test_letters_that_the_paper_does_not_hold_are_named(tmp_path: Path) -> None:
    users = [("u", "操作 😀 #let x = 1", 3, 3_000_003, 54, 101)]
    report.write(tmp_path, answer_in(tmp_path, users=users, intervals=[INTERVALS[0] | {"bytes": 3_000_003}]))
    assert "操作 😀 #let x = 1" in (tmp_path / "report.html").read_text()
    assert paper._printable("操作 😀 #let") == "[U+64CD][U+4F5C] [U+1F600] #let"
    assert (tmp_path / "report.pdf").is_file()


# ---- The same bytes, and many of them ----


def streams(pdf: bytes) -> list[bytes]:
    found = []
    for raw in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            found.append(zlib.decompress(raw))
        except zlib.error:
            found.append(raw)
    return found


@pytest.mark.clause("B08")
def test_the_same_answer_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        report.write(tmp_path / name, answer_in(tmp_path / name))
    for name in report.OUTPUTS:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_paper_is_archival_and_carries_the_figures_for_machines(tmp_path: Path) -> None:
    report.write(tmp_path, answer_in(tmp_path))
    pdf = (tmp_path / "report.pdf").read_bytes()
    assert b"<pdfaid:part>3</pdfaid:part>" in pdf and b"<pdfaid:conformance>B</pdfaid:conformance>" in pdf
    held = streams(pdf)
    for name in ("totals.json", "intervals.json"):
        assert (tmp_path / name).read_bytes() in held
        assert name.encode() in pdf


def test_twenty_thousand_intervals_still_make_a_report_that_is_read(told: Callable[..., Report]) -> None:
    many = [
        INTERVALS[0] | {"edges": [f"10.{n >> 8}.{n & 255}.{k}" for k in range(1, 9, 2)], "bytes": n, "lines": 1}
        for n in range(20_000)
    ]
    found = told(intervals=many)
    assert found.intervals is not None
    assert len(found.intervals.rows) == 60
    assert found.intervals.more == "و ۱۹٬۹۴۰ بازه دیگر، همه در intervals.json."
    assert found.intervals.rows[0][0].parts[0] == "10.78.31.1", "the largest first"
    assert len(page.render(found).encode()) < 400_000


def test_five_thousand_addresses_with_a_story_each_are_drawn_as_far_as_they_are_read(tmp_path: Path) -> None:
    told = answer_in(tmp_path)
    one = told.stories[0]
    begins = day_start(FIRST)
    many = tuple(
        replace(
            one,
            address=ip_address(f"10.{n >> 8}.{n & 255}.1"),
            serves=((begins + timedelta(minutes=n), one.serves[0][1]),),
        )
        for n in range(5_000)
    )
    found = tell(tmp_path, replace(told, stories=many, left_out=17))
    assert (len(found.lanes), found.lanes[0].count) == (12, 1)
    assert found.more_lanes == (
        "۴٬۹۸۸ سرگذشت دیگر در این شکل نیست؛ ۱۷ نشانی دیگر در گزارش‌ها بود که بایت اضافه کمتری داد. "
        "همه بازه‌ها در intervals.json است."
    )


# ---- How things are written ----


@pytest.mark.parametrize(
    ("n", "written"),
    [
        (0, "۰ بایت"),
        (999, "۹۹۹ بایت"),
        (1_000, "۱ کیلوبایت"),
        (1_449_999, "۱٫۴ مگابایت"),
        (1_450_000, "۱٫۵ مگابایت"),
        (3_200_000_000, "۳٫۲ گیگابایت"),
        (12_345 * 10**12, "۱۲٬۳۴۵ ترابایت"),
    ],
)
def test_volumes_are_read_in_the_unit_that_fits(n: int, written: str) -> None:
    assert volume(n) == written


def test_amounts_and_names_and_ranges() -> None:
    assert amount(54, 101) == "دست‌کم ۵۴ و حداکثر ۱۰۱ ریال"
    assert amount(54, 54) == "۵۴ ریال"
    assert amount(None, None) == "نامعلوم"
    assert shown("a\u2066b\nc") == "a[U+2066]b[U+000A]c"
    assert shown("x" * 200) == "x" * 120 + "…"
    at = [ip_address(text) for text in ("10.0.0.1", "10.0.0.0", "10.0.0.5", "10.0.0.6", "10.0.0.7", "2001:db8::1")]
    assert folded(at) == [("10.0.0.0/31", 2), ("10.0.0.5-10.0.0.7", 3), ("2001:db8::1", 1)]


def test_the_story_reaches_back_to_the_beginning_of_serving_but_not_for_ever(tmp_path: Path) -> None:
    told = answer_in(tmp_path)
    registry = told.stories[0].registry
    log = timedelta(days=10)
    assert registry[0].starts_at == day_start(date(2023, 5, 13)) - 5 * log - timedelta(days=1)
    assert registry[-1].ends_at == day_start(date(2023, 5, 23)) + timedelta(days=1)
