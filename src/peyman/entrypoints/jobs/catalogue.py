"""`peyman catalogue`: goods in from a supplier's file, and out into one, with a row for each record."""

import csv
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
from django.db import transaction

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import Broken, CouldNot, answer, tell
from peyman.gateways.files import open_table
from peyman.kernel.text import persian_digits
from peyman.shop.catalog import actions, queries, rules
from peyman.shop.catalog.rules.tables import Unreadable, export_line
from peyman.shop.catalog.rules.wording import sentence
from peyman.shop.offers.actions import ImportGuard
from peyman.shop.orders.queries.sold import sold_products
from peyman.shop.stock.actions import count_many

PRINTED_ROWS = 500  # of the report for people; the JSON has all
OUTCOMES = {"accept": "پذیرفته", "repair": "اصلاح‌شده", "refuse": "ردشده", "skip": "گذشته"}


@click.group("catalogue", help="کالاها را از فایل تأمین‌کننده می‌آورد یا در فایل می‌نویسد.")
def command() -> None:
    """Nothing of its own."""


@command.command("import", help="کالاهای یک فایل CSV یا XLSX را می‌آورد. همان فایل بار دوم چیزی را عوض نمی‌کند.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="چیزی ننویس، تنها بگو چه می‌شد")
@click.option("--json", "as_json", is_flag=True, help="هر رکورد یک سطر JSON")
def bring_in(file: Path, dry_run: bool, as_json: bool) -> None:
    """Exit 0 when every record came in, 1 when some were refused (the rest is in), 2 when the file is unreadable."""
    try:
        with open_table(file) as table:
            if table.header.unknown:
                tell(f"این ستون‌ها شناخته نشد و نادیده ماند: {'، '.join(table.header.unknown)}")
            report = actions.import_records(
                rows=table.rows,
                count_stock=count_many,
                was_sold=sold_products,
                by=f"import {file.name}"[:60],
                now=clock.now(),
                dry_run=dry_run,
                on_batch=_progress(table.about),
                guard=ImportGuard(),
            )
    except Unreadable as refusal:
        raise CouldNot(f"{file}: {refusal.detail}") from refusal
    if as_json:
        for reading in report.rows:
            answer(_row(reading))
    else:
        _print(report)
    for line in _summary(report, dry_run):
        click.echo(line, err=as_json)
    if report.count("refuse"):
        raise Broken(f"{persian_digits(report.count('refuse'))} رکورد رد شد و باقی انجام شد.")


@command.command("export", help="همه کالاها را با همان ستون‌های فایل ورودی در یک فایل CSV می‌نویسد.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring_out(file: Path, as_json: bool) -> None:
    """Write beside the file first, so that nobody ever finds half of one."""
    part = file.with_name(f".{file.name}.part")
    count = -1  # the header is no record
    try:
        with part.open("w", encoding="utf-8", newline="") as out, transaction.atomic():
            writer = csv.writer(out, lineterminator="\n")
            for count, values in enumerate(queries.export_rows()):  # noqa: B007
                writer.writerow(export_line(values))
        part.replace(file)
    except OSError as fault:
        part.unlink(missing_ok=True)
        raise CouldNot(f"{file}: نوشته نشد ({fault.strerror}).") from fault
    if as_json:
        answer({"file": str(file), "records": count})
    else:
        tell(f"{persian_digits(count)} کالا در {file} نوشته شد.")


def _progress(about: int) -> Callable[[int], None]:
    """Say how far the import is: in place on a terminal, else a line every few seconds."""
    is_terminal = sys.stderr.isatty()
    last = time.monotonic()

    def on_batch(done: int) -> None:
        nonlocal last
        line = f"{persian_digits(done)} رکورد از حدود {persian_digits(max(about, done))}"
        if is_terminal:
            click.echo(f"\r{line} ", nl=done >= about, err=True)
        elif time.monotonic() - last >= 3:
            last = time.monotonic()
            tell(line)

    return on_batch


def _row(reading: rules.Reading) -> dict[str, object]:
    return {
        "record": reading.record,
        "line": reading.line,
        "sku": reading.sku,
        "outcome": reading.outcome,
        "codes": list(reading.codes),
        "fields": list(reading.fields),
        "expected": reading.expected,
    }


def _print(report: actions.Report) -> None:
    told = [reading for reading in report.rows if reading.outcome in ("repair", "refuse")]
    for reading in told[:PRINTED_ROWS]:
        click.echo(_line(reading))
    if len(told) > PRINTED_ROWS:
        click.echo(f"… و {persian_digits(len(told) - PRINTED_ROWS)} رکورد دیگر؛ همه را --json می‌دهد.")


def _summary(report: actions.Report, dry_run: bool) -> Iterator[str]:
    yield ""
    yield f"{'رکوردها':<12}{persian_digits(len(report.rows))}"
    for outcome, title in OUTCOMES.items():
        yield f"{title:<12}{persian_digits(report.count(outcome))}"
    yield _changes(report)
    if report.stock_owed:
        yield f"موجودی این شناسه‌ها کمتر از بدهی سفارش‌های قطعی است و عوض نشد: {'، '.join(report.stock_owed)}"
    if dry_run:
        yield "آزمایشی بود؛ چیزی نوشته نشد."


def _changes(report: actions.Report) -> str:
    if report.is_no_change:
        return "چیزی عوض نشد."
    counts = (
        (report.products_new, "محصول تازه"),
        (report.variants_new, "کالای تازه"),
        (report.products_changed, "محصول تغییریافته"),
        (report.variants_changed, "کالای تغییریافته"),
        (report.prices_changed, "قیمت تازه"),
        (report.stock_changed, "موجودی تازه"),
    )
    return "، ".join(f"{persian_digits(count)} {title}" for count, title in counts if count)


def _line(reading: rules.Reading) -> str:
    says = " ".join(sentence(code) for code in reading.codes)
    where = f"رکورد {persian_digits(reading.record)}، سطر {persian_digits(reading.line)}"
    fields = "، ".join(field for field in reading.fields if field != "*")
    about = "، ".join(part for part in (reading.sku, fields) if part)
    return f"{OUTCOMES[reading.outcome]} | {where} | {about} | {says} [{'، '.join(reading.codes)}]"
