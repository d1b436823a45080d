"""What runs the SQL of the audit."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa


class Engine(Protocol):
    """What runs the SQL: `lines` is there, `states` is given."""

    def give(self, name: str, table: pa.Table) -> None:
        """Make a table known by a name."""

    def ask(self, sql: str) -> pa.Table:
        """Run a SELECT."""


def is_memory(typed: str) -> bool:
    """Say whether this is an amount of memory: "2GB", "500MB"."""
    return re.fullmatch(r"[1-9][0-9]{0,5} ?(?:MB|GB)", typed) is not None


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

    def give(self, name: str, table: pa.Table) -> None:
        self.connection.execute(f'DROP TABLE IF EXISTS "{name}"')
        self.connection.from_arrow(table).create(name)

    def ask(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def files(self, name: str, paths: Sequence[Path]) -> None:
        """Make Parquet files known as one table."""
        self.connection.read_parquet([str(path) for path in paths]).create_view(name, replace=True)

    def close(self) -> None:
        """Let go of files and memory."""
        self.connection.close()
