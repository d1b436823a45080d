"""A process of its own that writes for the web process: where there is a second core, requests go on meanwhile.

It is forked at the start, before there are threads, and does nothing but what it is handed: a batch of asks, settled
in one commit and answered one by one. It keeps no file of its parent's but the line between them, and ends when that is
closed. Where it is killed, the web process writes for itself again until it is started anew.
"""

import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Any, Final

import structlog
from django.db import close_old_connections

PATIENCE: Final = 60  # seconds for one batch; a scribe that takes longer is ended

log = structlog.get_logger()

Settle = Callable[[str, Sequence[Any]], Sequence[Any]]  # name of a work, asks → what became of each


class Gone(Exception):
    """There is no scribe any more. What was handed to it may have been committed, so it must bear being done again."""


class Scribe:
    """The web process's end, for two threads: while one batch is written, the next lies ready."""

    def __init__(self, line: Connection, pid: int) -> None:
        self._line, self.pid = line, pid
        self._sending, self._receiving, self._ending = threading.Lock(), threading.Lock(), threading.Lock()
        self._has_ended = False

    def settle(self, work: str, asks: Sequence[Any]) -> Sequence[Any]:
        """Have a batch settled. Raises Gone, and RuntimeError where a bug kept it from being settled."""
        told = pickle.dumps((work, asks), pickle.HIGHEST_PROTOCOL)
        try:
            with ExitStack() as turn:
                with self._sending:  # until the turn to listen is ours: answers come in the order of what was sent
                    self._line.send_bytes(told)
                    turn.enter_context(self._receiving)
                if not self._line.poll(PATIENCE):
                    raise TimeoutError
                answer = self._line.recv_bytes()
        except (OSError, EOFError) as fault:
            self.end()
            raise Gone from fault
        settled, bug = pickle.loads(answer)  # noqa: S301 - our own child said it
        if bug:
            raise RuntimeError(bug)
        answers: Sequence[Any] = settled
        return answers

    def end(self) -> None:
        """End the process, wherever it is. Any number of times."""
        with self._ending:
            if not self._has_ended:
                self._has_ended = True  # the line stays open: the other thread may be at it, and hears that it ended
                os.kill(self.pid, signal.SIGKILL)  # ours until it is waited for, even where it ended by itself
                os.waitpid(self.pid, 0)


def begin(settle: Settle) -> Scribe:
    """Fork a process that settles batches. For a process that has no threads and no open database yet."""
    ours, its = socket.socketpair()
    pid = os.fork()
    if pid:
        its.close()
        return Scribe(Connection(ours.detach()), pid)
    try:
        line = Connection(its.detach())
        _let_go_of_all_but(line.fileno())
        for ending in (signal.SIGTERM, signal.SIGINT):  # the web process ends what has begun, and needs us for that
            signal.signal(ending, signal.SIG_IGN)
        _serve(line, settle)
    finally:
        os._exit(0)


def _let_go_of_all_but(kept: int) -> None:
    """Close every other file: the port, above all, is the web process's alone."""
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))


def _serve(line: Connection, settle: Settle) -> None:
    while True:
        try:
            work, asks = pickle.loads(line.recv_bytes())  # noqa: S301 - our own parent said it
        except (OSError, EOFError):
            return
        settled: list[Any] = []
        bug = ""
        try:
            close_old_connections()
            settled = list(settle(work, asks))
        except Exception as fault:  # a bug must reach the requests that wait
            log.exception("writer.bug", work=work)
            bug = repr(fault)
        line.send_bytes(pickle.dumps((settled, bug), pickle.HIGHEST_PROTOCOL))
