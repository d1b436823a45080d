"""The incident of 1402 as the national registry's list shows it: real rows and real looks, generated downloads.

Real: the 74 looks at the list, every row of the market, other registrants' rows over the same ranges. Declared, for the
list does not say it: that the ranges added in 1402/02 served from 1400/04 on. Generated: all downloads and prices.
"""

import csv
import gzip
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from ipaddress import IPv4Network, ip_network
from pathlib import Path

from peyman.gateways.logs.own import CANONICAL
from tests.conftest import SHARED

DATA = SHARED / "data" / "tariff"
REGISTRANT = "cafebazaar.ir"
HEADER = "name_as_entered,ip_as_entered,ip_network,update_date_jalali,due_date_jalali"
ADDED = ("2023-04-30", "2023-05-07")  # 1402/02/10 and 1402/02/17
SERVED_SINCE = date(2021, 6, 22)  # 1 Tir 1400
LOG_BEGINS, LOG_ENDS = date(2023, 1, 20), date(2023, 7, 5)
OPERATORS = {"5.1.0.0/16": "نخست", "5.2.0.0/16": "دوم", "5.3.0.0/16": "سوم"}


@dataclass(frozen=True)
class Row:
    """One of the market's rows."""

    cells: str
    network: IPv4Network
    update: date
    due: date
    first_seen: str
    last_seen: str


@cache
def rows() -> list[Row]:
    """Every row that the market ever had."""
    with (DATA / "registry_market_cafebazaar.csv").open(newline="") as file:
        return [
            Row(
                ",".join(row[name] for name in HEADER.split(",")),
                ip_network(row["ip_network"]),
                date.fromisoformat(row["update_date"]),
                date.fromisoformat(row["due_date"]),
                row["first_seen"],
                row["last_seen"],
            )
            for row in csv.DictReader(file)
        ]


def added() -> list[Row]:
    """Those of 1402/02: 32 on the 10th, four of ArvanCloud's addresses on the 17th."""
    return [row for row in rows() if str(row.update) in ADDED]


@cache
def looks() -> list[str]:
    with (DATA / "registry_snapshots.csv").open(newline="") as file:
        return [row["snapshot_date"] for row in csv.DictReader(file)]


@cache
def of_others() -> list[tuple[str, str, str]]:
    """Rows of other registrants over the added ranges: cells, first and last seen. The data names nobody."""
    ours = {tuple(row.cells.split(",")[1:]) for row in rows()}
    ranges = [row.network for row in added()]
    found = []
    with gzip.open(DATA / "registry_intervals_2023-02_2024-06.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            cells = tuple(row[name] for name in HEADER.split(",")[1:])
            if cells in ours or ":" in row["ip_network"]:
                continue
            try:
                network = ip_network(row["ip_network"])
            except ValueError:
                continue
            if any(network.overlaps(one) for one in ranges):
                found.append((",".join(("http://another.example", *cells)), row["first_seen"], row["last_seen"]))
    return found


def write(folder: Path, *, with_others: bool = False, a_day: int = 2) -> Path:
    """Write what the audit is told, with `a_day` downloads a day from each of the added ranges."""
    lists = folder / "lists"
    lists.mkdir(parents=True)
    for day in looks():
        cells = [row.cells for row in rows() if row.first_seen <= day <= row.last_seen]
        if with_others:
            cells += [cell for cell, first, last in of_others() if first <= day <= last]
        (lists / f"{day}.csv").write_text("\n".join([HEADER, *cells]) + "\n")
    texts = {
        "edges": ["cdn,prefix,valid_from,valid_to,source"]
        + [
            f"{'آروان' if row.update == date(2023, 5, 7) else 'خود بازار'},{row.network},{SERVED_SINCE},,فرض این نمونه"
            for row in added()
        ],
        "isps": ["prefix,asn,operator,valid_from,valid_to"]
        + [f"{prefix},AS64500,{operator},2020-01-01," for prefix, operator in OPERATORS.items()],
        "tariffs": [
            "operator,service_class,plan,valid_from,valid_to,full_rial_per_mb,factor,unit_bytes,verified,source",
            "نخست,دانلود,آزاد,2020-01-01,,50,1/2,1000000,yes,فرض این نمونه",
            "نخست,دانلود,بسته,2020-01-01,,20,1/2,1000000,yes,فرض این نمونه",
            "دوم,دانلود,آزاد,2020-01-01,,40,1/2,1000000,yes,فرض این نمونه",
            "سوم,دانلود,آزاد,2020-01-01,,40,1/2,1000000,no,فرض این نمونه",
        ],
        "releases": ["channel,valid_from,valid_to,shown", f"*,{SERVED_SINCE},2023-06-25,yes", "*,2023-06-25,,no"],
    }
    for name, lines in texts.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    with (folder / "log.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, CANONICAL, lineterminator="\n")
        writer.writeheader()
        draw = random.Random(1402)
        for number, row in enumerate(added()):
            for day in range((LOG_ENDS - LOG_BEGINS).days + 1):
                for turn in range(a_day):
                    at = datetime(2023, 1, 20, 5, tzinfo=UTC) + timedelta(days=day, seconds=draw.randrange(40_000))
                    client = list(OPERATORS)[draw.randrange(3)].replace("0.0/16", f"7.{draw.randrange(256)}")
                    line = {
                        "ts_start": at.isoformat(),
                        "ts_end": (at + timedelta(seconds=20)).isoformat(),
                        "edge_ip": str(row.network[draw.randrange(row.network.num_addresses)]),
                        "client_ip": client,
                        "method": "GET",
                        "host": "dl.example.ir",
                        "path": "/apk/app.apk",
                        "status": 200,
                        "body_bytes": draw.randrange(1_000_000, 150_000_000),
                        "request_id": f"{number}-{day}-{turn}",
                        "download_token": f"u{draw.randrange(40)}" if draw.randrange(4) else "",
                    }
                    writer.writerow(dict.fromkeys(CANONICAL, "") | line)
    return folder


def options(folder: Path, *more: str) -> list[str]:
    """The command's words."""
    files = [
        part for name in ("edges", "isps", "tariffs", "releases") for part in (f"--{name}", f"{folder}/{name}.csv")
    ]
    return ["--logs", f"{folder}/log.csv", "--registry", f"{folder}/lists", *files, "--out", f"{folder}/out", *more]
