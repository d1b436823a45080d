"""The outbox with two providers: health, failing over, and a log that tells who was asked."""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from peyman.entrypoints.jobs import outbox
from peyman.gateways.simulators.sms import SmsSimulator
from peyman.messages import actions
from peyman.messages.models import Message, Sender
from peyman.messages.rules import Why
from peyman.people.models import Consent
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import SARA, expired, login_code, sara, tries

__all__ = ["sara"]  # a fixture of every test here
pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def sms(settings: Any, sara: None) -> Iterator[SmsSimulator]:
    outbox._asked.clear()
    with SmsSimulator() as simulator:
        settings.SMS_URL, settings.SMTP_URL = simulator.url, ""
        settings.SMS_PROVIDERS, settings.SMSIR_KEY, settings.SMSIR_LINE = ["kavenegar", "smsir"], "k", "30004505000017"
        outbox.announce(now=NOW)
        yield simulator
    outbox._asked.clear()


def taken_by(simulator: SmsSimulator) -> list[str]:
    return [row["provider"] for row in simulator.messages()[::-1]]


def row(key: str) -> Message:
    return Message.objects.get(key=key)


def test_a_refusal_before_acceptance_goes_to_the_next_provider_in_the_same_try(sms: SmsSimulator) -> None:
    sms.faults(error_200=418)
    actions.queue(expired("k"), now=NOW)
    assert outbox.deliver(now=NOW) == 1
    assert taken_by(sms) == ["smsir"]
    assert tries(row("k")) == [("kavenegar", "unknown", "418"), ("smsir", "sent", "")]
    assert (row("k").provider, row("k").attempts, row("k").held_by) == ("smsir", 1, "")


def test_silence_holds_the_message_where_it_may_be_and_sends_it_once(sms: SmsSimulator) -> None:
    sms.faults(drop=1)
    actions.queue(expired("k"), now=NOW)
    assert outbox.deliver(now=NOW) == 0
    assert (row("k").held_by, row("k").held_since) == ("kavenegar", NOW)
    assert outbox.deliver(now=NOW + MINUTE) == 1
    assert [f"{each['provider']}+{each['repeats']}" for each in sms.messages()] == ["kavenegar+1"]
    assert (row("k").held_by, tries(row("k"))[-1]) == ("", ("kavenegar", "sent", ""))


def test_a_log_in_code_is_there_although_the_first_provider_is_silent(sms: SmsSimulator) -> None:
    sms.faults(down=True)
    actions.queue(login_code("code"), now=NOW)
    assert outbox.deliver(now=NOW, urgent=True) == 1
    assert taken_by(sms) == ["smsir"]


def test_after_three_failures_the_other_provider_is_asked_first(sms: SmsSimulator) -> None:
    sms.faults(down=True)
    actions.queue_many([expired(f"a{n}") for n in range(3)], now=NOW)
    assert outbox.deliver(now=NOW) == 0
    actions.queue_many([expired(f"b{n}") for n in range(5)], now=NOW + SECOND)
    before = sms.asked["sms/send"]
    assert outbox.deliver(now=NOW + SECOND) == 5
    assert taken_by(sms) == ["smsir"] * 5
    assert sms.asked["sms/send"] == before


def test_a_provider_that_answers_again_is_first_again_and_its_messages_were_sent_once(sms: SmsSimulator) -> None:
    sms.faults(down=True)
    actions.queue_many([expired(f"a{n}") for n in range(3)], now=NOW)
    outbox.deliver(now=NOW)
    actions.queue(expired("b"), now=NOW + SECOND)
    outbox.deliver(now=NOW + SECOND)
    sms.faults(down=False)
    outbox._ask("kavenegar", NOW + MINUTE)
    actions.queue(expired("c"), now=NOW + MINUTE)
    assert outbox.deliver(now=NOW + MINUTE) == 4
    assert sorted(taken_by(sms)) == ["kavenegar"] * 4 + ["smsir"]
    assert all(each["repeats"] == 0 for each in sms.messages())


def test_hours_without_the_first_provider_delay_what_it_may_have_by_a_quarter_of_an_hour(sms: SmsSimulator) -> None:
    sms.faults(down=True)
    actions.queue(expired("k"), now=NOW)
    outbox.deliver(now=NOW)
    assert outbox.deliver(now=NOW + 14 * MINUTE) == 0
    assert outbox.deliver(now=NOW + 30 * MINUTE) == 1
    assert taken_by(sms) == ["smsir"]


def test_a_worker_killed_after_smsir_took_it_costs_no_repeat(
    sms: SmsSimulator, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.SMS_PROVIDERS = ["smsir", "kavenegar"]
    actions.queue(expired("k"), now=NOW)

    class Killed(BaseException):
        """As a SIGKILL would: nothing after it runs."""

    def die(*_: Any, **__: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(actions, "mark_sent_many", die)
        with pytest.raises(Killed):
            outbox.deliver(now=NOW)
    assert row("k").held_by == "smsir"
    assert outbox.deliver(now=NOW + timedelta(seconds=outbox.LEASE)) == 1
    assert [f"{each['provider']}+{each['repeats']}" for each in sms.messages()] == ["smsir+0"]
    assert tries(row("k")) == [("", "lost", ""), ("smsir", "sent", "")]


@pytest.mark.parametrize("first", ["kavenegar", "smsir"])
def test_texts_of_a_worker_that_slept_past_its_lease_arrive_once_though_another_took_them_over(
    sms: SmsSimulator, monkeypatch: pytest.MonkeyPatch, settings: Any, first: str
) -> None:
    settings.SMS_PROVIDERS = [first]
    actions.queue_many([expired(f"k{n}") for n in range(9)], now=NOW)
    honest, woken = outbox._write_down, list[int]()

    def slowly(answered: Any, at: datetime) -> int:
        if not woken:  # those that were begun have arrived and are not marked, the rest was not begun
            woken.append(0)
            while len(sms.messages()) < outbox.SENDERS:
                time.sleep(0.01)
            woken.append(outbox.deliver(now=NOW + timedelta(seconds=outbox.LEASE)))
        return honest(answered, at)

    monkeypatch.setattr(outbox, "_write_down", slowly)
    first_sent = outbox.deliver(now=NOW)
    assert woken == [0, 9]  # the second asked the provider for what the first had sent
    assert first_sent <= outbox.SENDERS  # the first sent nothing more
    assert sorted(each["message"] for each in sms.messages()) == sorted(Message.objects.values_list("text", flat=True))
    assert Message.objects.filter(sent_at=None).count() == 0


@pytest.mark.clause("D14")
def test_nothing_is_sent_from_a_line_that_is_not_announced(sms: SmsSimulator) -> None:
    line = Sender.objects.get(kind="sms", address="10004346")
    actions.withdraw(sender_id=line.pk, by="PER-1", now=NOW)
    actions.queue_many([expired("k"), login_code("code")], now=NOW)
    assert outbox.deliver(now=NOW) == 2
    assert taken_by(sms) == ["smsir", "smsir"]
    Sender.objects.filter(kind="sms").update(ends_at=NOW)
    actions.queue(expired("waits"), now=NOW)
    assert outbox.deliver(now=NOW) == 0
    assert tries(row("waits")) == [("", "unknown", "not_announced")]
    outbox.announce(now=NOW + MINUTE)  # what staff ended stays ended
    assert Sender.objects.filter(kind="sms", address="10004346", ends_at=None).count() == 0


@pytest.mark.clause("D12")
def test_a_newsletter_that_waited_while_its_reader_cancelled_does_not_leave(sms: SmsSimulator) -> None:
    consent = Consent.objects.create(person_id=SARA, topic="marketing", channel="sms", given=True, since=NOW)
    news = actions.NewMessage(
        "sms", "+989121234567", "newsletter", {"title": "خبر", "link": "l", "opt_out": "o"}, "news", SARA,
        why=Why.NEWSLETTER,
    )  # fmt: skip
    actions.queue(news, now=NOW)
    Consent.objects.filter(pk=consent.pk).update(given=False)
    assert outbox.deliver(now=NOW) == 0
    assert sms.messages() == []
    assert tries(row("news")) == [("", "refused", "no_marketing_consent")]


def test_a_provider_that_was_replaced_in_the_settings_is_ended_on_the_list(settings: Any) -> None:
    settings.SMSIR_LINE = "30001111"
    outbox.announce(now=NOW + MINUTE)
    outbox.announce(now=NOW + 2 * MINUTE)
    lines = Sender.objects.filter(kind="sms").order_by("pk").values_list("address", "starts_at", "ends_at")
    assert list(lines) == [
        ("10004346", NOW, None),
        ("30004505000017", NOW, NOW + MINUTE),
        ("30001111", NOW + MINUTE, None),
    ]


def test_choosing_between_two_providers_costs_one_query_more(django_assert_num_queries: Any) -> None:
    make.person()
    with django_assert_num_queries(2):
        assert outbox.deliver(now=NOW) == 0
