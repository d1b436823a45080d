"""`peyman isps`: whose customer an address is, in and out of files."""

from pathlib import Path

import click

from peyman.entrypoints import tariff_tables
from peyman.entrypoints.jobs.table_commands import IMPORT_HELP, bring_in, read, say, write_out


@click.group("isps", help="می‌داند هر نشانی مشترک کدام اپراتور است.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "import",
    help="جدول «prefix, asn, operator, valid_from, valid_to» را می‌آورد. بازه‌ای که در فایل هست تنها سطرهای همین فایل را "
    f"دارد؛ بازه‌های دیگر می‌مانند، مگر با --whole.\n\n{IMPORT_HELP}",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", default="", metavar="TEXT", help="از کجا می‌دانیم؛ پیش‌فرض: نام فایل")
@click.option("--whole", is_flag=True, help="فایل همه جدول است؛ بازه‌ای که در آن نیست کنار می‌رود")
@click.option("--dry-run", "trial", is_flag=True, help="تنها بگو چه می‌شود")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring(file: Path, source: str, whole: bool, trial: bool, as_json: bool) -> None:
    """Bring in one file."""
    say(
        bring_in(
            tariff_tables.ISPS, read(file), name=file.name, as_json=as_json, trial=trial, source=source, whole=whole
        ),
        as_json=as_json,
        trial=trial,
    )


@command.command("export", help="آنچه اکنون می‌دانیم را با همان ستون‌ها در فایل می‌نویسد؛ بی‌نام فایل: در خروجی.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write the table."""
    write_out(tariff_tables.ISPS, file)
