"""Our official addresses, whether a message is ours, and the one host that everything leads to (D13, D14)."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.entrypoints.jobs import outbox
from peyman.entrypoints.storefront import official
from peyman.messages import actions
from peyman.messages.models import Message
from peyman.promises.models import TermsVersion
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import expired

URL = "/official/"
OURS, NOT_OURS = "<b>از ما است.</b>", "<b>از ما نیست.</b>"


@pytest.fixture
def sent(shop: TermsVersion) -> Message:
    """A message that left this morning to Sara."""
    outbox.announce(now=NOW - timedelta(days=3))
    sara = make.person(mobile="+989121234567")
    actions.queue(expired("k", person_id=sara.pk), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    actions.mark_sent(message=mine, provider="kavenegar", provider_id="1", now=NOW)
    return Message.objects.get()


def ask(client: Client, **fields: str) -> str:
    return client.post(URL, fields).content.decode()


@pytest.mark.clause("D14")
def test_the_list_shows_every_line_address_and_domain_that_we_write_from(client: Client, sent: Message) -> None:
    actions.announce(kind="phone", address="021 88776655", what_for="پاسخ تلفنی", by="PER-1", now=NOW)
    old = actions.announce(kind="sms", address="3000", what_for="", by="PER-1", now=NOW - timedelta(days=2))
    actions.withdraw(sender_id=old.pk, by="PER-1", now=NOW)
    html = client.get(URL).content.decode()
    for shown in ("10004346", "info@127.0.0.1", "021 88776655", "پاسخ تلفنی"):
        assert shown in html
    assert html.index("دیگر از این‌جا نمی‌نویسیم") < html.index("3000</bdi>")


@pytest.mark.clause("D13")
def test_the_page_costs_three_queries_however_long_the_list(
    client: Client, sent: Message, django_assert_num_queries: Any
) -> None:
    for n in range(20):
        actions.announce(kind="sms", address=f"3000{n:04}", what_for="", by="PER-1", now=NOW)
    client.get(URL)
    with django_assert_num_queries(3):  # terms in force, senders, incidents
        client.get(URL)


@pytest.mark.clause("D14")
def test_a_message_of_ours_is_known_by_its_mark_which_tells_way_and_day_only(client: Client, sent: Message) -> None:
    html = ask(client, mark=sent.mark.lower().replace("-", " "), to="")
    assert OURS in html
    assert "این شناسه از آنِ پیامکی است که در شنبه ۱۵ دی ۱۴۰۳ فرستاده‌ایم." in html
    assert "9121234567" not in html
    assert "ORD-" not in html


@pytest.mark.parametrize(("to", "verdict"), [("09121234567", OURS), ("09127654321", NOT_OURS), ("x@y.ir", NOT_OURS)])
def test_a_mark_copied_from_another_message_is_noticed_by_whom_it_came_to(
    client: Client, sent: Message, to: str, verdict: str
) -> None:
    assert verdict in ask(client, mark=sent.mark, to=to)


@pytest.mark.parametrize("mark", ["7K2M-9QXR", "", "MSG-7K2M", "<script>", "x" * 5000])
def test_any_other_mark_is_none_of_ours(client: Client, sent: Message, mark: str) -> None:
    html = ask(client, mark=mark)
    assert NOT_OURS in html
    assert "<script>" not in html.replace('<script src="', "")


@pytest.mark.clause("D14")
@pytest.mark.parametrize(
    ("kind", "address", "day", "verdict"),
    [
        ("sms", "10004346", "", OURS),
        ("sms", "+98 10004346", "۱۴۰۳/۱۰/۱۵", OURS),
        ("sms", "10004346", "۱۴۰۳/۱۰/۱۱", NOT_OURS),
        ("sms", "10004347", "", NOT_OURS),
        ("email", "info@127.0.0.1", "", OURS),
        ("domain", "http://127.0.0.1:8000/orders/", "", OURS),
        ("domain", "http://127.0.0.1.evil.ir/", "", NOT_OURS),
        ("telegram", "@peyman", "", NOT_OURS),
    ],
)
def test_a_sender_is_ours_on_the_days_it_was_announced(
    client: Client, sent: Message, kind: str, address: str, day: str, verdict: str
) -> None:
    assert verdict in ask(client, kind=kind, address=address, day=day)


def test_a_day_that_is_none_is_asked_for_again(client: Client, sent: Message) -> None:
    answer = client.post(URL, {"kind": "sms", "address": "10004346", "day": "دیروز"})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "این روز خوانده نشد" in html
    assert NOT_OURS not in html


def test_whoever_asks_too_often_waits(client: Client, sent: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "LIMIT", official.limits.Limit("official-test", most=3, seconds=300))
    assert [client.post(URL, {"mark": sent.mark}).status_code for _ in range(4)] == [200, 200, 200, 429]


# ---- One host ----


@pytest.fixture
def www(settings: Any) -> None:
    settings.PUBLIC_URL, settings.OTHER_HOSTS = "https://peyman.example", ["www.peyman.example"]
    settings.ALLOWED_HOSTS = ["peyman.example", "www.peyman.example"]


@pytest.mark.clause("D13")
def test_another_name_of_ours_leads_to_the_same_page_under_the_official_one(client: Client, www: None) -> None:
    answer = client.get("/goods/?q=%DA%A9%D8%AA%D8%A7%D8%A8", headers={"host": "www.peyman.example:443"})
    assert (answer.status_code, answer["Location"]) == (301, "https://peyman.example/goods/?q=%DA%A9%D8%AA%D8%A7%D8%A8")
    assert client.get("//evil.ir/", headers={"host": "www.peyman.example"})["Location"].startswith(
        "https://peyman.example/"
    )


def test_what_is_sent_to_another_name_is_not_sent_on(client: Client, www: None) -> None:
    answer = client.post("/login/", {"mobile": "09121234567"}, headers={"host": "www.peyman.example"})
    assert answer.status_code == 421
    assert "https://peyman.example" in answer.content.decode()


def test_a_name_that_is_not_ours_is_refused_and_the_official_one_stays(client: Client, www: None) -> None:
    assert client.get("/healthz", headers={"host": "peyman.example"}).status_code == 200
    assert client.get("/healthz", headers={"host": "evil.ir"}).status_code == 400
