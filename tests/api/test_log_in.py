"""Log-in by the API: a code by SMS, a token, and no word about who is known."""

import pytest
import time_machine

from peyman.messages import queries as messages
from peyman.people.models import ApiToken, LoginCode, Person
from tests import make

MOBILE = "+989121234567"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at():
    make.terms()
    with time_machine.travel(make.NOW, tick=False) as now:
        yield now


def post(client, path, **body):
    return client.post(f"/api/v1/auth/{path}", body, content_type="application/json")


def newest_code(mobile=MOBILE):
    return messages.sent_to(mobile).filter(template="login_code").latest("pk").secret


def wrong(code):
    return "000000" if code != "000000" else "111111"


def test_a_code_is_sent_and_becomes_a_token_that_opens_the_cart(client):
    sent = post(client, "code", mobile="۰۹۱۲ ۱۲۳ ۴۵۶۷")
    assert sent.status_code == 202
    assert sent.json() == {"expires_at": "2025-01-04T06:33:00Z"}
    given = post(client, "token", mobile="09121234567", code=newest_code())
    assert given.status_code == 200
    assert sorted(given.json()) == ["expires_at", "token"]
    assert given.json()["expires_at"] == "2025-02-03T06:30:00Z"
    token = given.json()["token"]
    assert token not in str(ApiToken.objects.values())
    cart = client.get("/api/v1/cart", headers={"Authorization": f"Bearer {token}"})
    assert cart.status_code == 200
    assert Person.objects.get().mobile == MOBILE


def test_known_and_unknown_numbers_get_the_same_answer(client):
    make.person(mobile="+989120000001")
    answers = [post(client, "code", mobile=mobile) for mobile in ("09120000001", "09120000002")]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    refused = [post(client, "token", mobile=f"0912000000{n}", code="12345") for n in (1, 2, 3)]
    assert {answer.status_code for answer in refused} == {422}
    assert len({answer.content for answer in refused}) == 1
    assert Person.objects.count() == 1


def test_a_code_asked_for_on_a_page_works_here_and_the_other_way_round(client):
    client.post("/login/", {"mobile": "09121234567"})
    assert post(client, "token", mobile="09121234567", code=newest_code()).status_code == 200
    assert client.post("/login/code/", {"code": newest_code()}).status_code == 422  # it was used


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "1234567", "0" * 400])
def test_a_wrong_code_gives_no_token_and_no_reason(client, code):
    post(client, "code", mobile=MOBILE)
    answer = post(client, "token", mobile=MOBILE, code=code)
    assert answer.status_code == 422
    assert answer.json()["code"] == "wrong_code"
    assert not ApiToken.objects.exists()


def test_five_wrong_tries_close_a_code(client):
    post(client, "code", mobile=MOBILE)
    right = newest_code()
    for _ in range(5):
        assert post(client, "token", mobile=MOBILE, code=wrong(right)).status_code == 422
    assert post(client, "token", mobile=MOBILE, code=right).status_code == 422


def test_a_code_works_once(client):
    post(client, "code", mobile=MOBILE)
    code = newest_code()
    assert post(client, "token", mobile=MOBILE, code=code).status_code == 200
    assert post(client, "token", mobile=MOBILE, code=code).status_code == 422
    assert ApiToken.objects.count() == 1


def test_a_code_is_over_after_180_seconds_and_a_token_after_30_days(client, at):
    post(client, "code", mobile=MOBILE)
    at.shift(179)
    token = post(client, "token", mobile=MOBILE, code=newest_code()).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    at.shift(30 * 86400 - 1)
    assert client.get("/api/v1/cart", headers=headers).status_code == 200
    at.shift(1)
    assert client.get("/api/v1/cart", headers=headers).status_code == 401
    post(client, "code", mobile=MOBILE)
    at.shift(180)
    assert post(client, "token", mobile=MOBILE, code=newest_code()).status_code == 422


def test_the_fourth_code_in_two_minutes_is_429_with_the_seconds(client, at):
    for _ in range(3):
        assert post(client, "code", mobile=MOBILE).status_code == 202
    at.shift(30)
    answer = post(client, "code", mobile=MOBILE)
    assert answer.status_code == 429
    assert answer.json()["code"] == "too_many_codes"
    assert answer["Retry-After"] == "90"
    assert LoginCode.objects.count() == 3


def test_twelve_wrong_codes_end_in_429_whatever_address_is_forged(client):
    statuses = [
        client.post(
            "/api/v1/auth/token",
            {"mobile": MOBILE, "code": "000000"},
            content_type="application/json",
            headers={"X-Forwarded-For": f"5.1.1.{n}"},
        ).status_code
        for n in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.parametrize("mobile", ["", "0912", "02188887777", "+12025550123"])
def test_what_is_no_mobile_number_is_refused_by_name(client, mobile):
    answer = post(client, "code", mobile=mobile)
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == ["mobile"]
    assert not LoginCode.objects.exists()


def test_staff_get_no_token_by_sms_alone(client):
    make.person(mobile=MOBILE, role="manager")
    post(client, "code", mobile=MOBILE)
    answer = post(client, "token", mobile=MOBILE, code=newest_code())
    assert answer.status_code == 403
    assert answer.json()["code"] == "second_factor_required"
    assert not ApiToken.objects.exists()


def test_a_token_can_be_ended_and_another_stays(client):
    person = make.person()
    first, second = make.token(person), make.token(person)
    gone = client.delete("/api/v1/auth/token", headers={"Authorization": f"Bearer {first}"})
    assert gone.status_code == 204
    assert client.get("/api/v1/cart", headers={"Authorization": f"Bearer {first}"}).status_code == 401
    assert client.get("/api/v1/cart", headers={"Authorization": f"Bearer {second}"}).status_code == 200
