"""Which code an answer depends on, and its hash, by which what was kept is known to be of other code."""

import hashlib
import importlib
import inspect
import pkgutil
from functools import cache
from typing import Final

# What normalised lines depend on, …
READING: Final = (
    "peyman.kernel.prefixes",
    "peyman.market.tariff.rules.audit_joins",
    "peyman.gateways.audit.files",
    "peyman.gateways.audit.numbers",
    "peyman.gateways.audit.quick",
    "peyman.gateways.audit.reading",
    "peyman.gateways.audit.tickets",
    "peyman.gateways.logs",
)
# … and the answer besides; the hash of both stands in the manifest.
JUDGING: Final = (
    "peyman.market.tariff.rules.audit",
    "peyman.market.tariff.rules.history",
    "peyman.market.tariff.rules.quarantine",
    "peyman.market.tariff.rules.rows",
    "peyman.gateways.audit.copies",
    "peyman.gateways.audit.days",
    "peyman.gateways.audit.engines",
    "peyman.gateways.audit.judging",
    "peyman.gateways.audit.money",
    "peyman.gateways.audit.rolls",
    "peyman.gateways.audit.shelf",
    "peyman.gateways.audit.touching",
    "peyman.entrypoints.jobs.audit",
)


@cache
def hash_of(modules: tuple[str, ...]) -> str:
    """Return a hash of the source of modules, a package with all that is in it, as it was when it was first asked."""
    sha = hashlib.sha256()
    for name in modules:
        module = importlib.import_module(name)
        inside = sorted(one.name for one in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{name}."))
        for part in (module, *map(importlib.import_module, inside)):
            sha.update(inspect.getsource(part).encode())
    return sha.hexdigest()
