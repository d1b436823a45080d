"""What the outbox's table gives away to whoever reads it: nothing. And how a message is found all the same."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.db import connection

from peyman import sealed
from peyman.entrypoints import personal_data
from peyman.entrypoints.jobs import field_keys
from peyman.kernel.sealing import MARK, Unreadable
from peyman.messages import actions, queries
from peyman.messages.models import Message
from peyman.people.models import Person
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import expired, login_code, pro_forma, sara

__all__ = ["sara"]  # a fixture of every test here

SARA = "+989121234567"
SEALED = ["to", "title", "text", "html", "secret", "opt_out_url", "instead"]


def stored() -> str:
    """All that the table of messages holds, as the database sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM messages_message")
        return repr(cursor.fetchall())


def send_all() -> None:
    for row in actions.claim(limit=99, now=NOW):
        actions.mark_sent(message=row, provider="p", provider_id="1", now=NOW, keep_secret=True)


@pytest.mark.django_db
@pytest.mark.clause("D16")
def test_the_table_shows_neither_address_nor_words_nor_code() -> None:
    actions.queue_many([login_code("code"), pro_forma("mail", instead=expired("mail:sms"))], now=NOW)
    table = stored()
    for plain in ("9121234567", "sara@example.ir", "123456", "پیمان", "متن"):
        assert plain not in table
    assert [column.name for column in sealed.sealed_fields(Message)] == SEALED
    mail, code = Message.objects.order_by("channel")
    assert (mail.to, mail.title, code.to, code.secret) == ("sara@example.ir", "پیش‌فاکتور سفارش متن", SARA, "123456")
    assert mail.instead is not None and mail.instead["to"] == SARA


@pytest.mark.django_db
@pytest.mark.clause("D16")
def test_a_message_is_found_by_the_keyed_hash_of_its_address_and_by_nothing_else() -> None:
    actions.queue_many([expired("a"), pro_forma("b")], now=NOW)
    assert [row.key for row in queries.sent_to(SARA)] == ["a"]
    assert [row.key for row in queries.sent_to("sara@example.ir")] == ["b"]
    assert not queries.sent_to("+989127654321").exists()
    assert not queries.sent_to().exists() and not queries.sent_to("").exists()
    with pytest.raises(FieldError):
        Message.objects.filter(to=SARA).exists()


@pytest.mark.django_db
def test_a_stand_in_is_found_by_its_own_address() -> None:
    actions.queue(pro_forma("k", to="sara@localhost", instead=expired("k:sms")), now=NOW)
    assert [row.key for row in queries.sent_to(SARA)] == ["k:sms"]


@pytest.mark.django_db
@pytest.mark.clause("D16")
def test_messages_move_to_the_newest_key_and_are_found_meanwhile(settings: Any) -> None:
    old = tuple(settings.FIELD_KEYS)
    actions.queue_many([login_code("code"), pro_forma("mail", instead=expired("mail:sms"))], now=NOW)
    settings.FIELD_KEYS = ("new-key", *old)
    assert [row.key for row in queries.sent_to(SARA)] == ["code"]
    assert field_keys.reseal_all()["messages_message"] == 2
    assert field_keys.reseal_all()["messages_message"] == 0
    settings.FIELD_KEYS = ("new-key",)
    (code,) = queries.sent_to(SARA)
    (mail,) = queries.sent_to("sara@example.ir")
    assert (code.secret, mail.instead["key"]) == ("123456", "mail:sms")
    settings.FIELD_KEYS = old
    with pytest.raises(Unreadable):
        Message.objects.get(key="mail")


@pytest.mark.django_db
@pytest.mark.clause("D16")
def test_who_is_forgotten_is_forgotten_by_the_outbox_also_where_we_did_not_know_them_yet() -> None:
    make.terms()
    actions.queue_many([login_code("before"), expired("known"), expired("waits")], now=NOW)
    reza = make.person(mobile="+989127654321")
    actions.queue(expired("other", to="+989127654321", person_id=reza.pk), now=NOW)
    late = Message.objects.filter(key="waits")
    late.update(due_at=NOW + timedelta(hours=1))
    send_all()
    assert [row["to"] for row in personal_data.everything_about(Person.objects.get(pk=4242), NOW)["messages"]] == [
        SARA, SARA, SARA,
    ]  # fmt: skip
    personal_data.erase(Person.objects.get(pk=4242), NOW)
    left = {row.key: (row.to, bool(row.text), row.secret, row.to_hash is None) for row in Message.objects.all()}
    assert left == {
        "before": ("", False, "", True),
        "known": ("", False, "", True),
        "waits": (SARA, True, "", False),
        "other": ("+989127654321", True, "", False),
    }
    late.update(sent_at=NOW)
    personal_data.finish_erasures(NOW)
    assert (late.get().to, late.get().text, late.get().to_hash, late.get().sent_at) == ("", "", None, NOW)


@pytest.mark.django_db
@pytest.mark.clause("D09")
def test_the_staffs_list_opens_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    actions.queue_many([pro_forma("a"), expired("bad", to="021")], now=NOW)
    opened: list[str] = []
    honest = sealed.keys().open
    monkeypatch.setattr(
        type(sealed.keys()), "open", lambda self, text, context: opened.append(context) or honest(text, context)
    )
    (waiting,), _ = queries.letters("waiting", NOW)
    (dead,), _ = queries.letters("dead", NOW)
    assert (waiting.to, dead.may_retry) == ("s***@example.ir", False)
    assert opened == ["messages.message.to", "messages.message.to"]


@pytest.mark.slow
def test_messages_in_clear_are_sealed_by_the_migration_and_opened_on_the_way_back(transactional_db: None) -> None:
    try:
        call_command("migrate", "messages", "0006", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute(
                'INSERT INTO messages_message (code, channel, "to", why, mark, template, about, title, text, html,'
                " secret, key, created_at, due_at, claim, attempts, provider, provider_id, held_by, opt_out_url,"
                " instead) VALUES ('MSG-1', 'sms', '+989121234567', 'official', '', 't', '', '', 'words', '',"
                " '123456', 'k', %s, %s, '', 0, '', '', '', '', %s)",
                [NOW, NOW, '{"to": "+989127654321"}'],
            )
        call_command("migrate", "messages", verbosity=0)
        assert "words" not in stored() and "9121234567" not in stored() and "9127654321" not in stored()
        (row,) = queries.sent_to(SARA)
        assert (row.to, row.text, row.secret, row.title) == (SARA, "words", "123456", "")
        assert row.instead == {"to": "+989127654321"}
        call_command("migrate", "messages", "0006", verbosity=0)
        table = stored()
        assert "'words'" in table and "'+989121234567'" in table and "'123456'" in table and MARK not in table
    finally:
        call_command("migrate", "messages", verbosity=0)
