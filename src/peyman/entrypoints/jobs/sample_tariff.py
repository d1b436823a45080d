"""An invented network with half a year of an invented registry, so that the desk of the tariff has all to show.

For the sandbox only, and only where it is asked for: what the history says of any address includes these lists. The
ranges are routed in Iran, since no other could be registered; who holds them in truth has nothing to do with this.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings

from peyman.entrypoints import clock, registry_watch, tariff_tables, tariff_watch
from peyman.gateways.audit.files import TABLES
from peyman.kernel import jalali
from peyman.kernel.text import latin_digits
from peyman.kernel.worktime import DAY, day_start, tehran_day
from peyman.market.guard.actions import deliveries, keys
from peyman.market.guard.models import Delivery
from peyman.market.tariff.actions import edges
from peyman.market.tariff.models import Edge, Isp, Probe, Rate, Snapshot
from peyman.market.tariff.rules.requests import forecast
from peyman.people.models import Person

REGISTRANT = "bazargah.example"
SOURCE = "نمونه: شبکه، نشانی‌ها و تاریخ‌ها ساختگی است"
COLUMNS = ("name_as_entered", "ip_as_entered", "ip_network", "update_date_jalali", "due_date_jalali")

_WEEKS = 26
_MISSED = 15  # weeks ago nobody looked
_OTHERS = 80  # rows of others, so that a list that shrinks is seen to


@dataclass(frozen=True)
class _Range:
    """One range: days ago that it began and ended to serve, was updated and removed. None: never, or not yet."""

    prefix: str
    cdn: str
    serves: int | None
    ended: int | None = None
    listed: int | None = None
    removed: int | None = None
    as_listed: str = ""


_CITY, _ROAD = "شهرنت نمونه", "راه‌نت نمونه"
_RANGES = (
    *(_Range(f"2.180.{n}.0/28", _CITY, 400, listed=400) for n in range(1, 7)),
    *(_Range(f"2.180.{n}.0/28", _CITY, 120, listed=80) for n in range(11, 15)),
    *(_Range(f"2.181.{n}.64/27", _ROAD, 40, listed=9) for n in (1, 2)),
    _Range("2.181.7.0/28", _ROAD, 30),
    _Range("2.181.8.0/27", _ROAD, 300, listed=300, removed=16),
    _Range("2.181.9.0/24", _ROAD, 200, listed=250, as_listed="2.181.9.0/25"),
    _Range("2.181.12.0/28", _ROAD, 170, ended=60, listed=260),
    _Range("2.181.20.0/29", "", None, listed=300),
    _Range("192.168.204.48/28", _ROAD, 20),
)


def add_network() -> None:
    """Bring the lists and the edges, through the doors that real ones take. What is there already is left alone."""
    if Snapshot.objects.exists() or Edge.objects.exists():
        return
    now = clock.now()
    today = tehran_day(now)
    for weeks in range(_WEEKS, 0, -1):
        if weeks != _MISSED:
            _take(_list(today - timedelta(days=7 * weeks), today), day_start(today - timedelta(days=7 * weeks)))
    _take(_list(today, today)[: 30 * 60], now - 4 * DAY, whole_day=False)
    _take(
        b"<html><head><title>Attention Required!</title></head><body>no list</body></html>",
        now - 2 * DAY,
        whole_day=False,
    )
    last = _list(today, today)
    _take(last, now - timedelta(hours=3), whole_day=False)
    edges.take_file(data=_edges(now), by=None, now=now)
    folder = settings.DATA_DIR / "simulators"
    folder.mkdir(exist_ok=True)
    (folder / "registry.csv").write_bytes(last)  # what the simulated registry goes on to say


# ---- Operators ----

# Ranges of private use would be nobody's; these are routed in Iran, and whose they are said to be is invented.
_ISPS = (
    ("2.144.0.0/14", "AS64500", "مهرنت همراه"),
    ("5.112.0.0/12", "AS64501", "راه‌نت ثابت"),
    ("2.184.0.0/14", "AS64502", "پارس‌لینک"),
)
_RATES = (
    ("مهرنت همراه", "اینترنت", "آزاد", "60", "1/2"),
    ("مهرنت همراه", "اینترنت", "بسته ماهانه", "24", "1/2"),
    ("راه‌نت ثابت", "اینترنت", "", "18", "1/3"),
    ("پارس‌لینک", "اینترنت", "", "30", "1/2"),  # seen by nobody
)
_SEEN = "صفحه نمونه تعرفه‌ها"


def add_operators() -> None:
    """Bring operators, their rates (one of them seen by nobody), a measurement, and a key for tickets."""
    now = clock.now()
    since = (tehran_day(now) - timedelta(days=400)).isoformat()
    if not Isp.objects.exists():
        rows = [(*one, since, "") for one in _ISPS]
        text = _csv(("prefix", "asn", "operator", "valid_from", "valid_to"), rows)
        tariff_tables.bring(tariff_tables.ISPS, text, name="sample.csv", source=SOURCE, by=None, now=now)
    if not Rate.objects.exists():
        text = _rates(since)
        tariff_tables.bring(tariff_tables.TARIFFS, text, name="sample.csv", by=None, now=now)
        person = Person.objects.filter(role=Person.Role.TARIFF).order_by("pk").first()
        if person is not None:
            tariff_tables.verify_said(text, name="sample.csv", by=person, seen=_SEEN, now=now)
    if not Probe.objects.exists():
        at = jalali.iso(now - 2 * DAY)
        text = _csv(
            ("operator", "edge", "at", "factor", "source", "note"),
            [("مهرنت همراه", "2.180.1.1", at, "0.51", SOURCE, "مانده پیش و پس از دریافت ۱۰۰ مگابایت")],
        )
        tariff_tables.bring(tariff_tables.PROBES, text, name="sample.csv", by=None, now=now)
    keys.sweep(now=now)


def _rates(since: str) -> bytes:
    rows = [(*one[:3], since, "", *one[3:], "1000000", "no" if one is _RATES[-1] else "yes", SOURCE) for one in _RATES]
    return _csv(TABLES[tariff_tables.TARIFFS], rows)


def _csv(columns: Sequence[str], rows: Iterable[tuple[str, ...]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue().encode()


# ---- The network ----


def _take(data: bytes, seen_at: datetime, *, whole_day: bool = True) -> None:
    registry_watch.take_bytes(
        data, seen_at=seen_at, whole_day=whole_day, source="نمونه", now=seen_at + (DAY if whole_day else timedelta())
    )


def _list(on: date, today: date) -> bytes:
    """Write the whole list as it was on a day."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for one in _RANGES:
        update = _updated(one, today)
        removed = today - timedelta(days=one.removed) if one.removed is not None else None
        if update is not None and update <= on and (removed is None or on < removed):
            prefix = one.as_listed or one.prefix
            writer.writerow(
                (f"http://{REGISTRANT}", prefix, prefix, _written(update), _written(forecast(update).due_on))
            )
    for n in range(_OTHERS):
        prefix = f"2.182.{n}.8/29"
        update = today - timedelta(days=300 + n)
        writer.writerow(
            (f"http://digari-{n}.example", prefix, prefix, _written(update), _written(forecast(update).due_on))
        )
    return out.getvalue().encode()


def _updated(one: _Range, today: date) -> date | None:
    """The day of the row; one of the last days is moved until its due date lies ahead."""
    if one.listed is None:
        return None
    days = one.listed
    while days < 10 and days > 0 and forecast(today - timedelta(days=days)).due_on <= today:
        days -= 1
    return today - timedelta(days=days)


def _edges(now: datetime) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(("cdn", "prefix", "valid_from", "valid_to", "source"))
    writer.writerows(_declared(tehran_day(now)))
    return out.getvalue().encode()


def _declared(today: date) -> Iterator[tuple[str, ...]]:
    for one in _RANGES:
        if one.serves is not None:
            begins = today - timedelta(days=one.serves)
            ends = (today - timedelta(days=one.ended)).isoformat() if one.ended is not None else ""
            yield one.cdn, one.prefix, begins.isoformat(), ends, SOURCE


def _written(day: date) -> str:
    return latin_digits(jalali.short_date(day))


def add_deliveries() -> None:
    """Say who delivers what: one that is lit, one that staff keep dark, one whose addresses are not admitted yet."""
    if Delivery.objects.exists():
        return
    now = clock.now()
    since = now - 20 * DAY
    for asked, dark in (
        (deliveries.Asked("برنامه‌ها", "apps/*", [_CITY]), ""),
        (deliveries.Asked("بازی‌ها", "games/*", [_CITY]), "تا سنجش دوباره مانده حجم، به خواست همکاران میز تعرفه"),
        (deliveries.Asked("ویدئوها", "video/*", [_CITY, _ROAD]), "چند نشانی راه‌نت هنوز در فهرست ملی نیست"),
    ):
        deliveries.put(asked=asked, valid_from=since, dark_because=dark, note=SOURCE, by=None, now=now)
    tariff_watch.guard(now=now)


STEPS = (
    ("شبکه و فهرست ملی نمونه", add_network),
    ("اپراتورها و نرخ‌های نمونه", add_operators),
    ("تحویل‌های نمونه", add_deliveries),
)
