"""Addresses and prefixes as lists and people write them."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel import prefixes
from peyman.kernel.prefixes import BadAddress

small = st.integers(22, 32).flatmap(
    lambda bits: st.integers(0, 1023).map(lambda low: IPv4Network((0x05A00000 + low, bits), strict=False))
)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("185.143.232.229", "185.143.232.229"),
        (" ۱۸۵.۱۴۳.۲۳۲.۲۲۹ ", "185.143.232.229"),
        ("١٨٥.١٤٣.٢٣٢.٢٢٩", "185.143.232.229"),
        ("\u200e185.143.232.229\u200f\u00a0", "185.143.232.229"),
        ("::ffff:185.143.232.229", "185.143.232.229"),
        ("::FFFF:b98f:e8e5", "185.143.232.229"),
        ("[2A0A:0:0::1]", "2a0a::1"),
    ],
)
def test_an_address_is_read_however_it_is_written(typed: str, read: str) -> None:
    assert prefixes.address(typed) == ip_address(read)


@pytest.mark.parametrize(
    "typed",
    ["", "185.143.232", "185.143.232.256", "185.143.232.01", "fe80::1%eth0", "::ffff:1.2.3.4%1", "host.ir", "1" * 5000],
)
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadAddress) as refused:
        prefixes.address(typed)
    assert refused.value.says.endswith(".")


@pytest.mark.parametrize(
    ("typed", "read", "host_bits"),
    [
        ("79.175.191.193/26", "79.175.191.192/26", True),
        ("185.49.85.224/28", "185.49.85.224/28", False),
        ("185.49.85.224 / 28", "185.49.85.224/28", False),
        ("۱۸۵.۴۹.۸۵.۲۲۴/۲۸", "185.49.85.224/28", False),
        ("5.160.246.206", "5.160.246.206/32", False),
        ("2001:678:b0::/48", "2001:678:b0::/48", False),
        ("::ffff:5.160.0.0/112", "5.160.0.0/16", False),
        ("::ffff:0:0/90", "::ffc0:0:0/90", True),
        ("0.0.0.0/0", "0.0.0.0/0", False),
    ],
)
def test_a_prefix_is_read_with_its_host_bits_cleared_and_told(typed: str, read: str, host_bits: bool) -> None:
    assert prefixes.network(typed) == (ip_network(read), host_bits)


@pytest.mark.parametrize(
    "typed", ["1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/", "1.2.3.4/255.255.255.0", "::1/129", "/8", "fe80::%1/64"]
)
def test_what_is_no_prefix_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress):
        prefixes.network(typed)


def test_the_prefixes_that_can_cover_an_address_are_named_longest_first() -> None:
    named = prefixes.supernets(IPv4Address("185.143.232.229"))
    assert len(named) == 33
    assert named[:3] == ["185.143.232.229/32", "185.143.232.228/31", "185.143.232.228/30"]
    assert named[-2:] == ["128.0.0.0/1", "0.0.0.0/0"]
    assert len(prefixes.supernets(IPv6Address("2a0a::1"))) == 129


@pytest.mark.parametrize(
    ("text", "is_special"),
    [
        ("192.168.204.48/28", True),
        ("10.0.0.0/8", True),
        ("10.0.0.0/7", False),  # half of it is given out: it is cut there
        ("0.0.0.0/0", False),
        ("100.64.7.0/24", True),
        ("5.160.0.0/16", False),
        ("224.0.0.1", True),
        ("2001:db8::1", True),
        ("2a0a::/32", False),
        ("fd00::/8", True),
        ("::1", True),
    ],
)
def test_what_nobody_reaches_over_the_internet_is_special(text: str, is_special: bool) -> None:
    assert prefixes.special(prefixes.network(text)[0]) is is_special


@pytest.mark.parametrize("text", ["2002:b98f:e8e5::1", "64:ff9b::b98f:e8e5", "64:ff9b:1::1", "2001:0:1234::1"])
def test_an_address_that_stands_for_anothers_is_known(text: str) -> None:
    assert prefixes.translated(ip_address(text))
    assert not prefixes.translated(ip_address("2a0a::1"))
    assert not prefixes.translated(ip_address("185.143.232.229"))


def test_a_prefix_is_cut_into_the_fewest_parts() -> None:
    cuts = [ip_network("185.143.232.0/30"), ip_network("185.143.232.229/32"), ip_network("9.9.9.0/24")]
    assert [str(part) for part in prefixes.parts(ip_network("185.143.232.0/24"), cuts)] == [
        "185.143.232.0/30",
        "185.143.232.4/30",
        "185.143.232.8/29",
        "185.143.232.16/28",
        "185.143.232.32/27",
        "185.143.232.64/26",
        "185.143.232.128/26",
        "185.143.232.192/27",
        "185.143.232.224/30",
        "185.143.232.228/32",
        "185.143.232.229/32",
        "185.143.232.230/31",
        "185.143.232.232/29",
        "185.143.232.240/28",
    ]
    assert prefixes.parts(ip_network("5.160.0.0/29"), [ip_network("5.0.0.0/8")]) == [ip_network("5.160.0.0/29")]
    assert prefixes.parts(ip_network("2a0a::/32"), []) == [ip_network("2a0a::/32")]
    assert len(prefixes.parts(ip_network("2a0a::/32"), [ip_network("2a0a::1/128")])) == 97


@given(small, st.lists(small, max_size=5))
def test_parts_cover_the_whole_once_and_are_inside_or_outside_every_cut(
    whole: IPv4Network, cuts: list[IPv4Network]
) -> None:
    found = prefixes.parts(whole, cuts)
    assert [at for part in found for at in part] == list(whole)
    for part in found:
        for cut in cuts:
            assert {at in cut for at in part} in ({True}, {False})


@given(small, small)
def test_the_overlap_of_two_prefixes_is_what_both_hold(a: IPv4Network, b: IPv4Network) -> None:
    shared = prefixes.overlap(a, b)
    assert set(shared or ()) == set(a) & set(b)
    assert prefixes.overlap(a, ip_network("2a0a::/32")) is None
