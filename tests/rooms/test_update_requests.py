"""The update request: made of what drifts, handed in, and followed by a promise until all of it is due."""

import csv
import hashlib
import io
from datetime import UTC, date, datetime

import pytest
from openpyxl import load_workbook

from peyman.entrypoints import tariff_watch
from peyman.entrypoints.words import kind_words
from peyman.kernel.errors import Invalid, Missing
from peyman.market.tariff.actions import requests as actions
from peyman.market.tariff.models import UpdateRequest
from peyman.market.tariff.queries import drift as queries
from peyman.market.tariff.rules.requests import NoRegistrant, NothingToAsk, WrongDay, WrongState
from peyman.promises import actions as promises
from peyman.promises import queries as ledger
from peyman.promises.models import Promise
from tests import make
from tests.rooms.test_drift_watch import DAY, HOUR, declare, seen, tehran

NOW = datetime(2023, 5, 7, 6, 30, tzinfo=UTC)  # 1402/02/17, 10:00 in Tehran
TODAY = date(2023, 5, 7)
DUE = "1402/03/15"
OURS = "185.143.232.0/30"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("terms")]


@pytest.fixture
def terms(settings):
    settings.REGISTRANTS = ["market.ir"]
    make.calendar(at=NOW - 100 * DAY)
    make.terms(at=NOW - 100 * DAY)


def made(*prefixes: str) -> UpdateRequest:
    return actions.make(prefixes=list(prefixes) or [OURS], by=None, now=NOW)


def sent(*prefixes: str) -> UpdateRequest:
    return actions.hand_in(code=made(*prefixes).code, on=TODAY, by=None, now=NOW)


def promised() -> list[tuple[str, str, datetime]]:
    rows = Promise.objects.order_by("pk")
    return [(row.clause, row.state, row.due_at) for row in rows]


@pytest.mark.clause("B06")
def test_a_request_is_made_of_all_that_serves_unregistered_and_can_be_listed():
    declare(
        "arvan,185.143.232.0/30,2023-01-01,,contract",
        "arvan,185.143.232.4/30,2023-01-01,,contract",
        "arvan,185.143.235.9/32,2023-01-01,,contract",
        "arvan,89.187.169.88/29,2023-01-01,,contract",
        "derak,192.168.204.48/28,2023-01-01,,feed",
    )
    seen(NOW, "185.143.232.2/32", due="1402/02/15", name="https://dl.market.ir")
    request = actions.make(by=None, now=NOW)
    assert (request.registrant, request.state) == ("market.ir", "draft")
    assert request.prefixes == ["185.143.232.0/31", "185.143.232.3/32", "185.143.232.4/30", "185.143.235.9/32"]
    with pytest.raises(NothingToAsk):  # all of it is asked for already
        actions.make(by=None, now=NOW)
    actions.drop(code=request.code, note="اشتباه بود", by=None, now=NOW)
    assert actions.make(by=None, now=NOW).prefixes == request.prefixes


@pytest.mark.clause("B06")
def test_the_files_hold_the_same_rows_and_the_digest_is_of_the_csv():
    request = made("185.143.233.0/24", "185.143.232.0/24", "185.143.232.9/32")
    assert request.prefixes == ["185.143.232.0/23"]
    data = tariff_watch.csv_of(request)
    assert data.startswith(b"\xef\xbb\xbf")
    assert hashlib.sha256(data).hexdigest() == request.file_sha256
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows == [["نام", "محدوده IP"], ["market.ir", "185.143.232.0/23"]]
    book = load_workbook(io.BytesIO(tariff_watch.xlsx_of(request)))
    assert [list(row) for row in book.active.iter_rows(values_only=True)] == rows


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"prefixes": ["192.168.1.0/24", "89.187.169.88/29"]}, NothingToAsk),
        ({"prefixes": ["nowhere"]}, Invalid),
        ({"prefixes": ["185.0.0.0/7"]}, Invalid),
        ({"prefixes": []}, NothingToAsk),
        ({}, NothingToAsk),
    ],
)
def test_what_cannot_be_asked_for_is_refused(asked, refusal):
    with pytest.raises(refusal):
        actions.make(**asked, by=None, now=NOW)
    assert not UpdateRequest.objects.exists()


def test_without_a_registrant_there_is_nobody_to_ask_for(settings):
    settings.REGISTRANTS = []
    with pytest.raises(NoRegistrant):
        made()
    assert actions.make(registrant="HTTPS://Market.ir/app", prefixes=[OURS], by=None, now=NOW).registrant == "market.ir"


@pytest.mark.clause("B06")
def test_handing_in_promises_the_forecast_due_date_and_the_hold():
    request = sent()
    assert (request.state, request.sent_on, request.expected_due_on) == ("sent", TODAY, date(2023, 6, 5))
    assert promised() == [("B06", "open", tehran("2023-06-08T00:00"))]
    promise = Promise.objects.get()
    assert (promise.kind, promise.code) == ("registry_update", request.promise)
    assert kind_words(promise.kind) == "ثبت محدوده‌ها در سامانه ملی"
    # It is by no clause of the shop's terms, so no page names a number.
    assert ledger.view(promise, NOW).clause_number == ""
    with pytest.raises(WrongState):
        actions.hand_in(code=request.code, on=TODAY, by=None, now=NOW)


def test_a_request_is_handed_in_on_a_day_that_has_come_and_after_it_was_made():
    code = made().code
    for day in (TODAY + DAY, TODAY - DAY):
        with pytest.raises(WrongDay):
            actions.hand_in(code=code, on=day, by=None, now=NOW)
    with pytest.raises(Missing):
        actions.hand_in(code="UPR-NONE", on=TODAY, by=None, now=NOW)
    assert promised() == []


@pytest.mark.clause("B06")
def test_the_promise_is_kept_with_evidence_when_all_of_it_is_listed_and_due():
    request = sent()
    seen(NOW + 5 * DAY, OURS, due=DUE)
    tariff_watch.sweep(now=NOW + 5 * DAY)
    request.refresh_from_db()
    assert (request.state, request.listed_at) == ("sent", NOW + 5 * DAY)
    seen(tehran("2023-06-03T08:00"), OURS, due=DUE)
    tariff_watch.sweep(now=tehran("2023-06-04T23:59"))
    assert promised()[0][1] == "open"
    tariff_watch.sweep(now=tehran("2023-06-05T00:01"))
    request.refresh_from_db()
    assert (request.state, request.closed_at) == ("due", tehran("2023-06-05T00:01"))
    assert promised() == [("B06", "kept", tehran("2023-06-08T00:00"))]
    evidence = Promise.objects.get().evidence
    assert evidence["snapshot"] == queries.board(tehran("2023-06-05T00:01")).look.code
    assert [(row["network"], row["due_on"]) for row in evidence["rows"]] == [(OURS, "2023-06-05")]


@pytest.mark.clause("B06")
def test_a_request_that_is_not_listed_in_time_breaks_its_promise():
    request = sent()
    seen(tehran("2023-06-06T08:00"), "185.143.232.0/31", due=DUE)  # half of it
    tariff_watch.sweep(now=tehran("2023-06-06T08:00"))
    promises.sweep_overdue(now=tehran("2023-06-08T00:00"))
    assert promised() == [("B06", "broken", tehran("2023-06-08T00:00"))]
    seen(tehran("2023-06-10T08:00"), OURS, due="1402/03/15")
    tariff_watch.sweep(now=tehran("2023-06-10T08:00"))
    request.refresh_from_db()
    assert request.state == "due"
    assert Promise.objects.get().kept_at == tehran("2023-06-10T08:00")  # late, and said so
    assert promised()[0][1] == "broken"


@pytest.mark.clause("B06")
def test_a_request_that_is_listed_with_another_due_date_follows_that_one():
    request = sent()
    first = request.promise
    seen(NOW + 5 * DAY, OURS, due="1402/04/15")
    tariff_watch.sweep(now=NOW + 5 * DAY)
    request.refresh_from_db()
    assert request.expected_due_on == date(2023, 7, 6)
    assert promised() == [
        ("B06", "waived", tehran("2023-06-08T00:00")),
        ("B06", "open", tehran("2023-07-09T00:00")),
    ]
    assert request.promise != first
    tariff_watch.sweep(now=NOW + 6 * DAY)
    assert len(promised()) == 2


@pytest.mark.clause("B06")
def test_another_tenants_row_keeps_no_promise_of_ours():
    sent()
    seen(NOW + 5 * DAY, OURS, due="1402/02/15", name="http://other.ir")
    tariff_watch.sweep(now=NOW + 5 * DAY)
    assert [state for _, state, _ in promised()] == ["open"]


def test_a_dropped_request_takes_its_promise_with_it_and_keeps_the_reason():
    request = sent()
    with pytest.raises(Invalid):
        actions.drop(code=request.code, note=" ", by=None, now=NOW + HOUR)
    person = make.person(role="tariff")
    dropped = actions.drop(code=request.code, note="شبکه را عوض کردیم", by=person, now=NOW + HOUR)
    assert (dropped.state, dropped.note) == ("dropped", "شبکه را عوض کردیم")
    assert [state for _, state, _ in promised()] == ["waived"]
    with pytest.raises(WrongState):
        actions.drop(code=request.code, note="دوباره", by=person, now=NOW + HOUR)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_hand_in_the_same_request_one_does(threads):
    code = made().code
    done = threads(3, lambda n: actions.hand_in(code=code, on=TODAY, by=None, now=NOW))
    assert sum(isinstance(one, WrongState) for one in done) == 2
    assert len(promised()) == 1


def test_the_story_of_a_drift_names_the_request_for_it():
    declare(f"arvan,{OURS},2023-01-01,,contract")
    seen(NOW)
    tariff_watch.sweep(now=NOW)
    request = sent()
    assert queries.open_drifts()[0].requests == (request.code,)
