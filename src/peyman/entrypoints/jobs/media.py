"""`peyman media`: a folder of pictures brought to their goods, and how far the work on them is."""

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import click
from django.db.models import Count

from peyman.entrypoints import clock, media
from peyman.entrypoints.jobs.console import Broken, CouldNot, answer, tell
from peyman.kernel.errors import Refused
from peyman.kernel.text import normalise, persian_digits
from peyman.shop.media import queries, rules
from peyman.shop.media.models import MediaFile
from peyman.shop.media.rules.naming import names_of, order_of

MOST: Final = 200_000  # files of one folder
BATCH: Final = 20  # of one product in one step
BY: Final = "media"
_WORDS: Final = {"accept": "پذیرفته", "dry": "پذیرفتنی", "refuse": "ردشده", "skip": "گذشته"}


@dataclass(frozen=True)
class Line:
    """What became of one file. `product` is its code, `code` the word of a refusal, `says` its sentence."""

    file: str
    product: str
    color: str
    alt: str
    outcome: str  # accept, refuse, skip (no product is called so)
    code: str = ""
    says: str = ""


@dataclass(frozen=True)
class _Found:
    path: Path
    name: str
    product: str
    color: str
    alt: str


@click.group("media", help="تصویرها و ویدیوهای کالاها را از یک پوشه می‌آورد و می‌گوید کار آن‌ها به کجا رسیده است.")
def command() -> None:
    """Nothing of its own."""


@command.command("import", help="تصویرهای یک پوشه را به کالاها می‌دهد. همان پوشه بار دوم چیزی را عوض نمی‌کند.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="چیزی نیاور، تنها بگو چه می‌شد")
@click.option("--make", "is_made", is_flag=True, help="همین‌جا بساز و برای worker نگذار")
@click.option("--json", "as_json", is_flag=True, help="یک سطر JSON برای هر فایل")
def bring_in(folder: Path, dry_run: bool, is_made: bool, as_json: bool) -> None:
    """Exit 0 when every file was taken, 1 when some were refused or nobody's (the rest is in), 2 without a folder."""
    if not folder.is_dir():
        raise CouldNot(f"{folder}: پوشه‌ای به این نام نیست.")
    found, lines = _read(folder)
    groups: dict[str, list[_Found]] = {}
    for one in found:
        groups.setdefault(one.product, []).append(one)
    done, said = 0, time.monotonic()
    for code, group in groups.items():
        for start in range(0, len(group), BATCH):
            some = group[start : start + BATCH]
            lines += _look(some) if dry_run else _bring(code, some)
            done += len(some)
            if sys.stderr.isatty() or time.monotonic() - said >= 3:
                said = time.monotonic()
                tell(f"{persian_digits(done)} فایل از {persian_digits(len(found))}")
    lines.sort(key=lambda line: order_of(line.file))
    if is_made and not dry_run:
        _make()
    counts = {outcome: sum(line.outcome == outcome for line in lines) for outcome in ("accept", "refuse", "skip")}
    for line in lines:
        if as_json:
            answer(asdict(line))
        else:
            whose = f" ← {line.product}" if line.product else ""
            word = _WORDS["dry" if dry_run and line.outcome == "accept" else line.outcome]
            click.echo(f"{line.file}{whose}: {word}{'، ' + line.says if line.says else ''}")
    if not as_json:
        click.echo("، ".join(f"{_WORDS[name]}: {persian_digits(count)}" for name, count in counts.items()))
    if counts["refuse"] or counts["skip"]:
        raise Broken(f"{persian_digits(counts['refuse'] + counts['skip'])} فایل نیامد و باقی انجام شد.")


@command.command("status", help="می‌گوید چند فایل آماده است، چند تا مانده و چند تا پذیرفته نشده است.")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def status(as_json: bool) -> None:
    counts = dict(MediaFile.objects.values_list("state").annotate(count=Count("pk")))
    found = {str(state): counts.get(state, 0) for state in MediaFile.State.values}
    if as_json:
        answer(found)
        return
    words = {"waiting": "در انتظار", "ready": "آماده", "unfit": "پذیرفته‌نشده", "swept": "پاک‌شده", "down": "حذف همیشگی"}
    for state, count in found.items():
        click.echo(f"{words[state]}: {persian_digits(count)}")


def _read(folder: Path) -> tuple[list[_Found], list[Line]]:
    """Return the files that belong to goods, with the words they are given, and lines for those of nobody."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    paths.sort(key=lambda path: order_of(path.relative_to(folder).as_posix()))
    if len(paths) > MOST:
        raise CouldNot(f"در این پوشه بیش از {persian_digits(MOST)} فایل است؛ آن را بخش کنید.")
    called = {path: names_of(path.relative_to(folder).as_posix()) for path in paths}
    known: dict[str, tuple[str, str, str]] = {}
    wanted = sorted({name for names in called.values() for name in names})
    for start in range(0, len(wanted), 400):  # SQLite takes 999 parameters
        known |= queries.by_hints(wanted[start : start + 400])
    found: list[_Found] = []
    lines: list[Line] = []
    count: dict[tuple[str, str], int] = {}
    for path in paths:
        name = path.relative_to(folder).as_posix()
        code, title, color = next((known[one] for one in called[path] if one in known), ("", "", ""))
        if not code:
            lines.append(Line(name, "", "", "", "skip", "nobodys", "کالایی با این کد یا نام نیست، یا چند کالا هست."))
            continue
        count[code, color] = number = count.get((code, color), 0) + 1
        found.append(_Found(path, name, code, color, _alt(title, color, number)))
    return found, lines


def _alt(title: str, color: str, number: int) -> str:
    """The words of a picture that came without: what it is of. Staff say what is seen in it at the desk."""
    words = normalise(title)[:150]
    if color:
        words = f"{words}، {color}"
    return words if number == 1 else f"{words}، نمای {persian_digits(number)}"


def _look(some: Sequence[_Found]) -> list[Line]:
    lines = []
    for one in some:
        try:
            with one.path.open("rb") as file:
                media.look(file)
            lines.append(Line(one.name, one.product, one.color, one.alt, "accept"))
        except rules.Unfit as refusal:
            lines.append(Line(one.name, one.product, one.color, one.alt, "refuse", refusal.fault, refusal.detail))
        except OSError as fault:
            lines.append(Line(one.name, one.product, one.color, one.alt, "refuse", "unreadable", str(fault.strerror)))
    return lines


def _bring(code: str, some: Sequence[_Found]) -> list[Line]:
    """Bring in files of one product; what is refused is refused alone."""
    lines, offered, opened = [], [], []
    try:
        for one in some:
            try:
                opened.append((one, one.path.open("rb")))
            except OSError as fault:
                lines.append(Line(one.name, code, one.color, one.alt, "refuse", "unreadable", str(fault.strerror)))
        offered = [media.Offered(file, one.name, _fit(one.alt), one.color) for one, file in opened]
        try:
            outcomes = media.bring_in(code=code, offered=offered, by=BY, now=clock.now())
        except Refused as refusal:
            outcomes = [media.Outcome(one.name, refusal.code, refusal.detail) for one in offered]
        for (one, _), outcome in zip(opened, outcomes, strict=True):
            kind = "refuse" if outcome.fault else "accept"
            lines.append(Line(one.name, code, one.color, one.alt, kind, outcome.fault, outcome.says))
    finally:
        for _, file in opened:
            file.close()
    return lines


def _fit(alt: str) -> str:
    """The words if they can stand for a picture; a title without a Persian word cannot, and staff must write some."""
    try:
        return rules.check_alt(alt)
    except Refused:
        return ""


def _make() -> None:
    """Make here what waits, as the worker does."""
    while media.work(clock.now(), most=1):
        left = MediaFile.objects.filter(state=MediaFile.State.WAITING).count()
        if sys.stderr.isatty() or left % 20 == 0:
            tell(f"{persian_digits(left)} فایل مانده است")
