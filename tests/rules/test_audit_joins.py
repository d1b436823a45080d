"""Whose client it was, what had been shown, who a line is counted for."""

import random
from ipaddress import ip_address, ip_network

import pytest

from peyman.market.tariff.rules.audit import ALWAYS, Shown
from peyman.market.tariff.rules.audit_joins import DeclaredEdge, Edges, Grant, Isp, Operators, Promises, Release


def isp(prefix: str, operator: str, start: int = 0, end: int = ALWAYS) -> Isp:
    return Isp(ip_network(prefix), "AS1", operator, start, end)


@pytest.mark.clause("B08")
def test_the_operator_is_that_of_the_longest_prefix_valid_at_the_beginning() -> None:
    found = Operators([isp("5.0.0.0/8", "mci"), isp("5.5.0.0/16", "irancell", 100, 200), isp("2a00::/16", "tci")])
    assert found.at(ip_address("5.5.1.1"), 99) == "mci"
    assert found.at(ip_address("5.5.1.1"), 100) == "irancell"
    assert found.at(ip_address("5.5.1.1"), 199) == "irancell"
    assert found.at(ip_address("5.5.1.1"), 200) == "mci"
    assert found.at(ip_address("2a00:1::1"), 0) == "tci"


@pytest.mark.clause("B09")
def test_no_operator_and_two_at_once_are_unknown() -> None:
    found = Operators([isp("5.0.0.0/8", "mci"), isp("5.0.0.0/8", "tci", 100)])
    assert found.at(ip_address("5.1.1.1"), 99) == "mci"
    assert found.at(ip_address("5.1.1.1"), 100) == "unknown"
    assert found.at(ip_address("6.1.1.1"), 100) == "unknown"
    assert found.at(None, 100) == "unknown"


def test_what_an_operator_is_at_all_times_is_known_by_the_times_at_which_it_changes() -> None:
    found = Operators([isp("5.0.0.0/8", "mci"), isp("5.5.0.0/16", "irancell", 100), isp("6.0.0.0/8", "tci", 1, 9)])
    assert found.spells(ip_address("5.1.1.1")).says == ("unknown", "mci", "unknown")
    of_two = found.spells(ip_address("5.5.1.1"))
    assert [of_two.at(at) for at in (-1, 0, 99, 100)] == ["unknown", "mci", "mci", "irancell"]
    assert (of_two.during(0, 99), of_two.during(0, 100), of_two.during(100, 10**9)) == ("mci", None, "irancell")
    assert found.spells(ip_address("6.1.1.1")).says == ("unknown", "tci", "unknown")
    assert found.spells(ip_address("7.1.1.1")).says == found.spells(None).says == ("unknown",)
    assert found.bounds() == {5 << 24, 6 << 24, 7 << 24, 0x05050000, 0x05060000}


def test_operators_equal_a_search_through_all_rows() -> None:
    draw = random.Random(5)
    for _ in range(200):
        rows = [
            isp(
                str(ip_network((draw.randrange(2**32) & 0xFF0000FF, draw.randint(4, 32)), strict=False)),
                draw.choice("abc"),
                start := draw.randrange(5),
                start + draw.randint(1, 5),
            )
            for _ in range(12)
        ]
        found = Operators(rows)
        for _ in range(20):
            client, at = ip_address(draw.choice(rows).prefix.network_address + draw.randrange(2)), draw.randrange(10)
            valid = [row for row in rows if client in row.prefix and row.start <= at < row.end]
            longest = max((row.prefix.prefixlen for row in valid), default=None)
            names = {row.operator for row in valid if row.prefix.prefixlen == longest}
            assert found.at(client, at) == (names.pop() if len(names) == 1 else "unknown")


GRANTS = [
    Grant("t1", "sara", "mci", "/a.apk", 100, 200),
    Grant("t2", "ali", "mci", "/b.apk", 100, 200),
    Grant("t2", "reza", "mci", "/b.apk", 200, 300),
]
RELEASES = [
    Release("*", 0, 500, Shown.YES),
    Release("dl.quiet.ir", 0, 500, Shown.NO),
    Release("dl.odd.ir", 0, 300, Shown.YES),
    Release("dl.odd.ir", 200, 500, Shown.NO),
    Release("dl.odd.ir", 500, 600, Shown.UNKNOWN),
]


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    ("path", "at", "shown"),
    [
        ("/dl/a.apk", 99, Shown.NO),
        ("/dl/a.apk", 100, Shown.YES),
        ("/dl/a.apk", 199, Shown.YES),
        ("/dl/a.apk", 200, Shown.NO),
        ("/dl/b.apk", 150, Shown.NO),
        ("/a.apk/more", 150, Shown.NO),
    ],
)
def test_a_grant_proves_its_token_its_object_and_its_time_only(path: str, at: int, shown: Shown) -> None:
    assert Promises(GRANTS, RELEASES).of("t1", "dl.quiet.ir", path, at) == (shown, "sara")


@pytest.mark.clause("B09")
@pytest.mark.parametrize(
    ("host", "at", "shown"),
    [
        ("dl.market.ir", 499, Shown.YES),
        ("dl.market.ir", 500, Shown.UNKNOWN),
        ("dl.quiet.ir", 0, Shown.NO),
        ("dl.odd.ir", 199, Shown.YES),
        ("dl.odd.ir", 200, Shown.UNKNOWN),  # two releases contradict each other
        ("dl.odd.ir", 300, Shown.NO),
        ("dl.odd.ir", 550, Shown.UNKNOWN),
    ],
)
def test_without_a_grant_the_releases_of_the_host_say_it_else_those_of_all(host: str, at: int, shown: Shown) -> None:
    assert Promises((), RELEASES).of("", host, "/a.apk", at) == (shown, "anonymous")


def test_nothing_said_is_unknown() -> None:
    assert Promises((), ()).of("", "dl.market.ir", "/a.apk", 0) == (Shown.UNKNOWN, "anonymous")


def test_a_user_is_the_grants_else_the_token_itself_and_never_an_address() -> None:
    promises = Promises(GRANTS, ())
    assert promises.of("t1", "", "/a.apk", 400)[1] == "sara"
    assert promises.of("t2", "", "/b.apk", 150)[1] == "ali"
    assert promises.of("t2", "", "/b.apk", 400)[1] == "t2"  # two users had it, at other times
    assert promises.of("t9", "", "/b.apk", 150)[1] == "t9"
    assert promises.of("", "", "/b.apk", 150)[1] == "anonymous"


def test_a_ticket_that_verifies_is_a_grant() -> None:
    def verify(token: str, path: str, at: int) -> Grant | None:
        return Grant(token, "mina", "mci", path, at, at + 1) if token == "signed" else None

    promises = Promises(GRANTS, RELEASES, verify)
    assert promises.of("signed", "dl.quiet.ir", "/x", 5) == (Shown.YES, "mina")
    assert promises.of("forged", "dl.quiet.ir", "/x", 5) == (Shown.NO, "forged")
    assert promises.of("t1", "dl.quiet.ir", "/a.apk", 150) == (Shown.YES, "sara")


def test_an_edge_serves_while_it_is_declared() -> None:
    edges = Edges([DeclaredEdge("arvan", ip_network("185.143.232.0/22"), 100, 200, "feed")])
    inside = ip_address("185.143.235.255")
    assert [edges.at(inside, at) for at in (99, 100, 199, 200)] == [False, True, True, False]
    assert not edges.at(ip_address("185.143.236.0"), 150)
    assert not edges.at(None, 150)
