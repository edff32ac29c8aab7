"""Audiences of one segment that are synced at the same time read its sources once.

A warehouse bills each query, and a file of ten million rows takes seconds to read: four platforms
need not do that four times. Each audience has a thread. Where all of them wait for the same rows,
one reads and hands every batch to the others, who prepare it in their own way; a batch is handed
on only when there is room, so none of them holds more than a few. Nothing is kept: a row is gone
when the last one has seen it. Where more of their work is the same, one does it for all: `alike`.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from audsync.segments import reading
from audsync.segments.contract import Query
from audsync.sync.together.alike import Alike, Task

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
PATIENCE_S = 10.0
"""How long somebody who could read waits for somebody who is busy elsewhere."""
_ROOM = 2
"""Batches that wait for whoever prepares them."""

Batches = Generator["pa.RecordBatch", None, None]


class Companions:
    """Some audiences that are synced at the same time, each in a thread of its own."""

    def __init__(self, count: int, read: Callable[[Query], Batches] = reading.read) -> None:
        self._active = count
        self._read = read
        self._waiting: list[_Wish] = []
        self._changed = threading.Condition()
        self.alike = Alike()

    def member(self) -> "Member":
        """One of them; to be made as often as there are audiences, and each has to leave."""
        return Member(self)

    def leave(self) -> None:
        """One fewer: nobody waits for it any more."""
        with self._changed:
            self._active -= 1
            self._begin_if_all_wait()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Nobody waits for this one meanwhile: it waits for something else itself."""
        self.leave()
        try:
            yield
        finally:
            with self._changed:
                self._active += 1

    def read(self, query: Query) -> Batches:
        """The rows, from whoever reads them; raises what reading them raises."""
        wish = _Wish(query=query, key=same_rows(query))
        with self._changed:
            self._waiting.append(wish)
            self._begin_if_all_wait()
            if not self._changed.wait_for(lambda: wish.is_granted, PATIENCE_S):
                self._grant([one for one in self._waiting if one.key == wish.key])
        if wish.lane is not None:
            yield from wish.lane.batches()
        else:
            yield from self._lead(query, wish.followers)

    def _begin_if_all_wait(self) -> None:
        if len(self._waiting) < self._active:
            return
        while self._waiting:
            key = self._waiting[0].key
            self._grant([one for one in self._waiting if one.key == key])

    def _grant(self, wishes: "list[_Wish]") -> None:
        """Let the first of them read for all."""
        leader, *others = wishes
        for one in others:
            one.lane = _Lane()
            leader.followers.append(one.lane)
        for one in wishes:
            one.is_granted = True
            self._waiting.remove(one)
        self._changed.notify_all()

    def _lead(self, query: Query, followers: "list[_Lane]") -> Batches:
        try:
            source = self._read(query)
        except BaseException as error:
            _end(followers, error)
            raise
        try:
            for batch in source:
                _hand_on(batch, followers)
                yield batch
        except GeneratorExit:
            # It has no use for the rest; the others have.
            _go_on(source, followers)
            raise
        except BaseException as error:
            _end(followers, error)
            raise
        _end(followers, None)


class Member:
    """What one audience reads with."""

    def __init__(self, companions: Companions) -> None:
        self._companions = companions
        self._begun: list[Batches] = []

    def read(self, query: Query) -> Batches:
        """As `segments.reading.read`; what is wrong with the source shows in the iteration."""
        rows = self._companions.read(query)
        self._begun.append(rows)
        return rows

    def once(self, task: Task[T]) -> T:
        """What the task comes to, which another one may have done; see `Alike.result`."""
        return self._companions.alike.result(task, self._companions.aside)

    def leave(self) -> None:
        """To be called when it reads nothing any more, however it ended."""
        self._companions.leave()
        for rows in self._begun:
            # An error that somebody keeps would keep it open, and the others would wait.
            rows.close()


@dataclass(eq=False, slots=True)
class _Wish:
    """Somebody who waits for rows: granted with a lane, they come from another; else it reads."""

    query: Query
    key: Query
    is_granted: bool = False
    lane: "_Lane | None" = None
    followers: "list[_Lane]" = field(default_factory=list)


class _Lane:
    """Batches on their way to one reader."""

    def __init__(self) -> None:
        self._batches: deque[pa.RecordBatch] = deque()
        self._changed = threading.Condition()
        self._has_ended = False
        self._error: BaseException | None = None
        self.is_open = True

    def put(self, batch: "pa.RecordBatch") -> None:
        """Hand it on, when there is room; nothing happens where nobody takes it any more."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._batches) < _ROOM or not self.is_open)
            if self.is_open:
                self._batches.append(batch)
                self._changed.notify_all()

    def end(self, error: BaseException | None) -> None:
        """That was all, or it went wrong."""
        with self._changed:
            self._has_ended, self._error = True, error
            self._changed.notify_all()

    def batches(self) -> Batches:
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._batches or self._has_ended)
                    if not self._batches:
                        break
                    batch = self._batches.popleft()
                    self._changed.notify_all()
                yield batch
            if self._error is not None:
                raise self._error
        finally:
            with self._changed:
                self.is_open = False
                self._batches.clear()
                self._changed.notify_all()


def _hand_on(batch: "pa.RecordBatch", followers: list[_Lane]) -> None:
    for lane in followers:
        lane.put(batch)


def _go_on(source: Batches, followers: list[_Lane]) -> None:
    """Read the rest for the others, as long as there are any."""
    failure: BaseException | None = None
    try:
        for batch in source:
            if not any(lane.is_open for lane in followers):
                break
            _hand_on(batch, followers)
    except Exception as error:  # noqa: BLE001 - the others raise it
        failure = error
    finally:
        source.close()
        _end(followers, failure)


def _end(followers: list[_Lane], error: BaseException | None) -> None:
    for lane in followers:
        lane.end(error)


def same_rows(query: Query) -> Query:
    """The query without what does not change its rows."""
    return replace(query, spill=Path(), not_before=None)
