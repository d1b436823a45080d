"""Many requests, one commit: the payments of a moment are captured and made final together.

On a hot item one writer with batches outruns any locking by far, so the web process gathers what its
requests bring into one call. The queue is bounded; the thread starts with the first payment. What it
runs is a plain function that anyone may call without it.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import DatabaseError, IntegrityError, OperationalError, close_old_connections, transaction

from peyman.billing import actions as billing
from peyman.billing.actions import Capture, Raced
from peyman.billing.rules import ForeignReceipt
from peyman.kernel.errors import Refused, TryLater
from peyman.shop.orders import actions as orders

log = structlog.get_logger()

BATCH = 50
WAITING = 2000
PATIENCE = 20  # seconds a request waits for its own commit


def finalise(captures: Sequence[Capture], now: datetime) -> list[str]:
    """Capture what a bank confirmed and let it make orders final. Returns the codes of final orders.

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
            for code in issued.final:
                log.info("order.cart_code_issued", order=code)
            for code in issued.short:
                log.warning("order.short", order=code)
            return issued.final
    raise AssertionError("the last try returns or raises")


def _passing(fault: OperationalError) -> bool:
    """A deadlock or a failed serialisation passes when tried again; a lost connection does not."""
    return getattr(fault.__cause__, "sqlstate", None) in {"40P01", "40001"}


@dataclass
class _Waiting:
    capture: Capture
    done: "Future[None]"


class Finaliser:
    """A bounded queue with one writer thread. `submit` returns when the capture is committed."""

    def __init__(self, clock: Callable[[], datetime], batch: int = BATCH) -> None:
        self._clock, self._batch = clock, batch
        self._queue: queue.Queue[_Waiting] = queue.Queue(WAITING)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, capture: Capture) -> None:
        """Capture and finalise, together with whoever else is waiting.

        Raises TryLater when too many wait or the database is away: the payment stays claimed, and the
        sweep asks the bank again. Raises what `finalise` raises for this capture.
        """
        self._start()
        waiting = _Waiting(capture, Future())
        try:
            self._queue.put_nowait(waiting)
            waiting.done.result(PATIENCE)
        except (queue.Full, TimeoutError):
            raise TryLater from None

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="finaliser", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < self._batch:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            close_old_connections()
            self._settle(batch)

    def _settle(self, batch: list[_Waiting]) -> None:
        try:
            finalise([waiting.capture for waiting in batch], self._clock())
        except (DatabaseError, Raced, Refused) as fault:
            if len(batch) == 1:
                batch[0].done.set_exception(TryLater() if isinstance(fault, DatabaseError | Raced) else fault)
                return
            log.warning("finaliser.batch_failed", size=len(batch), fault=type(fault).__name__)
            for waiting in batch:
                self._settle([waiting])
        except Exception as fault:  # a bug must reach the request that waits, not kill the writer
            log.exception("finaliser.bug")
            for waiting in batch:
                waiting.done.set_exception(fault)
        else:
            for waiting in batch:
                waiting.done.set_result(None)
