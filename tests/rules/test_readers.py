"""Counting readers in a place that does not grow: whom it lets by, whom it tells to wait, what a flood does to it."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.shop.licences.rules import (
    Allowed,
    Asked,
    LicenceInvalid,
    Readers,
    Sketch,
    hidden,
    hold,
    licence,
    page_of,
    shortened,
)

LIMITS = {"browser": Allowed(10, 30), "stranger": Allowed(20, 60), "address": Allowed(40, 120)}


def asked(reader: str, address: str = "a1", weight: int = 1, kind: str = "browser") -> Asked:
    return Asked(((kind, reader, "5.1.2.x"), ("address", address, "5.1.2.x")), 0, weight)


def passed(readers: Readers, what: Asked, at: int, tries: int = 200) -> int:
    """How many of so many tries at one second are let by."""
    return sum(readers.take(what, at) == 0 for _ in range(tries))


# ---- Limits ----


@pytest.mark.clause("D19")
def test_a_reader_reads_its_share_of_a_minute_and_not_one_page_more() -> None:
    assert passed(Readers(LIMITS), asked("b1"), 0) == 10


@pytest.mark.clause("D19")
def test_who_waits_until_the_minute_is_over_reads_on_until_the_hour_is_spent() -> None:
    readers = Readers(LIMITS)
    assert [passed(readers, asked("b1"), minute * 60) for minute in range(6)] == [10, 10, 10, 0, 0, 0]
    assert readers.take(asked("b1"), 359) == 3600 - 359
    assert passed(readers, asked("b1"), 3600) == 10


def test_the_wait_is_until_the_window_ends() -> None:
    readers = Readers(LIMITS)
    passed(readers, asked("b1"), 100)
    assert readers.take(asked("b1"), 100) == 20


@pytest.mark.clause("D19")
def test_browsers_behind_one_address_do_not_spend_each_others_share_but_share_the_addresss() -> None:
    readers = Readers(LIMITS)
    assert [passed(readers, asked(f"b{n}"), 0) for n in range(5)] == [10, 10, 10, 10, 0]
    assert passed(readers, asked("b9", address="a2"), 0) == 10


def test_asking_again_while_one_must_wait_spends_nothing() -> None:
    readers = Readers(LIMITS)
    assert passed(readers, asked("b1"), 0, tries=5000) == 10
    assert passed(readers, asked("b2"), 0) == 10  # the address was charged for ten, not for five thousand


@pytest.mark.clause("D19")
def test_a_further_page_of_a_list_weighs_four() -> None:
    assert passed(Readers(LIMITS), asked("b1", weight=4), 0) == 2


# ---- The sketch ----


@given(st.lists(st.integers(0, 30), max_size=300), st.integers(1, 8))
def test_a_sketch_never_says_more_than_was_read_and_holds_whoever_read_most(reads: list[int], capacity: int) -> None:
    sketch, exact = Sketch(capacity), Counter(reads)
    for reader in reads:
        sketch.add(str(reader), "", 1, 0)
    held = dict(sketch.heaviest(100))
    assert len(sketch) <= capacity and sketch.total == len(reads)
    for reader, count in held.items():
        assert count.least <= exact[int(reader)] <= count.most
        assert sum(count.kinds) <= exact[int(reader)]
    for reader, n in exact.items():
        assert n <= len(reads) / capacity or str(reader) in held


@pytest.mark.clause("D19")
def test_a_flood_of_addresses_neither_grows_the_memory_nor_shuts_a_reader_out() -> None:
    readers, pick = Readers(LIMITS, capacity=64), random.Random(7)
    for n in range(20_000):
        address = f"a{n}"
        assert readers.take(asked(f"s{n}", address=address, kind="stranger"), pick.randrange(60)) == 0
    assert all(len(sketch) <= 64 for _, sketch in readers._windows.values())
    assert readers.take(asked("b-innocent", address="a-innocent"), 30) == 0


@pytest.mark.clause("D19")
def test_a_scraper_is_found_in_a_flood() -> None:
    readers = Readers({**LIMITS, "stranger": Allowed(100, 10_000), "address": Allowed(1000, 100_000)}, capacity=512)
    let_by = 0
    for n in range(20_000):
        readers.take(asked(f"s{n}", address=f"a{n}", kind="stranger"), 0)
        if n % 10 == 0:
            let_by += readers.take(asked("s-scraper", address="a-scraper", kind="stranger"), 0) == 0
    assert let_by == 100


def test_minutes_that_are_over_are_told_once_the_heaviest_reader_first() -> None:
    readers = Readers(LIMITS)
    for reader, pages in (("b1", 2), ("b2", 12)):
        passed(readers, asked(reader, address=f"of-{reader}"), 60, tries=pages)
    assert readers.finished(119) == []
    ((began, sketch),) = readers.finished(120)
    assert (began, sketch.pages) == (60, 12)  # two of one, ten of the other before it had to wait
    assert [(key, count.least, count.refused) for key, count in sketch.heaviest(2)] == [("of-b2", 10, 2), ("b2", 10, 2)]
    assert readers.finished(120) == []


def test_minutes_that_nobody_asks_for_are_forgotten() -> None:
    readers = Readers(LIMITS)
    for minute in range(100):
        readers.take(asked("b1"), minute * 60)
    assert [began for began, _ in readers.finished(6000)] == [5700, 5760, 5820, 5880, 5940]


# ---- What is read, and whose it is ----


@pytest.mark.parametrize(
    ("path", "after", "q", "page"),
    [
        ("/", False, False, (0, 1)),
        ("/goods/", False, False, (0, 1)),
        ("/goods/", True, False, (0, 4)),
        ("/category/phones/", True, False, (0, 4)),
        ("/brand/samsung/", False, False, (0, 1)),
        ("/goods/avand-a6/", True, False, (1, 1)),
        ("/goods/", False, True, (2, 1)),
        ("/goods/suggest", False, True, None),
        ("/api/v1/products", True, False, (3, 4)),
        ("/api/v1/products/avand-a6", False, False, (3, 1)),
        *((path, True, True, None) for path in ("/cart/", "/checkout/", "/orders/", "/login/", "/terms/", "/healthz")),
        ("/api/v1/cart", False, False, None),
        ("/api/v1/export/products", True, False, None),
    ],
)
def test_only_the_catalogue_is_counted(path: str, after: bool, q: bool, page: tuple[int, int] | None) -> None:
    assert page_of(path, after, q) == page


@pytest.mark.clause("D16")
def test_an_address_is_shown_short_and_counted_hidden() -> None:
    assert shortened("5.112.44.7") == "5.112.44.x"
    assert shortened("2a01:5ec0:1234:5678::") == "2a01:5ec0:1234:…"
    assert hidden("secret", "5.112.44.7") != hidden("another", "5.112.44.7")
    assert len(hidden("secret", "5.112.44.7")) == 24


# ---- Forms ----

GOOD = {"owner": "آسمان", "purpose": "نمایش قیمت", "contact": "a@b.example", "days": "۹۰", "per_day": "5000"}


def test_a_licence_names_who_for_what_how_to_reach_them_how_long_and_how_much() -> None:
    form = licence(GOOD)
    assert (form.owner, form.days, form.per_day) == ("آسمان", 90, 5000)


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("owner", " "),
        ("owner", "ن" * 121),
        ("purpose", ""),
        ("contact", ""),
        ("days", "0"),
        ("days", "367"),
        ("days", "همیشه"),
        ("per_day", "-1"),
        ("per_day", "5000001"),
    ],
)
def test_a_licence_without_one_of_them_is_refused_by_name(name: str, typed: str) -> None:
    with pytest.raises(LicenceInvalid) as refusal:
        licence({**GOOD, name: typed})
    assert list(refusal.value.fields) == [name]


@pytest.mark.parametrize(
    ("raw", "wrong"),
    [
        ({"reason": "", "hours": "24"}, ["reason"]),
        ({"reason": "ب" * 201, "hours": "24"}, ["reason"]),
        ({"reason": "برداشت", "hours": "25"}, ["hours"]),
        ({}, ["reason", "hours"]),
    ],
)
def test_nobody_is_shut_out_without_a_reason_and_an_end(raw: dict[str, str], wrong: list[str]) -> None:
    with pytest.raises(LicenceInvalid) as refusal:
        hold(raw)
    assert list(refusal.value.fields) == wrong
