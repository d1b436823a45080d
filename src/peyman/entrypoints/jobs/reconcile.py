"""`peyman reconcile`: the bank's own file against our ledger; differences become a work list."""

from pathlib import Path
from typing import Any

import click

from peyman.billing.models import StatementDifference
from peyman.billing.rules.statements import NoStatement
from peyman.entrypoints import clock, statements
from peyman.entrypoints.jobs.console import BROKEN, CouldNot, answer, instant, tell
from peyman.entrypoints.statement_words import HOW, KINDS
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits

PRINTED = 200


@click.command(
    "reconcile",
    help="صورت‌حساب بانک را با دفتر ما می‌سنجد. ستون‌ها: refnum, terminal, amount, kind, at. آنچه بانک پس داده است "
    "قول بازپرداخت را نگه می‌دارد؛ در صورت‌حساب حساب خودمان، transfer حواله پایاست، returned برگشت آن و deposit "
    "واریز درگاه. گزارش تسویه درگاه را هم می‌گیرد: settlement, terminal, kind, refnum, amount, fee, at و اگر پرداخت‌ها "
    "را نام نمی‌برد from, to. "
    "هر تفاوت کاری برای میز مالی می‌شود. همان فایل بار دوم چیزی را عوض نمی‌کند.\n\n"
    "پایان: 0 همه چیز می‌خواند، 1 تفاوتی هست، 2 فایل خوانده نشد.",
)
@click.option("--statement", "file", required=True, type=click.Path(path_type=Path), help="فایل بانک، CSV یا XLSX")
@click.option("--from", "since", metavar="ISO", help="صورت‌حساب از این لحظه کامل است؛ پیش‌فرض: نخستین سطر")
@click.option("--to", "until", metavar="ISO", help="و تا این لحظه؛ پیش‌فرض: آخرین سطر")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(file: Path, since: str | None, until: str | None, as_json: bool) -> None:
    """Exit 1 when something of this statement is to be settled, 2 when it could not be read."""
    if (since is None) != (until is None):
        raise CouldNot("--from و --to را با هم بدهید.")
    span = (instant(since), instant(until)) if since and until else None
    try:
        size = file.stat().st_size
        data = file.read_bytes() if size <= statements.MOST_BYTES else b" " * (statements.MOST_BYTES + 1)
    except OSError as fault:
        raise CouldNot(f"{file} باز نشد: {fault.strerror}") from fault
    try:
        done = statements.reconcile(data=data, span=span, now=clock.now())
    except NoStatement as refusal:
        raise CouldNot(refusal.detail) from refusal
    if as_json:
        answer(
            {
                "statement": done.statement.code,
                "lines": done.statement.lines,
                "matched": done.matched,
                "duplicates": done.duplicates,
                "kept": list(done.kept),
                "returned": list(done.returned),
                "settled": list(done.settled),
                "arrived": list(done.arrived),
                "differences": [_row(row) for row in done.open],
            }
        )
    else:
        _print(done)
    if done.open:
        raise SystemExit(BROKEN)


def _row(row: StatementDifference) -> dict[str, Any]:
    return {
        "difference": row.code,
        "how": row.how,
        "kind": row.kind or None,
        "line": row.line,
        "terminal": row.terminal,
        "refnum": row.refnum,
        "bank_amount": row.theirs,
        "our_amount": row.ours,
        "payment": row.payment.code if row.payment else None,
        "refund": row.refund.code if row.refund else None,
        "settlement": row.settlement.code if row.settlement else None,
        "transfer": row.transfer.reference if row.transfer else None,
        "at": row.at and jalali.iso(row.at),
        "why": row.why,
    }


def _print(done: statements.Reconciled) -> None:
    click.echo(
        f"{persian_digits(done.statement.lines)} سطر: {persian_digits(done.matched)} با دفتر ما می‌خواند، "
        f"{persian_digits(done.duplicates)} تکراری بود."
    )
    for code in done.kept:
        click.echo(f"بازپرداخت {code}: بانک می‌گوید انجام شده است.")
    for reference in done.returned:
        click.echo(f"حواله {reference}: بانک آن را برگردانده است؛ دوباره بدهکاریم.")
    for code in done.settled:
        click.echo(f"تسویه {code}: با آنچه می‌پوشاند می‌خواند و ثبت شد.")
    for code in done.arrived:
        click.echo(f"تسویه {code}: به حساب ما رسید.")
    for row in done.open[:PRINTED]:
        theirs, ours = (persian_digits(f"{n:,}") if n is not None else "هیچ" for n in (row.theirs, row.ours))
        click.echo(
            f"{row.code}: {HOW[row.how]} ({KINDS.get(row.kind, '')} {row.refnum}): بانک {theirs}، ما {ours} ریال"
        )
    if len(done.open) > PRINTED:
        tell(f"… و {persian_digits(len(done.open) - PRINTED)} تفاوت دیگر؛ همه را --json می‌دهد.")
