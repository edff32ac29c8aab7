"""What a DuckDB instance of its own costs a session, against one that is used again.

python -m benchmarks.instances
"""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from audsync.sync.tables import duck

_TIMES = 40


def _milliseconds(call: Callable[[], object]) -> float:
    """CPU of one call, of the best of three rounds."""
    call()
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for _ in range(_TIMES):
            call()
        rounds.append((time.process_time() - start) / _TIMES)
    return min(rounds) * 1000


def main() -> None:
    with TemporaryDirectory() as folder:

        def session() -> None:
            with duck.session(Path(folder), memory_bytes=1 << 28) as con:
                con.execute("select 1")

        def instance() -> None:
            with duckdb.connect() as con:
                con.execute("select 1")

        own, shared = _milliseconds(instance), _milliseconds(session)
    print(f"an instance of its own {own:.1f} ms, one used again {shared:.1f}: {own / shared:.0f}x")


if __name__ == "__main__":
    main()
