"""The port against the simulated bank over real HTTP: each fault ends in the right answer, and money is never lost."""

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from peyman.billing.rules import (
    Mismatch,
    RefundAccepted,
    RefundRefused,
    Reversed,
    ReverseRefused,
    Status,
    TokenGranted,
    TokenRefused,
    TooLate,
    Unknown,
    UnknownGateway,
    Unpaid,
    Verified,
)
from peyman.gateways import banking
from peyman.gateways.banks import bank as bank_by_name
from peyman.gateways.simulators import BankSimulator
from peyman.gateways.simulators.service import Request, Response, Service
from peyman.gateways.zarinpal import Paid, Zarinpal

MERCHANT = "00000000-0000-4000-8000-00000000da5e"
CALLBACK = "http://127.0.0.1:9/pay/zarinpal/callback"

Token = Callable[..., str]


def only(bank: BankSimulator) -> dict[str, Any]:
    (row,) = bank.ledger()
    return row


def ask(port: Zarinpal, **other: Any) -> Any:
    wanted = {"amount": 1_250_000, "callback_url": CALLBACK, "description": "سفارش", "order": "ORD-1", "mobile": ""}
    return port.request(**(wanted | other))


# ---- The way through ----


def test_a_payment_from_token_to_receipt(bank: BankSimulator, port: Zarinpal) -> None:
    granted = ask(port, mobile="+989121234567")
    assert isinstance(granted, TokenGranted)
    assert granted.redirect_url == port.redirect_url(granted.token) == f"{bank.url}/pg/StartPay/{granted.token}"
    row = only(bank)
    assert (row["amount"], row["order_id"], row["mobile"], row["state"]) == (
        1_250_000,
        "ORD-1",
        "09121234567",
        "IN_BANK",
    )
    assert port.inquiry(token=granted.token) == Status.IN_BANK
    assert port.verify(token=granted.token, amount=1_250_000) == Unpaid("-51")

    back = bank.pay(granted.token)
    assert back["callback_url"] == f"{CALLBACK}?Authority={granted.token}&Status=OK"
    assert port.inquiry(token=granted.token) == Status.PAID
    assert port.unverified() == [Paid(granted.token, 1_250_000)]
    assert port.verify(token=granted.token, amount=1_250_000) == Verified("200000001", "603799******5995", again=False)
    assert port.verify(token=granted.token, amount=1_250_000) == Verified("200000001", "603799******5995", again=True)
    assert port.inquiry(token=granted.token) == Status.VERIFIED
    assert port.unverified() == []


def test_a_buyer_who_gives_up_has_not_paid(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    given_up = token()
    assert bank.pay(given_up, "NOK")["callback_url"] == f"{CALLBACK}?Authority={given_up}&Status=NOK"
    assert port.inquiry(token=given_up) == Status.FAILED
    assert port.verify(token=given_up, amount=1_250_000) == Unpaid("-51")


def test_another_amount_is_a_mismatch_before_and_after_the_right_one(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token(amount=1_250_000)
    bank.pay(paid)
    assert port.verify(token=paid, amount=125_000) == Mismatch("-50")
    assert only(bank)["state"] == "PAID"
    assert isinstance(port.verify(token=paid, amount=1_250_000), Verified)
    assert port.verify(token=paid, amount=1_250_001) == Mismatch("-50")


def test_a_buyer_who_pays_another_amount_is_a_mismatch_and_gets_it_back(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    bank.faults(pay_amount={"times": 1, "value": {"by": -1_000}})
    paid = token()
    bank.pay(paid)
    assert only(bank)["paid_amount"] == 1_249_000
    assert port.verify(token=paid, amount=1_250_000) == Mismatch("-50")
    assert port.reverse(token=paid) == Reversed()
    assert port.inquiry(token=paid) == Status.REVERSED


def test_a_token_of_another_merchant_or_of_nobody_is_a_mismatch(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token()
    bank.pay(paid)
    with Zarinpal("11111111-0000-4000-8000-00000000da5e", bank.url) as stranger:
        assert stranger.verify(token=paid, amount=1_250_000) == Mismatch("-53")
        assert stranger.inquiry(token=paid) == Unknown("code -53")
        assert stranger.unverified() == []
    assert port.verify(token="A" * 36, amount=1_250_000) == Mismatch("-54")


@pytest.mark.parametrize(
    "wrong", [{"amount": 999}, {"amount": 1_000_000_001}, {"callback_url": "javascript:1"}, {"description": ""}]
)
def test_a_request_the_bank_does_not_take_is_refused(
    bank: BankSimulator, port: Zarinpal, wrong: dict[str, Any]
) -> None:
    refused = ask(port, **wrong)
    assert isinstance(refused, TokenRefused) and refused.code == "-9"
    assert bank.ledger() == []


@pytest.mark.parametrize("amount", [0, -1, True, 1.0, "1250000", None])
def test_an_amount_that_is_no_amount_never_leaves(bank: BankSimulator, port: Zarinpal, amount: Any) -> None:
    with pytest.raises(ValueError):
        ask(port, amount=amount)
    with pytest.raises(ValueError):
        port.verify(token="A" * 36, amount=amount)
    with pytest.raises(ValueError):
        port.refund(refnum="1", amount=amount, reason="", key="REF-1")
    assert bank.ledger() == []


# ---- Lost answers ----


def test_a_token_whose_answer_is_lost_costs_nothing_and_a_new_one_can_be_had(
    bank: BankSimulator, port: Zarinpal
) -> None:
    bank.faults(request_drop=1)
    assert isinstance(ask(port), Unknown)
    assert isinstance(ask(port), TokenGranted)
    assert [row["state"] for row in bank.ledger()] == ["IN_BANK", "IN_BANK"]


@pytest.mark.parametrize("fault", ["verify_drop", "verify_500", "garbage"])
def test_a_verify_that_was_done_and_not_told_is_told_when_asked_again(
    bank: BankSimulator, port: Zarinpal, token: Token, fault: str
) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(**{fault: 1})
    assert isinstance(port.verify(token=paid, amount=1_250_000), Unknown)
    assert only(bank)["state"] == "VERIFIED"
    assert port.verify(token=paid, amount=1_250_000) == Verified("200000001", "603799******5995", again=True)


def test_a_verify_that_was_not_done_is_done_when_asked_again(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(verify_before_500=1)
    assert port.verify(token=paid, amount=1_250_000) == Unknown("http 500")
    assert only(bank)["state"] == "PAID"
    assert port.verify(token=paid, amount=1_250_000) == Verified("200000001", "603799******5995", again=False)


@pytest.mark.parametrize("fault", ["request_500", "garbage"])
def test_a_request_that_fails_at_the_bank_is_unknown(bank: BankSimulator, port: Zarinpal, fault: str) -> None:
    bank.faults(**{fault: 1})
    assert isinstance(ask(port), Unknown)


def test_an_inquiry_or_a_list_that_fails_is_unknown(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(inquiry_500=1, unverified_500=1)
    assert port.inquiry(token=paid) == Unknown("http 500")
    assert port.unverified() == Unknown("http 500")
    assert port.inquiry(token=paid) == Status.PAID
    assert port.unverified() == [Paid(paid, 1_250_000)]


def test_a_slow_bank_is_unknown_and_did_it_all_the_same(bank: BankSimulator, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(verify_slow_s={"times": 1, "value": 0.6})
    with Zarinpal(MERCHANT, bank.url, timeout=httpx.Timeout(0.2)) as hurried:
        assert hurried.verify(token=paid, amount=1_250_000) == Unknown("ReadTimeout")
    with Zarinpal(MERCHANT, bank.url) as patient:
        answer = patient.verify(token=paid, amount=1_250_000)
    assert isinstance(answer, Verified) and answer.refnum == "200000001"


def test_a_bank_that_is_down_or_gone_is_unknown(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(down=True)
    assert isinstance(port.verify(token=paid, amount=1_250_000), Unknown)
    assert isinstance(ask(port), Unknown)
    bank.faults(down=False)
    assert port.inquiry(token=paid) == Status.PAID
    bank.stop()
    assert isinstance(port.verify(token=paid, amount=1_250_000), Unknown)
    assert isinstance(port.reverse(token=paid), Unknown)
    assert isinstance(port.refund(refnum="1", amount=50_000, reason="", key="REF-1"), Unknown)


# ---- Giving back ----


def test_a_payment_is_reversed_within_30_minutes(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    assert port.reverse(token=paid) == ReverseRefused("-61")
    bank.pay(paid)
    port.verify(token=paid, amount=1_250_000)
    bank.advance(30 * 60)
    assert port.reverse(token=paid) == Reversed()
    assert port.inquiry(token=paid) == Status.REVERSED
    assert port.reverse(token=paid) == ReverseRefused("-61")
    assert port.verify(token=paid, amount=1_250_000) == Unpaid("-51")


def test_a_second_past_30_minutes_is_too_late(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    port.verify(token=paid, amount=1_250_000)
    bank.advance(30 * 60 + 1)
    assert port.reverse(token=paid) == TooLate("-63")
    assert only(bank)["state"] == "VERIFIED"


def test_a_reversal_whose_answer_is_lost_is_proven_by_inquiry(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(reverse_drop=1)
    assert isinstance(port.reverse(token=paid), Unknown)
    assert port.inquiry(token=paid) == Status.REVERSED


def test_a_reversal_that_fails_or_is_refused_gives_nothing_back(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token()
    bank.pay(paid)
    bank.faults(reverse_500=1, reverse_refuse=1)
    assert port.reverse(token=paid) == Unknown("http 500")
    assert port.reverse(token=paid) == ReverseRefused("-60")
    assert port.inquiry(token=paid) == Status.PAID


def test_what_nobody_verifies_goes_back_after_30_minutes_unless_the_bank_leaves_it(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token()
    bank.pay(paid)
    bank.advance(30 * 60)
    assert port.inquiry(token=paid) == Status.PAID
    bank.faults(no_auto_return=True)
    bank.advance(1)
    assert port.inquiry(token=paid) == Status.PAID
    bank.faults(no_auto_return=False)
    assert port.inquiry(token=paid) == Status.REVERSED
    assert only(bank)["returned"] is True
    assert port.verify(token=paid, amount=1_250_000) == Unpaid("-51")


@pytest.fixture
def refnum(bank: BankSimulator, port: Zarinpal, token: Token) -> str:
    """The receipt of a verified payment of 1,250,000 rials."""
    paid = token()
    bank.pay(paid)
    answer = port.verify(token=paid, amount=1_250_000)
    assert isinstance(answer, Verified)
    return answer.refnum


def test_a_refund_is_asked_once_and_told_again_until_it_has_arrived(
    bank: BankSimulator, port: Zarinpal, refnum: str
) -> None:
    bank.faults(refund_pending_s=3600)
    first = port.refund(refnum=refnum, amount=250_000, reason="کالا نرسید", key="REF-1")
    assert isinstance(first, RefundAccepted) and first.done is False
    assert port.refund(refnum=refnum, amount=250_000, reason="کالا نرسید", key="REF-1") == first
    bank.advance(3600)
    assert port.refund(refnum=refnum, amount=250_000, reason="کالا نرسید", key="REF-1") == RefundAccepted(
        first.ref, True
    )
    assert only(bank)["refunded"] == 250_000
    assert only(bank)["requests"]["refund"] == 1


def test_a_refund_whose_answer_is_lost_is_not_paid_twice(bank: BankSimulator, port: Zarinpal, refnum: str) -> None:
    bank.faults(refund_drop=1)
    assert isinstance(port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1"), Unknown)
    assert isinstance(port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1"), RefundAccepted)
    assert (only(bank)["refunded"], only(bank)["duplicates"]) == (250_000, 0)


def test_the_bank_itself_pays_a_refund_as_often_as_it_is_asked(
    bank: BankSimulator, port: Zarinpal, refnum: str
) -> None:
    query = "mutation A { AddRefund(session_id: $session_id) { id } }"
    wanted = {"session_id": only(bank)["session_id"], "amount": 250_000, "description": "REF-1"}
    for _ in range(2):
        answer = httpx.post(
            f"{bank.url}/api/v4/graphql/",
            json={"query": query, "variables": wanted},
            headers={"Authorization": "Bearer x"},
            trust_env=False,
            timeout=60,
        )
        assert answer.json()["data"]["AddRefund"]["amount"] == 250_000
    assert (only(bank)["refunded"], only(bank)["duplicates"]) == (500_000, 1)


def test_two_keys_are_two_refunds_and_no_more_than_was_paid_goes_back(
    bank: BankSimulator, port: Zarinpal, refnum: str
) -> None:
    assert isinstance(port.refund(refnum=refnum, amount=1_000_000, reason="", key="REF-10"), RefundAccepted)
    assert isinstance(port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1"), RefundAccepted)
    refused = port.refund(refnum=refnum, amount=20_000, reason="", key="REF-3")
    assert refused == RefundRefused("amount is more than what is left of this session")
    assert only(bank)["refunded"] == 1_250_000


@pytest.mark.parametrize("fault", ["refund_500", "refund_refuse"])
def test_a_refund_that_is_not_made_can_be_asked_for_again(
    bank: BankSimulator, port: Zarinpal, refnum: str, fault: str
) -> None:
    bank.faults(**{fault: 1})
    answer = port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1")
    assert answer == (Unknown("http 500") if fault == "refund_500" else RefundRefused("balance is not enough"))
    assert only(bank)["refunded"] == 0
    assert isinstance(port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1"), RefundAccepted)


def test_refunds_that_cannot_be_are_refused_and_nothing_moves(bank: BankSimulator, port: Zarinpal, refnum: str) -> None:
    assert port.refund(refnum=refnum, amount=19_999, reason="", key="REF-1") == RefundRefused("below_minimum")
    assert port.refund(refnum="999", amount=20_000, reason="", key="REF-1") == RefundRefused("no_session")
    with Zarinpal(MERCHANT, bank.url) as without:
        assert without.refund(refnum=refnum, amount=20_000, reason="", key="REF-1") == RefundRefused("no_access_token")
    with Zarinpal("11111111-0000-4000-8000-00000000da5e", bank.url, "x") as stranger:
        assert stranger.refund(refnum=refnum, amount=20_000, reason="", key="REF-1") == RefundRefused("no_terminal")
    for key in ("", "two words", " REF-1"):
        with pytest.raises(ValueError):
            port.refund(refnum=refnum, amount=20_000, reason="", key=key)
    assert only(bank)["refunded"] == 0


def test_a_key_that_was_used_for_another_amount_is_refused(bank: BankSimulator, port: Zarinpal, refnum: str) -> None:
    port.refund(refnum=refnum, amount=250_000, reason="", key="REF-1")
    again = port.refund(refnum=refnum, amount=300_000, reason="", key="REF-1")
    assert again == RefundRefused("key_of_another_amount")
    assert only(bank)["refunded"] == 250_000


def test_a_refund_is_found_behind_a_hundred_others(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token(amount=10_000_000)
    bank.pay(paid)
    answer = port.verify(token=paid, amount=10_000_000)
    assert isinstance(answer, Verified)
    for number in range(102):
        port.refund(refnum=answer.refnum, amount=20_000, reason="", key=f"REF-{number}")
    port.refund(refnum=answer.refnum, amount=20_000, reason="", key="REF-0")
    assert only(bank)["refunded"] == 102 * 20_000


# ---- Many at once ----


def test_of_24_verifies_at_once_exactly_one_is_the_first(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    paid = token()
    bank.pay(paid)
    gate = threading.Barrier(24)

    def verify(_: int) -> Any:
        gate.wait()
        return port.verify(token=paid, amount=1_250_000)

    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(verify, range(24)))
    assert answers.count(Verified("200000001", "603799******5995", again=False)) == 1
    assert answers.count(Verified("200000001", "603799******5995", again=True)) == 23


# ---- The wire ----


class Says(Service):
    """A host that says whatever it is told to, and remembers what it was sent."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response, self.heard = response, []

    def handle(self, request: Request) -> Response:
        self.heard.append(request)
        return self.response


def test_amounts_go_out_in_rials_and_say_so() -> None:
    with Says(Response(200, b"{}")) as host, Zarinpal(MERCHANT, host.url) as port:
        ask(port, amount=1_250_000, description="ب" * 900)
        (heard,) = host.heard
    sent = heard.json()
    assert heard.path == "/pg/v4/payment/request.json"
    assert (sent["amount"], sent["currency"], sent["merchant_id"]) == (1_250_000, "IRR", MERCHANT)
    assert sent["metadata"] == {"order_id": "ORD-1"}
    assert len(sent["description"]) == 500


def test_an_answer_of_more_than_64_kb_is_not_read() -> None:
    huge = b'{"data": {"code": 100, "ref_id": 1, "x": "' + b"x" * 65_536 + b'"}, "errors": []}'
    with Says(Response(200, huge)) as host, Zarinpal(MERCHANT, host.url) as port:
        assert port.verify(token="A" * 36, amount=1_000) == Unknown("too long")


def test_a_redirect_is_not_followed() -> None:
    with Says(Response(200, b'{"data": {"code": 100, "ref_id": 1}, "errors": []}')) as target:
        with (
            Says(Response(307, b"", headers=(("Location", f"{target.url}/pg/v4/payment/verify.json"),))) as host,
            Zarinpal(MERCHANT, host.url) as port,
        ):
            assert port.verify(token="A" * 36, amount=1_000) == Unknown("http 307")
        assert target.heard == []


def test_a_compressed_answer_is_not_unpacked() -> None:
    squeezed = gzip.compress(b'{"data": {"code": 100, "ref_id": 1}, "errors": []}')
    packed = Response(200, squeezed, headers=(("Content-Encoding", "gzip"),))
    with Says(packed) as host, Zarinpal(MERCHANT, host.url) as port:
        assert isinstance(port.verify(token="A" * 36, amount=1_000), Unknown)


def test_a_proxy_named_in_the_environment_is_not_used(
    bank: BankSimulator, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Zarinpal(MERCHANT, bank.url) as port:
        assert port.inquiry(token=token()) == Status.IN_BANK


@contextmanager
def raw_host(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A host below HTTP: `serve` is handed the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                serve(line)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


def test_a_bank_that_drips_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banking, "WHOLE_ANSWER", 0.2)
    enough = threading.Event()

    def drip(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        for _ in range(1000):
            if enough.wait(0.05):
                return
            try:
                line.sendall(b" ")
            except OSError:
                return

    with raw_host(drip) as url, Zarinpal(MERCHANT, url) as port:
        assert port.verify(token="A" * 36, amount=1_000) == Unknown("too slow")
        enough.set()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{"da',
    ],
)
def test_a_conversation_that_breaks_off_is_unknown(said: bytes) -> None:
    with raw_host(lambda line: line.sendall(said)) as url, Zarinpal(MERCHANT, url) as port:
        assert isinstance(port.verify(token="A" * 36, amount=1_000), Unknown)


def test_what_is_logged_names_no_token_no_merchant_and_no_key(
    bank: BankSimulator, port: Zarinpal, token: Token
) -> None:
    paid = token()
    bank.faults(verify_before_500=1, inquiry_500=1, down=False)
    with capture_logs() as lines:
        port.verify(token=paid, amount=1_250_000)
        port.inquiry(token=paid)
        bank.stop()
        port.reverse(token=paid)
        port.refund(refnum="1", amount=50_000, reason="", key="REF-1")
    assert [line["call"] for line in lines] == ["verify", "inquiry", "reverse", "Terminals"]
    written = str(lines) + repr(port)
    assert paid not in written and MERCHANT not in written and "an-access-token" not in written


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:80", "http://", "//host", "javascript:1"])
def test_an_address_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError):
        Zarinpal(MERCHANT, url)


def test_without_another_address_it_is_zarinpals_own() -> None:
    with Zarinpal(MERCHANT) as port:
        assert port.redirect_url("A1") == "https://payment.zarinpal.com/pg/StartPay/A1"
        assert port._graph == "https://next.zarinpal.com"


def test_banks_are_known_by_name_and_made_of_the_settings(bank: BankSimulator, settings: Any) -> None:
    settings.BANK_URL = bank.url
    assert isinstance(ask(bank_by_name("zarinpal")), TokenGranted)
    assert bank_by_name("zarinpal") is bank_by_name("zarinpal")
    assert bank_by_name("zarinpal").terminal == settings.ZARINPAL_MERCHANT
    assert bank_by_name("saman").terminal == settings.SAMAN_TERMINAL
    for name in ("", "mellat", "Zarinpal", "zarinpal/.."):
        with pytest.raises(UnknownGateway):
            bank_by_name(name)
    settings.ZARINPAL_MERCHANT = ""
    with pytest.raises(UnknownGateway):
        bank_by_name("zarinpal")
