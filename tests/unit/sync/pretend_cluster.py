"""What a cluster does of a job, done in this process: two partitions, and no Spark."""

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audsync.sync.spark import lines
from audsync.sync.spark.session import Job

_PARTITIONS = 2


class PretendCluster:
    """In place of a session."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def write(self, job: Job, *, folder: Path, watch: Callable[[], None]) -> None:
        """Work off the job."""
        watch()
        self.jobs.append(job)
        # Each task takes two shares, as nothing says that it has but one.
        numbers = np.array_split(np.arange(job.shares), -(-job.shares // 2))
        made = [
            list(_run(job.task, job.payload, [pa.record_batch([pa.array(some)], names=["id"])]))
            for some in numbers
        ]
        if job.then is not None:
            then = job.then
            met = (_met(chain(*made), then.by, number) for number in range(_PARTITIONS))
            made = [list(_run(then.task, then.payload, some)) for some in met]
        folder.mkdir()
        for number, batches in enumerate(made):
            table = pa.Table.from_batches(batches, schema=lines.SCHEMA)
            pq.write_table(table, folder / f"part-{number:05}.parquet")
        (folder / "_SUCCESS").touch()


def _run(task: str, payload: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    module, _, name = task.partition(".")
    work = getattr(import_module(f"audsync.sync.spark.{module}"), name)
    done: Iterator[pa.RecordBatch] = work(payload, iter(batches))
    return done


def _met(batches: Iterable[pa.RecordBatch], by: str, number: int) -> Iterator[pa.RecordBatch]:
    """The rows of one partition."""
    for batch in batches:
        its = batch[by].to_numpy().view(np.uint64) % np.uint64(_PARTITIONS) == number
        yield batch.filter(pa.array(its))
