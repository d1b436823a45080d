"""A lost line, national id and Sheba, coming back after long: through the pages and the desk."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from peyman.entrypoints import lost_lines
from peyman.messages import queries as messages
from peyman.messages.models import Message
from peyman.people import actions, queries
from peyman.people.models import AccessLog, LostLine, Person
from peyman.promises.models import TermsVersion
from tests import make
from tests.make import NOW
from tests.pages.reading import html_of

OLD, NEW, MAIL = "+989121111111", "+989122222222", "zahra@example.ir"
ID, SHEBA = "0499370899", "IR820540102680020817909002"
DAY = timedelta(days=1)


@pytest.fixture
def zahra(shop: TermsVersion) -> Person:
    return make.person(mobile=OLD, email=MAIL, email_confirmed_at=NOW, full_name="زهرا محمدی")


@pytest.fixture
def desk(shop: TermsVersion) -> Client:
    """The desk of a member of staff who looks after personal data."""
    client = Client()
    client.force_login(make.person(role="privacy"))
    return client


def code_to(address: str) -> str:
    return messages.sent_to(address).exclude(secret="").order_by("-pk").values_list("secret", flat=True)[0]


def begin(client: Client) -> str:
    """Ask for NEW instead of OLD, up to the waiting period; returns the last page."""
    client.post("/login/lost/", {"mobile": OLD, "email": MAIL})
    client.post("/login/lost/email/", {"code": code_to(MAIL), "mobile": "۰۹۱۲ ۲۲۲ ۲۲۲۲"})
    return html_of(client.post("/login/lost/mobile/", {"code": code_to(NEW)}))


@pytest.mark.clause("D08", "D15")
def test_a_lost_line_is_told_of_at_the_log_in_and_changed_three_days_later(client: Client, zahra: Person) -> None:
    thief = Client()  # found the phone
    thief.post("/login/", {"mobile": OLD})
    thief.post("/login/code/", {"code": code_to(OLD)})
    html_of(thief.get("/account/"))
    assert "/login/lost/" in html_of(client.get("/login/"))
    html_of(client.get("/login/lost/"))
    assert "سه‌شنبه ۱۸ دی ۱۴۰۳، ساعت ۱۰" in begin(client)
    told = Message.objects.filter(template="mobile_change_asked")
    assert sorted(row.to for row in told) == [OLD, MAIL]
    assert "۰۹۱۲***۲۲۲۲" in next(row.text for row in told if row.to == OLD)
    assert lost_lines.finish_due(NOW + 3 * DAY) == 1
    assert Person.objects.get(pk=zahra.pk).mobile == NEW
    assert thief.get("/account/").status_code == 302  # every session ended


@pytest.mark.clause("D15")
def test_the_answer_is_the_same_for_every_pair_of_number_and_address(client: Client, zahra: Person) -> None:
    pages = set()
    for mobile, email in ((OLD, MAIL), (OLD, "other@example.ir"), ("09129999999", MAIL)):
        visitor = Client()
        answer = visitor.post("/login/lost/", {"mobile": mobile, "email": email})
        assert answer.headers["Location"] == "/login/lost/email/"
        page = html_of(visitor.get("/login/lost/email/"))
        pages.add(re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page))
        wrong = html_of(visitor.post("/login/lost/email/", {"code": "1", "mobile": NEW}), 422)
        assert "کد درست نیست یا زمانش گذشته است" in wrong
    assert len(pages) == 1
    assert [row.to for row in Message.objects.all()] == [MAIL]


def test_a_step_that_is_not_reached_leads_back(client: Client, shop: TermsVersion) -> None:
    for url in ("/login/lost/email/", "/login/lost/mobile/"):
        assert client.get(url).headers["Location"] == "/login/lost/"
    assert 'id="f-email-e"' in html_of(client.post("/login/lost/", {"mobile": OLD, "email": "x"}), 422)


@pytest.mark.clause("D08", "D15")
def test_the_link_in_the_message_stops_the_change_by_a_button_and_not_by_being_read(
    client: Client, zahra: Person
) -> None:
    begin(client)
    sms = next(row for row in Message.objects.filter(template="mobile_change_asked") if row.to == OLD)
    path = "/lost/" + sms.text.split("/lost/")[1].split()[0]
    assert "جلوی عوض شدن شماره گرفته شود؟" in html_of(Client().get(path))
    assert LostLine.objects.get().state == "waiting"
    assert Client().post(path).status_code == 302
    assert "عوض شدن شماره ایستاد" in html_of(Client().get(path))
    assert lost_lines.finish_due(NOW + 9 * DAY) == 0
    assert client.get("/lost/forged/").status_code == 404


@pytest.mark.clause("D08", "D15")
def test_the_account_shows_the_request_and_stops_it(client: Client, zahra: Person) -> None:
    begin(Client())
    client.force_login(zahra)
    assert "شماره این حساب" in html_of(client.get("/account/"))
    assert "درخواست عوض شدن شماره گم‌شده این حساب باز است" in html_of(
        client.post("/account/sheba", {"sheba": SHEBA}), 409
    )
    assert client.post("/account/lost/stop").headers["Location"] == "/account/?lost-out"
    assert LostLine.objects.get().state == "objected"
    assert "هویت را بسنجند" in html_of(client.get("/account/"))


@pytest.mark.clause("D15")
def test_staff_change_a_number_with_a_code_and_an_identity_check_on_record(
    client: Client, zahra: Person, desk: Client
) -> None:
    page = f"/desk/people/{zahra.code}/lost"
    html_of(desk.get(page))
    html = html_of(desk.post(page, {"mobile": "12"}), 422)
    assert all(f'id="f-{name}-e"' in html for name in ("mobile", "identity", "why"))
    form = {"mobile": NEW, "identity": "in_person", "why": "کارت ملی را دیدم"}
    assert desk.post(page, form).status_code == 302
    assert "کد را نپرسید" in html_of(desk.get(page))  # we ask for codes on our pages and nowhere else
    assert "/login/lost/code/" in html_of(client.get("/login/lost/staff/"))
    html_of(client.get("/login/lost/code/"))
    assert "کد درست نیست" in html_of(client.post("/login/lost/code/", {"mobile": NEW, "code": "1"}), 422)
    html = html_of(client.post("/login/lost/code/", {"mobile": "۰۹۱۲۲۲۲۲۲۲۲", "code": code_to(NEW)}))
    assert "درخواست شما ثبت شد" in html
    assert "در انتظار اعتراض" in html_of(desk.get(page))
    assert zahra.code in html_of(desk.get("/desk/people/"))
    row = LostLine.objects.get()
    assert (row.how, row.identity) == ("staff", "in_person")
    client.force_login(zahra)
    client.post("/account/lost/stop")
    decide = {"act": "uphold", "identity": "video", "why": "چهره را دیدم"}
    assert "خود شما ثبت کرده‌اید" in html_of(desk.post(f"/desk/lost/{row.code}", decide), 409)
    other = Client()
    other.force_login(make.person(role="privacy"))
    assert other.post(f"/desk/lost/{row.code}", decide).status_code == 302
    assert Person.objects.get(pk=zahra.pk).mobile == NEW
    assert {log.what for log in AccessLog.objects.all()} == {"lost_line"}


@pytest.mark.parametrize("role", ["customer", "orders", "catalogue", "manager"])
def test_the_desk_of_lost_lines_is_not_there_for_others(client: Client, zahra: Person, role: str) -> None:
    client.force_login(make.person(role=role))
    for url in (f"/desk/people/{zahra.code}/lost", f"/desk/people/{zahra.code}/identity"):
        assert client.post(url, {"mobile": NEW, "identity": "in_person", "why": "کارت ملی را دیدم"}).status_code == 404
    assert Message.objects.count() == 0


# ---- National id and Sheba ----


@pytest.mark.clause("D16", "D40")
def test_a_national_id_and_a_sheba_are_kept_and_shown_by_their_last_digits(client: Client, zahra: Person) -> None:
    client.force_login(zahra)
    html = html_of(client.post("/account/national-id", {"national_id": "0499370898"}), 422)
    assert 'id="f-national_id-e"' in html and 'value="0499370898"' in html
    assert client.post("/account/national-id", {"national_id": "۰۴۹۹۳۷۰۸۹۹"}).status_code == 302
    assert 'id="f-sheba-e"' in html_of(client.post("/account/sheba", {"sheba": "IR12"}), 422)
    assert client.post("/account/sheba", {"sheba": SHEBA}).status_code == 302
    html = html_of(client.get("/account/"))
    assert "••••••۰۸۹۹" in html and "••••••۹۰۰۲" in html
    for whole in (ID, "۰۴۹۹۳۷۰۸۹۹", SHEBA, "۸۲۰۵۴۰۱۰۲۶۸۰۰۲۰۸۱۷۹۰۹۰۰۲"):
        assert whole not in html


@pytest.mark.clause("D15", "D16")
def test_staff_see_them_whole_with_a_reason_and_confirm_the_card(client: Client, zahra: Person, desk: Client) -> None:
    other = make.person(mobile=NEW)
    for person in (zahra, other):
        actions.tell_national_id(person=person, typed=ID, now=NOW)
    html = html_of(desk.get("/desk/people/"))
    assert "یک کد ملی در چند حساب" in html and zahra.code in html and other.code in html
    html = html_of(desk.post("/desk/people/", {"who": zahra.code, "why": "مشتری تماس گرفت"}))
    assert "••••••۰۸۹۹" in html and "۰۴۹۹۳۷۰۸۹۹" not in html
    page = f"/desk/people/{zahra.code}/"
    assert "۰۴۹۹۳۷۰۸۹۹" not in html_of(desk.post(f"{page}identity", {"why": " "}), 422)
    assert "۰۴۹۹۳۷۰۸۹۹" in html_of(desk.post(f"{page}identity", {"why": "سنجیدن کارت"}))
    assert [log.what for log in AccessLog.objects.order_by("pk")] == ["contacts", "identity"]
    assert desk.post(f"{page}national-id", {"act": "confirm", "why": "کارت را حضوری دیدم"}).status_code == 302
    assert queries.claimed_ids() == []
    client.force_login(zahra)
    assert "کد ملی سنجیده شد" in html_of(client.get("/account/"))
    assert "با کارت سنجیده‌اند" in html_of(client.post("/account/national-id", {"national_id": "0790419904"}), 409)
    assert "کارت را حضوری دیدم" in html_of(client.get("/account/data/"))


# ---- Coming back ----


@pytest.mark.clause("D15")
def test_who_comes_back_after_half_a_year_gives_a_second_code(client: Client, zahra: Person, clock: Path) -> None:
    actions.note_api_login(person=zahra, user_agent="", address="", now=NOW - 200 * DAY)
    client.post("/login/", {"mobile": OLD, "next": "/orders/"})
    answer = client.post("/login/code/", {"code": code_to(OLD)})
    assert answer.headers["Location"] == "/login/returning/"
    assert client.get("/account/").status_code == 302
    page = html_of(client.get("/login/returning/"))
    assert "z***@example.ir" in page and MAIL not in page
    assert "کد درست نیست" in html_of(client.post("/login/returning/", {"code": "1"}), 422)
    assert client.post("/login/returning/", {"code": code_to(MAIL)}).headers["Location"] == "/orders/"
    html_of(client.get("/account/"))
    client.post("/logout/")
    client.post("/login/", {"mobile": OLD})
    assert client.post("/login/code/", {"code": code_to(OLD)}).headers["Location"] == "/"
