"""Iran's ranges: kept small, read back whole, and counted right."""

from fractions import Fraction
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.market.tariff import iran

networks = st.builds(
    lambda base, length: ip_network((base >> (32 - length) << (32 - length), length)),
    st.integers(0x0A000000, 0x0A00FFFF),
    st.integers(18, 32),
)


def test_the_bundled_ranges_know_irans_addresses_from_foreign_ones():
    assert "2026-05-17" in iran.bundled().about
    assert iran.is_iranian(ip_network("185.143.232.0/22")) == 1
    assert iran.is_iranian(ip_network("2a00:d20::/32")) == 1
    for foreign in ("8.8.8.0/24", "89.187.169.88/29", "192.168.204.48/28", "2001:4860::/32"):
        assert iran.is_iranian(ip_network(foreign)) == 0
    assert iran.is_iranian(ip_network("2.144.0.0/13")) == Fraction(1, 2)


def test_a_partly_foreign_prefix_is_cut_at_the_border():
    assert iran.bundled().within(ip_network("2.144.0.0/13")) == [ip_network("2.144.0.0/14")]


def test_an_operators_list_is_read_with_comments_headers_and_both_families():
    text = "\ufeffprefix,family\n2.57.3.0/24,4\n# a remark\n\n2a00:d20::/32,6\n2.57.2.0/24,4\n"
    ranges = iran.read_list(text, "own")
    assert ranges.within(ip_network("2.57.0.0/16")) == [ip_network("2.57.2.0/23")]
    assert ranges.share(ip_network("2a00:d20::/31")) == Fraction(1, 2)


@pytest.mark.parametrize("text", ["", "# nothing\n", "<html>", "2.57.3.0/24\nnext\n", "0.0.0.0/0\n"])
def test_what_is_no_list_of_ranges_is_refused(text: str):
    with pytest.raises(iran.BadRanges):
        iran.read_list(text, "own")


@given(st.lists(networks, max_size=12), st.lists(networks, max_size=3))
def test_ranges_are_read_back_as_they_were_written(some: list[IPv4Network], others: list[IPv4Network]):
    sixes = [IPv6Network((int(one.network_address) << 96, one.prefixlen)) for one in others]
    ranges = iran.of_prefixes([*some, *sixes], "from somewhere on 2026-05-17")
    assert iran.read(iran.written(ranges)) == ranges


@given(st.lists(networks, max_size=12), networks)
def test_ranges_hold_the_addresses_of_their_prefixes_and_no_others(some: list[IPv4Network], whole: IPv4Network):
    ranges = iran.of_prefixes(some, "")
    union = list(collapse_addresses(some))
    inside = sum(min(one.num_addresses, whole.num_addresses) for one in union if one.overlaps(whole))
    assert ranges.count(whole) == inside
    for part in ranges.within(whole):
        assert any(ip_address(int(part.network_address)) in one for one in some)
    assert sum(part.num_addresses for part in ranges.within(whole)) == inside
