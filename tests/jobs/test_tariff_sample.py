"""The sample network: it shows every state of the desk, and is brought once, in the sandbox, where it is asked for."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from peyman.entrypoints.jobs import sample_audit, sample_tariff
from peyman.market.guard.models import TicketKey
from peyman.market.incidents.models import AuditRun, Incident, Step
from peyman.market.tariff.models import Edge, Snapshot
from peyman.market.tariff.queries import drift, isps, probes, rates
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


def test_the_sample_audit_finds_harm_counts_it_again_and_publishes_it_by_two_people(asked: Path) -> None:
    make.terms()
    make.calendar()
    first, second = (make.person(role=role, full_name=name) for role, name in (("tariff", "لیلا"), ("manager", "مینا")))
    sample_tariff.add_network()
    sample_tariff.add_operators()
    sample_audit.add_audit()
    run = AuditRun.objects.get()
    assert (run.state, run.totals["lines"]) == (AuditRun.State.RECOUNTED, 1260)
    assert run.totals["overcharged"] > 0 and run.totals["fine"] > 0 and run.totals["bytes_without_tariff"] > 0
    incident = Incident.objects.get()
    assert incident.state == "published"
    signed = {step.event: step.by for step in Step.objects.filter(incident=incident)}
    assert (signed["confirm"], signed["publish"]) == (first, second)
    assert set(run.files) >= {"report.html", "report.pdf"}


def test_the_sample_audit_is_made_once_the_same_for_one_day_and_waits_for_the_desk_without_staff(asked: Path) -> None:
    sample_audit.add_audit()
    assert not AuditRun.objects.exists(), "there is no network to audit"
    sample_tariff.add_network()
    sample_tariff.add_operators()
    sample_audit.add_audit()
    log = asked / "simulators/audit/downloads.csv"
    before = log.read_bytes()
    sample_audit.add_audit()
    sample_audit._write_inputs(log.parent, make.NOW.date())
    assert log.read_bytes() == before
    assert (AuditRun.objects.count(), Incident.objects.get().state) == (1, "detected")


def test_the_sample_operators_show_a_rate_that_nobody_saw_and_one_key(asked: Path) -> None:
    make.person(role="tariff", full_name="لیلا")
    for _ in range(2):
        sample_tariff.add_operators()
        assert [one.verified for one in rates.believed()] == [True, True, True, False]
        assert rates.verified_operators(make.NOW) == {"مهرنت همراه", "راه‌نت ثابت"}
        assert [one.operator for one in isps.current(make.NOW)] == ["مهرنت همراه", "پارس‌لینک", "راه‌نت ثابت"]
        assert probes.contrary(make.NOW) == []
        assert TicketKey.objects.count() == 1
