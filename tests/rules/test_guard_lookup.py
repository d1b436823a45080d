"""Whose customer an address is, and which deliveries serve an object: compiled answers against plain ones."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import prefixes
from peyman.market.guard.rules import objects
from peyman.market.guard.rules.lookup import PRIVATE, TRANSLATED, UNKNOWN, UNREADABLE, ZONED, Lookup
from peyman.market.guard.rules.objects import BadPattern, Objects

ROWS = [
    ("5.52.0.0/14", "hamrah"),
    ("5.53.32.0/19", "rightel"),
    ("5.53.33.7/32", "mokhaberat"),
    ("2a02:4f80::/32", "hamrah"),
    ("2a02:4f80:1::/48", "rightel"),
    ("94.183.0.0/16", "asia"),
    ("94.183.0.0/16", "shatel"),
]
KNOWN = Lookup(ROWS)


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("typed", "operator"),
    [
        ("5.52.0.0", "hamrah"),
        ("5.51.255.255", ""),
        ("5.55.255.255", "hamrah"),
        ("5.56.0.0", ""),
        ("5.53.31.255", "hamrah"),
        ("5.53.32.0", "rightel"),
        ("5.53.33.6", "rightel"),
        ("5.53.33.7", "mokhaberat"),
        ("5.53.33.8", "rightel"),
        ("5.53.63.255", "rightel"),
        ("5.53.64.0", "hamrah"),
        ("2a02:4f80::1", "hamrah"),
        ("2a02:4f80:1::1", "rightel"),
        ("2a02:4f80:2::1", "hamrah"),
        ("2a02:4f7f:ffff:ffff:ffff:ffff:ffff:ffff", ""),
        ("2a02:4f81::", ""),
        ("::ffff:5.53.33.7", "mokhaberat"),  # version 4, written in version 6
        ("::FFFF:0535:2107", "mokhaberat"),
        (" ۵.۵۳.۳۳.۷ ", "mokhaberat"),
        ("[2a02:4f80::1]", "hamrah"),
        ("94.183.4.4", ""),  # two operators' is nobody's
    ],
)
def test_the_longest_prefix_says_whose_customer_an_address_is(typed, operator):
    assert KNOWN.operators[KNOWN.of(typed)] == operator


@pytest.mark.clause("B02")
@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("8.8.8.8", UNKNOWN),
        ("2a03::1", UNKNOWN),
        ("10.0.0.1", PRIVATE),
        ("127.0.0.1", PRIVATE),
        ("::1", PRIVATE),
        ("fe80::1", PRIVATE),
        ("100.64.0.1", PRIVATE),
        ("::ffff:192.168.1.1", PRIVATE),
        ("2002:0535:2107::1", TRANSLATED),
        ("64:ff9b::5.53.33.7", TRANSLATED),
        ("2001:0:1::1", TRANSLATED),
        ("fe80::1%eth0", ZONED),
        ("5.53.33.7%eth0", ZONED),
        ("", UNREADABLE),
        ("5.53.33", UNREADABLE),
        ("5.53.33.07", UNREADABLE),
        ("5.53.33.256", UNREADABLE),
        ("5.53.33.7/32", UNREADABLE),
        ("five", UNREADABLE),
        ("5.53.33.7\x00", UNREADABLE),
        ("\ud800", UNREADABLE),
        ("1" * 5000, UNREADABLE),
    ],
)
def test_an_address_that_says_nothing_of_an_operator_has_an_answer_of_its_own(typed, code):
    assert KNOWN.of(typed) == code


@pytest.mark.clause("B02")
def test_a_range_of_nobody_counts_where_it_is_declared_itself_and_not_by_a_wider_one():
    found = Lookup([("100.64.0.0/10", "hamrah"), ("0.0.0.0/1", "rightel")])
    assert found.operators[found.of("100.64.0.1")] == "hamrah"
    assert found.of("10.0.0.1") == PRIVATE


V4 = st.builds(
    lambda number, bits: str(ip_network((number >> (32 - bits) << (32 - bits), bits))),
    st.integers(0x05000000, 0x0500FFFF) | st.integers(0, 2**32 - 1),
    st.integers(8, 32),
)
V6 = st.builds(
    lambda number, bits: str(ip_network((number >> (128 - bits) << (128 - bits), bits))),
    st.integers(0x2A02 << 112, (0x2A02 << 112) + 2**20),
    st.integers(16, 128),
)
NEAR = st.integers(0x05000000 - 2, 0x05010002).map(IPv4Address) | st.integers(
    (0x2A02 << 112) - 2, (0x2A02 << 112) + 2**20
).map(IPv6Address)


def plainly(rows, at):
    """Look at every prefix, the narrowest that holds the address decides."""
    holding = [(ip_network(prefix), operator) for prefix, operator in rows if at in ip_network(prefix)]
    if not holding:
        return ""
    longest = max(network.prefixlen for network, _ in holding)
    owners = {operator for network, operator in holding if network.prefixlen == longest}
    return owners.pop() if len(owners) == 1 else ""


@given(rows=st.lists(st.tuples(V4 | V6, st.sampled_from(["a", "b", "c"])), max_size=12), at=NEAR)
def test_the_compiled_table_says_what_looking_at_every_prefix_says(rows, at):
    found = Lookup(rows)
    if prefixes.special(at):
        return
    assert found.operators[found.of(str(at))] == plainly(rows, at)
    for prefix, _ in rows:
        network = ip_network(prefix)
        for edge in (network.network_address, network.broadcast_address):
            if not prefixes.special(edge):
                assert found.operators[found.of(str(edge))] == plainly(rows, edge)


@given(st.text(max_size=40))
def test_whatever_is_typed_as_an_address_has_an_answer(typed):
    assert 0 <= KNOWN.of(typed) < len(KNOWN.operators)


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_every_special_address_is_told_apart_from_an_unknown_one(at):
    at = at.ipv4_mapped or at if isinstance(at, IPv6Address) else at
    code = Lookup([]).of(str(at))
    if prefixes.translated(at):
        assert code == TRANSLATED
    else:
        assert code == (PRIVATE if prefixes.special(at) else UNKNOWN)


# ---- Objects ----

PARTS = st.sampled_from(["", "a", "ap", "apps/", "apps/x", "apps/xy", "b", "ر"])
PATTERNS = st.lists(
    st.builds(lambda one, star: one + ("*" if star or not one else ""), PARTS, st.booleans()), max_size=8
)


@given(patterns=PATTERNS, object_=PARTS | st.text(alphabet="abpsxy/ر", max_size=8))
def test_an_object_is_served_by_every_pattern_that_names_it(patterns, object_):
    compiled = Objects(patterns)
    path = objects.path(object_)
    assert compiled.sets[compiled.number(object_)] == {one for one in patterns if objects.serves(one, path)}


@pytest.mark.parametrize(
    ("pattern", "object_", "serves"),
    [
        ("apps/*", "apps/a.apk", True),
        ("apps/*", "apps/", True),
        ("apps/*", "apps", False),
        ("apps/a.apk", "apps/a.apk", True),
        ("apps/a.apk", "apps/a.apk2", False),
        ("*", "anything", True),
    ],
)
def test_a_pattern_is_a_path_or_the_beginning_of_paths(pattern, object_, serves):
    assert objects.serves(pattern, object_) is serves
    compiled = Objects([pattern])
    assert bool(compiled.number(object_)) is serves


def test_an_object_is_its_path_without_query_and_slash():
    assert objects.path("/apps/a.apk?token=1#x") == "apps/a.apk"
    assert objects.pattern(" /apps/* ") == "apps/*"


@pytest.mark.parametrize("typed", ["", "/", " ", "apps/*.apk", "apps/**", "a b", "a\nb", "a" * 301])
def test_a_pattern_that_is_none_is_refused(typed):
    with pytest.raises(BadPattern):
        objects.pattern(typed)
