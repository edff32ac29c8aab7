"""A plan's files as the requests that they are cut into."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audsync.domain import Action, Kind
from audsync.snapshots import parquet
from audsync.snapshots.folder import AudienceFolder
from audsync.sync.change import cut, cut_by_kind, split
from audsync.sync.change.cut import Chunk, Flags, Ints
from audsync.sync.change.cut_by_kind import Values
from audsync.sync.contract import BatchFacts, Carrier, PlanRequest, StateFiles

_COLUMNS = ["profile", "kind", "value", "reason"]
_PEOPLE = ["profile", "kind", "reason", "is_refresh", "is_new"]
_VALUES = ["kind", "is_first", "is_last", "is_refresh", "is_new"]
_SMALL_ROWS = 1 << 20


class Requests:
    """Cuts the files of one audience's plans, and reads one request's rows out of them."""

    def __init__(self, folder: AudienceFolder) -> None:
        self._folder = folder
        self._open: tuple[str, pq.ParquetFile] | None = None
        self._groups: dict[tuple[str, ...], dict[int, pa.Table]] = {}
        """Row groups of the open file that the last request was in, by the columns read."""

    def cut(self, files: StateFiles, request: PlanRequest) -> tuple[BatchFacts, ...]:
        """The plan's batches: removals, additions, and what sweeps out the rest."""
        removals = self._cut_removals(files.removals, request)
        additions = self._cut_additions(files.additions, request, len(removals) + 1)
        if not (request.is_replace and request.replaces_by_sweep):
            return removals + additions
        end = additions[-1].stop_row if additions else 0
        sweep = BatchFacts(
            number=len(removals) + len(additions) + 1,
            action=Action.SWEEP,
            first_row=end,
            stop_row=end,
            rows=0,
        )
        return (*removals, *additions, sweep)

    def members(self, files: StateFiles, batch: BatchFacts) -> pa.Table:
        """The batch's rows as `UploadBatch.members` wants them."""
        if batch.action is Action.REMOVE:
            table = self._rows(files.removals, batch, ["kind", "value"])
            return cut.one_value_rows(table)
        table = self._rows(files.additions, batch, _COLUMNS)
        if self._is_by_kind(files):
            wanted = self._rows(files.additions, batch, ["is_first"])["is_first"]
            return cut.one_value_rows(table.filter(wanted))
        if table["reason"].to_numpy().any():
            table = table.filter(pc.equal(table["reason"], 0))
        return cut.rows_of_additions(
            table["profile"].to_numpy(),
            table["kind"].to_numpy(),
            table["value"].combine_chunks(),
        )

    def halves(self, files: StateFiles, batch: BatchFacts) -> tuple[BatchFacts, ...]:
        """The batch as two smaller ones; see `split.halves_of_people`."""
        if batch.action is Action.REMOVE:
            return split.halves_of_removals(batch, *self._removed(files, batch))
        if self._is_by_kind(files):
            return split.halves_of_values(batch, self._values_of(files, batch))
        return split.halves_of_people(batch, self._people_of(files, batch))

    def apart(
        self, files: StateFiles, batch: BatchFacts, rows: Sequence[int]
    ) -> tuple[BatchFacts, ...]:
        """The batch without some of its people, then those; see `split.people_apart`."""
        if batch.action is Action.REMOVE:
            return split.removals_apart(batch, *self._removed(files, batch), rows)
        if self._is_by_kind(files):
            return split.values_apart(batch, self._values_of(files, batch), rows)
        return split.people_apart(batch, self._people_of(files, batch), rows)

    def carriers(self, files: StateFiles, batch: BatchFacts) -> list[Carrier]:
        """Who carries the identifiers of a batch of additions."""
        rows = self._rows(files.additions, batch, self._people(files)).to_pylist()
        return [
            Carrier(
                profile=row["profile"],
                kind=Kind(row["kind"]),
                is_refresh=row.get("is_refresh", False),
            )
            for row in rows
            if not row["reason"] and Kind(row["kind"]).is_identifier
        ]

    def _removed(self, files: StateFiles, batch: BatchFacts) -> tuple[Ints, Flags]:
        table = self._rows(files.removals, batch, ["leaving", "is_echo"])
        return table["leaving"].to_numpy().astype(np.int64), _flags(table, "is_echo")

    def _is_by_kind(self, files: StateFiles) -> bool:
        return "is_first" in self._file(files.additions).schema_arrow.names

    def _people_of(self, files: StateFiles, batch: BatchFacts) -> Chunk:
        return _chunk(self._rows(files.additions, batch, self._people(files)))

    def _people(self, files: StateFiles) -> list[str]:
        """Those of the columns `_PEOPLE` that the file of additions has."""
        return [n for n in _PEOPLE if n in self._file(files.additions).schema_arrow.names]

    def _values_of(self, files: StateFiles, batch: BatchFacts) -> Values:
        return _value(self._rows(files.additions, batch, _VALUES))

    def _cut_removals(self, name: str | None, request: PlanRequest) -> tuple[BatchFacts, ...]:
        if name is None:
            return ()
        table = parquet.read(self._folder.path(name), ["kind", "leaving", "is_echo"])
        kind = table["kind"].to_numpy()
        return cut.removals(
            leaving=table["leaving"].to_numpy().astype(np.int64),
            is_echo=table["is_echo"].to_numpy(),
            stretches=cut_by_kind.stretches(
                np.zeros_like(kind) if request.takes_person_rows else kind, request.max_rows
            ),
        )

    def _cut_additions(
        self, name: str | None, request: PlanRequest, first_number: int
    ) -> tuple[BatchFacts, ...]:
        if name is None:
            return ()
        if not request.takes_person_rows:
            return cut_by_kind.additions(
                _values(self._folder.path(name)),
                max_rows=request.max_rows,
                first_number=first_number,
            )
        is_session = request.is_replace and not request.replaces_by_sweep
        return cut.additions(
            _chunks(self._folder.path(name)),
            action=Action.REPLACE if is_session else Action.ADD,
            max_rows=request.max_rows,
            first_number=first_number,
        )

    def _file(self, name: str | None) -> pq.ParquetFile:
        assert name is not None, "only a batch of an empty file has none"
        if self._open is None or self._open[0] != name:
            self._open = (name, parquet.opened(self._folder.path(name)))
            self._groups = {}
        return self._open[1]

    def _rows(self, name: str | None, batch: BatchFacts, columns: list[str]) -> pa.Table:
        """The file's rows that belong to the batch; only their row groups are read.

        A row group holds many requests, which follow each other.
        """
        file = self._file(name)
        start, first = 0, 0
        groups: list[int] = []
        for index in range(file.num_row_groups):
            stop = start + file.metadata.row_group(index).num_rows
            if start < batch.stop_row and stop > batch.first_row:
                first = first if groups else start
                groups.append(index)
            start = stop
        before = self._groups.get(tuple(columns), {})
        known = {
            one: before[one] if one in before else file.read_row_group(one, columns=columns)
            for one in groups
        }
        self._groups[tuple(columns)] = known
        table = (
            pa.concat_tables(known.values())
            if known
            else file.schema_arrow.empty_table().select(columns)
        )
        return table.slice(batch.first_row - first, batch.stop_row - batch.first_row)


def _chunks(path: Path) -> Iterator[Chunk]:
    """A file of additions in which a profile's values stand together."""
    file = parquet.opened(path)
    wanted = [name for name in _PEOPLE if name in file.schema_arrow.names]
    return map(_chunk, file.iter_batches(_SMALL_ROWS, columns=wanted))


def _chunk(rows: pa.RecordBatch | pa.Table) -> Chunk:
    """Columns `_PEOPLE`; without the last two everybody is new."""
    has_flags = "is_refresh" in rows.schema.names
    taken = rows["reason"].to_numpy() == 0
    return Chunk(
        profile=rows["profile"].to_numpy(),
        kind=rows["kind"].to_numpy(),
        is_taken=taken,
        is_refresh=_flags(rows, "is_refresh") if has_flags else np.zeros_like(taken),
        is_new=_flags(rows, "is_new") if has_flags else taken,
    )


def _values(path: Path) -> Iterator[Values]:
    """A file of additions in which a kind's values stand together."""
    file = parquet.opened(path)
    return map(_value, file.iter_batches(_SMALL_ROWS, columns=_VALUES))


def _value(rows: pa.RecordBatch | pa.Table) -> Values:
    return Values(
        kind=rows["kind"].to_numpy(), **{name: _flags(rows, name) for name in _VALUES[1:]}
    )


def _flags(rows: pa.RecordBatch | pa.Table, column: str) -> Flags:
    cells = rows[column]
    if isinstance(cells, pa.ChunkedArray):
        cells = cells.combine_chunks()
    flags: Flags = cells.to_numpy(zero_copy_only=False)
    return flags
