"""A database may have more rows than this machine has memory."""

from collections.abc import Callable
from pathlib import Path

from audsync.segments.contract import SqlQuery
from audsync.segments.reading import read

ROWS = 300_000
CELL_BYTES = 300
WARM_ROWS = 100_000
"""After so many, all that is kept for use again has been asked for."""
ALLOWED_BYTES = 32 << 20
"""Half of what the rows after that would take, and several times what a batch takes."""
QUERIES = {
    "sqlite": (
        "with recursive n(id) as (select 1 union all select id + 1 from n where id < {rows}) "
        "select id, printf('%.*c', {bytes}, 'x') || id as email from n"
    ),
    "duckdb": "select i as id, repeat('x', {bytes}) || i as email from range({rows}) r(i)",
    "postgres": (
        "select n as id, repeat('x', {bytes}) || n as email from generate_series(1, {rows}) n"
    ),
}


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_memory_does_not_grow_with_the_rows(
    load: Callable[..., str], ask_sql: Callable[..., SqlQuery]
) -> None:
    kind = load.kind.partition(" ")[0]  # type: ignore[attr-defined]
    select = QUERIES[kind].format(rows=ROWS, bytes=CELL_BYTES)
    query = ask_sql(load(), select, batch_rows=20_000)
    rows = before = most = 0
    for batch in read(query):
        rows += batch.num_rows
        most = max(most, _resident_bytes())
        if rows <= WARM_ROWS:
            before = most
    assert rows == ROWS
    assert before
    assert most - before < ALLOWED_BYTES
