"""A difference that a cluster made is the one that this machine makes, whatever happens there."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from audsync.domain import Kind
from audsync.errors import SourceError
from audsync.sync.change.sides import Both
from audsync.sync.contract import Desired, PlanRequest, StateFiles
from audsync.sync.spark import scans
from audsync.sync.spark import sides as far
from audsync.sync.spark.session import connect
from audsync.sync.spark.sides import ClusterSides, Comparing
from audsync.sync.tables import duck
from audsync.sync.tables.layers import Layers
from audsync.sync.wanted.parts import Cluster
from tests.sim.far_bench import FarBench
from tests.sim.people import Crowd, first_crowd, next_crowd
from tests.sim.test_engines_agree import Twins
from tests.sim.ways import way_of
from tests.spark.server import Server

SEEDS = 20
LIVES = 2
_EXCHANGE = re.compile(r"\bExchange\b")


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far, "WORTH_LINES", 0)
    monkeypatch.setattr(scans, "STRETCH_LINES", 30)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_cluster_comes_to_the_same_plan(seed: int, tmp_path: Path, cluster: Cluster) -> None:
    random = Random(seed)
    twins = Twins(FarBench(tmp_path, cluster), random, way_of(seed))
    crowd = first_crowd(random, is_linked=False, size=random.randrange(1, 30))
    for _ in range(LIVES):
        twins.live(crowd)
        crowd = next_crowd(random, crowd, is_linked=False)
    assert not list(tmp_path.rglob("audsync-spark-*"))


def crowds(size: int) -> tuple[Crowd, Crowd]:
    """Many people, of whom a few change."""
    email = int(Kind.EMAIL)
    before = {one: frozenset({(email, b"%d@x" % one, 0)}) for one in range(1, size)}
    after = dict(before)
    del after[7]
    after |= {one: frozenset({(email, b"new%d@x" % one, 0)}) for one in (5, size - 1, size + 1)}
    return Crowd(before, {}), Crowd(after, {})


def plan(bench: FarBench, size: int) -> int:
    """The same plan here and there; returns how many identifiers it adds and removes."""
    before, after = crowds(size)
    names = bench.keep_segment(before)
    confirmed = StateFiles(identifiers=names[0], rows=names[1])
    names = bench.keep_segment(after)
    desired = Desired(identifiers=names[0], rows=names[1], counts=after.counts())
    request = PlanRequest(is_replace=False, max_rows=3, sizes=bench.engine.sizes(confirmed))
    summary = bench.engine.plan(confirmed, desired, request).summary
    return summary.adds + summary.removes


def test_an_executor_that_is_killed_in_mid_comparison_changes_nothing(
    tmp_path: Path, cluster: Cluster, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(server.executors())
    known = set(shuffled(server))
    killed: list[int] = []

    def kill() -> None:
        if not killed and set(shuffled(server)) - known:
            killed.append(min(before))
            server.kill(killed[0])

    monkeypatch.setattr("audsync.sync.spark.session._LOOK_S", 0.01)
    bench = FarBench(tmp_path, cluster, check=kill)
    bench.row_group_rows = 100
    assert plan(bench, 3000) == 6
    assert killed
    assert killed[0] not in server.executors()


def shuffled(server: Server) -> Iterator[Path]:
    """What tasks wrote for those after the exchange."""
    yield from (server.folder / "local").rglob("shuffle_*.data")


def test_executors_that_do_not_see_the_state_are_told_of(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Of whoever looks: here this folder, and on an executor another one.
    bench = FarBench(Path("/proc/self/cwd/state"), replace(cluster, folder=tmp_path))
    with pytest.raises(SourceError, match=r"cannot open it .*engine\.compare") as caught:
        plan(bench, 20)
    assert "Nothing was sent" in caught.value.message
    assert not list(tmp_path.glob("audsync-spark-*"))


def test_one_exchange_finds_who_differs_and_none_finds_lines(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = FarBench(tmp_path, cluster)
    paths = [tmp_path / "sim" / bench.keep_segment(crowd)[0] for crowd in crowds(20)]
    both = Both(confirmed=Layers(identifiers=paths[0]), wanted=Layers(identifiers=paths[1]))
    comparing = Comparing(cluster=cluster, work=tmp_path, memory_bytes=0, check=lambda: None)
    with duck.session(tmp_path, memory_bytes=0) as con:
        sides = comparing.sides(con, both)
        assert isinstance(sides, ClusterSides)
        jobs = (sides.marking(), sides.picking({"c": tmp_path, "d": tmp_path}, "profile"))
    counted = []
    for job in jobs:
        connect(cluster).frame(job).explain()
        counted.append(len(_EXCHANGE.findall(capsys.readouterr().out)))
    assert counted == [1, 0]
