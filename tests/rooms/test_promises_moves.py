"""Due times move with the calendar and with declared periods, in one transaction, and keep what they were."""

from datetime import UTC, date, datetime, timedelta

import pytest

from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Missing
from peyman.promises import actions, queries, rules
from peyman.promises.models import CalendarVersion, ForceMajeure, ForceMajeureEnd, Promise, PromiseEvent, Remedy
from tests import make

NOW = make.NOW  # Saturday 2025-01-04, 10:00 in Tehran
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
DUE = datetime(2025, 1, 6, 6, 30, tzinfo=UTC)  # 48 working hours later

pytestmark = pytest.mark.django_db


def promise(subject: str = "refund:1", *, at: datetime = NOW, hours: int = 48, **changes) -> Promise:
    plain = {
        "clause": "D30", "kind": "refund", "subject": subject, "order": "ORD-1", "person_id": None,
        "what": "بازگرداندن ۱۰۰٬۰۰۰ تومان به حساب شما", "terms": make.terms(), "start": at, "hours": hours,
    }  # fmt: skip
    return actions.make(actions.NewPromise(**{**plain, **changes}), now=at)


def declaration(starts=NOW, ends=None, **scope) -> rules.Declaration:
    found = rules.Scope(**{name: frozenset(values) for name, values in scope.items()})
    return rules.Declaration(starts, ends, found, "زلزله", "راه‌ها بسته است.", "نرگس کاظمی، مدیر")


def read(row: Promise) -> tuple:
    row.refresh_from_db()
    return row.state, row.due_at, row.held_since, row.calendar.number


def moved(row: Promise) -> list[tuple]:
    events = row.events.filter(event="moved").order_by("pk")
    return [(e.cause, e.evidence["from"], e.evidence["to"]) for e in events]


def holds(name: str, now: datetime) -> bool:
    return not invariants.CHECKS[name](now).bad


@pytest.fixture(autouse=True)
def days():
    make.calendar(date(2025, 1, 13), date(2025, 1, 14))


# ---- Holidays ----


@pytest.mark.clause("D21")
def test_a_day_closed_late_moves_the_open_promises_that_run_over_it_and_says_so():
    over, before = promise(), promise("refund:2", hours=12)
    version, reckoning = queries.reckoning()
    seen = queries.what_moves(queries.with_days(reckoning, close=[date(2025, 1, 5)]), NOW + HOUR)
    assert [(m.promise.pk, m.old.at, m.new.at, m.overdue) for m in seen] == [(over.pk, DUE, DUE + DAY, False)]
    actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="فرمانداری", now=NOW + HOUR, seen=version.number)
    assert read(over) == ("open", DUE + DAY, None, 2)
    assert moved(over) == [("calendar:2", "2025-01-06T06:30:00Z", "2025-01-07T06:30:00Z")]
    event = over.events.get(event="moved")
    assert (event.at, event.evidence["calendar_from"], event.evidence["calendar_to"], event.evidence["source"]) == (
        NOW + HOUR, 1, 2, "فرمانداری",
    )  # fmt: skip
    assert read(before) == ("open", NOW + 12 * HOUR, None, 2)
    assert moved(before) == []
    assert holds("promises_are_due_when_their_calendar_says", NOW + HOUR)


def test_a_day_that_works_after_all_moves_them_back_and_the_history_has_both():
    row = promise()
    actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="یک", now=NOW + HOUR)
    actions.change_calendar(close={}, open_=[date(2025, 1, 5)], source="دو", now=NOW + 2 * HOUR)
    assert read(row) == ("open", DUE, None, 3)
    assert [cause for cause, _, _ in moved(row)] == ["calendar:2", "calendar:3"]


def test_what_an_edit_makes_late_at_once_is_seen_before_and_kept_as_such():
    actions.change_calendar(close={date(2025, 1, 4): "برف"}, source="یک", now=NOW)
    row = promise(hours=2)
    late = datetime(2025, 1, 4, 22, 30, tzinfo=UTC)
    assert row.due_at == late
    now = NOW + 5 * HOUR
    _, reckoning = queries.reckoning()
    (seen,) = queries.what_moves(queries.with_days(reckoning, open_=[date(2025, 1, 4)]), now)
    assert (seen.new.at, seen.overdue) == (NOW + 2 * HOUR, True)
    actions.change_calendar(close={}, open_=[date(2025, 1, 4)], source="دو", now=now)
    assert row.events.get(event="moved").evidence["overdue_by_edit"] is True
    actions.sweep_overdue(now=now)
    assert read(row)[:2] == ("broken", NOW + 2 * HOUR)


def test_broken_and_kept_promises_are_not_rewritten():
    broken, kept, unswept = promise("a", hours=1), promise("b", hours=48), promise("c", hours=3)
    actions.sweep_overdue(now=NOW + 2 * HOUR)
    actions.keep(subject="b", evidence={}, now=NOW + 2 * HOUR)
    actions.change_calendar(close={date(2025, 1, 4): "برف", date(2025, 1, 5): "برف"}, source="x", now=NOW + 4 * HOUR)
    assert read(broken) == ("broken", NOW + HOUR, None, 1)
    assert read(kept) == ("kept", DUE, None, 1)
    assert read(unswept) == ("broken", NOW + 3 * HOUR, None, 1), "it was late before the edit came"
    assert not PromiseEvent.objects.filter(event="moved").exists()


def test_a_preview_that_another_edit_overtook_is_refused_and_nothing_moves():
    row = promise()
    actions.change_calendar(close={date(2025, 1, 20): "x"}, source="یک", now=NOW)
    with pytest.raises(rules.CalendarChanged):
        actions.change_calendar(close={date(2025, 1, 5): "x"}, source="دو", now=NOW, seen=1)
    assert CalendarVersion.objects.count() == 2
    assert read(row)[1] == DUE


def test_of_two_edits_at_once_one_stands_and_the_other_is_refused_or_comes_after(threads):
    make.terms()
    make.calendar()
    days = [date(2025, 2, 1), date(2025, 2, 2)]
    found = threads(2, lambda n: actions.change_calendar(close={days[n]: "x"}, source=str(n), now=NOW))
    stood = [one for one in found if isinstance(one, CalendarVersion)]
    assert len(stood) >= 1
    assert all(isinstance(one, CalendarVersion | rules.CalendarChanged) for one in found)
    closed = queries.working_calendar()[1].closed
    assert len(closed & set(days)) == len(stood)


def test_what_was_promised_by_an_older_calendar_meanwhile_is_counted_anew():
    first = CalendarVersion.objects.get(number=1)
    actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="x", now=NOW)
    late = promise("late")
    Promise.objects.filter(pk=late.pk).update(calendar=first, due_at=DUE)  # as a process wrote it that saw the first
    assert actions.recount_stragglers(now=NOW + HOUR) == 1
    assert read(late) == ("open", DUE + DAY, None, 2)
    assert actions.recount_stragglers(now=NOW + HOUR) == 0


@pytest.mark.parametrize("n", [1, 40])
def test_an_edit_costs_the_same_queries_however_many_promises_it_moves(n, django_assert_max_num_queries):
    for i in range(n):
        promise(f"refund:{i}")
    with django_assert_max_num_queries(20):
        actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="x", now=NOW)
    assert Promise.objects.filter(due_at=DUE + DAY).count() == n


def test_office_hours_of_its_own_terms_decide_when_a_promise_is_due():
    document = make.terms_document()
    office = rules.TermsDocument(
        document.title, {**document.parameters, "office_from": 8, "office_to": 18}, document.clauses
    )
    make.terms()
    version = actions.publish_terms(document=office, now=NOW)
    row = promise(hours=10, terms=version)
    assert row.due_at == NOW + DAY
    actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="x", now=NOW)
    assert read(row)[1] == NOW + 2 * DAY


# ---- Force majeure ----


@pytest.mark.clause("D121")
def test_a_declared_period_moves_what_runs_in_it_by_the_working_time_it_takes():
    staff = make.person(role="manager")
    inside, other = promise(), promise("x", clause="D24", kind="pro_forma")
    period = actions.declare_force_majeure(
        declaration=declaration(NOW + 10 * HOUR, NOW + 16 * HOUR, clauses=["D30"]), by=staff, now=NOW + HOUR
    )
    assert read(inside) == ("open", DUE + 6 * HOUR, None, 2)
    assert read(other) == ("open", DUE, None, 2)
    inside.refresh_from_db()
    assert inside.pauses == [period.code]
    assert moved(inside)[0][0] == "calendar:2"
    later = promise("later", at=NOW + 12 * HOUR, hours=2)
    assert later.due_at == NOW + 18 * HOUR
    assert later.pauses == [period.code]
    assert (period.declared_by, period.signer, period.declared_at) == (staff, "نرگس کاظمی، مدیر", NOW + HOUR)


@pytest.mark.clause("D121")
def test_until_further_notice_a_clock_stands_and_ending_it_lets_the_rest_of_the_hours_run():
    staff = make.person(role="manager")
    row = promise()
    period = actions.declare_force_majeure(declaration=declaration(NOW + 10 * HOUR), by=staff, now=NOW + HOUR)
    assert read(row) == ("open", DUE, NOW + 10 * HOUR, 2)
    weeks = NOW + 10 * DAY
    assert actions.sweep_overdue(now=weeks) == 0, "a clock that stands is never overdue"
    assert queries.overdue(weeks) == []
    (shown,) = queries.of_order("ORD-1", weeks)
    assert (shown.state, shown.held_since, shown.pauses, shown.left) == ("open", NOW + 10 * HOUR, (period.code,), None)
    assert queries.last_week(weeks).made == 0
    assert holds("promises_are_open_kept_or_found_broken", weeks)
    actions.end_force_majeure(code=period.code, note="راه‌ها باز شد.", by=staff, now=weeks)
    # Tuesday the 14th is a holiday: the 38 hours that were left run from Wednesday 0:00 to Thursday 14:00.
    assert read(row) == ("open", datetime(2025, 1, 16, 10, 30, tzinfo=UTC), None, 3)
    assert [cause for cause, _, _ in moved(row)] == ["calendar:2", "calendar:3"]
    assert holds("promises_are_due_when_their_calendar_says", weeks)
    with pytest.raises(rules.AlreadyOver):
        actions.end_force_majeure(code=period.code, note="باز هم", by=staff, now=weeks + HOUR)
    assert ForceMajeureEnd.objects.get().note == "راه‌ها باز شد."


def test_a_period_ended_early_gives_back_what_it_had_taken():
    staff = make.person(role="manager")
    row = promise()
    period = actions.declare_force_majeure(declaration=declaration(NOW + 2 * HOUR, NOW + 26 * HOUR), by=staff, now=NOW)
    assert read(row)[1] == DUE + DAY
    actions.end_force_majeure(code=period.code, note="تمام شد", by=staff, now=NOW + 8 * HOUR)
    assert read(row)[1] == DUE + 6 * HOUR
    shown = queries.period(period.code, NOW + 9 * HOUR)
    assert (shown.state, shown.ends_at, shown.declared_end) == ("over", NOW + 8 * HOUR, NOW + 26 * HOUR)


def test_a_period_called_off_before_it_begins_stops_nothing():
    staff = make.person(role="manager")
    row = promise()
    period = actions.declare_force_majeure(declaration=declaration(NOW + 20 * HOUR), by=staff, now=NOW)
    assert read(row)[2] == NOW + 20 * HOUR
    actions.end_force_majeure(code=period.code, note="رخ نداد", by=staff, now=NOW + HOUR)
    assert read(row) == ("open", DUE, None, 3)
    row.refresh_from_db()
    assert row.pauses == []


def test_what_is_kept_while_its_clock_stands_is_kept_in_time():
    staff = make.person(role="manager")
    row = promise()
    actions.declare_force_majeure(declaration=declaration(NOW + HOUR), by=staff, now=NOW)
    done = NOW + 5 * DAY
    assert actions.keep(subject="refund:1", evidence={"bank_ref": "1"}, now=done) == 1
    assert read(row)[0] == "kept"
    assert row.kept_at == done < row.due_at
    assert [e.event for e in row.events.order_by("pk")] == ["made", "moved", "moved", "kept"]


def test_what_is_held_may_be_waived():
    staff = make.person(role="manager")
    row = promise()
    actions.declare_force_majeure(declaration=declaration(NOW + HOUR), by=staff, now=NOW)
    assert actions.waive(subjects=["refund:1"], evidence={"why": "x"}, now=NOW + 9 * DAY) == 1
    assert read(row)[0] == "waived"


def test_a_period_declared_late_does_not_rewrite_what_broke_before():
    staff = make.person(role="manager")
    row = promise(hours=2)
    actions.declare_force_majeure(declaration=declaration(NOW, NOW + DAY), by=staff, now=NOW + 3 * HOUR)
    assert read(row)[:2] == ("broken", NOW + 2 * HOUR)


def test_ending_a_period_needs_words_and_a_period():
    staff = make.person(role="manager")
    period = actions.declare_force_majeure(declaration=declaration(), by=staff, now=NOW)
    with pytest.raises(Invalid):
        actions.end_force_majeure(code=period.code, note=" ", by=staff, now=NOW)
    with pytest.raises(Missing):
        actions.end_force_majeure(code="FMJ-NO", note="x", by=staff, now=NOW)
    assert not ForceMajeureEnd.objects.exists()
    assert ForceMajeure.objects.count() == 1


# ---- Alarms and remedies ----


def test_a_broken_promise_owes_what_its_terms_say_once():
    document = make.terms_document()
    make.terms()
    version = actions.publish_terms(
        document=rules.TermsDocument(
            document.title, {**document.parameters, "remedy_rials_refund": 500_000}, document.clauses
        ),
        now=NOW,
    )
    with_remedy, without = promise("a", hours=1, terms=version), promise("b", hours=1)
    assert actions.sweep_overdue(now=NOW + 2 * HOUR) == 2
    assert actions.sweep_overdue(now=NOW + 3 * HOUR) == 0
    assert list(Remedy.objects.values_list("promise", "amount")) == [(with_remedy.pk, 500_000)]
    assert without.events.filter(event="broken").exists()
    actions.keep(subject="a", evidence={}, now=NOW + 4 * HOUR)
    assert Remedy.objects.count() == 1


def test_each_broken_promise_is_taken_for_an_alarm_once():
    rows = [promise(str(n), hours=1) for n in range(3)]
    actions.sweep_overdue(now=NOW + 2 * HOUR)
    assert {row.pk for row in actions.take_alarms(now=NOW + 2 * HOUR)} == {row.pk for row in rows}
    assert actions.take_alarms(now=NOW + 2 * HOUR) == []


# ---- The record ----


def test_the_record_adds_up_by_day_clause_and_week():
    for n, hours in enumerate((1, 2, 3)):
        promise(f"r{n}", hours=hours)
    promise("p", clause="D24", kind="pro_forma", hours=1)
    promise("gone", hours=1)
    actions.waive(subjects=["gone"], evidence={}, now=NOW)
    actions.keep(subject="r0", evidence={}, now=NOW + HOUR / 2)
    actions.keep(subject="p", evidence={}, now=NOW + HOUR / 2)
    actions.keep(subject="r1", evidence={}, now=NOW + 5 * HOUR)
    now = NOW + DAY
    found = queries.record(now, days=3, weeks=2)
    assert (found.tally.made, found.tally.kept, found.tally.broken) == (4, 2, 2)
    assert [(day.day, day.made, day.late) for day in found.days] == [
        (date(2025, 1, 3), 0, 0),
        (date(2025, 1, 4), 4, 2),
        (date(2025, 1, 5), 0, 0),
    ]
    assert [(s.clause, s.made, s.kept, s.worst) for s in found.shares] == [
        ("D24", 1, 1, None),
        ("D30", 3, 1, 21 * HOUR),  # the third is owed still
    ]
    assert found.weeks["D30"] == [(date(2024, 12, 23), 0, 0), (date(2024, 12, 30), 3, 1)]


def test_a_day_of_the_record_is_a_day_in_tehran():
    evening = datetime(2025, 1, 4, 20, 10, tzinfo=UTC)  # 23:40 in Tehran
    promise("a", at=evening, hours=0, hours_kind="calendar")
    promise("b", at=evening + HOUR, hours=0, hours_kind="calendar")
    found = queries.record(NOW + 2 * DAY, days=3, weeks=1)
    assert [(day.day, day.made) for day in found.days][1:] == [(date(2025, 1, 5), 1), (date(2025, 1, 6), 0)]
    assert found.days[0].made == 1


def test_one_persons_promises_stand_by_state_with_their_history(django_assert_max_num_queries):
    person = make.person()
    for n, hours in enumerate((1, 48, 60)):
        promise(f"r{n}", person_id=person.pk, hours=hours)
    promise("foreign", person_id=make.person().pk)
    actions.keep(subject="r2", evidence={}, now=NOW + HOUR)
    actions.change_calendar(close={date(2025, 1, 5): "برف"}, source="x", now=NOW + HOUR / 2)
    with django_assert_max_num_queries(7):
        found = queries.of_person(person, NOW + 2 * HOUR)
    assert [(one.promise.kind, one.promise.state) for one in found.late] == [("refund", "broken")]
    (open_,) = found.open
    assert [(move.old, move.new, move.by_pause) for move in open_.moves] == [(DUE, DUE + DAY, False)]
    assert [one.promise.state for one in found.ended] == ["kept"]
    assert found.counts == {"kept": 1, "late": 1, "open": 1}
