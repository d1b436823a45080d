"""`peyman audit`: which downloads were announced at half price and billed in full, whose, how much, when (B08)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click
import duckdb

from peyman.entrypoints import audit_runs, clock
from peyman.entrypoints.jobs.audit import asked
from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import Bar
from peyman.entrypoints.jobs.audit.running import run
from peyman.entrypoints.jobs.audit.sums import DoesNotAddUp
from peyman.entrypoints.jobs.console import Broken, CouldNot, answer, tell
from peyman.gateways import logs
from peyman.gateways.audit import difference, engines, recount
from peyman.gateways.audit.days import Audited
from peyman.gateways.audit.files import BadFile
from peyman.kernel.errors import Refused
from peyman.kernel.text import normalise, persian_digits

__all__ = ["Asked", "Bar", "command", "run"]


class _Days(click.ParamType):
    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        typed = normalise(str(value), digits=True)
        if not (typed.isascii() and typed.isdigit() and int(typed) <= 366):
            raise CouldNot("این عدد از ۰ تا ۳۶۶ است.")
        return int(typed)


class Audit(click.Group):
    """`peyman audit [GLOB…]` audits; what it is called with may also be the name of another command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else ["run", *args])


@click.group("audit", cls=Audit, context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Audit logs, or count an answer again."""


@command.command(
    "run",
    help="می‌گوید کدام دانلودها نیم‌بها اعلام و تمام‌بها حساب شد: از که، چند ریال و کی.",
    epilog="بازشماری پاسخ با قاعده پایتون: peyman audit recount DIR",
)
@click.option("--logs", "patterns", multiple=True, metavar="GLOB", help="گزارش‌های دانلود؛ چند بار هم می‌شود داد")
@click.argument("more", nargs=-1, metavar="[GLOB…]")
@click.option("--log-format", "form", default="canonical", show_default=True, metavar="NAME", help="|".join(logs.NAMES))
@click.option("--registry", metavar="DIR|db", help="پوشه فهرست‌های سامانه ملی، یا db: تاریخچه پایگاه داده")
@click.option("--edges", metavar="FILE|db", help="از کدام نشانی‌ها خدمت داده‌ایم")
@click.option("--isps", metavar="FILE|db", help="کدام نشانی مشترک کدام اپراتور است")
@click.option("--tariffs", metavar="FILE|db", help="تعرفه اپراتورها")
@click.option("--releases", metavar="FILE", help="نسخه‌های گذشته چه نشان می‌دادند")
@click.option("--grants", metavar="FILE", help="پیام به که نشان داده شد")
@click.option(
    "--ticket-keys", "ticket_keys", metavar="FILE|db", help="کلیدهای عمومی بلیت‌ها: خود بلیت هم نمایش را ثابت می‌کند"
)
@click.option("--probes", metavar="FILE|db", help="آنچه در دوره مهلت اپراتورها سنجیده شد")
@click.option(
    "--clock-offsets", "clock_offsets", metavar="FILE", help="ساعت هر شبکه چند ثانیه جلو بود و تا چند درست است"
)
@click.option("--registrant", "registrants", multiple=True, metavar="HOST", help="تنها سطرهای این دامنه به شمار می‌آید")
@click.option("--out", type=click.Path(path_type=Path), help="پوشه پاسخ")
@click.option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="آنچه خوانده شد در آن می‌ماند تا بار بعد تنها تازه‌ها خوانده شود",
)
@click.option(
    "--earlier", type=click.Path(path_type=Path), metavar="DIR", help="پاسخ پیشین؛ تفاوت با آن هم نوشته می‌شود"
)
@click.option("--record", is_flag=True, help="پاسخ را به میز رخدادها هم می‌سپارد")
@click.option("--engine", default="duckdb", show_default=True, metavar="NAME", help="|".join(engines.NAMES))
@click.option("--memory", default="2GB", show_default=True, help="حافظه موتور")
@click.option("--gap-days", type=_Days(), default=8, show_default=True, help="دورترین دو فهرستی که میانشان دانسته است")
@click.option("--tolerance", default="0", show_default=True, metavar="SECONDS", help="خطای ساعت گزارش‌ها")
@click.option("--grace-days", type=_Days(), default=0, show_default=True, help="مهلت اپراتور پس از سررسید، به روز")
@click.option(
    "--overhead-factor",
    default="1",
    show_default=True,
    metavar="N",
    help="سربار شبکه که در گزارش نیست، به سود کاربر؛ ۱ یا بیشتر",
)
@click.option("--sample-rate", default="100", show_default=True, metavar="PERCENT", help="چند درصد سطرها در گزارش هست")
@click.option("--until", metavar="ISO", help="پایان گزارش‌ها؛ سطری که دیرتر را بگوید خوانده نمی‌شود")
@click.option("--zone", default="Asia/Tehran", show_default=True, help="منطقه زمانی سطرهایی که آن را نمی‌گویند")
@click.option("--token-parameter", default="token", show_default=True, help="نام نشانه دانلود در نشانی صفحه")
@click.option("--staff", multiple=True, metavar="PREFIX", help="نشانی‌های خودمان؛ دانلودشان شمرده نمی‌شود")
@click.option("--downloads", multiple=True, metavar="PATTERN", help="الگوی مسیر دانلودها، مانند /apk/*؛ پیش‌فرض همه")
@click.option("--json", "as_json", is_flag=True, help="جمع‌ها به JSON در خروجی هم")
def audit(patterns: Sequence[str], more: Sequence[str], as_json: bool, record: bool, **given: Any) -> None:
    """Exit 0 when the answer is written, 2 when it could not be."""
    with _told():
        totals, was = done(asked.read([*patterns, *more], **given))
    if record:
        _record(Path(given["out"]))
    if as_json:
        answer(totals)
    else:
        _print(totals)
    if was.kept:
        tell(f"روزهای ممیزی‌شده: {persian_digits(len(was.audited))}، روزهای نگه‌داشته: {persian_digits(len(was.kept))}.")


def done(request: Asked) -> tuple[dict[str, Any], Audited]:
    """Run an audit, and tell how it went."""
    went = Audited()
    return run(request, went), went


@command.command("recount", help="پاسخ ممیزی را با قاعده پایتون از نو می‌شمارد؛ یک بایت تفاوت آن را رد می‌کند.")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="به JSON")
def count_again(folder: Path, as_json: bool) -> None:
    """Exit 0 when nothing differs, 1 when something does, 2 when it could not be counted."""
    with _told():
        found = recount.recount(folder)
    if as_json:
        answer(asdict(found))
    else:
        click.echo(
            f"{persian_digits(f'{found.lines:,}')} سطر در {persian_digits(f'{found.groups:,}')} گروه از نو شمرده شد."
        )
        for line in found.differences:
            click.echo(f"  {line}")
    if not found.ok:
        raise Broken("این پاسخ با بازشماری نمی‌خواند؛ رخدادی با آن تأیید نمی‌شود.")
    tell("با بازشماری می‌خواند، تا بایت و ریال.")


@contextmanager
def _told() -> Iterator[None]:
    """Say what went wrong in the words of whoever it went wrong for."""
    try:
        yield
    except BadFile as fault:
        raise CouldNot("\n".join(fault.says)) from fault
    except (engines.NoEngine, engines.OutOfRoom, recount.NoAnswer, difference.NoEarlier) as fault:
        raise CouldNot(fault.says) from fault
    except DoesNotAddUp as fault:
        raise CouldNot(f"جمع‌ها با هم نخواند و چیزی نوشته نشد؛ این خطای برنامه است: {fault}") from fault
    except (duckdb.IOException, duckdb.OutOfMemoryException) as fault:
        raise CouldNot(f"موتور پرس‌وجو جا یا حافظه کم آورد: {str(fault).splitlines()[0]}") from fault
    except OSError as fault:
        raise CouldNot(f"{fault.filename or ''} نوشته یا خوانده نشد: {fault.strerror or fault}") from fault


def _record(folder: Path) -> None:
    try:
        taken = audit_runs.take(folder, now=clock.now())
    except Refused as fault:
        raise CouldNot(f"پاسخ در {folder} است، اما به میز رخدادها سپرده نشد: {fault.detail}") from fault
    tell(f"میز رخدادها: {taken.code}")


_WORDS: Final = {
    "lines": "همه سطرها",
    "counted": "شمرده",
    "fine": "درست: نیم‌بها اعلام و حساب شد",
    "overcharged": "اضافه: نیم‌بها اعلام و تمام‌بها حساب شد",
    "not_promised": "چیزی اعلام نشده بود",
    "bytes_overcharged": "بایت اضافه",
    "rials_low": "دست‌کم ریال",
    "rials_high": "حداکثر ریال",
}


def _print(totals: dict[str, Any]) -> None:
    for name, words in _WORDS.items():
        value = totals[name]
        click.echo(f"{words:<44}{'نامعلوم' if value is None else persian_digits(f'{value:,}')}")
    for title, name in (("نامعلوم", "unknown"), ("نشمرده", "not_counted"), ("ناخوانده", "rejected")):
        for reason, many in totals[name].items():
            click.echo(f"{title}: {reason:<36}{persian_digits(f'{many:,}')}")
