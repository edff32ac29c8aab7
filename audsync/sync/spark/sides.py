"""Both sides of a difference whose large files a cluster looks through.

Only what is small comes back: who may differ, and lines that are asked for. It is put beside what
is small anyway, patches and refused values, and there `delta` goes on as always.
"""

# ruff: noqa: S608 - SQL here is our own text and paths we made

import pickle  # nosec B403
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from audsync.snapshots import cipher, parquet
from audsync.sync.change.sides import Both, Sides
from audsync.sync.spark import lines, scans
from audsync.sync.spark.results import Results, run_folder
from audsync.sync.spark.scans import Marking, Picking, Stretch
from audsync.sync.spark.session import Job, Then, connect
from audsync.sync.tables import duck, layers
from audsync.sync.wanted.parts import Cluster

WORTH_LINES = 20_000_000
"""Of both large files together. Two cores look through them, three times, in 7 s: a cluster takes
about as long to begin its jobs."""
MOST_ASKED = 5_000_000
"""Profiles or values that are looked for: each task holds them all while it looks."""
_PURPOSE = "compare what is wanted with what is confirmed"
_PROFILES = pa.schema([("profile", pa.uint64())])


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """Where large files are looked through, and from where."""

    cluster: Cluster
    work: Path
    """This run's own folder."""
    memory_bytes: int
    """For DuckDB, in each task there as here."""
    check: Callable[[], None]
    """Raises to stop."""

    def sides(self, con: duckdb.DuckDBPyConnection, both: Both) -> Sides:
        """The sides of one difference; where a cluster does not help, they are looked at here."""
        if both.confirmed is None or both.share_their_base or _is_sealed(both):
            return Sides(con, both)
        large = (both.confirmed.identifiers, both.wanted.identifiers)
        if sum(map(parquet.rows_in, large)) < WORTH_LINES:
            return Sides(con, both)
        return ClusterSides(con, both, self)

    def folder(self) -> AbstractContextManager[Path]:
        """A folder for one job that executors see, too; gone afterwards."""
        return run_folder(self.cluster.folder or self.work)

    def results(self, job: Job, folder: Path) -> Results:
        """What a job wrote into its folder; it is still to be proved."""
        out = folder / "lines"
        connect(self.cluster).write(job, folder=out, watch=self.check)
        return Results(out, shares=job.shares)


class ClusterSides(Sides):
    """The two sets of links of one difference, their large files looked through by executors.

    Raises, with each look:
        SourceError: the cluster failed, or cannot see the files; nothing of it is used.
        ConfigError: Spark's client is not installed.
        StateError: the folder for the results cannot be used.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, both: Both, comparing: Comparing) -> None:
        super().__init__(con, both)
        assert both.confirmed is not None, "there is nothing to look through"
        self._comparing = comparing
        self._layers = {"c": both.confirmed, "d": both.wanted}

    def differing(self) -> str:
        """SQL for profiles among which are all that differ.

        Those whose lines in the large files differ, and all that have a patch. Refused values count
        on both sides here: whoever is wanted with one is `masked`.
        """
        path = self._comparing.work / "differing.parquet"
        job = self.marking()
        with self._comparing.folder() as folder, parquet.writer(path, _PROFILES) as file:
            results = self._comparing.results(job, folder)
            for batch in results.lines():
                found = pa.array(lines.profiles_in(batch))
                file.write_batch(pa.record_batch([found], schema=_PROFILES))
            results.prove_settled(footing=scans.FOOTING)
        patched = (
            file
            for side in self._layers.values()
            for file in (side.outdated, side.later_identifiers)
            if file
        )
        every = [duck.source(self._con, file) for file in (path, *patched)]
        return f"({' union all '.join(f'select profile from {one}' for one in every)})"

    def mask(self, refused: Path | None) -> None:
        """Make the table `masked`."""
        if refused is None:
            super().mask(refused)
            return
        values = f"(select kind, value from {duck.source(self._con, refused)})"
        with self._looked_up({"d": values}, "kind, value") as found:
            self._con.execute(f"create temp table masked as select * from {found['d']}")

    def pick(self, name: str, *, c: str, d: str, by: str) -> None:
        """Make tables `c_name` and `d_name`; where much is looked for, here."""
        asked = [duck.count(self._con, f"select count(*) from {one}") for one in (c, d)]
        if max(asked) > MOST_ASKED:
            super().pick(name, c=c, d=d, by=by)
            return
        with self._looked_up({"c": c, "d": d}, by) as found:
            for side, links in found.items():
                less = self._less[side]
                kept = layers.without(self._con, links, less) if less else links
                self._con.execute(f"create temp table {side}_{name} as select * from {kept}")

    def marking(self) -> Job:
        """The job that finds who differs: one exchange, of two numbers a profile."""
        cut = self._stretches("cd")
        memory_bytes = self._comparing.memory_bytes
        return Job(
            payload=pickle.dumps(Marking(stretches=cut, memory_bytes=memory_bytes)),
            shares=len(cut),
            ddl=scans.MARKS_DDL,
            task="scans.mark",
            then=Then(
                by="profile",
                payload=pickle.dumps(memory_bytes),
                task="scans.settle",
                ddl=lines.DDL,
            ),
            purpose=_PURPOSE,
        )

    def picking(self, relations: Mapping[str, Path], by: str) -> Job:
        """The job that finds lines, without an exchange: each task knows what is looked for."""
        work = Picking(
            stretches=self._stretches(relations),
            relations={side == "c": path for side, path in relations.items()},
            by=by,
            memory_bytes=self._comparing.memory_bytes,
        )
        return Job(
            payload=pickle.dumps(work),
            shares=len(work.stretches),
            ddl=lines.DDL,
            purpose=_PURPOSE,
        )

    def _stretches(self, sides: Iterable[str]) -> tuple[Stretch, ...]:
        return tuple(
            one
            for side in sides
            for one in scans.stretches(self._layers[side].identifiers, is_confirmed=side == "c")
        )

    @contextmanager
    def _looked_up(self, relations: Mapping[str, str], by: str) -> Iterator[dict[str, str]]:
        """SQL for the accepted lines of each side that are in its relation, by its columns `by`."""
        paths = {side: self._comparing.work / f"looked-up-{side}.parquet" for side in relations}
        with self._comparing.folder() as folder:
            asked = {side: folder / f"asked-{side}.parquet" for side in relations}
            for side, relation in relations.items():
                duck.write(self._con, f"select distinct {by} from {relation}", asked[side])
            job = self.picking(asked, by)
            self._take_in(self._comparing.results(job, folder), paths)
        yield {
            side: self._with_patch(side, path, relations[side], by) for side, path in paths.items()
        }
        for path in paths.values():
            path.unlink()

    def _take_in(self, results: Results, paths: Mapping[str, Path]) -> None:
        """Write what was found into a file for each side."""
        first_wanted = len(self._stretches("c")) if "c" in paths else 0
        with ExitStack() as stack:
            files = {
                side: stack.enter_context(parquet.writer(path, lines.LINKS))
                for side, path in paths.items()
            }
            for batch in results.lines():
                for side, file in files.items():
                    compared = pc.less if side == "c" else pc.greater_equal
                    is_its = compared(batch["share"], first_wanted)
                    file.write_batch(lines.links_in(batch.filter(is_its)))
            results.prove(footing=scans.FOOTING)

    def _with_patch(self, side: str, found: Path, relation: str, by: str) -> str:
        """SQL for what was found in a large file, less what counts there no more, and the rest."""
        patch = self._layers[side]
        links = f"select * from {duck.source(self._con, found)} large"
        if patch.outdated:
            outdated = layers.profiles(self._con, patch.outdated)
            links += f" anti join {outdated} outdated using (profile)"
        if patch.later_identifiers:
            later = duck.identifiers(self._con, patch.later_identifiers)
            links += f" union all select * from {later} semi join {relation} using ({by})"
        return f"({links})"


def _is_sealed(both: Both) -> bool:
    """Whether a file is encrypted: keys never leave this machine, nor what they keep."""
    small = (both.unconfirmed, both.unwanted)
    large = (
        file
        for side in (both.confirmed, both.wanted)
        if side
        for file in (side.identifiers, side.outdated, side.later_identifiers)
    )
    return any(cipher.key_id_of(file) is not None for file in (*small, *large) if file)
