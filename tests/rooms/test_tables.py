"""Rows read, written and changed at little cost are those of Django; each on whichever database this is."""

from datetime import datetime
from typing import Any, NamedTuple

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from peyman import tables
from peyman.billing.models import Bill, Entry
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order, OrderEvent
from peyman.shop.stock.models import Stock
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


def message(n: int, **more: Any) -> Message:
    filled: dict[str, Any] = {
        "code": f"MSG-{n}",
        "channel": Message.Channel.SMS,
        "to": "+989121234567",
        "template": "cart_code",
        "text": f"متن {n}",
        "key": f"key-{n}",
        "created_at": NOW,
        "due_at": NOW,
    }
    return Message(**(filled | more))


def stored() -> list[dict[str, Any]]:
    """All columns of the messages as code reads them, but for their keys."""
    rows = Message.objects.order_by("code").values()
    return [{name: value for name, value in row.items() if name != "id"} for row in rows]


def samples(person: Person) -> list[Message]:
    return [
        message(1),
        message(2, to="", instead={"کلید": ["a", 1, None]}, stale_at=NOW, attempts=7),
        message(3, person=person, channel="email", to="a@example.ir", title="عنوان", instead={}),
        message(4, instead={}),
        message(5, instead=[]),
        message(6, instead=0),
        message(7, instead=False),
    ]


def test_rows_are_those_that_django_writes() -> None:
    person = make.person()
    tables.insert(samples(person))
    by_columns = stored()
    Message.objects.all().delete()
    Message.objects.bulk_create(samples(person))
    assert by_columns == stored()
    assert [row["instead"] for row in by_columns] == [None, {"کلید": ["a", 1, None]}, {}, {}, [], 0, False]
    assert by_columns[-1]["instead"] is False


class _Bare(NamedTuple):
    posting: str
    account: str
    amount: int
    bill_id: int
    at: datetime


def test_rows_need_not_be_made_of_the_model() -> None:
    person = make.person()
    bill = Bill.objects.create(subject="order:1", person=person, amount=5, created_at=NOW)
    tables.insert([_Bare("a", "bank", 5, bill.pk, NOW), _Bare("a", "orders", -5, bill.pk, NOW)], into=Entry)
    assert list(Entry.objects.order_by("pk").values_list("posting", "account", "amount", "bill", "at")) == [
        ("a", "bank", 5, bill.pk, NOW),
        ("a", "orders", -5, bill.pk, NOW),
    ]


def test_what_is_sealed_is_never_sealed_the_same_twice() -> None:
    tables.insert([message(1, text="یکی"), message(2, text="یکی")])
    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM messages_message")
        sealed = {row[0] for row in cursor.fetchall()}
    assert len(sealed) == 2
    assert all(text.startswith("s1:") for text in sealed)


def test_an_empty_batch_is_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        tables.insert([])
        assert tables.insert_new([]) == []


@pytest.mark.parametrize("count", [1, 40])
def test_any_number_of_rows_is_one_statement(count: int, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        tables.insert([message(n) for n in range(count)])
    with django_assert_num_queries(1):
        assert len(tables.insert_new([message(n) for n in range(1000, 1000 + count)])) == count
    assert Message.objects.count() == 2 * count


def test_new_rows_get_their_keys_and_what_was_there_is_passed_over() -> None:
    tables.insert([message(1)])
    again, fresh = message(9, key="key-1"), message(2)
    assert tables.insert_new([again, fresh]) == [fresh]
    assert Message.objects.get(pk=fresh.pk).code == "MSG-2"
    assert again.pk is None
    assert [row["code"] for row in stored()] == ["MSG-1", "MSG-2"]


def test_a_broken_rule_of_the_table_is_never_passed_over() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        tables.insert_new([message(1, channel="pigeon")])
    assert stored() == []


def test_what_is_too_long_for_its_column_is_refused_not_cut(on_postgres: bool) -> None:
    if not on_postgres:
        pytest.skip("SQLite has no lengths")
    with pytest.raises(DataError), transaction.atomic():
        tables.insert([message(1, provider="p" * 21)])
    assert stored() == []


@pytest.mark.parametrize("model", [Message, Promise, Order, OrderEvent])
def test_every_column_of_a_model_is_written(model: type[Any]) -> None:
    plan = tables._plan(model, connection.vendor)  # type: ignore[arg-type]  # a class can be hashed
    assert len(plan.columns) == len(model._meta.concrete_fields) - 1


@pytest.mark.parametrize("model", [Message, Promise, Order])
def test_a_fresh_row_is_what_django_makes_of_nothing(model: type[Any]) -> None:
    first, second, told = tables.fresh(model), tables.fresh(model), model()
    assert first.__dict__ | {"_state": None} == told.__dict__ | {"_state": None}
    assert first._state.__dict__ == told._state.__dict__
    shared = [
        name
        for name, value in first.__dict__.items()
        if isinstance(value, list | dict) and value is second.__dict__[name]
    ]
    assert shared == []


def test_a_fresh_row_holds_what_is_said_of_it_and_knows_its_columns() -> None:
    row = tables.fresh(Promise, code="PRM-1", terms_id=7, pauses=["a"])
    assert (row.code, row.terms_id, row.pauses, row.state, row.pk) == ("PRM-1", 7, ["a"], "open", None)
    with pytest.raises(TypeError, match="Promise has no kindness"):
        tables.fresh(Promise, code="PRM-1", kindness=1)


# ---- Reading ----

_of_keys = tables.Prepared(
    lambda keys: Message.objects.filter(key__in=keys, channel="sms").select_related("person").order_by("-code")
)
_sizes = tables.Prepared(
    lambda ids: (
        Message.objects.filter(pk__in=ids, attempts__lt=F("pk") + 100).order_by("pk").values_list("code", "due_at")
    )
)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 700])
def test_a_prepared_query_finds_what_django_finds(count: int) -> None:
    person = make.person()
    tables.insert([message(n, person=person if n % 2 else None) for n in range(count + 3)])
    keys = [f"key-{n}" for n in range(count)]
    for _ in range(2):  # made, and made already
        found = _of_keys(keys)
        told = list(Message.objects.filter(key__in=keys).select_related("person").order_by("-code"))
        assert [row.__dict__ | {"_state": None} for row in found] == [row.__dict__ | {"_state": None} for row in told]
        assert [row.person for row in found] == [row.person for row in told]
        ids = [row.pk for row in told]
        assert _sizes(iter(ids)) == list(
            Message.objects.filter(pk__in=ids).order_by("pk").values_list("code", "due_at")
        )


def test_a_prepared_row_is_a_row_like_any_other(django_assert_num_queries: Any) -> None:
    tables.insert([message(1, person=make.person())])
    with django_assert_num_queries(1):
        (row,) = _of_keys(["key-1", "key-1"])
        assert row.person is not None
    row.text = "دیگر"
    row.save(update_fields=["text"])
    assert Message.objects.get().text == "دیگر"


def test_a_prepared_query_asks_nothing_for_no_keys(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert _of_keys([]) == []


def test_a_query_without_keys_finds_what_is_there_now(django_assert_num_queries: Any) -> None:
    newest = tables.Fixed(lambda: Message.objects.order_by("-code")[:1])
    assert newest() == []
    for n in (1, 2):
        tables.insert([message(n)])
        with django_assert_num_queries(1):
            assert [row.code for row in newest()] == [f"MSG-{n}"]


def test_a_query_that_does_not_ask_for_its_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="each of its keys"):
        tables.Prepared(lambda keys: Message.objects.filter(key=keys[0]))(["a", "b", "c"])


@pytest.mark.django_db(transaction=True)
def test_what_is_locked_needs_a_transaction(on_postgres: bool) -> None:
    locked = tables.Prepared(lambda keys: Message.objects.select_for_update().filter(key__in=keys))
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        locked(["a"])
    assert ("FOR UPDATE" in asked.captured_queries[-1]["sql"]) == on_postgres
    with pytest.raises(TransactionManagementError):
        locked(["a"])


# ---- Changing ----


def test_rows_are_changed_as_django_changes_them(django_assert_num_queries: Any) -> None:
    tables.insert([message(n, attempts=n, channel="email" if n == 3 else "sms") for n in range(5)])
    ids = list(Message.objects.order_by("code").values_list("pk", flat=True))
    with django_assert_num_queries(1):
        changed = tables.change(
            Message,
            [*ids[1:], ids[1], 10**9],
            where={"channel": [Message.Channel.SMS, "pigeon"]},
            provider=tables.ByKey("pk", {pk: f"p{pk}" for pk in [*ids, 10**9]}, Message._meta.get_field("provider")),
            attempts=tables.Plus({pk: 10 for pk in [*ids, 10**9]}),
            stale_at=NOW,
            instead={"a": 1},
            title="یکی",
        )
    assert changed == 3
    assert list(
        Message.objects.order_by("code").values_list("provider", "attempts", "stale_at", "instead", "title")
    ) == [
        ("", 0, None, None, ""),
        (f"p{ids[1]}", 11, NOW, {"a": 1}, "یکی"),
        (f"p{ids[2]}", 12, NOW, {"a": 1}, "یکی"),
        ("", 3, None, None, ""),
        (f"p{ids[4]}", 14, NOW, {"a": 1}, "یکی"),
    ]


def test_a_column_stays_within_another(django_assert_num_queries: Any) -> None:
    full, free = make.variant(on_hand=3), make.variant(on_hand=5)
    with django_assert_num_queries(1):
        changed = tables.change(
            Stock,
            [full.pk, free.pk],
            key="variant_id",
            up_to={"allocated": "on_hand"},
            allocated=tables.Plus({full.pk: 4, free.pk: 5}),
        )
    assert changed == 1
    assert dict(Stock.objects.values_list("variant_id", "allocated")) == {full.pk: 0, free.pk: 5}


def test_nothing_to_change_is_no_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert tables.change(Message, [], title="x") == 0
