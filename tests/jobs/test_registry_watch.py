"""The watch of the registry, from the line to the history: what comes, what is held back, and who hears of it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import connections

from peyman.entrypoints import registry_watch
from peyman.gateways import registry
from peyman.gateways.simulators import RegistrySimulator
from peyman.gateways.simulators.registry import as_csv
from peyman.market.tariff.actions import history
from peyman.market.tariff.models import Fetch, RegistryWatch, Snapshot, Stay
from peyman.market.tariff.queries import history as queries
from peyman.messages.models import Message
from tests import make

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = [pytest.mark.django_db, pytest.mark.clause("B05")]


def listed(count: int = 200, first: int = 0) -> list[list[str]]:
    nets = [f"185.{n >> 8}.{n & 255}.0/24" for n in range(first, first + count)]
    return [[f"http://name{n}.ir", net, net, "1402/02/10", "1402/02/15"] for n, net in enumerate(nets)]


@pytest.fixture
def there(settings, tmp_path: Path) -> Iterator[RegistrySimulator]:
    settings.DATA_DIR = tmp_path
    settings.REGISTRY_DEADLINE = 20.0
    with RegistrySimulator(rows=listed()) as simulator:
        settings.REGISTRY_URL = f"{simulator.url}/list.csv"
        yield simulator


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


# ---- One fetch ----


def test_a_good_list_is_kept_and_extends_the_history(there, tmp_path):
    fetch = registry_watch.fetch_once(now=NOW)
    snapshot = Snapshot.objects.get()
    assert (fetch.outcome, fetch.at, fetch.snapshot, fetch.url) == ("taken", NOW, snapshot, f"{there.url}/list.csv")
    assert (snapshot.state, snapshot.rows, snapshot.seen_at, snapshot.whole_day, snapshot.source, snapshot.kind) == (
        "good", 200, NOW, False, "registry", "csv",
    )  # fmt: skip
    assert (tmp_path / snapshot.file).read_bytes() == as_csv(listed())
    assert files(tmp_path) == [f"{snapshot.sha256}.csv"]
    assert Stay.objects.count() == 200


def test_the_page_of_the_registry_gives_its_workbook(there, settings, tmp_path):
    settings.REGISTRY_URL = f"{there.url}/page/iplist"
    assert registry_watch.fetch_once(now=NOW).outcome == "taken"
    snapshot = Snapshot.objects.get()
    assert (snapshot.kind, snapshot.rows, snapshot.state) == ("xlsx", 200, "good")
    assert registry_watch.read_again(snapshot) == [tuple(row) for row in listed()]
    assert registry_watch.fetch_once(now=NOW + HOUR).outcome == "same"
    there.rows = listed(201)
    assert registry_watch.fetch_once(now=NOW + 2 * HOUR).outcome == "taken"


def test_the_same_list_later_says_the_same_of_a_later_instant(there, tmp_path):
    registry_watch.fetch_once(now=NOW)
    again = registry_watch.fetch_once(now=NOW + 6 * HOUR)
    assert again.outcome == "same"
    assert [snapshot.seen_at for snapshot in queries.ordered()] == [NOW, NOW + 6 * HOUR]
    assert len(files(tmp_path)) == 1  # the registry said 304, and the file of then is the file of now
    assert dict(there.asked) == {"/list.csv": 2}
    assert Stay.objects.count() == 200


def test_nothing_changed_is_not_believed_when_the_file_of_then_is_gone(there, tmp_path):
    registry_watch.fetch_once(now=NOW)
    (tmp_path / Snapshot.objects.get().file).write_bytes(b"spoilt")
    assert registry_watch.fetch_once(now=NOW + 6 * HOUR).outcome == "same"
    assert (tmp_path / Snapshot.objects.order_by("pk")[1].file).read_bytes() == as_csv(listed())


@pytest.mark.parametrize(
    ("fault", "outcome", "state", "reason"),
    [
        ("bad_gateway", "unreadable", "unreadable", "html_page"),
        ("challenge", "unreadable", "unreadable", "html_page"),
        ("big_page", "unreadable", "unreadable", "html_page"),
        ("empty", "unreadable", "unreadable", "empty"),
        ("no_rows", "unreadable", "unreadable", "empty"),
        ("truncated", "quarantined", "quarantined", "truncated"),
        ("shrunk", "quarantined", "quarantined", "shrunk"),
        ("default_route", "quarantined", "quarantined", "default_route"),
        ("other_list", "quarantined", "quarantined", "other_list"),
    ],
)
def test_a_bad_list_is_kept_and_never_replaces_a_good_one(there, fault, outcome, state, reason):
    registry_watch.fetch_once(now=NOW)
    RegistryWatch.objects.update(etag="")  # so that what did not change comes, too
    there.faults(**{fault: True})
    fetch = registry_watch.fetch_once(now=NOW + 6 * HOUR)
    bad = fetch.snapshot
    assert bad is not None
    assert (fetch.outcome, bad.state) == (outcome, state)
    assert reason in {one["code"] for one in bad.reasons}
    assert fetch.detail
    assert queries.last_good().seen_at == NOW
    assert Stay.objects.filter(absent=None).count() == 200


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("down", "broken"), ("http_500", "http_error"), ("redirect_away", "redirect"), ("reset", "broken")],
)
def test_a_fetch_that_brings_nothing_is_written_down(there, fault, outcome):
    there.faults(**{fault: True})
    fetch = registry_watch.fetch_once(now=NOW)
    assert (fetch.outcome, fetch.snapshot, Snapshot.objects.count()) == (outcome, None, 0)


def test_no_secret_of_the_address_is_written_down(there, settings, tmp_path):
    settings.REGISTRY_URL = there.url.replace("//", "//user:pass@") + "/list.csv?key=secret"
    registry_watch.fetch_once(now=NOW)
    there.faults(down=True)
    registry_watch.fetch_once(now=NOW + HOUR)
    for fetch in Fetch.objects.all():
        assert fetch.url == f"{there.url}/list.csv"
        assert "pass" not in fetch.detail and "secret" not in fetch.detail


def test_without_an_address_nothing_is_fetched(settings):
    settings.REGISTRY_URL = ""
    with pytest.raises(registry_watch.NoRegistry):
        registry_watch.fetch_once(now=NOW)
    assert registry_watch.sweep(now=NOW) == 0
    assert not Fetch.objects.exists()


# ---- Held back, and let go ----


def test_a_shrunk_list_is_let_go_by_a_second_one_an_hour_later(there):
    registry_watch.fetch_once(now=NOW)
    there.faults(shrunk=True)
    assert registry_watch.fetch_once(now=NOW + 6 * HOUR).outcome == "quarantined"
    assert registry_watch.fetch_once(now=NOW + 6.5 * HOUR).outcome == "quarantined"
    assert registry_watch.fetch_once(now=NOW + 7 * HOUR).outcome == "taken"
    states = list(Snapshot.objects.order_by("pk").values_list("state", flat=True))
    assert states.count("good") == 3  # the two that agree, and the one before
    assert Stay.objects.filter(absent=None).count() == 100


def test_a_default_route_waits_for_a_person_however_often_it_comes(there):
    registry_watch.fetch_once(now=NOW)
    there.faults(default_route=True)
    for hours in (6, 8, 10):
        assert registry_watch.fetch_once(now=NOW + hours * HOUR).outcome == "quarantined"
    held = Snapshot.objects.filter(state="quarantined").order_by("pk")[0]
    person = make.person(role="tariff")
    history.release(
        code=held.code,
        by=person,
        note="سطر نادرست به شمار نمی‌آید",
        read_again=registry_watch.read_again,
        now=NOW + 11 * HOUR,
    )
    assert queries.last_good().pk == held.pk
    assert "0.0.0.0/0" not in queries.networks_of(held)  # nobody's release makes the whole Internet half price


# ---- feed_history.csv, kind by kind ----

V4 = [f"173.245.{48 + n}.0/24" for n in range(15)]
V6 = [f"2400:cb00:{n:x}::/48" for n in range(7)]


def feed(nets: list[str], end: str = "\n") -> bytes:
    return as_csv([["", net, net, "1402/02/10", "1402/02/15"] for net in nets]).rstrip(b"\n") + end.encode()


def took(data: bytes, hours: float) -> Snapshot:
    at = NOW + hours * HOUR
    return registry_watch.take_bytes(data, seen_at=at, whole_day=False, source="feed", now=at)


@pytest.mark.parametrize(
    ("case", "data", "state", "reason"),
    [
        ("2021-08-11, a line end less", feed(V4, end=""), "good", None),
        ("2023-09-19, 286,284 bytes of a page", b"<!DOCTYPE html><html><head><title></title></head><body>"
            + b"<p>x</p>" * 35_778 + b"</body></html>", "unreadable", "html_page"),
        ("2023-09-22, 502 Bad Gateway, 155 bytes", b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n"
            b"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body></html>\r\n",
            "unreadable", "html_page"),
        ("2023-10-11, Attention Required!, 4,929 bytes", b"<!DOCTYPE html><html><head>"
            b"<title>Attention Required! | Cloudflare</title></head><body>" + b"x" * 4_830 + b"</body></html>",
            "unreadable", "html_page"),
        ("2024-10-29, 500 Internal Server Error, 175 bytes", b"<html>\r\n<head><title>500 Internal Server Error</title>"
            b"</head>\r\n<body><h1>500</h1></body>\r\n</html>\r\n", "unreadable", "html_page"),
        ("2024-10-08, empty", b"", "unreadable", "empty"),
        ("2021-08-02, the list of IPv6 in its place", feed(V6), "quarantined", "other_list"),
    ],
)  # fmt: skip
def test_a_feed_that_broke_is_kept_apart_and_the_next_good_one_goes_on(settings, tmp_path, case, data, state, reason):
    settings.DATA_DIR = tmp_path
    assert took(feed(V4), 0).state == "good"
    snapshot = took(data, 0.5)
    assert (snapshot.state, [one["code"] for one in snapshot.reasons]) == (state, [reason] if reason else [])
    assert (tmp_path / snapshot.file).read_bytes() == data
    assert took(feed(V4[:14]), 1).state == "good"
    assert Stay.objects.filter(absent=None).count() == 14


def test_a_file_is_taken_once_however_often_it_is_brought(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    file = tmp_path / "2023-05-05.csv"
    file.write_bytes(as_csv(listed()))
    met = registry_watch.Met()
    seen_at = NOW.replace(hour=0)
    one = registry_watch.take_file(file, seen_at=seen_at, whole_day=True, source="import", now=NOW, met=met)
    two = registry_watch.take_file(file, seen_at=seen_at, whole_day=True, source="import", now=NOW + HOUR)
    assert one == two
    assert Snapshot.objects.count() == 1
    assert files(tmp_path / "data") == [f"{one.sha256}.csv"]


def test_what_is_no_file_is_refused_and_leaves_nothing(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    with pytest.raises(registry.Unreadable):
        registry_watch.take_file(tmp_path / "no.csv", seen_at=NOW, whole_day=False, source="import", now=NOW)
    assert not Snapshot.objects.exists()


# ---- The schedule ----


def test_the_registry_is_asked_every_six_hours(there):
    assert registry_watch.sweep(now=NOW) == 1
    assert registry_watch.sweep(now=NOW + HOUR) == 0
    assert registry_watch.sweep(now=NOW + 5.3 * HOUR) == 0
    assert registry_watch.sweep(now=NOW + 6.7 * HOUR) == 1
    assert RegistryWatch.objects.get().busy_until is None


def test_after_a_failure_it_is_asked_again_soon(there):
    there.faults(down=1)
    assert registry_watch.sweep(now=NOW) == 1
    assert registry_watch.sweep(now=NOW + HOUR / 3) == 1
    assert [fetch.outcome for fetch in Fetch.objects.order_by("pk")] == ["broken", "taken"]


def test_a_worker_that_was_killed_while_it_fetched_is_followed_by_another(there):
    RegistryWatch.objects.create(pk=1, busy_until=NOW + HOUR / 10)
    assert registry_watch.sweep(now=NOW) == 0
    assert registry_watch.sweep(now=NOW + HOUR / 10) == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_fetches(there):
    there.faults(slow_s=0.5)
    gate = threading.Barrier(4)
    done: list[int] = []

    def work() -> None:
        try:
            gate.wait()
            done.append(registry_watch.sweep(now=NOW))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 1]
    assert Fetch.objects.count() == 1
    assert there.asked["/list.csv"] == 1


# ---- Alarms ----


def told() -> list[str]:
    return [message.text for message in Message.objects.order_by("pk")]


def test_staff_hear_of_a_list_that_was_held_back_once_and_again_after_it_was_away(there, settings):
    settings.PUBLIC_URL = "https://peyman.example"
    make.person(role="manager")
    registry_watch.sweep(now=NOW)
    assert told() == []
    there.faults(shrunk=True)
    registry_watch.sweep(now=NOW + 7 * HOUR)
    registry_watch.sweep(now=NOW + 7.2 * HOUR)
    assert len(told()) == 1
    assert "تنها ۱۰۰ سطر دارد؛ فهرست درست پیشین ۲۰۰ سطر داشت" in told()[0]
    assert "https://peyman.example/desk/tariff/" in told()[0]
    there.faults(shrunk=False)
    registry_watch.sweep(now=NOW + 9 * HOUR)
    there.faults(bad_gateway=True)
    registry_watch.sweep(now=NOW + 16 * HOUR)
    registry_watch.sweep(now=NOW + 17 * HOUR)
    registry_watch.sweep(now=NOW + 18 * HOUR)
    assert len(told()) == 2  # the same page three times is one fault
    assert "502 Bad Gateway" in told()[1]


def test_a_list_that_a_second_one_lets_go_makes_no_noise_of_its_own(there):
    make.person(role="manager")
    registry_watch.fetch_once(now=NOW)
    there.faults(shrunk=True)
    registry_watch.fetch_once(now=NOW + HOUR)
    registry_watch.fetch_once(now=NOW + 3 * HOUR)
    assert registry_watch.sound(now=NOW + 3 * HOUR) == 0


def test_staff_hear_once_that_the_last_good_list_gets_old(there):
    make.person(role="manager")
    registry_watch.sweep(now=NOW)
    there.faults(down=True)
    for hours in range(6, 60, 3):
        registry_watch.sweep(now=NOW + hours * HOUR)
    assert len(told()) == 1
    assert "آخرین فهرست درست سامانه ملی از" in told()[0]
    assert Message.objects.get().created_at >= NOW + 36 * HOUR
    there.faults(down=False)
    registry_watch.sweep(now=NOW + 70 * HOUR)
    there.faults(down=True)
    registry_watch.sweep(now=NOW + 110 * HOUR)
    assert len(told()) == 2


def test_a_registry_that_never_gave_a_list_is_told_of_too(there):
    make.person(role="manager")
    there.faults(down=True)
    registry_watch.sweep(now=NOW)
    registry_watch.sweep(now=NOW + 35 * HOUR)
    assert told() == []
    registry_watch.sweep(now=NOW + 37 * HOUR)
    registry_watch.sweep(now=NOW + 47 * HOUR)
    assert len(told()) == 1
    assert "هیچ فهرست درستی" in told()[0]
