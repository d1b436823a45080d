"""The limit of `peyman bench finalise`: the rows that the shop wrote, written again without the shop.

Into a copy of the database as it was before, by the bare driver, one writer, fifty orders to a commit; every value was
made before the clock starts, and nothing is read or decided.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.apps import apps
from django.conf import settings
from django.db import connection
from psycopg.types.json import Jsonb

from peyman.entrypoints.jobs.bench.finalise_ground import Paid

BATCH = 50
# What changes in rows that are there before: table → columns, besides the counters of bills and stock.
_CHANGED = {
    "billing_payment": ("state", "refnum", "card_mask", "captured_at", "check_at", "claimed_until"),
    "orders_order": ("state", "cart_code", "final_at", "processing_date"),
}

Row = tuple[Any, ...]
Statement = tuple[str, list[Row]]  # with one row: executed; with several: executed for each of them


@dataclass(frozen=True)
class Written:
    """What one order, or a batch of them, wrote."""

    inserted: dict[str, list[Row]]  # table → rows, all columns in their order
    changed: dict[str, list[Row]]  # table → (columns of _CHANGED, key)
    paid: list[tuple[int, int]]  # bill, rials
    claimed: dict[int, int]  # variant → pieces


def tops() -> dict[str, int]:
    """Return the last key of every table of ours, before anything is measured."""
    found = {}
    with connection.cursor() as cursor:
        for model in apps.get_models():
            if model.__module__.startswith("peyman.") and model._meta.pk.get_internal_type() == "BigAutoField":
                cursor.execute(f"SELECT COALESCE(MAX(id), 0) FROM {_name(model._meta.db_table)}")  # noqa: S608
                found[model._meta.db_table] = cursor.fetchone()[0]
    return found


def written_since(before: Mapping[str, int], paid: Sequence[Paid]) -> "tuple[dict[str, list[str]], Written]":
    """Return columns of the tables, and all rows that are there since `before` or changed with these orders."""
    line = _line(str(settings.DATABASES["default"]["NAME"]))
    try:
        return _read(line, before, paid)
    finally:
        line.close()


def _read(line: Any, before: Mapping[str, int], paid: Sequence[Paid]) -> "tuple[dict[str, list[str]], Written]":
    columns: dict[str, list[str]] = {}
    inserted = {}
    for table, top in before.items():
        cursor = line.execute(f"SELECT * FROM {_name(table)} WHERE id > {top} ORDER BY id")  # noqa: S608 - our own names
        rows = [tuple(map(_sendable, row)) for row in cursor.fetchall()]
        if rows:
            columns[table] = [column[0] for column in cursor.description]
            inserted[table] = rows
    changed = {}
    for table, names in _CHANGED.items():
        keys = {"billing_payment": [p.payment for p in paid], "orders_order": [p.order for p in paid]}[table]
        rows = []
        for some in _cut(keys, 500):
            listed = ", ".join(map(_name, names))
            text = f"SELECT {listed}, id FROM {table} WHERE id IN ({', '.join(map(str, some))})"  # noqa: S608
            rows += [tuple(row) for row in line.execute(text).fetchall()]
        place = {key: n for n, key in enumerate(keys)}
        changed[table] = sorted(rows, key=lambda row: place[row[-1]])
    lines: dict[int, int] = {}
    for some in _cut([p.order for p in paid], 500):
        text = (
            "SELECT variant_id, SUM(quantity) FROM orders_orderline "  # noqa: S608
            f"WHERE order_id IN ({', '.join(map(str, some))}) GROUP BY variant_id"
        )
        for variant, pieces in line.execute(text).fetchall():
            lines[variant] = lines.get(variant, 0) + int(pieces)
    return columns, Written(inserted, changed, [(p.bill, p.amount) for p in paid], lines)


def batches_of(written: Written, orders: int) -> list[Written]:
    """Cut what was written into batches of fifty orders; rows of a table go by their share, in their order."""
    count = max(1, -(-orders // BATCH))

    def share(rows: Sequence[Any], n: int) -> list[Any]:
        return list(rows[len(rows) * n // count : len(rows) * (n + 1) // count])

    hot = len(written.claimed) < BATCH
    claimed = list(written.claimed.items())
    return [
        Written(
            {table: share(rows, n) for table, rows in written.inserted.items()},
            {table: share(rows, n) for table, rows in written.changed.items()},
            share(written.paid, n),
            {v: pieces // count for v, pieces in claimed} if hot else dict(share(claimed, n)),
        )
        for n in range(count)
    ]


@contextmanager
def copy_of_database() -> Iterator[Callable[[], Any]]:
    """Copy the scratch database as it is; yields how to connect to the copy."""
    name = str(settings.DATABASES["default"]["NAME"])
    copy = f"{name}_bare"
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copyfile(name, copy)
        try:
            yield lambda: _line(copy)
        finally:
            for left in Path(copy).parent.glob(f"{Path(copy).name}*"):
                left.unlink()
        return
    connection.close()
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')
    try:
        yield lambda: _line(copy)
    finally:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{copy}"')


def _line(name: str) -> Any:
    """Connect by the bare driver, as durable as the shop does."""
    if connection.vendor == "sqlite":
        line = sqlite3.connect(name, isolation_level=None, cached_statements=512)
        line.executescript(connection.settings_dict["OPTIONS"]["init_command"])
        return line
    params = {**connection.get_connection_params(), "dbname": name}
    for unwanted in ("cursor_factory", "context", "server_side_binding"):
        params.pop(unwanted, None)
    return psycopg.connect(**params, autocommit=True)


def _sendable(value: Any) -> Any:
    return Jsonb(value) if isinstance(value, dict | list) else value


def statements(written: Written, columns: Mapping[str, Sequence[str]]) -> list[Statement]:
    """Make the statements of one batch: set-wise where that is faster (PostgreSQL), prepared ones on SQLite."""
    if connection.vendor == "sqlite":
        return _prepared(written, columns)
    return _set_wise(written, columns)


def _prepared(written: Written, columns: Mapping[str, Sequence[str]]) -> list[Statement]:
    made: list[Statement] = []
    for table, rows in written.changed.items():
        names = ", ".join(f"{_name(name)} = ?" for name in _CHANGED[table])
        made.append((f"UPDATE {table} SET {names} WHERE id = ?", rows))  # noqa: S608 - our own names, here and below
    made.append(("UPDATE billing_bill SET paid = paid + ? WHERE id = ?", [(n, bill) for bill, n in written.paid]))
    claim = "UPDATE stock_stock SET allocated = allocated + ? WHERE variant_id = ? AND on_hand >= allocated + ?"
    made.append((claim, [(n, variant, n) for variant, n in written.claimed.items()]))
    for table, rows in written.inserted.items():
        names = ", ".join(map(_name, columns[table]))
        marks = ", ".join("?" * len(columns[table]))
        made.append((f"INSERT INTO {_name(table)} ({names}) VALUES ({marks})", rows))  # noqa: S608
    return made


_TYPES = {
    "captured_at": "timestamptz",
    "check_at": "timestamptz",
    "claimed_until": "timestamptz",
    "final_at": "timestamptz",
    "processing_date": "date",
}


def _set_wise(written: Written, columns: Mapping[str, Sequence[str]]) -> list[Statement]:
    made: list[Statement] = []
    for table, rows in written.changed.items():
        names = _CHANGED[table]
        sets = ", ".join(f"{name} = v.{name}::{_TYPES.get(name, 'text')}" for name in names)
        marks = f"({', '.join(['%s'] * len(names))}, %s::bigint)"
        text = (
            f"UPDATE {table} t SET {sets} FROM (VALUES {', '.join([marks] * len(rows))}) "  # noqa: S608
            f"AS v({', '.join(names)}, id) WHERE t.id = v.id"
        )
        made.append((text, [tuple(value for row in rows for value in row)]))
    counters = (
        ("billing_bill", "id", "paid = t.paid + v.n", "", written.paid),
        (
            "stock_stock",
            "variant_id",
            "allocated = t.allocated + v.n",
            " AND t.on_hand >= t.allocated + v.n",
            [*written.claimed.items()],
        ),
    )
    for table, key, change, guard, pairs in counters:
        pair_marks = ", ".join(["(%s::bigint, %s::bigint)"] * len(pairs))
        text = f"UPDATE {table} t SET {change} FROM (VALUES {pair_marks}) AS v(k, n) WHERE t.{key} = v.k{guard}"  # noqa: S608
        made.append((text, [tuple(value for pair in pairs for value in pair)]))
    for table, rows in written.inserted.items():
        listed = ", ".join(map(_name, columns[table]))
        marks = f"({', '.join(['%s'] * len(columns[table]))})"
        text = f"INSERT INTO {_name(table)} ({listed}) VALUES {', '.join([marks] * len(rows))}"  # noqa: S608
        made.append((text, [tuple(value for row in rows for value in row)]))
    return made


def rate(connect: Callable[[], Any], batches: Sequence[Sequence[Statement]], orders: int) -> float:
    """Write the batches, each in a transaction; returns orders per second."""
    line = connect()
    try:
        run = _run_sqlite if connection.vendor == "sqlite" else _run_postgres
        begun = time.perf_counter()
        for batch in batches:
            run(line, batch)
        return orders / (time.perf_counter() - begun)
    finally:
        line.close()


def _run_sqlite(line: Any, batch: Sequence[Statement]) -> None:
    line.execute("BEGIN IMMEDIATE")
    for text, rows in batch:
        line.executemany(text, rows)
    line.execute("COMMIT")


def _run_postgres(line: Any, batch: Sequence[Statement]) -> None:
    with line.transaction(), line.pipeline():
        for text, rows in batch:
            line.execute(text, rows[0])


def _name(name: str) -> str:
    return connection.ops.quote_name(name)


def _cut(keys: Sequence[int], size: int) -> list[Sequence[int]]:
    return [keys[at : at + size] for at in range(0, len(keys), size)]
