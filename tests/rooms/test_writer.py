"""One thread writes for many requests: what becomes of those who wait when it is full, slow, broken or forked."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError

from peyman.entrypoints import finaliser
from peyman.entrypoints.finaliser import Work, Writer
from peyman.kernel.errors import Refused, TryLater
from tests.conftest import PATIENCE
from tests.make import NOW
from tests.threads import meanwhile

pytestmark = pytest.mark.django_db(transaction=True)


class TooBig(Refused):
    code, clause = "too_big", "D57"


class Doubling:
    """Work that doubles numbers, remembers its batches, and can be held up."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_run, self.has_begun = threading.Event(), threading.Event()
        self.may_run.set()
        self.work: Work[int, int] = Work("double", self._run)

    def _run(self, numbers: Sequence[int], now: datetime) -> list[int]:
        assert now == NOW
        self.has_begun.set()
        assert self.may_run.wait(PATIENCE)
        self.batches.append(list(numbers))
        if any(number > 100 for number in numbers):
            raise TooBig
        if any(number < 0 for number in numbers):
            raise OperationalError("the database is away")
        return [2 * number for number in numbers]


@pytest.fixture
def doubling() -> Iterator[Doubling]:
    made = Doubling()
    yield made
    made.may_run.set()


@pytest.fixture
def writer() -> Writer:
    return Writer(lambda: NOW)


def held_up(writer: Writer, doubling: Doubling, numbers: Sequence[int]) -> list[tuple[threading.Thread, list[Any]]]:
    """Let the first number be on its way and the others wait behind it."""
    doubling.may_run.clear()
    first = meanwhile(lambda: writer.do(doubling.work, numbers[0]))
    assert doubling.has_begun.wait(PATIENCE)
    asked = [first]
    for number in numbers[1:]:
        before = len(writer._queue)
        asked.append(meanwhile(lambda number=number: writer.do(doubling.work, number)))  # type: ignore[misc]
        while len(writer._queue) == before:
            time.sleep(0.001)
    return asked


def answers(asked: Sequence[tuple[threading.Thread, list[Any]]]) -> list[Any]:
    for thread, _ in asked:
        thread.join(PATIENCE)
    return [came[0] for _, came in asked]


def test_who_waits_together_is_answered_together_and_each_with_its_own(writer: Writer, doubling: Doubling) -> None:
    asked = held_up(writer, doubling, [1, 2, 3, 4])
    doubling.may_run.set()
    assert answers(asked) == [2, 4, 6, 8]
    assert doubling.batches == [[1], [2, 3, 4]]


def test_a_batch_holds_no_more_than_it_should(doubling: Doubling) -> None:
    asked = held_up(small := Writer(lambda: NOW, batch=2), doubling, [1, 2, 3, 4, 5])
    doubling.may_run.set()
    assert answers(asked) == [2, 4, 6, 8, 10]
    assert doubling.batches == [[1], [2, 3], [4, 5]]
    assert len(small._queue) == 0


def test_two_kinds_of_work_are_not_mixed(writer: Writer, doubling: Doubling) -> None:
    other = Doubling()
    asked = held_up(writer, doubling, [1, 2])
    asked.append(meanwhile(lambda: writer.do(other.work, 7)))
    while len(writer._queue) < 2:
        time.sleep(0.001)
    doubling.may_run.set()
    assert answers(asked) == [2, 4, 14]
    assert (doubling.batches, other.batches) == ([[1], [2]], [[7]])


def test_one_that_is_refused_costs_the_others_nothing(writer: Writer, doubling: Doubling) -> None:
    asked = held_up(writer, doubling, [1, 2, 101, 3, -1])
    doubling.may_run.set()
    one, two, refused, three, away = answers(asked)
    assert (one, two, three) == (2, 4, 6)
    assert isinstance(refused, TooBig)
    assert isinstance(away, TryLater)  # the database; the sweep asks again
    assert doubling.batches == [[1], [2, 101, 3, -1], [2], [101], [3], [-1]]


def test_where_too_many_wait_the_next_is_told_to_try_later(doubling: Doubling, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finaliser, "WAITING", 2)
    asked = held_up(full := Writer(lambda: NOW), doubling, [1, 2, 3])
    with pytest.raises(TryLater):
        full.do(doubling.work, 4)
    doubling.may_run.set()
    assert answers(asked) == [2, 4, 6]


def test_who_waited_long_enough_is_told_to_try_later_and_is_not_begun_any_more(
    writer: Writer, doubling: Doubling, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = held_up(writer, doubling, [1])
    monkeypatch.setattr(finaliser, "PATIENCE", 0.05)
    with pytest.raises(TryLater):
        writer.do(doubling.work, 2)
    doubling.may_run.set()
    assert answers(asked) == [2]
    monkeypatch.setattr(finaliser, "PATIENCE", 20)
    assert writer.do(doubling.work, 3) == 6
    assert doubling.batches == [[1], [3]]


def test_a_bug_reaches_those_who_wait_and_the_next_is_served(writer: Writer, doubling: Doubling) -> None:
    def stumble(numbers: Sequence[int], now: datetime) -> list[int]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        writer.do(Work("stumble", stumble), 1)
    assert writer.do(doubling.work, 2) == 4


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_lets_go_of_those_who_wait_and_another_takes_its_place(
    writer: Writer, doubling: Doubling
) -> None:
    def die(numbers: Sequence[int], now: datetime) -> list[int]:
        raise SystemExit

    with pytest.raises(TryLater):
        writer.do(Work("die", die), 1)
    [first] = writer._threads
    first.join(PATIENCE)
    assert writer.do(doubling.work, 2) == 4
    assert writer._threads != [first]


def test_a_forked_process_writes_nothing_of_its_parents_and_has_a_thread_of_its_own(
    writer: Writer, doubling: Doubling
) -> None:
    asked = held_up(writer, doubling, [1, 2, 3])  # the parent's thread and two who wait
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            doubling.may_run = threading.Event()
            doubling.may_run.set()
            told = f"{len(writer._queue)} {writer.do(doubling.work, 21)} {doubling.batches}"
            os.write(writing, told.encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "0 42 [[21]]"
    os.waitpid(child, 0)
    doubling.may_run.set()
    assert answers(asked) == [2, 4, 6]
    assert doubling.batches == [[1], [2, 3]]


def test_who_is_expected_is_waited_for_a_moment_and_who_comes_alone_waits_for_nobody(
    writer: Writer, doubling: Doubling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finaliser, "MOMENT", 30)
    with writer.expecting():
        assert writer.do(doubling.work, 1) == 2  # at once, or this test would last for half a minute
    with writer.expecting(), writer.expecting():
        first = meanwhile(lambda: writer.do(doubling.work, 2))
        assert writer.do(doubling.work, 3) == 6
        assert answers([first]) == [4]
    assert sorted(map(sorted, doubling.batches)) == [[1], [2, 3]]
