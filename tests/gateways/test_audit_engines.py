"""Engines of the audit: which are there, and what is said of one that is not."""

import importlib
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pytest

from peyman.gateways.audit import engines


@pytest.mark.parametrize("name", ["datafusion", "spark"])
def test_an_engine_that_is_not_installed_is_said_with_the_way_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring = importlib.import_module

    def without(module: str) -> ModuleType:
        if module.partition(".")[0] in ("datafusion", "pyspark"):
            raise ModuleNotFoundError(module)
        return bring(module)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(engines.NoEngine) as refused:
        engines.start(name, tmp_path)
    assert f"pip install 'peyman[{name}]'" in refused.value.says


@pytest.mark.parametrize(
    ("told", "says"),
    [(None, "apt install openjdk-17-jre-headless"), ('openjdk version "11.0.2" 2019', "java"), ("hello", "java")],
)
def test_spark_without_a_java_of_its_own_age_is_said(
    told: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    if told is not None:
        java = tmp_path / "bin" / "java"
        java.write_text(f"#!/bin/sh\necho '{told}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(engines.NoEngine, match="۱۷") as refused:
        engines.start("spark", tmp_path)
    assert says in refused.value.says


@pytest.mark.parametrize("name", ["duckdb", "datafusion"])
def test_a_table_may_be_given_again_empty_and_as_files(name: str, tmp_path: Path) -> None:
    engine = engines.start(name, tmp_path, memory="300MB")
    known = pa.table({"a": pa.array([1, 2], pa.int64()), "b": pa.array([3, None], pa.int16())})
    for table, many in ((known, 2), (known.slice(0, 0), 0), (known, 2)):
        engine.give("given", table)
        assert engine.ask("SELECT count(*) AS n FROM given").to_pylist() == [{"n": many}]
    files = [engine.write("SELECT a, b FROM given WHERE a = 1", tmp_path / f"{n}.parquet")[0] for n in range(2)]
    for given in ([files[0]], files):
        engine.files("given", given)
        assert engine.ask("SELECT count(*) AS n FROM given").to_pylist() == [{"n": len(given)}]
    engine.close()


@pytest.mark.parametrize("name", ["duckdb", "datafusion"])
def test_an_engine_keeps_to_the_memory_it_was_given(name: str, tmp_path: Path) -> None:
    """Nine million groups do not fit; they are put on disk or refused, and said."""
    engine = engines.start(name, tmp_path, memory="40MB")
    wide = "SELECT x.a, y.a AS b, count(*) AS n FROM n x JOIN n y ON x.a < 30 GROUP BY x.a, y.a"
    try:
        engine.give("n", pa.table({"a": pa.array(range(300_000), pa.int64())}))
        found = engine.ask(f"SELECT count(*) AS n FROM ({wide}) t").to_pylist()  # noqa: S608
    except engines.OutOfRoom as fault:
        assert fault.says
    else:
        assert found == [{"n": 9_000_000}]
    finally:
        engine.close()


def test_an_amount_of_memory_is_a_number_and_a_unit() -> None:
    assert [engines.is_memory(text) for text in ("2GB", "500MB", "2 GB", "0GB", "2", "2TB", "-1GB")] == [
        *(True, True, True),
        *(False, False, False, False),
    ]
    assert (engines.megabytes("2GB"), engines.megabytes("500MB"), engines.megabytes("2 GB")) == (2000, 500, 2000)
