"""What `doctor` has an executor do: prepare one row, open one file, and say how that went."""

import pickle  # nosec B403
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audsync.identifiers.kernel import PrepareSpec, prepare
from audsync.sync.spark.work import footing

_ROW = {"email.0": " Somebody@Example.COM ", "phone.0": "+1 415 555 2671"}
"""Nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to look with."""

    spec: PrepareSpec
    file: Path | None = None
    """A file of the state folder, to be opened; None where none need be."""


def look(payload: bytes) -> dict[str, str]:
    """The footing here; what the row of nobody came to, in hexadecimal digits; what the file holds.

    Args:
        payload: a pickled `Look`.
    """
    told: Look = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    columns = {name: pa.array([cell]) for name, cell in _ROW.items()}
    row = pa.record_batch({"profile": pa.array([1], pa.uint64()), **columns})
    done = prepare(row, told.spec).to_pydict()
    values = sorted(
        f"{kind}:{value.hex()}" for kind, value in zip(done["kind"], done["value"], strict=True)
    )
    return {
        "footing": footing(told.spec),
        "row": " ".join(values),
        "seen": _read(told.file) if told.file else "",
    }


def _read(file: Path) -> str:
    """What is in it, or why it cannot be opened."""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        return error.strerror or type(error).__name__
