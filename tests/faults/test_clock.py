"""The host's clock is wrong, or steps: exactness goes by it nowhere."""

import pytest

from tests.crash.ways import TIKTOK_FILES
from tests.faults.proxy import Mischief
from tests.faults.scene import Scene

DAY_S = 86_400.0
WAITS = {False: {0}, True: {0, 6}}
"""How such a run may end, where a platform works requests off later, and where it does not."""


@pytest.mark.parametrize("wrong_by_s", [DAY_S, -DAY_S], ids=["ahead", "behind"])
def test_a_host_that_is_a_day_off_syncs_exactly(scene: Scene, wrong_by_s: float) -> None:
    scene.clock.wrong_by_s = wrong_by_s
    ended = scene.hurt()
    assert ended.code in WAITS[scene.way.settles], str(ended)
    scene.clock.wrong_by_s = 0
    if scene.way is TIKTOK_FILES and wrong_by_s > 0:
        # Of its uploads it tells only when: one that seems to come from tomorrow is waited for.
        scene.pass_time(DAY_S)
    scene.heal()


@pytest.mark.parametrize("step_s", [-DAY_S, 3600.0], ids=["back", "ahead"])
def test_a_clock_that_steps_in_mid_run_costs_no_exactness(scene: Scene, step_s: float) -> None:
    """Back it is harmless; ahead the lease is over, by the only clock that SQLite has."""

    def step() -> None:
        scene.clock.wrong_by_s = step_s

    scene.batch_rows = 3
    scene.write_config()
    scene.proxy.arm(Mischief(about=scene.way.members_path, nth=2, do=step))
    ended = scene.hurt()
    assert scene.proxy.struck
    assert ended.code in (WAITS[scene.way.settles] if step_s < 0 else {4}), str(ended)
    scene.clock.wrong_by_s = 0
    scene.heal()
