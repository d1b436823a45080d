"""`peyman deadline`: the working calendar from outside. The same count that promises are made with."""

import click
from django.db import DatabaseError

from peyman.entrypoints.jobs.console import CouldNot, answer, instant
from peyman.kernel import jalali
from peyman.kernel.text import persian_digits, whole_number
from peyman.kernel.worktime import TEHRAN
from peyman.promises import queries, rules
from peyman.promises.models import CalendarVersion

MOST_HOURS = 100_000
YEARS = range(1900, 2201)


def read_hours(typed: str | None) -> int:
    """Read whole hours in any digits, 0 to MOST_HOURS. Raises CouldNot."""
    try:
        hours = whole_number(typed)
    except ValueError:
        hours = -1
    if not 0 <= hours <= MOST_HOURS:
        raise CouldNot(f"شمار ساعت‌ها را با --hours بدهید: عددی درست از ۰ تا {persian_digits(MOST_HOURS)}.")
    return hours


@click.command("deadline", help="می‌گوید شماری ساعت با تقویم کاری امروز کی به سر می‌رسد.")
@click.option("--from", "start", metavar="ISO", help="آغاز ساعت‌ها؛ بی‌نشانه منطقه: ساعت تهران")
@click.option("--hours", metavar="N", help="شمار ساعت‌ها")
@click.option("--kind", default="working", show_default=True, metavar="working|calendar", help="ساعت کاری یا تقویمی")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(start: str | None, hours: str | None, kind: str, as_json: bool) -> None:
    """Tell when a number of hours will have run, by the working calendar in force."""
    begin, count = instant(start or ""), read_hours(hours)
    if begin.year not in YEARS:
        raise CouldNot("زمان آغاز باید در همین روزگار باشد: سال میلادی از ۱۹۰۰ تا ۲۲۰۰.")
    if kind not in ("working", "calendar"):
        raise CouldNot("نوع ساعت‌ها --kind یا working (کاری) است یا calendar (تقویمی).")
    try:
        version, calendar = queries.working_calendar()
    except CalendarVersion.DoesNotExist:
        raise CouldNot("تقویم کاری هنوز ساخته نشده است؛ نخست peyman init را اجرا کنید.") from None
    except DatabaseError as fault:
        raise CouldNot(f"پایگاه داده در دسترس یا آماده نیست؛ نخست peyman init را اجرا کنید. ({fault})") from None
    due_at = rules.due_by(begin, count, kind, calendar)
    if as_json:
        answer(
            {
                "from": jalali.iso(begin),
                "hours": count,
                "kind": kind,
                "due_at": jalali.iso(due_at),
                "due_tehran": due_at.astimezone(TEHRAN).isoformat(),
                "due_jalali": jalali.deadline(due_at, year=True),
                "calendar_version": version.number,
            }
        )
        return
    span = f"{persian_digits(count)} ساعت" + (" کاری" if kind == "working" else "")
    until = f"{jalali.deadline(due_at, year=True)} (تقویم نسخه {persian_digits(version.number)})"
    click.echo(f"{span} از {jalali.moment(begin, year=True)}: {until}")
