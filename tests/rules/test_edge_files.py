"""Files of edges: what each form says, and what is refused with its line."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.rules import edges
from peyman.market.tariff.rules.edges import Asked, BadEdges, Listing, NoList, Span, Subject

NOW = datetime(2023, 5, 5, 8, tzinfo=UTC)
FEED = Asked(cdn="arvan", source="api", seen_at=NOW)


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def faults(text: str, asked: Asked = FEED) -> list[tuple[int, str]]:
    with pytest.raises(BadEdges) as refused:
        edges.read(text, asked)
    return [(fault.line, fault.code) for fault in refused.value.faults]


@pytest.mark.clause("B04")
def test_spans_are_half_open_and_a_date_begins_at_midnight_in_tehran():
    text = (
        "cdn, prefix, valid_from, valid_to, source\n"
        "Arvan, 185.143.232.0/22, 2023-02-13, 2023-03-01, contract 7\n"
        "arvan, 185.143.232.0/22, 2023-04-01T10:00:00Z, , contract 7\n"
    )
    read = edges.read(text, Asked())
    assert read.spans == {
        Subject("arvan", "185.143.232.0/22", "contract 7"): (
            Span(tehran("2023-02-13T00:00"), tehran("2023-03-01T00:00")),
            Span(datetime(2023, 4, 1, 10, tzinfo=UTC)),
        )
    }


def test_overlapping_spans_of_one_subject_are_one_and_an_empty_span_says_it_never_served():
    text = (
        "cdn,prefix,valid_from,valid_to,source\n"
        "a,1.1.1.0/24,2023-01-01,2023-03-01,x\na,1.1.1.0/24,2023-02-01,2023-04-01,x\n"
        "a,2.2.2.0/24,2023-01-01,2023-01-01,x\n"
    )
    read = edges.read(text, Asked())
    assert read.spans == {
        Subject("a", "1.1.1.0/24", "x"): (Span(tehran("2023-01-01T00:00"), tehran("2023-04-01T00:00")),),
        Subject("a", "2.2.2.0/24", "x"): (),
    }


@pytest.mark.clause("B04")
def test_every_bad_line_is_named_and_none_is_taken():
    text = (
        "cdn,prefix,valid_from,valid_to,source\n"
        "a,1.1.1.0/24,2023-01-01,,x\n"
        "a,fe80::1%eth0,2023-01-01,,x\n"
        "a,1.1.1.0/33,2023-01-01,,x\n"
        "a,0.0.0.0/0,2023-01-01,,x\n"
        "\n"
        "a,1.1.1.0/24,yesterday,,x\n"
        "a,1.1.1.0/24,2023-02-01,2023-01-01,x\n"
        ",1.1.1.0/24,2023-02-01,,x\n"
        "a,1.1.1.0/24,2023-02-01,,\n"
        "a,1.1.1.0/24,2023-02-01\n"
        'a,"1.1.1.0/24,2023-02-01,,x\n'
    )
    assert faults(text, Asked()) == [
        (3, "zone"),
        (4, "prefix"),
        (5, "default_route"),
        (7, "date"),
        (8, "span_backwards"),
        (9, "cdn"),
        (10, "source"),
        (11, "columns"),
        (12, "quotes"),
    ]


def test_host_bits_and_mapped_addresses_are_made_canonical_and_flagged():
    read = edges.read("79.175.191.193/26\n::ffff:185.143.232.229\n[2a00:d20::1]/32\n۱.۲.۳.۴\n", FEED)
    assert read.listings == (
        Listing("arvan", NOW, "api", ("1.2.3.4/32", "79.175.191.192/26", "185.143.232.229/32", "2a00:d20::/32")),
    )
    assert read.flags == {"host_bits": (1, 3), "mapped": (2,)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\n",
        "# only a remark\n",
        "<!doctype html><title>403</title>",
        "\n<HTML>",
        "Just a moment...\n",
        '{"prefixes": []}',
        "name,ip\na,1.1.1.1\n",
        "cdn,prefix,valid_from,valid_to,source\n",
        "cdn,cdn,prefix,valid_from,valid_to,source\na,a,1.1.1.0/24,2023-01-01,,x\n",
        "1.1.1.1\0",
    ],
)
@pytest.mark.clause("B04")
def test_an_answer_that_is_no_list_is_no_empty_network(text: str):
    with pytest.raises(NoList):
        edges.read(text, FEED)


def test_a_plain_list_needs_its_network_and_its_time():
    for asked in (Asked(), Asked(cdn="a"), Asked(seen_at=NOW), Asked(cdn=" ", seen_at=NOW)):
        with pytest.raises(NoList):
            edges.read("1.1.1.0/24\n", asked)


def test_one_bad_line_of_a_feed_refuses_the_feed():
    assert faults("1.1.1.0/24  # first\nsorry\n2.2.2.0/24\n") == [(2, "prefix")]


def test_a_plain_list_may_name_its_column_and_stand_in_csv_of_one_column():
    assert edges.read("prefix\n1.1.1.0/24\n", FEED).listings[0].prefixes == ("1.1.1.0/24",)


def lists(*seen: tuple[int, str]) -> list[Listing]:
    return [
        Listing("a", datetime(2023, 1, day, tzinfo=UTC), f"list {day}", tuple(f"{n}.0.0.0/24" for n in prefixes))
        for day, prefixes in seen
    ]


def day(number: int) -> datetime:
    return datetime(2023, 1, number, tzinfo=UTC)


@pytest.mark.clause("B04")
def test_a_prefix_is_served_from_its_first_list_until_the_first_without_it():
    assert edges.spans_of_lists(lists((1, "12"), (5, "13"), (9, "123"))) == {
        Subject("a", "1.0.0.0/24", "list 1"): (Span(day(1)),),
        Subject("a", "2.0.0.0/24", "list 1"): (Span(day(1), day(5)),),
        Subject("a", "2.0.0.0/24", "list 9"): (Span(day(9)),),
        Subject("a", "3.0.0.0/24", "list 5"): (Span(day(5)),),
    }


def test_two_lists_of_one_instant_are_one():
    one, other = lists((1, "1"), (1, "2"))
    ended = lists((5, "2"))
    assert edges.spans_of_lists([one, other, *ended]) == {
        Subject("a", "1.0.0.0/24", "list 1"): (Span(day(1), day(5)),),
        Subject("a", "2.0.0.0/24", "list 1"): (Span(day(1)),),
    }


@given(st.dictionaries(st.integers(1, 20), st.sets(st.sampled_from("123"), min_size=1), max_size=8), st.randoms())
def test_a_list_says_what_serves_until_the_next_one(seen, random):
    said = lists(*((at, "".join(sorted(found))) for at, found in seen.items()))
    random.shuffle(said)
    spans = edges.spans_of_lists(said)
    for now in range(1, 22):
        last = max((at for at in seen if at <= now), default=None)
        served = {subject.prefix[0] for subject, held in spans.items() if any(span.holds(day(now)) for span in held)}
        assert served == (seen[last] if last else set())


@pytest.mark.clause("B04")
def test_an_address_found_by_dns_serves_until_days_have_passed_without_it():
    text = (
        "name,address,resolver,sampled_at\n"
        "dl.market.ir.,185.143.232.229,8.8.8.8,2023-05-05T10:00\n"
        "DL.market.ir,185.143.232.229,1.1.1.1,2023-05-07T23:00\n"
        "dl.market.ir,185.143.232.229,8.8.8.8,2023-05-20T10:00\n"
        "dl.market.ir,2a00:d20::1,8.8.8.8,2023-05-05T10:00\n"
    )
    read = edges.read(text, Asked(cdn="arvan"))
    assert edges.spans_of_samples(read.samples, days=3) == {
        Subject("arvan", "185.143.232.229/32", "dns:dl.market.ir@8.8.8.8"): (
            Span(tehran("2023-05-05T10:00"), tehran("2023-05-11T00:00")),
            Span(tehran("2023-05-20T10:00"), tehran("2023-05-24T00:00")),
        ),
        Subject("arvan", "2a00:d20::1/128", "dns:dl.market.ir@8.8.8.8"): (
            Span(tehran("2023-05-05T10:00"), tehran("2023-05-09T00:00")),
        ),
    }
    assert faults("name,address,resolver,sampled_at\n,1.1.1.1,r,2023-05-05\nx,1.1.1.0/24,r,2023-05-05\n") == [
        (2, "name"),
        (3, "address"),
    ]


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str):
    for start in ("", "cdn,prefix,valid_from,valid_to,source\n", "name,address,sampled_at\n"):
        try:
            edges.read(start + text, FEED)
        except (BadEdges, NoList) as refusal:
            assert refusal.detail  # a refusal has its words
