"""Carts that are filled and joined at once: nothing outside them is touched, no line is lost, none is doubled.

Ten thousand additions by hand, half a minute: `CART_ADDITIONS=10000 .venv/bin/pytest tests/rooms/test_carts.py`.
"""

import os
import re
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from peyman.promises.models import TermsVersion
from peyman.shop.carts import actions, queries
from peyman.shop.carts.models import Cart, CartLine
from peyman.shop.carts.queries import Holder
from peyman.shop.carts.rules import MAX_LINES, CartFull, QuantityInvalid
from peyman.shop.catalog.models import Edition, Product, Variant
from peyman.shop.stock.models import Stock
from peyman.shop.stock.rules import SoldOut
from tests import make
from tests.make import NOW

ADDITIONS = int(os.environ.get("CART_ADDITIONS", "1000"))
_WRITES = re.compile(r'^\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)', re.IGNORECASE)


@contextmanager
def tables_written() -> Any:
    """Yield the names of the tables that statements write to."""
    written: set[str] = set()

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITES.match(sql)
        if found:
            written.add(found[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield written


def goods() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (Stock, Variant, Product, Edition)]


@pytest.mark.django_db
@pytest.mark.clause("D54")
def test_thousands_of_additions_write_to_carts_and_nowhere_else() -> None:
    terms, variants = make.terms(), [make.variant(on_hand=20) for _ in range(5)]
    carts = [make.cart(key=f"visitor-{n}", lines=0) for n in range(ADDITIONS // 100)]
    before = goods()
    with tables_written() as written:
        for cart in carts:
            for variant in variants:
                for _ in range(20):
                    actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    assert CartLine.objects.filter(quantity=20).count() == ADDITIONS // 20
    assert written == {"carts_cartline"}
    assert goods() == before


@pytest.mark.django_db
@pytest.mark.clause("D54")
@pytest.mark.parametrize("act", ["set", "remove", "later", "fit", "seen", "merge", "sweep"])
def test_no_other_act_of_a_cart_writes_elsewhere_either(act: str) -> None:
    terms, variant, person = make.terms(), make.variant(on_hand=3), make.person()
    cart = make.cart(key="mine", lines=[(variant, 5)])
    later = NOW + timedelta(days=40)
    before = goods()
    with tables_written() as written:
        {
            "set": lambda: actions.set_quantity(cart=cart, sku=variant.sku, quantity=2, terms=terms, now=NOW),
            "remove": lambda: actions.remove(cart=cart, sku=variant.sku),
            "later": lambda: actions.put_aside(cart=cart, sku=variant.sku, now=NOW),
            "fit": lambda: actions.fit(cart=cart, limit=20, now=NOW),
            "seen": lambda: actions.mark_seen(cart=cart, now=NOW),
            "merge": lambda: actions.merge(visitor_key="mine", person=person, now=NOW),
            "sweep": lambda: actions.sweep_left(days=30, now=later),
        }[act]()
    assert written and written <= {"carts_cart", "carts_cartline"}
    assert goods() == before


# ---- At once ----


def lines(cart: Cart) -> list[tuple[str, int]]:
    return list(CartLine.objects.filter(cart=cart).order_by("pk").values_list("variant__sku", "quantity"))


@pytest.mark.clause("D54")
def test_two_who_add_to_one_line_at_once_both_count(threads: Callable[..., Any]) -> None:
    terms, variant = make.terms(), make.variant(on_hand=20)
    cart = make.cart(key="mine", lines=0)
    threads(8, lambda n: actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW))
    assert lines(cart) == [(variant.sku, 8)]


def test_a_line_never_holds_more_than_may_be_bought_however_many_add_at_once(threads: Callable[..., Any]) -> None:
    terms, variant = make.terms(), make.variant(on_hand=5)
    cart = make.cart(key="mine", lines=0)
    answers = threads(8, lambda n: actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW))
    assert lines(cart) == [(variant.sku, 5)]
    assert sum(isinstance(answer, SoldOut) for answer in answers) == 3


def test_first_additions_of_one_person_at_once_make_one_cart(threads: Callable[..., Any]) -> None:
    terms, person = make.terms(), make.person()
    variants = [make.variant() for _ in range(6)]
    holder = Holder(person.pk)
    threads(6, lambda n: actions.add(cart=holder, sku=variants[n].sku, quantity=1, terms=terms, now=NOW))
    assert sorted(lines(Cart.objects.get())) == sorted((variant.sku, 1) for variant in variants)


def test_two_log_ins_at_once_move_a_cart_once(threads: Callable[..., Any]) -> None:
    person, both, only = make.person(), make.variant(), make.variant()
    make.cart(person=person, lines=[(both, 2)])
    make.cart(key="visitor", lines=[(both, 1), (only, 3)])
    answers = threads(4, lambda n: actions.merge(visitor_key="visitor", person=person, now=NOW).pk)
    assert len(set(answers)) == 1
    assert lines(Cart.objects.get()) == [(both.sku, 2), (only.sku, 3)]


def test_what_is_added_on_one_device_while_the_other_logs_in_is_not_lost(threads: Callable[..., Any]) -> None:
    terms, person, both = make.terms(), make.person(), make.variant()
    mine = make.cart(person=person, lines=[(both, 1)])
    make.cart(key="visitor", lines=[(both, 3)])
    others = [make.variant() for _ in range(3)]

    def act(n: int) -> None:
        if n:
            actions.add(cart=Holder(person.pk), sku=others[n - 1].sku, quantity=1, terms=terms, now=NOW)
        else:
            actions.merge(visitor_key="visitor", person=person, now=NOW)

    threads(4, act)
    assert sorted(lines(mine)) == sorted([(both.sku, 3), *((each.sku, 1) for each in others)])


# ---- Joined at log-in ----


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("mine", "theirs", "joined"),
    [
        ((2, False), (5, False), (5, False)),
        ((5, False), (2, False), (5, False)),
        ((2, True), (1, False), (1, False)),  # what is wanted now is wanted now, in the number wanted now
        ((2, False), (5, True), (2, False)),
        ((2, True), (5, True), (5, True)),
    ],
)
def test_the_larger_number_stays_and_what_is_wanted_now_stays_wanted(
    mine: tuple[int, bool], theirs: tuple[int, bool], joined: tuple[int, bool]
) -> None:
    person, variant = make.person(), make.variant()
    make.cart(person=person, lines=[(variant, mine[0])])
    make.cart(key="visitor", lines=[(variant, theirs[0])])
    CartLine.objects.filter(cart__person=person).update(is_later=mine[1])
    CartLine.objects.filter(cart__key="visitor").update(is_later=theirs[1])
    cart = actions.merge(visitor_key="visitor", person=person, now=NOW)
    assert list(cart.lines.values_list("quantity", "is_later")) == [joined]
    assert Cart.objects.count() == 1


@pytest.mark.django_db
def test_what_finds_no_place_is_named_and_never_dropped_in_silence() -> None:
    person, product = make.person(), make.product(title="گوشی")
    make.cart(person=person, lines=MAX_LINES - 1)
    make.cart(key="visitor", lines=[(make.variant(product=product, color=color), 1) for color in ("آبی", "سبز", "سرخ")])
    cart = actions.merge(visitor_key="visitor", person=person, now=NOW)
    assert cart.lines.count() == MAX_LINES
    assert cart.left_out == ["گوشی، سبز", "گوشی، سرخ"]
    actions.mark_seen(cart=cart, now=NOW)
    assert Cart.objects.get().left_out == []


@pytest.mark.django_db
@pytest.mark.clause("D56")
def test_what_sold_out_or_is_too_many_after_a_merge_is_told_on_the_cart() -> None:
    person, gone, fewer = make.person(), make.variant(on_hand=0), make.variant(on_hand=2)
    make.cart(key="visitor", lines=[(gone, 1), (fewer, 4)])
    cart = actions.merge(visitor_key="visitor", person=person, now=NOW)
    told = queries.view(cart, terms=make.terms(), carrier_fee=0).notices
    assert [(notice.kind, notice.sku, notice.old, notice.new) for notice in told] == [
        ("gone", gone.sku, 1, 0),
        ("fewer", fewer.sku, 4, 2),
    ]


@pytest.mark.django_db
def test_a_key_that_was_used_at_a_log_in_opens_nothing_any_more() -> None:
    person, terms = make.person(), make.terms()
    make.cart(key="visitor")
    actions.merge(visitor_key="visitor", person=person, now=NOW)
    assert queries.view(Holder(key="visitor"), terms=terms, carrier_fee=0).lines == []
    assert queries.view(Holder(key=""), terms=terms, carrier_fee=0).lines == []
    assert actions.merge(visitor_key="visitor", person=make.person(), now=NOW).lines.count() == 0


# ---- One line ----


@pytest.fixture
def terms(db: None) -> TermsVersion:
    return make.terms()


def test_the_limit_of_an_order_is_the_limit_of_a_line(terms: TermsVersion) -> None:
    variant = make.variant(on_hand=50)
    cart = make.cart(key="mine", lines=[(variant, 19)])
    actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    with pytest.raises(QuantityInvalid):
        actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    assert lines(cart) == [(variant.sku, 20)]


def test_a_full_cart_takes_more_of_what_is_there_and_nothing_else(terms: TermsVersion) -> None:
    variant, other = make.variant(), make.variant()
    cart = make.cart(key="mine", lines=[(variant, 1), *((make.variant(), 1) for _ in range(MAX_LINES - 1))])
    actions.add(cart=cart, sku=variant.sku, quantity=1, terms=terms, now=NOW)
    with pytest.raises(CartFull):
        actions.add(cart=cart, sku=other.sku, quantity=1, terms=terms, now=NOW)
    assert CartLine.objects.filter(cart=cart).count() == MAX_LINES


def test_what_is_ordered_leaves_the_cart_and_what_came_meanwhile_stays(terms: TermsVersion) -> None:
    ordered, later, meanwhile = make.variant(), make.variant(), make.variant()
    cart = make.cart(key="mine", lines=[(ordered, 1), (later, 1), (meanwhile, 1)])
    actions.put_aside(cart=cart, sku=later.sku, now=NOW)
    actions.empty(cart=cart, variants=[ordered.pk, later.pk])
    assert lines(cart) == [(later.sku, 1), (meanwhile.sku, 1)]


def test_the_price_told_is_the_price_remembered(terms: TermsVersion) -> None:
    variant = make.variant(price=1_000_000)
    cart = make.cart(key="mine", lines=[(variant, 1)])
    Variant.objects.filter(pk=variant.pk).update(price=900_000)
    shown = queries.view(cart, terms=terms, carrier_fee=0)
    Variant.objects.filter(pk=variant.pk).update(price=800_000)  # between the page and the note of it
    actions.mark_seen(cart=cart, now=NOW, shown=shown.shown)
    told = queries.view(cart, terms=terms, carrier_fee=0).notices
    assert [(notice.kind, notice.old, notice.new) for notice in told] == [("cheaper", 900_000, 800_000)]
