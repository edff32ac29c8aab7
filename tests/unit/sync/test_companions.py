"""Several threads that want the same rows, and one that reads them."""

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audsync.errors import SourceError
from audsync.segments.contract import FileQuery, Query
from audsync.sync.together import companions
from audsync.sync.together.companions import Companions, Member

QUERY = FileQuery(
    columns={"profile_id": ("id",)},
    where=None,
    traits=(),
    salt="s",
    memory_bytes=1 << 20,
    spill=Path("one"),
    path="people.csv",
    format=None,
)
Task = Callable[[Member], Any]
Read = Callable[[Query], Generator[pa.RecordBatch, None, None]]


class Source:
    """Rows that are numbered over its readings, and how often it was read."""

    def __init__(self, batches: int = 9, fails_at: int | None = None) -> None:
        self.batches = batches
        self.fails_at = fails_at
        self.read_by: list[Query] = []
        self.handed_out = 0
        self.closed = 0

    def read(self, query: Query) -> Generator[pa.RecordBatch, None, None]:
        self.read_by.append(query)
        try:
            for number in range(self.batches):
                if number == self.fails_at:
                    message = "a damaged line"
                    raise SourceError(message)
                self.handed_out += 1
                yield pa.record_batch({"n": [number]})
        finally:
            self.closed += 1


def numbers(rows: Iterator[pa.RecordBatch]) -> list[int]:
    return [batch["n"][0].as_py() for batch in rows]


def everything(member: Member) -> list[int]:
    return numbers(member.read(QUERY))


def together(source: Source | Read, *tasks: Task) -> list[Future[Any]]:
    """What each came to, each in a thread of its own; they have all ended."""
    read = source.read if isinstance(source, Source) else source
    group = Companions(len(tasks), read)

    def run(task: Task) -> Any:  # noqa: ANN401 - whatever the task is about
        member = group.member()
        try:
            return task(member)
        finally:
            member.leave()

    with ThreadPoolExecutor(len(tasks)) as pool:
        return [pool.submit(run, task) for task in tasks]


@pytest.fixture(autouse=True)
def endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "PATIENCE_S", 60.0)


def test_all_see_every_row_of_one_reading() -> None:
    source = Source()
    found = together(source, *[everything] * 4)
    assert [one.result() for one in found] == [list(range(9))] * 4
    assert len(source.read_by) == 1
    assert source.closed == 1


def test_what_does_not_change_the_rows_may_differ() -> None:
    source = Source()
    other = replace(QUERY, spill=Path("two"), not_before=datetime(2026, 1, 1, tzinfo=UTC))
    found = together(source, everything, lambda member: numbers(member.read(other)))
    assert [one.result() for one in found] == [list(range(9))] * 2
    assert len(source.read_by) == 1


def test_other_rows_are_another_reading() -> None:
    source = Source()
    other = replace(QUERY, where="age > 18")
    found = together(source, everything, lambda member: numbers(member.read(other)), everything)
    assert [one.result() for one in found] == [list(range(9))] * 3
    assert len(source.read_by) == 2


def test_several_sources_one_after_the_other_are_read_once_each() -> None:
    source = Source()
    lists = replace(QUERY, path="opt_outs.csv")

    def both(member: Member) -> list[int]:
        return numbers(member.read(lists)) + numbers(member.read(QUERY))

    found = together(source, both, both, both)
    assert [one.result() for one in found] == [[*range(9), *range(9)]] * 3
    assert [query.path for query in source.read_by if isinstance(query, FileQuery)] == [
        "opt_outs.csv",
        "people.csv",
    ]


def test_sources_that_are_read_side_by_side_are_read_once_each() -> None:
    source = Source()
    lists = replace(QUERY, path="more.csv")

    def zipped(member: Member) -> list[int]:
        streams = [member.read(QUERY), member.read(lists)]
        firsts = [numbers(iter([next(rows)]))[0] for rows in streams]
        return firsts + [number for rows in streams for number in numbers(rows)]

    found = together(source, zipped, zipped)
    assert [one.result() for one in found] == [[0, 0, *range(1, 9), *range(1, 9)]] * 2
    assert len(source.read_by) == 2


def test_who_leaves_without_reading_holds_nobody_up() -> None:
    source = Source()
    found = together(source, everything, lambda _member: [], everything)
    assert [one.result() for one in found] == [list(range(9)), [], list(range(9))]
    assert len(source.read_by) == 1


def test_a_source_that_fails_fails_for_all() -> None:
    found = together(Source(fails_at=5), *[everything] * 3)
    for one in found:
        with pytest.raises(SourceError, match="a damaged line"):
            one.result()


def test_a_source_that_cannot_even_be_opened_fails_for_all() -> None:
    def missing(_query: Query) -> Generator[pa.RecordBatch, None, None]:
        message = "no such file"
        raise SourceError(message)

    for one in together(missing, *[everything] * 3):
        with pytest.raises(SourceError, match="no such file"):
            one.result()


def stops_at(place: int) -> Task:
    """Somebody whose disk is full after so many batches, and who keeps the error."""

    def prepared(rows: Iterator[pa.RecordBatch]) -> OSError:
        for number, _ in enumerate(rows):
            if number == place:
                raise OSError
        raise AssertionError

    def task(member: Member) -> OSError:
        rows = member.read(QUERY)
        try:
            return prepared(rows)
        except OSError as error:
            return error

    return task


@pytest.mark.parametrize("place", [0, 4, 8])
def test_one_that_fails_does_not_touch_the_others(place: int) -> None:
    source = Source()
    found = together(source, everything, stops_at(place), everything, stops_at(place))
    assert [found[0].result(), found[2].result()] == [list(range(9))] * 2
    assert len(source.read_by) == 1
    assert source.closed == 1


def test_a_failure_in_the_rest_that_only_others_read_is_theirs() -> None:
    seen: list[Any] = [
        one.exception() for one in together(Source(fails_at=6), stops_at(1), everything)
    ]
    assert seen[0] is None
    assert isinstance(seen[1], SourceError)


def test_once_all_have_failed_nobody_reads_on() -> None:
    source = Source(batches=10**9)
    together(source, stops_at(0), stops_at(3), stops_at(1))
    assert source.handed_out < 20
    assert source.closed == 1


def test_nobody_holds_more_than_a_few_batches() -> None:
    source = Source(batches=100)

    def slow(member: Member) -> list[int]:
        rows = member.read(QUERY)
        found = numbers(iter([next(rows)]))
        threading.Event().wait(0.2)  # time enough for the other one to take all that it may
        assert source.handed_out < 10
        return found + numbers(rows)

    found = together(source, slow, everything)
    assert [one.result() for one in found] == [list(range(100))] * 2


def test_who_is_late_reads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companions, "PATIENCE_S", 0.01)
    source = Source()
    has_read = threading.Event()

    def early(member: Member) -> list[int]:
        found = everything(member)
        has_read.set()
        return found

    def late(member: Member) -> list[int]:
        has_read.wait(30)
        return everything(member)

    found = together(source, early, late)
    assert [one.result() for one in found] == [list(range(9))] * 2
    assert len(source.read_by) == 2
