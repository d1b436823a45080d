"""Registry and network watched together: noticed at once, told of once it held, gone once it stayed away."""

from datetime import UTC, date, datetime, timedelta

import pytest

from peyman.entrypoints import tariff_watch
from peyman.kernel import prefixes
from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.actions import edges
from peyman.market.tariff.models import Drift, Watch
from peyman.market.tariff.queries import drift as queries
from peyman.messages.models import Message
from tests import make, registry

NOW = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)  # Saturday, 10:00 in Tehran
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
OURS = "185.143.232.0/30"

pytestmark = pytest.mark.django_db


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def declare(*lines: str, now: datetime = NOW) -> None:
    text = "\n".join(["cdn,prefix,valid_from,valid_to,source", *lines])
    edges.take_file(data=text.encode(), by=None, now=now)


def seen(at: datetime, *networks: str, due: str = "1403/09/15", name: str = "http://market.ir") -> None:
    """A good list at an instant; one row is always there, so that it is never empty."""
    lines = [registry.line(network, name=name, update="1403/09/01", due=due) for network in networks]
    other = registry.line("185.143.255.255/32", name="http://other.ir", update="1400/01/01", due="1400/01/15")
    registry.take(registry.listing(at.isoformat(), other, *lines), now=at)


def opened() -> dict[tuple[str, str], Drift]:
    return {(row.kind, row.prefix): row for row in Drift.objects.filter(cleared_at=None)}


@pytest.fixture
def manager():
    make.calendar()
    make.terms()
    return make.person(role="manager")


@pytest.mark.clause("B06", "B10")
def test_a_drift_is_known_at_once_and_alarmed_once_a_second_list_shows_it(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW, "185.143.232.0/32")
    tariff_watch.sweep(now=NOW + HOUR)
    row = opened()["unregistered", OURS]
    assert (row.addresses, row.ranges, row.reason, row.cause) == (
        3,
        ["185.143.232.1-185.143.232.3"],
        "absent",
        "not_listed",
    )
    assert (row.noticed_at, row.alarmed_at, row.noticed_in.seen_at) == (NOW + HOUR, None, NOW)
    assert not Message.objects.exists()
    seen(NOW + 6 * HOUR, "185.143.232.0/32")
    tariff_watch.sweep(now=NOW + 7 * HOUR)
    row.refresh_from_db()
    assert (row.noticed_at, row.alarmed_at, row.told) == (NOW + HOUR, NOW + 7 * HOUR, [manager.code])
    told = Message.objects.get()
    assert told.template == "registry_drift"
    assert "۱ محدوده شبکه با سامانه ملی نمی‌خواند" in told.text
    assert OURS in told.text


@pytest.mark.clause("B06")
def test_without_a_new_list_a_drift_is_alarmed_after_a_day(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    tariff_watch.sweep(now=NOW + DAY - timedelta(seconds=1))
    assert not Message.objects.exists()
    tariff_watch.sweep(now=NOW + DAY)
    assert Message.objects.count() == 1


@pytest.mark.clause("B06")
def test_a_private_or_foreign_edge_is_alarmed_at_once_and_all_of_one_look_in_one_message(manager):
    make.person(role="manager", email="m@example.ir", email_confirmed_at=NOW)
    declare("derak,192.168.204.48/28,2024-12-01,,feed", "arvan,89.187.169.88/29,2024-12-01,,feed")
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    assert {kind for kind, _ in opened()} == {"ineligible"}
    assert Message.objects.count() == 2  # one to each
    mail = Message.objects.get(channel="email")
    assert "۲ محدوده" in mail.title
    assert "192.168.204.48/28" in mail.text
    assert "89.187.169.88/29" in mail.text


@pytest.mark.clause("B06")
def test_one_that_flaps_is_told_of_once_and_is_gone_only_after_it_stayed_away(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW)
    for hours in (0, 24):
        tariff_watch.sweep(now=NOW + hours * HOUR)
    assert Message.objects.count() == 1
    code = opened()["unregistered", OURS].code
    seen(NOW + 30 * HOUR, OURS)  # listed …
    tariff_watch.sweep(now=NOW + 30 * HOUR)
    assert opened()["unregistered", OURS].away_since == NOW + 30 * HOUR
    seen(NOW + 36 * HOUR)  # … and gone again
    tariff_watch.sweep(now=NOW + 36 * HOUR)
    assert (opened()["unregistered", OURS].code, opened()["unregistered", OURS].away_since) == (code, None)
    seen(NOW + 42 * HOUR, OURS)
    tariff_watch.sweep(now=NOW + 42 * HOUR)
    seen(NOW + 48 * HOUR, OURS)
    tariff_watch.sweep(now=NOW + 48 * HOUR)
    row = Drift.objects.get(code=code)
    assert (row.away_since, row.cleared_at) == (NOW + 42 * HOUR, NOW + 48 * HOUR)
    assert Message.objects.filter(template="registry_drift").count() == 1
    assert not opened()


@pytest.mark.clause("B06")
def test_what_is_listed_and_not_due_is_pending_until_its_day(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW, OURS, due="1403/10/20")  # 2025-01-09
    tariff_watch.sweep(now=NOW)
    assert opened()["pending", OURS].due_on == date(2025, 1, 9)
    assert Watch.objects.get().next_at <= tehran("2025-01-09T00:00")
    tariff_watch.sweep(now=tehran("2025-01-09T00:00"))
    assert opened()["pending", OURS].away_since == tehran("2025-01-09T00:00")


def test_a_row_that_vanishes_is_a_drift_since_then_with_its_cause(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW - 2 * DAY, OURS)
    seen(NOW - DAY)
    tariff_watch.sweep(now=NOW)
    row = opened()["unregistered", OURS]
    assert row.cause == "row_removed"
    assert NOW - 2 * DAY <= row.since <= NOW - DAY


@pytest.mark.clause("B06")
def test_what_is_registered_for_us_and_serves_nothing_is_shown_and_wakes_nobody(manager, settings):
    settings.REGISTRANTS = ["market.ir"]
    seen(NOW, OURS)
    tariff_watch.sweep(now=NOW)
    tariff_watch.sweep(now=NOW + 3 * DAY)
    assert set(opened()) == {("idle", OURS)}
    assert not Message.objects.exists()


def test_another_tenants_row_does_not_count_where_a_registrant_is_named(manager, settings):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW, OURS, name="http://other.ir")
    assert queries.board(NOW).edges[0].registered == 4
    settings.REGISTRANTS = ["market.ir"]
    assert queries.board(NOW).edges[0].unregistered == 4


def test_when_nothing_changed_a_sweep_costs_two_queries(manager, django_assert_num_queries):
    declare(*(f"arvan,185.143.232.{n},2024-12-01,,contract" for n in range(20)))
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    with django_assert_num_queries(2):
        assert tariff_watch.sweep(now=NOW + 2 * HOUR) == 0
    declare("arvan,185.143.233.0/24,2024-12-01,,contract", now=NOW + 2 * HOUR)
    assert tariff_watch.sweep(now=NOW + 2 * HOUR) == 1
    assert Drift.objects.count() == 21


@pytest.mark.parametrize("count", [1, 40])
def test_the_board_costs_three_queries_however_many_edges(manager, count, django_assert_num_queries):
    declare(*(f"arvan,185.143.{n}.0/24,2024-12-01,,contract" for n in range(count)))
    seen(NOW, OURS)
    queries.board(NOW)  # the history is compiled once
    with django_assert_num_queries(3):  # edition, edges, drifts
        assert len(queries.board(NOW).edges) == count


def test_a_look_that_somebody_else_took_down_first_writes_nothing(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW)
    looked = queries.look(NOW)
    tariff_watch.sweep(now=NOW)
    from_before = Drift.objects.count()
    assert tariff_watch.drift.note(looked=looked, now=NOW) is None
    assert Drift.objects.count() == from_before == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_sweeps_at_once_one_takes_it_down(threads):
    make.calendar()
    make.terms()
    make.person(role="manager")
    declare("derak,192.168.204.48/28,2024-12-01,,feed")
    seen(NOW)
    done = threads(4, lambda n: tariff_watch.sweep(now=NOW))
    assert sorted(done) == [0, 0, 0, 2]  # noticed and told of
    assert (Drift.objects.count(), Message.objects.count()) == (1, 1)


def test_an_unreadable_file_of_ranges_is_told_and_stops_no_sweep(manager, settings, tmp_path):
    settings.IRAN_RANGES = str(tmp_path / "away.csv")
    assert tariff_watch.sweep(now=NOW) == 0
    file = tmp_path / "own.csv"
    file.write_text("prefix\n89.187.169.0/24\n")
    settings.IRAN_RANGES = str(file)
    declare("arvan,89.187.169.88/29,2024-12-01,,feed")
    seen(NOW)
    assert queries.board(NOW).edges[0].unregistered == 8


# ---- Admission ----


def checked(prefix: str, at: datetime) -> list[tuple[str, int, str]]:
    (check,) = queries.check([prefixes.network(prefix)[0]], at)
    return [(part.range, part.admitted, reason) for part, reason in check.parts]


@pytest.mark.clause("B07")
def test_an_address_is_admitted_three_days_after_its_due_date_on_a_fresh_list():
    seen(tehran("2024-12-30T08:00"), OURS, due="1403/10/15")  # 2025-01-04
    assert checked(OURS, tehran("2024-12-30T08:00")) == [(OURS, 0, "not_due")]
    seen(tehran("2025-01-06T08:00"), OURS, due="1403/10/15")
    assert checked(OURS, tehran("2025-01-06T23:59")) == [(OURS, 0, "hold")]
    assert checked(OURS, tehran("2025-01-07T00:00")) == [(OURS, 4, "admitted")]
    assert checked(OURS, tehran("2025-01-08T08:00")) == [(OURS, 4, "admitted")]
    assert checked(OURS, tehran("2025-01-08T08:01")) == [(OURS, 0, "list_too_old")]


@pytest.mark.clause("B07")
def test_addresses_of_a_prefix_are_admitted_one_by_one():
    seen(NOW, "185.143.232.0/31")
    assert checked(OURS, NOW) == [("185.143.232.0/31", 2, "admitted"), ("185.143.232.2/31", 0, "absent")]


@pytest.mark.clause("B07")
def test_what_drifted_is_not_admitted_again_before_it_stayed_in_step(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    seen(NOW + HOUR, OURS)
    tariff_watch.sweep(now=NOW + HOUR)
    assert checked(OURS, NOW + HOUR) == [(OURS, 0, "in_drift")]
    assert queries.board(NOW + HOUR).edges[0].admitted == 0
    seen(NOW + 2 * HOUR, OURS)
    tariff_watch.sweep(now=NOW + 2 * HOUR)
    assert checked(OURS, NOW + 2 * HOUR + timedelta(seconds=1)) == [(OURS, 4, "admitted")]


# ---- That it stays removed ----


@pytest.mark.clause("B17")
def test_the_record_shows_each_day_in_step_and_who_knew_of_each_drift_when(manager):
    declare(f"arvan,{OURS},2024-12-01,,contract", "arvan,185.143.232.0/31,2024-12-01,,contract")
    for day in range(6):
        seen(NOW + day * DAY, *([] if day < 2 else ["185.143.232.0/31"] if day < 3 else ["185.143.232.0/31", OURS]))
        tariff_watch.sweep(now=NOW + day * DAY)
    told = queries.record(NOW + 5 * DAY, days=7)
    assert [(one.day, one.served, one.in_step, one.permille) for one in told.days] == [
        (date(2025, 1, 3), 4, 0, 0),  # before the first list nothing is known
        (date(2025, 1, 4), 4, 0, 0),
        (date(2025, 1, 5), 4, 0, 0),  # a row that came in a gap is not counted in it
        (date(2025, 1, 6), 4, 2, 500),
        (date(2025, 1, 7), 4, 4, 1000),
        (date(2025, 1, 8), 4, 4, 1000),
        (date(2025, 1, 9), 4, 4, 1000),
    ]
    assert told.days_since == 2
    story = next(one for one in told.stories if one.prefix == OURS)
    assert (story.kind, story.cause, story.noticed_at, story.alarmed_at, story.told) == (
        "unregistered",
        "not_listed",
        NOW,
        NOW + DAY,
        (manager.code,),
    )
    assert (story.away_since, story.cleared_at) == (NOW + 3 * DAY, NOW + 4 * DAY)


@pytest.mark.clause("B17")
def test_days_without_drift_are_none_without_a_drift_and_zero_while_one_is_open(manager):
    assert queries.record(NOW).days_since is None
    assert [one.permille for one in queries.record(NOW, days=2).days] == [None, None]
    declare(f"arvan,{OURS},2024-12-01,,contract")
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    assert queries.record(NOW + 9 * DAY).days_since == 0
