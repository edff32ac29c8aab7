"""Hypothesis chooses the history: it looks for the shortest one that breaks a promise.

The rules are what happens in a life: people come and go, runs go wrong or are cut off, another
host works in between, days pass, the audience vanishes. At the end of each life clean runs must
make it exact.
"""

from dataclasses import replace
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from audsync.connectors.contract import Spec
from tests.sim.history import ANYTHING, end_clean, make_world, plain_run
from tests.sim.ledger_room import room
from tests.sim.people import Crowd, next_crowd
from tests.sim.platform import Trouble
from tests.sim.set_bench import SetBench
from tests.sim.ways import WAYS
from tests.sim.world import Run, World

DAY_S = 86_400.0
EXAMPLES = 100
LONGEST = 12
"""Rules in a life, at most."""
_MOST_STEPS = 60


class Life(RuleBasedStateMachine):
    """One audience, from its first day on."""

    world: World
    crowd: Crowd
    random: Random

    @initialize(seed=st.integers(0, 2**16), way=st.sampled_from(WAYS))
    def be_born(self, seed: int, way: Spec) -> None:
        self.random = Random(seed)
        healthy = replace(ANYTHING, poisons=0.0)
        self.world, self.crowd = make_world(self.random, room(), SetBench(), healthy, way)

    @rule()
    def people_come_and_go(self) -> None:
        has_seen = self.world.has_seen(self.crowd)
        is_linked = self.world.is_linked
        self.crowd = next_crowd(self.random, self.crowd, is_linked=is_linked, has_seen=has_seen)

    @rule(rate=st.sampled_from((0.2, 0.5, 0.9)), is_replace=st.booleans())
    def a_run_goes_wrong(self, rate: float, is_replace: bool) -> None:
        self._go(Trouble(random=self.random, rate=rate), is_replace=is_replace)

    @rule(at=st.integers(1, _MOST_STEPS))
    def a_run_is_killed(self, at: int) -> None:
        self._go(Trouble(random=self.random), crash_at=at)

    @rule(at=st.integers(1, _MOST_STEPS))
    def the_store_fails(self, at: int) -> None:
        self._go(Trouble(random=self.random), crash_at=at, is_store_error=True)

    @rule(after=st.integers(0, 5))
    def a_signal_stops_a_run_and_another_host_goes_on(self, after: int) -> None:
        self._go(Trouble(random=self.random), stop_after=after)
        self._go(Trouble(random=self.random))

    @rule(days=st.integers(1, 40))
    def days_pass(self, days: int) -> None:
        self.world.room.clock.advance(days * DAY_S)
        self.world.platform.expire_session()

    @rule()
    def the_platform_works_off_what_it_took(self) -> None:
        self.world.platform.work_off_all()

    @rule()
    def somebody_deletes_the_audience(self) -> None:
        self.world.platform.is_gone = True
        self._go(Trouble(random=self.random))

    def teardown(self) -> None:
        """All is well again."""
        if not hasattr(self, "world"):
            return
        self.people_come_and_go()
        while self.world.spec.changes_by_replace and not self.crowd.values():
            self.people_come_and_go()  # it cannot be emptied
        end_clean(self.world, self.crowd)

    def _go(
        self,
        trouble: Trouble,
        *,
        is_replace: bool = False,
        crash_at: int = 0,
        is_store_error: bool = False,
        stop_after: int = -1,
    ) -> None:
        run: Run = plain_run(self.random, self.crowd, crash_at=crash_at)
        run.trouble, run.is_replace = trouble, is_replace
        run.is_store_error, run.stop_after = is_store_error, stop_after
        self.world.go(run)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=LONGEST,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
