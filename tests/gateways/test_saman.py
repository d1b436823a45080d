"""Saman's port against the simulated bank over real HTTP, and its answers read one by one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from peyman.billing.rules import (
    Mismatch,
    RefundRefused,
    Reversed,
    ReverseRefused,
    Status,
    TokenGranted,
    TokenRefused,
    TooLate,
    Unknown,
    Unpaid,
    Verified,
)
from peyman.gateways.saman import Receipt, Result, Saman, read_receipt, read_result, read_token
from peyman.gateways.simulators import BankSimulator

TERMINAL = "21000001"
CALLBACK = "http://127.0.0.1:9/pay/saman/callback"
TOKEN = "0" * 40
REFNUM = "Gmshtyjw200000001=="
CARD = "603799******5995"


@pytest.fixture
def saman(bank: BankSimulator) -> Iterator[Saman]:
    with Saman(TERMINAL, bank.url) as port:
        yield port


@pytest.fixture
def paid(bank: BankSimulator, saman: Saman) -> Callable[..., str]:
    """A token that a buyer has paid."""

    def ask(amount: int = 1_250_000, payment: str = "PAY-1") -> str:
        token = granted(saman, amount, payment)
        bank.pay(token)
        return token

    return ask


def granted(port: Saman, amount: int = 1_250_000, payment: str = "PAY-1", mobile: str = "") -> str:
    answer = port.request(
        amount=amount, callback_url=CALLBACK, description="سفارش", order="ORD-1", payment=payment, mobile=mobile
    )
    assert isinstance(answer, TokenGranted)
    assert answer.redirect_url == port.redirect_url(answer.token)
    return answer.token


def verify(port: Saman, token: str, amount: int = 1_250_000, payment: str = "PAY-1") -> object:
    return port.verify(token=token, amount=amount, payment=payment)


# ---- The way through ----


def test_a_payment_from_token_to_receipt(bank: BankSimulator, saman: Saman) -> None:
    token = granted(saman, mobile="+989121234567")
    (row,) = bank.ledger()
    assert (row["gateway"], row["merchant"], row["order_id"], row["mobile"]) == (
        "saman", TERMINAL, "PAY-1", "09121234567",
    )  # fmt: skip
    assert saman.inquiry(token=token) == Status.IN_BANK
    assert verify(saman, token) == Unpaid("in_bank")

    back = bank.pay(token)
    assert back["callback_url"] == CALLBACK
    assert {name: back["callback_form"][name] for name in ("State", "Token", "RefNum", "ResNum")} == {
        "State": "OK", "Token": token, "RefNum": REFNUM, "ResNum": "PAY-1",
    }  # fmt: skip
    assert saman.inquiry(token=token) == Status.PAID
    assert verify(saman, token) == Verified(REFNUM, CARD, again=False)
    assert verify(saman, token) == Verified(REFNUM, CARD, again=True)
    assert saman.inquiry(token=token, is_ours=True) == Status.VERIFIED


def test_the_bank_s_page_shows_the_amount_and_leads_back_by_a_form(bank: BankSimulator, saman: Saman) -> None:
    token = granted(saman)
    page = httpx.get(saman.redirect_url(token), trust_env=False, timeout=60)
    assert page.status_code == 200 and "۱٬۲۵۰٬۰۰۰</span> ریال" in page.text
    done = httpx.post(f"{bank.url}/OnlinePG/SendToken/pay?token={token}", trust_env=False, timeout=60)
    assert f'<form method="post" action="{CALLBACK}">' in done.text
    assert f'name="Token" value="{token}"' in done.text
    assert 'name="State" value="OK"' in done.text


def test_a_buyer_who_gives_up_has_not_paid(bank: BankSimulator, saman: Saman) -> None:
    token = granted(saman)
    assert bank.pay(token, "NOK")["callback_form"]["State"] == "CanceledByUser"
    assert saman.inquiry(token=token) == Status.FAILED
    assert verify(saman, token) == Unpaid("failed")
    assert saman.reverse(token=token) == ReverseRefused("failed")


# ---- Bound to its payment, terminal and amount ----


def test_a_receipt_of_another_amount_is_not_confirmed_and_goes_back_by_itself(
    bank: BankSimulator, saman: Saman
) -> None:
    token = granted(saman, amount=500_000_000)
    bank.faults(pay_amount=10_000)
    bank.pay(token)
    assert verify(saman, token, 500_000_000) == Mismatch("amount")
    assert bank.ledger()[0]["verified_at"] is None
    bank.advance(31 * 60)
    assert bank.ledger()[0]["returned"] is True


def test_a_receipt_of_another_payment_of_ours_is_not_confirmed(saman: Saman, paid: Callable[..., str]) -> None:
    token = paid(payment="PAY-1")
    assert verify(saman, token, payment="PAY-2") == Mismatch("payment")
    assert verify(saman, token, payment="PAY-1") == Verified(REFNUM, CARD, again=False)


def test_another_terminal_s_token_says_nothing_to_us(bank: BankSimulator, paid: Callable[..., str]) -> None:
    token = paid()
    with Saman("21000002", bank.url) as stranger:
        assert verify(stranger, token) == Unknown("receipt error -2")
        assert stranger.inquiry(token=token) == Unknown("receipt error -2")
        assert stranger.reverse(token=token) == Unknown("receipt error -2")


# ---- Faults ----


@pytest.mark.parametrize("fault", ["verify_drop", "verify_500", "garbage"])
def test_an_answer_that_was_lost_is_unknown_and_asking_again_tells(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str], fault: str
) -> None:
    token = paid()
    if fault == "garbage":  # strikes the receipt first
        bank.faults(garbage={"times": 1})
    else:
        bank.faults(**{fault: 1})
    assert isinstance(verify(saman, token), Unknown)
    assert verify(saman, token) == Verified(REFNUM, CARD, again=fault != "garbage")


def test_a_bank_that_fails_before_it_verifies_has_not_verified(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    bank.faults(verify_before_500=1)
    assert verify(saman, token) == Unknown("http 500")
    assert verify(saman, token) == Verified(REFNUM, CARD, again=False)


def test_what_is_verified_too_late_was_never_ours(bank: BankSimulator, saman: Saman, paid: Callable[..., str]) -> None:
    bank.faults(no_auto_return=True)
    token = paid()
    bank.advance(30 * 60 + 1)
    assert verify(saman, token) == Unpaid("-6")
    assert saman.reverse(token=token) == TooLate("-6")


def test_no_token_while_the_bank_is_away_and_none_for_what_it_refuses(bank: BankSimulator, saman: Saman) -> None:
    bank.faults(request_500=1)
    wanted: dict[str, Any] = {"callback_url": CALLBACK, "description": "سفارش", "order": "ORD-1", "payment": "PAY-1"}
    assert saman.request(amount=1_250_000, **wanted) == Unknown("http 500")
    assert saman.request(amount=999, **wanted) == TokenRefused("-1", "مبلغ یا نشانی بازگشت نادرست است.")
    bank.faults(down=True)
    assert isinstance(saman.request(amount=1_250_000, **wanted), Unknown)


# ---- Giving back ----


def test_a_verified_payment_is_given_back_within_fifty_minutes_and_the_inquiry_proves_it(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    verify(saman, token)
    bank.advance(49 * 60)
    assert saman.reverse(token=token) == Reversed()
    assert saman.inquiry(token=token, is_ours=True) == Status.REVERSED
    assert saman.reverse(token=token) == Reversed()
    assert verify(saman, token) == Unpaid("5")


def test_after_fifty_minutes_a_payment_is_not_given_back_this_way(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    verify(saman, token)
    bank.advance(50 * 60 + 1)
    assert saman.reverse(token=token) == TooLate("-6")
    assert saman.inquiry(token=token, is_ours=True) == Status.VERIFIED


def test_what_was_paid_and_not_verified_is_verified_first_and_then_given_back(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    assert saman.reverse(token=token) == Reversed()
    (row,) = bank.ledger()
    assert (row["state"], row["verified_at"] is not None, row["returned"]) == ("REVERSED", True, False)


def test_a_reversal_whose_answer_was_lost_is_proven_by_the_inquiry(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    verify(saman, token)
    bank.faults(reverse_drop=1)
    assert isinstance(saman.reverse(token=token), Unknown)
    assert saman.inquiry(token=token, is_ours=True) == Status.REVERSED


def test_a_reversal_that_the_bank_refuses_leaves_the_payment_as_it_is(
    bank: BankSimulator, saman: Saman, paid: Callable[..., str]
) -> None:
    token = paid()
    verify(saman, token)
    bank.faults(reverse_refuse=1)
    assert saman.reverse(token=token) == ReverseRefused("-1")
    assert saman.inquiry(token=token, is_ours=True) == Status.VERIFIED


def test_this_bank_refunds_nothing_by_itself(saman: Saman) -> None:
    assert saman.refund(refnum=REFNUM, amount=50_000, reason="cancelled", key="REF-1") == RefundRefused(
        "no_refund_service"
    )


def test_a_ledger_remembers_saman_s_payments_over_a_restart(tmp_path: Any) -> None:
    with BankSimulator(state=tmp_path) as bank, Saman(TERMINAL, bank.url) as port:
        token = granted(port)
        bank.pay(token)
        assert verify(port, token) == Verified(REFNUM, CARD, again=False)
    with BankSimulator(state=tmp_path) as bank, Saman(TERMINAL, bank.url) as port:
        assert verify(port, token) == Verified(REFNUM, CARD, again=True)


@pytest.mark.parametrize("terminal", ["", "abc", "12 3", "۱۲۳"])
def test_a_terminal_is_a_number(terminal: str) -> None:
    with pytest.raises(ValueError, match="a terminal is a number"):
        Saman(terminal)


# ---- Reading, answer by answer ----


def said(document: object) -> bytes:
    return json.dumps(document).encode()


def to(token: str) -> str:
    return f"https://bank/{token}"


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"status": 1, "token": TOKEN}, TokenGranted(TOKEN, to(TOKEN))),
        (200, {"Status": 1, "Token": TOKEN}, TokenGranted(TOKEN, to(TOKEN))),
        (200, {"status": 1, "token": "short"}, Unknown("status 1 without a usable token")),
        (200, {"status": 1, "token": TOKEN + "/../"}, Unknown("status 1 without a usable token")),
        (400, {"status": 1, "token": TOKEN}, Unknown("no status")),
        (200, {"status": "1", "token": TOKEN}, Unknown("no status")),
        (200, {"status": -1, "errorCode": "8", "errorDesc": "ip"}, TokenRefused("8", "ip")),
        (400, {"status": -1, "errorCode": 12}, TokenRefused("12", "")),
        (500, {"status": 1, "token": TOKEN}, Unknown("http 500")),
        (200, [], Unknown("not an object")),
        (302, {"status": 1, "token": TOKEN}, Unknown("http 302")),
    ],
)
def test_a_token_is_read_strictly(status: int, body: object, answer: object) -> None:
    assert read_token(status, said(body), to) == answer


OURS = {
    "Status": 2, "TerminalId": 21000001, "Token": TOKEN, "RefNum": REFNUM, "ResNum": "PAY-1", "Amount": 10,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, Receipt(Status.PAID, "PAY-1", REFNUM, 10)),
        ({"Status": 0}, Receipt(Status.IN_BANK, "PAY-1")),
        ({"Status": 1}, Receipt(Status.FAILED, "PAY-1")),
        ({"Status": 3}, Receipt(Status.FAILED, "PAY-1")),
        ({"Status": 4}, Unknown("a receipt without a known status")),
        ({"Status": "2"}, Unknown("a receipt without a known status")),
        ({"Status": True}, Unknown("a receipt without a known status")),
        ({"Token": "1" * 40}, Unknown("a receipt of another payment")),
        ({"TerminalId": 21000002}, Unknown("a receipt of another payment")),
        ({"RefNum": ""}, Unknown("paid without a usable receipt")),
        ({"RefNum": 7}, Unknown("paid without a usable receipt")),
        ({"Amount": 10.0}, Unknown("paid without a usable receipt")),
        ({"Amount": "10"}, Unknown("paid without a usable receipt")),
        ({"Amount": 0}, Unknown("paid without a usable receipt")),
        ({"Amount": True}, Unknown("paid without a usable receipt")),
    ],
)
def test_a_receipt_is_read_strictly(change: dict[str, object], answer: object) -> None:
    body = said({"HasError": False, "Data": OURS | change, "ErrorCode": 0})
    assert read_receipt(200, body, TOKEN, TERMINAL) == answer


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"HasError": True, "Data": OURS, "ErrorCode": -2}, Unknown("receipt error -2")),
        ({"Data": OURS}, Unknown("receipt error ?")),
        ({"HasError": False, "Data": None}, Unknown("no receipt")),
        ({"HasError": False, "Data": []}, Unknown("no receipt")),
    ],
)
def test_a_receipt_with_an_error_is_none(body: object, answer: object) -> None:
    assert read_receipt(200, said(body), TOKEN, TERMINAL) == answer


DETAIL = {
    "RefNum": REFNUM, "TerminalNumber": 21000001, "OrginalAmount": 10, "AffectiveAmount": 10, "MaskedPan": CARD,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "detail", "answer"),
    [
        ({}, {}, Result(0, REFNUM, 10, CARD)),
        ({"ResultCode": 2}, {}, Result(2, REFNUM, 10, CARD)),
        ({"ResultCode": 5, "Success": False}, {}, Result(5)),
        ({"ResultCode": -106, "Success": False}, {}, Result(-106)),
        ({"ResultCode": "0"}, {}, Unknown("no result code")),
        ({"ResultCode": False}, {}, Unknown("no result code")),
        ({"Success": False}, {}, Unknown("result 0 without its details")),
        ({"TransactionDetail": None}, {}, Unknown("result 0 without its details")),
        ({}, {"RefNum": "another"}, Unknown("a result of another payment")),
        ({}, {"TerminalNumber": 1}, Unknown("a result of another payment")),
        ({}, {"AffectiveAmount": 9}, Unknown("a result of unclear amount")),
        ({}, {"OrginalAmount": "10", "AffectiveAmount": "10"}, Unknown("a result of unclear amount")),
        ({}, {"MaskedPan": "6037991234565995"}, Result(0, REFNUM, 10, CARD)),
    ],
)
def test_a_result_is_read_strictly(change: dict[str, object], detail: dict[str, object], answer: object) -> None:
    body = {"Success": True, "ResultCode": 0, "TransactionDetail": DETAIL | detail} | change
    assert read_result(200, said(body), REFNUM, TERMINAL) == answer
