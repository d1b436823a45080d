"""The ledger: promises made, kept, broken and waived, by one hand and by many."""

from datetime import UTC, date, datetime, timedelta

import pytest
import structlog
from django.db import IntegrityError, transaction

from peyman.kernel import codes
from peyman.promises import actions, queries
from peyman.promises.models import Promise, PromiseEvent
from tests import make

NOW = make.NOW  # Saturday 2025-01-04, 10:00 in Tehran
DUE = datetime(2025, 1, 6, 6, 30, tzinfo=UTC)  # 48 working hours later
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def new():
    """`new("refund:1")` is a refund promise of 48 working hours, ready to be made."""
    terms = make.terms()
    make.calendar(date(2025, 1, 13), date(2025, 1, 14))

    def new_promise(subject: str = "refund:1", **changes) -> actions.NewPromise:
        plain = {
            "clause": "D30",
            "kind": "refund",
            "subject": subject,
            "order": "ORD-1",
            "person_id": None,
            "what": "بازگرداندن ۱۰۰٬۰۰۰ تومان به حساب شما",
            "terms": terms,
            "start": NOW,
            "hours": 48,
        }
        return actions.NewPromise(**{**plain, **changes})

    return new_promise


def history(promise: Promise) -> list[tuple]:
    return list(promise.events.order_by("pk").values_list("event", "at", "evidence"))


def read(promise: Promise) -> tuple:
    promise.refresh_from_db()
    return promise.state, promise.kept_at, promise.broken_at


# ---- Making ----


@pytest.mark.clause("D30")
def test_a_promise_is_a_row_with_its_due_time_and_its_reasons(new):
    person = make.person()
    promise = actions.make(new(person_id=person.pk), now=NOW + SECOND)
    promise.refresh_from_db()
    assert codes.is_valid(promise.code, "PRM")
    assert (promise.clause, promise.kind, promise.subject, promise.order) == ("D30", "refund", "refund:1", "ORD-1")
    assert (promise.person, promise.terms.number, promise.calendar.number) == (person, 1, 1)
    assert (promise.start, promise.hours, promise.hours_kind, promise.due_at) == (NOW, 48, "working", DUE)
    assert read(promise) == ("open", None, None)
    assert history(promise) == [("made", NOW + SECOND, {})]


def test_calendar_hours_run_on_fridays(new):
    friday = datetime(2025, 1, 10, 6, 30, tzinfo=UTC)
    working = actions.make(new("a", start=friday, hours=1), now=friday)
    by_the_clock = actions.make(new("b", start=friday, hours=1, hours_kind="calendar"), now=friday)
    assert working.due_at == datetime(2025, 1, 10, 21, 30, tzinfo=UTC)
    assert by_the_clock.due_at == datetime(2025, 1, 10, 7, 30, tzinfo=UTC)


def test_promising_the_same_again_is_a_no_op(new):
    first = actions.make(new(), now=NOW)
    again = actions.make(new(hours=1, what="دیگر", start=NOW + HOUR), now=NOW + HOUR)
    assert again == first
    assert (again.due_at, again.what) == (DUE, "بازگرداندن ۱۰۰٬۰۰۰ تومان به حساب شما")
    other_kind = actions.make(new(kind="notice"), now=NOW)
    assert other_kind != first
    assert Promise.objects.count() == 2
    assert PromiseEvent.objects.count() == 2


def test_many_promises_come_back_in_the_order_they_were_given(new):
    stood = actions.make(new("b"), now=NOW)
    made = actions.make_many([new("c"), new("b"), new("a"), new("c"), new("c", kind="notice")], now=NOW)
    assert [(p.subject, p.kind) for p in made] == [
        ("c", "refund"), ("b", "refund"), ("a", "refund"), ("c", "refund"), ("c", "notice"),
    ]  # fmt: skip
    assert made[1] == stood
    assert made[0] == made[3]
    assert Promise.objects.count() == 4
    assert PromiseEvent.objects.filter(event="made").count() == 4


def test_no_promises_cost_nothing(new, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert actions.make_many([], now=NOW) == []


@pytest.mark.parametrize("count", [1, 40])
def test_making_and_keeping_cost_the_same_queries_however_many(new, count, django_assert_num_queries):
    queries.working_calendar()
    batch = [new(f"refund:{n}") for n in range(count)]
    with django_assert_num_queries(3):  # calendar, insert, events
        actions.make_many(batch, now=NOW)
    with django_assert_num_queries(3):  # read and lock, update, events
        assert actions.keep_many([p.subject for p in batch], evidence={}, now=NOW) == count
    with django_assert_num_queries(1):  # nothing left to do
        assert actions.keep_many([p.subject for p in batch], evidence={}, now=NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_hours_of_an_unknown_kind_are_never_promised(new):
    with pytest.raises(ValueError, match="lunar"):
        actions.make_many([new("a"), new("b", hours_kind="lunar")], now=NOW)
    assert Promise.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_promise_to_nobody_who_exists_is_loud(new):
    with pytest.raises(IntegrityError):
        actions.make(new(person_id=999_999), now=NOW)
    assert Promise.objects.count() == 0


# ---- Keeping, breaking, waiving ----


def test_what_is_done_in_time_is_kept_with_its_evidence(new):
    promise = actions.make(new(), now=NOW)
    assert actions.keep(subject="refund:1", evidence={"bank_ref": "R7"}, now=DUE - SECOND) == 1
    assert read(promise) == ("kept", DUE - SECOND, None)
    assert promise.evidence == {"bank_ref": "R7"}
    assert history(promise)[1:] == [("kept", DUE - SECOND, {"bank_ref": "R7"})]
    assert actions.keep(subject="refund:1", evidence={"bank_ref": "R8"}, now=DUE + HOUR) == 0
    assert read(promise) == ("kept", DUE - SECOND, None)
    assert promise.evidence == {"bank_ref": "R7"}
    assert len(history(promise)) == 2


@pytest.mark.parametrize("swept", [True, False])
def test_what_is_done_late_stays_broken_and_is_kept_after_all(new, swept):
    promise = actions.make(new(), now=NOW)
    if swept:
        assert actions.sweep_overdue(now=DUE + SECOND) == 1
    late = DUE + 40 * SECOND
    assert actions.keep(subject="refund:1", evidence={"bank_ref": "R7"}, now=late) == 1
    assert read(promise) == ("broken", late, DUE)
    assert promise.evidence == {"bank_ref": "R7"}
    found_at = "2025-01-06T06:30:01Z" if swept else "2025-01-06T06:30:40Z"
    assert history(promise)[1:] == [
        ("broken", DUE, {"found_at": found_at}),
        ("kept_late", late, {"bank_ref": "R7"}),
    ]
    assert actions.keep(subject="refund:1", evidence={}, now=late + HOUR) == 0
    assert actions.sweep_overdue(now=late + HOUR) == 0
    assert read(promise) == ("broken", late, DUE)
    assert len(history(promise)) == 3


def test_done_at_the_very_due_instant_is_late(new):
    promise = actions.make(new(), now=NOW)
    actions.keep(subject="refund:1", evidence={}, now=DUE)
    assert read(promise) == ("broken", DUE, DUE)


def test_what_a_sweep_with_a_later_clock_broke_is_kept_as_it_fell_due(new):
    promise = actions.make(new(), now=NOW)
    actions.sweep_overdue(now=DUE)
    assert actions.keep(subject="refund:1", evidence={}, now=DUE - SECOND) == 1
    assert read(promise) == ("broken", DUE, DUE)


def test_only_the_kind_that_was_asked_for_is_kept(new):
    refund, notice = actions.make_many([new(), new(kind="notice")], now=NOW)
    assert actions.keep_many(["refund:1"], kind="notice", evidence={}, now=NOW) == 1
    assert read(refund)[0] == "open"
    assert read(notice)[0] == "kept"
    assert actions.keep_many(["refund:1", "refund:2"], evidence={}, now=NOW) == 1
    assert read(refund)[0] == "kept"
    assert actions.keep_many([], evidence={}, now=NOW) == 0


def test_many_are_kept_each_as_its_own_time_says(new):
    in_time, overdue, swept, waived = actions.make_many(
        [new("a", hours=72), new("b", hours=24), new("c", hours=23), new("d")], now=NOW
    )
    actions.waive(subjects=["d"], evidence={"why": "سفارش لغو شد"}, now=NOW)
    assert actions.sweep_overdue(now=swept.due_at) == 1
    assert actions.keep_many(["a", "b", "c", "d", "e"], evidence={"x": 1}, now=DUE) == 3
    assert read(in_time) == ("kept", DUE, None)
    assert read(overdue) == ("broken", DUE, overdue.due_at)
    assert read(swept) == ("broken", DUE, swept.due_at)
    assert read(waived) == ("waived", None, None)


def test_what_is_waived_is_owed_no_more(new):
    promise = actions.make(new(), now=NOW)
    assert actions.waive(subjects=["refund:1"], kind="notice", evidence={}, now=NOW) == 0
    assert actions.waive(subjects=["refund:1"], evidence={"why": "لغو"}, now=NOW + HOUR) == 1
    assert read(promise) == ("waived", None, None)
    assert history(promise)[1:] == [("waived", NOW + HOUR, {"why": "لغو"})]
    assert actions.waive(subjects=["refund:1"], evidence={}, now=NOW + HOUR) == 0
    assert actions.sweep_overdue(now=DUE + HOUR) == 0
    assert actions.keep(subject="refund:1", evidence={}, now=NOW + HOUR) == 0
    assert read(promise) == ("waived", None, None)


def test_a_broken_promise_cannot_be_waived_away(new):
    swept, overdue = actions.make_many([new("a", hours=24), new("b")], now=NOW)
    actions.sweep_overdue(now=swept.due_at)
    assert actions.waive(subjects=["a", "b"], evidence={}, now=DUE) == 0
    assert read(swept)[0] == "broken"
    assert read(overdue)[0] == "open"


def test_the_sweep_breaks_what_is_overdue_as_of_its_due_time(new):
    early, due_now, later = actions.make_many([new("a", hours=24), new("b"), new("c", hours=49)], now=NOW)
    with structlog.testing.capture_logs() as logs:
        assert actions.sweep_overdue(now=DUE) == 2
        assert actions.sweep_overdue(now=DUE) == 0
    assert read(early) == ("broken", None, early.due_at)
    assert read(due_now) == ("broken", None, DUE)
    assert read(later) == ("open", None, None)
    assert history(early)[1:] == [("broken", early.due_at, {"found_at": "2025-01-06T06:30:00Z"})]
    broken = [line for line in logs if line["event"] == "promise.broken"]
    assert [line["promise"] for line in broken] == [early.code, due_now.code]
    assert {line["log_level"] for line in broken} == {"warning"}


def test_a_long_backlog_is_swept_in_batches(new, monkeypatch):
    monkeypatch.setattr(actions.ledger, "SWEEP", 3)
    actions.make_many([new(f"refund:{n}") for n in range(7)], now=NOW)
    assert actions.sweep_overdue(now=DUE) == 7
    assert Promise.objects.filter(state="broken").count() == 7
    assert PromiseEvent.objects.filter(event="broken").count() == 7


def test_the_table_holds_promises_to_their_due_time(new):
    promise = actions.make(new(), now=NOW)
    row = Promise.objects.filter(pk=promise.pk)
    for lie in (
        {"state": "kept", "kept_at": DUE},  # late is not kept
        {"state": "kept"},
        {"state": "broken"},
        {"state": "broken", "broken_at": DUE + SECOND},
        {"state": "broken", "broken_at": DUE, "kept_at": DUE - SECOND},
        {"state": "waived", "kept_at": NOW},
        {"state": "open", "kept_at": NOW},
        {"state": "open", "broken_at": DUE},
        {"state": "lost"},
        {"hours_kind": "lunar"},
        {"due_at": NOW - SECOND},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.update(**lie)
    assert read(promise) == ("open", None, None)


def test_the_database_refuses_to_rewrite_the_history_of_a_promise(new):
    promise = actions.make(new(), now=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        PromiseEvent.objects.update(at=NOW + HOUR)
    with pytest.raises(IntegrityError), transaction.atomic():
        PromiseEvent.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        PromiseEvent.objects.create(promise=promise, event="made", at=NOW)
    assert history(promise) == [("made", NOW, {})]


# ---- By many hands ----


def test_workers_that_sweep_at_once_break_each_promise_once(new, threads):
    actions.make_many([new(f"refund:{n}") for n in range(60)], now=NOW)
    swept = threads(4, lambda _: actions.sweep_overdue(now=DUE))
    actions.sweep_overdue(now=DUE)  # what one worker held while another passed
    assert sum(swept) <= 60
    assert Promise.objects.filter(state="broken", broken_at=DUE).count() == 60
    assert PromiseEvent.objects.filter(event="broken").count() == 60


def test_keeping_and_sweeping_at_once_leaves_each_promise_with_one_ending(new, threads):
    actions.make_many([new(f"refund:{n}") for n in range(40)], now=NOW)
    subjects = [f"refund:{n}" for n in range(40)]

    def act(number: int) -> int:
        if number % 2:
            return actions.sweep_overdue(now=DUE)
        return sum(actions.keep(subject=s, evidence={"by": number}, now=DUE - SECOND) for s in subjects[number::3])

    threads(4, act)
    actions.sweep_overdue(now=DUE)
    kept, broken = Promise.objects.filter(state="kept"), Promise.objects.filter(state="broken")
    assert kept.count() + broken.count() == 40
    assert PromiseEvent.objects.filter(event="kept", promise__in=kept).count() == kept.count()
    assert PromiseEvent.objects.filter(event="broken", promise__in=broken).count() == broken.count()
    assert PromiseEvent.objects.filter(event="made").count() == 40
    assert PromiseEvent.objects.filter(event="kept").count() == kept.count()
    assert PromiseEvent.objects.filter(event="kept_late").count() == broken.exclude(kept_at=None).count()


def test_many_who_keep_one_promise_keep_it_once(new, threads):
    promise = actions.make(new(), now=NOW)
    kept = threads(8, lambda n: actions.keep(subject="refund:1", evidence={"by": n}, now=NOW + HOUR))
    assert sorted(kept) == [0, 0, 0, 0, 0, 0, 0, 1]
    assert read(promise) == ("kept", NOW + HOUR, None)
    assert promise.evidence == {"by": kept.index(1)}
    assert len(history(promise)) == 2


def test_many_who_promise_the_same_promise_it_once(new, threads):
    new()  # terms and calendar are there before the race
    wanted = [f"refund:{n}" for n in range(10)]

    def promise(number: int) -> list[str]:
        order = wanted if number % 2 else list(reversed(wanted))
        return sorted(p.code for p in actions.make_many([new(s) for s in order], now=NOW))

    made = threads(6, promise)
    assert all(codes_ == made[0] for codes_ in made)
    assert Promise.objects.count() == 10
    assert PromiseEvent.objects.filter(event="made").count() == 10


@pytest.mark.django_db(transaction=True)
def test_a_promise_made_in_a_transaction_that_failed_was_never_made(new):
    with pytest.raises(RuntimeError), transaction.atomic():
        actions.make(new(), now=NOW)
        raise RuntimeError
    assert Promise.objects.count() == 0


# ---- Reading ----


@pytest.mark.clause("D30")
def test_the_promises_of_an_order_as_its_customer_sees_them(new):
    actions.make_many(
        [
            new("late", hours=24, order="ORD-1"),
            new("open", hours=72, order="ORD-1"),
            new("kept", clause="D57", kind="cart_code", hours=1, hours_kind="calendar", order="ORD-1"),
            new("other", order="ORD-2"),
        ],
        now=NOW,
    )
    actions.keep(subject="kept", evidence={"message": "MSG-1"}, now=NOW + SECOND)
    kept, late, open_ = queries.of_order("ORD-1", NOW + 25 * HOUR)
    assert (kept.state, kept.kept_at, kept.broken_at, kept.late_by, kept.left) == (
        "kept",
        NOW + SECOND,
        None,
        None,
        None,
    )
    assert (kept.clause, kept.clause_number, kept.terms_number) == ("D57", "11-4", 1)
    assert kept.evidence == {"message": "MSG-1"}
    # Overdue by an hour: broken, though no sweep has been there yet.
    assert (late.state, late.kept_at, late.broken_at, late.late_by) == ("broken", None, NOW + 24 * HOUR, HOUR)
    assert (open_.state, open_.due_at, open_.left, open_.late_by) == ("open", NOW + 72 * HOUR, 47 * HOUR, None)
    assert open_.what == "بازگرداندن ۱۰۰٬۰۰۰ تومان به حساب شما"
    assert queries.of_order("ORD-3", NOW) == []


@pytest.mark.parametrize("count", [1, 20])
def test_the_promises_of_an_order_cost_one_query_once_the_terms_are_known(new, count, django_assert_num_queries):
    made = actions.make_many([new(f"refund:{n}") for n in range(count)], now=NOW)
    queries.clause_number(made[0].terms, "D30")
    with django_assert_num_queries(1):
        assert len(queries.of_order("ORD-1", NOW)) == count
    with django_assert_num_queries(1):
        assert {code: len(found) for code, found in queries.of_orders(["ORD-1", "ORD-9"], NOW).items()} == {
            "ORD-1": count,
            "ORD-9": 0,
        }


def test_what_is_late_and_still_owed_comes_first_things_first(new):
    actions.make_many(
        [new("a"), new("b", hours=24), new("c", hours=25), new("d", hours=23), new("e", hours=99)], now=NOW
    )
    actions.sweep_overdue(now=NOW + 24 * HOUR)
    actions.keep(subject="d", evidence={}, now=NOW + 30 * HOUR)
    assert [(p.hours, p.state) for p in queries.overdue(NOW + 26 * HOUR)] == [(24, "broken"), (25, "broken")]
    assert [p.hours for p in queries.overdue(NOW + 26 * HOUR, limit=1)] == [24]


def test_the_record_of_a_week_hides_nothing(new, django_assert_num_queries):
    now = datetime(2025, 1, 25, 6, 30, tzinfo=UTC)
    week = timedelta(days=7)

    def at(subject: str, due_at: datetime) -> actions.NewPromise:
        return new(subject, start=due_at - HOUR, hours=1, hours_kind="calendar")

    actions.make_many(
        [
            at("kept in the week", now - HOUR),
            at("kept before the week, due in it", now - week),
            at("kept in the week, due after it", now + HOUR),
            at("kept and due before the week", now - week - SECOND),
            at("broken in the week", now - 2 * HOUR),
            at("overdue, not swept", now),
            at("broken before, kept late in the week", now - week - HOUR),
            at("broken before, still owed", now - week - HOUR),
            at("open", now + SECOND),
            at("waived", now + SECOND),
            at("broken at the week's first instant", now - week),
        ],
        now=now - week - HOUR,
    )
    actions.keep(subject="kept in the week", evidence={}, now=now - HOUR - SECOND)
    actions.keep(subject="kept before the week, due in it", evidence={}, now=now - week - SECOND)
    actions.keep(subject="kept in the week, due after it", evidence={}, now=now - SECOND)
    actions.keep(subject="kept and due before the week", evidence={}, now=now - week - 2 * SECOND)
    actions.sweep_overdue(now=now - SECOND)
    actions.keep(subject="broken before, kept late in the week", evidence={}, now=now - HOUR)
    actions.waive(subjects=["waived"], evidence={}, now=now)
    with django_assert_num_queries(1):
        tally = queries.last_week(now)
    assert tally == queries.Tally(made=7, kept=3, broken=4)


def test_a_week_without_promises_has_an_empty_record(new):
    assert queries.last_week(NOW) == queries.Tally(made=0, kept=0, broken=0)
