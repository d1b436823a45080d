"""Simulators with a clock that stands still until a test moves it."""

from collections.abc import Callable, Iterator

import pytest

from peyman.billing.rules import TokenGranted
from peyman.gateways.simulators import BankSimulator, MailSimulator, SmsSimulator
from peyman.gateways.simulators.service import Clock
from peyman.gateways.zarinpal import Zarinpal

MERCHANT = "00000000-0000-4000-8000-00000000da5e"
CALLBACK = "http://127.0.0.1:9/pay/zarinpal/callback"


def standing() -> float:
    return 1_736_000_000.0  # 2025-01-04 14:13:20 UTC


@pytest.fixture
def bank() -> Iterator[BankSimulator]:
    with BankSimulator(clock=Clock(standing)) as simulator:
        yield simulator


@pytest.fixture
def sms() -> Iterator[SmsSimulator]:
    with SmsSimulator(clock=Clock(standing)) as simulator:
        yield simulator


@pytest.fixture
def mail() -> Iterator[MailSimulator]:
    with MailSimulator(clock=Clock(standing)) as simulator:
        yield simulator


@pytest.fixture
def port(bank: BankSimulator) -> Iterator[Zarinpal]:
    with Zarinpal(MERCHANT, bank.url, "an-access-token") as zarinpal:
        yield zarinpal


@pytest.fixture
def token(port: Zarinpal) -> Callable[..., str]:
    """A fresh token: `token()`, `token(amount=…)`."""

    def ask(amount: int = 1_250_000, order: str = "ORD-1") -> str:
        answer = port.request(
            amount=amount, callback_url=CALLBACK, description="سفارش", order=order, mobile="+989121234567"
        )
        assert isinstance(answer, TokenGranted)
        return answer.token

    return ask
