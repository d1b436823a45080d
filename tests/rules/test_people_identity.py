"""National ids, Sheba numbers and long absence: plain values."""

from datetime import timedelta

import pytest

from peyman.kernel.errors import Invalid
from peyman.people import rules
from tests.make import NOW

DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("case", "typed", "kept"),
    [
        ("as on the card", "0499370899", "0499370899"),
        ("Persian digits", "۰۴۹۹۳۷۰۸۹۹", "0499370899"),
        ("Arabic digits with spaces", "٠٤٩ ٩٣٧٠٨٩ ٩", "0499370899"),
        ("dashes and bidi marks", "\u200e049-937089-9\u200e", "0499370899"),
        ("without the zero before it", "499370899", "0499370899"),
        ("a rest below two", "0790419904", "0790419904"),
    ],
)
@pytest.mark.clause("D40")
def test_a_national_id_is_read_however_it_was_typed(case, typed, kept):
    assert rules.national_id(typed) == kept


@pytest.mark.parametrize(
    ("case", "typed", "says"),
    [
        ("nothing", " ", "کد ملی را بنویسید"),
        ("a letter", "04993708O9", "فقط رقم است"),
        ("too short", "1234567", "کد ملی ۷ رقم است؛ باید ۱۰ رقم باشد"),
        ("too long", "04993708991", "کد ملی ۱۱ رقم است"),
        ("a wrong last digit", "0499370898", "درست نیست"),
        ("two digits swapped", "0499730899", "درست نیست"),
        ("all the same", "1111111111", "درست نیست"),
        ("no such city", "0000000018", "درست نیست"),
    ],
)
@pytest.mark.clause("D40")
def test_what_is_no_national_id_is_refused_with_the_way_out(case, typed, says):
    with pytest.raises(Invalid) as refusal:
        rules.national_id(typed)
    assert says in refusal.value.fields["national_id"]


def test_one_last_digit_in_ten_fits():
    assert [n for n in range(10) if rules.is_national_id(f"049937089{n}")] == [9]


SHEBA = "IR820540102680020817909002"


@pytest.mark.parametrize(
    ("case", "typed"),
    [
        ("whole", SHEBA),
        ("in groups", "IR82 0540 1026 8002 0817 9090 02"),
        ("Persian digits", "IR۸۲۰۵۴۰۱۰۲۶۸۰۰۲۰۸۱۷۹۰۹۰۰۲"),
        ("without IR", "820540102680020817909002"),
        ("lower case with a bidi mark", "\u200eir820540102680020817909002"),
    ],
)
@pytest.mark.clause("D40")
def test_a_sheba_is_read_however_it_was_typed(case, typed):
    assert rules.sheba(typed) == SHEBA


@pytest.mark.parametrize(
    ("case", "typed", "says"),
    [
        ("nothing", "", "شماره شبا را بنویسید"),
        ("another country", "DE89370400440532013000", "تنها شماره شبای بانک‌های ایران"),
        ("a letter inside", "IR8205401026800208179090O2", "فقط رقم است"),
        ("one digit short", SHEBA[:-1], "۲۳ رقم دارد"),
        ("a card number", "6037991234567890", "۱۶ رقم دارد"),
        ("a wrong digit", "IR820540102680020817909003", "درست نیست"),
        ("two digits swapped", "IR820540102680020817900902", "درست نیست"),
    ],
)
@pytest.mark.clause("D40")
def test_what_is_no_sheba_is_refused_with_the_way_out(case, typed, says):
    with pytest.raises(Invalid) as refusal:
        rules.sheba(typed)
    assert says in refusal.value.fields["sheba"]


@pytest.mark.clause("D16")
def test_a_number_is_shown_by_its_last_digits_only():
    assert rules.masked("0499370899") == "••••••0899"
    assert rules.masked(SHEBA) == "••••••9002"
    assert rules.masked("") == ""


@pytest.mark.parametrize(("days", "dormant"), [(0, False), (179, False), (180, True), (900, True)])
@pytest.mark.clause("D15")
def test_a_line_may_be_anothers_after_half_a_year_of_silence(days, dormant):
    assert rules.is_dormant(NOW - days * DAY, NOW) is dormant
    assert rules.is_dormant(None, NOW) is False


@pytest.mark.clause("D15")
def test_an_identity_is_checked_in_a_way_that_has_a_name():
    assert rules.identity_check("in_person") == "in_person"
    for typed in ("", "phone", "on_trust"):
        with pytest.raises(Invalid):
            rules.identity_check(typed)
