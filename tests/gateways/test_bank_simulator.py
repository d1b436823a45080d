"""The simulated bank: what a buyer sees, what a restart remembers, how it is driven from outside."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from peyman.billing.rules import Reversed, Status, Unknown, Verified
from peyman.gateways.simulators import BankSimulator
from peyman.gateways.simulators.service import BadSwitch, Clock, Request, Response, Service
from peyman.gateways.zarinpal import Zarinpal

MERCHANT = "00000000-0000-4000-8000-00000000da5e"
CALLBACK = "http://127.0.0.1:9/pay/zarinpal/callback"

Token = Callable[..., str]


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=60)


def post(url: str, **more: Any) -> httpx.Response:
    return httpx.post(url, trust_env=False, timeout=60, **more)


# ---- The buyer at the bank ----


def test_the_buyer_sees_the_amount_in_rials_and_two_buttons(bank: BankSimulator, token: Token) -> None:
    page = get(f"{bank.url}/pg/StartPay/{token(amount=12_345_670)}")
    assert page.status_code == 200
    assert '<html lang="fa" dir="rtl">' in page.text
    assert "۱۲٬۳۴۵٬۶۷۰</span> ریال" in page.text
    assert ">پرداخت</button>" in page.text and ">انصراف</button>" in page.text
    assert "127.0.0.1:9" in page.text and "سفارش" in page.text


@pytest.mark.parametrize(("act", "status", "state"), [("pay", "OK", "PAID"), ("cancel", "NOK", "FAILED")])
def test_the_buttons_lead_back_to_the_shop(
    bank: BankSimulator, token: Token, act: str, status: str, state: str
) -> None:
    mine = token()
    page = get(f"{bank.url}/pg/StartPay/{mine}").text
    assert f'action="/pg/StartPay/{mine}/{act}"' in page
    back = post(f"{bank.url}/pg/StartPay/{mine}/{act}")
    assert back.status_code == 302
    assert back.headers["Location"] == f"{CALLBACK}?Authority={mine}&Status={status}"
    assert bank.ledger()[0]["state"] == state


def test_a_payment_is_made_once_however_often_the_button_is_pressed(bank: BankSimulator, token: Token) -> None:
    mine = token()
    post(f"{bank.url}/pg/StartPay/{mine}/pay")
    again = post(f"{bank.url}/pg/StartPay/{mine}/cancel")
    assert again.headers["Location"] == f"{CALLBACK}?Authority={mine}&Status=OK"
    assert (bank.ledger()[0]["state"], bank.ledger()[0]["paid_amount"]) == ("PAID", 1_250_000)
    assert "به پایان رسیده است" in get(f"{bank.url}/pg/StartPay/{mine}").text


def test_words_of_the_shop_are_only_words_on_the_banks_page(bank: BankSimulator, port: Zarinpal) -> None:
    port.request(
        amount=10_000, callback_url=f"{CALLBACK}?x=<b>", description="<script>alert(1)</script>", order="1", mobile=""
    )
    page = get(f"{bank.url}/pg/StartPay/{bank.ledger()[0]['authority']}")
    assert "<script>" not in page.text and "&lt;script&gt;" in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_token_nobody_pays_within_30_minutes_is_over(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    mine = token()
    bank.advance(30 * 60)
    assert port.inquiry(token=mine) == Status.IN_BANK
    bank.advance(1)
    assert port.inquiry(token=mine) == Status.FAILED
    assert bank.pay(mine)["callback_url"] == f"{CALLBACK}?Authority={mine}&Status=NOK"


def test_a_callback_keeps_the_query_it_was_given(bank: BankSimulator, port: Zarinpal) -> None:
    port.request(amount=10_000, callback_url=f"{CALLBACK}?lang=fa", description="x", order="1", mobile="")
    mine = bank.ledger()[0]["authority"]
    assert bank.pay(mine)["callback_url"] == f"{CALLBACK}?lang=fa&Authority={mine}&Status=OK"


def test_a_page_of_no_token_is_not_found(bank: BankSimulator, token: Token) -> None:
    assert get(f"{bank.url}/pg/StartPay/{'A' * 36}").status_code == 404
    assert post(f"{bank.url}/pg/StartPay/{'A' * 36}/pay").status_code == 404
    assert post(f"{bank.url}/pg/StartPay/{token()}/steal").status_code == 404


def test_a_buyer_who_closes_the_window_never_comes_back(bank: BankSimulator, token: Token) -> None:
    bank.faults(no_callback=2)
    first, second = token(), token()
    page = post(f"{bank.url}/pg/StartPay/{first}/pay")
    assert page.status_code == 200 and "می‌توانید این پنجره را ببندید" in page.text
    done = bank.pay(second)
    assert (done["state"], done["callback_url"], done["callback_form"], done["callbacks"]) == ("PAID", None, None, 0)


class Shop(Service):
    def __init__(self) -> None:
        super().__init__()
        self.visits: list[dict[str, str]] = []

    def handle(self, request: Request) -> Response:
        self.visits.append(request.query)
        return Response(200, b"")


def test_a_double_callback_comes_by_browser_and_by_itself(bank: BankSimulator, port: Zarinpal) -> None:
    with Shop() as shop:
        port.request(amount=10_000, callback_url=f"{shop.url}/back", description="x", order="1", mobile="")
        mine = bank.ledger()[0]["authority"]
        bank.faults(double_callback=1)
        back = post(f"{bank.url}/pg/StartPay/{mine}/pay")
        get(back.headers["Location"])
        for _ in range(200):
            if len(shop.visits) == 2:
                break
            get(f"{bank.url}/_sim/health")
        assert shop.visits == [{"Authority": mine, "Status": "OK"}] * 2


# ---- What a restart remembers ----


def test_a_restart_remembers_every_payment(tmp_path: Path) -> None:
    clock = Clock(lambda: 1_736_000_000.0)
    with BankSimulator(state=tmp_path, clock=clock) as first, Zarinpal(MERCHANT, first.url, "x") as port:
        answers = [
            port.request(amount=100_000, callback_url=CALLBACK, description="x", order=f"ORD-{n}", mobile="")
            for n in range(3)
        ]
        paid, reversed_, open_ = [answer.token for answer in answers if not isinstance(answer, Unknown)]
        for mine in (paid, reversed_):
            first.pay(mine)
        receipt = port.verify(token=paid, amount=100_000)
        assert isinstance(receipt, Verified)
        port.refund(refnum=receipt.refnum, amount=30_000, reason="", key="REF-1")
        assert port.reverse(token=reversed_) == Reversed()
        before = first.ledger()
    with (tmp_path / "bank.jsonl").open("a") as torn:
        torn.write('\n{"authority": "A0')  # a kill in the middle of a line
    with BankSimulator(state=tmp_path, clock=clock) as second, Zarinpal(MERCHANT, second.url, "x") as port:
        for row in (after := second.ledger()):
            assert row["state"] == {paid: "VERIFIED", reversed_: "REVERSED", open_: "IN_BANK"}[row["authority"]]
        assert [row["authority"] for row in after] == [row["authority"] for row in before]
        assert port.verify(token=paid, amount=100_000) == Verified(receipt.refnum, receipt.card_mask, again=True)
        port.refund(refnum=receipt.refnum, amount=30_000, reason="", key="REF-1")
        assert [row["refunded"] for row in second.ledger()] == [30_000, 0, 0]
        second.pay(open_)
    with BankSimulator(state=tmp_path, clock=clock) as third, Zarinpal(MERCHANT, third.url, "x") as port:
        assert [row["state"] for row in third.ledger()] == ["VERIFIED", "REVERSED", "PAID"]
        new = port.verify(token=open_, amount=100_000)
        assert isinstance(new, Verified) and new.refnum != receipt.refnum


# ---- From outside ----


def test_it_is_driven_by_http(bank: BankSimulator, port: Zarinpal, token: Token) -> None:
    control = f"{bank.url}/_sim"
    mine = token()
    assert get(f"{control}/health").json() == {"ok": True, "payments": 1}
    assert post(f"{control}/faults", json={"verify_drop": 1, "seed": 7}).status_code == 200
    assert get(f"{control}/faults").json()["set"] == {"verify_drop": {"p": 1.0, "times": 1, "value": None}}
    paid = post(f"{control}/pay/{mine}", json={"status": "OK"}).json()
    assert paid["callback_url"] == f"{CALLBACK}?Authority={mine}&Status=OK"
    assert isinstance(port.verify(token=mine, amount=1_250_000), Unknown)
    assert get(f"{control}/faults").json() == {"set": {}, "happened": {"verify_drop": 1}}
    (row,) = get(f"{control}/ledger").json()
    assert row["state"] == "VERIFIED" and row["requests"] == {"request": 1, "verify": 1}
    assert post(f"{control}/clock", json={"advance_s": 60}).json() == {"now": "2025-01-04T14:14:20+00:00"}
    assert post(f"{control}/reset").json() == {"ok": True}
    assert get(f"{control}/ledger").json() == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("faults", {"no_such_fault": 1}, 422),
        ("faults", {"verify_drop": "often"}, 422),
        ("faults", {"verify_drop": 1.5}, 422),
        ("faults", {"verify_drop": -1}, 422),
        ("faults", {"verify_drop": {"p": 0.5, "when": "now"}}, 422),
        ("faults", {"seed": "x"}, 422),
        ("faults", [1], 404),
        ("clock", {"advance_s": -1}, 422),
        ("clock", {"advance_s": "soon"}, 422),
        ("pay/unknown", {}, 404),
        ("nothing", {}, 404),
    ],
)
def test_a_control_that_is_wrong_changes_nothing(bank: BankSimulator, path: str, body: Any, status: int) -> None:
    assert post(f"{bank.url}/_sim/{path}", json=body).status_code == status
    assert get(f"{bank.url}/_sim/faults").json()["set"] == {}


def test_control_answers_while_the_bank_is_down(bank: BankSimulator) -> None:
    bank.faults(down=True)
    with pytest.raises(httpx.HTTPError):
        get(f"{bank.url}/pg/StartPay/x")
    assert get(f"{bank.url}/_sim/health").status_code == 200


def test_chances_follow_their_seed(bank: BankSimulator) -> None:
    def rolls() -> list[bool]:
        bank.faults(verify_drop=0.5, seed=42)
        return [bank.switches.strikes("verify_drop") is not None for _ in range(200)]

    first = rolls()
    assert first == rolls()
    assert 70 < sum(first) < 130


def test_a_switch_counts_down_or_holds(bank: BankSimulator) -> None:
    bank.faults(verify_drop=2, inquiry_500=True, reverse_drop=1.0)
    assert [bank.switches.strikes("verify_drop") is not None for _ in range(3)] == [True, True, False]
    assert all(bank.switches.strikes(name) for name in ("inquiry_500", "reverse_drop") for _ in range(50))
    bank.faults(inquiry_500=False)
    assert bank.switches.strikes("inquiry_500") is None
    with pytest.raises(BadSwitch):
        bank.faults(reverse_drop=0, unheard_of=1)
    assert bank.switches.strikes("reverse_drop") is not None


def test_a_bank_that_takes_back_what_it_had_confirmed_tells_nobody(bank: BankSimulator, token: Token) -> None:
    mine = token()
    assert post(f"{bank.url}/_sim/take_back/{mine}").status_code == 404  # nobody paid it
    bank.pay(mine)
    with Zarinpal(MERCHANT, bank.url) as port:
        port.verify(token=mine, amount=1_250_000)
        assert post(f"{bank.url}/_sim/take_back/{mine}").json()["returned"] is True
        assert port.inquiry(token=mine) is Status.REVERSED
    assert post(f"{bank.url}/_sim/take_back/{mine}").status_code == 404
    assert post(f"{bank.url}/_sim/take_back/A0").status_code == 404


def test_a_bank_that_mixes_receipts_up_tells_the_first_one_s(bank: BankSimulator, token: Token) -> None:
    one, two = token(), token()
    bank.pay(one)
    bank.pay(two)
    bank.faults(other_receipt=True)
    with Zarinpal(MERCHANT, bank.url) as port:
        first, second = (port.verify(token=each, amount=1_250_000) for each in (one, two))
        assert isinstance(first, Verified) and isinstance(second, Verified)
        assert first.refnum == second.refnum == str(bank.ledger()[0]["ref_id"])
        bank.faults(other_receipt=False)
        again = port.verify(token=two, amount=1_250_000)
    assert again == Verified(str(bank.ledger()[1]["ref_id"]), second.card_mask, again=True)


@pytest.mark.parametrize("path", ["/", "/pg/v4/payment/verify", "/pg/v4/payment/../verify.json", "/%00"])
def test_other_paths_are_not_found(bank: BankSimulator, path: str) -> None:
    assert post(bank.url + path, json={}).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{", b'{"query": 1}', b'{"query": "{ Session }", "variables": 7}']
)
@pytest.mark.parametrize("call", ["request", "verify", "inquiry", "reverse", "unVerified"])
def test_a_body_that_is_none_is_answered_and_not_done(bank: BankSimulator, call: str, body: bytes) -> None:
    answer = post(f"{bank.url}/pg/v4/payment/{call}.json", content=body).json()
    assert answer["errors"]["code"] == -9
    graph = post(f"{bank.url}/api/v4/graphql/", content=body, headers={"Authorization": "Bearer x"}).json()
    assert "errors" in graph
    assert bank.ledger() == []


def test_refunds_need_a_bearer(bank: BankSimulator) -> None:
    assert post(f"{bank.url}/api/v4/graphql/", json={"query": "{ Terminals { id } }"}).status_code == 401


def test_it_is_reached_on_loopback_only(bank: BankSimulator) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", bank.url)
    assert bank._server is not None and bank._server.server_address[0] == "127.0.0.1"
