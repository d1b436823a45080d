"""The desk of the newsletter: a letter is seen with its readers before it is sent, once."""

import pytest
from django.test import Client

from peyman.entrypoints import notices
from peyman.messages.models import Message
from peyman.people import actions as people
from peyman.people.models import Mailing, Person
from peyman.promises.models import TermsVersion
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of

DESK = "/desk/newsletter/"
LETTER = {
    "title": "سه کتاب‌خوان تازه", "intro": "این هفته سه کتاب‌خوان تازه رسیده است.", "link": "/goods/",
    "item_1_title": "کتاب‌خوان آوند", "item_1_text": "نمایشگر ۶ اینچی", "item_1_link": "/goods/avand/",
    "channels": ["email", "sms"],
}  # fmt: skip


@pytest.fixture
def manager(client: Client, shop: TermsVersion) -> Client:
    client.force_login(make.person(role="manager"))
    return client


def fan(*channels: str) -> Person:
    n = make.number()
    person = make.person(email=f"fan{n}@example.ir", email_confirmed_at=NOW)
    for channel in channels:
        people.agree(person=person, topic="marketing", channel=channel, given=True, how="profile", now=NOW)
    return person


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue", "privacy"])
def test_only_a_manager_finds_the_desk(client: Client, shop: TermsVersion, role: str) -> None:
    client.force_login(make.person(role=role))
    assert client.get(DESK).status_code == 404
    assert client.post(DESK, LETTER | {"step": "confirm"}).status_code == 404


@pytest.mark.clause("D11")
def test_a_letter_is_shown_with_its_readers_and_sent_only_when_confirmed(manager: Client) -> None:
    fan("email")
    fan("sms", "email")
    fan("sms")
    make.person()
    assert "۳ نفر خواسته‌اند: ۲ با ایمیل، ۱ با پیامک" in html_of(manager.get(DESK))
    html = html_of(manager.post(DESK, LETTER))
    assert "فرستادن به ۳ نفر" in html and "کتاب‌خوان آوند" in html and "لغو خبرنامه:" in html
    assert (Mailing.objects.count(), Message.objects.count()) == (0, 0)
    assert manager.post(DESK, LETTER | {"step": "confirm"}).status_code == 302
    assert "در راه" in html_of(manager.get(f"{DESK}?made"))
    assert notices.send_out(NOW) == 3
    assert "تمام شد" in html_of(manager.get(DESK))
    html = html_of(manager.post(DESK, LETTER | {"step": "confirm"}), 409)
    assert "همین خبرنامه شنبه ۱۵ دی ۱۴۰۳، ساعت ۱۰ فرستاده شده است" in html
    assert Mailing.objects.count() == 1


@pytest.mark.clause("D11", "D12")
def test_a_letter_with_no_reader_is_not_sent(manager: Client) -> None:
    make.person()
    assert "فرستادن به ۰ نفر" in html_of(manager.post(DESK, LETTER))
    assert "هیچ‌کس از این راه‌ها خبرنامه نخواسته" in html_of(manager.post(DESK, LETTER | {"step": "confirm"}), 409)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "ع" * 81}, "title"),
        ({"intro": "کوتاه"}, "intro"),
        ({"link": "https://elsewhere.example/"}, "link"),
        ({"link": "//elsewhere.example/"}, "link"),
        ({"link": "/goods/\r\nBcc: x@example.ir"}, "link"),
        ({"item_1_link": ""}, "item_1_link"),
        ({"item_2_text": "بی عنوان"}, "item_2_title"),
    ],
)
@pytest.mark.clause("D13")
def test_a_letter_leads_to_our_own_pages_and_says_what_is_missing(
    manager: Client, typed: dict[str, str], field: str
) -> None:
    html = html_of(manager.post(DESK, LETTER | typed | {"step": "confirm"}), 422)
    assert f'id="f-{field}-e"' in html
    assert Mailing.objects.count() == 0


def test_a_letter_goes_by_some_way(manager: Client) -> None:
    assert "دست‌کم یک راه" in html_of(manager.post(DESK, LETTER | {"channels": []}), 422)


def test_a_letter_can_be_stopped_and_what_everybody_must_hear_cannot(manager: Client) -> None:
    fan("email")
    manager.post(DESK, LETTER | {"step": "confirm"})
    row = Mailing.objects.get()
    assert manager.post(f"{DESK}{row.code}/stop").status_code == 302
    assert notices.send_out(NOW) == 0
    assert "ایستانده شد" in html_of(manager.get(DESK))
    terms, _ = people.begin_mailing(kind="terms_changed", subject="terms:2", now=NOW)
    assert manager.post(f"{DESK}{terms.code}/stop").status_code == 404
