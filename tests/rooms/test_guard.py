"""The guard over real tables: lit by evidence, dark at once, relit slowly; deliveries wait for their addresses."""

from datetime import timedelta
from fractions import Fraction
from ipaddress import ip_network
from types import SimpleNamespace

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from peyman.entrypoints import tariff_watch
from peyman.entrypoints.jobs import invariants
from peyman.kernel.errors import Invalid, Missing
from peyman.market.guard.actions import deliveries, spells
from peyman.market.guard.models import Delivery, Spell
from peyman.market.guard.queries import scene, view
from peyman.market.incidents.actions import incidents
from peyman.market.tariff.actions import edges, rates
from peyman.market.tariff.rules.guard import Decision
from tests import make, registry
from tests.guarding import (
    CUSTOMER,
    DAY,
    HOUR,
    LONG_AGO,
    NOW,
    OBJECT,
    OTHER,
    OURS,
    STRANGER,
    customers,
    deliver,
    edge,
    empty,
    lit,
    measured,
    rate,
    seen,
)

TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
RELIGHT = 30 * MINUTE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _asks_each_time(settings):
    settings.GUARD_LOOK = 0.0


def decision(at=NOW, client=CUSTOMER, object_=OBJECT) -> Decision:
    return view.decide(object_, client, at)


def reason(at=NOW, client=CUSTOMER, object_=OBJECT) -> str:
    return decision(at, client, object_).reason


def manager():
    make.calendar()
    make.terms()
    return make.person(role="manager")


def incident(ranges=OURS, operator="", now=NOW):
    typed = {"title": "قطعی", "ranges": ranges, "operator": operator, "from": "1403/10/1", "reason": "گزارش"}
    return incidents.detect_by_staff(typed=typed, by=manager(), now=now)


# ---- Lit and dark ----


@pytest.mark.clause("B02")
def test_half_price_is_said_with_the_list_the_rate_and_every_address_as_evidence():
    lit()
    found = decision()
    assert (found.allowed, found.wording, found.reason) == (True, "half", "admitted")
    evidence = found.evidence
    assert (evidence.operator, evidence.rate, evidence.deliveries) == ("hamrah", "hamrah/mobile", ("apps",))
    assert [(one.range, one.admitted) for one in evidence.addresses] == [(OURS, True)]
    assert evidence.snapshot.ends_at == NOW - HOUR


@pytest.mark.clause("B02")
def test_the_decision_ends_when_the_list_grows_too_old():
    lit()
    at = NOW + 40 * HOUR
    assert decision(at).until == NOW - HOUR + 48 * HOUR + TICK
    assert reason(NOW + 47 * HOUR) == "admitted"
    assert reason(NOW + 47 * HOUR + TICK) == "list_too_old"


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("client", "said"),
    [
        (STRANGER, "unknown_isp"),
        (OTHER, "tariff_unverified"),
        ("10.0.0.7", "client_private"),
        ("2002:0534:0102::1", "client_translated"),
        ("fe80::1%eth0", "client_zoned"),
        ("nobody", "client_unreadable"),
        ("", "client_unreadable"),
        (f"::ffff:{CUSTOMER}", "admitted"),
    ],
)
def test_whoever_asks_has_an_answer(client, said):
    lit()
    found = decision(client=client)
    assert (found.reason, found.wording) == (said, "half" if said == "admitted" else "neutral")


@pytest.mark.clause("B02")
def test_what_nobody_declared_to_deliver_is_neutral():
    lit()
    assert reason(object_="books/1.epub") == "no_delivery"
    assert reason(object_="/apps/x.apk?token=1") == "admitted"


@pytest.mark.clause("B02")
def test_without_a_list_or_with_lists_in_quarantine_alone_it_is_neutral():
    edge()
    customers(("5.52.0.0/16", "hamrah"))
    rate()
    deliver(dark="هنوز فهرستی نیست")
    assert decision().evidence.against == ("forced_dark", "no_history", "not_admitted:no_history")
    registry.held(registry.listing(NOW.isoformat(), registry.line(OURS)), "shrunk", now=NOW)
    assert view.at(NOW).decide(OBJECT, CUSTOMER, NOW).evidence.against[1] == "only_held_back"


@pytest.mark.clause("B02", "B07")
def test_a_second_edge_that_is_not_registered_turns_it_dark_at_once():
    lit()
    assert reason() == "admitted"
    edge("185.143.233.0/30", since=NOW)
    found = decision(NOW + TICK)
    assert found.reason == "not_admitted:absent"
    assert [(one.range, one.reason) for one in found.evidence.addresses] == [
        (OURS, "admitted"),
        ("185.143.233.0/30", "absent"),
    ]


@pytest.mark.clause("B02", "B07")
def test_an_edge_of_version_6_that_is_not_registered_turns_it_dark():
    lit()
    edge("2001:678:b0::/48", since=NOW)
    assert reason(NOW) == "not_admitted:absent"


@pytest.mark.clause("B02", "B07")
@pytest.mark.parametrize(
    ("prefix", "said"),
    [("192.168.204.48/28", "not_admitted:private"), ("89.187.169.88/29", "not_admitted:foreign")],
)
def test_a_private_or_foreign_edge_turns_it_dark(prefix, said):
    lit()
    edge(prefix, since=NOW)
    assert said in decision().evidence.against


@pytest.mark.clause("B02", "B07")
def test_large_ranges_are_judged_without_counting_their_addresses():
    lit()
    edge("185.140.0.0/14", since=NOW)
    edge("2001:678:b0::/46", since=NOW)
    found = decision()
    assert found.reason.startswith("not_admitted:")
    assert sum(one.addresses for one in found.evidence.addresses) == 2**18 + 2**82


@pytest.mark.clause("B02")
def test_an_edge_that_begins_later_ends_what_is_relied_on():
    lit()
    edge("185.143.233.0/30", since=NOW + HOUR)
    assert (decision().reason, decision().until) == ("admitted", NOW + HOUR)
    assert reason(NOW + HOUR - TICK) == "admitted"
    assert reason(NOW + HOUR) == "not_admitted:absent"


@pytest.mark.clause("B02")
def test_the_end_of_a_rate_and_of_an_operators_range_end_what_is_relied_on():
    seen(NOW - HOUR)
    edge()
    customers(("5.52.0.0/16", "hamrah"), until=NOW + 3 * HOUR)
    rate(until=NOW + 2 * HOUR)
    deliver()
    assert (reason(), decision().until) == ("admitted", NOW + 2 * HOUR)
    assert reason(NOW + 2 * HOUR) == "tariff_unverified"
    assert decision(NOW + 2 * HOUR).until == NOW + 3 * HOUR
    assert reason(NOW + 3 * HOUR) == "unknown_isp"


@pytest.mark.clause("B02")
def test_a_rate_that_a_person_doubts_turns_its_operator_dark_at_once():
    lit()
    made = rate("rightel")
    assert reason(client=OTHER) == "admitted"
    by = make.person(role="tariff")
    rates.doubt(rate_id=made.pk, source_seen="page", reason="it changed", by=by, now=NOW)
    assert (reason(client=OTHER), reason()) == ("tariff_unverified", "admitted")


@pytest.mark.clause("B02")
def test_a_contrary_measurement_turns_its_operator_dark():
    lit()
    measured("hamrah", "185.143.232.1/32", Fraction(1))
    assert reason() == "contrary_probe"
    measured("hamrah", "185.143.232.0/24", Fraction(1, 2), at=NOW + HOUR)
    assert reason(NOW + HOUR) == "admitted"


@pytest.mark.clause("B02")
def test_an_open_incident_turns_it_dark_and_names_itself():
    lit()
    made = incident()
    assert (reason(), decision().evidence.incidents) == ("open_incident", (made.code,))


@pytest.mark.clause("B02")
def test_a_drift_that_was_noticed_keeps_an_address_dark_until_it_is_over():
    lit()
    edge("185.143.233.0/30", cdn="other", since=LONG_AGO)  # no part of the delivery
    tariff_watch.sweep(now=NOW)
    assert reason() == "admitted"
    empty(NOW + HOUR)
    assert reason(NOW + HOUR) == "not_admitted:absent"
    tariff_watch.sweep(now=NOW + HOUR)
    seen(NOW + 2 * HOUR)
    tariff_watch.sweep(now=NOW + 2 * HOUR)
    assert reason(NOW + 2 * HOUR) == "not_admitted:in_drift"


# ---- Which deliveries ----


@pytest.mark.clause("B02", "B07")
def test_every_delivery_that_may_serve_an_object_counts():
    lit()
    edge("185.143.233.0/30", cdn="road")
    deliver("video", "apps/video/*", cdns=("road",), dark="نشانی‌ها هنوز ثبت نیست")
    assert reason(object_="apps/a.apk") == "admitted"
    found = decision(object_="apps/video/1.apk")
    assert found.evidence.deliveries == ("apps", "video")
    assert found.evidence.against == ("forced_dark", "not_admitted:absent")


@pytest.mark.clause("B02")
def test_a_delivery_for_some_operators_says_nothing_to_the_customers_of_others():
    seen(NOW - HOUR)
    edge()
    customers(("5.52.0.0/16", "hamrah"), ("5.53.32.0/19", "rightel"))
    rate("hamrah")
    rate("rightel")
    deliver(operators=("hamrah",))
    assert (reason(), reason(client=OTHER)) == ("admitted", "no_delivery")


# ---- The gate (B07) ----


@pytest.mark.clause("B07")
def test_a_delivery_is_refused_while_an_address_is_not_admitted_and_nothing_changes():
    seen(NOW - HOUR, "185.143.232.0/31")
    edge()
    with pytest.raises(deliveries.NotAdmitted) as refused:
        deliver()
    assert (refused.value.code, refused.value.clause) == ("delivery_not_admitted", "B07")
    assert refused.value.details == {"total": 4, "wrong": 2, "first": "185.143.232.2/31"}
    assert not Delivery.objects.exists()


@pytest.mark.clause("B07")
def test_a_delivery_without_any_address_is_refused():
    seen(NOW - HOUR)
    with pytest.raises(deliveries.NoAddresses):
        deliver()
    assert not Delivery.objects.exists()


@pytest.mark.clause("B07")
def test_a_change_to_another_network_is_refused_and_the_old_one_stays_in_force():
    lit()
    edge("185.143.233.0/30", cdn="road")
    with pytest.raises(deliveries.NotAdmitted):
        deliver(cdns=("road",), since=NOW)
    assert reason() == "admitted"
    assert list(Delivery.objects.values_list("cdns", "superseded_at")) == [(["shahr"], None)]


@pytest.mark.clause("B07")
def test_what_is_forced_dark_with_a_reason_passes_the_gate_and_is_dark():
    lit()
    edge("185.143.233.0/30", cdn="road")
    row = deliver(cdns=("road",), since=NOW, dark="ثبتش در راه است")
    assert row.dark_because == "ثبتش در راه است"
    assert "forced_dark" in decision().evidence.against
    with pytest.raises(deliveries.NotAdmitted):
        deliveries.lighten(name="apps", by=None, now=NOW)
    assert "forced_dark" in decision().evidence.against


@pytest.mark.clause("B07")
def test_what_is_past_is_history_and_passes_the_gate():
    seen(NOW - HOUR)
    deliver(ranges=("9.9.9.0/24",), cdns=(), since=LONG_AGO, until=NOW)
    assert reason() == "unknown_isp"
    with pytest.raises(deliveries.NotAdmitted):
        deliver("later", ranges=("9.9.9.0/24",), cdns=(), since=LONG_AGO, until=NOW + TICK)


@pytest.mark.clause("B07")
def test_to_keep_a_delivery_dark_takes_a_reason():
    lit()
    for why in ("", "  ", "د" * 301):
        with pytest.raises(deliveries.WhyMissing):
            deliveries.darken(name="apps", why=why, by=None, now=NOW)
    assert reason() == "admitted"
    with pytest.raises(Missing):
        deliveries.darken(name="none", why="چون", by=None, now=NOW)


@pytest.mark.clause("B07")
def test_what_we_believed_of_a_delivery_is_never_rewritten():
    lit()
    by = make.person(role="tariff")
    deliveries.darken(name="apps", why="سنجش", by=by, now=NOW)
    rows = Delivery.objects.order_by("pk").values_list("valid_from", "valid_to", "dark_because", "superseded_at")
    assert list(rows) == [
        (LONG_AGO, None, "", NOW),
        (LONG_AGO, NOW, "", None),
        (NOW, None, "سنجش", None),
    ]
    assert Delivery.objects.get(dark_because="سنجش").recorded_by == by.code
    for change in ({"pattern": "x"}, {"dark_because": "y"}, {"valid_from": NOW}, {"recorded_at": LONG_AGO}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.all().delete()


@pytest.mark.clause("B07")
def test_the_same_again_changes_nothing():
    lit()
    deliver()
    deliveries.darken(name="apps", why="سنجش", by=None, now=NOW)
    count = Delivery.objects.count()
    deliveries.darken(name="apps", why="سنجش", by=None, now=NOW + HOUR)
    assert Delivery.objects.count() == count == 3


@pytest.mark.clause("B07")
def test_a_delivery_may_end_and_is_history_from_then_on():
    lit()
    deliveries.end(name="apps", valid_to=NOW + HOUR, by=None, now=NOW)
    assert (reason(), decision().until) == ("admitted", NOW + HOUR)
    assert reason(NOW + HOUR) == "no_delivery"
    with pytest.raises(Invalid):
        deliveries.end(name="apps", valid_to=LONG_AGO, by=None, now=NOW)


@pytest.mark.clause("B07")
@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (deliveries.Asked("", "apps/*", ["shahr"]), "name"),
        (deliveries.Asked("a" * 61, "apps/*", ["shahr"]), "name"),
        (deliveries.Asked("apps", "*.apk", ["shahr"]), "pattern"),
        (deliveries.Asked("apps", "apps/*"), "cdns"),
        (deliveries.Asked("apps", "apps/*", prefixes=["five"]), "prefixes"),
        (deliveries.Asked("apps", "apps/*", prefixes=["0.0.0.0/0"]), "prefixes"),
    ],
)
def test_what_is_typed_wrong_is_named(asked, field):
    with pytest.raises(Invalid) as refused:
        deliveries.put(asked=asked, valid_from=NOW, by=None, now=NOW)
    assert list(refused.value.fields) == [field]


# ---- Dark at once, relit slowly ----


@pytest.mark.clause("B02")
def test_a_new_list_does_not_light_it_before_the_hold_is_over():
    lit()
    stale = NOW + 60 * HOUR
    assert reason(stale) == "list_too_old"
    tariff_watch.guard(now=stale)
    seen(stale + HOUR)
    assert reason(stale + HOUR) == "relighting"  # nobody took down yet that it is in order
    tariff_watch.guard(now=stale + HOUR + MINUTE)
    found = decision(stale + 2 * HOUR - HOUR + 2 * MINUTE)
    lit_at = stale + HOUR + MINUTE + RELIGHT
    assert (found.reason, found.evidence.relit_at, found.until) == ("relighting", lit_at, lit_at)
    assert reason(lit_at - TICK) == "relighting"
    assert reason(lit_at) == "admitted"


@pytest.mark.clause("B02")
def test_the_hold_is_kept_in_the_tables_and_survives_a_restart():
    lit()
    made = incident()
    tariff_watch.guard(now=NOW)
    row = Spell.objects.get(operator="hamrah")
    assert (row.delivery, row.reason, row.since, row.gone_at) == ("apps", "open_incident", NOW, None)
    incidents.dismiss(code=made.code, reason="اشتباه بود", by=make.person(role="manager"), now=NOW + HOUR)
    assert reason(NOW + HOUR) == "relighting"
    tariff_watch.guard(now=NOW + HOUR)
    row.refresh_from_db()
    assert row.gone_at == NOW + HOUR
    view._holder.cache_clear()  # a process that knows nothing
    assert reason(NOW + HOUR + RELIGHT - TICK) == "relighting"
    assert reason(NOW + HOUR + RELIGHT) == "admitted"


@pytest.mark.clause("B02")
def test_what_goes_dark_again_within_the_hold_begins_it_anew():
    lit()
    first = incident()
    by = make.person(role="manager")
    tariff_watch.guard(now=NOW)
    incidents.dismiss(code=first.code, reason="اشتباه بود", by=by, now=NOW + MINUTE)
    tariff_watch.guard(now=NOW + MINUTE)
    second = incident(now=NOW + 2 * MINUTE)
    tariff_watch.guard(now=NOW + 2 * MINUTE)
    incidents.dismiss(code=second.code, reason="اشتباه بود", by=by, now=NOW + 3 * MINUTE)
    tariff_watch.guard(now=NOW + 3 * MINUTE)
    assert reason(NOW + MINUTE + RELIGHT) == "relighting"
    assert reason(NOW + 3 * MINUTE + RELIGHT) == "admitted"


@pytest.mark.clause("B02")
def test_what_waits_for_its_due_date_is_lit_by_the_hold_after_it_and_by_no_other():
    due = registry.moment("2025-01-04")[0] - 2 * DAY  # 2 January in Tehran: 1403/10/13
    seen(NOW - HOUR, due="1403/10/13")
    edge()
    customers(("5.52.0.0/16", "hamrah"))
    rate()
    deliver(dark="تا موعد")
    assert decision().evidence.against == ("forced_dark", "not_admitted:hold")
    lit_at = due + 3 * DAY
    with pytest.raises(deliveries.NotAdmitted):
        deliveries.lighten(name="apps", by=None, now=lit_at - TICK)
    deliveries.lighten(name="apps", by=None, now=lit_at)
    tariff_watch.guard(now=lit_at)
    assert not Spell.objects.exists()
    assert reason(lit_at) == "admitted"


@pytest.mark.clause("B02")
def test_a_sweep_with_nothing_new_costs_two_queries_and_writes_nothing():
    lit()
    assert tariff_watch.guard(now=NOW) == 1  # rightel has no verified rate
    assert tariff_watch.guard(now=NOW + MINUTE) == 0
    with CaptureQueriesContext(connection) as asked:
        assert tariff_watch.guard(now=NOW + 2 * MINUTE) == 0
    assert len(asked) == 2


@pytest.mark.clause("B02")
def test_the_sweep_looks_by_itself_when_a_list_grows_too_old():
    lit()
    tariff_watch.guard(now=NOW)
    assert tariff_watch.guard(now=NOW + 47 * HOUR) == 0
    assert tariff_watch.guard(now=NOW + 47 * HOUR + TICK) == 1


@pytest.mark.clause("B02")
def test_a_spell_is_never_rewritten_and_two_sweeps_write_it_once():
    lit()
    incident()
    spells.note(now=NOW)
    found = scene.read(NOW)
    assert spells._note(spells._verdicts(found), NOW).count == 0
    assert Spell.objects.count() == 2
    spell = Spell.objects.get(operator="hamrah")
    Spell.objects.filter(pk=spell.pk).update(gone_at=NOW)
    for change in ({"gone_at": None}, {"gone_at": NOW + HOUR}, {"since": NOW - DAY}, {"reason": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Spell.objects.filter(pk=spell.pk).update(**change)


# ---- The view ----


@pytest.mark.clause("B02")
def test_a_decision_asks_the_database_at_most_once_a_second(settings, monkeypatch):
    settings.GUARD_LOOK = 1.0
    seconds = [100.0]
    monkeypatch.setattr(view, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    lit()
    decision()
    for later, queries in ((0.999, 0), (1.0, 1), (1.999, 0), (2.0, 1)):
        seconds[0] = 100.0 + later
        with CaptureQueriesContext(connection) as asked:
            for _ in range(200):
                assert decision(NOW + timedelta(seconds=1)).allowed
        assert len(asked) == queries, later


@pytest.mark.clause("B02")
@pytest.mark.parametrize("many", [1, 8])
def test_a_view_is_compiled_with_the_same_queries_however_many_deliveries(many):
    lit()
    for number in range(many):
        deliver(f"apps-{number}", f"apps/{number}/*")
    scene.read(NOW)
    with CaptureQueriesContext(connection) as asked:
        found = scene.read(NOW)
    assert len(asked) == 13
    seen(NOW - MINUTE)
    scene.read(NOW)
    with CaptureQueriesContext(connection) as asked:
        scene.read(NOW, found)
    assert len(asked) == 5  # the counters twice, the history's, incidents and drifts


@pytest.mark.clause("B02")
def test_a_view_says_nothing_of_an_instant_that_it_is_not_of():
    lit()
    found = view.at(NOW)
    for at in (NOW - TICK, found.until, NOW + 10 * DAY):
        said = found.decide(OBJECT, CUSTOMER, at)
        assert (said.allowed, said.reason) == (False, "not_current")
    assert found.decide(OBJECT, CUSTOMER, found.until - TICK).allowed


@pytest.mark.clause("B02")
def test_an_instant_that_has_passed_is_answered_as_the_history_says():
    seen(NOW - 20 * DAY, due="1403/09/15")
    empty(NOW - 14 * DAY)
    seen(NOW - HOUR)
    edge()
    customers(("5.52.0.0/16", "hamrah"))
    rate()
    deliver()

    def said(at):
        return view.at(at).decide(OBJECT, CUSTOMER, at).reason

    assert said(NOW) == "admitted"
    assert said(NOW - 20 * DAY) == "admitted"
    assert said(NOW - 14 * DAY) == "not_admitted:absent"
    assert said(NOW - 10 * DAY) == "list_too_old"
    assert said(NOW - 21 * DAY) == "no_history"


@pytest.mark.clause("B02")
def test_the_view_says_for_every_cell_what_deciding_it_alone_says():
    lit()
    edge("185.143.233.0/30", cdn="road")
    deliver("video", "apps/video/*", cdns=("road",), dark="ثبت در راه است")
    incident("9.9.9.0/24", "rightel")
    compiled, alone = view.at(NOW), scene.read(NOW)
    for object_, names in (("apps/a", ("apps",)), ("apps/video/a", ("apps", "video")), ("b", ())):
        for client, operator in ((CUSTOMER, "hamrah"), (OTHER, "rightel"), (STRANGER, "")):
            assert compiled.decide(object_, client, NOW) == alone.decide(names, operator)


@pytest.mark.clause("B02")
def test_what_a_process_knows_is_replaced_whole_when_anything_moves():
    lit()
    old = view.view(NOW)
    assert view.view(NOW) is old
    changes = (
        lambda: tariff_watch.guard(now=NOW),  # rightel has no verified rate
        lambda: seen(NOW - MINUTE),
        lambda: edge("185.143.232.0/31", cdn="road"),
        lambda: customers(("5.54.0.0/16", "rightel")),
        lambda: rate("rightel"),
        lambda: measured("rightel", "9.9.9.0/24", Fraction(1)),
        lambda: incident("9.9.9.0/24"),
        lambda: deliver("books", "books/*"),
        lambda: edges.declare(
            cdn="road", prefix="1.2.3.0/24", valid_from=NOW, valid_to=None, source="x", by=None, now=NOW
        ),
    )
    for change in changes:
        change()
        new = view.view(NOW)
        assert new is not old
        assert new.mark != old.mark
        old = new


@pytest.mark.clause("B02")
def test_a_table_of_customers_that_did_not_move_is_not_compiled_again():
    lit()
    old = view.view(NOW)
    seen(NOW - MINUTE)
    assert view.view(NOW).lookup is old.lookup
    customers(("5.54.0.0/16", "rightel"))
    assert view.view(NOW).lookup is not old.lookup


# ---- What must always be true ----


@pytest.mark.clause("B07")
def test_check_invariants_looks_at_every_delivery_and_finds_two_of_one_name():
    lit()
    assert invariants.CHECKS["deliveries_do_not_overlap"](NOW) == invariants.Finding(1, [])
    Delivery.objects.create(
        name="apps", pattern="x", cdns=["shahr"], valid_from=NOW - DAY, recorded_at=NOW, recorded_by=""
    )
    assert len(invariants.CHECKS["deliveries_do_not_overlap"](NOW).bad) == 1


@pytest.mark.clause("B02", "B07")
def test_check_invariants_holds_what_is_lit_against_the_gate(monkeypatch):
    lit()
    check = invariants.CHECKS["half_price_is_said_of_admitted_addresses"]
    assert check(NOW) == invariants.Finding(1, [])
    plain = invariants.guard.drifting.check
    monkeypatch.setattr(invariants.guard.drifting, "check", lambda networks, at: plain([ip_network("9.9.9.0/30")], at))
    assert check(NOW) == invariants.Finding(1, ["apps"])
