"""What tables may use and Django has not: a value for each key in one statement, and rows that are read, written and
changed at little cost.

Of the processor that the busiest path spends, most went into making statements that are the same each time. Here a
statement is made once, by Django or from its models, and kept; tests hold what it does against what Django does.
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import (
    BooleanField,
    CharField,
    DateField,
    F,
    Field,
    Func,
    IntegerField,
    JSONField,
    Model,
    QuerySet,
    TextField,
    signals,
)
from django.db.models.base import ModelState
from django.db.models.fields.related_descriptors import ForeignKeyDeferredAttribute
from django.db.models.query import ModelIterable
from django.db.models.query_utils import DeferredAttribute
from django.db.models.sql.compiler import SQLCompiler
from django.db.transaction import TransactionManagementError

Row = TypeVar("Row", bound=Model)
Found = TypeVar("Found")

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


# ---- Reading ----

_MOST_KEYS: Final = 512


class Prepared(Generic[Found]):
    """A query for many keys that is otherwise always the same, so that its statement is made once.

        held = Prepared(lambda ids: Payment.objects.filter(pk__in=ids).order_by("pk"))
        held(ids)  # what list(Payment.objects.filter(pk__in=ids).order_by("pk")) returns

    `make` is called with other keys that stand for those to come, so nothing else in it may change (no moment, no
    setting). It returns rows of a model or, by `values_list`, tuples. There is a statement for each power of two keys;
    the last key fills it up.
    """

    def __init__(self, make: "Callable[[Sequence[Any]], QuerySet[Any, Found]]") -> None:
        self._make = make
        self._made: dict[tuple[str, type, int], _Statement] = {}

    def __call__(self, keys: Iterable[int] | Iterable[str]) -> list[Found]:
        """Return what is found for these keys: no statement where there are none."""
        wanted: list[Any] = list(dict.fromkeys(keys))
        if not wanted:
            return []
        size = 1 << (len(wanted) - 1).bit_length()
        if size > _MOST_KEYS:
            return list(self._make(wanted))
        kind = (connection.vendor, type(wanted[0]), size)
        statement = self._made.get(kind)
        if statement is None:
            stand_ins: list[Any] = [-(1 << 40) - n if kind[1] is int else f"key {n}" for n in range(size)]
            statement = self._made[kind] = _statement(self._make(stand_ins), stand_ins)
        return statement.run(wanted + wanted[-1:] * (size - len(wanted)))


class Fixed(Generic[Found]):
    """A query that is always the same, so that its statement is made once: `Fixed(lambda: Version.objects.…)()`."""

    def __init__(self, make: "Callable[[], QuerySet[Any, Found]]") -> None:
        self._make = make
        self._made: dict[str, _Statement] = {}

    def __call__(self) -> list[Found]:
        """Return what is found."""
        statement = self._made.get(connection.vendor)
        if statement is None:
            statement = self._made[connection.vendor] = _statement(self._make(), [])
        return statement.run([])


@dataclass(frozen=True)
class _Statement:
    """What Django made of a query: its text, its parameters (`places`: which of them are which key), and how its rows
    are read. Safe for many threads.
    """

    text: str
    params: Sequence[Any]
    places: Sequence[tuple[int, int]]
    is_locking: bool
    converters: "Sequence[tuple[int, Sequence[Any], Any]]"  # column, what makes of it what code reads, its expression
    maker: "_Maker | None"  # of rows of a model; None: rows are tuples

    def run(self, keys: Sequence[Any]) -> list[Any]:
        line = connections[DEFAULT_DB_ALIAS]
        if self.is_locking:
            line.validate_no_broken_transaction()
            if line.get_autocommit():
                raise TransactionManagementError("what is locked is let go with its transaction, and there is none")
        params = list(self.params)
        for place, key in self.places:
            params[place] = keys[key]
        with line.cursor() as cursor:
            cursor.execute(self.text, params)
            rows = list(map(list, cursor.fetchall()))
        for column, convert, expression in self.converters:
            for row in rows:
                for step in convert:
                    row[column] = step(row[column], expression, line)
        return [self.maker.made(row) for row in rows] if self.maker else list(map(tuple, rows))


def _statement(rows: "QuerySet[Any, Any]", stand_ins: Sequence[Any]) -> _Statement:
    """Let Django make the statement of a query for keys that stand for those to come."""
    compiler = rows.query.get_compiler(connection=connection)
    text, params = compiler.as_sql()
    which = {key: n for n, key in enumerate(stand_ins)}
    places = [(place, which[p]) for place, p in enumerate(params) if isinstance(p, int | str) and p in which]
    if {key for _, key in places} != set(which.values()):
        raise ValueError("a query asks for each of its keys")
    found = compiler.get_converters([each[0] for each in compiler.select[: compiler.col_count]])
    converters = [(column, list(convert), expression) for column, (convert, expression) in found.items()]
    maker = None
    if issubclass(rows._iterable_class, ModelIterable):
        maker = _maker(compiler.klass_info, compiler.select, compiler.annotation_col_map or {})
    return _Statement(text, params, places, bool(compiler.query.select_for_update), converters, maker)


_DJANGOS_OWN: Final = (DeferredAttribute, ForeignKeyDeferredAttribute)


@dataclass(frozen=True)
class _Maker:
    """Makes rows of a model, and those that hang on them by `select_related`, as `Model.from_db` does it. What that
    finds out anew for each row (names, signals that nobody hears) is found out once.
    """

    model: type[Model]
    names: Sequence[str]
    start: int
    end: int
    key: int
    annotations: Sequence[tuple[str, int]]
    related: "Sequence[tuple[_Maker, Callable[[Any, Any], None], Callable[[Any, Any], None]]]"

    def made(self, row: Sequence[Any]) -> Model | None:
        """Return the row as one of the model's; None where nothing hangs there."""
        if row[self.key] is None:
            return None
        new = self.model.__new__(self.model)
        new._state = state = ModelState()
        state.adding, state.db = False, DEFAULT_DB_ALIAS
        new.__dict__.update(zip(self.names, row[self.start : self.end], strict=True))
        for maker, tie, tie_back in self.related:
            other = maker.made(row)
            tie(new, other)
            if other is not None:
                tie_back(other, new)
        for name, column in self.annotations:
            setattr(new, name, row[column])
        return new


def _maker(info: Mapping[str, Any], select: Sequence[Any], annotations: Mapping[str, int]) -> _Maker:
    """Return what makes rows of what Django says of a statement (`klass_info`)."""
    model, columns = info["model"], info["select_fields"]
    start, end = columns[0], columns[-1] + 1
    names = [each[0].target.attname for each in select[start:end]]
    if info.get("from_parent"):
        raise ValueError(f"rows of {model.__name__} are another's in part")
    _assert_plain(model, names)
    related = [
        (_maker(each, select, {}), each["local_setter"], each["remote_setter"])
        for each in info.get("related_klass_infos", [])
    ]
    key = start + names.index(model._meta.pk.attname)
    return _Maker(model, names, start, end, key, list(annotations.items()), related)


def _assert_plain(model: type[Model], names: Iterable[str]) -> None:
    """Return where a row is no more than the values of its columns. Raises ValueError."""
    is_plain = (
        model.__init__ is Model.__init__
        and model.from_db.__func__ is Model.from_db.__func__  # type: ignore[attr-defined]
        and not signals.pre_init.has_listeners(model)
        and not signals.post_init.has_listeners(model)
        and all(type(getattr(model, name)) in _DJANGOS_OWN for name in names)
    )
    if not is_plain:
        raise ValueError(f"rows of {model.__name__} are made in a way of their own")


# ---- Changing ----


class Plus:
    """In `change`: so much more than before, for each key."""

    def __init__(self, numbers: Mapping[int, int]) -> None:
        self.values = numbers


def change(
    model: type[Model],
    keys: Iterable[int],
    *,
    key: str = "pk",
    where: Mapping[str, Collection[str]] | None = None,
    up_to: Mapping[str, str] | None = None,
    **changes: Any,
) -> int:
    """Change the rows with these keys in one statement; returns how many were changed.

        change(Bill, ids, paid=Plus({1: 500, 2: 700}))
        change(Order, ids, where={"state": ["registered"]}, state="final", final_at=now, cart_code=ByKey("pk", …))

    A value is one for all rows, `ByKey` or `Plus`. `where`: only rows in which these columns hold one of these texts.
    `up_to`: only rows in which the column stays within the other one ({"allocated": "on_hand"}).
    """
    ids = list(dict.fromkeys(keys))
    if not ids:
        return 0
    adds = frozenset(name for name, value in changes.items() if isinstance(value, Plus))
    held = tuple((name, len(texts)) for name, texts in (where or {}).items())
    plan = _change(model, connection.vendor, key, tuple(changes), adds, held, tuple((up_to or {}).items()))
    texts = [str(text) for texts in (where or {}).values() for text in texts]
    columns = {
        name: prepare([value.values[pk] for pk in ids] if isinstance(value, ByKey | Plus) else [value] * len(ids))
        for (name, value), prepare in zip(changes.items(), plan.columns, strict=True)
    }
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(plan.text, [ids, *columns.values(), *texts])
        else:
            tested = [*([text] * len(ids) for text in texts), *(columns[name] for name in up_to or {})]
            cursor.executemany(plan.text, list(zip(*columns.values(), ids, *tested, strict=True)))
        return int(cursor.rowcount)


@dataclass(frozen=True)
class _Change:
    text: str
    columns: "Sequence[Callable[[list[Any]], list[Any]]]"


@cache
def _change(
    model: type[Model],
    vendor: str,
    key: str,
    names: tuple[str, ...],
    adds: frozenset[str],
    held: tuple[tuple[str, int], ...],
    up_to: tuple[tuple[str, str], ...],
) -> _Change:
    """Return the statement of a `change`. On PostgreSQL its values are arrays, one for each column; on SQLite it is run
    for each row by the driver, which prepares it once.
    """
    quoted, is_set_wise = connection.ops.quote_name, vendor == "postgresql"
    of = {name: field for field in model._meta.concrete_fields for name in (field.name, field.attname)}
    of["pk"] = model._meta.pk
    column = {name: quoted(str(field.column)) for name, field in of.items()}
    values = {name: f"v.c{n}" if is_set_wise else "%s" for n, name in enumerate(names)}
    sets = [f"{column[n]} = t.{column[n]} + {values[n]}" if n in adds else f"{column[n]} = {values[n]}" for n in names]
    tests = [f"t.{column[key]} = {'v.k' if is_set_wise else '%s'}"]
    tests += [f"t.{column[name]} IN ({', '.join(['%s'] * count)})" for name, count in held]
    tests += [f"t.{column[most]} >= t.{column[name]} + {values[name]}" for name, most in up_to]
    source = ""
    if is_set_wise:
        arrays = ", ".join(f"%s::{_kind(of[name])}[]" for name in (key, *names))
        source = f" FROM unnest({arrays}) AS v({', '.join(['k', *(f'c{n}' for n in range(len(names)))])})"
    table = quoted(str(model._meta.db_table))
    text = f"UPDATE {table} AS t SET {', '.join(sets)}{source} WHERE {' AND '.join(tests)}"  # noqa: S608 - our names
    return _Change(text, [_preparer(of[name]) for name in names])


# ---- Writing ----


def fresh(model: type[Row], **columns: Any) -> Row:
    """Return a row to be written, as `model(**columns)` does, at a part of its price: `terms_id`, not `terms`."""
    blank = _blank(model)
    if not columns.keys() <= blank.names:
        raise TypeError(f"{model.__name__} has no {', '.join(sorted(columns.keys() - blank.names))}")
    row = model.__new__(model)
    row._state = ModelState()
    held = row.__dict__
    held.update(blank.values)
    for name, make in blank.makers:
        if name not in columns:
            held[name] = make()
    held.update(columns)
    return row


@dataclass(frozen=True)
class _Blank:
    """What a row holds of which nothing else is said."""

    names: frozenset[str]
    values: Mapping[str, Any]
    makers: "Sequence[tuple[str, Callable[[], Any]]]"  # defaults that are made anew for each row


@cache
def _blank(model: type[Model]) -> _Blank:
    fields = model._meta.concrete_fields
    _assert_plain(model, [field.attname for field in fields])
    made = [(field.attname, field.get_default) for field in fields if field.has_default() and callable(field.default)]
    makers = {name for name, _ in made}
    values = {field.attname: field.get_default() for field in fields if field.attname not in makers}
    return _Blank(frozenset(field.attname for field in fields), values, made)


def insert(rows: Iterable[Any], into: type[Model] | None = None) -> None:
    """Insert rows of one model in one statement, as `bulk_create` does, at a small part of its price.

    For the caller's transaction. Keys are not set on the rows, and defaults of the database are not known here. With
    `into` a row may be anything that has an attribute for each column: `bill_id`, not `bill`.
    """
    made = list(rows)
    if not made:
        return
    plan = _plan(into or type(made[0]), connection.vendor)  # type: ignore[arg-type]  # a class can be hashed
    columns = [column(made) for column in plan.columns]
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
    columns = [column(made) for column in plan.columns]
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
    columns: "Sequence[Callable[[Sequence[Any]], list[Any]]]"


@cache
def _plan(model: type[Model], vendor: str) -> _Plan:
    """Return the parts of a model's statements, and how each of its columns is read."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    quoted = connection.ops.quote_name
    into = (
        f"INSERT INTO {quoted(str(model._meta.db_table))} ({', '.join(quoted(str(field.column)) for field in fields)})"
    )
    arrays = f"SELECT * FROM unnest({', '.join(f'%s::{_kind(field)}[]' for field in fields)})"  # noqa: S608 - our names
    return _Plan(into, arrays, f"({', '.join(['%s'] * len(fields))})", [_reader(field) for field in fields])


def _kind(field: "Field[Any, Any]") -> str:
    """Return a column's type as a cast may name it. Not varchar(n): a cast to it cuts what is too long, where a table
    refuses it.
    """
    return re.sub(r"^(varchar|character varying)\(\d+\)$", "text", str(field.db_type(connection)))


def _reader(field: "Field[Any, Any]") -> "Callable[[Sequence[Any]], list[Any]]":
    """Return what reads a column of rows, ready to send."""
    name, prepare = field.attname, _preparer(field)
    if field.is_relation or isinstance(field, DateField) or type(field).pre_save is Field.pre_save:
        return lambda rows: prepare([getattr(row, name) for row in rows])
    return lambda rows: prepare([field.pre_save(row, add=True) for row in rows])


def _preparer(field: "Field[Any, Any]") -> "Callable[[list[Any]], list[Any]]":
    """Return what makes values of a column ready to send, as Django does, with as few looks at each as may be."""
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        raise ValueError("the clock is read in entrypoints")
    is_plain = field.is_relation or (
        isinstance(field, _PLAIN) and type(field).get_db_prep_save is Field.get_db_prep_save
    )
    remembers = isinstance(field, DateField | JSONField)  # one moment of all rows; never what is sealed

    def plain(values: list[Any]) -> list[Any]:
        if _BARE.issuperset(map(type, values)):
            return values
        return [
            value.value if isinstance(value, Enum) else field.get_db_prep_save(value, connection) for value in values
        ]

    def prepared(values: list[Any]) -> list[Any]:
        line = connections[DEFAULT_DB_ALIAS]
        if not remembers:
            return [field.get_db_prep_save(value, line) for value in values]
        sent: list[Any] = []
        last, ready = _NOTHING, None
        for value in values:
            # What is empty is empty, however often it is made; what is equal need not be the same JSON (1 and True).
            if value is not last and (value or value != last or type(value) is not type(last)):
                last, ready = value, field.get_db_prep_save(value, line)
            sent.append(ready)
        return sent

    return plain if is_plain else prepared
