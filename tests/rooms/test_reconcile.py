"""The bank's own file against our ledger: by the command line and by a person's word. The bank is the simulated one."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.db import DatabaseError, transaction

from peyman.billing import queries as bills
from peyman.billing.actions import statements as actions
from peyman.billing.models import Payment, Refund, Statement, StatementDifference
from peyman.billing.queries import statements as queries
from peyman.entrypoints import payments
from peyman.entrypoints.jobs.reconcile import command
from peyman.gateways.simulators import BankSimulator, saman
from peyman.gateways.simulators.till import Payment as Held
from peyman.kernel.errors import Invalid, Missing
from peyman.messages.models import Message
from peyman.promises.models import Promise
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered

pytestmark = pytest.mark.django_db(transaction=True)

LATER = NOW + timedelta(hours=2)


@pytest.fixture
def bank(settings: Any, tmp_path: Path) -> Iterator[BankSimulator]:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    with BankSimulator() as simulator:
        settings.BANK_URL = simulator.url
        settings.ZARINPAL_ACCESS_TOKEN = "an-access-token"
        yield simulator


def bought(bank: BankSimulator, gateway: str = "zarinpal") -> Payment:
    """An order that was paid and is final."""
    order = ordered()
    payments.start(order=order, gateway=gateway, now=NOW)
    payment = Payment.objects.filter(bill=order.bill).latest("pk")
    bank.pay(payment.token or "")
    assert payments.handle_callback(gateway=gateway, token=payment.token or "", status_ok=True, now=NOW).kind == "final"
    payment.refresh_from_db()
    return payment


def rows(bank: BankSimulator) -> list[str]:
    """What the bank would write of its ledger, as of our clock."""
    told = []
    for row in bank.ledger():
        if row["verified_at"]:
            number = saman.refnum(Held(**{k: v for k, v in row.items() if k in Held.__annotations__}))
            receipt = number if row["gateway"] == "saman" else str(row["ref_id"])
            told.append(f"{receipt},{row['merchant']},{row['paid_amount']},payment,{NOW.isoformat()}")
            if row["state"] == "REVERSED":
                told.append(f"{receipt},{row['merchant']},{row['paid_amount']},reversal,{LATER.isoformat()}")
            told += [f"{receipt},{row['merchant']},{r['amount']},refund,{LATER.isoformat()}" for r in row["refunds"]]
    return told


def reconcile(tmp_path: Path, lines: list[str], *options: str) -> Result:
    file = tmp_path / "statement.csv"
    file.write_text("refnum,terminal,amount,kind,at\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return CliRunner().invoke(command, ["--statement", str(file), *options])


def said(result: Result) -> dict[str, Any]:
    return dict(json.loads(result.stdout))


def paid_twice(bank: BankSimulator) -> Refund:
    """An order that was paid twice: the second payment is owed back."""
    order = ordered()
    for _ in range(2):
        payments.start(order=order, gateway="zarinpal", now=NOW)
    for payment in Payment.objects.filter(bill=order.bill):
        bank.pay(payment.token or "")
        payments.handle_callback(gateway="zarinpal", token=payment.token or "", status_ok=True, now=NOW)
    return Refund.objects.latest("pk")


@pytest.mark.parametrize("gateway", ["zarinpal", "saman"])
def test_the_bank_s_own_ledger_agrees_with_ours(bank: BankSimulator, tmp_path: Path, gateway: str) -> None:
    for _ in range(3):
        bought(bank, gateway)
    result = reconcile(tmp_path, rows(bank), "--json")
    told = said(result)
    assert (result.exit_code, told["lines"], told["matched"], told["differences"]) == (0, 3, 3, [])
    again = reconcile(tmp_path, rows(bank), "--json")
    assert (again.exit_code, said(again)["statement"]) == (0, told["statement"])
    assert Statement.objects.count() == 1


def test_money_the_bank_lists_and_we_do_not_know_is_a_difference_until_a_person_says_what_it_was(
    bank: BankSimulator, tmp_path: Path
) -> None:
    payment = bought(bank)
    stranger = f"999,{payment.terminal},50000,payment,{NOW.isoformat()}"
    result = reconcile(tmp_path, [*rows(bank), stranger], "--json")
    (found,) = said(result)["differences"]
    assert result.exit_code == 1
    assert (found["how"], found["refnum"], found["bank_amount"], found["our_amount"], found["line"]) == (
        "unknown_payment", "999", 50_000, None, 3,
    )  # fmt: skip
    again = reconcile(tmp_path, [*rows(bank), stranger], "--json")
    assert [row["difference"] for row in said(again)["differences"]] == [found["difference"]]

    staff = make.person(role="manager")
    with pytest.raises(Invalid):
        actions.settle(code=found["difference"], note="  ", by=staff, now=LATER)
    with pytest.raises(Missing):
        actions.settle(code="DIF-0", note="x", by=staff, now=LATER)
    row = actions.settle(code=found["difference"], note="آزمایش بانک بود", by=staff, now=LATER)
    assert (row.settled_at, row.settled_by, row.note) == (LATER, staff, "آزمایش بانک بود")
    other = actions.settle(code=found["difference"], note="دیگر", by=staff, now=LATER)
    assert other.note == "آزمایش بانک بود"
    assert reconcile(tmp_path, [*rows(bank), stranger], "--json").exit_code == 0
    assert queries.open_differences() == ([], 0)


def test_what_a_person_said_stays_said_when_the_next_statement_shows_it_again(
    bank: BankSimulator, tmp_path: Path
) -> None:
    stranger = f"999,{bought(bank).terminal},50000,payment,{NOW.isoformat()}"
    (found,) = said(reconcile(tmp_path, [*rows(bank), stranger], "--json"))["differences"]
    actions.settle(code=found["difference"], note="آزمایش بانک بود", by=make.person(role="finance"), now=LATER)
    bought(bank)  # the next month's file begins before the last one's end
    assert said(reconcile(tmp_path, [*rows(bank), stranger], "--json"))["differences"] == []
    assert StatementDifference.objects.count() == 1


def test_a_line_of_a_day_to_come_does_not_make_all_that_came_since_missing(bank: BankSimulator, tmp_path: Path) -> None:
    terminal = bought(bank).terminal
    lines = [f"{n},{terminal},5,payment,{year}-01-03T00:00:00Z" for n, year in ((9, 2025), (10, 2052))]
    found = said(reconcile(tmp_path, lines, "--json"))["differences"]
    assert [row["how"] for row in found] == ["unknown_payment", "unknown_payment"]


def test_a_line_of_the_longest_names_that_there_can_be_is_kept(bank: BankSimulator, tmp_path: Path) -> None:
    bought(bank)
    line = f"{'R' * 80},{'m' * 80},{10**15},reversal,{NOW.isoformat()}"
    (found,) = said(reconcile(tmp_path, [*rows(bank), line], "--json"))["differences"]
    assert (found["how"], found["terminal"]) == ("foreign_terminal", "m" * 80)


def test_a_payment_that_the_bank_lists_later_settles_itself(bank: BankSimulator, tmp_path: Path) -> None:
    first, second, third = (bought(bank) for _ in range(3))
    lines = rows(bank)
    found = said(reconcile(tmp_path, [lines[0], lines[2]], "--json"))["differences"]
    assert [(row["how"], row["payment"], row["our_amount"]) for row in found] == [
        ("missing", second.code, second.amount)
    ]
    assert said(reconcile(tmp_path, lines, "--json"))["differences"] == []
    row = StatementDifference.objects.get()
    assert (row.settled_at, row.settled_by, row.settled_in) == (NOW, None, Statement.objects.latest("pk"))
    assert first.code != third.code


def test_a_whole_day_is_asked_for_by_its_ends(bank: BankSimulator, tmp_path: Path) -> None:
    bought(bank)
    other = "77,m-2,5,payment,2025-01-04T00:00:00Z"
    terminal = Payment.objects.get().terminal
    text = [other, f"1,{terminal},5,payment,2025-01-04T01:00:00Z", f"1,{terminal},5,reversal,2025-01-04T01:00:00Z"]
    assert [row["how"] for row in said(reconcile(tmp_path, text, "--json"))["differences"]] == ["foreign_terminal"]
    whole = reconcile(tmp_path, text, "--json", "--from", "2025-01-04", "--to", "2025-01-05")
    assert sorted(row["how"] for row in said(whole)["differences"]) == ["foreign_terminal", "missing"]
    assert reconcile(tmp_path, text, "--from", "2025-01-04").exit_code == 2


@pytest.mark.clause("D30")
def test_a_refund_is_kept_by_the_bank_s_line_and_told_to_the_customer_once(bank: BankSimulator, tmp_path: Path) -> None:
    refund = paid_twice(bank)
    paid = refund.payment
    assert Promise.objects.get(subject=f"refund:{refund.code}").state == "open"
    proof = f"{paid.refnum},{paid.terminal},{refund.amount},refund,{LATER.isoformat()}"
    told = said(reconcile(tmp_path, [*rows(bank), proof], "--json"))
    assert (told["kept"], told["differences"]) == ([refund.code], [])
    refund.refresh_from_db()
    promise = Promise.objects.get(subject=f"refund:{refund.code}")
    assert (refund.state, refund.provider_ref, promise.state) == ("done", paid.refnum, "kept")
    assert promise.evidence["proof"] == "statement"
    again = said(reconcile(tmp_path, [*rows(bank), proof], "--json"))
    assert (again["kept"], again["differences"]) == ([], [])
    assert Message.objects.filter(template="refund_done").count() == 1
    assert sum(amount for _, amount in bills.trial_balance()) == 0
    assert dict(bills.trial_balance())["refunds"] == 0


@pytest.mark.clause("D30")
def test_a_line_of_another_amount_keeps_no_refund(bank: BankSimulator, tmp_path: Path) -> None:
    refund = paid_twice(bank)
    paid = refund.payment
    forged = f"{paid.refnum},{paid.terminal},{refund.amount - 1},refund,{LATER.isoformat()}"
    told = said(reconcile(tmp_path, [*rows(bank), forged], "--json"))
    assert (told["kept"], [row["how"] for row in told["differences"]]) == ([], ["unknown_refund"])
    refund.refresh_from_db()
    assert refund.state == "owed"


def test_a_file_that_is_none_is_refused_and_nothing_is_kept(bank: BankSimulator, tmp_path: Path) -> None:
    for data in (b"", b"<html></html>", b"\xff\xfe\x00", b"refnum,terminal,amount,kind,at\n\x00"):
        file = tmp_path / "none.csv"
        file.write_bytes(data)
        result = CliRunner().invoke(command, ["--statement", str(file)])
        assert result.exit_code == 2 and "صورت‌حساب بانک نیست" in result.stderr
    gone = CliRunner().invoke(command, ["--statement", str(tmp_path / "gone.csv")])
    assert gone.exit_code == 2 and "باز نشد" in gone.stderr
    assert not Statement.objects.exists()


def test_persian_words_say_what_differs(bank: BankSimulator, tmp_path: Path) -> None:
    terminal = bought(bank).terminal
    result = reconcile(tmp_path, [*rows(bank), f"9,{terminal},۱۲۳۴۵,خرید,2025-01-04", "torn"])
    assert result.exit_code == 1
    assert "۳ سطر: ۱ با دفتر ما می‌خواند" in result.stdout
    assert "پرداختی که در دفتر ما نیست (پرداخت 9): بانک ۱۲,۳۴۵، ما هیچ ریال" in result.stdout
    assert "سطری که خوانده نمی‌شود" in result.stdout


def test_the_database_refuses_to_change_what_a_statement_showed(bank: BankSimulator, tmp_path: Path) -> None:
    terminal = bought(bank).terminal
    reconcile(tmp_path, [f"9,{terminal},5,payment,{NOW.isoformat()}"])
    for change in ({"how": "amount"}, {"key": "x"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            StatementDifference.objects.update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Statement.objects.update(lines=9)


@pytest.mark.parametrize("many", [1, 60])
def test_questions_do_not_grow_with_lines(
    bank: BankSimulator, tmp_path: Path, django_assert_max_num_queries: Any, many: int
) -> None:
    terminal = bought(bank).terminal
    lines = [f"X{n},{terminal},5,payment,{NOW.isoformat()}" for n in range(many)]
    with django_assert_max_num_queries(24):
        reconcile(tmp_path, lines)
    assert StatementDifference.objects.count() == many + 1  # and the payment that the bank does not list
