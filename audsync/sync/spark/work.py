"""What executors do: read their share of the source, prepare it, and say what it came to.

No row leaves in plain, and no error carries one: what audsync itself raises is safe by its own
rules and travels as a line; of anything else only the kind is told.
"""

import json
import pickle  # nosec B403
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from audsync.errors import AudsyncError
from audsync.identifiers.kernel import PrepareSpec, rules_version
from audsync.segments.files import Share, read_share
from audsync.sync.agreement import has_agreed
from audsync.sync.digest import digest
from audsync.sync.holdout import Holdout
from audsync.sync.inspection import profiles
from audsync.sync.spark import lines
from audsync.sync.spark.lines import Part
from audsync.sync.suppression import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """All that executors are told."""

    shares: tuple[Share, ...] = field(repr=False)
    spec: PrepareSpec
    salt: str = field(repr=False)
    holdouts: Sequence[Holdout]
    pool: Pool | None
    """Values of lists to look for in the rows; None for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a share came to, as whoever prepared it counts it."""

    rows: int = 0
    lines: int = 0
    fingerprint: int = 0
    footing: str = ""
    """`footing` there: it must be the client's, or fingerprints and values mean another thing."""


def footing(spec: PrepareSpec) -> str:
    """Names what prepared lines depend on beside the order and the source."""
    return f"rules {rules_version(spec)}, duckdb {duckdb.__version__}"


def work_off(payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Lines of the shares whose numbers are in the first column, each with its receipt.

    Raises:
        RuntimeError: something unexpected, by its kind alone; Spark tries the share again.
    """
    order: Order = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    for batch in batches:
        for number in batch.column(0).to_pylist():
            yield from _guarded(order, number)


def _guarded(order: Order, number: int) -> Iterator[pa.RecordBatch]:
    kind = None
    try:
        yield from _share(order, number)
    except AudsyncError as error:
        told = {"code": error.code, "message": error.message, "details": dict(error.details)}
        yield lines.of_note(number, Part.FAULT, json.dumps(told, default=str))
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a value
        kind = type(error).__name__
    # Raised out here, the error does not carry the first one along.
    if kind is not None:
        raise RuntimeError(f"{kind} while share {number} was prepared")


def _share(order: Order, number: int) -> Iterator[pa.RecordBatch]:
    rows = sent = total = 0
    for batch in _prepared(order, number):
        if not batch.num_rows:
            continue
        rows += int(np.count_nonzero(batch["part"].to_numpy() == int(Part.ROW)))
        sent += batch.num_rows
        total = lines.added(total, lines.fingerprint(batch))
        yield batch
    receipt = Receipt(rows=rows, lines=sent, fingerprint=total, footing=footing(order.spec))
    yield lines.of_note(number, Part.RECEIPT, json.dumps(asdict(receipt)))


def _prepared(order: Order, number: int) -> Iterator[pa.RecordBatch]:
    with tempfile.TemporaryDirectory(prefix="audsync-share-") as spill:
        for batch in read_share(order.shares[number], spill=Path(spill)):
            done = digest(batch, order.spec, salt=order.salt, holdouts=order.holdouts)
            yield lines.of_identifiers(number, done)
            yield lines.of_rows(number, done)
            if order.pool is not None:
                is_meant = order.pool.hits(batch) & has_agreed(batch, order.spec.platform)
                meant = batch.take(pa.array(np.flatnonzero(is_meant)))
                yield lines.of_profiles(number, profiles(meant, order.salt))
