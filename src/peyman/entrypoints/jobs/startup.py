"""What must be true before a door is opened. Asked by `web` and `worker`; each reason names its way out."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from peyman.entrypoints import clock
from peyman.entrypoints.jobs import triggers
from peyman.entrypoints.jobs.console import CouldNot
from peyman.gateways import banks
from peyman.kernel.errors import Refused
from peyman.promises import queries

log = structlog.get_logger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104  # asked, this machine answers under these, too
SAMPLE_SECRETS = ("sandbox", "sample", "example", "change", "secret", "insecure", "django-insecure", "test", "peyman")
SHORTEST_SECRET = 32
# What the sandbox puts in place of each of these: known to everybody, and no bank's.
SAMPLES = {
    "ZARINPAL_MERCHANT": ("PEYMAN_ZARINPAL_MERCHANT", "00000000-0000-4000-8000-00000000da5e"),
    "ZARINPAL_ACCESS_TOKEN": ("PEYMAN_ZARINPAL_TOKEN", "sandbox-token"),
    "SAMAN_TERMINAL": ("PEYMAN_SAMAN_TERMINAL", "21000001"),
    "PAYA_SHEBA": ("PEYMAN_PAYA_SHEBA", "IR820540102680020817909002"),
    "KAVENEGAR_KEY": ("PEYMAN_KAVENEGAR_KEY", "sandbox-key"),
}


def assert_ready(patience: float) -> None:
    """Return when this installation may serve. Waits `patience` seconds for a database that is away.

    Raises CouldNot with every reason at once.
    """
    reasons = configuration_reasons()
    if not reasons:
        wait_for_database(patience)
        reasons = database_reasons()
    connections.close_all()
    if reasons:
        raise CouldNot("\n".join(["پیمان بالا نمی‌آید:", *(f"- {reason}" for reason in reasons)]))


def configuration_reasons() -> list[str]:
    """Why production must not start with this environment; nothing in the sandbox."""
    if settings.SANDBOX:
        return []
    reasons = []
    try:
        secret = settings.SECRET_KEY
    except ImproperlyConfigured:
        secret = ""
    if not secret:
        reasons.append("کلید رمز خالی است: PEYMAN_SECRET_KEY را بگذارید.")
    elif len(secret) < SHORTEST_SECRET or secret.lower().startswith(SAMPLE_SECRETS) or len(set(secret)) < 10:
        reasons.append(
            f"کلید رمز نمونه یا کوتاه است: در PEYMAN_SECRET_KEY دست‌کم {SHORTEST_SECRET} نویسه تصادفی بگذارید."
        )
    if any(len(key) < SHORTEST_SECRET for key in settings.FIELD_KEYS if key != secret):
        reasons.append(f"کلیدی در PEYMAN_FIELD_KEYS کوتاه است: هر یک دست‌کم {SHORTEST_SECRET} نویسه تصادفی می‌خواهد.")
    if "smsir" in settings.SMS_PROVIDERS and not (settings.SMSIR_KEY and settings.SMSIR_LINE):
        reasons.append("SMS.ir ارائه‌دهنده پیامک است، اما PEYMAN_SMSIR_KEY یا PEYMAN_SMSIR_LINE خالی است.")
    reasons += [
        f"{name} مقدار فروشگاه آزمایشی را دارد؛ مقدار خودتان را بگذارید یا آن را بردارید."
        for setting, (name, sample) in SAMPLES.items()
        if getattr(settings, setting) == sample
    ]
    if settings.ZARINPAL_MERCHANT and not settings.ZARINPAL_ACCESS_TOKEN:
        reasons.append("PEYMAN_ZARINPAL_TOKEN خالی است: پول زرین‌پال بی آن بازگردانده نمی‌شود.")
    reasons += [
        f"PEYMAN_GATEWAYS درگاهی را نام می‌برد که برپا نیست ({name})."
        for name in settings.GATEWAYS
        if name not in banks.names()
    ]
    for name, url in (("PEYMAN_BANK_URL", settings.BANK_URL), ("PEYMAN_SMS_URL", settings.SMS_URL)):
        host = urlsplit(url).hostname or ""
        if host in (*LOOPBACK, *ANYWHERE) or host.startswith(("127.", "sandbox.")):
            reasons.append(f"{name} نشانی شبیه‌ساز است ({host}) و در فروشگاه واقعی پذیرفته نیست؛ آن را بردارید.")
    return reasons


def database_reasons() -> list[str]:
    """Why the database must not be used as it is. Some small queries."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return ["پایگاه داده به‌روز نیست: «peyman init» را اجرا کنید."]
    reasons = []
    unguarded = triggers.missing()
    if unguarded:
        tables = "، ".join(unguarded)
        reasons.append(f"نگهبان جدول‌های فقط‌افزودنی نیست ({tables}): «peyman init» را اجرا کنید.")
    if not settings.SANDBOX:
        reasons += _careless_writing()
    try:
        queries.terms_in_force(clock.now())
        caches["default"].get("ready?")
    except (Refused, DatabaseError):
        reasons.append("شرایط فروش منتشر نشده یا جدول مشترک نیست: «peyman init» را اجرا کنید.")
    return reasons


def _careless_writing() -> list[str]:
    """Settings of the database under which a power cut takes back what customers were told."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            (level,) = cursor.fetchone()
            return [] if level >= 2 else ["SQLite با synchronous ضعیف‌تر از FULL کار می‌کند."]
        found = []
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            cursor.execute(f"SHOW {name}")
            if cursor.fetchone() == ("off",):
                found.append(f"PostgreSQL با {name}=off کار می‌کند و با رفتن برق قول‌ها از دست می‌رود.")
        return found


def wait_for_database(patience: float, *, give_up: Callable[[], bool] = lambda: False) -> bool:
    """Return True once the database answers, False when `give_up()` says so.

    Raises DatabaseError after `patience` seconds.
    """
    begun, pause = time.monotonic(), 0.1
    while not give_up():
        try:
            connection.ensure_connection()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as fault:
            connection.close()
            if time.monotonic() - begun > patience:
                raise
            log.warning("database.away", fault=type(fault).__name__)
            time.sleep(pause)
            pause = min(pause * 2, 5)
        else:
            return True
    return False
