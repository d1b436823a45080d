"""Staff hear of broken promises: one message to each, each promise once."""

from datetime import timedelta

import pytest

from peyman.entrypoints import alarms
from peyman.messages.models import Message
from peyman.promises import actions
from tests import make
from tests.pages.test_desks import promise

NOW = make.NOW
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


def test_all_of_the_role_hear_of_what_broke_together_once(settings):
    settings.PUBLIC_URL = "https://peyman.example"
    make.calendar()
    by_sms = make.person(role="manager")
    by_mail = make.person(role="manager", email="m@example.ir", email_confirmed_at=NOW)
    make.person(role="manager", is_active=False)
    make.person(role="orders")
    rows = [promise(str(n), hours=1 + n) for n in range(3)]
    assert alarms.sound(now=NOW + HOUR / 2) == 0
    actions.sweep_overdue(now=NOW + 3 * HOUR)
    assert alarms.sound(now=NOW + 3 * HOUR) == 3
    assert alarms.sound(now=NOW + 3 * HOUR) == 0
    told = {message.to: message for message in Message.objects.all()}
    assert set(told) == {by_sms.mobile, "m@example.ir"}
    assert all(message.dead_at is None and message.template == "promise_broken" for message in told.values())
    assert "۳ قول شکست" in told[by_sms.mobile].text
    assert "https://peyman.example/desk/promises/" in told[by_sms.mobile].text
    mail = told["m@example.ir"].text
    assert all(row.code in mail for row in rows) and "۲ ساعت دیر" in mail
    assert by_mail.pk == told["m@example.ir"].person_id


def test_an_alarm_that_nobody_can_hear_is_still_spent_and_stays_on_the_board():
    make.calendar()
    promise("a", hours=1)
    actions.sweep_overdue(now=NOW + 2 * HOUR)
    assert alarms.sound(now=NOW + 2 * HOUR) == 1
    assert not Message.objects.exists()


def test_a_clock_that_was_set_back_silences_no_alarm():
    make.calendar()
    make.person(role="manager", email="m@example.ir", email_confirmed_at=NOW)
    promise("a", hours=1)
    actions.sweep_overdue(now=NOW + 2 * HOUR)
    assert alarms.sound(now=NOW) == 1
    assert Message.objects.get().to == "m@example.ir"
