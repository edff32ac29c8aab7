"""Two engines written apart, one in SQL and one in sets, are given the same lives and agree."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from audsync.connectors.contract import Replacing, Spec
from audsync.domain import OVER, Action, BatchState
from audsync.sync.change.split import disjoint
from audsync.sync.contract import BatchFacts, Cache, Carrier, Desired, Plan, PlanRequest, StateFiles
from tests.sim.local_bench import LocalBench
from tests.sim.people import Crowd, first_crowd, next_crowd
from tests.sim.set_bench import SetBench
from tests.sim.set_rows import profiles
from tests.sim.ways import way_of

LIVES = int(os.environ.get("AUDSYNC_LIVES", "30"))
CHUNK = 10
_LINKS = ("uncertain", "repair", "echo", "former", "refused")
_NO_TRACE = {BatchState.PLANNED, BatchState.REFUSED, BatchState.LEFT_OUT}
_OUTCOMES = (
    BatchState.PLANNED,
    BatchState.SENDING,
    BatchState.REFUSED,
    BatchState.UNKNOWN,
    BatchState.ACCEPTED,
    BatchState.LEFT_OUT,
    BatchState.APPLIED,
    BatchState.APPLIED,
)


class Twins:
    """An audience's state, held by both engines."""

    def __init__(self, local: LocalBench, random: Random, way: Spec) -> None:
        self._way = way
        self.sets, self.local = SetBench(), local
        self.of_sets, self.of_local = StateFiles(), StateFiles()
        self._random = random

    def live(self, crowd: Crowd) -> None:
        """One run: plan, send with any outcome, settle."""
        is_replace = self._random.random() < 0.15
        is_replace = is_replace and self._way.replaces_by is not Replacing.SUCCESSOR
        max_rows = self._random.randrange(1, 5)
        plans = self._plans(crowd, is_replace=is_replace, max_rows=max_rows)
        self._compare_plans(*plans)
        batches = disjoint(self._divided(plans, self._send(plans[0].batches)))
        is_replace = any(
            batch.action is Action.REPLACE
            or (batch.action is Action.SWEEP and batch.state not in _NO_TRACE)
            for batch in batches
        )
        if all(batch.state in OVER for batch in batches):
            self.of_sets = self.sets.engine.close(plans[0].files, batches)
            self.of_local = self.local.engine.close(plans[1].files, batches)
        else:
            self.of_sets = self.sets.engine.fold(plans[0].files, batches, is_replace=is_replace)
            self.of_local = self.local.engine.fold(plans[1].files, batches, is_replace=is_replace)
        self._compare_states()

    def _plans(self, crowd: Crowd, *, is_replace: bool, max_rows: int) -> tuple[Plan, Plan]:
        sizes = self.sets.engine.sizes(self.of_sets)
        assert sizes == self.local.engine.sizes(self.of_local)
        request = PlanRequest(
            is_replace=is_replace,
            max_rows=max_rows,
            sizes=sizes,
            takes_person_rows=self._way.takes_person_rows,
            replaces_by_sweep=self._way.replaces_by is Replacing.SWEEP,
            aged=(0, 1) if self._random.random() < 0.2 else None,  # everybody: ids here are small
            tries_refused=self._random.random() < 0.2,
        )
        counts = crowd.counts()
        names = self.sets.keep_segment(crowd)
        desired = Desired(identifiers=names[0], rows=names[1], counts=counts)
        one = self.sets.engine.plan(self.of_sets, desired, request)
        desired = self._desired_of_local(crowd, is_replace=is_replace)
        desired = replace(desired, touched=self._touched(crowd))
        return one, self.local.engine.plan(self.of_local, desired, request)

    def _desired_of_local(self, crowd: Crowd, *, is_replace: bool) -> Desired:
        """The segment in files of its own, or as a patch of the files of the confirmed one.

        For a replace a patched one is put in one file first, in an order of its own.
        """
        if self.of_local.identifiers and not is_replace and self._random.random() < 0.6:
            outdated = {cell[0] for cell in crowd.cells() if self._random.random() < 0.2}
            return self.local.keep_patched(self.of_local, crowd, outdated)
        names = self.local.keep_segment(crowd)
        return Desired(identifiers=names[0], rows=names[1], counts=crowd.counts())

    def _touched(self, crowd: Crowd) -> str | None:
        """Everybody who differs, and some who do not; or no hint at all."""
        if self._random.random() < 0.5:
            return None
        known = self.local.confirmed(self.of_local)
        wanted = {cell[:3] for cell in crowd.cells() if not cell[3]}
        bystanders = {p for p in profiles(known | wanted) if self._random.random() < 0.3}
        return self.local.keep_profiles(profiles(known ^ wanted) | bystanders)

    def _compare_plans(self, one: Plan, other: Plan) -> None:
        assert one.batches == other.batches
        kinds = {kind: change for kind, change in one.summary.kinds.items() if any_of(change)}
        others = {kind: change for kind, change in other.summary.kinds.items() if any_of(change)}
        assert kinds == others
        assert replace(one.summary, kinds={}) == replace(other.summary, kinds={})
        for batch in one.batches:
            if batch.action is Action.SWEEP:
                continue
            sent = self.sets.engine.members(one.files, batch)
            assert sent.equals(self.local.engine.members(other.files, batch))

    def _compare_states(self) -> None:
        of_sets, of_local = self.of_sets, self.of_local
        assert self.sets.links(of_sets.identifiers) == self.local.confirmed(of_local)
        assert self.sets.links(of_sets.next_identifiers) == self.local.wanted(of_local)
        for role in _LINKS:
            held = self.sets.links(getattr(self.of_sets, role))
            assert held == self.local.links(getattr(self.of_local, role)), role
        assert self.sets.rounds(self.of_sets.echo) == self.local.rounds(self.of_local.echo)

    def _divided(self, plans: tuple[Plan, Plan], batches: Sequence[BatchFacts]) -> list[BatchFacts]:
        """Some of them in pieces that fare each in their own way, and some with rows apart."""
        pieces: list[BatchFacts] = []
        for batch in batches:
            if batch.action in {Action.REPLACE, Action.SWEEP} or self._random.random() < 0.6:
                pieces.append(batch)
                continue
            named = [row for row in range(batch.rows) if self._random.random() < 0.4]
            both = [
                engine.apart(plan.files, batch, named)
                if named
                else engine.halves(plan.files, batch)
                for engine, plan in zip((self.sets.engine, self.local.engine), plans, strict=True)
            ]
            assert both[0] == both[1]
            for piece in both[0]:
                assert self._carriers(0, plans, piece) == self._carriers(1, plans, piece)
            pieces += self._send(both[0]) if both[0] else [batch]
        return pieces

    def _carriers(
        self, which: int, plans: tuple[Plan, Plan], batch: BatchFacts
    ) -> Sequence[Carrier]:
        engine = (self.sets.engine, self.local.engine)[which]
        is_removal = batch.action is Action.REMOVE
        return () if is_removal else engine.carriers(plans[which].files, batch)

    def _send(self, batches: Sequence[BatchFacts]) -> list[BatchFacts]:
        if self._random.random() < 0.4:
            outcomes: tuple[BatchState, ...] = (BatchState.APPLIED,)
        else:
            outcomes = _OUTCOMES
        return [
            replace(
                batch,
                state=self._random.choice(outcomes),
                unanswered_tries=int(self._random.random() < 0.2),
            )
            for batch in batches
        ]


def any_of(change: object) -> bool:
    return change != type(change)()


@pytest.mark.parametrize("start", range(0, LIVES, CHUNK))
def test_engines_agree(start: int, tmp_path: Path) -> None:
    for seed in range(start, start + CHUNK):
        random = Random(seed)
        twins = Twins(LocalBench(tmp_path / str(seed)), random, way_of(seed))
        crowd = first_crowd(random, is_linked=False, size=random.randrange(8))
        try:
            for _ in range(4):
                twins.live(crowd)
                crowd = next_crowd(random, crowd, is_linked=False)
        except AssertionError as error:
            error.add_note(f"life {seed}")
            raise


def test_a_replace_sends_a_patched_segment_from_one_file(tmp_path: Path) -> None:
    bench, random = LocalBench(tmp_path), Random(7)
    crowd = first_crowd(random, is_linked=False, size=12)
    names = bench.keep_segment(crowd)
    files = StateFiles(identifiers=names[0], rows=names[1])
    crowd = next_crowd(random, crowd, is_linked=False)
    desired = bench.keep_patched(files, crowd, set())
    assert desired.patch.outdated, "the crowd changed"
    request = PlanRequest(is_replace=True, max_rows=3, sizes=bench.engine.sizes(files))
    plan = bench.engine.plan(files, desired, request)
    assert plan.files.additions == plan.files.next_identifiers, "a session may be ended by its rows"
    assert bench.wanted(plan.files) == {cell[:3] for cell in crowd.cells() if not cell[3]}
    sent = [bench.engine.members(plan.files, batch).to_pylist() for batch in plan.batches]
    values = {(row["kind"], row["value"]) for rows in sent for row in rows}
    assert values == {cell[1:3] for cell in crowd.cells() if not cell[3]}
    again = bench.engine.prepared(Cache(files=plan.files))
    assert again is not None
    assert (again.identifiers, again.counts.rows) == (
        plan.files.next_identifiers,
        crowd.counts().rows,
    )
