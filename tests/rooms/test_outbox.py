"""The outbox: told once, claimed by one worker at a time, tried again, given up, never lost."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from peyman.kernel.errors import Refused
from peyman.messages import actions, queries, rules
from peyman.messages.actions import NewMessage
from peyman.messages.models import Attempt, Message
from tests import make
from tests.make import NOW

CODE = "ORD-7K2M-9QXR-4WTB-6"
SECOND = timedelta(seconds=1)
SARA = 4242  # whom everything here is written to


@pytest.fixture(autouse=True)
def sara(request: pytest.FixtureRequest) -> None:
    """Sara's mobile and mail address are confirmed."""
    request.getfixturevalue("transactional_db" if "threads" in request.fixturenames else "db")
    make.person(pk=SARA, mobile="+989121234567", email="sara@example.ir", email_confirmed_at=NOW)


def expired(key: str, **fields: Any) -> NewMessage:
    """A message that has nothing special about it."""
    return NewMessage(
        channel="sms",
        template="order_expired",
        context=fields.pop("context", {"order": CODE}),
        key=key,
        person_id=fields.pop("person_id", SARA),
        **{"to": "+989121234567", "about": f"order:{CODE}", **fields},
    )


def login_code(key: str, **fields: Any) -> NewMessage:
    return NewMessage(
        channel="sms",
        to="+989121234567",
        template="login_code",
        context={"code": "123456", "host": "peyman.example"},
        key=key,
        secret="123456",
        stale_at=fields.pop("stale_at", NOW + timedelta(minutes=3)),
        why=rules.Why.VERIFICATION,
        **fields,
    )


def pro_forma(key: str, *, to: str = "sara@example.ir", instead: NewMessage | None = None) -> NewMessage:
    texts = dict.fromkeys(rules.TEMPLATES["email", "pro_forma"].needs, "متن")
    return NewMessage(
        channel="email",
        to=to,
        template="pro_forma",
        context={**texts, "lines": [], "fees": []},
        key=key,
        person_id=SARA,
        about=f"order:{CODE}",
        instead=instead,
    )


def tries(message: Message) -> list[tuple[str, str, str]]:
    return [(row.provider, row.outcome, row.detail) for row in message.tries.order_by("pk")]


# ---- Queueing ----


@pytest.mark.django_db
def test_a_message_waits_as_it_will_read() -> None:
    row = actions.queue(expired("k1", to="0912 123 4567"), now=NOW)
    assert (row.channel, row.to, row.template, row.about) == ("sms", "+989121234567", "order_expired", f"order:{CODE}")
    assert row.text.startswith("پیمان: مهلت پرداخت این سفارش گذشت")
    assert (row.attempts, row.due_at, row.created_at, row.sent_at, row.dead_at) == (0, NOW, NOW, None, None)
    assert row.code.startswith("MSG-")


@pytest.mark.django_db
def test_the_same_key_is_told_once_and_stays_as_it_was() -> None:
    first = actions.queue(expired("k1"), now=NOW)
    again = actions.queue(expired("k1", to="+989127654321"), now=NOW + SECOND)
    assert (again.pk, again.to) == (first.pk, "+989121234567")
    rows = actions.queue_many([expired("k2"), expired("k1"), expired("k2")], now=NOW)
    assert [row.key for row in rows] == ["k2", "k1", "k2"]
    assert Message.objects.count() == 2


@pytest.mark.django_db
def test_a_message_goes_away_with_the_transaction_of_what_it_tells() -> None:
    with pytest.raises(Refused), transaction.atomic():
        actions.queue(expired("k1"), now=NOW)
        raise Refused
    assert Message.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 20])
def test_queueing_costs_two_queries_whatever_the_number(number: int, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):  # whose contacts these are, write
        actions.queue_many([expired(f"k{n}") for n in range(number)], now=NOW)
    assert Message.objects.count() == number


@pytest.mark.parametrize("key", ["", "k" * 121])
@pytest.mark.django_db
def test_a_message_without_a_usable_key_is_a_bug(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        actions.queue(expired(key), now=NOW)


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_does_not_vanish_silently() -> None:
    telegram = NewMessage("telegram", "+989121234567", "order_expired", {"order": CODE}, "k", person_id=SARA)
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.queue_many([expired("a"), telegram], now=NOW)
    assert Message.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("poison", "detail"),
    [
        (expired("bad", to="02188776655"), "bad_address"),
        (expired("bad", to="+989121234567\r\nX: y"), "bad_address"),
        (NewMessage("sms", "+989121234567", "horoscope", {}, "bad", person_id=SARA), "no_template"),
        (NewMessage("sms", "+989121234567", "order_expired", {}, "bad", person_id=SARA), "context_order"),
        (expired("bad", context={"order": "\x00"}), "bad_text"),
        (NewMessage("sms", "\ud800" + "9" * 400, "order_expired", {"order": CODE}, "bad"), "bad_address"),
    ],
)
def test_a_poisoned_message_is_dead_at_once_and_stops_neither_the_order_nor_the_others(
    poison: NewMessage, detail: str
) -> None:
    rows = actions.queue_many([expired("a"), poison, expired("z")], now=NOW)
    dead = rows[1]
    assert (dead.dead_at, dead.sent_at, dead.text) == (NOW, None, "")
    assert tries(dead) == [("", "refused", detail)]
    assert [row.key for row in actions.claim(limit=10, now=NOW)] == ["a", "z"]
    actions.queue(poison, now=NOW)
    assert Attempt.objects.count() == 1


@pytest.mark.django_db
def test_a_poisoned_log_in_code_is_not_kept() -> None:
    message = NewMessage("sms", "021", "login_code", {"code": "123456", "host": "h"}, "k", secret="123456")
    assert actions.queue(message, now=NOW).secret == ""


def test_sixteen_threads_that_tell_the_same_three_things_write_three_rows(threads: Callable[..., list[Any]]) -> None:
    def tell(number: int) -> list[int]:
        keys = [f"k{(number + shift) % 3}" for shift in range(3)]
        return sorted(row.pk for row in actions.queue_many([expired(key) for key in keys], now=NOW))

    answers = threads(16, tell)
    assert Message.objects.count() == 3
    assert answers == [answers[0]] * 16


# ---- Claiming ----


@pytest.mark.django_db
def test_a_claimed_message_is_nobody_elses_until_its_lease_has_run_out() -> None:
    actions.queue(expired("k1"), now=NOW)
    (mine,) = actions.claim(limit=10, now=NOW, lease=60)
    assert mine.attempts == 1
    assert actions.claim(limit=10, now=NOW + timedelta(seconds=59), lease=60) == []
    (again,) = actions.claim(limit=10, now=NOW + timedelta(seconds=60), lease=60)
    assert (again.pk, again.attempts) == (mine.pk, 2)
    assert tries(again) == [("", "lost", "")]


@pytest.mark.django_db
def test_what_waits_leaves_in_order_and_log_in_codes_leave_first() -> None:
    actions.queue(expired("first"), now=NOW - 2 * SECOND)
    actions.queue(expired("second"), now=NOW - SECOND)
    actions.queue(login_code("later", stale_at=NOW + timedelta(minutes=3)), now=NOW)
    actions.queue(login_code("sooner", stale_at=NOW + timedelta(minutes=2)), now=NOW)
    actions.queue(expired("not yet"), now=NOW + SECOND)
    assert [row.key for row in actions.claim(limit=3, now=NOW)] == ["sooner", "later", "first"]
    assert [row.key for row in actions.claim(limit=3, now=NOW)] == ["second"]


@pytest.mark.django_db
def test_a_worker_may_ask_for_only_what_is_urgent_or_only_the_rest() -> None:
    actions.queue_many([expired("slow"), login_code("quick")], now=NOW)
    assert [row.key for row in actions.claim(limit=9, now=NOW, urgent=True)] == ["quick"]
    assert actions.claim(limit=9, now=NOW, urgent=True) == []
    assert [row.key for row in actions.claim(limit=9, now=NOW, urgent=False)] == ["slow"]


@pytest.mark.django_db
def test_giving_back_costs_one_query_whatever_the_number(django_assert_num_queries: Any) -> None:
    actions.queue_many([expired(f"k{n}") for n in range(9)], now=NOW)
    mine = actions.claim(limit=9, now=NOW)
    with django_assert_num_queries(1):
        actions.release(mine)
    assert Message.objects.filter(attempts=0, claim="", claimed_until=None).count() == 9


@pytest.mark.django_db
def test_messages_given_back_are_due_at_once_and_were_not_tried() -> None:
    actions.queue(expired("k1"), now=NOW)
    actions.release(actions.claim(limit=1, now=NOW))
    (again,) = actions.claim(limit=1, now=NOW)
    assert again.attempts == 1
    assert tries(again) == []


@pytest.mark.django_db
def test_asking_in_vain_costs_one_query_and_claiming_a_constant_number(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert actions.claim(limit=50, now=NOW) == []
    actions.queue_many([expired(f"k{n}") for n in range(20)], now=NOW)
    with django_assert_num_queries(5):  # look, savepoint, take, read, release of the savepoint
        assert len(actions.claim(limit=50, now=NOW)) == 20


def test_of_many_workers_each_message_goes_to_exactly_one(threads: Callable[..., list[Any]]) -> None:
    actions.queue_many([expired(f"k{n:02}") for n in range(40)], now=NOW)

    def work(number: int) -> list[int]:
        mine: list[int] = []
        while Message.objects.filter(claim="").exists():
            mine += [row.pk for row in actions.claim(limit=5, now=NOW)]
        return mine

    claimed = [pk for mine in threads(6, work) for pk in mine]
    assert sorted(claimed) == sorted(Message.objects.values_list("pk", flat=True))
    assert len(claimed) == 40
    assert set(Message.objects.values_list("attempts", flat=True)) == {1}


# ---- Marking ----


@pytest.mark.django_db
@pytest.mark.clause("D10")
def test_a_message_that_left_says_by_whom_and_is_claimed_no_more() -> None:
    actions.queue(expired("k1"), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    assert actions.mark_sent(message=mine, provider="kavenegar", provider_id="8546", now=NOW + SECOND) is True
    row = Message.objects.get()
    assert (row.sent_at, row.provider, row.provider_id, row.claimed_until) == (NOW + SECOND, "kavenegar", "8546", None)
    assert [(t.provider, t.outcome, t.at) for t in queries.log_of(f"order:{CODE}")] == [
        ("kavenegar", "sent", NOW + SECOND)
    ]
    assert actions.claim(limit=1, now=NOW + timedelta(days=1)) == []


@pytest.mark.django_db
def test_a_second_sending_is_written_down_and_changes_nothing_else() -> None:
    actions.queue(expired("k1"), now=NOW)
    (first,) = actions.claim(limit=1, now=NOW)
    (second,) = actions.claim(limit=1, now=NOW + timedelta(minutes=2))
    assert actions.mark_sent(message=second, provider="kavenegar", provider_id="1", now=NOW + timedelta(minutes=2))
    assert not actions.mark_sent(message=first, provider="kavenegar", provider_id="1", now=NOW + timedelta(minutes=3))
    assert Message.objects.get().sent_at == NOW + timedelta(minutes=2)
    assert [outcome for _, outcome, _ in tries(first)] == ["lost", "sent", "sent"]


@pytest.mark.django_db
def test_a_log_in_code_is_forgotten_once_it_left_except_in_the_sandbox() -> None:
    actions.queue_many([login_code("outside"), login_code("sandbox"), expired("other")], now=NOW)
    for row in actions.claim(limit=3, now=NOW):
        actions.mark_sent(message=row, provider="p", provider_id="", now=NOW, keep_secret=row.key == "sandbox")
    kept = {row.key: (row.secret, bool(row.text)) for row in Message.objects.all()}
    assert kept == {"outside": ("", False), "sandbox": ("123456", True), "other": ("", True)}


def taken(rows: list[Message], *, provider: str = "kavenegar") -> list[actions.Taken]:
    return [actions.Taken(row, provider, f"n{row.key}") for row in rows]


@pytest.mark.django_db
@pytest.mark.clause("D10")
def test_what_left_together_is_marked_together_each_with_its_own_number(django_assert_num_queries: Any) -> None:
    actions.queue_many([expired(f"k{n:02}") for n in range(20)], now=NOW)
    mine = actions.claim(limit=20, now=NOW)
    mixed = [*taken(mine[:12]), *taken(mine[12:], provider="smsir")]
    with django_assert_num_queries(4):  # savepoint, the tries, the messages, release of the savepoint
        assert actions.mark_sent_many(mixed, now=NOW + SECOND) == mine
    left = {row.key: (row.provider, row.provider_id, row.claim, row.sent_at) for row in Message.objects.all()}
    assert left["k03"] == ("kavenegar", "nk03", "", NOW + SECOND)
    assert left["k15"] == ("smsir", "nk15", "", NOW + SECOND)
    assert all(tries(row) == [(left[row.key][0], "sent", "")] for row in mine)
    assert actions.mark_sent_many([], now=NOW) == []


@pytest.mark.django_db
def test_of_a_batch_only_messages_with_a_code_lose_their_words() -> None:
    actions.queue_many([login_code("code"), expired("other")], now=NOW)
    actions.mark_sent_many(taken(actions.claim(limit=2, now=NOW)), now=NOW)
    kept = {row.key: (row.secret, bool(row.text), row.provider_id) for row in Message.objects.all()}
    assert kept == {"code": ("", False, "ncode"), "other": ("", True, "nother")}


@pytest.mark.django_db
def test_of_a_batch_what_another_worker_marked_first_stays_as_it_was() -> None:
    actions.queue_many([expired("a"), expired("b")], now=NOW)
    a, b = actions.claim(limit=2, now=NOW)
    actions.mark_sent(message=a, provider="smsir", provider_id="first", now=NOW)
    assert actions.mark_sent_many(taken([a, b]), now=NOW + SECOND) == [b]
    left = {row.key: (row.provider, row.provider_id, row.sent_at) for row in Message.objects.all()}
    assert left == {"a": ("smsir", "first", NOW), "b": ("kavenegar", "nb", NOW + SECOND)}
    assert (len(tries(a)), len(tries(b))) == (2, 1)


@pytest.mark.django_db
def test_a_row_that_the_database_refuses_to_mark_undoes_no_other() -> None:
    actions.queue_many([expired("a"), expired("b"), expired("c")], now=NOW)
    a, b, c = actions.claim(limit=3, now=NOW)
    with connection.cursor() as cursor:  # a try under a key that is there already: what the database must refuse
        cursor.execute("CREATE UNIQUE INDEX poison ON messages_attempt (message_id) WHERE outcome = 'sent'")
        Attempt.objects.create(message=b, provider="x", outcome="sent", at=NOW)
    assert actions.mark_sent_many(taken([a, b, c]), now=NOW) == [a, c]
    assert {row.key for row in Message.objects.filter(sent_at=None)} == {"b"}
    (again,) = actions.claim(limit=3, now=NOW + timedelta(seconds=60))
    assert again.key == "b"


@pytest.mark.django_db
@pytest.mark.clause("D10")
def test_a_failed_message_is_tried_again_later_and_each_try_is_written_down() -> None:
    actions.queue(expired("k1"), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    assert actions.mark_failed(message=mine, provider="kavenegar", detail="418", now=NOW) is False
    row = Message.objects.get()
    assert timedelta(seconds=2) <= row.due_at - NOW < timedelta(seconds=2.4)
    assert (row.claimed_until, row.dead_at, row.attempts) == (None, None, 1)
    assert actions.claim(limit=1, now=NOW + timedelta(seconds=1.9)) == []
    (mine,) = actions.claim(limit=1, now=row.due_at)
    actions.mark_failed(message=mine, provider="kavenegar", detail="ConnectTimeout", now=row.due_at)
    assert tries(row) == [("kavenegar", "unknown", "418"), ("kavenegar", "unknown", "ConnectTimeout")]


@pytest.mark.django_db
def test_after_the_last_allowed_try_a_message_is_dead() -> None:
    actions.queue(login_code("k1"), now=NOW)
    Message.objects.update(attempts=149)
    (mine,) = actions.claim(limit=1, now=NOW)
    assert actions.mark_failed(message=mine, provider="kavenegar", detail="418", now=NOW) is True
    row = Message.objects.get()
    assert (row.attempts, row.dead_at, row.secret, row.text) == (150, NOW, "", "")


@pytest.mark.django_db
def test_who_lost_the_lease_neither_delays_nor_kills_what_another_holds() -> None:
    actions.queue(expired("k1"), now=NOW)
    (slow,) = actions.claim(limit=1, now=NOW, lease=60)
    later = NOW + timedelta(seconds=60)
    (quick,) = actions.claim(limit=1, now=later, lease=60)
    actions.mark_failed(message=slow, provider="kavenegar", detail="x", now=later)
    assert not actions.mark_failed(message=slow, provider="kavenegar", detail="411", now=later, permanent=True)
    actions.release([slow])
    row = Message.objects.get()
    assert (row.claim, row.due_at, row.dead_at, row.attempts) == (quick.claim, NOW, None, 2)


@pytest.mark.django_db
def test_what_was_sent_counts_as_sent_even_when_it_was_given_up_meanwhile() -> None:
    actions.queue(expired("k1"), now=NOW)
    (slow,) = actions.claim(limit=1, now=NOW, lease=60)
    (quick,) = actions.claim(limit=1, now=NOW + timedelta(seconds=60), lease=60)
    actions.mark_failed(message=quick, provider="kavenegar", detail="411", now=NOW, permanent=True)
    assert actions.mark_sent(message=slow, provider="kavenegar", provider_id="1", now=NOW + timedelta(seconds=61))
    row = Message.objects.get()
    assert (row.sent_at, row.dead_at) == (NOW + timedelta(seconds=61), None)


@pytest.mark.django_db
def test_a_stale_log_in_code_is_dropped_and_not_sent_late() -> None:
    actions.queue(login_code("k1", stale_at=NOW + timedelta(minutes=3)), now=NOW)
    assert actions.drop_stale(now=NOW + timedelta(minutes=3) - SECOND) == 0
    assert actions.claim(limit=1, now=NOW + timedelta(minutes=3)) == []
    assert actions.drop_stale(now=NOW + timedelta(minutes=3)) == 1
    assert actions.drop_stale(now=NOW + timedelta(minutes=3)) == 0
    row = Message.objects.get()
    assert (row.dead_at, row.secret, row.text) == (NOW + timedelta(minutes=3), "", "")
    assert tries(row) == [("", "stale", "")]


@pytest.mark.django_db
def test_a_code_on_its_way_is_left_to_the_worker_that_holds_it() -> None:
    actions.queue(login_code("k1", stale_at=NOW + SECOND), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW, lease=60)
    assert actions.drop_stale(now=NOW + 2 * SECOND) == 0
    assert actions.mark_stale(message=mine, now=NOW + 2 * SECOND) is True
    assert Message.objects.get().dead_at == NOW + 2 * SECOND


# ---- Instead ----


@pytest.mark.django_db
@pytest.mark.clause("D24")
def test_a_pro_forma_whose_mail_is_refused_for_good_goes_by_sms_and_keeps_the_same_promise() -> None:
    actions.queue(pro_forma("pro_forma:1", instead=expired("pro_forma:1:sms")), now=NOW)
    (mail,) = actions.claim(limit=9, now=NOW)
    assert mail.channel == "email"
    actions.mark_failed(message=mail, provider="smtp", detail="rcpt_550", now=NOW, permanent=True)
    actions.mark_failed(message=mail, provider="smtp", detail="rcpt_550", now=NOW, permanent=True)
    (sms,) = actions.claim(limit=9, now=NOW)
    assert (sms.channel, sms.to, sms.template, sms.about) == ("sms", "+989121234567", "order_expired", f"order:{CODE}")
    assert queries.promised_by(sms) == ["message:pro_forma:1:sms", "message:pro_forma:1"]
    assert queries.promised_by(mail) == ["message:pro_forma:1"]


@pytest.mark.django_db
def test_an_address_that_is_none_goes_by_sms_at_once() -> None:
    actions.queue(pro_forma("k", to="sara@localhost", instead=expired("k:sms")), now=NOW)
    assert [row.key for row in actions.claim(limit=9, now=NOW)] == ["k:sms"]


@pytest.mark.django_db
def test_while_the_mail_may_still_leave_nothing_goes_instead() -> None:
    actions.queue(pro_forma("k", instead=expired("k:sms")), now=NOW)
    (mail,) = actions.claim(limit=9, now=NOW)
    actions.mark_failed(message=mail, provider="smtp", detail="data_451", now=NOW)
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_what_cannot_go_instead_is_passed_over() -> None:
    actions.queue(pro_forma("k", instead=expired("k:sms", to="021")), now=NOW)
    assert Message.objects.get().instead is None


# ---- Reading ----


@pytest.mark.django_db
def test_the_inbox_shows_what_was_sent_newest_first_and_by_number_as_people_write_it() -> None:
    reza = make.person(mobile="+989127654321").pk
    to_reza = expired("b", to="+989127654321", person_id=reza)
    actions.queue_many([login_code("code"), expired("a"), to_reza, expired("waits")], now=NOW)
    claimed = {row.key: row for row in actions.claim(limit=9, now=NOW)}
    for seconds, key in enumerate(["code", "a", "b"]):
        actions.mark_sent(
            message=claimed[key], provider="p", provider_id="", now=NOW + seconds * SECOND, keep_secret=True
        )
    assert [row["to"] for row in queries.sent()] == ["+989127654321", "+989121234567", "+989121234567"]
    assert [row["at"] for row in queries.sent(limit=2)] == [NOW + 2 * SECOND, NOW + SECOND]
    for typed in ("09121234567", "+989121234567", "۰۹۱۲۱۲۳۴۵۶۷", "0912 123 45 67"):
        newest, oldest = queries.sent(typed)
        assert (newest["template"], newest["code"]) == ("order_expired", None)
        assert oldest == {
            "id": claimed["code"].code,
            "channel": "sms",
            "to": "+989121234567",
            "template": "login_code",
            "text": claimed["code"].text,
            "code": "123456",
            "at": NOW,
        }
    assert queries.sent("nobody") == []
    assert queries.sent("") == []


@pytest.mark.django_db
def test_the_export_tells_every_message_and_nothing_about_people() -> None:
    actions.queue_many([expired("a"), expired("b", to="021")], now=NOW)
    sent, dead = Message.objects.order_by("pk")
    actions.mark_sent(message=actions.claim(limit=1, now=NOW)[0], provider="p", provider_id="", now=NOW)
    assert list(queries.export_rows()) == [
        {
            "id": sent.code,
            "channel": "sms",
            "template": "order_expired",
            "subject": f"order:{CODE}",
            "attempts": 1,
            "sent_at": NOW,
            "dead_at": None,
        },
        {
            "id": dead.code,
            "channel": "sms",
            "template": "order_expired",
            "subject": f"order:{CODE}",
            "attempts": 0,
            "sent_at": None,
            "dead_at": NOW,
        },
    ]
