"""`peyman audit --keep`: what was read is kept, and the answer is the same to the byte as from nothing."""

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from peyman.entrypoints.jobs.audit import asked, done
from peyman.gateways.audit import recount
from tests.jobs.test_audit import FILES, HEADER, LISTS, NEW, OLD, audit, failed, line, place, prints, write_csv

__all__ = ["place"]


def ask(place: Path, out: str, *, keep: str | None = None, logs: str = "logs/*.csv", **more: Any) -> asked.Asked:
    known: dict[str, Any] = {
        "form": "canonical",
        "registry": str(place / "lists"),
        "registrants": [],
        "memory": "500MB",
        "gap_days": 8,
        "tolerance": "0",
        "grace_days": 0,
        "sample_rate": "100",
        "zone": "Asia/Tehran",
        "token_parameter": "token",
        "staff": [],
        "downloads": [],
        **{name: str(place / f"{name}.csv") for name in FILES},
        "grants": None,
        "probes": None,
        "clock_offsets": None,
        "keep": place / keep if keep else None,
    }
    return asked.read([str(place / logs)], out=place / out, **known | more)


def drawn_lines(draw: random.Random, many: int, first: int, last: int) -> list[dict[str, Any]]:
    rows = []
    for _ in range(many):
        at = datetime(2023, 5, 4, 18, tzinfo=UTC) + timedelta(milliseconds=draw.randrange(first, last) * 3_600_000)
        at += timedelta(milliseconds=draw.choice([0, 1, 9_000_000, draw.randrange(3_600_000)]))
        rows.append(
            line(
                ts_start=at.isoformat(timespec="milliseconds"),
                ts_end=(at + timedelta(seconds=draw.choice([0, 1, 20, 9_000, 200_000]))).isoformat(
                    timespec="milliseconds"
                ),
                edge_ip=draw.choice(["185.112.32.70", "185.143.232.10", "185.143.232.11", ""]),
                client_ip=draw.choice(["5.1.1.1", "5.5.1.1", "9.9.9.9"]),
                body_bytes=draw.choice([0, 1, draw.randrange(10**9)]),
                download_token=draw.choice(["", *"abcd"]),
                host=draw.choice(["dl.market.ir", "dl.market.ir", "dl.quiet.ir"]),
                request_id=draw.choice(["", f"r{draw.randrange(60)}", f"r{draw.randrange(10**6)}"]),
            )
        )
    return rows


def same(place: Path, keep: str = "kept", **more: Any) -> Any:
    """Audit with what is kept and from nothing; say how it went."""
    _, went = done(ask(place, "out", keep=keep, **more))
    done(ask(place, "plain", **more))
    assert prints(place / "out") == prints(place / "plain")
    found = recount.recount(place / "plain")
    assert found.differences == ()
    (place / "plain" / "recount.json").unlink()
    return went


@pytest.fixture
def world(place: Path) -> Path:
    (place / "logs").mkdir()
    draw = random.Random(5)
    for day in range(6):
        write_csv(place / "logs" / f"day{day}.csv", drawn_lines(draw, 40, 24 * day, 24 * day + 24))
    return place


@pytest.mark.clause("B08")
def test_what_is_kept_is_not_read_again_and_the_answer_is_the_same_to_the_byte(world: Path) -> None:
    went = same(world)
    assert (len(went.read), went.kept) == (6, [])
    again = same(world)
    assert (again.read, again.audited, len(again.kept)) == ([], [], len(went.audited))
