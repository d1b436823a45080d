"""What gateways settle: their reports against our payments, the bank's statement against both, and what never came."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.db import DatabaseError, connection, transaction

from peyman.billing import actions as billing
from peyman.billing import queries as bills
from peyman.billing.actions import Capture
from peyman.billing.actions import settlements as actions
from peyman.billing.actions import statements as differences
from peyman.billing.models import (
    Agreement,
    Entry,
    ExpectedSettlement,
    Payment,
    Refund,
    Settlement,
    SettlementLine,
    Statement,
    StatementDifference,
)
from peyman.billing.queries import settlements as queries
from peyman.billing.rules import settlements as rules
from peyman.entrypoints import settlements, statements
from peyman.entrypoints.jobs import export, invariants, sweeps, triggers
from peyman.entrypoints.jobs.reconcile import command
from peyman.kernel.errors import Invalid, Missing
from peyman.people.models import Person
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered

pytestmark = pytest.mark.django_db

ACCOUNT = "IR820540102680020817909002"
HEAD = "settlement,terminal,kind,refnum,amount,fee,at"
PAID_OUT = NOW + timedelta(hours=20)
LATER = NOW + timedelta(days=2)
CHECKS = ("postings_balance", "settlements_are_posted", "settlements_cover_what_they_say", "gateways_hold_what_is_left")


@contextmanager
def held_books(settings: Any) -> Iterator[None]:
    settings.PAYA_SHEBA = ACCOUNT
    yield
    for name in CHECKS:  # whatever a test did
        assert invariants.CHECKS[name](LATER).bad == [], name


@pytest.fixture(autouse=True)
def books(settings: Any) -> Iterator[None]:
    with held_books(settings):
        yield


def paid(gateway: str, order: Order) -> list[Payment]:
    """A payment of an order that its gateway captured."""
    payment = billing.start(
        bill=order.bill,
        gateway=gateway,
        terminal="m" if gateway == "zarinpal" else "t",
        amount=order.total,
        minutes=20,
        key=None,
        request_hash="",
        now=NOW,
    )
    billing.give_token(payment=payment, token=f"A-{payment.pk}", now=NOW)
    return billing.capture_many(captures=[Capture(payment.pk, f"R-{payment.pk}", "")], now=NOW)


def bought(gateway: str = "zarinpal") -> Payment:
    """An order that was paid and is final."""
    payments = paid(gateway, ordered())
    with transaction.atomic():
        orders.take_payments(payments, NOW)
    return Payment.objects.get(pk=payments[0].pk)


def paid_twice() -> Refund:
    """An order that was paid twice: the second payment is owed back."""
    order = ordered()
    orders.take_payments(paid("zarinpal", order) + paid("zarinpal", order), NOW)
    return Refund.objects.select_related("payment").get()


def report(*lines: str, head: str = HEAD) -> statements.Reconciled:
    return statements.reconcile(data="\n".join([head, *lines]).encode(), now=LATER)


def listed(payment: Payment, fee: int | str = "", of: str = "S1", kind: str = "payment") -> str:
    return f"{of},{payment.terminal},{kind},{payment.refnum},{payment.amount},{fee},{NOW.isoformat()}"


def settled(payment: Payment, amount: int, fee: int | str = "", of: str = "S1") -> str:
    return f"{of},{payment.terminal},settlement,TRF-{of},{amount},{fee},{PAID_OUT.isoformat()}"


def deposit(amount: int, refnum: str = "TRF-S1") -> statements.Reconciled:
    line = f"{refnum},{ACCOUNT},{amount},deposit,{LATER.isoformat()}"
    return statements.reconcile(data=f"refnum,terminal,amount,kind,at\n{line}".encode(), now=LATER)


def hows(done: statements.Reconciled) -> list[tuple[str, int | None, int | None]]:
    return [(row.how, row.theirs, row.ours) for row in done.open]


def agreed(gateway: str = "zarinpal", percent: str = "۰٫۵", days: str = "1", **more: str) -> int:
    terms = rules.terms(
        since="1403/10/01", working_days=days, percent=percent, fixed=more.get("fixed", ""), most=more.get("most", "")
    )
    _, booked = actions.agree(gateway=gateway, terms=terms, by=finance(), now=LATER)
    return booked


def finance() -> Person:
    return Person.objects.filter(role="finance").first() or make.person(role="finance")


# ---- What agrees is booked ----


def test_a_settlement_that_agrees_moves_the_money_from_the_gateway_to_the_road_and_then_to_our_account() -> None:
    first, second = bought(), bought()
    total = first.amount + second.amount
    done = report(settled(first, total - 700, 700), listed(first), listed(second))
    row = Settlement.objects.get()
    assert (done.settled, done.matched, hows(done)) == ((row.code,), 3, [])
    assert dict(bills.trial_balance()) == {
        "gateway:zarinpal": 0, "road:zarinpal": total - 700, "fee:zarinpal": 700, "orders": -total, "unallocated": 0,
    }  # fmt: skip
    assert {line.payment_id for line in row.lines.all()} == {first.pk, second.pk}
    assert (row.state, row.fee, row.fee_from, row.at) == ("booked", 700, "report", PAID_OUT)

    arrived = deposit(total - 700)
    assert (arrived.arrived, arrived.matched, hows(arrived)) == ((row.code,), 1, [])
    balance = dict(bills.trial_balance())
    assert (balance["road:zarinpal"], balance["bank"]) == (0, total - 700)
    row.refresh_from_db()
    assert (row.arrived_at, row.account) == (LATER, ACCOUNT)


def test_the_same_report_in_persian_is_the_same_report() -> None:
    payment = bought()
    net = f"{payment.amount - 50:,}".translate(str.maketrans("0123456789,", "۰۱۲۳۴۵۶۷۸۹٬"))
    line = f"س۱,{payment.terminal},تسویه,۷۷,{net},۵۰,۱۴۰۳/۱۰/۱۶ ۶:۳۰"
    done = report(line, f"س1,{payment.terminal},خرید,{payment.refnum},{payment.amount},,۱۴۰۳/۱۰/۱۵")
    row = Settlement.objects.get()
    assert (hows(done), row.state, row.number, row.reference, row.fee) == ([], "booked", "س1", "77", 50)
    assert row.at.isoformat() == "2025-01-05T03:00:00+00:00"


def test_the_same_file_the_same_line_and_the_same_settlement_in_another_file_change_nothing() -> None:
    payment = bought()
    lines = [settled(payment, payment.amount, 0), listed(payment)]
    assert len(report(*lines).settled) == 1
    before = Entry.objects.count()
    again = report(*lines)
    other = report(*lines, *lines, "")
    deposit(payment.amount)
    assert (again.settled, hows(again), other.settled, hows(other)) == ((), [], (), [])
    assert (other.duplicates, other.matched, Entry.objects.count()) == (2, 2, before + 2)
    assert hows(deposit(payment.amount)) == [] and Entry.objects.count() == before + 2
    assert (Settlement.objects.count(), SettlementLine.objects.count(), Statement.objects.count()) == (1, 1, 3)


def test_what_the_gateway_gave_back_is_netted() -> None:
    refund = paid_twice()
    first, second = Payment.objects.order_by("pk")
    lines = [listed(first), listed(second), listed(refund.payment, kind="refund")]
    early = report(settled(first, first.amount), *lines)
    # we do not know yet that it was given back, and the fee is not told
    assert [how for how, _, _ in hows(early)] == ["unknown_refund", "fee_unknown"]
    statements.reconcile(
        data=f"refnum,terminal,amount,kind,at\n{refund.payment.refnum},{first.terminal},{refund.amount},reversal,"
        f"{NOW.isoformat()}".encode(),
        now=LATER,
    )
    done = report(settled(first, first.amount, 0), *lines)
    assert (len(done.settled), hows(done)) == (1, [])
    assert dict(bills.trial_balance())["gateway:zarinpal"] == 0
    assert not StatementDifference.objects.filter(settled_at=None).exclude(settlement=None).exists()
    assert SettlementLine.objects.get(refund=refund).amount == refund.amount


def test_a_report_that_names_no_payment_covers_all_of_its_terminal_and_span() -> None:
    first, second, other = bought(), bought(), bought("saman")
    head = f"{HEAD},from,to"
    span = f"{NOW.isoformat()},{(NOW + timedelta(seconds=1)).isoformat()}"
    whole = first.amount + second.amount
    assert [row.how for row in report(settled(first, whole - 9, 9) + ",,", head=head).open] == ["uncovered"]
    done = report(f"{settled(first, whole - 9, 9)},{span}", head=head)
    assert (len(done.settled), hows(done)) == (1, [])
    assert set(SettlementLine.objects.values_list("payment", flat=True)) == {first.pk, second.pk}
    assert not StatementDifference.objects.filter(settled_at=None).exists()
    # the end is not in it, and nothing is covered twice
    empty = report(f"{settled(other, 5, 0, 'S2')},{(NOW - timedelta(days=1)).isoformat()},{NOW.isoformat()}", head=head)
    assert hows(empty) == [("sum", 5, 0)]


# ---- What does not agree is work ----


def test_each_way_of_not_agreeing_is_named_and_nothing_is_booked() -> None:
    first, second = bought(), bought()
    stranger = f"S1,{first.terminal},payment,999,1000,,{NOW.isoformat()}"
    cases = {
        ("unknown_payment", 1000, None): (settled(first, first.amount + 1000, 0), listed(first), stranger),
        ("sum", first.amount - 1, first.amount): (settled(first, first.amount - 1, 0), listed(first)),
        ("fee_unknown", 1, None): (settled(first, first.amount - 1), listed(first)),
        ("amount", first.amount - 5, first.amount): (
            settled(first, first.amount - 5, 0),
            f"S1,{first.terminal},payment,{first.refnum},{first.amount - 5},,{NOW.isoformat()}",
        ),
        ("no_settlement", first.amount, None): (listed(first),),
    }
    for expected, lines in cases.items():
        assert hows(report(*lines)) == [expected]
        for row in Settlement.objects.filter(state="held"):
            actions.drop(code=row.code, why="گزارش نادرست بود", by=finance(), now=LATER)
    assert not Settlement.objects.exclude(state="dropped").exists()
    assert not Entry.objects.filter(posting__startswith="settled:").exists()
    assert len(report(settled(first, first.amount, 0), listed(first)).settled) == 1
    twice = report(
        settled(second, first.amount + second.amount, 0, "S2"), listed(first, of="S2"), listed(second, of="S2")
    )
    assert hows(twice) == [("twice", first.amount, first.amount)]


def test_lines_of_other_terminals_and_torn_ones_are_refused_one_by_one() -> None:
    payment = bought()
    done = report(
        settled(payment, payment.amount, 0),
        listed(payment),
        f"S1,m-other,payment,7,1000,,{NOW.isoformat()}",
        "S1,torn",
        f"S1,{payment.terminal},payment,8,1000,-3,{NOW.isoformat()}",
        f"S1,{payment.terminal},payment,8,1000,,{(LATER + timedelta(days=2)).isoformat()}",
        f'"<script>",{payment.terminal},gift,8,1000,,{NOW.isoformat()}',
    )
    assert [(row.how, row.why, row.line) for row in done.open] == [
        ("unreadable", "columns", 5),
        ("unreadable", "fee", 6),
        ("unreadable", "at", 7),
        ("unreadable", "kind", 8),
        ("foreign_terminal", "", 4),
    ]
    assert len(done.settled) == 1  # what is whole is not held up by them


def test_a_settlement_told_otherwise_than_before_stays_as_it_was() -> None:
    first, second = bought(), bought()
    report(settled(first, first.amount, 0), listed(first))
    told = report(settled(first, first.amount - 1, 1), listed(first), listed(second))
    assert hows(told) == [("changed", first.amount - 1, first.amount), ("changed", second.amount, None)]
    assert Settlement.objects.get().amount == first.amount


def test_a_fee_is_what_the_report_says_or_what_was_agreed_to_the_rial_and_never_what_is_missing() -> None:
    payment = bought()
    kept = payment.amount * 5 // 1000
    assert hows(report(settled(payment, payment.amount - kept), listed(payment))) == [("fee_unknown", kept, None)]
    assert agreed(percent="0.4") == 0
    assert StatementDifference.objects.filter(settled_at=None).count() == 1
    assert agreed() == 1
    row = Settlement.objects.get()
    assert (row.state, row.fee, row.fee_from) == ("booked", kept, "agreement")
    assert not StatementDifference.objects.filter(settled_at=None).exists()


def test_another_fee_than_agreed_is_booked_as_it_was_kept_and_shown() -> None:
    agreed()
    payment = bought()
    kept = payment.amount // 100
    done = report(settled(payment, payment.amount - kept, kept), listed(payment))
    assert (len(done.settled), hows(done)) == (1, [("fee_other", kept, payment.amount * 5 // 1000)])
    assert bills.balance("fee:zarinpal") == kept
    by_line = bought()
    again = report(settled(by_line, by_line.amount - 80, of="S2"), listed(by_line, 80, of="S2"))
    assert (len(again.settled), again.open[0].theirs) == (1, 80)


def test_a_person_books_what_does_not_agree_with_a_reason_but_never_without_a_fee() -> None:
    payment = bought()
    report(settled(payment, payment.amount - 100), listed(payment))
    row = Settlement.objects.get()
    with pytest.raises(rules.FeeUnknown):
        actions.accept(code=row.code, why="درگاه تلفنی گفت", by=finance(), now=LATER)
    report(settled(payment, payment.amount - 100, 40), listed(payment))
    for why in ("", " ok "):
        with pytest.raises(Invalid):
            actions.accept(code=row.code, why=why, by=finance(), now=LATER)
    actions.accept(code=row.code, why="شصت ریال را درگاه ماه بعد می‌دهد", by=finance(), now=LATER)
    balance = dict(bills.trial_balance())
    assert (balance["gateway:zarinpal"], balance["road:zarinpal"]) == (60, payment.amount - 100)
    assert not StatementDifference.objects.filter(settled_at=None).exists()
    with pytest.raises(rules.SettlementStands):
        actions.drop(code=row.code, why="پشیمان شدم", by=finance(), now=LATER)
    with pytest.raises(Missing):
        actions.accept(code="SET-0", why="چیزی نیست", by=finance(), now=LATER)


def test_what_a_settlement_names_may_come_later_and_is_weighed_again() -> None:
    payment = bought()
    Payment.objects.filter(pk=payment.pk).update(refnum="later")
    report(settled(payment, payment.amount, 0), listed(payment))
    row = Settlement.objects.get()
    assert actions.weigh_again(code=row.code, now=LATER) is False
    Payment.objects.filter(pk=payment.pk).update(refnum=payment.refnum)
    assert actions.weigh_again(code=row.code, now=LATER) is True
    assert not StatementDifference.objects.filter(settled_at=None).exists()


# ---- On our account ----


def test_money_that_came_before_its_report_is_work_until_the_report_comes() -> None:
    payment = bought()
    assert hows(deposit(payment.amount)) == [("unknown_deposit", payment.amount, None)]
    assert bills.balance("bank") == 0
    report(settled(payment, payment.amount, 0), listed(payment))
    assert not StatementDifference.objects.filter(settled_at=None).exists()
    assert (bills.balance("bank"), bills.balance("road:zarinpal")) == (payment.amount, 0)


def test_another_sum_on_our_account_than_was_paid_out_is_work() -> None:
    payment = bought()
    report(settled(payment, payment.amount, 0), listed(payment))
    assert hows(deposit(payment.amount - 1)) == [("amount", payment.amount - 1, payment.amount)]
    assert Settlement.objects.get().arrived_at is None
    assert queries.late(PAID_OUT + timedelta(days=9)) == 1


# ---- What never came ----


def test_a_day_is_expected_by_the_agreed_working_day_and_late_from_its_end_on() -> None:
    payment = bought()  # Saturday
    assert settlements.expect(LATER) == 0  # nothing was agreed
    agreed(days="2")
    made = settlements.expect(LATER)
    row = ExpectedSettlement.objects.get(day=date(2025, 1, 4), terminal="m")
    # Sunday and Monday work: until Monday 24:00 in Tehran
    assert (row.due_at.isoformat(), row.left, row.came_at) == ("2025-01-06T20:30:00+00:00", payment.amount, None)
    assert made > 1 and not ExpectedSettlement.objects.exclude(pk=row.pk).filter(came_at=None).exists()
    assert settlements.expect(LATER) == 0
    assert queries.late(row.due_at - timedelta(microseconds=1)) == 0
    assert queries.late(row.due_at) == 1 and queries.expected(row.due_at, limit=9)[0] == [row]
    report(settled(payment, payment.amount, 0), listed(payment))
    row.refresh_from_db()
    assert (row.left, row.came_at) == (0, LATER)


def test_holidays_and_fridays_are_not_counted() -> None:
    make.calendar(date(2025, 1, 5), date(2025, 1, 6), at=NOW)
    bought()
    agreed(days="3")
    settlements.expect(LATER)
    row = ExpectedSettlement.objects.get(day=date(2025, 1, 4), terminal="m")
    # Tuesday, Wednesday, Thursday
    assert row.due_at.isoformat() == "2025-01-09T20:30:00+00:00"


def test_what_the_gateway_gave_back_whole_is_not_waited_for() -> None:
    refund = paid_twice()
    kept = Payment.objects.exclude(pk=refund.payment_id).get()
    agreed()
    settlements.expect(LATER)
    row = ExpectedSettlement.objects.get(day=date(2025, 1, 4), terminal="m")
    assert row.left == kept.amount + refund.amount
    statements.reconcile(
        data=f"refnum,terminal,amount,kind,at\n{refund.payment.refnum},{kept.terminal},{refund.amount},reversal,"
        f"{NOW.isoformat()}".encode(),
        now=LATER,
    )
    actions.recount(gateways=["zarinpal"], now=LATER)
    row.refresh_from_db()
    assert row.left == kept.amount


def test_the_sweep_asks_once_where_nothing_was_agreed_and_thrice_where_all_is_written(
    django_assert_num_queries: Any,
) -> None:
    bought()
    with django_assert_num_queries(1):
        settlements.expect(LATER)
    agreed()
    assert sweeps.tick(LATER).settlements > 0
    with django_assert_num_queries(2):
        settlements.expect(LATER)


# ---- The month, and how it is kept ----


def test_a_month_is_told_by_the_days_of_gateway_and_bank_whenever_their_files_came() -> None:
    refund = paid_twice()
    first = Payment.objects.exclude(pk=refund.payment_id).get()
    statements.reconcile(
        data=f"refnum,terminal,amount,kind,at\n{refund.payment.refnum},{first.terminal},{refund.amount},reversal,"
        f"{NOW.isoformat()}".encode(),
        now=NOW,
    )
    report(settled(first, first.amount - 30, 30), listed(first))
    deposit(first.amount - 30)
    begins, ends = NOW - timedelta(days=10), LATER
    zarinpal, saman = queries.month(["zarinpal", "saman"], begins, ends)
    assert (zarinpal.before, zarinpal.captured, zarinpal.given_back) == (0, 2 * first.amount, refund.amount)
    assert (zarinpal.settled, zarinpal.fee, zarinpal.left) == (first.amount - 30, 30, 0)
    assert (zarinpal.arrived, zarinpal.on_road, saman.left) == (0, first.amount - 30, 0)
    (next_, _) = queries.month(["zarinpal", "saman"], ends, ends + timedelta(days=30))
    assert (next_.before, next_.captured, next_.arrived, next_.on_road) == (0, 0, first.amount - 30, 0)
    (early, _) = queries.month(["zarinpal", "saman"], begins, PAID_OUT)
    assert (early.left, early.settled) == (first.amount, 0)


def test_the_database_refuses_to_change_what_was_told_booked_and_agreed() -> None:
    payment = bought()
    agreed()
    report(settled(payment, payment.amount, 0), listed(payment))
    triggers.install()
    other = bought()
    told: list[dict[str, Any]] = [{"amount": 5}, {"number": "x"}, {"state": "held"}, {"fee": 7}, {"fee": None}]
    for change in told:
        with pytest.raises(DatabaseError), transaction.atomic():
            Settlement.objects.update(**change)
    changes: list[dict[str, Any]] = [{"amount": 5}, {"payment": other}, {"payment": None}, {"refnum": "x"}]
    for change in changes:
        with pytest.raises(DatabaseError), transaction.atomic():
            SettlementLine.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Agreement.objects.update(ppm=1)
    with pytest.raises(DatabaseError), transaction.atomic():
        Agreement.objects.all().delete()
    for table in ("settlement", "settlementline", "agreement", "expectedsettlement"):
        assert f"billing_{table}" not in triggers.missing()


@pytest.mark.django_db(transaction=True)
def test_two_who_bring_the_same_report_at_once_book_it_once() -> None:
    payment = bought()
    lines = [settled(payment, payment.amount, 0), listed(payment)]
    booked: list[int] = []
    faults: list[Exception] = []

    def bring() -> None:
        try:
            booked.append(len(report(*lines).settled))
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=bring) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (faults, sum(booked)) == ([], 1)
    assert Entry.objects.filter(posting__startswith="settled:").count() == 2


@pytest.mark.parametrize("many", [1, 40])
def test_questions_do_not_grow_with_lines(django_assert_max_num_queries: Any, many: int) -> None:
    payment = bought()
    lines = [f"S1,{payment.terminal},payment,X{n},5,,{NOW.isoformat()}" for n in range(many)]
    with django_assert_max_num_queries(45):
        report(settled(payment, payment.amount, 0), listed(payment), *lines)
    assert StatementDifference.objects.count() == many + 1


def test_a_file_that_is_none_is_refused_and_the_command_tells_what_came(tmp_path: Path) -> None:
    payment = bought()

    def told(text: str) -> Result:
        file = tmp_path / "report.csv"
        file.write_text(text, encoding="utf-8")
        return CliRunner().invoke(command, ["--statement", str(file), "--json"])

    assert told("settlement,terminal,amount\n").exit_code == 2
    assert not Statement.objects.exists()
    answer = told("\n".join([HEAD, settled(payment, payment.amount - 3), listed(payment)]).replace(
        PAID_OUT.isoformat(), NOW.isoformat()
    ))  # fmt: skip
    (found,) = json.loads(answer.stdout)["differences"]
    row = Settlement.objects.get()
    assert (answer.exit_code, found["how"], found["settlement"]) == (1, "fee_unknown", row.code)
    differences.settle(code=found["difference"], note="درگاه پاسخ می‌دهد", by=finance(), now=LATER)
    assert Settlement.objects.get().state == "held"  # a note books nothing
    (told_of,) = CliRunner().invoke(export.command, ["settlements"]).stdout.splitlines()
    assert json.loads(told_of) == {
        "settlement": row.code, "gateway": "zarinpal", "terminal": "m", "number": "S1", "reference": "TRF-S1",
        "amount": payment.amount - 3, "fee": None, "state": "held", "lines": 1, "at": "2025-01-04T06:30:00Z",
        "due_at": "2025-01-05T20:30:00Z", "arrived_at": None,
    }  # fmt: skip
