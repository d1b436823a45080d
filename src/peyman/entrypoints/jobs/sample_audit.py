"""A small audit of the sample network: three weeks of invented downloads, an answer, and what came of it at the desk.

For the sandbox only, after `sample_tariff`: some of its ranges serve and are not registered, or not yet due, so that
the audit finds what a real one would. The log is the same for the same day; users, operators and prices are invented.
"""

import csv
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Final

from django.conf import settings

from peyman.entrypoints import audit_runs, clock
from peyman.entrypoints.jobs import sample_tariff
from peyman.entrypoints.jobs.audit import asked, running
from peyman.gateways.logs.own import CANONICAL
from peyman.kernel.worktime import day_start, tehran_day
from peyman.market.incidents.actions import incidents
from peyman.market.incidents.models import AuditRun, Incident
from peyman.market.incidents.queries import drafting
from peyman.market.tariff.models import Edge, Isp
from peyman.people.models import Person

DAYS: Final = 21
_LINES_A_DAY: Final = 60
_USERS: Final = 12
_CONTACT: Final = "نمونه: میز پاسخ‌گویی، ۰۲۱-۰۰۰۰۰۰۰۰"


def add_audit() -> None:
    """Audit invented downloads of the sample network, and publish what was found. Done before: left alone."""
    is_there = Edge.objects.filter(source=sample_tariff.SOURCE).exists() and Isp.objects.exists()
    if AuditRun.objects.exists() or not is_there:
        return
    now = clock.now()
    folder = settings.DATA_DIR / "simulators" / "audit"
    folder.mkdir(parents=True, exist_ok=True)
    _write_inputs(folder, tehran_day(now))
    running.run(
        asked.read(
            [str(folder / "downloads.csv")],
            form="canonical",
            registry="db",
            registrants=[sample_tariff.REGISTRANT],
            out=folder / "answer",
            memory="500MB",
            gap_days=8,
            tolerance="0",
            grace_days=0,
            sample_rate="100",
            zone="Asia/Tehran",
            token_parameter="token",  # noqa: S106  # the name of a parameter
            staff=[],
            downloads=[],
            edges="db",
            isps="db",
            tariffs="db",
            releases=str(folder / "releases.csv"),
        )
    )
    with _quietly():
        run = audit_runs.take(folder / "answer", now=now)
        incident = Incident.objects.filter(run=run).first()
        if incident is not None:
            _publish(incident, now)


@contextmanager
def _quietly() -> Iterator[None]:
    """Warn nobody: this incident is invented."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _publish(incident: Incident, now: datetime) -> None:
    """Confirm and publish by two of the sample's staff; where they are not, it stays as it was found."""
    by_role = {person.role: person for person in Person.objects.exclude(role=Person.Role.CUSTOMER)}
    first, second = by_role.get(Person.Role.TARIFF), by_role.get(Person.Role.MANAGER)
    if first is None or second is None:
        return
    incidents.confirm(code=incident.code, reason="نمونه: ارقام بازشماری شد و یکی است.", by=first, now=now)
    incident = Incident.objects.get(pk=incident.pk)
    words = drafting.draft(incident, contact=_CONTACT, signer=f"{second.full_name}، مدیر فروشگاه نمونه", now=now)
    incidents.publish(code=incident.code, words=words, reason="نمونه: اطلاعیه خوانده شد.", by=second, now=now)


# ---- What the audit is told ----


def _write_inputs(folder: Path, today: date) -> None:
    _write(folder / "downloads.csv", CANONICAL, _downloads(today))
    _write(folder / "releases.csv", ("channel", "valid_from", "valid_to", "shown"), (("*", "2020-01-01", "", "yes"),))


def _write(
    file: Path, heads: tuple[str, ...] | list[str], rows: Iterator[tuple[str, ...]] | tuple[tuple[str, ...], ...]
) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)


def _downloads(today: date) -> Iterator[tuple[str, ...]]:
    """Draw the downloads of the days before today: mostly from ranges that are registered, some from others."""
    draw = random.Random(today.toordinal())  # noqa: S311  # a sample, the same for the same day
    open_ones = Edge.objects.filter(superseded_at=None, valid_to=None).order_by("prefix")
    prefixes = [text for text in open_ones.values_list("prefix", flat=True) if not text.startswith("192.168.")]
    serving = [ip_network(text) for text in dict.fromkeys(prefixes)]
    clients = [ip_network(text) for text in Isp.objects.order_by("prefix").values_list("prefix", flat=True).distinct()]
    number = 0
    for days in range(DAYS, 0, -1):
        begins = day_start(today - timedelta(days=days))
        for _ in range(_LINES_A_DAY):
            number += 1
            at = begins + timedelta(milliseconds=draw.randrange(86_400_000))
            edge = draw.choice(serving)
            client = draw.choice(clients)
            user = draw.randrange(_USERS * 4 // 3)
            line = {
                "ts_start": at.isoformat(timespec="milliseconds"),
                "ts_end": (at + timedelta(seconds=draw.randrange(1, 90))).isoformat(timespec="milliseconds"),
                "edge_ip": str(edge[draw.randrange(min(edge.num_addresses, 6))]),
                "client_ip": str(client[draw.randrange(client.num_addresses)]),
                "method": draw.choice(["GET"] * 24 + ["HEAD"]),
                "host": f"dl.{sample_tariff.REGISTRANT}",
                "path": f"/apk/{draw.choice(('koohnama', 'alborz', 'karvan'))}.apk",
                "status": str(draw.choice([200] * 18 + [206, 304])),
                "body_bytes": str(draw.randrange(2_000_000, 600_000_000)),
                "complete": "true",
                "request_id": f"sample-{number}",
                "cdn": "sample",
                "download_token": f"sample-user-{user:02}" if user < _USERS else "",
            }
            yield tuple(line.get(name, "") for name in CANONICAL)


STEPS = (("ممیزی نمونه", add_audit),)
