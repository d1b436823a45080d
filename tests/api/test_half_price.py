"""May the market say "half price"? What the API answers, to whom, and what it never tells."""

import pytest
from django.test import Client

from peyman.market.guard.actions import keys
from peyman.market.guard.models import Statement
from peyman.market.guard.queries import keys as known_keys
from tests import make
from tests.guarding import CUSTOMER, NOW, OBJECT, OTHER, STRANGER, lit

URL = "/api/v1/half-price"
pytestmark = pytest.mark.django_db


@pytest.fixture
def market(settings, tmp_path):
    """A market that may say it, with a key that signs; its clock stands at NOW."""
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    settings.GUARD_LOOK = 0.0
    make.terms()
    lit()
    keys.sweep(now=NOW)
    return Client()


def asked(market, client=CUSTOMER, object_=OBJECT, status=200, **more):
    answer = market.get(URL, {"object": object_, **more}, REMOTE_ADDR=client)
    assert answer.status_code == status, answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    return answer.json()


@pytest.mark.clause("B02", "B03")
def test_whoever_may_be_told_is_told_with_a_ticket_and_for_minutes(market):
    answer = asked(market)
    token = answer.pop("ticket")
    assert answer == {
        "allowed": True,
        "wording": "این دانلود برای شما نیم‌بها حساب می‌شود.",
        "wording_version": 1,
        "scope": "اینترنت شما: hamrah. این جمله تا شنبه ۱۵ دی، ساعت ۱۰:۱۰ معتبر است.",
        "reason": "admitted",
        "reason_text": "همه نشانی‌هایی که این فایل را می‌دهند پذیرفته‌اند و چیزی در برابرش نیست.",
        "operator": "hamrah",
        "until": "2025-01-04T06:40:00Z",
    }
    assert known_keys.own_verifier().ticket(token)
    assert Statement.objects.get().operator == "hamrah"


@pytest.mark.clause("B02", "B03")
@pytest.mark.parametrize(
    ("client", "object_", "reason"),
    [
        (OTHER, OBJECT, "tariff_unverified"),
        (STRANGER, OBJECT, "unknown_isp"),
        ("127.0.0.1", OBJECT, "client_private"),
        ("::1", OBJECT, "client_private"),
        (CUSTOMER, "books/1.epub", "no_delivery"),
    ],
)
def test_whoever_may_not_be_told_gets_the_neutral_text_and_no_ticket(market, client, object_, reason):
    answer = asked(market, client, object_)
    assert (answer["allowed"], answer["reason"], answer["ticket"]) == (False, reason, None)
    assert answer["wording"] == "تعرفه این دانلود را اپراتور شما حساب می‌کند و شاید تمام‌بها باشد."
    assert not Statement.objects.exists()


@pytest.mark.clause("B03")
def test_without_a_key_that_signs_nothing_is_said(settings, tmp_path):
    settings.CLOCK_FILE = tmp_path / "clock"
    settings.CLOCK_FILE.write_text(NOW.isoformat())
    make.terms()
    lit()
    answer = asked(Client())
    assert (answer["allowed"], answer["reason"], answer["ticket"]) == (False, "no_ticket", None)


@pytest.mark.clause("B02")
def test_an_address_is_believed_from_the_connection_and_not_from_what_a_caller_writes(market):
    answer = market.get(URL, {"object": OBJECT}, REMOTE_ADDR=STRANGER, HTTP_X_FORWARDED_FOR=CUSTOMER)
    assert answer.json()["reason"] == "unknown_isp"


@pytest.mark.clause("B02")
def test_behind_a_proxy_of_ours_the_address_is_the_one_it_adds(market, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    answer = market.get(URL, {"object": OBJECT}, REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR=f"9.9.9.9, {CUSTOMER}")
    assert answer.json()["reason"] == "admitted"


def test_staff_of_the_tariff_may_name_an_address_and_gets_no_ticket(market):
    token = make.token(make.person(role="tariff"))
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    answer = market.get(URL, {"object": OBJECT, "client_ip": CUSTOMER}, **headers).json()
    assert (answer["allowed"], answer["operator"], answer["ticket"]) == (True, "hamrah", None)
    bad = market.get(URL, {"object": OBJECT, "client_ip": "five"}, **headers)
    assert (bad.status_code, list(bad.json()["fields"])) == (422, ["client_ip"])


def test_nobody_else_may_name_an_address(market):
    asked(market, status=401, client_ip=CUSTOMER)
    token = make.token(make.person())
    answer = market.get(URL, {"object": OBJECT, "client_ip": CUSTOMER}, HTTP_AUTHORIZATION=f"Bearer {token}")
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


@pytest.mark.parametrize("object_", ["", "/", "?x", "a" * 201, "a\x00b"])
def test_what_names_no_file_is_refused_in_its_field(market, object_):
    answer = asked(market, object_=object_, status=422)
    assert list(answer["fields"]) == ["object"]
