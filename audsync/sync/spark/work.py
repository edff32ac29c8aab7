"""What executors do: read their share, prepare it, and say what it came to.

No row of a source leaves in plain, and no error carries one: what audsync itself raises is safe by
its own rules and travels as a line; of anything else only the kind is told.
"""

import json
import pickle  # nosec B403
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import duckdb
import numpy as np
import pyarrow as pa

from audsync.errors import AudsyncError
from audsync.identifiers.kernel import PrepareSpec, rules_version
from audsync.segments.files import Share, read_share
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.wanted.agreement import has_agreed
from audsync.sync.wanted.digest import digest
from audsync.sync.wanted.holdout import Holdout
from audsync.sync.wanted.inspection import profiles
from audsync.sync.wanted.suppression import Pool


class Work(Protocol):
    """All that executors are told: how to make the lines of shares that have numbers."""

    @property
    def footing(self) -> str:
        """What the lines depend on beside that; see `Receipt`."""
        ...

    def lines_of(self, number: int) -> Iterator[pa.RecordBatch]:
        """The lines of a share, as `lines.SCHEMA`.

        Raises:
            AudsyncError: it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How raw rows are prepared, wherever they come from."""

    spec: PrepareSpec
    salt: str = field(repr=False)
    holdouts: Sequence[Holdout]
    pool: Pool | None
    """Values of lists to look for in the rows; None for none."""

    @property
    def footing(self) -> str:
        """Names what prepared lines depend on beside these and the rows."""
        return footing(self.spec)

    def lines_of(self, number: int, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Values, rows, and who is on a list, of rows as `segments.reading` has them."""
        done = digest(batch, self.spec, salt=self.salt, holdouts=self.holdouts)
        yield lines.of_identifiers(number, done)
        yield lines.of_rows(number, done)
        if self.pool is not None:
            is_meant = self.pool.hits(batch) & has_agreed(batch, self.spec.platform)
            meant = batch.take(pa.array(np.flatnonzero(is_meant)))
            yield lines.of_profiles(number, profiles(meant, self.salt))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """To prepare files: a file, or some rows of it, is a share."""

    shares: tuple[Share, ...] = field(repr=False)
    rules: Rules

    @property
    def footing(self) -> str:
        """Rules and versions."""
        return self.rules.footing

    def lines_of(self, number: int) -> Iterator[pa.RecordBatch]:
        """Its rows, prepared."""
        with tempfile.TemporaryDirectory(prefix="audsync-share-") as spill:
            for batch in read_share(self.shares[number], spill=Path(spill)):
                yield from self.rules.lines_of(number, batch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a share came to, as whoever prepared it counts it."""

    rows: int = 0
    lines: int = 0
    fingerprint: int = 0
    footing: str = ""
    """That of the work there: it must be the client's, or values mean another thing."""


def footing(spec: PrepareSpec) -> str:
    """Names what prepared lines depend on beside the order and the source."""
    return f"rules {rules_version(spec)}, duckdb {duckdb.__version__}"


def work_off(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Lines of the shares whose numbers are in the first column, each with its receipt.

    Raises:
        RuntimeError: something unexpected, by its kind alone; Spark tries the share again.
    """
    work: Work = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    for number in numbers_in(batches):
        yield from guarded(
            share(work, number),
            fault=partial(lines.of_note, number, Part.FAULT),
            what=f"share {number} was worked on",
        )


def numbers_in(batches: Iterable[pa.RecordBatch]) -> Iterator[int]:
    """The numbers in the first column."""
    for batch in batches:
        yield from batch.column(0).to_pylist()


def guarded(
    made: Iterator[pa.RecordBatch], *, fault: Callable[[str], pa.RecordBatch], what: str
) -> Iterator[pa.RecordBatch]:
    """What is `made`; where that fails, a line that says why, without any value.

    Raises:
        RuntimeError: something unexpected, by its kind alone, while `what`.
    """
    kind = None
    try:
        yield from made
    except AudsyncError as error:
        told = {"code": error.code, "message": error.message, "details": dict(error.details)}
        yield fault(json.dumps(told, default=str))
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a value
        kind = type(error).__name__
    # Raised out here, the error does not carry the first one along.
    if kind is not None:
        raise RuntimeError(f"{kind} while {what}")


def share(work: Work, number: int) -> Iterator[pa.RecordBatch]:
    """The lines of a share, and its receipt."""
    rows = sent = total = 0
    for batch in work.lines_of(number):
        if not batch.num_rows:
            continue
        rows += int(np.count_nonzero(batch["part"].to_numpy() == int(Part.ROW)))
        sent += batch.num_rows
        total = lines.added(total, lines.fingerprint(batch))
        yield batch
    receipt = Receipt(rows=rows, lines=sent, fingerprint=total, footing=work.footing)
    yield lines.of_note(number, Part.RECEIPT, json.dumps(asdict(receipt)))
