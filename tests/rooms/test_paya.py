"""Refunds that no gateway carries: accounts, second persons, batches, and what our bank's statement says of them."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from peyman.billing import queries as bills
from peyman.billing.actions import RefundAsk, accept_refunds, accounts, claim_due_refunds, refund_done
from peyman.billing.actions import paya as actions
from peyman.billing.models import Account, Entry, PayaBatch, PayaLine, Payment, Refund, RefundApproval
from peyman.billing.queries import refunds as queries
from peyman.billing.queries import statements as statement_queries
from peyman.billing.rules import OverRefund, TokenGranted, Verified
from peyman.billing.rules import paya as rules
from peyman.entrypoints import contacts, payments, personal_data, refunds, statements
from peyman.entrypoints.jobs import export, invariants
from peyman.gateways import banks
from peyman.gateways.simulators import BankSimulator
from peyman.kernel.errors import Invalid, Missing
from peyman.messages.models import Message
from peyman.people.models import AccessLog, Person
from peyman.people.rules import AccountOnHold
from peyman.promises.models import Promise
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered, pay

pytestmark = pytest.mark.django_db

SHEBA = "IR820540102680020817909002"  # Parsian
OTHER = "IR062960000000100324200001"
OURS = "IR820540102680020817909002"
LATER = NOW + timedelta(hours=2)
LIMIT = 200_000_000


@pytest.fixture(autouse=True)
def house(settings: Any) -> None:
    settings.PAYA_SHEBA, settings.PAYA_NAME, settings.TWO_PERSONS_ABOVE = OURS, "پیمان", LIMIT


def owed(*, price: int = 1_000_000, by: Person | None = None, gateway: str = "saman") -> Refund:
    """A refund of a final order's whole price and fees, that its gateway has not been asked for yet."""
    order = ordered(price=price)
    with transaction.atomic():
        orders.take_payments(pay(order), NOW)
    Payment.objects.filter(bill=order.bill).update(gateway=gateway)
    payment = Payment.objects.get(bill=order.bill)
    order.refresh_from_db()
    ask = RefundAsk(
        payment, payment.amount, "cancelled", "D31", "orders", order.code, order.person_id, order.terms, by=by
    )
    (one,) = accept_refunds(asks=[ask], now=NOW)
    Order.objects.filter(pk=order.pk).update(state="cancelled")
    return Refund.objects.select_related("payment__bill__person").get(pk=one.refund.pk)


def fallen(**wanted: Any) -> Refund:
    """A refund that its gateway refused for good."""
    refund = owed(**wanted)
    assert refunds.fall_to_paya(refund=refund, why="no_refund_service", now=NOW)
    return Refund.objects.select_related("payment__bill__person").get(pk=refund.pk)


def owner(refund: Refund) -> Person:
    return Person.objects.get(pk=refund.payment.bill.person_id)


def declared(refund: Refund, number: str = SHEBA) -> Account:
    contacts.tell_sheba(owner(refund), number, NOW)
    return Account.objects.get(person=owner(refund), replaced_at=None)


def ready(**wanted: Any) -> Refund:
    """A refund by Paya to an account whose holder was seen."""
    refund = fallen(**wanted)
    account = declared(refund)
    accounts.see_holder(code=account.code, seen="سارا احمدی", why="", by=make.person(role="finance"), now=NOW)
    return refund


def waits(refund: Refund) -> str:
    (row,) = [row for row in queries.of_order(refund.payment.bill, NOW) if row.code == refund.code]
    (same,) = queries.rows().filter(pk=refund.pk).values_list("waits", flat=True)
    assert row.waits_for == same  # SQL and the rule agree
    return row.waits_for


def balances() -> dict[str, int]:
    found = dict(bills.trial_balance())
    assert sum(found.values()) == 0
    return {name: amount for name, amount in found.items() if amount and not name.startswith("gateway")}


def sound() -> None:
    """No check of the invariants about money finds anything."""
    names = [
        "postings_balance", "bills_know_what_was_paid", "money_lies_where_it_belongs", "refunds_are_promised",
        "two_persons_stand_behind_large_refunds", "paya_batches_add_up", "refunds_know_what_carries_them",
    ]  # fmt: skip
    assert {name: invariants.CHECKS[name](LATER).bad for name in names} == {name: [] for name in names}


def sent(*, batch: PayaBatch | None = None, refunds_: list[Refund] | None = None) -> PayaBatch:
    """A batch whose file was taken to the bank."""
    one, two = make.person(role="finance"), make.person(role="manager")
    batch = batch or actions.draft(refunds=[row.code for row in refunds_ or [ready()]], by=one, now=NOW)
    refunds.approve_batch(code=batch.code, by=two, now=NOW)
    refunds.take_file(code=batch.code, kind="ccti", by=one, now=NOW)
    return PayaBatch.objects.get(pk=batch.pk)


def statement(*lines: str) -> bytes:
    return ("refnum,terminal,amount,kind,at\n" + "\n".join(lines) + "\n").encode()


def told(line: PayaLine, kind: str = "transfer", at: datetime = LATER) -> str:
    return f"{line.reference},{OURS},{line.amount},{kind},{at.isoformat()}"


# ---- The account ----


@pytest.mark.clause("D35")
def test_a_customer_declares_an_account_and_another_one_replaces_it_in_the_history() -> None:
    person = make.person()
    assert contacts.tell_sheba(person, " ir۸۲ ۰۵۴۰ ۱۰۲۶ ۸۰۰۲ ۰۸۱۷ ۹۰۹۰ ۰۲ ", NOW)
    assert not contacts.tell_sheba(person, SHEBA, LATER)
    first = Account.objects.get()
    assert (first.number, first.declared_at, first.replaced_at) == (SHEBA, NOW, None)
    assert contacts.tell_sheba(person, OTHER, LATER)
    newest, before = queries.accounts_of(person)
    assert (newest.number, newest.replaced_at, before.number, before.replaced_at) == (OTHER, None, SHEBA, LATER)
    assert Message.objects.filter(template="account_changed", person_id=person.pk).count() == 2
    assert contacts.tell_sheba(person, "", LATER)
    assert queries.account_of(person) is None


def test_an_account_that_is_none_is_refused_and_nothing_changes() -> None:
    person = make.person()
    for typed in ("IR820540102680020817909003", "DE89370400440532013000", "۱۲۳۴", "IR82054010268002081790900"):
        with pytest.raises(Invalid):
            contacts.tell_sheba(person, typed, NOW)
    assert (Account.objects.count(), person.sheba) == (0, "")


def test_nobody_changes_the_account_while_a_lost_line_is_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    person = make.person()
    contacts.tell_sheba(person, SHEBA, NOW)

    def on_hold(_: Person) -> None:
        raise AccountOnHold(until="")

    monkeypatch.setattr("peyman.people.queries.assert_not_on_hold", on_hold)
    with pytest.raises(AccountOnHold):
        contacts.tell_sheba(person, OTHER, LATER)
    assert Account.objects.get(replaced_at=None).number == SHEBA


@pytest.mark.clause("D16")
def test_the_table_holds_no_number_that_can_be_read_and_one_person_finds_only_theirs() -> None:
    refund, stranger = fallen(), make.person()
    account = declared(refund)
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, number_hash FROM billing_account")
        ((number, digest),) = cursor.fetchall()
    assert SHEBA[2:] not in number and digest and SHEBA not in digest
    assert queries.accounts_of(stranger) == [] and queries.account_of(owner(refund)) == account


@pytest.mark.clause("D16")
def test_what_was_declared_is_handed_out_and_forgotten_with_the_rest_unless_money_went_there() -> None:
    refund = ready()
    person = owner(refund)
    contacts.tell_sheba(person, OTHER, LATER)
    mine = personal_data.everything_about(person, LATER)["refund_accounts"]
    assert [(row["sheba"], row["replaced_at"]) for row in mine] == [(OTHER, None), (SHEBA, LATER)]
    contacts.tell_sheba(person, SHEBA, LATER)
    newest = Account.objects.get(person=person, replaced_at=None)
    accounts.see_holder(code=newest.code, seen="سارا احمدی", why="", by=make.person(role="finance"), now=LATER)
    sent(refunds_=[refund])
    accounts.forget(person=person, now=LATER)
    kept = [row.number for row in queries.accounts_of(person)]
    assert sorted(kept) == ["", "", SHEBA]
    assert accounts.forget_older(before=LATER + timedelta(days=1), limit=10) == 1
    assert {row.number for row in Account.objects.all()} == {""}


@pytest.mark.clause("D35")
def test_money_goes_to_an_account_once_a_person_saw_whose_it_is() -> None:
    refund = fallen()
    assert waits(refund) == "account"
    account = declared(refund)
    assert waits(refund) == "holder"
    finance = make.person(role="finance")
    with pytest.raises(rules.NotReady):
        actions.draft(refunds=[refund.code], by=finance, now=NOW)
    assert accounts.look(code=account.code, why="استعلام صاحب حساب", by=finance, now=NOW).number == SHEBA
    assert AccessLog.objects.get(by=finance).whose == owner(refund)
    accounts.see_holder(code=account.code, seen="خانم احمدی سارا", why="", by=finance, now=NOW)
    account.refresh_from_db()
    assert (account.seen_name, account.seen_why, account.seen_by) == ("خانم احمدی سارا", "", finance)
    assert waits(refund) == "batch"
    with pytest.raises(rules.AccountStands):
        accounts.see_holder(code=account.code, seen="سارا احمدی", why="", by=finance, now=NOW)


@pytest.mark.clause("D35")
def test_another_holder_than_the_customer_needs_a_reason_and_one_without_a_name_is_none() -> None:
    account = declared(fallen())
    finance = make.person(role="finance")
    with pytest.raises(Invalid) as refusal:
        accounts.see_holder(code=account.code, seen="شرکت آوند", why="", by=finance, now=NOW)
    assert list(refusal.value.fields) == ["why"]
    with pytest.raises(Invalid):
        accounts.see_holder(code=account.code, seen=" ", why="x", by=finance, now=NOW)
    with pytest.raises(Missing):
        accounts.see_holder(code="ACC-0", seen="سارا احمدی", why="", by=finance, now=NOW)
    accounts.see_holder(code=account.code, seen="شرکت آوند", why="خریدار رسمی همین سفارش است", by=finance, now=NOW)
    account.refresh_from_db()
    assert account.seen_why == "خریدار رسمی همین سفارش است"


@pytest.mark.clause("D35")
def test_an_account_declared_anew_is_seen_anew_and_a_refused_one_is_asked_for_again() -> None:
    refund = ready()
    contacts.tell_sheba(owner(refund), OTHER, LATER)
    assert waits(refund) == "holder"
    account = Account.objects.get(replaced_at=None)
    refunds.refuse_account(code=account.code, why="به نام کس دیگری است", by=make.person(role="finance"), now=LATER)
    assert waits(refund) == "account"
    asked = Message.objects.filter(template="refund_account", person_id=owner(refund).pk)
    assert asked.count() == 2  # as it fell, when nothing was declared, and now
    assert contacts.tell_sheba(owner(refund), OTHER, LATER)  # the same number, declared anew
    assert waits(refund) == "holder"


@pytest.mark.clause("D35", "D16")
def test_staff_write_an_account_for_who_cannot_log_in_and_another_sees_whose_it_is() -> None:
    refund = fallen()
    one, two = make.person(role="finance"), make.person(role="manager")
    for how in ("", "تلفنی"):
        with pytest.raises(Invalid) as refusal:
            contacts.tell_sheba(owner(refund), SHEBA, NOW, by=one, how=how)
        assert list(refusal.value.fields) == ["how"]
    contacts.tell_sheba(owner(refund), SHEBA, NOW, by=one, how="حضوری آمد و کارت ملی نشان داد")
    account = Account.objects.get()
    assert (account.declared_by, AccessLog.objects.get().by) == (one, one)
    assert Message.objects.filter(template="account_changed", person_id=owner(refund).pk).count() == 1
    with pytest.raises(rules.SamePerson):
        accounts.see_holder(code=account.code, seen="سارا احمدی", why="", by=one, now=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        Account.objects.update(seen_at=NOW, seen_by=one)
    with pytest.raises(rules.AccountStands):
        contacts.tell_sheba(owner(refund), OTHER, NOW, by=one, how="حضوری آمد و کارت ملی نشان داد")
    accounts.see_holder(code=account.code, seen="سارا احمدی", why="", by=two, now=NOW)
    assert waits(refund) == "batch"
    assert [step.by for step in queries.story(refund.code, NOW).steps if "به جای مشتری" in step.what] == [one.code]


# ---- Falling to Paya ----


def paid_at_saman(bank: BankSimulator, payment: Payment) -> str:
    """A token that was paid and verified there, with its amount."""
    port = banks.bank("saman")
    granted = port.request(
        amount=payment.amount, callback_url="http://127.0.0.1/", description="", order="O", payment="P", mobile=""
    )
    assert isinstance(granted, TokenGranted)
    bank.pay(granted.token)
    assert isinstance(port.verify(token=granted.token, amount=payment.amount, payment="P"), Verified)
    return granted.token


@pytest.mark.clause("D30", "D35")
def test_a_gateway_without_refunds_hands_over_to_paya_and_the_customer_is_asked_for_an_account(
    settings: Any, tmp_path: Path
) -> None:
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    refund = owed(gateway="saman")
    Refund.objects.update(kind="refund")
    with BankSimulator() as bank:
        settings.BANK_URL = bank.url
        Payment.objects.update(token=paid_at_saman(bank, refund.payment))
        refund = Refund.objects.select_related("payment").get(pk=refund.pk)
        assert not payments.give_back(refund=refund, now=NOW)
    refund.refresh_from_db()
    assert (refund.kind, refund.state, refund.paya_why, refund.paya_at, refund.due_at) == (
        "paya", "owed", "no_refund_service", NOW, None,
    )  # fmt: skip
    assert not payments.give_back(refund=refund, now=NOW) and claim_due_refunds(now=LATER) == []
    message = Message.objects.get(template="refund_account")
    # Saturday 10:00 and 48 working hours: Monday 10:00; nothing of it moved
    assert "تا دوشنبه ۱۷ دی، ساعت ۱۰" in message.text and "/account/refunds/" in message.text
    assert waits(refund) == "account"
    sound()


def test_money_that_was_never_ours_is_not_transferred() -> None:
    refund = owed()
    Payment.objects.update(state="failed")
    refund = Refund.objects.select_related("payment").get(pk=refund.pk)
    assert not refunds.fall_to_paya(refund=refund, why="refused", now=NOW)
    assert not Message.objects.filter(template="refund_account").exists()


def test_a_refund_that_fell_falls_once() -> None:
    refund = fallen()
    assert not refunds.fall_to_paya(refund=refund, why="again", now=LATER)
    refund.refresh_from_db()
    assert refund.paya_why == "no_refund_service"
    assert Message.objects.filter(template="refund_account").count() == 1


@pytest.mark.clause("D35")
def test_the_deadline_does_not_move_while_we_wait_for_the_account() -> None:
    refund = fallen()
    due = Promise.objects.get(kind="refund").due_at
    declared(refund)
    (row,) = queries.of_order(refund.payment.bill, due)
    assert (row.due_at, row.is_late) == (due, True)


# ---- Two persons ----


@pytest.mark.clause("D30")
def test_a_large_refund_that_staff_caused_leaves_on_the_word_of_another() -> None:
    first, second = make.person(role="orders"), make.person(role="manager")
    refund = owed(price=LIMIT, by=first, gateway="zarinpal")
    assert (refund.needs, refund.given, refund.due_at) == (2, 1, None)
    assert claim_due_refunds(now=LATER) == [] and waits(refund) == "second_person"
    assert not payments.give_back(refund=refund, now=LATER)
    with pytest.raises(rules.SamePerson):
        actions.approve_refund(code=refund.code, by=first, now=LATER)
    actions.approve_refund(code=refund.code, by=second, now=LATER)
    for again in (first, second):
        with pytest.raises(rules.SamePerson):
            actions.approve_refund(code=refund.code, by=again, now=LATER)
    with pytest.raises(rules.RefundStands):
        actions.approve_refund(code=refund.code, by=make.person(role="finance"), now=LATER)
    assert [row.pk for row in claim_due_refunds(now=LATER)] == [refund.pk]
    assert waits(refund) == "bank" and RefundApproval.objects.count() == 1
    sound()


@pytest.mark.clause("D30")
def test_a_large_refund_by_paya_needs_two_whoever_caused_it_and_a_small_one_nobody() -> None:
    small, large = ready(), ready(price=LIMIT)
    assert (waits(small), waits(large)) == ("batch", "second_person")
    one, two = make.person(role="finance"), make.person(role="manager")
    actions.approve_refund(code=large.code, by=one, now=NOW)
    assert waits(large) == "second_person"
    with pytest.raises(rules.SamePerson):
        actions.approve_refund(code=large.code, by=one, now=NOW)
    actions.approve_refund(code=large.code, by=two, now=NOW)
    assert waits(large) == "batch"
    with pytest.raises(Missing):
        actions.approve_refund(code="REF-0", by=one, now=NOW)


def test_the_act_of_a_customer_is_no_act_of_staff() -> None:
    refund = owed(price=LIMIT, by=make.person())
    assert (refund.by, refund.needs) == (None, 0)


# ---- Batches ----


@pytest.mark.clause("D30", "D35")
def test_a_batch_goes_from_draft_to_the_bank_and_its_file_is_the_one_that_was_approved() -> None:
    one, two = make.person(role="finance"), make.person(role="manager")
    first, second = ready(), ready(price=2_000_000)
    batch = actions.draft(refunds=[second.code, first.code], by=one, now=NOW)
    assert (batch.state, batch.lines, batch.total, batch.needs_two) == ("drafted", 2, 4_009_000, False)
    lines = list(batch.rows.order_by("n"))
    assert [(row.refund_id, row.amount, row.reference) for row in lines] == [
        (first.pk, 1_503_000, "000001000168"), (second.pk, 2_506_000, "000001000265"),
    ]  # fmt: skip
    with pytest.raises(rules.BatchStands):
        refunds.take_file(code=batch.code, kind="ccti", by=one, now=NOW)
    approved = refunds.approve_batch(code=batch.code, by=one, now=NOW)
    assert len(approved.sha256) == 64
    name, data = refunds.take_file(code=batch.code, kind="ccti", by=two, now=LATER)
    again = refunds.take_file(code=batch.code, kind="ccti", by=two, now=LATER + timedelta(days=3))
    assert (name, data) == again == (f"{OURS}000000001.ccti", data)
    assert b"<CtrlSum>4009000</CtrlSum>" in data and SHEBA.encode() in data
    batch.refresh_from_db()
    first.refresh_from_db()
    assert (batch.state, batch.sent_at, batch.sent_by) == ("sent", LATER, two)
    assert (first.state, first.carried, waits(first)) == ("asked", 1_503_000, "bank")
    assert AccessLog.objects.filter(subject=f"batch:{batch.code}", by=two).count() == 4  # two owners, two looks
    assert balances() == {"paya": -4_009_000}
    sound()


@pytest.mark.clause("D30")
def test_a_batch_above_the_limit_is_approved_by_another_than_who_drafted_it() -> None:
    one, two = make.person(role="finance"), make.person(role="manager")
    batch = actions.draft(refunds=[ready(price=150_000_000).code, ready(price=150_000_000).code], by=one, now=NOW)
    with pytest.raises(rules.SamePerson):
        refunds.approve_batch(code=batch.code, by=one, now=NOW)
    refunds.approve_batch(code=batch.code, by=two, now=NOW)
    with pytest.raises(rules.BatchStands):
        refunds.approve_batch(code=batch.code, by=two, now=LATER)
    with pytest.raises(DatabaseError), transaction.atomic():
        PayaBatch.objects.filter(pk=batch.pk).update(approved_by=one)


def test_a_refund_is_in_one_live_batch_and_free_again_when_it_is_put_aside() -> None:
    one = make.person(role="finance")
    refund = ready()
    batch = actions.draft(refunds=[refund.code], by=one, now=NOW)
    with pytest.raises(rules.NotReady):
        actions.draft(refunds=[refund.code], by=one, now=NOW)
    line = batch.rows.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        PayaLine.objects.create(
            batch=batch, n=2, refund=refund, part=1, account=line.account, amount=1, reference="000001000265"
        )
    with pytest.raises(Invalid):
        actions.drop(code=batch.code, why=" ", by=one, now=NOW)
    actions.drop(code=batch.code, why="ناتمام بود", by=one, now=NOW)
    with pytest.raises(rules.BatchStands):
        refunds.approve_batch(code=batch.code, by=one, now=NOW)
    with pytest.raises(rules.BatchStands):
        actions.drop(code=batch.code, why="ناتمام بود", by=one, now=NOW)
    assert waits(refund) == "batch"
    assert actions.draft(refunds=[refund.code], by=one, now=NOW).number == 2
    sound()


def test_nothing_of_an_approved_batch_can_be_changed_in_the_table() -> None:
    batch = sent()
    for change in ({"total": 1}, {"sha256": "0" * 64}, {"source": OTHER}, {"lines": 9}):
        with pytest.raises(DatabaseError), transaction.atomic():
            PayaBatch.objects.filter(pk=batch.pk).update(**change)
    for change in ({"amount": 1}, {"reference": "1"}, {"n": 7}):
        with pytest.raises(DatabaseError), transaction.atomic():
            PayaLine.objects.filter(batch=batch).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        PayaLine.objects.filter(batch=batch).delete()


def test_nothing_and_nobody_s_refund_make_no_batch(settings: Any) -> None:
    one = make.person(role="finance")
    with pytest.raises(rules.NothingToSend):
        actions.draft(refunds=[], by=one, now=NOW)
    with pytest.raises(rules.NotReady):
        actions.draft(refunds=[ready().code, "REF-0"], by=one, now=NOW)
    for source in ("", "IR820540102680020817909003", "DE89370400440532013000"):
        settings.PAYA_SHEBA = source
        with pytest.raises(rules.NoSource):
            actions.draft(refunds=[Refund.objects.get().code], by=one, now=NOW)
    assert (PayaBatch.objects.count(), Refund.objects.get().carried) == (0, 0)


@pytest.mark.clause("D35")
def test_an_account_that_changes_between_approval_and_file_stops_the_file() -> None:
    one = make.person(role="finance")
    refund = ready()
    batch = actions.draft(refunds=[refund.code], by=one, now=NOW)
    refunds.approve_batch(code=batch.code, by=one, now=NOW)
    contacts.tell_sheba(owner(refund), OTHER, LATER)
    with pytest.raises(rules.AccountChanged) as refusal:
        refunds.take_file(code=batch.code, kind="csv", by=one, now=LATER)
    assert refund.code in refusal.value.detail
    batch.refresh_from_db()
    assert (batch.state, AccessLog.objects.filter(subject=f"batch:{batch.code}").count()) == ("approved", 0)
    actions.drop(code=batch.code, why="حساب عوض شد", by=one, now=LATER)
    assert waits(refund) == "holder"
    sound()


def test_what_is_above_one_transfer_goes_in_parts_and_is_done_with_the_last_of_them() -> None:
    refund = ready(price=4_500_000_000)
    for role in ("finance", "manager"):
        actions.approve_refund(code=refund.code, by=make.person(role=role), now=NOW)
    batch = sent(refunds_=[refund])
    lines = list(batch.rows.order_by("n"))
    assert [line.amount for line in lines] == [2_000_000_000, 2_000_000_000, 514_000_000]
    done = statements.reconcile(data=statement(told(lines[0]), told(lines[2])), now=LATER)
    assert (done.matched, done.kept) == (2, ())
    refund.refresh_from_db()
    assert (refund.state, waits(refund)) == ("asked", "bank")
    sound()
    done = statements.reconcile(data=statement(told(lines[1])), now=LATER)
    assert done.kept == (refund.code,)
    refund.refresh_from_db()
    assert (refund.state, refund.provider_ref) == ("done", " ".join(line.reference for line in lines))
    sound()


# ---- What our bank says ----


@pytest.mark.clause("D30", "D35")
def test_only_the_statement_says_that_a_transfer_was_paid_and_that_keeps_the_promise() -> None:
    refund = ready()
    batch = sent(refunds_=[refund])
    line = batch.rows.get()
    with pytest.raises(ValueError, match="no statement"):
        refund_done(refund=Refund.objects.get(), provider_ref="7", proof="bank", now=LATER)
    digits = told(line).replace(line.reference, "۰۰۰۰۰۱۰۰۰۱۶۸").replace("transfer", "حواله پایا")
    done = statements.reconcile(data=statement(digits), now=LATER)
    assert (done.matched, done.kept, done.open) == (1, (refund.code,), ())
    for row in (refund, batch, line):
        row.refresh_from_db()
    assert (refund.state, refund.provider_ref, batch.state, line.state, line.paid_at) == (
        "done", line.reference, "settled", "paid", LATER,
    )  # fmt: skip
    promise = Promise.objects.get(kind="refund")
    assert (promise.state, promise.evidence["bank_ref"], promise.evidence["proof"]) == (
        "kept", line.reference, "statement",
    )  # fmt: skip
    assert promise.evidence["account_declared_at"] == NOW.isoformat()
    assert Message.objects.filter(template="refund_done").count() == 1
    assert balances() == {"bank": -1_503_000}
    again = statements.reconcile(data=statement(digits, ""), now=LATER)
    assert (again.matched, again.kept, again.open) == (1, (), ())
    sound()


@pytest.mark.clause("D35")
def test_a_transfer_that_came_back_is_owed_again_and_promised_anew_and_its_account_is_done_with() -> None:
    refund = ready()
    batch = sent(refunds_=[refund])
    line = batch.rows.get()
    statements.reconcile(data=statement(told(line)), now=LATER)
    later = LATER + timedelta(days=1)
    done = statements.reconcile(data=statement(told(line), told(line, "برگشت حواله", later)), now=later)
    assert (done.returned, done.open) == ((line.reference,), ())
    refund.refresh_from_db()
    account = Account.objects.get()
    assert (refund.state, refund.returns, refund.done_at, refund.carried) == ("owed", 1, None, 0)
    assert account.refused_at == later and waits(refund) == "account"
    first, second = Promise.objects.filter(kind="refund").order_by("pk")
    assert (first.state, second.subject, second.clause, second.state) == (
        "kept",
        f"refund:{refund.code}/1",
        "D35",
        "open",
    )
    assert second.start == later and Message.objects.filter(template="refund_came_back").count() == 1
    assert balances() == {"refunds": -1_503_000}
    sound()
    # The customer declares another account, and it goes its way once more.
    account = declared(refund, OTHER)
    accounts.see_holder(code=account.code, seen="سارا احمدی", why="", by=make.person(role="finance"), now=later)
    line = sent(refunds_=[refund]).rows.get()
    assert statements.reconcile(data=statement(told(line)), now=later).kept == (refund.code,)
    second.refresh_from_db()
    assert second.state == "kept" and Message.objects.filter(template="refund_done").count() == 2
    sound()


def test_a_transfer_that_came_back_before_it_was_known_paid_leaves_the_first_promise_standing() -> None:
    refund = ready()
    line = sent(refunds_=[refund]).rows.get()
    done = statements.reconcile(data=statement(told(line, "returned"), told(line)), now=LATER)
    assert (done.returned, done.kept) == ((line.reference,), (refund.code,))
    refund.refresh_from_db()
    assert (refund.state, refund.returns, balances()) == ("owed", 1, {"refunds": -1_503_000})
    sound()


def test_a_return_alone_is_owed_again_under_the_same_promise() -> None:
    refund = ready()
    line = sent(refunds_=[refund]).rows.get()
    assert statements.reconcile(data=statement(told(line, "returned")), now=LATER).returned == (line.reference,)
    refund.refresh_from_db()
    assert (refund.state, refund.returns, Promise.objects.filter(kind="refund").count()) == ("owed", 0, 1)
    assert balances() == {"refunds": -1_503_000}
    sound()


def test_what_our_bank_lists_otherwise_is_work_for_a_person() -> None:
    line = sent().rows.get()
    told_twice = told(line, at=LATER + timedelta(minutes=1))
    done = statements.reconcile(
        data=statement(
            told(line), told_twice, told(line), f"000009000199,{OURS},5000,transfer,{LATER.isoformat()}",
            f"1,{OURS},70,returned,{LATER.isoformat()}", "x,IR000000000000000000000000,5,transfer,2025-01-01",
        ),
        now=LATER,
    )  # fmt: skip
    assert (done.matched, done.duplicates, len(done.kept)) == (1, 1, 1)
    assert sorted((row.how, row.refnum) for row in done.open) == [
        ("foreign_terminal", "x"), ("twice", line.reference), ("unknown_refund", "000009000199"),
        ("unknown_refund", "1"),
    ]  # fmt: skip
    sound()


def test_another_amount_than_the_line_s_pays_nothing() -> None:
    line = sent().rows.get()
    wrong = told(line).replace(f",{line.amount},", f",{line.amount - 1},")
    done = statements.reconcile(data=statement(wrong), now=LATER)
    assert [(row.how, row.theirs, row.ours, row.transfer) for row in done.open] == [
        ("amount", line.amount - 1, line.amount, line)
    ]
    line.refresh_from_db()
    assert (line.state, done.kept) == ("sent", ())
    settled = statements.reconcile(data=statement(told(line)), now=LATER)
    assert len(settled.kept) == 1


def test_a_batch_that_the_bank_did_not_take_is_put_aside_by_another_and_a_transfer_of_it_is_shown() -> None:
    batch = sent()
    line = batch.rows.get()
    assert batch.sent_by
    with pytest.raises(rules.SamePerson):
        actions.drop(code=batch.code, why="بانک فایل را نپذیرفت", by=batch.sent_by, now=LATER)
    actions.drop(code=batch.code, why="بانک فایل را نپذیرفت", by=make.person(role="manager"), now=LATER)
    assert waits(line.refund) == "batch" and balances() == {"refunds": -1_503_000}
    done = statements.reconcile(data=statement(told(line)), now=LATER)
    assert [(row.how, row.transfer) for row in done.open] == [("undue", line)]
    sound()


def test_a_gateway_that_gave_back_after_all_is_believed_while_nothing_is_in_a_batch() -> None:
    refund = fallen()
    payment = refund.payment
    line = f"{payment.refnum},{payment.terminal},{refund.amount},refund,{LATER.isoformat()}"
    assert statements.reconcile(data=statement(line), now=LATER).kept == (refund.code,)
    refund.refresh_from_db()
    assert (refund.state, refund.kind) == ("done", "refund")
    sound()
    other = ready()
    sent(refunds_=[other])
    after = LATER + timedelta(hours=1)
    line = f"{other.payment.refnum},{other.payment.terminal},{other.amount},refund,{after.isoformat()}"
    done = statements.reconcile(data=statement(line), now=LATER)
    assert (done.kept, [row.how for row in done.open]) == ((), ["unknown_refund"])


def test_money_that_is_listed_by_us_and_not_by_the_bank_is_missing() -> None:
    line = sent().rows.get()
    statements.reconcile(data=statement(told(line)), now=LATER)
    span = (NOW, LATER + timedelta(hours=1))
    empty = f"1,{OURS},5,transfer,{LATER.isoformat()}"
    done = statements.reconcile(data=statement(empty), span=span, now=LATER)
    assert ("missing", line.reference) in {(row.how, row.refnum) for row in done.open}
    assert OURS in statement_queries.terminals()


# ---- What is left, the list, the export ----


@pytest.mark.clause("D30")
def test_overlapping_refunds_never_give_back_more_than_was_paid() -> None:
    refund = owed()
    payment = Payment.objects.select_related("bill").get()
    order = Order.objects.get()
    ask = RefundAsk(payment, 1, "again", "D30", "orders", order.code, order.person_id, order.terms)
    with pytest.raises(OverRefund):
        accept_refunds(asks=[ask], now=NOW)
    assert Refund.objects.get() == refund


def test_the_work_list_tells_what_each_refund_waits_for_and_pages_by_key() -> None:
    rows = [fallen() for _ in range(5)] + [ready()]
    first = queries.board(queries.Filter(), "", NOW, limit=4)
    second = queries.board(queries.Filter(), first.next, NOW, limit=4)
    assert [row.code for row in first.rows + second.rows] == [row.code for row in rows] and second.next == ""
    assert first.counts == {
        "account": (5, 7_515_000), "holder": (0, 0), "second_person": (0, 0), "batch": (1, 1_503_000), "bank": (0, 0),
    }  # fmt: skip
    assert (first.owed, first.owed_rials, first.late) == (6, 9_018_000, 0)
    late = queries.board(queries.Filter(late=True, waits_for="batch"), "", NOW + timedelta(days=9))
    assert [row.code for row in late.rows] == [rows[5].code] and late.late == 6
    for broken in ("x", "2025.1", ".", "2025-01-01.5", "…"):
        assert len(queries.board(queries.Filter(), broken, NOW).rows) in (0, 6)


def test_the_work_list_costs_three_queries_however_long_it_is(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        fallen()
    with django_assert_num_queries(3):
        queries.board(queries.Filter(), "", NOW)


def test_a_refund_by_paya_is_exported_as_one() -> None:
    line = sent().rows.get()
    statements.reconcile(data=statement(told(line)), now=LATER)
    (row,) = [row for row in export.EXPORTS["payments"]() if row["kind"] == "paya"]
    assert (row["state"], row["amount"], row["refnum"]) == ("done", 1_503_000, line.reference)


def test_each_invariant_finds_what_it_is_there_for() -> None:
    refund = ready(price=LIMIT)
    for role in ("finance", "manager"):
        actions.approve_refund(code=refund.code, by=make.person(role=role), now=NOW)
    batch = sent(refunds_=[refund])
    sound()
    Refund.objects.filter(pk=refund.pk).update(given=1)
    assert invariants.CHECKS["two_persons_stand_behind_large_refunds"](LATER).bad == [refund.code]
    Refund.objects.filter(pk=refund.pk).update(given=2, carried=refund.amount - 1)
    assert invariants.CHECKS["refunds_know_what_carries_them"](LATER).bad == [refund.code]
    Account.objects.update(seen_name="کس دیگری")
    assert invariants.CHECKS["paya_batches_add_up"](LATER).bad == [batch.code]
    with pytest.raises(rules.FileDiffers):
        refunds.take_file(code=batch.code, kind="ccti", by=make.person(role="finance"), now=LATER)
    Entry.objects.bulk_create(
        [
            Entry(posting="x", account=name, amount=n, bill=refund.payment.bill, at=NOW)
            for name, n in (("paya", 5), ("bank", -5))
        ]
    )
    assert len(invariants.CHECKS["money_lies_where_it_belongs"](LATER).bad) == 1
