"""Threads that each deal with one audience after the other, those of one segment side by side."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from audsync.errors import AudsyncError, BudgetEndedError, CancelledError
from audsync.services.schedule import due
from audsync.services.schedule.due import Due, Task
from audsync.services.stopping import TimeBudget
from audsync.services.wiring.runtime import Runtime

_PATIENCE_S = 30.0
"""How long there may be too little room for all audiences of a segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """One audience that was dealt with, or not: its job, or why there is none, or neither."""

    audience: str
    job: dict[str, Any] | None = None
    exit_code: int = 0
    error: AudsyncError | None = None


@dataclass(kw_only=True)
class Crew:
    """Threads that each deal with one audience after the other; this one hands them out."""

    runtime: Runtime
    budget: TimeBudget
    limit: int | None
    deal_with: Callable[[Runtime, Due], Ended]
    """Does what is due for one audience, and never raises."""
    told: Callable[[Ended], None]
    put_right: Callable[[deque[Due], Due], None]
    """Takes out of a queue what others have dealt with; called before this one is begun."""
    ended: list[Ended] = field(default_factory=list)

    @property
    def may_go_on(self) -> bool:
        """Whether anything new may be begun."""
        return not (self.runtime.stop.is_asked or self.budget.has_ended)

    def work(self, queue: deque[Due]) -> None:
        """Take from the front of the queue; what is in it afterwards was not begun."""
        at_once = self.runtime.at_once
        running: set[Future[Ended]] = set()
        is_impatient = False
        with ThreadPoolExecutor(at_once, thread_name_prefix="audsync-due") as pool:
            while True:
                while group := self._next(queue, len(running), is_impatient=is_impatient):
                    is_impatient = False
                    for one, member in _together(self.runtime, group):
                        running.add(pool.submit(self._deal_with, member, one))
                if not running:
                    break
                finished, running = wait(running, _PATIENCE_S, FIRST_COMPLETED)
                is_impatient = not finished
                for future in finished:
                    self._note(future.result())
        if not self.may_go_on:
            self._leave(queue)

    def _next(self, queue: deque[Due], running: int, *, is_impatient: bool) -> Sequence[Due]:
        """Take what is begun now: the oldest, with whoever reads the same segment.

        Who would only wait for a platform whose calls are used up leaves its place to others.
        Nothing where there is no room for all of them: it will come. Only where that takes too
        long are as many begun as there is room for.
        """
        free = self.runtime.at_once - running
        if not queue or not free or not self.may_go_on:
            return ()
        behind = self.runtime.connections_behind()
        self.put_right(queue, due.companions(queue, behind)[0])
        if not queue:
            return ()
        most = self.runtime.at_once
        if self.limit is not None:
            # Whatever runs may turn out to need no job: only then another one has its place.
            most = min(most, self.limit - running - sum(one.job is not None for one in self.ended))
        group = due.companions(queue, behind)[: max(most, 0)]
        if len(group) > free and not is_impatient:
            return ()
        for one in group[:free]:
            queue.remove(one)
        return group[:free]

    def _leave(self, queue: deque[Due]) -> None:
        """Say of each that was not begun why it was not."""
        error: AudsyncError = CancelledError("Stopped by a signal before it was begun.")
        if not self.runtime.stop.is_asked:
            error = BudgetEndedError("The time budget ended before it was begun.")
        for one in queue:
            if one.task is Task.SYNC:
                self._note(Ended(audience=one.slug, error=error, exit_code=error.exit_code))

    def _deal_with(self, runtime: Runtime, one: Due) -> Ended:
        try:
            return self.deal_with(runtime, one)
        finally:
            if runtime.reader is not None:
                runtime.reader.leave()

    def _note(self, ended: Ended) -> None:
        self.ended.append(ended)
        self.told(ended)


def _together(runtime: Runtime, group: Sequence[Due]) -> Iterator[tuple[Due, Runtime]]:
    """Each of a group with its own runtime; several read their segment's sources once."""
    if len(group) == 1:
        yield group[0], runtime
        return
    from audsync.sync.together.companions import Companions

    companions = Companions(len(group))
    for one in group:
        own = copy(runtime)
        own.reader = companions.member()
        yield one, own
