"""One sandbox: the platforms, their clock, the armed faults and what is remembered of it all.

One call is let in at a time. Nothing here sleeps or touches a socket: how an answer is to
travel (late, cut, not at all) is written on the answer, for serve.py and transport.py to do.
"""

from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from threading import RLock

from audsync.clock import Clock
from audsync.sandbox.clock import VirtualClock
from audsync.sandbox.contract import Answer, Call, Ending, Remote, Simulated
from audsync.sandbox.faults import FaultKind, Faults, Rule
from audsync.sandbox.journal import Entry, Journal
from audsync.sandbox.late import LateEffects
from audsync.sandbox.platforms import build
from audsync.sandbox.spoil import page, spoil

_NOTHING = Answer(status=200)


class World:
    """Everything a sandbox holds. `lock` guards all of it."""

    def __init__(self, *, clock: Clock | None = None, faults: Sequence[Rule] = ()) -> None:
        self.lock = RLock()
        self.clock = VirtualClock(clock)
        self.journal = Journal()
        self.faults = Faults(faults)
        self.platforms: dict[str, Simulated] = build(self.journal.violation)
        self.late = LateEffects()

    def reset(self) -> None:
        """Back to the first moment: no audiences, faults, requests, violations or offset."""
        with self.lock:
            self.clock.offset_s = 0.0
            self.journal.clear()
            self.faults.disarm()
            self.late.clear()
            self.platforms = build(self.journal.violation)

    def settle(self) -> int:
        """Let every late effect happen now; how many there were."""
        with self.lock:
            return self.late.settle()

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, and with it the effects that waited for it."""
        with self.lock:
            self.clock.advance(seconds)
            self.late.until(self.clock.now())

    def remotes(self, platform: str, *, with_persons: bool = True) -> list[Remote]:
        """Every audience of a platform, oldest first; see `Simulated.remotes`."""
        with self.lock:
            now = self.clock.now()
            self.late.until(now)
            return self.platforms[platform].remotes(now, with_persons=with_persons)

    def remote(self, platform: str, audience: str) -> Remote:
        """One audience; KeyError when the platform does not have it."""
        return {remote.id: remote for remote in self.remotes(platform)}[audience]

    def answer(self, platform: str, call: Call) -> Answer:
        """What the platform says to `call`, with whatever fault strikes it."""
        with self.lock:
            now = self.clock.now()
            self.late.until(now)
            about = {"platform": platform, "method": call.method, "target": call.target}
            rule = self.faults.pick(**about, body=call.body)
            answer = self._answered(self.platforms[platform], call, rule, now)
            self.late.after_call(**about, body=call.body)
            if rule is not None:
                self._hold(rule, answer, now)
            self.journal.record(_entry(platform, call, answer, rule, now), call.body)
            # The clock that a client sees is the one that platforms go by.
            headers = {"Date": formatdate(now, usegmt=True), **answer.headers}
            return replace(answer, effect=None, headers=headers)

    def _answered(self, platform: Simulated, call: Call, rule: Rule | None, now: float) -> Answer:
        """The answer as it will travel; it keeps its effect only when that is to wait."""
        if rule is None:
            return _applied(platform.answer(call, now))
        if rule.kind in (FaultKind.LATE, FaultKind.REORDER):
            return _told(rule, platform.answer(call, now))
        real = _applied(platform.answer(call, now)) if rule.is_applied else _NOTHING
        return spoil(rule, platform, real, now)

    def _hold(self, rule: Rule, answer: Answer, now: float) -> None:
        if answer.effect is None:
            return
        self.late.hold(
            answer.effect,
            rule,
            calls=1 if rule.kind is FaultKind.REORDER else rule.calls,
            due_at=None if rule.after_s is None else now + rule.after_s,
        )


def _applied(answer: Answer) -> Answer:
    if answer.effect is not None:
        answer.effect()
    return replace(answer, effect=None)


def _told(rule: Rule, answer: Answer) -> Answer:
    """What the client hears about a call whose effect waits."""
    if rule.kind is FaultKind.REORDER or rule.reply == "ok":
        return answer
    if rule.reply == "error":
        shown = page(rule.status or 504)
        return replace(answer, status=shown.status, body=shown.body, headers=shown.headers)
    return replace(answer, ending=Ending.SILENCE, delay_s=rule.seconds)


def _entry(platform: str, call: Call, answer: Answer, rule: Rule | None, now: float) -> Entry:
    return Entry(
        at=now,
        platform=platform,
        method=call.method,
        path=call.path,
        action=answer.action,
        rows=answer.rows,
        status=answer.status,
        ending=answer.ending.value,
        fault="" if rule is None else rule.kind.value,
    )
