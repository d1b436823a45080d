"""The sample network: it shows every state of the desk, and is brought once, in the sandbox, where it is asked for."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from peyman.entrypoints.jobs import sample_tariff
from peyman.market.tariff.models import Edge, Snapshot
from peyman.market.tariff.queries import drift
from tests import make


@pytest.fixture
def asked(settings: Any, tmp_path: Path, db: None) -> Path:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(make.NOW.isoformat())
    settings.DATA_DIR = tmp_path
    settings.REGISTRANTS = [sample_tariff.REGISTRANT]
    return tmp_path


def test_the_sample_network_shows_every_kind_of_drift_and_of_list(asked: Path) -> None:
    sample_tariff.add_network()
    assert Counter(Snapshot.objects.values_list("state", flat=True)) == {"good": 26, "quarantined": 1, "unreadable": 1}
    kinds = Counter(finding.kind.value for finding in drift.look(make.NOW).findings)
    assert kinds == {"unregistered": 3, "pending": 2, "ineligible": 1, "idle": 2}
    assert set(Edge.objects.values_list("source", flat=True)) == {sample_tariff.SOURCE}
    assert "نمونه" in sample_tariff.SOURCE
    assert (asked / "simulators/registry.csv").read_text().startswith("name_as_entered,")


def test_the_sample_network_is_brought_once_and_never_beside_others(asked: Path) -> None:
    sample_tariff.add_network()
    before = Snapshot.objects.count(), Edge.objects.count()
    sample_tariff.add_network()
    assert (Snapshot.objects.count(), Edge.objects.count()) == before


def test_neither_init_nor_its_sample_shop_brings_it_unasked_and_production_never(peyman: Any) -> None:
    assert peyman("init", "--sample").returncode == 0
    assert "REG-" not in peyman("registry", "status", "2.180.1.1", "--json").stdout
    done = peyman("init", "--tariff-sample", PEYMAN_SANDBOX="", PEYMAN_SECRET_KEY="x" * 60)
    assert done.returncode == 2
