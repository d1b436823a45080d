"""Rows of the national list: typed by people, read as they were meant, and flagged."""

import csv
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.market.tariff.rules import rows
from peyman.market.tariff.rules.rows import Line, Read, read

DATA = Path(__file__).parents[3] / "shared" / "data" / "tariff" / "registry_irregular_rows.csv"


def row(
    name: str = "http://cafebazaar.ir",
    ip: str = "185.126.9.248/29",
    network: str = "185.126.9.248/29",
    update: str = "1402/02/10",
    due: str = "1402/02/15",
) -> Read:
    return read(rows.line([name, ip, network, update, due]))


def test_a_regular_row_has_no_flags() -> None:
    assert row() == Read("cafebazaar.ir", "ir.cafebazaar.", "185.126.9.248/29", date(2023, 4, 30), date(2023, 5, 5), ())


# ---- Whose it is ----


@pytest.mark.parametrize(
    ("name", "host", "flags"),
    [
        ("https://Cafebazaar.ir/app/ir.divar", "cafebazaar.ir", {"name_has_path"}),
        ("https://cafebazaar.ir/", "cafebazaar.ir", set()),
        ("cafebazaar.ir", "cafebazaar.ir", {"no_scheme"}),
        ("//cafebazaar.ir", "cafebazaar.ir", set()),
        ("HTTPS://khn.hrfp.ir", "khn.hrfp.ir", {"scheme_case"}),
        ("Http://Hubapi.Tetrapuzzle.com", "hubapi.tetrapuzzle.com", {"scheme_case"}),
        ("http://https://a.ir", "a.ir", set()),
        ("http:/a.ir", "a.ir", set()),
        ("http:\\\\a.ir\\b", "a.ir", {"name_has_path"}),
        ("https://si6.viphostnet.net:2087", "si6.viphostnet.net", {"name_has_port"}),
        ("https://saba.telvideon.ir:7443/ofmeet/", "saba.telvideon.ir", {"name_has_port", "name_has_path"}),
        ("http://a.ir:", "a.ir", {"name_has_port"}),
        ("http://user:secret@a.ir", "a.ir", {"name_has_user"}),
        ("http://a.ir?x=1", "a.ir", {"name_has_path"}),
        ("http://a.ir.", "a.ir", set()),
        ("http://applicant.markazjazb.ir\u00a0", "applicant.markazjazb.ir", {"name_whitespace", "name_non_ascii"}),
        ("https://vehiclecloud.ir ", "vehiclecloud.ir", {"name_whitespace"}),
        ("https://irdlnvme35.ronakhost.com\t", "irdlnvme35.ronakhost.com", {"name_whitespace"}),
        ("\u200fhttp://a.ir", "a.ir", {"name_whitespace", "name_non_ascii"}),
        ("http://my_site.ir", "my_site.ir", set()),
        ("https://صاد.com/", "xn--mgbqq.com", {"name_non_ascii"}),
        ("http://کتاب.ایران", "xn--mgbce12c.xn--mgba3a4f16a", {"name_non_ascii"}),
        ("http://كتاب.ايران", "xn--mgbce12c.xn--mgba3a4f16a", {"name_non_ascii"}),
        ("http://dl۱.a.ir", "dl1.a.ir", {"name_non_ascii"}),
        ("http://185.110.247.62", "185.110.247.62", {"name_is_ip"}),
        ("http://185.136.182.142:801", "185.136.182.142", {"name_is_ip", "name_has_port"}),
        ("http://[2A04:F080::1]:80/", "2a04:f080::1", {"name_is_ip", "name_has_port"}),
        ("۱۸۵.۱۱۰.۲۴۷.۶۲", "185.110.247.62", {"name_is_ip", "name_non_ascii", "no_scheme"}),
        ("http://0.214.236.87.mail.iranianwebman.ir", "0.214.236.87.mail.iranianwebman.ir", set()),
        ("", "", {"no_name"}),
        ("  ", "", {"no_name", "name_whitespace"}),
        ("http://", "", {"name_unreadable"}),
        ("http://a.ir, http://b.ir", "", {"name_unreadable", "name_has_port", "name_whitespace", "name_has_path"}),
        ("http://a .ir", "", {"name_unreadable", "name_whitespace"}),
        ("http://999.1.1.1", "", {"name_unreadable"}),
        ("http://-a.ir", "", {"name_unreadable"}),
        ("http://a..ir", "", {"name_unreadable"}),
        ("شرکت خوب", "", {"name_unreadable", "name_whitespace", "name_non_ascii", "no_scheme"}),
    ],
)
def test_a_name_is_read_as_it_was_meant(name: str, host: str, flags: set[str]) -> None:
    found = row(name=name)
    assert (found.host, set(found.flags)) == (host, flags)


def test_a_name_of_half_spaces_is_one_name_however_its_letters_were_typed() -> None:
    assert rows.host_of("می\u200cکنم.ایران") == rows.host_of("http://مي\u200cكنم.ايران/") != ""
    assert rows.host_of("\u200cکتاب.ایران\u200c") == rows.host_of("کتاب.ایران")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("dl.cafebazaar.ir", "ir.cafebazaar.dl."),
        ("185.110.247.62", "185.110.247.62."),
        ("2a04::1", "2a04::1."),
        ("", ""),
    ],
)
def test_what_is_below_a_host_begins_as_it_does(host: str, path: str) -> None:
    assert rows.host_path(host) == path


# ---- Which range ----


@pytest.mark.parametrize(
    ("ip", "network", "read_as", "flags"),
    [
        ("79.175.191.193/26", "79.175.191.192/26", "79.175.191.192/26", {"host_bits"}),
        ("185.1.1.0/24", "185.1.0.0/16", "185.1.1.0/24", {"disagree"}),
        ("185.1.0.0/16", "185.1.1.0/24", "185.1.1.0/24", {"disagree"}),
        ("185.1.1.1", "185.1.1.0/24", "185.1.1.1/32", {"disagree"}),
        ("185.1.1.0/24", "185.2.1.0/24", "", {"disagree", "network_unreadable"}),
        ("185.1.1.0/24", "", "185.1.1.0/24", set()),
        ("", "185.1.1.0/24", "185.1.1.0/24", set()),
        ("185.1.1.0/255.255.255.0", "185.1.1.0/24", "185.1.1.0/24", {"ip_unreadable"}),
        ("185.1.1.0/24", "nothing", "", {"network_unreadable"}),
        ("", "", "", {"network_unreadable"}),
        ("185.1.1.0/33", "185.1.1.0/33", "", {"network_unreadable"}),
        ("185.1.1", "185.1.1", "", {"network_unreadable"}),
        ("۱۸۵.۱.۱.۰/۲۴", "۱۸۵.۱.۱.۰/۲۴", "185.1.1.0/24", set()),
        (" 185.1.1.0/24\u00a0", "185.1.1.0/24", "185.1.1.0/24", set()),
        ("185.147.176.0/22", "185.147.176.0/22", "185.147.176.0/22", {"short_prefix"}),
        (
            "2A07:3907:0000:0002:0000:0000:0000:02BA/128",
            "2A07:3907:0000:0002:0000:0000:0000:02BA/128",
            "2a07:3907:0:2::2ba/128",
            {"ipv6"},
        ),
        (
            "2A04:F080:0000:0000:0000:0000:0001:3F6F/32",
            "2A04:F080:0000:0000:0000:0000:0000:0000/32",
            "2a04:f080::/32",
            {"ipv6", "host_bits", "short_prefix"},
        ),
        ("::ffff:185.1.1.7", "::ffff:185.1.1.7/128", "185.1.1.7/32", {"mapped"}),
        ("fe80::1%eth0", "fe80::1%eth0", "", {"network_unreadable"}),
        ("192.168.204.48/28", "192.168.204.48/28", "192.168.204.48/28", {"special_range"}),
        ("100.64.0.0/24", "100.64.0.0/24", "100.64.0.0/24", {"special_range"}),
        ("2001:db8::/48", "2001:db8::/48", "2001:db8::/48", {"special_range", "ipv6"}),
        ("185.1.1.0/24", "2a04::/48", "", {"disagree", "network_unreadable"}),
    ],
)
def test_a_range_is_what_both_columns_hold(ip: str, network: str, read_as: str, flags: set[str]) -> None:
    found = row(ip=ip, network=network)
    assert (found.network, set(found.flags)) == (read_as, flags)


@pytest.mark.parametrize("route", ["0.0.0.0/0", "::/0", "128.0.0.0/1", "4.0.0.0/7", "2000::/3", "2a00::/15"])
@pytest.mark.clause("B05")
def test_a_row_that_holds_much_of_the_internet_counts_for_nothing(route: str) -> None:
    found = row(ip=route, network=route)
    assert found.network == ""
    assert "default_route" in found.flags


def test_half_of_a_default_route_is_one_too() -> None:
    found = row(ip="185.1.1.0/24", network="0.0.0.0/0")
    assert (found.network, found.flags) == ("", ("disagree", "default_route"))
    assert row(ip="5.0.0.0/8", network="5.0.0.0/8").network == "5.0.0.0/8"


# ---- Since when ----


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1402/02/15", date(2023, 5, 5)),
        ("۱۴۰۲/۰۲/۱۵", date(2023, 5, 5)),
        ("١٤٠٢/٢/١٥", date(2023, 5, 5)),
        (" 1402-02-15\u00a0", date(2023, 5, 5)),
        ("1402.02.15", date(2023, 5, 5)),
        ("1399/12/30", date(2021, 3, 20)),
        ("1403/12/30", date(2025, 3, 20)),
        ("1402/06/31", date(2023, 9, 22)),
    ],
)
def test_a_date_is_read_in_any_digits(written: str, day: date) -> None:
    assert row(due=written, update=written).due_on == day


@pytest.mark.parametrize(
    "written",
    ["1400/12/30", "1402/12/30", "1402/07/31", "1402/13/01", "1402/00/10", "1402/01/00", "1402/02/15/", "02/15",
     "1402/02-15", "14020215", "15/02/1402", "0001/01/01", "9999/01/01", "1299/01/01", "فردا", "", "1402/02/15 10:30"],
)  # fmt: skip
def test_a_day_that_is_none_is_never_due(written: str) -> None:
    found = row(due=written)
    assert (found.due_on, found.flags, found.is_unreadable) == (None, ("due_unreadable",), True)
    assert row(update=written).flags == ("update_unreadable",)


def test_the_day_of_a_spreadsheet_is_gregorian_and_flagged() -> None:
    found = row(update="2023-04-30", due="2023-05-05")
    assert (found.update_on, found.due_on, found.flags) == (date(2023, 4, 30), date(2023, 5, 5), ("gregorian",))
    assert row(due="2023-05-05T00:00:00").due_on == date(2023, 5, 5)


@pytest.mark.parametrize(
    ("update", "due", "flag"),
    [
        ("1399/09/30", "1399/11/15", "due_skips_a_month"),
        ("1403/07/30", "1403/09/15", "due_skips_a_month"),
        ("1399/10/30", "1399/12/15", "due_skips_a_month"),
        ("1402/11/30", "1403/01/15", "due_skips_a_month"),
        ("1402/02/10", "1402/03/15", "due_skips_a_month"),
        ("1402/02/10", "1402/02/16", "due_skips_a_month"),
        ("1402/02/15", "1402/02/14", "due_before_update"),
    ],
)
def test_a_due_date_is_read_as_entered_and_flagged_where_the_registry_left_its_rule(
    update: str, due: str, flag: str
) -> None:
    found = row(update=update, due=due)
    assert found.flags == (flag,)
    assert found.due_on is not None


@pytest.mark.parametrize(
    ("update", "due"),
    [
        ("1402/02/14", "1402/02/15"),
        ("1402/02/15", "1402/03/15"),
        ("1401/12/17", "1402/01/15"),
        ("1400/06/31", "1400/07/15"),
    ],
)
def test_the_next_fifteenth_is_no_skip(update: str, due: str) -> None:
    assert row(update=update, due=due).flags == ()


# ---- What is kept ----


def test_cells_are_kept_without_what_no_database_keeps_and_no_longer_than_it_has_room() -> None:
    kept = rows.line(["a\0b\ud800c", "1" * 300, "2" * 300, "3" * 300, "4" * 300])
    assert kept.name == "abc"
    assert [len(cell) for cell in kept] == [3, 100, 100, 40, 40]
    assert "cut" in read(kept).flags


def test_a_key_tells_rows_apart_also_where_their_letters_run_together() -> None:
    assert Line("a", "b", "c", "d", "e").key == Line("a", "b", "c", "d", "e").key
    assert Line("ab", "", "c", "d", "e").key != Line("a", "b", "c", "d", "e").key
    assert len(Line("", "", "", "", "").key) == 32


@given(st.lists(st.text(max_size=60), min_size=5, max_size=5))
def test_whatever_is_written_is_read(cells: list[str]) -> None:
    found = read(rows.line(cells))
    assert set(found.flags) <= rows.FLAGS.keys()
    assert found.host.isascii() and len(found.host) <= 255 and len(found.host_path) <= 256
    assert found.network == "" or "/" in found.network


@given(st.text(alphabet="ahtps:/\\.@#?[]%-_0123456789کي\u200c\u00a0 \t", max_size=80))
def test_a_host_reads_as_itself(name: str) -> None:
    host = rows.host_of(name)
    assert rows.host_of(host) == host


# ---- The real list's own ----

REAL = (
    list(csv.DictReader(DATA.read_text("utf-8").splitlines(keepends=True))) if DATA.is_file() else []
)  # the tab in a name is no line end


@pytest.mark.skipif(not REAL, reason="the real rows are not here")
@pytest.mark.parametrize(
    ("tag", "flags"),
    [
        ("name_has_path", {"name_has_path"}),
        ("name_has_port", {"name_has_port"}),
        ("host_bits_set", {"host_bits"}),
        ("due_skips_a_month", {"due_skips_a_month"}),
        ("scheme_case_or_missing", {"scheme_case", "no_scheme"}),
        ("ipv6", {"ipv6"}),
        ("short_prefix", {"short_prefix"}),
        ("name_whitespace", {"name_whitespace"}),
        ("name_non_ascii", {"name_non_ascii"}),
    ],
)
def test_every_irregular_row_of_the_real_list_is_flagged_for_what_it_is(tag: str, flags: set[str]) -> None:
    tagged = [one for one in REAL if tag in one["tags"].split(";")]
    assert tagged
    for one in tagged:
        assert flags & set(_read(one).flags), one


@pytest.mark.skipif(not REAL, reason="the real rows are not here")
def test_every_irregular_row_of_the_real_list_can_be_read_whole() -> None:
    for one in REAL:
        found = _read(one)
        assert found.host and found.network and found.due_on and found.update_on, one
        address = one["name_as_entered"].removeprefix("http://").removeprefix("https://").split("/")[0].split(":")[0]
        if "name_is_ip" in one["tags"] and address.count(".") == 3 and address.replace(".", "").isdigit():
            assert (found.host, "name_is_ip" in found.flags) == (address, True)


def _read(one: dict[str, str]) -> Read:
    names = ("name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali")
    return read(rows.line([one[name] for name in names]))
