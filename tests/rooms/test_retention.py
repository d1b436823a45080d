"""What is kept for a term only: it goes when the term is over, and not a day before."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from peyman.entrypoints import retention
from peyman.entrypoints.jobs import invariants
from peyman.kernel import jalali
from peyman.messages.models import Message
from peyman.people import actions as people
from peyman.people.models import Contact, DailySweep, GuardianConfirmation, LostLine, PrivacyAnswer, PrivacyCase
from peyman.promises import actions as promises
from peyman.shop.orders import actions as orders
from peyman.shop.orders.models import Order
from tests import make
from tests.make import NOW
from tests.rooms.test_orders import ordered

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OVER = datetime(2035, 1, 5, 20, 30, tzinfo=UTC)  # 16 Dey 1413, 0:00 in Tehran; NOW is 15 Dey 1403


def cancelled() -> Order:
    order = ordered()
    orders.cancel(order=order, by="customer", now=NOW)
    return Order.objects.get(pk=order.pk)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


@pytest.mark.parametrize(
    ("case", "now", "years", "before"),
    [
        ("a plain day", datetime(2035, 1, 5, 12, tzinfo=UTC), 10, datetime(2025, 1, 3, 20, 30, tzinfo=UTC)),
        (
            "30 Esfand of a leap year",
            datetime(2025, 3, 20, 6, tzinfo=UTC),
            1,
            datetime(2024, 3, 18, 20, 30, tzinfo=UTC),
        ),
        ("no years", datetime(2025, 1, 4, 6, tzinfo=UTC), 0, datetime(2025, 1, 3, 20, 30, tzinfo=UTC)),
    ],
)
def test_years_are_those_of_the_calendar_that_people_use(case, now, years, before):
    assert jalali.years_before(now, years) == before


@pytest.mark.clause("D16")
def test_an_ended_order_loses_its_recipient_and_address_when_its_years_are_over():
    order = cancelled()
    assert retention.sweep(OVER - timedelta(seconds=1)) == 0
    assert fresh(order).recipient == order.recipient != ""
    DailySweep.objects.all().delete()
    assert retention.sweep(OVER) >= 1
    kept = fresh(order)
    personal = (kept.recipient, kept.mobile, kept.landline, kept.street, kept.plate, kept.unit, kept.postal_code)
    assert personal == ("",) * 7 and kept.buyer == {}
    assert (kept.total, kept.placed_at, kept.state, kept.lines.count()) == (order.total, NOW, "cancelled", 1)


@pytest.mark.clause("D16")
def test_what_we_wrote_about_an_order_goes_with_its_address():
    order, by = ordered(), make.person(role="orders")
    orders.ask(order=order, fields=["plate"], note="پلاک ۱۲ نیست؟", by=by, now=NOW)
    orders.cancel_by_shop(order=order, reason="wrong_data", note="پلاک ۱۲ نبود.", detected_at=NOW, by=by, now=NOW)
    retention.sweep(OVER)
    assert (order.requests.get().note, order.cancellation.note) == ("", "")
    assert order.cancellation.reason == "wrong_data"


@pytest.mark.clause("D16")
def test_an_order_that_has_not_ended_keeps_its_address_however_old():
    order = ordered()
    retention.sweep(OVER + 400 * DAY)
    assert fresh(order).mobile == order.mobile != ""


@pytest.mark.clause("D03", "D16")
def test_each_order_follows_the_years_of_its_own_terms():
    document = make.terms_document()
    shorter = replace(document, parameters={**document.parameters, "retention_years": 5}, title="شرایط کوتاه‌تر")
    old, new = cancelled(), cancelled()
    version = promises.publish_terms(document=shorter, now=NOW)
    Order.objects.filter(pk=new.pk).update(terms=version)
    retention.sweep(OVER - 5 * 365 * DAY)
    assert (fresh(old).mobile, fresh(new).mobile) == (old.mobile, "")


@pytest.mark.clause("D16")
def test_what_was_written_to_someone_goes_with_the_longest_term():
    cancelled()
    waiting = Message.objects.count()
    retention.sweep(OVER)
    assert Message.objects.exclude(text="").count() == waiting  # not sent yet: left to its worker
    Message.objects.update(sent_at=NOW)
    retention.sweep(OVER + DAY)
    assert not Message.objects.exclude(text="").exists() and not Message.objects.exclude(to_hash=None).exists()


@pytest.mark.clause("D16")
def test_old_contacts_guardians_reports_and_lost_lines_lose_their_words():
    make.terms()
    person, staff = make.person(mobile="+989121111111"), make.person(role="privacy")
    people.vouch_landline(person=person, typed="02188887777", vouched=True, now=NOW)
    people.vouch_landline(person=person, typed="02188886666", vouched=True, now=NOW)
    people.ask_guardian(person=person, subject="order:1", name="مریم کاظمی", mobile="09123333333", now=NOW)
    case = people.report_violation(
        topic="leak", text="شماره من دیده شد.", contact_kind="sms", contact="+989121111111", now=NOW
    )
    people.take_case(case=case, by=staff, now=NOW)
    people.answer_case(case=case, text="آن را برداشتیم.", by=staff, now=NOW)
    people.close_case(case=case, why="mended", by=staff, now=NOW)
    proof = people.ask_lost_new(person=person, typed="09122222222", now=NOW)
    row = people.begin_lost_line(person=person, code=proof.code, tell=lambda _: None, now=NOW).row
    people.refuse_lost_line(row=row, why="هویت روشن نشد", by=staff, now=NOW)
    assert retention.sweep(OVER) == 4
    # the one that counts stays
    assert sorted(contact.value for contact in Contact.objects.all()) == [
        "",
        "02188886666",
    ]
    assert (GuardianConfirmation.objects.get().name, GuardianConfirmation.objects.get().mobile) == ("", "")
    assert (PrivacyCase.objects.get().text, PrivacyAnswer.objects.get().text) == ("", "")
    assert LostLine.objects.get().mobile == ""


@pytest.mark.clause("D16")
def test_the_sweep_goes_on_where_it_stopped_and_rests_for_the_day(monkeypatch: Any, django_assert_num_queries: Any):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "BATCHES", 1)
    made = [cancelled() for _ in range(5)]
    Message.objects.all().delete()
    assert [retention.sweep(OVER) for _ in range(4)] == [2, 2, 1, 0]
    assert all(fresh(order).mobile == "" for order in made)
    with django_assert_num_queries(1):
        assert retention.sweep(OVER + timedelta(hours=5)) == 0
    late = cancelled()
    assert retention.sweep(OVER + DAY) == 1
    assert fresh(late).mobile == ""


@pytest.mark.clause("D16")
def test_the_invariant_finds_papers_that_were_kept_too_long():
    order = cancelled()
    look = invariants.CHECKS["papers_end_with_their_term"]
    assert look(OVER + DAY).bad == []
    assert look(OVER + 2 * DAY).bad == [order.code]
    retention.sweep(OVER + 2 * DAY)
    assert (look(OVER + 2 * DAY).bad, look(OVER + 2 * DAY).checked) == ([], 1)


def test_a_shop_without_terms_forgets_nothing():
    assert retention.sweep(OVER) == 0
    assert DailySweep.objects.count() == 0
