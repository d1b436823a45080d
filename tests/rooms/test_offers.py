"""Prices for later: they begin and end at their instants, once, and nothing is sold at one that is over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from peyman.entrypoints.jobs.invariants import CHECKS
from peyman.kernel.errors import Missing
from peyman.shop.catalog import rules as catalog
from peyman.shop.catalog.actions import set_prices as set_without_guard
from peyman.shop.catalog.models import Edition, PriceChange, Product, Variant
from peyman.shop.offers import actions, queries, rules
from peyman.shop.offers.models import Act, Floor, Plan, Proposal
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def a_limit_of_thirty_percent(settings: Any) -> None:
    settings.PRICE_LIMIT_PERCENT = 30


HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
MILLION = 1_000_000


def offered(variant: Variant, price: int = 800_000, *, begins: datetime = NOW, hours: int = 4, **more: Any) -> Plan:
    asked = actions.Asked(price=price, starts_at=begins, ends_at=begins + hours * HOUR, title=more.pop("title", ""))
    return actions.make(sku=variant.sku, asked=asked, is_offer=True, why="جشنواره پاییز", by="PER-1", now=NOW, **more)


def scheduled(variant: Variant, price: int, at: datetime, list_price: int = 0) -> Plan:
    asked = actions.Asked(price=price, starts_at=at, list_price=list_price, reason="supplier")
    return actions.make(sku=variant.sku, asked=asked, is_offer=False, why="نامه شرکت", by="PER-1", now=NOW)


def steps(variant: Variant) -> list[tuple[datetime, int, str]]:
    rows = PriceChange.objects.filter(variant=variant).order_by("at").values_list("at", "price", "reason")
    return list(rows)[1:]  # behind the first price


def stands(variant: Variant) -> tuple[int, int, datetime | None]:
    row = Variant.objects.get(pk=variant.pk)
    return row.price, row.list_price, row.offer_until


# ---- Instants ----


@pytest.mark.clause("D122")
def test_an_offer_begins_at_its_hour_and_what_stood_before_comes_back_at_its_end() -> None:
    variant = make.variant(price=MILLION, list_price=1_100_000)
    plan = offered(variant, begins=NOW + HOUR)
    assert actions.carry_out_due(now=NOW + HOUR - SECOND) == 0
    assert stands(variant) == (MILLION, 1_100_000, None)
    assert actions.carry_out_due(now=NOW + HOUR) == 1
    assert stands(variant) == (800_000, MILLION, NOW + 5 * HOUR)  # struck out is what was really asked before
    assert queries.ends_at([variant.pk], NOW + HOUR) == {variant.pk: NOW + 5 * HOUR}
    assert actions.carry_out_due(now=NOW + 5 * HOUR - SECOND) == 0
    assert actions.carry_out_due(now=NOW + 5 * HOUR) == 1
    assert stands(variant) == (MILLION, 1_100_000, None)
    assert steps(variant) == [(NOW + HOUR, 800_000, "offer"), (NOW + 5 * HOUR, MILLION, "offer-end")]
    assert queries.plan_by_code(plan.code).state == "done"
    assert [row.verb for row in queries.story(variant.pk)] == ["ended", "began", "made"]


def test_a_scheduled_price_stands_from_its_instant_on() -> None:
    variant = make.variant(price=MILLION)
    scheduled(variant, 1_200_000, NOW + HOUR, list_price=1_250_000)
    assert actions.carry_out_due(now=NOW + HOUR) == 1
    assert (stands(variant), steps(variant)) == (
        (1_200_000, 1_250_000, None),
        [(NOW + HOUR, 1_200_000, "supplier")],
    )
    assert actions.carry_out_due(now=NOW + 9 * HOUR) == 0


def test_a_price_may_be_set_at_the_very_instant_at_which_an_offer_ends() -> None:
    variant = make.variant(price=MILLION)
    offered(variant)
    scheduled(variant, 1_200_000, NOW + 4 * HOUR)
    assert actions.carry_out_due(now=NOW) == 1
    assert actions.carry_out_due(now=NOW + 4 * HOUR) == 2
    assert stands(variant) == (1_200_000, 1_200_000, None)
    assert [price for _, price, _ in steps(variant)] == [800_000, MILLION, 1_200_000]


def test_what_was_set_while_an_offer_ran_stays_when_it_ends() -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant)
    actions.carry_out_due(now=NOW)
    wanted = [actions.Wanted(variant.sku, 850_000, 850_000)]
    outcome = actions.set_prices(
        wanted=wanted, source="desk", reason="list", why="نرخ تازه", by="PER-2", now=NOW + HOUR
    )
    assert [each.code for each in outcome.overtaken] == [plan.code]
    assert actions.carry_out_due(now=NOW + 9 * HOUR) == 0
    assert stands(variant) == (850_000, 850_000, None)


def test_a_change_that_came_by_another_way_is_not_undone_at_the_end() -> None:
    variant = make.variant(price=MILLION)
    offered(variant)
    actions.carry_out_due(now=NOW)
    set_without_guard(prices=[(variant.sku, 900_000, 900_000)], reason="market", by="x", now=NOW + HOUR)
    actions.carry_out_due(now=NOW + 4 * HOUR)
    assert stands(variant) == (900_000, 900_000, None)


def test_an_offer_whose_whole_time_passed_unseen_never_begins() -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant)
    assert actions.carry_out_due(now=NOW + 4 * HOUR) == 1
    assert (stands(variant), steps(variant)) == ((MILLION, MILLION, None), [])
    assert (queries.plan_by_code(plan.code).state, queries.story(variant.pk)[0].verb) == ("stopped", "missed")


def test_an_offer_that_is_none_any_more_never_begins() -> None:
    variant = make.variant(price=MILLION)
    offered(variant, begins=NOW + HOUR)
    wanted = [actions.Wanted(variant.sku, 790_000, 790_000)]
    actions.set_prices(wanted=wanted, source="desk", reason="list", why="ارزان شد", by="PER-2", now=NOW)
    actions.carry_out_due(now=NOW + HOUR)
    assert (stands(variant), queries.story(variant.pk)[0].verb) == ((790_000, 790_000, None), "dearer")


def test_every_step_of_an_offer_makes_pages_and_lists_stale() -> None:
    variant = make.variant(price=MILLION)
    offered(variant)
    seen = [(Product.objects.get().version, Edition.objects.get().number)]
    for now in (NOW, NOW + 4 * HOUR):
        actions.carry_out_due(now=now)
        seen.append((Product.objects.get().version, Edition.objects.get().number))
    first, second, third = seen
    assert first < second < third and first[1] < second[1] < third[1]


# ---- Late sweeps ----


@pytest.mark.clause("D122")
def test_an_offer_that_is_over_is_ended_by_whoever_meets_it() -> None:
    variant = make.variant(price=MILLION)
    offered(variant)
    actions.carry_out_due(now=NOW)
    seen = [(variant.pk, NOW + 4 * HOUR)]
    assert not actions.settle(seen, now=NOW + 4 * HOUR - SECOND)
    assert stands(variant)[0] == 800_000
    assert actions.settle(seen, now=NOW + 4 * HOUR)
    assert stands(variant) == (MILLION, MILLION, None)
    assert actions.carry_out_due(now=NOW + 5 * HOUR) == 0
    assert len(steps(variant)) == 2


def test_where_no_offer_is_over_settling_costs_nothing(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert not actions.settle([(1, None), (2, NOW + SECOND)], now=NOW)


# ---- What stands in the way ----


def test_two_plans_at_one_time_are_refused_with_what_stands_in_the_way() -> None:
    variant = make.variant(price=MILLION)
    first = offered(variant, title="شگفت‌انگیز پاییز")
    with pytest.raises(rules.Overlaps) as refusal:
        offered(variant, begins=NOW + 3 * HOUR)
    assert "شگفت‌انگیز پاییز" in refusal.value.detail and first.code in refusal.value.detail
    with pytest.raises(rules.Overlaps):
        scheduled(variant, 900_000, NOW + HOUR)
    offered(variant, begins=NOW + 4 * HOUR)
    offered(make.variant(price=MILLION))
    assert Plan.objects.count() == 3


def test_a_plan_is_changed_before_it_begins_and_not_after() -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant, begins=NOW + HOUR)
    asked = actions.Asked(price=750_000, starts_at=NOW + 2 * HOUR, ends_at=NOW + 3 * HOUR)
    actions.change(code=plan.code, asked=asked, is_offer=True, why="دیرتر", by="PER-2", now=NOW)
    assert actions.carry_out_due(now=NOW + HOUR) == 0
    actions.carry_out_due(now=NOW + 2 * HOUR)
    assert stands(variant) == (750_000, MILLION, NOW + 3 * HOUR)
    later = actions.Asked(price=700_000, starts_at=NOW + 5 * HOUR, ends_at=NOW + 6 * HOUR)
    with pytest.raises(rules.Began):
        actions.change(code=plan.code, asked=later, is_offer=True, why="دیرتر", by="PER-2", now=NOW + 2 * HOUR)
    assert [(row.verb, row.by) for row in queries.story(variant.pk)] == [
        ("began", "system"), ("changed", "PER-2"), ("made", "PER-1"),
    ]  # fmt: skip


@pytest.mark.parametrize(("at", "verbs"), [(NOW, []), (NOW + HOUR, [800_000, MILLION])])
def test_a_plan_is_stopped_before_its_beginning_or_while_it_runs(at: datetime, verbs: list[int]) -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant, begins=NOW + HOUR)
    actions.carry_out_due(now=at)
    actions.stop(code=plan.code, why="کالا برگشت خورد", by="PER-2", now=at + SECOND)
    assert stands(variant) == (MILLION, MILLION, None)
    assert [price for _, price, _ in steps(variant)] == verbs
    assert actions.carry_out_due(now=NOW + 9 * HOUR) == 0
    with pytest.raises(rules.Began):
        actions.stop(code=plan.code, why="دوباره", by="PER-2", now=at + SECOND)


@pytest.mark.parametrize(
    ("price", "refusal"),
    [
        (MILLION, rules.NotCheaper),
        (-10, catalog.PriceInvalid),
        (0, catalog.PriceInvalid),
        (800_001, catalog.PriceInvalid),
    ],
)
def test_what_is_no_offer_is_refused(price: int, refusal: type[Exception]) -> None:
    variant = make.variant(price=MILLION)
    with pytest.raises(refusal):
        offered(variant, price)
    assert not Plan.objects.exists() and not Act.objects.exists()


@pytest.mark.parametrize("hours", [-1, 24 * 367])
def test_a_plan_begins_between_now_and_a_year(hours: int) -> None:
    variant = make.variant(price=MILLION)
    with pytest.raises(rules.PlanTimes):
        offered(variant, begins=NOW + hours * HOUR)
    with pytest.raises(Missing):
        actions.stop(code="OFR-NONE", why="هیچ", by="x", now=NOW)


# ---- The guard ----


def set_(variant: Variant, price: int, *, by: str = "PER-1", list_price: int = 0, now: datetime = NOW) -> Any:
    return actions.set_prices(
        wanted=[actions.Wanted(variant.sku, price, list_price or price)],
        source="desk", reason="supplier", why="نامه شرکت", by=by, now=now,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("price", "held"), [(700_000, False), (699_990, True), (1_428_570, False), (1_428_580, True), (100_000, True)]
)
def test_one_person_moves_a_price_by_the_limit_and_not_a_toman_more(price: int, held: bool) -> None:
    variant = make.variant(price=MILLION)
    outcome = set_(variant, price)
    assert (len(outcome.changes), len(outcome.held)) == ((0, 1) if held else (1, 0))
    assert stands(variant)[0] == (MILLION if held else price)


def test_the_second_person_is_another_and_the_price_is_set_once() -> None:
    variant = make.variant(price=MILLION)
    (proposal,) = set_(variant, 500_000).held
    with pytest.raises(rules.SamePerson):
        actions.approve(code=proposal.code, by="PER-1", now=NOW)
    assert stands(variant)[0] == MILLION
    actions.approve(code=proposal.code, by="PER-2", now=NOW + HOUR)
    with pytest.raises(rules.Decided):
        actions.approve(code=proposal.code, by="PER-3", now=NOW + HOUR)
    assert steps(variant) == [(NOW + HOUR, 500_000, "supplier")]
    assert [(row.verb, row.by) for row in queries.story(variant.pk)] == [("approved", "PER-2"), ("asked", "PER-1")]


def test_a_refused_price_stays_out_and_says_why() -> None:
    variant = make.variant(price=MILLION)
    (proposal,) = set_(variant, 100_000).held
    with pytest.raises(rules.WhyNeeded):
        actions.refuse(code=proposal.code, why=" ", by="PER-2", now=NOW)
    actions.refuse(code=proposal.code, why="یک صفر کم دارد", by="PER-2", now=NOW)
    with pytest.raises(rules.Decided):
        actions.approve(code=proposal.code, by="PER-3", now=NOW)
    assert stands(variant)[0] == MILLION
    assert Proposal.objects.get().decision == "یک صفر کم دارد"


def test_who_asked_for_another_price_meanwhile_has_the_first_one_replaced() -> None:
    variant = make.variant(price=MILLION)
    (first,) = set_(variant, 500_000).held
    (same,) = set_(variant, 500_000, by="PER-2").held
    assert (same.pk, same.by) == (first.pk, "PER-1")
    (second,) = set_(variant, 400_000).held
    with pytest.raises(rules.Decided):
        actions.approve(code=first.code, by="PER-2", now=NOW)
    actions.approve(code=second.code, by="PER-2", now=NOW)
    assert stands(variant)[0] == 400_000


def test_a_proposal_is_not_approved_over_a_price_that_moved_since() -> None:
    variant = make.variant(price=MILLION)
    (proposal,) = set_(variant, 500_000).held
    set_(variant, 900_000)
    with pytest.raises(rules.PriceMoved):
        actions.approve(code=proposal.code, by="PER-2", now=NOW)
    assert (stands(variant)[0], Proposal.objects.get().state) == (900_000, "waiting")


def test_a_struck_out_price_that_grows_makes_a_discount_that_one_person_does_not_give() -> None:
    variant = make.variant(price=MILLION)
    assert [row.limit for row in set_(variant, MILLION, list_price=1_500_000).held] == ["list"]
    assert set_(variant, 1_100_000, list_price=1_300_000).held == []


def test_an_offer_that_goes_too_far_waits_for_a_second_person_and_then_for_its_hour() -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant, 600_000, begins=NOW + HOUR)
    assert plan.state == "held"
    assert actions.carry_out_due(now=NOW + HOUR) == 0
    actions.approve(code=Proposal.objects.get().code, by="PER-2", now=NOW + HOUR)
    assert actions.carry_out_due(now=NOW + HOUR) == 1
    assert stands(variant)[0] == 600_000


def test_an_offer_whose_time_went_by_while_it_waited_is_not_approved() -> None:
    variant = make.variant(price=MILLION)
    plan = offered(variant, 600_000)
    code = Proposal.objects.get().code
    with pytest.raises(rules.PlanOver):
        actions.approve(code=code, by="PER-2", now=NOW + 4 * HOUR)
    actions.refuse(code=code, why="گذشت", by="PER-2", now=NOW + 4 * HOUR)
    assert queries.plan_by_code(plan.code).state == "stopped"


def test_a_plan_that_became_too_far_waits_when_its_hour_comes() -> None:
    variant = make.variant(price=MILLION)
    plan = scheduled(variant, 1_300_000, NOW + HOUR)
    set_(variant, 900_000)
    actions.carry_out_due(now=NOW + HOUR)
    assert (stands(variant)[0], queries.plan_by_code(plan.code).state) == (900_000, "held")
    actions.approve(code=Proposal.objects.get().code, by="PER-2", now=NOW + 2 * HOUR)
    actions.carry_out_due(now=NOW + 2 * HOUR)
    assert stands(variant)[0] == 1_300_000


def test_nothing_is_sold_below_its_floor_by_whatever_way() -> None:
    variant = make.variant(price=MILLION)
    actions.set_floor(sku=variant.sku, amount=900_000, why="قیمت خرید", by="PER-1", now=NOW)
    with pytest.raises(rules.BelowFloor):
        set_(variant, 899_990)
    with pytest.raises(rules.BelowFloor):
        offered(variant, 850_000)
    assert set_(variant, 900_000).changes
    actions.set_floor(sku=variant.sku, amount=0, why="حراج پایان فصل", by="PER-1", now=NOW)
    assert set_(variant, 850_000).changes


def test_prices_are_set_all_or_none_and_what_was_seen_must_still_stand() -> None:
    one, two = make.variant(price=MILLION), make.variant(price=MILLION)
    wanted = [actions.Wanted(one.sku, 900_000, 900_000, MILLION), actions.Wanted(two.sku, 900_000, 900_000, 1_200_000)]
    with pytest.raises(rules.PriceMoved):
        actions.set_prices(wanted=wanted, source="many", reason="sale", why="حراج", by="PER-1", now=NOW)
    assert set(Variant.objects.values_list("price", flat=True)) == {MILLION}


@pytest.mark.parametrize("count", [2, 40])
def test_many_prices_cost_the_queries_of_two(count: int, django_assert_num_queries: Any) -> None:
    skus = [make.variant(price=MILLION).sku for _ in range(count)]
    wanted = [actions.Wanted(sku, 900_000, 900_000) for sku in skus]
    # keys, variants, floors, last steps, history, variants, versions, the edition, acts, begin and end
    with django_assert_num_queries(11):
        actions.set_prices(wanted=wanted, source="many", reason="sale", why="حراج", by="PER-1", now=NOW)


@pytest.mark.parametrize("model", [Act, Floor, PriceChange])
@pytest.mark.parametrize("change", ["update", "delete"])
@pytest.mark.clause("D122")
def test_the_history_of_prices_and_of_who_moved_them_is_only_added_to(model: Any, change: str) -> None:
    variant = make.variant(price=MILLION)
    actions.set_floor(sku=variant.sku, amount=10, why="قیمت خرید", by="PER-1", now=NOW)
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(by="x") if change == "update" else model.objects.all().delete()
    assert model.objects.count() == 1


def test_the_database_itself_lets_nobody_approve_a_price_of_their_own() -> None:
    variant = make.variant(price=MILLION)
    set_(variant, 500_000)
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.update(state="approved", decided_by="PER-1")


# ---- What is looked after ----


def bad(check: str, now: datetime = NOW + HOUR) -> list[str]:
    return CHECKS[check](now).bad


def test_the_invariants_know_an_offer_that_is_told_and_does_not_run_or_runs_beyond_its_hour() -> None:
    check = "offers_stand_at_their_price_until_their_hour"
    variant = make.variant(price=MILLION)
    plan = offered(variant)
    actions.carry_out_due(now=NOW)
    assert bad(check) == []
    assert bad(check, NOW + 5 * HOUR) == [plan.code]
    Variant.objects.update(price=900_000)
    assert bad(check) == [plan.code]
    Plan.objects.update(state="done", due_at=None)
    assert bad(check) == [f"variant {variant.pk}"]


def test_the_invariants_know_a_price_that_nobody_approved() -> None:
    check = "another_person_stood_behind_large_moves"
    (proposal,) = set_(make.variant(price=MILLION), 500_000).held
    actions.approve(code=proposal.code, by="PER-2", now=NOW)
    assert bad(check) == []
    Proposal.objects.update(decided_by="")
    assert bad(check) == [proposal.code]
