"""One cell of a catalogue file: what it says, what is mended, what is refused."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.text import persian_digits
from peyman.shop.catalog.rules import cells
from peyman.shop.catalog.rules.cells import Cell, Told

# ---- Money ----


@pytest.mark.parametrize(
    ("typed", "rials", "warnings"),
    [
        ("38250000", 38_250_000, set()),
        (38_250_000, 38_250_000, set()),
        (38_250_000.0, 38_250_000, set()),
        ("۳۸۲۵۰۰۰۰", 38_250_000, {"digits"}),
        ("١0۲۴٨000۰٠", 1_024_800_000, {"digits"}),
        ("10,500,000", 10_500_000, {"separators"}),
        ("12،490،000", 12_490_000, {"separators"}),
        ("۲۶٬۰۵۰٬۰۰۰", 26_050_000, {"separators", "digits"}),
        ("62.500.000", 62_500_000, {"separators"}),
        ("3'200'000", 3_200_000, {"separators"}),
        ("1_490_000_000", 1_490_000_000, {"separators"}),
        ("۲۴/۱۰۰/۰۰۰", 24_100_000, {"separators", "digits"}),
        ("856 000 000", 856_000_000, {"separators"}),
        ("3\u00a0290\u00a0000", 3_290_000, {"separators"}),
        ("۹۴\u2009۵۰۰\u2009۰۰۰", 94_500_000, {"separators", "digits"}),
        ("  5490000 ", 5_490_000, {"trimmed"}),
        ("710,000,000 ریال", 710_000_000, {"separators", "unit"}),
        ("5490000 IRR", 5_490_000, {"unit"}),
        ("Rials 5490000", 5_490_000, {"unit"}),
        ("5490000﷼", 5_490_000, {"unit"}),
        ("378٬000 تومان", 3_780_000, {"separators", "toman"}),
        ("۲۵۷۴۰۰۰ تومان", 25_740_000, {"digits", "toman"}),
        ("550000 Toman", 5_500_000, {"toman"}),
        ("5490000.0", 5_490_000, {"fraction_zero"}),
        ("5490000.00", 5_490_000, {"fraction_zero"}),
        ("5490000٫0", 5_490_000, {"fraction_zero"}),
        ("12,490,000.00", 12_490_000, {"separators", "fraction_zero"}),
    ],
)
def test_a_price_is_read_however_it_is_written(typed: Cell, rials: int, warnings: set[str]) -> None:
    told, _ = cells.money(typed)
    assert (told.value, set(told.warnings), told.reasons) == (rials, warnings, ())


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "price_missing"),
        (None, "price_missing"),
        ("   ", "price_missing"),
        ("0", "price_not_positive"),
        ("-807800000", "price_not_positive"),
        ("−500000", "price_not_positive"),
        (-10, "price_not_positive"),
        ("421500000.5", "price_fraction"),
        (421_500_000.5, "price_fraction"),
        ("38250005", "price_fraction"),  # no whole toman
        ("6.53E+08", "price_scientific"),
        ("1e6", "price_scientific"),
        ("250.000", "price_separators"),  # 250, or 250 thousand
        ("250٫000", "price_separators"),
        ("1,234.000", "price_separators"),
        ("1234.000", "price_separators"),
        ("1,23,456", "price_separators"),
        ("12345,678", "price_separators"),
        ("1.234,567", "price_separators"),
        ("1,234 567", "price_separators"),
        ("12.490.000,00", "price_separators"),
        ("1/5", "price_separators"),
        ("1/25 میلیون تومان", "price_not_number"),
        ("۵۰۰ هزار تومان", "price_not_number"),
        ("استعلام", "price_not_number"),
        ("تماس بگیرید", "price_not_number"),
        ("100000-200000", "price_not_number"),
        ("تومان", "price_not_number"),
        ("ریال 100000 تومان", "price_not_number"),
        ("100\n000", "price_not_number"),
        ("²00000", "price_not_number"),
        (True, "price_not_number"),
        (float("nan"), "price_not_number"),
        (float("inf"), "price_not_number"),
        (datetime(2025, 1, 1), "price_not_number"),  # noqa: DTZ001 -- spreadsheets know no zones
        ("$120", "price_currency"),
        ("120 USD", "price_currency"),
        ("۱۲۰ دلار", "price_currency"),
        ("€ 99.00", "price_currency"),
        ("1000000000010", "price_out_of_range"),
        ("9" * 400, "price_out_of_range"),
        ("=5+5", "formula"),
        ("+5000000", "formula"),
        ("\x00500000", "control_char"),
        ("500\udcff000", "encoding"),
    ],
)
def test_a_price_that_could_be_read_in_two_ways_or_in_none_is_refused(typed: Cell, reason: str) -> None:
    told, _ = cells.money(typed)
    assert (told.value, told.reasons) == (None, (reason,))


@given(
    rials=st.integers(1, 10**11).map(lambda n: n * 10),
    sign=st.sampled_from([",", "،", "٬", "'", "_", "/", " ", "\u00a0", "\u2009", "\u202f"]),
    unit=st.sampled_from(["", " ریال", " IRR"]),
    persian=st.booleans(),
)
def test_a_price_in_groups_of_three_reads_back_as_it_was(rials: int, sign: str, unit: str, persian: bool) -> None:
    typed = f"{rials:,}".replace(",", sign) + unit
    told, has_unit = cells.money(persian_digits(typed) if persian else typed)
    assert (told.value, has_unit) == (rials, bool(unit))


@given(st.text(max_size=40))
def test_whatever_stands_in_a_price_it_is_read_or_refused_with_one_reason(typed: str) -> None:
    told, _ = cells.money(typed)
    assert (told.value is None) == bool(told.reasons)
    assert told.value is None or (0 < told.value <= cells.MAX_PRICE and told.value % 10 == 0)


# ---- Stock, weight, age ----


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("34", Told(34)),
        (0, Told(0)),
        ("", Told(0, ("stock_missing",))),
        ("ناموجود", Told(0, ("stock_word",))),
        ("نا موجود", Told(0, ("stock_word",))),
        ("۵۴ عدد", Told(54, ("digits", "unit"))),
        ("5.0", Told(5, ("fraction_zero",))),
        ("1,000,000", Told(1_000_000, ("separators",))),
        ("1000001", Told(reasons=("stock_out_of_range",))),
        ("999999999999", Told(reasons=("stock_out_of_range",))),
        ("موجود", Told(reasons=("stock_not_number",))),
        (True, Told(reasons=("stock_not_number",))),
        ("-28", Told(reasons=("stock_negative",))),
        ("3.5", Told(reasons=("stock_not_whole",))),
        ("2/5", Told(reasons=("stock_not_whole",))),
        ("1/000", Told(reasons=("stock_not_whole",))),
        ("1e3", Told(reasons=("stock_not_whole",))),
        (2.5, Told(reasons=("stock_not_whole",))),
    ],
)
def test_stock_is_a_whole_number_of_pieces(typed: Cell, told: Told) -> None:
    assert cells.stock(typed) == told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("298", Told(298)),
        ("", Told(None)),
        (None, Told(None)),
        ("۲۳۲ گرم", Told(232, ("digits", "unit"))),
        ("1.2 کیلوگرم", Told(1200, ("unit",))),
        ("۱٫۲ کیلو", Told(1200, ("digits", "unit"))),
        ("0.25kg", Told(250, ("unit",))),
        ("1,200", Told(1200, ("separators",))),
        ("300.0", Told(300, ("fraction_zero",))),
        ("0", Told(reasons=("weight_not_positive",))),
        ("-3", Told(reasons=("weight_not_positive",))),
        ("سبک", Told(reasons=("weight_not_number",))),
        ("300.5", Told(reasons=("weight_not_number",))),
        ("1/2 کیلو", Told(reasons=("weight_not_number",))),
        ("1,200 kg", Told(reasons=("weight_not_number",))),
        ("20000 kg", Told(reasons=("weight_out_of_range",))),
    ],
)
def test_a_weight_is_in_whole_grams(typed: Cell, told: Told) -> None:
    assert cells.weight(typed) == told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("+18", Told("+18")),
        ("", Told("")),
        ("18+", Told("+18", ("age_form",))),
        ("+۱۲", Told("+12", ("digits",))),
        ("۳+", Told("+3", ("digits", "age_form"))),
        (18, Told("+18", ("age_form",))),  # a spreadsheet took +18 for a number
        ("18", Told(reasons=("age_unknown",))),
        ("+7", Told(reasons=("age_unknown",))),
        ("+18+", Told(reasons=("age_unknown",))),
        ("بزرگسال", Told(reasons=("age_unknown",))),
    ],
)
def test_an_age_mark_is_one_of_five(typed: Cell, told: Told) -> None:
    assert cells.age_mark(typed) == told


# ---- Dates ----


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("2026-07-19", Told(date(2026, 7, 19))),
        (datetime(2026, 7, 19), Told(date(2026, 7, 19))),  # noqa: DTZ001 -- spreadsheets know no zones
        ("", Told(None)),
        ("۲۰۲۶-۰۷-۱۹", Told(date(2026, 7, 19), ("digits",))),
        ("2026/7/19", Told(date(2026, 7, 19), ("date_form",))),
        ("2026-07-19 00:00:00", Told(date(2026, 7, 19), ("date_form",))),
        ("1404/03/16", Told(date(2025, 6, 6), ("jalali",))),
        ("1404-03-16", Told(date(2025, 6, 6), ("jalali",))),
        ("۱۴۰۳/۶/۹", Told(date(2024, 8, 30), ("digits", "jalali"))),
        ("15 مهر 1404", Told(date(2025, 10, 7), ("jalali",))),
        ("۱۱ تیر ۱۴۰۵", Told(date(2026, 7, 2), ("jalali",))),
        ("1403/12/30", Told(date(2025, 3, 20), ("jalali",))),  # a leap year
        ("1404/12/30", Told(reasons=("date_invalid",))),
        ("1404/07/31", Told(reasons=("date_invalid",))),
        ("1404/13/05", Told(reasons=("date_invalid",))),
        ("2027-13-45", Told(reasons=("date_invalid",))),
        ("2025-02-29", Told(reasons=("date_invalid",))),
        ("45931", Told(date(2025, 10, 1), ("excel_date",))),
        (45931, Told(date(2025, 10, 1), ("excel_date",))),
        (45931.0, Told(date(2025, 10, 1), ("excel_date",))),
        (45931.5, Told(reasons=("date_invalid",))),
        ("99999", Told(reasons=("date_out_of_range",))),
        ("1850-01-01", Told(reasons=("date_out_of_range",))),
        ("1500/01/01", Told(reasons=("date_out_of_range",))),
        ("07-08-25", Told(reasons=("date_ambiguous",))),
        ("15/07/04", Told(reasons=("date_ambiguous",))),
        ("15/07/2025", Told(reasons=("date_ambiguous",))),
        ("15 مهر 04", Told(reasons=("date_ambiguous",))),
        ("دیروز", Told(reasons=("date_invalid",))),
        (True, Told(reasons=("date_invalid",))),
    ],
)
def test_a_date_is_iso_jalali_or_the_number_of_a_day(typed: Cell, told: Told) -> None:
    assert cells.day(typed) == told


# ---- Text ----


@pytest.mark.parametrize(
    ("typed", "shown", "warnings"),
    [
        ("ساندبار سونی", "ساندبار سونی", set()),
        ("گوشي موبايل كيف", "گوشی موبایل کیف", {"letters"}),
        ("ﮐﺘﺎﺏ خوب", "کتاب خوب", {"letters"}),
        ("ســـاندبار", "ساندبار", {"kashida"}),
        ("\u202bظرف\u200f نگهدارنده\u202c", "ظرف نگهدارنده", {"control_removed"}),
        ("پنه\u200b  زر", "پنه زر", {"control_removed", "spaces"}),
        ("\u00a0کاپشن\u00a0مردانه\u2003", "کاپشن مردانه", {"spaces", "trimmed"}),
        ("پتو گلبافت دو\nنفره", "پتو گلبافت دو نفره", {"newline"}),
        ("مدل \r\n Anti\r\n", "مدل Anti", {"newline", "trimmed"}),
        ("نقره\u200cای", "نقره\u200cای", set()),
        ("قهوه\u200c ای", "قهوه ای", {"half_space"}),
        ("می\u200c\u200cرود", "می\u200cرود", {"half_space"}),
    ],
)
def test_text_is_mended_and_every_mending_is_told(typed: str, shown: str, warnings: set[str]) -> None:
    told = cells.clean(typed)
    assert (told.value, set(told.warnings)) == (shown, warnings)


@given(st.text(max_size=60))
def test_clean_text_is_left_alone(typed: str) -> None:
    once = cells.clean(typed)
    if not once.reasons and not once.value.startswith("'"):
        assert cells.clean(once.value) == Told(once.value)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "title_missing"),
        ("\u200f \u200b", "title_missing"),
        ("1984", "title_not_persian"),
        ("ش" * 251, "title_too_long"),
        ("@دمنده", "formula"),
        ("+انبر قفلی", "formula"),
        ("=cmd|'/c calc'!A1 برنج", "formula"),
        ("'=cmd|'/c calc'!A1 برنج", "formula"),
        ("\u200f=برنج", "formula"),
        ("<script>alert(1)</script>گوشی", "markup"),
        ("کفش<img src=x onerror=alert(1)>", "markup"),
        ("کفش &lt;b&gt;", "markup"),
        ("کفش &#60;b", "markup"),
        ("کفش\x07", "control_char"),
        ("کفش\x00", "control_char"),
        ("کفش\x85", "newline"),
        ("کفش\udcd9", "encoding"),
    ],
)
def test_a_title_nobody_can_show_is_refused(typed: str, reason: str) -> None:
    told = cells.title(typed)
    assert told.reasons == (reason,) if reason != "newline" else told.value == "کفش"


def test_a_title_in_latin_letters_is_taken_with_a_warning() -> None:
    assert cells.title("Independent Graphics") == Told("Independent Graphics", ("title_not_persian",))


def test_a_comparison_is_no_markup() -> None:
    assert cells.title("کابل < 2 متر & سیم") == Told("کابل < 2 متر & سیم")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("D10008-01", Told("D10008-01")),
        (" D۱۰۰۰۸-۰۱ ", Told("D10008-01", ("digits", "trimmed"))),
        ("d10174-01", Told("D10174-01", ("case",))),
        (10174, Told("10174")),
        ("", Told(reasons=("sku_missing",))),
        ("D", Told(reasons=("sku_invalid",))),
        ("D" * 41, Told(reasons=("sku_invalid",))),
        ("../../etc", Told(reasons=("sku_invalid",))),
        ("D1;DROP", Told(reasons=("sku_invalid",))),
        ("کد کالا؟", Told(reasons=("sku_invalid",))),
        ("D1\u200c2", Told(reasons=("sku_invalid",))),
    ],
)
def test_a_code_has_forty_plain_characters_at_most(typed: Cell, told: Told) -> None:
    assert cells.sku(typed) == told


@pytest.mark.parametrize(
    "typed", ["../../etc/passwd", "http://a/b.png", "kettle/red/x", "c:\\x", "/kettle", "kettle red", "x" * 121]
)
def test_a_hint_at_a_picture_is_no_path_and_no_address(typed: str) -> None:
    assert cells.image_hint(typed).reasons == ("image_hint_invalid",)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ('{"رنگ":"مشکی"}', Told({"رنگ": "مشکی"})),
        ("{}", Told({})),
        ("", Told({}, ("attributes_missing",))),
        ('{"وزن": 5}', Told({"وزن": "5"})),
        ('{"رنگ":"مشكي"}', Told({"رنگ": "مشکی"}, ("letters",))),
        ("رنگ: مشکی", Told(reasons=("attributes_invalid",))),
        ("{'رنگ':'مشکی'}", Told(reasons=("attributes_invalid",))),
        ('{"رنگ":"مشکی"', Told(reasons=("attributes_invalid",))),
        ('["رنگ"]', Told(reasons=("attributes_invalid",))),
        ('{"رنگ":{"a":"b"}}', Told(reasons=("attributes_invalid",))),
        ('{"رنگ":null}', Told(reasons=("attributes_invalid",))),
        ('{"رنگ":true}', Told(reasons=("attributes_invalid",))),
        ('{"رنگ":NaN}', Told(reasons=("attributes_invalid",))),
        ('{"a":"1","a":"2"}', Told(reasons=("attributes_invalid",))),
        ('{"a":"\\ud800"}', Told(reasons=("attributes_invalid",))),
        ('{"a":"\\u0000"}', Told(reasons=("control_char",))),
        ('{"a":"<b>x"}', Told(reasons=("markup",))),
        ('{"a":"=1"}', Told(reasons=("formula",))),
        ("[" * 15_000, Told(reasons=("attributes_invalid",))),
        ('{"a":1' + "0" * 5000 + "}", Told(reasons=("attributes_invalid",))),
    ],
)
def test_attributes_are_one_flat_object(typed: str, told: Told) -> None:
    assert cells.attributes(typed) == told


# ---- Spreadsheets that run what they open ----


@pytest.mark.parametrize("cell", ["=1+1", "+98", "-5", "@x", "'=1", "''x"])
def test_what_leaves_begins_with_nothing_that_a_spreadsheet_runs(cell: str) -> None:
    assert cells.guarded(cell)[0] == "'"


@given(st.text(alphabet="'=+-@ab", max_size=6))
def test_a_guarded_cell_comes_back_as_it_was(cell: str) -> None:
    assert cells.unguarded(cells.guarded(cell)) == cell
