"""`peyman probes`: what was measured of operators' billing, in and out of files."""

from pathlib import Path

import click

from peyman.entrypoints import tariff_tables
from peyman.entrypoints.jobs.table_commands import IMPORT_HELP, bring_in, read, say, write_out


@click.group("probes", help="می‌داند از هر نشانی چه سهمی از تعرفه کامل سنجیده شد.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "import",
    help="سنجش‌ها را از ستون‌های «operator, edge, at, factor, source» و، اگر هست، «note» می‌آورد. edge نشانی یا بازه‌ای "
    f"است که از آن دانلود شد و factor سهمی که حساب شد، مانند 0.5 یا 1/3.\n\n{IMPORT_HELP}",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", "trial", is_flag=True, help="تنها بگو چه می‌شود")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring(file: Path, trial: bool, as_json: bool) -> None:
    """Bring in one file."""
    say(
        bring_in(tariff_tables.PROBES, read(file), name=file.name, as_json=as_json, trial=trial),
        as_json=as_json,
        trial=trial,
    )


@command.command("export", help="آنچه اکنون می‌دانیم را با همان ستون‌ها در فایل می‌نویسد؛ بی‌نام فایل: در خروجی.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write the table."""
    write_out(tariff_tables.PROBES, file)
