"""The receipt of each showing: one statement for one content, one signature a minute, one tag a showing."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from peyman.entrypoints.jobs import invariants, triggers
from peyman.market.guard.actions import keys
from peyman.market.guard.actions.tickets import Booth, NothingToSay
from peyman.market.guard.models import Statement
from peyman.market.guard.queries import keys as key_queries
from peyman.market.guard.queries import tickets as queries
from peyman.market.guard.rules import tickets, wording
from peyman.market.guard.rules.keyring import NoKey
from peyman.market.tariff.rules.guard import AddressEvidence, Decision, Evidence, LastList
from tests import make

NOW = make.NOW
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
PATH = "/apps/ir.example/12.apk"

pytestmark = pytest.mark.django_db


def evidence(**changed) -> Evidence:
    facts = {
        "operator": "همراه اول",
        "rate": "همراه اول/internet",
        "deliveries": ("apk",),
        "snapshot": LastList("REG-2345-6789-ABCD-E", "2025-01-03", datetime(2025, 1, 3, 20, 30, tzinfo=UTC)),
        "addresses": (
            AddressEvidence(
                "185.143.232.0/30",
                4,
                "registered",
                "admitted",
                date(2024, 12, 5),
                datetime(2024, 12, 7, 20, 30, tzinfo=UTC),
                True,
            ),
        ),
        "against": (),
    }
    return Evidence(**(facts | changed))


def allowed(until: datetime = NOW + DAY, **changed) -> Decision:
    return Decision(True, "half", "admitted", until, evidence(**changed))


@pytest.fixture
def booth() -> Booth:
    keys.sweep(now=NOW)
    return Booth()


@pytest.mark.clause("B03")
def test_a_showing_leaves_a_receipt_of_evidence_addresses_operator_and_time(booth):
    issued = booth.issue(
        decision=allowed(), object_="apps/ir.example/12.apk", account="PER-0001", now=NOW + 70 * SECOND
    )
    ticket = key_queries.own_verifier().verify(issued.token, path=PATH, at=NOW + 70 * SECOND)
    assert isinstance(ticket, tickets.Ticket)
    assert (ticket.operator, ticket.snapshot, ticket.wording) == ("همراه اول", "REG-2345-6789-ABCD-E", 1)
    assert (ticket.starts_at, ticket.shown_at) == (NOW + MINUTE, NOW + 70 * SECOND)
    assert ticket.expires_at == issued.expires_at == NOW + 11 * MINUTE
    receipt = queries.receipt_of(ticket)
    assert receipt.words == wording.CURRENT
    assert receipt.content == {
        "version": 1,
        "operator": "همراه اول",
        "deliveries": ["apk"],
        "addresses": [
            {
                "range": "185.143.232.0/30",
                "addresses": 4,
                "status": "registered",
                "due": "2024-12-05",
                "admitted_from": "2024-12-07T20:30:00Z",
            }
        ],
        "snapshot": {"code": "REG-2345-6789-ABCD-E", "says_when": "2025-01-03", "ends_at": "2025-01-03T20:30:00Z"},
        "rate": "همراه اول/internet",
        "wording": {"number": 1, "sha256": wording.CURRENT.sha256},
    }
    assert "PER-0001" not in issued.token
    assert queries.accounts([ticket.user, "x"], ["PER-0002", "PER-0001"]) == {ticket.user: "PER-0001"}


@pytest.mark.clause("B03")
def test_a_thousand_showings_write_one_row_and_sign_once(booth, django_assert_num_queries, monkeypatch):
    signed = []
    sign = tickets.sign
    monkeypatch.setattr(tickets, "sign", lambda *given: signed.append(given) or sign(*given))
    decision = allowed()
    first = booth.issue(decision=decision, object_=PATH, account="", now=NOW)
    with django_assert_num_queries(0):
        tokens = {
            booth.issue(decision=decision, object_=PATH, account="", now=NOW + n * SECOND / 20).token
            for n in range(1_000)
        }
    assert (len(tokens), len(signed), Statement.objects.count()) == (1_000, 1, 1)
    assert booth.issue(decision=decision, object_=PATH, account="", now=NOW + MINUTE).statement == first.statement
    assert len(signed) == 2
    # Another process states the same under the same code.
    assert Booth().issue(decision=allowed(), object_=PATH, account="", now=NOW).statement == first.statement
    assert Statement.objects.count() == 1


@pytest.mark.clause("B03")
def test_another_list_operator_or_address_is_another_statement(booth):
    other = LastList("REG-9999-9999-9999-9", "2025-01-04", NOW)
    range_ = replace(evidence().addresses[0], range="185.143.232.0/29", addresses=8)
    for changed in ({}, {"snapshot": other}, {"operator": "ایرانسل"}, {"addresses": (range_,)}, {"deliveries": ("b",)}):
        booth.issue(decision=allowed(**changed), object_=PATH, account="", now=NOW)
    assert Statement.objects.count() == 5


@pytest.mark.clause("B02")
def test_where_the_message_may_not_be_shown_no_ticket_is_issued(booth):
    dark = Decision(False, "neutral", "list_too_old", NOW + DAY, evidence(against=("list_too_old",)))
    for decision, object_ in (
        (dark, PATH),
        (allowed(operator=""), PATH),
        (allowed(snapshot=None), PATH),
        (allowed(), "/apps/کوه.apk"),
        (allowed(until=NOW + 29 * SECOND), PATH),
    ):
        with pytest.raises(NothingToSay):
            booth.issue(decision=decision, object_=object_, account="", now=NOW)
    assert not Statement.objects.filter(operator="").exists()


@pytest.mark.clause("B02")
def test_a_ticket_is_good_no_longer_than_the_decision_it_rests_on(booth):
    decision = allowed(until=NOW + 90 * SECOND)
    issued = booth.issue(decision=decision, object_=PATH, account="", now=NOW)
    assert issued.expires_at == NOW + 90 * SECOND
    assert booth.issue(decision=decision, object_=PATH, account="", now=NOW + MINUTE).expires_at == NOW + 90 * SECOND
    with pytest.raises(NothingToSay):
        booth.issue(decision=decision, object_=PATH, account="", now=NOW + 61 * SECOND)
    # A cached statement that is nearly over is not shown either.
    short = allowed(until=NOW + 50 * SECOND)
    booth.issue(decision=short, object_=PATH, account="", now=NOW + 20 * SECOND)
    with pytest.raises(NothingToSay):
        booth.issue(decision=short, object_=PATH, account="", now=NOW + 21 * SECOND)


@pytest.mark.clause("B03")
def test_the_key_that_signs_now_signs_and_without_one_nothing_is_said():
    with pytest.raises(NoKey):
        Booth().issue(decision=allowed(), object_=PATH, account="", now=NOW)
    keys.sweep(now=NOW)
    keys.sweep(now=NOW + 28 * DAY)
    booth = Booth()
    decision = allowed(until=NOW + 40 * DAY)
    kids = []
    for moment in (NOW + 30 * DAY - SECOND, NOW + 30 * DAY):
        issued = booth.issue(decision=decision, object_=PATH, account="PER-0001", now=moment)
        ticket = key_queries.own_verifier().verify(issued.token, path=PATH, at=moment)
        kids.append(ticket.kid)
        assert queries.accounts([ticket.user], ["PER-0001"]) == {ticket.user: "PER-0001"}
    assert len(set(kids)) == 2
    with pytest.raises(NoKey):
        booth.issue(decision=decision, object_=PATH, account="", now=NOW + 60 * DAY)


@pytest.mark.clause("B03")
def test_workers_that_state_the_same_at_once_write_it_once(threads):
    keys.sweep(now=NOW)
    threads(6, lambda number: Booth().issue(decision=allowed(), object_=PATH, account="", now=NOW).statement)
    assert Statement.objects.count() == 1


def test_a_statement_is_never_rewritten(booth):
    booth.issue(decision=allowed(), object_=PATH, account="", now=NOW)
    assert queries.broken() == []
    for change in (lambda: Statement.objects.update(content="{}"), lambda: Statement.objects.all().delete()):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


@pytest.mark.clause("B03")
def test_the_invariants_find_evidence_that_was_rewritten_around_us(booth):
    booth.issue(decision=allowed(), object_=PATH, account="", now=NOW)
    look = invariants.CHECKS["statements_say_what_their_codes_say"]
    assert (look(NOW).checked, look(NOW).bad) == (1, [])
    triggers.remove()
    Statement.objects.update(content="{}")
    triggers.install()
    assert look(NOW).bad == [Statement.objects.get().code]
