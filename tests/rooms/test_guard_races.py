"""Many decide while the history moves: each decision is of one edition, whole."""

from datetime import timedelta

import pytest
from django.db import transaction

from peyman.kernel.errors import TryLater
from peyman.market.guard.actions import spells
from peyman.market.guard.models import Spell
from peyman.market.guard.queries import view
from tests.guarding import CUSTOMER, HOUR, NOW, OBJECT, customers, deliver, edge, lit, rate, seen

MINUTE = timedelta(minutes=1)
pytestmark = pytest.mark.django_db(transaction=True)


EDITIONS = {"hamrah": "185.143.232.0/31", "rightel": "185.143.232.2/31"}  # operator and the addresses that serve it


def become(operator: str) -> None:
    """In one transaction: the customer is this operator's, and its addresses serve, to it alone."""
    with transaction.atomic():
        customers(("5.52.0.0/16", operator))
        deliver(cdns=(), ranges=(EDITIONS[operator],), operators=(operator,))


@pytest.mark.clause("B02")
def test_while_tables_change_no_decision_mixes_one_edition_with_another(threads, settings):
    """A mixture would be an operator with the other one's delivery: nothing serves it, and the answer is neutral."""
    settings.GUARD_LOOK = 0.0
    seen(NOW - HOUR)
    for operator in EDITIONS:
        rate(operator)
    become("hamrah")

    def work(number: int) -> set[tuple[str, str, tuple[str, ...]]]:
        if number == 0:
            for turn in range(8):
                become("rightel" if turn % 2 == 0 else "hamrah")
            return set()
        found = set()
        for _ in range(30):
            try:
                said = view.decide(OBJECT, CUSTOMER, NOW)
            except TryLater:  # it moved at every look; who asks is told nothing, and no mixture
                continue
            found.add((said.reason, said.evidence.operator, tuple(one.range for one in said.evidence.addresses)))
        return found

    allowed = {("admitted", operator, (range_,)) for operator, range_ in EDITIONS.items()}
    for found in threads(4, work)[1:]:
        assert found <= allowed


@pytest.mark.clause("B02")
def test_a_scene_that_moves_while_it_is_read_is_read_again(settings, monkeypatch):
    settings.GUARD_LOOK = 0.0
    lit()
    moves = iter([True, False])
    plain = view.scene._read

    def moved_once(at, edition, known):
        found = plain(at, edition, known)
        if next(moves, False):
            deliver("books", "books/*")
        return found

    monkeypatch.setattr(view.scene, "_read", moved_once)
    with transaction.atomic():  # in whose middle there is no other moment to look at
        found = view.view(NOW)
    assert found.mark == view.scene.mark()
    assert [one.name for one in found.scene.deliveries] == ["apps", "books"]


@pytest.mark.clause("B02")
def test_any_number_of_sweeps_write_a_spell_once(threads):
    lit()
    edge("185.143.233.0/30", since=NOW)  # not registered: dark for both
    assert sum(threads(4, lambda number: spells.note(now=NOW).began)) >= 2
    assert sorted(Spell.objects.values_list("delivery", "operator", "gone_at")) == [
        ("apps", "hamrah", None),
        ("apps", "rightel", None),
    ]


@pytest.mark.clause("B07")
def test_two_who_change_one_delivery_at_once_leave_one_belief(threads):
    lit()
    threads(4, lambda number: deliver(pattern=f"apps/{number}/*", since=NOW, now=NOW).pk)
    found = view.at(NOW).scene.deliveries
    assert [one.name for one in found] == ["apps"]


@pytest.mark.clause("B02")
def test_who_compiles_keeps_nobody_from_an_answer_of_this_edition(threads, settings):
    settings.GUARD_LOOK = 0.0
    lit()

    def work(number: int) -> list[bool]:
        if number == 0:
            for turn in range(5):
                customers((f"5.5{4 + turn}.0.0/16", "rightel"))
            return []
        return [view.decide(OBJECT, CUSTOMER, NOW + turn * timedelta(milliseconds=1)).allowed for turn in range(20)]

    assert [set(one) for one in threads(4, work)[1:]] == [{True}] * 3
