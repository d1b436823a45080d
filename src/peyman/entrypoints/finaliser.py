"""Many requests, one commit: what the requests of a moment have to write is written together.

On a hot item one writer with batches outruns any locking by far, and SQLite has one writer at a time whatever is
done: so the web process gathers what its requests bring into one call. The queue is bounded; the thread starts with the
first request. What it runs are plain functions that anyone may call without it.
"""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

import structlog
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    close_old_connections,
    transaction,
)

from peyman.billing import actions as billing
from peyman.billing.actions import Capture, Raced
from peyman.billing.rules import ForeignReceipt
from peyman.entrypoints import scribe
from peyman.entrypoints.scribe import Gone, Scribe
from peyman.kernel.errors import Refused, TryLater
from peyman.shop.orders import actions as orders

log = structlog.get_logger()

BATCH = 100
WAITING = 2000
MOMENT = 0.004  # seconds for which a commit waits for others that are on their way
PATIENCE = 20  # seconds a request waits for its own commit

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")
Given = TypeVar("Given")


@dataclass(frozen=True)
class Finalised:
    """What one commit did: payments captured by it (payment → bill), and codes of orders by how they ended."""

    captured: Mapping[int, int] = field(default_factory=dict)
    final: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset()

    def kind(self, payment: int, order: str) -> str:
        """Return how a payment for an order ended in this commit: `final`, `short`, or "" where our rows must say."""
        bill = self.captured.get(payment)
        if bill is None or list(self.captured.values()).count(bill) > 1:
            return ""
        return "final" if order in self.final else "short" if order in self.short else ""


def finalise(captures: Sequence[Capture], now: datetime) -> list[str]:
    """Capture what a bank confirmed and let it make orders final. Returns the codes of final orders; see `take`."""
    return list(take(captures, now).final)


def take(captures: Sequence[Capture], now: datetime) -> Finalised:
    """Capture what a bank confirmed and let it make orders final.

    One transaction. A deadlock or a race is run again; raises ForeignReceipt when the receipt of a
    single capture belongs to another payment, and IntegrityError when that happens among several.
    """
    for last in (False, False, False, False, True):
        try:
            with transaction.atomic():
                taken = billing.capture_many(captures=captures, now=now)
                issued = orders.take_payments(taken, now)
        except Raced:
            if last:
                raise
        except IntegrityError:
            if len(captures) > 1:
                raise
            log.warning("payment.foreign_receipt", payment=captures[0].payment_id)
            raise ForeignReceipt from None
        except OperationalError as fault:
            if last or not _passing(fault):
                raise
        else:
            if issued.final:
                log.info("order.cart_code_issued", orders=issued.final)
            if issued.short:
                log.warning("order.short", orders=issued.short)
            bills = {payment.pk: payment.bill_id for payment in taken}
            return Finalised(bills, frozenset(issued.final), frozenset(issued.short))
    raise AssertionError("the last try returns or raises")


def _passing(fault: OperationalError) -> bool:
    """A deadlock or a failed serialisation passes when tried again; a lost connection does not."""
    return getattr(fault.__cause__, "sqlstate", None) in {"40P01", "40001"}


@dataclass(frozen=True, eq=False)
class Work(Generic[Ask, Answer]):
    """Something that is done for many at once: an answer for each that asks, in their order, in one commit."""

    name: str
    run: Callable[[Sequence[Ask], datetime], Sequence[Answer]]


Settled = tuple[Any, Exception | None]  # an answer, or why there is none


def settle(work: Work[Any, Any], asks: Sequence[Any], clock: Callable[[], datetime]) -> list[Settled]:
    """Have a batch done, one by one where it fails as a whole. Bugs are raised."""
    try:
        answers = work.run(asks, clock())
    except (DatabaseError, InterfaceError, Raced, Refused) as fault:
        if len(asks) == 1:
            return [(None, fault if isinstance(fault, Refused) else TryLater())]
        log.warning("writer.batch_failed", work=work.name, size=len(asks), fault=type(fault).__name__)
        return [each for ask in asks for each in settle(work, [ask], clock)]
    return [(answer, None) for answer in answers]


class _Waiting:
    """One who asked: sleeps at a lock until there is an answer. Of beginning and going away only one happens."""

    __slots__ = ("_done", "_turn", "answer", "ask", "fault", "is_answered", "work")

    def __init__(self, work: Work[Any, Any], ask: Any) -> None:
        self.work, self.ask, self.answer = work, ask, None
        self.fault: Exception | None = None
        self.is_answered = False
        self._turn, self._done = threading.Lock(), threading.Lock()
        self._done.acquire()

    def begin(self) -> bool:
        """False when whoever asked went away."""
        return self._turn.acquire(blocking=False)

    def end(self, answer: Any, fault: Exception | None = None) -> None:
        """Wake whoever asked."""
        self.answer, self.fault, self.is_answered = answer, fault, True
        self._done.release()

    def wait(self, seconds: float) -> Any:
        """Return the answer, or raise the fault. Raises TryLater when there is none in time."""
        if not self._done.acquire(timeout=seconds):
            self._turn.acquire(blocking=False)
            raise TryLater
        if self.fault is not None:
            raise self.fault
        return self.answer


class _Queue:
    """Those who wait, up to `most`. Who takes them is woken once enough have come, and not by each of them: that
    would be two changes of thread more for each.
    """

    def __init__(self, most: int) -> None:
        self._most, self._waiting, self._lock = most, deque[_Waiting](), threading.Lock()
        self._enough, self._have_come = most + 1, threading.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, waiting: _Waiting) -> bool:
        """False when too many wait."""
        with self._lock:
            if len(self._waiting) >= self._most:
                return False
            self._waiting.append(waiting)
            if len(self._waiting) >= self._enough:
                self._have_come.set()
            return True

    def wait_for(self, count: int, seconds: float | None = None) -> None:
        """Sleep until so many wait, or the time is over."""
        with self._lock:
            if len(self._waiting) >= count:
                return
            self._enough = count
            self._have_come.clear()
        self._have_come.wait(seconds)
        self._enough = self._most + 1

    def take(self, most: int) -> list[_Waiting]:
        """Take those who came first."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


class _Expecting:
    """While one is in here, something will be asked: whoever writes now may wait for it a moment."""

    def __init__(self) -> None:
        self.count, self._lock = 0, threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.count += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self.count -= 1


class Writer:
    """A bounded queue with one that writes: a thread, or a process. `do` returns when what was asked is committed.

    Safe for many threads, and for a process that is forked: the child begins with an empty queue and a thread of its
    own, what its parent's requests asked is the parent's.
    """

    def __init__(self, clock: Callable[[], datetime], batch: int = BATCH) -> None:
        self._clock, self._batch = clock, batch
        self._begin()
        this = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: writer._begin() if (writer := this()) else None)

    def _begin(self) -> None:
        self._queue, self._expected, self._lock = _Queue(WAITING), _Expecting(), threading.Lock()
        self._threads: list[threading.Thread] = []
        self._gathering, self._here = threading.Lock(), threading.Lock()
        self._scribe: Scribe | None = None

    def hand_over(self, *works: Work[Any, Any]) -> None:
        """Have batches of these works written by a process of its own from now on (`entrypoints.scribe`).

        To be called before there are threads. Each of the works must bear being done twice.
        """
        known = {work.name: work for work in works}
        self._scribe = scribe.begin(lambda name, asks: settle(known[name], asks, self._clock))

    def do(self, work: Work[Given, Answer], ask: Given) -> Answer:
        """Have this done, together with what others are waiting for.

        Raises TryLater when too many wait, the database is away, or it took too long: it is not begun any more then,
        but what had begun may still be committed. Raises what `work` raises for this one alone.
        """
        self._start()
        waiting = _Waiting(work, ask)
        if not self._queue.put(waiting):
            raise TryLater
        answer: Answer = waiting.wait(PATIENCE)
        return answer

    def _start(self) -> None:
        wanted = 2 if self._scribe else 1  # while the scribe writes one batch, the other thread gathers the next
        if sum(thread.is_alive() for thread in self._threads) >= wanted:
            return
        with self._lock:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            while len(self._threads) < wanted:
                self._threads.append(threading.Thread(target=self._run, name="writer", daemon=True))
                self._threads[-1].start()

    def expecting(self) -> AbstractContextManager[None]:
        """Say that in here something will be asked: whoever writes now may wait for it a moment."""
        return self._expected

    def _gather(self) -> list[_Waiting]:
        """Take what waits; while fewer wait than are expected, a moment more. Who comes alone waits for nobody."""
        self._queue.wait_for(1)
        # A scribe is handed one half, so that it writes while the other half is on its way to the bank and back.
        most = self._batch if self._scribe is None else min(self._batch, -(-self._expected.count // 2))
        most = max(1, most)
        self._queue.wait_for(min(self._expected.count, most), MOMENT)
        return self._queue.take(most)

    def _run(self) -> None:
        while True:
            with self._gathering:
                waiting = self._gather()
            begun = [each for each in waiting if each.begin()]
            try:
                close_old_connections()
                for work in dict.fromkeys(each.work for each in begun):
                    self._settle(work, [each for each in begun if each.work is work])
            except BaseException as fault:  # a bug must reach the requests that wait, whatever becomes of this thread
                log.exception("writer.bug")
                for each in begun:
                    if not each.is_answered:
                        each.end(None, fault if isinstance(fault, Exception) else TryLater())
                if not isinstance(fault, Exception):
                    raise  # the next request starts another thread

    def _settle(self, work: Work[Any, Any], batch: list[_Waiting]) -> None:
        asks = [waiting.ask for waiting in batch]
        for waiting, (answer, fault) in zip(batch, self._settled(work, asks), strict=True):
            waiting.end(answer, fault)

    def _settled(self, work: Work[Any, Any], asks: Sequence[Any]) -> Sequence[Settled]:
        """Have a batch written by the scribe; by this process where there is none, or who asks is alone."""
        if (there := self._scribe) is not None and self._expected.count > 1:
            try:
                return there.settle(work.name, asks)
            except Gone:
                log.warning("writer.scribe_gone")
                self._scribe = None
        with self._here:
            return settle(work, asks, self._clock)


CAPTURE: Work[Capture, Finalised] = Work("capture", lambda captures, now: [take(captures, now)] * len(captures))
