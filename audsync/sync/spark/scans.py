"""What executors do of a difference: look through state files, a stretch of one each.

Two looks there are: for lines that are asked for, and for what each profile's lines come to, as
`sides` compares them. Of the latter, an exchange brings those of a profile together: two numbers
each, and never a value.
"""

# ruff: noqa: S608 - SQL here is our own text and paths we made

import json
import pickle  # nosec B403
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import audsync
from audsync.errors import SourceError
from audsync.snapshots import parquet
from audsync.sync.change import sides
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.spark.work import Receipt, guarded, numbers_in
from audsync.sync.tables import duck
from audsync.sync.tables.hashes import Hashes

FOOTING = f"audsync {audsync.__version__}, duckdb {duckdb.__version__}"
"""What marks depend on: they are made of DuckDB's hashes."""
MARKS_DDL = "profile bigint, mark bigint, note string"
"""What goes through the exchange. A line with a note is of a share: its number and its `Part`."""
_MARKS = pa.schema([("profile", pa.int64()), ("mark", pa.int64()), ("note", pa.string())])
STRETCH_LINES = 2_000_000
"""Some seconds of looking, several row groups, and little that a dead executor takes along."""
_BATCH_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some row groups of one side's large file."""

    path: Path
    size_bytes: int
    groups: range
    is_confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Picking:
    """To pick the lines of each stretch that are in a relation of its side."""

    stretches: tuple[Stretch, ...]
    relations: Mapping[bool, Path]
    """A file for the confirmed side (True) and one for the wanted; they have the columns `by`."""
    by: str
    memory_bytes: int

    @property
    def footing(self) -> str:
        """What a line is depends on nothing; that is told which comparing depends on."""
        return FOOTING

    def lines_of(self, number: int) -> Iterator[pa.RecordBatch]:
        """Profile, kind and value of those that are accepted."""
        stretch = self.stretches[number]
        relation = self.relations[stretch.is_confirmed]
        _see(relation)
        with _opened(stretch, self.memory_bytes) as con:
            query = (
                f"select profile, kind, value from ({_ACCEPTED})"
                f" semi join {duck.source(con, relation)} using ({self.by})"
            )
            for batch in con.sql(query).to_arrow_reader(_BATCH_ROWS):
                yield lines.of_links(number, batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marking:
    """To add up what the lines of each stretch's profiles come to."""

    stretches: tuple[Stretch, ...]
    memory_bytes: int

    def marks_of(self, number: int) -> Iterator[tuple[Hashes, Hashes]]:
        """Profiles of a stretch, and the last 64 bits of what each one's marks add up to."""
        stretch = self.stretches[number]
        with _opened(stretch, self.memory_bytes) as con:
            marks = sides.marks(f"({_ACCEPTED})", is_confirmed=stretch.is_confirmed)
            query = f"select profile, {sides.LOWEST} as mark from ({marks}) group by profile"
            for batch in con.sql(query).to_arrow_reader(_BATCH_ROWS):
                yield batch["profile"].to_numpy(), batch["mark"].to_numpy()


def stretches(path: Path, *, is_confirmed: bool) -> tuple[Stretch, ...]:
    """A large file, cut."""
    found = parquet.opened(path).metadata
    sizes = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    begun = np.cumsum([0, *sizes])[:-1] // STRETCH_LINES
    starts = np.flatnonzero(np.diff(begun, prepend=-1)).tolist() or [0]
    return tuple(
        Stretch(
            path=path,
            size_bytes=path.stat().st_size,
            groups=range(start, stop),
            is_confirmed=is_confirmed,
        )
        for start, stop in zip(starts, [*starts[1:], len(sizes)], strict=True)
    )


def mark(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Marks of the stretches whose numbers are in the first column, each with its receipt.

    Raises:
        RuntimeError: something unexpected, by its kind alone; Spark tries the stretch again.
    """
    work: Marking = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    for number in numbers_in(batches):
        yield from guarded(
            _marked(work, number),
            fault=partial(_note, number, Part.FAULT),
            what=f"stretch {number} was looked through",
        )


def settle(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Profiles whose marks do not come to nothing, as `lines.SCHEMA`, and what was taken in.

    Args:
        payload: the bytes that DuckDB may hold, pickled.
        batches: all marks of some profiles, from both sides, and notes that pass through.

    Raises:
        RuntimeError: something unexpected, by its kind alone; Spark tries again.
    """
    memory_bytes: int = pickle.loads(payload)  # noqa: S301 - as above # nosec B301
    yield from guarded(
        _settled(_Incoming(batches), memory_bytes),
        fault=partial(lines.of_note, lines.NO_SHARE, Part.FAULT),
        what="marks were compared",
    )


def _marked(work: Marking, number: int) -> Iterator[pa.RecordBatch]:
    sent = total = 0
    for profiles, marks in work.marks_of(number):
        sent += len(profiles)
        total = lines.added(total, lines.fingerprint_of(profiles, marks))
        numbers = [pa.array(each.view(np.int64)) for each in (profiles, marks)]
        yield pa.record_batch([*numbers, pa.nulls(len(profiles), pa.string())], schema=_MARKS)
    receipt = Receipt(lines=sent, fingerprint=total, footing=FOOTING)
    yield _note(number, Part.RECEIPT, json.dumps(asdict(receipt)))


def _note(number: int, part: Part, note: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"profile": number, "mark": int(part), "note": note}], schema=_MARKS
    )


class _Incoming:
    """Marks on their way into DuckDB; notes are kept, and what passes is added up."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.notes: list[pa.RecordBatch] = []
        self.count = self.fingerprint = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            is_note = batch["note"].is_valid()
            self.notes += [
                lines.of_note(line["profile"], Part(line["mark"]), line["note"])
                for line in batch.filter(is_note).to_pylist()
            ]
            marks = batch.filter(pc.invert(is_note)).select(["profile", "mark"])
            numbers = [column.view(pa.uint64()) for column in marks.columns]
            self.count += marks.num_rows
            found = lines.fingerprint_of(*(each.to_numpy() for each in numbers))
            self.fingerprint = lines.added(self.fingerprint, found)
            yield pa.record_batch(numbers, schema=_NUMBERS)


def _settled(incoming: _Incoming, memory_bytes: int) -> Iterator[pa.RecordBatch]:
    sent = total = 0
    with _session(memory_bytes) as con:
        con.register("marks", pa.RecordBatchReader.from_batches(_NUMBERS, iter(incoming)))
        for batch in con.sql(sides.unequal("marks")).to_arrow_reader(_BATCH_ROWS):
            found = lines.of_profiles(lines.NO_SHARE, batch["profile"].to_numpy())
            sent += found.num_rows
            total = lines.added(total, lines.fingerprint(found))
            yield found
    yield from incoming.notes
    told = {
        "taken_lines": incoming.count,
        "taken_fingerprint": incoming.fingerprint,
        "lines": sent,
        "fingerprint": total,
    }
    yield lines.of_note(lines.NO_SHARE, Part.SETTLED, json.dumps(told))


@contextmanager
def _opened(stretch: Stretch, memory_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the stretch's lines as `lines`, which can be looked through once.

    Raises:
        SourceError: the file cannot be seen here as it is where it was made.
    """
    _see(stretch.path, size_bytes=stretch.size_bytes)
    with parquet.opened(stretch.path) as file, _session(memory_bytes) as con:
        names = ["profile", "kind", "value", "reason"]
        schema = pa.schema([file.schema_arrow.field(name) for name in names])
        batches = (
            batch
            for group in stretch.groups
            for batch in file.read_row_group(group, columns=names).select(names).to_batches()
        )
        con.register("lines", pa.RecordBatchReader.from_batches(schema, batches))
        yield con


@contextmanager
def _session(memory_bytes: int) -> Iterator[duckdb.DuckDBPyConnection]:
    with (
        tempfile.TemporaryDirectory(prefix="audsync-share-") as work,
        duck.session(Path(work), memory_bytes=memory_bytes) as con,
    ):
        con.execute(f"set disabled_optimizers = '{duck.GUESSES}'")
        yield con


def _see(path: Path, *, size_bytes: int | None = None) -> None:
    """Raise where an executor does not see a file as this machine's client does."""
    try:
        with path.open("rb") as file:
            file.read(1)
        size = path.stat().st_size
    except OSError as error:
        fault = f"cannot open it ({error.strerror})"
    else:
        if size_bytes in {None, size}:
            return
        fault = "sees another file there"
    raise SourceError(
        f"{path} is to be compared on the cluster, and an executor {fault}. With"
        " `engine.compare`, executors must see the state folder and `engine.folder` under the same"
        " paths and be allowed to read there; see docs/spark.md. Nothing was sent.",
        details={"engine": "spark", "path": str(path)},
    )


_NUMBERS = pa.schema([("profile", pa.uint64()), ("mark", pa.uint64())])
_ACCEPTED = "select profile, kind, value from lines where reason = 0"
