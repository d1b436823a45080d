"""SMS by SMS.ir, against its simulator over real HTTP, and answers no simulator would give."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from peyman.gateways import smsir
from peyman.gateways.simulators.service import Clock
from peyman.gateways.simulators.sms import SmsSimulator
from peyman.messages.rules import Delivery, Refused, Sent, Unknown
from tests.gateways.conftest import standing

KEY = "s3cr3t-key"
TEXT = "سفارش شما قطعی شد.\nشناسه: 7K2M-9QXR"
LATER = timedelta(minutes=2)


@pytest.fixture
def provider(settings: Any) -> Iterator[SmsSimulator]:
    with SmsSimulator(key=KEY, clock=Clock(standing)) as simulator:
        settings.SMS_URL, settings.SMSIR_KEY, settings.SMSIR_LINE = simulator.url, KEY, "30004505000017"
        yield simulator


def send(to: str = "+989121234567", text: str = TEXT) -> Delivery:
    return smsir.send(to=to, text=text, key="42")


def settle(waited: timedelta = LATER, text: str = TEXT) -> Delivery:
    return smsir.settle(to="+989121234567", text=text, key="42", waited=waited)


def test_a_message_arrives_as_it_was_written(provider: SmsSimulator) -> None:
    sent = send()
    (taken,) = provider.messages("09121234567")
    assert sent == Sent("smsir", str(taken["messageid"]))
    assert (taken["provider"], taken["receptor"], taken["message"], taken["sender"]) == (
        "smsir",
        "09121234567",
        TEXT,
        "30004505000017",
    )


@pytest.mark.parametrize(
    ("fault", "answer", "taken"),
    [
        ({"smsir_down": 1}, Unknown("smsir", "RemoteProtocolError", away=True), 0),
        ({"smsir_drop_before": 1}, Unknown("smsir", "RemoteProtocolError", away=True), 0),
        ({"smsir_drop": 1}, Unknown("smsir", "RemoteProtocolError", away=True), 1),
        ({"smsir_http_500": 1}, Unknown("smsir", "http_500_unreadable", away=True), 0),
        ({"smsir_garbage": 1}, Unknown("smsir", "http_200_unreadable"), 1),
        ({"smsir_error_200": 102}, Unknown("smsir", "102", away=True, untaken=True), 0),
        ({"smsir_error_200": 20}, Unknown("smsir", "20", away=True, untaken=True), 0),
        ({"smsir_error_200": 0.5}, Unknown("smsir", "0", away=True), 0),
        ({"smsir_error_200": 104}, Refused("smsir", "104"), 0),
        ({"smsir_error_200": 115}, Refused("smsir", "115"), 0),
    ],
)
def test_only_what_is_refused_in_its_own_words_was_surely_not_taken(
    provider: SmsSimulator, fault: dict[str, Any], answer: Delivery, taken: int
) -> None:
    provider.faults(**fault)
    assert send() == answer
    assert len(provider.messages()) == taken


def test_a_wrong_key_loses_no_message(provider: SmsSimulator, settings: Any) -> None:
    settings.SMSIR_KEY = "another"
    assert send() == Unknown("smsir", "10", away=True, untaken=True)


def test_a_port_where_nobody_listens_took_nothing(settings: Any) -> None:
    settings.SMS_URL = "http://127.0.0.1:9"
    assert send() == Unknown("smsir", "ConnectError", away=True, untaken=True)


def test_a_lost_answer_is_found_again_in_the_list_by_number_and_text(provider: SmsSimulator) -> None:
    provider.faults(smsir_drop=1)
    assert isinstance(send(), Unknown)
    (taken,) = provider.messages()
    assert settle() == Sent("smsir", str(taken["messageid"]))
    assert settle(text="متن دیگر") == Unknown("smsir", "not_there", untaken=True)
    assert len(provider.messages()) == 1


def test_absence_is_believed_only_after_a_minute(provider: SmsSimulator) -> None:
    provider.faults(smsir_drop=1, smsir_list_lag_s=30)
    send()
    assert settle(timedelta(seconds=59)) == Unknown("smsir", "not_seen_yet")
    provider.clock.advance(30)
    assert isinstance(settle(timedelta(seconds=59)), Sent)


def test_a_list_of_several_pages_is_looked_through(provider: SmsSimulator) -> None:
    send()
    for n in range(230):
        provider._smsir_one("9350000000", f"پیام {n}", {"lineNumber": 1})
    assert isinstance(settle(), Sent)
    assert provider.asked["smsir:send/live"] == 3


def test_what_cannot_be_looked_up_stays_open(provider: SmsSimulator) -> None:
    provider.faults(smsir_down=True)
    assert settle(timedelta(days=1)) == Unknown("smsir", "RemoteProtocolError", away=True)


def test_whether_it_is_there_is_asked_without_sending(provider: SmsSimulator) -> None:
    assert smsir.is_there() is True
    provider.faults(smsir_down=True)
    assert smsir.is_there() is False
    assert provider.messages() == []


@pytest.mark.parametrize(
    ("case", "answer", "expected"),
    [
        ("taken", {"status": 1, "data": {"messageIds": [7]}}, Sent("smsir", "7")),
        ("black list", {"status": 1, "data": {"messageIds": [0]}}, Refused("smsir", "black_list")),
        ("no number", {"status": 1, "data": {"messageIds": [None]}}, Refused("smsir", "no_number")),
        ("no ids", {"status": 1, "data": {}}, Unknown("smsir", "1_no_messageid")),
        ("no data", {"status": 1, "data": None}, Unknown("smsir", "1_no_messageid")),
        ("text for an id", {"status": 1, "data": {"messageIds": ["7"]}}, Unknown("smsir", "1_no_messageid")),
        ("true", {"status": True}, Unknown("smsir", "http_200_no_status")),
        ("a list", [], Unknown("smsir", "http_200_no_status")),
        ("a new status", {"status": 777}, Unknown("smsir", "777", away=True, untaken=True)),
    ],
)
def test_only_a_message_with_its_number_was_taken(case: str, answer: object, expected: Delivery) -> None:
    assert smsir.read_answer(200, json.dumps(answer).encode()) == expected


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"status": 1', b"NaN"])
def test_no_answer_whatever_breaks_the_reader(body: bytes) -> None:
    assert isinstance(smsir.read_answer(200, body), Unknown)
