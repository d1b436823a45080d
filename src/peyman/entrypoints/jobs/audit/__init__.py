"""`peyman audit`: which downloads were announced at half price and billed in full, whose, how much, when (B08)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click
import duckdb

from peyman.entrypoints.jobs.audit import asked
from peyman.entrypoints.jobs.audit.asked import Asked
from peyman.entrypoints.jobs.audit.bar import Bar
from peyman.entrypoints.jobs.audit.running import run
from peyman.entrypoints.jobs.console import CouldNot, answer
from peyman.gateways import logs
from peyman.gateways.audit.files import BadFile
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


@click.command("audit", help="می‌گوید کدام دانلودها نیم‌بها اعلام و تمام‌بها حساب شد: از که، چند ریال و کی.")
@click.option("--logs", "patterns", multiple=True, metavar="GLOB", help="گزارش‌های دانلود؛ چند بار هم می‌شود داد")
@click.argument("more", nargs=-1, metavar="[GLOB…]")
@click.option("--log-format", "form", default="canonical", show_default=True, metavar="NAME", help="|".join(logs.NAMES))
@click.option("--registry", metavar="DIR|db", help="پوشه فهرست‌های سامانه ملی، یا db: تاریخچه پایگاه داده")
@click.option("--edges", type=click.Path(path_type=Path), help="از کدام نشانی‌ها خدمت داده‌ایم")
@click.option("--isps", type=click.Path(path_type=Path), help="کدام نشانی مشترک کدام اپراتور است")
@click.option("--tariffs", type=click.Path(path_type=Path), help="تعرفه اپراتورها")
@click.option("--releases", type=click.Path(path_type=Path), help="نسخه‌های گذشته چه نشان می‌دادند")
@click.option("--grants", type=click.Path(path_type=Path), help="پیام به که نشان داده شد")
@click.option("--registrant", "registrants", multiple=True, metavar="HOST", help="تنها سطرهای این دامنه به شمار می‌آید")
@click.option("--out", type=click.Path(path_type=Path), help="پوشه پاسخ")
@click.option("--memory", default="2GB", show_default=True, help="حافظه موتور")
@click.option("--gap-days", type=_Days(), default=8, show_default=True, help="دورترین دو فهرستی که میانشان دانسته است")
@click.option("--tolerance", default="0", show_default=True, metavar="SECONDS", help="خطای ساعت گزارش‌ها")
@click.option("--grace-days", type=_Days(), default=0, show_default=True, help="مهلت اپراتور پس از سررسید، به روز")
@click.option("--sample-rate", default="100", show_default=True, metavar="PERCENT", help="چند درصد سطرها در گزارش هست")
@click.option("--zone", default="Asia/Tehran", show_default=True, help="منطقه زمانی سطرهایی که آن را نمی‌گویند")
@click.option("--token-parameter", default="token", show_default=True, help="نام نشانه دانلود در نشانی صفحه")
@click.option("--staff", multiple=True, metavar="PREFIX", help="نشانی‌های خودمان؛ دانلودشان شمرده نمی‌شود")
@click.option("--downloads", multiple=True, metavar="PATTERN", help="الگوی مسیر دانلودها، مانند /apk/*؛ پیش‌فرض همه")
@click.option("--json", "as_json", is_flag=True, help="جمع‌ها به JSON در خروجی هم")
def command(patterns: Sequence[str], more: Sequence[str], as_json: bool, **given: Any) -> None:
    """Exit 0 when the answer is written, 2 when it could not be."""
    try:
        totals = run(asked.read([*patterns, *more], **given))
    except BadFile as fault:
        raise CouldNot("\n".join(fault.says)) from fault
    except OSError as fault:
        raise CouldNot(f"{fault.filename or ''} نوشته یا خوانده نشد: {fault.strerror or fault}") from fault
    except (duckdb.IOException, duckdb.OutOfMemoryException) as fault:
        raise CouldNot(f"موتور پرس‌وجو جا یا حافظه کم آورد: {str(fault).splitlines()[0]}") from fault
    if as_json:
        answer(totals)
    else:
        _print(totals)


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
