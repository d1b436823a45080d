"""What is asked by another thread while the test goes on."""

import threading
from collections.abc import Callable
from typing import Any


def meanwhile(ask: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Ask in a thread of its own; what comes back, or is raised, is put into the list."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(ask())
        except Exception as fault:  # noqa: BLE001  # what is raised is what came
            came.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came
