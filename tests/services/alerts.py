"""What audsync alerts people to: how each alert is brought about, and how it is put right.

One row an alert: an event of `notify.on`, checks of `health`, or both, made true and false by real
means: the platform, its faults, the segment, the clock.
"""

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import httpx

from audsync.config.load import load_config
from audsync.config.watching import NotifyEvent
from audsync.domain import RemoteId
from audsync.errors import AudienceStaleError
from audsync.sandbox.faults import FaultKind, Rule
from audsync.sandbox.transport import SandboxTransport
from audsync.services import audiences, resuming, stale
from audsync.services.cron import run_due
from audsync.services.cron.run_due import Pace
from audsync.services.watch import health
from audsync.services.watch.signals import Signal
from audsync.services.wiring.runtime import Runtime
from tests.receiver import Receiver
from tests.services.by_hand import remove_by_hand
from tests.services.test_platforms import CASES, Shop, crowd, written

DAY_S = 86_400
FEW, MANY = crowd(1, 21), crowd(1, 2_001)
DOWN = Rule(kind=FaultKind.STATUS, status=503, times=0)
TOKEN = "sandbox-meta-token"


class Stage(Shop):
    """An audience in step, with somebody who listens to everything."""

    def __init__(self, platform: str, folder: Path, receiver: Receiver, more: str) -> None:
        self.receiver = receiver
        self.answers_after_s = 0.0
        super().__init__(CASES[platform], folder)
        events = ", ".join(NotifyEvent)
        with (folder / "audsync.yaml").open("a", encoding="utf-8") as file:
            file.write(f"notify:\n  - {{url: '{receiver.url}', on: [{events}]}}\n{more}")
        self.restart()

    def restart(self) -> None:
        stage = self

        class Slow(SandboxTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                stage.clock.advance(stage.answers_after_s)
                return super().handle_request(request)

        config = load_config(self.folder / "audsync.yaml", {})
        self.runtime = Runtime(config=config, clock=self.clock, transport=lambda: Slow(self.world))

    def begin(self, people: Sequence[tuple[str, str, str]]) -> None:
        written(self, people)
        self.until_done(self.create)
        self.clock.advance(5 * DAY_S)
        self.pass_time()

    def pass_time(self) -> None:
        """A day later, with the `run-due` of that day."""
        self.clock.advance(DAY_S + 3600)
        self.due()

    def due(self) -> int:
        return run_due.run_due(self.runtime, Pace()).exit_code

    def signals(self) -> dict[str, Signal]:
        return {signal.check: signal for signal in health.examine(self.runtime)}

    def bad(self) -> set[str]:
        return {check for check, signal in self.signals().items() if not signal.ok}

    def tokens(self, *tokens: dict[str, object]) -> None:
        self.world.platforms["meta"].configure({"tokens": list(tokens)})

    def wrong(self, *rules: Rule) -> None:
        self.world.faults.arm(list(rules))


@dataclass(frozen=True, kw_only=True)
class Alert:
    """`rise` may be called again and again, and makes nobody hear of it twice."""

    name: str
    rise: Callable[[Stage], object]
    fall: Callable[[Stage], object]
    event: NotifyEvent | None = None
    checks: frozenset[str] = frozenset()
    platform: str = "meta"
    people: Sequence[tuple[str, str, str]] = ()
    more: str = ""
    """Further lines of the configuration."""
    ends: bool = True
    """Whether an end is told; what is over as it begins has none."""


def _break_source(stage: Stage) -> None:
    (stage.folder / "vip.csv").unlink(missing_ok=True)
    for _ in range(4):
        assert stage.sync().exit_code == 1


def _mend_source(stage: Stage) -> None:
    written(stage, FEW)
    stage.pass_time()


def _half(stage: Stage) -> None:
    written(stage, crowd(1, 41))
    stage.wrong(Rule(kind=FaultKind.STATUS, status=503, path="/users", nth=2, times=0))
    is_first = not stage.receiver.events
    assert stage.sync().exit_code == (3 if is_first else 6)


def _calm(stage: Stage) -> None:
    stage.world.faults.disarm()
    stage.clock.advance(3700)
    assert stage.due() == 0


def _vanish(stage: Stage) -> None:
    for remote in stage.remotes():
        with closing(stage.runtime.connect("ads")) as connector:
            connector.delete(RemoteId(remote.id))
    with suppress(AudienceStaleError):
        assert stage.sync().exit_code == 1


def _make_anew(stage: Stage) -> None:
    assert stale.recreate(stage.runtime, "a").exit_code == 0


def _refuse(stage: Stage) -> None:
    stage.tokens()
    assert stage.sync().exit_code == 5


def _reconnect(stage: Stage) -> None:
    stage.tokens({"value": TOKEN})
    assert stage.sync().exit_code == 0
    resuming.resume_all(stage.runtime, "ads")
    stage.pass_time()


def _end_in(days: float) -> Callable[[Stage], None]:
    def end(stage: Stage) -> None:
        ends_at = int(stage.clock.now().timestamp() + days * DAY_S)
        known = stage.world.platforms["meta"]
        if days > 7 or not stage.receiver.events:
            known.configure({"tokens": [{"value": TOKEN, "expires_at": ends_at}]})
        stage.pass_time()

    return end


def _shrink(stage: Stage) -> None:
    written(stage, FEW[:2])
    assert stage.sync().exit_code == 7


def _take_another_place(stage: Stage) -> None:
    if not stage.receiver.events:
        assert audiences.replace(stage.runtime, "a").exit_code == 0
    assert stage.sync().exit_code == 0


def _empty(stage: Stage) -> None:
    written(stage, [])
    assert stage.sync(allow_shrink=True).exit_code == 0


def _fill(stage: Stage) -> None:
    written(stage, FEW)
    assert stage.sync().exit_code == 0


def _unknown_people(stage: Stage) -> None:
    strangers = [one for one in crowd(101, 4_001) if not _is_known(one)]
    written(stage, [*strangers, *crowd(1, 51)])
    stage.until_done(lambda: stage.sync(allow_shrink=True))
    stage.clock.advance(4 * DAY_S)
    stage.until_done(stage.sync)


def _known_people(stage: Stage) -> None:
    written(stage, crowd(1, 51))
    stage.until_done(lambda: stage.sync(allow_shrink=True))
    stage.clock.advance(4 * DAY_S)
    stage.until_done(stage.sync)


def _is_known(person: tuple[str, str, str]) -> bool:
    """Whether the simulated platform would know her: see `sandbox.people`."""
    _, email, phone = person
    return any(sha256(text.encode()).digest()[-1] & 15 < 12 for text in (email, f"+{phone}"))


def _lose_members(stage: Stage) -> None:
    if not stage.receiver.events:
        remove_by_hand(stage, MANY[:1_000])
        stage.clock.advance(5 * DAY_S)
    assert stage.sync().exit_code == 0


def _reconcile(stage: Stage) -> None:
    stage.until_done(lambda: audiences.reconcile(stage.runtime, "a"))


def _fail_in_a_row(stage: Stage) -> None:
    if not stage.receiver.events:
        other = audiences.NewAudience(segment="vip", connection="ads", slug="b", name="b")
        assert audiences.create(stage.runtime, other).exit_code == 0
        stage.clock.advance(DAY_S)
    stage.wrong(DOWN)
    for _ in range(5):
        assert stage.sync().exit_code == 6
    assert stage.due() == 6, "b is due, and rests"
    for _ in range(2):
        stage.clock.advance(61)
        assert stage.sync().exit_code == 6


def _rest(stage: Stage) -> None:
    _calm(stage)
    stage.pass_time()
    stage.clock.advance(3700)


def _forget_cron(stage: Stage) -> None:
    stage.clock.advance(2 * DAY_S)


def _slow_down(stage: Stage) -> None:
    stage.answers_after_s = 20.0
    for first in (2, 3, 4):
        written(stage, crowd(first, 20 + first))
        assert stage.sync().exit_code == 0


def _speed_up(stage: Stage) -> None:
    stage.answers_after_s = 0.0
    stage.pass_time()
    stage.pass_time()


def _deaf(stage: Stage) -> None:
    stage.receiver.status = 404
    _break_source(stage)
    for wait_s in (60, 300, 900, 3600):
        stage.clock.advance(wait_s)
        stage.due()


def _hear(stage: Stage) -> None:
    stage.receiver.status = 204
    written(stage, FEW)
    stage.pass_time()
    stage.pass_time()


ALERTS = (
    Alert(
        name="a source that broke",
        event=NotifyEvent.FAILED,
        checks=frozenset({"failure_rate", "meta"}),
        rise=_break_source,
        fall=_mend_source,
    ),
    Alert(
        name="a sync of which half arrives",
        event=NotifyEvent.PARTIAL,
        more="limits: {max_batch_size: 10}\n",
        rise=_half,
        fall=_calm,
    ),
    Alert(
        name="an audience that vanished",
        event=NotifyEvent.STALE,
        rise=_vanish,
        fall=_make_anew,
    ),
    Alert(
        name="a token that was revoked",
        event=NotifyEvent.CREDENTIALS_EXPIRED,
        checks=frozenset({"connection ads", "meta", "token_refresh"}),
        rise=_refuse,
        fall=_reconnect,
    ),
    Alert(
        name="a token that dies next week",
        event=NotifyEvent.CREDENTIALS_EXPIRING,
        checks=frozenset({"credential_expiry ads"}),
        rise=_end_in(6),
        fall=_end_in(60),
    ),
    Alert(
        name="a segment that shrank",
        event=NotifyEvent.GUARD_REFUSED,
        rise=_shrink,
        fall=lambda stage: stage.sync(allow_shrink=True),
    ),
    Alert(
        name="an audience that takes the place of another",
        event=NotifyEvent.NAME_CHANGED,
        platform="tiktok",
        rise=_take_another_place,
        fall=lambda _stage: None,
        ends=False,
    ),
    Alert(
        name="a segment with nobody",
        event=NotifyEvent.EMPTY_SEGMENT,
        rise=_empty,
        fall=_fill,
    ),
    Alert(
        name="people whom the platform does not know",
        event=NotifyEvent.LOW_MATCH_RATE,
        checks=frozenset({"match_rate"}),
        platform="google",
        rise=_unknown_people,
        fall=_known_people,
    ),
    Alert(
        name="members who were taken out by hand",
        event=NotifyEvent.SIZE_DRIFT,
        checks=frozenset({"size_drift"}),
        people=MANY,
        rise=_lose_members,
        fall=_reconcile,
    ),
    Alert(
        name="a platform that fails again and again",
        event=NotifyEvent.CIRCUIT_OPEN,
        checks=frozenset({"circuit ads"}),
        rise=_fail_in_a_row,
        fall=_rest,
    ),
    Alert(
        name="a crontab that lost its line",
        checks=frozenset({"scheduler", "queue_depth"}),
        rise=_forget_cron,
        fall=lambda stage: stage.due(),
    ),
    Alert(
        name="a platform that takes its time",
        checks=frozenset({"latency meta", "sync_duration"}),
        more="health: {max_sync: 10s}\n",
        rise=_slow_down,
        fall=_speed_up,
    ),
    Alert(
        name="a receiver that is deaf",
        checks=frozenset({"notifications"}),
        rise=_deaf,
        fall=_hear,
    ),
)
