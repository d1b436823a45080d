"""Columns whose content the database cannot read (clause D16), and hashes by which such a row is found.

A sealed column cannot be searched: asking it for anything but "nothing" raises FieldError. The key comes from
PEYMAN_FIELD_KEYS, or else from the secret key of the installation; `peyman field-keys` moves rows to a new one.
"""

import functools
import json
from datetime import date
from typing import Any

from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from peyman.kernel.sealing import Keys


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


class SealedField(models.TextField):  # type: ignore[type-arg]  # generic for the checker only
    """Text that is sealed on its way into the table and opened on its way out."""

    def context(self) -> str:
        """Name the column; a sealed text opens nowhere else."""
        return f"{self.model._meta.label_lower}.{self.name}"

    def dump(self, value: Any) -> str:
        return str(value)

    def load(self, text: str) -> Any:
        return text

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Open a stored value. Raises kernel.sealing.Unreadable."""
        return None if value is None else self.load(keys().open(value, self.context()))

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return value
        return keys().seal(self.dump(value), self.context())

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if value is None or value == "":
            return value
        raise FieldError(f"{self.context()} is sealed: look for its hash")


class SealedDate(SealedField):
    """A day, or None."""

    def dump(self, value: Any) -> str:
        return value.isoformat() if isinstance(value, date) else str(value)

    def load(self, text: str) -> Any:
        return date.fromisoformat(text) if text else None


class SealedJSON(SealedField):
    """What JSON can say. Never None in code: give it a default."""

    def dump(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def load(self, text: str) -> Any:
        return json.loads(text) if text else {}


class HashField(models.CharField):  # type: ignore[type-arg]  # generic for the checker only
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
