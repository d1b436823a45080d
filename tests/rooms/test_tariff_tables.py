"""What operators charge, whose customer an address is, what was measured: kept, seen by a person, never rewritten."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from peyman.entrypoints import tariff_tables
from peyman.gateways.audit import files
from peyman.kernel import prefixes
from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.actions import rates
from peyman.market.tariff.actions.tables import Brought
from peyman.market.tariff.models import Isp, Probe, Rate, RateCheck
from peyman.market.tariff.queries import isps as isp_queries
from peyman.market.tariff.queries import probes as probe_queries
from peyman.market.tariff.queries import rates as rate_queries
from peyman.market.tariff.rules.tables import BadTable, NoTable
from tests import make

NOW = make.NOW
HOUR = timedelta(hours=1)
ISPS = "prefix,asn,operator,valid_from,valid_to\n"
RATES = "operator,service_class,plan,valid_from,valid_to,full_rial_per_mb,factor,unit_bytes,verified,source\n"
PROBES = "operator,edge,at,factor,source,note\n"

pytestmark = pytest.mark.django_db


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def bring(table: str, *lines: str, now: datetime = NOW, **more) -> Brought:
    header = {"isps": ISPS, "tariffs": RATES, "probes": PROBES}[table]
    data = (header + "\n".join(lines)).encode()
    return tariff_tables.bring(table, data, name="table.csv", by=more.pop("by", None), now=now, **more).brought


def rate(operator: str = "همراه", *, since="2024-01-01", until="", full="40", factor="1/2", plan="") -> str:
    return f"{operator},internet,{plan},{since},{until},{full},{factor},1000000,yes,نامه ۱۲"


def verify(*, by, now: datetime = NOW) -> None:
    for one in rate_queries.believed():
        if not one.verified:
            rates.verify(rate_id=one.pk, source_seen="صفحه تعرفه‌ها", reason="همان است", by=by, now=now)


@pytest.fixture
def staff():
    return make.person(role="tariff")


# ---- Rates ----


@pytest.mark.clause("B02")
def test_a_rate_counts_once_a_person_has_seen_its_source_whatever_the_file_says(staff):
    assert bring("tariffs", rate()) == Brought(1, 1, 0)
    assert rate_queries.verified_operators(NOW) == set()
    verify(by=staff)
    assert rate_queries.verified_operators(NOW) == {"همراه"}
    (one,) = rate_queries.current(NOW)
    assert (one.verified, one.seen_by, one.seen_at, one.full, one.factor) == (True, staff.code, NOW, 40, Fraction(1, 2))


@pytest.mark.clause("B02")
def test_one_rate_that_nobody_saw_or_that_is_more_than_half_silences_its_operator(staff):
    bring("tariffs", rate(), rate("ایران"))
    verify(by=staff)
    assert rate_queries.verified_operators(NOW) == {"همراه", "ایران"}
    bring("tariffs", rate(plan="شبانه"), now=NOW + HOUR)
    assert rate_queries.verified_operators(NOW) == {"ایران"}
    verify(by=staff)
    assert rate_queries.verified_operators(NOW) == {"همراه", "ایران"}
    bring("tariffs", rate("ایران", factor="0.51"), now=NOW + HOUR)
    verify(by=staff)
    assert rate_queries.verified_operators(NOW) == {"همراه"}


@pytest.mark.clause("B02")
def test_a_verification_is_taken_back_with_a_reason_and_both_stay_readable(staff):
    bring("tariffs", rate())
    verify(by=staff)
    (one,) = rate_queries.believed()
    rates.doubt(rate_id=one.pk, source_seen="قبض ۹", reason="قبض چیز دیگری می‌گوید", by=staff, now=NOW + HOUR)
    assert rate_queries.verified_operators(NOW) == set()
    assert [(check.nth, check.verified) for check in rate_queries.checks([one.pk])[one.pk]] == [(2, False), (1, True)]
    # What we knew then is known still.
    assert [each.verified for each in rate_queries.believed(known_at=NOW)] == [True]
    with pytest.raises(Invalid):
        rates.doubt(rate_id=one.pk, source_seen="قبض ۹", reason="باز هم", by=staff, now=NOW + HOUR)
    assert RateCheck.objects.count() == 2


@pytest.mark.clause("B02")
def test_a_verification_says_what_was_seen_and_of_a_rate_that_we_believe(staff):
    bring("tariffs", rate())
    (one,) = rate_queries.believed()
    with pytest.raises(Invalid) as refused:
        rates.verify(rate_id=one.pk, source_seen=" ", reason="", by=staff, now=NOW)
    assert set(refused.value.fields) == {"source_seen", "reason"}
    bring("tariffs", rate(full="50"), now=NOW + HOUR)
    with pytest.raises(Missing):
        rates.verify(rate_id=one.pk, source_seen="صفحه", reason="همان", by=staff, now=NOW + HOUR)
    assert not RateCheck.objects.exists()


@pytest.mark.clause("B02")
def test_a_changed_rate_is_seen_anew_and_one_that_stays_is_not(staff):
    bring("tariffs", rate(), rate("ایران"))
    verify(by=staff)
    assert bring("tariffs", rate(), rate("ایران", full="41"), now=NOW + HOUR) == Brought(2, 1, 1)
    assert rate_queries.verified_operators(NOW) == {"همراه"}
    assert bring("tariffs", rate(), rate("ایران", full="41.0"), now=NOW + HOUR) == Brought(2, 0, 0)
    assert [one.full for one in rate_queries.believed(known_at=NOW)] == [40, 40]
    assert sorted(one.full for one in rate_queries.believed()) == [40, 41]


@pytest.mark.clause("B02")
def test_rows_at_one_time_of_one_plan_are_refused_and_each_is_named():
    with pytest.raises(BadTable) as refused:
        bring(
            "tariffs",
            rate(since="2024-01-01", until="2024-06-01"),
            rate(since="2024-05-01"),
            rate("ایران"),
            rate("ایران"),
            rate("شاتل", since="2024-01-01", until="2024-02-01"),
            rate("شاتل", since="2024-02-01"),
        )
    named = [(fault.line, fault.code) for fault in refused.value.faults]
    assert named == [(2, "overlap"), (3, "overlap"), (4, "repeated"), (5, "repeated")]
    assert "سطر ۳" in refused.value.faults[0].says
    assert "سطر ۲" in refused.value.faults[1].says
    assert not Rate.objects.exists()


def test_a_table_that_comes_whole_leaves_out_what_it_does_not_name():
    bring("tariffs", rate(), rate("ایران"))
    assert bring("tariffs", rate(), now=NOW + HOUR) == Brought(1, 0, 0)
    assert bring("tariffs", rate(), now=NOW + HOUR, whole=True) == Brought(1, 0, 1)
    assert [one.operator for one in rate_queries.believed()] == ["همراه"]


def test_prices_and_shares_are_exact_fractions_however_they_are_written():
    bring("tariffs", rate("الف", full="0.1", factor="1/3"), rate("ب", full="1250.50", factor="0.370"))
    assert [(one.full, one.factor) for one in rate_queries.believed()] == [
        (Fraction(1, 10), Fraction(1, 3)),
        (Fraction(2501, 2), Fraction(37, 100)),
    ]
    assert list(Rate.objects.order_by("pk").values_list("full", "factor")) == [("0.1", "1/3"), ("1250.5", "0.37")]


# ---- ISPs ----


@pytest.mark.clause("B02")
def test_a_range_is_anew_whose_the_file_says_and_what_we_believed_stays_known():
    bring("isps", "2.144.0.0/14,44244,ایرانسل,2024-01-01,", "5.112.0.0/12,,رایتل,2024-01-01,")
    assert bring("isps", "2.144.0.0/14,197207,همراه,2024-01-01,", now=NOW + HOUR) == Brought(1, 1, 1)
    assert [one.operator for one in isp_queries.current(NOW)] == ["همراه", "رایتل"]
    assert [one.operator for one in isp_queries.current(NOW, known_at=NOW)] == ["ایرانسل", "رایتل"]
    told = isp_queries.story(prefixes.address("2.145.1.1"))
    assert [(one.operator, one.superseded_at) for one in told] == [("همراه", None), ("ایرانسل", NOW + HOUR)]


@pytest.mark.clause("B02")
def test_one_range_of_two_operators_at_a_time_is_refused_and_ranges_inside_others_are_not():
    with pytest.raises(BadTable) as refused:
        bring(
            "isps",
            "2.144.0.0/14,1,الف,2024-01-01,",
            "2.144.0.0/14,1,ب,2024-03-01,2024-04-01",
            "2.144.0.0/16,1,ب,2024-01-01,",
            "10.0.0.0/8,1,ب,2024-01-01,",
            "0.0.0.0/0,1,ب,2024-01-01,",
            "5.0.0.0/16,1,unknown,2024-01-01,",
        )
    assert [(fault.line, fault.code) for fault in refused.value.faults] == [
        (2, "overlap"),
        (3, "overlap"),
        (5, "special"),
        (6, "everything"),
        (7, "operator"),
    ]
    assert not Isp.objects.exists()


def test_a_trial_counts_and_changes_nothing():
    assert bring("isps", "2.144.0.0/14,1,الف,2024-01-01,", trial=True) == Brought(1, 1, 0)
    assert (Isp.objects.count(), isp_queries.edition()) == (0, 0)


# ---- Probes ----


@pytest.mark.clause("B02")
def test_a_measured_full_price_stands_until_a_later_measurement_of_the_whole_range_says_half():
    bring("probes", "همراه,2.180.1.7,2024-05-01T10:00,0.98,کارشناس ۳,مانده پیش و پس")
    assert probe_queries.contrary(tehran("2024-05-01T09:59")) == []
    assert probe_queries.contrary(NOW) == [("همراه", prefixes.network("2.180.1.7/32")[0])]
    bring("probes", "همراه,2.180.1.8,2024-05-02T10:00,0.5,کارشناس ۳,", "ایران,2.180.1.0/24,2024-05-02T10:00,1/2,ک,")
    assert probe_queries.contrary(NOW) == [("همراه", prefixes.network("2.180.1.7/32")[0])]
    bring("probes", "همراه,2.180.1.0/28,2024-05-03T10:00,0.53,کارشناس ۳,")
    assert probe_queries.contrary(NOW) == []
    assert probe_queries.contrary(tehran("2024-05-02T12:00")) == [("همراه", prefixes.network("2.180.1.7/32")[0])]


def test_a_corrected_measurement_supersedes_and_one_of_tomorrow_is_none():
    bring("probes", "همراه,2.180.1.7,2024-05-01T10:00,0.98,کارشناس ۳,")
    assert bring("probes", "همراه,2.180.1.7,2024-05-01T10:00,0.49,کارشناس ۳,رقم جابه‌جا بود", now=NOW + HOUR) == Brought(
        1, 1, 1
    )
    assert probe_queries.contrary(NOW) == []
    with pytest.raises(BadTable) as refused:
        bring("probes", "همراه,2.180.1.7,2025-01-04T11:00,1,ک,", "همراه,2.180.1.7,2025-01-01,1,,")
    assert [(fault.line, fault.code) for fault in refused.value.faults] == [(2, "in_the_future"), (3, "no_source")]


# ---- All of them ----


def test_each_edition_moves_with_every_change_of_its_table_and_with_nothing_else(staff):
    editions = [isp_queries.edition, rate_queries.edition, probe_queries.edition]
    assert [edition() for edition in editions] == [0, 0, 0]
    bring("isps", "2.144.0.0/14,1,الف,2024-01-01,")
    bring("isps", "2.144.0.0/14,1,الف,2024-01-01,")
    assert [edition() for edition in editions] == [1, 0, 0]
    bring("tariffs", rate())
    verify(by=staff)
    assert [edition() for edition in editions] == [1, 2, 0]
    bring("probes", "همراه,2.180.1.7,2024-05-01T10:00,0.98,ک,")
    assert [edition() for edition in editions] == [1, 2, 1]


def test_nobody_rewrites_what_was_believed(staff):
    bring("isps", "2.144.0.0/14,1,الف,2024-01-01,")
    bring("tariffs", rate())
    bring("probes", "همراه,2.180.1.7,2024-05-01T10:00,0.98,ک,")
    verify(by=staff)
    for change in (
        lambda: Isp.objects.update(operator="ب"),
        lambda: Isp.objects.update(valid_to=NOW),
        lambda: Isp.objects.all().delete(),
        lambda: Rate.objects.update(full="1"),
        lambda: Rate.objects.update(factor="1"),
        lambda: Rate.objects.all().delete(),
        lambda: Probe.objects.update(factor="0.5"),
        lambda: Probe.objects.update(measured_at=NOW),
        lambda: RateCheck.objects.update(verified=False),
        lambda: RateCheck.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    Isp.objects.update(superseded_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Isp.objects.update(superseded_at=None)


def test_what_goes_out_comes_in_as_it_was_and_the_audit_reads_the_same(staff, tmp_path: Path):
    bring("isps", "2.144.0.0/14,44244,ایرانسل,2024-01-01,", "2a01::/32,,ب,2024-01-01,2024-03-01T12:30")
    bring("tariffs", rate(), rate("ایران", full="12.125", factor="1/3", until="2024-12-01"))
    bring("probes", 'همراه,2.180.1.7,2024-05-01T10:00,0.98,ک,"یک، دو, سه"')
    verify(by=staff)
    readers = {"isps": files.isps, "tariffs": files.tariffs, "probes": files.probes}
    kept = {"isps": isp_queries.for_audit, "tariffs": rate_queries.for_audit, "probes": probe_queries.for_audit}
    for table, read in readers.items():
        text = tariff_tables.export(table)
        (tmp_path / table).write_text(text, encoding="utf-8")
        assert read(tmp_path / table) == kept[table]()
        again = tariff_tables.bring(table, text.encode(), name="out.csv", whole=table != "probes", by=None, now=NOW)
        assert (again.brought.added, again.brought.superseded) == (0, 0)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "ستون‌های آن"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"prefix,asn,operator,valid_from\n", "ستون‌های آن"),
        (b"prefix,prefix,asn,operator,valid_from,valid_to\n", "ستون‌های آن"),
        (ISPS.encode(), "سطری در آن نیست"),
        (ISPS.encode() + b"1.1.1.0/24,1,a\n", "سطر ۲"),
        (ISPS.encode() + b'1.1.1.0/24,1,"a,2024-01-01,\n', "CSV درست نیست"),
        (ISPS.encode() + b"1.1.1.0/24,1," + b"a" * 200_000 + b",2024-01-01,\n", "CSV درست نیست"),
    ],
)
def test_what_is_no_table_is_refused_in_words(data, says):
    with pytest.raises(NoTable) as refused:
        tariff_tables.bring("isps", data, name="x.csv", by=None, now=NOW)
    assert says in refused.value.detail
    assert not Isp.objects.exists()


def test_every_line_that_cannot_be_read_is_named():
    with pytest.raises(BadTable) as refused:
        bring("isps", "1.1.1.0/24,1,الف,2024-01-01,", "fe80::1%eth0,1,الف,2024-01-01,", "1.1.2.0/24,1,,x,")
    assert [fault.line for fault in refused.value.faults] == [3, 4]
    assert not Isp.objects.exists()
