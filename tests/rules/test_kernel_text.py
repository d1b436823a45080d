"""Persian text, digits and the forms that search compares."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import text

ZWNJ = "\u200c"


@pytest.mark.parametrize(
    ("case", "typed", "kept"),
    [
        ("Arabic yeh and kaf", "كتابي", "کتابی"),
        ("alef maksura", "موسى", "موسی"),
        ("presentation forms", "\ufedb\ufe98\ufe8e\ufe8f", "کتاب"),
        ("a ligature", "\ufefb", "لا"),
        ("the rial sign", "\ufdfc", "ریال"),
        ("a mark that stands alone keeps the word whole", "حت\ufe70ما", "حت\u064bما"),
        ("kashida", "کتـــاب", "کتاب"),
        ("direction marks", "\u200fکتاب\u200e \u202bABC\u202c \u2067۱\u2069", "کتاب ABC ۱"),
        ("zero-width space, BOM, soft hyphen", "\ufeffکتا\u200bب\u00ad", "کتاب"),
        ("the half-space stays", f"می{ZWNJ}دهیم", f"می{ZWNJ}دهیم"),
        ("half-spaces one after another", f"می{ZWNJ}{ZWNJ}{ZWNJ}دهیم", f"می{ZWNJ}دهیم"),
        ("half-spaces at the edges of words", f"{ZWNJ}می{ZWNJ} {ZWNJ}دهیم{ZWNJ}", "می دهیم"),
        ("spaces of every kind", "  یک\u00a0\u2009دو\t\r\n سه\u3000", "یک دو سه"),
        ("NFC", "ا\u0653ب", "آب"),
        ("NFC across a kashida", "اـ\u0653ب", "آب"),
        ("Arabic yeh with hamza", "ي\u0654", "ئ"),
        ("digits as typed", "۱۲٣4", "۱۲٣4"),
        ("nothing", "", ""),
        ("only noise", f" \u200f{ZWNJ}\n", ""),
        ("Latin is left alone", "Wi-Fi 6E", "Wi-Fi 6E"),
    ],
)
def test_text_has_one_spelling(case, typed, kept):
    assert text.normalise(typed) == kept


def test_digits_become_latin_on_request():
    assert text.normalise(" ۱۲٣\u200f4 ", digits=True) == "1234"


@given(st.text(st.sampled_from(f"ابيىكهـ \n\u0653\u0654{ZWNJ}\u200b\u200f۱4aﻻﷲ\ufe70") | st.characters(), max_size=30))
def test_normalising_twice_changes_nothing(typed):
    once = text.normalise(typed)
    assert text.normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)


def test_control_characters_are_found_and_white_space_is_none():
    assert text.has_controls("a\x00b")
    assert text.has_controls("\x1b[31m")
    assert text.has_controls("\x7f")
    assert not text.has_controls("یک\tدو\r\nسه\u200c")


@pytest.mark.parametrize(
    ("typed", "latin"),
    [("۰۱۲۳۴۵۶۷۸۹", "0123456789"), ("٠١٢٣٤٥٦٧٨٩", "0123456789"), ("१२", "12"), ("１２", "12"), ("۹a½", "9a½")],
)
def test_digits_of_every_script_are_read(typed, latin):
    assert text.latin_digits(typed) == latin


def test_digits_are_shown_in_persian():
    assert text.persian_digits(1405) == "۱۴۰۵"
    assert text.persian_digits("٣ از 10") == "۳ از ۱۰"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (2, 2), (0, 0), (-1, -1), ("2", 2), ("٢", 2), ("۱۲", 12), (" ۷ ", 7), ("\u200f۷\u200e", 7), ("-1", -1),
        ("007", 7), (10**9, 10**9), ("1000000000", 10**9), (2**63 - 1, 2**63 - 1), ("-۳", -3),
    ],
)  # fmt: skip
def test_whole_numbers_are_read_in_any_digits(value, number):
    assert text.whole_number(value) == number


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 1.0, 1.5, "1.5", "۱٫۵", "1e3", "", " ", "-", "+1", "1,000", "۱٬۰۰۰", "1_000", "1 000",
        "0x10", "یک", "½", "²", "NaN", "null", "true", [], {}, [2], 2**63, -(2**63), 10**30, "9" * 19,
        "9" * 5000, pytest.param(10**5000, id="huge"),
    ],
)  # fmt: skip
def test_what_is_no_whole_number_is_refused(value):
    with pytest.raises(ValueError):
        text.whole_number(value)


@pytest.mark.parametrize(
    ("written", "words", "joined"),
    [
        (f"کتاب{ZWNJ}خوان", "کتاب خوان", "کتابخوان"),
        ("کتاب خوان", "کتاب خوان", "کتابخوان"),
        ("كتابخوان", "کتابخوان", "کتابخوان"),
        ("هِدفون  بي‌سيم، مدل MX-۵۰۰", "هدفون بی سیم مدل mx 500", "هدفونبیسیممدلmx500"),
        ("آیفون", "ایفون", "ایفون"),
        ("أثر إيران ٱ", "اثر ایران ا", "اثرایرانا"),
        ("خانۀ ما، خانة ما", "خانه ما خانه ما", "خانهماخانهما"),
        ("مسئول مؤثر جزء", "مسیول موثر جز", "مسیولموثرجز"),
        ("Café_CRÈME", "cafe creme", "cafecreme"),
        ("ﻛﺘﺎﺏ", "کتاب", "کتاب"),
        ("کتـــاب\u200f", "کتاب", "کتاب"),
        ("٪ ؟!", "", ""),
    ],
)
def test_search_finds_what_people_mean(written, words, joined):
    assert text.search_words(written) == words
    assert text.search_joined(written) == joined


@given(st.text(max_size=40))
def test_the_form_for_search_is_its_own(typed):
    words = text.search_words(typed)
    assert text.search_words(words) == words
    assert text.search_joined(words) == text.search_joined(typed)
    assert text.search_words(text.normalise(typed)) == words


def test_a_list_stands_as_in_a_dictionary() -> None:
    words = ["واژه", "کتری", "گلدان", "پرده", "آینه", "باغ", "ژاله", "Zebra", "یخچال", "همه", "چای"]
    assert sorted(words, key=text.alphabetical) == [
        "Zebra", "آینه", "باغ", "پرده", "چای", "ژاله", "کتری", "گلدان", "واژه", "همه", "یخچال",
    ]  # fmt: skip
