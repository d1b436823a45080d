"""What `peyman isps`, `peyman tariffs` and `peyman probes` have in common: a file in, whole or not at all, and out."""

from pathlib import Path

import click

from peyman.entrypoints import clock, tariff_tables
from peyman.entrypoints.jobs.console import Broken, CouldNot, answer, tell
from peyman.kernel.text import persian_digits
from peyman.market.tariff.rules.tables import LONGEST_FILE, NAMED, BadTable, NoTable

IMPORT_HELP = (
    "همه سطرها یا هیچ‌کدام؛ همان فایل بار دوم چیزی را عوض نمی‌کند و هیچ سطری بازنویسی نمی‌شود.\n\n"
    "پایان: 0 ثبت شد یا چیز تازه‌ای نداشت، 1 سطری درست نبود، 2 فایل خوانده نشد."
)


def bring_in(
    table: str, data: bytes, *, name: str, as_json: bool, trial: bool, source: str = "", whole: bool = False
) -> tariff_tables.Done:
    """Bring a file in and say what it changed; exit 1 with every wrong line."""
    try:
        done = tariff_tables.bring(
            table,
            data,
            name=name,
            source=source,
            whole=whole,
            trial=trial,
            by=None,
            now=clock.now(),
        )
    except BadTable as refusal:
        _refuse(refusal, as_json)
    except NoTable as refusal:
        if as_json:
            answer({"error": _error(refusal), "lines": []})
        raise Broken(refusal.detail) from refusal
    return done


def say(done: tariff_tables.Done, *, as_json: bool, trial: bool, **more: int) -> None:
    """Tell what a file changed."""
    brought = done.brought
    if as_json:
        told = {"rows": brought.rows, "added": brought.added, "superseded": brought.superseded}
        answer(told | more | ({"dry_run": True} if trial else {}))
        return
    rows = persian_digits(brought.rows)
    if not brought.added and not brought.superseded:
        click.echo(f"{rows} سطر خوانده شد؛ چیز تازه‌ای نداشت.")
    else:
        click.echo(
            f"{rows} سطر خوانده شد: {persian_digits(brought.added)} دانسته تازه، "
            f"{persian_digits(brought.superseded)} دانسته پیشین جای خود را داد."
        )
    if trial:
        click.echo("آزمایشی بود و چیزی ثبت نشد.")


def write_out(table: str, file: Path | None) -> None:
    """Write a table to a file, or to standard output."""
    text = tariff_tables.export(table)
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as fault:
        raise CouldNot(f"{file}: نوشته نشد ({fault.strerror}).") from fault
    tell(f"{persian_digits(text.count(chr(10)) - 1)} سطر در {file} نوشته شد.")


def read(file: Path) -> bytes:
    """Return what a file holds. Raises CouldNot for what is no file of a sensible size."""
    try:
        if not file.is_file():
            raise CouldNot(f"{file}: یک فایل معمولی نیست یا پیدا نشد.")
        if file.stat().st_size > LONGEST_FILE:
            raise CouldNot(f"{file}: بزرگ‌تر از {persian_digits(LONGEST_FILE // 1_000_000)} مگابایت است.")
        return file.read_bytes()
    except OSError as fault:
        raise CouldNot(f"{file}: خوانده نشد ({fault.strerror}).") from fault


def _refuse(refusal: BadTable, as_json: bool) -> None:
    if as_json:
        lines = [{"line": one.line, "code": one.code, "detail": one.says} for one in refusal.faults[:NAMED]]
        answer({"error": _error(refusal), "lines": lines})
    else:
        for one in refusal.faults[:NAMED]:
            tell(f"سطر {persian_digits(one.line)}: {one.says} [{one.code}]")
        if len(refusal.faults) > NAMED:
            tell(f"… و {persian_digits(len(refusal.faults) - NAMED)} سطر دیگر.")
    raise Broken(refusal.detail)


def _error(refusal: BadTable | NoTable) -> dict[str, str | None]:
    return {"code": refusal.code, "clause": refusal.clause, "detail": refusal.detail}
