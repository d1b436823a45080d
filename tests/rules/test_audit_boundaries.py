"""The boundary cases of the audit: each is a test by name, and docs/audit.md says which."""

import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from peyman.gateways.logs import Entry, Options, each
from peyman.gateways.logs.own import json_line
from peyman.market.tariff.rules import audit
from peyman.market.tariff.rules.audit_joins import ANONYMOUS, Promises

ROOT = Path(__file__).resolve().parents[2]
LINE = b'{"ts_start": "2023-05-13T10:00:00Z", "edge_ip": "185.1.1.1", "client_ip": "5.1.1.1", "method": "GET", '


def entry(rest: bytes) -> Entry:
    (found,) = [one for _, one in each(iter([(1, LINE + rest + b"}")]), json_line, Options())]
    assert isinstance(found, Entry)
    return found


def named() -> list[tuple[str, str, str]]:
    table = (ROOT / "docs" / "audit.md").read_text().partition("## Boundary cases")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ")][2:]
    return [(case.strip(), *pair) for case, _, cell in rows for pair in re.findall(r"`(\S+\.py)` `(\w+)`", cell)]


def test_every_case_of_the_table_is_a_test_that_is_there() -> None:
    cases = {case for case, _, _ in named()}
    assert len(cases) == 31
    for case, file, name in named():
        assert re.search(rf"^def test_{name}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), (case, name)


def test_every_case_has_a_test() -> None:
    table = (ROOT / "docs" / "audit.md").read_text().partition("## Boundary cases")[2].partition("\n## ")[0]
    cases = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(cases) == len({case for case, _, _ in named()})


@pytest.mark.clause("B08")
def test_of_a_download_that_broke_off_the_bytes_that_were_sent_count() -> None:
    """A file of a thousand bytes, of which a hundred came: 200, and not complete."""
    found = entry(b'"path": "/a.apk", "status": 200, "object_size": 1000, "body_bytes": 100, "complete": false')
    assert found.sent == 100
    unpaid = audit.not_counted(
        method=found.method, status=found.status, sent=found.sent, fill=False, staff=False, download=True
    )
    assert unpaid is None


@pytest.mark.clause("B08")
def test_overlapping_parts_of_one_file_count_each_with_its_bytes() -> None:
    parts = [
        entry(
            b'"path": "/a.apk", "status": 206, "range_start": %d, "range_end": %d, "object_size": 1000, '
            b'"body_bytes": %d, "request_id": "r%d"' % (first, last, last - first + 1, first)
        )
        for first, last in ((0, 599), (400, 999))
    ]
    assert sum(part.sent for part in parts) == 1200
    assert len({part.key for part in parts}) == 2


@pytest.mark.clause("B08")
def test_downloads_of_nobody_known_are_one_anonymous_sum_for_each_operator_and_day() -> None:
    promises = Promises((), ())
    at = audit.micros(datetime(2023, 5, 13, 10, tzinfo=UTC))
    sums = Counter[tuple[str, date]]()
    for client, sent in (("5.1.1.1", 10), ("5.1.1.1", 20), ("5.1.1.2", 30)):
        found = entry(b'"path": "/a.apk", "status": 200, "body_bytes": %d, "node": "%s"' % (sent, client.encode()))
        sums[promises.of(found.token, found.host, found.path, at)[1], audit.instant(at).date()] += found.sent
    assert sums == {(ANONYMOUS, date(2023, 5, 13)): 60}
