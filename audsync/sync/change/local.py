"""The engine on one machine: Parquet files, DuckDB for the sets, out of core."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa

from audsync.domain import FIRST_FIELD, SWAPS, Kind
from audsync.snapshots import parquet
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.change import delta, fold, inputs
from audsync.sync.change.inputs import Inputs, MakeSides
from audsync.sync.change.requests import Requests
from audsync.sync.change.sides import Sides
from audsync.sync.contract import (
    NONE_REFUSED,
    BatchFacts,
    Cache,
    Carrier,
    Desired,
    KindChange,
    Patch,
    Plan,
    PlanRequest,
    PlanSummary,
    Refused,
    StateFiles,
)
from audsync.sync.tables import duck, layers
from audsync.sync.tables.layers import NEXT, Layers
from audsync.sync.wanted import tally


class LocalEngine:
    """Sets of members as Parquet files of one audience's folder."""

    def __init__(
        self,
        folder: AudienceFolder,
        work: Path,
        *,
        memory_bytes: int,
        make_sides: MakeSides = Sides,
    ) -> None:
        """`make_sides`: puts the two large sets of a difference side by side, here or elsewhere."""
        self.work = work
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._make_sides = make_sides
        self._requests = Requests(folder)

    def fold(
        self, files: StateFiles, batches: Sequence[BatchFacts], *, is_replace: bool
    ) -> StateFiles:
        """Close an open plan without trusting any outcome that is not certain."""
        if not fold.was_attempted(batches):
            former = self._former_of_unsent(files, batches)
            return replace(files, removals=None, additions=None, former=former, next_former=None)
        with self._session() as con:
            fold.prepare(con, batches, self._paths(files))
            parts = fold.REPLACE_PARTS if is_replace else fold.UPDATE_PARTS
            written = {role: self._write(con, query, role) for role, query in parts.items()}
            refused = self._write(con, fold.REFUSED, "refused")
        if "identifiers" in written:
            files = _with_confirmed(files, written["identifiers"])
        return replace(
            files,
            removals=None,
            additions=None,
            uncertain=written["uncertain"],
            repair=written["repair"],
            echo=written["echo"],
            former=written["former"],
            next_former=None,
            refused=refused,
        )

    def _former_of_unsent(self, files: StateFiles, batches: Sequence[BatchFacts]) -> str | None:
        """Former links, with those that only the unsent plan knew of values that are there."""
        if not (files.next_identifiers and (files.identifiers or files.uncertain)):
            return files.former
        with self._session() as con:
            fold.prepare(con, batches, self._paths(files))
            return self._write(con, fold.UNSENT_FORMER, "former")

    def close(self, files: StateFiles, batches: Sequence[BatchFacts]) -> StateFiles:
        """The state after a plan whose every batch was applied or left out."""
        echo = refused = uncertain = None
        is_unsure = files.uncertain or files.echo or any(one.unanswered_tries for one in batches)
        if is_unsure or fold.has_refused(batches, self._paths(files)):
            with self._session() as con:
                fold.prepare(con, batches, self._paths(files))
                echo = self._write(con, fold.ECHO_OF_CLOSED, "echo")
                if not any(one.action in SWAPS for one in batches):
                    uncertain = self._write(con, fold.UNCERTAIN_OF_CLOSED, "uncertain")
                refused = self._write(con, fold.REFUSED_OF_CLOSED, "refused")
        return StateFiles(
            identifiers=files.next_identifiers,
            rows=files.next_rows,
            outdated=files.next_outdated,
            later_identifiers=files.next_later_identifiers,
            later_rows=files.next_later_rows,
            uncertain=uncertain,
            echo=echo,
            former=files.next_former,
            refused=refused,
        )

    def plan(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        """Difference between `desired` and what is confirmed or uncertain, cut into batches."""
        state = (files.identifiers, files.uncertain, files.repair, files.echo, files.refused)
        is_first = not any(state)
        if is_first or request.is_replace:
            # What is sent is then the file itself, of which the plan's batches are ranges of rows.
            desired = self._in_one_layer(desired)
        files = _wanting(files, desired)
        if not desired.counts.profiles and not request.replaces_by_sweep:
            # A session must hold a row: an empty audience is reached by removals alone.
            request = replace(request, is_replace=False)
        if is_first:
            return self._plan_first(files, desired, request)
        with self._session() as con:
            sides = inputs.prepare(con, self._inputs(files, desired, request))
            delta.compute(con, sides, request.aged)
            summary = _summary(con, request)
            files = replace(files, next_former=self._write(con, delta.FORMER, "former"))
            if request.is_replace:
                return self._plan_replace(files, desired, request, summary)
            removals = self._write(con, delta.REMOVALS, "removals")
            additions = self._write(con, _laid_out(delta.ADDITIONS, request), "additions")
        kinds = self._kinds(additions)
        files = replace(files, removals=removals, additions=additions)
        summary = replace(summary, session_kinds=kinds)
        return Plan(files=files, batches=self._requests.cut(files, request), summary=summary)

    def members(self, files: StateFiles, batch: BatchFacts) -> pa.Table:
        """The batch's rows as `UploadBatch.members` wants them."""
        return self._requests.members(files, batch)

    def prepared(self, cache: Cache | None) -> Desired | None:
        """The segment as an unfinished run had read it; None when no such run left it."""
        files = cache.files if cache else None
        if files is None or not (files.next_identifiers and files.next_rows):
            return None
        found = Layers.of(self._paths(files), NEXT)
        assert found is not None, "its file of identifiers was just looked at"
        return Desired(
            identifiers=files.next_identifiers,
            rows=files.next_rows,
            patch=files.next_patch,
            counts=tally.count(found),
            source=cache.source if cache else None,
            list_sizes=None,
        )

    def sizes(self, files: StateFiles) -> dict[Kind, int]:
        """Distinct confirmed identifiers by kind."""
        return self._sizes(Layers.of(self._paths(files)), less=self._paths(files).get("refused"))

    def halves(self, files: StateFiles, batch: BatchFacts) -> tuple[BatchFacts, ...]:
        """The batch as two smaller ones."""
        return self._requests.halves(files, batch)

    def apart(
        self, files: StateFiles, batch: BatchFacts, rows: Sequence[int]
    ) -> tuple[BatchFacts, ...]:
        """The batch without some of its people, then those."""
        return self._requests.apart(files, batch, rows)

    def carriers(self, files: StateFiles, batch: BatchFacts) -> Sequence[Carrier]:
        """Who carries the identifiers that a batch of additions holds."""
        return self._requests.carriers(files, batch)

    def refused(self, files: StateFiles) -> Refused:
        """How many are wanted and refused."""
        if files.refused is None:
            return NONE_REFUSED
        links = parquet.read(self._folder.path(files.refused), ["profile", "kind", "value"])
        values = links.group_by(["kind", "value"]).aggregate([])
        return Refused(identifiers=values.num_rows, profiles=len(links["profile"].unique()))

    def _plan_first(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Plan:
        """Everything that is wanted, straight from its file: nothing is there to compare with."""
        sizes = desired.sizes or self._sizes(Layers.of(self._paths(files), NEXT))
        additions = self._everything(desired, request)
        summary = PlanSummary(
            kinds={kind: KindChange(adds=size) for kind, size in sizes.items()},
            causes={},
            profiles_sent=desired.counts.profiles,
            profiles_new=desired.counts.profiles,
            profiles_refreshed=0,
            profiles_left=0,
            profiles_left_silently=0,
            echoed=0,
            session_kinds=self._kinds(additions),
        )
        files = replace(files, removals=None, additions=additions)
        return Plan(files=files, batches=self._requests.cut(files, request), summary=summary)

    def _plan_replace(
        self, files: StateFiles, desired: Desired, request: PlanRequest, change: PlanSummary
    ) -> Plan:
        """Everything that is wanted; `change` says what that changes as far as we know."""
        less = None if request.tries_refused else files.refused
        additions = self._everything(desired, request, less=less)
        files = replace(files, removals=None, additions=additions)
        batches = self._requests.cut(files, request)
        summary = replace(
            change,
            profiles_sent=sum(batch.profiles for batch in batches),
            profiles_refreshed=0,
            echoed=0,
            session_kinds=self._kinds(additions),
        )
        return Plan(files=files, batches=batches, summary=summary)

    def _everything(
        self, desired: Desired, request: PlanRequest, *, less: str | None = None
    ) -> str | None:
        """The prepared segment as a file of additions: itself, where its order will do."""
        if request.takes_person_rows and less is None:
            return desired.identifiers
        with self._session() as con:
            every = duck.source(con, self._folder.path(desired.identifiers))
            query = delta.EVERYTHING.replace("{identifiers}", every)
            if less is not None:
                unwanted = duck.source(con, self._folder.path(less))
                query += (
                    f" anti join (select kind, value from {unwanted}) using (kind, value)"
                    " order by profile, kind, value"
                )
            return self._write(con, _laid_out(query, request), "additions")

    def _kinds(self, name: str | None) -> tuple[Kind, ...]:
        if name is None:
            return ()
        with self._session() as con:
            return _kinds(con, duck.identifiers(con, self._folder.path(name)))

    def _sizes(self, found: Layers | None, *, less: Path | None = None) -> dict[Kind, int]:
        with self._session() as con:
            # By 64 bits of each value, as `tally.Sizes`: a quarter of what would spill.
            rows = con.execute(
                "select kind, count(distinct hash(value))"
                f" from {layers.accepted(con, found, less=less)}"
                f" where kind < {FIRST_FIELD} group by kind"
            ).fetchall()
        return {Kind(kind): int(size) for kind, size in rows}

    def _inputs(self, files: StateFiles, desired: Desired, request: PlanRequest) -> Inputs:
        return Inputs(
            paths=self._paths(files),
            touched=self._folder.path(desired.touched) if desired.touched else None,
            profiles=desired.counts.profiles,
            tries_refused=request.tries_refused,
            make_sides=self._make_sides,
        )

    def _in_one_layer(self, desired: Desired) -> Desired:
        """The same segment without a patch."""
        if desired.patch == Patch():
            return desired
        found = Layers.of(self._paths(_wanting(StateFiles(), desired)), NEXT)
        assert found is not None, "its files were just named"
        with self._session() as con:
            identifiers = self._write_all(con, layers.identifiers(con, found), "identifiers")
            rows = self._write_all(con, layers.rows(con, found), "rows")
        return replace(desired, identifiers=identifiers, rows=rows, patch=Patch())

    def _session(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        return duck.session(self.work, memory_bytes=self._memory_bytes)

    def _paths(self, files: StateFiles) -> dict[str, Path]:
        return {role: self._folder.path(name) for role, name in files.as_dict().items()}

    def _write_all(self, con: duckdb.DuckDBPyConnection, source: str, role: str) -> str:
        """Write all of `source` as a durable file, be it empty or not."""
        unfinished = self.work / f"{role}.parquet"
        duck.write(con, f"select * from {source}", unfinished)
        return self._folder.keep(unfinished, role)

    def _write(self, con: duckdb.DuckDBPyConnection, query: str, role: str) -> str | None:
        """Write the query as a durable file; None when it yields nothing."""
        unfinished = self.work / f"{role}.parquet"
        if not duck.write(con, query, unfinished):
            return None
        return self._folder.keep(unfinished, role)


def _wanting(files: StateFiles, desired: Desired) -> StateFiles:
    """The files, with `desired` as what is wanted next."""
    return replace(
        files,
        next_identifiers=desired.identifiers,
        next_rows=desired.rows,
        next_outdated=desired.patch.outdated,
        next_later_identifiers=desired.patch.later_identifiers,
        next_later_rows=desired.patch.later_rows,
    )


def _with_confirmed(files: StateFiles, identifiers: str | None) -> StateFiles:
    """The files, with `identifiers` as what is confirmed; rows say nothing of another set."""
    if identifiers == files.identifiers and files.patch == Patch():
        return files
    return replace(
        files,
        identifiers=identifiers,
        rows=None,
        outdated=None,
        later_identifiers=None,
        later_rows=None,
    )


def _laid_out(additions: str, request: PlanRequest) -> str:
    """The query for additions in the order in which the platform takes them."""
    return (
        additions if request.takes_person_rows else delta.BY_KIND.replace("{additions}", additions)
    )


def _kinds(con: duckdb.DuckDBPyConnection, source: str) -> tuple[Kind, ...]:
    rows = con.execute(f"select distinct kind from {source} order by kind").fetchall()
    return tuple(Kind(kind) for (kind,) in rows)


def _summary(con: duckdb.DuckDBPyConnection, request: PlanRequest) -> PlanSummary:
    """What the change comes to; the kinds in its additions are read from their file later."""
    adds = dict(con.execute("select kind, count(*) from appears group by kind").fetchall())
    removes = con.execute(
        "select kind, count(*), count(*) filter (is_confirmed) from removal"
        " where not is_echo group by kind"
    ).fetchall()
    gone = {kind: confirmed for kind, _, confirmed in removes}
    going = {kind: total for kind, total, _ in removes}
    kinds = {Kind(code) for code in (*adds, *going)} | set(request.sizes)
    leaving = "select coalesce(sum(leaving), 0) from (" + delta.REMOVALS + ")"
    left = duck.count(con, "select count(*) from departed")
    return PlanSummary(
        kinds={
            kind: KindChange(
                adds=adds.get(kind, 0),
                removes=going.get(kind, 0),
                unchanged=request.sizes.get(kind, 0) - gone.get(kind, 0),
            )
            for kind in sorted(kinds)
        },
        causes=dict(con.execute(delta.CAUSES).fetchall()),
        profiles_sent=duck.count(con, "select count(*) from sent"),
        profiles_new=duck.count(con, "select count(*) from sent anti join known using (profile)"),
        profiles_refreshed=duck.count(con, "select count(*) from refreshed"),
        profiles_left=left,
        profiles_left_silently=left - duck.count(con, leaving),
        echoed=duck.count(con, "select count(*) from e"),
        session_kinds=(),
    )
