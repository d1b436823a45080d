"""`peyman web`: pages and API over HTTP."""

import gc
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from django.conf import settings
from django.db import DatabaseError, connection
from django.urls import resolve
from django.utils.module_loading import import_string
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from peyman.entrypoints.jobs import parent, startup
from peyman.entrypoints.jobs.console import CouldNot

PATIENCE = 60  # seconds to wait for a database that is away at the start


def _bind(typed: str) -> tuple[str, int]:
    host, _, port = typed.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65536:
        raise CouldNot("نشانی را با --bind و به شکل HOST:PORT بدهید، مانند 127.0.0.1:8000.")
    return host.strip("[]"), int(port)


def load(_target: str, *, writes_elsewhere: bool = False) -> Callable[..., Any]:
    """Make the application, in the process that serves it.

    All that a request needs is imported now: a fault shows at the start, and the first requests race for nothing.
    """
    head = os.getppid()
    application: Callable[..., Any] = import_string(settings.WSGI_APPLICATION)
    resolve("/healthz")
    _learn_the_words()
    keep_what_is_loaded()
    if writes_elsewhere:
        import_string("peyman.entrypoints.payments.write_elsewhere")()  # forks: there are no threads yet
    parent.leave_with(head)
    for begin in ("readers.begin", "searches.keep_writing"):  # threads that write down what this process gathers
        import_string(f"peyman.entrypoints.{begin}")()
    return application


def _learn_the_words() -> None:
    """Read the words of the shelf, which the first search would read else; it still does where no database is there."""
    try:
        import_string("peyman.shop.catalog.queries.search.vocabulary")()  # models are there only now
    except DatabaseError:
        pass
    finally:
        connection.close()


def keep_what_is_loaded() -> None:
    """Take what is loaded by now out of the garbage collector's sight, and let it look more seldom.

    Modules, settings and the words of a hundred thousand goods stay as long as the process. Looking through them in
    vain took a fifteenth of its processor, and 50 to 100 ms at a time of one search in twenty.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@click.command("web", help="صفحه‌ها و API را روی نشانی گفته‌شده پاسخ می‌دهد. با SIGTERM به‌نرمی می‌ایستد.")
@click.option("--bind", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT", help="نشانی شنیدن")
@click.option("--workers", default=1, metavar="N", help="شمار فرایندها؛ تنها با PostgreSQL بیش از یک")
@click.option("--threads", default=32, show_default=True, metavar="N", help="شمار رشته‌های هر فرایند")
@click.option(
    "--writer-process", is_flag=True, help="سفارش‌های پرداخت‌شده را فرایندی جدا می‌نویسد؛ برای دستگاهی با دو هسته یا بیشتر"
)
def command(bind: str, workers: int, threads: int, writer_process: bool) -> None:
    """Serve until SIGTERM or SIGINT; requests that have begun are finished."""
    host, port = _bind(bind)
    if settings.SANDBOX and host not in startup.LOOPBACK:
        raise CouldNot("فروشگاه آزمایشی تنها روی همین دستگاه (127.0.0.1) شنیده می‌شود.")
    if workers < 1 or threads < 1:
        raise CouldNot("شمار فرایندها و رشته‌ها دست‌کم یک است.")
    if workers > 1 and connection.vendor == "sqlite":
        raise CouldNot("با SQLite یک فرایند با چند رشته کار می‌کند؛ برای فرایندهای بیشتر PostgreSQL لازم است.")
    startup.assert_ready(PATIENCE)
    Server(
        settings.WSGI_APPLICATION,
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
        log_level=LogLevels.error,
    ).serve(target_loader=partial(load, writes_elsewhere=writer_process))
