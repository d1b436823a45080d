"""`peyman init`: make an installation ready to serve. Running it again, or several at once, changes nothing."""

import fcntl
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from peyman.entrypoints import clock, notices
from peyman.entrypoints.documents import terms_folder
from peyman.entrypoints.jobs import outbox, sample_tariff, static, triggers
from peyman.entrypoints.jobs import sample as sample_shop
from peyman.entrypoints.jobs.console import CouldNot, answer, tell
from peyman.promises import actions as promises
from peyman.promises.models import TermsVersion
from peyman.promises.rules import read_document
from peyman.shop.catalog import actions as catalog
from peyman.shop.shipping import actions as shipping

DATABASE_LOCK = 0x7065796D616E  # "peyman"
YEARS_AHEAD = 2


@contextmanager
def alone() -> Iterator[None]:
    """One at a time: by a lock of the database, or of the data folder where SQLite has none that lasts."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [DATABASE_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [DATABASE_LOCK])
        return
    with (settings.DATA_DIR / "init.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def publish_terms() -> None:
    """Publish the documents that are not published yet, in the order of their numbers."""
    folder = terms_folder()
    register = (folder / "register.toml").read_text()
    for number in range(TermsVersion.objects.count() + 1, len(list(folder.glob("v*.toml"))) + 1):
        document = read_document((folder / f"v{number}.toml").read_text(), register)
        notices.publish_terms(document=document, now=clock.now())


def seed_calendar() -> None:
    """Know the holidays from last year on; staff change the table from there."""
    year = clock.now().year
    promises.seed_calendar(years=range(year - 1, year + YEARS_AHEAD + 1), now=clock.now())


STEPS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("جدول‌ها", lambda: call_command("migrate", verbosity=0, interactive=False)),
    ("جدول مشترک محدودیت‌ها", lambda: call_command("createcachetable", verbosity=0)),
    ("نگهبان تاریخچه‌ها", triggers.install),
    ("پرونده‌های صفحه‌ها", static.collect),
    ("شرایط فروش", publish_terms),
    ("تقویم کاری", seed_calendar),
    ("دسته‌ها و برندها", catalog.load_reference),
    ("شیوه‌های ارسال", shipping.load_first),
    ("فرستنده‌های رسمی", lambda: outbox.announce(now=clock.now())),
)


@click.command("init", help="پایگاه داده را آماده می‌کند، شرایط فروش و تقویم کاری را منتشر می‌کند. تکرارش بی‌ضرر است.")
@click.option("--sample", is_flag=True, help="کالاها و کسان نمونه را هم بگذار؛ تنها در فروشگاه آزمایشی")
@click.option("--tariff-sample", is_flag=True, help="شبکه و فهرست ملی نمونه را هم بگذار؛ تنها در فروشگاه آزمایشی")
@click.option("--json", "as_json", is_flag=True, help="کسان نمونه به JSON")
def command(sample: bool, tariff_sample: bool, as_json: bool) -> None:
    if (sample or tariff_sample) and not settings.SANDBOX:
        raise CouldNot("داده نمونه تنها در فروشگاه آزمایشی (PEYMAN_SANDBOX=1) گذاشته می‌شود.")
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    steps = STEPS + (sample_shop.STEPS if sample else ()) + (sample_tariff.STEPS if tariff_sample else ())
    if tariff_sample:
        # By name, as commands are: whoever brings no sample does without the engine of the audit.
        steps += importlib.import_module("peyman.entrypoints.jobs.sample_audit").STEPS
    with alone():
        for title, step in steps:
            step()
            tell(f"✓ {title}")
    if as_json:
        answer(sample_shop.people() if sample else {})
