"""What may be sent, to whom, and how often it is tried."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.messages import rules

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("09121234567", "+989121234567"),
        ("+989121234567", "+989121234567"),
        ("00989121234567", "+989121234567"),
        ("۰۹۱۲ ۱۲۳ ۴۵۶۷", "+989121234567"),
        ("٠٩١٢-١٢٣-٤٥٦٧", "+989121234567"),
    ],
)
def test_a_mobile_number_is_stored_in_one_form_however_it_is_written(typed: str, stored: str) -> None:
    assert rules.address("sms", typed) == stored


@pytest.mark.parametrize(
    ("channel", "to"),
    [
        ("sms", ""),
        ("sms", "02188776655"),
        ("sms", "+14155552671"),
        ("sms", "sara@example.ir"),
        ("sms", "09121234567\n09127654321"),
        ("email", ""),
        ("email", "sara"),
        ("email", "sara@"),
        ("email", "sara@localhost"),
        ("email", "sara@example.ir, all@example.ir"),
        ("email", "سارا@example.ir"),
        ("email", "Sara <sara@example.ir>"),
        ("email", "sara@example.ir\r\nBcc: all@example.ir"),
        ("email", "sara@example.ir\n"),
        ("email", "sara@example.ir\x00"),
        ("email", "a" * 65 + "@example.ir"),
        ("telegram", "sara"),
    ],
)
def test_what_is_no_single_address_of_its_channel_is_refused(channel: str, to: str) -> None:
    with pytest.raises(rules.BadMessage):
        rules.address(channel, to)


@pytest.mark.parametrize("line", ["", "  ", "سفارش\nBcc: all@example.ir", "سفارش\r", "سفارش\u2028", "س" * 201])
def test_a_title_that_could_open_another_header_is_refused(line: str) -> None:
    with pytest.raises(rules.BadMessage, match="bad_title"):
        rules.title(line)


def test_a_title_of_200_letters_still_fits() -> None:
    assert rules.title("س" * 200) == "س" * 200


@pytest.mark.parametrize(
    ("case", "text", "parts"),
    [
        ("nothing", "", 0),
        ("one letter", "س", 1),
        ("the last unit of one part", "س" * 70, 1),
        ("one more", "س" * 71, 2),
        ("the last unit of two parts", "س" * 134, 2),
        ("one more than two hold", "س" * 135, 3),
        ("35 signs outside the basic plane are 70 units", "🟦" * 35, 1),
        ("36 are 72", "🟦" * 36, 2),
    ],
)
def test_an_sms_is_billed_by_parts_of_70_and_67(case: str, text: str, parts: int) -> None:
    assert rules.sms_parts(text) == parts


@pytest.mark.parametrize(
    ("attempts", "at_least", "at_most"),
    [
        (1, 2.0, 2.4),
        (2, 4.0, 4.8),
        (3, 8.0, 9.6),
        (9, 512.0, 614.4),
        (10, 600.0, 720.0),
        (149, 600.0, 720.0),
    ],
)
def test_each_failed_try_waits_twice_as_long_up_to_ten_minutes(attempts: int, at_least: float, at_most: float) -> None:
    waits = {(rules.next_try(attempts=attempts, row=row, now=NOW) or NOW) - NOW for row in range(1, 200)}
    assert timedelta(seconds=at_least) <= min(waits)
    assert max(waits) < timedelta(seconds=at_most)
    assert len(waits) > 190  # each row has its own


def test_the_same_row_waits_the_same_time_when_asked_again() -> None:
    assert rules.next_try(attempts=3, row=7, now=NOW) == rules.next_try(attempts=3, row=7, now=NOW)


@pytest.mark.clause("D10")
def test_a_day_without_a_provider_is_outlived_and_then_it_is_enough() -> None:
    at, attempts = NOW, 1
    while (again := rules.next_try(attempts=attempts, row=1, now=at)) is not None:
        at, attempts = again, attempts + 1
    assert attempts == 150
    assert timedelta(hours=23) < at - NOW < timedelta(hours=29)


@given(st.integers(min_value=0, max_value=10**6), st.integers(min_value=1, max_value=2**63 - 1))
def test_no_try_is_ever_in_the_past(attempts: int, row: int) -> None:
    again = rules.next_try(attempts=attempts, row=row, now=NOW)
    assert again is None or NOW + timedelta(seconds=2) <= again <= NOW + timedelta(minutes=12)


@pytest.mark.parametrize(
    ("stale_at", "stale"),
    [(None, False), (NOW + timedelta(microseconds=1), False), (NOW, True), (NOW - timedelta(seconds=1), True)],
)
def test_a_message_is_stale_from_its_hour_on(stale_at: datetime | None, stale: bool) -> None:
    assert rules.is_stale(stale_at, NOW) is stale


LINE = {"title": "هدفون", "quantity": "۱", "unit_price": "۱۰", "total": "۱۰"}
MAIL = {
    "order": "ORD-1",
    "cart_code": "DBC-1",
    "final_at": "شنبه",
    "total": "۱۰",
    "link": "https://peyman.example/",
    "lines": [LINE],
    "fees": [],
}


def test_a_complete_context_is_taken() -> None:
    assert "cart_code" in rules.template("email", "cart_code", MAIL).needs


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        ({"cart_code": ""}, "context_cart_code"),
        ({"cart_code": None}, "context_cart_code"),
        ({"total": 10}, "context_total"),
        ({"name": None}, "context_name"),
        ({"lines": "هدفون"}, "context_lines"),
        ({"lines": None}, "context_lines"),
        ({"lines": [{"title": "هدفون"}]}, "context_lines"),
        ({"promises": [{"what": "پردازش"}]}, "context_promises"),
    ],
)
def test_a_context_that_would_print_a_hole_is_refused(wrong: dict[str, object], detail: str) -> None:
    with pytest.raises(rules.BadMessage, match=detail):
        rules.template("email", "cart_code", {**MAIL, **wrong})  # type: ignore[dict-item]  # wrong on purpose


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(rules.BadMessage, match="no_template"):
        rules.template("sms", "horoscope", {})
