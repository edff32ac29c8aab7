"""What several audiences of a segment would each work out alike, one of them works out for all.

Some work is pure: whoever starts from the same comes to the same, to the byte. The first that gets
there does it; the others wait and take over what it came to. What goes wrong with it is its own
affair, and the next one tries; only of a source that cannot be read do all hear at once.
"""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from audsync.errors import ConfigError, SourceError

T = TypeVar("T")
_LOOK_S = 1.0
"""How often somebody who waits looks whether to stop."""
_OF_THE_SOURCE = (SourceError, ConfigError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Generic[T]):
    """Some work, for one audience."""

    key: object
    """All that the result depends on: equal keys, equal results."""
    do: Callable[[], T]
    take_over: Callable[[T], T | None]
    """Makes another's result one's own; None where that cannot be done any more."""
    check: Callable[[], None]
    """Raises to stop."""


class Alike:
    """The work of some audiences that are synced at the same time."""

    def __init__(self) -> None:
        self._works: list[_Work] = []
        self._changed = threading.Condition()

    def result(self, task: Task[T], aside: Callable[[], AbstractContextManager[None]]) -> T:
        """What the task comes to, done here or by another.

        Args:
            task: what is wanted.
            aside: entered for as long as another is waited for.

        Raises:
            AudsyncError: what doing it raises; a source's failure also where another met it.
        """
        while (work := self._claim(task.key)) is not None:
            with aside():
                self._wait(work, task)
            if isinstance(work.error, _OF_THE_SOURCE):
                raise work.error
            if work.error is None:
                taken: T | None = task.take_over(work.result)
                return task.do() if taken is None else taken
        return self._done(task)

    def _claim(self, key: object) -> "_Work | None":
        """The work of another; None where it is now one's own to do."""
        with self._changed:
            for work in self._works:
                if work.key == key:
                    return work
            self._works.append(_Work(key=key))
            return None

    def _wait(self, work: "_Work", task: Task[Any]) -> None:
        is_over = False
        while not is_over:
            with self._changed:
                is_over = self._changed.wait_for(lambda: work.is_over, _LOOK_S)
            task.check()

    def _done(self, task: Task[T]) -> T:
        try:
            result = task.do()
        except BaseException as error:
            self._end(task.key, error=error)
            raise
        self._end(task.key, result=result)
        return result

    def _end(
        self, key: object, *, result: object = None, error: BaseException | None = None
    ) -> None:
        with self._changed:
            work = next(one for one in self._works if one.key == key)
            work.result, work.error, work.is_over = result, error, True
            if error is not None and not isinstance(error, _OF_THE_SOURCE):
                self._works.remove(work)
            self._changed.notify_all()


@dataclass(eq=False, slots=True, kw_only=True)
class _Work:
    """Work that somebody does or has done."""

    key: object
    is_over: bool = False
    result: Any = None
    error: BaseException | None = None
