"""A night without providers: both SMS providers and the mail server fall silent for hours, workers are killed, and in
the morning everybody's books are compared. No message may be lost, and none sent twice but for a kill.

python -m tests.proof.outage --database sqlite --seed 7
"""

import argparse
import json
import os
import random
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from tests.proof.house import REPO, House

EVENING = datetime(2025, 1, 4, 18, 30, tzinfo=UTC)  # Saturday, 22:00 in Tehran
MOBILE, EMAIL = "+989121234567", "night@example.ir"
LONGEST_STEP = 300.0  # seconds in which the workers must come to rest
LET_GO = 15.0  # seconds without a move after which a living worker has let go; longer than any conversation
DUE = """SELECT id, claim, COALESCE(claimed_until > ?, FALSE) FROM messages_message
         WHERE sent_at IS NULL AND dead_at IS NULL AND due_at <= ? ORDER BY id"""

WRITER = """
import sys, time, django
django.setup()
from datetime import datetime
from django.db import DatabaseError, InterfaceError, connections
from peyman.messages.actions import NewMessage, queue_many
from peyman.people.actions import confirm_mobile, person_of
from peyman.people.models import Person

def write(first, last, now, mobile, email):
    person = person_of(mobile=mobile, now=now)
    confirm_mobile(person=person, now=now)
    Person.objects.filter(pk=person.pk).update(email=email, email_confirmed_at=now)
    mail = {"effective_at": "-", "link": "-"}
    queue_many([
        NewMessage("email", email, "terms_changed", {**mail, "version": f"N{n:06}"}, f"night:{n}", person.pk)
        if n % 4 == 0 else
        NewMessage("sms", mobile, "order_expired", {"order": f"N{n:06}"}, f"night:{n}", person.pk)
        for n in range(first, last)
    ], now=now)

for line in sys.stdin:
    first, last, now, mobile, email = line.split()
    for _ in range(60):
        try:
            write(int(first), int(last), datetime.fromisoformat(now), mobile, email)
        except (DatabaseError, InterfaceError):
            connections.close_all()
            time.sleep(0.5)
        else:
            print("written", flush=True)
            break
    else:
        sys.exit(1)
"""


@dataclass
class Weather:
    """What fails in one part of the night, and for how long (of the clock)."""

    name: str
    lasts: timedelta
    sms: dict[str, Any] = field(default_factory=dict)
    mail: dict[str, Any] = field(default_factory=dict)


CLEAR = {"down": 0, "drop": 0.0, "garbage": 0.0, "error_200": 0, "http_500": 0.0, "slow_s": 0, "twice": 0.0}
HANGS = {"p": 0.2, "value": 7.0}  # one in five, for longer than we wait for an answer; then it is taken after all


def both(**switches: Any) -> dict[str, Any]:
    return {name: value for key, value in switches.items() for name, value in ((key, value), (f"smsir_{key}", value))}


def night(hours: float) -> list[Weather]:
    """The parts of a night; `hours` is how long nobody answers at all."""
    hour = timedelta(hours=1)
    return [
        # Answers get lost, but the providers are there to be asked again.
        Weather("restless", hour, both(drop=0.15, garbage=0.1, http_500=0.1)),
        Weather("calm before", hour),
        Weather("an answer that lies", 0.5 * hour, {"error_200": True}),
        Weather("both answer 200 and take nothing", 0.5 * hour, both(error_200=True)),
        Weather("what is taken is delivered twice", 0.5 * hour, both(twice=0.5, drop=0.15)),
        Weather("answers hang", 0.5 * hour, both(slow_s=HANGS)),
        Weather("the first provider is away", 1.5 * hour, {"down": True}),
        Weather("nobody answers", hours * hour, both(down=True), {"down": True}),
        Weather("the second is back", hour, {"down": True, "smsir_down": 0}, {"down": True}),
        Weather("morning", hour),
    ]


def run(
    *, database: str, seed: int, folder: Path, messages: int, step: timedelta, hours: float, kill: float
) -> dict[str, Any]:
    """Run one night. Returns the figures; `wrong` lists what does not agree. `kill`: chance of a kill in each step."""
    chance, begun, now = random.Random(seed), time.monotonic(), EVENING
    (folder / "clock").write_text(now.isoformat())
    parts = night(hours)
    steps = [part for part in parts for _ in range(max(1, round(part.lasts / step)))]
    each, written = max(1, messages // len(steps)), 0
    both_providers = {"PEYMAN_SMSIR_KEY": "k", "PEYMAN_SMSIR_LINE": "30004505000017"}
    with House(folder, database=database, web=False, **both_providers) as house, ExitStack() as leaves:
        house.provider_faults(seed=seed)
        weather, writer = None, leaves.enter_context(Writer(house))
        for part in steps:
            if part is not weather:
                house.provider_faults(**both(**CLEAR))
                house.mail_faults(down=0)
                house.provider_faults(**part.sms)
                house.mail_faults(**part.mail)
                weather = part
                print(f"{database}: {now:%H:%M} {part.name}, {written} written", file=sys.stderr)
            killer = None
            if chance.random() < kill:
                victim = chance.choice(["worker-0", "worker-1", "worker-0", "worker-1", "database"])
                killer = threading.Timer(chance.uniform(0, 0.7), house.kill, [victim])
            is_early = chance.random() < 0.5  # while new messages leave, or when old ones are tried again
            if killer and is_early:
                killer.start()
            writer.write(written, written + each, now)
            written += each
            # A clock that jumps ends leases at once: whoever is alive must hold nothing when it does.
            calm(house, now)
            now += step
            house.set_clock(now)
            if killer and not is_early:
                killer.start()
            calm(house, now)
            if killer:
                killer.join()
                calm(house, now)
        house.provider_faults(**both(**CLEAR))
        house.mail_faults(down=0)
        for _ in range(60):
            if waiting(house, now + timedelta(days=365)) == []:
                break
            now += timedelta(minutes=15)
            house.set_clock(now)
            calm(house, now)
        wrong, sent = compare(house, written)
        return {
            "database": database, "seed": seed, "messages": written, "night": str(now - EVENING),
            "kills": dict(house.kills), "sent_twice": sent["twice"], "delivered_twice": sent["again"], "by": sent["by"],
            "seconds": round(time.monotonic() - begun), "wrong": wrong,
        }  # fmt: skip


class Writer:
    """A process of its own that queues messages, as the shop would; again, while its database is being killed."""

    def __init__(self, house: House) -> None:
        environment = {
            **house.environment,
            "DJANGO_SETTINGS_MODULE": "peyman.config.settings",
            "PYTHONPATH": os.pathsep.join([str(REPO / "src"), os.environ.get("PYTHONPATH", "")]),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER],
            env=environment,
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(house.folder / "writer.log").open("wb"),
            text=True,
        )

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def write(self, first: int, last: int, now: datetime) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{first} {last} {now.isoformat()} {MOBILE} {EMAIL}\n")
        self._process.stdin.flush()
        while (line := self._process.stdout.readline()) != "written\n":
            if not line:  # log lines go by
                raise AssertionError("the writer ended; see writer.log")


def calm(house: House, now: datetime) -> None:
    """Wait until all that is due has been tried and no living worker holds anything, before the clock is moved on: a
    lease must not run out under the hands of a worker that is merely slow.

    A claim says whose it is. What a killed worker holds is not waited for; a living one lets go of what it holds only
    when its database fails it, and then nothing moves.
    """
    before, since = waiting(house, now), time.monotonic()
    until = since + LONGEST_STEP
    while (asked := time.monotonic()) < until:
        rows = waiting(house, now)
        living = house.workers()  # afterwards: one that starts meanwhile may hold what was read
        if rows is not None and all(row.holder and row.holder not in living for row in rows):
            return
        # A machine that is late itself says nothing about workers.
        if rows is None or rows != before or time.monotonic() - asked > 0.5:
            before, since = rows, time.monotonic()
        elif all(row.holder for row in rows) and time.monotonic() - since > LET_GO:
            return
        time.sleep(0.1)
    raise AssertionError(f"the workers never came to rest: {before}")


@dataclass(frozen=True)
class Waiting:
    """A message that is due and has not ended; `holder`: the process that holds it, 0 when anybody may take it."""

    row: int
    claim: str
    is_held: bool

    @property
    def holder(self) -> int:
        return int(self.claim[:8], 16) if self.is_held else 0


def waiting(house: House, now: datetime) -> list[Waiting] | None:
    """Return what is due; None while the database is away."""
    try:
        if house.database == "postgres":
            with psycopg.connect(house.environment["DATABASE_URL"], connect_timeout=2) as link:
                return [Waiting(*row) for row in link.execute(DUE.replace("?", "%s"), [now, now]).fetchall()]
        link = sqlite3.connect(f"file:{house.folder / 'data' / 'peyman.sqlite3'}?mode=ro", uri=True, timeout=5)
        try:
            told = f"{now:%Y-%m-%d %H:%M:%S}"  # as Django writes instants there
            return [Waiting(pk, claim, bool(held)) for pk, claim, held in link.execute(DUE, [told, told])]
        finally:
            link.close()
    except (psycopg.Error, sqlite3.Error):
        return None


def compare(house: House, written: int) -> tuple[list[str], dict[str, Any]]:
    """Hold the outbox against the ledgers of all three providers."""
    rows = house.export("outbox")
    wrong = [f"{row['id']}: not sent" for row in rows if not row["sent_at"]]
    arrived: Counter[str] = Counter()
    by: Counter[str] = Counter()
    again = 0
    for text in house.texts():
        if text.get("again"):  # the provider's own doing: asked once, delivered twice
            again += 1
            continue
        arrived[text["message"].split("N", 1)[1][:6]] += 1
        by[text["provider"]] += 1
    for mail in house.mails():
        arrived[mail["subject"].split("N", 1)[1][:6]] += 1
        by["smtp"] += 1
    wrong += [f"N{n:06}: lost" for n in range(written) if not arrived[f"{n:06}"]]
    if len(rows) != written:
        wrong.append(f"{written} written, {len(rows)} in the outbox")
    twice = sum(times - 1 for times in arrived.values())
    kills = sum(house.kills.values()) + house.kills["database"]  # without its database, each of two workers dies
    if twice > kills:
        wrong.append(f"{twice} sent twice, {dict(house.kills)}")
    if not (by["kavenegar"] and by["smsir"] and by["smtp"]):
        wrong.append(f"somebody sent nothing: {dict(by)}")
    for line in house.run("check-invariants", ok=(0, 1)).splitlines():
        if not line.startswith("OK"):
            wrong.append(line)
    return wrong, {"twice": twice, "again": again, "by": dict(by)}


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--messages", type=int, default=1500)
    asked.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    asked.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    asked.add_argument("--step", type=float, default=5.0, help="minutes of the clock between two looks")
    asked.add_argument("--hours", type=float, default=8.0, help="how long nobody answers")
    asked.add_argument("--kill", type=float, default=0.5, help="chance of a kill in each step")
    asked.add_argument("--keep", help="folder to leave logs and data in")
    given = asked.parse_args()
    failed = False
    for database in ["sqlite", "postgres"] if given.database == "both" else [given.database]:
        folder = Path(given.keep or tempfile.mkdtemp(prefix="peyman-outage-")) / database
        folder.mkdir(parents=True)
        figures = run(
            database=database,
            seed=given.seed,
            folder=folder,
            messages=given.messages,
            step=timedelta(minutes=given.step),
            hours=given.hours,
            kill=given.kill,
        )
        if not given.keep and not figures["wrong"]:
            shutil.rmtree(folder.parent)
        print(json.dumps(figures, ensure_ascii=False))
        failed = failed or bool(figures["wrong"])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
