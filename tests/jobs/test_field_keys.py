"""Changing the keys of sealed columns, and forgetting those who waited for it."""

import pytest
from click.testing import CliRunner

from peyman.entrypoints import personal_data
from peyman.entrypoints.jobs import field_keys
from peyman.people import queries
from peyman.people.models import Erasure, Person
from tests import make

pytestmark = pytest.mark.django_db


def test_every_sealed_table_moves_to_the_newest_key_and_then_rests(settings):
    settings.FIELD_KEYS = ("old-key",)
    person = make.person(mobile="+989121111111")
    settings.FIELD_KEYS = ("new-key", "old-key")
    written = field_keys.reseal_all()
    assert written["people_person"] == 1 and "orders_order" in written
    assert set(field_keys.reseal_all().values()) == {0}
    settings.FIELD_KEYS = ("new-key",)
    assert queries.by_mobile("+989121111111") == person


def test_a_key_that_was_taken_out_too_early_is_told_in_a_sentence(settings):
    settings.FIELD_KEYS = ("old-key",)
    make.person()
    settings.FIELD_KEYS = ("new-key",)
    ended = CliRunner().invoke(field_keys.command, ["--json"])
    assert ended.exit_code != 0
    assert "PEYMAN_FIELD_KEYS" in str(ended.exception) + ended.output


@pytest.mark.clause("D16")
def test_who_waits_to_be_forgotten_is_forgotten_when_nothing_is_open():
    make.terms()
    person = make.person(mobile="+989121111111")
    Erasure.objects.create(code="ERA-1", person=person, asked_at=make.NOW, kept=[])
    assert personal_data.finish_erasures(make.NOW) == 1
    assert personal_data.finish_erasures(make.NOW) == 0
    assert Person.objects.get().mobile == ""
