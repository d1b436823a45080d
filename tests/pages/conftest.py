"""What pages need: published terms, a calendar, and a clock that stands still."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from peyman.promises.models import TermsVersion
from tests import make


@pytest.fixture
def clock(settings: Any, tmp_path: Path) -> Path:
    """The clock of this shop: it stands at make.NOW until another instant is written to it."""
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(make.NOW.isoformat())
    return settings.CLOCK_FILE


@pytest.fixture
def shop(db: None, clock: Path) -> TermsVersion:
    """A shop that can take orders: terms in force, a calendar, one carrier."""
    make.calendar()
    make.carrier()
    return make.terms()


@pytest.fixture
def finance(client: Client, clock: Path) -> Client:
    """A browser in which a colleague of the money is logged in."""
    client.force_login(make.person(role="finance"))
    return client
