"""A database for one benchmark, as durable as the configured one, and gone afterwards."""

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection


@contextmanager
def scratch_database() -> Iterator[None]:
    """A database of our own beside the configured one, as durable as it, and gone afterwards."""
    kept = str(settings.DATABASES["default"]["NAME"])
    with tempfile.TemporaryDirectory(prefix="peyman-bench-", dir=settings.DATA_DIR) as folder:
        if connection.vendor == "sqlite":
            connection.settings_dict["TEST"]["NAME"] = f"{folder}/bench.sqlite3"
        else:
            connection.settings_dict["TEST"]["NAME"] = f"peyman_bench_{secrets.token_hex(4)}"
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(kept, verbosity=0)
