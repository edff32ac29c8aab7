"""A segment prepared on a cluster: the same lines that this machine would have made of it.

The client finds the files, or the table, and their columns; executors read and prepare a share each
and write lines, which are believed only once `results` has proved them.
"""

import pickle  # nosec B403

import numpy as np

from audsync.segments.contract import FileQuery, TableQuery
from audsync.segments.files import shares
from audsync.snapshots import parquet
from audsync.sync.spark import lines, tables
from audsync.sync.spark.results import Results, run_folder
from audsync.sync.spark.session import Job, connect
from audsync.sync.spark.work import Order, Rules
from audsync.sync.tables.hashes import Hashes, distinct
from audsync.sync.wanted import tally
from audsync.sync.wanted.digest import IDENTIFIERS
from audsync.sync.wanted.known import ROWS
from audsync.sync.wanted.parts import Cluster, Parts, Reading
from audsync.sync.wanted.sets import People
from audsync.sync.wanted.suppression import Listed


def prepare(reading: Reading, cluster: Cluster, listed: Listed | None) -> Parts:
    """Have the segment's files read and prepared there, and take in what they came to.

    Raises:
        SourceError: a file cannot be read, or the cluster failed; nothing of it is used.
        ConfigError: Spark's client is not installed.
        StateError: the folder for the results cannot be used.
    """
    rules = Rules(
        spec=reading.spec,
        salt=reading.salt,
        holdouts=tuple(reading.holdouts),
        pool=listed.pool if listed is not None and listed.pool.keys else None,
    )
    job = _job_of(reading.query, cluster, rules)
    with run_folder(cluster.folder or reading.work) as folder:
        out = folder / "lines"
        rows = connect(cluster).write(job, folder=out, watch=lambda: reading.advance(0))
        results = Results(out, shares=job.shares if rows is None else None, rows=rows)
        return _taken_in(reading, results, footing=rules.footing)


def _job_of(query: People, cluster: Cluster, rules: Rules) -> Job:
    if isinstance(query, TableQuery):
        return tables.job_of(cluster, query, rules)
    assert isinstance(query, FileQuery), "a cluster reads files and its own tables"
    order = Order(shares=shares(query), rules=rules)
    return Job(payload=pickle.dumps(order), shares=len(order.shares), ddl=lines.DDL)


def _taken_in(reading: Reading, results: Results, *, footing: str) -> Parts:
    identifiers, rows = reading.work / "new-identifiers.parquet", reading.work / "new-rows.parquet"
    suppressed: list[Hashes] = [np.empty(0, dtype=np.uint64)]
    sizes = tally.Sizes(memory_bytes=reading.memory_bytes // 4)
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
    results.prove(footing=footing)
    return Parts(
        identifiers=identifiers,
        rows=rows,
        row_count=sum(receipt.rows for receipt in results.receipts.values()),
        sizes=sizes,
        suppressed=distinct(np.concatenate(suppressed)),
        excluded={},
    )
