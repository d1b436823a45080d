"""Rows that may only be added to."""

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F

from peyman.entrypoints.jobs import triggers
from peyman.shop.catalog.models import PriceChange
from tests import make


def _note():
    field = models.CharField(max_length=5, default="x")
    field.set_attributes_from_name("note")
    field.model = PriceChange
    return field


def test_history_can_neither_be_changed_nor_deleted(db):
    make.variant(price=1_000_000)
    for change in (
        lambda: PriceChange.objects.update(price=F("price") + 10),
        lambda: PriceChange.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="append only: catalog_pricechange"), transaction.atomic():
            change()
    assert list(PriceChange.objects.values_list("price", flat=True)) == [1_000_000]


def test_a_table_of_history_cannot_be_emptied_at_one_stroke(transactional_db, on_postgres):
    make.variant()
    with pytest.raises(IntegrityError, match="append only: catalog_pricechange"), connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalog_pricechange" if on_postgres else "DELETE FROM catalog_pricechange")
    assert PriceChange.objects.count() == 1


def test_the_ledgers_and_histories_of_every_room_are_append_only():
    assert triggers.tables() == [
        "billing_agreement",
        "billing_entry",
        "billing_refundapproval",
        "billing_statement",
        "catalog_catalogchange",
        "catalog_pricechange",
        "catalog_saleswitch",
        "finding_synonymversion",
        "guard_statement",
        "incidents_notice",
        "incidents_step",
        "licences_licenceuse",
        "messages_attempt",
        "offers_act",
        "offers_floor",
        "orders_allowedaddress",
        "orders_orderevent",
        "orders_proforma",
        "people_accesslog",
        "people_consentevent",
        "people_contactchange",
        "people_identitychange",
        "people_loginevent",
        "people_privacyevent",
        "promises_acceptance",
        "promises_calendarversion",
        "promises_forcemajeure",
        "promises_forcemajeureend",
        "promises_promiseevent",
        "promises_remedy",
        "promises_termsclause",
        "promises_termsversion",
        "stock_movement",
        "tariff_fetch",
        "tariff_ratecheck",
        "tariff_row",
    ]


def test_a_table_without_its_triggers_is_found_and_made_whole(db):
    assert triggers.missing() == []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute('DROP TRIGGER "append_only_billing_entry_delete"')
        else:
            cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER append_only_rows")
    assert triggers.missing() == ["billing_entry"]
    triggers.after_migration()
    assert triggers.missing() == []


def test_an_altered_table_has_its_triggers_back_after_the_migration(transactional_db):
    with connection.schema_editor() as editor:
        editor.add_field(PriceChange, _note())
    try:
        triggers.after_migration()
        assert triggers.missing() == []
    finally:
        with connection.schema_editor() as editor:
            editor.remove_field(PriceChange, _note())
        triggers.after_migration()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_transactional_test_leaves_empty_tables_with_whole_triggers(transactional_db, turn):
    assert PriceChange.objects.count() == 0
    assert triggers.missing() == []
    make.variant()


def test_competing_threads_each_have_a_connection_of_their_own(threads):
    one = make.variant(on_hand=3)

    def take(number):
        left = type(one.stock).objects.filter(variant=one, allocated__lt=F("on_hand"))
        return left.update(allocated=F("allocated") + 1)

    assert sorted(threads(8, take)) == [0, 0, 0, 0, 0, 1, 1, 1]
