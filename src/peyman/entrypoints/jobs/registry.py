"""`peyman registry`: the national list into the history, and what the history says of an address at an instant."""

import csv
import json
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO

import click
from django.db.models import Count

from peyman.entrypoints import clock, registry_watch
from peyman.entrypoints.jobs.console import Broken, CouldNot, answer, instant, tell
from peyman.gateways.registry import Unreadable
from peyman.kernel import jalali, prefixes
from peyman.kernel.text import persian_digits
from peyman.market.tariff.actions import history as actions
from peyman.market.tariff.models import Snapshot, Stay
from peyman.market.tariff.queries import history as queries
from peyman.market.tariff.rules import rows, says
from peyman.market.tariff.rules.history import Answer, Listed, moment

SOURCE = "import"
LONGEST_SOURCE = 60
LISTS = (".csv", ".xlsx", ".html", ".htm", ".json")
CHUNK = 2000  # answers between two looks at the database
KEPT = 100_000  # rows of answers that are kept in words
YEARS = range(1900, 2201)
SHOWN = 30  # snapshots or rows for people; the JSON has all

_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?!\d)", re.ASCII)
_dumps = json.JSONEncoder(ensure_ascii=False).encode


@click.group("registry", help="فهرست ملی را به تاریخچه می‌افزاید و می‌گوید هر نشانی در هر زمان چه بوده است.")
def command() -> None:
    """Nothing of its own."""


# ---- Lists into the history ----


@dataclass(frozen=True)
class Source:
    """A file to bring in, and when its list was seen."""

    path: Path
    seen_at: datetime
    whole_day: bool


@command.command(
    "import",
    help="یک فایل، یا همه فایل‌های YYYY-MM-DD یک پوشه، را به تاریخچه می‌افزاید. بار دوم چیزی را عوض نمی‌کند.",
)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--seen-at", metavar="ISO", help="زمان دیده‌شدن فهرست: روز، یا روز و ساعت؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--source", default=SOURCE, show_default=True, metavar="NAME", help="چه کسی آن را دیده است")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring_in(path: Path, seen_at: str | None, source: str, as_json: bool) -> None:
    """Exit 0 when every list extends the history, 1 when one was held back (the rest is in), 2 when none was tried."""
    source = source.strip()
    if not 0 < len(source) <= LONGEST_SOURCE:
        raise CouldNot("نام منبع (--source) را در ۱ تا ۶۰ نویسه بدهید.")
    files, strangers = files_of(path, seen_at)
    try:
        done = bring_all(files, source, _progress(len(files)))
    except Unreadable as refusal:
        raise CouldNot(f"{path}: {refusal.detail}") from refusal
    bad = sum(_state(outcome) != Snapshot.State.GOOD for _, outcome in done)
    if as_json:
        answer(_as_json(done, strangers))
    else:
        _print(done, strangers)
    if bad:
        raise Broken(f"{persian_digits(bad)} فهرست به تاریخچه افزوده نشد و نگه داشته شد؛ باقی افزوده شد.")


def bring_all(
    files: Sequence[Source], source: str, shown: Callable[[int, str], None]
) -> list[tuple[Source, Snapshot | Unreadable]]:
    """Take files one by one; what cannot be kept is told in its place. Raises Unreadable when it is the only one."""
    met, done = registry_watch.Met(), list[tuple[Source, Snapshot | Unreadable]]()
    for number, file in enumerate(files, start=1):
        try:
            snapshot = registry_watch.take_file(
                file.path, seen_at=file.seen_at, whole_day=file.whole_day, source=source, now=clock.now(), met=met
            )
            done.append((file, snapshot))
        except Unreadable as refusal:
            if len(files) == 1:
                raise
            done.append((file, refusal))
        shown(number, file.path.name)
    return done


def files_of(path: Path, seen_at: str | None) -> tuple[list[Source], list[str]]:
    """Return the files to bring in, in order, and the names of those in the folder that are none. Raises CouldNot."""
    if path.is_dir():
        if seen_at is not None:
            raise CouldNot("زمان هر فایل یک پوشه در نام آن است؛ --seen-at برای یک فایل است.")
        there = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        found = {each: _day_of(each) for each in there if each.suffix.lower() in LISTS}
        files = [Source(each, *day) for each, day in found.items() if day]
        if not files:
            raise CouldNot(f"{path}: فایلی با نامی مانند 2023-05-05.csv در این پوشه نیست.")
        return files, [each.name for each in there if not found.get(each)]
    if not path.is_file():
        raise CouldNot(f"{path}: پیدا نشد یا فایل نیست.")
    if seen_at is not None:
        return [Source(path, *_moment(seen_at))], []
    if day := _day_of(path):
        return [Source(path, *day)], []
    raise CouldNot("بگویید این فهرست کی دیده شده است: --seen-at 2023-05-05 یا --seen-at 2023-05-05T10:30.")


def _day_of(path: Path) -> tuple[datetime, bool] | None:
    found = _DAY.match(path.name)
    try:
        return moment(found[1]) if found else None
    except ValueError:
        return None


def _moment(typed: str) -> tuple[datetime, bool]:
    try:
        at, whole_day = moment(typed)
    except (ValueError, OverflowError):
        at, whole_day = datetime.min.replace(tzinfo=UTC), False
    if at.year not in YEARS:
        raise CouldNot("زمان دیده‌شدن را به شکل ISO و میلادی بدهید، مانند 2023-05-05 یا 2023-05-05T10:30.")
    return at, whole_day


def _progress(total: int) -> Callable[[int, str], None]:
    """Say how far the import is: a bar on a terminal, else a line every few seconds."""
    if total < 2:
        return lambda number, name: None
    is_terminal, last = sys.stderr.isatty(), time.monotonic()

    def shown(number: int, name: str) -> None:
        nonlocal last
        if is_terminal:
            full = 30 * number // total
            line = f"\r[{'#' * full}{'.' * (30 - full)}] {persian_digits(number)} از {persian_digits(total)} {name} "
            click.echo(line, nl=number == total, err=True)
        elif time.monotonic() - last >= 3:
            last = time.monotonic()
            tell(f"{persian_digits(number)} فهرست از {persian_digits(total)}: {name}")

    return shown


def _state(outcome: Snapshot | Unreadable) -> str:
    return str(outcome.state) if isinstance(outcome, Snapshot) else str(Snapshot.State.UNREADABLE)


def _as_json(done: Sequence[tuple[Source, Snapshot | Unreadable]], strangers: list[str]) -> dict[str, object]:
    states = [_state(outcome) for _, outcome in done]
    return {
        "lists": len(done),
        "good": states.count("good"),
        "quarantined": states.count("quarantined"),
        "unreadable": states.count("unreadable"),
        "passed_over": strangers,
        "snapshots": [
            {"file": file.path.name, **_snapshot(outcome)}
            if isinstance(outcome, Snapshot)
            else {"file": file.path.name, "state": "unreadable", "reasons": [outcome.reason.as_json()]}
            for file, outcome in done
        ],
    }


def _print(done: Sequence[tuple[Source, Snapshot | Unreadable]], strangers: list[str]) -> None:
    for file, outcome in done:
        if _state(outcome) == Snapshot.State.GOOD:
            continue
        why = [reason["detail"] for reason in outcome.reasons] if isinstance(outcome, Snapshot) else [outcome.detail]
        code = outcome.code if isinstance(outcome, Snapshot) else ""
        click.echo(" ".join([file.path.name, _state(outcome), code, *why]))
    if strangers:
        click.echo(f"نام این فایل‌ها با روز آغاز نمی‌شود و دیده نشدند: {'، '.join(strangers[:SHOWN])}")
    good = sum(_state(outcome) == Snapshot.State.GOOD for _, outcome in done)
    click.echo(f"{persian_digits(good)} فهرست از {persian_digits(len(done))} در تاریخچه است.")


@command.command("fetch", help="فهرست را یک بار از PEYMAN_REGISTRY_URL می‌گیرد و می‌سنجد.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def fetch(as_json: bool) -> None:
    """Exit 0 when a good list came, 1 when what came was held back or nothing came, 2 when nobody said where it is."""
    try:
        attempt = registry_watch.fetch_once(now=clock.now())
    except registry_watch.NoRegistry as refusal:
        raise CouldNot(refusal.detail) from refusal
    if as_json:
        answer(
            {
                "at": jalali.iso(attempt.at),
                "url": attempt.url,
                "outcome": attempt.outcome,
                "detail": attempt.detail,
                "seconds": attempt.seconds,
                "snapshot": _snapshot(attempt.snapshot) if attempt.snapshot else None,
            }
        )
    elif attempt.snapshot:
        click.echo(f"{attempt.outcome} {attempt.snapshot.code} {attempt.detail}".strip())
    if attempt.outcome not in ("taken", "same"):
        raise Broken(attempt.detail or f"فهرستی که به کار آید نیامد ({attempt.outcome}).")


@command.command("snapshots", help="آنچه از فهرست ملی گرفته شده است: سالم یا نگه‌داشته، و چرا.")
@click.option("--json", "as_json", is_flag=True, help="همه، هر کدام یک سطر JSON")
def snapshots(as_json: bool) -> None:
    """List what came, by the moment it holds for, the oldest first."""
    begun = dict(Stay.objects.values_list("first").annotate(n=Count("pk")).order_by("first"))
    ended = dict(Stay.objects.exclude(absent=None).values_list("absent").annotate(n=Count("pk")).order_by("absent"))
    came = Snapshot.objects.select_related("agrees_with").order_by(*queries.ORDER)
    if as_json:
        for snapshot in came:
            changed = {"appeared": begun.get(snapshot.pk, 0), "gone": ended.get(snapshot.pk, 0)}
            answer({**_snapshot(snapshot), **(changed if snapshot.state == Snapshot.State.GOOD else {})})
        return
    last = list(came.reverse()[:SHOWN])
    for snapshot in reversed(last):
        why = " ".join(reason["detail"] for reason in snapshot.reasons)
        change = f"+{begun.get(snapshot.pk, 0)} -{ended.get(snapshot.pk, 0)}"
        click.echo(f"{_when(snapshot):20} {snapshot.state:11} {snapshot.rows:7} {change:14} {snapshot.code} {why}")


@command.command("release", help="فهرستی را که نگه داشته شده است به تاریخچه می‌افزاید، با گفتن این که چرا.")
@click.argument("code")
@click.option("--note", default="", help="چرا با وجود ایرادش پذیرفته می‌شود")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def release(code: str, note: str, as_json: bool) -> None:
    """Exit 1 when it cannot be let go."""
    snapshot = actions.release(code=code, by=None, note=note, read_again=registry_watch.read_again, now=clock.now())
    if as_json:
        answer(_snapshot(snapshot))
    else:
        click.echo(f"{snapshot.code} اکنون بخشی از تاریخچه است.")


def _when(snapshot: Snapshot) -> str:
    return queries.says_when(snapshot.seen_at, snapshot.whole_day)


def _snapshot(snapshot: Snapshot) -> dict[str, object]:
    return {
        "code": snapshot.code,
        "source": snapshot.source,
        "seen_at": _when(snapshot),
        "taken_at": jalali.iso(snapshot.taken_at),
        "state": str(snapshot.state),
        "reasons": snapshot.reasons,
        "kind": snapshot.kind,
        "size": snapshot.size,
        "sha256": snapshot.sha256,
        "file": snapshot.file,
        "rows": snapshot.rows,
        "distinct_rows": snapshot.listed,
        "networks": snapshot.networks,
        "flags": snapshot.flags,
        "released_at": jalali.iso(snapshot.released_at) if snapshot.released_at else None,
        "agrees_with": snapshot.agrees_with.code if snapshot.agrees_with else None,
        "note": snapshot.note,
    }


# ---- An address at an instant ----


class Wrong(ValueError):
    """What was asked cannot be read: a stable code and a Persian sentence."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code, self.says = code, says


@command.command("status", help="می‌گوید یک نشانی در یک زمان ثبت بوده است یا نه، و کدام فهرست‌ها چنین می‌گویند.")
@click.argument("address", required=False)
@click.option("--at", metavar="ISO", help="زمان؛ بی‌نشانه منطقه: ساعت تهران؛ اکنون اگر نگویید")
@click.option("--registrant", default="", metavar="HOST", help="تنها ردیف‌های این دامنه و زیر آن")
@click.option("--batch", type=click.Path(path_type=Path), metavar="FILE.csv", help="ستون‌های address، at، registrant")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def status(address: str | None, at: str | None, registrant: str, batch: Path | None, as_json: bool) -> None:
    """Exit 2 when the question cannot be read; of a batch 1 when a line of it cannot."""
    if (address is None) == (batch is None):
        raise CouldNot("یا یک نشانی بدهید یا فایلی از نشانی‌ها با --batch.")
    if batch is not None:
        if at is not None or registrant:
            raise CouldNot("زمان و دامنه هر نشانی در خود فایل است؛ --at و --registrant برای یک نشانی است.")
        if not _batch(batch, sys.stdout):
            raise Broken("دست‌کم یک سطر فایل خوانده نشد؛ پاسخ آن سطرها error دارد.")
        return
    try:
        asked = read_address(address or ""), read_instant(at) if at is not None else clock.now()
        host = read_registrant(registrant)
        found = queries.explained(*asked, host)
    except Wrong as wrong:
        if as_json:
            answer({"error": wrong.code, "detail": wrong.says})
        raise CouldNot(wrong.says) from wrong
    if as_json:
        looks = [found.before, found.after]
        click.echo(_line(*asked, host, found.answer, [_dumps(_row(row)) for row in found.rows], looks))
    else:
        _tell(*asked, found)


def read_address(typed: str) -> prefixes.Address:
    """Read an address as people write it. Raises Wrong."""
    try:
        return prefixes.address(typed)
    except prefixes.BadAddress as bad:
        raise Wrong("bad_address", bad.says) from bad


def read_instant(typed: str) -> datetime:
    """Read an instant; a day alone is its beginning in Tehran. Raises Wrong."""
    try:
        at = instant(typed)
    except CouldNot as bad:
        raise Wrong("bad_time", bad.message) from bad
    if at.year not in YEARS:
        raise Wrong("bad_time", "زمان باید میلادی و در همین روزگار باشد: سال ۱۹۰۰ تا ۲۲۰۰.")
    return at


def read_registrant(typed: str) -> str:
    """Read a host as rows' hosts are spelled; "" counts every row. Raises Wrong."""
    host = rows.host_of(typed)
    if typed.strip() and not host:
        raise Wrong("bad_registrant", "دامنه ثبت‌کننده خوانده نشد؛ آن را مانند cafebazaar.ir بنویسید.")
    return host


def _row(row: queries.RowSeen) -> dict[str, object]:
    written, listed = row.written, row.listed
    return {
        "name": written.name,
        "ip": written.ip,
        "network": listed.network,
        "update": _iso(listed.update_on),
        "due": _iso(listed.due_on),
        "network_as_entered": written.network,
        "update_jalali": written.update,
        "due_jalali": written.due,
        "first_seen": row.first.says_when,
        "last_seen": row.last.says_when,
        "absent_by": row.absent.says_when if row.absent else None,
        "known_at": jalali.iso(row.known_at),
        "flags": list(written.flags),
    }


def _line(
    address: prefixes.Address,
    at: datetime,
    registrant: str,
    found: Answer,
    rows_: Sequence[str],
    looks: Sequence[queries.Look | None],
) -> str:
    """Return one answer in one line of JSON; `rows_` are JSON already."""
    head = _dumps(
        {
            "address": str(address),
            "at": _instant(at),
            "registrant": registrant or None,
            "status": str(found.state),
            "reason": found.reason,
            "due": _iso(found.due),
            "due_jalali": _jalali(found.due),
        }
    )
    sides = ", ".join("null" if look is None else _look(look) for look in looks)
    return f'{head[:-1]}, "rows": [{", ".join(rows_)}], "snapshots": [{sides}]}}'


@lru_cache(maxsize=4096)
def _look(look: queries.Look) -> str:
    return _dumps({"code": look.code, "seen_at": look.says_when, "sha256": look.sha256, "source": look.source})


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@lru_cache(maxsize=4096)
def _jalali(day: date | None) -> str | None:
    if day is None:
        return None
    of = jalali.jalali(day)
    return f"{of.year:04}/{of.month:02}/{of.day:02}"


@lru_cache(maxsize=4096)
def _instant(at: datetime) -> str:
    return jalali.iso(at)


def _tell(address: prefixes.Address, at: datetime, found: queries.Explained) -> None:
    click.echo(f"{address} در {jalali.moment(at, year=True)}: {says.STATES[found.answer.state]}")
    click.echo(says.REASONS[found.answer.reason])
    if found.answer.due:
        click.echo(f"موعد: {jalali.plain_date(found.answer.due, year=True)}")
    for row in found.rows[:SHOWN]:
        gone = f"، نیست از {row.absent.says_when}" if row.absent else ""
        seen = f"دیده‌شده از {row.first.says_when} تا {row.last.says_when}{gone}"
        click.echo(f"  {row.listed.network} {row.written.name} {row.written.update} → {row.written.due}؛ {seen}")
    if len(found.rows) > SHOWN:
        click.echo(f"  … و {persian_digits(len(found.rows) - SHOWN)} ردیف دیگر؛ همه را --json می‌دهد.")
    for side, look in (("پیش", found.before), ("پس", found.after)):
        click.echo(f"  نسخه {side}: " + (f"{look.says_when} {look.code} {look.sha256[:12]}" if look else "نداریم"))


# ---- Many ----


def _batch(file: Path, out: IO[str]) -> bool:
    """Answer every line of a file; False when one could not be read."""
    try:
        with sys.stdin if str(file) == "-" else file.open(encoding="utf-8-sig", newline="") as source:
            return answer_all(source, out)
    except (OSError, UnicodeDecodeError, csv.Error) as fault:
        raise CouldNot(f"{file}: خوانده نشد؛ فایلی CSV با نویسه‌های UTF-8 بدهید.") from fault


def answer_all(source: IO[str], out: IO[str]) -> bool:
    """Write one line of JSON for each record of a CSV text; False when one could not be read. Raises CouldNot."""
    records = csv.reader(source)
    places = _places(next(records, []))
    answers, whole = _Answers(queries.view()), True
    numbered = ((records.line_num, cells) for cells in records if cells)
    while some := list(islice(numbered, CHUNK)):
        lines, fine = answers.lines(some, places)
        whole = whole and fine
        out.write("\n".join([*lines, ""]))
    return whole


def _places(header: list[str]) -> tuple[int, int, int | None]:
    names = [name.strip().lower() for name in header]
    if "address" not in names or "at" not in names:
        raise CouldNot("سطر نخست فایل باید نام ستون‌ها باشد: address، at و اگر خواستید registrant.")
    return names.index("address"), names.index("at"), names.index("registrant") if "registrant" in names else None


class _Answers:
    """Answers many questions from the compiled history; what is asked again is not read again."""

    def __init__(self, view: queries.View) -> None:
        self._view = view
        self._rows: dict[tuple[int, int], str] = {}
        self._address = lru_cache(65_536)(read_address)
        self._instant = lru_cache(65_536)(read_instant)
        self._registrant = lru_cache(4096)(read_registrant)

    def lines(
        self, records: Sequence[tuple[int, list[str]]], places: tuple[int, int, int | None]
    ) -> tuple[list[str], bool]:
        asked = [self._asked(number, cells, places) for number, cells in records]
        self._word({(row.row, row.first): row for one in asked if not isinstance(one, str) for row in one[3].rows})
        looks = self._view.order.looks
        lines = [
            one
            if isinstance(one, str)
            else _line(
                *one,
                [self._rows[row.row, row.first] for row in one[3].rows],
                [None if place is None else looks[place] for place in (one[3].before, one[3].after)],
            )
            for one in asked
        ]
        return lines, not any(isinstance(one, str) for one in asked)

    def _asked(
        self, number: int, cells: list[str], places: tuple[int, int, int | None]
    ) -> str | tuple[prefixes.Address, datetime, str, Answer]:
        try:
            typed = [cells[place].strip() if place is not None and place < len(cells) else "" for place in places]
            address, at, registrant = (
                self._address(typed[0]),
                self._instant(typed[1]),
                self._registrant(typed[2]),
            )
        except Wrong as wrong:
            return _dumps({"line": number, "error": wrong.code, "detail": wrong.says})
        return address, at, registrant, self._view.status(address, at, registrant)

    def _word(self, listed: Mapping[tuple[int, int], Listed]) -> None:
        """Put into words the rows that were not met yet."""
        if len(self._rows) > KEPT:
            self._rows.clear()
        new = [row for stay, row in listed.items() if stay not in self._rows]
        written = queries.written(row.row for row in new)
        for row in new:
            seen = queries.row_seen(row, self._view.order, written[row.row])
            self._rows[row.row, row.first] = _dumps(_row(seen))
