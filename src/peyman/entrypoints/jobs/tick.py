"""`peyman tick`: send what waits, and do what each worker does every minute, once."""

import click
from django.conf import settings

from peyman.entrypoints import clock, media, registry_watch
from peyman.entrypoints.jobs import console, daily_audit, outbox, worker
from peyman.kernel.text import persian_digits

WORDS = {
    "sent": "پیام‌های فرستاده‌شده",
    "payments": "پرداخت‌های پرسیده‌شده",
    "refunds": "بازگرداندن‌های پیش‌برده",
    "expired": "سفارش‌های پرداخت‌نشده پایان‌یافته",
    "moved": "قول‌های جابه‌جاشده با تقویم تازه",
    "broken": "قول‌های شکسته یافته‌شده",
    "alarms": "قول‌های شکسته‌ای که به همکاران گفته شد",
    "carts": "سبدهای رهاشده پاک‌شده",
    "erased": "حساب‌های پاک‌شده",
    "notices": "خبرهای همگانی در صف",
    "lines": "شماره‌های گم‌شده عوض‌شده",
    "offers": "قیمت‌های سررسیدشده",
    "forgotten": "سندهایی که زمان نگهداری‌شان گذشته بود",
    "registry": "فهرست‌های گرفته‌شده از سامانه ملی",
    "audits": "ممیزی‌های روزانه تعرفه",
    "media": "تصویرها و ویدیوهای ساخته‌شده",
    "import_files": "فایل‌های کالا که زمان نگهداری‌شان گذشته بود",
    "taken_down": "تصویرها و ویدیوهای حذف‌شده‌ای که پاک شد",
    "media_swept": "تصویرها و ویدیوهای برداشته‌شده‌ای که زمانشان گذشته بود",
    "told": "قول‌های پیام‌های رفته",
    "login_codes": "رمزهای ورود کهنه پاک‌شده",
    "stale_messages": "پیام‌های بی‌اثر پاک‌شده",
}


@click.command("tick", help="همه کارهای سررسیدشده را یک بار انجام می‌دهد.")
@click.option("--now", "typed", metavar="ISO", help="به جای اکنون؛ تنها در فروشگاه آزمایشی")
@click.option("--json", "as_json", is_flag=True, help="پاسخ به JSON")
def command(typed: str | None, as_json: bool) -> None:
    if typed and not settings.SANDBOX:
        raise console.CouldNot("زمان دیگر را تنها در فروشگاه آزمایشی (PEYMAN_SANDBOX=1) می‌شود گفت.")
    now = console.instant(typed) if typed else clock.now()
    done = {"sent": outbox.deliver(now=now), **worker.every_minute(now), "registry": registry_watch.sweep(now=now)}
    done["media"] = media.work(now)
    done["audits"] = daily_audit.sweep(now=now)
    if as_json:
        console.answer(done)
        return
    for name, count in done.items():
        click.echo(f"{WORDS.get(name, name)}: {persian_digits(count)}")
