"""Who is written to (D09, D11, A15), and how anyone can check that a message is ours (D14)."""

from datetime import timedelta
from typing import Any

import pytest

from peyman.messages import actions, queries, rules
from peyman.messages.actions import NewMessage
from peyman.messages.models import Message
from peyman.messages.rules import Why
from peyman.people.models import Consent
from tests import make
from tests.make import NOW
from tests.rooms.test_outbox import SARA, expired, login_code, pro_forma, sara, tries

__all__ = ["sara"]  # a fixture of every test here
pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def news(key: str = "news", **fields: Any) -> NewMessage:
    return NewMessage(
        **{"channel": "sms", "to": "+989121234567", **fields},
        template="newsletter",
        context={
            "title": "خبر", "intro": "سه خبر", "link": "https://peyman.example/", "opt_out": "https://peyman.example/o/1/"
        },
        key=key,
        person_id=SARA,
        why=Why.NEWSLETTER,
    )  # fmt: skip


@pytest.mark.clause("D09")
@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("another number", expired("k", to="+989127654321")),
        ("nobody's", expired("k", person_id=None)),
        ("somebody else's", expired("k", person_id=77)),
    ],
)
def test_what_is_no_confirmed_contact_of_the_person_is_not_written_to(case: str, message: NewMessage) -> None:
    make.person(pk=77)
    with pytest.raises(rules.NotOfficial) as refused:
        actions.assert_recipients([message])
    assert (refused.value.code, refused.value.clause) == ("not_official_contact", "D09")
    row = actions.queue(message, now=NOW)
    assert (row.dead_at, row.text) == (NOW, "")
    assert tries(row) == [("", "refused", "not_official_contact")]
    assert actions.claim(limit=9, now=NOW) == []


@pytest.mark.clause("D08")
def test_a_contact_counts_only_once_it_is_confirmed() -> None:
    reza = make.person(mobile="+989127654321", confirmed=False, email="reza@example.ir")
    mail = pro_forma("m", to="reza@example.ir")
    rows = actions.queue_many(
        [expired("s", to="+989127654321", person_id=reza.pk), NewMessage(**{**vars(mail), "person_id": reza.pk})],
        now=NOW,
    )
    assert {tries(row)[0][2] for row in rows} == {"not_official_contact"}


@pytest.mark.clause("D24")
def test_a_pro_forma_to_an_address_that_is_not_confirmed_goes_by_sms_instead() -> None:
    mail = pro_forma("m", to="other@example.ir", instead=expired("m:sms"))
    assert actions.queue(mail, now=NOW).dead_at == NOW
    (sms,) = actions.claim(limit=9, now=NOW)
    assert (sms.key, sms.to, queries.promised_by(sms)) == ("m:sms", "+989121234567", ["message:m:sms", "message:m"])
    assert sms.mark == rules.mark(sms.code, secret="sandbox-only-never-a-secret-" * 2)


def test_what_goes_instead_is_held_to_the_same_rule() -> None:
    mail = pro_forma("m", to="other@example.ir", instead=expired("m:sms", to="+989127654321"))
    actions.queue(mail, now=NOW)
    assert list(Message.objects.values_list("key", flat=True)) == ["m"]


@pytest.mark.clause("D09")
def test_a_log_in_code_may_go_to_a_number_that_nobody_has() -> None:
    code = NewMessage(**{**vars(login_code("c")), "to": "+989350000000"})
    actions.assert_recipients([code])
    assert actions.queue(code, now=NOW).dead_at is None


@pytest.mark.clause("D11")
def test_the_newsletter_goes_only_to_who_wants_it_on_that_channel() -> None:
    with pytest.raises(rules.NoConsent) as refused:
        actions.assert_recipients([news()])
    assert refused.value.clause == "D11"
    assert tries(actions.queue(news("none"), now=NOW)) == [("", "refused", "no_marketing_consent")]
    Consent.objects.create(person_id=SARA, topic="marketing", channel="email", given=True, since=NOW)
    assert actions.queue(news("sms"), now=NOW).dead_at == NOW
    mail = news("mail", channel="email", to="sara@example.ir", opt_out_url="https://peyman.example/o/1/")
    row = actions.queue(mail, now=NOW)
    assert (row.dead_at, row.opt_out_url, row.why) == (None, "https://peyman.example/o/1/", "newsletter")


# ---- Marks ----


@pytest.mark.clause("D14")
def test_a_message_carries_its_mark_where_that_costs_no_further_sms() -> None:
    short, long = actions.queue(expired("k"), now=NOW), actions.queue(login_code("c"), now=NOW)
    assert short.text.endswith(f"\nشناسه: {short.mark}")
    assert f"\nشناسه: {long.mark}\n\n@peyman.example #123456" in long.text  # the last line is the browser's
    mail = actions.queue(pro_forma("m"), now=NOW)
    assert f"شناسه این پیام: {mail.mark}\n" in mail.text
    assert 'href="http://127.0.0.1:8000/official/"' in mail.html


def test_a_mark_that_would_cost_another_part_is_left_out_and_still_known() -> None:
    bare = len(queries.render("sms", "order_expired", {"order": "س"}).text) - 1
    line = len("\nشناسه: 7K2M-9QXR")
    for key, length, is_marked in (
        ("fits", 134 - line, True),
        ("does not", 134 - line + 1, False),
        ("full", 134, False),
    ):
        row = actions.queue(expired(key, context={"order": "س" * (length - bare)}), now=NOW)
        assert (row.mark in row.text, rules.sms_parts(row.text)) == (is_marked, 2)


@pytest.mark.clause("D14")
def test_whoever_holds_a_mark_learns_the_way_and_the_day_and_nothing_else() -> None:
    row = actions.queue(expired("k"), now=NOW)
    assert queries.ours(row.mark) is None  # has not left
    (mine,) = actions.claim(limit=1, now=NOW)
    actions.mark_sent(message=mine, provider="p", provider_id="1", now=NOW + SECOND)
    told = queries.ours(row.mark)
    assert told == queries.Ours("sms", NOW + SECOND)
    assert queries.ours("7K2M-9QXR") is None
    assert queries.ours("") is None


def test_a_mark_copied_into_a_message_to_somebody_else_is_none_of_ours() -> None:
    row = actions.queue(expired("k"), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    actions.mark_sent(message=mine, provider="p", provider_id="1", now=NOW)
    assert queries.ours(row.mark, "۰۹۱۲ ۱۲۳ ۴۵۶۷") is not None
    for other in ("09127654321", "sara@example.ir", "nobody"):
        assert queries.ours(row.mark, other) is None


# ---- Dead letters ----


def dead(key: str = "k", detail: str = "411") -> Message:
    actions.queue(expired(key), now=NOW)
    (mine,) = actions.claim(limit=1, now=NOW)
    actions.mark_failed(message=mine, provider="kavenegar", detail=detail, now=NOW, permanent=True)
    return Message.objects.get(pk=mine.pk)


def test_a_dead_message_that_is_tried_again_starts_anew_and_says_who_wanted_it() -> None:
    row = dead()
    actions.retry(code=row.code, by="PER-1", now=NOW + SECOND)
    (again,) = actions.claim(limit=9, now=NOW + SECOND)
    assert (again.pk, again.attempts, again.dead_at) == (row.pk, 1, None)
    assert tries(again) == [("kavenegar", "refused", "411"), ("", "retry", "PER-1")]
    with pytest.raises(rules.NotWorthRetrying):
        actions.retry(code=row.code, by="PER-1", now=NOW + SECOND)


def test_a_stale_code_is_not_sent_again() -> None:
    row = actions.queue(login_code("c", stale_at=NOW + SECOND), now=NOW)
    actions.drop_stale(now=NOW + SECOND)
    with pytest.raises(rules.NotWorthRetrying, match="not_worth_retrying"):
        actions.retry(code=row.code, by="PER-1", now=NOW)
    assert Message.objects.get().dead_at == NOW + SECOND


def test_what_already_went_out_instead_is_not_sent_again() -> None:
    actions.queue(pro_forma("m", instead=expired("m:sms")), now=NOW)
    mail = next(row for row in actions.claim(limit=9, now=NOW) if row.key == "m")
    actions.mark_failed(message=mail, provider="smtp", detail="rcpt_550", now=NOW, permanent=True)
    with pytest.raises(rules.NotWorthRetrying):
        actions.retry(code=mail.code, by="PER-1", now=NOW)
