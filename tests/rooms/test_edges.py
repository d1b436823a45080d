"""What the network said of its addresses, and when we knew: superseded, never rewritten."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from peyman.kernel.errors import Invalid, Missing
from peyman.kernel.worktime import TEHRAN
from peyman.market.tariff.actions import edges as actions
from peyman.market.tariff.models import Edge, EdgeList
from peyman.market.tariff.queries import edges
from peyman.market.tariff.rules.edges import BadEdges, NoList
from tests import make

NOW = make.NOW
HOUR = timedelta(hours=1)
HEADER = "cdn,prefix,valid_from,valid_to,source\n"

pytestmark = pytest.mark.django_db


def tehran(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=TEHRAN).astimezone(UTC)


def spans(*lines: str, now: datetime = NOW, by=None) -> actions.Brought:
    return actions.take_file(data=(HEADER + "\n".join(lines)).encode(), by=by, now=now)


def feed(text: str, seen: str, now: datetime = NOW, source: str = "") -> actions.Brought:
    return actions.take_file(data=text.encode(), cdn="arvan", source=source, seen_at=tehran(seen), by=None, now=now)


def serving(at: str, known_at: datetime | None = None) -> list[str]:
    return [one.prefix for one in edges.served(tehran(at), known_at)]


@pytest.mark.clause("B04")
def test_a_declaration_serves_in_its_span_and_again_changes_nothing():
    line = "arvan,185.143.232.0/22,2023-02-13,2023-03-01,contract"
    assert spans(line).added == 1
    assert serving("2023-02-12T23:59") == []
    assert serving("2023-02-13T00:00") == serving("2023-02-28T23:59") == ["185.143.232.0/22"]
    assert serving("2023-03-01T00:00") == []
    again = spans(line, now=NOW + HOUR)
    assert (again.added, again.superseded, Edge.objects.count()) == (0, 0, 1)


@pytest.mark.clause("B04")
def test_a_changed_declaration_supersedes_and_what_we_believed_stays_known():
    spans("arvan,185.143.232.0/22,2023-02-13,,contract", "arvan,2.144.3.128/28,2023-02-13,,contract")
    done = spans("arvan,185.143.232.0/22,2023-02-13,2023-03-01,contract", now=NOW + HOUR)
    assert (done.added, done.superseded) == (1, 1)
    # Of the other prefix the second file says nothing, so it stays.
    assert serving("2023-04-01T00:00") == ["2.144.3.128/28"]
    assert serving("2023-04-01T00:00", known_at=NOW) == ["2.144.3.128/28", "185.143.232.0/22"]
    assert serving("2023-04-01T00:00", known_at=NOW - HOUR) == []
    old = Edge.objects.get(superseded_at=NOW + HOUR)
    assert (old.prefix, old.valid_to, old.recorded_at) == ("185.143.232.0/22", None, NOW)


def test_a_declaration_of_an_empty_span_takes_back_a_slip():
    spans("arvan,1.1.1.0/24,2023-02-13,,contract")
    spans("arvan,1.1.1.0/24,2023-02-13,2023-02-13,contract", now=NOW + HOUR)
    assert serving("2023-04-01T00:00") == []
    assert serving("2023-04-01T00:00", known_at=NOW) == ["1.1.1.0/24"]


@pytest.mark.clause("B04")
def test_beliefs_cannot_be_rewritten_by_anybody():
    spans("arvan,185.143.232.0/22,2023-02-13,,contract")
    feed("1.1.1.0/24", "2023-01-01T00:00")
    for change in (
        lambda: Edge.objects.update(valid_from=NOW),
        lambda: Edge.objects.update(valid_to=NOW),
        lambda: Edge.objects.all().delete(),
        lambda: EdgeList.objects.update(seen_at=NOW),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    assert Edge.objects.update(superseded_at=NOW) == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Edge.objects.update(superseded_at=None)


@pytest.mark.clause("B04")
def test_one_bad_line_leaves_everything_as_it_was():
    with pytest.raises(BadEdges):
        spans("arvan,185.143.232.0/22,2023-02-13,,contract", "arvan,nowhere,2023-02-13,,contract")
    assert not Edge.objects.exists()


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"<html></html>", b"PK\x03\x04\x00"])
@pytest.mark.clause("B04")
def test_an_answer_that_is_no_list_ends_nothing(data: bytes):
    feed("1.1.1.0/24\n", "2023-01-01T00:00")
    with pytest.raises(NoList):
        actions.take_file(data=data, cdn="arvan", seen_at=tehran("2023-02-01T00:00"), by=None, now=NOW)
    assert serving("2023-02-01T00:00") == ["1.1.1.0/24"]


@pytest.mark.clause("B04")
def test_what_a_full_list_misses_has_ended_and_lists_may_come_in_any_order():
    feed("1.1.1.0/24\n2.2.2.0/24\n", "2023-01-01T00:00")
    feed("1.1.1.0/24\n", "2023-01-20T00:00", now=NOW + HOUR)
    assert serving("2023-01-15T00:00") == ["1.1.1.0/24", "2.2.2.0/24"]
    feed("1.1.1.0/24\n3.3.3.0/24\n", "2023-01-10T00:00", now=NOW + 2 * HOUR)
    assert serving("2023-01-09T23:59") == ["1.1.1.0/24", "2.2.2.0/24"]
    assert serving("2023-01-15T00:00") == ["1.1.1.0/24", "3.3.3.0/24"]
    assert serving("2023-01-15T00:00", known_at=NOW + HOUR) == ["1.1.1.0/24", "2.2.2.0/24"]
    assert serving("2023-02-01T00:00") == ["1.1.1.0/24"]
    believed = Edge.objects.filter(superseded_at=None).count()
    assert feed("1.1.1.0/24\n3.3.3.0/24\n", "2023-01-10T00:00", now=NOW + 3 * HOUR).added == 0
    assert Edge.objects.filter(superseded_at=None).count() == believed == 3


def test_a_list_of_the_same_instant_and_source_takes_the_place_of_the_first():
    feed("1.1.1.0/24\n", "2023-01-01T00:00")
    feed("2.2.2.0/24\n", "2023-01-01T00:00", now=NOW + HOUR)
    assert serving("2023-01-02T00:00") == ["2.2.2.0/24"]
    feed("3.3.3.0/24\n", "2023-01-01T00:00", now=NOW + HOUR, source="other mirror")
    assert serving("2023-01-02T00:00") == ["2.2.2.0/24", "3.3.3.0/24"]


@pytest.mark.clause("B04")
def test_an_address_seen_by_dns_again_serves_longer(settings):
    settings.DNS_SAMPLE_DAYS = 2
    header = "name,address,resolver,sampled_at\n"

    def sample(at: str, now: datetime, resolver: str = "8.8.8.8") -> actions.Brought:
        data = f"{header}dl.market.ir,185.143.232.229,{resolver},{at}\n".encode()
        return actions.take_file(data=data, cdn="arvan", by=None, now=now)

    sample("2023-05-05T10:00", NOW)
    assert serving("2023-05-07T23:59") == ["185.143.232.229/32"]
    assert serving("2023-05-08T00:00") == serving("2023-05-05T09:59") == []
    assert sample("2023-05-05T20:00", NOW, "1.1.1.1").added == 0
    assert sample("2023-05-07T10:00", NOW + HOUR, "1.1.1.1").superseded == 1
    assert serving("2023-05-09T23:59") == ["185.143.232.229/32"]
    assert serving("2023-05-08T00:00", known_at=NOW) == []
    assert Edge.objects.get(superseded_at=None).source == "dns:dl.market.ir@8.8.8.8"


def test_nested_and_overlapping_declarations_stand_beside_each_other():
    spans(
        "arvan,185.143.232.0/22,2023-02-13,,contract",
        "arvan,185.143.233.0/24,2023-02-13,,contract",
        "derak,185.143.232.0/22,2023-02-13,,feed",
        "derak,192.168.204.48/28,2023-02-13,,feed",
    )
    assert serving("2023-03-01T00:00") == [
        "185.143.232.0/22",
        "185.143.233.0/24",
        "185.143.232.0/22",
        "192.168.204.48/28",
    ]


def test_staff_declare_and_end_an_edge_under_their_name():
    person = make.person(role="tariff")
    made = actions.declare(
        cdn="Arvan",
        prefix="185.143.232.5/22",
        valid_from=tehran("2023-02-13T00:00"),
        valid_to=None,
        source="phone call",
        by=person,
        now=NOW,
    )
    assert (made.cdn, made.prefix, made.recorded_by) == ("arvan", "185.143.232.0/22", person.code)
    ended = actions.end(edge_id=made.pk, valid_to=tehran("2023-03-01T00:00"), by=person, now=NOW + HOUR)
    assert serving("2023-03-01T00:00") == []
    assert serving("2023-03-01T00:00", known_at=NOW) == ["185.143.232.0/22"]
    with pytest.raises(Missing):  # superseded: there is nothing to end any more
        actions.end(edge_id=made.pk, valid_to=tehran("2023-04-01T00:00"), by=person, now=NOW + HOUR)
    with pytest.raises(Invalid):
        actions.end(edge_id=ended.pk, valid_to=tehran("2023-01-01T00:00"), by=person, now=NOW + HOUR)


@pytest.mark.parametrize(
    ("field", "value"),
    [("prefix", "nowhere"), ("prefix", "0.0.0.0/0"), ("cdn", " "), ("source", ""), ("valid_to", tehran("2023-02-13"))],
)
def test_a_wrong_declaration_names_its_field(field, value):
    asked = {
        "cdn": "arvan",
        "prefix": "1.1.1.0/24",
        "valid_from": tehran("2023-02-13T00:00"),
        "valid_to": None,
        "source": "contract",
    }
    with pytest.raises(Invalid) as refused:
        actions.declare(**{**asked, field: value}, by=None, now=NOW)
    assert set(refused.value.fields) == {field}
    assert not Edge.objects.exists()


def test_a_clock_that_went_back_supersedes_no_belief_before_it_was_held():
    spans("arvan,1.1.1.0/24,2023-02-13,,contract", now=NOW)
    spans("arvan,1.1.1.0/24,2023-02-14,,contract", now=NOW - HOUR)
    assert Edge.objects.get(superseded_at=None).recorded_at == NOW


def test_what_serves_is_asked_by_one_query(django_assert_num_queries):
    spans(*(f"arvan,1.1.{n}.0/24,2023-02-13,,contract" for n in range(50)))
    with django_assert_num_queries(1):
        assert len(edges.served(tehran("2023-03-01T00:00"))) == 50


@pytest.mark.django_db(transaction=True)
@pytest.mark.clause("B04")
def test_two_imports_at_once_end_as_one_after_the_other(threads):
    days = [f"2023-01-0{n}T00:00" for n in range(1, 7)]
    threads(6, lambda n: feed(f"1.1.1.0/24\n{n}.2.2.0/24\n", days[n], now=NOW))
    assert Edge.objects.filter(superseded_at=None).count() == 7
    for n, day in enumerate(days):
        assert sorted(serving(day)) == sorted(["1.1.1.0/24", f"{n}.2.2.0/24"])
