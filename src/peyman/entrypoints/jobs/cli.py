"""`peyman`: the command line.

Each command is a module of this folder with a click command named `command`; it is imported when it is called, so that
one command's parts do not slow another. Exit codes: 0 done, 1 refused or broken, 2 could not. Nobody is shown a
traceback: a bug gets a reference, and its traceback goes to `log/faults.log` in PEYMAN_DATA (PEYMAN_DEBUG=1 shows it).
"""

import importlib
import logging
import os
import secrets
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

import click
import django
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

from peyman.entrypoints.jobs.console import BROKEN, COULD_NOT, CouldNot, tell
from peyman.kernel.errors import Refused

# name → (module, what it does)
COMMANDS = {
    "up": ("up", "فروشگاه آزمایشی را با همه بخش‌هایش روی همین دستگاه بالا می‌آورد"),
    "init": ("init", "پایگاه داده را آماده می‌کند و شرایط و تقویم را منتشر می‌کند"),
    "web": ("web", "صفحه‌ها و API را پاسخ می‌دهد"),
    "worker": ("worker", "پیام‌ها را می‌فرستد و کارهای سررسیدشده را انجام می‌دهد"),
    "tick": ("tick", "همه کارهای سررسیدشده را یک بار انجام می‌دهد"),
    "catalogue": ("catalogue", "کالاها را از فایل تأمین‌کننده می‌آورد یا در فایل می‌نویسد"),
    "media": ("media", "تصویرها و ویدیوهای کالاها را از یک پوشه می‌آورد"),
    "registry": ("registry", "فهرست ملی را به تاریخچه می‌افزاید و از آن پاسخ می‌دهد"),
    "clauses": ("clauses", "نشان می‌دهد هر بند شرایط را کدام کد اجرا و کدام آزمون ثابت می‌کند"),
    "check-invariants": ("invariants", "آنچه همیشه باید درست باشد را می‌سنجد و چیزی را تغییر نمی‌دهد"),
    "field-keys": ("field_keys", "داده‌های شخصی را به کلید تازه می‌برد؛ پیش از برداشتن کلید کهنه"),
    "export": ("export", "سفارش‌ها، پرداخت‌ها، موجودی، پیام‌ها، قول‌ها و رویدادها را به JSON می‌نویسد"),
    "edges": ("edges", "نشانی‌های شبکه توزیع را ثبت می‌کند و می‌گوید کدام پذیرفته است"),
    "isps": ("isps", "می‌داند هر نشانی مشترک کدام اپراتور است"),
    "tariffs": ("tariffs", "می‌داند هر اپراتور چه می‌گیرد و کدام نرخ را کسی دیده است"),
    "probes": ("probes", "می‌داند از هر نشانی چه سهمی از تعرفه کامل سنجیده شد"),
    "guard": ("guard", "می‌گوید آیا اکنون می‌شود گفت «نیم‌بها»، و با چه مدرکی"),
    "deliveries": ("deliveries", "ثبت می‌کند کدام نشانی‌ها کدام فایل‌ها را می‌دهند، اگر پذیرفته باشند"),
    "ticket": ("ticket", "بلیت‌های نیم‌بها را می‌سنجد و کلیدهای آن‌ها را نگه می‌دارد"),
    "drift": ("drift", "نشان می‌دهد شبکه توزیع و سامانه ملی کجا با هم نمی‌خوانند"),
    "audit": ("audit", "می‌گوید کدام دانلودها نیم‌بها اعلام و تمام‌بها حساب شد"),
    "incidents": ("incidents", "پاسخ‌های ممیزی را می‌گیرد و رویدادها را نشان می‌دهد"),
    "reconcile": ("reconcile", "صورت‌حساب بانک را با دفتر ما می‌سنجد"),
    "screen": ("screen", "نظرها و پرسش‌ها را با قاعده‌های نوشته‌شده می‌سنجد"),
    "bench": ("bench", "سرعت را کنار حد آن می‌سنجد"),
    "deadline": ("deadline", "می‌گوید مهلتی با تقویم کاری کی تمام می‌شود"),
}
WITHOUT_SETTINGS = {"up"}  # it chooses the environment that the settings of the others are made of
SERVICES = {"web", "worker"}  # their log is their output


class Commands(click.Group):
    """Commands by name, imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in WITHOUT_SETTINGS:
            _set_up(quiet=cmd_name not in SERVICES)
        module = importlib.import_module(f"peyman.entrypoints.jobs.{COMMANDS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("فرمان‌ها"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])


@click.group(
    cls=Commands,
    help="پیمان: فروشگاهی که سر حرفش می‌ماند. راهنمای هر فرمان: peyman COMMAND --help",
    epilog="پایان هر فرمان: 0 انجام شد، 1 رد شد یا درست نبود، 2 انجام‌شدنی نبود.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(version("peyman"), message="peyman %(version)s")
def commands() -> None:
    """Nothing of its own."""


def _set_up(*, quiet: bool) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "peyman.config.settings")
    try:
        django.setup()
    except (ImproperlyConfigured, ValueError) as fault:
        raise CouldNot(f"تنظیم‌های محیط خواندنی نیست: {fault}") from fault
    if quiet and not os.environ.get("PEYMAN_DEBUG"):
        logging.getLogger().setLevel(logging.WARNING)


def main() -> None:
    """Run a command and exit as it ended."""
    try:
        commands(prog_name="peyman")
    except Refused as refusal:
        tell(refusal.detail)
        sys.exit(BROKEN)
    except (OperationalError, InterfaceError) as fault:
        if os.environ.get("PEYMAN_DEBUG"):
            raise
        tell(f"پایگاه داده پاسخ نداد و کار انجام نشد: {str(fault).strip().splitlines()[0]}")
        if "no such table" in str(fault):
            tell("آیا «peyman init» اجرا شده است؟")
        sys.exit(COULD_NOT)
    except Exception as fault:
        if os.environ.get("PEYMAN_DEBUG"):
            raise
        reference = secrets.token_hex(4)
        tell(f"خطایی پیش آمد که از آن ما است، نه از شما. نشانه پیگیری: {reference}")
        tell(f"شرح آن در {_keep_traceback(fault, reference)} است.")
        sys.exit(COULD_NOT)


def _keep_traceback(fault: Exception, reference: str) -> Path:
    file = Path(os.environ.get("PEYMAN_DATA") or "var").absolute() / "log" / "faults.log"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        # Not the shop's clock: it needs settings, and a command may have failed before it had any.
        out.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {reference} {sys.argv[1:2]}\n")
        traceback.print_exception(fault, file=out)
    return file
