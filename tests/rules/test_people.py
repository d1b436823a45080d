"""Mobile numbers, names, addresses, log-in codes: as people type them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.errors import Invalid
from peyman.people import rules

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "typed",
    [
        "09121234567",
        "9121234567",
        "+989121234567",
        "00989121234567",
        "989121234567",
        "0912 123 4567",
        "0912-123-4567",
        "(0912) 123.4567",
        "+98 (0)912 123 4567",
        "۰۹۱۲۱۲۳۴۵۶۷",
        "٠٩١٢١٢٣٤٥٦٧",
        "\u202a+98 912 123 4567\u202c",
        "\u200e۰۹۱۲\u200c۱۲۳\u00a0۴۵۶۷ ",
        "०९१२१२३४५६७",
    ],
)
def test_a_mobile_number_is_understood_however_it_is_typed(typed):
    assert rules.mobile_number(typed) == "+989121234567"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "شماره موبایل را بنویسید؛ مانند ۰۹۱۲۱۲۳۴۵۶۷."),
        ("   ", "شماره موبایل را بنویسید؛ مانند ۰۹۱۲۱۲۳۴۵۶۷."),
        ("091212345", "شماره موبایل ۹ رقم است؛ باید ۱۱ رقم باشد و با ۰۹ آغاز شود."),
        ("091212345678", "شماره موبایل ۱۲ رقم است؛ باید ۱۱ رقم باشد و با ۰۹ آغاز شود."),
        ("02188887777", "این شماره موبایل ایران نیست؛ شماره‌ای ۱۱ رقمی بنویسید که با ۰۹ آغاز شود."),
        ("09551234567", "این شماره موبایل ایران نیست؛ شماره‌ای ۱۱ رقمی بنویسید که با ۰۹ آغاز شود."),
        ("+12025550123", "تنها به شماره موبایل ایران کد می‌فرستیم؛ شماره‌ای بنویسید که با ۰۹ آغاز شود."),
        ("+", "در شماره موبایل جز رقم نوشته شده است؛ تنها رقم‌ها را بنویسید، مانند ۰۹۱۲۱۲۳۴۵۶۷."),
        ("0912abc4567", "در شماره موبایل جز رقم نوشته شده است؛ تنها رقم‌ها را بنویسید، مانند ۰۹۱۲۱۲۳۴۵۶۷."),
        ("0912'; --", "در شماره موبایل جز رقم نوشته شده است؛ تنها رقم‌ها را بنویسید، مانند ۰۹۱۲۱۲۳۴۵۶۷."),
        ("9" * 5000, "شماره موبایل ۱۱ رقم است و با ۰۹ آغاز می‌شود؛ آنچه نوشته‌اید بلندتر است."),
    ],
)
def test_what_is_no_iranian_mobile_number_is_refused_with_the_way_out(typed, says):
    with pytest.raises(Invalid) as refusal:
        rules.mobile_number(typed)
    assert refusal.value.fields == {"mobile": says}


@given(st.text(max_size=40))
def test_any_text_is_either_a_number_in_one_form_or_refused(typed):
    try:
        number = rules.mobile_number(typed)
    except Invalid:
        return
    assert number.startswith("+989")
    assert len(number) == 13
    assert rules.mobile_number(number) == number
    assert rules.mobile_number(rules.domestic(number)) == number


def test_a_number_is_written_as_people_here_write_it():
    assert rules.domestic("+989121234567") == "09121234567"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("زهرا محمدی", "زهرا محمدی"),
        ("  زهرا   محمدي ", "زهرا محمدی"),
        ("علي كريمي", "علی کریمی"),
        ("نیک‌نام", "نیک‌نام"),
        ("\u202eزهرا محمدی\u202c", "زهرا محمدی"),
        ("Zahra O'Neil-Smith", "Zahra O'Neil-Smith"),
    ],
)
def test_a_name_is_kept_in_one_spelling(typed, kept):
    assert rules.full_name(typed) == kept


@pytest.mark.parametrize("typed", ["", " ", "\u200c", "ز", "۱۲۳", "...", "<b>زهرا</b>", "http://x.ir زهرا", "ز" * 121])
def test_what_is_no_name_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        rules.full_name(typed)
    assert list(refusal.value.fields) == ["full_name"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        ("  ", ""),
        ("zahra@example.ir", "zahra@example.ir"),
        (" Zahra.M+shop@Example.IR ", "Zahra.M+shop@example.ir"),
        ("zahra۱۲@example.ir", "zahra12@example.ir"),
        ("\u200ezahra@example.ir", "zahra@example.ir"),
    ],
)
def test_an_address_is_optional_and_its_domain_has_no_case(typed, kept):
    assert rules.email_address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "zahra", "zahra@", "@example.ir", "zahra@localhost", "a b@example.ir", "zahra@example..ir", "زهرا@example.ir",
        "zahra@example.ir\nBcc: x@y.ir", "zahra@example.ir,x@y.ir", "zahra@@example.ir", ".z@example.ir",
        "x" * 65 + "@example.ir", "z@" + "x" * 64 + ".ir",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed):
    with pytest.raises(Invalid) as refusal:
        rules.email_address(typed)
    assert list(refusal.value.fields) == ["email"]


def test_a_profile_names_all_that_is_wrong_at_once():
    with pytest.raises(Invalid) as refusal:
        rules.profile("", "zahra")
    assert sorted(refusal.value.fields) == ["email", "full_name"]


def test_a_login_code_is_six_digits_and_keeps_its_zeros(monkeypatch):
    randbelow = "peyman.people.rules.accounts.secrets.randbelow"
    monkeypatch.setattr(randbelow, lambda below: 42 if below == 1_000_000 else -1)
    assert rules.new_login_code() == "000042"


@pytest.mark.parametrize(
    ("typed", "code"),
    [("123456", "123456"), ("۱۲۳۴۵۶", "123456"), ("١٢٣ ٤٥٦", "123456"), (" 12-34-56\u200f", "123456")],
)
def test_a_code_is_taken_in_any_digits(typed, code):
    assert rules.typed_code(typed) == code


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "²23456", "１２３４５"])
def test_what_cannot_be_a_code_is_no_code(typed):
    assert rules.typed_code(typed) == ""


def test_the_kept_hash_belongs_to_one_number_and_one_installation():
    kept = rules.code_hash("+989121234567", "123456", secret="a")
    assert kept == rules.code_hash("+989121234567", "123456", secret="a")
    assert "123456" not in kept
    assert kept != rules.code_hash("+989121234568", "123456", secret="a")
    assert kept != rules.code_hash("+989121234567", "123456", secret="b")


@pytest.mark.parametrize(
    ("case", "seconds_ago", "wait"),
    [
        ("none sent", [], 0),
        ("two just now", [0, 1], 0),
        ("three just now", [0, 0, 0], 120),
        ("three, the oldest 119 s ago", [5, 60, 119], 1),
        ("three, the oldest exactly 120 s ago", [5, 60, 120], 0),
        ("ten in the hour, the oldest 55 minutes ago", [300 * n for n in range(2, 12)], 300),
        ("ten, the oldest exactly an hour ago", [3600, *(300 * n for n in range(2, 11))], 0),
        ("both limits: the longer wait counts", [0, 1, 2, *(600 + n for n in range(7))], 2994),
    ],
)
def test_three_codes_in_two_minutes_and_ten_in_an_hour(case, seconds_ago, wait):
    assert rules.wait_for_code([NOW - timedelta(seconds=ago) for ago in seconds_ago], NOW) == wait


def test_a_wait_is_told_in_words_rounded_up():
    assert rules.waiting(0) == "۱ ثانیه"
    assert rules.waiting(45) == "۴۵ ثانیه"
    assert rules.waiting(61) == "۲ دقیقه"
    assert rules.TooManyCodes(61).detail == (
        "کد تازه فرستاده نشد، چون برای این شماره چند بار پشت سر هم کد خواسته شده است. "
        "چیزی از دست نرفته است؛ ۲ دقیقه دیگر دوباره بخواهید."
    )


def test_a_token_has_256_random_bits_and_only_its_hash_is_kept():
    token = rules.new_token()
    assert token.startswith("pym_")
    assert len(token) == 4 + 43  # 32 bytes in base64
    assert token != rules.new_token()
    assert rules.token_hash("pym_x") == "b305bfeee0a8c109c11bf04b27dcd35aed2ee745f0f0d68f77e4ef69407b1d7b"
