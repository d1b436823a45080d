"""Children that do not outlive their parent, however it ends."""

import ctypes
import os
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1


def leave_with(parent: int) -> None:
    """End this process at once when `parent` is no longer its parent: a server whose head was killed holds the port."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def end_with_parent() -> None:
    """For `preexec_fn`: ask the kernel to send this process SIGTERM when its parent ends. Only Linux can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
