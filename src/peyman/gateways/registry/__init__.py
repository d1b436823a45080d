"""The national registry's list: opened under limits in whatever form it comes, fetched from where it is published."""

from peyman.gateways.registry.columns import MAX_ROWS, Unreadable
from peyman.gateways.registry.fetching import OUTCOMES, Answer, Failed, fetch, shown
from peyman.gateways.registry.opening import MAX_BYTES, Opened, kind_of, open_list

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "OUTCOMES",
    "Answer",
    "Failed",
    "Opened",
    "Unreadable",
    "fetch",
    "kind_of",
    "open_list",
    "shown",
]
