"""Columns whose content the database cannot read (clause D16), and hashes by which such a row is found.

A sealed column cannot be searched: asking it for anything but "nothing" raises FieldError. The key comes from
PEYMAN_FIELD_KEYS, or else from the secret key of the installation; `peyman field-keys` moves rows to a new one.
"""

import functools
import json
from datetime import date
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from peyman.kernel.sealing import Keys, is_sealed


@functools.lru_cache(maxsize=4)
def _keys(secrets: tuple[str, ...]) -> Keys:
    return Keys(secrets)


def keys() -> Keys:
    """Return the keys of this installation."""
    return _keys(tuple(settings.FIELD_KEYS))


def hash_of(text: str, about: str) -> str:
    """Return the keyed hash under which new rows keep `text`; "" for nothing."""
    return keys().hashes(text, about)[0] if text else ""


def hashes_of(text: str, about: str) -> list[str]:
    """Return every hash under which an older row may keep `text`, while keys are being changed; [] for nothing."""
    return keys().hashes(text, about) if text else []


if TYPE_CHECKING:  # only the checker knows columns as generic
    _Column = models.TextField[Any, Any]
    _Text = models.TextField[str, str]
    _Day = models.TextField[date | None, date | None]
    _Any = models.TextField[Any, Any]
    _Chars = models.CharField[str | None, str | None]
else:
    _Column = object
    _Text = _Day = _Any = models.TextField
    _Chars = models.CharField


class Sealed(_Column):
    """What every sealed column does: seal on the way into the table, open on the way out."""

    def context(self) -> str:
        """Name the column; a sealed text opens nowhere else."""
        return f"{self.model._meta.label_lower}.{self.name}"

    def dump(self, value: Any) -> str:
        return str(value)

    def load(self, text: str) -> Any:
        return text

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Open a stored value. Raises kernel.sealing.Unreadable."""
        if not value:  # most columns of most rows are empty
            return None if value is None else self.load("")
        return self.load(keys().open(value, self.context()))

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return keys().seal(self.dump(value), self.context())

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None or value == "":
            return value
        raise FieldError(f"{self.context()} is sealed: look for its hash")


class SealedField(Sealed, _Text):
    """Text."""


class SealedDate(Sealed, _Day):
    """A day, or None."""

    def dump(self, value: Any) -> str:
        return value.isoformat() if isinstance(value, date) else str(value)

    def load(self, text: str) -> Any:
        return date.fromisoformat(text) if text else None


class SealedJSON(Sealed, _Any):
    """What JSON can say. Never None in code: give it a default."""

    def dump(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def load(self, text: str) -> Any:
        return json.loads(text) if text else {}


class HashField(_Chars):
    """The keyed hash of a sealed column of the same row, written with it; NULL while that one is empty.

    `of` names the column, `about` what it holds, so that hashes of mobiles agree from table to table. Bulk and
    `update` statements that change the column must set this one as well: `sealed.hash_of`.
    """

    def __init__(self, *args: Any, of: str = "", about: str = "", **kwargs: Any) -> None:
        self.of, self.about = of, about
        kwargs |= {"max_length": 64, "null": True, "editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_length"], kwargs["null"], kwargs["editable"]
        return name, path, args, kwargs | {"of": self.of, "about": self.about}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = hash_of(getattr(model_instance, self.of), self.about) or None
        setattr(model_instance, self.attname, value)
        return value


# ---- Moving rows: plain → sealed, old key → new key, and back ----


def sealed_fields(model: type[models.Model]) -> list[Sealed]:
    """Return the sealed columns of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, Sealed)]


def reseal(model: type[models.Model], *, batch: int = 500) -> int:
    """Seal and hash under the newest key whatever is not yet; return how many rows were written.

    In batches by key, each in a transaction of its own where the caller holds none; running it again writes nothing. A
    row that changes between reading and writing keeps the change.
    """
    fields = sealed_fields(model)
    hashes = [field for field in model._meta.concrete_fields if isinstance(field, HashField)]
    written, after = 0, 0
    while True:
        rows = _raw(model, fields, hashes, after, batch)
        if not rows:
            return written
        with transaction.atomic():
            for pk, stored in rows:
                changed = _moved(fields, hashes, stored)
                if changed:
                    written += _write(model, pk, {name: stored[name] for name in changed}, changed)
        after = rows[-1][0]


def _moved(fields: list[Sealed], hashes: list[HashField], stored: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be written of a row, as stored; only what moves, or is hashed, is opened."""
    changed: dict[str, Any] = {}
    of = {column.of for column in hashes}
    clear: dict[str, str] = {}
    for field in fields:
        old = stored[field.name]
        moves = bool(old) and not (is_sealed(old) and keys().is_current(old))
        if old and (moves or field.name in of):
            clear[field.name] = keys().open(old, field.context())
        if moves:
            changed[field.name] = keys().seal(clear[field.name], field.context())
    for column in hashes:
        wanted = hash_of(clear.get(column.of, ""), column.about) or None
        if stored[column.name] != wanted:
            changed[column.name] = wanted
    return changed


def unseal(model: type[models.Model], *names: str, batch: int = 500) -> None:
    """Write the columns `names` back as they were before sealing: the way back of a migration."""
    fields = [field for field in sealed_fields(model) if field.name in names]
    after = 0
    while rows := _raw(model, fields, [], after, batch):
        for pk, stored in rows:
            plain = {f.name: keys().open(stored[f.name], f.context()) for f in fields if stored[f.name] is not None}
            _write(model, pk, {}, plain)
        after = rows[-1][0]


def _raw(
    model: type[models.Model], fields: list[Sealed], hashes: list[HashField], after: int, batch: int
) -> list[tuple[int, dict[str, Any]]]:
    names = [*(field.name for field in fields), *(field.name for field in hashes)]
    raw = {f"raw_{name}": models.ExpressionWrapper(models.F(name), output_field=models.TextField()) for name in names}
    rows = model._base_manager.filter(pk__gt=after).order_by("pk").annotate(**raw).values_list("pk", *raw)[:batch]
    return [(pk, dict(zip(names, values, strict=True))) for pk, *values in rows]


def _write(model: type[models.Model], pk: int, was: dict[str, Any], now: dict[str, Any]) -> int:
    """Write stored values as they are, if the row still holds `was`."""
    rows = model._base_manager.filter(pk=pk)
    for name, value in was.items():
        raw = models.ExpressionWrapper(models.F(name), output_field=models.TextField())
        rows = rows.annotate(**{f"was_{name}": raw}).filter(**{f"was_{name}": value})
    return rows.update(
        **{name: models.Value(value, output_field=models.TextField(null=True)) for name, value in now.items()}
    )
