"""The national registry's list: opened under limits in whatever form it comes, fetched from where it is published."""

from peyman.gateways.registry.fetching import Answer, Failed, fetch
from peyman.gateways.registry.opening import MAX_BYTES, MAX_ROWS, Opened, Unreadable, open_list

__all__ = ["MAX_BYTES", "MAX_ROWS", "Answer", "Failed", "Opened", "Unreadable", "fetch", "open_list"]
