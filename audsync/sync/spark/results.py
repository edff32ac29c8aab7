"""What executors wrote, taken in: believed only once it is proved to be all of it.

They write lines into a folder of one job alone. The lines count once Spark says that all are
there and the receipts that came with them agree with what was read back.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audsync.errors import SourceError, StateError
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.spark.work import Receipt

_DONE = "_SUCCESS"
_BATCH_ROWS = 100_000


@contextmanager
def run_folder(parent: Path) -> Iterator[Path]:
    """A folder that nobody has used before, and that is gone afterwards.

    Raises:
        StateError: it cannot be made.
    """
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


class Results:
    """The lines of a number of shares."""

    def __init__(self, folder: Path, *, shares: int | None = None, rows: int | None = None) -> None:
        """What there must be is told by the number of shares, or else by that of all source rows.

        Args:
            folder: where Spark wrote the lines.
            shares: they are numbered from 0.
            rows: what went into the shares.
        """
        assert (shares is None) != (rows is None), "one of them tells"
        self._folder = folder
        self._shares = shares
        self._rows = rows
        self.receipts: dict[int, Receipt] = {}
        self.settled: list[dict[str, int]] = []
        """Notes of those that worked on after the exchange."""
        self._found: dict[int, Receipt] = defaultdict(Receipt)

    def lines(self) -> Iterator[pa.RecordBatch]:
        """Every line but for receipts, as `lines.SCHEMA`. None counts before it was proved.

        Raises:
            SourceError: they are not all there, cannot be read, or say that a share failed.
        """
        if not (self._folder / _DONE).is_file():
            raise broken("Spark has not written to its end what it was asked for")
        for batch in read_back(self._folder):
            yield self._noted(batch)

    def prove(self, *, footing: str) -> None:
        """See that every share is there once, whole, and made as it would be here.

        Args:
            footing: of this machine; see `Receipt`.

        Raises:
            SourceError: it is not so.
        """
        self._prove_shares(footing)
        for share, receipt in self.receipts.items():
            if replace(receipt, footing="") != self._found[share]:
                raise broken("what Spark wrote is not what came back")

    def prove_settled(self, *, footing: str) -> None:
        """See that all that the shares sent was taken in after the exchange, and what came of it.

        Raises:
            SourceError: it is not so.
        """
        self._prove_shares(footing)
        sent, gave, taken = Receipt(), Receipt(), Receipt()
        for receipt in self.receipts.values():
            sent = _with(sent, receipt.lines, receipt.fingerprint)
        for one in self.settled:
            taken = _with(taken, one["taken_lines"], one["taken_fingerprint"])
            gave = _with(gave, one["lines"], one["fingerprint"])
        if taken != sent or gave != self._found[lines.NO_SHARE]:
            raise broken("what Spark wrote is not what came back")

    def _prove_shares(self, footing: str) -> None:
        if self._shares is not None:
            is_whole = self.receipts.keys() == set(range(self._shares))
        else:
            is_whole = sum(one.rows for one in self.receipts.values()) == self._rows
        if not is_whole:
            raise broken("shares of what Spark wrote are missing")
        for receipt in self.receipts.values():
            if receipt.footing != footing:
                raise SourceError(
                    f"The cluster worked by {receipt.footing}, and this machine by"
                    f" {footing}: the same value may mean another. Install the same versions of"
                    " audsync and its libraries there, or leave `engine.ship` at true. Nothing was"
                    " sent.",
                    details={"engine": "spark", "here": footing, "there": receipt.footing},
                )

    def _noted(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The lines without receipts; what they are is added up for each share."""
        for line in _of(batch, Part.FAULT):
            told: dict[str, Any] = json.loads(line["note"])
            raise SourceError(told["message"], details=told["details"])
        for line in _of(batch, Part.RECEIPT):
            if line["share"] in self.receipts:
                raise broken("a share of what Spark wrote is there twice")
            self.receipts[line["share"]] = Receipt(**json.loads(line["note"]))
        self.settled += [json.loads(line["note"]) for line in _of(batch, Part.SETTLED)]
        kept = batch.filter(pc.less(batch["part"], int(Part.RECEIPT)))
        for share in pc.unique(kept["share"]).to_pylist():
            mine = kept.filter(pc.equal(kept["share"], share))
            before = self._found[share]
            rows = int(np.count_nonzero(mine["part"].to_numpy() == int(Part.ROW)))
            before = replace(before, rows=before.rows + rows)
            self._found[share] = _with(before, mine.num_rows, lines.fingerprint(mine))
        return kept


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
    raise broken(f"what Spark wrote cannot be read back ({failure})")


def broken(what: str) -> SourceError:
    """The error for results that cannot be believed."""
    return SourceError(
        f"{what}. Nothing of it was used and nothing was sent; run the sync again. If it happens"
        " again, see whether the folder of `engine.folder` keeps what is written to it.",
        details={"engine": "spark"},
    )


def _with(before: Receipt, count: int, fingerprint: int) -> Receipt:
    return replace(
        before,
        lines=before.lines + count,
        fingerprint=lines.added(before.fingerprint, fingerprint),
    )


def _of(batch: pa.RecordBatch, part: Part) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = batch.filter(pc.equal(batch["part"], int(part))).to_pylist()
    return found
