"""`peyman tariffs`: what operators charge, in and out of files; a person says what is verified."""

from pathlib import Path

import click

from peyman.entrypoints import clock, tariff_tables
from peyman.entrypoints.jobs.console import Broken, CouldNot
from peyman.entrypoints.jobs.table_commands import IMPORT_HELP, bring_in, read, say, write_out
from peyman.kernel.errors import Invalid
from peyman.kernel.text import persian_digits
from peyman.people import rules as people_rules
from peyman.people.models import Person
from peyman.people.queries import by_mobile


@click.group("tariffs", help="می‌داند هر اپراتور چه می‌گیرد و کدام نرخ را کسی دیده است.")
def command() -> None:
    """Nothing of its own."""


@command.command(
    "import",
    help="جدول «operator, service_class, plan, valid_from, valid_to, full_rial_per_mb, factor, unit_bytes, verified, "
    "source» را می‌آورد. طرحی که در فایل هست تنها سطرهای همین فایل را دارد؛ طرح‌های دیگر می‌مانند، مگر با --whole. "
    "ستون verified به‌تنهایی چیزی را تأیید نمی‌کند: یا کسی در میز تعرفه منبع را می‌بیند، یا --verified-by نام او و "
    f"--seen آنچه دید را می‌گوید.\n\n{IMPORT_HELP}",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--whole", is_flag=True, help="فایل همه جدول است؛ طرحی که در آن نیست کنار می‌رود")
@click.option("--verified-by", "who", metavar="CODE|MOBILE", help="همکاری که سطرهای verified=yes را دیده است")
@click.option("--seen", default="", metavar="TEXT", help="چه را دید: نشانی صفحه، شماره قبض، نامه")
@click.option("--dry-run", "trial", is_flag=True, help="تنها بگو چه می‌شود")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def bring(file: Path, whole: bool, who: str | None, seen: str, trial: bool, as_json: bool) -> None:
    """Bring in one file, and verify in somebody's name what it says is verified."""
    person = _person(who) if who else None
    if person and not seen.strip():
        raise CouldNot("با --verified-by بگویید چه را دید: --seen.")
    data = read(file)
    done = bring_in(tariff_tables.TARIFFS, data, name=file.name, as_json=as_json, trial=trial, whole=whole)
    more = {}
    if not trial:
        verified = _verify(data, file.name, person, seen) if person else 0
        more = {"verified": verified, "waiting": done.waiting - verified}
    say(done, as_json=as_json, trial=trial, **more)
    if more.get("waiting") and not as_json:
        click.echo(f"{persian_digits(more['waiting'])} نرخ را هنوز کسی ندیده است و به شمار نمی‌آید: /desk/tariff/rates/")


def _verify(data: bytes, name: str, person: Person, seen: str) -> int:
    try:
        return tariff_tables.verify_said(data, name=name, by=person, seen=seen, now=clock.now())
    except Invalid as refusal:
        raise Broken(" ".join(refusal.fields.values())) from refusal


def _person(typed: str) -> Person:
    try:
        found = by_mobile(people_rules.mobile_number(typed))
    except Invalid:
        found = Person.objects.filter(code=typed.strip().upper()).first()
    if found is None or not found.is_active or not people_rules.may(found.role, "tariff"):
        raise CouldNot("--verified-by همکاری با دسترسی میز تعرفه است؛ چنین کسی پیدا نشد.")
    return found


@command.command("export", help="آنچه اکنون می‌دانیم را با همان ستون‌ها در فایل می‌نویسد؛ بی‌نام فایل: در خروجی.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def export(file: Path | None) -> None:
    """Write the table."""
    write_out(tariff_tables.TARIFFS, file)
