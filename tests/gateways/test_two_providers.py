"""Two providers of SMS: who is asked when, and that one message never goes out by both where it can be known."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from peyman.gateways import sms
from peyman.gateways.simulators.sms import SmsSimulator
from peyman.messages.rules import Refused, Sent, Unknown

BOTH = ["kavenegar", "smsir"]
SOON, LATER, LONG = timedelta(seconds=5), timedelta(minutes=2), timedelta(minutes=15)


@pytest.fixture(autouse=True)
def both(settings: Any) -> Iterator[SmsSimulator]:
    with SmsSimulator() as simulator:
        settings.SMS_URL, settings.SMS_PROVIDERS, settings.SMSIR_KEY = simulator.url, BOTH, "k"
        yield simulator


def send(
    order: list[str] = BOTH, perhaps: list[str] | None = None, waited: timedelta = SOON, urgent: bool = False
) -> sms.Result:
    return sms.send(
        to="+989121234567",
        text="متن با شناسه خود",
        key="42",
        order=order,
        perhaps=perhaps or [],
        waited=waited,
        urgent=urgent,
    )


def ledger(simulator: SmsSimulator) -> list[str]:
    """Who took the message, oldest first, and how often it was sent there again."""
    return [f"{row['provider']}+{row['repeats']}" for row in simulator.messages()[::-1]]


def names(result: sms.Result) -> list[str]:
    return [f"{each.provider}:{type(each).__name__}" for each in result.tries]


def test_the_first_provider_that_takes_it_is_the_only_one_asked(both: SmsSimulator) -> None:
    result = send()
    assert isinstance(result.delivery, Sent)
    assert ledger(both) == ["kavenegar+0"]
    assert both.asked == {"sms/send": 1}


@pytest.mark.parametrize("code", [418, 412, 403, 400])
def test_an_error_under_http_200_before_acceptance_goes_to_the_next_at_once(both: SmsSimulator, code: int) -> None:
    both.faults(error_200=code)
    result = send()
    assert names(result) == ["kavenegar:Unknown", "smsir:Sent"]
    assert result.held_by == ()
    assert ledger(both) == ["smsir+0"]


def test_what_one_refuses_for_good_the_other_is_asked_for(both: SmsSimulator) -> None:
    both.faults(error_200=422)
    assert names(send()) == ["kavenegar:Refused", "smsir:Sent"]


def test_a_message_is_refused_for_good_only_when_all_refuse_it(both: SmsSimulator) -> None:
    both.faults(error_200=411, smsir_error_200=104)
    assert send().delivery == Refused("smsir", "104")
    both.faults(smsir_error_200=102)
    assert send().delivery == Unknown("smsir", "102", away=True, untaken=True)


@pytest.mark.parametrize("fault", ["down", "drop", "drop_before", "http_500", "garbage"])
def test_silence_is_left_with_the_same_provider_first(both: SmsSimulator, fault: str) -> None:
    both.faults(**{fault: True})
    result = send()
    assert result.held_by == ("kavenegar",)
    assert names(result) == ["kavenegar:Unknown"]
    again = send(perhaps=["kavenegar"], waited=LATER)
    assert again.held_by == ("kavenegar",)
    assert both.asked["smsir:send/bulk"] == 0
    both.faults(**{fault: False})
    assert isinstance(send(perhaps=["kavenegar"], waited=LATER).delivery, Sent)
    assert len(ledger(both)) == 1


def test_a_provider_silent_for_a_quarter_of_an_hour_loses_its_turn(both: SmsSimulator) -> None:
    both.faults(down=True)
    result = send(perhaps=["kavenegar"], waited=LONG)
    assert names(result) == ["kavenegar:Unknown", "smsir:Sent"]
    assert ledger(both) == ["smsir+0"]


def test_one_that_took_it_and_now_has_no_credit_is_asked_what_became_of_it(both: SmsSimulator) -> None:
    both.faults(drop=1)
    send()
    both.faults(error_200=418)
    assert isinstance(send(perhaps=["kavenegar"], waited=LATER).delivery, Sent)
    assert ledger(both) == ["kavenegar+0"]
    assert both.asked["sms/statuslocalmessageid"] == 1


def test_one_that_never_took_it_and_now_has_no_credit_sets_it_free(both: SmsSimulator) -> None:
    both.faults(drop_before=1)
    send()
    both.faults(error_200=418)
    assert names(send(perhaps=["kavenegar"], waited=LATER)) == ["kavenegar:Unknown", "smsir:Sent"]
    assert ledger(both) == ["smsir+0"]


def test_a_message_that_may_be_at_smsir_is_looked_for_there_before_the_first_choice_is_asked(
    both: SmsSimulator,
) -> None:
    both.faults(smsir_drop=1)
    assert send(order=["smsir", "kavenegar"]).held_by == ("smsir",)
    assert names(send(perhaps=["smsir"], waited=LATER)) == ["smsir:Sent"]
    assert ledger(both) == ["smsir+0"]


def test_a_message_that_is_not_at_smsir_goes_by_the_first_choice(both: SmsSimulator) -> None:
    both.faults(smsir_drop_before=1)
    send(order=["smsir", "kavenegar"])
    assert send(perhaps=["smsir"], waited=SOON).held_by == ("smsir",)  # too soon to believe the list
    assert names(send(perhaps=["smsir"], waited=LATER)) == ["smsir:Unknown", "kavenegar:Sent"]
    assert ledger(both) == ["kavenegar+0"]


@pytest.mark.parametrize("fault", ["down", "drop_before", "http_500"])
def test_a_log_in_code_waits_for_nobody(both: SmsSimulator, fault: str) -> None:
    both.faults(**{fault: True})
    result = send(urgent=True)
    assert names(result) == ["kavenegar:Unknown", "smsir:Sent"]
    assert ledger(both) == ["smsir+0"]


def test_with_both_away_who_may_have_it_is_remembered(both: SmsSimulator) -> None:
    both.faults(down=True, smsir_down=True)
    assert send().held_by == ("kavenegar",)
    assert send(urgent=True).held_by == ("kavenegar", "smsir")
    assert isinstance(send().delivery, Unknown)


def test_a_provider_that_delivers_twice_is_told_so_by_its_own_ledger_and_not_by_us(both: SmsSimulator) -> None:
    send()
    send()  # the same key again: Kavenegar does not send it twice
    assert ledger(both) == ["kavenegar+1"]


@pytest.mark.parametrize(("first", "prefix"), [("kavenegar", ""), ("smsir", "smsir_")])
def test_one_that_delivers_twice_is_asked_once_also_when_its_answer_got_lost(
    both: SmsSimulator, first: str, prefix: str
) -> None:
    other = next(name for name in BOTH if name != first)
    both.faults(**{f"{prefix}twice": True, f"{prefix}drop": 1})
    assert send([first, other]).held_by == (first,)
    again = send([first, other], perhaps=[first], waited=LATER)
    assert isinstance(again.delivery, Sent)
    assert names(again) == [f"{first}:Sent"]
    assert [(row["provider"], row.get("again", False)) for row in both.messages()[::-1]] == [
        (first, False), (first, True),
    ]  # fmt: skip
