"""The first lines that run on an executor. They travel by value, so they import nothing of ours.

Libraries that were sent along lie beside the worker, where nobody looks for modules yet.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    Worker = Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def on_executor(payload: bytes, libraries: str | None, task: str) -> "Worker":
    """What does a task with the batches it is given.

    Args:
        payload: what the task is told, pickled.
        libraries: name of the folder that was sent along; None: all is installed there.
        task: a module of `audsync.sync.spark` and a function in it.
    """

    def work(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        _find(libraries)
        module, _, name = task.partition(".")
        function = getattr(import_module(f"audsync.sync.spark.{module}"), name)
        done: Iterator[pa.RecordBatch] = function(payload, batches)
        return done

    return work


def asking(payload: bytes, libraries: str | None) -> "Worker":
    """What says what it is that runs there: see `looking.look`.

    Args:
        payload: the pickled rules to look with.
        libraries: as for `on_executor`.
    """

    def ask(batches: "Iterable[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        import platform  # noqa: PLC0415 - found where it runs

        import pyarrow as pa  # noqa: PLC0415 - as above

        answer = {"python": platform.python_version(), "machine": platform.machine()}
        try:
            _find(libraries)
            from audsync.sync.spark.looking import look  # noqa: PLC0415 - as above

            answer |= look(payload)
        except Exception as error:  # noqa: BLE001 - whatever is missing there, it is told
            answer["failure"] = type(error).__name__
            answer["missing"] = getattr(error, "name", None) or ""
        for batch in batches:
            text = json.dumps(answer)
            yield pa.record_batch([pa.array([text] * batch.num_rows)], names=["answer"])

    return ask


def _find(libraries: str | None) -> None:
    """Have modules looked for in what was sent along, before anywhere else."""
    place = str(Path(libraries).absolute()) if libraries else None
    if place is not None and place not in sys.path:
        sys.path.insert(0, place)
