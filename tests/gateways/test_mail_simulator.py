"""The simulated mail server holds a real SMTP conversation, keeps mails readable, and fails when told to."""

import smtplib
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from peyman.gateways.simulators import MailSimulator


def letter(to: str = "sara@example.ir") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "info@peyman.example", to, "پیش‌فاکتور سفارش شما"
    mail["Message-ID"] = "<MSG-1@peyman.example>"
    mail.set_content("با درود\n")
    mail.add_alternative("<p>با درود</p>\n", subtype="html")
    return mail


def send(server: MailSimulator, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=30) as line:
        line.send_message(mail)


def test_a_mail_is_kept_readable_in_persian(mail: MailSimulator) -> None:
    send(mail, letter())
    (kept,) = httpx.get(f"{mail.url}/_sim/mails?to=Sara@example.ir", trust_env=False, timeout=60).json()
    assert kept["to"] == ["sara@example.ir"]
    assert (kept["from"], kept["subject"]) == ("info@peyman.example", "پیش‌فاکتور سفارش شما")
    assert (kept["text"].strip(), kept["html"].strip()) == ("با درود", "<p>با درود</p>")
    assert kept["at"] == "2025-01-04T14:13:20+00:00"
    assert mail.mails("other@example.ir") == []


def test_the_same_mail_twice_is_two_mails_and_counted(mail: MailSimulator) -> None:
    send(mail, letter())
    send(mail, letter())
    assert [kept["repeats"] for kept in mail.mails()] == [1, 0]


def test_a_refusal_for_now_is_451_and_keeps_nothing(mail: MailSimulator) -> None:
    mail.faults(refuse=1)
    with pytest.raises(smtplib.SMTPDataError) as refused:
        send(mail, letter())
    assert refused.value.smtp_code == 451
    assert mail.mails() == []
    send(mail, letter())
    assert len(mail.mails()) == 1


def test_a_mailbox_that_is_none_is_550(mail: MailSimulator) -> None:
    mail.faults(refuse_recipient=1)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        send(mail, letter())
    assert refused.value.recipients["sara@example.ir"][0] == 550
    assert mail.mails() == []


@pytest.mark.parametrize(("fault", "kept"), [("down", 0), ("drop", 1)])
def test_a_broken_conversation_may_or_may_not_have_delivered(mail: MailSimulator, fault: str, kept: int) -> None:
    mail.faults(**{fault: 1})
    with pytest.raises((smtplib.SMTPException, OSError)):
        send(mail, letter())
    assert len(mail.mails()) == kept


def test_it_is_driven_by_http_and_remembers_over_a_restart(tmp_path: Path) -> None:
    with MailSimulator(state=tmp_path) as mail:
        assert mail.smtp_url == f"smtp://127.0.0.1:{mail.smtp_port}"
        send(mail, letter())
        set_ = httpx.post(f"{mail.url}/_sim/faults", json={"refuse": 0.5}, trust_env=False, timeout=60)
        assert set_.json() == {"set": {"refuse": {"p": 0.5, "times": None, "value": None}}}
        assert httpx.post(f"{mail.url}/_sim/faults", json={"burn": 1}, trust_env=False, timeout=60).status_code == 422
    with MailSimulator(state=tmp_path) as mail:
        assert len(mail.mails("sara@example.ir")) == 1
        assert httpx.get(f"{mail.url}/_sim/health", trust_env=False, timeout=60).json() == {"ok": True, "mails": 1}
        assert httpx.post(f"{mail.url}/_sim/reset", trust_env=False, timeout=60).json() == {"ok": True}
        assert httpx.get(f"{mail.url}/_sim/mails", trust_env=False, timeout=60).json() == []
