"""A process of its own writes for many requests: what becomes of them when it refuses, stumbles or is killed."""

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from peyman.entrypoints.finaliser import Work, Writer
from peyman.entrypoints.jobs.bench.finalise import database_url
from peyman.kernel.errors import Invalid, Refused
from peyman.shop.stock.models import Stock
from tests import make
from tests.conftest import PATIENCE
from tests.make import NOW
from tests.threads import meanwhile


class TooBig(Refused):
    code, clause = "too_big", "D57"
    says = "{number} بیش از صد است."


def _double(numbers: Sequence[int], now: datetime) -> list[tuple[int, int]]:
    """Return the doubles and who counted them; 0 is a bug, and less ends who counts, unless it is the parent."""
    assert now == NOW
    if min(numbers) < 0 and os.getpid() != HERE:
        os.kill(os.getpid(), signal.SIGKILL)
    if any(number > 100 for number in numbers):
        raise TooBig(number=max(numbers))
    if 0 in numbers:
        raise ZeroDivisionError
    return [(2 * number, os.getpid()) for number in numbers]


HERE = os.getpid()
DOUBLE: Work[int, tuple[int, int]] = Work("double", _double)


@pytest.fixture
def writer(django_db_blocker: Any) -> Iterator[Writer]:
    with django_db_blocker.unblock():  # a thread looks whether its connections are old; none is opened
        made = Writer(lambda: NOW)
        made.hand_over(DOUBLE)
        scribe = made._scribe
        assert scribe is not None
        yield made
        scribe.end()


def together(writer: Writer, *numbers: int, work: Work[int, Any] = DOUBLE) -> list[Any]:
    """Ask for all of them at once; returns what came back, or was raised, for each."""
    with writer.expecting(), writer.expecting():
        asked = [meanwhile(partial(writer.do, work, number)) for number in numbers]
        for thread, _ in asked:
            thread.join(PATIENCE)
    return [came[0] for _, came in asked]


def test_another_process_writes_for_many_and_who_is_alone_needs_none(writer: Writer) -> None:
    scribe = writer._scribe
    assert scribe is not None
    assert together(writer, 1, 2, 3) == [(2, scribe.pid), (4, scribe.pid), (6, scribe.pid)]
    assert writer.do(DOUBLE, 4) == (8, HERE)


def test_each_hears_its_own_answer_however_many_batches_are_on_their_way(writer: Writer) -> None:
    assert [double for double, _ in together(writer, *range(1, 61))] == list(range(2, 121, 2))


def test_what_the_scribe_refuses_is_refused_as_if_it_were_here(writer: Writer) -> None:
    fine, refused = together(writer, 7, 101)
    assert fine[0] == 14
    assert isinstance(refused, TooBig)
    assert refused.detail == "۱۰۱ بیش از صد است."


def test_a_bug_of_the_scribe_reaches_those_who_wait_and_the_next_are_served(writer: Writer) -> None:
    [stumbled] = together(writer, 0)
    assert isinstance(stumbled, RuntimeError)
    assert stumbled.args == ("ZeroDivisionError()",)
    scribe = writer._scribe
    assert scribe is not None
    assert together(writer, 1) == [(2, scribe.pid)]


def test_where_the_scribe_is_killed_this_process_writes_itself(writer: Writer) -> None:
    scribe = writer._scribe
    assert scribe is not None
    os.kill(scribe.pid, signal.SIGKILL)
    assert together(writer, 1, 2, 3) == [(2, HERE), (4, HERE), (6, HERE)]
    assert writer._scribe is None


def test_what_was_under_way_when_the_scribe_ended_is_done_here(writer: Writer) -> None:
    assert together(writer, -1, -2, -3) == [(-2, HERE), (-4, HERE), (-6, HERE)]  # whichever comes first


def _state_of(pid: int) -> str:
    """Return how the kernel says a process is ("Z": it ended), "" where there is none any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def test_a_scribe_ends_when_its_web_process_is_killed() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        made = Writer(lambda: NOW)
        made.hand_over(DOUBLE)
        os.write(writing, str(made._scribe.pid if made._scribe else 0).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        scribe = int(pipe.read())
    os.waitpid(child, 0)
    until = time.monotonic() + PATIENCE
    while _state_of(scribe) not in ("", "Z") and time.monotonic() < until:
        time.sleep(0.01)
    assert _state_of(scribe) in ("", "Z")


def _put_on_the_shelf(pieces: Sequence[int], now: datetime) -> list[int]:
    """Put pieces on the one shelf, in one transaction; a scribe is killed in the middle of it."""
    try:
        with transaction.atomic():
            Stock.objects.update(on_hand=F("on_hand") + sum(pieces))
            if os.getpid() != HERE:
                os.kill(os.getpid(), signal.SIGKILL)
        return list(pieces)
    finally:
        connection.close()


def put_on_the_shelf_by_a_scribe() -> None:
    """For a process of its own: SQLite's open files must not be carried over a fork, and tests before may hold some."""
    writer = Writer(lambda: NOW)
    writer.hand_over(work := Work("shelf", _put_on_the_shelf))
    answers = together(writer, 10, 20, work=work)
    sys.stdout.write(f"{answers} {writer._scribe}")


@pytest.mark.django_db(transaction=True)
def test_a_scribe_that_is_killed_in_its_transaction_leaves_nothing_of_it_and_all_is_written_once() -> None:
    make.variant(on_hand=3)
    script = f"import django; django.setup(); from {__name__} import *; put_on_the_shelf_by_a_scribe()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "DATABASE_URL": database_url()},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("[10, 20] None"), done.stderr
    assert Stock.objects.values_list("on_hand", flat=True).get() == 33


def test_a_refusal_is_the_same_refusal_in_another_process() -> None:
    refused = Invalid({"city": "شهر را بنویسید."}, number=3)
    again = pickle.loads(pickle.dumps(refused))  # noqa: S301 - our own
    assert isinstance(again, Invalid)
    assert (again.fields, again.details, again.args) == (refused.fields, {"number": 3}, ("invalid",))
