"""`peyman audit --engine`: whichever runs the SQL, the answer is the same to the byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from peyman.gateways.audit import engines
from tests.jobs.test_audit import audit, done, line, place, prints, write_csv

__all__ = ["place"]

SAME = ("by_user_day.parquet", "totals.json", "intervals.json", "rejected.csv", "sums.parquet")


@pytest.fixture
def crowded(place: Path) -> Iterator[Path]:
    rows = []
    for n in range(100):
        day = f"2023-05-{12 + n % 12}"  # a moment before midnight in Tehran, and over it
        start, end = f"{day}T20:29:59.{n:03}Z", f"{day}T20:30:00.{n % 5:03}Z"
        given = {"request_id": f"m{n % 90}", "download_token": f"u{n % 7}", "body_bytes": 10**6 + n}
        rows.append(line(ts_start=start, ts_end=end, **given))
    write_csv(place / "more.csv", rows)
    yield place


@pytest.mark.clause("B08")
@pytest.mark.parametrize(
    "engine",
    ["datafusion", pytest.param("spark", marks=pytest.mark.spark)],
)
def test_each_engine_gives_the_same_bytes_of_the_answer(engine: str, crowded: Path) -> None:
    totals = done(crowded, str(crowded / "more.csv"))
    assert totals["not_counted"]["duplicate"] == 11
    assert done(crowded, str(crowded / "more.csv"), "--engine", engine, "--memory", "600MB", out="other") == totals
    ours, theirs = (prints(crowded / name) for name in ("out", "other"))
    assert {name: theirs[name] for name in SAME} == {name: ours[name] for name in SAME}


def test_an_engine_that_is_not_there_ends_with_two_and_the_way_out(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object, **more: object) -> None:
        raise engines.NoEngine("این موتور نصب نیست؛ نصب کنید: pip install 'peyman[spark]'")

    monkeypatch.setitem(engines._ENGINES, "spark", refused)
    ended = audit(place, "--engine", "spark")
    assert ended.exit_code == 2
    assert "pip install 'peyman[spark]'" in ended.stderr
    assert not (place / "out").exists()
    ended = audit(place, "--engine", "oracle")
    assert (ended.exit_code, "duckdb, datafusion, spark" in ended.stderr) == (2, True)
