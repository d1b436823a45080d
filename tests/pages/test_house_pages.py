"""Pages that are always there: health, robots, the inbox of the sandbox, and pages for what went wrong."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.db import OperationalError
from django.test import Client

from peyman.entrypoints.storefront import orders, terms
from peyman.kernel.errors import TryLater
from peyman.messages.models import Message
from peyman.promises.models import TermsVersion
from tests import make


def message(n: int, to: str = "+989121234567", **fields) -> Message:
    return Message.objects.create(
        code=f"MSG-{n}", channel="sms", to=to, template="login_code", text=f"کد {n}", key=f"k{n}", created_at=make.NOW,
        due_at=make.NOW, sent_at=make.NOW + timedelta(seconds=n), provider="test", **fields,
    )  # fmt: skip


def test_health_asks_no_database(client: Client) -> None:
    assert client.get("/healthz").content == b"ok\n"  # no database is open in this test


@pytest.mark.django_db
def test_ready_means_the_database_answers(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/readyz").status_code == 200

    def away() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("peyman.entrypoints.storefront.health.connection.cursor", away)
    assert client.get("/readyz").status_code == 503


def test_outside_the_sandbox_robots_are_kept_from_lists_and_accounts(client: Client, settings) -> None:
    settings.SANDBOX = False
    told = client.get("/robots.txt").content.decode().splitlines()
    assert "Disallow: /orders/" in told and "Disallow: /goods/?*" in told and "Disallow: /" not in told


def test_the_sandbox_is_for_no_robot_at_all(client: Client) -> None:
    assert client.get("/robots.txt").content == b"User-agent: *\nDisallow: /\n"


@pytest.mark.django_db
def test_the_inbox_lists_what_was_sent_newest_first(client: Client) -> None:
    message(1, secret="111111")
    message(2)
    message(3, to="+989350000000")
    assert client.get("/sandbox/inbox.json", {"to": "09121234567"}).json() == [
        {"id": "MSG-2", "channel": "sms", "to": "+989121234567", "template": "login_code", "text": "کد 2", "code": None,
         "at": "2025-01-04T06:30:02Z"},
        {"id": "MSG-1", "channel": "sms", "to": "+989121234567", "template": "login_code", "text": "کد 1",
         "code": "111111", "at": "2025-01-04T06:30:01Z"},
    ]  # fmt: skip
    assert len(client.get("/sandbox/inbox.json").json()) == 3
    assert "111111" in client.get("/sandbox/inbox", {"to": "09121234567"}).content.decode()


@pytest.mark.parametrize("url", ["/sandbox/inbox", "/sandbox/inbox.json"])
@pytest.mark.django_db
def test_outside_the_sandbox_there_is_no_inbox(client: Client, settings, url: str) -> None:
    settings.SANDBOX = False
    assert client.get(url).status_code == 404


@pytest.mark.django_db
def test_an_address_that_leads_nowhere_says_so_in_our_own_words(client: Client) -> None:
    answer = client.get("/nothing/here/")
    assert answer.status_code == 404
    assert "چیزی با این نشانی پیدا نشد." in answer.content.decode()


@pytest.mark.django_db
def test_a_form_without_its_token_is_refused_and_says_what_it_did_not_cost(shop: TermsVersion) -> None:
    answer = Client(enforce_csrf_checks=True).post("/cart/add", {"sku": "X"})
    assert answer.status_code == 403
    assert "چیزی ثبت نشد و پولی گرفته نشد." in answer.content.decode()


def test_a_database_that_is_away_is_503_with_retry_after(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(terms.queries, "terms_in_force", away)
    answer = client.get("/terms/")
    assert answer.status_code == 503 and answer["Retry-After"] == "30"
    assert "دوباره نپردازید" in answer.content.decode()


def test_a_bug_gives_a_number_to_quote_and_asks_the_database_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(terms.queries, "terms_in_force", broken)
    answer = Client(raise_request_exception=False).get("/terms/")
    assert answer.status_code == 500
    html = answer.content.decode()
    assert "خطا از ماست، نه از شما." in html and "شماره این خطا برای پیگیری" in html


@pytest.mark.django_db
def test_a_refusal_that_says_when_to_come_back_does_so_in_the_header_too(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object, **__: object) -> None:
        raise TryLater(90)

    monkeypatch.setattr(orders.queries, "list_of", busy)
    client.force_login(make.person())
    answer = client.get("/orders/")
    assert answer.status_code == 503 and answer["Retry-After"] == "90"
    assert "اکنون نشد." in answer.content.decode()


@pytest.mark.django_db
def test_a_refusal_whose_page_finds_no_database_is_503_with_retry_after(
    shop: TermsVersion, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(now: object) -> None:
        raise OperationalError("in recovery")

    monkeypatch.setattr("peyman.promises.queries.terms_in_force", away)
    answer = client.get("/pay/saman/callback?RefNum=nobody&ResNum=PAY-0000-0000-0000-0")
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")


@pytest.mark.parametrize(("megabytes", "read"), [(2, 2_000_000), (30, 16_000_000)])
@pytest.mark.django_db
def test_what_is_too_large_is_heard_out_within_bounds_and_answered_413(
    client: Client, megabytes: int, read: int
) -> None:
    came = BytesIO(b"a" * (megabytes * 1_000_000))
    answer = client.generic(
        "POST",
        "/cart/add",
        CONTENT_TYPE="application/x-www-form-urlencoded",
        CONTENT_LENGTH=str(megabytes * 1_000_000),
        **{"wsgi.input": came},
    )
    assert answer.status_code == 413 and "آنچه فرستادید بزرگ‌تر از اندازه بود." in answer.content.decode()
    assert read <= came.tell() <= read + 65_536
