"""Whether one call goes again, and when: the rules that `http` follows.

Pauses are seconds, all together at most `max_wait_s`. Longer waits belong to the scheduler: the
process ends, and a later run goes on.
"""

import random

from tenacity import RetryCallState

from audsync.errors import AudsyncError, OutcomeUnknownError, TransientError

MAX_UNANSWERED_TRIES = 3
MAX_TIMED_OUT_TRIES = 2
"""A read that timed out has cost a whole `request_timeout_s`: it gets one more try."""
LONGEST_BACKOFF_S = 20.0
LONGEST_UNANSWERED_BACKOFF_S = 5.0


class Tries:
    """What one call has met so far, and whether and when it goes again."""

    def __init__(
        self,
        repeatable: bool,
        settling: tuple[type[AudsyncError], ...],
        max_wait_s: float,
        chance: random.Random,
    ) -> None:
        self.unanswered = 0
        self.timed_out = 0
        self._is_over = False
        self._repeatable = repeatable
        self._passing: tuple[type[AudsyncError], ...] = (TransientError, *settling)
        self._max_wait_s = max_wait_s
        self._chance = chance

    def note(self, error: OutcomeUnknownError) -> None:
        """Count a try without a usable answer."""
        self.unanswered += 1
        self.timed_out += error.code == OutcomeUnknownError.code

    def end(self) -> None:
        """Let no other try follow: the last one was not let out."""
        self._is_over = True

    def may_go_again(self, error: BaseException) -> bool:
        """Whether another try is right after `error`, time allowing."""
        if self._is_over:
            return False
        if isinstance(error, OutcomeUnknownError):
            return (
                self._repeatable
                and self.unanswered < MAX_UNANSWERED_TRIES
                and self.timed_out < MAX_TIMED_OUT_TRIES
            )
        return isinstance(error, self._passing)

    def wait_s(self, state: RetryCallState) -> float:
        """The platform's own wait where it gave one, else a growing random one."""
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.wait_s if isinstance(error, TransientError) else 0.0
        is_unknown = isinstance(error, OutcomeUnknownError)
        longest_s = LONGEST_UNANSWERED_BACKOFF_S if is_unknown else LONGEST_BACKOFF_S
        backoff_s = min(longest_s, 2.0 ** (state.attempt_number - 1))
        return max(asked_s, backoff_s * self._chance.uniform(0.5, 1.0))

    def is_over(self, state: RetryCallState) -> bool:
        """Whether the next pause would exceed what one call may wait."""
        return state.idle_for + state.upcoming_sleep > self._max_wait_s
