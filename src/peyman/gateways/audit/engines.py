"""What runs the SQL of the audit: DuckDB in this process, DataFusion, or Spark on a machine or a cluster.

The text is the same for all of them (`judging.py`), and so is the answer. DataFusion and Spark are extras; whoever asks
for one that is not there is told how to get it.
"""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from peyman.kernel.text import persian_digits

NAMES: Final = ("duckdb", "datafusion", "spark")
LEAST_JAVA: Final = 17


class Engine(Protocol):
    """What runs the SQL."""

    def give(self, name: str, table: pa.Table) -> None:
        """Make a table known by a name, in place of an older one."""

    def files(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files known as one table."""

    def ask(self, sql: str) -> pa.Table:
        """Run a SELECT."""

    def write(self, sql: str, file: Path) -> list[Path]:
        """Write what a SELECT gives as Parquet, into `file` or into files beneath it, and return which."""

    def close(self) -> None:
        """Let go of files and memory."""


class NoEngine(RuntimeError):
    """The engine that was asked for is not on this machine. `says`: what is missing and the way out, in Persian."""

    def __init__(self, says: str) -> None:
        super().__init__(says)
        self.says = says


class OutOfRoom(RuntimeError):
    """The engine ran out of memory or disk, or could not read or write. `says`: its own words, one line."""

    def __init__(self, fault: Exception) -> None:
        self.says = next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)[:300]
        super().__init__(self.says)


def is_memory(typed: str) -> bool:
    """Say whether this is an amount of memory: "2GB", "500MB"."""
    return re.fullmatch(r"[1-9][0-9]{0,5} ?(?:MB|GB)", typed) is not None


def megabytes(typed: str) -> int:
    """Return an amount of memory that `is_memory`."""
    number = int(typed.removesuffix("MB").removesuffix("GB"))
    return number * 1000 if typed.endswith("GB") else number


def start(name: str, folder: Path, *, memory: str = "2GB", threads: int = 2) -> Engine:
    """Start an engine that works in `folder` when `memory` runs out. Raises NoEngine."""
    return _ENGINES[name](folder, memory=memory, threads=threads)


class DuckDB:
    """The engine in this process. Works in `folder` when memory runs out."""

    def __init__(self, folder: Path, *, memory: str = "2GB", threads: int = 2) -> None:
        self.connection = duckdb.connect(
            str(folder / "audit.duckdb"),
            config={
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        self._views: set[str] = set()

    def give(self, name: str, table: pa.Table) -> None:
        self._forget(name)
        try:
            self.connection.from_arrow(table).create(name)
        except (duckdb.OutOfMemoryException, duckdb.IOException) as fault:
            raise OutOfRoom(fault) from fault

    def files(self, name: str, paths: Sequence[Path]) -> None:
        self._forget(name)
        self._views.add(name)
        self.connection.read_parquet([str(path) for path in paths]).create_view(name, replace=True)

    def ask(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def progress(self) -> float:
        """Return how much of the question at hand is done, in percent; below 0 where that is not known."""
        return float(self.connection.query_progress())

    def write(self, sql: str, file: Path) -> list[Path]:
        self.connection.sql(sql).write_parquet(str(file), compression="zstd")
        return [file]

    def close(self) -> None:
        self.connection.close()

    def _forget(self, name: str) -> None:
        kind = "VIEW" if name in self._views else "TABLE"
        self._views.discard(name)
        self.connection.execute(f'DROP {kind} IF EXISTS "{name}"')


class DataFusion:
    """Apache DataFusion, in this process as well (`pip install 'peyman[datafusion]'`)."""

    def __init__(self, folder: Path, *, memory: str = "2GB", threads: int = 2) -> None:
        self._library: Any = _library("datafusion", "datafusion")
        spill = folder / "spill"
        spill.mkdir(exist_ok=True)
        runtime = self._library.RuntimeEnvBuilder().with_fair_spill_pool(megabytes(memory) * 1_000_000)
        self._context = self._library.SessionContext(
            self._library.SessionConfig().with_target_partitions(threads),
            runtime.with_disk_manager_specified(str(spill)),
        )
        self._parts: dict[str, int] = {}

    def give(self, name: str, table: pa.Table) -> None:
        self._forget(name)
        # An empty table has no batches, and without one nothing is known of its columns.
        batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
        self._context.register_record_batches(name, [batches])

    def files(self, name: str, paths: Sequence[Path]) -> None:
        self._forget(name)
        self._parts[name] = len(paths)
        for number, path in enumerate(paths):
            self._context.register_parquet(f"{name}_{number}", str(path))
        every = " UNION ALL ".join(f"SELECT * FROM {name}_{number}" for number in range(len(paths)))  # noqa: S608
        self._context.sql(f"CREATE VIEW {name} AS {every}").collect()

    def ask(self, sql: str) -> pa.Table:
        try:
            return self._context.sql(sql).to_arrow_table()
        except Exception as fault:  # it has no class for what it lacks
            raise _named(fault) from fault

    def write(self, sql: str, file: Path) -> list[Path]:
        try:
            self._context.sql(sql).write_parquet(str(file), compression="zstd")
        except Exception as fault:
            raise _named(fault) from fault
        return sorted(file.glob("*.parquet")) if file.is_dir() else [file]

    def close(self) -> None:
        self._context = None

    def _forget(self, name: str) -> None:
        if name in self._parts:
            self._context.sql(f"DROP VIEW {name}").collect()
        for number in range(self._parts.pop(name, 0)):
            self._context.deregister_table(f"{name}_{number}")
        self._context.deregister_table(name)


# Spark tells its life story unless told not to.
_QUIET: Final = """\
status = off
rootLogger.level = off
"""


class Spark:
    """Apache Spark (`pip install 'peyman[spark]'` and Java), on this machine or on the cluster PEYMAN_SPARK_MASTER.

    A cluster must see `folder` under the same name. One can run in a process at a time.
    """

    def __init__(self, folder: Path, *, memory: str = "2GB", threads: int = 2) -> None:
        library, spark, gateways = (
            _library(name, "spark") for name in ("pyspark.sql", "pyspark", "pyspark.java_gateway")
        )
        _check_java()
        quiet = folder / "log4j2.properties"
        quiet.write_text(_QUIET)
        java = f"-Dlog4j2.configurationFile=file:{quiet} -Dlog4j2.disable.jmx=true -XX:+UseSerialGC"
        settings = {
            "spark.driver.memory": f"{max(megabytes(memory), 512)}m",  # it does not start with less
            "spark.driver.extraJavaOptions": java,
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.local.dir": str(folder / "spill"),
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.sql.catalogImplementation": "in-memory",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": str(2 * threads),
            "spark.sql.execution.arrow.pyspark.enabled": "true",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "OFF",
        }
        master = os.environ.get("PEYMAN_SPARK_MASTER") or f"local[{threads}]"
        conf = spark.SparkConf().setMaster(master).setAppName("peyman audit").setAll(settings.items())
        # The starter prints before it reads any setting; what goes wrong later reaches us as exceptions.
        nowhere = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._gateway = gateways.launch_gateway(conf=conf, popen_kwargs=nowhere)
        self._context = spark.SparkContext(conf=conf, gateway=self._gateway)
        self._session = library.SparkSession(self._context)
        self._folder, self._given = folder, 0

    def give(self, name: str, table: pa.Table) -> None:
        # Through a file: handing rows over would need pandas.
        self._given += 1
        file = self._folder / f"given-{self._given}.parquet"
        pq.write_table(table, file)
        self.files(name, [file])

    def files(self, name: str, paths: Sequence[Path]) -> None:
        self._session.read.parquet(*(path.absolute().as_uri() for path in paths)).createOrReplaceTempView(name)

    def ask(self, sql: str) -> pa.Table:
        try:
            return self._session.sql(sql).toArrow()
        except Exception as fault:
            raise _named(fault) from fault

    def write(self, sql: str, file: Path) -> list[Path]:
        shutil.rmtree(file, ignore_errors=True)
        try:
            self._session.sql(sql).write.parquet(file.absolute().as_uri(), compression="zstd")
        except Exception as fault:
            raise _named(fault) from fault
        return sorted(file.glob("*.parquet"))

    def close(self) -> None:
        self._session.stop()
        self._gateway.shutdown()
        # It goes when nobody holds its input; the next one may be given other memory.
        self._gateway.proc.stdin.close()
        self._gateway.proc.wait(timeout=30)
        context = type(self._context)
        context._gateway = context._jvm = None


def _library(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise NoEngine(f"این موتور نصب نیست؛ نصب کنید: pip install 'peyman[{extra}]'") from None


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    says = f"موتور spark جاوا {persian_digits(LEAST_JAVA)} یا تازه‌تر می‌خواهد"
    if java is None:
        raise NoEngine(f"{says} که روی این دستگاه نیست (دبیان: apt install openjdk-17-jre-headless).")
    told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    found = re.search(r'version "(\d+)', told)
    if not found or int(found[1]) < LEAST_JAVA:
        raise NoEngine(f"{says}؛ {java} آن نیست.")


_OF_THE_MACHINE: Final = (
    "Resources exhausted",
    "OutOfMemory",
    "No space left",
    "Object Store error",
    "IO error",
    "java.io.IOException",
)


def _named(fault: Exception) -> Exception:
    """Tell what is this machine's (memory, disk) from what is ours, which stays loud."""
    return OutOfRoom(fault) if any(sign in str(fault) for sign in _OF_THE_MACHINE) else fault


_ENGINES: Final[dict[str, Callable[..., Engine]]] = {"duckdb": DuckDB, "datafusion": DataFusion, "spark": Spark}
