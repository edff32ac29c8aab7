"""The gate of a connection: budgets and breakers that all processes share through the store.

A person who asks is answered by the platform: her command is let through a breaker that is open,
and once through a calm that is longer than she would wait, until it has met a failure of its own.
What cron calls keeps away until it is time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from audsync.connectors.gate import MOMENT_S
from audsync.domain import CallQuota, CircuitState, Platform
from audsync.errors import (
    AttentionError,
    AudienceGoneError,
    AudsyncError,
    MaintenanceError,
    OutcomeUnknownError,
    RejectedError,
    StoreError,
    UnavailableError,
    UnreachableError,
)
from audsync.services.wiring import circuits
from audsync.store import breakers, budgets
from audsync.store.breakers import Circuit, Which

if TYPE_CHECKING:
    from audsync.services.wiring.runtime import Runtime

PACE_S = 5.0
"""So long a request waits for its place whatever `limits.max_wait` says: that is our own pace."""
LOOK_S = 0.5
"""Between two looks whether to stop, or whether somebody else's single request has ended."""
MARGIN_S = 5.0
NOTABLE_S = 1.0
"""Who waits longer for a place keeps others of the connection from being begun meanwhile."""

_FAILURES = (OutcomeUnknownError, UnavailableError, UnreachableError, MaintenanceError)
_SOUND = (AttentionError, RejectedError, AudienceGoneError)
"""Answers of a platform that works."""

_log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class SharedGate:
    """The gate of one connector; made for one thread."""

    runtime: "Runtime"
    connection: str
    platform: Platform
    quota: CallQuota
    confirm: Callable[[], None]
    """Called before each request, whatever was waited for; raises where it may not leave."""
    _circuit: Circuit = field(default_factory=Circuit)
    """As it was when the current call began."""
    _is_probe: bool = False
    _asks_anyway: bool = False

    def admit(self) -> None:
        """Let a call begin unless the connection rests; take the single request if that is due."""
        self._is_probe = self._asks_anyway = False
        with self.runtime.database.reading() as session:
            self._circuit = breakers.look(session, self._which)
        if self._circuit.state is CircuitState.CLOSED:
            return
        if not self.runtime.is_scheduled:
            has_failed = self.connection in self.runtime.met_failures
            if self._circuit.state is CircuitState.OPEN and has_failed:
                raise circuits.open_error(self.connection, self.platform, self._circuit)
        elif not self._take_probe():
            return
        self._is_probe = True

    def take_place(self, most_s: float) -> float:
        """Wait for a place in the quota, together with all other processes."""
        left_s = self._wait_for_place(most_s)
        if left_s == 0:
            self.confirm()
        return left_s

    def _wait_for_place(self, most_s: float) -> float:
        waited_s = 0.0
        while True:
            place = self._next_place(most_s - waited_s, PACE_S - waited_s)
            if place.wait_s > NOTABLE_S:
                self.runtime.behind[self.connection] = self.runtime.clock.monotonic() + place.wait_s
            if not place.is_taken:
                return place.wait_s
            if place.wait_s <= MOMENT_S:
                return 0.0
            self.pause(place.wait_s)
            waited_s += place.wait_s
            if budgets.holds(self.runtime.database, self.quota, place):
                return 0.0

    def block(self, seconds: float) -> None:
        """Let nobody's request leave for so long."""
        self._asks_anyway = False
        # Who was just told to wait need not ask once more, nor lift it, on no lane.
        self.runtime.told_calm.add(self.quota.key)
        self._note(lambda: budgets.block(self.runtime.database, self.quota, seconds))

    def pause(self, seconds: float) -> None:
        """Wait, and look now and then whether to stop."""
        left_s = seconds
        while left_s > 0:
            self.runtime.stop.check()
            if self.runtime.budget is not None:
                self.runtime.budget.check()
            self.runtime.clock.sleep(min(left_s, LOOK_S))
            left_s -= LOOK_S

    def timed(self, seconds: float) -> None:
        """Count it; a job's end writes it down."""
        self.runtime.timings.note(self.platform, seconds)

    def conclude(self, error: AudsyncError | None) -> None:
        """Count failures in a row, of which retries within a call are one."""
        if isinstance(error, _FAILURES):
            self._note(self._count_failure)
        elif error is None or isinstance(error, _SOUND):
            self._note(self._count_success)
        elif self._is_probe:
            self._note(lambda: breakers.leave_probe(self.runtime.database, self._which))

    @property
    def _which(self) -> Which:
        return Which(tenant_id=self.runtime.config.tenant, connection=self.connection)

    def _take_probe(self) -> bool:
        """Take the single request, or wait for how somebody else's ends; False where it closed.

        Raises:
            CircuitOpenError: it failed, or takes longer than a request waits.
        """
        limits = self.runtime.config.limits
        lasts_s = limits.request_timeout + MARGIN_S
        left_s = max(limits.max_wait, PACE_S)
        while True:
            circuit = breakers.take_probe(self.runtime.database, self._which, lasts_s=lasts_s)
            if circuit is None:
                return True
            if circuit.state is CircuitState.CLOSED:
                return False
            if circuit.state is CircuitState.OPEN or left_s <= 0:
                raise circuits.open_error(self.connection, self.platform, circuit)
            self.pause(LOOK_S)
            left_s -= LOOK_S

    def _next_place(self, most_s: float, pace_s: float) -> budgets.Place:
        """The next place, or the first one in spite of a calm, for a person who has not asked."""
        take = partial(
            budgets.take, self.runtime.database, self.quota, most_s=most_s, pace_s=pace_s
        )
        place = take(asks_anyway=self._asks_anyway)
        may_ask = place.is_blocked and not self.runtime.is_scheduled
        known = self.runtime.asked_for_calm | self.runtime.told_calm
        if place.is_taken or not may_ask or self.quota.key in known:
            return place
        self.runtime.asked_for_calm.add(self.quota.key)
        self._asks_anyway = True
        return take(asks_anyway=True)

    def _count_failure(self) -> None:
        self.runtime.met_failures.add(self.connection)
        breakers.note_failure(self.runtime.database, self._which)

    def _count_success(self) -> None:
        self.runtime.met_failures.discard(self.connection)
        if self._is_probe or self._circuit.failures:
            breakers.note_success(self.runtime.database, self._which, is_probe=self._is_probe)
        if self._asks_anyway and self.quota.key not in self.runtime.told_calm:
            budgets.unblock(self.runtime.database, self.quota)

    def _note(self, note: Callable[[], object]) -> None:
        """Leave word for the others; what the platform answered is worth more than that."""
        try:
            note()
        except StoreError as error:
            _log.warning("what %s answered is not shared: %s", self.platform, error.message)
