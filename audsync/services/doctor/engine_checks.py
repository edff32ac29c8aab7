"""What `doctor` says about the clusters that prepare segments."""

import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from audsync.errors import StateError
from audsync.services.doctor.checks import Check, bad, good, guarded
from audsync.services.segments import sources
from audsync.services.wiring.runtime import Runtime

if TYPE_CHECKING:
    from audsync.sync.wanted.parts import Cluster


def engines(runtime: Runtime) -> Iterator[Check]:
    """Each cluster that an active segment is prepared on, once."""
    names: dict[Cluster, str] = {}
    for name, segment in runtime.config.segments.items():
        cluster = sources.cluster_of(runtime, segment)
        if cluster is not None and segment.active:
            key = "engine" if segment.engine is None else f"segments.{name}.engine"
            names.setdefault(cluster, key)
    for cluster, key in names.items():
        mend = (
            f"Correct `{key}`, or start the server; executors need Python"
            f" {'.'.join(platform.python_version_tuple()[:2])}, pyarrow, NumPy: see docs/spark.md."
        )
        yield from guarded(key, partial(_looked_at, key, cluster, runtime.state_root), mend=mend)


def _looked_at(key: str, cluster: "Cluster", state: Path) -> Iterator[Check]:
    from audsync.sync.spark.comparing import compare

    with _probe(state) if cluster.compares else nullcontext() as file:
        found = compare(cluster, file=file)
    here, there = found.here, found.there
    if here.python_minor != there.python_minor:
        yield bad(
            key,
            f"Python is {here.python} here and {there.python} on the executors",
            "Run the same minor version on both sides; see docs/spark.md.",
        )
    elif there.failure:
        yield bad(
            key,
            f"an executor could not prepare a row: {there.failure}",
            "Install audsync on the executors, or set `ship: true`; see docs/spark.md.",
        )
    elif (here.footing, here.row) != (there.footing, there.row):
        yield bad(
            key,
            f"an executor prepares by {there.footing}, and this machine by {here.footing}",
            "Install the same version of audsync on the executors, or set `ship: true`.",
        )
    elif here.seen != there.seen:
        yield bad(
            key,
            f"an executor cannot read the state folder {state}: {there.seen}",
            "With `compare: true` executors must see the state folder (`state.url`, or"
            " `state.cache`) under the same path, as a user who may read it; else set it to false.",
        )
    else:
        yield good(
            key,
            f"Spark {found.server}; Python {there.python} on the executors, which prepare a row"
            f" as this machine does{' and read the state folder' if cluster.compares else ''}",
        )


@contextmanager
def _probe(state: Path) -> Iterator[Path]:
    """A file in the state folder that only its owner can read, as all there; gone afterwards.

    Raises:
        StateError: it cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=state, prefix="doctor-", encoding="utf-8"
        ) as file:
            file.write(token_hex(8))
            file.flush()
            yield Path(file.name)
    except OSError as error:
        raise StateError(
            f"{state}: {error.strerror}. `audsync init` makes the state folder.",
            details={"folder": str(state)},
        ) from error
