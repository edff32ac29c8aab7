"""Effects that a platform has accepted and not yet carried out."""

from collections.abc import Callable
from dataclasses import dataclass

from audsync.sandbox.faults import Rule


@dataclass(slots=True, kw_only=True)
class _Held:
    effect: Callable[[], None]
    rule: Rule
    calls_left: int | None
    due_at: float | None


class LateEffects:
    """A queue that lets go by calls, by time, or all at once; in the order of arrival."""

    def __init__(self) -> None:
        self._held: list[_Held] = []

    def __len__(self) -> int:
        return len(self._held)

    def hold(
        self,
        effect: Callable[[], None],
        rule: Rule,
        *,
        calls: int | None,
        due_at: float | None,
    ) -> None:
        """Keep `effect` until `calls` more calls that `rule` concerns, or until `due_at`."""
        self._held.append(_Held(effect=effect, rule=rule, calls_left=calls, due_at=due_at))

    def after_call(self, *, platform: str, method: str, target: str, body: bytes) -> None:
        """Count one call, and run what waited for it."""
        for held in self._held:
            if held.calls_left is not None and held.rule.concerns(
                platform=platform, method=method, target=target, body=body
            ):
                held.calls_left -= 1
        self._run(lambda held: held.calls_left is not None and held.calls_left < 1)

    def until(self, now: float) -> None:
        """Run what was due by `now`, in epoch seconds."""
        self._run(lambda held: held.due_at is not None and held.due_at <= now)

    def settle(self) -> int:
        """Run everything; how many there were."""
        waiting = len(self._held)
        self._run(lambda _held: True)
        return waiting

    def clear(self) -> None:
        """Forget them: they never happen."""
        self._held.clear()

    def _run(self, is_due: Callable[[_Held], bool]) -> None:
        due = [held for held in self._held if is_due(held)]
        self._held = [held for held in self._held if not is_due(held)]
        for held in due:
            held.effect()
