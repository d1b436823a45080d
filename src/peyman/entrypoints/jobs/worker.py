"""`peyman worker`: sends what waits and does what falls due. Any number may run, and each may be killed at any moment.

Each kind of work has a thread and a connection of its own, so that a mail server that hangs delays no log-in code and a
bank that hangs delays no message. What fails is told and tried again; a database that is away is waited for.
"""

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import click
import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from peyman.entrypoints import catalogue_runs, clock, media, notices, registry_watch
from peyman.entrypoints.jobs import daily_audit, outbox, startup, sweeps
from peyman.messages import actions as messages
from peyman.people import actions as people

log = structlog.get_logger(__name__)

LONGEST_PAUSE = 5.0  # seconds between tries while something is away
GRACE = 25.0  # seconds for work that has begun, after SIGTERM
PATIENCE = 365 * 24 * 3600.0


def every_minute(now: datetime) -> dict[str, int]:
    """Do all that falls due, once; `peyman tick` is this. Returns how many rows each part dealt with."""
    done = sweeps.tick(now).as_json()
    done["told"] = outbox.keep_told_promises(now=now)
    done["login_codes"] = people.forget_codes(now=now)
    done["guardians"] = people.forget_guardians(now=now)
    done["stale_messages"] = messages.drop_stale(now=now)
    done["import_files"] = catalogue_runs.forget(now)
    done["taken_down"] = media.clear_takedowns(now)
    done["media_swept"] = media.sweep(now)
    return done


@dataclass(frozen=True)
class Work:
    name: str
    every: float  # seconds
    step: Callable[[datetime], object]


WORK = (
    Work("codes", 0.5, lambda now: outbox.deliver(now=now, urgent=True)),
    Work("messages", 0.5, lambda now: outbox.deliver(now=now, urgent=False)),
    Work("due", 1.0, sweeps.run_due),
    Work("notices", 5.0, notices.send_out),
    Work("media", 1.0, media.work),
    Work("minute", 60.0, every_minute),
    Work("catalogue", 2.0, lambda now: catalogue_runs.sweep(now=now)),  # a file takes minutes
    Work("registry", 60.0, lambda now: registry_watch.sweep(now=now)),  # it may be silent for minutes
    Work("audit", 60.0, lambda now: daily_audit.sweep(now=now)),  # it may take hours
)


def keep_doing(work: Work, stop: threading.Event) -> None:
    """Do one kind of work until `stop`."""
    pause = work.every
    while not stop.is_set():
        close_old_connections()
        try:
            work.step(clock.now())
            pause = work.every
        except (DatabaseError, InterfaceError) as fault:
            connections.close_all()
            pause = min(max(pause, 0.25) * 2, LONGEST_PAUSE)
            log.warning("worker.database_away", work=work.name, fault=type(fault).__name__)
        except Exception:
            connections.close_all()
            pause = min(max(pause, 0.25) * 2, LONGEST_PAUSE)
            log.exception("worker.bug", work=work.name)
        stop.wait(pause)
    connections.close_all()


def run(stop: threading.Event) -> None:
    """Do all kinds of work until `stop`, then let what has begun end."""
    threads = [threading.Thread(target=keep_doing, args=(work, stop), name=work.name, daemon=True) for work in WORK]
    for thread in threads:
        thread.start()
    log.info("worker.started")
    stop.wait()
    for thread in threads:
        thread.join(GRACE)
    log.info("worker.stopped")


@click.command("worker", help="پیام‌ها را می‌فرستد و کارهای سررسیدشده را انجام می‌دهد. با SIGTERM به‌نرمی می‌ایستد.")
def command() -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    reasons = startup.configuration_reasons()
    if reasons or startup.wait_for_database(PATIENCE, give_up=stop.is_set):
        startup.assert_ready(PATIENCE)
        outbox.announce(now=clock.now())
        run(stop)
