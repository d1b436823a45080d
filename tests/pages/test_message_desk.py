"""The desk of messages and of senders: who may enter, what is shown and what is not, what can be tried again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from peyman.messages import actions
from peyman.messages.models import Message, Sender
from peyman.people.models import AccessLog, Person
from peyman.promises.models import TermsVersion
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import expired, login_code

SECOND = timedelta(seconds=1)


@pytest.fixture
def sara(shop: TermsVersion) -> Person:
    return make.person(mobile="+989121234567")


@pytest.fixture
def manager(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="manager", full_name="نرگس کاظمی"))
    return client


def dead(sara: Person, key: str = "k", detail: str = "411") -> Message:
    actions.queue(expired(key, person_id=sara.pk), now=NOW - 2 * SECOND)
    (mine,) = actions.claim(limit=1, now=NOW - 2 * SECOND)
    actions.mark_failed(message=mine, provider="kavenegar", detail=detail, now=NOW - SECOND, permanent=True)
    return Message.objects.get(pk=mine.pk)


@pytest.mark.parametrize("url", ["/desk/messages/", "/desk/senders/"])
@pytest.mark.parametrize(("role", "status"), [("customer", 404), ("orders", 404), ("catalogue", 404), ("manager", 200)])
def test_only_who_has_the_right_finds_the_desk(
    client: Client, shop: TermsVersion, url: str, role: str, status: int
) -> None:
    client.force_login(make.person(role=role))
    assert client.get(url).status_code == status


def test_a_stranger_is_led_to_the_log_in(client: Client, shop: TermsVersion) -> None:
    assert client.get("/desk/messages/")["Location"] == "/login/?next=/desk/messages/"


@pytest.mark.clause("D10")
def test_dead_letters_are_listed_with_their_reason_and_without_text_or_address(manager: Client, sara: Person) -> None:
    row = dead(sara)
    html = manager.get("/desk/messages/").content.decode()
    assert "پیامک: پایان مهلت پرداخت" in html
    assert "ارائه‌دهنده آن را برای همیشه نپذیرفت (کد ۴۱۱)" in html.replace("411", "۴۱۱")
    assert "۰۹۱۲***۴۵۶۷" in html
    for hidden in ("09121234567", "+989121234567", "ORD-", "مهلت پرداخت این سفارش گذشت"):
        assert hidden not in html
    assert f"/desk/messages/{row.code}/retry" in html


def test_what_waits_has_a_list_of_its_own(manager: Client, sara: Person) -> None:
    actions.queue(expired("waits", person_id=sara.pk), now=NOW - timedelta(minutes=5))
    html = manager.get("/desk/messages/?show=waiting").content.decode()
    assert "پیامک: پایان مهلت پرداخت" in html
    assert "۵ دقیقه" in html
    assert "پیامی نرفته نمانده است." in manager.get("/desk/messages/").content.decode()


@pytest.mark.clause("D16")
@pytest.mark.parametrize("typed", ["09121234567", "۰۹۱۲ ۱۲۳ ۴۵۶۷", "\u200f+98 912 123 4567", "0098-9121234567"])
def test_messages_to_a_number_are_found_and_the_look_is_written_down(manager: Client, sara: Person, typed: str) -> None:
    reza = make.person(mobile="+989127654321")
    actions.queue_many(
        [
            expired("mine", person_id=sara.pk),
            expired("his", to="+989127654321", person_id=reza.pk),
        ],
        now=NOW - 2 * SECOND,
    )
    answer = manager.post("/desk/messages/", {"to": typed, "why": "مشتری می‌گوید پیامک نیامده"})
    html = answer.content.decode()
    mine, his = Message.objects.order_by("key")[1], Message.objects.order_by("key")[0]
    assert (mine.code in html, his.code in html) == (True, False)
    assert "به این گیرنده" in html
    looked = AccessLog.objects.get()
    assert (looked.whose, looked.subject, looked.what) == (sara, "messages:0912***4567", "messages")
    assert looked.why == "مشتری می‌گوید پیامک نیامده"


@pytest.mark.clause("D16")
@pytest.mark.parametrize(
    ("to", "why", "says"),
    [
        ("09121234567", "", "بنویسید برای چه کاری"),
        ("0912", "مشتری می‌پرسد", "شماره موبایل یا نشانی ایمیل را کامل بنویسید."),
        ("sara@example.ir\nBcc: x", "مشتری می‌پرسد", "شماره موبایل یا نشانی ایمیل را کامل بنویسید."),
    ],
)
def test_without_a_reason_or_a_whole_address_nothing_is_found_or_written(
    manager: Client, sara: Person, to: str, why: str, says: str
) -> None:
    actions.queue(expired("mine", person_id=sara.pk), now=NOW - 2 * SECOND)
    answer = manager.post("/desk/messages/", {"to": to, "why": why})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert Message.objects.get().code not in answer.content.decode()
    assert not AccessLog.objects.exists()


def test_who_was_written_to_under_no_account_is_found_by_address_too(manager: Client, sara: Person) -> None:
    actions.queue(login_code("c", stale_at=NOW + timedelta(minutes=3)), now=NOW - SECOND)
    html = manager.post("/desk/messages/", {"to": "09121234567", "why": "کد نرسیده است"}).content.decode()
    assert "پیامک: کد ورود" in html
    assert "123456" not in html.replace("09121234567", "")  # which stands in its box
    nobody = manager.post("/desk/messages/", {"to": "nobody@example.ir", "why": "کد نرسیده است"}).content.decode()
    assert "پیامی به این گیرنده نیست." in nobody


def test_the_log_tells_every_try_and_no_code_is_shown(manager: Client, sara: Person) -> None:
    actions.queue(login_code("c", stale_at=NOW + timedelta(minutes=3)), now=NOW - SECOND)
    (mine,) = actions.claim(limit=1, now=NOW - SECOND)
    actions.mark_failed(message=mine, provider="kavenegar", detail="ReadTimeout", now=NOW, held_by="kavenegar")
    html = manager.get(f"/desk/messages/{mine.code}/").content.decode()
    assert "نامعلوم، کاوه‌نگار" in html
    assert "ارائه‌دهنده پاسخی نداد." in html
    assert "شاید نزد" in html
    assert "123456" not in html + manager.get("/desk/messages/?show=waiting").content.decode()


def test_a_dead_message_is_put_back_into_the_queue(manager: Client, sara: Person) -> None:
    row = dead(sara)
    answer = manager.post(f"/desk/messages/{row.code}/retry")
    assert (answer.status_code, answer["Location"]) == (302, f"/desk/messages/{row.code}/")
    assert Message.objects.get().dead_at is None
    assert manager.post(f"/desk/messages/{row.code}/retry").status_code == 409


def test_a_stale_code_is_neither_listed_nor_sent_again(manager: Client, sara: Person) -> None:
    row = actions.queue(login_code("c", stale_at=NOW - SECOND), now=NOW - timedelta(minutes=5))
    actions.drop_stale(now=NOW)
    assert row.code not in manager.get("/desk/messages/").content.decode()
    answer = manager.post(f"/desk/messages/{row.code}/retry")
    assert answer.status_code == 409
    assert "زمانش گذشته بود" in answer.content.decode()
    assert Message.objects.get().dead_at == NOW


def test_a_message_that_is_not_there_is_not_found(manager: Client, shop: TermsVersion) -> None:
    assert manager.get("/desk/messages/MSG-1/").status_code == 404
    assert manager.post("/desk/messages/MSG-1/retry").status_code == 404
    assert manager.get("/desk/messages/MSG-1/retry").status_code == 405


@pytest.mark.parametrize("number", [1, 25])
def test_the_list_costs_the_same_queries_whatever_its_length(
    manager: Client, sara: Person, number: int, django_assert_num_queries: Any
) -> None:
    for n in range(number):
        dead(sara, f"k{n}")
    manager.get("/desk/messages/")
    with django_assert_num_queries(7):  # session, person, list, last tries, two of figures, providers
        manager.get("/desk/messages/")


def test_a_long_list_goes_on_on_the_next_page(manager: Client, sara: Person) -> None:
    codes = [dead(sara, f"k{n}").code for n in range(31)]
    html = manager.get("/desk/messages/").content.decode()
    assert codes[0] not in html
    assert codes[30] in html
    after = html.split("after=")[1].split('"')[0]
    assert codes[0] in manager.get(f"/desk/messages/?after={after}").content.decode()
    assert manager.get("/desk/messages/?after=x").status_code == 200


# ---- Senders ----


@pytest.mark.clause("D14")
def test_staff_announce_an_address_and_end_one(manager: Client, client: Client) -> None:
    assert (
        manager.post("/desk/senders/", {"kind": "phone", "address": "021-88776655", "what_for": "پشتیبانی"}).status_code
        == 302
    )
    row = Sender.objects.get()
    assert (row.address, row.shown, row.what_for, row.starts_at) == ("2188776655", "021-88776655", "پشتیبانی", NOW)
    assert "021-88776655" in client.get("/official/").content.decode()
    assert manager.post(f"/desk/senders/{row.pk}/end").status_code == 302
    assert Sender.objects.get().ends_at == NOW
    assert manager.post("/desk/senders/999/end").status_code == 404


@pytest.mark.parametrize(("kind", "address"), [("sms", ""), ("sms", "نه شماره"), ("telegram", "@x"), ("email", "a\nb")])
def test_what_is_no_sender_is_refused_beside_its_box(manager: Client, kind: str, address: str) -> None:
    answer = manager.post("/desk/senders/", {"kind": kind, "address": address, "what_for": ""})
    assert answer.status_code == 422
    assert "به فهرست افزوده نشد" in answer.content.decode()
    assert Sender.objects.count() == 0
