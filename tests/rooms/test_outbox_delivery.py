"""The outbox on its way: claimed, sent to real (simulated) providers, marked, and the promise kept."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from peyman.entrypoints.jobs import outbox
from peyman.gateways import kavenegar
from peyman.gateways import sms as sending
from peyman.gateways.simulators.mail import MailSimulator
from peyman.gateways.simulators.sms import SmsSimulator
from peyman.messages import actions, rules
from peyman.messages.models import Message
from peyman.promises import actions as promises
from peyman.promises.models import Promise
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import expired, login_code, pro_forma, sara, tries

__all__ = ["sara"]  # a fixture of every test here

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_provider_and_announced(settings: Any, sara: None) -> None:
    settings.SMS_URL = settings.SMTP_URL = ""
    settings.SMS_PROVIDERS = ["kavenegar"]
    outbox.announce(now=NOW)


@pytest.fixture
def sms(settings: Any) -> Iterator[SmsSimulator]:
    with SmsSimulator() as simulator:
        settings.SMS_URL = simulator.url
        yield simulator


@pytest.fixture
def post(settings: Any) -> Iterator[MailSimulator]:
    with MailSimulator() as simulator:
        settings.SMTP_URL = simulator.smtp_url
        yield simulator


def promise(key: str, kind: str = "cart_code") -> Promise:
    return promises.make(
        promises.NewPromise(
            clause="D57",
            kind=kind,
            subject=f"message:{key}",
            order="",
            person_id=None,
            what="فرستادن کد سبد خرید",
            terms=make.terms(),
            start=NOW,
            hours=1,
            hours_kind="calendar",
        ),
        now=NOW,
    )


def states() -> dict[str, str]:
    return {
        row.key: "sent" if row.sent_at else "dead" if row.dead_at else "waits"
        for row in Message.objects.order_by("key")
    }


def later(attempts: int = 1) -> datetime:
    """When what failed at NOW is due again, for certain."""
    return NOW + timedelta(minutes=attempts)


@pytest.mark.clause("D10")
def test_sms_and_mail_leave_and_are_marked_with_their_providers_numbers(sms: SmsSimulator, post: MailSimulator) -> None:
    actions.queue_many([expired("a"), pro_forma("b")], now=NOW)
    assert outbox.deliver(now=NOW) == 2
    first, second = Message.objects.order_by("key")
    assert (first.provider, first.provider_id) == ("kavenegar", str(sms.messages()[0]["messageid"]))
    assert (second.provider, second.provider_id) == ("smtp", second.code)
    assert tries(first) == [("kavenegar", "sent", "")]
    assert sms.messages("09121234567")[0]["message"] == first.text
    assert sms.messages()[0]["localid"] == str(first.pk)
    assert post.mails("sara@example.ir")[0]["subject"] == second.title
    assert first.sent_at is not None
    assert NOW <= first.sent_at < NOW + timedelta(seconds=5)
    assert outbox.deliver(now=later()) == 0


@pytest.mark.clause("D57")
def test_a_message_that_left_keeps_its_promise_with_itself_as_evidence(sms: SmsSimulator) -> None:
    make.calendar()
    promise("a")
    row = actions.queue(expired("a"), now=NOW)
    outbox.deliver(now=NOW)
    kept = Promise.objects.get()
    assert (kept.state, kept.evidence) == ("kept", {"message": row.code, "channel": "sms"})
    assert kept.kept_at == Message.objects.get().sent_at


@pytest.mark.clause("D24")
def test_a_pro_forma_refused_by_mail_goes_by_sms_and_keeps_the_promise_of_the_mail(
    sms: SmsSimulator, post: MailSimulator
) -> None:
    make.calendar()
    promise("k", kind="pro_forma")
    post.faults(refuse_recipient=True)
    actions.queue(pro_forma("k", instead=expired("k:sms")), now=NOW)
    assert outbox.deliver(now=NOW) == 0
    assert Promise.objects.get().state == "open"
    assert outbox.deliver(now=later()) == 1
    assert states() == {"k": "dead", "k:sms": "sent"}
    assert Promise.objects.get().state == "kept"
    assert tries(Message.objects.get(key="k")) == [("smtp", "refused", "rcpt_550")]


def test_a_promise_left_open_by_a_killed_worker_is_kept_as_of_the_hour_the_message_left(sms: SmsSimulator) -> None:
    make.calendar()
    promise("a")
    actions.queue(expired("a"), now=NOW)
    (row,) = actions.claim(limit=1, now=NOW)
    actions.mark_sent(message=row, provider="kavenegar", provider_id="1", now=NOW + timedelta(minutes=59))
    assert outbox.keep_told_promises(now=NOW + timedelta(hours=2)) == 1
    assert outbox.keep_told_promises(now=NOW + timedelta(hours=2)) == 0
    kept = Promise.objects.get()
    assert (kept.state, kept.kept_at) == ("kept", NOW + timedelta(minutes=59))


def test_a_log_in_code_is_shown_in_the_sandbox_and_forgotten_elsewhere(sms: SmsSimulator, settings: Any) -> None:
    actions.queue(login_code("sandbox"), now=NOW)
    outbox.deliver(now=NOW)
    settings.SANDBOX = False
    actions.queue(login_code("outside"), now=NOW)
    outbox.deliver(now=NOW)
    kept = {row.key: (row.secret, bool(row.text)) for row in Message.objects.all()}
    assert kept == {"sandbox": ("123456", True), "outside": ("", False)}


def test_log_in_codes_leave_before_everything_that_waited_longer(sms: SmsSimulator) -> None:
    actions.queue_many([expired(f"k{n}") for n in range(20)], now=NOW - timedelta(hours=1))
    actions.queue(login_code("code"), now=NOW)
    outbox.deliver(now=NOW, limit=1)
    assert {key for key, state in states().items() if state == "sent"} == {"code"}


def test_a_code_that_waited_too_long_is_dropped(sms: SmsSimulator) -> None:
    actions.queue(login_code("code", stale_at=NOW + timedelta(minutes=3)), now=NOW)
    assert outbox.deliver(now=NOW + timedelta(minutes=3)) == 0
    assert sms.messages() == []
    assert states() == {"code": "dead"}


def test_a_code_whose_time_passes_while_its_worker_is_busy_is_dropped(sms: SmsSimulator) -> None:
    actions.queue_many([login_code(f"k{n}", stale_at=NOW + timedelta(seconds=0.3)) for n in range(5)], now=NOW)
    sms.faults(slow_s=0.6)
    assert outbox.deliver(now=NOW) == 4
    assert len(sms.messages()) == 4
    assert tries(Message.objects.get(sent_at=None)) == [("", "stale", "")]


def test_one_message_that_fails_stops_no_other(sms: SmsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    actions.queue_many([expired(f"k{n}") for n in range(6)], now=NOW)
    named = {str(pk): key for pk, key in Message.objects.values_list("pk", "key")}
    honest = kavenegar.send

    def poisoned(*, to: str, text: str, key: str, quick: bool = False) -> rules.Delivery:
        if named[key] == "k2":
            raise KeyError("a bug of ours, with +989121234567 in its text")
        if named[key] == "k3":
            return rules.Refused("kavenegar", "411")
        return honest(to=to, text=text, key=key)

    monkeypatch.setattr(kavenegar, "send", poisoned)
    assert outbox.deliver(now=NOW) == 4
    assert states() == {"k0": "sent", "k1": "sent", "k2": "waits", "k3": "dead", "k4": "sent", "k5": "sent"}
    assert tries(Message.objects.get(key="k2")) == [("", "unknown", "KeyError")]


def test_a_provider_that_is_away_costs_few_tries_and_no_message(sms: SmsSimulator, post: MailSimulator) -> None:
    sms.faults(http_500=True)
    actions.queue_many([expired(f"k{n:02}") for n in range(20)], now=NOW)
    actions.queue(pro_forma("mail"), now=NOW)
    assert outbox.deliver(now=NOW) == 1  # the mail, which waited behind all of them
    assert Message.objects.filter(attempts=1).count() == 5
    assert Message.objects.filter(claimed_until__isnull=False).count() == 0
    sms.faults(http_500=False)
    assert outbox.deliver(now=later()) == 20
    assert len(sms.messages()) == 20


def test_hours_without_a_provider_lose_nothing_and_send_nothing_twice(sms: SmsSimulator) -> None:
    actions.queue_many([expired(f"k{n}") for n in range(3)], now=NOW)
    sms.faults(drop=True)  # takes the message and answers nothing: the worst of both
    for minute in range(0, 360, 15):
        assert outbox.deliver(now=NOW + timedelta(minutes=minute)) == 0
    sms.faults(drop=False)
    assert outbox.deliver(now=NOW + timedelta(minutes=375)) == 3
    assert len(sms.messages()) == 3
    assert set(states().values()) == {"sent"}


def test_a_worker_killed_between_sending_and_marking_costs_one_repeat_under_the_same_key(
    post: MailSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.queue(pro_forma("k"), now=NOW)

    class Killed(BaseException):
        """As a SIGKILL would: nothing after it runs."""

    def die(*_: Any, **__: Any) -> bool:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(actions, "mark_sent_many", die)
        with pytest.raises(Killed):
            outbox.deliver(now=NOW)
    assert outbox.deliver(now=NOW + timedelta(seconds=outbox.LEASE - 1)) == 0
    assert outbox.deliver(now=NOW + timedelta(seconds=outbox.LEASE)) == 1
    assert outbox.deliver(now=NOW + timedelta(days=1)) == 0
    first, second = post.mails()
    assert first["message_id"] == second["message_id"] == f"<{Message.objects.get().code}@127.0.0.1>"
    assert [outcome for _, outcome, _ in tries(Message.objects.get())] == ["lost", "sent"]
    assert Message.objects.get().attempts == 2


def test_a_worker_that_slept_past_its_lease_sends_no_more_mail_that_another_took_over(
    post: MailSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.queue_many([pro_forma(f"k{n}") for n in range(4)], now=NOW)
    honest, others = outbox._write_down, list[Message]()

    def slowly(answered: Any, at: datetime) -> int:
        sent = honest(answered, at)
        if not others:  # between the first letter and the second
            others.extend(actions.claim(limit=50, now=NOW + timedelta(seconds=outbox.LEASE), lease=outbox.LEASE))
        return sent

    monkeypatch.setattr(outbox, "_write_down", slowly)
    assert outbox.deliver(now=NOW) == 1
    assert [row.key for row in others] == ["k1", "k2", "k3"]
    assert len(post.mails()) == 1
    assert set(Message.objects.filter(sent_at=None).values_list("claim", flat=True)) == {others[0].claim}
    assert outbox.deliver(now=NOW + timedelta(seconds=2 * outbox.LEASE)) == 3  # the second was killed, say
    assert sorted(mail["subject"] for mail in post.mails()) == sorted(Message.objects.values_list("title", flat=True))


def test_a_claim_names_its_process_so_that_its_holder_can_be_looked_for(sms: SmsSimulator) -> None:
    actions.queue(expired("k"), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    assert int(mine.claim[:8], 16) == os.getpid()
    assert len(mine.claim) == 32


def test_a_message_that_kills_every_worker_is_given_up(sms: SmsSimulator) -> None:
    actions.queue(expired("k"), now=NOW)
    Message.objects.update(attempts=150, claim="lost", claimed_until=NOW)
    assert outbox.deliver(now=NOW) == 0
    assert sms.messages() == []
    assert tries(Message.objects.get()) == [("", "lost", ""), ("", "refused", "lost_too_often")]
    assert states() == {"k": "dead"}


def test_what_a_worker_has_no_time_for_is_given_back(sms: SmsSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    actions.queue_many([expired(f"k{n}") for n in range(9)], now=NOW)
    honest, may_leave = outbox._may_leave, []

    def last(message: Message, ways: outbox.Ways, at: datetime) -> bool:
        """The time is up once four were begun."""
        may_leave.append(message)
        if len(may_leave) == outbox.SENDERS:
            monkeypatch.setattr(outbox, "LAST_START", 0.0)
        return honest(message, ways, at)

    monkeypatch.setattr(outbox, "_may_leave", last)
    assert outbox.deliver(now=NOW) == outbox.SENDERS == 4
    assert Message.objects.filter(claimed_until=None, attempts=0, sent_at=None).count() == 5


def test_no_transaction_is_open_while_a_provider_is_waited_for(
    transactional_db: None, sms: SmsSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions.queue(expired("k"), now=NOW)
    seen: list[bool] = []
    main, honest = connection.connection, outbox._send

    def watched(message: Message, ways: outbox.Ways) -> sending.Result:
        in_transaction = getattr(main, "in_transaction", None)
        seen.append(bool(main.info.transaction_status) if in_transaction is None else in_transaction)
        return honest(message, ways)

    monkeypatch.setattr(outbox, "_send", watched)
    assert outbox.deliver(now=NOW) == 1
    assert seen == [False]


def test_three_workers_send_forty_messages_once_each(sms: SmsSimulator, threads: Callable[..., list[Any]]) -> None:
    actions.queue_many([expired(f"k{n:02}") for n in range(40)], now=NOW)

    def work(number: int) -> int:
        return sum(outbox.deliver(now=NOW, limit=7) for _ in range(8))

    assert sum(threads(3, work)) == 40
    assert sorted(row["repeats"] for row in sms.messages()) == [0] * 40


def test_a_sandbox_without_providers_sends_into_its_inbox_and_production_never_does(settings: Any) -> None:
    actions.queue_many([expired("a"), pro_forma("b")], now=NOW)
    assert outbox.deliver(now=NOW) == 2
    assert {row.provider for row in Message.objects.all()} == {"inbox"}
    settings.SANDBOX, settings.KAVENEGAR_KEY, settings.SMTP_URL = False, "", "smtp://127.0.0.1:9"
    settings.SMS_URL = "http://127.0.0.1:9"
    actions.queue_many([expired("c"), pro_forma("d")], now=NOW)
    assert outbox.deliver(now=NOW) == 0
    assert states() == {"a": "sent", "b": "sent", "c": "waits", "d": "waits"}


def test_nothing_to_do_costs_two_queries(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert outbox.deliver(now=NOW) == 0
