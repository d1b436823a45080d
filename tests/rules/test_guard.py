"""May we say "half price"? Each reason by name, each boundary by hand, and all of it against a slow second decision."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.rules.guard import (
    ContraryProbe,
    Dark,
    Decision,
    Facts,
    LastList,
    Limits,
    OpenIncident,
    Range,
    Way,
    begins_a_spell,
    decide,
    judge,
    showing_until,
)

TICK = timedelta(microseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIST = datetime(2025, 1, 4, 6, 30, tzinfo=UTC)
NOW = LIST + HOUR
DUE = date(2024, 12, 5)
ADMITTED_FROM = datetime(2024, 12, 8, tzinfo=TEHRAN)  # the due day and three days


def part(first: str = "185.143.232.0", last: str = "185.143.232.3", **more: object) -> Range:
    a, b = ip_address(first), ip_address(last)
    known = {"status": "registered", "reason": "registered", "due": DUE, **more}
    return Range(a, b, int(b) - int(a) + 1, **known)


FINE = Facts(
    operator="hamrah",
    rate="hamrah/mobile",
    ways=(Way("apps"),),
    ranges=(part(),),
    last_list=LastList("SN-1", "2025-01-04T06:30:00Z", LIST),
)


def asked(at: datetime = NOW, **more: object) -> Decision:
    return decide(replace(FINE, **more), at)


def net(text: str):
    return ip_network(text)


# ---- By name ----


@pytest.mark.clause("B02")
def test_with_nothing_against_it_half_price_may_be_said_and_the_evidence_names_list_rate_and_addresses():
    decision = asked()
    assert (decision.allowed, decision.wording, decision.reason) == (True, "half", "admitted")
    evidence = decision.evidence
    assert (evidence.operator, evidence.rate, evidence.deliveries, evidence.against) == (
        "hamrah",
        "hamrah/mobile",
        ("apps",),
        (),
    )
    assert evidence.snapshot.code == "SN-1"
    (one,) = evidence.addresses
    assert (one.range, one.addresses, one.reason, one.due, one.since, one.admitted) == (
        "185.143.232.0/30",
        4,
        "admitted",
        DUE,
        ADMITTED_FROM,
        True,
    )


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("reason", "facts"),
    [
        ("unknown_isp", {"operator": "", "rate": None}),
        ("no_delivery", {"ways": (), "ranges": ()}),
        ("no_addresses", {"ranges": ()}),
        ("forced_dark", {"ways": (Way("apps", "قرارداد تازه"),)}),
        ("no_history", {"last_list": None}),
        ("only_held_back", {"last_list": None, "is_held_back": True}),
        ("list_too_old", {"last_list": LastList("SN-0", "", LIST - 48 * HOUR)}),
        ("open_incident", {"incidents": (OpenIncident((net("185.143.232.3/32"),), ("",)),)}),
        ("contrary_probe", {"probes": (ContraryProbe("hamrah", net("185.143.232.2/32")),)}),
        ("tariff_unverified", {"rate": None}),
        ("relighting", {"darks": (Dark("open_incident", NOW - HOUR, NOW - timedelta(minutes=29)),)}),
        ("not_admitted:absent", {"ranges": (part(status="unregistered", reason="absent", due=None),)}),
        ("not_admitted:not_due", {"ranges": (part(status="pending", reason="not_due", due=date(2025, 1, 15)),)}),
        ("not_admitted:hold", {"ranges": (part(due=date(2025, 1, 3)),)}),
        ("not_admitted:in_drift", {"ranges": (part(is_drifting=True),)}),
        ("not_admitted:foreign", {"ranges": (part(status="ineligible", reason="foreign", due=None),)}),
        ("not_admitted:private", {"ranges": (part(status="ineligible", reason="private", due=None),)}),
        ("not_admitted:changed_in_gap", {"ranges": (part(status="unknown", reason="changed_in_gap"),)}),
        ("not_admitted:translated", {"ranges": (part(status="unknown", reason="translated", due=None),)}),
        ("not_admitted:hold", {"ranges": (part(due=None),)}),  # registered, and nobody says since when
    ],
)
def test_each_reason_alone_turns_the_message_neutral(reason, facts):
    decision = asked(**facts)
    assert (decision.allowed, decision.wording, decision.reason) == (False, "neutral", reason)
    assert decision.evidence.against == (reason,)


@pytest.mark.clause("B02", "B07")
def test_one_address_of_many_is_enough_to_turn_it_neutral():
    bad = part("185.143.232.4", "185.143.232.4", status="unregistered", reason="absent", due=None)
    decision = asked(ranges=(part(), bad, part("185.143.232.5", "185.143.232.7")))
    assert decision.reason == "not_admitted:absent"
    assert [one.admitted for one in decision.evidence.addresses] == [True, False, True]


@pytest.mark.clause("B02", "B07")
def test_an_address_of_version_6_that_is_not_registered_turns_a_dual_stack_delivery_neutral():
    six = part("2a02:4f80::1", "2a02:4f80::1", status="unregistered", reason="absent", due=None)
    assert asked(ranges=(part(), six)).reason == "not_admitted:absent"


@pytest.mark.clause("B02")
def test_of_several_reasons_all_are_told_and_the_nearest_to_the_cause_first():
    decision = asked(
        rate=None,
        last_list=LastList("SN-0", "", LIST - 60 * HOUR),
        incidents=(OpenIncident((), ("hamrah",), "RX-1"),),
        ranges=(part(status="pending", reason="not_due", due=date(2025, 1, 15)),),
    )
    assert decision.evidence.against == (
        "list_too_old",
        "open_incident",
        "not_admitted:not_due",
        "tariff_unverified",
    )
    assert decision.evidence.incidents == ("RX-1",)


# ---- What an incident and a measurement touch ----


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("networks", "operators", "touched"),
    [
        (("185.143.232.0/22",), ("",), True),  # these addresses, of whomever
        (("185.143.232.0/22",), ("rightel",), True),  # the address is bad, whoever noticed it
        (("185.143.232.4/32",), ("rightel",), False),
        (("185.143.232.4/32",), ("",), False),
        (("185.143.232.4/32",), ("hamrah",), False),  # other addresses, whoever's customers were harmed there
        ((), ("hamrah",), True),
        ((), ("rightel",), False),
        ((), ("",), True),
        ((), (), True),  # one that says nothing may be about anything
        (("::/0",), ("",), False),  # the other family
    ],
)
def test_an_open_incident_touches_its_addresses_or_where_it_names_none_its_operators(networks, operators, touched):
    decision = asked(incidents=(OpenIncident(tuple(map(net, networks)), operators),))
    assert (decision.reason == "open_incident") is touched


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("operator", "network", "touched"),
    [
        ("hamrah", "185.143.232.3/32", True),
        ("", "185.143.232.0/24", True),
        ("rightel", "185.143.232.3/32", False),
        ("hamrah", "185.143.232.4/32", False),
    ],
)
def test_a_contrary_measurement_speaks_of_its_operator_and_its_addresses(operator, network, touched):
    assert (asked(probes=(ContraryProbe(operator, net(network)),)).reason == "contrary_probe") is touched


# ---- Boundaries ----


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (48 * HOUR - TICK, "admitted"),
        (48 * HOUR, "admitted"),  # this very age is young enough
        (48 * HOUR + TICK, "list_too_old"),
    ],
)
def test_a_list_is_leant_on_for_48_hours_and_not_a_moment_longer(after, reason):
    assert asked(LIST + after).reason == reason


@pytest.mark.clause("B02")
def test_the_decision_is_relied_on_until_the_moment_at_which_the_list_is_too_old():
    assert asked(LIST + 40 * HOUR).until == LIST + 48 * HOUR + TICK


@pytest.mark.clause("B02", "B07")
@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (ADMITTED_FROM - 3 * DAY - TICK, "not_admitted:hold"),
        (ADMITTED_FROM - TICK, "not_admitted:hold"),
        (ADMITTED_FROM, "admitted"),
        (ADMITTED_FROM + TICK, "admitted"),
    ],
)
def test_an_address_is_admitted_three_days_after_the_midnight_of_its_due_date_and_not_a_moment_before(at, reason):
    found = LastList("SN-1", "", at)
    assert asked(at, last_list=found).reason == reason


@pytest.mark.clause("B02")
def test_while_the_hold_lasts_the_neutral_answer_is_relied_on_until_it_is_over():
    at = ADMITTED_FROM - HOUR
    assert asked(at, last_list=LastList("SN-1", "", at)).until == ADMITTED_FROM


@pytest.mark.clause("B02")
def test_a_due_date_ahead_ends_what_is_relied_on():
    due = date(2025, 1, 5)
    decision = asked(ranges=(part(status="pending", reason="not_due", due=due),))
    assert decision.until == datetime(2025, 1, 5, tzinfo=TEHRAN)


GONE = NOW - timedelta(minutes=10)


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("dark", "at", "reason"),
    [
        (Dark("list_too_old", GONE - HOUR, GONE), GONE + timedelta(minutes=30) - TICK, "relighting"),
        (Dark("list_too_old", GONE - HOUR, GONE), GONE + timedelta(minutes=30), "admitted"),
        (Dark("list_too_old", GONE - HOUR, GONE), GONE + timedelta(minutes=30) + TICK, "admitted"),
        (Dark("list_too_old", GONE - HOUR), GONE + 10 * HOUR, "relighting"),  # nobody found it in order yet
        (Dark("list_too_old", GONE, GONE), GONE, "relighting"),
        (Dark("list_too_old", GONE, GONE), GONE - TICK, "admitted"),  # before it was dark
    ],
)
def test_what_was_dark_is_lit_again_half_an_hour_after_the_reason_is_gone(dark, at, reason):
    assert asked(at, darks=(dark,)).reason == reason


@pytest.mark.clause("B02")
def test_while_it_waits_it_says_when_it_is_lit_again():
    decision = asked(darks=(Dark("open_incident", GONE - HOUR, GONE), Dark("forced_dark", GONE - DAY, GONE - TICK)))
    assert decision.evidence.relit_at == GONE + timedelta(minutes=30)
    assert decision.until == GONE + timedelta(minutes=30) - TICK
    assert asked(darks=(Dark("open_incident", GONE - HOUR),)).evidence.relit_at is None
    assert asked().evidence.relit_at is None


@pytest.mark.clause("B02")
def test_known_changes_end_what_is_relied_on_and_past_ones_do_not():
    assert asked(changes=(NOW - TICK, NOW, NOW + TICK, NOW + HOUR)).until == NOW + TICK
    assert asked(changes=(NOW,)).until == NOW + DAY  # nothing is relied on for longer than a day


@pytest.mark.clause("B02")
def test_a_showing_lasts_for_minutes_and_never_beyond_the_decision():
    decision = asked()
    assert showing_until(decision, NOW, timedelta(minutes=10)) == NOW + timedelta(minutes=10)
    soon = asked(changes=(NOW + timedelta(minutes=3),))
    assert showing_until(soon, NOW, timedelta(minutes=10)) == NOW + timedelta(minutes=3)


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("reason", "begins"),
    [
        ("admitted", False),
        ("list_too_old", True),
        ("no_history", True),
        ("open_incident", True),
        ("contrary_probe", True),
        ("tariff_unverified", True),
        ("forced_dark", True),
        ("not_admitted:absent", True),
        ("not_admitted:in_drift", True),
        ("not_admitted:not_due", False),  # the hold after the due date is the hold
        ("not_admitted:hold", False),
        ("unknown_isp", False),
        ("no_delivery", False),
        ("relighting", False),  # a hold begins no hold
    ],
)
def test_what_is_followed_by_a_hold(reason, begins):
    assert begins_a_spell(reason) is begins


# ---- A slow second decision, from tariff.md §3.7 ----

DATES = st.sampled_from([None, DUE, date(2024, 12, 31), date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 9)])
STATUSES = st.sampled_from(
    [("registered", "registered")] * 6
    + [("pending", "not_due"), ("unregistered", "absent"), ("unknown", "changed_in_gap"), ("ineligible", "foreign")]
)
NETS = st.sampled_from(["185.143.232.0/32", "185.143.232.4/30", "185.143.232.0/24", "2a02::/32", "9.9.9.9/32"])
OPERATORS = st.sampled_from(["hamrah", "hamrah", "hamrah", "rightel", ""])
MOMENTS = st.sampled_from(
    [
        base + offset
        for base in (LIST, LIST + 48 * HOUR, datetime(2025, 1, 4, tzinfo=TEHRAN), datetime(2025, 1, 5, tzinfo=TEHRAN))
        for offset in (-TICK, timedelta(), TICK, timedelta(minutes=30), HOUR)
    ]
)


@st.composite
def drawn_ranges(draw):
    places = draw(st.lists(st.sampled_from([0, 4, 8, "six"]), min_size=0, max_size=3, unique=True))
    found = []
    for place in places:
        status, reason = draw(STATUSES)
        first = "2a02::" if place == "six" else f"185.143.232.{place}"
        last = "2a02::3" if place == "six" else f"185.143.232.{place + 3}"
        found.append(
            part(first, last, status=status, reason=reason, due=draw(DATES), is_drifting=draw(st.integers(0, 9)) == 0)
        )
    return tuple(found)


@st.composite
def drawn_facts(draw):
    rarely = st.integers(0, 5).map(lambda n: n == 0)
    incidents = ()
    if draw(rarely):
        incidents = (
            OpenIncident(
                tuple(map(net, draw(st.lists(NETS, max_size=2)))), tuple(draw(st.lists(OPERATORS, max_size=2)))
            ),
        )
    darks = ()
    if draw(rarely):
        since = draw(MOMENTS)
        darks = (Dark("open_incident", since, draw(st.sampled_from([None, since, since + TICK, since + HOUR]))),)
    return Facts(
        operator=draw(OPERATORS),
        rate=None if draw(rarely) else "rate",
        ways=() if draw(rarely) else (Way("apps", "why" if draw(rarely) else ""),),
        ranges=draw(drawn_ranges()),
        last_list=None if draw(rarely) else LastList("SN", "", draw(st.sampled_from([LIST, LIST - 47 * HOUR]))),
        is_held_back=draw(st.booleans()),
        incidents=incidents,
        probes=(ContraryProbe(draw(OPERATORS), net(draw(NETS))),) if draw(rarely) else (),
        darks=darks,
    )


def may_be_said(facts: Facts, at: datetime) -> bool:
    """The rule as it is written: every address, one by one; slow, and made of nothing that the guard uses."""
    addresses = [
        (ip_address(number) if one.first.version == 4 else ip_address(f"2a02::{number:x}"), one)
        for one in facts.ranges
        for number in (
            range(int(one.first), int(one.last) + 1)
            if one.first.version == 4
            else range(int(one.last) & 0xFFFF, -1, -1)
        )
    ]
    if facts.operator == "" or facts.rate is None or not facts.ways or not addresses or facts.last_list is None:
        return False
    if [way for way in facts.ways if way.dark_because]:
        return False
    if (at - facts.last_list.ends_at).total_seconds() > 48 * 3600:
        return False
    for address, one in addresses:
        if one.status != "registered" or one.due is None or one.is_drifting:
            return False
        midnight = datetime(one.due.year, one.due.month, one.due.day, tzinfo=TEHRAN)
        if at.timestamp() < midnight.timestamp() + 3 * 86400:
            return False
        for probe in facts.probes:
            if probe.operator in ("", facts.operator) and address in probe.network:
                return False
        for incident in facts.incidents:
            if any(address in network for network in incident.networks):
                return False
    for incident in facts.incidents:
        if incident.networks == () and (incident.operators == () or {"", facts.operator} & set(incident.operators)):
            return False
    for dark in facts.darks:
        if dark.since <= at and (dark.gone_at is None or at - dark.gone_at < timedelta(minutes=30)):
            return False
    return True


@given(facts=drawn_facts(), at=MOMENTS)
def test_the_guard_says_what_a_slow_second_decision_says(facts, at):
    decision = decide(facts, at)
    assert decision.allowed is may_be_said(facts, at)
    assert decision.wording == ("half" if decision.allowed else "neutral")
    assert decision.allowed is (decision.reason == "admitted") is (not decision.evidence.against)


@given(facts=drawn_facts(), at=MOMENTS, share=st.floats(0, 1))
def test_nothing_changes_by_itself_before_the_end_of_what_is_relied_on(facts, at, share):
    decision = decide(facts, at)
    assert at < decision.until <= at + DAY
    for later in (at + (decision.until - at) * share, decision.until - TICK):
        if at <= later < decision.until:
            again = decide(facts, later)
            assert (again.allowed, again.evidence.against) == (decision.allowed, decision.evidence.against)


@given(facts=drawn_facts(), at=MOMENTS)
def test_to_know_less_never_lights_what_is_dark(facts, at):
    for poorer in (
        replace(facts, operator=""),
        replace(facts, rate=None),
        replace(facts, ranges=()),
        replace(facts, ways=()),
        replace(facts, last_list=None),
    ):
        assert not decide(poorer, at).allowed


@given(facts=drawn_facts(), at=MOMENTS)
def test_addresses_judged_beforehand_give_the_same_decision(facts, at):
    judged = judge(facts.ranges, facts.last_list, at, Limits())
    assert decide(facts, at, judged) == decide(facts, at)
