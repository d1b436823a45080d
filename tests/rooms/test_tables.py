"""Rows written by columns are the rows that Django writes; each on whichever database this is."""

from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from peyman import tables
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.models import Promise
from peyman.shop.orders.models import Order, OrderEvent
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
        message(3, person=person, channel="email", to="a@example.ir", title="عنوان"),
    ]


def test_rows_are_those_that_django_writes() -> None:
    person = make.person()
    tables.insert(samples(person))
    by_columns = stored()
    Message.objects.all().delete()
    Message.objects.bulk_create(samples(person))
    assert by_columns == stored()
    assert [row["instead"] for row in by_columns] == [None, {"کلید": ["a", 1, None]}, None]


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
