"""The file for the registry, and when what it asks for would count."""

from datetime import date, timedelta
from ipaddress import ip_network

import pytest
from persiantools.jdatetime import JalaliDate

from peyman.kernel.worktime import day_start
from peyman.market.tariff import iran
from peyman.market.tariff.rules import drift, requests
from peyman.market.tariff.rules.requests import Forecast


def jalali(text: str) -> date:
    return JalaliDate(*map(int, text.split("/"))).to_gregorian()


@pytest.mark.clause("B06")
@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("1402/02/01", "1402/02/15"),
        ("1402/02/10", "1402/02/15"),
        ("1402/02/14", "1402/02/15"),
        ("1402/02/15", "1402/03/15"),
        ("1402/02/17", "1402/03/15"),
        ("1402/02/29", "1402/03/15"),
        ("1402/12/14", "1402/12/15"),
        ("1402/12/29", "1403/01/15"),
        ("1403/12/15", "1404/01/15"),
    ],
)
def test_an_update_falls_due_on_the_fifteenth_of_its_month_or_the_next(day, due):
    assert requests.forecast(jalali(day)) == Forecast(jalali(due))


@pytest.mark.clause("B06")
@pytest.mark.parametrize(
    ("day", "due", "better", "better_due"),
    [
        ("1399/09/30", "1399/11/15", "1399/10/01", "1399/10/15"),
        ("1403/07/30", "1403/09/15", "1403/08/01", "1403/08/15"),
        ("1399/12/30", "1400/02/15", "1400/01/01", "1400/01/15"),
        ("1402/11/30", "1403/01/15", "1402/12/01", "1402/12/15"),
        ("1402/02/31", "1402/03/15", "1402/03/01", "1402/03/15"),
    ],
)
def test_the_end_of_a_month_is_warned_of_with_the_day_to_hand_it_in_instead(day, due, better, better_due):
    assert requests.forecast(jalali(day)) == Forecast(jalali(due), True, jalali(better), jalali(better_due))


def test_the_promise_ends_with_the_hold_after_the_due_date():
    start, hours = requests.promised_hours(date(2023, 5, 7), date(2023, 6, 5), timedelta(days=3))
    assert start == day_start(date(2023, 5, 7))
    assert start + timedelta(hours=hours) == day_start(date(2023, 6, 8))


@pytest.mark.clause("B06")
def test_only_what_can_be_listed_is_asked_for_in_the_fewest_prefixes():
    inland = iran.of_prefixes([ip_network("185.143.0.0/16")], "test")
    pieces = [
        piece
        for text in ("185.143.233.0/24", "185.143.232.0/24", "185.142.255.0/24", "192.168.1.0/24", "185.143.232.7/32")
        for piece in drift.split(ip_network(text), [], inland)
    ]
    assert requests.askable(pieces) == [ip_network("185.143.232.0/23")]


@pytest.mark.clause("B06")
def test_the_file_has_the_columns_of_the_list_and_computes_nothing():
    made = requests.csv_bytes("market.ir", ["185.143.232.0/23", "2a00:d20::/48"])
    assert made == (
        b"\xef\xbb\xbf" + "نام,محدوده IP\r\nmarket.ir,185.143.232.0/23\r\nmarket.ir,2a00:d20::/48\r\n".encode()
    )
    assert requests.cell("=1+1") == "'=1+1"
    assert requests.cell(" @x") == "' @x"
    assert requests.cell("market.ir") == "market.ir"
