"""`peyman deadline`: the working calendar from outside. The same count that promises are made with."""

import re

import click
from django.db import DatabaseError

from peyman.entrypoints import clock
from peyman.entrypoints.jobs.console import CouldNot, answer, instant
from peyman.kernel import jalali
from peyman.kernel import text as persian
from peyman.kernel.text import persian_digits, whole_number
from peyman.kernel.worktime import TEHRAN
from peyman.promises import queries
from peyman.promises.models import CalendarVersion, TermsVersion

MOST_HOURS = 100_000
YEARS = range(1900, 2201)
_CLAUSE = re.compile(r"[A-Z]{1,2}[0-9]{1,4}")


def read_hours(typed: str | None) -> int:
    """Read whole hours in any digits, 0 to MOST_HOURS. Raises CouldNot."""
    try:
        hours = whole_number(typed)
    except ValueError:
        hours = -1
    if not 0 <= hours <= MOST_HOURS:
        raise CouldNot(f"شمار ساعت‌ها را با --hours بدهید: عددی درست از ۰ تا {persian_digits(MOST_HOURS)}.")
    return hours


@click.command("deadline", help="می‌گوید پیمانی که اکنون با این داده‌ها بسته شود، کی به سر می‌رسد.")
@click.option("--from", "start", metavar="ISO", help="آغاز ساعت‌ها؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--hours", metavar="N", help="شمار ساعت‌ها")
@click.option("--kind", default="working", show_default=True, metavar="working|calendar", help="ساعت کاری یا تقویمی")
@click.option(
    "--clause",
    default="",
    metavar="ID",
    help="بند پیمان؛ توقف‌هایی که تنها برخی بندها را دربرمی‌گیرند، با آن سنجیده می‌شوند",
)
@click.option(
    "--promise", default="", metavar="KIND", help="گونه پیمان، مانند refund یا cart_code؛ برای توقف‌های همان گونه"
)
@click.option("--province", default="", metavar="NAME", help="استان؛ برای توقف‌های همان استان")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(
    start: str | None, hours: str | None, kind: str, clause: str, promise: str, province: str, as_json: bool
) -> None:
    """Tell when a promise made now would be due: its hours, by the calendar, the declared periods of force majeure and
    the office hours of the terms in force.

    Without clause, kind of promise and province only those periods count that stop every promise.
    """
    begin, count = instant(start or ""), read_hours(hours)
    if begin.year not in YEARS:
        raise CouldNot("زمان آغاز باید در همین روزگار باشد: سال میلادی از ۱۹۰۰ تا ۲۲۰۰.")
    if kind not in ("working", "calendar"):
        raise CouldNot("نوع ساعت‌ها --kind یا working (کاری) است یا calendar (تقویمی).")
    if clause and not _CLAUSE.fullmatch(clause):
        raise CouldNot("بند را با شناسه‌اش در دفتر بندها بدهید؛ مانند D30.")
    try:
        version, reckoning = queries.reckoning()
        terms = _terms_in_force()
    except CalendarVersion.DoesNotExist:
        raise CouldNot("تقویم کاری هنوز ساخته نشده است؛ نخست peyman init را اجرا کنید.") from None
    except DatabaseError as fault:
        raise CouldNot(f"پایگاه داده در دسترس یا آماده نیست؛ نخست peyman init را اجرا کنید. ({fault})") from None
    due = reckoning.due(
        begin,
        count,
        kind,
        clause=clause,
        kind=promise,
        province=persian.normalise(province),
        parameters=terms.parameters if terms else {},
    )
    if as_json:
        answer(
            {
                "from": jalali.iso(begin),
                "hours": count,
                "kind": kind,
                "due_at": jalali.iso(due.at),
                "due_tehran": due.at.astimezone(TEHRAN).isoformat(),
                "due_jalali": jalali.deadline(due.at, year=True),
                "calendar_version": version.number,
                "terms_version": terms.number if terms else None,
                "held_since": jalali.iso(due.held_since) if due.held_since else None,
                "pauses": list(due.pauses),
            }
        )
        return
    span = f"{persian_digits(count)} ساعت" + (" کاری" if kind == "working" else "")
    until = f"{jalali.deadline(due.at, year=True)} (تقویم نسخه {persian_digits(version.number)})"
    click.echo(f"{span} از {jalali.moment(begin, year=True)}: {until}")
    if due.held_since:
        click.echo(f"این ساعت‌ها از {jalali.moment(due.held_since, year=True)} تا اطلاع بعدی نمی‌گذرند.")
    if due.pauses:
        click.echo(f"قوه قهریه: {'، '.join(due.pauses)}")


def _terms_in_force() -> TermsVersion | None:
    try:
        return queries.terms_in_force(clock.now())
    except TermsVersion.DoesNotExist:
        return None
