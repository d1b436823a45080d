"""The simulated SMS provider speaks Kavenegar, sends a localid once, and fails when told to."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from peyman.gateways.simulators import SmsSimulator


def send(sms: SmsSimulator, path: str = "sms/send", **form: str) -> httpx.Response:
    return httpx.post(f"{sms.url}/v1/a-key/{path}.json", data=form, trust_env=False, timeout=30)


def test_a_message_is_taken_and_told_with_its_id(sms: SmsSimulator) -> None:
    answer = send(sms, receptor="09121234567", message="سلام\n@shop #123456", sender="10004346", localid="7")
    assert answer.status_code == 200
    assert answer.json() == {
        "return": {"status": 200, "message": "تایید شد"},
        "entries": [
            {
                "messageid": 85463001,
                "message": "سلام\n@shop #123456",
                "status": 1,
                "statustext": "در صف ارسال",
                "sender": "10004346",
                "receptor": "09121234567",
                "date": 1736000000,
                "cost": 1200,
            }
        ],
    }
    (kept,) = sms.messages("+989121234567")
    assert (kept["message"], kept["localid"], kept["repeats"]) == ("سلام\n@shop #123456", "7", 0)
    assert sms.messages("09120000000") == []


def test_the_same_localid_is_sent_once(sms: SmsSimulator) -> None:
    first = send(sms, receptor="09121234567", message="یک", localid="7").json()["entries"][0]
    again = send(sms, receptor="+989121234567", message="یک", localid="7").json()["entries"][0]
    other = send(sms, receptor="09350000000", message="یک", localid="7").json()["entries"][0]
    assert first["messageid"] == again["messageid"] != other["messageid"]
    assert [(row["receptor"], row["repeats"]) for row in sms.messages()] == [("09350000000", 0), ("09121234567", 1)]


def test_without_a_localid_every_call_is_a_message(sms: SmsSimulator) -> None:
    for _ in range(2):
        send(sms, receptor="09121234567", message="یک")
    assert len(sms.messages()) == 2


def test_many_receptors_are_as_many_messages(sms: SmsSimulator) -> None:
    answer = send(sms, receptor="09121234567,09350000000", message="یک", localid="7,8").json()
    assert [entry["messageid"] for entry in answer["entries"]] == [85463001, 85463002]


def test_a_lookup_is_filled_from_its_tokens(sms: SmsSimulator) -> None:
    answer = send(sms, "verify/lookup", receptor="09121234567", template="login", token="123456")
    assert answer.json()["return"]["status"] == 200
    (kept,) = sms.messages("09121234567")
    assert (kept["template"], kept["tokens"], kept["message"]) == ("login", ["123456", "", ""], "123456")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_status_is_told_by_id(sms: SmsSimulator, method: str) -> None:
    sent = send(sms, receptor="09121234567", message="یک").json()["entries"][0]["messageid"]
    url = f"{sms.url}/v1/a-key/sms/status.json"
    wanted = {"messageid": f"{sent},999"}
    answer = httpx.request(
        method, url, trust_env=False, **({"params": wanted} if method == "GET" else {"data": wanted})
    ).json()
    assert [(entry["messageid"], entry["status"]) for entry in answer["entries"]] == [(sent, 10), (999, 100)]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 400),
        ({"receptor": "09121234567"}, 400),
        ({"message": "یک"}, 400),
        ({"receptor": "0211234567", "message": "یک"}, 411),
        ({"receptor": ",".join(["09121234567"] * 201), "message": "یک"}, 414),
        ({"receptor": "09121234567", "message": "یک", "localid": "1,2"}, 419),
    ],
)
def test_what_is_wrong_is_refused_with_its_status(sms: SmsSimulator, form: dict[str, str], status: int) -> None:
    answer = send(sms, **form)
    assert (answer.status_code, answer.json()["return"]["status"], answer.json()["entries"]) == (status, status, None)
    assert sms.messages() == []


def test_another_key_is_refused() -> None:
    with SmsSimulator(key="the-key") as sms:
        assert send(sms, receptor="09121234567", message="یک").status_code == 403
        assert sms.messages() == []


@pytest.mark.parametrize(("fault", "taken"), [("down", 0), ("drop_before", 0), ("drop", 1)])
def test_a_closed_connection_may_or_may_not_have_sent_it(sms: SmsSimulator, fault: str, taken: int) -> None:
    sms.faults(**{fault: 1})
    with pytest.raises(httpx.RemoteProtocolError):
        send(sms, receptor="09121234567", message="یک", localid="7")
    assert len(sms.messages()) == taken
    send(sms, receptor="09121234567", message="یک", localid="7")
    assert len(sms.messages()) == 1


@pytest.mark.parametrize(
    ("switch", "http", "returned", "taken"),
    [
        ({"error_200": True}, 200, 418, 0),
        ({"error_200": 422}, 200, 422, 0),
        ({"http_500": True}, 500, None, 0),
        ({"garbage": True}, 200, None, 1),
    ],
)
def test_an_answer_may_lie(
    sms: SmsSimulator, switch: dict[str, Any], http: int, returned: int | None, taken: int
) -> None:
    sms.faults(**switch)
    answer = send(sms, receptor="09121234567", message="یک")
    assert answer.status_code == http
    if returned is None:
        assert "<" in answer.text
    else:
        assert answer.json()["return"]["status"] == returned
    assert len(sms.messages()) == taken


def test_a_slow_provider_takes_it_after_we_left(sms: SmsSimulator) -> None:
    sms.faults(slow_s={"times": 1, "value": 0.4})
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{sms.url}/v1/k/sms/send.json",
            data={"receptor": "09121234567", "message": "یک", "localid": "7"},
            timeout=0.1,
            trust_env=False,
        )
    answer = send(sms, receptor="09121234567", message="یک", localid="7")
    assert answer.status_code == 200


def test_it_is_driven_by_http_and_remembers_over_a_restart(tmp_path: Path) -> None:
    with SmsSimulator(state=tmp_path) as sms:
        send(sms, receptor="09121234567", message="یک", localid="7")
        set_ = httpx.post(f"{sms.url}/_sim/faults", json={"down": True}, trust_env=False, timeout=60)
        assert set_.json() == {"set": {"down": {"p": 1.0, "times": None, "value": None}}}
        assert httpx.post(f"{sms.url}/_sim/faults", json={"up": True}, trust_env=False, timeout=60).status_code == 422
        assert httpx.get(f"{sms.url}/_sim/health", trust_env=False, timeout=60).json() == {"ok": True, "messages": 1}
    with SmsSimulator(state=tmp_path) as sms:
        assert [row["message"] for row in httpx.get(f"{sms.url}/_sim/messages?to=09121234567", timeout=60).json()] == [
            "یک"
        ]
        send(sms, receptor="09121234567", message="یک", localid="7")
        assert [row["repeats"] for row in sms.messages()] == [1]
        assert httpx.post(f"{sms.url}/_sim/reset", trust_env=False, timeout=60).json() == {"ok": True}
        assert sms.messages() == []
