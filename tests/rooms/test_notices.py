"""What is told to many: who, by which way, once, in batches that may be killed."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from peyman.entrypoints import notices
from peyman.entrypoints.jobs import outbox
from peyman.messages.models import Message
from peyman.people import actions as people
from peyman.people import queries, rules
from peyman.people.models import Mailing, Person
from peyman.promises import actions as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import Declaration, Scope
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVERYTHING = Scope(clauses=frozenset(), kinds=frozenset(), provinces=frozenset())
STORM = Declaration(
    starts_at=NOW, ends_at=None, scope=EVERYTHING, title="قطع سراسری اینترنت", text="اینترنت کشور قطع است.",
    signer="نرگس کاظمی، مدیر فروشگاه",
)  # fmt: skip


def promise(person: Person | None, subject: str, **changes: Any) -> None:
    plain: dict[str, Any] = {
        "clause": "D30", "kind": "refund", "subject": subject, "order": "ORD-1",
        "person_id": person.pk if person else None, "what": "بازگرداندن ۱۰۰٬۰۰۰ تومان", "terms": make.terms(),
        "start": NOW, "hours": 48,
    }  # fmt: skip
    promises.make(promises.NewPromise(**{**plain, **changes}), now=NOW)


def told(template: str) -> list[tuple[str, str]]:
    rows = Message.objects.filter(template=template, dead_at=None)
    return sorted((row.channel, row.to) for row in rows)


def reader(**fields: Any) -> Person:
    """Someone with a confirmed e-mail address."""
    n = make.number()
    return make.person(email=f"reader{n}@example.ir", email_confirmed_at=NOW, **fields)


def second_version(at: datetime = NOW + DAY) -> TermsVersion:
    document = make.terms_document()
    changed = replace(document.clauses[0], text="متن تازه بند نخست.")
    return notices.publish_terms(
        document=replace(document, clauses=(changed, *document.clauses[1:])), now=NOW, effective_at=at
    )


# ---- Force majeure ----


@pytest.mark.clause("D121")
def test_those_whose_promises_are_held_are_told_once_by_mail_or_else_by_sms():
    make.calendar()
    by_mail, by_sms, unhurt = reader(), make.person(mobile="+989121110001"), reader()
    promise(by_mail, "refund:1")
    promise(by_mail, "refund:2", what="رساندن کد سبد", kind="cart_code")
    promise(by_sms, "refund:3")
    promise(None, "refund:4")
    promise(unhurt, "refund:5", start=NOW - 9 * DAY)
    promises.keep_many(["refund:5"], evidence={}, now=NOW - 9 * DAY + HOUR)
    made = notices.declare_force_majeure(declaration=STORM, by=make.person(role="manager"), now=NOW, seen=None)
    assert Message.objects.count() == 0  # the transaction of the declaration writes no message
    assert notices.send_out(NOW + HOUR) == 2
    assert told("force_majeure") == [("email", by_mail.email), ("sms", "+989121110001")]
    mail = Message.objects.get(channel="email")
    assert "بازگرداندن ۱۰۰٬۰۰۰ تومان، تا پایان این دوره ایستاده است" in mail.text
    assert "رساندن کد سبد، تا پایان این دوره ایستاده است" in mail.text
    assert f"/force-majeure/{made.code}/" in mail.text and "همه قول‌ها" in mail.text
    assert mail.why == "official"
    assert [notices.send_out(NOW + 2 * HOUR) for _ in range(3)] == [0, 0, 0]
    assert Message.objects.count() == 2
    assert Mailing.objects.get().done_at == NOW + HOUR


@pytest.mark.clause("D121")
def test_the_end_is_told_with_the_new_due_times():
    make.calendar()
    someone = reader()
    promise(someone, "refund:1")
    manager = make.person(role="manager")
    made = notices.declare_force_majeure(declaration=STORM, by=manager, now=NOW, seen=None)
    notices.send_out(NOW + HOUR)
    notices.end_force_majeure(code=made.code, note="اینترنت وصل شد.", by=manager, now=NOW + DAY, seen=None)
    assert notices.send_out(NOW + DAY + HOUR) == 1
    mail = Message.objects.get(template="force_majeure_ended")
    assert "اینترنت وصل شد." in mail.text
    assert "بازگرداندن ۱۰۰٬۰۰۰ تومان، تا سه‌شنبه ۱۸ دی، ساعت ۱۰" in mail.text


def test_who_was_not_yet_told_of_a_period_that_is_over_hears_of_its_end_only():
    make.calendar()
    promise(reader(), "refund:1")
    manager = make.person(role="manager")
    made = notices.declare_force_majeure(declaration=STORM, by=manager, now=NOW, seen=None)
    notices.end_force_majeure(code=made.code, note="اینترنت وصل شد.", by=manager, now=NOW + HOUR, seen=None)
    assert notices.send_out(NOW + HOUR) == 1
    assert [row.template for row in Message.objects.all()] == ["force_majeure_ended"]
    assert not Mailing.objects.filter(done_at=None).exists()


@pytest.mark.clause("D09", "D121")
def test_nobody_is_written_to_at_an_address_that_is_not_confirmed():
    make.calendar()
    promise(make.person(email="typed@example.ir"), "refund:1")
    promise(make.person(confirmed=False), "refund:2")
    quiet = reader()
    people.agree(person=quiet, topic="transactional", channel="email", given=False, how="profile", now=NOW)
    promise(quiet, "refund:3")
    notices.declare_force_majeure(declaration=STORM, by=make.person(role="manager"), now=NOW, seen=None)
    assert notices.send_out(NOW) == 2
    assert [channel for channel, _ in told("force_majeure")] == ["sms", "sms"]
    assert not Message.objects.filter(dead_at__isnull=False).exists()


# ---- Terms ----


@pytest.mark.clause("D05")
def test_a_new_version_is_told_to_those_who_accepted_an_earlier_one():
    first = make.terms()
    by_mail, by_sms, stranger, gone = reader(), make.person(), reader(), reader()
    for person in (by_mail, by_sms, gone):
        promises.accept(person=person, version=first, kind="sign_up", now=NOW)
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    second = second_version()
    eager = reader()
    promises.accept(person=eager, version=first, kind="implied", now=NOW)
    promises.accept(person=eager, version=second, kind="sign_up", now=NOW)
    assert notices.send_out(NOW) == 2
    assert told("terms_changed") == [("email", by_mail.email), ("sms", by_sms.mobile)]
    mail = Message.objects.get(channel="email")
    assert "نسخه: ۲" in mail.text
    assert "از یکشنبه ۱۶ دی ۱۴۰۳، ساعت ۱۰" in mail.text
    assert "- بند ۱-۱، پذیرش ضمنی با استفاده\n" in mail.text
    assert "/terms/difference/?old=1&new=2" in mail.text
    assert stranger.email not in str(told("terms_changed"))


@pytest.mark.clause("D05")
def test_who_signs_up_under_the_version_that_is_going_is_told_too_until_the_new_one_is_in_force():
    first = make.terms()
    second_version(at=NOW + DAY)
    assert notices.send_out(NOW) == 0
    assert Mailing.objects.get().done_at is None
    newcomer = make.person()
    promises.accept(person=newcomer, version=first, kind="sign_up", now=NOW + HOUR)
    assert notices.send_out(NOW + HOUR) == 1
    assert notices.send_out(NOW + DAY) == 0
    assert Mailing.objects.get().done_at == NOW + DAY


def test_the_first_version_is_news_to_nobody():
    notices.publish_terms(document=make.terms_document(), now=NOW)
    assert Mailing.objects.count() == 0


# ---- Batches ----


def crowd(size: int) -> None:
    version = make.terms()
    for _ in range(size):
        promises.accept(person=reader(), version=version, kind="sign_up", now=NOW)


@pytest.mark.parametrize("size", [2, 20])
@pytest.mark.clause("D05")
def test_a_batch_costs_thirteen_queries_however_many_it_tells(size, django_assert_num_queries):
    crowd(size)
    second_version(at=NOW)
    # what is being told, room in the outbox; a savepoint and its release, both versions and their clauses, who
    # accepted, the step; contacts, messages written and read back; the end. Clauses are read once in each process.
    with django_assert_num_queries(13):
        notices.send_out(NOW)
    assert Message.objects.count() == size


@pytest.mark.parametrize("size", [2, 20])
@pytest.mark.clause("D121")
def test_telling_of_a_period_costs_the_same_for_two_as_for_twenty(size, django_assert_num_queries):
    make.calendar()
    for n in range(size):
        promise(reader(), f"refund:{n}")
    notices.declare_force_majeure(declaration=STORM, by=make.person(role="manager"), now=NOW, seen=None)
    with django_assert_num_queries(15):
        notices.send_out(NOW)
    assert Message.objects.count() == size


@pytest.mark.parametrize("size", [2, 20])
@pytest.mark.clause("D11")
def test_a_newsletter_costs_the_same_for_two_as_for_twenty(size, django_assert_num_queries):
    for _ in range(size):
        fan("email")
    send()
    with django_assert_num_queries(10):
        notices.send_out(NOW)
    assert Message.objects.count() == size


@pytest.mark.clause("D05")
def test_a_worker_killed_between_batches_loses_nobody_and_tells_nobody_twice(monkeypatch):
    monkeypatch.setattr(notices, "BATCH", 3)
    crowd(8)
    second_version(at=NOW)
    real, calls = notices.messages.queue_many, []

    def killed_in_the_second(new: Any, *, now: datetime) -> Any:
        calls.append(len(new))
        if len(calls) == 2:
            raise SystemExit
        return real(new, now=now)

    monkeypatch.setattr(notices.messages, "queue_many", killed_in_the_second)
    with pytest.raises(SystemExit):
        notices.send_out(NOW)
    assert (Message.objects.count(), Mailing.objects.get().told) == (3, 3)
    assert notices.send_out(NOW) == 5
    assert calls == [3, 3, 3, 2]
    assert len({row.person_id for row in Message.objects.all()}) == Message.objects.count() == 8
    assert (Mailing.objects.get().told, notices.send_out(NOW)) == (8, 0)


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("D05")
def test_two_workers_at_once_tell_everybody_once(threads, monkeypatch):
    monkeypatch.setattr(notices, "BATCH", 5)
    crowd(23)
    second_version(at=NOW)
    threads(3, lambda _: notices.send_out(NOW))
    notices.send_out(NOW)
    assert Message.objects.count() == 23
    assert (Mailing.objects.get().told, Mailing.objects.get().done_at) == (23, NOW)


def test_a_mailing_waits_while_the_outbox_is_long(monkeypatch):
    monkeypatch.setattr(notices, "BATCH", 2)
    monkeypatch.setattr(notices, "ROOM", 4)
    crowd(9)
    second_version(at=NOW)
    assert notices.send_out(NOW) == 4
    assert notices.send_out(NOW) == 0
    Message.objects.update(sent_at=NOW)
    assert notices.send_out(NOW, most=100) == 4
    Message.objects.update(sent_at=NOW)
    assert notices.send_out(NOW, most=100) == 1


# ---- Newsletters ----

LETTER = {"title": "سه کتاب‌خوان تازه", "intro": "این هفته سه کتاب‌خوان تازه رسیده است.", "link": "/goods/"}


def fan(*channels: str, **fields: Any) -> Person:
    person = reader(**fields)
    for channel in channels:
        people.agree(person=person, topic="marketing", channel=channel, given=True, how="profile", now=NOW)
    return person


def send(**changes: Any) -> Mailing:
    letter = rules.newsletter({**LETTER, **changes}, ["email", "sms"])
    return notices.send_newsletter(letter=letter, by=make.person(role="manager"), now=NOW)


@pytest.mark.clause("D11")
def test_a_newsletter_goes_to_those_who_asked_for_it_and_once_to_each():
    both, by_sms, nobody = fan("email", "sms"), fan("sms"), reader()
    unproven = make.person(email="typed@example.ir")
    people.agree(person=unproven, topic="marketing", channel="email", given=True, how="profile", now=NOW)
    closed = fan("email")
    Person.objects.filter(pk=closed.pk).update(is_active=False)
    assert queries.count_readers(["email", "sms"]) == queries.Readers(email=1, sms=1)
    send()
    assert notices.send_out(NOW) == 2
    assert told("newsletter") == [("email", both.email), ("sms", by_sms.mobile)]
    mail = Message.objects.get(channel="email")
    assert mail.opt_out_url.startswith("http") and f"{mail.opt_out_url}" in mail.text
    assert queries.whose_opt_out(mail.opt_out_url.split("/opt-out/")[1].strip("/")) == (both, "email")
    assert nobody.email not in mail.text


@pytest.mark.clause("D12")
def test_who_opts_out_between_queueing_and_sending_is_not_written_to():
    stays, leaves = fan("email"), fan("email")
    send()
    notices.send_out(NOW)
    people.agree(person=leaves, topic="marketing", channel="email", given=False, how="one_click", now=NOW)
    outbox.deliver(now=NOW)
    states = {row.person_id: (row.sent_at is not None, row.dead_at is not None) for row in Message.objects.all()}
    assert states == {stays.pk: (True, False), leaves.pk: (False, True)}


@pytest.mark.clause("D12")
def test_who_opts_out_while_the_batch_is_being_sent_is_not_written_to(monkeypatch):
    first, second = fan("email"), fan("email")
    send()
    notices.send_out(NOW)
    real = outbox._write_down

    def write_down(*answered: Any) -> Any:
        people.agree(person=second, topic="marketing", channel="email", given=False, how="one_click", now=NOW)
        return real(*answered)

    monkeypatch.setattr(outbox, "_write_down", write_down)
    outbox.deliver(now=NOW)
    assert {row.person_id for row in Message.objects.filter(sent_at__isnull=False)} == {first.pk}


@pytest.mark.clause("D12")
def test_who_opts_out_before_their_batch_is_not_even_queued(monkeypatch):
    monkeypatch.setattr(notices, "BATCH", 1)
    fan("email")
    leaves = fan("email")
    send()
    assert notices.send_out(NOW, most=1) == 1
    people.agree(person=leaves, topic="marketing", channel="email", given=False, how="profile", now=NOW)
    assert notices.send_out(NOW) == 0
    assert Message.objects.count() == 1


@pytest.mark.clause("D11")
def test_the_same_letter_is_not_sent_twice_by_whatever_way():
    fan("email")
    send()
    with pytest.raises(rules.AlreadySent):
        send()
    with pytest.raises(rules.AlreadySent):
        notices.send_newsletter(letter=rules.newsletter(LETTER, ["sms"]), by=make.person(role="manager"), now=NOW + DAY)
    assert Mailing.objects.count() == 1
    send(title="چهار کتاب‌خوان تازه")
    assert Mailing.objects.count() == 2


def test_a_letter_that_nobody_wants_is_not_begun():
    with pytest.raises(rules.NobodyWantsIt):
        send()
    assert Mailing.objects.count() == 0


def test_a_letter_that_is_stopped_reaches_nobody_else(monkeypatch):
    monkeypatch.setattr(notices, "BATCH", 1)
    manager = make.person(role="manager")
    fan("email")
    fan("email")
    row = send()
    notices.send_out(NOW, most=1)
    people.stop_mailing(code=row.code, by=manager, now=NOW)
    assert notices.send_out(NOW) == 0
    with pytest.raises(rules.MailingOver):
        people.stop_mailing(code=row.code, by=manager, now=NOW)


def test_what_everybody_has_a_right_to_hear_goes_before_the_newsletter(monkeypatch):
    fan("email")
    send()
    crowd(1)
    second_version(at=NOW)
    notices.send_out(NOW, most=1)
    assert [row.template for row in Message.objects.all()] == ["terms_changed"]
