"""Incidents over tables: runs taken once, steps signed and refused, who knew when, notices bound to their run."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from peyman.entrypoints import incident_watch, tariff_watch
from peyman.entrypoints.jobs import invariants, triggers
from peyman.kernel import codes, prefixes
from peyman.kernel.errors import Invalid, Missing, Refused
from peyman.market.incidents.actions import incidents, runs
from peyman.market.incidents.models import AuditRun, Edition, Incident, Notice, SigningKey, Step, Stretch
from peyman.market.incidents.queries import desk, mended, public
from peyman.market.incidents.queries.open import edition, open_incidents
from peyman.market.incidents.queries.who_knew import who_knew
from peyman.market.incidents.rules import signing, steps
from peyman.market.tariff.actions import requests
from peyman.market.tariff.models import Drift
from peyman.messages.models import Message
from peyman.people.models import Person
from peyman.promises.actions import sweep_overdue
from peyman.promises.models import Promise
from tests import incidents as given
from tests.incidents import DAY, HOUR, NOW, OURS, tehran

pytestmark = pytest.mark.django_db

CHECKS = ("steps_of_incidents_are_signed", "notices_say_what_their_run_said", "incidents_hold_what_their_run_found")


@pytest.fixture
def two() -> tuple[Person, Person]:
    return given.people()


def state() -> list[Any]:
    """All that a refused step must leave as it was."""
    return [
        list(Incident.objects.order_by("pk").values()),
        list(Stretch.objects.order_by("pk").values()),
        list(Step.objects.order_by("pk").values()),
        list(Notice.objects.order_by("pk").values()),
        list(Edition.objects.values()),
        list(Promise.objects.order_by("pk").values()),
    ]


def sound() -> list[str]:
    return [bad for name in CHECKS for bad in invariants.CHECKS[name](NOW).bad]


# ---- Runs ----


@pytest.mark.clause("B10")
def test_the_same_answer_twice_is_one_run() -> None:
    first = runs.take(run=given.new_run(), by=None, now=NOW)
    again = runs.take(run=given.new_run(), by=None, now=NOW + DAY)
    assert (again.pk, again.made_at, AuditRun.objects.count()) == (first.pk, NOW, 1)
    assert codes.is_valid(first.code, "RUN")


@pytest.mark.clause("B10")
def test_the_same_answer_handed_in_by_six_at_once_is_one_run(threads: Callable[..., Any]) -> None:
    found = threads(6, lambda n: runs.take(run=given.new_run(), by=None, now=NOW))
    assert len({one.code for one in found}) == AuditRun.objects.count() == 1


def test_a_later_run_of_the_same_days_replaces_the_first_and_the_difference_is_told() -> None:
    given.run("first")
    later = given.run("later", totals=given.TOTALS | {"fine": 699, "lines": 999, "counted": 899}, at=NOW + DAY)
    assert later.replaces is not None
    assert later.replaces.sha256 == given.new_run("first").sha256
    difference = desk.difference_of(desk.run(later.code))
    assert difference is not None
    assert {one.name: one.by for one in difference.figures if one.by} == {"lines": -1, "counted": -1, "fine": -1}


@pytest.mark.clause("B10")
def test_what_a_run_said_is_never_changed() -> None:
    given.run()
    for change in ({"totals": {}}, {"intervals": []}, {"operators": {}}, {"sha256": "0" * 64}, {"state": "taken"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            AuditRun.objects.update(**change)


# ---- Detected ----


@pytest.mark.clause("B10", "B02")
def test_a_run_opens_an_incident_whose_stretches_end_where_the_registry_agrees(two: Any, settings: Any) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    found = given.detected()
    assert (found.state, found.origin) == ("detected", "run")
    assert [(one.operator, one.ends_at, one.measured_to) for one in found.stretches.order_by("pk")] == [
        ("مهرنت", tehran("2024-12-05T00:00"), tehran("2024-12-05T00:00")),
        ("آوانت", tehran("2024-12-05T00:00"), tehran("2024-12-05T00:00")),
    ]
    held = open_incidents(NOW)
    assert [(one.incident, one.operators) for one in held] == [(found.code, ("مهرنت",)), (found.code, ("آوانت",))]
    assert held[0].networks == tuple(prefixes.network(text)[0] for text in given.EDGES)
    assert held[0].covers(tehran("2024-12-04T23:59"))
    assert not held[0].covers(tehran("2024-12-05T00:00"))
    assert not held[0].covers(tehran("2024-11-20T23:59"))
    assert sound() == []


@pytest.mark.clause("B10", "B02")
def test_where_the_registry_does_not_agree_a_stretch_stays_open() -> None:
    given.detected()  # no history at all
    assert [one.ends_at for one in open_incidents(NOW)] == [None, None]


def test_a_run_has_one_incident_and_one_without_harm_none() -> None:
    found = given.run()
    incidents.detect_by_run(run=found, by=None, now=NOW)
    nothing = given.run(
        "nothing", intervals=[], operators={}, totals=given.TOTALS | {
            "overcharged": 0, "fine": 850, "bytes_overcharged": 0, "rials_low": None, "rials_high": None,
        },
    )  # fmt: skip
    before = state()
    for one in (found, nothing):
        with pytest.raises(Invalid):
            incidents.detect_by_run(run=one, by=None, now=NOW)
    assert state() == before


def drifting() -> None:
    """Two of our four addresses serve and are not on the list; a second list shows it again."""
    given.declare(f"arvan,{OURS},2024-12-01,,contract")
    for hours in (0, 6):
        given.seen(NOW + hours * HOUR, "185.143.232.0/31")
        tariff_watch.sweep(now=NOW + hours * HOUR)


@pytest.mark.clause("B10")
def test_drift_that_held_opens_one_incident_that_staff_hear_of_once(two: Any) -> None:
    drifting()
    later = NOW + 6 * HOUR
    assert [incident_watch.sweep(now=later) for _ in range(3)] == [1, 0, 0]
    found = Incident.objects.get()
    drift = Drift.objects.get(kind="unregistered")
    assert (found.state, found.origin, found.drifts, found.opened_at) == ("detected", "drift", [drift.code], later)
    stretch = found.stretches.get()
    assert (stretch.edges, stretch.operator, stretch.cause) == (["185.143.232.2/31"], "", "not_listed")
    assert (stretch.starts_at, stretch.ends_at, stretch.bytes, stretch.rials_low) == (drift.since, None, None, None)
    told = Message.objects.get(template="incident")
    assert found.code in told.text
    assert sound() == []


@pytest.mark.clause("B10")
def test_six_sweeps_at_once_open_one_incident(transactional_db: None, threads: Callable[..., Any]) -> None:
    given.people()
    drifting()
    assert sorted(threads(6, lambda n: incident_watch.sweep(now=NOW + 6 * HOUR))) == [0, 0, 0, 0, 0, 1]
    assert Incident.objects.count() == 1


def test_a_sweep_without_drift_costs_one_query(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert incident_watch.sweep(now=NOW) == 0


TYPED = {
    "title": "گزارش کاربران از کسر تمام‌بها",
    "ranges": "۱۸۵.۱۴۳.۲۳۲.۰/۳۰، 2001:db8::1",
    "operator": "مهرنت",
    "from": "۱۴۰۳/۱۰/۱",
    "hour": "۸:۳۰",
    "reason": "سه کاربر صورت‌حساب فرستادند.",
}


@pytest.mark.clause("B10")
def test_staff_open_an_incident_for_ranges_that_they_name(two: Any) -> None:
    found = incidents.detect_by_staff(typed=TYPED, by=two[0], now=NOW)
    stretch = found.stretches.get()
    assert stretch.edges == [OURS, "2001:db8::1"]
    assert (stretch.operator, stretch.cause, stretch.starts_at) == ("مهرنت", "staff", tehran("2024-12-21T08:30"))
    assert found.steps.get().by == two[0]


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "ا" * 161}, "title"),
        ({"ranges": "  "}, "ranges"),
        ({"ranges": "<script>"}, "ranges"),
        ({"ranges": "1.2.3.4/99"}, "ranges"),
        ({"operator": "ا" * 61}, "operator"),
        ({"from": "\0"}, "from"),
        ({"from": "۱۴۰۴/۱/۱"}, "from"),  # ahead
        ({"hour": "۲۵"}, "from"),
        ({"reason": "\u202e"}, "reason"),
    ],
)
def test_what_staff_type_wrong_is_named_and_nothing_is_opened(two: Any, typed: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        incidents.detect_by_staff(typed={**TYPED, **typed}, by=two[0], now=NOW)
    assert list(refused.value.fields) == [field]
    assert not Incident.objects.exists()


# ---- The road ----


@pytest.mark.clause("B10", "B11", "B17")
def test_an_incident_from_its_run_to_its_end(two: Any, settings: Any) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    notice = given.published(*two)
    code = notice.incident.code
    closed = incidents.close(code=code, reason="یک ماه است که همه ثبت‌اند.", by=two[0], now=NOW + 3 * HOUR)
    assert (closed.state, closed.ended_at) == ("closed", NOW + 3 * HOUR)
    file = desk.file(code)
    assert [(one.event, one.to, one.by) for one in file.steps] == [
        ("detect", "detected", None),
        ("confirm", "confirmed", two[0]),
        ("publish", "published", two[1]),
        ("close", "closed", two[0]),
    ]
    assert file.faults == []
    told = json.loads(file.steps[-1].content)["facts"]["ranges"]
    assert [(one["range"], one["state"], one["due_on"]) for one in told] == [
        ("185.143.232.0/31", "registered", ["2024-12-05"])
    ]
    assert told[0]["since"] == "2024-12-04T20:30:00Z"
    assert open_incidents(NOW + 4 * HOUR) == []
    assert sound() == []


@pytest.mark.clause("B10")
@pytest.mark.parametrize("event", ["attach", "confirm", "publish", "correct", "close", "dismiss"])
@pytest.mark.parametrize("at", ["detected", "confirmed", "published", "closed", "dismissed"])
def test_a_step_that_is_refused_changes_nothing(two: Any, settings: Any, at: str, event: str) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    first, second = two
    found = given.detected()
    words = given.words(found)
    if at in ("confirmed", "published", "closed"):
        incidents.confirm(code=found.code, reason="سنجیدم.", by=first, now=NOW)
    if at in ("published", "closed"):
        incidents.publish(code=found.code, words=words, reason="خواندم.", by=second, now=NOW)
    if at == "closed":
        incidents.close(code=found.code, reason="برطرف شد.", by=first, now=NOW)
    if at == "dismissed":
        incidents.dismiss(code=found.code, reason="از ما نبود.", by=first, now=NOW)
    other = given.run("other")
    calls: dict[str, Callable[[], object]] = {
        "attach": lambda: incidents.attach(code=found.code, run=other.code, reason="تازه‌تر", by=second, now=NOW),
        "confirm": lambda: incidents.confirm(code=found.code, reason="چون", by=second, now=NOW),
        "publish": lambda: incidents.publish(code=found.code, words=words, reason="چون", by=second, now=NOW),
        "correct": lambda: incidents.correct(code=found.code, words=words, reason="چون", by=second, now=NOW),
        "close": lambda: incidents.close(code=found.code, reason="چون", by=second, now=NOW),
        "dismiss": lambda: incidents.dismiss(code=found.code, reason="چون", by=second, now=NOW),
    }
    before = state()
    if (at, event) in steps.STEPS:
        calls[event]()
        assert sound() == []
        assert state() != before
    else:
        with pytest.raises(steps.NotNow):
            calls[event]()
        assert state() == before


@pytest.mark.clause("B10")
def test_a_run_that_was_not_recounted_or_differs_is_not_confirmed(two: Any) -> None:
    taken = runs.take(run=given.new_run(), by=None, now=NOW)
    found = incidents.detect_by_run(run=taken, by=None, now=NOW)
    before = state()
    with pytest.raises(steps.NotRecounted):
        incidents.confirm(code=found.code, reason="چون", by=two[0], now=NOW)
    runs.recounted(code=taken.code, is_same=False, differences=["مهرنت، ۵ آذر: ۱ بایت"], now=NOW)
    with pytest.raises(steps.RunDiffers) as refused:
        incidents.confirm(code=found.code, reason="چون", by=two[0], now=NOW)
    assert "مهرنت، ۵ آذر: ۱ بایت" in refused.value.detail
    assert state() == before


@pytest.mark.clause("B11")
def test_who_confirmed_does_not_publish(two: Any) -> None:
    found = given.confirmed(two[0])
    before = state()
    with pytest.raises(steps.SamePerson):
        incidents.publish(code=found.code, words=given.words(found), reason="خودم", by=two[0], now=NOW)
    assert state() == before
    assert not Promise.objects.exists()


@pytest.mark.clause("B10", "B11")
def test_a_later_run_makes_the_confirmed_confirm_again_and_leads_the_published_to_a_new_version(two: Any) -> None:
    first, second = two
    found = given.confirmed(first)
    dearer: dict[str, Any] = {
        "totals": given.TOTALS | {"rials_high": 450_004},
        "intervals": [{**given.INTERVALS[0], "rials_high": 300_003}, given.INTERVALS[1]],
        "operators": given.OPERATORS | {"مهرنت": given.OPERATORS["مهرنت"] | {"rials_high": 300_003}},
    }
    more = given.run("more", at=NOW + HOUR, **dearer)
    back = incidents.attach(code=found.code, run=more.code, reason="ممیزی تازه", by=second, now=NOW + HOUR)
    assert back.state == "detected"
    assert [one.rials_high for one in desk.file(found.code).stretches] == [150_001, 300_003]
    assert len(desk.file(found.code).earlier) == 2
    incidents.confirm(code=found.code, reason="سنجیدم.", by=first, now=NOW + HOUR)
    incidents.publish(code=found.code, words=given.words(found), reason="خواندم.", by=second, now=NOW + HOUR)
    last = given.run("last", at=NOW + 2 * HOUR)
    incidents.attach(code=found.code, run=last.code, reason="باز هم", by=first, now=NOW + 2 * HOUR)
    assert public.notice(found.code).content["totals"]["rials_high"] == 450_004  # public is what was published
    before = state()
    with pytest.raises(steps.SamePerson):  # who attached the figures does not publish them
        incidents.correct(code=found.code, words=given.words(found), reason="خودم", by=first, now=NOW + 3 * HOUR)
    assert state() == before
    incidents.correct(code=found.code, words=given.words(found), reason="رقم تازه", by=second, now=NOW + 3 * HOUR)
    assert public.notice(found.code).content["totals"]["rials_high"] == 450_003
    assert public.notice(found.code, 1).content["totals"]["rials_high"] == 450_004
    assert sound() == []


def test_the_run_that_is_attached_is_not_attached_again(two: Any) -> None:
    found = given.detected()
    before = state()
    with pytest.raises(Invalid):
        incidents.attach(code=found.code, run=found.run.code, reason="باز", by=two[0], now=NOW)
    with pytest.raises(Missing):
        incidents.attach(code=found.code, run="RUN-", reason="باز", by=two[0], now=NOW)
    with pytest.raises(Missing):
        incidents.confirm(code="INC-NONE", reason="باز", by=two[0], now=NOW)
    assert state() == before


# ---- Races ----


@pytest.mark.clause("B10")
def test_of_six_who_confirm_at_once_one_does(threads: Callable[..., Any]) -> None:
    people = [given.people()[0] for _ in range(1)] * 6
    found = given.detected()
    answers = threads(6, lambda n: incidents.confirm(code=found.code, reason="سنجیدم.", by=people[n], now=NOW))
    assert sorted(type(one).__name__ for one in answers) == ["Incident"] + ["NotNow"] * 5
    assert [one.event for one in desk.file(found.code).steps] == ["detect", "confirm"]
    assert sound() == []


@pytest.mark.clause("B11")
def test_of_six_who_publish_at_once_one_does_and_one_promise_is_made(threads: Callable[..., Any]) -> None:
    first, second = given.people()
    found = given.confirmed(first)
    words = given.words(found)
    answers = threads(
        6, lambda n: incidents.publish(code=found.code, words=words, reason="خواندم.", by=second, now=NOW)
    )
    assert sum(isinstance(one, Refused) for one in answers) == 5
    assert (Notice.objects.count(), Promise.objects.count()) == (1, 1)
    assert sound() == []


@pytest.mark.clause("B10")
def test_a_run_attached_while_another_confirms_is_never_confirmed_unseen(threads: Callable[..., Any]) -> None:
    first, second = given.people()
    found = given.detected()
    other = given.run("other", is_same=False)

    def act(n: int) -> object:
        if n:
            return incidents.attach(code=found.code, run=other.code, reason="تازه", by=second, now=NOW)
        return incidents.confirm(code=found.code, reason="سنجیدم.", by=first, now=NOW)

    threads(2, act)
    first_run = found.run.code
    found.refresh_from_db()
    assert (found.state, found.run.code) in (("detected", other.code), ("confirmed", first_run))
    assert sound() == []


# ---- Closing ----


@pytest.mark.clause("B17")
@pytest.mark.parametrize(
    ("case", "lines", "lists", "words"),
    [
        ("not listed", [f"arvan,{OURS},2024-11-21,,x"], [], "فایل می‌دهد و در فهرست ملی نیست"),
        ("not due", [f"arvan,{OURS},2024-11-21,,x"], ["1403/10/30"], "فایل می‌دهد و موعدش نرسیده"),
        ("due three days ago", [f"arvan,{OURS},2024-11-21,,x"], ["1403/10/12"], "هنوز یک هفته از برطرف‌شدن آن نگذشته"),
        ("left the day before", [f"arvan,{OURS},2024-11-21,2025-01-03,x"], [], "هنوز یک هفته از برطرف‌شدن آن نگذشته"),
        ("nobody said from where we serve", [], [], "در شبکه اعلام‌شده ما نیست؛ پایان خدمت آن را اعلام کنید"),
    ],
)
def test_what_is_not_mended_for_a_week_is_not_closed(
    two: Any, settings: Any, case: str, lines: list[str], lists: list[str], words: str
) -> None:
    settings.REGISTRANTS = ["market.ir"]
    if lines:
        given.declare(*lines)
    day = tehran("2024-11-20T10:00")
    while day <= NOW:
        given.seen(day, *([OURS] if lists else []), due=lists[0] if lists else "1403/09/15")
        day += 5 * DAY
    given.seen(NOW - HOUR, *([OURS] if lists else []), due=lists[0] if lists else "1403/09/15")
    notice = given.published(*two)
    before = state()
    with pytest.raises(steps.NotMended) as refused:
        incidents.close(code=notice.incident.code, reason="بسته شود", by=two[0], now=NOW)
    assert words in refused.value.detail
    assert state() == before


@pytest.mark.clause("B17")
def test_what_serves_no_more_for_a_week_is_mended(two: Any) -> None:
    given.declare(f"arvan,{OURS},2024-11-21,2024-12-20,x")
    for days in (40, 33, 26, 19, 12, 5, 0):
        given.seen(NOW - days * DAY)
    found = given.published(*two).incident
    assert [(one.range, one.state, one.since) for one in mended.ranges(found, NOW)] == [
        ("185.143.232.0/31", "idle", tehran("2024-12-20T00:00"))
    ]
    assert incidents.close(code=found.code, reason="از خدمت بیرون است.", by=two[0], now=NOW).state == "closed"


# ---- Who knew when ----


@pytest.mark.clause("B10")
def test_who_knew_when_is_told_by_what_the_tables_hold(two: Any, settings: Any) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    drifting_at = tehran("2024-11-22T10:00")
    Drift.objects.create(
        code="DRF-1", kind="unregistered", cdn="arvan", prefix=OURS, addresses=4, ranges=[OURS], reason="absent",
        cause="not_listed", since=tehran("2024-11-21T00:00"), noticed_at=drifting_at, last_at=NOW,
        alarmed_at=drifting_at + DAY, told=[two[1].code], cleared_at=tehran("2024-12-06T10:00"),
    )  # fmt: skip
    asked = requests.make(registrant="market.ir", prefixes=[OURS], by=two[0], now=tehran("2024-11-24T10:00"))
    requests.hand_in(code=asked.code, on=tehran("2024-11-25T10:00").date(), by=two[0], now=tehran("2024-11-25T11:00"))
    notice = given.published(*two)
    facts = who_knew(notice.incident, NOW + 3 * HOUR)
    assert [(one.kind, one.at) for one in facts] == [
        ("served", datetime(2024, 11, 20, 20, 30, tzinfo=UTC)),
        ("began", datetime(2024, 11, 20, 20, 30, tzinfo=UTC)),
        ("noticed", drifting_at),
        ("alarmed", drifting_at + DAY),
        ("asked", tehran("2024-11-24T10:00")),
        ("sent", tehran("2024-11-25T00:00")),
        ("listed", tehran("2024-11-28T10:00")),
        ("due", tehran("2024-12-05T00:00")),
        ("cleared", tehran("2024-12-06T10:00")),
        ("audited", NOW),
        ("recounted", NOW),
        ("detect", NOW),
        ("confirm", NOW + HOUR),
        ("publish", NOW + 2 * HOUR),
    ]
    by_kind = {one.kind: one for one in facts}
    assert by_kind["served"].known_at == NOW  # when the declaration came to us
    assert by_kind["began"].known_at == drifting_at
    assert by_kind["listed"].known_at == tehran("2024-11-28T10:00")
    assert by_kind["listed"].text == "۱ ردیف نخستین بار در فهرست ملی دیده شد، با موعد ۱۵ آذر ۱۴۰۳"
    assert by_kind["listed"].evidence[0][0] == "snapshot"
    assert by_kind["alarmed"].people == (two[1].code,)
    assert by_kind["confirm"].people == (two[0].code,)
    assert ("drift", "DRF-1") in by_kind["noticed"].evidence
    told = json.loads(Notice.objects.get().content)["facts"]
    assert "people" not in told[0]
    names = {two[0].code, two[1].code, "نگار", "بهرام"}
    assert not any(name in json.dumps(told, ensure_ascii=False) for name in names)


def test_who_knew_costs_seven_queries_whatever_there_is(two: Any, django_assert_num_queries: Any) -> None:
    given.history()
    found = given.published(*two).incident
    who_knew(found, NOW)  # the history is compiled once
    with django_assert_num_queries(7):
        who_knew(found, NOW)


# ---- Notices ----


@pytest.mark.clause("B11")
def test_a_notice_says_what_its_run_said_to_the_rial_and_is_bound_to_it(two: Any) -> None:
    notice = given.published(*two)
    said = public.document(notice.incident.code)
    assert said["totals"] == given.TOTALS
    assert (said["totals"]["rials_low"], said["totals"]["rials_high"]) == (120_000, 450_003)
    assert said["operators"]["مهرنت"]["users"] == 20
    assert sum(one["rials_high"] for one in said["stretches"]) == 450_003
    assert said["run"]["manifest_sha256"] == given.new_run().sha256
    assert said["until_day"] == "2025-04-20"
    assert said["window_closes_at"] == "2025-04-20T20:30:00Z"
    last = said["steps"][-1]
    assert (last["event"], last["document"]) == ("publish", notice.sha256)
    assert signing.is_signed(last["statement"], last["signature"], said["keys"][last["key"]])
    assert [one["previous"] for one in said["steps"]] == [signing.FIRST, *(one["sha256"] for one in said["steps"][:-1])]
    written = json.dumps(said, ensure_ascii=False)
    assert not any(word in written for word in (two[0].code, two[1].code, "بهرام", "متن را خواندم"))


@pytest.mark.clause("B11")
def test_publishing_promises_the_next_version_until_the_incident_is_closed(two: Any, settings: Any) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    found = given.published(*two).incident
    first = Promise.objects.get()
    assert (first.clause, first.due_at, first.state) == ("B11", tehran("2025-02-19T00:00"), "open")
    later = tehran("2025-01-21T12:00")  # in Bahman: the next by the end of Esfand
    incidents.correct(code=found.code, words=given.words(found), reason="خبر تازه", by=two[1], now=later)
    first.refresh_from_db()
    second = Promise.objects.exclude(pk=first.pk).get()
    assert (first.state, first.kept_at, second.due_at) == ("kept", later, tehran("2025-03-21T00:00"))
    silent = tehran("2025-03-21T00:01")
    assert sweep_overdue(now=silent) == 1  # silence is found
    second.refresh_from_db()
    assert second.state == "broken"


@pytest.mark.clause("B11", "B17")
def test_closing_keeps_the_promise_of_the_next_version(two: Any, settings: Any) -> None:
    settings.REGISTRANTS = ["market.ir"]
    given.history()
    found = given.published(*two).incident
    incidents.close(code=found.code, reason="برطرف شد.", by=two[0], now=NOW + 3 * HOUR)
    promise = Promise.objects.get()
    assert (promise.state, promise.kept_at) == ("kept", NOW + 3 * HOUR)


@pytest.mark.clause("B11")
def test_the_banner_stands_through_the_last_day_of_the_window(two: Any) -> None:
    notice = given.published(*two)
    published = NOW + 2 * HOUR
    assert public.banner(published - timedelta.resolution) == []
    for at in (published, tehran("2025-04-20T23:59:59")):
        (one,) = public.banner(at)
        assert one.code == notice.incident.code
        assert one.text.endswith(f"یکشنبه ۳۱ فروردین ۱۴۰۴: /official/incidents/{one.code}/")
    assert public.banner(tehran("2025-04-21T00:00")) == []


def test_what_was_never_published_is_missing_to_the_public(two: Any) -> None:
    found = given.confirmed(two[0])
    for number in (None, 1):
        with pytest.raises(Missing):
            public.document(found.code, number)
    assert public.notices() == []


# ---- Tampering ----


def _unguarded(sql: str, *values: object) -> None:
    """Write as somebody would who has the database and took the triggers away."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("incidents_step", "incidents_notice", "incidents_stretch"):
            if connection.vendor == "sqlite":
                cursor.execute(f'DROP TRIGGER IF EXISTS "append_only_{table}_update"')
                cursor.execute(f'DROP TRIGGER IF EXISTS "append_only_{table}_delete"')
            else:
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(sql, values)


@pytest.mark.clause("B10", "B11")
@pytest.mark.parametrize(
    ("sql", "check"),
    [
        ("UPDATE incidents_step SET reason = 'دیگر' WHERE number = 2", CHECKS[0]),
        ("UPDATE incidents_step SET at = '2024-12-01T00:00:00+00:00' WHERE number = 2", CHECKS[0]),
        ("UPDATE incidents_step SET content = replace(content, '450003', '45003')", CHECKS[0]),
        ("UPDATE incidents_step SET by_id = NULL WHERE number = 3", CHECKS[0]),
        ("DELETE FROM incidents_step WHERE number = 1", CHECKS[0]),
        ("DELETE FROM incidents_step WHERE number = 3", CHECKS[0]),
        ("UPDATE incidents_incident SET state = 'confirmed'", CHECKS[0]),
        ("UPDATE incidents_notice SET content = replace(content, '450003', '45003')", CHECKS[1]),
        ("UPDATE incidents_notice SET content = replace(content, 'پوزش', 'سپاس')", CHECKS[1]),
        ("UPDATE incidents_stretch SET rials_high = 150002 WHERE rials_high = 150001", CHECKS[2]),
    ],
)
def test_what_is_changed_behind_our_back_is_found(two: Any, sql: str, check: str) -> None:
    given.published(*two)
    assert sound() == []
    _unguarded(sql)
    assert invariants.CHECKS[check](NOW).bad != []
    triggers.after_migration()


@pytest.mark.clause("B10")
def test_steps_and_notices_are_never_changed_or_taken_away(two: Any) -> None:
    given.published(*two)
    for table in (Step, Notice):
        for change in (lambda t=table: t.objects.update(number=9), lambda t=table: t.objects.all().delete()):
            with pytest.raises(IntegrityError), transaction.atomic():
                change()
    for model, change in (
        (Incident, {"opened_at": NOW - DAY}),
        (Stretch, {"starts_at": NOW}),
        (Stretch, {"bytes": 1}),
        (SigningKey, {"public": "x"}),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            model.objects.update(**change)


@pytest.mark.clause("B10")
def test_a_new_key_signs_and_old_steps_still_hold(two: Any) -> None:
    found = given.confirmed(two[0])
    old = SigningKey.objects.get()
    new = incidents.renew_key(now=NOW + HOUR)
    incidents.publish(code=found.code, words=given.words(found), reason="خواندم.", by=two[1], now=NOW + 2 * HOUR)
    assert [one.key.kid for one in desk.file(found.code).steps] == [old.kid, old.kid, new.kid]
    assert set(public.document(found.code)["keys"]) == {old.kid, new.kid}
    assert sound() == []


# ---- What others ask ----


def test_the_edition_moves_with_every_step(two: Any) -> None:
    assert edition() == 0
    seen = [edition()]
    found = given.detected()
    seen.append(edition())
    incidents.confirm(code=found.code, reason="سنجیدم.", by=two[0], now=NOW)
    seen.append(edition())
    incidents.dismiss(code=found.code, reason="نبود.", by=two[1], now=NOW)
    seen.append(edition())
    assert seen == sorted(set(seen))
    assert open_incidents(NOW) == []


def test_incidents_are_exported_with_whole_rials(two: Any) -> None:
    given.published(*two)
    (row,) = public.export_rows()
    assert (row["state"], row["totals"]["rials_high"], len(row["stretches"]), row["is_open"]) == (
        "published",
        450_003,
        2,
        True,
    )
    assert [one["event"] for one in row["steps"]] == ["detect", "confirm", "publish"]
