"""Work that several would do alike is done by one of them."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from audsync.errors import CancelledError, SourceError, StateError
from audsync.sync.together import alike
from audsync.sync.together.alike import Alike, Task


def nothing() -> None:
    """Nobody says stop."""


class Workers:
    """Threads that each want a number which takes all of them to be there."""

    def __init__(self, count: int) -> None:
        self.works = Alike()
        self.done: list[int] = []
        self._all_there = threading.Barrier(count)
        self._count = count

    def each(
        self,
        do: Callable[[int], int],
        *,
        key: Callable[[int], object] = lambda _number: "same",
        take_over: Callable[[int], int | None] = lambda found: found,
        check: Callable[[], None] = nothing,
    ) -> list[Future[int]]:
        """What each came to; `do` and `key` are given the number of the thread."""

        def work(number: int) -> int:
            def doing() -> int:
                self.done.append(number)
                return do(number)

            self._all_there.wait(30)
            task = Task(key=key(number), do=doing, take_over=take_over, check=check)
            return self.works.result(task, nullcontext)

        with ThreadPoolExecutor(self._count) as pool:
            return [pool.submit(work, number) for number in range(self._count)]


def test_one_does_it_for_all() -> None:
    workers = Workers(4)
    found = [one.result() for one in workers.each(lambda _number: 7)]
    assert found == [7] * 4
    assert len(workers.done) == 1


def test_other_work_is_done_apart() -> None:
    workers = Workers(4)
    found = workers.each(lambda number: number % 2, key=lambda number: number % 2)
    assert [one.result() for one in found] == [0, 1, 0, 1]
    assert len(workers.done) == 2


def test_a_failure_of_ones_own_is_tried_by_the_next() -> None:
    workers = Workers(4)

    def fails_at_first(_number: int) -> int:
        if len(workers.done) == 1:
            message = "the disk is full"
            raise StateError(message)
        return 7

    found = workers.each(fails_at_first)
    failed = [one for one in found if one.exception() is not None]
    assert len(failed) == 1
    assert sorted(one.result() for one in found if one not in failed) == [7] * 3
    assert len(workers.done) == 2


def test_a_source_that_cannot_be_read_is_read_once() -> None:
    workers = Workers(3)

    def unreadable(_number: int) -> int:
        message = "a damaged line"
        raise SourceError(message)

    for one in workers.each(unreadable):
        with pytest.raises(SourceError, match="a damaged line"):
            one.result()
    assert len(workers.done) == 1


def test_what_cannot_be_taken_over_is_done_again() -> None:
    workers = Workers(3)
    found = workers.each(lambda number: number, take_over=lambda _found: None)
    assert sorted(one.result() for one in found) == [0, 1, 2]


def test_who_waits_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alike, "_LOOK_S", 0.01)
    workers = Workers(2)
    has_stopped = threading.Event()

    def stop() -> None:
        has_stopped.set()
        message = "stopped"
        raise CancelledError(message)

    def slow(_number: int) -> int:
        assert has_stopped.wait(30), "the other one is told while this one works"
        return 7

    found = workers.each(slow, check=stop)
    errors = [type(one.exception()) for one in found]
    assert sorted(errors, key=str) == sorted([type(None), CancelledError], key=str)
