"""What `doctor` has an executor do: prepare one row, and say what it did it with."""

import pickle  # nosec B403

import pyarrow as pa

from audsync.identifiers.kernel import PrepareSpec, prepare
from audsync.sync.spark.work import footing

_ROW = {"email.0": " Somebody@Example.COM ", "phone.0": "+1 415 555 2671"}
"""Nobody's."""


def look(payload: bytes) -> dict[str, str]:
    """The executor's footing, and what the row of nobody came to, in hexadecimal digits.

    Args:
        payload: a pickled `PrepareSpec`.
    """
    spec: PrepareSpec = pickle.loads(payload)  # noqa: S301 - our own, through Spark # nosec B301
    columns = {name: pa.array([cell]) for name, cell in _ROW.items()}
    row = pa.record_batch({"profile": pa.array([1], pa.uint64()), **columns})
    done = prepare(row, spec).to_pydict()
    values = sorted(
        f"{kind}:{value.hex()}" for kind, value in zip(done["kind"], done["value"], strict=True)
    )
    return {"footing": footing(spec), "row": " ".join(values)}
