"""A segment prepared on a cluster: the same lines that this machine would have made of it.

The client finds the files and their columns; executors read and prepare a share each and write
lines into a folder of this run alone. They are believed only once Spark says that all are there
and every share's receipt agrees with what was read back.
"""

import json
import pickle  # nosec B403
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audsync.errors import SourceError, StateError
from audsync.segments.contract import FileQuery
from audsync.segments.files import shares
from audsync.snapshots import parquet
from audsync.sync import tally
from audsync.sync.digest import IDENTIFIERS
from audsync.sync.known import ROWS, Hashes, distinct
from audsync.sync.parts import Cluster, Parts, Reading
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.spark.session import connect
from audsync.sync.spark.work import Order, Receipt, footing
from audsync.sync.suppression import Listed

_DONE = "_SUCCESS"
_BATCH_ROWS = 100_000


def prepare(reading: Reading, cluster: Cluster, listed: Listed | None) -> Parts:
    """Have the segment's files read and prepared there, and take in what they came to.

    Raises:
        SourceError: a file cannot be read, or the cluster failed; nothing of it is used.
        ConfigError: Spark's client is not installed.
        StateError: the folder for the results cannot be used.
    """
    assert isinstance(reading.query, FileQuery), "only files are read on a cluster"
    order = Order(
        shares=shares(reading.query),
        spec=reading.spec,
        salt=reading.salt,
        holdouts=tuple(reading.holdouts),
        pool=listed.pool if listed is not None and listed.pool.keys else None,
    )
    with _run_folder(cluster.folder or reading.work) as folder:
        out = folder / "lines"
        connect(cluster).write(
            pickle.dumps(order),
            shares=len(order.shares),
            ddl=lines.DDL,
            folder=out,
            watch=lambda: reading.advance(0),
        )
        return _taken_in(reading, order, out)


@contextmanager
def _run_folder(parent: Path) -> Iterator[Path]:
    """A folder that nobody has used before, and that is gone afterwards."""
    folder = parent / f"audsync-spark-{token_hex(8)}"
    try:
        # Executors may be another user of the same group; inside the work folder nobody is let in.
        folder.mkdir(mode=0o770, parents=True)
    except OSError as error:
        raise StateError(
            f"{parent}: cannot be written to ({error.strerror}); `engine.folder` must be a folder"
            " that this machine and the executors share.",
            details={"path": str(parent)},
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Tally:
    """What was read back."""

    suppressed: list[Hashes]
    receipts: dict[int, Receipt]
    found: dict[int, Receipt]
    sizes: tally.Sizes


def _taken_in(reading: Reading, order: Order, folder: Path) -> Parts:
    if not (folder / _DONE).is_file():
        raise _broken("Spark has not written to its end what it prepared")
    identifiers, rows = reading.work / "new-identifiers.parquet", reading.work / "new-rows.parquet"
    seen = _Tally(
        suppressed=[np.empty(0, dtype=np.uint64)],
        receipts={},
        found=defaultdict(Receipt),
        sizes=tally.Sizes(memory_bytes=reading.memory_bytes // 4),
    )
    with (
        parquet.writer(identifiers, IDENTIFIERS) as values,
        parquet.writer(rows, ROWS) as states,
    ):
        for batch in read_back(folder):
            prepared = _noted(batch, seen)
            done = lines.identifiers_in(prepared)
            values.write_batch(done)
            seen.sizes.add(done)
            states_read = lines.rows_in(prepared)
            states.write_batch(states_read)
            seen.suppressed.append(lines.profiles_in(prepared))
            reading.advance(states_read.num_rows)
    _prove(order, seen)
    return Parts(
        identifiers=identifiers,
        rows=rows,
        row_count=sum(receipt.rows for receipt in seen.receipts.values()),
        sizes=seen.sizes,
        suppressed=distinct(np.concatenate(seen.suppressed)),
        excluded={},
    )


def read_back(folder: Path) -> Iterator[pa.RecordBatch]:
    """The lines, those of a share in the order in which they were written.

    Raises:
        SourceError: they cannot be read.
    """
    try:
        for path in sorted(folder.glob("part-*.parquet")):
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(_BATCH_ROWS):
                    yield batch.cast(lines.SCHEMA)
    except (OSError, pa.ArrowException) as error:
        failure = type(error).__name__
    else:
        return
    raise _broken(f"what Spark prepared cannot be read back ({failure})")


def _noted(batch: pa.RecordBatch, seen: _Tally) -> pa.RecordBatch:
    """The lines without receipts; what they are is added up for each share.

    Raises:
        SourceError: a line says that a share cannot be read.
    """
    for line in batch.filter(pc.equal(batch["part"], int(Part.FAULT))).to_pylist():
        told: dict[str, Any] = json.loads(line["note"])
        raise SourceError(told["message"], details=told["details"])
    for line in batch.filter(pc.equal(batch["part"], int(Part.RECEIPT))).to_pylist():
        if line["share"] in seen.receipts:
            raise _broken("a share of what Spark prepared is there twice")
        seen.receipts[line["share"]] = Receipt(**json.loads(line["note"]))
    prepared = batch.filter(pc.less(batch["part"], int(Part.RECEIPT)))
    for share in pc.unique(prepared["share"]).to_pylist():
        mine = prepared.filter(pc.equal(prepared["share"], share))
        before = seen.found[share]
        rows = int(np.count_nonzero(mine["part"].to_numpy() == int(Part.ROW)))
        seen.found[share] = replace(
            before,
            rows=before.rows + rows,
            lines=before.lines + mine.num_rows,
            fingerprint=lines.added(before.fingerprint, lines.fingerprint(mine)),
        )
    return prepared


def _prove(order: Order, seen: _Tally) -> None:
    """See that every share is there once, whole, and prepared as it would be here.

    Raises:
        SourceError: it is not so.
    """
    if seen.receipts.keys() != set(range(len(order.shares))):
        raise _broken("shares of what Spark prepared are missing")
    here = footing(order.spec)
    for share, receipt in seen.receipts.items():
        if receipt.footing != here:
            raise SourceError(
                f"The cluster prepared the segment by {receipt.footing}, and this machine by"
                f" {here}: the same value may mean another. Install the same versions of audsync"
                " and its libraries there, or leave `engine.ship` at true. Nothing was sent.",
                details={"engine": "spark", "here": here, "there": receipt.footing},
            )
        if replace(receipt, footing="") != seen.found[share]:
            raise _broken("what Spark prepared is not what came back")


def _broken(what: str) -> SourceError:
    return SourceError(
        f"{what}. Nothing of it was used and nothing was sent; run the sync again. If it happens"
        " again, see whether the folder of `engine.folder` keeps what is written to it.",
        details={"engine": "spark"},
    )
