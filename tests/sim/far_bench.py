"""The engine of one machine, and beside it the same with its differences made on a cluster.

Both are given the same files and must come to the same plan: the same names of files, which are
made of all that is in them.
"""

from collections.abc import Callable
from pathlib import Path

from audsync.sync.change.inputs import MakeSides
from audsync.sync.change.local import LocalEngine
from audsync.sync.contract import Desired, Plan, PlanRequest, StateFiles
from audsync.sync.spark.sides import Comparing
from audsync.sync.wanted.parts import Cluster
from tests.sim.local_bench import LocalBench


class FarEngine(LocalEngine):
    """Plans here and there."""

    make_far: MakeSides

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        here = super().plan(files, desired, request)
        near, self._make_sides = self._make_sides, self.make_far
        try:
            there = super().plan(files, desired, request)
        finally:
            self._make_sides = near
        assert there == here
        return here


class FarBench(LocalBench):
    """Files of several row groups in `root`."""

    row_group_rows = 3

    def __init__(
        self, root: Path, cluster: Cluster, *, check: Callable[[], None] = lambda: None
    ) -> None:
        """`check`: called while the cluster works."""
        super().__init__(root)
        engine = FarEngine(self._folder, self._work, memory_bytes=0)
        comparing = Comparing(cluster=cluster, work=self._work, memory_bytes=0, check=check)
        engine.make_far = comparing.sides
        self.engine = engine
