"""What tables may use and Django has not: a value for each key in one statement, and rows written at little cost."""

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    F,
    Field,
    Func,
    IntegerField,
    JSONField,
    Model,
    TextField,
)
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row", bound=Model)

_NOTHING: Final = object()
_BARE: Final = frozenset({str, int, bool, type(None)})
_PLAIN: Final = (CharField, TextField, IntegerField, BooleanField)


class ByKey(Func):
    """`ByKey("pk", {1: 10, 2: 20}, BigIntegerField())`: 10 for the row with key 1, 20 for key 2, NULL for others.

    `CASE … WHEN … THEN …` written in one go: Django's own `Case(When(…), …)` resolves every branch by itself
    and costs a set-wise update of a hundred rows more processor than the database takes for it.
    """

    def __init__(self, key: str, values: Mapping[int, Any], output_field: "Field[Any, Any]") -> None:
        super().__init__(F(key), output_field=output_field)
        self.values = dict(values)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra_context: Any,
    ) -> tuple[str, tuple[Any, ...]]:
        """Write the statement's part; the values travel as parameters."""
        key, params = compiler.compile(self.get_source_expressions()[0])
        prepare = self.output_field.get_db_prep_value
        sent: list[Any] = [*params]
        for row, value in self.values.items():
            sent += [row, prepare(value, connection)]
        return f"CASE {key} {'WHEN %s THEN %s ' * len(self.values)}END", tuple(sent)


def insert(rows: Iterable[Model]) -> None:
    """Insert rows of one model in one statement, as `bulk_create` does, at a small part of its price.

    For the caller's transaction. Keys are not set on the rows, and defaults of the database are not known here.
    """
    made = list(rows)
    if not made:
        return
    plan = _plan(type(made[0]), connection.vendor)
    columns = [column(made, connection) for column in plan.columns]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{plan.into} {plan.arrays}", columns)
        else:
            cursor.executemany(f"{plan.into} VALUES {plan.marks}", list(zip(*columns, strict=True)))


def insert_new(rows: Iterable[Row]) -> list[Row]:
    """Insert rows of one model as `insert` does and pass over those that break a unique constraint.

    Sets the keys of those that were written, and returns them; the model has a `code`, unique. In one statement, or as
    few as SQLite's bound on parameters (32,766 and more) allows.
    """
    made = list(rows)
    if not made:
        return []
    plan = _plan(type(made[0]), connection.vendor)
    columns = [column(made, connection) for column in plan.columns]
    tail = "ON CONFLICT DO NOTHING RETURNING id, code"
    keys: dict[str, int] = {}
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{plan.into} {plan.arrays} {tail}", columns)
            keys = {code: pk for pk, code in cursor.fetchall()}
        else:
            whole = list(zip(*columns, strict=True))
            most = connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
            size = max(1, most // len(columns))
            for at in range(0, len(whole), size):
                some = whole[at : at + size]
                values = [value for row in some for value in row]
                cursor.execute(f"{plan.into} VALUES {', '.join([plan.marks] * len(some))} {tail}", values)
                keys |= {code: pk for pk, code in cursor.fetchall()}
    written = []
    for row in made:
        if (key := keys.get(row.code)) is not None:  # type: ignore[attr-defined]
            row.pk, row._state.adding, row._state.db = key, False, DEFAULT_DB_ALIAS
            written.append(row)
    return written


@dataclass(frozen=True)
class _Plan:
    into: str
    arrays: str  # PostgreSQL: a column is one array, so that the statement is the same for any number of rows
    marks: str  # of one row
    columns: "Sequence[Callable[[Sequence[Model], BaseDatabaseWrapper], list[Any]]]"


@cache
def _plan(model: type[Model], vendor: str) -> _Plan:
    """Return the parts of a model's statements, and how each of its columns is read."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quoted = connection.ops.quote_name
    into = (
        f"INSERT INTO {quoted(str(model._meta.db_table))} ({', '.join(quoted(str(field.column)) for field in fields)})"
    )
    # Not to varchar(n): a cast to it cuts what is too long, an insert into it refuses.
    kinds = [
        re.sub(r"^(varchar|character varying)\(\d+\)$", "text", str(field.db_type(connection))) for field in fields
    ]
    arrays = f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for kind in kinds)})"  # noqa: S608 - our own names
    return _Plan(into, arrays, f"({', '.join(['%s'] * len(fields))})", [_reader(field) for field in fields])


def _reader(field: "Field[Any, Any]") -> "Callable[[Sequence[Model], BaseDatabaseWrapper], list[Any]]":
    name = field.attname
    is_plain = isinstance(field, _PLAIN) and type(field).get_db_prep_save is Field.get_db_prep_save
    remembers = isinstance(field, DateTimeField | JSONField)  # one moment of all rows; never what is sealed

    def plain(rows: Sequence[Model], connection: BaseDatabaseWrapper) -> list[Any]:
        values = [getattr(row, name) for row in rows]
        if all(type(value) in _BARE for value in values):
            return values
        return [
            value.value if isinstance(value, Enum) else field.get_db_prep_save(value, connection) for value in values
        ]

    def prepared(rows: Sequence[Model], connection: BaseDatabaseWrapper) -> list[Any]:
        values: list[Any] = []
        last, ready = _NOTHING, None
        for row in rows:
            value = field.pre_save(row, add=True)
            if value is not last or not remembers:
                last, ready = value, field.get_db_prep_save(value, connection)
            values.append(ready)
        return values

    return plain if field.is_relation or (is_plain and type(field).pre_save is Field.pre_save) else prepared
