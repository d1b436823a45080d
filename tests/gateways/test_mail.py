"""E-mail, through a real SMTP conversation with the mail server's simulator and with worse ones."""

import socket
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from typing import Any

import pytest

from peyman.gateways import mail
from peyman.gateways.simulators.mail import MailSimulator
from peyman.messages.rules import Delivery, Refused, Sent, Unknown
from tests.make import NOW


@pytest.fixture(autouse=True)
def _ours(settings: Any) -> None:
    settings.MAIL_FROM = "info@peyman.example"


@pytest.fixture
def server(settings: Any) -> Iterator[MailSimulator]:
    with MailSimulator() as simulator:
        settings.SMTP_URL = simulator.smtp_url
        yield simulator


def send(**fields: str) -> Delivery:
    told = {"to": "sara@example.ir", "title": "پیش‌فاکتور سفارش ORD-1", "text": "سلام\n.\nپایان", "html": "<p>سلام</p>"}
    return mail.send(**{**told, "key": "MSG-1", **fields}, at=NOW)


def test_a_mail_arrives_as_text_and_html_with_the_headers_of_an_automatic_one(server: MailSimulator) -> None:
    assert send() == Sent("smtp", "MSG-1")
    (taken,) = server.mails("sara@example.ir")
    assert (taken["from"], taken["to"]) == ("info@peyman.example", ["sara@example.ir"])
    assert taken["subject"] == "پیش‌فاکتور سفارش ORD-1"
    assert taken["text"].replace("\r\n", "\n").rstrip("\n") == "سلام\n.\nپایان"
    assert taken["html"].strip() == "<p>سلام</p>"
    headers = taken["headers"]
    assert headers["Message-ID"] == "<MSG-1@peyman.example>"
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["Date"] == "Sat, 04 Jan 2025 06:30:00 +0000"
    assert headers["From"] == "پیمان <info@peyman.example>"
    assert headers["Content-Type"].startswith("multipart/alternative")


def test_a_repeat_is_the_same_mail_byte_by_byte() -> None:
    told = {"to": "sara@example.ir", "title": "سفارش", "text": "متن", "html": "<p>متن</p>", "key": "MSG-1"}
    assert mail.compose(**told, at=NOW).as_bytes() == mail.compose(**told, at=NOW).as_bytes()


def test_every_line_on_the_wire_is_short_and_ascii() -> None:
    told = {"to": "sara@example.ir", "title": "سفارش " * 30, "text": "متن " * 2000, "html": "<p>متن</p>" * 500}
    content = mail.compose(**told, key="MSG-1", at=NOW).as_bytes()
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78
    assert b"\n" not in content.replace(b"\r\n", b"")  # a bare line feed is how mails are smuggled
    assert str(message_from_bytes(content, policy=policy.default)["Subject"]).strip() == ("سفارش " * 30).strip()


def test_a_newsletter_is_cancelled_by_one_click_and_other_mail_has_nothing_to_cancel() -> None:
    told = {"to": "sara@example.ir", "title": "خبر", "text": "متن", "html": "<p>متن</p>", "key": "MSG-1"}
    url = "https://peyman.example/newsletter/out/WyJQRVItMSJd:1tT/"
    mail_ = mail.compose(**told, at=NOW, opt_out_url=url)
    assert mail_["List-Unsubscribe"] == f"<{url}>"
    assert mail_["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    read = message_from_bytes(mail_.as_bytes(), policy=policy.default)
    assert str(read["List-Unsubscribe"]).replace(" ", "") == f"<{url}>"
    assert mail.compose(**told, at=NOW)["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "poison",
    [
        {"opt_out_url": "https://peyman.example/o/\r\nBcc: all@example.ir"},
        {"opt_out_url": "https://peyman.example/o/>, <https://evil.ir/"},
        {"to": "sara@example.ir\r\nBcc: all@example.ir"},
        {"to": "sara@example.ir, all@example.ir"},
        {"to": ""},
        {"title": "سفارش\r\nBcc: all@example.ir"},
        {"title": "سفارش\nX: y"},
        {"title": ""},
    ],
)
def test_header_injection_is_refused_before_a_connection_is_made(settings: Any, poison: dict[str, str]) -> None:
    settings.SMTP_URL = ""
    assert send(**poison) == Refused("smtp", "bad_header")


def test_a_mailbox_that_is_none_is_refused_for_good(server: MailSimulator) -> None:
    server.faults(refuse_recipient=1)
    assert send() == Refused("smtp", "rcpt_550")
    assert server.mails() == []


def test_a_server_that_says_later_is_asked_again(server: MailSimulator) -> None:
    server.faults(refuse=1)
    assert send() == Unknown("smtp", "data_451")
    assert isinstance(send(), Sent)


def test_a_lost_answer_is_unknown_and_the_repeat_has_the_same_message_id(server: MailSimulator) -> None:
    server.faults(drop=1)
    assert send() == Unknown("smtp", "SMTPServerDisconnected", away=True)
    assert isinstance(send(), Sent)
    assert [(row["message_id"], row["repeats"]) for row in server.mails()] == [
        ("<MSG-1@peyman.example>", 1),
        ("<MSG-1@peyman.example>", 0),
    ]


def test_a_server_that_is_down_is_away(server: MailSimulator) -> None:
    server.faults(down=True)
    answer = send()
    assert isinstance(answer, Unknown)
    assert answer.away
    server.stop()
    assert send() == Unknown("smtp", "ConnectionRefusedError", away=True)


def test_a_server_that_says_nothing_is_left_after_a_time_out(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.SMTP_URL = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        assert send() == Unknown("smtp", "SMTPServerDisconnected", away=True)


@pytest.fixture
def scripted(settings: Any) -> Iterator[Callable[..., list[bytes]]]:
    """`scripted(mail_from=b"550 no")` starts a server that answers so at that step; returns what it was told."""
    running: list[tuple[socket.socket, threading.Thread]] = []

    def start(**answers: bytes) -> list[bytes]:
        listener = socket.create_server(("127.0.0.1", 0))
        told: list[bytes] = []
        thread = threading.Thread(target=_converse, args=(listener, answers, told))
        thread.start()
        running.append((listener, thread))
        settings.SMTP_URL = f"smtp://{answers.get('login', b'').decode()}127.0.0.1:{listener.getsockname()[1]}"
        return told

    yield start
    for listener, thread in running:
        listener.close()
        thread.join(5)


def _converse(listener: socket.socket, answers: dict[str, bytes], told: list[bytes]) -> None:
    line, _ = listener.accept()
    with line, line.makefile("rwb", buffering=0) as wire:
        wire.write(answers.get("greeting", b"220 ready") + b"\r\n")
        while command := wire.readline():
            told.append(command.strip())
            match command[:4].upper():
                case b"EHLO":
                    wire.write(answers.get("ehlo", b"250-here\r\n250 AUTH PLAIN") + b"\r\n")
                case b"AUTH":
                    wire.write(answers.get("auth", b"235 ok") + b"\r\n")
                case b"MAIL":
                    wire.write(answers.get("mail_from", b"250 ok") + b"\r\n")
                case b"DATA":
                    wire.write(answers.get("data", b"354 go on") + b"\r\n")
                    if not answers.get("data"):
                        while wire.readline() != b".\r\n":
                            pass
                        wire.write(answers.get("content", b"250 2.0.0 Ok: queued as 4XyZ1") + b"\r\n")
                case b"QUIT":
                    if answers.get("quit") != b"":
                        wire.write(answers.get("quit", b"221 bye") + b"\r\n")
                    return
                case _:
                    wire.write(answers.get(command[:4].decode().lower(), b"250 ok") + b"\r\n")


def test_the_number_that_the_server_gives_is_kept(scripted: Callable[..., list[bytes]]) -> None:
    told = scripted()
    assert send() == Sent("smtp", "4XyZ1")
    assert [command[:25] for command in told] == [
        b"ehlo peyman.example",
        b"mail FROM:<info@peyman.ex",
        b"rcpt TO:<sara@example.ir>",
        b"data",
        b"quit",
    ]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"greeting": b"554 no"}, Unknown("smtp", "smtp_554", away=True)),
        ({"mail_from": b"550 sender rejected"}, Unknown("smtp", "mail_550", away=True)),
        ({"rcpt": b"450 greylisted"}, Unknown("smtp", "rcpt_450")),
        ({"rcpt": b"550 no such mailbox"}, Refused("smtp", "rcpt_550")),
        ({"data": b"451 later"}, Unknown("smtp", "smtp_451", away=True)),
        ({"content": b"554 looks like spam"}, Refused("smtp", "data_554")),
        ({"content": b"452 disk full"}, Unknown("smtp", "data_452")),
        ({"quit": b"421 gone"}, Sent("smtp", "4XyZ1")),
        ({"quit": b""}, Sent("smtp", "4XyZ1")),
        ({"login": b"peyman:p%40ss@", "auth": b"535 wrong"}, Unknown("smtp", "smtp_535", away=True)),
        ({"login": b"peyman:p%40ss@"}, Sent("smtp", "4XyZ1")),
        ({"login": b"peyman:p%40ss@", "ehlo": b"250 here"}, Unknown("smtp", "SMTPNotSupportedError", away=True)),
    ],
)
def test_only_receiver_and_content_are_refused_for_good(
    scripted: Callable[..., list[bytes]], answers: dict[str, bytes], expected: Delivery
) -> None:
    scripted(**answers)
    assert send() == expected


def test_a_login_is_decoded_from_the_address(scripted: Callable[..., list[bytes]]) -> None:
    told = scripted(login=b"peyman:p%40ss@")
    send()
    assert b"AUTH PLAIN AHBleW1hbgBwQHNz" in told  # \0peyman\0p@ss


def test_without_the_promised_tls_nothing_is_said(scripted: Callable[..., list[bytes]], settings: Any) -> None:
    told = scripted()
    settings.SMTP_URL = settings.SMTP_URL.replace("smtp://", "smtp+tls://")
    assert send() == Unknown("smtp", "SMTPNotSupportedError", away=True)
    assert [command[:4] for command in told] == [b"ehlo"]


@pytest.mark.parametrize("url", ["", "mail.example", "http://mail.example", "smtp://"])
def test_an_address_that_names_no_server_is_a_bug_of_the_settings(settings: Any, url: str) -> None:
    settings.SMTP_URL = url
    with pytest.raises(ValueError, match="PEYMAN_SMTP_URL"):
        send()
