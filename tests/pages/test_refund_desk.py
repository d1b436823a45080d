"""The desk of refunds and the customer's own page of them: what they say, who may do what, and that nothing slips."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.billing.models import Account, PayaBatch, PayaLine, Refund
from peyman.people.models import AccessLog, Person
from peyman.promises.models import TermsVersion
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of
from tests.rooms.test_paya import LIMIT, OTHER, SHEBA, declared, fallen, house, owed, owner, ready

__all__ = ["house"]  # a fixture

DESK = "/desk/refunds/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(clock: Path, shop: TermsVersion) -> dict[str, Client]:
    """Two members of staff who may see to refunds, each in a browser of their own."""
    found = {}
    for name, role in (("finance", "finance"), ("manager", "manager")):
        found[name] = Client()
        found[name].force_login(make.person(role=role))
    return found


def test_whoever_has_not_the_right_finds_no_desk(client: Client, clock: Path) -> None:
    for role in ("customer", "orders", "catalogue", "privacy", "tariff"):
        client.force_login(make.person(role=role))
        for path in ("", "batches/", "batches/new", "REF-1/", "batches/BAT-1/"):
            assert client.get(f"{DESK}{path}").status_code == 404
        for path in ("REF-1/approve", "REF-1/look", "REF-1/holder", "REF-1/refuse", "batches/BAT-1/file"):
            assert client.post(f"{DESK}{path}").status_code == 404


def test_a_desk_without_work_says_so(staff: dict[str, Client]) -> None:
    assert "به کسی پولی بدهکار نیستیم." in html_of(staff["finance"].get(DESK))
    assert "هنوز دسته‌ای ساخته نشده است." in html_of(staff["finance"].get(f"{DESK}batches/"))
    assert "اکنون بازپرداختی آماده رفتن نیست." in html_of(staff["finance"].get(f"{DESK}batches/new"))
    assert staff["finance"].get(f"{DESK}REF-NONE/").status_code == 404
    assert staff["finance"].get(f"{DESK}batches/BAT-NONE/").status_code == 404
    assert staff["finance"].get(f"{DESK}batches/BAT-NONE/file").status_code == 405
