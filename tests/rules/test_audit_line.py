"""What the audit says of one line of a log, case by case."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from ipaddress import ip_address

import pytest

from peyman.kernel import prefixes
from peyman.kernel.worktime import TEHRAN, day_start
from peyman.market.tariff.rules import audit, rows
from peyman.market.tariff.rules.audit import Code, Line, Register, Result, Shown, Terms, by_network, classify, micros
from peyman.market.tariff.rules.history import Listed, Seen, seen

DAYS = [date(2023, 5, 5) + timedelta(weeks=week) for week in range(5)]  # Fridays: 5, 12, 19, 26 May, 2 June
WEEKLY = [seen(f"S{n}", day_start(day), True) for n, day in enumerate(DAYS)]
MAY = date(2023, 5, 1)
DUE = date(2023, 5, 16)
NET = "185.112.32.64/26"
EDGE = "185.112.32.70"


def row(
    first: int = 0,
    absent: int | None = None,
    *,
    network: str = NET,
    update: date | None = MAY,
    due: date | None = MAY,
    host: str = "market.ir",
) -> Listed:
    return Listed(1, network, host, update, due, first, absent)


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def said(
    *listed: Listed,
    at: str = "2023-05-17T12:00",
    seconds: float = 0,
    edge: str | None = EDGE,
    shown: Shown = Shown.YES,
    method: str = "GET",
    status: int = 200,
    sent: int = 1000,
    terms: Terms | None = None,
    registrants: Sequence[str] = (),
    snapshots: Sequence[Seen] = WEEKLY,
    node: str = "",
    fill: bool = False,
    staff: bool = False,
) -> Code:
    start = micros(tehran(at))
    line = Line(
        start=start,
        end=start + round(seconds * 1_000_000),
        edge=None if edge is None else prefixes.address(edge),
        method=method,
        status=status,
        sent=sent,
        node=node,
    )
    register = Register(snapshots, by_network(listed), registrants)
    return classify(line, shown, register, terms or Terms(), staff=staff, fill=fill)


# ---- Result by registration and promise ----


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    ("case", "listed", "code"),
    [
        ("registered and due", [row()], Code.FINE),
        ("absent", [], Code.OVERCHARGED),
        ("listed before due: pending is full price", [row(due=date(2023, 6, 15))], Code.OVERCHARGED),
        ("one due row is enough", [row(due=date(2023, 6, 15)), row()], Code.FINE),
        ("a row without a readable due date never counts", [row(due=None)], Code.OVERCHARGED),
        ("came and went around the look: unknown", [row(2, 3)], Code.CHANGED_IN_GAP),
    ],
)
def test_a_counted_line_that_was_promised_half_is_judged_by_the_registry(
    case: str, listed: list[Listed], code: Code
) -> None:
    assert said(*listed) is code, case


@pytest.mark.clause("B08", "B09")
@pytest.mark.parametrize(
    ("shown", "listed", "code"),
    [
        (Shown.NO, [], Code.NOT_PROMISED),
        (Shown.NO, [row()], Code.NOT_PROMISED),
        (Shown.NO, [row(2, 3)], Code.NOT_PROMISED),
        (Shown.UNKNOWN, [], Code.SHOWN_UNKNOWN),
        (Shown.UNKNOWN, [row()], Code.SHOWN_UNKNOWN),
        (Shown.UNKNOWN, [row(2, 3)], Code.CHANGED_IN_GAP),
    ],
)
def test_no_promise_no_claim_and_an_unknown_promise_is_unknown(shown: Shown, listed: list[Listed], code: Code) -> None:
    assert said(*listed, shown=shown) is code


# ---- Addresses ----


def test_an_edge_prefix_partly_registered_is_decided_per_address() -> None:
    narrow = row(network="185.112.32.64/27")
    assert said(narrow, edge="185.112.32.95") is Code.FINE
    assert said(narrow, edge="185.112.32.96") is Code.OVERCHARGED


def test_a_registry_row_wider_than_the_edge_covers_it() -> None:
    assert said(row(network="185.112.0.0/16")) is Code.FINE


def test_a_row_with_host_bits_set_covers_its_network_and_two_columns_that_disagree_only_what_they_share() -> None:
    bits = rows.read(rows.line(["https://a.ir", "79.175.191.193/26", "79.175.191.192/26", "1402/02/01", "1402/02/15"]))
    assert (bits.network, "host_bits" in bits.flags) == ("79.175.191.192/26", True)
    apart = rows.read(rows.line(["https://a.ir", "79.175.191.193", "79.175.191.192/26", "1402/02/01", "1402/02/15"]))
    assert (apart.network, "disagree" in apart.flags) == ("79.175.191.193/32", True)
    assert said(row(network=apart.network), edge="79.175.191.193") is Code.FINE
    assert said(row(network=apart.network), edge="79.175.191.194") is Code.OVERCHARGED


def test_an_ipv4_address_inside_ipv6_is_the_ipv4_address() -> None:
    assert said(row(), edge=f"::ffff:{EDGE}") is Code.FINE


@pytest.mark.clause("B09")
@pytest.mark.parametrize("edge", ["2002:b970:2046::1", "64:ff9b::b970:2046", "2001:0:1::1"])
def test_an_address_that_carries_another_is_unknown(edge: str) -> None:
    assert said(row(), edge=edge) is Code.TRANSLATED


def test_an_ipv6_edge_is_unregistered_where_only_ipv4_is_registered() -> None:
    assert said(row(), edge="2a02:4540::1") is Code.OVERCHARGED
    assert said(row(network="2a02:4540::/32"), edge="2a02:4540::1") is Code.FINE


@pytest.mark.clause("B09")
def test_a_line_without_the_address_connected_to_is_unknown_with_that_reason() -> None:
    code = said(edge=None)
    assert (code.result, code.reason) == (Result.UNKNOWN, "no_edge_address")
    assert said(edge=None, method="HEAD").result is Result.NOT_COUNTED
    assert said(edge=None, shown=Shown.NO) is Code.NOT_PROMISED


def test_anothers_registration_counts_for_all_tenants_only_when_any_registrant_does() -> None:
    others = row(host="filimo.com")
    assert said(others) is Code.FINE
    assert said(others, registrants=["market.ir"]) is Code.OVERCHARGED
    assert said(row(host="dl.market.ir"), registrants=["market.ir"]) is Code.FINE
    assert said(row(host="notmarket.ir"), registrants=["market.ir"]) is Code.OVERCHARGED


# ---- Time ----


@pytest.mark.clause("B08")
def test_the_price_changes_at_the_midnight_in_tehran_of_the_due_date() -> None:
    listed = row(due=DUE)
    assert said(listed, at="2023-05-15T23:59:59.999999") is Code.OVERCHARGED
    assert said(listed, at="2023-05-16T00:00") is Code.FINE


@pytest.mark.clause("B09")
def test_a_download_across_a_change_is_unknown() -> None:
    listed = row(due=DUE)
    assert said(listed, at="2023-05-15T23:59:50", seconds=9.999999) is Code.OVERCHARGED
    assert said(listed, at="2023-05-15T23:59:50", seconds=10) is Code.CROSSES_CHANGE
    assert said(listed, at="2023-05-15T23:59:50", seconds=3600) is Code.CROSSES_CHANGE
    assert said(listed, at="2023-05-16T00:00", seconds=3600) is Code.FINE


def test_a_download_during_which_absent_became_pending_was_billed_in_full_throughout() -> None:
    listed = row(1, due=date(2023, 6, 15))
    assert said(listed, at="2023-05-05T23:00", seconds=7 * 86_400) is Code.OVERCHARGED


@pytest.mark.clause("B09")
def test_lines_within_the_clocks_tolerance_of_a_change_are_unknown() -> None:
    listed, terms = row(due=DUE), Terms(tolerance=timedelta(seconds=5))
    assert said(listed, at="2023-05-15T23:59:54.999999", terms=terms) is Code.OVERCHARGED
    assert said(listed, at="2023-05-15T23:59:55", terms=terms) is Code.CROSSES_CHANGE
    assert said(listed, at="2023-05-16T00:00:04.999999", terms=terms) is Code.CROSSES_CHANGE
    assert said(listed, at="2023-05-16T00:00:05", terms=terms) is Code.FINE


def test_days_of_grace_after_the_due_date_are_unknown() -> None:
    listed, terms = row(due=DUE), Terms(grace=3)
    assert said(listed, at="2023-05-15T23:59", terms=terms) is Code.OVERCHARGED
    assert said(listed, at="2023-05-16T00:00", terms=terms) is Code.IN_GRACE
    assert said(listed, at="2023-05-18T23:59:59", terms=terms) is Code.IN_GRACE
    assert said(listed, at="2023-05-19T00:00", terms=terms) is Code.FINE


@pytest.mark.clause("B08", "B09")
def test_a_row_that_appeared_in_a_gap_is_full_price_before_its_due_date_and_unknown_after() -> None:
    listed = row(1, due=date(2023, 5, 9))
    assert said(listed, at="2023-05-08T23:59") is Code.OVERCHARGED
    assert said(listed, at="2023-05-09T00:00") is Code.CHANGED_IN_GAP
    assert said(listed, at="2023-05-12T00:00") is Code.FINE


def test_the_cause_of_full_price_is_what_came_first() -> None:
    register = Register(WEEKLY, by_network([row(1, due=date(2023, 5, 29))]))
    every = register.timeline(ip_address(EDGE), Terms())
    assert [(span.code, span.cause) for span in every] == [
        (Code.BEFORE_HISTORY, ""),
        (Code.OVERCHARGED, "unregistered"),
        (Code.FINE, ""),
        (Code.AFTER_HISTORY, ""),
    ]
    assert audit.instant(every[1].start) == tehran("2023-05-05T00:00")
    assert audit.instant(every[1].end) == tehran("2023-05-29T00:00")


@pytest.mark.clause("B09")
def test_a_row_last_seen_on_one_day_and_first_absent_on_another_is_unknown_strictly_between() -> None:
    listed = row(0, 2)
    assert said(listed, at="2023-05-12T23:59:59.999999") is Code.FINE
    assert said(listed, at="2023-05-13T00:00") is Code.CHANGED_IN_GAP
    assert said(listed, at="2023-05-18T23:59:59.999999") is Code.CHANGED_IN_GAP
    assert said(listed, at="2023-05-19T00:00") is Code.OVERCHARGED


@pytest.mark.clause("B09")
def test_nothing_is_carried_over_a_snapshot_gap_that_is_too_wide() -> None:
    holes = [WEEKLY[0], WEEKLY[2]]
    assert said(row(), at="2023-05-05T12:00", snapshots=holes) is Code.FINE
    assert said(row(), at="2023-05-12T12:00", snapshots=holes) is Code.GAP_TOO_WIDE
    assert said(at="2023-05-12T12:00", snapshots=holes) is Code.GAP_TOO_WIDE
    assert said(row(), at="2023-05-12T12:00", snapshots=holes, terms=Terms(gap=timedelta(days=14))) is Code.FINE


@pytest.mark.clause("B09")
def test_nothing_is_known_before_the_first_and_after_the_last_snapshot() -> None:
    assert said(row(), at="2023-05-04T23:59:59.999999") is Code.BEFORE_HISTORY
    assert said(row(), at="2023-06-03T00:00") is Code.AFTER_HISTORY
    assert said(row(), snapshots=[]) is Code.NO_HISTORY


@pytest.mark.clause("B09")
def test_a_row_replaced_by_one_with_later_dates_is_unknown_until_the_new_due_date() -> None:
    old, new = row(0, 2), row(2, update=date(2023, 5, 15), due=date(2023, 5, 23))
    assert said(old, new, at="2023-05-12T12:00") is Code.FINE
    assert said(old, new, at="2023-05-19T12:00") is Code.REPLACED
    assert said(old, new, at="2023-05-22T23:59:59") is Code.REPLACED
    assert said(old, new, at="2023-05-23T00:00") is Code.FINE


def test_a_due_date_that_skips_a_month_is_taken_as_entered() -> None:
    late = row(update=date(2023, 4, 19), due=date(2023, 6, 5))  # 1402/01/30 → 1402/03/15
    assert said(late, at="2023-06-02T12:00") is Code.OVERCHARGED


@pytest.mark.parametrize(
    ("case", "due", "before", "after"),
    [
        ("1399/12/30, a leap year's last day", date(2021, 3, 20), "2021-03-19T23:59:59", "2021-03-20T00:00"),
        (
            "the night of 1 Farvardin 1401, when clocks went on",
            date(2022, 3, 22),
            "2022-03-21T23:59",
            "2022-03-22T01:00",
        ),
        ("the night of 30 Shahrivar 1401, clocks went back", date(2022, 9, 22), "2022-09-21T22:59", "2022-09-22T00:00"),
        ("1403/12/30, leap", date(2025, 3, 20), "2025-03-19T23:59:59", "2025-03-20T00:00"),
    ],
)
def test_days_are_tehrans_whatever_the_calendar_and_the_clocks_do(
    case: str, due: date, before: str, after: str
) -> None:
    looks = [seen(f"S{n}", day_start(due + timedelta(days=n)), True) for n in (-2, 2)]
    listed = row(update=due - timedelta(days=20), due=due)
    assert said(listed, at=before, snapshots=looks) is Code.OVERCHARGED, case
    assert said(listed, at=after, snapshots=looks) is Code.FINE, case


def test_a_list_of_an_instant_decides_at_that_instant_alone() -> None:
    looks = [seen("A", tehran("2023-05-05T10:00"), False), seen("B", tehran("2023-05-06T10:00"), False)]
    listed = row(1)
    assert said(listed, at="2023-05-05T10:00", snapshots=looks) is Code.OVERCHARGED
    assert said(listed, at="2023-05-05T10:00:00.000001", snapshots=looks) is Code.CHANGED_IN_GAP
    assert said(listed, at="2023-05-05T10:00", seconds=0.000001, snapshots=looks) is Code.CROSSES_CHANGE
    assert said(listed, at="2023-05-06T10:00", snapshots=looks) is Code.FINE


# ---- Counted? ----


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"method": "HEAD"}, Code.METHOD),
        ({"method": "POST"}, Code.METHOD),
        ({"status": 304}, Code.NOT_MODIFIED),
        ({"status": 302}, Code.REDIRECT),
        ({"status": 404}, Code.CLIENT_ERROR),
        ({"status": 416}, Code.CLIENT_ERROR),
        ({"status": 502}, Code.SERVER_ERROR),
        ({"status": 101}, Code.OTHER_STATUS),
        ({"status": 204}, Code.OTHER_STATUS),
        ({"sent": 0}, Code.NO_BYTES),
        ({"node": "shield-2"}, Code.FILL),
        ({"fill": True}, Code.FILL),
        ({"staff": True}, Code.STAFF),
    ],
)
def test_what_nobody_was_charged_for_is_not_counted_by_reason(given: dict, code: Code) -> None:
    assert said(**given) is code
    assert code.result is Result.NOT_COUNTED


@pytest.mark.parametrize("status", [200, 206])
def test_an_interrupted_download_and_each_part_of_a_resumed_one_are_counted(status: int) -> None:
    assert said(status=status, sent=1) is Code.OVERCHARGED


def test_results_add_up_and_reasons_are_named() -> None:
    counts = {
        Code.FINE: 3,
        Code.OVERCHARGED: 4,
        Code.NOT_PROMISED: 5,
        Code.REPLACED: 1,
        Code.METHOD: 2,
        Code.DUPLICATE: 6,
    }
    found = audit.totals(counts)
    assert found == {
        "lines": 21,
        "counted": 13,
        "not_counted": {"method": 2, "duplicate": 6},
        "fine": 3,
        "overcharged": 4,
        "not_promised": 5,
        "unknown": {"replaced": 1},
    }


# ---- Copies ----


def test_one_request_has_one_key_by_its_number_and_else_by_all_it_says() -> None:
    assert audit.line_key("arvan", "r1", ["a"]) == audit.line_key("arvan", "r1", ["b"])
    assert audit.line_key("arvan", "r1", ["a"]) != audit.line_key("own", "r1", ["a"])
    assert audit.line_key("arvan", "", ["a"]) == audit.line_key("own", "", ["a"]) != audit.line_key("own", "", ["b"])
    assert audit.line_key("", "x", []) != audit.line_key("", "", ["", "x"])


# ---- Amounts ----


def tariff(full: str = "100", factor: str = "1/2", **given: object) -> audit.Tariff:
    known: dict = {"plan": "payg", "start": 0, "end": audit.ALWAYS, "unit": 1_000_000, "verified": True, **given}
    return audit.Tariff(operator="mci", service_class="web", full=Fraction(full), factor=Fraction(factor), **known)


@pytest.mark.clause("B08")
def test_bytes_are_multiplied_once_and_rounded_up_for_the_user() -> None:
    found = audit.bounds([tariff()], DUE)
    assert found is not None
    assert audit.rials(1_000_000, found.high) == 50
    assert audit.rials(1_000_001, found.high) == 51
    assert audit.rials(2 * 1_000_001, found.high) == 101  # one by one it would be 102


def test_the_factor_may_be_a_third_and_the_unit_a_power_of_two_without_any_rounding() -> None:
    found = audit.bounds([tariff("90", "1/3", unit=2**20)], DUE)
    assert found is not None
    assert audit.rials(2**20, found.high) == 60
    assert audit.rials(2**20 * 10**12, found.high) == 60 * 10**12


def test_the_bounds_are_the_dearest_and_the_cheapest_row_of_the_day() -> None:
    found = audit.bounds([tariff("100"), tariff("40", "1/4"), tariff("70", "1/3")], DUE)
    assert found == audit.Bounds(Fraction(30, 10**6), Fraction(50, 10**6))


@pytest.mark.clause("B09")
def test_rials_are_unknown_where_the_tariff_is_missing_unverified_or_of_another_day() -> None:
    assert audit.bounds([], DUE) is None
    assert audit.bounds([tariff(verified=False)], DUE) is None
    day = micros(day_start(DUE))
    assert audit.bounds([tariff(end=day)], DUE) is None
    assert audit.bounds([tariff(start=day + 86_400_000_000)], DUE) is None
    assert audit.bounds([tariff(start=day, end=day + 1)], DUE) is not None


def test_of_a_pack_the_volume_is_paid_at_the_packs_price_and_of_an_unlimited_plan_nothing() -> None:
    row_ = tariff()
    assert audit.owed(10_000_000, row_, audit.Plan.PAY_AS_YOU_GO) == 500
    assert audit.owed(10_000_000, row_, audit.Plan.PACK, Fraction(30)) == 150
    assert audit.owed(10_000_000, row_, audit.Plan.PACK) is None
    assert audit.owed(10_000_000, row_, audit.Plan.UNLIMITED) == 0
    assert audit.owed(10_000_000, tariff(verified=False), audit.Plan.PAY_AS_YOU_GO) is None


def test_a_sampled_log_is_scaled_with_bounds_that_widen_with_the_largest_line() -> None:
    assert audit.estimate(1000, 10, Fraction(100)) == audit.Estimate(1000, 1000, 1000)
    small, large = audit.estimate(1000, 1, Fraction(10)), audit.estimate(1000, 1000, Fraction(10))
    assert (small.about, large.about) == (10_000, 10_000)
    assert small.low == 10_000 - 2 * 301  # √(0.9 / 0.1² · 1 · 1000) = 300
    assert large.low == 1000  # never less than was seen
    assert large.high == 10_000 + 2 * 9487
