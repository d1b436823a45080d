"""SMS by Kavenegar, against its simulator over real HTTP, and answers no simulator would give."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peyman.gateways import calls, kavenegar
from peyman.gateways.simulators.service import Drop, Request, Response, Service, as_json
from peyman.gateways.simulators.sms import SmsSimulator
from peyman.messages.rules import Delivery, Refused, Sent, Unknown

KEY = "s3cr3t-key"


class Scripted(Service):
    """A provider that answers what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: Callable[[], Response] = lambda: as_json({})
        self.asked: list[Request] = []

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer()


@pytest.fixture
def provider(settings: Any) -> Iterator[SmsSimulator]:
    with SmsSimulator(key=KEY) as simulator:
        settings.SMS_URL, settings.KAVENEGAR_KEY, settings.KAVENEGAR_SENDER = simulator.url, KEY, "10004346"
        yield simulator


@pytest.fixture
def scripted(settings: Any) -> Iterator[Scripted]:
    with Scripted() as service:
        settings.SMS_URL, settings.KAVENEGAR_KEY = service.url, KEY
        yield service


def send(key: str = "42", to: str = "+989121234567") -> Delivery:
    return kavenegar.send(to=to, text="سفارش شما قطعی شد.\n#1 & 2", key=key)


def test_a_message_arrives_as_it_was_written(provider: SmsSimulator) -> None:
    sent = send()
    (taken,) = provider.messages("09121234567")
    assert sent == Sent("kavenegar", str(taken["messageid"]))
    assert (taken["receptor"], taken["message"], taken["sender"], taken["localid"]) == (
        "09121234567",
        "سفارش شما قطعی شد.\n#1 & 2",
        "10004346",
        "42",
    )


def test_the_same_key_is_sent_once_and_answers_the_same(provider: SmsSimulator) -> None:
    assert send() == send()
    (taken,) = provider.messages()
    assert taken["repeats"] == 1


def test_a_lost_answer_is_unknown_and_asking_again_sends_nothing_twice(provider: SmsSimulator) -> None:
    provider.faults(drop=1)
    unknown = send()
    assert (type(unknown), unknown.detail) == (Unknown, "RemoteProtocolError")
    assert isinstance(send(), Sent)
    assert len(provider.messages()) == 1


@pytest.mark.parametrize(
    ("fault", "detail", "taken"),
    [
        ({"down": 1}, "RemoteProtocolError", 0),
        ({"drop_before": 1}, "RemoteProtocolError", 0),
        ({"http_500": 1}, "http_500_unreadable", 0),
        ({"garbage": 1}, "http_200_unreadable", 1),
        ({"error_200": 418}, "418", 0),
        ({"error_200": 402}, "402", 0),
        ({"error_200": 409}, "409", 0),
        ({"error_200": 412}, "412", 0),
        ({"error_200": 403}, "403", 0),
    ],
)
def test_what_the_provider_does_not_say_clearly_is_unknown(
    provider: SmsSimulator, fault: dict[str, int], detail: str, taken: int
) -> None:
    provider.faults(**fault)
    # Only what the provider refuses in its own words leaves the message free for another one.
    assert send() == Unknown("kavenegar", detail, away=fault != {"garbage": 1}, untaken=detail in ("418", "412", "403"))
    assert len(provider.messages()) == taken


@pytest.mark.parametrize("status", [411, 413, 414, 417, 419, 420, 422, 431])
def test_what_will_never_be_taken_is_refused(provider: SmsSimulator, status: int) -> None:
    provider.faults(error_200=status)
    assert send() == Refused("kavenegar", str(status))


def test_a_receptor_that_the_provider_does_not_know_is_refused(provider: SmsSimulator) -> None:
    assert send(to="+14155552671") == Refused("kavenegar", "411")


def test_a_wrong_api_key_loses_no_message(provider: SmsSimulator, settings: Any) -> None:
    settings.KAVENEGAR_KEY = "another"
    assert send() == Unknown("kavenegar", "403", away=True, untaken=True)


def test_a_provider_that_listens_and_says_nothing_is_left_after_a_time_out(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "TIMEOUT", 0.2)
    calls._client.cache_clear()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.SMS_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert send() == Unknown("kavenegar", "ReadTimeout", away=True)
    calls._client.cache_clear()


def test_a_provider_that_drips_does_not_hold_a_worker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "WHOLE_ANSWER", 0.3)
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        line, _ = server.accept()
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            try:
                while not stop.wait(0.05):
                    line.sendall(b" ")
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        settings.SMS_URL = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert send() == Unknown("kavenegar", "too_slow", away=True)
        stop.set()
        thread.join()


def test_an_endless_answer_is_not_read_to_its_end(scripted: Scripted) -> None:
    scripted.answer = lambda: Response(200, b" " * 100_000)
    assert send() == Unknown("kavenegar", "too_long", away=True)


def test_a_redirect_is_not_followed(scripted: Scripted) -> None:
    scripted.answer = lambda: Response(302, b"", headers=(("Location", f"{scripted.url}/elsewhere"),))
    assert send() == Unknown("kavenegar", "http_302_unreadable")
    assert [request.path for request in scripted.asked] == [f"/v1/{KEY}/sms/send.json"]


def test_a_proxy_of_the_environment_is_passed_by(provider: SmsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    calls._client.cache_clear()
    assert isinstance(send(), Sent)


OK = {"status": 200, "message": "تایید شد"}


@pytest.mark.parametrize(
    ("case", "answer", "expected"),
    [
        ("taken", {"return": OK, "entries": [{"messageid": 7, "status": 1}]}, Sent("kavenegar", "7")),
        ("arrived long ago", {"return": OK, "entries": [{"messageid": 7, "status": 10}]}, Sent("kavenegar", "7")),
        ("blocked", {"return": OK, "entries": [{"messageid": 7, "status": 14}]}, Refused("kavenegar", "entry_14")),
        ("no entry", {"return": OK, "entries": []}, Unknown("kavenegar", "200_no_messageid")),
        ("null", {"return": OK, "entries": None}, Unknown("kavenegar", "200_no_messageid")),
        ("no number", {"return": OK, "entries": [{"messageid": "7"}]}, Unknown("kavenegar", "200_no_messageid")),
        ("true", {"return": OK, "entries": [{"messageid": True}]}, Unknown("kavenegar", "200_no_messageid")),
        ("text for a status", {"return": {"status": "200"}}, Unknown("kavenegar", "http_200_no_status")),
        ("no return", {}, Unknown("kavenegar", "http_200_no_status")),
        ("a list", [], Unknown("kavenegar", "http_200_no_status")),
        ("a new status", {"return": {"status": 777}}, Unknown("kavenegar", "777", away=True)),
    ],
)
def test_only_a_message_with_its_number_was_taken(case: str, answer: object, expected: Delivery) -> None:
    assert kavenegar.read_answer(200, json.dumps(answer).encode()) == expected


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'{"return": {"status": 200', b"NaN"])
def test_no_answer_whatever_breaks_the_reader(body: bytes) -> None:
    assert isinstance(kavenegar.read_answer(200, body), Unknown)


def test_ok_under_an_http_error_is_not_believed() -> None:
    body = json.dumps({"return": OK, "entries": [{"messageid": 7, "status": 1}]}).encode()
    assert kavenegar.read_answer(502, body) == Unknown("kavenegar", "200", away=True)


def test_the_api_key_is_in_no_log_and_no_answer(scripted: Scripted, caplog: pytest.LogCaptureFixture) -> None:
    def drop() -> Response:
        raise Drop

    scripted.answer = drop
    with caplog.at_level(logging.INFO):
        answers = [send()]
        scripted.stop()
        answers.append(send())
    assert KEY not in caplog.text
    assert KEY not in repr(answers)
    assert [answer.detail for answer in answers if isinstance(answer, Unknown)] == [
        "RemoteProtocolError",
        "ConnectError",
    ]


def test_a_key_that_is_no_number_is_a_bug(provider: SmsSimulator) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        send(key="MSG-1")
