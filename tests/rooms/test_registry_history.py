"""Lists into the history, in any order, by any number of hands: the stays are those that whole lists would show."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peyman.kernel import prefixes
from peyman.kernel.errors import Missing
from peyman.market.tariff.actions import history as actions
from peyman.market.tariff.models import Row, Snapshot, Stay
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import history as rules
from tests import make, registry
from tests.registry import NOW, held, line, listing, mark, runs, shelf, stays, take, tehran

pytestmark = pytest.mark.django_db

OURS = line()
OTHER = line("79.175.191.0/24", name="https://filimo.com")
THIRD = line("2001:db8:1::/48", name="balad.ir")


def ask(address: str, at: str, registrant: str = "") -> tuple[str, str]:
    answer = queries.status(prefixes.address(address), tehran(at), registrant)
    assert queries.view().status(prefixes.address(address), tehran(at), registrant) == answer
    return answer.state, answer.reason


# ---- One list after the other ----


@pytest.mark.clause("B05")
def test_a_row_stays_from_its_first_list_until_the_first_without_it():
    first, second, third = (
        listing("2023-02-04", OURS, OTHER),
        listing("2023-02-10", OTHER),
        listing("2023-02-17", OTHER, THIRD),
    )
    for one in (first, second, third):
        take(one)
    assert stays() == {
        (OURS.key, mark(first), mark(second)),
        (OTHER.key, mark(first), None),
        (THIRD.key, mark(third), None),
    }


@pytest.mark.clause("B05")
def test_a_row_that_comes_back_has_two_stays_and_its_absence_is_kept():
    lists = [listing("2023-02-04", OURS), listing("2023-02-10", OTHER), listing("2023-02-17", OURS, OTHER)]
    for one in lists:
        take(one)
    assert {run for run in stays() if run[0] == OURS.key} == {
        (OURS.key, mark(lists[0]), mark(lists[1])),
        (OURS.key, mark(lists[2]), None),
    }
    assert ask("185.143.232.7", "2023-02-10 12:00") == ("unregistered", "absent")
    assert ask("185.143.232.7", "2023-02-17 12:00") == ("registered", "registered")


@pytest.mark.clause("B05")
def test_a_list_that_is_brought_later_cuts_a_stay_in_two():
    first, middle, last = listing("2023-02-04", OURS), listing("2023-02-10", OTHER), listing("2023-02-17", OURS)
    for one in (first, last, middle):
        take(one)
    assert stays() == {
        (OURS.key, mark(first), mark(middle)),
        (OURS.key, mark(last), None),
        (OTHER.key, mark(middle), mark(last)),
    }
    assert ask("185.143.232.7", "2023-02-10 12:00") == ("unregistered", "absent")


def test_a_list_older_than_all_lets_stays_begin_earlier():
    old, young = listing("2023-02-04", OURS, OTHER), listing("2023-02-10", OURS)
    take(young)
    take(old)
    assert stays() == {(OURS.key, mark(old), None), (OTHER.key, mark(old), mark(young))}


def test_the_same_list_again_is_the_snapshot_of_then():
    one = listing("2023-02-04", OURS)
    first = take(one)
    before = registry.tables()
    assert take(one, now=NOW + timedelta(days=3)) == first
    assert registry.tables() == before
    assert Snapshot.objects.get().taken_at == NOW


def test_a_row_listed_three_times_is_one_row_and_counted_as_three():
    snapshot = take(listing("2023-02-04", OURS, OURS, OTHER, OURS))
    assert (snapshot.rows, Row.objects.count(), Stay.objects.count()) == (4, 2, 2)
    snapshot.refresh_from_db()
    assert (snapshot.listed, snapshot.networks) == (2, 2)


def test_two_lists_of_one_day_that_differ_leave_what_they_differ_in_unknown():
    take(listing("2023-02-04", OURS, OTHER))
    take(listing("2023-02-04", OTHER, source="another"))
    assert ask("185.143.232.7", "2023-02-04 12:00") == ("unknown", "list_disagrees")
    assert ask("79.175.191.9", "2023-02-04 12:00") == ("registered", "registered")


def test_the_first_rows_are_kept_as_they_were_written():
    take(listing("2023-02-04", line("79.175.191.193/26", name="HTTPS://Cafebazaar.ir/app\u00a0", due="1401/13/41")))
    row = Row.objects.get()
    assert (row.name_as_entered, row.network_as_entered) == ("HTTPS://Cafebazaar.ir/app\u00a0", "79.175.191.193/26")
    assert (row.host, row.host_path, row.network) == ("cafebazaar.ir", "ir.cafebazaar.", "79.175.191.192/26")
    assert (row.due_as_entered, row.due_on) == ("1401/13/41", None)
    assert {"host_bits", "due_unreadable", "name_has_path"} <= set(row.flags)


# ---- In any order ----

POOL = [
    line("10.0.0.0/8", name=""),
    line("185.143.232.0/22"),
    line("185.143.232.0/22", update="1401/12/02", due="1401/12/15"),
    line("185.143.233.0/24", name="http://dl.cafebazaar.ir", due="1402/01/15"),
    line("185.143.233.7/32", name="https://filimo.com"),
    line("2001:db8::/121", name="balad.ir"),
]
MOMENTS = ["2023-02-04", "2023-02-10", "2023-02-10T09:00", "2023-02-17", "2023-02-28", "2023-03-06", "2023-03-06T00:00"]
ADDRESSES = ["185.143.233.7", "185.143.232.1", "2001:db8::5", "8.8.8.8"]
worlds = st.lists(
    st.builds(
        lambda seen, lines, source: registry.Listing(seen, tuple(sorted(lines, key=lambda one: one.key)), source),
        st.sampled_from(MOMENTS),
        st.sets(st.sampled_from(POOL), min_size=1),
        st.sampled_from(["mirror", "ours"]),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: (one.seen, one.sha256, one.source),
)


def listed(world: list[registry.Listing]) -> list[rules.Listed]:
    """Every stay, counted from whole lists, as the rules take them."""
    order = [mark(one) for one in sorted(world, key=lambda one: one.place)]
    read = {one.key: registry.rows.read(one) for one in POOL}
    return [
        rules.Listed(
            0,
            read[key].network,
            read[key].host,
            read[key].update_on,
            read[key].due_on,
            order.index(first),
            None if absent is None else order.index(absent),
        )
        for key, first, absent in runs(world)
    ]


def slowly(world: list[registry.Listing], address: str, at, registrant: str) -> tuple[str, str]:
    """Answer by the rules from stays that were counted from whole lists."""
    order = sorted(world, key=lambda one: one.place)
    seen = [rules.seen(one.seen, *rules.moment(one.seen)) for one in order]
    one = prefixes.address(address)
    covering = [
        row
        for row in listed(world)
        if row.network in prefixes.supernets(one) and (not registrant or rules.is_own(row.host, registrant))
    ]
    answer = rules.status(seen, covering, at)
    return answer.state, answer.reason


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, data=st.data())
def test_the_order_of_import_makes_no_difference(world, data):
    order = data.draw(st.permutations(world))
    together = data.draw(st.booleans())
    known = actions.Known()
    with transaction.atomic():
        for one in order:
            take(one, known=known if together else None)
        assert stays() == runs(world)
        assert [(one.listed, one.digest) for one in queries.ordered()] == [
            (count, digest) for _, count, digest in queries.standing_digests()
        ]
        queries._compiled.cache_clear()
        view = queries.view()
        for address in ADDRESSES:
            for registrant in ("", "cafebazaar.ir"):
                for seen in data.draw(st.sets(st.sampled_from(MOMENTS), min_size=2, max_size=2)):
                    at = rules.moment(seen)[0] + data.draw(st.sampled_from([-1, 0, 1, 40_000])) * timedelta(seconds=1)
                    expected = slowly(world, address, at, registrant)
                    answer = queries.status(prefixes.address(address), at, registrant)
                    assert (answer.state, answer.reason) == expected
                    answer = view.status(prefixes.address(address), at, registrant)
                    assert (answer.state, answer.reason) == expected
        transaction.set_rollback(True)
    queries._compiled.cache_clear()


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, data=st.data())
def test_what_we_knew_then_is_what_the_lists_we_had_then_say(world, data):
    order = data.draw(st.permutations(world))
    had = data.draw(st.integers(0, len(order)))
    with transaction.atomic():
        for hour, one in enumerate(order, start=1):
            take(one, now=NOW + timedelta(hours=hour))
        for address in ADDRESSES:
            at = rules.moment(data.draw(st.sampled_from(MOMENTS)))[0]
            then = queries.explained(prefixes.address(address), at, known_by=NOW + timedelta(hours=had))
            assert (then.answer.state, then.answer.reason) == slowly(order[:had], address, at, "")
        transaction.set_rollback(True)


# ---- What is held back ----


@pytest.mark.clause("B05")
def test_a_list_that_is_held_back_or_unreadable_changes_nothing_in_the_history():
    take(listing("2023-02-04", OURS, OTHER))
    before = stays()
    snapshot = held(listing("2023-02-10", OTHER), "shrunk")
    assert (snapshot.state, snapshot.reasons) == ("quarantined", [{"code": "shrunk", "detail": "shrunk"}])
    assert stays() == before
    assert [look.says_when for look in queries.order().looks] == ["2023-02-04"]
    assert ask("185.143.232.7", "2023-02-10 12:00") == ("unknown", "after_history")


@pytest.mark.clause("B05")
def test_a_second_list_that_agrees_lets_the_first_go_and_both_extend_the_history():
    first, short, again = (
        listing("2023-02-04", OURS, OTHER),
        listing("2023-02-10", OTHER),
        listing("2023-02-11", OTHER, source="ours"),
    )
    take(first)
    one = held(short, "shrunk", others=[short])
    two = held(again, "shrunk", others=[short], now=NOW + timedelta(hours=6))
    one.refresh_from_db()
    assert (one.state, one.released_at, one.agrees_with) == ("good", NOW + timedelta(hours=6), two)
    assert (two.state, two.released_at, two.agrees_with) == ("good", NOW + timedelta(hours=6), one)
    assert one.reasons == [{"code": "shrunk", "detail": "shrunk"}]
    assert stays() == runs([first, short, again])


def test_lists_that_do_not_agree_wait_for_a_person_each():
    take(listing("2023-02-04", OURS, OTHER))
    short = listing("2023-02-10", OTHER)
    held(short, "shrunk", others=[short])
    assert held(listing("2023-02-11", THIRD), "shrunk", others=[short]).state == "quarantined"
    assert held(listing("2023-02-12", OTHER), "truncated", others=[short]).state == "quarantined"
    assert Snapshot.objects.filter(state="good").count() == 1


def test_a_list_agrees_with_none_that_a_good_one_parts_it_from():
    short = listing("2023-02-10", OTHER)
    take(listing("2023-02-04", OURS, OTHER))
    held(short, "shrunk", others=[short])
    take(listing("2023-02-17", OURS, OTHER))
    assert held(listing("2023-02-24", OTHER), "shrunk", others=[short]).state == "quarantined"


@pytest.mark.clause("B05")
def test_a_person_lets_a_list_go_and_says_why():
    first, short = listing("2023-02-04", OURS, OTHER), listing("2023-02-10", OTHER)
    take(first)
    snapshot, person = held(short, "shrunk"), make.person(role="manager")
    later = NOW + timedelta(days=1)
    done = actions.release(
        code=snapshot.code, by=person, note=" حذف را سازمان تأیید کرد ", read_again=shelf(short), now=later
    )
    assert (done.state, done.released_at, done.released_by, done.note) == (
        "good",
        later,
        person,
        "حذف را سازمان تأیید کرد",
    )
    assert stays() == runs([first, short])
    look = queries.order().looks[1]
    assert (look.taken_at, look.known_at) == (NOW, later)


@pytest.mark.clause("B05")
@pytest.mark.parametrize(
    ("state", "note", "kept", "refusal"),
    [
        ("good", "x", True, actions.SnapshotGoodAlready),
        ("unreadable", "x", True, actions.SnapshotUnreadable),
        ("quarantined", " ", True, actions.NoteMissing),
        ("quarantined", "x" * 301, True, actions.NoteMissing),
        ("quarantined", "x", False, actions.SnapshotUnreadable),
    ],
)
def test_what_cannot_be_let_go_stays_as_it_is(state, note, kept, refusal):
    one = listing("2023-02-10", OTHER)
    verdict = registry.quarantine.Verdict(state, (registry.quarantine.Reason("shrunk", "shrunk"),))
    snapshot = actions.take(new=registry.new(one, verdict), now=NOW)
    before = registry.tables()
    with pytest.raises(refusal):
        actions.release(code=snapshot.code, by=None, note=note, read_again=shelf(one) if kept else shelf(), now=NOW)
    assert registry.tables() == before
    with pytest.raises(Missing):
        actions.release(code="REG-2222-2222-2222-2", by=None, note="x", read_again=shelf(one), now=NOW)


# ---- When we knew ----


@pytest.mark.clause("B10")
def test_a_row_tells_when_it_was_seen_and_when_we_knew():
    take(listing("2023-02-10", OURS), now=NOW)
    take(listing("2023-02-17", OTHER), now=NOW + timedelta(hours=1))
    take(listing("2023-02-04", OURS), now=NOW + timedelta(hours=2))
    (row,) = queries.own_rows("cafebazaar.ir")
    assert (row.first.says_when, row.last.says_when, row.absent and row.absent.says_when) == (
        "2023-02-04",
        "2023-02-10",
        "2023-02-17",
    )
    assert (row.known_at, row.gone_known_at, row.is_oldest) == (NOW, NOW + timedelta(hours=1), True)


@pytest.mark.clause("B10")
def test_what_a_list_says_is_known_from_the_hour_it_came_and_not_before():
    take(listing("2023-02-04", OURS), now=NOW)
    take(listing("2023-02-10", OURS), now=NOW + timedelta(hours=1))
    at, one = tehran("2023-02-10 12:00"), prefixes.address("185.143.232.7")
    before = queries.explained(one, at, known_by=NOW + timedelta(minutes=59))
    after = queries.explained(one, at, known_by=NOW + timedelta(hours=1))
    assert (before.answer.state, before.answer.reason) == ("unknown", "after_history")
    assert (after.answer.state, after.answer.reason) == ("registered", "registered")


@pytest.mark.clause("B05", "B10")
def test_the_database_refuses_to_forget():
    take(listing("2023-02-04", OURS, OTHER))
    take(listing("2023-02-10", OTHER))
    refused = [
        lambda: Row.objects.update(due_on=None),
        lambda: Row.objects.all()._raw_delete("default"),
        lambda: Stay.objects.filter(absent__isnull=False).update(absent=None),
        lambda: Stay.objects.filter(row__network="79.175.191.0/24").update(row=Row.objects.get(host="cafebazaar.ir")),
        lambda: Stay.objects.all()._raw_delete("default"),
        lambda: Snapshot.objects.update(taken_at=NOW - timedelta(days=1)),
        lambda: Snapshot.objects.update(seen_at=NOW),
        lambda: Snapshot.objects.update(sha256="0" * 64),
        lambda: Snapshot.objects.update(state="quarantined"),
        lambda: Snapshot.objects.all()._raw_delete("default"),
    ]
    before = registry.tables()
    for change in refused:
        with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
            change()
    assert registry.tables() == before


# ---- Costs ----


@pytest.mark.parametrize("weeks", [2, 30])
def test_an_answer_costs_two_queries_and_its_evidence_a_third(weeks, django_assert_num_queries):
    known = actions.Known()
    for week in range(weeks):
        seen = (rules.moment("2023-02-04")[0] + timedelta(days=7 * week, hours=5)).date().isoformat()
        take(listing(seen, OURS, line(f"5.6.{week}.0/24"), *(line(name=f"a{n}.ir") for n in range(week))), known=known)
    at, one = tehran("2023-02-11 12:00"), prefixes.address("185.143.232.7")
    with django_assert_num_queries(2):
        assert queries.status(one, at).state == "registered"
    with django_assert_num_queries(3):
        assert len(queries.explained(one, at).rows) == 2
    with django_assert_num_queries(3):
        view = queries.view()
    with django_assert_num_queries(1):
        assert queries.view() is view
        assert view.status(one, at).state == "registered"


def test_a_list_without_news_writes_no_stay():
    known = actions.Known()
    take(listing("2023-02-04", OURS, OTHER), known=known)
    pks = set(Stay.objects.values_list("pk", flat=True))
    take(listing("2023-02-10", OTHER, OURS), known=known)
    assert set(Stay.objects.values_list("pk", flat=True)) == pks


def test_ranges_that_share_an_address_are_found_whichever_is_wider():
    rows_ = [line(network) for network in ("10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16", "2001:db8::/32")]
    take(listing("2023-02-04", *rows_))
    view = queries.view()

    def found(network: str) -> set[str]:
        return {row.network for row in view.covering(prefixes.network(network)[0])}

    assert found("10.1.0.0/17") == {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"}
    assert found("10.1.2.5/32") == {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24"}
    assert found("0.0.0.0/0") == {"10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16"}
    assert found("2001:db8:5::/48") == {"2001:db8::/32"}
    assert found("11.0.0.0/8") == set()
    assert {row.network for row in view.all()} == {one.network for one in rows_}


# ---- Many hands ----


def test_many_who_bring_the_same_lists_at_once_make_one_history(threads):
    lists = [listing(f"2023-02-{4 + 3 * n:02}", *(POOL[k] for k in range(6) if (n * 7 + k * 5) % 3)) for n in range(6)]

    def bring(number: int) -> None:
        for one in lists[number % 3 :] + lists[: number % 3]:
            take(one)

    threads(4, bring)
    assert Snapshot.objects.count() == 6
    assert stays() == runs(lists)


def test_a_list_that_fails_while_it_is_written_leaves_nothing_to_be_seen(monkeypatch):
    first, second = listing("2023-02-04", OURS), listing("2023-02-10", OTHER)
    known = actions.Known()
    take(first, known=known)
    before = registry.tables()
    with monkeypatch.context() as patch, pytest.raises(RuntimeError), transaction.atomic():
        patch.setattr(actions.Stay.objects, "bulk_create", lambda *_: (_ for _ in ()).throw(RuntimeError()))
        take(second, known=known)
    after = registry.tables()
    assert (after["snapshots"], after["stays"]) == (before["snapshots"], before["stays"])
    take(second, known=known)
    assert stays() == runs([first, second])
