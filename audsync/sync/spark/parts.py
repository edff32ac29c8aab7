"""A segment prepared on a cluster: the same lines that this machine would have made of it.

The client finds the files and their columns; executors read and prepare a share each and write
lines, which are believed only once `results` has proved them.
"""

import pickle  # nosec B403
from pathlib import Path

import numpy as np

from audsync.segments.contract import FileQuery
from audsync.segments.files import shares
from audsync.snapshots import parquet
from audsync.sync import tally
from audsync.sync.digest import IDENTIFIERS
from audsync.sync.known import ROWS, Hashes, distinct
from audsync.sync.parts import Cluster, Parts, Reading
from audsync.sync.spark import lines
from audsync.sync.spark.results import Results, run_folder
from audsync.sync.spark.session import Job, connect
from audsync.sync.spark.work import Order
from audsync.sync.suppression import Listed


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
    with run_folder(cluster.folder or reading.work) as folder:
        out = folder / "lines"
        connect(cluster).write(
            Job(payload=pickle.dumps(order), shares=len(order.shares), ddl=lines.DDL),
            folder=out,
            watch=lambda: reading.advance(0),
        )
        return _taken_in(reading, order, out)


def _taken_in(reading: Reading, order: Order, folder: Path) -> Parts:
    identifiers, rows = reading.work / "new-identifiers.parquet", reading.work / "new-rows.parquet"
    suppressed: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    sizes = tally.Sizes(memory_bytes=reading.memory_bytes // 4)
    results = Results(folder, shares=len(order.shares))
    with (
        parquet.writer(identifiers, IDENTIFIERS) as values,
        parquet.writer(rows, ROWS) as states,
    ):
        for batch in results.lines():
            done = lines.identifiers_in(batch)
            values.write_batch(done)
            sizes.add(done)
            states_read = lines.rows_in(batch)
            states.write_batch(states_read)
            suppressed.append(lines.profiles_in(batch))
            reading.advance(states_read.num_rows)
    results.prove(footing=order.footing)
    return Parts(
        identifiers=identifiers,
        rows=rows,
        row_count=sum(receipt.rows for receipt in results.receipts.values()),
        sizes=sizes,
        suppressed=distinct(np.concatenate(suppressed)),
        excluded={},
    )
